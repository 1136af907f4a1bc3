-- Takes messages out of a queue's dead ones, each for one taker only.
-- KEYS: zset of ids, hash of messages. ARGV: ids. Returns [id, message, id, message ...] of those that were there.
local taken = {}
for _, id in ipairs(ARGV) do
    local message = redis.call('HGET', KEYS[2], id)
    local there = redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    if there == 1 then
        taken[#taken + 1] = id
        taken[#taken + 1] = message or ''
    end
end
return taken
