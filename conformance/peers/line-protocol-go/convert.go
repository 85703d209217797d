package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	protocol "github.com/influxdata/line-protocol"
)

// table is one measurement of a body in the labels_column layout: a row a line, a column a field key.
type table struct {
	name    string
	labels  []string
	times   []time.Time
	order   []string
	columns map[string]*data.Field
}

type converted struct {
	Frames [][]byte `json:"frames"`
}

// convert answers with the frames of a body as the SDK writes them, in the order their measurements appear.
func convert(asked request) (any, error) {
	frames, err := framesOf(asked.Body, asked.NowNs)
	return converted{frames}, err
}

func framesOf(body []byte, nowNs int64) ([][]byte, error) {
	read, err := metrics(body, nowNs, time.Nanosecond)
	if err != nil {
		return nil, err
	}
	texts := [][]byte{}
	for _, table := range tablesOf(read) {
		text, err := data.FrameToJSON(table.frame(), data.IncludeAll)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func tablesOf(read []protocol.Metric) []*table {
	var tables []*table
	byName := map[string]*table{}
	for _, metric := range read {
		found, known := byName[metric.Name()]
		if !known {
			found = &table{name: metric.Name(), columns: map[string]*data.Field{}}
			byName[metric.Name()] = found
			tables = append(tables, found)
		}
		found.add(metric)
	}
	return tables
}

// add appends a row; a column the row lacks gets a null when the next value or the end of the table comes.
func (t *table) add(metric protocol.Metric) {
	row := len(t.times)
	t.labels = append(t.labels, labelText(metric.TagList()))
	t.times = append(t.times, metric.Time())
	fields := metric.FieldList()
	slices.SortFunc(fields, func(a, b *protocol.Field) int { return cmp.Compare(a.Key, b.Key) })
	for _, field := range fields {
		column, known := t.columns[field.Key]
		if !known {
			column = data.NewFieldFromFieldType(columnType(field.Value), 0)
			column.Name = field.Key
			t.columns[field.Key] = column
			t.order = append(t.order, field.Key)
		}
		column.Extend(row - column.Len())
		column.Append(cell(column.Type(), field.Value))
	}
}

func (t *table) frame() *data.Frame {
	frame := data.NewFrame(t.name, data.NewField("labels", nil, t.labels), data.NewField("time", nil, t.times))
	for _, key := range t.order {
		column := t.columns[key]
		column.Extend(len(t.times) - column.Len())
		frame.Fields = append(frame.Fields, column)
	}
	return frame
}

func labelText(tags []*protocol.Tag) string {
	var text strings.Builder
	for i, tag := range tags {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(tag.Key + "=" + tag.Value)
	}
	return text.String()
}

// columnType is what the first value of a column makes it: numbers of every kind and the text "NaN" are float64.
func columnType(value any) data.FieldType {
	switch value := value.(type) {
	case bool:
		return data.FieldTypeNullableBool
	case string:
		if value != "NaN" {
			return data.FieldTypeNullableString
		}
	}
	return data.FieldTypeNullableFloat64
}

// cell fits a value into a column: what does not fit is text in a column of text and null elsewhere. Unsigned
// integers and the text "NaN" have no number.
func cell(column data.FieldType, value any) any {
	switch column {
	case data.FieldTypeNullableString:
		return textCell(value)
	case data.FieldTypeNullableBool:
		if flag, fits := value.(bool); fits {
			return &flag
		}
		return (*bool)(nil)
	}
	return numberCell(value)
}

func textCell(value any) *string {
	if value == "NaN" {
		return nil
	}
	text := fmt.Sprint(value)
	return &text
}

func numberCell(value any) *float64 {
	switch value := value.(type) {
	case float64:
		return &value
	case int64:
		number := float64(value)
		return &number
	}
	return nil
}
