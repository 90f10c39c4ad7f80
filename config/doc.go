// Package config is everything an operator may tell the gateway: one struct
// tree with defaults, read from one YAML file and from REGISTRAR_… variables.
//
// What passes through: [Load] starts from [Default], lays the file over it and
// the environment over that, reads the files that secrets are kept in, derives
// what follows from other keys, and checks all of it. Whatever is wrong comes
// back at once as [Mistakes], each with its key path and its place, so that an
// operator corrects a file in one go.
//
// The struct is the only source: its yaml tags are the keys, the names of the
// variables follow from the keys, the bounds stand in its validate tags, and
// its field comments are what [Example], [Schema] and [Reference] say to
// operators. A field added to the struct is therefore documented, checked and
// overridable without another line.
//
// A [Config] is plain data and is not changed after Load, so that a [Watcher] can
// swap it whole when its files change: the keys of [IsLive] take effect, the
// others wait for a restart and are named. The package must not know the rooms it
// configures: cmd maps its fields onto their own small Config structs, at the
// start and at every reload. It never reads the process's environment itself and
// never prints a [Secret].
package config
