// Package linkstore keeps what only the gateway knows: schools and their
// programs, who may do what, and which learner is in which program under which
// account.
//
// There is one implementation over database/sql with one SQL text, for
// PostgreSQL and for SQLite on a single machine. [Store] asks the database;
// [Directory] stands in front of it with a short memory, so that a hot read
// needs no SQL to know the program and the caller.
//
// Keys, claims and snapshots of enrollments come in, in the words of package
// registrar; programs, principals and links go out. What is stored about
// enrollments is an index that says how old it is: the LMS alone knows the truth.
// The package must not know HTTP, the LMS, Discovery or the configuration file.
//
// Every failure is classified: an unknown thing is NotFound, a name taken twice
// is Conflict, a value that makes no sense is Invalid, and a database that cannot
// be reached is Unavailable. No error text holds a student key, an e-mail
// address or a caller's name.
package linkstore
