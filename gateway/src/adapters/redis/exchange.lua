-- One exchange of a gateway with the shared counters: what is stated, asked and answered is told in
-- accounting/budgets/ports.ts, why in ADR 12. The server runs it in one step.
--
-- KEYS    1 the set · 2 the gateways that were heard · 3 this gateway · 4 the accounts that its journal speaks of · 5 when
--         each journal was last heard, then its accounts, rates and permits in the order of the payload.
-- ARGV    1 the payload, JSON · 2 the time in ms for tests; empty: the server's.

local DAY = 86400000

local payload = cjson.decode(ARGV[1])
local set, gateways, gateway, spoken, journals = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local journal = payload.journal

local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function whole(number) return string.format('%.0f', number) end

-- ── Who speaks for the journal: the process that came last. Its generation is above all before it, also above those
-- that lost counters have forgotten, because it is no less than the time of its coming.

local before = redis.call('HMGET', gateway, 'session', 'generation', 'number')
local session, generation, number = before[1], tonumber(before[2] or '0'), tonumber(before[3] or '0')
local mine = payload.generation
if session == payload.session then
  mine = generation
  if payload.number <= number then return redis.error_reply('OVERTAKEN a later exchange was made before this one') end
else
  number = 0
  if mine == 0 then mine = math.max(generation + 1, now)
  elseif session and mine <= generation then
    return redis.error_reply('FENCED another process speaks for this journal')
  end
end

-- ── The set. It is a new one, an epoch, where there is none; where it lacks an exchange that this gateway knows to have
-- been made in it; and where another server has it than before: one that was restarted, or a replica that took over, may
-- lack the last of what the one before has granted, and nobody could tell. Where servers do not tell who they are, an
-- epoch that is older than the one this gateway knows is one that came back.

local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local known = redis.call('HMGET', set, 'epoch', 'born', 'server', 'expected')
local epoch, born, expected = known[1], tonumber(known[2]), tonumber(known[4] or '0')
local lost = not epoch or server ~= known[3] or (epoch == payload.epoch and number < payload.acknowledged)
if lost or (server == '' and epoch < payload.epoch) then
  epoch, born, expected = payload.fresh, now, 0
  -- Whoever was heard before has to speak again.
  redis.call('DEL', gateways)
end
-- Where the server's clock was set back.
born = math.min(born, now)
local opens = born + payload.leaseMs
-- As many as this gateway has known may have been granted something.
if now < opens then expected = math.max(expected, payload.gateways) end
redis.call('HSET', set, 'epoch', epoch, 'born', whole(born), 'server', server, 'expected', whole(expected))

redis.call('HSET', gateway, 'session', payload.session, 'generation', whole(mine), 'number', whole(payload.number))
redis.call('PEXPIRE', gateway, whole(40 * DAY))
redis.call('ZADD', gateways, whole(now), journal)
redis.call('ZADD', journals, whole(now), journal)
redis.call('ZREMRANGEBYSCORE', journals, '-inf', '(' .. whole(now - 400 * DAY))
redis.call('ZREMRANGEBYSCORE', gateways, '-inf', '(' .. whole(now - payload.waitMs))
redis.call('ZREMRANGEBYSCORE', gateways, '(' .. whole(now), '+inf')
local alive = redis.call('ZCARD', gateways)
-- One that is missing may be slow to connect, and still have calls under way that nobody else knows of.
if alive < expected then opens = born + payload.waitMs end
local closed = math.max(0, opens - now)

-- ── Accounts: a hash with the epoch (`e`), whether it is built (`b`), the totals (`t`) and one entry a journal (`j:…`):
-- granted, spent, unknown, in flight, the epoch and the session in which it was said ('-': read from the ledger), and what
-- of the unknown earlier sessions have left.

local function parts(text)
  local found = {}
  for part in string.gmatch(text, '%S+') do found[#found + 1] = part end
  return found
end

local function amounts(text)
  local p = parts(text)
  return { granted = read(p[1]), spent = read(p[2]), unknown = read(p[3]), flight = read(p[4]), epoch = p[5], session = p[6], kept = read(p[7] or '0') }
end

local function text_of(entry)
  return write(entry.granted) .. ' ' .. write(entry.spent) .. ' ' .. write(entry.unknown) .. ' ' .. write(entry.flight)
end

local function open_account(key, claim)
  local known = redis.call('HMGET', key, 'e', 'b', 't', 'j:' .. journal)
  local before = known[4] and amounts(known[4]) or nil
  local account = { key = key, promised = ZERO, kept = ZERO }
  -- What a session that is gone said to be unknown or under way; the ledger does not have it.
  if claim.kept then
    account.kept = read(claim.kept)
    if before and before.session == payload.session then account.kept = most(account.kept, before.kept)
    elseif before and before.session ~= '-' then account.kept = most(account.kept, add(before.unknown, before.flight)) end
  end
  if known[1] == epoch then
    account.built = known[2] == '1'
    account.total = amounts(known[3])
    account.entry = before and before.epoch == epoch and before or nil
  else
    -- An account of an earlier epoch has to be built, whatever the gateway says: it may have lost something.
    account.built = claim.fresh and not known[1]
    account.total = { granted = ZERO, spent = ZERO, unknown = ZERO, flight = ZERO }
  end
  return account
end

local function say(account, entry)
  local old, total = account.entry, account.total
  for _, name in ipairs({ 'granted', 'spent', 'unknown', 'flight' }) do
    local sum = add(total[name], entry[name])
    if old then sum = subtract(sum, old[name]) end
    total[name] = sum
  end
  account.entry = entry
end

local accounts = {}
local place = 6
for at, claim in ipairs(payload.accounts) do
  local account = open_account(KEYS[place], claim)
  place = place + 1
  local own = { spent = read(claim.own[1]), unknown = add(read(claim.own[2]), account.kept), flight = read(claim.own[3]) }
  account.used = add(add(own.spent, own.unknown), own.flight)
  own.granted = most(read(claim.granted), account.used)
  account.limit = claim.limit and read(claim.limit) or nil
  account.lease = read(claim.lease)
  account.claim = claim
  say(account, own)
  accounts[at] = account
end

-- ── Rates

local function add_to(rate, slot, amount)
  local count = (rate.slots[slot] or 0) + amount
  rate.slots[slot] = count ~= 0 and count or nil
  rate.used = rate.used + amount
end

local rates = {}
for at, claim in ipairs(payload.rates) do
  local rate = { key = KEYS[place], claim = claim }
  place = place + 1
  if claim.shape == 'bucket' then
    rate.capacity = claim.burst - math.ceil(claim.amount * claim.heldMs / claim.perMs)
    local known = redis.call('HMGET', rate.key, 'level', 'at')
    rate.level = rate.capacity
    if known[1] then
      local refilled = tonumber(known[1]) + math.max(0, now - tonumber(known[2])) * claim.amount / claim.perMs
      rate.level = math.min(rate.capacity, refilled)
    end
    for _, returned in ipairs(claim.returned) do rate.level = math.min(rate.capacity, rate.level + returned.amount) end
  else
    rate.slotMs = math.ceil(claim.perMs / 60)
    rate.force = math.ceil((claim.perMs + claim.heldMs) / rate.slotMs)
    rate.slot = math.floor(now / rate.slotMs)
    rate.slots, rate.used = {}, 0
    local known = redis.call('HGETALL', rate.key)
    for i = 1, #known, 2 do
      local slot = tonumber(known[i])
      if slot and slot >= rate.slot - rate.force then
        rate.slots[slot] = tonumber(known[i + 1])
        rate.used = rate.used + rate.slots[slot]
      else
        redis.call('HDEL', rate.key, known[i])
      end
    end
    for _, returned in ipairs(claim.returned) do
      local slot = math.floor(returned.takenAt / rate.slotMs)
      if slot >= rate.slot - rate.force then
        add_to(rate, slot, -returned.amount)
      end
    end
  end
  rates[at] = rate
end

local function available(rate)
  if rate.claim.shape == 'bucket' then return rate.level end
  return rate.claim.amount - rate.used
end

local function wait_for(rate, amount)
  local lacking = amount - available(rate)
  if rate.claim.shape == 'bucket' then
    return math.max(0, math.ceil(lacking * rate.claim.perMs / rate.claim.amount - 0.001))
  end
  if lacking <= 0 then return 0 end
  local order = {}
  for slot in pairs(rate.slots) do order[#order + 1] = slot end
  table.sort(order)
  for _, slot in ipairs(order) do
    lacking = lacking - rate.slots[slot]
    if lacking <= 0 then return (slot + rate.force + 1) * rate.slotMs - now end
  end
  return rate.claim.perMs
end

local function reset_of(rate)
  if rate.claim.shape == 'bucket' then return wait_for(rate, rate.capacity) end
  local last
  for slot in pairs(rate.slots) do if not last or slot > last then last = slot end end
  return last and (last + rate.force + 1) * rate.slotMs - now or 0
end

local function take(rate, amount)
  if rate.claim.shape == 'bucket' then
    rate.level = rate.level - amount
  else
    add_to(rate, rate.slot, amount)
  end
end

-- ── Permits: what each gateway says to hold, until when that counts.

local permits = {}
for at, claim in ipairs(payload.permits) do
  local permit = { key = KEYS[place], claim = claim, own = claim.held, held = claim.held }
  place = place + 1
  local known = redis.call('HGETALL', permit.key)
  for i = 1, #known, 2 do
    local p = parts(known[i + 1])
    if tonumber(p[2]) < now then redis.call('HDEL', permit.key, known[i])
    elseif known[i] ~= journal then permit.held = permit.held + tonumber(p[1]) end
  end
  permits[at] = permit
end

-- ── Asks, one after the other, each whole or not at all

local function fits(account, amount)
  if not account.limit then return true end
  if not account.built or closed > 0 then return false end
  local others = subtract(account.total.granted, account.entry.granted)
  local wanted = add(add(account.used, account.promised), amount)
  return not less(account.limit, add(others, wanted))
end

local function grant(account, amount)
  account.promised = add(account.promised, amount)
  local least_grant = add(account.used, account.promised)
  local granted = least_grant
  if account.limit then
    local others = subtract(account.total.granted, account.entry.granted)
    local left = subtract(subtract(account.limit, others), least_grant)
    if less(ZERO, left) then granted = add(least_grant, least(account.lease, divide(left, 2 * alive))) end
  end
  local entry = account.entry
  say(account, { granted = most(entry.granted, granted), spent = entry.spent, unknown = entry.unknown, flight = entry.flight })
end

local answers = {}
for at, ask in ipairs(payload.asks) do
  local lacking = {}
  for _, need in ipairs(ask.needs) do
    if not fits(accounts[need.account + 1], read(need.amount)) then
      lacking[#lacking + 1] = { kind = 'account', account = need.account }
    end
  end
  for _, wanted in ipairs(ask.takes) do
    local wait = wait_for(rates[wanted.rate + 1], wanted.amount)
    if wait > 0 then lacking[#lacking + 1] = { kind = 'rate', rate = wanted.rate, waitMs = wait } end
  end
  for _, which in ipairs(ask.permits) do
    local permit = permits[which + 1]
    if permit.held >= permit.claim.permits then lacking[#lacking + 1] = { kind = 'permit', permit = which } end
  end
  if #lacking > 0 then
    answers[at] = { granted = false, lacking = lacking }
  else
    for _, need in ipairs(ask.needs) do grant(accounts[need.account + 1], read(need.amount)) end
    for _, which in ipairs(ask.permits) do
      permits[which + 1].held = permits[which + 1].held + 1
      permits[which + 1].own = permits[which + 1].own + 1
    end
    local taken = {}
    for i, wanted in ipairs(ask.takes) do
      local rate = rates[wanted.rate + 1]
      taken[i] = math.max(wanted.amount, math.min(wanted.atMost, math.floor(available(rate) / (2 * alive))))
      take(rate, taken[i])
    end
    answers[at] = { granted = true, taken = taken }
  end
end

-- ── What is kept

local told = { accounts = {}, rates = {}, permits = {} }
for at, account in ipairs(accounts) do
  local total, entry, claim = account.total, account.entry, account.claim
  redis.call('HSET', account.key, 'e', epoch, 'b', account.built and '1' or '0', 't', text_of(total),
    'j:' .. journal, text_of(entry) .. ' ' .. epoch .. ' ' .. payload.session .. ' ' .. write(account.kept))
  -- Late settles come for a week.
  local kept = math.max(claim.endsAt - payload.now, 0) + 7 * DAY
  redis.call('PEXPIRE', account.key, whole(kept))
  redis.call('ZADD', spoken, whole(now + kept), claim.key)
  told.accounts[at] = {
    granted = write(entry.granted),
    kept = write(account.kept),
    spent = write(total.spent),
    unknown = write(total.unknown),
    inFlight = write(total.flight),
    totalGranted = write(total.granted),
    built = account.built,
  }
end
for at, rate in ipairs(rates) do
  local claim = rate.claim
  if claim.shape == 'bucket' then
    redis.call('HSET', rate.key, 'level', string.format('%.6f', rate.level), 'at', whole(now))
    redis.call('PEXPIRE', rate.key, whole(reset_of(rate) + claim.heldMs + 60000))
  else
    redis.call('DEL', rate.key)
    for slot, count in pairs(rate.slots) do
      redis.call('HSET', rate.key, whole(slot), whole(count))
    end
    redis.call('PEXPIRE', rate.key, whole(2 * (claim.perMs + claim.heldMs) + 60000))
  end
  told.rates[at] = { available = math.floor(available(rate) + 0.000001), resetMs = reset_of(rate) }
end
for at, permit in ipairs(permits) do
  if permit.own > 0 then
    redis.call('HSET', permit.key, journal, permit.own .. ' ' .. whole(now + payload.permitMs))
  else
    redis.call('HDEL', permit.key, journal)
  end
  redis.call('PEXPIRE', permit.key, payload.permitMs + 60000)
  told.permits[at] = { held = permit.held }
end
redis.call('ZREMRANGEBYSCORE', spoken, '-inf', '(' .. whole(now))
redis.call('PEXPIRE', spoken, whole(400 * DAY))

return cjson.encode({
  number = payload.number,
  generation = mine,
  epoch = epoch,
  closedMs = closed,
  time = now,
  gateways = alive,
  accounts = told.accounts,
  rates = told.rates,
  permits = told.permits,
  asks = answers,
})
