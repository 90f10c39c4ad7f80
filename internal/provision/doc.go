// Package provision starts a private PostgreSQL cluster and a private Redis for
// tests, on free loopback ports, without containers and without an
// administrator's help.
//
// [Start] finds the servers' programs, or installs Debian's packages of them,
// drops root's privileges where it has any (initdb insists), and keeps every
// file in one private folder. [Servers.Close] stops both and removes the
// folder. An owner that dies without closing leaves no process behind on Linux
// (the kernel ends the children), and its folder goes at the next start.
//
// The command withservers runs any command with both servers up; the package
// provisiontest hands them to tests. Neither knows what is tested: no table, no
// key and no type of the service appears here.
package provision
