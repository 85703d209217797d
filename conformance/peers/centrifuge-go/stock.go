package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
)

// managedStreams keeps the last frame of every stream channel, as JSON.
type managedStreams struct {
	mu   sync.Mutex
	last map[string]frameJSON
}

type frameJSON struct {
	Schema json.RawMessage `json:"schema,omitempty"`
	Data   json.RawMessage `json:"data"`
}

func setUpStock(node *centrifuge.Node, mux *http.ServeMux, seed uint64) {
	streams := &managedStreams{last: map[string]frameJSON{}}
	installGrafana(node, seed, rules{mayPublish: mayPublishNothing, initialData: streams.initialData})
	mux.HandleFunc("POST /api/live/push/{streamId}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = streams.push(node, r.PathValue("streamId"), string(body))
		}
		if err != nil {
			writeMessage(w, http.StatusInternalServerError, err.Error())
		}
	})
}

// initialData is the whole last frame, without which a late subscriber could not read data-only messages.
func (s *managedStreams) initialData(a address) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.last[a.scope+"/"+a.namespace+"/"+a.path]
	if !ok {
		return nil
	}
	whole, _ := json.Marshal(last)
	return whole
}

func (s *managedStreams) push(node *centrifuge.Node, streamID, body string) error {
	frames, err := parseFrames(body, time.Now().UnixNano())
	if err != nil {
		return err
	}
	// One push at a time: a schema must not be overtaken by data that relies on it.
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		channel := "stream/" + streamID + "/" + f.name
		whole := f.encode()
		message := whole
		if bytes.Equal(s.last[channel].Schema, whole.Schema) {
			message.Schema = nil
		}
		s.last[channel] = whole
		encoded, _ := json.Marshal(message)
		if err := publishToOurs(node, channel, encoded); err != nil {
			return err
		}
	}
	return nil
}
