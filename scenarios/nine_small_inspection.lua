--- 九小场所检查与隐患整改：按风险等级定的周期到了还没有检查，隐患逾期没有整改，同一场所半年内屡查屡犯。
-- 给平安办、社区和网格员：及时上门检查，督促整改；重大隐患查到当天就报。
local calendar = require "std.calendar"
local standing = require "std.standing"
local with     = require("std.example").with

local FOREVER = "9999-12-31T00:00:00+08:00"

local function name_of(place) return place.name or place.place_id end

local function interval_of(place, s)
  return ({ A = s.A_days, B = s.B_days, C = s.C_days })[place.risk_grade]
end

local function inspections(place_id, ctx, options)
  return ctx:list("inspection", { target_id = place_id, target_type = "place" }, options)
end

local function raise(place, key, kind, level, words, ctx)
  ctx:alert {
    key = key, kind = kind, level = level, about = { "place", place.place_id },
    title = words, text = words .. (place.kind and ("（%s）"):format(place.kind) or ""),
  }
end

local function due_name(place_id) return "due|" .. place_id end

-- 检查超期：离上次检查（没有查过的从建档日起）超过周期。
local function judge_due(place, ctx)
  if not ctx:alive("inspection") then return ctx:unknown("检查数据停更，不判断检查超期") end
  local last = inspections(place.place_id, ctx, { last = 1 })[1]
  local base = last and calendar.date_of(last.inspected_at) or place.listed_on
  local interval = interval_of(place, ctx.settings)
  if not (base and interval) then return ctx:unknown("缺少上次检查、建档日或风险等级") end

  local days, key = calendar.days_between(base, ctx.today), nil
  if ctx:check("未检查天数", days, ">", interval, "天") then
    local late = ctx:check("未检查天数（严重）", days, ">", ctx.settings.orange_ratio * interval, "天")
    key = ("%s|due|%s"):format(place.place_id, base)
    raise(place, key, "due", late and "orange" or "yellow",
      ("%s(%s级)已%d天未检查"):format(name_of(place), place.risk_grade, days), ctx)
  end
  standing.keep(ctx, due_name(place.place_id), key, "已检查，或周期有变")
end

-- 查出了隐患；漏填结果而写明重大隐患的也算。
local function is_hazard(i)
  return i.result == "hazard" or (i.result == nil and i.hazard_level == "major")
end

local function is_unsettled(i) return is_hazard(i) and i.recheck_result ~= "pass" end

-- 整改：重大隐患从查到之日起，一般隐患过了整改期限，复查合格之前一直算。
local function judge_rectify(place, i, ctx)
  local key = i.inspection_id .. "|rectify"
  local level, words
  if ctx:check("查出隐患", is_hazard(i), "==", true) and not ctx:check("复查合格", i.recheck_result, "==", "pass") then
    if ctx:check("隐患等级", i.hazard_level, "==", "major") then
      level, words = "red", "重大隐患未整改"
    elseif ctx:check("整改期限", i.rectify_due_on, "<", ctx.today) then
      level, words = "orange", "隐患逾期未整改"
    end
  end
  if level then
    raise(place, key, "rectify", level, name_of(place) .. words, ctx)
  else
    ctx:clear { key = key, reason = "复查合格，或隐患、期限已更正" }
  end
end

-- 屡查屡犯：半年里查出隐患的次数。
local function judge_repeat(place, ctx)
  local s, n = ctx.settings, 0
  for _, i in ipairs(inspections(place.place_id, ctx, { within = ("%dd"):format(s.repeat_days) })) do
    if i.result == "hazard" then n = n + 1 end
  end
  local key = ("%s|repeat|%s"):format(place.place_id, ctx.month)
  if ctx:check("近期查出隐患", n, ">=", s.repeat_count, "次") then
    raise(place, key, "repeat", "orange",
      ("%s近%d天%d次查出隐患，建议联合执法"):format(name_of(place), s.repeat_days, n), ctx)
  else
    ctx:clear { key = key, reason = "近期查出隐患的次数已减少" }
  end
end

-- 不在营了、移出名单了：检查超期和还没整改的都不再催。
local function forget(place, ctx)
  standing.keep(ctx, due_name(place.place_id), nil, "场所已不在营")
  for _, i in ipairs(inspections(place.place_id, ctx, { last = 1000 })) do
    if is_unsettled(i) then
      ctx:clear { key = i.inspection_id .. "|rectify", reason = "场所已不在营" }
    end
  end
  ctx:clear { key = ("%s|repeat|%s"):format(place.place_id, ctx.month), reason = "场所已不在营" }
end

local function run(place, ctx)
  if not ctx:check("在营", place.open, "==", true) then return forget(place, ctx) end
  judge_due(place, ctx)
  for _, i in ipairs(inspections(place.place_id, ctx, { last = 1000 })) do
    -- 复查合格的在收到复查那一刻已经销了，不必天天再看。
    if is_unsettled(i) then judge_rectify(place, i, ctx) end
  end
  judge_repeat(place, ctx)
end

-- 没有更晚的检查。晚到的旧检查说不了现在超期没有。
local function is_newest(i, ctx)
  return inspections(i.target_id, ctx, { last = 1, upto = FOREVER })[1].inspected_at <= i.inspected_at
end

-- 检查来了（或补上了复查）：重大隐患当天报，检查超期的当时销。
-- 这里的“今天”是检查那天：逾期没有要等每天的判断，所以只销复查合格的。
local function on_inspection(i, ctx)
  if i.target_type ~= "place" or not i.target_id then return end
  local place = ctx:find("place", i.target_id)
  if not place then return ctx:unknown("查的场所不在名单里") end
  if not ctx:check("在营", place.open, "==", true) then return end
  if not is_unsettled(i) or i.hazard_level == "major" then judge_rectify(place, i, ctx) end
  if is_newest(i, ctx) then
    judge_due(place, ctx)
    judge_repeat(place, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function place(more)
  return { "place", with({ place_id = "NS9", kind = "小餐饮", name = "示例小吃店", community_id = "xiaohe", grid_id = "G8",
    risk_grade = "A", open = true, listed_on = "2019-03-01" }, more) }
end

local function inspected(id, day, more)
  return { "inspection", with({ inspection_id = id, target_type = "place", target_id = "NS9",
    inspected_at = ("2020-%sT10:00:00+08:00"):format(day), result = "pass", hazard_level = "none" }, more) }
end

local function hazard(id, day, more)
  return inspected(id, day, with({ result = "hazard", hazard_level = "general" }, more))
end

local function expect(level, base)
  return { { key = "NS9|due|" .. (base or "2020-06-01"), kind = "due", level = level } }
end
local function rectify(level, id) return { { key = (id or "IN1") .. "|rectify", kind = "rectify", level = level } } end
local REPEAT = { { key = "NS9|repeat|2020-07", kind = "repeat", level = "orange" } }

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-15T07:30:00+08:00", settings = settings, expect = want }
end

local function checked(day, more) return { place(more), inspected("IN1", day) } end

-- 7月10日查过一次合格，再加一条带隐患的
local function with_hazard(day, more) return { place(), hazard("IN1", day, more), inspected("IN9", "07-10") } end

-- 第三次隐患就在今天早上
local function thrice(first, more)
  return { place(), hazard("IN1", first, more), hazard("IN2", "03-01"),
           hazard("IN3", "07-15", { inspected_at = "2020-07-15T07:00:00+08:00" }) }
end

local CATALOGUE = { "dataset", { dataset_id = "DS_inspection", name = "检查", owner_office = "safety", cycle = "monthly" } }
local function kept(day)
  return { "dataset_update", { update_id = "U1", dataset_id = "DS_inspection", updated_at = day .. "T20:00:00+08:00", rows = 9 } }
end

local B, C = { risk_grade = "B" }, { risk_grade = "C" }
local MAJOR = { hazard_level = "major", rectify_due_on = "2020-08-01" }

return {
  title    = "九小场所检查与隐患整改",
  office   = "safety",
  shape    = "ABS STATE CNT",
  also     = { "grid" },
  reads    = { "place", "inspection" },
  settings = {
    A_days       = { label = "A级场所检查周期", unit = "天", default = 30, min = 1, max = 730, per = "community" },
    B_days       = { label = "B级场所检查周期", unit = "天", default = 60, min = 1, max = 730, per = "community" },
    C_days       = { label = "C级场所检查周期", unit = "天", default = 90, min = 1, max = 730, per = "community" },
    orange_ratio = { label = "超过周期的多少倍报橙", unit = "倍", default = 1.5, min = 1, max = 10 },
    repeat_days  = { label = "屡查屡犯看最近", unit = "天", default = 180, min = 1, max = 730 },
    repeat_count = { label = "查出隐患达到几次算屡查屡犯", unit = "次", default = 3, min = 2, max = 20 },
  },

  on      = { inspection = on_inspection },
  removed = { place = forget },
  every   = { { at = "daily 07:30", over = "place", run = run } },
  rejudge = { inspection = "target_id" },

  life = {
    due     = { close = "auto", limits = { yellow = { close = "5wd" }, orange = { close = "2wd" } } },
    rectify = { close = "auto", limits = { orange = { close = "2wd" }, red = { close = "24h" } } }, -- 红：24小时内停用或查封
    ["repeat"] = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } },
  },

  examples = {
    case("A级44天未检查，报黄", checked "06-01", expect "yellow"),
    case("A级20天前查过，不报", checked "06-25", {}),
    case("A级恰好30天，不报", checked "06-15", {}),
    case("A级31天，报黄", checked "06-14", expect("yellow", "2020-06-14")),
    case("A级恰好45天，仍是黄", checked "05-31", expect("yellow", "2020-05-31")),
    case("A级46天，报橙", checked "05-30", expect("orange", "2020-05-30")),
    case("B级恰好60天，不报", checked("05-16", B), {}),
    case("B级61天，报黄", checked("05-15", B), expect("yellow", "2020-05-15")),
    case("B级恰好90天，仍是黄", checked("04-16", B), expect("yellow", "2020-04-16")),
    case("B级91天，报橙", checked("04-15", B), expect("orange", "2020-04-15")),
    case("C级恰好90天，不报", checked("04-16", C), {}),
    case("C级91天，报黄", checked("04-15", C), expect("yellow", "2020-04-15")),
    case("C级恰好135天（过了闰日），仍是黄", checked("03-02", C), expect("yellow", "2020-03-02")),
    case("C级136天，报橙", checked("03-01", C), expect("orange", "2020-03-01")),
    case("不在营，不报", checked("06-01", { open = false }), {}),
    case("不知道是否在营，不报", checked("06-01", { open = "" }), {}),
    case("不知道等级，不报", checked("06-01", { risk_grade = "" }), {}),
    case("从没查过，从建档日算", { place { listed_on = "2020-06-14" } }, expect("yellow", "2020-06-14")),
    case("从没查过、建档恰好30天，不报", { place { listed_on = "2020-06-15" } }, {}),
    case("从没查过也没有建档日，不报", { place { listed_on = "" } }, {}),
    case("没有店名也没有类别，用编号", checked("06-01", { name = "", kind = "" }), expect "yellow"),
    case("查出隐患也算查过", { place(), hazard("IN1", "06-25") }, {}),
    case("查的是同编号的电梯，不算", { place { listed_on = "2020-06-01" }, inspected("IN1", "07-10", { target_type = "elevator" }) },
         expect "yellow"),
    case("周期改成60天，不报", checked "06-01", {}, { A_days = 60 }),
    case("检查数据停更，不判断超期", { CATALOGUE, kept "2020-05-31", place(), inspected("IN1", "05-01") }, {}),
    case("检查数据上月更新过，照常判断", { CATALOGUE, kept "2020-06-02", place(), inspected("IN1", "06-01") }, expect "yellow"),
    case("检查数据停更，隐患逾期照报",
         { CATALOGUE, kept "2020-05-31", place(), hazard("IN1", "05-01", { rectify_due_on = "2020-05-15" }) }, rectify "orange"),

    case("整改期限昨天，报橙", with_hazard("07-01", { rectify_due_on = "2020-07-14" }), rectify "orange"),
    case("整改期限今天，不报", with_hazard("07-01", { rectify_due_on = "2020-07-15" }), {}),
    case("没写整改期限，不报", with_hazard "07-01", {}),
    case("逾期而复查合格，不报", with_hazard("07-01", { rectify_due_on = "2020-07-08", recheck_on = "2020-07-12",
                                                   recheck_result = "pass" }), {}),
    case("逾期而复查不合格，报橙", with_hazard("07-01", { rectify_due_on = "2020-07-08", recheck_on = "2020-07-12",
                                                    recheck_result = "fail" }), rectify "orange"),
    case("逾期后别的检查合格不算复查，报橙",
         { place(), hazard("IN1", "07-01", { rectify_due_on = "2020-07-08" }), inspected("IN2", "07-12") }, rectify "orange"),
    case("重大隐患期限未到，也报红", with_hazard("07-01", MAJOR), rectify "red"),
    case("重大隐患当天就报红", { place(), hazard("IN1", "07-15", with({ inspected_at = "2020-07-15T07:00:00+08:00" }, MAJOR)) },
         rectify "red"),
    case("重大隐患复查合格，不报", with_hazard("07-01", { hazard_level = "major", recheck_result = "pass" }), {}),
    case("检查合格而误填重大，不报", { place(), inspected("IN1", "07-10", MAJOR) }, {}),
    case("没写检查结果而写了重大隐患，报红", { place(), inspected("IN1", "07-10", with({ result = "" }, MAJOR)) }, rectify "red"),
    case("没写检查结果，不报", { place(), inspected("IN1", "07-10", { result = "", rectify_due_on = "2020-07-12" }) }, {}),
    case("不在营的，隐患不报", { place { open = false }, hazard("IN1", "07-01", MAJOR) }, {}),
    case("场所不在名单里，隐患不报", { hazard("IN1", "07-01", MAJOR) }, {}),
    case("工地的隐患不归这里", { place(), hazard("IN1", "07-01", { target_type = "site", hazard_level = "major" }),
                                inspected("IN2", "07-10") }, {}),

    case("180天里三次查出隐患，报橙", thrice "01-17", REPEAT),
    case("头一次在181天前，不报", thrice "01-16", {}),
    case("其中一次合格，不报", thrice("01-17", { result = "pass" }), {}),
    case("标准改成两次，报橙", { place(), hazard("IN1", "01-17"), hazard("IN2", "07-15", { inspected_at =
         "2020-07-15T07:00:00+08:00" }) }, REPEAT, { repeat_count = 2 }),
    case("六月就够了三次的，六月、七月各一条", { place(), hazard("IN1", "04-01"), hazard("IN2", "05-01"), hazard("IN3", "06-20") },
         { { key = "NS9|repeat|2020-06", kind = "repeat", level = "orange" }, REPEAT[1] }),

    { name = "天天看是同一条，过了一倍半升为橙；一查当时就销；下次从这次算起",
      steps = {
        { given = checked "06-01", at = "2020-07-15T07:30:00+08:00", expect = expect "yellow" },
        { at = "2020-07-16T07:30:00+08:00", expect = expect "yellow" },
        { at = "2020-07-17T07:30:00+08:00", expect = expect "orange" },
        { given = { inspected("IN2", "07-17") }, at = "2020-07-17T10:00:00+08:00", expect = {} },
        { at = "2020-08-17T07:30:00+08:00", expect = expect("yellow", "2020-07-17") },
      } },
    { name = "逾期一天报橙；复查不合格仍挂着；复查合格当时就销",
      steps = {
        { given = with_hazard("07-01", { rectify_due_on = "2020-07-15" }), at = "2020-07-15T07:30:00+08:00", expect = {} },
        { at = "2020-07-16T07:30:00+08:00", expect = rectify "orange" },
        { given = { hazard("IN1", "07-01", { rectify_due_on = "2020-07-15", recheck_result = "fail" }) },
          at = "2020-07-16T09:00:00+08:00", expect = rectify "orange" },
        { given = { hazard("IN1", "07-01", { rectify_due_on = "2020-07-15", recheck_result = "pass" }) },
          at = "2020-07-17T09:00:00+08:00", expect = {} },
      } },
    { name = "一般改定为重大，同一条升为红",
      steps = {
        { given = with_hazard("07-01", { rectify_due_on = "2020-07-10" }), at = "2020-07-15T07:30:00+08:00",
          expect = rectify "orange" },
        { given = { hazard("IN1", "07-01", MAJOR) }, at = "2020-07-15T09:00:00+08:00", expect = rectify "red" },
      } },
    { name = "整改期限延后，次日销",
      steps = {
        { given = with_hazard("07-01", { rectify_due_on = "2020-07-10" }), at = "2020-07-15T07:30:00+08:00",
          expect = rectify "orange" },
        { given = { hazard("IN1", "07-01", { rectify_due_on = "2020-07-20" }) }, at = "2020-07-16T07:30:00+08:00", expect = {} },
      } },
    { name = "停业后都销掉；屡查屡犯的等书面说明",
      steps = {
        { given = { place(B), hazard("IN1", "05-01", MAJOR), inspected("IN2", "05-03"),
                    hazard("IN3", "07-14", { recheck_result = "pass" }), hazard("IN4", "07-14", { recheck_result = "pass" }) },
          at = "2020-07-14T20:00:00+08:00", expect = { rectify("red")[1], REPEAT[1] } },
        { given = { place { open = false } }, at = "2020-07-16T07:30:00+08:00", expect = REPEAT },
        { actions = { { key = "NS9|repeat|2020-07", action = "close", text = "已联合执法" } },
          at = "2020-07-17T07:30:00+08:00", expect = {} },
      } },
    { name = "移出名单即销",
      steps = {
        { given = checked "06-01", at = "2020-07-15T07:30:00+08:00", expect = expect "yellow" },
        { removed = { { "place", "NS9" } }, at = "2020-07-15T09:00:00+08:00", expect = {} },
      } },
    { name = "第三次查出隐患当场报；办结后同样的事不再报，下个月还够次数是新的一条",
      steps = {
        { given = { place(), hazard("IN1", "05-01"), hazard("IN2", "06-30") }, at = "2020-07-15T07:30:00+08:00", expect = {} },
        { given = { hazard("IN3", "07-15") }, at = "2020-07-15T10:00:00+08:00", expect = REPEAT },
        { actions = { { key = "NS9|repeat|2020-07", action = "close", text = "已联合执法" } },
          at = "2020-07-16T07:30:00+08:00", expect = {} },
        { at = "2020-08-01T07:30:00+08:00", expect = { { key = "NS9|repeat|2020-08", kind = "repeat", level = "orange" } } },
      } },
    { name = "检查晚到：当天早上报的超期收回",
      steps = {
        { given = checked "06-14", at = "2020-07-15T07:30:00+08:00", expect = expect("yellow", "2020-06-14") },
        { given = { inspected("IN2", "07-14") }, at = "2020-07-15T10:00:00+08:00", expect = {} },
      } },
    { name = "检查晚到：挂了几天的超期也销",
      steps = {
        { given = checked "06-12", at = "2020-07-13T07:30:00+08:00", expect = expect("yellow", "2020-06-12") },
        { at = "2020-07-15T07:30:00+08:00", expect = expect("yellow", "2020-06-12") },
        { given = { inspected("IN2", "07-14") }, at = "2020-07-15T10:00:00+08:00", expect = {} },
      } },
    { name = "很早以前的检查补录，不影响现在的超期",
      steps = {
        { given = checked "06-01", at = "2020-07-15T07:30:00+08:00", expect = expect "yellow" },
        { given = { inspected("IN0", "02-01") }, at = "2020-07-15T10:00:00+08:00", expect = expect "yellow" },
      } },
    { name = "停更期间检查过，恢复更新后把旧的销掉",
      steps = {
        { given = { CATALOGUE, kept "2020-06-02", place(), inspected("IN1", "06-01") }, at = "2020-07-15T07:30:00+08:00",
          expect = expect "yellow" },
        { given = { inspected("IN2", "08-03") }, at = "2020-08-04T07:30:00+08:00", expect = expect "yellow" },
        { given = { { "dataset_update", { update_id = "U2", dataset_id = "DS_inspection", rows = 9,
                                          updated_at = "2020-08-04T20:00:00+08:00" } } },
          at = "2020-08-05T07:30:00+08:00", expect = {} },
      } },
  },
}
