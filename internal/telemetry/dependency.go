package telemetry

import (
	"context"
)

// Probed wraps the probe of a dependency, so that its last result is a metric. It
// is as young as the last probe, which is to say the last question to /readyz.
func (m *Metrics) Probed(dependency string, probe func(context.Context) error) func(context.Context) error {
	up := m.up.WithLabelValues(m.words.dependencies.bound(dependency))
	return func(ctx context.Context) error {
		err := probe(ctx)
		up.Set(truth(err == nil))
		return err
	}
}
