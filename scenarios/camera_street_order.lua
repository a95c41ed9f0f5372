--- 街面秩序：出店经营、占道经营、游商、晾挂、违规宣传物。先请商家自己纠正（蓝），再由社区和网格劝导（黄），
-- 一周反复三次转综合行政执法（橙）。同一天、同一商户（没有商户的按点位）、同一种类是一件。
local calendar = require "std.calendar"
local camera   = require "std.camera"
local with     = require("std.example").with

local TYPES = { shop_overflow = true, road_occupy = true, vendor = true, street_hanging = true, illegal_ad = true }
-- 有外摆许可就不算的种类
local PERMITTED = { shop_overflow = true, road_occupy = true }

local BLUE_LIMIT_MIN = 30 -- 蓝色限 30 分钟自纠，见 life
local QUIET_MIN      = 60 -- 结束或反馈之后这么久没有再发生，才算恢复

-- 这家店的外摆许可：各张的起止（秒）；没写的一头不限。
local function permits_of(row, ctx)
  local list = {}
  if not (row.shop_id and PERMITTED[row.event_type]) then return list, "" end
  local words = {}
  for p in ctx:each("permit", { holder_id = row.shop_id, holder_type = "shop", kind = "outdoor_display" }) do
    list[#list + 1] = { from = p.valid_from and calendar.seconds(p.valid_from) or -math.huge,
                        to = p.valid_to and calendar.seconds(p.valid_to) or math.huge }
    words[#words + 1] = ("%s-%s"):format(p.valid_from, p.valid_to)
  end
  return list, table.concat(words, ",")
end

-- 许可在那一刻有效：两头都算。
local function is_permitted(permits, at)
  for _, p in ipairs(permits) do
    if at >= p.from and at <= p.to then return true end
  end
  return false
end

-- 这一件从什么时候（秒）算起：当天第一次（昨夜延续过来的从零点算）；中间结束后安静够了、或人办结了的，从重新发生算。
local function first_of_day(run, at)
  local today, first, ended = camera.day(at), nil, nil
  for _, e in ipairs(run.list) do
    if camera.day(e.to) == today then
      if not first or (ended and e.from - ended >= QUIET_MIN * 60) then first = e.from end
      ended = e.over
    end
  end
  return math.max(first, today * 86400 - 8 * 3600, run.since or first)
end

local ENDED = { closed = true, false_alarm = true, duplicate = true }

-- 蓝色到了时限还没有办结，又发生了。
local function is_overdue(key, run, at, ctx)
  local waited = (at - first_of_day(run, at)) / 60
  if not ctx:check("距当天第一次", waited, ">=", BLUE_LIMIT_MIN, "分钟") then return false end
  local alert = ctx:alerts { key = key }[1]
  local ended = alert ~= nil and ENDED[alert.state] == true
  if ended then run.since = at end
  return ctx:check("蓝色已办结", ended, "==", false)
end

local function level_of(event_key, episode, run, at, ctx)
  local s = ctx.settings
  local week = camera.begun_within(run.list, s.week_days, at)
  if ctx:check(("近%d天第几次"):format(s.week_days), week, ">=", s.week_episodes, "次") then return "orange", week end
  if ctx:check("这一次已持续", camera.minutes(episode, at), ">=", s.self_fix_min, "分钟")
     or is_overdue(event_key, run, at, ctx) then return "yellow", week end
  return "blue", week
end

local TOLD = {
  blue   = { "shop" },
  yellow = { "shop", "community", "grid" },
  orange = { "shop", "community", "grid", "enforcement" },
}

local function verdict(event, key, level, run, week, at, ctx)
  local place = camera.place_name(ctx, event.camera_id, event.place_id)
  local shop = ctx:find("shop", event.shop_id)
  local name = place .. (shop and shop.name or event.shop_id or "")
  local what = camera.type_name(event.event_type)
  return {
    key = key, kind = level == "blue" and "self_fix" or "handle", level = level, also = TOLD[level],
    about = event.shop_id and { "shop", event.shop_id } or event.camera_id and { "camera", event.camera_id } or nil,
    communities = event.community_id and { event.community_id } or nil,
    title = ("%s %s"):format(name, what),
    text  = ("%s%s，今日第%d次，近%d天%d次"):format(name, what, camera.begun_within(run.list, 0, at),
      ctx.settings.week_days, week),
  }
end

-- 记住挂着的件（key → 按商户还是点位），五分钟一次看它们恢复了没有；太多就放下最早的，等人来办。
local OPEN_MOST = 800

local function date_in(key) return key:sub(-10) end

local function note_open(keys, field, ctx)
  local open, more, n = ctx:get("open") or {}, false, 0
  for key in pairs(keys) do
    if not open[key] then open[key], more = field, true end
  end
  if not more then return end
  local oldest
  for key in pairs(open) do
    n = n + 1
    if not oldest or date_in(key) < date_in(oldest) then oldest = key end
  end
  if n > OPEN_MOST then open[oldest] = nil end
  ctx:set("open", open)
end

local function key_of(subject, event)
  return ("%s|%s|%s"):format(subject, event.event_type, calendar.date_of(event.occurred_at))
end

-- 把手头这条接到它的段上，该判断的逐条判断，结果记进 verdicts。
local function follow(row, subject, field, changed, verdicts, ctx)
  local permits, words = permits_of(row, ctx)
  if #permits > 0 then ctx:check("外摆许可当时有效", is_permitted(permits, calendar.seconds(row.occurred_at)), "==", true) end
  local run = camera.follow(ctx, row, {
    field = field, id = subject, type = row.event_type, days = ctx.settings.week_days,
    gap_min = ctx.settings.episode_gap_min, version = words, changed = changed,
    accept = function(event)
      if field == "place_id" and event.shop_id then return false end
      return event.phase == "end" or not is_permitted(permits, calendar.seconds(event.occurred_at))
    end,
    each = function(event, episode, run, at)
      if event.phase == "end" then return end
      local key = key_of(subject, event)
      local level, week = level_of(key, episode, run, at, ctx)
      camera.note(verdicts, verdict(event, key, level, run, week, at, ctx))
    end,
  })
  return run
end

local function on_event(row, ctx, withdrawn)
  if not TYPES[row.event_type] then return end
  local subject, field = row.shop_id or row.place_id, row.shop_id and "shop_id" or "place_id"
  if not subject then return ctx:unknown("事件没有商户也没有点位") end
  camera.check_sure(row, ctx)
  local verdicts, keys, hand = {}, {}, key_of(subject, row)
  local run = follow(row, subject, field, withdrawn, verdicts, ctx)
  if not run then return end
  for key in pairs(verdicts) do keys[key] = true end
  if run.rebuilt then
    keys[hand] = true
    camera.agree(ctx, verdicts, keys, not withdrawn and row.phase ~= "end" and hand or nil)
  elseif verdicts[hand] then
    ctx:alert(verdicts[hand])
  end
  note_open(verdicts, field, ctx)
  camera.remember(ctx, field, subject, row.event_type, run)
end

-- 从什么时候（秒）起算安静：最后一次的 end，或其后处置的人的反馈。
local function quiet_since(run, alert)
  local last = run and run.list[#run.list]
  if not last then return nil end
  if last.over then return last.over end
  local said = alert.feedback_at and calendar.seconds(alert.feedback_at)
  return said and said >= last.to and said or nil
end

local function close_quiet(ctx)
  local open, fewer = ctx:get "open", false
  for key, field in pairs(open or {}) do
    local alert, done = ctx:alerts { key = key, state = "open" }[1], true
    if alert then
      local subject, event_type = key:match "^(.*)|([%w_]+)|[%d-]+$"
      local since = quiet_since(camera.recall(ctx, field, subject, event_type), alert)
      done = since ~= nil and ctx:check("结束或反馈之后没有再发生", (calendar.seconds(ctx.now) - since) / 60, ">=", QUIET_MIN, "分钟")
      if done then ctx:clear { key = key, reason = ("已%d分钟没有再发生"):format(QUIET_MIN) } end
    end
    if done then open[key], fewer = nil, true end
  end
  if fewer then ctx:set("open", next(open) and open or nil) end
end

-- 例子 ------------------------------------------------------------------------------------------

local DAY = "2020-07-15"
local function at(hm, day) return ("%sT%s:00+08:00"):format(day or DAY, hm) end

local function ev(id, hm, more, day)
  return { "camera_event", with({ event_id = id, camera_id = "CAM07", place_id = "PL07", event_type = "shop_overflow",
    phase = "snapshot", occurred_at = at(hm, day), confidence = 0.93, shop_id = "SH1", community_id = "xiaohe",
    image_ref = "img/1", report_type = "ai" }, more) }
end
local START = { phase = "start" }
local END   = { phase = "end" }
local function sure(c) return { confidence = c } end

local function permit(more)
  return { "permit", with({ permit_id = "P1", kind = "outdoor_display", holder_type = "shop", holder_id = "SH1",
    valid_from = at "10:00", valid_to = at "10:20" }, more) }
end
local ALL_DAY = { valid_from = at "00:00", valid_to = at "23:00" }

local function want(level, key) return { { key = key or ("SH1|shop_overflow|" .. DAY), level = level } } end

local function case(name, given, expect, now, settings)
  return { name = name, given = given, at = now or at "10:31", settings = settings, expect = expect }
end

local FIRST, AGAIN = ev("CE1", "10:00", START), ev("CE2", "10:20")
local YESTERDAYS = { ev("A1", "10:00", START, "2020-07-13"), ev("A2", "10:00", START, "2020-07-14") }
-- 前两天各一次，各自另成一件。
local function earlier(a, b, more)
  return { { key = "SH1|shop_overflow|" .. a, level = "blue" }, { key = "SH1|shop_overflow|" .. b, level = "blue" }, more }
end

local function step(now, expect, given, actions)
  return { given = given, at = now, actions = actions, expect = expect }
end
local KEY = "SH1|shop_overflow|" .. DAY
local function act(action) return { key = KEY, action = action, text = "已劝导", verdict = "solved" } end

return {
  title    = "街面秩序（出店·占道·游商）",
  office   = "public_mgmt",
  shape    = "CNT SUS",
  reads    = { "camera_event", "camera", "shop", "permit" },
  settings = {
    min_confidence  = { label = "智能识别的置信度不低于", default = 0.80, min = 0, max = 1 },
    episode_gap_min = { label = "相隔超过几分钟算另一次", unit = "分钟", default = 30, min = 1, max = 1440 },
    self_fix_min    = { label = "商家自纠时间", unit = "分钟", default = 10, min = 0, max = 1440 },
    week_days       = { label = "反复发生看最近", unit = "天", default = 7, min = 1, max = 31 },
    week_episodes   = { label = "反复发生达到（橙）", unit = "次", default = 3, min = 2, max = 100 },
  },

  on      = { camera_event = function(row, ctx) on_event(row, ctx, false) end },
  removed = { camera_event = function(row, ctx) on_event(row, ctx, true) end },
  every   = { { at = "5min", run = close_quiet } },

  life = {
    self_fix = { close = "auto", limits = { close = "30min" } },
    handle   = { close = "auto+evidence", evidence = { "photo" },
                 limits = { yellow = { close = "2h" }, orange = { close = "4wh" } } },
  },

  examples = {
    case("第一次，报蓝", { FIRST }, want "blue"),
    case("20分钟后还在，升黄，仍是一件", { FIRST, AGAIN }, want "yellow"),
    case("置信度0.72，不报", { ev("CE1", "10:00", sure(0.72)), ev("CE2", "10:20", sure(0.72)) }, {}),
    case("置信度恰好0.80，报", { ev("CE1", "10:00", sure(0.80)) }, want "blue"),
    case("置信度0.7999，不报", { ev("CE1", "10:00", sure(0.7999)) }, {}),
    case("没有置信度，不报", { ev("CE1", "10:00", sure "") }, {}),
    case("人工上报的不看置信度", { ev("CE1", "10:00", { report_type = "manual", confidence = "" }) }, want "blue"),
    case("置信度不够的不延长这一次", { FIRST, ev("CE2", "10:20", sure(0.5)) }, want "blue"),
    case("参数调低后，先前的也算上",
         { ev("CE1", "10:00", sure(0.7)), ev("CE2", "10:20") }, want "yellow", nil, { min_confidence = 0.7 }),
    case("别的种类不归这里", { ev("CE1", "10:00", { event_type = "crowd" }) }, {}),
    case("没有商户，按点位", { ev("CE1", "10:00", { shop_id = "", event_type = "vendor" }) },
         want("blue", "PL07|vendor|" .. DAY)),
    case("商户和点位都没有，不报", { ev("CE1", "10:00", { shop_id = "", place_id = "" }) }, {}),
    case("没有探头编号、店名、社区，也报", { ev("CE1", "10:00", { camera_id = "", place_id = "", community_id = "" }) }, want "blue"),
    case("点位名和店名写进文字", { { "camera", { camera_id = "CAM07", name = "小河路7号", place_id = "PL07" } },
                           { "shop", { shop_id = "SH1", name = "示例水果店" } }, FIRST }, want "blue"),
    case("同一点位有店的和没店的各是一件",
         { FIRST, ev("CE2", "10:20", { shop_id = "" }) },
         { want("blue")[1], { key = "PL07|shop_overflow|" .. DAY, level = "blue" } }),
    case("两个探头、同一家店，是一件", { FIRST, ev("CE2", "10:20", { camera_id = "CAM08", place_id = "PL08" }) }, want "yellow"),
    case("两个探头、同一点位，是一件",
         { ev("CE1", "10:00", { shop_id = "" }), ev("CE2", "10:10", { shop_id = "", camera_id = "CAM08" }) },
         want("yellow", "PL07|shop_overflow|" .. DAY)),
    case("恰好10分钟，升黄", { FIRST, ev("CE2", "10:10") }, want "yellow"),
    case("9分钟，仍是蓝", { FIRST, ev("CE2", "10:09") }, want "blue"),
    case("相隔恰好30分钟，还是同一次，升黄", { FIRST, ev("CE2", "10:30") }, want "yellow"),
    case("结束之后15分钟又来，是另一次，报蓝", { FIRST, ev("E1", "10:05", END), ev("CE2", "10:20") }, want "blue"),
    case("结束的那一条不升级", { FIRST, ev("E1", "10:20", END) }, want "blue"),
    case("蓝色30分钟没办结又发生，升黄", { FIRST, ev("E1", "10:05", END), ev("CE2", "10:30") }, want "yellow"),
    case("蓝色29分钟时又发生，仍是蓝", { FIRST, ev("E1", "10:05", END), ev("CE2", "10:29") }, want "blue"),
    case("相隔31分钟是另一次，蓝色时限已过，升黄", { FIRST, ev("CE2", "10:31") }, want "yellow"),
    case("只有 end，没有开始，不报", { ev("E1", "10:00", END) }, {}),
    case("没写阶段的，算发生", { ev("CE1", "10:00", { phase = "" }) }, want "blue"),

    case("有外摆许可，不报", { permit(ALL_DAY), FIRST, AGAIN }, {}),
    case("许可恰好从这一刻起，有效", { permit(), FIRST }, {}),
    case("许可恰好到这一刻止，有效", { permit(), AGAIN }, {}),
    case("许可前一分钟，报", { permit { valid_from = at "10:01" }, FIRST }, want "blue"),
    case("许可后一分钟，报，前面许可内的不算这一次", { permit { valid_to = at "10:19" }, FIRST, AGAIN }, want "blue"),
    case("许可没写起止，视为有效", { permit { valid_from = "", valid_to = "" }, FIRST }, {}),
    case("别家的许可不算", { permit { holder_id = "SH2", valid_to = at "23:00" }, FIRST }, want "blue"),
    case("占道许可不是外摆许可", { permit { kind = "road_occupy", valid_to = at "23:00" }, FIRST }, want "blue"),
    case("许可只管出店和占道，晾挂照报", { permit(ALL_DAY), ev("CE1", "10:00", { event_type = "street_hanging" }) },
         want("blue", "SH1|street_hanging|" .. DAY)),
    case("占道经营有外摆许可，不报", { permit(ALL_DAY), ev("CE1", "10:00", { event_type = "road_occupy" }) }, {}),
    case("许可后来才到，下一条时重新算", { FIRST, permit { valid_to = at "10:09" }, ev("CE2", "10:12") }, want "blue"),

    case("七天里第三次，报橙", { YESTERDAYS[1], YESTERDAYS[2], FIRST }, earlier("2020-07-13", "2020-07-14", want("orange")[1])),
    case("同一天第三次，升橙", { FIRST, ev("E1", "10:02", END), ev("CE2", "10:05"), ev("E2", "10:06", END), ev("CE3", "10:08") },
         want "orange"),
    case("两次不到三次", { YESTERDAYS[2], FIRST }, { want("blue")[1], { key = "SH1|shop_overflow|2020-07-14", level = "blue" } }),
    case("恰好七天前的算", { ev("A1", "09:00", START, "2020-07-08"), YESTERDAYS[2], FIRST },
         earlier("2020-07-08", "2020-07-14", want("orange")[1])),
    case("八天前的不算", { ev("A1", "23:00", START, "2020-07-07"), YESTERDAYS[2], FIRST },
         earlier("2020-07-07", "2020-07-14", want("blue")[1])),
    case("别的种类的次数不算", { ev("A1", "10:00", { event_type = "vendor" }, "2020-07-13"), YESTERDAYS[2], FIRST },
         { { key = "SH1|vendor|2020-07-13", level = "blue" }, { key = "SH1|shop_overflow|2020-07-14", level = "blue" },
           want("blue")[1] }),
    case("跨零点的一次，第二天另成一件，已是黄",
         { ev("CE1", "23:50", START), ev("CE2", "00:05", nil, "2020-07-16") },
         { want("blue")[1], { key = "SH1|shop_overflow|2020-07-16", level = "yellow" } }, at("00:06", "2020-07-16")),

    case("后一条先到，结果一样", { AGAIN, FIRST }, want "yellow"),
    case("结束先到、开始后到，不升级", { ev("E1", "10:05", END), FIRST, ev("CE2", "10:12") }, want "blue"),
    case("迟到的 end 把一次分成两次", { FIRST, ev("CE2", "10:12"), ev("CE3", "10:14"), ev("E1", "10:13", END) }, want "yellow"),
    case("迟到的前两次让今天升橙", { FIRST, YESTERDAYS[2], YESTERDAYS[1] },
         earlier("2020-07-13", "2020-07-14", want("orange")[1])),
    case("同一条重复到，不重算", { FIRST, FIRST }, want "blue"),

    { name = "结束后不到60分钟不办结，恰好60分钟自动办结", steps = {
        step(at "11:15", want "blue", { FIRST, ev("E1", "10:20", END) }),
        step(at "11:20", {}), step(at "11:25", {}) } },
    { name = "没有结束也没有反馈，一直挂着", steps = { step(at "10:00", want "blue", { FIRST }), step(at "15:00", want "blue") } },
    { name = "反馈后60分钟没有再发生，自动办结", steps = {
        step(at "10:00", want "blue", { FIRST }), step(at "10:20", want "blue", nil, { act "note" }),
        step(at "11:15", want "blue"), step(at "11:20", {}) } },
    { name = "反馈之后又发生过，不办结", steps = {
        step(at "10:00", want "blue", { FIRST }), step(at "10:20", want "blue", nil, { act "note" }),
        step(at "10:25", want "yellow", { ev("CE2", "10:25") }), step(at "12:00", want "yellow") } },
    { name = "黄的数据恢复了也要凭照片办结", steps = {
        step(at "12:00", want "yellow", { FIRST, AGAIN, ev("E1", "10:21", END) }),
        step(at "12:05", {}, nil, { act "sign", act "close" }) } },
    { name = "办结5小时后同日再犯，重新打开，按新的级别", steps = {
        step(at "10:05", {}, { FIRST, ev("E1", "10:02", END) }, { act "sign", act "close" }),
        step(at "15:05", want "blue", { ev("CE2", "15:05") }),
        step(at "15:08", want "blue", { ev("CE3", "15:08") }) } },
    { name = "事件撤回了，那天再没有别的，告警也撤回；还有别的就留着", steps = {
        step(at "10:10", want "blue", { FIRST, ev("CE2", "10:05") }),
        { at = at "10:15", removed = { { "camera_event", "CE1" } }, expect = want "blue" },
        { at = at "10:20", removed = { { "camera_event", "CE2" } }, expect = {} } } },
    { name = "更正为置信度不够，告警撤回", steps = {
        step(at "10:10", want "blue", { FIRST }), step(at "10:15", {}, { ev("CE1", "10:00", sure(0.3)) }) } },
    { name = "自动办结之后同日再犯，重新打开", steps = {
        step(at "11:20", {}, { FIRST, ev("E1", "10:20", END) }),
        step(at "14:00", want "blue", { ev("CE2", "14:00") }) } },
  },
}
