package config

// Cache is the cache of upstream answers and the fan-out that fills it.
type Cache struct {
	// Memory for cached answers, for each replica.
	MaxBytes Size `yaml:"max_bytes" validate:"min=1048576,max=1099511627776"`
	// Largest answer that is given to Redis, after compression; a larger one stays in memory alone.
	MaxEntry Size `yaml:"max_entry" validate:"min=65536,max=268435456"`
	// Time for which one replica may keep the others from asking an upstream the same question.
	Lease Duration `yaml:"lease" validate:"min=100ms,max=1m"`
	// Most parts of one request that are fetched at a time.
	FanOut int `yaml:"fan_out" validate:"min=1,max=1000"`
	// Time to fetch one whole part, over all its pages; it goes on when its caller has left.
	LoadTimeout Duration `yaml:"load_timeout" validate:"min=1s,max=1h"`
	// Least age at which a caller's "Cache-Control: no-cache" fetches a part again.
	RefetchAfter Duration `yaml:"refetch_after" validate:"min=0s,max=1h"`
	// Age at which a program's learner links are fetched again before they answer which programs a learner is in.
	LinksMaxAge Duration `yaml:"links_max_age" validate:"min=1m,max=8760h"`
	// How long each kind of answer is kept.
	Views Views `yaml:"views"`
}

// Views has one [View] for each kind of cached answer.
type Views struct {
	// A program with its course runs, from Discovery.
	Program View `yaml:"program"`
	// The learners of a program.
	Enrollments View `yaml:"enrollments"`
	// The learners of a course run.
	CourseEnrollments View `yaml:"course_enrollments"`
	// The grades of a course run.
	Grades View `yaml:"grades"`
	// The completion of a course run.
	Completion View `yaml:"completion"`
	// One learner's grade in a course run.
	LearnerGrades View `yaml:"learner_grades"`
	// One learner's completion in a course run.
	LearnerCompletion View `yaml:"learner_completion"`
	// One learner's certificates.
	Certificates View `yaml:"certificates"`
}

// View is how long one kind of answer is kept. The stale windows begin where
// fresh ends; 0s switches one off.
type View struct {
	// Time for which an answer is given without asking upstream.
	Fresh Duration `yaml:"fresh" validate:"min=0s,max=168h"`
	// Time after fresh in which the old answer is given at once while a new one is fetched.
	StaleWhileRevalidate Duration `yaml:"stale_while_revalidate" validate:"min=0s,max=168h"`
	// Time after fresh in which the old answer is given when a new one cannot be had.
	StaleIfError Duration `yaml:"stale_if_error" validate:"min=0s,max=720h"`
	// Time for which "not found" is remembered.
	Negative Duration `yaml:"negative" validate:"min=0s,max=1h"`
}
