"""What Redis does in one atomic step each, in Lua. All keys of a script share one hash tag and are named in KEYS."""

from typing import Final

HEAD: Final = "head:"  # how an answer begins that names another head of the chain than was given: nothing was done

# Entries come last, each as its JSON, who wrote it, and the hash before it; before them, the head of the chain without
# and with them. Redis's own hash is SHA-1, so the hashes are made outside, and the head is compared.
COMMIT: Final = """
local record, timeline, once, told, open, unfinished, all, of_cluster = unpack(KEYS, 1, 8)
local expected, saved, over, keep = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local id, cluster, proposed_at, before, after, first_entry = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], 10

if tonumber(redis.call('HGET', record, 'revision') or '0') ~= expected then return 'changed' end
local holder = redis.call('HGET', open, cluster)
if over == '0' and holder and holder ~= id then return 'open:' .. holder end
local head = redis.call('HGET', record, 'head') or ''
if first_entry <= #ARGV and head ~= before then return 'head:' .. head end

redis.call('HSET', record, 'revision', expected + 1, 'over', over, 'saved', saved)
for i = first_entry, #ARGV, 3 do
  redis.call('XADD', timeline, '*', 'entry', ARGV[i], 'who', ARGV[i + 1], 'prev', ARGV[i + 2])
  redis.call('HSET', record, 'head', after)
end

if expected == 0 then
  local month = 30 * 24 * 3600
  for _, index in ipairs({all, of_cluster}) do
    redis.call('ZREMRANGEBYSCORE', index, '-inf', tonumber(redis.call('TIME')[1]) - keep - month)
    redis.call('ZADD', index, proposed_at, id)
  end
  redis.call('EXPIRE', of_cluster, keep + month)
  redis.call('SADD', unfinished, id)
end
if over == '0' then
  redis.call('HSET', open, cluster, id)
else
  if holder == id then redis.call('HDEL', open, cluster) end
  for _, key in ipairs({record, timeline, once, told, unpack(KEYS, 9)}) do redis.call('EXPIRE', key, keep) end
end
return 'saved'
"""

# Goes before COMMIT where that saves the intent of an order, with one key more at the end, freezes, and two arguments
# more at the beginning: cluster, now.
# A freeze is over when our clock and the one that now is by both say so.
_NOT_FROZEN: Final = """
do
  local freezes, cluster, now = table.remove(KEYS), table.remove(ARGV, 1), tonumber(table.remove(ARGV, 1))
  local time = redis.call('TIME')
  now = math.min(now, time[1] * 1000 + math.floor(time[2] / 1000))
  for _, scope in ipairs({'*', cluster}) do
    local freeze = redis.call('HGET', freezes, scope)
    local over = freeze and tonumber(string.match(freeze, '^(%d+) '))
    if freeze and not (over and over <= now) then return 'frozen:' .. scope end
  end
end
"""

INTEND: Final = _NOT_FROZEN + COMMIT

FREEZE: Final = """
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return before
"""

UNFREEZE: Final = """
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return before
"""

APPEND_ONCE: Final = """
local record, timeline, once, claimed = unpack(KEYS)
local key, measured_by, before, after, entry, who, prev = unpack(ARGV)
if redis.call('HGET', record, 'over') ~= '0' then return 'no' end
local holder = claimed and redis.call('GET', claimed)
if holder and holder ~= measured_by then return 'taken:' .. holder end
if redis.call('SISMEMBER', once, key) == 1 then return 'no' end
local head = redis.call('HGET', record, 'head') or ''
if head ~= before then return 'head:' .. head end
redis.call('SADD', once, key)
redis.call('XADD', timeline, '*', 'entry', entry, 'who', who, 'prev', prev)
redis.call('HSET', record, 'head', after)
return 'added'
"""

SET_TOLD: Final = """
local record, told = KEYS[1], KEYS[2]
local before = redis.call('GET', told)
if (before and cjson.decode(before).revision or 0) ~= tonumber(ARGV[3]) then return 'changed' end
redis.call('SET', told, ARGV[1])
local left = redis.call('PTTL', record)
if left == -2 then left = tonumber(ARGV[2]) * 1000 end
if left >= 0 then redis.call('PEXPIRE', told, left) end
return 'saved'
"""

KEEP: Final = """
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1]) end
"""

ADD_ATTEMPTS: Final = """
local fields = {'vantage', ARGV[1], 'rows', ARGV[2]}
if ARGV[4] ~= '[]' then table.insert(fields, 'others'); table.insert(fields, ARGV[4]) end
redis.call('XADD', KEYS[1], '*', unpack(fields))
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

FORGET_ATTEMPTS: Final = """
local record, attempts = KEYS[1], KEYS[2]
if redis.call('HGET', record, 'revision') ~= ARGV[1] then return end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XTRIM', attempts, 'MINID', string.format('%.0f', now - ARGV[2]))
"""

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local function free_from(at)
  redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', string.format('%.0f', (at - now) / 1000 + 1000))
end
"""

RESERVE: Final = (
    _NOW
    + """
local every, at_most = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait = free - now
if wait <= at_most then free_from(free + every) end
return wait
"""
)

SUSPEND: Final = _NOW + "free_from(math.max(free, now + tonumber(ARGV[1])))"
