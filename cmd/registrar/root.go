package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"registrar/config"
)

// rootCommand is the whole command line.
func rootCommand(p process) *cobra.Command {
	root := &cobra.Command{
		Use:   "registrar",
		Short: "The Registrar gateway between a school's systems and Open edX",
		Long: `registrar answers a school's questions about its Open edX programs: who is in
them, how far they are, what their grades are. "registrar demo" shows it on this
machine with nothing installed; "registrar serve" runs it for a site.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringP("config", "c", environment(p.environ, "REGISTRAR_CONFIG"),
		"configuration file in YAML (environment: REGISTRAR_CONFIG); without one, defaults and REGISTRAR_… variables")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(
		serveCommand(p), demoCommand(p), simulateCommand(p),
		migrateCommand(p), checkCommand(p), healthCommand(p), syncCommand(p),
		orgCommand(p), programCommand(p), userCommand(p), groupCommand(p), grantCommand(p), cacheCommand(p), auditCommand(p),
		versionCommand(),
	)
	onlySubcommands(root)
	return root
}

// load reads the configuration that the command line names.
func load(cmd *cobra.Command, p process) (config.Config, error) {
	return config.Load(configPath(cmd), p.environ)
}

// configPath is the file of --config, or "".
func configPath(cmd *cobra.Command) string {
	flag := cmd.Flag("config")
	if flag == nil {
		return "" // never so: every command has it from the root
	}
	return flag.Value.String()
}

// environment returns the value of name in environ, or "".
func environment(environ []string, name string) string {
	i := slices.IndexFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	if i < 0 {
		return ""
	}
	return environ[i][len(name)+1:]
}

// exactly wants n arguments and calls anything else a usage error.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// atLeast wants n arguments or more.
func atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.MinimumNArgs(n)(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
