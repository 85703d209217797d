package main

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/centrifugal/centrifuge"
)

var (
	// A-z is Grafana's own range, the six signs between Z and a included.
	channelPattern = regexp.MustCompile(`^([A-z0-9_\-.]+)/([A-z0-9_\-.]+)/([A-z0-9_\-/=.]+)$`)
	prefixPattern  = regexp.MustCompile(`^([1-9][0-9]*|default|org-([2-9]|[1-9][0-9]+)|stacks-[1-9][0-9]*)$`)

	errInvalidChannel = &centrifuge.Error{Code: http.StatusBadRequest, Message: "invalid channel ID"}
	errBadPrefix      = errors.New("prefix names no organisation")
	errUnknownScope   = errors.New("unknown scope or feature")
	errNotAnEdit      = errors.New("dashboard channels take editing events only")
)

const maxChannelBytes = 160

// ourPrefixes are the two names of the one organisation served here.
var ourPrefixes = [...]string{"1/", "default/"}

type address struct{ scope, namespace, path string }

// parsePrefixed reads prefix/scope/namespace/path in the order Grafana does: prefix, organisation, grammar.
func parsePrefixed(channel string) (address, error) {
	prefix, rest, found := strings.Cut(channel, "/")
	switch {
	case !found || !prefixPattern.MatchString(prefix):
		return address{}, errBadPrefix
	case prefix != "1" && prefix != "default":
		return address{}, centrifuge.ErrorPermissionDenied
	}
	return parseAddress(rest)
}

func parseAddress(channel string) (address, error) {
	parts := channelPattern.FindStringSubmatch(channel)
	if parts == nil || len(channel) > maxChannelBytes {
		return address{}, errInvalidChannel
	}
	return address{scope: parts[1], namespace: parts[2], path: parts[3]}, nil
}

func status(code int) *centrifuge.Error {
	return &centrifuge.Error{Code: uint32(code), Message: http.StatusText(code)}
}

// lookUp answers whether the scope has a handler at all.
func (a address) lookUp() error {
	switch a.scope {
	case "stream", "plugin", "ds":
		return nil
	case "grafana":
		if a.namespace == "dashboard" {
			return nil
		}
	}
	return errUnknownScope
}

// verdict is what the handler behind the address says to any subscription, and to a publication it would take.
func (a address) verdict() error {
	switch {
	case a.scope == "grafana" && !strings.HasPrefix(a.path, "uid/"):
		return status(http.StatusNotFound)
	case strings.HasPrefix(a.path, "missing"):
		return status(http.StatusNotFound)
	case strings.HasPrefix(a.path, "forbidden"):
		return status(http.StatusForbidden)
	case strings.HasPrefix(a.path, "broken"):
		return status(http.StatusInternalServerError)
	}
	return nil
}

func maySubscribe(a address) error {
	if err := a.lookUp(); err != nil {
		return err
	}
	return a.verdict()
}

func mayPublish(a address) error {
	if err := a.lookUp(); err != nil {
		return err
	}
	switch a.scope {
	case "stream":
		return status(http.StatusForbidden)
	case "grafana":
		return errNotAnEdit
	}
	return a.verdict()
}

// mayPublishNothing is the stock rule: known scopes refuse every client.
func mayPublishNothing(a address) error {
	if err := a.lookUp(); err != nil {
		return err
	}
	return status(http.StatusForbidden)
}
