-- The upstream asked for fewer calls. The fields are told in take.lua; each step
-- has its twin in localledger.go.
local key, class, said = KEYS[1], ARGV[2], tonumber(ARGV[3])
local pause, every, least = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = (tonumber(t[1]) * 1000000 + tonumber(t[2])) / 1000
end

local read = redis.call('HMGET', key, class .. ':until', class .. ':epoch',
  class .. ':minute', class .. ':calls', class .. ':before')
local function field(i) return tonumber(read[i] or 0) or 0 end
local till, epoch, minute, calls, before = field(1), field(2), field(3), field(4), field(5)
local function text(n) return string.format('%.17g', n) end

if said == epoch then
  local this = math.floor(now / 60000)
  if this ~= minute then
    if this == minute + 1 then before = calls else before = 0 end
    minute, calls = this, 0
  end
  if every > 0 then least = math.min(least, 1 / (2 * every)) end
  local recent = (calls + before * (1 - (now / 60000 - minute))) / 60000
  epoch = epoch + 1
  redis.call('HSET', key, class .. ':pace', text(math.max(recent / 2, least)), class .. ':full', '0',
    class .. ':minute', text(minute), class .. ':calls', text(calls), class .. ':before', text(before))
end
redis.call('HSET', key, class .. ':until', text(math.max(till, now + pause)), class .. ':epoch', text(epoch))
if redis.call('PTTL', key) < 7200000 then redis.call('PEXPIRE', key, 7200000) end
return { text(epoch) }
