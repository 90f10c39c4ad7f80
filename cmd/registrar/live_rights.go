package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// lmsRights asks what only a staff account may read, for a program that does not
// exist: who may read gets a 404 in JSON.
func (s *liveSite) lmsRights(ctx context.Context) []finding {
	if s.lms.token == "" {
		return []finding{skip("there is no token to ask with")}
	}
	return []finding{s.staffClaim(), s.mayReadEnrollments(ctx)}
}

// staffClaim looks at what Discovery goes by.
func (s *liveSite) staffClaim() finding {
	switch staff := s.discovery.says.Administrator; {
	case s.discovery.token == "":
		return skip("there is no token of Discovery's account")
	case staff == nil:
		return fault("The service account's token does not say whether it is staff.",
			"Allow the OAuth application the scope profile (Django admin, application access), so that the token carries the claim administrator.")
	case !*staff:
		return fault("The service account is not staff.",
			"Mark its user as staff in the LMS (Django admin, is_staff); Discovery takes it over from the next token.")
	}
	return well("the service account is staff")
}

func (s *liveSite) mayReadEnrollments(ctx context.Context) finding {
	r, err := s.ask(ctx, "The LMS", s.cfg.LMS.URL+lmsPath, s.lms.token)
	switch {
	case err != nil:
		return skip("the LMS does not answer: " + err.Error())
	case r.status == http.StatusUnauthorized:
		return fault("The LMS refuses the token that it has just issued.",
			"Compare the LMS's JWT_AUTH settings (issuer, audience, keys) with those of its token endpoint; lms.token_url may belong to another site.")
	case r.status == http.StatusForbidden:
		return fault("The service account may not read program enrollments in the LMS.",
			"Mark its user as staff in the LMS (Django admin, is_staff).")
	case r.status == http.StatusTooManyRequests:
		return skip("the LMS asks for fewer requests")
	case r.status == http.StatusNotFound && r.errorCode() == "program_does_not_exist":
		return well("the service account may read program enrollments")
	}
	return skip(fmt.Sprintf("the LMS's answer %d says nothing of rights", r.status))
}

// discoveryRights lists organizations, of which Discovery shows none to an
// account that is not staff there, with a 200.
func (s *liveSite) discoveryRights(ctx context.Context) finding {
	if s.discovery.token == "" {
		return skip("there is no token to ask with")
	}
	r, err := s.ask(ctx, "Discovery", s.cfg.Discovery.URL+"/api/v1/organizations/?limit=1", s.discovery.token)
	var page struct {
		Results []json.RawMessage `json:"results"`
	}
	switch {
	case err != nil:
		return skip("Discovery does not answer: " + err.Error())
	case r.status == http.StatusUnauthorized:
		return fault("Discovery does not accept the LMS's tokens.",
			"Set Discovery's JWT_AUTH (JWT_ISSUERS, keys, audience) to the LMS's.")
	case r.status == http.StatusForbidden:
		return fault("The service account may not read Discovery.", "Mark its user as staff in the LMS and in Discovery.")
	case r.status == http.StatusTooManyRequests:
		return skip("Discovery asks for fewer requests")
	case r.status != http.StatusOK || json.Unmarshal(r.body, &page) != nil:
		return skip(fmt.Sprintf("Discovery's answer %d says nothing of rights", r.status))
	case len(page.Results) == 0:
		return fault("Discovery shows the service account no organizations: it is not staff there, or Discovery is empty.",
			"Mark the account's user as staff in the LMS, then refresh Discovery's users; see that Discovery's data was loaded (refresh_course_metadata).")
	}
	return well("Discovery shows organizations to the service account")
}

// throttle is the last probe: it tells what the others met, and which class the
// account is in.
func (s *liveSite) throttle(context.Context) finding {
	if len(s.throttled) > 0 {
		return fault(strings.Join(distinct(s.throttled), "; ")+": the service account has used up its requests.",
			"Set lms.budget or discovery.budget below the limit, or raise the limit of the account: in Discovery a UserThrottleRate (Django admin), in the LMS the throttle rates of REST framework.")
	}
	if staff := s.discovery.says.Administrator; staff == nil || !*staff {
		return skip("Discovery lets an account that is not staff ask 200 times an hour")
	}
	return well("no throttle was met; Discovery does not limit staff")
}

func distinct(all []string) []string {
	var once []string
	seen := map[string]bool{}
	for _, text := range all {
		if !seen[text] {
			once = append(once, text)
		}
		seen[text] = true
	}
	return once
}
