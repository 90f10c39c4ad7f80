package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

func cacheCommand(p process) *cobra.Command {
	cmd := &cobra.Command{Use: "cache", Short: "The cache that replicas share: purge"}
	cmd.AddCommand(cachePurgeCommand(p))
	return cmd
}

func cachePurgeCommand(p process) *cobra.Command {
	var program string
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Make every replica forget what it keeps of the LMS and Discovery",
		Long: `Make every replica forget all kept answers, or those about one program, and ask
again. It needs redis.url: without Redis the cache lives in the serving process
alone, where DELETE /api/internal/cache does the same.`,
		Example: "  registrar cache purge --program masters-cs",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := load(cmd, p)
			if err != nil {
				return err
			}
			client, err := openRedis(cfg.Redis)
			if err != nil {
				return err
			}
			if client == nil {
				return errors.New("redis.url is not set, so each process has a cache of its own: send DELETE /api/internal/cache to the serving one")
			}
			defer func() { _ = client.Close() }()
			// Before the database, which only knows which program is meant.
			ping := func(ctx context.Context) error { return client.Ping(ctx).Err() }
			if err := insist(cmd.Context(), p.err, ping); err != nil {
				return fmt.Errorf("cache: nothing is purged: %w", err)
			}
			tag, what, err := purged(cmd, p, program)
			if err != nil {
				return err
			}
			if err := purge(cmd.Context(), client, tag, p.err); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "Every replica forgets %s.\n", what)
			return nil
		},
	}
	cmd.Flags().StringVar(&program, "program", "", "key of the one program to forget")
	return cmd
}

// purged returns what is to be forgotten, and its name. The database is asked for
// one program alone.
func purged(cmd *cobra.Command, p process, program string) (tag aggregate.Tag, what string, err error) {
	if program == "" {
		return aggregate.AllTag(), "everything", nil
	}
	err = withSchema(cmd, p, func(store *linkstore.Store) error {
		found, err := store.Program(cmd.Context(), registrar.ProgramKey(program))
		if err != nil {
			return fmt.Errorf("program %q: %w", program, err)
		}
		tag = aggregate.ProgramTag(found)
		return nil
	})
	return tag, program, err
}

// purge drops what carries tag in Redis, from where the replicas hear of it.
func purge(ctx context.Context, client *redis.Client, tag aggregate.Tag, w io.Writer) error {
	shared, err := rediscache.New(client, rediscache.Config{Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer shared.Close()
	shared.Follow(func([]string) {}) // this process keeps nothing
	err = insist(ctx, w, func(ctx context.Context) error { return shared.Drop(ctx, []string{tag.Text()}) })
	if err != nil {
		return fmt.Errorf("cache: the purge is not confirmed, so repeat it: %w", err)
	}
	return nil
}
