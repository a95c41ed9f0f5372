--- 河道水质与巡河：自动站连续几次采样同一指标超Ⅲ类、氨氮超Ⅴ类、溶解氧低到黑臭，河长超期没有巡河。
-- 给公共管理办、河长和社区：现场查排口；水质连续几次恢复Ⅲ类、且告警后巡过河的自动办结。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"

local MAX_GAP_H = 9             -- 两次采样相隔超过它就不算连续

-- 同级时按这个次序取一个指标；bad 是超Ⅲ类的比法，worse 是更重的一级。
local METRICS = {
  { id = "do",    field = "do_mgl",    label = "溶解氧",       bad = "<", limit = "do_iii",
    worse = { level = "red", limit = "do_black", label = "黑臭" } },
  { id = "nh3n",  field = "nh3n_mgl",  label = "氨氮",         bad = ">", limit = "nh3n_iii",
    worse = { level = "orange", limit = "nh3n_v", label = "Ⅴ类" } },
  { id = "tp",    field = "tp_mgl",    label = "总磷",         bad = ">", limit = "tp_iii" },
  { id = "codmn", field = "codmn_mgl", label = "高锰酸盐指数", bad = ">", limit = "codmn_iii" },
}
local RANK = { yellow = 1, orange = 2, red = 3 }

-- 这个断面所在的社区：看断面上装的设备登记在哪里。
local function communities_of(section_id, ctx)
  for device in ctx:each("device", { subject_id = section_id, subject_type = "section" }) do
    if device.community_id then return { device.community_id } end
  end
end

-- 水质 ------------------------------------------------------------------------------------------

-- 各次采样都越过同一界限（缺测的不算越过）。
local function all_break(samples, metric, limit, label, ctx)
  for _, sample in ipairs(samples) do
    if not ctx:check(label, sample[metric.field], metric.bad, limit, "毫克/升") then return false end
  end
  return true
end

-- 一个指标的级别；没有连续超标为 nil。
local function level_of(samples, metric, ctx)
  local s = ctx.settings
  if not all_break(samples, metric, s[metric.limit], metric.label, ctx) then return nil end
  local worse = metric.worse
  if worse and all_break(samples, metric, s[worse.limit], metric.label .. "（" .. worse.label .. "）", ctx) then
    return worse.level
  end
  return "yellow"
end

-- 到这一刻为止的最近几次采样；次数不够，或中间隔得太久，为 nil。
local function in_a_row(section_id, n, ctx)
  local samples = ctx:list("river_sample", { section_id = section_id }, { last = n })
  if not ctx:check("采样次数", #samples, ">=", n, "次") then return nil end
  for i = 2, #samples do
    local gap = calendar.minutes_between(samples[i - 1].at, samples[i].at)
    if not ctx:check("两次采样相隔", gap, "<=", MAX_GAP_H * 60, "分钟") then return nil end
  end
  return samples
end

-- 这次采样在Ⅲ类以内：告警的指标要有数，其他测到的也都不超。
local function is_clean(sample, metric, s)
  if not sample[metric.field] then return false end
  for _, m in ipairs(METRICS) do
    local value, limit = sample[m.field] and stats.round(sample[m.field]), s[m.limit]
    if value and (m.bad == "<" and value < limit or m.bad == ">" and value > limit) then return false end
  end
  return true
end

-- 可以办结：最近 clear_n 次采样都在Ⅲ类以内，而且告警之后有人巡过河。
local function may_close(alert, section_id, metric, ctx)
  local s = ctx.settings
  local samples = ctx:list("river_sample", { section_id = section_id }, { last = s.clear_n })
  local clean = 0
  for _, sample in ipairs(samples) do
    if is_clean(sample, metric, s) then clean = clean + 1 end
  end
  local patrol = ctx:list("river_patrol", { section_id = section_id }, { last = 1 })[1]
  return ctx:check("最近采样在Ⅲ类以内", clean, ">=", s.clear_n, "次")
    and ctx:check("告警后已巡河", patrol ~= nil and patrol.at > alert.raised_at, "==", true)
end

-- 不再超标的指标：够办结的办结，不够的只记下“这次没有触发”。
local function settle(section_id, metric, ctx)
  local key = section_id .. "|" .. metric.id
  local alert = ctx:alerts { key = key }[1]
  if not alert then return end
  ctx:clear { key = key, reason = "水质已恢复Ⅲ类", close = may_close(alert, section_id, metric, ctx) }
end

-- 一次只报一条：级别最高的指标。
local function judge(row, ctx)
  local section_id = row.section_id
  local samples = in_a_row(section_id, ctx.settings.consecutive, ctx)
  local worst, level
  for _, metric in ipairs(METRICS) do
    local found = samples and level_of(samples, metric, ctx)
    if found and (not level or RANK[found] > RANK[level]) then worst, level = metric, found end
    if not found then settle(section_id, metric, ctx) end
  end
  if not worst then return end
  local value = row[worst.field]
  ctx:alert {
    key = section_id .. "|" .. worst.id, kind = worst.id, level = level, about = { "river_sample", section_id },
    communities = communities_of(section_id, ctx),
    title = ("%s %s超标"):format(section_id, worst.label),
    text  = ("%s%s连续%d次超标，最近%s毫克/升，超Ⅲ类"):format(section_id, worst.label, #samples, text.number(value, 3)),
  }
end

-- 巡河 ------------------------------------------------------------------------------------------

local function clear_patrol(section_id, ctx)
  for _, a in ipairs(ctx:alerts { kind = "patrol", state = "open" }) do
    if a.about and a.about[2] == section_id then ctx:clear { key = a.key, reason = "已经巡河" } end
  end
  ctx:clear { key = ("%s|patrol|%s"):format(section_id, ctx.month), reason = "已经巡河" }
end

-- 最近一次巡河；从来没有的，从第一次采样算起。
local function last_seen(section_id, ctx)
  local patrol = ctx:list("river_patrol", { section_id = section_id }, { last = 1 })[1]
  if patrol then return patrol.at, "巡河" end
  local first = ctx:list("river_sample", { section_id = section_id }, { all = true, limit = 1 })[1]
  return first.at, "采样"
end

local function judge_patrol(section_id, ctx)
  if not ctx:alive("river_patrol") then return ctx:unknown("巡河数据没有按时更新") end
  local since, what = last_seen(section_id, ctx)
  local days = calendar.days_between(since, ctx.today)
  if not ctx:check(what == "巡河" and "距上次巡河" or "从未巡河，距第一次采样", days, ">", ctx.settings.patrol_days, "天") then
    return clear_patrol(section_id, ctx)
  end
  ctx:alert {
    key = ("%s|patrol|%s"):format(section_id, ctx.month), kind = "patrol", level = "blue",
    about = { "river_sample", section_id }, communities = communities_of(section_id, ctx),
    title = ("%s 超期没有巡河"):format(section_id),
    text  = what == "巡河" and ("%s已%d天没有巡河"):format(section_id, days)
      or ("%s从未巡河，第一次采样至今%d天"):format(section_id, days),
  }
end

-- 每天一次：巡河；水质告警等到了巡河的，也在这时办结。
local function daily(row, ctx)
  judge_patrol(row.section_id, ctx)
  for _, metric in ipairs(METRICS) do
    local alert = ctx:alerts { key = row.section_id .. "|" .. metric.id, state = "open" }[1]
    if alert and may_close(alert, row.section_id, metric, ctx) then
      ctx:clear { key = alert.key, reason = "水质已恢复Ⅲ类" }
    end
  end
end

-- 没有采样、只有巡河记录的断面：由最近那次巡河带着看一遍。
local function daily_by_patrol(row, ctx)
  if not row.section_id or ctx:find("river_sample", row.section_id) then return end
  local last = ctx:list("river_patrol", { section_id = row.section_id }, { last = 1 })[1]
  if last and last.patrol_id == row.patrol_id then judge_patrol(row.section_id, ctx) end
end

-- 例子 ------------------------------------------------------------------------------------------

local SECTION = "YHTH_QFQ"
local GOOD = { do_mgl = 5.6, nh3n_mgl = 0.5, codmn_mgl = 4.1, tp_mgl = 0.12 }

-- "15T08" → 2020-07-15 八点
local function time(at) return ("2020-07-%s:00:00+08:00"):format(at) end

local function sample(at, more, section)
  local r = { section_id = section or SECTION, at = #at == 5 and time(at) or at }
  for k, v in pairs(GOOD) do r[k] = v end
  for k, v in pairs(more or {}) do r[k] = v ~= "" and v or nil end
  return { "river_sample", r }
end

local function patrol(id, at) return { "river_patrol", { patrol_id = id, section_id = SECTION, chief_key = "HZ1", at = at } } end

local function expect(metric, level) return { { key = SECTION .. "|" .. metric, level = level } } end
local function blue(month) return { { key = SECTION .. "|patrol|" .. month, level = "blue", kind = "patrol" } } end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or "2020-07-15T13:00:00+08:00", settings = settings, expect = want }
end

-- 两次采样，同一样东西。
local function twice(more) return { sample("15T08", more), sample("15T12", more) } end

local NH3N = { nh3n_mgl = 1.32 }
local EIGHT = "2020-07-20T08:00:00+08:00"

local function updates(at)
  return { "dataset", { dataset_id = "DS_river_patrol", name = "巡河", owner_office = "public_mgmt", cycle = "daily" } },
    { "dataset_update", { update_id = "U1", dataset_id = "DS_river_patrol", updated_at = at, rows = 1 } }
end

return {
  title    = "河道水质与巡河",
  office   = "public_mgmt",
  shape    = "TH SUS ABS",
  also     = { "river_chief" },
  reads    = { "river_sample", "river_patrol", "device" },
  settings = {
    nh3n_iii    = { label = "氨氮Ⅲ类上限", unit = "毫克/升", default = 1.0, min = 0, max = 100 },
    codmn_iii   = { label = "高锰酸盐指数Ⅲ类上限", unit = "毫克/升", default = 6, min = 0, max = 100 },
    tp_iii      = { label = "总磷Ⅲ类上限", unit = "毫克/升", default = 0.2, min = 0, max = 100 },
    do_iii      = { label = "溶解氧Ⅲ类下限", unit = "毫克/升", default = 5, min = 0, max = 20 },
    nh3n_v      = { label = "氨氮Ⅴ类上限（橙）", unit = "毫克/升", default = 2.0, min = 0, max = 100 },
    do_black    = { label = "溶解氧低于（红）", unit = "毫克/升", default = 2.0, min = 0, max = 20 },
    consecutive = { label = "连续超标", unit = "次", default = 2, min = 1, max = 20 },
    patrol_days = { label = "没有巡河超过", unit = "天", default = 10, min = 1, max = 365 },
    clear_n     = { label = "连续恢复Ⅲ类可办结", unit = "次", default = 3, min = 1, max = 20 },
  },

  on      = { river_sample = judge },
  every   = {
    { at = "daily 08:00", over = "river_sample", run = daily },
    { at = "daily 08:00", over = "river_patrol", run = daily_by_patrol },
  },
  rejudge = { river_patrol = "section_id" },

  life = (function()
    local limits = { red    = { visit = "2h", close = "2d" }, orange = { visit = "1d", close = "5d" },
                     yellow = { visit = "2d", close = "10d" } }
    local life = { patrol = { close = "auto" } }
    for _, metric in ipairs(METRICS) do life[metric.id] = { close = "auto", limits = limits } end
    return life
  end)(),

  examples = {
    case("氨氮连续两次超1.0，报黄", { sample("15T08", NH3N), sample("15T12", { nh3n_mgl = 1.18 }) }, expect("nh3n", "yellow")),
    case("断面上装了设备的，知道在哪个社区",
         { { "device", { device_id = "RL0", kind = "river_level", subject_type = "section", subject_id = SECTION } },
           { "device", { device_id = "RL1", kind = "river_level", subject_type = "section", subject_id = SECTION,
                         community_id = "yuhangtanglu" } }, twice(NH3N)[1], twice(NH3N)[2] }, expect("nh3n", "yellow")),
    case("第二次回到0.94，不报", { sample("15T08", NH3N), sample("15T12", { nh3n_mgl = 0.94 }) }, {}),
    case("只有一次，不报", { sample("15T12", NH3N) }, {}),
    case("恰好在Ⅲ类界限上，不报", twice { nh3n_mgl = 1.0, codmn_mgl = 6, tp_mgl = 0.2, do_mgl = 5 }, {}),
    case("小数末位的误差不作数", twice { nh3n_mgl = 1.0000000001 }, {}),
    case("高锰酸盐指数超标，报黄", twice { codmn_mgl = 6.1 }, expect("codmn", "yellow")),
    case("总磷超标，报黄", twice { tp_mgl = 0.21 }, expect("tp", "yellow")),
    case("溶解氧不足，报黄", twice { do_mgl = 4.9 }, expect("do", "yellow")),
    case("氨氮恰好2.0，仍是黄", twice { nh3n_mgl = 2.0 }, expect("nh3n", "yellow")),
    case("氨氮超Ⅴ类，报橙", twice { nh3n_mgl = 2.01 }, expect("nh3n", "orange")),
    case("只有一次超Ⅴ类，仍是黄", { sample("15T08", { nh3n_mgl = 2.5 }), sample("15T12", NH3N) }, expect("nh3n", "yellow")),
    case("溶解氧恰好2.0，仍是黄", twice { do_mgl = 2.0 }, expect("do", "yellow")),
    case("溶解氧低于2.0，报红", twice { do_mgl = 1.9 }, expect("do", "red")),
    case("两次不是同一指标，不报", { sample("15T08", NH3N), sample("15T12", { tp_mgl = 0.3 }) }, {}),
    case("同级几个指标，取溶解氧", twice { do_mgl = 4, nh3n_mgl = 1.5, tp_mgl = 0.3, codmn_mgl = 7 }, expect("do", "yellow")),
    case("同级两个指标，总磷先于高锰酸盐指数", twice { tp_mgl = 0.3, codmn_mgl = 7 }, expect("tp", "yellow")),
    case("氨氮橙高于溶解氧黄，只报氨氮", twice { do_mgl = 4, nh3n_mgl = 2.5 }, expect("nh3n", "orange")),
    case("恰好隔9小时，算连续", { sample("15T03", NH3N), sample("15T12", NH3N) }, expect("nh3n", "yellow")),
    case("隔9小时多一分钟，不算连续", { sample("2020-07-15T02:59:00+08:00", NH3N), sample("15T12", NH3N) }, {}),
    case("缺测的一次不算超标，也断开连续",
         { sample("15T04", NH3N), sample("15T08", { nh3n_mgl = "" }), sample("15T12", NH3N) }, {}),
    case("两个断面各算各的", { sample("15T08", NH3N), sample("15T12", NH3N, "XH_DC") }, {}),
    case("要求连续三次时，两次不报", twice(NH3N), {}, { consecutive = 3 }),
    case("要求连续三次，每两次相隔不超9小时即可",
         { sample("15T00", NH3N), sample("15T08", NH3N), sample("15T12", NH3N) }, expect("nh3n", "yellow"), { consecutive = 3 }),
    case("次序颠倒到达，结果一样", { sample("15T12", NH3N), sample("15T08", NH3N) }, expect("nh3n", "yellow")),
    case("中间一次正常的迟到，撤回已报的",
         { sample("15T08", NH3N), sample("15T12", NH3N), sample("15T10") }, {}),
    { name = "先黄后橙是同一条，再正常一次不办结",
      steps = {
        { given = twice(NH3N), at = "2020-07-15T13:00:00+08:00", expect = expect("nh3n", "yellow") },
        { given = { sample("15T16", { nh3n_mgl = 2.5 }), sample("15T20", { nh3n_mgl = 2.5 }), sample("16T00") },
          at = "2020-07-16T01:00:00+08:00", expect = expect("nh3n", "orange") },
      } },
    { name = "连续三次正常而没有巡河，不办结；次日早上见已巡河，办结",
      steps = {
        { given = { twice(NH3N)[1], twice(NH3N)[2], patrol("P0", "2020-07-15T09:00:00+08:00"), sample("15T16"), sample("15T20"),
                    sample("16T00") }, at = "2020-07-16T01:00:00+08:00", expect = expect("nh3n", "yellow") },
        { given = { patrol("P1", "2020-07-16T02:00:00+08:00") }, at = "2020-07-16T03:00:00+08:00",
          expect = expect("nh3n", "yellow") },
        { at = "2020-07-16T08:00:00+08:00", expect = {} },
      } },
    { name = "已巡河，第三次正常的采样一到就办结",
      steps = {
        { given = { twice(NH3N)[1], twice(NH3N)[2], patrol("P1", "2020-07-15T12:30:00+08:00"), sample("15T16"), sample("15T20") },
          at = "2020-07-15T21:00:00+08:00", expect = expect("nh3n", "yellow") },
        { given = { sample("16T00") }, at = "2020-07-16T00:30:00+08:00", expect = {} },
      } },
    { name = "别的指标还超，不算恢复；两条各自记着",
      steps = {
        { given = twice(NH3N), at = "2020-07-15T13:00:00+08:00", expect = expect("nh3n", "yellow") },
        { given = { patrol("P1", "2020-07-15T14:00:00+08:00"), sample("15T16", { tp_mgl = 0.3 }),
          sample("15T20", { tp_mgl = 0.3 }),
                    sample("16T00", { tp_mgl = 0.3 }) }, at = "2020-07-16T01:00:00+08:00",
          expect = { { key = SECTION .. "|nh3n", level = "yellow" }, { key = SECTION .. "|tp", level = "yellow" } } },
      } },
    { name = "恢复期间缺测告警的指标，不算恢复",
      steps = {
        { given = twice(NH3N), at = "2020-07-15T13:00:00+08:00", expect = expect("nh3n", "yellow") },
        { given = { patrol("P1", "2020-07-15T14:00:00+08:00"), sample("15T16"),
          sample("15T20", { nh3n_mgl = "" }), sample("16T00") },
          at = "2020-07-16T01:00:00+08:00", expect = expect("nh3n", "yellow") },
      } },

    case("最近一次巡河在11天前，报蓝", { sample("19T12"), patrol("P1", "2020-07-09T23:00:00+08:00") }, blue "2020-07", nil, EIGHT),
    case("恰好10天前，不报", { sample("19T12"), patrol("P1", "2020-07-10T00:00:00+08:00") }, {}, nil, EIGHT),
    case("从未巡河，第一次采样在11天前，报蓝", { sample("09T12"), sample("19T12") }, blue "2020-07", nil, EIGHT),
    case("从未巡河，第一次采样在10天前，不报", { sample("10T12"), sample("19T12") }, {}, nil, EIGHT),
    case("没有采样的断面，只有巡河记录，也看",
         { patrol("P0", "2020-06-20T09:00:00+08:00"), patrol("P1", "2020-07-01T09:00:00+08:00") }, blue "2020-07", nil, EIGHT),
    case("没有采样的断面，10天内巡过，不报",
         { patrol("P0", "2020-06-20T09:00:00+08:00"), patrol("P1", "2020-07-12T09:00:00+08:00") }, {}, nil, EIGHT),
    case("巡河数据断了，不报", { sample("19T12"), patrol("P1", "2020-07-01T09:00:00+08:00"), updates "2020-07-19T05:59:59+08:00" },
         {}, nil, EIGHT),
    case("巡河数据恰在26小时内更新过，照报",
         { sample("19T12"), patrol("P1", "2020-07-01T09:00:00+08:00"), updates "2020-07-19T06:00:00+08:00" },
         blue "2020-07", nil, EIGHT),
    { name = "下月仍没有巡河，另报一条；巡过之后都办结",
      steps = {
        { given = { sample("19T12"), patrol("P1", "2020-07-09T09:00:00+08:00") }, at = EIGHT, expect = blue "2020-07" },
        { at = "2020-08-01T08:00:00+08:00", expect = { blue("2020-07")[1], blue("2020-08")[1] } },
        { given = { patrol("P2", "2020-08-01T10:00:00+08:00") }, at = "2020-08-02T08:00:00+08:00", expect = {} },
      } },
    { name = "早上七点的巡河九点才报来，撤回",
      steps = {
        { given = { sample("19T12"), patrol("P1", "2020-07-09T09:00:00+08:00") }, at = EIGHT, expect = blue "2020-07" },
        { given = { patrol("P2", "2020-07-20T07:00:00+08:00") }, at = "2020-07-20T09:00:00+08:00", expect = {} },
      } },
    { name = "水质和巡河两样都有，各报各的",
      given = { sample("05T08"), sample("20T04", NH3N), sample("20T07", NH3N) }, at = EIGHT,
      expect = { expect("nh3n", "yellow")[1], blue("2020-07")[1] } },
  },
}
