--- 写进告警的文字：数字、金额、百分比、名单。输出都是 UTF-8 中文。

local stats = require "std.stats"

local text = {}

local function group(digits)
  local head = #digits % 3
  local parts = head > 0 and { digits:sub(1, head) } or {}
  for i = head + 1, #digits, 3 do parts[#parts + 1] = digits:sub(i, i + 2) end
  return table.concat(parts, ",")
end

--- 数字，千分位，至多 digits 位小数（默认 2），末尾的零不写。1234567.5 → "1,234,567.5"
function text.number(x, digits)
  local s = ("%%.%df"):format(digits or 2):format(stats.round(x + 0.0, digits or 2))
  local sign, whole, fraction = s:match("^(-?)(%d+)%.?(%d*)$")
  if not whole then return tostring(x) end
  fraction = fraction:gsub("0+$", "")
  if whole == "0" and fraction == "" then sign = "" end
  return sign .. group(whole) .. (fraction ~= "" and "." .. fraction or "")
end

--- 金额：86000 → "86,000元"
function text.yuan(x) return text.number(x, 2) .. "元" end

--- 大额金额：1350000 → "135万元"，230000000 → "2.3亿元"；不到一万仍写元。
function text.money(x)
  local a = math.abs(x)
  if a >= 1e8 then return text.number(x / 1e8, 2) .. "亿元" end
  if a >= 1e4 then return text.number(x / 1e4, 2) .. "万元" end
  return text.yuan(x)
end

--- 百分比：接受 stats 的分数或数字。17.0731 → "17.1%"
function text.percent(r, digits)
  local v = type(r) == "table" and stats.value(r) or r
  return text.number(v, digits or 1) .. "%"
end

--- 月份："2020-07" → "2020年7月"
function text.month(month)
  local y, m = month:match("^(%d%d%d%d)%-(%d%d)$")
  return y and ("%d年%d月"):format(tonumber(y), tonumber(m)) or month
end

--- 字数（不是字节数）；不是 UTF-8 时按字节。
function text.len(s) return utf8.len(s) or #s end

--- 截到 n 个字，超出的以“…”结尾（连省略号共 n 个字）。
function text.cut(s, n)
  if text.len(s) <= n then return s end
  if n < 1 then return "" end
  local stop = utf8.len(s) and utf8.offset(s, n) or n
  return s:sub(1, stop - 1) .. "…"
end

--- 去掉首尾空白（含全角空格）；非文本当作空。
function text.trim(s)
  if type(s) ~= "string" then return "" end
  local from, to = 1, #s
  while from <= to do
    if s:find("^%s", from) then from = from + 1
    elseif s:sub(from, from + 2) == "　" then from = from + 3
    else break end
  end
  while to >= from do
    if s:find("^%s", to) then to = to - 1
    elseif to - 2 >= from and s:sub(to - 2, to) == "　" then to = to - 3
    else break end
  end
  return s:sub(from, to)
end

--- 没有实质内容：nil、空串或只有空白。
function text.is_blank(s) return text.trim(s) == "" end

--- 按分隔符（按字面）切开，去掉各段首尾空白，空段不要。split("a, b,", ",") → {"a","b"}
function text.split(s, separator)
  local parts, from = {}, 1
  while true do
    local a, b = s:find(separator, from, true)
    local part = text.trim(s:sub(from, (a or 0) - 1))
    if part ~= "" then parts[#parts + 1] = part end
    if not a then return parts end
    from = b + 1
  end
end

--- 是否以 prefix 开头。
function text.starts_with(s, prefix) return s:sub(1, #prefix) == prefix end

--- 名单：{"甲","乙","丙"} → "甲、乙、丙"；给了 max 且超出时 → "甲、乙等3项"。
function text.list(items, max)
  if not max or #items <= max then return table.concat(items, "、") end
  return ("%s等%d项"):format(table.concat(items, "、", 1, max), #items)
end

--- 表里有没有这个值。
function text.contains(items, value)
  for _, item in ipairs(items or {}) do
    if item == value then return true end
  end
  return false
end

return text
