package main

import (
	"encoding/json"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// written is a frame as the SDK writes it: the bytes of the whole message, in base64.
type written struct {
	Frame []byte `json:"frame"`
}

// rewrite reads a frame with the SDK and writes it again.
func rewrite(asked request) (any, error) {
	frame := &data.Frame{}
	if err := json.Unmarshal(asked.Frame, frame); err != nil {
		return nil, err
	}
	text, err := data.FrameToJSON(frame, data.IncludeAll)
	return written{text}, err
}
