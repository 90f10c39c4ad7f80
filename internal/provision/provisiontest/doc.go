// Package provisiontest hands a real PostgreSQL and a real Redis to tests.
//
// A package that needs them says so once, in its TestMain:
//
//	func TestMain(m *testing.M) { provisiontest.Main(m) }
//
// and each test takes a database of its own with [Postgres] or [Redis]. When
// the environment already names servers (the command withservers, or CI) they
// are used; else one pair is started for the test binary and stopped after the
// last test. A server that cannot be had fails the tests and never skips them.
//
// It knows nothing of the service's tables and keys.
package provisiontest
