-- Lua's numbers are doubles: amounts are pairs of whole dollars and 10^-9 dollars, exact to 2^53 dollars, and travel as
-- decimal text. (For tokens and requests the two are thousands of millions and the rest.)

local BASE = 1000000000

local function read(text)
  local negative = string.sub(text, 1, 1) == '-'
  local digits = negative and string.sub(text, 2) or text
  local hi, lo = 0, 0
  if #digits > 9 then
    hi = tonumber(string.sub(digits, 1, -10))
    lo = tonumber(string.sub(digits, -9))
  else
    lo = tonumber(digits)
  end
  if not negative then return { hi, lo } end
  if lo == 0 then return { -hi, 0 } end
  return { -hi - 1, BASE - lo }
end

local function write(value)
  local hi, lo, sign = value[1], value[2], ''
  if hi < 0 then
    sign = '-'
    if lo == 0 then hi = -hi else hi, lo = -hi - 1, BASE - lo end
  end
  if hi > 0 then return sign .. string.format('%.0f%09.0f', hi, lo) end
  if lo == 0 then return '0' end
  return sign .. string.format('%.0f', lo)
end

local function add(one, other)
  local hi, lo = one[1] + other[1], one[2] + other[2]
  if lo >= BASE then return { hi + 1, lo - BASE } end
  return { hi, lo }
end

local function subtract(one, other)
  local hi, lo = one[1] - other[1], one[2] - other[2]
  if lo < 0 then return { hi - 1, lo + BASE } end
  return { hi, lo }
end

local function less(one, other)
  return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
end

local function most(one, other) if less(one, other) then return other end return one end
local function least(one, other) if less(one, other) then return one end return other end

-- Of an amount that is not below 0.
local function divide(value, by)
  local hi = math.floor(value[1] / by)
  return { hi, math.floor(((value[1] - hi * by) * BASE + value[2]) / by) }
end

local ZERO = { 0, 0 }
