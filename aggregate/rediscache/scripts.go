package rediscache

import "github.com/redis/go-redis/v9"

// scripts are sent once and then named by their digest.
type scripts struct{ locate, drop, claim, store, renew *redis.Script }

func newScripts() scripts {
	return scripts{locate: locateScript(), drop: dropScript(), claim: claimScript(), store: storeScript(), renew: renewScript()}
}

// The scripts are the only writers. Reading is by MGET throughout, also within
// them: what is of another type reads as absent, and SET replaces it. Who holds a
// lease, and for which stamp, is its value: "token stamp".

// positionLua reads KEYS[1] and announces drops. A position is "epoch number";
// an epoch begins with r and its first number when Redis had lost the one before,
// with p when everything was dropped.
const positionLua = `
local function read()
	local v = redis.call('MGET', KEYS[1])[1]
	if not v then return nil, 0 end
	local epoch, number = string.match(v, '^(%w+) (%d+)$')
	return epoch, tonumber(number) or 0
end
local function move(epoch, number, by, channel, tags)
	redis.call('SET', KEYS[1], string.format('%s %.0f', epoch, number))
	redis.call('PUBLISH', channel, string.format('%.0f %s %s %s', number, epoch, by, tags))
end
-- restore makes a position where Redis has lost it. One that was only lost
-- follows the caller's; one from another past leaves a gap, for drops may have
-- been counted there that the caller does not know, or the other way round.
local function restore(known, floor, token, by, channel)
	local epoch, number = read()
	if epoch and (number > floor or number == floor and epoch == known) then return epoch, number end
	number = floor + (epoch and 2 or 1)
	epoch = string.format('r%.0fx%s', number, token)
	move(epoch, number, by, channel, '')
	return epoch, number
end
`

// locateScript returns the position, never before the caller's.
// KEYS: position. ARGV: the caller's epoch and number, a new token, the caller,
// the channel.
func locateScript() *redis.Script {
	return redis.NewScript(positionLua + `
local epoch, number = restore(ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5])
return {epoch, number}`)
}

// dropScript deletes marks, or voids all of them by a new epoch, and says so.
// It begins with a deletion: after one write that takes no memory, a script may
// go on writing in a Redis that is full.
// KEYS: position, at least one mark. ARGV: as for locate, then "all" or "", and the tags
// in one text. Returns the new position.
func dropScript() *redis.Script {
	return redis.NewScript(positionLua + `
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
local epoch, number = restore(ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5])
number = number + 1
if ARGV[6] == 'all' then epoch = 'p' .. ARGV[3] end
move(epoch, number, ARGV[4], ARGV[5], ARGV[7])
return {epoch, number}`)
}

// claimScript takes the lease unless another has it for the same stamp: a load
// that a drop has overtaken holds nobody up. It makes the marks that are
// missing.
// KEYS: position, lease, marks. ARGV: the caller's epoch and number, a new
// token, the lease and the life of marks in milliseconds.
// Returns {"away"}, {"busy", the holder's token, ms left} or {"mine", stamp}.
func claimScript() *redis.Script {
	return redis.NewScript(positionLua + `
local epoch, number = read()
if epoch ~= ARGV[1] or number < tonumber(ARGV[2]) then return {'away'} end
local parts, missing = {epoch}, false
for i = 3, #KEYS do
	local mark = redis.call('MGET', KEYS[i])[1]
	if not mark then missing = true end
	parts[#parts + 1] = mark or ARGV[3]
end
local stamp = table.concat(parts, ',')
local lease, left = redis.call('MGET', KEYS[2])[1], redis.call('PTTL', KEYS[2])
if lease and left > 0 and not missing then
	local token, for_stamp = string.match(lease, '^(%w+) (.+)$')
	if for_stamp == stamp then return {'busy', token, left} end
end
redis.call('SET', KEYS[2], ARGV[3] .. ' ' .. stamp, 'PX', ARGV[4])
for i = 3, #KEYS do
	if parts[i - 1] == ARGV[3] then
		redis.call('SET', KEYS[i], ARGV[3], 'PX', ARGV[5])
	elseif redis.call('PTTL', KEYS[i]) < tonumber(ARGV[5]) then
		redis.call('PEXPIRE', KEYS[i], ARGV[5])
	end
end
return {'mine', stamp}`)
}

// storeScript stores a part and ends its lease, if the lease is still the
// caller's and nothing was dropped since.
// KEYS: position, lease, part, marks. ARGV: token, stamp, entry, its life in
// milliseconds.
// Returns "stored", "lapsed" or "dropped".
func storeScript() *redis.Script {
	return redis.NewScript(positionLua + `
if redis.call('MGET', KEYS[2])[1] ~= ARGV[1] .. ' ' .. ARGV[2] then return 'lapsed' end
local parts = {(read()) or ''}
for i = 4, #KEYS do parts[#parts + 1] = redis.call('MGET', KEYS[i])[1] or '' end
if table.concat(parts, ',') ~= ARGV[2] then
	redis.call('DEL', KEYS[2])
	return 'dropped'
end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
for i = 4, #KEYS do
	if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
end
redis.call('DEL', KEYS[2])
return 'stored'`)
}

// renewScript lengthens a lease that is still the caller's; 0 milliseconds end it.
// KEYS: lease. ARGV: its value, milliseconds.
func renewScript() *redis.Script {
	return redis.NewScript(`
if redis.call('MGET', KEYS[1])[1] ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)
}
