--- 求和、均值、百分比。比较百分比从不靠四舍五入过的商：
-- 这里的百分比是一个分数 { num = 分子, den = 分母, unit = "%" }，ctx:check 用交叉相乘判断，
-- “恰好 15%” 就不会因二进制小数而误判。显示时再用 stats.value 求商。

local stats = {}

local floor = math.floor

--- 四舍五入到 digits 位小数（默认 6 位：测量值的差、和、均值比较前都先这样取整）。
function stats.round(x, digits)
  if math.type(x) == "integer" then return x end
  local scale = 10.0 ^ (digits or 6)
  local scaled = x * scale
  if scaled ~= scaled or scaled >= 2 ^ 52 or scaled <= -2 ^ 52 then return x end
  return (scaled < 0 and -floor(-scaled + 0.5) or floor(scaled + 0.5)) / scale
end

-- 把两个数乘上同一个 10 的幂变成整数，商不变；太大或位数太多的保持原样（此时差别已小于一分钱的精度）。
local function to_integers(a, b)
  local scale = 1
  for _ = 0, 6 do
    local x, y = a * scale, b * scale
    if math.abs(x) > 9e13 or math.abs(y) > 9e13 then break end
    local rx, ry = floor(x + 0.5), floor(y + 0.5)
    if math.abs(x - rx) <= 1e-9 * scale and math.abs(y - ry) <= 1e-9 * scale then return rx, ry end
    scale = scale * 10
  end
  return stats.round(a), stats.round(b)
end

--- 分数 num/den。den 必须大于零，否则返回 nil 和原因。
function stats.ratio(num, den, unit)
  if not num or not den then return nil, "缺少数据" end
  if den <= 0 then return nil, "基数不大于零" end
  local n, d = to_integers(num, den)
  return { num = n, den = d, unit = unit }
end

--- part 占 whole 的百分比。
function stats.percent(part, whole)
  local r, why = stats.ratio(part, whole, "%")
  if not r then return nil, why end
  r.num = r.num * 100
  return r
end

--- 从 prev 到 cur 下降的百分比（上升为负）。
function stats.percent_drop(prev, cur)
  if not prev or not cur then return nil, "缺少数据" end
  if prev <= 0 then return nil, "基数不大于零" end
  local p, c = to_integers(prev, cur)
  return { num = (p - c) * 100, den = p, unit = "%" }
end

--- 从 prev 到 cur 上升的百分比（下降为负）。
function stats.percent_rise(prev, cur)
  local r, why = stats.percent_drop(prev, cur)
  if not r then return nil, why end
  r.num = -r.num
  return r
end

--- 分数的值，供显示。
function stats.value(r)
  return r.num / r.den
end

--- 分数与数比较：-1 小于、0 相等、1 大于。与 ctx:check 同一算法，不留痕迹。
function stats.compare(r, limit)
  local left, right = stats.round(r.num), stats.round(limit * r.den)
  return left < right and -1 or left > right and 1 or 0
end

--- 求和：stats.sum(list) 或 stats.sum(list, "tax_cny") 或 stats.sum(list, function(item) … end)；缺值跳过。
function stats.sum(list, of)
  local total = 0
  for _, item in ipairs(list) do
    local v = item
    if type(of) == "function" then v = of(item) elseif of ~= nil then v = item[of] end
    if v then total = total + v end
  end
  return stats.round(total)
end

--- 均值；空列表为 nil。
function stats.mean(list)
  if #list == 0 then return nil end
  return stats.round(stats.sum(list) / #list)
end

--- 中位数（偶数个取中间两个的均值）；空列表为 nil。
function stats.median(list)
  local n = #list
  if n == 0 then return nil end
  local sorted = {}
  for i = 1, n do sorted[i] = list[i] end
  table.sort(sorted)
  if n % 2 == 1 then return sorted[n // 2 + 1] end
  return stats.round((sorted[n // 2] + sorted[n // 2 + 1]) / 2)
end

return stats
