--- 日期、月份、时刻的纯函数（东八区，无夏令时）。不读时钟：现在几点由 ctx 给。
--
-- 文本格式：date "2020-07-15"，month "2020-07"，datetime "2020-07-15T08:30:00+08:00"，week "2020-W29"。
-- 写错的日期一律报错，不猜。

local calendar = {}

local floor = math.floor
local month_days = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function fail(what, text) error(("不是%s：%s"):format(what, tostring(text)), 3) end

local function is_leap(y) return y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0) end

--- 某年某月有几天。
function calendar.days_in_month(y, m)
  return m == 2 and is_leap(y) and 29 or month_days[m]
end

-- 1970-01-01 起的天数；年从三月算起，闰日落在年末，公式里就没有特例。
local function to_serial(y, m, d)
  if m <= 2 then y, m = y - 1, m + 12 end
  return 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469
end

local function from_serial(n)
  n = n + 719468
  local era = n // 146097
  local doe = n - era * 146097
  local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
  local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
  local mp = (5 * doy + 2) // 153
  local d = doy - (153 * mp + 2) // 5 + 1
  local m = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (m <= 2 and 1 or 0), m, d
end

local function split_month(text)
  local y, m = tostring(text):match("^(%d%d%d%d)%-(%d%d)$")
  y, m = tonumber(y), tonumber(m)
  if not y or m < 1 or m > 12 then return nil end
  return y, m
end

local function split_date(text)
  local y, m, d = tostring(text):match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if not y or m < 1 or m > 12 or d < 1 or d > calendar.days_in_month(y, m) then return nil end
  return y, m, d
end

--- 时刻 → 1970-01-01T00:00:00Z 起的秒数（可带小数）。时间先后、相差多久都用它比。
function calendar.seconds(datetime)
  local date, h, mi, s, zone = tostring(datetime):match("^(%d%d%d%d%-%d%d%-%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)(.+)$")
  local y, m, d = split_date(date)
  if not y then fail("时刻", datetime) end
  local offset = 0
  if zone ~= "Z" then
    local sign, zh, zm = zone:match("^([+-])(%d%d):(%d%d)$")
    if not sign then fail("时刻", datetime) end
    offset = (tonumber(zh) * 60 + tonumber(zm)) * 60 * (sign == "-" and -1 or 1)
  end
  h, mi, s = tonumber(h), tonumber(mi), tonumber(s)
  if h > 23 or mi > 59 or s >= 60 then fail("时刻", datetime) end
  local whole = to_serial(y, m, d) * 86400 + h * 3600 + mi * 60 - offset
  return whole + (math.tointeger(s) or s)
end

--- 秒数 → 东八区时刻（不足一秒的部分舍去）。
function calendar.datetime(seconds)
  local t = floor(seconds) + 8 * 3600
  local y, m, d = from_serial(t // 86400)
  local s = t % 86400
  return ("%04d-%02d-%02dT%02d:%02d:%02d+08:00"):format(y, m, d, s // 3600, s % 3600 // 60, s % 60)
end

--- 时刻加若干分钟。
function calendar.add_minutes(datetime, n)
  return calendar.datetime(calendar.seconds(datetime) + n * 60)
end

--- 两个时刻相差几分钟（后减前）。
function calendar.minutes_between(from, to)
  return (calendar.seconds(to) - calendar.seconds(from)) / 60
end

--- 日期或时刻所在的（东八区）日期。
function calendar.date_of(text)
  text = tostring(text)
  if #text == 10 then
    if not split_date(text) then fail("日期", text) end
    return text
  end
  return calendar.datetime(calendar.seconds(text)):sub(1, 10)
end

--- 日期、时刻或月份所在的月份。
function calendar.month_of(text)
  text = tostring(text)
  if #text == 7 then
    if not split_month(text) then fail("月份", text) end
    return text
  end
  return calendar.date_of(text):sub(1, 7)
end

--- 日期或时刻 → 1970-01-01 起的天数。
function calendar.day_number(text)
  return to_serial(split_date(calendar.date_of(text)))
end

--- 天数 → 日期。
function calendar.date(day_number)
  return ("%04d-%02d-%02d"):format(from_serial(day_number))
end

--- 日期加若干天（负数往回）。
function calendar.add_days(date, n)
  return calendar.date(calendar.day_number(date) + n)
end

--- 整天数：to 减 from，只看日期。days_between("2020-07-01", "2020-07-15T08:00:00+08:00") == 14
function calendar.days_between(from, to)
  return calendar.day_number(to) - calendar.day_number(from)
end

--- date 在 now 之前 n 天以内（0 ≤ 相差天数 ≤ n，两端都算）。date 缺失时为 false。
function calendar.within_days(date, n, now)
  if not date then return false end
  local gap = calendar.days_between(date, now)
  return gap >= 0 and gap <= n
end

--- 月份或日期加若干个月；日期超出月末的取月末。add_months("2020-03-31", -1) == "2020-02-29"
function calendar.add_months(text, n)
  local y, m = split_month(text)
  local d
  if not y then
    y, m, d = split_date(text)
    if not y then fail("月份或日期", text) end
  end
  local count = y * 12 + (m - 1) + n
  y, m = count // 12, count % 12 + 1
  if not d then return ("%04d-%02d"):format(y, m) end
  return ("%04d-%02d-%02d"):format(y, m, math.min(d, calendar.days_in_month(y, m)))
end

--- 从 from 到 to 相差几个月（只看月份）。
function calendar.months_between(from, to)
  local y1, m1 = split_month(calendar.month_of(from))
  local y2, m2 = split_month(calendar.month_of(to))
  return (y2 - y1) * 12 + m2 - m1
end

-- 从 y 年 m 月起第 0 … n-1 个月。
local function run_of_months(y, m, n)
  local list, count = {}, y * 12 + m - 1
  for i = 1, n do
    list[i] = ("%04d-%02d"):format(count // 12, count % 12 + 1)
    count = count + 1
  end
  return list
end

--- month 之前的 n 个整月，由远到近，不含 month 本身。months_back("2020-07", 2) → {"2020-05","2020-06"}
function calendar.months_back(month, n)
  local y, m = split_month(month)
  if not y then fail("月份", month) end
  return run_of_months(y, m - n, n)
end

--- from 到 to 的各月，两端都含；from 晚于 to 时为空。
function calendar.months(from, to)
  local n = calendar.months_between(from, to) + 1
  local y, m = split_month(calendar.month_of(from))
  return run_of_months(y, m, n)
end

--- 月份的第一天、最后一天。
function calendar.first_day(month)
  if not split_month(month) then fail("月份", month) end
  return month .. "-01"
end
function calendar.last_day(month)
  local y, m = split_month(month)
  if not y then fail("月份", month) end
  return ("%s-%02d"):format(month, calendar.days_in_month(y, m))
end

--- 星期几：1 星期一 … 7 星期日。
function calendar.weekday(text)
  return (calendar.day_number(text) + 3) % 7 + 1
end

--- ISO 周："2020-W29"，星期一为首日，年由该周的星期四定。
function calendar.iso_week(text)
  local n = calendar.day_number(text)
  local thursday = n - (n + 3) % 7 + 3
  local y = from_serial(thursday)
  return ("%04d-W%02d"):format(y, (thursday - to_serial(y, 1, 1)) // 7 + 1)
end

--- ISO 周的星期一。
function calendar.week_start(week)
  local y, w = tostring(week):match("^(%d%d%d%d)%-W(%d%d)$")
  y, w = tonumber(y), tonumber(w)
  if not y or w < 1 or w > 53 then fail("周", week) end
  local jan4 = to_serial(y, 1, 4)
  local monday = calendar.date(jan4 - (jan4 + 3) % 7 + (w - 1) * 7)
  if calendar.iso_week(monday) ~= week then fail("周", week) end
  return monday
end

--- "08:30" → 当天第几分钟。
function calendar.minute_of_day(hm)
  local h, m = tostring(hm):match("^(%d%d):(%d%d)$")
  h, m = tonumber(h), tonumber(m)
  if not h or m > 59 or h * 60 + m > 1440 then fail("钟点", hm) end
  return h * 60 + m
end

--- 时刻是否落在钟点段内：含起点，不含终点；可跨零点（"22:00-06:00"），多段用逗号隔开。
function calendar.in_clock(datetime, ranges)
  local now = (calendar.seconds(datetime) + 8 * 3600) % 86400 / 60
  for range in tostring(ranges):gmatch("[^,]+") do
    local from, to = range:match("^%s*(%d%d:%d%d)%-(%d%d:%d%d)%s*$")
    if not from then fail("钟点段", range) end
    from, to = calendar.minute_of_day(from), calendar.minute_of_day(to)
    if from <= to then
      if now >= from and now < to then return true end
    elseif now >= from or now < to then
      return true
    end
  end
  return false
end

-- 工作时间（周一至周五 08:30–12:00、13:30–17:30，每天7.5小时）---------------------------------------
-- 哪天上班由 ctx:is_workday 说了算：有 calendar_day 记录听记录的，否则星期一至五。

local SHIFTS = { { 8 * 3600 + 30 * 60, 12 * 3600 }, { 13 * 3600 + 30 * 60, 17 * 3600 + 30 * 60 } }
local CLOSING = "T17:30:00+08:00"

-- 逐日问是否上班。日历写坏了、一年里没有一个工作日时，其后按星期一至五，免得数不到头。
local function asker(ctx)
  local free = 0
  return function(day)
    local works
    if free < 366 then works = ctx:is_workday(calendar.date(day)) else works = (day + 3) % 7 < 5 end
    if works then
      if free < 366 then free = 0 end
    else
      free = free + 1
    end
    return works
  end
end

-- 时刻 → 东八区的天数和当天第几秒。
local function day_and_second(datetime)
  local t = calendar.seconds(datetime) + 8 * 3600
  local second = t % 86400
  return floor((t - second) / 86400), second
end

--- 加 n 个工作日：起算日是工作日就是它，否则是其后第一个工作日；再往后数 n 个（n ≥ 0）。
-- 只给日期；要时刻用 calendar.deadline。
function calendar.add_workdays(ctx, date, n)
  local works, day = asker(ctx), calendar.day_number(date)
  while not works(day) do day = day + 1 end
  while n > 0 do
    day = day + 1
    if works(day) then n = n - 1 end
  end
  return calendar.date(day)
end

--- (from, to] 里的工作日个数；to 不晚于 from 时为 0。
function calendar.workdays_between(ctx, from, to)
  local works, count = asker(ctx), 0
  for day = calendar.day_number(from) + 1, calendar.day_number(to) do
    if works(day) then count = count + 1 end
  end
  return count
end

--- 离期限还有几个工作日：(今天, 期限日] 里的个数。期限就在今天或已过为 0。now 不写就是 ctx.now。
function calendar.wd_left(ctx, due, now)
  return calendar.workdays_between(ctx, now or ctx.now, due)
end

--- 超过期限几个工作日：(期限日, 今天] 里的个数。期限就在今天或还没到为 0。now 不写就是 ctx.now。
function calendar.wd_over(ctx, due, now)
  return calendar.workdays_between(ctx, due, now or ctx.now)
end

--- 两个时刻之间的工作分钟数（只算上班时间，可带小数）；to 不晚于 from 时为 0。
function calendar.working_minutes(ctx, from, to)
  local first, start = day_and_second(from)
  local last, stop = day_and_second(to)
  local works, total = asker(ctx), 0
  for day = first, last do
    local lo = day == first and start or 0
    local hi = day == last and stop or 86400
    if lo < hi and works(day) then
      for _, shift in ipairs(SHIFTS) do
        total = total + math.max(0, math.min(hi, shift[2]) - math.max(lo, shift[1]))
      end
    end
  end
  return total / 60
end

--- 从 from 起再过 n 个工作分钟是什么时刻（n > 0；4 个工作时写 4 * 60）。下班后、休息日不走时间：
-- 星期五 17:00 加 60 分钟是下一个工作日 09:00。
function calendar.add_working_minutes(ctx, from, n)
  if n <= 0 then return calendar.datetime(calendar.seconds(from)) end
  local day, start = day_and_second(from)
  local works, left = asker(ctx), n * 60
  while true do
    if works(day) then
      for _, shift in ipairs(SHIFTS) do
        local open = math.max(start, shift[1])
        if open < shift[2] then
          if left <= shift[2] - open then return calendar.datetime(day * 86400 - 8 * 3600 + open + left) end
          left = left - (shift[2] - open)
        end
      end
    end
    day, start = day + 1, 0
  end
end

--- 期限：从 from 起 limit 之后的时刻。limit 写 "30min" "24h" "15d"（自然时间）、"4wh"（工作时）、"5wd"（工作日）。
-- n 个工作日的期限是起算日之后第 n 个工作日的 17:30；起算日是 from 当天，当天不上班就是其后第一个工作日。
-- from 可以只是日期：自然时间和工作时从当天 00:00 算起。
function calendar.deadline(ctx, from, limit)
  local n, unit = tostring(limit):match("^(%d+)(%a+)$")
  n = tonumber(n)
  if unit == "wd" then return calendar.add_workdays(ctx, calendar.date_of(from), n) .. CLOSING end
  if #from == 10 then from = from .. "T00:00:00+08:00" end
  if unit == "wh" then return calendar.add_working_minutes(ctx, from, n * 60) end
  local minutes = ({ min = 1, h = 60, d = 24 * 60 })[unit or ""]
  if not minutes then fail("期限", limit) end
  return calendar.add_minutes(from, n * minutes)
end

--- 写时限：period(5, "wd") → "5wd"，period(30, "d") → "30d"；小数部分舍去。参数填的数用它拼成期限或窗口。
function calendar.period(n, unit)
  return ("%d%s"):format(floor(n), unit)
end

--- 期限已过没有：now 晚于期限才算，恰好等于不算。now 不写就是 ctx.now。
function calendar.is_past(ctx, due, now)
  return calendar.seconds(now or ctx.now) > calendar.seconds(due)
end

return calendar
