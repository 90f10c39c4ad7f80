package config

// Jobs is the long work that callers order: exports and uploads.
type Jobs struct {
	// Exports that run at a time, for each replica.
	Exports int `yaml:"exports" validate:"min=1,max=100"`
	// Uploads that run at a time, for each replica. A program has one at a time in any case.
	Uploads int `yaml:"uploads" validate:"min=1,max=100"`
	// Batches of 25 rows that one upload sends to the LMS at a time.
	Batches int `yaml:"batches" validate:"min=1,max=100"`
	// Time that one job may take.
	Timeout Duration `yaml:"timeout" validate:"min=10s,max=24h"`
	// Time after which the job of a replica that died goes on elsewhere.
	Lease Duration `yaml:"lease" validate:"min=1s,max=10m"`
	// At shutdown, time that running jobs get to finish, before they are handed to another replica or the next start.
	Grace Duration `yaml:"grace" validate:"min=0s,max=10m"`
}

// Files is where the files of jobs are kept: what was uploaded, and results.
type Files struct {
	// Where they are kept: file:FOLDER, which several replicas must share, or s3://BUCKET?region=REGION with credentials as the AWS tools find them.
	URL string `yaml:"url" validate:"required,blob_url"`
	// Secret that signs the links to files in a folder; several replicas need the same one. Empty: one made at each start. Bucket links are signed by the bucket.
	LinkKey Secret `yaml:"link_key" validate:"omitempty,min=16"`
	// File that holds the link_key instead.
	LinkKeyFile string `yaml:"link_key_file"`
	// Time for which a link opens its file; each look at the job gives a new one.
	LinkTTL Duration `yaml:"link_ttl" validate:"min=1m,max=168h"`
	// Age at which the files of a finished job are deleted. 0s: never.
	Keep Duration `yaml:"keep" validate:"min=0s,max=87600h"`
}

// Reports is where others leave reports for schools to fetch.
type Reports struct {
	// Where the reports are: file:FOLDER or s3://BUCKET?region=REGION. Empty: there are none.
	URL string `yaml:"url" validate:"omitempty,blob_url"`
	// Folder of the reports in it; below come the organization's key and the program's uuid without dashes.
	Folder string `yaml:"folder" validate:"required,member"`
}
