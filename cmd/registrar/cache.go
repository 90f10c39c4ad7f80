package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
	"registrar/config"
	"registrar/internal/registrar"
	"registrar/linkstore"
)

// purgeTimeout bounds how long a purge tries to reach Redis.
const purgeTimeout = 10 * time.Second

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
			return withSchema(cmd, p, func(store *linkstore.Store) error {
				cfg, err := load(cmd, p)
				if err != nil {
					return err
				}
				tag, what := aggregate.AllTag(), "everything"
				if program != "" {
					found, err := store.Program(cmd.Context(), registrar.ProgramKey(program))
					if err != nil {
						return fmt.Errorf("program %q: %w", program, err)
					}
					tag, what = aggregate.ProgramTag(found), program
				}
				if err := purge(cmd.Context(), cfg, tag); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "Every replica forgets %s.\n", what)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&program, "program", "", "key of the one program to forget")
	return cmd
}

// purge drops what carries tag in Redis, from where the replicas hear of it.
func purge(ctx context.Context, cfg config.Config, tag aggregate.Tag) error {
	client, err := openRedis(cfg.Redis)
	if err != nil {
		return err
	}
	if client == nil {
		return errors.New("redis.url is not set, so each process has a cache of its own: send DELETE /api/internal/cache to the serving one")
	}
	defer func() { _ = client.Close() }()
	shared, err := rediscache.New(client, rediscache.Config{Timeout: time.Second})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer shared.Close()
	shared.Follow(func([]string) {}) // this process keeps nothing
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	for {
		err := shared.Drop(ctx, []string{tag.Text()})
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("cache: redis cannot be reached: %w", err)
		}
	}
}
