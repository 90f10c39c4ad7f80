package simulator

import (
	"fmt"
	"time"
)

// Options choose a world. The zero value is a small, healthy site.
type Options struct {
	// Seed picks the world; 0 means 1. The same seed and sizes give the same world.
	Seed uint64
	// Programs is the number of programs beyond the four fixed ones, spread over
	// both organizations. Every fourth of them is of type MicroMasters.
	Programs int
	// Courses is the number of course runs of each program; 0 means 5, the least is 3.
	Courses int
	// Learners is the number of learners of each program of type Masters, the
	// fixed ones included; 0 means 60, the least is 2.
	Learners int

	// Issuer and Audience go into tokens as iss and aud.
	// "" means "https://lms.simulated.example/oauth2" and "openedx".
	Issuer, Audience string
	// TokenTTL is the life of a token; 0 means an hour.
	TokenTTL time.Duration

	// EnrollmentPerMinute is the enrollment API's limit for staff; others get a
	// third of it. 0 means 120 as on a real site, a negative number no limit.
	EnrollmentPerMinute int
	// RegistrationsPerWeek is the registration limit of one client address.
	// 0 means 60 as on a real site, a negative number no limit.
	RegistrationsPerWeek int
	// TokensPerMinute is the token endpoint's limit of one client address. 0 means none.
	TokensPerMinute int
	// DiscoveryPerHour limits every user of Discovery, staff included, as a row
	// in its rate table does. 0 means that staff have no limit and others 200.
	DiscoveryPerHour int

	// Build says which oddities the site has.
	Build Build
	// Now is the site's clock; nil means time.Now. Delays of faults run on real time.
	Now func() time.Time
}

// Build is the set of switches in which real sites differ. The zero value is a
// recent site with the completion aggregator and the progress page switched on.
type Build struct {
	OldBuild          bool   // no username and email in program enrollments; 403 instead of 429 at the token endpoint
	NoAggregator      bool   // the completion aggregator is not installed: HTML 404
	ProgressOff       bool   // the progress page's course flag is off, as it is by default on a fresh site: 404
	WrongNextScheme   bool   // next and previous links begin with http://internal.example, as behind a badly set proxy
	ListRetryAfter    bool   // a throttled enrollment list says Retry-After; most releases forget it
	NoSAML            bool   // no identity provider is configured: nothing is linked when rows are created
	DeletedProgram    bool   // Discovery also holds a deleted program, listed unless the caller filters by status
	NoOrganization    bool   // the LMS lacks HarborX: writing to its programs answers 500
	UncachedProgram   string // key of a program that the LMS's catalog cache lacks: 404 there
	UnansweredStudent string // student key that write answers leave out of their map
}

func (o Options) withDefaults() (Options, error) {
	for _, size := range []struct {
		name       string
		value      *int
		def, least int
	}{
		{"programs", &o.Programs, 0, 0},
		{"courses", &o.Courses, 5, 3},
		{"learners", &o.Learners, 60, 2},
		{"enrollments per minute", &o.EnrollmentPerMinute, 120, -1},
		{"registrations per week", &o.RegistrationsPerWeek, 60, -1},
		{"tokens per minute", &o.TokensPerMinute, 0, 0},
		{"discovery calls per hour", &o.DiscoveryPerHour, 0, 0},
	} {
		if *size.value == 0 {
			*size.value = size.def
		}
		if *size.value < size.least {
			return o, fmt.Errorf("simulator: %s: %d is below %d", size.name, *size.value, size.least)
		}
	}
	if o.TokenTTL < 0 {
		return o, fmt.Errorf("simulator: token life: %v is negative", o.TokenTTL)
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Issuer == "" {
		o.Issuer = "https://lms.simulated.example/oauth2"
	}
	if o.Audience == "" {
		o.Audience = "openedx"
	}
	if o.TokenTTL == 0 {
		o.TokenTTL = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
