package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// numberPattern is narrower than strconv, which also takes hexadecimal, "inf" and "nan".
var numberPattern = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// frame is a data frame in the labels_column layout: labels, time, then one nullable number column per field.
type frame struct {
	name   string
	labels []string
	times  []int64
	fields []string
	values map[string][]*float64
}

type point struct {
	measurement string
	labels      string
	timeNs      int64
	keys        []string
	values      map[string]float64
}

// parseFrames reads a whole body or nothing; frames come in the order their measurements appear.
func parseFrames(body string, nowNs int64) ([]*frame, error) {
	var frames []*frame
	for i, line := range strings.Split(body, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		p, err := parseLine(line, nowNs)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		at := slices.IndexFunc(frames, func(f *frame) bool { return f.name == p.measurement })
		if at < 0 {
			at = len(frames)
			frames = append(frames, &frame{name: p.measurement, values: map[string][]*float64{}})
		}
		frames[at].add(p)
	}
	return frames, nil
}

// parseLine reads `measurement[,tag=v...] field=number[,field=number...] [nanoseconds]`: no escapes, strings or
// booleans, which the kit does not need here.
func parseLine(line string, nowNs int64) (point, error) {
	parts := strings.Split(line, " ")
	if len(parts) != 2 && len(parts) != 3 {
		return point{}, fmt.Errorf("expected name, fields and an optional time, got %q", line)
	}
	name, tags, _ := strings.Cut(parts[0], ",")
	if name == "" {
		return point{}, fmt.Errorf("no measurement in %q", line)
	}
	labels, err := parseTags(tags)
	if err != nil {
		return point{}, err
	}
	p := point{measurement: name, labels: labels, timeNs: nowNs, values: map[string]float64{}}
	for _, pair := range strings.Split(parts[1], ",") {
		if err := p.addField(pair); err != nil {
			return point{}, err
		}
	}
	slices.Sort(p.keys)
	if len(parts) == 3 {
		p.timeNs, err = strconv.ParseInt(parts[2], 10, 64)
	}
	return p, err
}

func parseTags(tags string) (string, error) {
	if tags == "" {
		return "", nil
	}
	pairs := strings.Split(tags, ",")
	for _, pair := range pairs {
		if key, value, _ := strings.Cut(pair, "="); key == "" || value == "" {
			return "", fmt.Errorf("bad tag %q", pair)
		}
	}
	slices.SortFunc(pairs, func(a, b string) int {
		keyA, _, _ := strings.Cut(a, "=")
		keyB, _, _ := strings.Cut(b, "=")
		return strings.Compare(keyA, keyB)
	})
	return strings.Join(pairs, ", "), nil
}

func (p *point) addField(pair string) error {
	key, text, _ := strings.Cut(pair, "=")
	number, isInt := strings.CutSuffix(text, "i")
	if key == "" || !numberPattern.MatchString(number) {
		return fmt.Errorf("bad field %q", pair)
	}
	value, err := strconv.ParseFloat(number, 64)
	if isInt {
		_, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil {
		return err
	}
	if _, again := p.values[key]; !again {
		p.keys = append(p.keys, key)
	}
	p.values[key] = value
	return nil
}

// add appends a row; columns new or absent in it are padded with null.
func (f *frame) add(p point) {
	rows := len(f.times)
	for _, key := range p.keys {
		if _, known := f.values[key]; !known {
			f.fields = append(f.fields, key)
			f.values[key] = make([]*float64, rows)
		}
	}
	f.labels = append(f.labels, p.labels)
	f.times = append(f.times, p.timeNs)
	for _, key := range f.fields {
		var cell *float64
		if value, ok := p.values[key]; ok {
			cell = &value
		}
		f.values[key] = append(f.values[key], cell)
	}
}

type typeInfo struct {
	Frame    string `json:"frame"`
	Nullable bool   `json:"nullable,omitempty"`
}

type fieldSchema struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	TypeInfo typeInfo `json:"typeInfo"`
}

type frameSchema struct {
	Name   string        `json:"name"`
	Fields []fieldSchema `json:"fields"`
}

type frameData struct {
	Values []any `json:"values"`
	Nanos  []any `json:"nanos,omitempty"`
}

func (f *frame) encode() frameJSON {
	schema := frameSchema{Name: f.name, Fields: []fieldSchema{
		{Name: "labels", Type: "string", TypeInfo: typeInfo{Frame: "string"}},
		{Name: "time", Type: "time", TypeInfo: typeInfo{Frame: "time.Time"}},
	}}
	millis, nanos := splitTimes(f.times)
	data := frameData{Values: []any{f.labels, millis}}
	for _, key := range f.fields {
		number := fieldSchema{Name: key, Type: "number", TypeInfo: typeInfo{Frame: "float64", Nullable: true}}
		schema.Fields = append(schema.Fields, number)
		data.Values = append(data.Values, f.values[key])
	}
	if slices.Max(nanos) > 0 {
		data.Nanos = make([]any, len(schema.Fields))
		data.Nanos[1] = nanos
	}
	schemaJSON, _ := json.Marshal(schema)
	dataJSON, _ := json.Marshal(data)
	return frameJSON{Schema: schemaJSON, Data: dataJSON}
}

// splitTimes gives floored milliseconds and the nanoseconds left over.
func splitTimes(timesNs []int64) (millis, nanos []int64) {
	for _, ns := range timesNs {
		ms := time.Unix(0, ns).UnixMilli()
		millis = append(millis, ms)
		nanos = append(nanos, ns-ms*int64(time.Millisecond))
	}
	return millis, nanos
}
