-- Completes an account from the ledger, once an epoch. What a journal has said itself in this epoch counts; of the others
-- the more of what the ledger has and of what was said in an epoch before.
--
-- KEYS 1 the set · 2 the account · ARGV 1 JSON: {"<journal>": ["<spent>", "<unknown>"], …}

local epoch = redis.call('HGET', KEYS[1], 'epoch')
local known = redis.call('HMGET', KEYS[2], 'e', 'b', 't')
if not epoch or known[1] ~= epoch or known[2] == '1' then return 0 end

local total = {}
for part in string.gmatch(known[3], '%S+') do total[#total + 1] = read(part) end

local journals = cjson.decode(ARGV[1])
local all = redis.call('HGETALL', KEYS[2])
local said = {}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'j:' then
    local p = {}
    for part in string.gmatch(all[i + 1], '%S+') do p[#p + 1] = part end
    said[string.sub(all[i], 3)] = p
  end
end
for journal in pairs(said) do if not journals[journal] then journals[journal] = { '0', '0' } end end

for journal, sums in pairs(journals) do
  local p = said[journal]
  if not p or p[5] ~= epoch then
    local spent, unknown, flight = read(sums[1]), read(sums[2]), { 0, 0 }
    local granted, session, kept = add(spent, unknown), '-', '0'
    if p then
      -- Still the word of a session, though of an epoch before.
      session, kept = p[6], p[7] or '0'
      if less(granted, add(read(p[2]), read(p[3]))) then spent, unknown = read(p[2]), read(p[3]) end
      flight = read(p[4])
      granted = add(spent, unknown)
      if less(granted, read(p[1])) then granted = read(p[1]) end
    end
    total[1], total[2], total[3], total[4] =
      add(total[1], granted), add(total[2], spent), add(total[3], unknown), add(total[4], flight)
    redis.call('HSET', KEYS[2], 'j:' .. journal,
      write(granted) .. ' ' .. write(spent) .. ' ' .. write(unknown) .. ' ' .. write(flight) .. ' ' .. epoch .. ' ' .. session .. ' ' .. kept)
  end
end
redis.call('HSET', KEYS[2], 'b', '1', 't',
  write(total[1]) .. ' ' .. write(total[2]) .. ' ' .. write(total[3]) .. ' ' .. write(total[4]))
return 1
