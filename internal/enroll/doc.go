// Package enroll writes enrollments to the LMS: for a caller who waits, and for
// jobs that write thousands.
//
// It takes items that were checked before, sends no student key that comes twice,
// sends the rest in batches of as many as the LMS takes, several at a time, and
// joins the answers into one report in which each student key stands once. A batch
// that fails does not touch the others: its rows say that nobody knows what
// became of them. What the LMS accepted is told to the link index and to the
// cache, so that neither says afterwards what was true before.
//
// It never sends a batch again. It knows no HTTP, no caller and no permission, and
// of a job only the [Progress] that it is handed.
package enroll
