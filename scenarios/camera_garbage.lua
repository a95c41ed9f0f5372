--- 暴露垃圾与桶满溢：从出现到清走（end）算一段，半小时没清提醒（蓝），4个工作时升黄，8个工作时升橙；
-- 清走即办结。一个点位一周里有五段以上超过半小时的，是顽疾点位，要拿出办法。
local calendar = require "std.calendar"
local camera   = require "std.camera"
local with     = require("std.example").with

local TYPES = { "garbage_exposed", "bin_overflow" }
local IS_GARBAGE = { garbage_exposed = true, bin_overflow = true }
local RANK   = { blue = 1, yellow = 2, orange = 3 }

-- 到 at（秒）为止该是什么级别：先看自然时间，再看工作时间。
local function level_of(episode, at, ctx)
  local s = ctx.settings
  if not ctx:check("已持续", camera.minutes(episode, at), ">=", s.blue_min, "分钟") then return nil end
  local from, to = calendar.datetime(episode.from), calendar.datetime(at)
  local minutes = calendar.working_minutes(ctx, from, to)
  if ctx:check("已过工作时间", minutes, ">=", s.orange_wh * 60, "分钟") then return "orange" end
  if ctx:check("已过工作时间", minutes, ">=", s.yellow_wh * 60, "分钟") then return "yellow" end
  return "blue"
end

-- 下一次该看的时刻。
local function next_look(episode, at, ctx)
  local from = calendar.datetime(episode.from)
  local looks = { calendar.add_minutes(from, ctx.settings.blue_min),
                  calendar.add_working_minutes(ctx, from, ctx.settings.yellow_wh * 60),
                  calendar.add_working_minutes(ctx, from, ctx.settings.orange_wh * 60) }
  local soonest
  for _, look in ipairs(looks) do
    local t = calendar.seconds(look)
    if t > at and (not soonest or t < soonest) then soonest = t end
  end
  return soonest and calendar.datetime(soonest)
end

local function key_of(place, event_type, episode) return ("%s|%s|%s"):format(place, event_type, episode.id) end

local function raise(place, event_type, episode, level, at, ctx)
  ctx:find("camera_event", episode.id) -- 依据是这一段的第一条
  local where = camera.place_name(ctx, episode.camera, place)
  local what = camera.type_name(event_type)
  ctx:alert {
    key = key_of(place, event_type, episode), kind = "dirty", level = level,
    about = camera.about(episode), communities = episode.communities,
    title = ("%s %s"):format(where, what),
    text  = ("%s%s已持续%.1f小时"):format(where, what, camera.minutes(episode, at) / 60),
  }
end

-- 这个点位的情况已知到什么时候（秒）：最晚的一条事件；开着的一段已经报过，就至少到它够时间的那一刻。
local function known_until(run, minutes)
  local last = run.list[#run.list]
  return math.max(run.at or 0, last and last.mark and not last.over and last.from + minutes * 60 or 0)
end

-- 到 at（秒）为止，两个种类合起来，最近几天开始的、超过半小时的段数；和最近的一段。
local function count_long(runs, at, ctx)
  local s, n, last = ctx.settings, 0, nil
  local function is_long(e) return camera.minutes(e, at) >= s.blue_min end
  for _, event_type in ipairs(TYPES) do
    local list = runs[event_type] and runs[event_type].list or {}
    n = n + camera.begun_within(list, s.hot_days, at, is_long)
    last = list[#list] or last
  end
  return n, last
end

-- 顽疾点位。迟到、更正、撤回的，先看当初报的那一刻还够不够数。
local function judge_hot(place, event_type, run, at, ctx)
  local s, name, runs = ctx.settings, "hot|" .. place, {}
  for _, t in ipairs(TYPES) do
    runs[t] = t == event_type and run or camera.recall(ctx, "place_id", place, t)
    at = math.max(at, runs[t] and known_until(runs[t], s.blue_min) or 0)
  end
  local n, last = count_long(runs, at, ctx)
  local now, told = calendar.datetime(at), ctx:get(name)
  local key = ("%s|hot|%s"):format(place, calendar.iso_week(now))
  local late = told and (calendar.seconds(ctx.now) < told.at or run and run.rebuilt)
  if late and at - told.at <= 86400 and count_long(runs, told.at, ctx) < s.hot_count then
    ctx:clear { key = told.key, retract = true, reason = "迟到或更正的事件说明没有这么多次" }
    ctx:set(name, nil)
    told = nil
  end
  if not ctx:check(("近%d天超过%d分钟的"):format(s.hot_days, s.blue_min), n, ">=", s.hot_count, "次") then
    if told and at - told.at > 86400 then ctx:set(name, nil) end
    return
  end
  if told and told.key == key and told.count >= n then return end
  ctx:set(name, { key = key, count = n, at = at })
  local where = camera.place_name(ctx, last.camera, place)
  ctx:alert {
    key = key, kind = "hot", level = "yellow", about = camera.about(last), communities = last.communities,
    title = ("%s 垃圾顽疾点位"):format(where),
    text  = ("%s近%d天有%d次暴露垃圾或桶满溢超过%d分钟，请提出整治办法"):format(where, s.hot_days, n, s.blue_min),
  }
  local monday = calendar.add_days(calendar.week_start(calendar.iso_week(now)), 7)
  ctx:wake(name, monday .. "T00:00:00+08:00", { place = place })
end

-- 清走了：办结；其实不到半小时的（end 迟到）撤回。
local function settle(place, event_type, episode, ctx)
  if not episode.mark then return end
  local never = camera.minutes(episode, episode.over) < ctx.settings.blue_min
  ctx:clear { key = key_of(place, event_type, episode), retract = never, reason = "已清走" }
  episode.mark = nil
end

-- 还开着的这一段定级别。again：手头就是它的新事件，级别没变也算再报一次。
local function judge(place, event_type, episode, at, again, ctx)
  local level = level_of(episode, at, ctx)
  if level and (again or RANK[level] > (episode.mark or 0)) then
    raise(place, event_type, episode, level, at, ctx)
    episode.mark = RANK[level]
  end
  local look = next_look(episode, at, ctx)
  if look then ctx:wake(place .. "|" .. event_type, look, { place = place, type = event_type }) end
end

-- 还要看的点位记成一张单子，五分钟看一次；到了橙色、已清走的不在单子上，单子空着就什么也不做。
local function is_waiting(episode) return episode ~= nil and not episode.over and episode.mark ~= RANK.orange end

local function keep_waiting(place, event_type, episode, ctx)
  local name, list = place .. "|" .. event_type, ctx:get "waiting" or {}
  local waits = is_waiting(episode)
  if (list[name] ~= nil) == waits then return end
  list[name] = waits and { place, event_type } or nil
  ctx:set("waiting", next(list) and list or nil)
end

local function on_event(row, ctx, withdrawn)
  if not IS_GARBAGE[row.event_type] then return end
  local place, event_type = row.place_id, row.event_type
  if not place then return ctx:unknown("事件没有点位") end
  camera.check_sure(row, ctx)
  local shortest = ctx.settings.blue_min
  local run = camera.follow(ctx, row, {
    field = "place_id", id = place, type = event_type, days = ctx.settings.hot_days + 1, changed = withdrawn,
    version = tostring(shortest), keep = function(e) return camera.minutes(e, e.over) >= shortest end,
  })
  if not run then return end
  for _, e in ipairs(run.gone) do
    ctx:clear { key = key_of(place, event_type, e), retract = true, reason = "起点另有更早的一条，或已撤回" }
  end
  for _, e in ipairs(run.list) do
    if e.over then settle(place, event_type, e, ctx) end
  end
  local at, last = math.max(run.at or 0, calendar.seconds(ctx.now)), run.list[#run.list]
  if last and not last.over then
    judge(place, event_type, last, at, row.phase ~= "end" and not withdrawn, ctx)
  end
  keep_waiting(place, event_type, last, ctx)
  judge_hot(place, event_type, run, at, ctx)
  camera.remember(ctx, "place_id", place, event_type, run)
end

-- 时候到了再看一个点位：单子上的、闹钟响了的都走这里。返回还要不要看。
local function look_again(place, event_type, ctx)
  local run, at = camera.recall(ctx, "place_id", place, event_type), calendar.seconds(ctx.now)
  local last = run.list[#run.list]
  if not is_waiting(last) then return false end
  local before = last.mark
  judge(place, event_type, last, at, false, ctx)
  if last.mark ~= before then
    camera.remember(ctx, "place_id", place, event_type, run)
    judge_hot(place, event_type, run, at, ctx)
  end
  return is_waiting(last)
end

local function on_tick(ctx)
  local list, fewer = ctx:get "waiting", false
  for name, who in pairs(list or {}) do
    if not look_again(who[1], who[2], ctx) then list[name], fewer = nil, true end
  end
  if fewer then ctx:set("waiting", next(list) and list or nil) end
end

local function on_wake(_, data, ctx)
  if data.type then look_again(data.place, data.type, ctx)
  else judge_hot(data.place, nil, nil, calendar.seconds(ctx.now), ctx) end
end

-- 例子 ------------------------------------------------------------------------------------------

local DAY = "2020-07-15" -- 星期三
local function at(hm, day) return ("%sT%s:00+08:00"):format(day or DAY, hm) end

local function ev(id, hm, more, day)
  return { "camera_event", with({ event_id = id, camera_id = "CAM11", place_id = "PL11", event_type = "garbage_exposed",
    phase = "start", occurred_at = at(hm, day), confidence = 0.88, community_id = "dongjia_xincun", image_ref = "img/9",
    report_type = "ai" }, more) }
end
local END, SNAP, BIN = { phase = "end" }, { phase = "snapshot" }, { event_type = "bin_overflow" }
local BIN_END = { phase = "end", event_type = "bin_overflow" }
local FIRST = ev("CG1", "09:00")

local function want(level, id, event_type)
  return { { key = ("PL11|%s|%s"):format(event_type or "garbage_exposed", id or "CG1"), level = level, kind = "dirty" } }
end
local function hot(week) return { { key = "PL11|hot|2020-W" .. (week or "29"), level = "yellow", kind = "hot" } } end

local function case(name, given, expect, now, settings)
  return { name = name, given = given, at = now, settings = settings, expect = expect }
end

-- 各天 08:00 起、持续 minutes 分钟的段。
local function spells(days, minutes, more)
  local given = {}
  for i, day in ipairs(days) do
    given[#given + 1] = ev("S" .. i, "08:00", more, day)
    given[#given + 1] = ev("E" .. i, ("08:%02d"):format(minutes), with({ phase = "end" }, more), day)
  end
  return given
end
local FIVE = { "2020-07-13", "2020-07-13", "2020-07-14", "2020-07-14", "2020-07-15" }
local function five(minutes)
  local given = {}
  for i, day in ipairs(FIVE) do
    local hour = ("%02d"):format(8 + i)
    given[#given + 1] = ev("S" .. i, hour .. ":00", i % 2 == 0 and BIN or nil, day)
    given[#given + 1] = ev("E" .. i, ("%s:%02d"):format(hour, minutes), i % 2 == 0 and BIN_END or END, day)
  end
  return given
end
local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local CLEANED = { key = "PL11|garbage_exposed|CG1", action = "close", text = "已清", verdict = "solved" }

local function step(now, expect, given, more)
  return with({ given = given, at = now, expect = expect }, more)
end

return {
  title    = "暴露垃圾与桶满溢",
  office   = "public_mgmt",
  shape    = "SUS CNT",
  also     = { "community", "property" },
  reads    = { "camera_event", "camera" },
  settings = {
    min_confidence = { label = "智能识别的置信度不低于", default = 0.80, min = 0, max = 1 },
    blue_min       = { label = "持续达到（蓝）", unit = "分钟", default = 30, min = 1, max = 1440 },
    yellow_wh      = { label = "持续达到（黄）", unit = "工作时", default = 4, min = 0.5, max = 100 },
    orange_wh      = { label = "持续达到（橙）", unit = "工作时", default = 8, min = 0.5, max = 100 },
    hot_days       = { label = "顽疾点位看最近", unit = "天", default = 7, min = 1, max = 31 },
    hot_count      = { label = "顽疾点位达到", unit = "次", default = 5, min = 2, max = 100 },
  },

  on      = { camera_event = function(row, ctx) on_event(row, ctx, false) end },
  removed = { camera_event = function(row, ctx) on_event(row, ctx, true) end },
  every   = { { at = "5min", run = on_tick } },
  wake    = on_wake,

  life = {
    dirty = { close = "auto", evidence = { "photo" }, -- end 来了自动办结，或凭清理后的照片办结
              limits = { blue = { close = "4wh" }, yellow = { close = "4wh" } } },
    hot   = { close = "evidence", evidence = { "note" }, limits = { close = "5wd" } },
  },

  examples = {
    case("九点起，14:40 已4小时10分工作时间，报黄", { FIRST }, want "yellow", at "14:40"),
    case("20分钟清走，不报", { FIRST, ev("E1", "09:20", END) }, {}, at "14:40"),
    case("29分钟，不报", { FIRST }, {}, at "09:29"),
    case("恰好30分钟，报蓝", { FIRST }, want "blue", at "09:30"),
    case("不到4个工作时，仍是蓝", { FIRST }, want "blue", at "14:29"),
    case("恰好4个工作时（午休不算），升黄", { FIRST }, want "yellow", at "14:30"),
    case("不到8个工作时，仍是黄", { FIRST }, want "yellow", at("09:29", "2020-07-16")),
    case("恰好8个工作时（夜里不算），升橙", { FIRST }, want "orange", at("09:30", "2020-07-16")),
    case("星期五傍晚的，周末不走工作时间", { ev("CG1", "17:00", nil, "2020-07-17") }, want "blue", at("10:00", "2020-07-19")),
    case("日历写明星期六上班，就走", { { "calendar_day", { date = "2020-07-18", is_workday = true } },
                              ev("CG1", "17:00", nil, "2020-07-17") }, want "yellow", at("12:00", "2020-07-18")),
    case("夜里也按自然时间报蓝", { ev("CG1", "02:00") }, want "blue", at "02:30"),
    case("桶满溢一样", { ev("CG1", "09:00", BIN) }, want("blue", "CG1", "bin_overflow"), at "09:30"),
    case("两个种类各是一件", { FIRST, ev("CG2", "09:00", BIN) }, { want("blue", "CG2", "bin_overflow")[1], want("blue")[1] },
         at "09:30"),
    case("别的种类不归这里", { ev("CG1", "09:00", { event_type = "vendor" }) }, {}, at "14:40"),
    case("置信度恰好0.80，报", { ev("CG1", "09:00", { confidence = 0.80 }) }, want "blue", at "09:30"),
    case("置信度0.79，不报", { ev("CG1", "09:00", { confidence = 0.79 }) }, {}, at "14:40"),
    case("人工上报的不看置信度", { ev("CG1", "09:00", { confidence = 0.1, report_type = "manual" }) }, want "blue", at "09:30"),
    case("没有点位，不报", { ev("CG1", "09:00", { place_id = "" }) }, {}, at "14:40"),
    case("没有探头编号和社区，也报", { ev("CG1", "09:00", { camera_id = "", community_id = "" }) }, want "blue", at "09:30"),
    case("隔多久都是同一段，key 里是第一条", { FIRST, ev("CG2", "11:00", SNAP) }, want "blue", at "11:00"),
    case("两个探头看同一点位，是一段", { FIRST, ev("CG2", "09:10", { camera_id = "CAM12" }) }, want "blue", at "09:30"),
    case("没有 start 只有抓拍，也从它算起", { ev("CG2", "09:00", SNAP) }, want("blue", "CG2"), at "09:30"),
    case("清走后又有，是另一段", { FIRST, ev("E1", "09:20", END), ev("CG2", "09:30") }, want("blue", "CG2"), at "10:00"),
    case("报过之后清走，自动办结", { FIRST, ev("E1", "10:00", END) }, {}, at "10:00"),
    case("置信度不够的 end 不算清走", { FIRST, ev("E1", "09:20", { phase = "end", confidence = 0.5 }) }, want "blue", at "09:30"),
    case("时间不在五分钟整点也不漏", { ev("CG1", "09:02") }, want "blue", at "09:33"),

    case("end 先到、start 后到，结果一样", { ev("E1", "09:20", END), FIRST }, {}, at "14:40"),
    case("抓拍先到、start 后到，key 是更早的那条", { ev("CG2", "09:10", SNAP), FIRST }, want "blue", at "09:40"),
    case("已报了抓拍那条，更早的 start 才到，换成它", { ev("CG2", "09:10", SNAP), ev("CG3", "09:50", SNAP), FIRST }, want "blue",
         at "09:50"),
    case("迟到的 end 落在中间，分成两段", { FIRST, ev("CG2", "10:00", SNAP), ev("E1", "09:10", END) }, want("blue", "CG2"), at "10:30"),
    case("报过之后才来的 end 说明只有20分钟，撤回", { FIRST, ev("CG9", "09:40", { place_id = "PL9" }), ev("E1", "09:20", END) },
         {}, at "09:45"),

    case("一周五段超过30分钟，两个种类合计，报顽疾", five(40), hot(), at "23:00"),
    case("恰好30分钟的算", five(30), hot(), at "23:00"),
    case("29分钟的不算", five(29), {}, at "23:00"),
    case("四段不到五段", spells({ "2020-07-12", "2020-07-13", "2020-07-14", "2020-07-15" }, 40), {}, at "23:00"),
    case("恰好七天前开始的算", spells({ "2020-07-08", "2020-07-12", "2020-07-13", "2020-07-14", "2020-07-15" }, 40), hot(),
         at "23:00"),
    case("八天前开始的不算", spells({ "2020-07-07", "2020-07-12", "2020-07-13", "2020-07-14", "2020-07-15" }, 40), {}, at "23:00"),
    { name = "第五段还开着，到30分钟才算", steps = {
        step(at "09:25", {}, plus(spells({ "2020-07-11", "2020-07-12", "2020-07-13", "2020-07-14" }, 40), FIRST)),
        step(at "09:30", { want("blue")[1], hot()[1] }) } },
    { name = "下个星期仍够次数，另成一件", steps = {
        step(at("23:00", "2020-07-19"), hot(), five(40)), step(at("00:00", "2020-07-20"), { hot()[1], hot("30")[1] }),
        step(at("00:00", "2020-07-27"), { hot()[1], hot("30")[1] }) } },
    { name = "迟到的 end 说明第五段不到30分钟，顽疾撤回", steps = {
        step(at "09:40", { want("blue")[1], hot()[1] },
             plus(spells({ "2020-07-11", "2020-07-12", "2020-07-13", "2020-07-14" }, 40), FIRST)),
        step(at "09:45", {}, { ev("EX", "09:20", END) }) } },
    { name = "蓝升黄升橙是同一件，清走后办结", steps = {
        step(at "09:30", want "blue", { FIRST }), step(at "14:30", want "yellow"),
        step(at("09:30", "2020-07-16"), want "orange"), step(at("09:35", "2020-07-16"), want "orange"),
        step(at("09:40", "2020-07-16"), {}, { ev("E1", "09:38", END, "2020-07-16") }) } },
    { name = "凭照片办结后没有新事件，不再报；到4个工作时升黄重开", steps = {
        step(at "09:30", want "blue", { FIRST }),
        step(at "09:40", {}, nil, { actions = { CLEANED } }),
        step(at "10:00", {}), step(at "14:30", want "yellow") } },
    { name = "凭照片办结后又拍到还在，重新打开", steps = {
        step(at "09:30", want "blue", { FIRST }),
        step(at "09:40", {}, nil, { actions = { CLEANED } }),
        step(at "10:00", want "blue", { ev("CG2", "09:59", SNAP) }) } },
    { name = "参数从30分钟改到10分钟，下一次运行就按新的", steps = {
        step(at "09:15", {}, { FIRST }), step(at "09:20", want "blue", nil, { settings = { blue_min = 10 } }) } },
    { name = "start 撤回了，告警也撤回", steps = {
        step(at "09:30", want "blue", { FIRST }),
        step(at "09:35", {}, nil, { removed = { { "camera_event", "CG1" } } }) } },
  },
}
