--- 重点服务对象随访：按风险等级定的周期到了还没有随访，连着几次没有见到本人，或随访情况需要马上处置。
-- 给平安办和指定网格员。限制类数据：告警里只有代号和天数，不写姓名、病情和类别。
local calendar = require "std.calendar"
local standing = require "std.standing"
local with     = require("std.example").with

local SEEN_BACK = { 5, 50, 500 }              -- 先看最近几次随访，不够再往前看
local FOREVER   = "9999-12-31T00:00:00+08:00"
local NEED_CARE = { worse = true, stopped_medicine = true }

local function is_high_risk(person)
  return person.unstable == true or (person.risk_level ~= nil and person.risk_level >= 3)
end

-- 随访周期（天）；类别或风险等级不知道时为 nil。
local function interval_of(person, s)
  if person.category == "correction" then return s.corr_days end
  if person.category ~= "mental" then return nil end
  if is_high_risk(person) then return s.high_days end
  if person.risk_level == nil then return nil end
  return person.risk_level >= 1 and s.mid_days or s.low_days
end

-- 最近一次见到本人的随访；没有则为 nil。
local function last_seen(person_key, ctx)
  for _, n in ipairs(SEEN_BACK) do
    local list = ctx:list("followup", { person_key = person_key }, { last = n })
    for i = #list, 1, -1 do
      if list[i].result ~= "not_found" then return list[i] end
    end
    if #list < n then break end
  end
end

-- 上次“平稳”以来（不含手头这条）需要处置的各次随访。
local function unsettled(person_key, ctx, except)
  local found
  for _, n in ipairs(SEEN_BACK) do
    local list = ctx:list("followup", { person_key = person_key }, { last = n })
    found = {}
    for i = #list, 1, -1 do
      local f = list[i]
      if f.followup_id ~= except then
        if f.result == "ok" then return found end
        if NEED_CARE[f.result] then found[#found + 1] = f end
      end
    end
    if #list < n then break end
  end
  return found
end

local function raise(person, key, kind, level, title, words, ctx)
  ctx:alert {
    key = key, kind = kind, level = level, about = { "special_person", person.person_key },
    title = title, text = ("重点服务对象%s%s"):format(person.person_key, words),
  }
end

local function due_name(person_key) return "due|" .. person_key end

-- 超期：离上次见到本人（没有见到过的从纳入日起）超过周期。
local function judge_due(person, ctx)
  if not ctx:alive("followup") then return ctx:unknown("随访数据停更，不判断超期") end
  local s = ctx.settings
  local seen = last_seen(person.person_key, ctx)
  local base = seen and calendar.date_of(seen.at) or person.since
  local interval = interval_of(person, s)
  if not (base and interval) then return ctx:unknown("缺少上次随访、纳入日或风险等级") end

  local days, key = calendar.days_between(base, ctx.today), nil
  if ctx:check("未随访天数", days, ">", interval, "天") then
    local late = ctx:check("未随访天数（严重）", days, ">", s.orange_ratio * interval, "天")
    key = ("%s|due|%s"):format(person.person_key, base)
    raise(person, key, "due", late and "orange" or "yellow", "重点服务对象随访超期", ("已%d天未随访"):format(days), ctx)
  end
  standing.keep(ctx, due_name(person.person_key), key, "已见到本人，或周期有变")
end

-- 失访：最近几次随访都没有见到本人。
local function judge_lost(person, ctx)
  local n, missed = ctx.settings.lost_times, 0
  local list = ctx:list("followup", { person_key = person.person_key }, { last = n })
  while missed < #list and list[#list - missed].result == "not_found" do missed = missed + 1 end
  local key = person.person_key .. "|lost"
  if ctx:check("连续未见到", missed, ">=", n, "次") then
    raise(person, key, "lost", "red", "重点服务对象失访",
      ("连续%d次未见到，最近一次在%d天前"):format(missed, calendar.days_between(list[#list].at, ctx.today)), ctx)
  else
    ctx:clear { key = key, reason = "已见到本人" }
  end
end

local function worse_key(f) return f.followup_id .. "|worse" end

-- 随访情况需要处置，而本人是高风险或不稳定。
local function judge_worse(person, f, ctx)
  if ctx:check("高风险或不稳定", is_high_risk(person), "==", true) then
    raise(person, worse_key(f), "worse", "orange", "重点服务对象随访后需处置",
      ("%d天前的随访需要处置"):format(calendar.days_between(f.at, ctx.today)), ctx)
  else
    ctx:clear { key = worse_key(f), reason = "已不是高风险" }
  end
end

local function forget(person, ctx)
  standing.keep(ctx, due_name(person.person_key), nil, "已不在管")
  ctx:clear { key = person.person_key .. "|lost", reason = "已不在管" }
  for _, f in ipairs(unsettled(person.person_key, ctx)) do ctx:clear { key = worse_key(f), reason = "已不在管" } end
end

local function run(person, ctx)
  if not ctx:check("在管", person.active, "==", true) then return forget(person, ctx) end
  judge_due(person, ctx)
  judge_lost(person, ctx)
  for _, f in ipairs(unsettled(person.person_key, ctx)) do
    -- 报过的不天天重报；等级后来升高、当时没有报的，在这里补上。
    if not is_high_risk(person) or not ctx:alerts { key = worse_key(f) }[1] then judge_worse(person, f, ctx) end
  end
end

-- 这个人再没有更晚的随访。晚到的旧随访说不了现在超期没有。
local function is_newest(f, ctx)
  return ctx:list("followup", { person_key = f.person_key }, { last = 1, upto = FOREVER })[1].at <= f.at
end

-- 随访来了：当时就判断；平稳的，销掉之前需要处置的。
local function on_followup(f, ctx)
  local person = f.person_key and ctx:find("special_person", f.person_key)
  if not person then return ctx:unknown("随访的人不在重点服务对象名单里") end
  if not ctx:check("在管", person.active, "==", true) then return end
  if NEED_CARE[f.result] then
    judge_worse(person, f, ctx)
  else
    ctx:clear { key = worse_key(f), reason = "随访结果已更正" }
  end
  if f.result == "ok" then
    for _, old in ipairs(unsettled(f.person_key, ctx, f.followup_id)) do
      ctx:clear { key = worse_key(old), reason = "其后的随访平稳" }
    end
  end
  if is_newest(f, ctx) then
    judge_due(person, ctx)
    judge_lost(person, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function person(more)
  return { "special_person", with({ person_key = "P37", category = "mental", risk_level = 3, unstable = false,
    community_id = "suopoqiao", grid_id = "G5", since = "2018-05-01", active = true }, more) }
end

local function followup(id, at, result)
  return { "followup", { followup_id = id, person_key = "P37", at = ("2020-%s:00+08:00"):format(at), result = result } }
end

local function expect(level, base)
  return { { key = "P37|due|" .. (base or "2020-06-28"), kind = "due", level = level } }
end
local function worse(id) return { { key = id .. "|worse", kind = "worse", level = "orange" } } end
local LOST = { { key = "P37|lost", kind = "lost", level = "red" } }

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-15T07:00:00+08:00", settings = settings, expect = want }
end

-- 上次见到本人在 2020 年的 day
local function seen(day, more) return { person(more), followup("FU1", day .. "T10:00", "ok") } end

-- 7月1日见过，此后各次的结果（每隔三天一次）
local function then_(...)
  local given = { person(), followup("FU1", "07-01T10:00", "ok") }
  for i, result in ipairs { ... } do
    given[i + 2] = followup("FU" .. i + 1, ("07-%02dT10:00"):format(1 + i * 3), result ~= "" and result or nil)
  end
  return given
end

local CATALOGUE = { "dataset", { dataset_id = "DS_followup", name = "随访", owner_office = "safety", cycle = "monthly" } }
local function kept(day)
  return { "dataset_update", { update_id = "U1", dataset_id = "DS_followup", updated_at = day .. "T20:00:00+08:00", rows = 9 } }
end

local LOW, MID, CORRECTION = { risk_level = 0 }, { risk_level = 2 }, { category = "correction", risk_level = "" }

return {
  title    = "重点服务对象随访",
  office   = "safety",
  shape    = "ABS SUS",
  also     = { "grid", "public_service" },
  reads    = { "special_person", "followup" },
  settings = {
    high_days    = { label = "高风险（3至5级或不稳定）随访周期", unit = "天", default = 14, min = 1, max = 365 },
    mid_days     = { label = "中风险（1至2级）随访周期", unit = "天", default = 30, min = 1, max = 365 },
    low_days     = { label = "低风险（0级）随访周期", unit = "天", default = 90, min = 1, max = 365 },
    corr_days    = { label = "矫正对象随访周期", unit = "天", default = 10, min = 1, max = 365 },
    orange_ratio = { label = "超过周期的多少倍报橙", unit = "倍", default = 1.5, min = 1, max = 10 },
    lost_times   = { label = "连续几次未见到算失访", unit = "次", default = 3, min = 1, max = 20 },
  },

  on      = { followup = on_followup },
  removed = { special_person = forget },
  every   = { { at = "daily 07:00", over = "special_person", run = run } },
  rejudge = { followup = "person_key" },

  life = {
    due   = { close = "auto", limits = { yellow = { close = "3wd" }, orange = { close = "1wd" } } },
    lost  = { close = "auto", limits = { close = "4h" } },
    worse = { close = "auto", evidence = { "note" }, limits = { close = "1wd" } }, -- 平稳后自动办结，或写明送治、联合处置
  },
  examples = {
    case("高风险17天未随访，报黄", seen "06-28", expect "yellow"),
    case("低风险66天未随访，不报", seen("05-10", LOW), {}),
    case("高风险恰好14天，不报", seen "07-01", {}),
    case("高风险15天，报黄", seen "06-30", expect("yellow", "2020-06-30")),
    case("高风险恰好21天，仍是黄", seen "06-24", expect("yellow", "2020-06-24")),
    case("高风险22天，报橙", seen "06-23", expect("orange", "2020-06-23")),
    case("中风险恰好30天，不报", seen("06-15", MID), {}),
    case("中风险31天，报黄", seen("06-14", MID), expect("yellow", "2020-06-14")),
    case("1级也是中风险", seen("06-14", { risk_level = 1 }), expect("yellow", "2020-06-14")),
    case("中风险恰好45天，仍是黄", seen("05-31", MID), expect("yellow", "2020-05-31")),
    case("中风险46天，报橙", seen("05-30", MID), expect("orange", "2020-05-30")),
    case("低风险恰好90天，不报", seen("04-16", LOW), {}),
    case("低风险91天，报黄", seen("04-15", LOW), expect("yellow", "2020-04-15")),
    case("低风险恰好135天（过了闰日），仍是黄", seen("03-02", LOW), expect("yellow", "2020-03-02")),
    case("低风险136天，报橙", seen("03-01", LOW), expect("orange", "2020-03-01")),
    case("低风险但病情不稳，按14天", seen("06-30", { risk_level = 0, unstable = true }), expect("yellow", "2020-06-30")),
    case("不知道风险等级而不稳，按14天", seen("06-30", { risk_level = "", unstable = true }),
         expect("yellow", "2020-06-30")),
    case("5级也按14天", seen("06-30", { risk_level = 5 }), expect("yellow", "2020-06-30")),
    case("矫正对象恰好10天，不报", seen("07-05", CORRECTION), {}),
    case("矫正对象11天，报黄", seen("07-04", CORRECTION), expect("yellow", "2020-07-04")),
    case("矫正对象恰好15天，仍是黄", seen("06-30", CORRECTION), expect("yellow", "2020-06-30")),
    case("矫正对象16天，报橙", seen("06-29", CORRECTION), expect("orange", "2020-06-29")),
    case("不知道风险等级，不报", seen("01-10", { risk_level = "" }), {}),
    case("不知道类别，不报", seen("01-10", { category = "" }), {}),
    case("不在管，不报", seen("01-10", { active = false }), {}),
    case("不知道是否在管，不报", seen("01-10", { active = "" }), {}),
    case("周期改成30天，不报", seen "06-28", {}, { high_days = 30 }),

    case("从没有随访，从纳入日算", { person { since = "2020-06-30" } }, expect("yellow", "2020-06-30")),
    case("从没有随访、纳入恰好14天，不报", { person { since = "2020-07-01" } }, {}),
    case("没有随访也没有纳入日，不报", { person { since = "" } }, {}),
    case("有随访而没有纳入日，照报", seen("06-28", { since = "" }), expect "yellow"),
    case("随访比纳入日早，仍从随访算", seen("06-28", { since = "2020-07-10" }), expect "yellow"),
    case("未见到的不算随访过", { person(), followup("FU1", "06-28T10:00", "ok"), followup("FU2", "07-10T10:00", "not_found") },
         expect "yellow"),
    case("没写结果的算随访过", { person(), followup("FU1", "06-28T10:00", "ok"), followup("FU2", "07-10T10:00", nil) }, {}),
    case("别人的随访不算", { person { person_key = "P38" }, followup("FU1", "07-10T10:00", "ok") },
         { { key = "P38|due|2018-05-01", level = "orange" } }),
    case("随访的人不在名单里，不报", { followup("FU1", "07-10T10:00", "worse") }, {}),
    case("随访没写是谁，不报", { { "followup", { followup_id = "FU1", at = "2020-07-10T10:00:00+08:00", result = "worse" } } }, {}),
    case("随访数据停更，不判断超期", { CATALOGUE, kept "2020-05-31", person(), followup("FU1", "05-10T10:00", "ok") }, {}),
    case("随访数据上月更新过，照常判断",
         { CATALOGUE, kept "2020-06-02", person(), followup("FU1", "05-10T10:00", "ok") }, expect("orange", "2020-05-10")),

    case("见过之后连着三次未见到，报失访", then_("not_found", "not_found", "not_found"), LOST),
    case("只有两次未见到，不报", then_("not_found", "not_found"), {}),
    case("中间见到过一次，不报", then_("not_found", "ok", "not_found", "not_found"), {}),
    case("中间有一次没写结果，不报", then_("not_found", "", "not_found", "not_found"), {}),
    case("两次算失访时，两次就报", then_("not_found", "not_found"), LOST, { lost_times = 2 }),
    case("六次都没有见到，仍从见到那次算超期",
         { person(), followup("F0", "06-01T10:00", "ok"), followup("F1", "06-03T10:00", "not_found"),
           followup("F2", "06-05T10:00", "not_found"), followup("F3", "06-07T10:00", "not_found"),
           followup("F4", "06-09T10:00", "not_found"), followup("F5", "06-11T10:00", "not_found"),
           followup("F6", "06-13T10:00", "not_found") },
         { expect("orange", "2020-06-01")[1], LOST[1] }),
    case("数据停更，失访照报", { CATALOGUE, kept "2020-05-31", person(), followup("F1", "05-10T10:00", "not_found"),
                                 followup("F2", "05-11T10:00", "not_found"), followup("F3", "05-12T10:00", "not_found") }, LOST),

    case("高风险随访加重，报橙", then_ "worse", worse "FU2"),
    case("高风险停药，报橙", then_ "stopped_medicine", worse "FU2"),
    case("加重两次是两条", then_("worse", "stopped_medicine"), { worse("FU2")[1], worse("FU3")[1] }),
    case("加重之后平稳，不再挂着", then_("worse", "ok"), {}),
    case("加重之后未见到，仍挂着", then_("worse", "not_found"), worse "FU2"),
    case("2级随访加重，不报", { person(MID), followup("FU1", "07-10T10:00", "worse") }, {}),
    case("2级而不稳，随访加重，报橙", { person { risk_level = 2, unstable = true }, followup("FU1", "07-10T10:00", "worse") },
         worse "FU1"),
    case("不知道风险等级，随访加重，不报", { person { risk_level = "" }, followup("FU1", "07-10T10:00", "worse") }, {}),
    case("不在管的，随访加重，不报", { person { active = false }, followup("FU1", "07-10T10:00", "worse") }, {}),

    { name = "名单后到，次日补上随访需处置的",
      steps = {
        { given = { followup("FU1", "07-14T10:00", "worse") }, at = "2020-07-14T11:00:00+08:00", expect = {} },
        { given = { person() }, at = "2020-07-15T07:00:00+08:00", expect = worse "FU1" },
        { at = "2020-07-16T07:00:00+08:00", expect = worse "FU1" },
      } },
    { name = "天天看是同一条，过了一倍半升为橙；随访后当时就销",
      steps = {
        { given = seen "06-28", at = "2020-07-15T07:00:00+08:00", expect = expect "yellow" },
        { at = "2020-07-19T07:00:00+08:00", expect = expect "yellow" },
        { at = "2020-07-20T07:00:00+08:00", expect = expect "orange" },
        { given = { followup("FU2", "07-20T15:00", "not_found") }, at = "2020-07-20T15:00:00+08:00", expect = expect "orange" },
        { given = { followup("FU3", "07-21T15:00", "ok") }, at = "2020-07-21T15:00:00+08:00", expect = {} },
        { at = "2020-08-05T07:00:00+08:00", expect = expect("yellow", "2020-07-21") },
      } },
    { name = "风险等级降了，超期的销掉",
      steps = {
        { given = seen "06-28", at = "2020-07-15T07:00:00+08:00", expect = expect "yellow" },
        { given = { person(LOW) }, at = "2020-07-16T07:00:00+08:00", expect = {} },
      } },
    { name = "第三次未见到时当场报失访，见到后销",
      steps = {
        { given = then_("not_found", "not_found"), at = "2020-07-08T07:00:00+08:00", expect = {} },
        { given = { followup("FU9", "07-08T10:00", "not_found") }, at = "2020-07-08T10:00:00+08:00", expect = LOST },
        { given = { followup("FU10", "07-09T10:00", "ok") }, at = "2020-07-09T10:00:00+08:00", expect = {} },
      } },
    { name = "不再在管、移出名单的，都销掉",
      steps = {
        { given = { person(), followup("FU0", "06-01T10:00", "ok"), followup("FU1", "06-10T10:00", "worse"),
                    followup("FU2", "06-11T10:00", "not_found"), followup("FU3", "06-12T10:00", "not_found"),
                    followup("FU4", "06-13T10:00", "not_found") },
          at = "2020-07-15T07:00:00+08:00", expect = { expect("orange", "2020-06-10")[1], LOST[1], worse("FU1")[1] } },
        { given = { person { active = false } }, at = "2020-07-16T07:00:00+08:00", expect = {} },
      } },
    { name = "移出名单即销",
      steps = {
        { given = seen "06-28", at = "2020-07-15T07:00:00+08:00", expect = expect "yellow" },
        { removed = { { "special_person", "P37" } }, at = "2020-07-15T09:00:00+08:00", expect = {} },
      } },
    { name = "降为低风险，需处置的销掉；结果更正为平稳的也销掉",
      steps = {
        { given = then_("worse", "worse"), at = "2020-07-08T07:00:00+08:00", expect = { worse("FU2")[1], worse("FU3")[1] } },
        { given = { followup("FU3", "07-07T10:00", "not_found") }, at = "2020-07-08T08:00:00+08:00", expect = worse "FU2" },
        { given = { person(MID) }, at = "2020-07-09T07:00:00+08:00", expect = {} },
      } },
    { name = "写明送治后人工办结，不再重报",
      steps = {
        { given = then_ "worse", at = "2020-07-05T07:00:00+08:00", expect = worse "FU2" },
        { actions = { { key = "FU2|worse", action = "close", text = "已送治" } }, at = "2020-07-06T07:00:00+08:00", expect = {} },
        { given = { followup("FU3", "07-06T10:00", "not_found") }, at = "2020-07-07T07:00:00+08:00", expect = {} },
      } },
    { name = "随访晚到：当天早上报的超期收回",
      steps = {
        { given = seen "06-30", at = "2020-07-15T07:00:00+08:00", expect = expect("yellow", "2020-06-30") },
        { given = { followup("FU2", "07-14T20:00", "ok") }, at = "2020-07-15T10:00:00+08:00", expect = {} },
      } },
    { name = "很早以前的随访补录，不影响现在的超期",
      steps = {
        { given = seen "06-28", at = "2020-07-15T07:00:00+08:00", expect = expect "yellow" },
        { given = { followup("FU0", "05-01T10:00", "ok"), followup("FU00", "05-02T10:00", "not_found") },
          at = "2020-07-15T10:00:00+08:00", expect = expect "yellow" },
      } },
    { name = "平稳先到、加重晚到，结果一样：不挂着",
      steps = {
        { given = { person(), followup("FU1", "07-01T10:00", "ok"), followup("FU3", "07-07T10:00", "ok") },
          at = "2020-07-07T11:00:00+08:00", expect = {} },
        { given = { followup("FU2", "07-06T15:00", "worse") }, at = "2020-07-07T12:00:00+08:00", expect = {} },
      } },
    { name = "三次未见到，中间一次晚到，结果一样",
      steps = {
        { given = { person(), followup("FU1", "07-01T10:00", "ok"), followup("FU2", "07-04T10:00", "not_found"),
                    followup("FU4", "07-07T10:00", "not_found") }, at = "2020-07-07T11:00:00+08:00", expect = {} },
        { given = { followup("FU3", "07-06T15:00", "not_found") }, at = "2020-07-07T12:00:00+08:00", expect = LOST },
      } },
  },
}
