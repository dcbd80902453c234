package cli

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// columnGap separates the columns of a table.
const columnGap = "  "

// textTable formats rows of equal length. The first row is the head. It leaves out columns that are
// empty below the head, and wraps the last column at commas to keep lines within width.
func textTable(rows [][]string, width int) string {
	var columns []int // those that are not empty
	for c := range rows[0] {
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[c] != "" }) {
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 {
		return ""
	}
	last := columns[len(columns)-1]
	widths, indent := make(map[int]int), 0
	for _, c := range columns[:len(columns)-1] {
		for _, row := range rows {
			widths[c] = max(widths[c], utf8.RuneCountInString(row[c]))
		}
		indent += widths[c] + len(columnGap)
	}
	var b strings.Builder
	for _, row := range rows {
		for _, c := range columns[:len(columns)-1] {
			pad := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(row[c]))
			b.WriteString(row[c] + pad + columnGap)
		}
		for i, line := range wrapList(row[last], max(width-indent, 20)) {
			if i > 0 {
				b.WriteString(strings.Repeat(" ", indent))
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// wrapList splits a list with commas into lines of at most width bytes. A longer item has a line of
// its own.
func wrapList(list string, width int) (lines []string) {
	line := ""
	for item := range strings.SplitSeq(list, ", ") {
		switch {
		case line == "":
			line = item
		case len(line)+len(", ")+len(item)+len(",") > width:
			lines = append(lines, line+",")
			line = item
		default:
			line += ", " + item
		}
	}
	return append(lines, line)
}
