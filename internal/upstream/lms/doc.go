// Package lms reads from the LMS: enrollments, grades, completion, certificates,
// accounts and the links between student keys and accounts. Enrollments it writes
// too.
//
// Each endpoint has one file that knows its path, its exact slashes, the shape of
// its rows and its odd statuses. What comes out are values of package registrar
// or a classified [registrar.Error]; wire structs and the LMS's own words stay
// in here, but for the rows of [Client.ProgramEnrollmentPages] and its like, whose
// reader judges them, and for the codes by which a write is answered. How a call
// is made, repeated and given up is package upstream's business; who may see the
// answer is nobody's in here, because the service account sees everything.
package lms
