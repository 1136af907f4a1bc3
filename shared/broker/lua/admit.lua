-- The gate of one provider: give slots back, renew, then admit as many calls as may start now.
-- One script makes the whole decision, over all processes, by the clock of Redis.
--
-- KEYS[1]  epoch     when this memory began (microseconds); missing = Redis forgot everything
-- KEYS[2]  inflight  zset: token of a call in flight -> when its slot expires (microseconds)
-- KEYS[3]  tat       theoretical arrival time of the rate limit (GCRA, microseconds)
-- KEYS[4]  hold      nothing may start before this time (microseconds), and why: "1234 account"
-- ARGV     1 epoch the caller knows   2 limit of calls in flight   3 calls per second (0: none)
--          4 burst   5 slot lease (microseconds)   6 settling time after a loss (microseconds)
--          7 hold to set (microseconds from now, 0: none)   8 its reason
--          9 n released   10 n renewed   11 n wanted   then that many tokens of each
-- Returns  {epoch, admitted, wait in microseconds (0: unknown), reason, 1 if a hold is the reason};
--          admitted = -1: the epoch is another than the caller's, who must send its calls in flight for
--          renewal with the new one.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, settling, hold = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local released, renewed, wanted = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local function text(number) return string.format('%.0f', number) end
local interval = rate > 0 and 1000000 / rate or 0

local epoch = redis.call('GET', KEYS[1])
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
local at = 11
for _ = 1, released do at = at + 1; redis.call('ZREM', KEYS[2], ARGV[at]) end
for _ = 1, renewed do at = at + 1; redis.call('ZADD', KEYS[2], text(now + lease), ARGV[at]) end
-- Wanted and here already: the answer that admitted it was lost. It is decided anew.
for n = 1, wanted do redis.call('ZREM', KEYS[2], ARGV[at + n]) end
if epoch ~= ARGV[1] then return {epoch, -1, 0, '', 0} end
if wanted == 0 then return {epoch, 0, 0, '', 0} end

if now < held then return {epoch, 0, held - now, why, 1} end
-- Other processes have until then to register the calls they have in flight.
local settled = tonumber(epoch) + settling
if now < settled then return {epoch, 0, settled - now, 'concurrency', 0} end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
local free = limit - redis.call('ZCARD', KEYS[2])
if free <= 0 then return {epoch, 0, 0, 'concurrency', 0} end
local admitted = math.min(wanted, free)
if rate > 0 then
    local tat = math.max(now, tonumber(redis.call('GET', KEYS[3]) or 0))
    local room = math.floor((burst * interval - (tat - now)) / interval + 0.000001)
    if room < 1 then return {epoch, 0, math.ceil(tat + interval - burst * interval - now), 'rate', 0} end
    admitted = math.min(admitted, room)
    redis.call('SET', KEYS[3], text(tat + admitted * interval), 'PX', math.ceil((burst + 1) * interval / 1000) + 60000)
end
for _ = 1, admitted do at = at + 1; redis.call('ZADD', KEYS[2], text(now + lease), ARGV[at]) end
return {epoch, admitted, 0, '', 0}
