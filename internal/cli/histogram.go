package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ohce/ohce/measure"
)

// eighths are the characters that fill one to eight eighths of a column.
var eighths = []rune("▏▎▍▌▋▊▉█")

// drawHistogram draws a line for each bucket: its lower limit, a bar and its count. No line is longer
// than width columns, and the longest bar uses the full width. A bucket that is not empty has at
// least an eighth of a column.
func drawHistogram(buckets []measure.Bucket, width int) []string {
	most, labelWidth, countWidth := 0, 0, 0
	for _, b := range buckets {
		most = max(most, b.Count)
		labelWidth = max(labelWidth, len(inMillis(b.From)))
		countWidth = max(countWidth, len(fmt.Sprint(b.Count)))
	}
	room := width - len("from ") - labelWidth - countWidth - len("  ")
	var lines []string
	for _, b := range buckets {
		line := fmt.Sprintf("from %*s %*d %s", labelWidth, inMillis(b.From), countWidth, b.Count,
			drawBar(b.Count, most, room))
		lines = append(lines, cut(strings.TrimRight(line, " "), width))
	}
	return lines
}

// drawBar draws a bar of n/most of room columns, in steps of an eighth.
func drawBar(n, most, room int) string {
	if n <= 0 || room <= 0 {
		return ""
	}
	parts := max(int(float64(n)/float64(most)*float64(8*room)), 1)
	bar := strings.Repeat(string(eighths[7]), parts/8)
	if parts%8 > 0 {
		bar += string(eighths[parts%8-1])
	}
	return bar
}

// cut returns the first width characters of a line.
func cut(line string, width int) string {
	n := 0
	for i := range line {
		if n == width {
			return line[:i]
		}
		n++
	}
	return line
}

// wrap breaks text after separators into lines of at most width characters. It cuts off a part that
// is longer than that.
func wrap(text, separator string, width int) (lines []string) {
	parts := strings.Split(text, separator)
	end := strings.TrimRight(separator, " ")
	line := parts[0]
	for i, part := range parts[1:] {
		longer, after := line+separator+part, end
		if i == len(parts)-2 {
			after = "" // the last part
		}
		if utf8.RuneCountInString(longer+after) <= width {
			line = longer
			continue
		}
		lines = append(lines, cut(line+end, width))
		line = part
	}
	return append(lines, cut(line, width))
}
