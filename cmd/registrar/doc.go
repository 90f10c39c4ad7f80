// Command registrar is the Registrar gateway: its server, its demo, its
// simulator and its operator's tools in one binary.
//
// This package is the only one that knows all the others. It reads the
// configuration, makes each room from its own small Config, joins them through
// the interfaces that they declare, and ends them in the opposite order. What a
// room does is that room's business; here is only who talks to whom (wire.go)
// and what an operator can type (one file a command).
package main
