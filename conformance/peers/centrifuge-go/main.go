// Command centrifuge-go is a real peer for the conformance kit: the Go library that Grafana Live is built on, with
// a few handlers around it. See README.md for the settings.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
)

// shutdownGrace bounds the wait for clients to answer the 3001 close frame; without it one mute client would hold
// the process for the library's five seconds.
const shutdownGrace = time.Second

type options struct {
	setting          string
	port             int
	ping             time.Duration
	pong             time.Duration
	stale            time.Duration
	messageSizeLimit int
	channelLimit     int
	seed             uint64
	grafanaVersion   string
	feed             time.Duration
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.setting, "setting", "grafana", "grafana, open or stock")
	flag.IntVar(&o.port, "port", 0, "loopback port, 0 for a free one")
	flag.DurationVar(&o.ping, "ping", 25*time.Second, "ping interval")
	flag.DurationVar(&o.pong, "pong", 10*time.Second, "pong timeout, below the ping interval")
	flag.DurationVar(&o.stale, "stale", 15*time.Second, "time allowed before the connect command")
	flag.IntVar(&o.messageSizeLimit, "message-size-limit", 65536, "bytes of one client message")
	flag.IntVar(&o.channelLimit, "channel-limit", 128, "client-side channels per connection")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the handler delays")
	flag.StringVar(&o.grafanaVersion, "grafana-version", "", "version told by /api/health, empty for none")
	flag.DurationVar(&o.feed, "feed", 0, "publish this often on a channel that every client is subscribed to, 0 for none")
	flag.Parse()
	return o
}

func main() {
	log.SetFlags(0)
	if err := run(parseOptions()); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	node, err := centrifuge.New(centrifuge.Config{
		ClientStaleCloseDelay: o.stale,
		ClientChannelLimit:    o.channelLimit,
		ClientQueueMaxSize:    4 << 20,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	switch o.setting {
	case "grafana":
		setUpGrafana(node, mux, o.seed)
	case "stock":
		setUpStock(node, mux, o.seed)
	case "open":
		setUpOpen(node, mux)
	default:
		return fmt.Errorf("unknown --setting %q: expected grafana, open or stock", o.setting)
	}
	if o.feed > 0 {
		setUpFeed(node, o.feed)
	}
	if err := node.Run(); err != nil {
		return err
	}
	serveSockets(node, mux, o)
	if o.grafanaVersion != "" {
		mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, map[string]string{"version": o.grafanaVersion})
		})
	}
	return serve(node, mux, o.port)
}

// serveSockets mounts the WebSocket. Like Grafana, it takes the user from the HTTP request, never from the connect
// command.
func serveSockets(node *centrifuge.Node, mux *http.ServeMux, o options) {
	sockets := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize:   1024,
		WriteBufferSize:  1024,
		MessageSizeLimit: o.messageSizeLimit,
		PingPongConfig:   centrifuge.PingPongConfig{PingInterval: o.ping, PongTimeout: o.pong},
	})
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-No-Credentials") != "1" {
			user := &centrifuge.Credentials{UserID: "1"}
			r = r.WithContext(centrifuge.SetCredentials(r.Context(), user))
		}
		sockets.ServeHTTP(w, r)
	}
	mux.HandleFunc("/api/live/ws", handler)
	mux.HandleFunc("/connection/websocket", handler)
}

// serve returns nil once a signal ended the server.
func serve(node *centrifuge.Node, handler http.Handler, port int) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	fmt.Printf("listening %s\n", listener.Addr())

	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}

	// New upgrades stop first, so that every connection there is gets its 3001.
	_ = listener.Close()
	ctx, done := context.WithTimeout(context.Background(), shutdownGrace)
	defer done()
	if err := node.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
