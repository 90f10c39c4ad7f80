package simulator

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// Simulator is the site. It is safe for concurrent use and has no goroutines of
// its own.
type Simulator struct {
	opts    Options
	world   *world
	keys    keyRing
	tokens  tokenBook
	rates   throttles
	views   []view
	control http.Handler
	faults  faultList
	log     requestLog
	roles   discoveryRoles
}

// New makes a world. It fails on sizes below the least and never otherwise.
func New(o Options) (*Simulator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Simulator{opts: o, world: newWorld(o), keys: newKeyRing()}
	s.views = s.lmsViews()
	s.views = append(s.views, s.discoveryViews()...)
	s.control = s.controlAPI()
	return s, nil
}

// Issuer is the iss of the site's tokens.
func (s *Simulator) Issuer() string { return s.opts.Issuer }

// Audience is the aud of the site's tokens.
func (s *Simulator) Audience() string { return s.opts.Audience }

// Secret is the HS256 secret that tokens are signed with unless RS512 is asked for.
func (s *Simulator) Secret() string { return hsSecret }

// JWKSet is the public JWK set as JSON: one RSA key of this world, without kid.
// The first call makes the key, which takes a moment.
func (s *Simulator) JWKSet() []byte { return s.keys.public() }

// maxBody is what the site reads of a request.
const maxBody = 16 << 20

// ServeHTTP answers as the site would, faults first. It may break the
// connection by panicking with [http.ErrAbortHandler], which net/http expects.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isControl(r.URL.Path) {
		s.control.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		htmlReply(http.StatusBadRequest).write(w)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f, faulty := s.faults.take(r)
	if faulty && !f.wait(r.Context()) || faulty && f.DropConnection {
		s.log.add(r, 0, s.now())
		panic(http.ErrAbortHandler)
	}
	p, instead := f.reply()
	if !instead {
		p = s.answer(r, body)
	}
	f.decorate(&p)
	// Logged before it is sent: who has the answer finds it in the log.
	s.log.add(r, p.status, s.now())
	if f.Truncate {
		p.cut(w)
	}
	p.write(w)
}

func (s *Simulator) now() time.Time { return s.opts.Now() }
