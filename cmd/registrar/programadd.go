package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"registrar/config"
	"registrar/internal/jobs"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func programAddCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "add UUID[:KEY],UUID[:KEY]...", Short: "Add programs that Discovery has, or give them other keys", Args: exactly(1),
		Long: `Add programs by their uuids in Discovery: all of them or, if one cannot be, none.
Discovery is asked at once, past every cache. Authoring organizations that are not
known yet are created; the last one manages the program. A program's key is the
one behind the colon, or else its whole marketing slug with dashes for slashes.
Of a program that is there already only the key changes, if another one is given.`,
		Example: "  registrar program add 5b0f4a0e-6f0c-4a63-9a43-0d7c3f1b2a10:masters-cs,7d1c0b0a-94a2-4e0b-8f5e-2f0a3c1d4e5f",
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted, err := wantedPrograms(args[0])
			if err != nil {
				return &usageError{err}
			}
			cfg, err := load(cmd, p)
			if err != nil {
				return err
			}
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				if err := readPrograms(cmd.Context(), cfg, p, wanted); err != nil {
					return err
				}
				added, err := store.AddPrograms(cmd.Context(), wanted)
				if err != nil {
					return err
				}
				for _, a := range added {
					fmt.Fprintln(p.out, outcomeOf(a))
				}
				return nil
			})
		},
	}
}

// wantedPrograms reads "uuid[:key],uuid[:key]…". Blanks are no part of it.
func wantedPrograms(text string) ([]linkstore.NewProgram, error) {
	var wanted []linkstore.NewProgram
	for part := range strings.SplitSeq(text, ",") {
		uuid, key, _ := strings.Cut(part, ":")
		if strings.Contains(key, ":") || strings.ContainsAny(part, " \t\r\n") {
			return nil, fmt.Errorf("incorrectly formatted argument %q: want a uuid, or a uuid, a colon and a key, without blanks", part)
		}
		parsed, err := registrar.ParseProgramUUID(uuid)
		if err != nil {
			return nil, fmt.Errorf("incorrectly formatted argument %q: %w", part, err)
		}
		wanted = append(wanted, linkstore.NewProgram{UUID: parsed, Key: registrar.ProgramKey(key)})
	}
	return wanted, nil
}

// readPrograms completes each program by what Discovery says of it now.
func readPrograms(ctx context.Context, cfg config.Config, p process, wanted []linkstore.NewProgram) error {
	sh, err := share(ctx, cfg, p.err)
	if err != nil {
		return err
	}
	defer closing(sh.log, "shared", sh)
	up, err := connect(cfg, sh)
	if err != nil {
		return err
	}
	defer up.Close()
	for i := range wanted {
		w := &wanted[i]
		details, authors, err := up.discovery.ProgramAuthors(ctx, w.UUID)
		if err != nil {
			return registrar.Fail(registrar.Upstream, fmt.Sprintf("Could not read program %s from course-discovery; aborting", w.UUID), err)
		}
		w.Otherwise, w.Authors = jobs.WholeSlugKey(details.Slug), authors
	}
	return nil
}

// outcomeOf says what became of one program.
func outcomeOf(a linkstore.AddedProgram) string {
	switch {
	case a.Created:
		return fmt.Sprintf("Program %s created, managed by %s.", a.Program.Key, a.Program.Organization)
	case a.Was != "":
		return fmt.Sprintf("Program %s is now %s.", a.Was, a.Program.Key)
	}
	return fmt.Sprintf("Program %s is there already.", a.Program.Key)
}
