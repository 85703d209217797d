// Command line-protocol-go answers, over a pipe, what the modules Grafana itself uses make of line protocol and of
// frame JSON. One JSON request a line on stdin, one JSON answer a line on stdout, until stdin ends.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

type request struct {
	Op        string        `json:"op"`
	Body      []byte        `json:"body"`
	Bodies    [][]byte      `json:"bodies"`
	Frame     []byte        `json:"frame"`
	NowNs     int64         `json:"now_ns,string"`
	Precision time.Duration `json:"precision_ns"`
	Rounds    int           `json:"rounds"`
}

type refusal struct {
	Error  string `json:"error"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Panic  bool   `json:"panic,omitempty"`
}

var operations = map[string]func(request) (any, error){
	"parse":   parse,
	"convert": convert,
	"frame":   rewrite,
	"bench":   bench,
}

func main() {
	in, out := bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err == nil {
			err = json.NewEncoder(out).Encode(answer(line))
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// answer never fails: an error, and a panic of the modules, are answers too.
func answer(line []byte) (result any) {
	defer func() {
		if reason := recover(); reason != nil {
			result = refusal{Error: fmt.Sprint(reason), Panic: true}
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return refusal{Error: err.Error()}
	}
	operation, known := operations[asked.Op]
	if !known {
		return refusal{Error: fmt.Sprintf("unknown op %q", asked.Op)}
	}
	result, err := operation(asked)
	if err != nil {
		return refused(err)
	}
	return result
}
