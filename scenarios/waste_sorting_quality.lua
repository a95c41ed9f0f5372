--- 垃圾分类质量：每周一看上一周各小区抽检的准确率，偏低、连续偏低、突然下滑或整周没有检查的提醒。
-- 给公共管理办、社区和物业：查投放点、补督导；下一周回到合格线以上自动办结，也可复检合格后办结。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"

local WEEKS_BEFORE = 4          -- 下滑与前四周相比
local LEAST_WEEKS  = 2          -- 其中至少两周有结果

-- 某小区从 from 那周起各周的合计：{ ["2020-W28"] = { checks =, bags =, correct = } }；缺袋数的检查不计入合计。
local function weekly(estate_id, from, ctx)
  local weeks = {}
  local window = calendar.days_between(from, ctx.today) .. "d"
  for c in ctx:each("waste_check", { estate_id = estate_id }, { within = window }) do
    local week = calendar.iso_week(c.checked_at)
    local w = weeks[week] or { checks = 0, bags = 0, correct = 0 }
    weeks[week] = w
    w.checks = w.checks + 1
    if c.bags_checked and c.bags_correct then
      w.bags, w.correct = w.bags + c.bags_checked, w.correct + c.bags_correct
    end
  end
  return weeks
end

-- 一周的准确率；抽检不足 min_bags 袋的不算有结果。
local function accuracy(week, min_bags)
  if not week or week.bags < min_bags or week.bags <= 0 then return nil end
  return stats.percent(week.correct, week.bags)
end

-- n 周前的那一周。
local function week_before(monday, n) return calendar.iso_week(calendar.add_days(monday, -7 * n)) end

-- 连同本周，一周不缺地连续几周不合格。
local function bad_run(weeks, monday, s)
  local n = 0
  while n < s.bad_weeks do
    local p = accuracy(weeks[week_before(monday, n)], s.min_bags)
    if not p or stats.compare(p, s.ok_pct) >= 0 then break end
    n = n + 1
  end
  return n
end

-- 前四周里有结果的各周准确率的均值，和有结果的周数。
local function usual(weeks, monday, s)
  local list = {}
  for n = 1, WEEKS_BEFORE do
    local p = accuracy(weeks[week_before(monday, n)], s.min_bags)
    if p then list[#list + 1] = p.num / p.den end
  end
  return stats.mean(list), #list
end

-- 本周合格：以前各周的提醒都可以办结。
local function close_earlier(estate_id, key, ctx)
  for _, a in ipairs(ctx:alerts { state = "open" }) do
    if a.about and a.about[2] == estate_id and a.key < key then
      ctx:clear { key = a.key, reason = "其后一周准确率已合格" }
    end
  end
end

-- 级别和种类；都正常则为 nil。
local function grade(p, weeks, monday, ctx)
  local s = ctx.settings
  if ctx:check("分类准确率（橙）", p, "<", s.orange_pct) then return "orange", "low" end
  if ctx:check("分类准确率", p, "<", s.ok_pct) then
    local run = bad_run(weeks, monday, s)
    return ctx:check("连续不合格", run, ">=", s.bad_weeks, "周") and "orange" or "yellow", "low"
  end
  local mean, judged = usual(weeks, monday, s)
  if ctx:check("前四周有结果的周数", judged, ">=", LEAST_WEEKS, "周")
     and ctx:check("比前四周均值低", stats.round(mean - p.num / p.den), ">", s.drop_points, "个百分点") then
    return "yellow", "drop"
  end
end

-- 整周没有一次检查：要先确认检查数据本身在更新。
local function judge_none(estate, week, ctx)
  if not ctx:alive("waste_check") then return ctx:unknown("垃圾分类检查数据没有按时更新") end
  ctx:alert {
    key = estate.id .. "|" .. week, kind = "none", level = "blue", about = { "estate", estate.id },
    communities = estate.community_id and { estate.community_id } or nil,
    title = ("%s 上周没有垃圾分类检查"):format(estate.name),
    text  = ("%s%s没有垃圾分类检查记录"):format(estate.name, week),
  }
end

-- 一个小区的上一周。
local function judge(estate, ctx)
  local s = ctx.settings
  local monday = calendar.add_days(ctx.today, -7)
  local week = calendar.iso_week(monday)
  local key = estate.id .. "|" .. week
  local weeks = weekly(estate.id, calendar.add_days(monday, -7 * math.max(WEEKS_BEFORE, s.bad_weeks - 1)), ctx)
  local this = weeks[week]
  if not ctx:check("上周检查", this and this.checks or 0, ">=", 1, "次") then return judge_none(estate, week, ctx) end

  local p = accuracy(this, s.min_bags)
  if not ctx:check("上周抽检", this.bags, ">=", s.min_bags, "袋") or not p then
    return ctx:clear { key = key, reason = "抽检袋数不足，不评" }
  end
  local level, kind = grade(p, weeks, monday, ctx)
  if stats.compare(p, s.ok_pct) >= 0 then close_earlier(estate.id, key, ctx) end
  if not level then return ctx:clear { key = key, reason = "更正后准确率正常" } end
  ctx:alert {
    key = key, kind = kind, level = level, about = { "estate", estate.id },
    communities = estate.community_id and { estate.community_id } or nil,
    title = ("%s 垃圾分类准确率%s"):format(estate.name, kind == "drop" and "下滑" or "偏低"),
    text  = ("%s%s分类准确率%s（抽检%d袋）"):format(estate.name, week, text.percent(p), this.bags),
  }
end

-- 例子 ------------------------------------------------------------------------------------------

local E_DJ = { "estate", { estate_id = "E_DJ", name = "董家新村", community_id = "dongjia_xincun", households = 800 } }
local NOW  = "2020-07-13T08:00:00+08:00"
local count = 0

local function check(on, checked, correct, estate)
  count = count + 1
  return { "waste_check", { check_id = "WC" .. count, estate_id = estate or "E_DJ", community_id = "dongjia_xincun",
                            checked_at = #on == 10 and on .. "T07:30:00+08:00" or on, bags_checked = checked,
                            bags_correct = correct } }
end

local function expect(level, kind, week)
  return { { key = "E_DJ|" .. (week or "2020-W28"), level = level, kind = kind } }
end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = want }
end

-- 前几周（由近到远）各抽检 100 袋的正确袋数，false 为那周没有检查；本周 bags 袋对 correct 袋。
local function after(before, bags, correct)
  local given = {}
  for n = #before, 1, -1 do
    if before[n] then given[#given + 1] = check(calendar.add_days("2020-07-08", -7 * n), 100, before[n]) end
  end
  given[#given + 1] = check("2020-07-08", bags, correct)
  return given
end

local LATE = { { "dataset", { dataset_id = "DS_waste_check", name = "垃圾分类检查", owner_office = "public_mgmt",
                              cycle = "daily" } } }
local function updated(at)
  return { "dataset_update", { update_id = "U" .. at, dataset_id = "DS_waste_check", updated_at = at, rows = 1 } }
end

return {
  title    = "垃圾分类质量",
  office   = "public_mgmt",
  shape    = "TH AGG",
  also     = { "property" },
  reads    = { "waste_check", "estate" },
  settings = {
    ok_pct      = { label = "准确率合格线", unit = "%", default = 85, min = 0, max = 100, per = "community" },
    orange_pct  = { label = "准确率低于（橙）", unit = "%", default = 70, min = 0, max = 100, per = "community" },
    min_bags    = { label = "一周抽检不少于", unit = "袋", default = 30, min = 1, per = "community" },
    drop_points = { label = "比前四周均值低超过", unit = "个百分点", default = 10, min = 0, max = 100, per = "community" },
    bad_weeks   = { label = "连续不合格达到（橙）", unit = "周", default = 2, min = 1, max = 12 },
  },

  every = {
    { at = "weekly Mon 08:00", over = "estate",
      run = function(row, ctx)
        judge({ id = row.estate_id, name = row.name or row.estate_id, community_id = row.community_id }, ctx)
      end },
    -- 没有小区档案而上周有检查的，照样评
    { at = "weekly Mon 08:00", over = "waste_check",
      run = function(row, ctx)
        local gap = calendar.days_between(row.checked_at, ctx.today)
        if not row.estate_id or gap < 1 or gap > 7 or ctx:find("estate", row.estate_id) then return end
        judge({ id = row.estate_id, name = row.estate_id, community_id = row.community_id }, ctx)
      end },
  },
  rejudge = { waste_check = "estate_id" },

  life = {
    low  = { close = "auto", limits = { close = "5wd" } },
    drop = { close = "auto", limits = { close = "5wd" } },
    none = { close = "auto", limits = { close = "5wd" } },
  },

  examples = {
    case("60袋对48袋（80%），报黄", { check("2020-07-08", 60, 48) }, expect("yellow", "low")),
    case("60袋对52袋（86.7%），不报", { check("2020-07-08", 60, 52) }, {}),
    case("恰好85%，不报", { E_DJ, check("2020-07-08", 100, 85) }, {}),
    case("差一袋到85%，报黄", { E_DJ, check("2020-07-08", 100, 84) }, expect "yellow"),
    case("恰好70%，仍是黄", { E_DJ, check("2020-07-08", 100, 70) }, expect "yellow"),
    case("不足70%，报橙", { E_DJ, check("2020-07-08", 100, 69) }, expect("orange", "low")),
    case("一周几次检查合起来算", { E_DJ, check("2020-07-06", 40, 40), check("2020-07-08", 60, 44) }, expect "yellow"),
    case("抽检恰好30袋，评", { E_DJ, check("2020-07-08", 30, 24) }, expect "yellow"),
    case("抽检29袋，不评", { E_DJ, check("2020-07-08", 29, 1) }, {}),
    case("缺袋数的检查不计，也不算没有检查", { E_DJ, check("2020-07-08", 60, nil), check("2020-07-09", nil, 10) }, {}),
    case("缺袋数的检查不影响别的检查", { E_DJ, check("2020-07-08", 60, nil), check("2020-07-09", 30, 24) }, expect "yellow"),
    case("上周一零点算上周", { E_DJ, check("2020-07-06T00:00:00+08:00", 60, 48) }, expect "yellow"),
    case("周日最后一秒算上周", { E_DJ, check("2020-07-12T23:59:59+08:00", 60, 48) }, expect "yellow"),
    case("再前一周的不算上周", { E_DJ, check("2020-07-05T23:59:59+08:00", 60, 48) }, expect("blue", "none")),
    case("本周一零点的不算上周", { E_DJ, check("2020-07-13T00:00:00+08:00", 60, 48) }, expect("blue", "none")),
    case("整周没有检查，报蓝", { E_DJ }, expect("blue", "none")),
    case("没有小区档案、也没有检查，不知道有这个小区", { check("2020-07-01", 60, 48) }, {}),
    case("检查数据断了，不说没有检查", { E_DJ, LATE[1], updated "2020-07-12T05:59:59+08:00" }, {}),
    case("检查数据恰在26小时内更新过，照报", { E_DJ, LATE[1], updated "2020-07-12T06:00:00+08:00" }, expect("blue", "none")),
    case("检查数据断了，已有的检查照评", { E_DJ, LATE[1], check("2020-07-08", 60, 48) }, expect "yellow"),

    case("连续两周不合格，报橙", after({ 80 }, 60, 48), expect("orange", "low")),
    case("上一周没有检查，不算连续", after({ false, 80 }, 60, 48), expect "yellow"),
    case("上一周合格，不算连续", after({ 85, 80 }, 60, 48), expect "yellow"),
    case("要求连续三周时，两周仍是黄", after({ 80 }, 60, 48), expect "yellow", { bad_weeks = 3 }),
    case("要求连续六周，恰好六周报橙", after({ 80, 80, 80, 80, 80 }, 60, 48), expect "orange", { bad_weeks = 6 }),

    case("比前两周均值恰好低10个百分点，不报", after({ 95, 96 }, 200, 171), {}),
    case("比前两周均值低10个百分点多，报下滑", after({ 95, 97 }, 200, 171), expect("yellow", "drop")),
    case("只有一周可比，不报下滑", after({ 100 }, 100, 86), {}),
    case("前四周以外的不比", after({ false, false, false, 100, 100 }, 100, 86), {}),
    case("前四周里有两周，隔开也比", after({ false, 100, false, 100 }, 100, 86), expect("yellow", "drop")),
    case("均值除不尽也不误判：恰好低10个百分点", after({ 95, 96, 96 }, 300, 257), {}),

    case("跨年的一周记作2020-W53", { E_DJ, check("2021-01-02", 60, 48) }, expect("yellow", "low", "2020-W53"), nil,
         "2021-01-04T08:00:00+08:00"),
    case("社区另设合格线", { E_DJ, check("2020-07-08", 60, 48) }, {}, { ok_pct = { dongjia_xincun = 80 } }),
    { name = "下一周合格，自动办结；再下一周不合格是新的一条",
      steps = {
        { given = { E_DJ, check("2020-07-08", 60, 48) }, at = NOW, expect = expect "yellow" },
        { given = { check("2020-07-15", 60, 51) }, at = "2020-07-20T08:00:00+08:00", expect = {} },
        { given = { check("2020-07-22", 60, 48) }, at = "2020-07-27T08:00:00+08:00",
          expect = expect("yellow", "low", "2020-W30") },
      } },
    { name = "下一周仍不合格，两条都在；复检后由人办结一条",
      steps = {
        { given = { E_DJ, check("2020-07-08", 60, 48) }, at = NOW, expect = expect "yellow" },
        { given = { check("2020-07-15", 60, 50) }, at = "2020-07-20T08:00:00+08:00",
          expect = { { key = "E_DJ|2020-W28", level = "yellow" }, { key = "E_DJ|2020-W29", level = "orange" } } },
        { at = "2020-07-21T09:00:00+08:00", actions = { { key = "E_DJ|2020-W28", action = "close", text = "复检40袋对38袋" } },
          expect = { { key = "E_DJ|2020-W29", level = "orange" } } },
      } },
    { name = "下一周没有检查，原来的不办结",
      steps = {
        { given = { E_DJ, check("2020-07-08", 60, 48) }, at = NOW, expect = expect "yellow" },
        { at = "2020-07-20T08:00:00+08:00",
          expect = { { key = "E_DJ|2020-W28", level = "yellow" }, { key = "E_DJ|2020-W29", level = "blue", kind = "none" } } },
      } },
    { name = "周日的检查周一九点才到，重评：撤回“没有检查”，改报黄",
      steps = {
        { given = { E_DJ }, at = NOW, expect = expect("blue", "none") },
        { given = { check("2020-07-12T15:00:00+08:00", 60, 52) }, at = "2020-07-13T09:00:00+08:00", expect = {} },
      } },
    { name = "没有小区档案的，周日的检查周一才到，照样评",
      steps = {
        { given = { check("2020-07-08", 30, 30) }, at = NOW, expect = {} },
        { given = { check("2020-07-12T15:00:00+08:00", 60, 40) }, at = "2020-07-13T09:00:00+08:00", expect = expect "yellow" },
      } },
  },
}
