// Package files keeps the files of the gateway: what callers upload, what their
// jobs find, and the reports that others leave for schools to fetch.
//
// A [Store] is one place for files: a folder ("file:registrar-files"), memory
// ("mem:", lost at the end of the process) or an S3 bucket
// ("s3://bucket?region=eu-west-1", with credentials as the AWS tools find them).
// Several replicas must see the same files: with a folder that means one which all
// of them mount, with memory it cannot be.
//
// A file appears whole or not at all ([Store.Create]), and leaves through a link
// that expires ([Store.Link]). A bucket signs its own links; for a folder the link
// leads to the gateway, whose route asks [Store.Fetch] with what stands in it.
// Whoever has such a link has the file, so links are made for each answer and
// never kept, and no log line holds one.
//
// [Reports] lists the reports of a program. The names of reports are given by
// others and may hold personal data: they too stay out of logs and errors.
//
// The package knows neither jobs nor HTTP.
package files
