local calendar = require "std.calendar"

it("adds months across years and cuts to the month's last day", function()
  same(calendar.add_months("2020-07", -12), "2019-07")
  same(calendar.add_months("2020-01", -1), "2019-12")
  same(calendar.add_months("2019-12", 1), "2020-01")
  same(calendar.add_months("2020-03-31", -1), "2020-02-29")
  same(calendar.add_months("2021-03-31", -1), "2021-02-28")
  same(calendar.add_months("2020-07-15", 1), "2020-08-15")
end)

it("counts days between dates and datetimes by the calendar", function()
  same(calendar.days_between("2020-02-28", "2020-03-01"), 2)
  same(calendar.days_between("2020-07-14T23:59:59+08:00", "2020-07-15T00:00:00+08:00"), 1)
  same(calendar.days_between("2020-07-15", "2020-07-01"), -14)
  same(calendar.days_between("1970-01-01", "2020-07-15"), 18458)
end)

it("takes every date of four centuries there and back", function()
  local day = calendar.day_number("1799-12-31")
  for n = day, day + 146097, 7 do same(calendar.day_number(calendar.date(n)), n) end
end)

it("lists the twelve months before a month, oldest first", function()
  local list = calendar.months_back("2020-07", 12)
  same(#list, 12)
  same(list[1], "2019-07")
  same(list[12], "2020-06")
  same(calendar.months("2019-11", "2020-02"), { "2019-11", "2019-12", "2020-01", "2020-02" })
  same(calendar.months("2020-02", "2020-01"), {})
end)

it("names ISO weeks at the turn of the year", function()
  same(calendar.iso_week("2020-07-15"), "2020-W29")
  same(calendar.iso_week("2021-01-03"), "2020-W53")
  same(calendar.iso_week("2021-01-04"), "2021-W01")
  same(calendar.iso_week("2018-12-31"), "2019-W01")
  same(calendar.iso_week("2024-12-30"), "2025-W01")
  same(calendar.week_start("2020-W28"), "2020-07-06")
  same(calendar.week_start("2020-W53"), "2020-12-28")
  fails(function() calendar.week_start("2019-W53") end, "不是周")
end)

it("knows weekdays", function()
  same(calendar.weekday("2020-07-15"), 3)
  same(calendar.weekday("2020-07-19"), 7)
  same(calendar.weekday("2020-07-20T00:00:00+08:00"), 1)
end)

it("reads datetimes of any zone as Shanghai days", function()
  same(calendar.date_of("2020-07-14T16:00:00Z"), "2020-07-15")
  same(calendar.month_of("2020-06-30T23:00:00-01:00"), "2020-07")
  same(calendar.datetime(calendar.seconds("2020-07-15T08:30:00+08:00")), "2020-07-15T08:30:00+08:00")
  same(calendar.minutes_between("2020-07-15T23:50:00+08:00", "2020-07-16T00:05:00+08:00"), 15.0)
  same(calendar.add_minutes("2020-12-31T23:59:00+08:00", 2), "2021-01-01T00:01:00+08:00")
end)

it("says within n days with both ends included", function()
  same(calendar.within_days("2020-07-01", 14, "2020-07-15"), true)
  same(calendar.within_days("2020-06-30", 14, "2020-07-15"), false)
  same(calendar.within_days("2020-07-15", 0, "2020-07-15"), true)
  same(calendar.within_days("2020-07-16", 14, "2020-07-15"), false)
  same(calendar.within_days(nil, 14, "2020-07-15"), false)
end)

it("holds a clock range's start and not its end, over midnight too", function()
  local function at(hm) return ("2020-07-15T%s:00+08:00"):format(hm) end
  same(calendar.in_clock(at "22:00", "22:00-06:00"), true)
  same(calendar.in_clock(at "05:59", "22:00-06:00"), true)
  same(calendar.in_clock(at "06:00", "22:00-06:00"), false)
  same(calendar.in_clock(at "08:29", "07:30-08:30,15:30-17:00"), true)
  same(calendar.in_clock(at "08:30", "07:30-08:30,15:30-17:00"), false)
  same(calendar.in_clock(at "15:30", "07:30-08:30,15:30-17:00"), true)
end)

it("counts working days by what the office says", function()
  local ctx = { is_workday = function(_, date) return calendar.weekday(date) <= 5 and date ~= "2020-07-20" end }
  same(calendar.add_workdays(ctx, "2020-07-17", 1), "2020-07-21") -- Friday, Monday off
  same(calendar.add_workdays(ctx, "2020-07-18", 1), "2020-07-22") -- Saturday starts on Tuesday
  same(calendar.add_workdays(ctx, "2020-07-18", 0), "2020-07-21")
  same(calendar.workdays_between(ctx, "2020-07-17", "2020-07-22"), 2)
  same(calendar.workdays_between(ctx, "2020-07-22", "2020-07-17"), 0)
end)

-- An office that works Monday to Friday, but not on `off` days and also on `on` days (of July 2020).
local function office(off, on)
  return {
    now = "2020-07-15T09:00:00+08:00",
    is_workday = function(_, date)
      if (off or ""):find(date, 1, true) then return false end
      if (on or ""):find(date, 1, true) then return true end
      return calendar.weekday(date) <= 5
    end,
  }
end
local function july(day, hms) return ("2020-07-%02dT%s+08:00"):format(day, hms) end

it("sets deadlines of working days at half past five", function()
  local ctx = office()
  same(calendar.deadline(ctx, july(17, "17:00:00"), "1wd"), july(20, "17:30:00")) -- Friday
  same(calendar.deadline(ctx, july(17, "23:00:00"), "1wd"), july(20, "17:30:00"))
  same(calendar.deadline(ctx, july(18, "10:00:00"), "1wd"), july(21, "17:30:00")) -- Saturday: base day is Monday
  same(calendar.deadline(ctx, july(6, "10:00:00"), "5wd"), july(13, "17:30:00"))
  same(calendar.deadline(ctx, "2020-07-06", "5wd"), july(13, "17:30:00"))
  same(calendar.deadline(ctx, "2020-07-05T16:30:00Z", "1wd"), july(7, "17:30:00")) -- Monday half past midnight here
  local holiday = office("2020-07-20", "2020-07-18") -- Monday off, Saturday worked instead
  same(calendar.deadline(holiday, july(17, "17:00:00"), "1wd"), july(18, "17:30:00"))
  same(calendar.deadline(holiday, july(17, "17:00:00"), "2wd"), july(21, "17:30:00"))
  same(calendar.deadline(holiday, july(19, "10:00:00"), "1wd"), july(22, "17:30:00"))
end)

it("sets deadlines of natural time and of working hours", function()
  local ctx = office()
  same(calendar.deadline(ctx, july(17, "17:00:00"), "30min"), july(17, "17:30:00"))
  same(calendar.deadline(ctx, july(17, "17:00:00"), "24h"), july(18, "17:00:00"))
  same(calendar.deadline(ctx, july(17, "17:00:00"), "15d"), "2020-08-01T17:00:00+08:00")
  same(calendar.deadline(ctx, july(17, "17:00:00"), "4wh"), july(20, "12:00:00"))
  same(calendar.deadline(ctx, "2020-07-15", "4wh"), july(15, "14:00:00"))
  fails(function() calendar.deadline(ctx, july(17, "17:00:00"), "5 wd") end, "不是期限")
  fails(function() calendar.deadline(ctx, july(17, "17:00:00"), "wd") end, "不是期限")
  fails(function() calendar.deadline(ctx, july(17, "17:00:00"), "3w") end, "不是期限")
end)

it("writes limits from whatever number a setting holds", function()
  same(calendar.period(5, "wd"), "5wd")
  same(calendar.period(30.0, "d"), "30d")
  same(calendar.period(2.9, "h"), "2h")
end)

it("is past a deadline only after its second", function()
  local ctx = office()
  ctx.now = july(20, "17:30:00")
  same(calendar.is_past(ctx, july(20, "17:30:00")), false)
  same(calendar.is_past(ctx, july(20, "17:30:00"), july(20, "17:30:01")), true)
  same(calendar.is_past(ctx, july(20, "17:29:59")), true)
end)

it("counts the working days left and over", function()
  local ctx = office("2020-07-20", "2020-07-18")
  same(calendar.wd_left(ctx, july(17, "17:30:00")), 2) -- from Wednesday: Thursday, Friday
  same(calendar.wd_left(ctx, july(15, "17:30:00")), 0)
  same(calendar.wd_left(ctx, july(14, "17:30:00")), 0)
  same(calendar.wd_left(ctx, july(20, "17:30:00")), 3) -- and the worked Saturday, not the Monday off
  same(calendar.wd_over(ctx, july(13, "17:30:00")), 2)
  same(calendar.wd_over(ctx, july(11, "09:00:00")), 3)
  same(calendar.wd_over(ctx, july(15, "08:00:00")), 0)
  same(calendar.wd_over(ctx, july(16, "08:00:00")), 0)
  same(calendar.wd_over(ctx, "2020-07-17", july(21, "00:00:00")), 2)
end)

it("counts and adds minutes inside working hours only", function()
  local ctx = office("2020-07-20", "2020-07-18")
  local function minutes(from, to) return calendar.working_minutes(ctx, from, to) end
  same(minutes(july(15, "00:00:00"), july(16, "00:00:00")), 450.0)
  same(minutes(july(15, "11:30:00"), july(15, "14:00:00")), 60.0)
  same(minutes(july(15, "12:00:00"), july(15, "13:30:00")), 0.0)
  same(minutes(july(15, "17:29:30"), july(15, "23:00:00")), 0.5)
  same(minutes(july(17, "17:00:00"), july(21, "09:00:00")), 30.0 + 450 + 30) -- Saturday worked, Monday off
  same(minutes(july(15, "14:00:00"), july(15, "10:00:00")), 0.0)
  local function add(from, n) return calendar.add_working_minutes(ctx, from, n) end
  same(add(july(15, "11:30:00"), 30), july(15, "12:00:00"))
  same(add(july(15, "11:30:00"), 31), july(15, "13:31:00"))
  same(add(july(15, "20:00:00"), 60), july(16, "09:30:00"))
  same(add(july(17, "17:00:00"), 60), july(18, "09:00:00"))
  same(add(july(18, "17:00:00"), 60), july(21, "09:00:00"))
  same(add(july(15, "08:30:00"), 450), july(15, "17:30:00"))
  same(add(july(15, "08:30:00"), 0), july(15, "08:30:00"))
  same(add(july(15, "00:30:00"), 7.5 * 60 + 0.5), july(16, "08:30:30"))
  for n = 1, 2000, 97 do same(minutes(july(15, "03:00:00"), add(july(15, "03:00:00"), n)), n + 0.0) end
end)

it("comes to an end even if the calendar knows no working day", function()
  local never = { now = july(15, "09:00:00"), is_workday = function() return false end }
  same(calendar.weekday(calendar.add_workdays(never, "2020-07-15", 1)) <= 5, true)
  same(calendar.add_working_minutes(never, july(15, "09:00:00"), 60) > "2021", true)
end)

it("refuses dates that do not exist", function()
  fails(function() calendar.day_number("2021-02-29") end, "不是日期")
  fails(function() calendar.add_months("2020-13", 1) end)
  fails(function() calendar.seconds("2020-07-15T24:00:00+08:00") end, "不是时刻")
  fails(function() calendar.seconds("2020-07-15T08:00:00") end, "不是时刻")
  fails(function() calendar.days_between(nil, "2020-07-15") end)
end)

it("keeps the holiday table and Monday to Friday apart", function()
  local holidays = require "office.calendar"
  for year, days in pairs(holidays) do
    local seen = {}
    for _, kind in ipairs { "off", "work" } do
      for _, date in ipairs(days[kind]) do
        same(date:sub(1, 4), tostring(year))
        same(calendar.date(calendar.day_number(date)), date)
        same(seen[date], nil)
        seen[date] = true
        if kind == "work" then same(calendar.weekday(date) >= 6, true) end
      end
    end
  end
end)
