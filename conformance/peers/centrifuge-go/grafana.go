package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
)

const (
	clientConcurrency = 12
	maxDelay          = 20 * time.Millisecond
)

// delays draws how long a handler takes, so that replies of one connection really overtake one another.
type delays struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newDelays(seed uint64) *delays {
	return &delays{source: rand.New(rand.NewPCG(seed, 0))}
}

func (d *delays) next() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.source.Int64N(int64(maxDelay) + 1))
}

// rules are what the two Grafana-like settings differ in.
type rules struct {
	mayPublish  func(address) error
	initialData func(address) []byte
}

func setUpGrafana(node *centrifuge.Node, mux *http.ServeMux, seed uint64) {
	installGrafana(node, seed, rules{
		mayPublish:  mayPublish,
		initialData: func(address) []byte { return nil },
	})
	mux.HandleFunc("POST /api/live/publish", handlePublish(func(channel string, data []byte) error {
		a, err := parseAddress(channel)
		if err != nil {
			return err
		}
		if err := mayPublish(a); err != nil {
			return err
		}
		return publishToOurs(node, channel, data)
	}))
}

// publishToOurs reaches subscribers under either spelling of the organisation.
func publishToOurs(node *centrifuge.Node, channel string, data []byte) error {
	var failures []error
	for _, prefix := range ourPrefixes {
		_, err := node.Publish(prefix+channel, data)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// installGrafana sets the three handlers Grafana sets, and no other: their absence is observable.
func installGrafana(node *centrifuge.Node, seed uint64, r rules) {
	d := newDelays(seed)
	node.OnConnect(func(client *centrifuge.Client) {
		slots := make(chan struct{}, clientConcurrency)
		// later takes a slot on the read loop, as Grafana does: the 13th command stops the reading.
		later := func(answer func()) {
			delay := d.next()
			select {
			case slots <- struct{}{}:
			case <-client.Context().Done():
				return
			}
			go func() {
				defer func() { <-slots }()
				time.Sleep(delay)
				answer()
			}()
		}
		client.OnSubscribe(func(e centrifuge.SubscribeEvent, cb centrifuge.SubscribeCallback) {
			later(func() { cb(r.subscribe(e.Channel)) })
		})
		client.OnPublish(func(e centrifuge.PublishEvent, cb centrifuge.PublishCallback) {
			later(func() { cb(centrifuge.PublishReply{}, r.publish(e.Channel)) })
		})
		client.OnRPC(func(e centrifuge.RPCEvent, cb centrifuge.RPCCallback) {
			later(func() { cb(centrifuge.RPCReply{}, refuseRPC(e.Method)) })
		})
	})
}

func (r rules) subscribe(channel string) (centrifuge.SubscribeReply, error) {
	a, err := parsePrefixed(channel)
	if err == nil {
		err = maySubscribe(a)
	}
	if err != nil {
		return centrifuge.SubscribeReply{}, err
	}
	dashboard := a.scope == "grafana"
	return centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{
		EmitPresence:  a.scope != "stream",
		EmitJoinLeave: dashboard,
		PushJoinLeave: dashboard,
		Data:          r.initialData(a),
	}}, nil
}

func (r rules) publish(channel string) error {
	a, err := parsePrefixed(channel)
	if err != nil {
		return err
	}
	return r.mayPublish(a)
}

func refuseRPC(method string) error {
	if method == "grafana.query" {
		return centrifuge.ErrorNotAvailable
	}
	return centrifuge.ErrorMethodNotFound
}
