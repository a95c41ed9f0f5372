--- 独居老人用水与出门异常：白天每小时看一次远传水表，12小时几乎没有用水就请人上门；门磁一天没有开过的更急。
-- 给公共服务办和社区网格员：先打电话，再上门。用水太多的提醒可能漏水；水表失联的只说失联，不说没用水。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

local function hours_before(time, hours) return calendar.add_minutes(time, -hours * 60) end

-- time 在 now 之前 hours 小时以内（含恰好）；没有时刻算不在。
local function is_fresh(time, hours, now)
  return time ~= nil and calendar.seconds(time) >= calendar.seconds(now) - hours * 3600
end

-- 不晚于 time 的最后一条读数；没有则为 nil。
local function reading_upto(meter_id, time, ctx)
  return ctx:list("meter_reading", { meter_id = meter_id }, { last = 1, upto = time })[1]
end

-- 最后读数前 hours 小时用了多少水；没有那么早的读数、读数缺值时为 nil。
local function use(last, hours, ctx)
  local first = reading_upto(last.meter_id, hours_before(last.at, hours), ctx)
  if not (first and first.value and last.value) then return nil end
  return stats.round(last.value - first.value)
end

-- 门磁在线，而 door_h 小时里一次也没有开过门。
local function stays_inside(elder, ctx)
  local door = ctx:find("device", elder.door_device_id)
  if not (door and ctx:check("门磁在线", is_fresh(door.last_heartbeat_at, ctx.settings.stale_h, ctx.now), "==", true)) then
    return false
  end
  local opened = 0
  local window = ("%dmin"):format(ctx.settings.door_h * 60)
  for r in ctx:each("sensor_reading", { device_id = elder.door_device_id, metric = "door_open" }, { within = window }) do
    if r.value and r.value >= 1 then opened = opened + 1 end
  end
  return ctx:check("近期开门次数", opened, "==", 0, "次")
end

local function watched(elder, ctx)
  return ctx:check("独居", elder.live_alone, "==", true)
     and ctx:check("装有远传水表", elder.water_meter_id ~= nil, "==", true)
     and ctx:check("外出中", elder.away_until ~= nil and elder.away_until >= ctx.today, "==", false)
end

local function key_of(elder, kind, ctx) return ("%s|%s|%s"):format(elder.person_key, kind, ctx.today) end

local function raise(elder, kind, level, title, words, ctx)
  ctx:alert {
    key = key_of(elder, kind, ctx), kind = kind, level = level, about = { "elder", elder.person_key },
    title = title, text = ("独居老人%s%s"):format(elder.person_key, words),
  }
end

local function clear(elder, kinds, ctx)
  for _, kind in ipairs(kinds) do
    ctx:clear { key = key_of(elder, kind, ctx), reason = "用水和水表已正常，或老人已外出" }
  end
end

local function judge_water(elder, last, ctx)
  local s = ctx.settings
  local m3 = use(last, s.win_h, ctx)
  if ctx:check("近期用水", m3, "<", s.min_m3, "立方米") then
    local level = stays_inside(elder, ctx) and "red" or "orange"
    raise(elder, "water", level, "独居老人长时间未用水",
      ("近%g小时用水%s立方米，请上门核实"):format(s.win_h, text.number(m3, 3)), ctx)
  else
    clear(elder, { "water" }, ctx)
  end
end

local function judge_leak(elder, last, ctx)
  local s = ctx.settings
  local m3 = use(last, s.leak_h, ctx)
  if ctx:check("一天用水", m3, ">", s.leak_m3, "立方米") then
    raise(elder, "leak", "yellow", "独居老人用水过多",
      ("近%g小时用水%s立方米，疑似漏水，请上门核实"):format(s.leak_h, text.number(m3, 3)), ctx)
  else
    clear(elder, { "leak" }, ctx)
  end
end

local function run(elder, ctx)
  local s = ctx.settings
  if not ctx:check("在判断时段内", calendar.in_clock(ctx.now, s.day_from .. "-" .. s.day_to), "==", true) then return end
  if not watched(elder, ctx) then return clear(elder, { "water", "leak", "meter_dead" }, ctx) end

  local last = reading_upto(elder.water_meter_id, ctx.now, ctx)
  if not ctx:check("水表在线", last ~= nil and is_fresh(last.at, s.stale_h, ctx.now), "==", true) then
    ctx:unknown("水表没有新读数，看不到用水")
    return raise(elder, "meter_dead", "blue", "独居老人水表失联",
      ("的水表超过%g小时没有读数，看不到用水，请检修并电话问候"):format(s.stale_h), ctx)
  end
  clear(elder, { "meter_dead" }, ctx)
  judge_water(elder, last, ctx)
  judge_leak(elder, last, ctx)
end

-- 各种都一样了结：上门并写明结果（结果是外出的，要在档案里写“外出至”，否则还会再报）。
local function life(limits)
  return { close = "evidence", evidence = { "visit" }, results = { "safe", "aided", "hospital", "away" }, limits = limits }
end
local CALL_AND_VISIT = { notify = "15min", visit = "1h" }

-- 例子 ------------------------------------------------------------------------------------------

local function elder(more)
  return { "elder", with({ person_key = "P28", house_id = "H28", community_id = "tanghe_xincun", grid_id = "G3",
    live_alone = true, water_meter_id = "WM28" }, more) }
end

-- water("15T08:05", 312.436)
local function water(at, value, meter)
  return { "meter_reading", { meter_id = meter or "WM28", at = ("2020-07-%s:00+08:00"):format(at), kind = "water",
                              value = value } }
end

local function door(heartbeat)
  return { "device", { device_id = "D28", kind = "door", subject_type = "house", subject_id = "H28",
                       last_heartbeat_at = heartbeat and ("2020-07-%s+08:00"):format(heartbeat) } }
end

local function opened(at, value)
  return { "sensor_reading", { device_id = "D28", at = ("2020-07-%s+08:00"):format(at), metric = "door_open", value = value } }
end

-- 十二小时里用了 used 立方米
local function half_day(used, who)
  return { elder(who), water("14T20:05", 312.431), water("15T08:05", 312.431 + used) }
end

-- 前一天 08:05 到今天 08:05 用了 used 立方米，其中夜里正常
local function whole_day(used)
  return { elder(), water("14T08:05", 300), water("14T20:05", 300.5), water("15T08:05", 300 + used) }
end

local function with_door(...)
  local given = half_day(0.005, { door_device_id = "D28" })
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local function expect(kind, level, day)
  return { { key = "P28|" .. kind .. "|2020-07-" .. (day or "15"), kind = kind, level = level } }
end

local NINE = "2020-07-15T09:00:00+08:00"
local DEAD = expect("meter_dead", "blue")
local DRY, DRY_RED, LEAK = expect("water", "orange"), expect("water", "red"), expect("leak", "yellow")

local function case(name, given, want, at, settings)
  return { name = name, given = given, at = at and ("2020-07-%s:00+08:00"):format(at) or NINE, settings = settings,
           expect = want }
end

local function visited(result)
  return { "visit", { visit_id = "V1", subject_type = "person", subject_id = "P28", visited_at = "2020-07-15T09:20:00+08:00",
                      alert_key = "elder_no_activity|P28|water|2020-07-15", result = result, visitor_id = "W3" } }
end
local CLOSE = { { key = "P28|water|2020-07-15", action = "close", text = "已上门" } }

return {
  title    = "独居老人用水与出门异常",
  office   = "public_service",
  shape    = "ABS JOIN",
  also     = { "grid", "emergency_contact" },
  reads    = { "elder", "meter_reading", "sensor_reading", "device" },
  settings = {
    win_h    = { label = "看多少小时的用水", unit = "小时", default = 12, min = 1, max = 72 },
    min_m3   = { label = "用水少于", unit = "立方米", default = 0.01, min = 0, max = 1, per = "community" },
    leak_h   = { label = "看多少小时是否漏水", unit = "小时", default = 24, min = 1, max = 168 },
    leak_m3  = { label = "用水多于（疑似漏水）", unit = "立方米", default = 2, min = 0, max = 100, per = "community" },
    door_h   = { label = "多少小时没有开门", unit = "小时", default = 24, min = 1, max = 168 },
    stale_h  = { label = "水表、门磁多久没有消息算失联", unit = "小时", default = 6, min = 1, max = 72 },
    day_from = { label = "每天从几点开始判断", unit = "时刻", default = "08:00" },
    day_to   = { label = "每天到几点为止（不含）", unit = "时刻", default = "22:00" },
  },

  every   = { { at = "hourly", over = "elder", run = run } },
  rejudge = { meter_reading = { meter_id = "water_meter_id" }, sensor_reading = { device_id = "door_device_id" } },

  life = {
    water      = life { orange = CALL_AND_VISIT, red = { notify = "15min", visit = "30min" } },
    leak       = life(CALL_AND_VISIT),
    meter_dead = life(CALL_AND_VISIT),
  },

  examples = {
    case("12小时用水0.005立方米，报橙", half_day(0.005), DRY),
    case("用水0.015立方米，不报", half_day(0.015), {}),
    case("外出中，不报", half_day(0.005, { away_until = "2020-07-20" }), {}),
    case("用水恰好0.01立方米，不报", half_day(0.01), {}),
    case("用水0.009999立方米，报", half_day(0.009999), DRY),
    case("一点没有用水，报", half_day(0), DRY),
    case("外出到今天，不报", half_day(0, { away_until = "2020-07-15" }), {}),
    case("外出到昨天，已回来，报", half_day(0, { away_until = "2020-07-14" }), DRY),
    case("不是独居，不报", half_day(0, { live_alone = false }), {}),
    case("不知道是否独居，不报", half_day(0, { live_alone = "" }), {}),
    case("没有装水表，不报", half_day(0, { water_meter_id = "" }), {}),
    case("用水标准调到0.02立方米，报", half_day(0.015), DRY, nil, { min_m3 = 0.02 }),

    case("差12小时还差一分钟的读数不算，更早的才算",
         { elder(), water("14T20:04", 312.0), water("14T20:06", 312.431), water("15T08:05", 312.432) }, {}),
    case("没有12小时前的读数，不判断", { elder(), water("14T20:06", 312.431), water("15T08:05", 312.431) }, {}),
    case("12小时里缺读数，与更早的一条比", { elder(), water("10T08:05", 312.431), water("15T08:05", 312.432) }, DRY),
    case("最后读数缺值，不判断", { elder(), water("14T20:05", 312.431), water("15T08:05", nil) }, {}),
    case("起算读数缺值，不判断", { elder(), water("14T20:05", nil), water("15T08:05", 312.431) }, {}),
    case("只看自己的水表", { elder(), water("14T20:05", 312.431), water("15T08:05", 312.6), water("14T20:05", 5, "WM9"),
                             water("15T08:05", 5, "WM9") }, {}),

    case("水表恰好6小时前有读数，还算在线", { elder(), water("14T15:00", 312.431), water("15T03:00", 312.431) }, DRY),
    case("水表6小时零1分没有读数，只报失联，不报没用水", { elder(), water("14T14:59", 312.431), water("15T02:59", 312.431) }, DEAD),
    case("从没有读数，报失联", { elder() }, DEAD),
    case("外出的老人不报水表失联", { elder { away_until = "2020-07-20" } }, {}),

    case("门磁在线、一天没开门，报红", with_door(door "15T08:59:00"), DRY_RED),
    case("门磁恰好6小时前有心跳，算在线", with_door(door "15T03:00:00"), DRY_RED),
    case("门磁心跳超过6小时，仍是橙", with_door(door "15T02:59:59"), DRY),
    case("门磁没有心跳记录，仍是橙", with_door(door(nil)), DRY),
    case("门磁不在设备台账里，仍是橙", with_door(), DRY),
    case("恰好24小时前开过门，仍是橙", with_door(door "15T08:59:00", opened("14T09:00:00", 1)), DRY),
    case("24小时零1秒前开过门，报红", with_door(door "15T08:59:00", opened("14T08:59:59", 1)), DRY_RED),
    case("门磁报的是关着（0），报红", with_door(door "15T08:59:00", opened("15T07:00:00", 0)), DRY_RED),
    case("门磁读数缺值不算开过门，报红", with_door(door "15T08:59:00", opened("15T07:00:00", nil)), DRY_RED),
    case("老人没有门磁，别人的门磁不算", { elder(), water("14T20:05", 1), water("15T08:05", 1), door "15T08:59:00" }, DRY),

    case("一天用水2立方米多一点，报漏水", whole_day(2.000001), LEAK),
    case("一天用水恰好2立方米，不报", whole_day(2), {}),
    case("没有24小时前的读数，不判断漏水",
         { elder(), water("14T08:06", 300), water("14T20:05", 301), water("15T08:05", 303) }, {}),
    case("白天漏水、夜里没用水，两条都报",
         { elder(), water("14T08:05", 300), water("14T20:05", 303), water("15T08:05", 303) },
         { DRY[1], LEAK[1] }),

    case("早上8点整开始判断", half_day(0), DRY, "15T09:00"),
    case("7点不判断", { elder(), water("14T18:05", 1), water("15T06:05", 1) }, {}, "15T07:00"),
    case("8点整判断", { elder(), water("14T18:05", 1), water("15T06:05", 1) }, DRY, "15T08:00"),
    case("21点判断", { elder(), water("15T08:05", 1), water("15T20:05", 1) }, DRY, "15T21:00"),
    case("22点整已过时段，不判断", { elder(), water("15T08:05", 1), water("15T20:05", 1) }, {}, "15T22:00"),
    case("时段改到23点，22点也判断", { elder(), water("15T08:05", 1), water("15T20:05", 1) }, DRY, "15T22:00",
         { day_to = "23:00" }),

    { name = "同一天再看到还是一条；过后门磁也没有动静，升为红；用上水后仍挂着，等上门结果",
      steps = {
        { given = half_day(0, { door_device_id = "D28" }), at = NINE, expect = DRY },
        { at = "2020-07-15T10:00:00+08:00", expect = DRY },
        { given = { door "15T10:50:00" }, at = "2020-07-15T11:00:00+08:00", expect = DRY_RED },
        { given = { water("15T11:05", 313) }, at = "2020-07-15T12:00:00+08:00", expect = DRY_RED },
        { given = { visited "safe" }, actions = CLOSE, at = "2020-07-15T13:00:00+08:00", expect = {} },
      } },
    { name = "上门后办结，数据没有变就不再报；又来读数还是没用水，再报",
      steps = {
        { given = half_day(0), at = NINE, expect = DRY },
        { given = { visited "safe" }, actions = CLOSE, at = "2020-07-15T10:00:00+08:00", expect = {} },
        { given = { water("15T10:05", 312.431) }, at = "2020-07-15T11:00:00+08:00", expect = DRY },
      } },
    { name = "结果是外出并写了外出至，不再报",
      steps = {
        { given = half_day(0), at = NINE, expect = DRY },
        { given = { visited "away", elder { away_until = "2020-07-20" } }, actions = CLOSE,
          at = "2020-07-15T10:00:00+08:00", expect = {} },
        { given = { water("15T10:05", 312.431) }, at = "2020-07-15T11:00:00+08:00", expect = {} },
      } },
    { name = "第二天还没有用水，是新的一条",
      steps = {
        { given = half_day(0), at = NINE, expect = DRY },
        { given = { water("15T20:05", 312.431), water("16T08:05", 312.431) }, at = "2020-07-16T09:00:00+08:00",
          expect = { DRY[1], expect("water", "orange", "16")[1] } },
      } },
    { name = "读数晚到一小时：早先报的失联收回",
      steps = {
        { given = { elder(), water("14T20:05", 312.431) }, at = NINE, expect = DEAD },
        { given = { water("15T08:05", 312.6) }, at = "2020-07-15T09:30:00+08:00", expect = {} },
      } },
    { name = "读数晚到，早先看不到的没用水补报",
      steps = {
        { given = { elder(), water("14T20:05", 312.431) }, at = NINE, expect = DEAD },
        { given = { water("15T08:05", 312.431) }, at = "2020-07-15T09:30:00+08:00", expect = DRY },
      } },
    { name = "开门记录晚到，红色改回橙色",
      steps = {
        { given = with_door(door "15T08:59:00"), at = NINE, expect = DRY_RED },
        { given = { opened("15T07:00:00", 1) }, at = "2020-07-15T09:30:00+08:00", expect = DRY },
      } },
    { name = "表停了：先报没用水，停表后只报失联，不再报没用水",
      steps = {
        { given = half_day(0.5), at = NINE, expect = {} },
        { at = "2020-07-15T15:00:00+08:00", expect = DEAD },
        { at = "2020-07-15T21:00:00+08:00", expect = DEAD },
      } },
  },
}
