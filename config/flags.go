package config

// Flags turns features on, for all callers or for some.
type Flags struct {
	// Adds username and email to the exports of a program's enrollments.
	IncludeNameEmail Flag `yaml:"include_name_email_in_get_program_enrollment"`
	// Adds course_staff to course enrollments: in exports, writes and uploads.
	CourseRoles Flag `yaml:"enable_course_role_management"`
}

// Flag turns one feature on.
type Flag struct {
	// Off for all, on for all, or on for those whom the other keys name.
	State string `yaml:"state" validate:"oneof=off on some"`
	// Usernames of callers for whom it is on.
	Users []string `yaml:"users" validate:"dive,required"`
	// Groups, by name, for whose members it is on.
	Groups []string `yaml:"groups" validate:"dive,required"`
	// On for the LMS's global staff.
	Staff bool `yaml:"staff"`
	// On for superusers of the gateway.
	Superusers bool `yaml:"superusers"`
	// Share of all callers for whom it is on, from 0 to 100; a caller's lot stays the same.
	Percent float64 `yaml:"percent" validate:"min=0,max=100"`
}
