package main

import (
	"context"
	"time"

	"github.com/centrifugal/centrifuge"
)

const feedChannel = "feed"

// setUpFeed subscribes every client by its connect reply to a channel that never rests, so that publications also come
// before that reply.
func setUpFeed(node *centrifuge.Node, interval time.Duration) {
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Subscriptions: map[string]centrifuge.SubscribeOptions{feedChannel: {}},
		}, nil
	})
	go func() {
		for range time.Tick(interval) {
			_, _ = node.Publish(feedChannel, []byte("{}"))
		}
	}()
}
