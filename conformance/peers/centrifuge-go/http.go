package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/centrifugal/centrifuge"
)

const maxBody = 8 << 20

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func writeMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message})
}

// writeRefusal turns the error of a channel rule into the HTTP answer Grafana gives for it.
func writeRefusal(w http.ResponseWriter, err error) {
	var refusal *centrifuge.Error
	if errors.As(err, &refusal) && refusal.Code >= 400 && refusal.Code < 600 {
		writeMessage(w, int(refusal.Code), refusal.Message)
		return
	}
	writeMessage(w, http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
}

// handlePublish serves POST /api/live/publish; publish receives the channel as it was posted.
func handlePublish(publish func(channel string, data []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Channel string          `json:"channel"`
			Data    json.RawMessage `json:"data"`
		}
		isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body)
		if !isJSON || (err != nil && !errors.Is(err, io.EOF)) {
			writeMessage(w, http.StatusBadRequest, "bad request data")
			return
		}
		if body.Channel == "" {
			writeRefusal(w, errInvalidChannel)
			return
		}
		// The library would pass empty data on and close every JSON subscriber of the channel with 3506.
		if len(body.Data) == 0 {
			writeMessage(w, http.StatusBadRequest, "bad request data")
			return
		}
		if err := publish(body.Channel, body.Data); err != nil {
			writeRefusal(w, err)
			return
		}
		writeJSON(w, http.StatusOK, struct{}{})
	}
}
