package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A manPage writes a man page in the roff language; see man(7).
type manPage struct{ strings.Builder }

// newManPage returns the man page of a command. cobra's generator has no sections for the exit status
// and the environment, and writes flags in a notation that the command line does not have.
func newManPage(cmd *cobra.Command, date time.Time) *manPage {
	p := &manPage{}
	p.line(".TH %s 1 %s ohce \"ohce manual\"", strings.ToUpper(manName(cmd)), date.Format("2006-01-02"))
	p.section("NAME")
	p.line("%s \\- %s", roff(manName(cmd)), roff(cmd.Short))
	p.section("SYNOPSIS")
	arguments := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
	p.line("%s%s", bold(cmd.CommandPath()), roff(arguments))
	if cmd.HasAvailableSubCommands() {
		p.line(".br\n%s COMMAND [flags]", bold(cmd.CommandPath()))
	}
	p.section("DESCRIPTION")
	p.text(cmd.Long, cmd.Short)
	p.commands(cmd)
	p.options(cmd)
	p.section("EXIT STATUS")
	p.exitStatus(strings.TrimPrefix(cmd.CommandPath(), "ohce "))
	p.environment(cmd)
	if cmd.Example != "" {
		p.section("EXAMPLES")
		p.verbatim(strings.Split(cmd.Example, "\n"))
	}
	p.seeAlso(cmd)
	return p
}

// exitStatus lists the exit codes of a command. Its own entry for a code replaces that of all commands.
func (p *manPage) exitStatus(command string) {
	own := make(map[int]bool)
	for _, s := range exitStatus {
		own[s.code] = own[s.code] || s.command == command
	}
	for _, s := range exitStatus {
		if s.command == command || s.command == "" && !own[s.code] {
			p.item(fmt.Sprint(s.code), roff(s.meaning))
		}
	}
}

// commands lists the subcommands.
func (p *manPage) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.section("COMMANDS")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			p.item(bold(c.Name()), roff(c.Short))
		}
	}
}

// options lists the flags with their placeholders and defaults.
func (p *manPage) options(cmd *cobra.Command) {
	p.section("OPTIONS")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		placeholder, usage := pflag.UnquoteUsage(f)
		term := bold("--" + f.Name)
		if f.Shorthand != "" {
			term = bold("-"+f.Shorthand) + ", " + term
		}
		if placeholder != "" {
			term += " \\fI" + roff(placeholder) + "\\fP"
		}
		switch value := strings.Trim(f.DefValue, "[]"); value {
		case "", "0", "0s", "false":
		default:
			usage += " (default " + value + ")"
		}
		p.item(term, roff(usage))
	})
}

// environment lists the variables of a command. The page of the root command has the rules.
func (p *manPage) environment(cmd *cobra.Command) {
	if !cmd.HasParent() {
		p.section("ENVIRONMENT")
		p.text(environmentRules, "")
		for _, v := range otherVariables {
			p.item(bold(v.name), roff(v.effect))
		}
		return
	}
	if !hasVariables(cmd) {
		return
	}
	p.section("ENVIRONMENT")
	p.line("%s", roff("These variables set flags. ohce(1) has the rules."))
	for _, v := range variables(cmd.Root()) {
		if v.scope != envScope(cmd) || cmd.Flags().Lookup(v.flag) == nil {
			continue
		}
		term := bold(v.long)
		if v.short != "" {
			term += ", " + bold(v.short)
		}
		p.item(term, roff("--"+v.flag))
	}
}

func (p *manPage) seeAlso(cmd *cobra.Command) {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, bold(manName(cmd.Parent()))+"(1)")
	}
	for _, c := range cmd.Commands() {
		if hasManPage(c) {
			pages = append(pages, bold(manName(c))+"(1)")
		}
	}
	p.section("SEE ALSO")
	p.line("%s", strings.Join(pages, ", "))
}

func (p *manPage) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }
func (p *manPage) section(title string)            { p.line(".SH %s", title) }

// item writes a term and its description.
func (p *manPage) item(term, description string) { p.line(".TP\n%s\n%s", term, description) }

// text writes paragraphs, which empty lines separate. Indented lines keep their breaks.
func (p *manPage) text(long, short string) {
	if long == "" {
		long = short + "."
	}
	var indented []string
	for _, l := range strings.Split(long, "\n") {
		if strings.HasPrefix(l, " ") {
			indented = append(indented, l)
			continue
		}
		p.verbatim(indented)
		indented = nil
		if l == "" {
			l = ".PP"
		} else {
			l = roff(l)
		}
		p.line("%s", l)
	}
	p.verbatim(indented)
}

// verbatim writes lines with their indentation and breaks.
func (p *manPage) verbatim(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line(".nf")
	for _, l := range lines {
		p.line("%s", roff(l))
	}
	p.line(".fi")
}

// roff escapes the characters that roff would interpret.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

func bold(text string) string { return `\fB` + roff(text) + `\fP` }

// manName returns the name of a command's page: ohce-link-ctl.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// hasManPage reports whether a command has a page. The help of the others says all there is to say.
func hasManPage(cmd *cobra.Command) bool {
	return cmd.IsAvailableCommand() && cmd.Name() != "completion" && cmd.Name() != "help"
}
