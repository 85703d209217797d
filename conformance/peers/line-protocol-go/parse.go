package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	protocol "github.com/influxdata/line-protocol"
)

// point is one metric: bytes in base64, integers as text, floats in hexadecimal, so that nothing is lost on the way.
type point struct {
	Name   []byte      `json:"name"`
	Tags   [][2][]byte `json:"tags"`
	Fields [][3]any    `json:"fields"`
	TimeNs string      `json:"time_ns"`
}

type parsed struct {
	Points []point `json:"points"`
}

func metrics(body []byte, nowNs int64, precision time.Duration) ([]protocol.Metric, error) {
	handler := protocol.NewMetricHandler()
	handler.SetTimePrecision(max(precision, time.Nanosecond))
	parser := protocol.NewParser(handler)
	parser.SetTimeFunc(func() time.Time { return time.Unix(0, nowNs) })
	return parser.Parse(body)
}

func parse(asked request) (any, error) {
	read, err := metrics(asked.Body, asked.NowNs, asked.Precision)
	if err != nil {
		return nil, err
	}
	points := make([]point, len(read))
	for i, metric := range read {
		points[i] = exact(metric)
	}
	return parsed{points}, nil
}

func exact(metric protocol.Metric) point {
	result := point{
		Name:   []byte(metric.Name()),
		Tags:   [][2][]byte{},
		Fields: [][3]any{},
		TimeNs: strconv.FormatInt(metric.Time().UnixNano(), 10),
	}
	for _, tag := range metric.TagList() {
		result.Tags = append(result.Tags, [2][]byte{[]byte(tag.Key), []byte(tag.Value)})
	}
	for _, field := range metric.FieldList() {
		kind, value := exactValue(field.Value)
		result.Fields = append(result.Fields, [3]any{[]byte(field.Key), kind, value})
	}
	return result
}

func exactValue(value any) (kind string, text any) {
	switch value := value.(type) {
	case int64:
		return "int", strconv.FormatInt(value, 10)
	case uint64:
		return "uint", strconv.FormatUint(value, 10)
	case float64:
		return "float", strconv.FormatFloat(value, 'x', -1, 64)
	case bool:
		return "bool", value
	case string:
		return "string", []byte(value)
	}
	panic(fmt.Sprintf("a field value of type %T", value))
}

func refused(err error) refusal {
	var where *protocol.ParseError
	if errors.As(err, &where) {
		return refusal{Error: err.Error(), Line: where.LineNumber, Column: where.Column}
	}
	return refusal{Error: err.Error()}
}
