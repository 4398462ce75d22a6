-- Gives what a gateway that is gone was granted in one account to others, but for what it has said that it spent or left
-- unknown, or the ledger has of it where that is more.
--
-- KEYS 1 the set · 2 the account · 3 the gateways that were heard
-- ARGV 1 the journal · 2 spent · 3 unknown, by the ledger · 4 how long a gateway is there after it was heard, ms · 5 the time

local now = tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local heard = redis.call('ZSCORE', KEYS[3], ARGV[1])
if heard and tonumber(heard) >= now - tonumber(ARGV[4]) then return 0 end

local field = 'j:' .. ARGV[1]
local known = redis.call('HMGET', KEYS[2], 'e', 't', field)
if not known[3] then return 1 end

local p = {}
for part in string.gmatch(known[3], '%S+') do p[#p + 1] = part end
local spent, unknown = read(p[2]), read(p[3])
if less(add(spent, unknown), add(read(ARGV[2]), read(ARGV[3]))) then spent, unknown = read(ARGV[2]), read(ARGV[3]) end
local granted = add(spent, unknown)

-- Totals are of one epoch; what was said in another is in none of them.
if p[5] == known[1] then
  local total = {}
  for part in string.gmatch(known[2], '%S+') do total[#total + 1] = read(part) end
  redis.call('HSET', KEYS[2], 't',
    write(add(subtract(total[1], read(p[1])), granted)) .. ' ' .. write(add(subtract(total[2], read(p[2])), spent)) .. ' ' ..
    write(add(subtract(total[3], read(p[3])), unknown)) .. ' ' .. write(subtract(total[4], read(p[4]))))
end
redis.call('HSET', KEYS[2], field, write(granted) .. ' ' .. write(spent) .. ' ' .. write(unknown) .. ' 0 ' .. p[5] .. ' ' ..
  p[6] .. ' ' .. (p[7] or '0'))
return 1
