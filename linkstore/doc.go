// Package linkstore keeps what only the gateway knows: schools and their
// programs, who may do what, which learner is in which program under which
// account, what long work was ordered and how far it is, and who touched whose
// data.
//
// There is one implementation over database/sql with one SQL text, for
// PostgreSQL and for SQLite on a single machine. [Store] asks the database;
// [Directory] stands in front of it with a short memory, so that a hot read
// needs no SQL to know the program and the caller.
//
// Keys, claims, snapshots of enrollments, accepted writes and orders of jobs come
// in, in the words of package registrar; programs, principals, links and jobs go
// out. What is stored about enrollments is an index that says how old it is: the
// LMS alone knows the truth. A job's row says who may work on it, and "one write
// job per program" is a unique index; the work itself, the files and the queue that
// wakes the workers are others' business. The package must not know HTTP, the LMS,
// Discovery or the configuration file.
//
// The audit log names learners by hashes that the caller made. It is added to, and
// pruned by age; a trigger refuses every change.
//
// Every failure is classified: an unknown thing is NotFound, a name taken twice
// is Conflict, a value that makes no sense is Invalid, and a database that cannot
// be reached is Unavailable. No error text holds a student key, an e-mail
// address or a caller's name.
package linkstore
