package main

import (
	"runtime"
	"time"
)

type measured struct {
	Seconds  float64 `json:"seconds"`
	BytesOut int     `json:"bytes_out"`
}

// bench turns every body into frame JSON, Rounds times, on one core, and answers with the time that took and the size
// of one round's JSON. The collector shares the core, as it does in a server that is busy on all of them.
func bench(asked request) (any, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var result measured
	start := time.Now()
	for range asked.Rounds {
		result.BytesOut = 0
		for _, body := range asked.Bodies {
			frames, err := framesOf(body, asked.NowNs)
			if err != nil {
				return nil, err
			}
			for _, frame := range frames {
				result.BytesOut += len(frame)
			}
		}
	}
	result.Seconds = time.Since(start).Seconds()
	return result, nil
}
