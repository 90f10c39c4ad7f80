-- One call asks to pass. The fields of the hash, times in milliseconds:
--   full            when the bucket of the whole upstream is full again
--   CLASS:until     end of the pause          CLASS:pace   calls a millisecond after it
--   CLASS:full      as full, for the pace     CLASS:epoch  changes of the pace
--   CLASS:minute, CLASS:calls, CLASS:before   the calls of this minute and the last
-- Each step has its twin in localledger.go.
local key, class = KEYS[1], ARGV[2]
local every, burst, share = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local recovery, forgotten, paceburst = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = (tonumber(t[1]) * 1000000 + tonumber(t[2])) / 1000
end

local read = redis.call('HMGET', key, 'full', class .. ':until', class .. ':pace', class .. ':full',
  class .. ':epoch', class .. ':minute', class .. ':calls', class .. ':before')
local function field(i) return tonumber(read[i] or 0) or 0 end
local full, till, pace, slowfull, epoch = field(1), field(2), field(3), field(4), field(5)
local minute, calls, before = field(6), field(7), field(8)

local function text(n) return string.format('%.17g', n) end
local function left()
  if every == 0 then return 0 end
  return math.max(burst - math.max(full - now, 0) / every, 0)
end
local function answer(granted, paused, wait)
  return { text(granted), text(paused), text(math.ceil(wait * 1000)), text(left()), text(epoch) }
end
local function overdue(at, gap, room)
  if gap == 0 then return 0 end
  return math.max(math.max(at, now) + gap - gap * room - now, 0)
end

-- No emptier than empty.
if every > 0 then full = math.min(full, now + every * burst) end

if now < till then return answer(0, 1, till - now) end

local gap, room = 0, 0
if pace > 0 then
  local grown = 1 + (now - till) / recovery
  if grown < forgotten then
    gap = 1 / (pace * grown)
    room = math.max(1, math.floor(pace * grown * paceburst) * share)
  else
    pace = 0
  end
end
local wait = math.max(overdue(slowfull, gap, room), overdue(full, every, math.max(1, burst * share)))
if wait > 0 then return answer(0, 0, wait) end

if gap > 0 then slowfull = math.max(slowfull, now) + gap end
if every > 0 then full = math.max(full, now) + every end
local this = math.floor(now / 60000)
if this ~= minute then
  if this == minute + 1 then before = calls else before = 0 end
  minute, calls = this, 0
end
calls = calls + 1
redis.call('HSET', key, 'full', text(full), class .. ':pace', text(pace), class .. ':full', text(slowfull),
  class .. ':minute', text(minute), class .. ':calls', text(calls), class .. ':before', text(before))
-- Longer than any pause, and until the bucket is full.
redis.call('PEXPIRE', key, math.floor(math.max(7200000, full - now)))
return answer(1, 0, 0)
