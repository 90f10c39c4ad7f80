package registrar_test

import (
	"fmt"
	"testing"

	"registrar/internal/registrar"
)

func TestFlagOn(t *testing.T) {
	t.Parallel()

	yes, no := true, false
	who := registrar.Principal{Username: "ada", Staff: true, Groups: []registrar.Group{{Name: "stem-admins"}}}
	for name, tc := range map[string]struct {
		flag registrar.Flag
		want bool
	}{
		"zero":             {registrar.Flag{}, false},
		"everyone":         {registrar.Flag{Everyone: &yes}, true},
		"nobody, whatever": {registrar.Flag{Everyone: &no, Authenticated: true, Users: []registrar.Username{"ada"}}, false},
		"authenticated":    {registrar.Flag{Authenticated: true}, true},
		"staff":            {registrar.Flag{Staff: true}, true},
		"superusers":       {registrar.Flag{Superusers: true}, false},
		"a listed user":    {registrar.Flag{Users: []registrar.Username{"bob", "ada"}}, true},
		"another user":     {registrar.Flag{Users: []registrar.Username{"Ada"}}, false},
		"a listed group":   {registrar.Flag{Groups: []string{"stem-admins"}}, true},
		"another group":    {registrar.Flag{Groups: []string{"hum-admins"}}, false},
		"all of them":      {registrar.Flag{Percent: 100}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := tc.flag.On("f", who); got != tc.want {
				t.Errorf("on: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestFlagPercentIsAShareOfUsersThatStays(t *testing.T) {
	t.Parallel()

	flag := registrar.Flag{Percent: 30}
	on := 0
	for i := range 2000 {
		p := registrar.Principal{Username: registrar.Username(fmt.Sprintf("user-%d", i))}
		first := flag.On("f", p)
		if first != flag.On("f", p) {
			t.Fatalf("user %d has two lots", i)
		}
		if first {
			on++
		}
	}
	if on < 500 || on > 700 {
		t.Errorf("on for %d of 2000 users, want about 600", on)
	}
}
