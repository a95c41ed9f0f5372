--- 人员聚集与治安异常：打架立即报红；聚集达到人数又持续十分钟报黄（政府、学校门口和百人以上报橙）；
-- 一周里三个早上都有人聚集的，疑似保健品会销，请市场监管所一起看。
local calendar = require "std.calendar"
local camera   = require "std.camera"
local with     = require("std.example").with

local PAIR_MAX_MIN = 30 -- 前后两次相隔不超过三十分钟，才算一直聚着
local FIGHT_GAP_MIN = 30 -- 打架：相隔超过三十分钟算另一起
local GATE  = { gov = true, school = true }
local SALES_PLACE = { estate = true, street = true }

-- 大型活动许可 ----------------------------------------------------------------------------------

-- 该点位有效的活动许可覆盖得住这么多人：有效期两头都算，没写的一头不限；没写核定人数的不限人数。
local function is_covered(event, ctx)
  local at = calendar.seconds(event.occurred_at)
  for p in ctx:each("permit", { holder_id = event.place_id, holder_type = "place", kind = "event" }) do
    if (not p.valid_from or calendar.seconds(p.valid_from) <= at) and (not p.valid_to or at <= calendar.seconds(p.valid_to))
       and (not p.capacity or event.people_count <= p.capacity) then return true end
  end
  return false
end

-- 打架 ------------------------------------------------------------------------------------------

local function fight_key(episode) return episode.id .. "|fight" end

local function on_fight(row, ctx, withdrawn)
  local run = camera.follow(ctx, row, {
    field = "place_id", id = row.place_id, type = "fight", days = 1, gap_min = FIGHT_GAP_MIN, changed = withdrawn,
    each = function(event, episode)
      if event.event_id ~= episode.id or episode.mark then return end
      episode.mark = true
      local where = camera.place_name(ctx, event.camera_id, event.place_id)
      ctx:alert {
        key = fight_key(episode), kind = "fight", level = "red", also = { "community", "police" },
        about = camera.about(episode), communities = episode.communities,
        title = ("%s 打架斗殴"):format(where), text = ("%s发现打架斗殴，请五分钟内到场"):format(where),
      }
    end,
  })
  if not run then return end
  for _, e in ipairs(run.gone) do
    ctx:clear { key = fight_key(e), retract = true, reason = "这一起另有更早的一条，或已撤回" }
  end
  camera.remember(ctx, "place_id", row.place_id, "fight", run)
end

-- 聚集 ------------------------------------------------------------------------------------------

-- 该点位算数的聚集事件，由早到晚：手头这条之前三十分钟的；以后还有的（手头这条迟到、更正了），就是它那天前后的。
local function around(row, wide, ctx)
  local list, options = {}, { within = calendar.period(PAIR_MAX_MIN, "min"), upto = calendar.add_minutes(ctx.now, PAIR_MAX_MIN) }
  if wide then
    local day = calendar.date_of(row.occurred_at)
    options = { within = calendar.period(calendar.days_between(day, ctx.today) + 1, "d"),
                upto = calendar.add_days(day, 1) .. "T00:30:00+08:00" }
  end
  for e in ctx:each("camera_event", { place_id = row.place_id, event_type = "crowd" }, options) do
    if camera.is_sure(e, ctx.settings) then
      list[#list + 1] = { at = calendar.seconds(e.occurred_at), people = e.people_count, over = e.phase == "end", row = e }
    end
  end
  return list
end

-- 从 list[i] 往回，人数一直够的最早一条：中间有一条不够，或者散了（end），就断了；没写人数的跳过。
local function since_when(list, i, limit)
  local first = list[i].at
  for k = i - 1, 1, -1 do
    local e = list[k]
    if list[i].at - e.at > PAIR_MAX_MIN * 60 or e.over or (e.people and e.people < limit) then break end
    if e.people then first = e.at end
  end
  return first
end

local function kind_of(row, ctx)
  local c = ctx:find("camera", row.camera_id)
  return c and c.place_kind
end

local function crowd_key(row) return ("%s|crowd|%s"):format(row.place_id, calendar.date_of(row.occurred_at)) end

local function judge_crowd(list, i, verdicts, ctx)
  local s, e = ctx.settings, list[i]
  local place_kind = kind_of(e.row, ctx)
  local limit = GATE[place_kind] and s.gate_people or s.people
  if e.over or not ctx:check("人数", e.people, ">=", limit, "人") or is_covered(e.row, ctx) then return end
  local minutes = (e.at - since_when(list, i, limit)) / 60
  if not ctx:check("人数够了已持续", minutes, ">=", s.sustain_min, "分钟") then return end
  local level = (GATE[place_kind] or ctx:check("人数（严重）", e.people, ">=", s.orange_people, "人")) and "orange" or "yellow"
  local where = camera.place_name(ctx, e.row.camera_id, e.row.place_id)
  camera.note(verdicts, {
    key = crowd_key(e.row), kind = "crowd", level = level,
    also = { "community", "police" }, about = e.row.camera_id and { "camera", e.row.camera_id } or nil,
    communities = e.row.community_id and { e.row.community_id } or nil,
    title = ("%s 人员聚集"):format(where), text = ("%s聚集%d人，已持续%d分钟"):format(where, e.people, minutes // 1),
  })
end

-- 手头这条照常判断；它迟到、更正、撤回了，就把那天从头判断一遍，级别高了的撤回重报。
local function on_crowd(row, ctx, changed)
  local at, verdicts, hand = calendar.seconds(row.occurred_at), {}, crowd_key(row)
  local list = around(row, changed, ctx)
  if not changed and list[#list].at > at then list, changed = around(row, true, ctx), true end
  for i, e in ipairs(list) do
    local today = camera.day(e.at) >= camera.day(at)
    if changed and today or e.at == at then judge_crowd(list, i, verdicts, ctx) end
  end
  local keys = { [hand] = true }
  for key in pairs(verdicts) do keys[key] = true end
  if changed then camera.agree(ctx, verdicts, keys, row.phase ~= "end" and verdicts[hand] and hand or nil)
  elseif verdicts[hand] then ctx:alert(verdicts[hand]) end
end

-- 疑似会销 --------------------------------------------------------------------------------------

local function is_sales(e, ctx)
  local s = ctx.settings
  return e.phase ~= "end" and e.people_count ~= nil and e.people_count >= s.sales_people
    and calendar.in_clock(e.occurred_at, s.sales_hours) and camera.is_sure(e, s) and not is_covered(e, ctx)
end

-- 前后各七天里像会销的日子：由早到晚，一天一个。
local function sales_days(row, ctx)
  local days, seen = {}, {}
  for e in ctx:each("camera_event", { place_id = row.place_id, event_type = "crowd" },
                    { within = calendar.period(ctx.settings.sales_win, "d"),
                      upto = calendar.add_days(ctx.today, ctx.settings.sales_win) .. "T23:59:59+08:00" }) do
    local day = calendar.date_of(e.occurred_at)
    if not seen[day] and is_sales(e, ctx) then
      seen[day] = true
      days[#days + 1] = day
    end
  end
  return days
end

local function judge_sales(row, place_kind, ctx)
  local s = ctx.settings
  if not (SALES_PLACE[place_kind] and is_sales(row, ctx)) then return end
  -- 同一天再来几条，天数不变，不必再数。
  local name = "sales|" .. row.place_id
  local counted = ("%s|%s|%d|%s|%d|%d"):format(ctx.today, s.min_confidence, s.sales_people, s.sales_hours,
    s.sales_days, s.sales_win)
  if ctx:get(name) == counted and not ctx:before(row) then return end
  ctx:set(name, counted)
  local days = sales_days(row, ctx)
  for i, day in ipairs(days) do
    local n = 0
    for k = 1, i do
      if calendar.days_between(days[k], day) <= s.sales_win then n = n + 1 end
    end
    if day >= ctx.today and ctx:check(("%d天里上午聚集的天数"):format(s.sales_win), n, ">=", s.sales_days, "天") then
      local where = camera.place_name(ctx, row.camera_id, row.place_id)
      ctx:alert {
        key = ("%s|sales|%s"):format(row.place_id, calendar.iso_week(day)), kind = "sales", level = "yellow",
        also = { "community", "police", "market_reg" }, about = row.camera_id and { "camera", row.camera_id } or nil,
        title = ("%s 疑似保健品会销"):format(where),
        text  = ("%s%d天里有%d天上午聚集%d人以上，疑似保健品会销，请会同市场监管所查看"):format(where, s.sales_win, n, s.sales_people),
      }
    end
  end
end

-- 入口 ------------------------------------------------------------------------------------------

local function on_event(row, ctx)
  if row.event_type ~= "crowd" and row.event_type ~= "fight" then return end
  if not row.place_id then return ctx:unknown("事件没有点位") end
  local sure, changed = camera.check_sure(row, ctx), ctx:before(row) ~= nil
  if row.event_type == "fight" then return on_fight(row, ctx, false) end
  if not sure then
    if changed then on_crowd(row, ctx, true) end
    return
  end
  if row.phase ~= "end" and not row.people_count then return ctx:unknown("聚集事件没有人数") end
  on_crowd(row, ctx, changed)
  judge_sales(row, kind_of(row, ctx), ctx)
end

local function on_removed(row, ctx)
  if not row.place_id then return end
  if row.event_type == "fight" then on_fight(row, ctx, true)
  elseif row.event_type == "crowd" then on_crowd(row, ctx, true) end
end

-- 例子 ------------------------------------------------------------------------------------------

local DAY = "2020-07-15" -- 星期三
local function at(hm, day) return ("%sT%s:00+08:00"):format(day or DAY, hm) end

local function crowd(id, hm, people, more, day)
  return { "camera_event", with({ event_id = id, camera_id = "CAM40", place_id = "PL40", event_type = "crowd", phase = "snapshot",
    occurred_at = at(hm, day), confidence = 0.9, people_count = people, community_id = "xiaohe", image_ref = "img/c1",
    report_type = "ai" }, more) }
end
local function fight(id, hm, more, day) return crowd(id, hm, nil, with({ event_type = "fight" }, more), day) end
local END = { phase = "end" }

local function spot(kind) return { "camera", { camera_id = "CAM40", place_id = "PL40", name = "示例广场", place_kind = kind } } end
local function permit(more)
  return { "permit", with({ permit_id = "P1", kind = "event", holder_type = "place", holder_id = "PL40", valid_from = at "18:00",
    valid_to = at "21:00", capacity = 100 }, more) }
end

local function want(level, day) return { { key = "PL40|crowd|" .. (day or DAY), level = level, kind = "crowd" } } end
local function red(id) return { key = id .. "|fight", level = "red", kind = "fight" } end
local function sales(week) return { { key = "PL40|sales|2020-W" .. (week or "29"), level = "yellow", kind = "sales" } } end

local function case(name, given, expect, now, settings)
  return { name = name, given = given, at = now or at "19:30", settings = settings, expect = expect }
end

local FIRST, SECOND = crowd("CR1", "19:00", 45, { phase = "start" }), crowd("CR2", "19:12", 48)

-- 各天 hm 聚集 people 人。
local function mornings(kind, days, hm, people, more)
  local given = { kind and spot(kind) or nil }
  for i, day in ipairs(days) do given[#given + 1] = crowd("M" .. i, hm or "07:00", people or 20, more, day) end
  return given
end
local THREE = { "2020-07-13", "2020-07-14", "2020-07-15" }

local function step(now, expect, given, more) return with({ given = given, at = now, expect = expect }, more) end

return {
  title    = "人员聚集与治安异常",
  office   = "safety",
  shape    = "TH SUS LIST",
  also     = { "community", "police" },
  reads    = { "camera_event", "camera", "permit" },
  settings = {
    min_confidence = { label = "智能识别的置信度不低于", default = 0.80, min = 0, max = 1 },
    people         = { label = "聚集人数达到", unit = "人", default = 30, min = 2, max = 10000 },
    gate_people    = { label = "政府、学校门口人数达到", unit = "人", default = 10, min = 2, max = 10000 },
    sustain_min    = { label = "持续达到", unit = "分钟", default = 10, min = 1, max = 30 },
    orange_people  = { label = "人数达到（橙）", unit = "人", default = 100, min = 2, max = 100000 },
    sales_people   = { label = "疑似会销人数达到", unit = "人", default = 15, min = 2, max = 10000 },
    sales_hours    = { label = "疑似会销的钟点（含起点不含终点）", default = "06:30-10:30" },
    sales_days     = { label = "疑似会销达到", unit = "天", default = 3, min = 2, max = 31 },
    sales_win      = { label = "疑似会销看最近", unit = "天", default = 7, min = 1, max = 31 },
  },

  on      = { camera_event = on_event },
  removed = { camera_event = on_removed },

  life = {
    fight = { close = "evidence", evidence = { "note" }, limits = { visit = "5min", close = "1h" } },
    crowd = { close = "evidence", evidence = { "note" }, limits = { visit = "15min", close = "2h" } },
    sales = { close = "evidence", evidence = { "note" }, limits = { close = "2wd" } },
  },

  examples = {
    case("12分钟里两次都够30人，报黄", { FIRST, SECOND }, want "yellow"),
    case("有活动许可、人数在核定之内，不报", { permit(), FIRST, SECOND }, {}),
    case("只有一次，不报", { FIRST }, {}),
    case("只有一次，一百五十人也要再看一次", { crowd("CR1", "19:00", 150) }, {}),
    case("相隔恰好10分钟，报", { FIRST, crowd("CR2", "19:10", 48) }, want "yellow"),
    case("相隔9分钟，不报", { FIRST, crowd("CR2", "19:09", 48) }, {}),
    case("相隔恰好30分钟，报", { FIRST, crowd("CR2", "19:30", 48) }, want "yellow"),
    case("相隔31分钟，不报", { FIRST, crowd("CR2", "19:31", 48) }, {}, at "19:40"),
    case("恰好30人，报", { crowd("CR1", "19:00", 30), crowd("CR2", "19:12", 30) }, want "yellow"),
    case("后一次29人，不报", { FIRST, crowd("CR2", "19:12", 29) }, {}),
    case("前一次29人，不报", { crowd("CR1", "19:00", 29), SECOND }, {}),
    case("中间降到29人，不算一直聚着", { FIRST, crowd("CR3", "19:06", 29), SECOND }, {}),
    case("中间也够，报", { FIRST, crowd("CR3", "19:06", 30), SECOND }, want "yellow"),
    case("中间散了（end）又聚，不算一直聚着", { FIRST, crowd("CR3", "19:06", nil, END), SECOND }, {}),
    case("中间一条没写人数，跳过", { FIRST, crowd("CR3", "19:06", nil), SECOND }, want "yellow"),
    case("中间一条置信度不够，跳过", { FIRST, crowd("CR3", "19:06", 2, { confidence = 0.5 }), SECOND }, want "yellow"),
    case("后一条是 end，不报", { FIRST, crowd("CR2", "19:12", 48, END) }, {}),
    case("没写人数，不报", { crowd("CR1", "19:00", nil), crowd("CR2", "19:12", nil) }, {}),
    case("没有点位，不报", { crowd("CR1", "19:00", 45, { place_id = "" }), crowd("CR2", "19:12", 48, { place_id = "" }) }, {}),
    case("没有探头编号和社区，也报", { crowd("CR1", "19:00", 45, { camera_id = "", community_id = "" }),
                             crowd("CR2", "19:12", 48, { camera_id = "", community_id = "" }) }, want "yellow"),
    case("两个点位各算各的", { FIRST, crowd("CR2", "19:12", 48, { place_id = "PL41" }) }, {}),
    case("两个探头看同一点位，合在一起", { FIRST, crowd("CR2", "19:12", 48, { camera_id = "CAM41" }) }, want "yellow"),
    case("置信度恰好0.80，算", { FIRST, crowd("CR2", "19:12", 48, { confidence = 0.80 }) }, want "yellow"),
    case("置信度0.79，不算", { FIRST, crowd("CR2", "19:12", 48, { confidence = 0.79 }) }, {}),
    case("人工上报的不看置信度", { FIRST, crowd("CR2", "19:12", 48, { confidence = 0.1, report_type = "manual" }) }, want "yellow"),
    case("别的种类不归这里", { crowd("CR1", "19:00", 45, { event_type = "vendor" }) }, {}),
    case("学校门口十人，报橙", { spot "school", crowd("CR1", "19:00", 10), crowd("CR2", "19:12", 10) }, want "orange"),
    case("政府门口十人，报橙", { spot "gov", crowd("CR1", "19:00", 10), crowd("CR2", "19:12", 10) }, want "orange"),
    case("学校门口九人，不报", { spot "school", crowd("CR1", "19:00", 10), crowd("CR2", "19:12", 9) }, {}),
    case("医院门口按一般的算", { spot "hospital", crowd("CR1", "19:00", 29), crowd("CR2", "19:12", 29) }, {}),
    case("恰好一百人，报橙", { FIRST, crowd("CR2", "19:12", 100) }, want "orange"),
    case("九十九人，报黄", { FIRST, crowd("CR2", "19:12", 99) }, want "yellow"),
    case("前一次一百、后一次九十九，报黄", { crowd("CR1", "19:00", 100), crowd("CR2", "19:12", 99) }, want "yellow"),
    case("人多起来，同一件升橙", { FIRST, SECOND, crowd("CR3", "19:20", 120) }, want "orange"),
    case("人少下去，级别不降", { crowd("CR1", "19:00", 120), crowd("CR2", "19:12", 120), crowd("CR3", "19:20", 40) }, want "orange"),
    case("跨零点，按后一次的日期", { crowd("CR1", "23:55", 45), crowd("CR2", "00:07", 45, nil, "2020-07-16") },
         want("yellow", "2020-07-16"), at("00:10", "2020-07-16")),

    case("许可恰好从这一刻起，有效", { permit { valid_from = at "19:12" }, FIRST, SECOND }, {}),
    case("许可恰好到这一刻止，有效", { permit { valid_to = at "19:12" }, FIRST, SECOND }, {}),
    case("许可晚一分钟才起，报", { permit { valid_from = at "19:13" }, FIRST, SECOND }, want "yellow"),
    case("许可前一分钟已止，报", { permit { valid_to = at "19:11" }, FIRST, SECOND }, want "yellow"),
    case("恰好核定人数，不报", { permit { capacity = 48 }, FIRST, SECOND }, {}),
    case("超过核定人数，报", { permit { capacity = 47 }, FIRST, SECOND }, want "yellow"),
    case("许可没写核定人数和起止，视为有效", { permit { capacity = "", valid_from = "", valid_to = "" }, FIRST, SECOND }, {}),
    case("别处的许可不算", { permit { holder_id = "PL41" }, FIRST, SECOND }, want "yellow"),
    case("外摆许可不是活动许可", { permit { kind = "outdoor_display" }, FIRST, SECOND }, want "yellow"),

    case("后一条先到，结果一样", { SECOND, FIRST }, want "yellow"),
    case("迟到的一条把两次连起来", { FIRST, crowd("CR3", "19:35", 50), crowd("CR2", "19:20", 48) }, want "yellow", at "19:40"),
    case("同一条重复到，不算两次", { FIRST, FIRST }, {}),

    case("打架，立即报红", { fight("FI1", "19:00") }, { red "FI1" }, at "19:00"),
    case("同一起只报第一条", { fight("FI1", "19:00"), fight("FI2", "19:10") }, { red "FI1" }),
    case("相隔恰好30分钟，还是同一起", { fight("FI1", "19:00"), fight("FI2", "19:30") }, { red "FI1" }),
    case("相隔31分钟，另一起", { fight("FI1", "19:00"), fight("FI2", "19:31") }, { red "FI1", red "FI2" }, at "19:40"),
    case("结束后又打，另一起", { fight("FI1", "19:00"), fight("FE1", "19:05", END), fight("FI2", "19:10") }, { red "FI1", red "FI2" }),
    case("只有 end，不报", { fight("FE1", "19:05", END) }, {}),
    case("打架置信度0.79，不报", { fight("FI1", "19:00", { confidence = 0.79 }) }, {}),
    case("第一条置信度不够，从第二条算", { fight("FI1", "19:00", { confidence = 0.79 }), fight("FI2", "19:01") }, { red "FI2" }),
    case("人工报的打架，报", { fight("FI1", "19:00", { report_type = "manual", confidence = "" }) }, { red "FI1" }),
    case("两个点位各是一起", { fight("FI1", "19:00"), fight("FI2", "19:01", { place_id = "PL41" }) }, { red "FI1", red "FI2" }),
    case("两个探头看同一点位，是一起", { fight("FI1", "19:00"), fight("FI2", "19:01", { camera_id = "CAM41" }) }, { red "FI1" }),
    case("更早的一条迟到，换成它", { fight("FI2", "19:10"), fight("FI1", "19:05") }, { red "FI1" }),
    { name = "打架的事件撤回了，告警也撤回", steps = {
        step(at "19:00", { red "FI1" }, { fight("FI1", "19:00") }),
        step(at "19:05", {}, nil, { removed = { { "camera_event", "FI1" } } }) } },
    { name = "聚集的事件撤回了，不够数的告警也撤回", steps = {
        step(at "19:30", want "yellow", { FIRST, SECOND }),
        step(at "19:35", {}, nil, { removed = { { "camera_event", "CR1" } } }) } },
    { name = "更正为置信度不够，告警撤回；没有点位的撤回不管", steps = {
        step(at "19:30", want "yellow", { FIRST, SECOND, crowd("CR9", "19:20", 50, { place_id = "" }) }),
        step(at "19:35", {}, { crowd("CR2", "19:12", 48, { confidence = 0.3 }) }),
        step(at "19:40", {}, nil, { removed = { { "camera_event", "CR9" } } }) } },
    case("迟到的一条说明中间散过，橙降回黄",
         { FIRST, crowd("CR4", "19:24", 120), crowd("CR5", "19:40", 40), crowd("CR3", "19:20", 5) }, want "yellow", at "20:00"),

    case("小区三个早上都聚，报疑似会销", mornings("estate", THREE), sales()),
    case("街边也算", mornings("street", THREE), sales()),
    case("广场不算", mornings("square", THREE), {}),
    case("不知道是什么地方，不算", mornings(nil, THREE), {}),
    case("只有两天，不报", mornings("estate", { "2020-07-14", "2020-07-15" }), {}),
    case("一天三次只算一天", mornings("estate", { "2020-07-15", "2020-07-15", "2020-07-15" }), {}),
    case("恰好15人，报", mornings("estate", THREE, "07:00", 15), sales()),
    case("14人，不报", mornings("estate", THREE, "07:00", 14), {}),
    case("06:30 算", mornings("estate", THREE, "06:30"), sales()),
    case("06:29 不算", mornings("estate", THREE, "06:29"), {}),
    case("10:29 算", mornings("estate", THREE, "10:29"), sales()),
    case("10:30 不算", mornings("estate", THREE, "10:30"), {}),
    case("恰好七天前的算", mornings("estate", { "2020-07-08", "2020-07-14", "2020-07-15" }), sales()),
    case("八天前的不算", mornings("estate", { "2020-07-07", "2020-07-14", "2020-07-15" }), {}),
    case("end 不算", mornings("estate", THREE, "07:00", 20, END), {}),
    case("有许可的不算", { permit { valid_from = at("00:00", "2020-07-01") }, table.unpack(mornings("estate", THREE)) }, {}),
    case("第三天迟到，按它后面那天所在的周报",
         mornings("estate", { "2020-07-18", "2020-07-20", "2020-07-19" }), sales "30",
         at("12:00", "2020-07-20")),
    { name = "参数改到两天，同一天再来一条就按新的", steps = {
        step(at "07:10", {}, mornings("estate", { "2020-07-14", "2020-07-15" })),
        step(at "07:30", {}, { crowd("M8", "07:20", 20) }),
        step(at "07:50", sales(), { crowd("M9", "07:40", 20) }, { settings = { sales_days = 2 } }) } },
    { name = "凭现场说明办结；当天又聚，重新打开", steps = {
        step(at "19:30", want "yellow", { FIRST, SECOND }),
        step(at "19:40", {}, nil, { actions = {
          { key = want("yellow")[1].key, action = "close", text = "已散", verdict = "solved" } } }),
        step(at "20:30", want "yellow", { crowd("CR5", "20:00", 40), crowd("CR6", "20:15", 40) }) } },
  },
}
