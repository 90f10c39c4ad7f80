package telemetry

// TokenChecked counts a caller's token: "verified", "remembered", or the code of
// its refusal.
func (m *Metrics) TokenChecked(outcome string) {
	m.tokens.WithLabelValues(m.words.outcomes.bound(outcome)).Inc()
}

// KeysFetched counts a fetch of verification keys, which failed with err or did not.
func (m *Metrics) KeysFetched(err error) { m.keyFetches.WithLabelValues(outcome(err)).Inc() }
