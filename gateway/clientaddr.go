package gateway

import (
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// maxHops bounds the X-Forwarded-For that is read, from the right.
const maxHops = 16

// proxies are the peers whose word about a request is believed.
type proxies []netip.Prefix

// parseProxies reads addresses and CIDR ranges that [Config.check] let pass.
func parseProxies(texts []string) proxies {
	list := make(proxies, 0, len(texts))
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				continue
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		list = append(list, prefix)
	}
	return list
}

func (p proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// clientAddr is the address of whoever the nearest trusted proxy speaks for. Each
// proxy adds its peer at the right end of X-Forwarded-For, so the walk goes from
// there and stops at the first one that nobody trusted vouches for: everything
// further left is the caller's own invention.
func (g *Gateway) clientAddr(c *fiber.Ctx) netip.Addr {
	remote, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	at := remote.Unmap()
	if !g.proxies.trust(at) {
		return at
	}
	var named []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		named = append(named, strings.Split(string(line), ",")...)
	}
	for hops := 0; len(named) > 0 && hops < maxHops; hops++ {
		last := strings.TrimSpace(named[len(named)-1])
		named = named[:len(named)-1]
		next, ok := parseHop(last)
		if !ok {
			return at
		}
		if at = next; !g.proxies.trust(at) {
			return at
		}
	}
	return at
}

// parseHop reads an address as proxies write it: bare, or with a port.
func parseHop(text string) (netip.Addr, bool) {
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return address.Unmap(), true
	}
	pair, err := netip.ParseAddrPort(text)
	return pair.Addr().Unmap(), err == nil
}
