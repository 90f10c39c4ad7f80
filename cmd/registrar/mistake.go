package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"registrar/internal/registrar"
)

// usageError is a command line that was not understood.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// misread reports whether err is about the command line itself. Cobra has no type
// for a required flag that is missing.
func misread(err error) bool {
	usage := (*usageError)(nil)
	return errors.As(err, &usage) || strings.HasPrefix(err.Error(), "required flag(s)")
}

// plainly is err without the cause where the sentence before it says all: of a
// key that is not there or there already, the database's words help nobody.
func plainly(err error) string {
	text := err.Error()
	known := (*registrar.Error)(nil)
	if !errors.As(err, &known) || known.Detail == "" || known.Err == nil {
		return text
	}
	switch known.Kind { //nolint:exhaustive // of all others the cause is what an operator needs
	case registrar.Invalid, registrar.NotFound, registrar.Conflict:
		return strings.TrimSuffix(text, ": "+known.Err.Error())
	}
	return text
}

// onlySubcommands refuses a word that is no subcommand of cmd or of those below
// it. Cobra would show the help and call it a success, and a script would go on.
func onlySubcommands(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		onlySubcommands(sub)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.DisableFlagsInUseLine = true
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := fmt.Sprintf("; try %q", cmd.CommandPath()+" --help")
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			hint = fmt.Sprintf("; did you mean %q?", like[0])
		}
		return &usageError{fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), hint)}
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}
