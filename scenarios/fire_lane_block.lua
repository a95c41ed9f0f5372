--- 消防通道占用与电动车入楼：通道被占五分钟报橙，半小时报红；电动车进电梯来一次报一次（黄）。
-- 同一点位一个月里通道被占三次、一周里电动车进电梯三次，要划线、加装阻车或建充电棚。
local calendar = require "std.calendar"
local camera   = require "std.camera"
local with     = require("std.example").with

local RANK = { orange = 1, red = 2 }
local TOLD = { "property", "community", "grid" }
local RED_TOLD = { "property", "community", "grid", "micro_fire_station", "police" }

-- 通道占用 --------------------------------------------------------------------------------------

local function lane_key(place, episode) return ("%s|lane|%s"):format(place, episode.id) end

local function lane_level(episode, at, ctx)
  local s, minutes = ctx.settings, camera.minutes(episode, at)
  if not ctx:check("已占用", minutes, ">=", s.lane_min, "分钟") then return nil end
  return ctx:check("已占用", minutes, ">=", s.lane_red_min, "分钟") and "red" or "orange"
end

-- again：手头就是它的新事件，级别没变也算再报一次。
local function judge_lane(place, episode, at, again, ctx)
  local level = lane_level(episode, at, ctx)
  if not level or not (again or RANK[level] > (episode.mark or 0)) then return end
  ctx:find("camera_event", episode.id) -- 依据是这一段的第一条
  episode.mark = math.max(RANK[level], episode.mark or 0)
  local where = camera.place_name(ctx, episode.camera, place)
  ctx:alert {
    key = lane_key(place, episode), kind = "lane", level = level, also = level == "red" and RED_TOLD or TOLD,
    about = camera.about(episode), communities = episode.communities,
    title = ("%s 消防通道被占用"):format(where),
    text  = ("%s消防通道被占用%d分钟"):format(where, camera.minutes(episode, at) // 1),
  }
end

-- 多次占用或多次进电梯：到了次数报橙，一月（一周）一件；期限过了还够次数的，下一月（周）另成一件。
-- count(at)：到 at（秒）为止有几次；迟到、更正、撤回的，先看当初报的那一刻还够不够数。
local function judge_often(what, place, count, at, limit, key, episode, text, again_at, rebuilt, ctx)
  local name, n = what .. "|" .. place, count(at)
  local told = ctx:get(name)
  local late = told and (rebuilt or calendar.seconds(ctx.now) < told.at)
  if late and at - told.at <= 86400 and count(told.at) < limit then
    ctx:clear { key = told.key, retract = true, reason = "迟到或更正的事件说明没有这么多次" }
    ctx:set(name, nil)
    told = nil
  end
  if not ctx:check(text.label, n, ">=", limit, "次") then
    if told and at - told.at > 86400 then ctx:set(name, nil) end
    return
  end
  if told and told.key == key and told.count >= n then return end
  ctx:set(name, { key = key, count = n, at = at })
  local where = camera.place_name(ctx, episode.camera, place)
  ctx:alert {
    key = key, kind = what, level = "orange", about = camera.about(episode), communities = episode.communities,
    title = where .. " " .. text.title, text = where .. text.words:format(n),
  }
  ctx:wake(name, again_at .. "T00:00:00+08:00", { place = place, what = what })
end

local function judge_lane_hot(place, run, at, ctx)
  local s, last = ctx.settings, run.list[#run.list] or {}
  if last.mark and not last.over then at = math.max(at, last.from + s.lane_min * 60) end -- 已经报过，至少占了这么久
  local function count(t)
    return camera.begun_within(run.list, s.lane_days, t, function(e) return camera.minutes(e, t) >= s.lane_min end)
  end
  local month = calendar.month_of(calendar.datetime(at))
  judge_often("lane_hot", place, count, at, s.lane_count, ("%s|lane_hot|%s"):format(place, month), last, {
    label = ("近%d天占用通道"):format(s.lane_days), title = "消防通道多次被占用",
    words = ("近%d天消防通道被占用%%d次，请拿出措施（划线、加装阻车等）"):format(s.lane_days),
  }, calendar.first_day(calendar.add_months(month, 1)), run.rebuilt, ctx)
end

-- 下一次该看的时刻：满五分钟、满半小时。
local function set_alarm(place, episode, at, ctx)
  for _, minutes in ipairs { ctx.settings.lane_min, ctx.settings.lane_red_min } do
    local look = episode.from + minutes * 60
    if look > at then return ctx:wake("lane|" .. place, calendar.datetime(look), { place = place, what = "lane" }) end
  end
end

-- 结束了的一段：够时间的（哪怕没来得及报）要有人处置，并记下“已挪开”；不够的是 end 迟到，当初不该报。
local function settle(place, episode, at, ctx)
  local key = lane_key(place, episode)
  local level = lane_level(episode, episode.over, ctx)
  if episode.mark and episode.mark > (RANK[level] or 0) then
    ctx:clear { key = key, retract = true, reason = "迟到的结束说明占用时间没有这么长" }
    episode.mark = nil
  end
  judge_lane(place, episode, episode.over, false, ctx)
  if episode.mark then ctx:wake("over|" .. key, calendar.datetime(at), { what = "over", key = key }) end
  episode.settled = true
end

-- 还要看的点位记成一张单子，五分钟看一次；到了红色的、已挪开的不在单子上，单子空着就什么也不做。
local function is_waiting(episode) return episode ~= nil and not episode.over and episode.mark ~= RANK.red end

local function keep_waiting(place, waits, ctx)
  local list = ctx:get "waiting" or {}
  if (list[place] ~= nil) == waits then return end
  list[place] = waits or nil
  ctx:set("waiting", next(list) and list or nil)
end

local function on_lane(row, ctx, withdrawn)
  local place = row.place_id
  local shortest = ctx.settings.lane_min
  local run = camera.follow(ctx, row, {
    field = "place_id", id = place, type = "fire_lane", days = ctx.settings.lane_days + 1, changed = withdrawn,
    version = tostring(shortest), keep = function(e) return camera.minutes(e, e.over) >= shortest end,
  })
  if not run then return end
  for _, e in ipairs(run.gone) do
    ctx:clear { key = lane_key(place, e), retract = true, reason = "起点另有更早的一条，或已撤回" }
  end
  local at, last = math.max(run.at or 0, calendar.seconds(ctx.now)), run.list[#run.list]
  for _, e in ipairs(run.list) do
    if e.over and not e.settled then settle(place, e, at, ctx) end
  end
  if last and not last.over then
    judge_lane(place, last, at, row.phase ~= "end" and not withdrawn, ctx)
    set_alarm(place, last, at, ctx)
  end
  keep_waiting(place, is_waiting(last), ctx)
  judge_lane_hot(place, run, at, ctx)
  camera.remember(ctx, "place_id", place, "fire_lane", run)
end

-- 时候到了再看一个点位。返回还要不要看。
local function look_lane(place, ctx)
  local run, at = camera.recall(ctx, "place_id", place, "fire_lane"), calendar.seconds(ctx.now)
  local last = run.list[#run.list]
  if not is_waiting(last) then return false end
  local before = last.mark
  judge_lane(place, last, at, false, ctx)
  set_alarm(place, last, at, ctx)
  if last.mark ~= before then
    camera.remember(ctx, "place_id", place, "fire_lane", run)
    judge_lane_hot(place, run, at, ctx)
  end
  return is_waiting(last)
end

local function on_tick(ctx)
  local list, fewer = ctx:get "waiting", false
  for place in pairs(list or {}) do
    if not look_lane(place, ctx) then list[place], fewer = nil, true end
  end
  if fewer then ctx:set("waiting", next(list) and list or nil) end
end

-- 电动车进电梯 ----------------------------------------------------------------------------------

-- 一个点位最近几天（和以后）算数的进电梯：由早到晚，至多一千条。
local function ebikes(place, ctx)
  local list = {}
  for e in ctx:each("camera_event", { place_id = place, event_type = "ebike_elevator", phase = "start" },
                    { within = calendar.period(ctx.settings.ebike_days, "d"), upto = camera.FOREVER, last = 1000 }) do
    if camera.is_sure(e, ctx.settings) then
      list[#list + 1] = { from = calendar.seconds(e.occurred_at), camera = e.camera_id,
                          communities = e.community_id and { e.community_id } or nil }
    end
  end
  return list
end

local function judge_ebike_hot(place, list, episode, at, ctx)
  local s, week = ctx.settings, calendar.iso_week(calendar.datetime(at))
  local function count(t) return camera.begun_within(list, s.ebike_days, t) end
  judge_often("ebike_hot", place, count, at, s.ebike_count,
    ("%s|ebike_hot|%s"):format(place, week), episode, {
      label = ("近%d天电动车进电梯"):format(s.ebike_days), title = "电动车多次进电梯",
      words = ("近%d天电动车进电梯%%d次，请拿出措施（加装阻车、建充电棚等）"):format(s.ebike_days),
    }, calendar.add_days(calendar.week_start(week), 7), false, ctx)
end

local function on_ebike(row, ctx, counts)
  local key, place = row.event_id .. "|ebike", row.place_id
  if row.phase ~= "start" or not counts then
    return ctx:clear { key = key, retract = true, reason = "这条事件已更正或撤回" }
  end
  local where = camera.place_name(ctx, row.camera_id, place)
  ctx:alert {
    key = key, kind = "ebike", level = "yellow", about = row.camera_id and { "camera", row.camera_id } or nil,
    title = ("%s 电动车进电梯"):format(where), text = ("%s有电动车进入电梯，请劝阻并登记"):format(where),
  }
  local list, at = ebikes(place, ctx), calendar.seconds(row.occurred_at)
  for _, e in ipairs(list) do -- 迟到的，连它以后的各次一起看
    if e.from >= at then judge_ebike_hot(place, list, e, e.from, ctx) end
  end
end

-- 入口 ------------------------------------------------------------------------------------------

local function on_event(row, ctx, withdrawn)
  if row.event_type ~= "fire_lane" and row.event_type ~= "ebike_elevator" then return end
  if not row.place_id then return ctx:unknown("事件没有点位") end
  local sure = camera.check_sure(row, ctx)
  if row.event_type == "fire_lane" then on_lane(row, ctx, withdrawn)
  else on_ebike(row, ctx, sure and not withdrawn) end
end

local function on_wake(_, data, ctx)
  local at = calendar.seconds(ctx.now)
  if data.what == "lane" then look_lane(data.place, ctx)
  elseif data.what == "over" then ctx:clear { key = data.key, reason = "通道已让出" }
  elseif data.what == "lane_hot" then
    judge_lane_hot(data.place, camera.recall(ctx, "place_id", data.place, "fire_lane"), at, ctx)
  else
    local list = ebikes(data.place, ctx)
    judge_ebike_hot(data.place, list, list[#list] or {}, at, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local DAY = "2020-07-15" -- 星期三
local function at(hm, day) return ("%sT%s:00+08:00"):format(day or DAY, hm) end

local function ev(id, hm, more, day)
  return { "camera_event", with({ event_id = id, camera_id = "CAM31", place_id = "PL31", event_type = "fire_lane",
    phase = "start", occurred_at = at(hm, day), confidence = 0.9, plate_key = "V7", community_id = "suopoqiao",
    image_ref = "img/f", report_type = "ai" }, more) }
end
local END, SNAP = { phase = "end" }, { phase = "snapshot" }
local FIRST = ev("FX1", "18:00")
local function bike(id, hm, more, day) return ev(id, hm, with({ event_type = "ebike_elevator" }, more), day) end

local function want(level, id) return { { key = ("PL31|lane|%s"):format(id or "FX1"), level = level, kind = "lane" } } end
local LANE_HOT = { key = "PL31|lane_hot|2020-07", level = "orange", kind = "lane_hot" }
local EBIKE_HOT = { key = "PL31|ebike_hot|2020-W29", level = "orange", kind = "ebike_hot" }
local function ebike(id) return { key = id .. "|ebike", level = "yellow", kind = "ebike" } end

local function case(name, given, expect, now, settings)
  return { name = name, given = given, at = now, settings = settings, expect = expect }
end

local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

-- 各天 08:00 起占用 minutes 分钟；列出各段的告警。
local function spells(days, minutes)
  local given, alerts = {}, {}
  for i, day in ipairs(days) do
    given[#given + 1] = ev("S" .. i, "08:00", nil, day)
    given[#given + 1] = ev("E" .. i, ("08:%02d"):format(minutes), END, day)
    alerts[#alerts + 1] = { key = "PL31|lane|S" .. i, level = "orange", kind = "lane" }
  end
  return given, alerts
end
local function often(name, days, minutes, hot, now)
  local given, alerts = spells(days, minutes)
  if minutes < 5 then alerts = {} end
  if hot then alerts[#alerts + 1] = LANE_HOT end
  return case(name, given, alerts, now or at "20:00")
end

local S1, S2 = { key = "PL31|lane|S1", level = "orange" }, { key = "PL31|lane|S2", level = "orange" }

local function step(now, expect, given, more) return with({ given = given, at = now, expect = expect }, more) end
local function act(action, key) return { key = key or "PL31|lane|FX1", action = action, text = "已挪车", verdict = "solved" } end

return {
  title    = "消防通道占用与电动车入楼",
  office   = "safety",
  shape    = "SUS CNT",
  also     = TOLD,
  reads    = { "camera_event", "camera" },
  settings = {
    min_confidence = { label = "智能识别的置信度不低于", default = 0.80, min = 0, max = 1 },
    lane_min       = { label = "占用通道达到（橙）", unit = "分钟", default = 5, min = 1, max = 1440 },
    lane_red_min   = { label = "占用通道达到（红）", unit = "分钟", default = 30, min = 1, max = 1440 },
    lane_days      = { label = "多次占用看最近", unit = "天", default = 30, min = 1, max = 60 },
    lane_count     = { label = "多次占用达到", unit = "次", default = 3, min = 2, max = 100 },
    ebike_days     = { label = "电动车多次进电梯看最近", unit = "天", default = 7, min = 1, max = 31 },
    ebike_count    = { label = "电动车进电梯达到", unit = "次", default = 3, min = 2, max = 100 },
  },

  on      = { camera_event = function(row, ctx) on_event(row, ctx, false) end },
  removed = { camera_event = function(row, ctx) on_event(row, ctx, true) end },
  every   = { { at = "5min", run = on_tick } },
  wake    = on_wake,

  life = {
    lane      = { close = "auto+evidence", evidence = { "note" }, -- 让出之后还要处置的人写明情况
                  limits = { orange = { close = "30min" }, red = { close = "15min" } } },
    lane_hot  = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } },
    ebike     = { close = "evidence", evidence = { "note" }, limits = { close = "15min" } },
    ebike_hot = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } },
  },

  examples = {
    case("恰好5分钟，报橙", { FIRST }, want "orange", at "18:05"),
    case("3分钟就让出，不报", { FIRST, ev("E1", "18:03", END) }, {}, at "18:05"),
    case("4分钟，不报", { FIRST }, {}, at "18:04"),
    case("29分钟，仍是橙", { FIRST }, want "orange", at "18:29"),
    case("恰好30分钟，报红", { FIRST }, want "red", at "18:30"),
    case("恰好5分钟时让出，也要处置", { FIRST, ev("E1", "18:05", END) }, want "orange", at "18:05"),
    case("占了10分钟让出，仍要处置的人写明", { FIRST, ev("E1", "18:10", END) }, want "orange", at "19:00"),
    case("占了30分钟让出，是红", { FIRST, ev("E1", "18:30", END) }, want "red", at "19:00"),
    case("时间不在五分钟整点也不漏", { ev("FX1", "18:02") }, want "orange", at "18:07"),
    case("没有 start 只有抓拍，从它算起", { ev("FX2", "18:00", SNAP) }, want("orange", "FX2"), at "18:05"),
    case("中间的抓拍不另算", { FIRST, ev("FX2", "18:20", SNAP) }, want "orange", at "18:20"),
    case("两个探头看同一点位，是一段", { FIRST, ev("FX2", "18:10", { camera_id = "CAM32" }) }, want "orange", at "18:10"),
    case("让出后又占，是另一段", { FIRST, ev("E1", "18:03", END), ev("FX2", "18:04") }, want("orange", "FX2"), at "18:10"),
    case("置信度恰好0.80，报", { ev("FX1", "18:00", { confidence = 0.80 }) }, want "orange", at "18:05"),
    case("置信度0.79，不报", { ev("FX1", "18:00", { confidence = 0.79 }) }, {}, at "18:05"),
    case("人工上报的不看置信度", { ev("FX1", "18:00", { confidence = 0.2, report_type = "manual" }) }, want "orange", at "18:05"),
    case("没有点位，不报", { ev("FX1", "18:00", { place_id = "" }) }, {}, at "18:05"),
    case("没有探头、车牌、社区，也报", { ev("FX1", "18:00", { camera_id = "", plate_key = "", community_id = "" }) }, want "orange",
         at "18:05"),
    case("别的种类不归这里", { ev("FX1", "18:00", { event_type = "parking_motor" }) }, {}, at "18:05"),

    case("end 先到、start 后到：占了3分钟，不报", { ev("E1", "18:03", END), FIRST }, {}, at "18:10"),
    case("end 先到、start 后到：占了10分钟，报橙", { ev("E1", "18:10", END), FIRST }, want "orange", at "18:10"),
    case("已报之后才来的 end 说明只占了3分钟，撤回", { FIRST, ev("FX9", "18:20", { place_id = "PL9" }), ev("E1", "18:03", END) },
         { { key = "PL9|lane|FX9", level = "orange" } }, at "18:25"),
    case("已报红之后才来的 end 说明只占了10分钟，降回橙",
         { FIRST, ev("FX9", "18:40", { place_id = "PL9" }), ev("E1", "18:10", END) }, want "orange", at "18:40"),
    case("已报了抓拍那条，更早的 start 才到，换成它", { ev("FX2", "18:10", SNAP), ev("FX3", "18:16", SNAP), FIRST }, want "orange",
         at "18:16"),

    often("一个月占了三次，报多次占用", { "2020-07-01", "2020-07-10", "2020-07-15" }, 10, true),
    often("恰好5分钟的算一次", { "2020-07-01", "2020-07-10", "2020-07-15" }, 5, true),
    often("4分钟的不算", { "2020-07-01", "2020-07-10", "2020-07-15" }, 4, false),
    often("只有两次，不算多次", { "2020-07-10", "2020-07-15" }, 10, false),
    often("恰好30天前的算", { "2020-06-15", "2020-07-10", "2020-07-15" }, 10, true),
    often("31天前的不算", { "2020-06-14", "2020-07-10", "2020-07-15" }, 10, false),
    { name = "迟到的 end 说明第三次只占了3分钟，多次占用撤回", steps = {
        step(at "18:05", { want("orange")[1], S1, S2,
             LANE_HOT }, plus((spells({ "2020-07-10", "2020-07-12" }, 10)), FIRST)),
        step(at "18:10", { S1, S2 },
             { ev("E9", "18:03", END) }) } },
    { name = "第三次还开着，满5分钟就算；下个月仍够次数，另成一件", steps = {
        step(at("07:00", "2020-07-30"), nil, (spells({ "2020-07-27", "2020-07-29" }, 10))),
        step(at("08:04", "2020-07-30"), { S1, S2 },
             { ev("S3", "08:00", nil, "2020-07-30") }),
        step(at("08:05", "2020-07-30"), { S1, S2,
             { key = "PL31|lane|S3", level = "orange" }, LANE_HOT }),
        step(at("00:00", "2020-08-01"), { S1, S2,
             { key = "PL31|lane|S3", level = "red" }, LANE_HOT, { key = "PL31|lane_hot|2020-08", level = "orange" } },
             { ev("E3", "08:40", END, "2020-07-30") }),
        step(at("00:00", "2020-09-01"), nil) } },

    case("电动车进电梯，报黄", { bike("EB1", "18:00") }, { ebike "EB1" }, at "18:00"),
    case("抓拍和结束不另报", { bike("EB1", "18:00"), bike("EB2", "18:01", SNAP), bike("EB3", "18:02", END) }, { ebike "EB1" },
         at "18:05"),
    case("每次进电梯各报一件", { bike("EB1", "18:00"), bike("EB2", "18:01") }, { ebike "EB1", ebike "EB2" }, at "18:05"),
    case("置信度不够，不报", { bike("EB1", "18:00", { confidence = 0.79 }) }, {}, at "18:05"),
    case("没有探头编号，也报", { bike("EB1", "18:00", { camera_id = "", community_id = "" }) }, { ebike "EB1" }, at "18:05"),
    case("一周第三次，报多次", { bike("EB1", "18:00", nil, "2020-07-13"), bike("EB2", "18:00", nil, "2020-07-14"), bike("EB3", "18:00") },
         { ebike "EB1", ebike "EB2", ebike "EB3", EBIKE_HOT }, at "18:05"),
    case("恰好七天前的算", { bike("EB1", "08:00", nil, "2020-07-08"), bike("EB2", "18:00", nil, "2020-07-14"), bike("EB3", "18:00") },
         { ebike "EB1", ebike "EB2", ebike "EB3", EBIKE_HOT }, at "18:05"),
    case("八天前的不算", { bike("EB1", "23:00", nil, "2020-07-07"), bike("EB2", "18:00", nil, "2020-07-14"), bike("EB3", "18:00") },
         { ebike "EB1", ebike "EB2", ebike "EB3" }, at "18:05"),
    case("别的点位的不算", { bike("EB1", "17:00", { place_id = "PL32" }), bike("EB2", "17:30"), bike("EB3", "18:00") },
         { ebike "EB1", ebike "EB2", ebike "EB3" }, at "18:05"),
    case("置信度不够的不计次", { bike("EB1", "17:00", { confidence = 0.5 }), bike("EB2", "17:30"), bike("EB3", "18:00") },
         { ebike "EB2", ebike "EB3" }, at "18:05"),
    case("迟到的一次也算进去", { bike("EB2", "17:30"), bike("EB3", "18:00"), bike("EB1", "17:00") },
         { ebike "EB1", ebike "EB2", ebike "EB3", EBIKE_HOT }, at "18:05"),
    { name = "下个星期仍够次数另成一件，再下个星期不够了", steps = {
        step(at("18:05", "2020-07-19"), { ebike "EB1", ebike "EB2", ebike "EB3", EBIKE_HOT },
             { bike("EB1", "18:00", nil, "2020-07-17"), bike("EB2", "18:00", nil, "2020-07-18"),
               bike("EB3", "18:00", nil, "2020-07-19") }),
        step(at("00:00", "2020-08-10"), { ebike "EB1", ebike "EB2", ebike "EB3", EBIKE_HOT,
             { key = "PL31|ebike_hot|2020-W30", level = "orange" } }) } },
    { name = "更正为置信度不够，撤回", steps = {
        step(at "18:00", { ebike "EB1" }, { bike("EB1", "18:00") }),
        step(at "18:05", {}, { bike("EB1", "18:00", { confidence = 0.3 }) }) } },
    { name = "事件撤回了，告警也撤回", steps = {
        step(at "18:05", { want("orange")[1], ebike "EB1" }, { FIRST, bike("EB1", "18:01") }),
        step(at "18:10", {}, nil, { removed = { { "camera_event", "FX1" }, { "camera_event", "EB1" } } }) } },
    { name = "橙升红是同一件；让出后仍要处置的人写明才办结", steps = {
        step(at "18:05", want "orange", { FIRST }), step(at "18:10", want "orange"), step(at "18:30", want "red"),
        step(at "18:35", want "red"), step(at "18:40", want "red", { ev("E1", "18:38", END) }),
        step(at "18:45", {}, nil, { actions = { act "sign", act "close" } }) } },
    { name = "参数改到3分钟，下一次运行就按新的", steps = {
        step(at "18:03", {}, { ev("FX1", "18:01") }), step(at "18:05", want "orange", nil, { settings = { lane_min = 3 } }) } },
  },
}
