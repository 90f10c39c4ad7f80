package simulator

// Uuids of the four programs that every world has, in the lower case that
// Discovery's and the LMS's routes ask for.
const (
	MastersCSUUID         = "5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11" // masters-cs of NorthU
	MastersDSUUID         = "8e40b1f3-6d2c-4c9a-b7d5-1a2b3c4d5e22" // masters-ds of NorthU, with two curricula
	MicroMastersStatsUUID = "b2f7c9d4-3e1a-4f86-8c05-6d7e8f901a33" // micromasters-stats of NorthU
	MastersNursingUUID    = "e9a3d5c7-7f4b-4d12-9e68-2b3c4d5e6f44" // masters-nursing of HarborX
)

// Keys of the two organizations.
const (
	NorthU  = "NorthU"  // SSO slug northu, provider saml-northu
	HarborX = "HarborX" // SSO slug harborx, provider saml-harborx
)

// APIKey is accepted in X-Edx-Api-Key by the enrollment and third-party-auth
// endpoints, as on sites that still have one. It also lifts the enrollment throttle.
const APIKey = "simulated-api-key-not-a-secret"

// hsSecret signs tokens by default, as JWT_SECRET_KEY does in the LMS.
const hsSecret = "simulated-jwt-secret-key-not-a-real-secret-0123456789"

// BigUserID is the LMS user id of NorthU's S-0001: the first whole number that
// a float64 cannot hold.
const BigUserID int64 = 9007199254740993

// Client is an OAuth application of the simulated LMS. Its tokens act as the
// LMS user of the same name.
type Client struct {
	ID, Secret string
	Staff      bool   // the user is LMS staff; its tokens say administrator
	ContentOrg string // organization in the token's content_org filter, or ""
}

// Clients are the applications of every world, with secrets that guard nothing.
func (s *Simulator) Clients() []Client { return clients() }

func clients() []Client {
	return []Client{
		{ID: "registrar-worker", Secret: "fake-registrar-worker-secret", Staff: true},
		{ID: "sis-worker", Secret: "fake-sis-worker-secret", ContentOrg: NorthU},
		{ID: "harbor-worker", Secret: "fake-harbor-worker-secret", ContentOrg: HarborX},
		{ID: "plain-worker", Secret: "fake-plain-worker-secret"},
	}
}
