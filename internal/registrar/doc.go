// Package registrar holds the words of the service: its nouns, its keys, its
// rules and its errors.
//
// Every room of the gateway may import it; it imports only the standard
// library and knows nothing of HTTP servers, SQL or the Open edX APIs. What two
// rooms say to each other is said in these types: linkstore hands out a
// [Program], the upstream clients hand out [ProgramEnrollment] and [Grade],
// aggregate joins them into a [Report], routes renders it, and whatever goes
// wrong on the way is an [Error] of one [Kind].
//
// docs/vocabulary.md lists the words and the synonyms to avoid.
package registrar
