// Package layout holds no code, only the test that keeps the rooms apart: which
// package may import which, and which calls belong to one room alone. The
// picture stands in ARCHITECTURE.md; change both together.
package layout
