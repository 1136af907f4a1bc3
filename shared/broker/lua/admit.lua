-- The gate of one provider: give slots back, judge what ended, renew, then admit as many calls as may start now.
-- One script makes the whole decision, over all processes, by the clock of Redis.
--
-- KEYS[1]  epoch     when this memory began (microseconds); missing = Redis forgot everything
-- KEYS[2]  inflight  zset: token of a call in flight -> when its slot expires (microseconds)
-- KEYS[3]  tat       theoretical arrival time of the rate limit (GCRA, microseconds)
-- KEYS[4]  hold      nothing may start before this time (microseconds), and why: "1234 account"
-- KEYS[5]  breaker   hash: the fields of shared.domain.breaker.Breaker, as text
-- KEYS[6]  probes    zset: token of a call that tries the provider out -> when it expires
-- ARGV     1 epoch the caller knows   2 limit of calls in flight   3 calls per second (0: none)
--          4 burst   5 slot lease (microseconds)   6 settling time after a loss (microseconds)
--          7 hold to set (microseconds from now, 0: none)   8 its reason
--          of the breaker: 9 failure threshold   10 success threshold   11 timeout   12 part of the window (both
--          microseconds)   13 parts   14 share of failures   15 probes   16, 17 waits while held and while probing
--          18 the breaker the caller knows of, or nothing: "state epoch failures successes opened_at reopen_at since
--          forced trips"; it counts if its epoch is higher
--          19 n released   20 n renewed   21 n wanted   22 how many of these, the first, bypass the breaker, then: released {token, breaker epoch, verdict}, renewed
--          {token, breaker epoch}, wanted {token}
-- Returns  {epoch, admitted, wait in microseconds (0: unknown), reason, 1 if a hold is the reason, now, then the
--          breaker as in 18}; admitted = -1: the epoch is another than the caller's, who must send its calls in
--          flight and the breaker it knows of with the new one.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, settling, hold = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local threshold, recovery, timeout, part = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local parts, share, probes = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local released, renewed, wanted, bypass = tonumber(ARGV[19]), tonumber(ARGV[20]), tonumber(ARGV[21]), tonumber(ARGV[22])
local function text(number) return string.format('%.0f', number) end
local interval = rate > 0 and 1000000 / rate or 0

-- The breaker: read once, written at the end if something has changed. Decisions as in shared/domain/breaker.py.
local FIELDS = {'state', 'epoch', 'failures', 'successes', 'opened_at', 'reopen_at', 'since', 'forced', 'trips'}
local breaker, changed = {}, false
local stored = redis.call('HMGET', KEYS[5], 'state', 'epoch', 'failures', 'successes', 'opened_at', 'reopen_at',
                          'since', 'forced', 'trips', 'window')
for n, name in ipairs(FIELDS) do breaker[name] = n > 1 and tonumber(stored[n] or 0) or stored[n] or 'closed' end
breaker.window = stored[10] or ''

local function become(state)
    breaker.state, breaker.epoch, breaker.successes, breaker.window = state, breaker.epoch + 1, 0, ''
    redis.call('DEL', KEYS[6])
    changed = true
end
local function open()
    become('open')
    breaker.opened_at, breaker.reopen_at, breaker.trips = now, now + timeout, breaker.trips + 1
    if breaker.since == 0 then breaker.since = now end
end
local function close()
    become('closed')
    breaker.failures, breaker.reopen_at, breaker.since = 0, 0, 0
end
local function count(fault)
    local current, calls, faults, kept, mine = math.floor(now / part), 0, 0, {}, {0, 0}
    for number, c, f in string.gmatch(breaker.window, '(%d+) (%d+) (%d+);') do
        number, c, f = tonumber(number), tonumber(c), tonumber(f)
        if number == current then
            mine = {c, f}
        elseif current - parts < number and number < current then
            kept[#kept + 1] = text(number) .. ' ' .. c .. ' ' .. f .. ';'
            calls, faults = calls + c, faults + f
        end
    end
    mine = {mine[1] + 1, mine[2] + (fault and 1 or 0)}
    breaker.window = table.concat(kept) .. text(current) .. ' ' .. mine[1] .. ' ' .. mine[2] .. ';'
    return calls + mine[1], faults + mine[2]
end
local function judge(epoch, verdict)
    if verdict == 'ignore' or epoch ~= breaker.epoch or breaker.forced == 1 or breaker.state == 'open' then return end
    changed = true
    local fault = verdict == 'fail'
    if breaker.state == 'half_open' then
        if fault then return open() end
        breaker.successes = breaker.successes + 1
        if breaker.successes >= recovery then close() end
        return
    end
    local calls, faults = count(fault)
    breaker.failures = fault and breaker.failures + 1 or 0
    if fault and (breaker.failures >= threshold or (faults >= threshold and faults >= share * calls)) then open() end
end

local epoch = redis.call('GET', KEYS[1])
local function answer(admitted, wait, why, held)
    if changed then
        local fields = {'window', breaker.window}
        for _, name in ipairs(FIELDS) do
            fields[#fields + 1] = name
            fields[#fields + 1] = name == 'state' and breaker.state or text(breaker[name])
        end
        redis.call('HSET', KEYS[5], unpack(fields))
    end
    local told = {epoch, admitted, wait, why, held, now}
    for _, name in ipairs(FIELDS) do told[#told + 1] = breaker[name] end
    return told
end

if not epoch then
    epoch = text(now)
    redis.call('SET', KEYS[1], epoch)
    -- What was admitted before the loss is unknown: the bucket starts empty.
    redis.call('SET', KEYS[3], text(now + burst * interval))
end
local held, why = 0, ''
local kept = redis.call('GET', KEYS[4])
if kept then
    local blank = string.find(kept, ' ')
    held, why = tonumber(string.sub(kept, 1, blank - 1)), string.sub(kept, blank + 1)
end
if now + hold > math.max(now, held) then
    held, why = now + hold, ARGV[8]
    redis.call('SET', KEYS[4], text(held) .. ' ' .. why, 'PX', math.ceil(hold / 1000))
end
if ARGV[18] ~= '' then
    local known, n = {}, 0
    for word in string.gmatch(ARGV[18], '%S+') do
        n = n + 1
        known[FIELDS[n]] = n > 1 and tonumber(word) or word
    end
    if known.epoch > breaker.epoch then
        become(known.state)
        for name, value in pairs(known) do breaker[name] = value end
    end
end
local at = 22
for _ = 1, released do
    redis.call('ZREM', KEYS[2], ARGV[at + 1])
    if ARGV[at + 3] ~= '' then
        redis.call('ZREM', KEYS[6], ARGV[at + 1])
        judge(tonumber(ARGV[at + 2]), ARGV[at + 3])
    end
    at = at + 3
end
for _ = 1, renewed do
    redis.call('ZADD', KEYS[2], text(now + lease), ARGV[at + 1])
    -- Who was admitted in this epoch of a breaker that is tried out is a probe.
    if breaker.state == 'half_open' and tonumber(ARGV[at + 2]) == breaker.epoch then
        redis.call('ZADD', KEYS[6], text(now + lease), ARGV[at + 1])
    end
    at = at + 2
end
-- Wanted and here already: the answer that admitted it was lost. It is decided anew.
for n = 1, wanted do
    redis.call('ZREM', KEYS[2], ARGV[at + n])
    redis.call('ZREM', KEYS[6], ARGV[at + n])
end
if epoch ~= ARGV[1] then return answer(-1, 0, '', 0) end
if wanted == 0 then return answer(0, 0, '', 0) end

if now < held then return answer(0, held - now, why, 1) end
-- Other processes have until then to register the calls they have in flight.
local settled = tonumber(epoch) + settling
if now < settled then return answer(0, settled - now, 'concurrency', 0) end

local heeding = wanted - bypass
if breaker.state == 'open' and breaker.forced ~= 1 and now >= breaker.reopen_at and heeding > 0 then become('half_open') end
if breaker.state == 'open' then
    heeding = 0
elseif breaker.state == 'half_open' then
    redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', text(now))
    heeding = math.max(0, math.min(heeding, probes - redis.call('ZCARD', KEYS[6])))
end
local admitted = bypass + heeding
if admitted == 0 then
    if breaker.state == 'half_open' then return answer(0, tonumber(ARGV[17]), 'breaker', 0) end
    return answer(0, breaker.forced == 1 and tonumber(ARGV[16]) or breaker.reopen_at - now, 'breaker', 0)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
local free = limit - redis.call('ZCARD', KEYS[2])
if free <= 0 then return answer(0, 0, 'concurrency', 0) end
admitted = math.min(admitted, free)
if rate > 0 then
    local tat = math.max(now, tonumber(redis.call('GET', KEYS[3]) or 0))
    local room = math.floor((burst * interval - (tat - now)) / interval + 0.000001)
    if room < 1 then return answer(0, math.ceil(tat + interval - burst * interval - now), 'rate', 0) end
    admitted = math.min(admitted, room)
    redis.call('SET', KEYS[3], text(tat + admitted * interval), 'PX', math.ceil((burst + 1) * interval / 1000) + 60000)
end
for n = 1, admitted do
    redis.call('ZADD', KEYS[2], text(now + lease), ARGV[at + n])
    if breaker.state == 'half_open' and n > bypass then redis.call('ZADD', KEYS[6], text(now + lease), ARGV[at + n]) end
end
return answer(admitted, 0, '', 0)
