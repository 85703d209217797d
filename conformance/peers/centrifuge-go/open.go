package main

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
)

const (
	slowRPC     = 100 * time.Millisecond
	historySize = 100
	historyTTL  = 10 * time.Minute
)

var errApplication = &centrifuge.Error{Code: 1001, Message: "application"}

// setUpOpen installs every handler, all of them synchronous; only the beginning of a channel's name changes what
// happens in it.
func setUpOpen(node *centrifuge.Node, mux *http.ServeMux) {
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(e centrifuge.SubscribeEvent, cb centrifuge.SubscribeCallback) {
			cb(openSubscribe(e.Channel), openRefusal(e.Channel))
		})
		client.OnPublish(func(e centrifuge.PublishEvent, cb centrifuge.PublishCallback) {
			err := openRefusal(e.Channel)
			cb(centrifuge.PublishReply{Options: openPublish(e.Channel, e.ClientInfo)}, err)
		})
		client.OnRPC(func(e centrifuge.RPCEvent, cb centrifuge.RPCCallback) { cb(openRPC(e)) })
		client.OnMessage(func(e centrifuge.MessageEvent) { _ = client.Send(e.Data) })
		// An empty reply without a result lets the library ask its own broker and presence manager.
		client.OnPresence(func(_ centrifuge.PresenceEvent, cb centrifuge.PresenceCallback) {
			cb(centrifuge.PresenceReply{}, nil)
		})
		client.OnPresenceStats(func(_ centrifuge.PresenceStatsEvent, cb centrifuge.PresenceStatsCallback) {
			cb(centrifuge.PresenceStatsReply{}, nil)
		})
		client.OnHistory(func(_ centrifuge.HistoryEvent, cb centrifuge.HistoryCallback) {
			cb(centrifuge.HistoryReply{}, nil)
		})
		// Nothing here expires, so the library refuses both commands before it calls these.
		client.OnRefresh(func(_ centrifuge.RefreshEvent, cb centrifuge.RefreshCallback) {
			cb(centrifuge.RefreshReply{}, nil)
		})
		client.OnSubRefresh(func(_ centrifuge.SubRefreshEvent, cb centrifuge.SubRefreshCallback) {
			cb(centrifuge.SubRefreshReply{}, nil)
		})
	})
	mux.HandleFunc("POST /api/live/publish", handlePublish(func(channel string, data []byte) error {
		o := openPublish(channel, nil)
		_, err := node.Publish(channel, data, centrifuge.WithHistory(o.HistorySize, o.HistoryTTL))
		return err
	}))
}

func openRefusal(channel string) error {
	switch {
	case strings.HasPrefix(channel, "denied"):
		return centrifuge.ErrorPermissionDenied
	case strings.HasPrefix(channel, "tmp"):
		return centrifuge.ErrorTooManyRequests
	}
	return nil
}

func openSubscribe(channel string) centrifuge.SubscribeReply {
	present := strings.HasPrefix(channel, "pres")
	return centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{
		EmitPresence:   present,
		EmitJoinLeave:  present,
		PushJoinLeave:  present,
		EnableRecovery: strings.HasPrefix(channel, "rec"),
	}}
}

func openPublish(channel string, info *centrifuge.ClientInfo) centrifuge.PublishOptions {
	o := centrifuge.PublishOptions{ClientInfo: info}
	if strings.HasPrefix(channel, "rec") {
		o.HistorySize, o.HistoryTTL = historySize, historyTTL
	}
	return o
}

func openRPC(e centrifuge.RPCEvent) (centrifuge.RPCReply, error) {
	switch e.Method {
	case "slow":
		time.Sleep(slowRPC)
	case "fail":
		return centrifuge.RPCReply{}, errors.New("failed")
	case "app":
		return centrifuge.RPCReply{}, errApplication
	}
	return centrifuge.RPCReply{Data: e.Data}, nil
}
