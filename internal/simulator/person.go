package simulator

import (
	"fmt"
	"strconv"
	"strings"
)

// person is a learner of an organization, known by a number. Everything else
// about a generated person follows from it.
type person struct {
	org    *organization
	number int
}

// strangerS is HarborX's own S-0001: somebody else than NorthU's. A gateway
// that forgets which school it is speaking for mixes the two up.
const strangerS = 0

// studentKey is the school's name for the person.
func (p person) studentKey() string {
	if p.org.key == HarborX && p.number == strangerS {
		return "S-0001"
	}
	return p.org.letter + "-" + pad4(p.number)
}

// pad4 is cheaper than fmt, which shows when a page has a hundred thousand rows.
func pad4(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 4-len(s))) + s
}

// parsePerson finds the generated person behind a student key, whatever its
// case. Keys with a number that nobody has are nobody.
func (o *organization) parsePerson(key string) (person, bool) {
	if o.key == HarborX && strings.EqualFold(key, "S-0001") {
		return person{o, strangerS}, true
	}
	head, digits, ok := strings.Cut(key, "-")
	if !ok || !strings.EqualFold(head, o.letter) {
		return person{}, false
	}
	n, err := strconv.Atoi(digits)
	p := person{o, n}
	if err != nil || n < 1 || n > o.people || !strings.EqualFold(p.studentKey(), key) {
		return person{}, false
	}
	return p, true
}

// handle is the end of the username: the student key without its dash, with an
// h before the stranger's so that usernames stay unique.
func (p person) handle() string {
	if p.org.key == HarborX && p.number == strangerS {
		return "hs0001"
	}
	return strings.ToLower(p.org.letter) + pad4(p.number)
}

func (w *world) username(p person) string {
	if p.org.key == NorthU && p.number == 1 {
		return "ana_s0001"
	}
	return w.firstNames.pick(w.dice.roll("first"+p.org.key, p.number)) + "_" + p.handle()
}

func (w *world) fullName(p person) string {
	first, _, _ := strings.Cut(w.username(p), "_")
	last := w.lastNames.pick(w.dice.roll("last"+p.org.key, p.number))
	return strings.ToUpper(first[:1]) + first[1:] + " " + last
}

// userID keeps the schools apart by parity, but for the one id that is too big for
// a float.
func (w *world) userID(p person) int64 {
	if p.org.key == NorthU && p.number == 1 {
		return BigUserID
	}
	return firstUserID + 2*int64(p.number) + int64(p.org.index)
}

// firstUserID leaves room below for the owners of the OAuth clients.
const firstUserID = 1000

// hasAccount says who has an LMS account from the start. Of the first few it is fixed.
func (w *world) hasAccount(p person) bool {
	switch p.number {
	case 2, 9:
		return false
	case 0, 1, 3, 4, 5, 6, 7, 8:
		return true
	}
	return w.dice.percent(88, "account"+p.org.key, p.number)
}

// account is an LMS user.
type account struct {
	id                    int64
	username, email, name string
	joined                string
	active, staff         bool
}

// accountOf is the account of a person who has one; ask hasAccount first.
func (w *world) accountOf(p person) account {
	name := w.username(p)
	return account{
		id: w.userID(p), username: name, email: name + "@" + p.org.domain, name: w.fullName(p), active: true,
		joined: fmt.Sprintf("2025-01-%02dT%02d:00:00Z", 1+p.number%28, p.number%24),
	}
}

// personNamed finds the generated person with an account of that username.
func (w *world) personNamed(username string) (person, bool) {
	cut := strings.LastIndexByte(username, '_')
	if cut < 0 {
		return person{}, false
	}
	for _, o := range w.orgs {
		p, ok := o.personOfHandle(username[cut+1:])
		if ok && w.hasAccount(p) && w.username(p) == username {
			return p, true
		}
	}
	return person{}, false
}

// personOfHandle is the inverse of handle.
func (o *organization) personOfHandle(handle string) (person, bool) {
	if handle == "hs0001" {
		return person{o, strangerS}, o.key == HarborX
	}
	if len(handle) < 2 || handle[0] != o.letter[0]+'a'-'A' {
		return person{}, false
	}
	n, err := strconv.Atoi(handle[1:])
	p := person{o, n}
	return p, err == nil && n >= 1 && n <= o.people && p.handle() == handle
}

// names is a list to pick from; a world holds its own, for it is asked often.
type names []string

func (n names) pick(roll uint64) string { return n[roll%uint64(len(n))] }

func firstNames() names {
	return strings.Fields("bo chidi dalia emre farah goran hana ivo jun kofi lena mira nils oona pavel qadir rosa sami tove uma vera wen xenia yusuf zora")
}

func lastNames() names {
	return strings.Fields("Adeyemi Bergman Castro Dogan Eriksen Fontaine Grau Haddad Ito Jansen Kovacs Lindholm Moreau Novak Okafor Petrov Quist Rossi Sato Toure")
}
