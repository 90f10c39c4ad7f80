package config

import (
	"reflect"
	"time"
)

// Default returns the configuration that an empty file gives. It lacks what only
// the site can know (issuers, addresses and the service account), so it does not
// pass [Config.Validate].
func Default() Config {
	return Config{
		Server: Server{
			Listen:         "127.0.0.1:8080",
			RequestTimeout: seconds(30),
			ReadTimeout:    seconds(15),
			WriteTimeout:   seconds(60),
			IdleTimeout:    seconds(75),
			DrainDelay:     seconds(1),
			DrainTimeout:   seconds(20),
			BodyLimit:      1 << 20,
			HeaderLimit:    16 << 10,
		},
		Log: Log{Level: "info", Format: "json"},
		Auth: Auth{
			Leeway: seconds(30), JWKSRefresh: minutes(10), JWKSMinInterval: seconds(10),
			Cookies: Cookies{HeaderPayload: "edx-jwt-cookie-header-payload", Signature: "edx-jwt-cookie-signature"},
		},
		Store: Store{DSN: "sqlite:registrar.db", MaxConns: 10, DirectoryTTL: seconds(5)},
		Redis: Redis{Timeout: Duration(50 * time.Millisecond)},
		LMS: LMS{
			Calls:    defaultCalls(16, bucket(0, minutes(1), 50)),
			PageSize: 500, GradesPageSize: 100,
			Completion: "auto", ProgressMaxLearners: 200,
		},
		// Discovery throttles an account that is not staff at 200 calls an hour; staff it does not.
		Discovery: Discovery{Calls: defaultCalls(4, bucket(0, hours(1), 20)), PageSize: 100},
		Cache: Cache{
			MaxBytes:     256 << 20,
			MaxEntry:     8 << 20,
			Lease:        seconds(5),
			FanOut:       8,
			LoadTimeout:  minutes(2),
			RefetchAfter: seconds(5),
			LinksMaxAge:  hours(24),
			Views:        defaultViews(),
		},
		Limits: Limits{
			WhenRedisFails: "local",
			Read:           bucket(1200, minutes(1), 600),
			Table:          bucket(300, minutes(1), 150),
			Passthrough:    bucket(300, minutes(1), 100),
			Write:          bucket(300, minutes(1), 100),
			Internal:       bucket(60, minutes(1), 20),
		},
		Passthrough: Passthrough{Rules: defaultRules()},
		CORS:        CORS{MaxAge: hours(24)},
		Jobs:        Jobs{Exports: 4, Uploads: 2, Batches: 4, Timeout: minutes(30), Lease: seconds(15), Grace: seconds(10)},
		Files:       Files{URL: "file:registrar-files", LinkTTL: hours(1), Keep: hours(30 * 24)},
		Reports:     Reports{Folder: "reports_v2"},
		Flags:       Flags{IncludeNameEmail: Flag{State: "off"}, CourseRoles: Flag{State: "off"}},
		Audit:       Audit{Enabled: true},
		Telemetry:   Telemetry{Metrics: true, TraceRatio: 0.01, ServiceName: "registrar"},
	}
}

// newItem is an item of a list of sections before anything is said of it.
func newItem(item reflect.Type) reflect.Value {
	into := reflect.New(item).Elem()
	if rule, ok := into.Addr().Interface().(*PassthroughRule); ok {
		*rule = newRule()
	}
	return into
}

func defaultCalls(concurrency int, budget Bucket) Calls {
	return Calls{
		Timeout: seconds(10), MaxBody: 32 << 20, Concurrency: concurrency,
		Retries: 2, RetryBudget: 0.1,
		Breaker: Breaker{FailureRate: 0.5, MinCalls: 10, Window: seconds(30), OpenFor: seconds(5)},
		Budget:  Budget{Bucket: budget, Reserve: 0.2},
	}
}

func defaultViews() Views {
	enrollments := view(minutes(2), minutes(10), seconds(30))
	results := view(minutes(5), minutes(30), seconds(30))
	learner := view(minutes(1), minutes(5), seconds(30))
	return Views{
		Program:           view(minutes(15), hours(1), minutes(1)),
		Enrollments:       enrollments,
		CourseEnrollments: enrollments,
		Grades:            results,
		Completion:        results,
		LearnerGrades:     learner,
		LearnerCompletion: learner,
		Certificates:      view(minutes(10), hours(1), minutes(1)),
	}
}

// view stands in for a dead upstream for a day, whatever the kind of answer.
func view(fresh, revalidate, negative Duration) View {
	return View{Fresh: fresh, StaleWhileRevalidate: revalidate, StaleIfError: hours(24), Negative: negative}
}

func bucket(rate int, per Duration, burst int) Bucket {
	return Bucket{Rate: rate, Per: per, Burst: burst}
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
func hours(n int) Duration   { return Duration(time.Duration(n) * time.Hour) }
