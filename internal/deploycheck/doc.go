// Package deploycheck holds the tests of deploy/ and of the image's recipe, which
// are not Go: that what refers to something refers to something that is there,
// that selectors select, that no container runs as root, that a drain fits into
// the time before the kill, and that every configuration in deploy/ is one that
// the program accepts. The dashboard and the alerts are tested where their figures
// are made, in internal/telemetry.
package deploycheck
