--- 关爱对象走访超期：独居老人、孤儿、低保、重度残疾、失独、退役军人，各按自己的周期走访，过期提醒。
-- 给公共服务办、社区和网格员；一个社区超期的人太多，另报公共服务办。告警里只有代号。
local calendar = require "std.calendar"
local standing = require "std.standing"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

local WORDS = { elder_alone = "独居老人", orphan = "孤儿", low_income = "低保对象", disabled_severe = "重度残疾人",
                veteran = "退役军人", bereaved = "失独家庭" }

-- 几个类别里周期最短的：周期（天）和类别。
local function shortest_interval(rows, s)
  local best, category
  for _, row in ipairs(rows) do
    local days = s[row.category]
    if days and (not best or days < best) then best, category = days, row.category end
  end
  return best, category
end

-- 从哪天算起：最后一次走访；没有走访过的从最早的纳入日。都没有为 nil。
local function base_of(person_key, rows, ctx)
  local visit = ctx:list("visit", { subject_id = person_key, subject_type = "person" }, { last = 1 })[1]
  if visit then return calendar.date_of(visit.visited_at) end
  local first
  for _, row in ipairs(rows) do
    if row.since and (not first or row.since < first) then first = row.since end
  end
  return first
end

local function name_of(person_key) return "overdue|" .. person_key end

-- 一个人只判断一次：在他按次序的第一条记录上。
local function run_person(row, ctx)
  local person = row.person_key
  local rows = ctx:list("care_target", { person_key = person })
  if rows[1].category ~= row.category then return end
  if not ctx:alive("visit") then return ctx:unknown("走访数据停更，不判断超期") end
  local s = ctx.settings
  local interval, category = shortest_interval(rows, s)
  local base = base_of(person, rows, ctx)
  if not base then return ctx:unknown("没有走访记录，也没有纳入日") end

  local days, level = calendar.days_between(base, ctx.today), nil
  if ctx:check("未走访天数", days, ">", interval, "天") then
    level = "blue"
    if ctx:check("未走访天数（较久）", days, ">", s.yellow_ratio * interval, "天") then level = "yellow" end
    if ctx:check("未走访天数（太久）", days, ">", s.orange_ratio * interval, "天") then level = "orange" end
  end
  local key = level and ("%s|%s"):format(person, base)
  if level then
    ctx:alert {
      key = key, kind = "overdue", level = level, about = { "care_target", person },
      title = ("%s走访超期"):format(WORDS[category]),
      text  = ("%s%s已%d天未走访（周期%g天）"):format(WORDS[category], person, days, interval),
    }
  end
  standing.keep(ctx, name_of(person), key, "已走访，或周期有变")
end

-- 各社区的人数和超期人数：{ 社区 = { targets =, overdue = } }
local function count_by_community(ctx)
  local counts, rows = {}, {}
  local function close_person()
    local first = rows[1]
    if not (first and first.community_id) then return end
    local c = counts[first.community_id] or { targets = 0, overdue = 0 }
    counts[first.community_id] = c
    c.targets = c.targets + 1
    local base = base_of(first.person_key, rows, ctx)
    if base and calendar.days_between(base, ctx.today) > shortest_interval(rows, ctx.settings) then
      c.overdue = c.overdue + 1
    end
  end
  for row in ctx:each("care_target", {}) do   -- 按人的次序来，同一个人的几条挨着
    if rows[1] and rows[1].person_key ~= row.person_key then
      close_person()
      rows = {}
    end
    rows[#rows + 1] = row
  end
  close_person()
  return counts
end

local function area_key(community, ctx) return ("%s|area|%s"):format(community, ctx.week) end

-- 这个社区超期的占比太大：报，并记入 raised。
local function judge_area(community, c, ctx, raised)
  local s = ctx.settings
  ctx:subject("community", community)
  local share = stats.percent(c.overdue, c.targets)
  if not (ctx:check("关爱对象", c.targets, ">=", s.area_min, "人") and ctx:check("超期占比", share, ">", s.area_pct)) then
    return ctx:clear { key = area_key(community, ctx), reason = "超期占比已降下来" }
  end
  raised[community] = true
  ctx:alert {
    key = area_key(community, ctx), kind = "area", level = "orange", about = { "community", community },
    communities = { community }, title = "社区关爱对象走访普遍超期",
    text = ("%d名关爱对象中%d名走访超期（%s）"):format(c.targets, c.overdue, text.percent(share)),
  }
end

local function run_areas(ctx)
  if not ctx:alive("visit") then return ctx:unknown("走访数据停更，不判断社区超期") end
  local raised = {}
  for community, c in pairs(count_by_community(ctx)) do judge_area(community, c, ctx, raised) end
  -- 前几周挂着的，占比降下来也销。
  for _, a in ipairs(ctx:alerts { kind = "area", state = "open" }) do
    if not raised[a.about[2]] then ctx:clear { key = a.key, reason = "超期占比已降下来" } end
  end
end

-- 从名单里去掉：还有别的类别的，次日再按剩下的判断。
local function forget(row, ctx)
  standing.keep(ctx, name_of(row.person_key), nil, "已移出关爱对象名单")
end

-- 例子 ------------------------------------------------------------------------------------------

local function target(category, more)
  return { "care_target", with({ person_key = "P30", category = category, community_id = "tanghe_xincun", grid_id = "G3",
    since = "2019-01-01" }, more) }
end

local function visited(id, day, more)
  return { "visit", with({ visit_id = id, subject_type = "person", subject_id = "P30", visitor_id = "W3", result = "safe",
    visited_at = ("2020-%sT15:00:00+08:00"):format(day) }, more) }
end

local function elder(day) return { target "elder_alone", visited("VS1", day) } end
local function other(category, day) return { target(category), visited("VS1", day) } end

local function expect(level, base)
  return { { key = "P30|" .. (base or "2020-07-04"), kind = "overdue", level = level } }
end

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-15T07:00:00+08:00", settings = settings, expect = want }
end

-- 一个社区 n 个低保对象，其中前 late 个 40 天没有走访（30 天为周期），其余昨天走访过。
local function herd(n, late, community)
  local given = {}
  for i = 1, n do
    local id = ("Q%02d"):format(i)
    given[#given + 1] = target("low_income", { person_key = id, community_id = community or "xiaohe" })
    given[#given + 1] = visited("V" .. i, i <= late and "06-05" or "07-14", { subject_id = id })
  end
  return given
end

local function late_ones(n)
  local list = {}
  for i = 1, n do list[i] = { key = ("Q%02d|2020-06-05"):format(i), kind = "overdue", level = "blue" } end
  return list
end

local function area(week) return { key = "xiaohe|area|2020-W" .. (week or "29"), kind = "area", level = "orange" } end

local function with_area(list, ...)
  for _, a in ipairs { ... } do list[#list + 1] = a end
  return list
end

local CATALOGUE = { "dataset", { dataset_id = "DS_visit", name = "走访", owner_office = "command_center", cycle = "monthly" } }
local function kept(day)
  return { "dataset_update", { update_id = "U1", dataset_id = "DS_visit", updated_at = day .. "T20:00:00+08:00", rows = 9 } }
end

local function days(label, default)
  return { label = label .. "走访周期", unit = "天", default = default, min = 1, max = 366 }
end

return {
  title    = "关爱对象走访超期",
  office   = "public_service",
  shape    = "ABS AGG",
  also     = { "grid" },
  reads    = { "care_target", "visit" },
  settings = {
    elder_alone     = days("独居老人", 7),
    orphan          = days("孤儿", 30),
    low_income      = days("低保对象", 30),
    disabled_severe = days("重度残疾人", 30),
    bereaved        = days("失独家庭", 30),
    veteran         = days("退役军人", 90),
    yellow_ratio    = { label = "超过周期的多少倍报黄", unit = "倍", default = 1.5, min = 1, max = 10 },
    orange_ratio    = { label = "超过周期的多少倍报橙", unit = "倍", default = 2, min = 1, max = 10 },
    area_pct        = { label = "社区超期占比超过", unit = "%", default = 20, min = 0, max = 100 },
    area_min        = { label = "社区关爱对象不少于", unit = "人", default = 10, min = 1, max = 10000 },
  },

  every = {
    { at = "daily 07:00", over = "care_target", run = run_person },
    { at = "daily 07:00", run = run_areas },
  },
  removed = { care_target = forget },
  rejudge = { visit = "subject_id" },

  life = {
    overdue = { close = "auto", limits = { blue = { close = "5wd" }, yellow = { close = "2wd" }, orange = { close = "1wd" } } },
    area    = { close = "auto", limits = { close = "5wd" } },
  },

  examples = {
    case("独居老人11天未走访（1.57倍），报黄", elder "07-04", expect "yellow"),
    case("独居老人5天前走访过，不报", elder "07-10", {}),
    case("独居老人恰好7天，不报", elder "07-08", {}),
    case("独居老人8天，报蓝", elder "07-07", expect("blue", "2020-07-07")),
    case("独居老人10天（不到一倍半），仍是蓝", elder "07-05", expect("blue", "2020-07-05")),
    case("独居老人恰好14天（两倍），仍是黄", elder "07-01", expect("yellow", "2020-07-01")),
    case("独居老人15天，报橙", elder "06-30", expect("orange", "2020-06-30")),
    case("低保恰好30天，不报", other("low_income", "06-15"), {}),
    case("低保31天，报蓝", other("low_income", "06-14"), expect("blue", "2020-06-14")),
    case("低保恰好45天，仍是蓝", other("low_income", "05-31"), expect("blue", "2020-05-31")),
    case("低保46天，报黄", other("low_income", "05-30"), expect("yellow", "2020-05-30")),
    case("低保恰好60天，仍是黄", other("low_income", "05-16"), expect("yellow", "2020-05-16")),
    case("低保61天，报橙", other("low_income", "05-15"), expect("orange", "2020-05-15")),
    case("孤儿31天，报蓝", other("orphan", "06-14"), expect("blue", "2020-06-14")),
    case("重度残疾31天，报蓝", other("disabled_severe", "06-14"), expect("blue", "2020-06-14")),
    case("失独家庭31天，报蓝", other("bereaved", "06-14"), expect("blue", "2020-06-14")),
    case("退役军人恰好90天，不报", other("veteran", "04-16"), {}),
    case("退役军人91天，报蓝", other("veteran", "04-15"), expect("blue", "2020-04-15")),
    case("退役军人137天（过了闰日），报黄", other("veteran", "02-29"), expect("yellow", "2020-02-29")),

    case("从没走访过，从纳入日算", { target("low_income", { since = "2020-06-14" }) }, expect("blue", "2020-06-14")),
    case("从没走访过、纳入恰好30天，不报", { target("low_income", { since = "2020-06-15" }) }, {}),
    case("没有走访也没有纳入日，不报", { target("low_income", { since = "" }) }, {}),
    case("有走访而没有纳入日，照报", { target("elder_alone", { since = "" }), visited("VS1", "07-04") }, expect "yellow"),
    case("两次走访取最后一次，不论先后到达", { target "elder_alone", visited("VS2", "07-10"), visited("VS1", "07-04") }, {}),
    case("没写结果的走访也算", { target "elder_alone", visited("VS1", "07-10", { result = "" }) }, {}),
    case("走访的是同编号的房屋，不算", { target "elder_alone", visited("VS1", "07-04"),
                                         visited("VS2", "07-10", { subject_type = "house" }) }, expect "yellow"),
    case("走访的是别人，不算", { target "elder_alone", visited("VS1", "07-04"),
                                 visited("VS2", "07-10", { subject_id = "P31" }) }, expect "yellow"),
    case("周期改成14天，不报", elder "07-04", {}, { elder_alone = 14 }),

    case("既是独居老人又是退役军人，按短的周期，只报一条",
         { target "veteran", target "elder_alone", visited("VS1", "07-07") }, expect("blue", "2020-07-07")),
    case("两个类别都没有走访，从早的纳入日算",
         { target("elder_alone", { since = "2020-07-10" }), target("low_income", { since = "2020-07-05" }) },
         expect("blue", "2020-07-05")),
    case("两个类别，一个没有纳入日，用另一个的",
         { target("elder_alone", { since = "" }), target("veteran", { since = "2020-07-05" }) }, expect("blue", "2020-07-05")),

    case("走访数据停更，不报", { CATALOGUE, kept "2020-05-31", target "elder_alone" }, {}),
    case("走访数据从没更新过，不报", { CATALOGUE, target "elder_alone" }, {}),
    case("走访数据上月更新过，照报", { CATALOGUE, kept "2020-06-01", target("elder_alone", { since = "2020-07-07" }) },
         expect("blue", "2020-07-07")),

    case("10人里3人超期（30%），另报社区", herd(10, 3), with_area(late_ones(3), area())),
    case("10人里2人超期（恰好20%），不报社区", herd(10, 2), late_ones(2)),
    case("9人里3人超期，人数不够，不报社区", herd(9, 3), late_ones(3)),
    case("占比标准调到30%，恰好30%不报社区", herd(10, 3), late_ones(3), { area_pct = 30 }),
    case("没写社区的不算进社区", herd(10, 3, ""), late_ones(3)),
    case("有两个类别的人只算一个", with_area(herd(9, 3), target("veteran", { person_key = "Q01" })), late_ones(3)),
    case("没有纳入日也没走访的算人数、不算超期",
         with_area(herd(9, 3), target("veteran", { person_key = "Q10", community_id = "xiaohe", since = "" })),
         with_area(late_ones(3), area())),

    { name = "天天看是同一条，级别随天数升高；走访后次日销；下次从这次算起",
      steps = {
        { given = elder "07-07", at = "2020-07-15T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { at = "2020-07-18T07:00:00+08:00", expect = expect("yellow", "2020-07-07") },
        { at = "2020-07-22T07:00:00+08:00", expect = expect("orange", "2020-07-07") },
        { given = { visited("VS2", "07-22") }, at = "2020-07-22T16:00:00+08:00", expect = expect("orange", "2020-07-07") },
        { at = "2020-07-23T07:00:00+08:00", expect = {} },
        { at = "2020-07-30T07:00:00+08:00", expect = expect("blue", "2020-07-22") },
      } },
    { name = "移出名单即销；还有别的类别的，次日按剩下的判断",
      steps = {
        { given = { target "elder_alone", target "low_income", visited("VS1", "06-14") }, at = "2020-07-15T07:00:00+08:00",
          expect = expect("orange", "2020-06-14") },
        { removed = { { "care_target", "P30", "elder_alone" } }, at = "2020-07-15T09:00:00+08:00", expect = {} },
        { at = "2020-07-16T07:00:00+08:00", expect = expect("blue", "2020-06-14") },
      } },
    { name = "停更时不报不销，恢复后销",
      steps = {
        { given = { CATALOGUE, kept "2020-06-20", target "elder_alone", visited("VS1", "07-04") },
          at = "2020-07-15T07:00:00+08:00", expect = expect "yellow" },
        { given = { visited("VS2", "08-01") }, at = "2020-08-02T07:00:00+08:00", expect = expect "yellow" },
        { given = { { "dataset_update", { update_id = "U2", dataset_id = "DS_visit", rows = 9,
                                          updated_at = "2020-08-02T20:00:00+08:00" } } },
          at = "2020-08-03T07:00:00+08:00", expect = {} },
      } },
    { name = "走访记录晚到：当天早上报的收回",
      steps = {
        { given = elder "07-07", at = "2020-07-15T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { given = { visited("VS2", "07-14") }, at = "2020-07-15T10:00:00+08:00", expect = {} },
      } },
    { name = "走访记录晚到：挂了几天的也销",
      steps = {
        { given = elder "07-07", at = "2020-07-15T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { at = "2020-07-16T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { given = { visited("VS2", "07-15") }, at = "2020-07-16T10:00:00+08:00", expect = {} },
      } },
    { name = "很早以前的走访补录，不影响现在的超期",
      steps = {
        { given = elder "07-07", at = "2020-07-15T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { given = { visited("VS0", "05-01") }, at = "2020-07-16T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
      } },
    { name = "超期还在，人工办结后不再报；级别升高时再报",
      steps = {
        { given = elder "07-07", at = "2020-07-15T07:00:00+08:00", expect = expect("blue", "2020-07-07") },
        { actions = { { key = "P30|2020-07-07", action = "close", text = "电话联系过" } }, at = "2020-07-16T07:00:00+08:00",
          expect = {} },
        { at = "2020-07-18T07:00:00+08:00", expect = expect("yellow", "2020-07-07") },
      } },
    { name = "社区占比降下来，新旧各周的都销",
      steps = {
        { given = herd(10, 3), at = "2020-07-15T07:00:00+08:00", expect = with_area(late_ones(3), area()) },
        { at = "2020-07-20T07:00:00+08:00",
          expect = { area(), area "30", { key = "Q01|2020-06-05", level = "blue" }, { key = "Q02|2020-06-05", level = "blue" },
                     { key = "Q03|2020-06-05", level = "blue" } } },
        { given = { visited("VX", "07-20", { subject_id = "Q03" }) }, at = "2020-07-21T07:00:00+08:00",
          expect = { { key = "Q01|2020-06-05", level = "yellow" }, { key = "Q02|2020-06-05", level = "yellow" } } },
      } },
  },
}
