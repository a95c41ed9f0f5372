--- 信访热线与居民信箱时限：受理、办结、签收、答复快到期的提醒，过期的催办，过期太久的报街道主要领导。
-- 给党政办，并告知所在社区。每小时看一遍还没办完的件。
local calendar = require "std.calendar"
local with     = require("std.example").with

local CHANNELS = { xinfang = "信访件", visit = "来访件", online = "网上信访件", hotline12345 = "12345热线件" }
local STAGES = { accept = "受理", close = "办结", ack = "签收", reply = "答复" }

-- 一个没办完的阶段：名称、时限、要不要提前提醒（warns）。按小时算的、只有一天的，不提前提醒。
local function natural_days(name, from, n, ctx)
  return { name = name, due = calendar.deadline(ctx, from, calendar.period(n, "d")), warns = n > 1 }
end

local function workdays(name, from, n, ctx)
  return { name = name, due = calendar.deadline(ctx, from, calendar.period(n, "wd")), warns = n > 1 }
end

-- 紧急的：从这个阶段开始起 24 小时。
local function urgent(name, from, ctx)
  return { name = name, due = calendar.deadline(ctx, from, calendar.period(ctx.settings.urgent_h, "h")), warns = false }
end

-- 延期了的：办结看延期到几时，不管渠道和缓急。
local function extended(due)
  return { name = "close", due = due, warns = true, extended = true }
end

-- 12345热线件只有办结：收到起 5 个工作日。
local function hotline_stage(p, ctx)
  if p.extended_to then return extended(p.extended_to) end
  if p.urgent then return urgent("close", p.received_at, ctx) end
  return workdays("close", p.received_at, ctx.settings.hotline_wd, ctx)
end

-- 信访、来访、网上：先受理（收到起 15 天），受理后办结（受理起 60 天）。
local function xinfang_stage(p, ctx)
  if not p.accepted_at then
    if p.urgent then return urgent("accept", p.received_at, ctx) end
    return natural_days("accept", p.received_at, ctx.settings.xinfang_accept_d, ctx)
  end
  if p.extended_to then return extended(p.extended_to) end
  if p.urgent then return urgent("close", p.accepted_at, ctx) end
  return natural_days("close", p.accepted_at, ctx.settings.xinfang_close_d, ctx)
end

local function petition_stages(p, ctx)
  if p.closed_at then return {} end
  if not p.channel then
    ctx:unknown("信访热线件缺少渠道")
    return {}
  end
  return { p.channel == "hotline12345" and hotline_stage(p, ctx) or xinfang_stage(p, ctx) }
end

-- 居民来信：待受理的要签收（1 个工作日），没答复的要答复（5 个工作日），都从收到算起。
local function letter_stages(l, ctx)
  if l.status == "replied" or l.status == "closed" or l.replied_at then return {} end
  if not l.status then
    ctx:unknown("居民来信缺少状态")
    return {}
  end
  local function stage(name, n)
    if l.urgent then return urgent(name, l.received_at, ctx) end
    return workdays(name, l.received_at, n, ctx)
  end
  local reply = stage("reply", ctx.settings.letter_reply_wd)
  if l.status ~= "new" then return { reply } end
  return { stage("ack", ctx.settings.letter_ack_wd), reply }
end

-- 到了哪一级；不用提醒时为 nil。第二个值写进告警。
local function level_of(stage, ctx)
  local label = STAGES[stage.name] .. "时限"
  if ctx:check(label, stage.due, "<", ctx.now) then
    local over = calendar.wd_over(ctx, stage.due)
    local words = ("超期%d个工作日"):format(over)
    if ctx:check(label .. "已超期", over, ">", ctx.settings.red_wd, "个工作日") then
      return "red", words .. "，已告知街道主要领导"
    end
    return "orange", words
  end
  if not stage.warns then return nil end
  local left = calendar.wd_left(ctx, stage.due)
  local words = ("剩余%d个工作日"):format(left)
  if ctx:check(label .. "剩余", left, "<=", 1, "个工作日") then return "yellow", words end
  if ctx:check(label .. "剩余", left, "<=", ctx.settings.warn_wd, "个工作日") then return "blue", words end
end

local function judge(type, id, name, stages, ctx)
  for _, stage in ipairs(stages) do
    local key = id .. "|" .. stage.name
    local level, words = level_of(stage, ctx)
    if level then
      local due = stage.due:sub(1, 16):gsub("T", " ")
      ctx:alert {
        key = key, kind = stage.name, level = level, about = { type, id }, due = stage.due,
        also = level == "red" and { "main_leader" } or nil,
        title = ("%s%s%s时限"):format(name, id, STAGES[stage.name]),
        text  = ("%s%s%s时限%s，%s"):format(name, id, STAGES[stage.name], due, words),
      }
    elseif stage.extended then
      ctx:clear { key = key, reason = "已延期，未到提醒的时候" }
    end
  end
end

local function judge_petition(p, ctx)
  judge("petition", p.petition_id, CHANNELS[p.channel], petition_stages(p, ctx), ctx)
end

local function judge_letter(l, ctx)
  judge("letter", l.letter_id, "居民来信", letter_stages(l, ctx), ctx)
end

-- 还挂着的告警：那个阶段办完了，或延期到了以后，就此办结。
local function close_finished(ctx)
  for _, alert in ipairs(ctx:alerts { state = "open" }) do
    local type, id = alert.about[1], alert.about[2]
    ctx:subject(type, id)
    local row, stages = ctx:find(type, id), {}
    if row then stages = (type == "petition" and petition_stages or letter_stages)(row, ctx) end
    local reason = STAGES[alert.kind] .. "这一步已办完"
    for _, stage in ipairs(stages) do
      if stage.name == alert.kind then
        reason = not level_of(stage, ctx) and "未到提醒的时候" or nil
      end
    end
    if reason then ctx:clear { key = alert.key, reason = reason } end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function hotline(more)
  return { "petition", with({ petition_id = "H1", channel = "hotline12345", received_at = "2020-07-06T10:00:00+08:00",
    subject_key = "Q2", matter_key = "MT8", co_signers = 1, community_id = "tanghe_xincun", text = "路灯不亮",
    keywords = { "路灯" }, urgent = false }, more) }
end

local function xinfang(more)
  return hotline(with({ petition_id = "P1", channel = "xinfang", received_at = "2020-07-01T09:00:00+08:00" }, more))
end

local function letter(more)
  return { "letter", with({ letter_id = "L1", received_at = "2020-07-06T10:00:00+08:00", community_id = "tanghe_xincun",
    sender_key = "S1", text = "路灯不亮", keywords = { "路灯" }, urgent = false, status = "new" }, more) }
end

local function accepted(more) return letter(with({ status = "accepted" }, more)) end

local function off(date) return { "calendar_day", { date = date, is_workday = false } } end
local function work(date) return { "calendar_day", { date = date, is_workday = true } } end

local function july(day, hm) return ("2020-07-%02dT%s:00+08:00"):format(day, hm) end

-- case(说明, 各条记录, 此刻, { [key] = 级别 })
local function expected(want)
  local list = {}
  for key, level in pairs(want) do list[#list + 1] = { key = key, level = level, kind = key:match("|(%a+)$") } end
  return list
end
local function case(name, given, at, want, settings)
  return { name = name, given = given, at = at, settings = settings, expect = expected(want) }
end

return {
  title    = "信访热线与居民信箱时限",
  office   = "party_gov",
  shape    = "STATE",
  reads    = { "petition", "letter", "calendar_day" },
  settings = {
    xinfang_accept_d = { label = "信访受理时限（收到起）", unit = "天", default = 15, min = 1, max = 366 },
    xinfang_close_d  = { label = "信访办结时限（受理起）", unit = "天", default = 60, min = 1, max = 366 },
    hotline_wd       = { label = "12345热线办结时限", unit = "个工作日", default = 5, min = 1, max = 250 },
    letter_ack_wd    = { label = "居民来信签收时限", unit = "个工作日", default = 1, min = 1, max = 250 },
    letter_reply_wd  = { label = "居民来信答复时限", unit = "个工作日", default = 5, min = 1, max = 250 },
    urgent_h         = { label = "紧急件每一步的时限", unit = "小时", default = 24, min = 1, max = 720 },
    warn_wd          = { label = "剩余不超过时提醒（蓝）", unit = "个工作日", default = 2, min = 0, max = 60 },
    red_wd           = { label = "超期多于（红）", unit = "个工作日", default = 3, min = 0, max = 60 },
  },

  every = {
    { at = "hourly", over = "petition", run = judge_petition },
    { at = "hourly", over = "letter", run = judge_letter },
    { at = "hourly", run = close_finished },
  },

  -- 办结时限就是件的时限，由告警的 due 写明。
  life = { accept = { close = "auto" }, close = { close = "auto" }, ack = { close = "auto" }, reply = { close = "auto" } },

  examples = {
    -- 12345 热线件：7月6日（星期一）收到，7月13日（星期一）17:30 到期
    case("热线件超期一个工作日，报橙", { hotline() }, july(14, "09:00"), { ["H1|close"] = "orange" }),
    case("还剩三个工作日，不报", { hotline() }, july(8, "09:00"), {}),
    case("还剩两个工作日，报蓝", { hotline() }, july(9, "09:00"), { ["H1|close"] = "blue" }),
    case("还剩一个工作日，报黄", { hotline() }, july(10, "00:00"), { ["H1|close"] = "yellow" }),
    case("周末不走工作日，仍是黄", { hotline() }, july(12, "23:00"), { ["H1|close"] = "yellow" }),
    case("到期那天，报黄", { hotline() }, july(13, "17:00"), { ["H1|close"] = "yellow" }),
    case("到期那天18点，已过，报橙", { hotline() }, july(13, "18:00"), { ["H1|close"] = "orange" }),
    case("超期三个工作日，仍是橙", { hotline() }, july(16, "23:00"), { ["H1|close"] = "orange" }),
    case("超期四个工作日，报红", { hotline() }, july(17, "00:00"), { ["H1|close"] = "red" }),
    case("已办结，不报", { hotline { closed_at = july(14, "08:00") } }, july(14, "09:00"), {}),
    case("缺渠道，不报", { hotline { channel = "" } }, july(14, "09:00"), {}),
    case("没写缓急，按一般件", { hotline { urgent = "" } }, july(9, "09:00"), { ["H1|close"] = "blue" }),
    case("时限调到8个工作日，不报", { hotline() }, july(13, "09:00"), {}, { hotline_wd = 8 }),
    case("提前三个工作日提醒，报蓝", { hotline() }, july(8, "09:00"), { ["H1|close"] = "blue" }, { warn_wd = 3 }),
    case("时限只有一个工作日的，不提前提醒", { hotline() }, july(7, "17:00"), {}, { hotline_wd = 1 }),
    case("星期六收到，从星期一起算：20日到期，剩三个工作日不报", { hotline { received_at = july(11, "10:00") } }, july(15, "09:00"), {}),
    case("星期六收到，16日剩两个工作日，报蓝", { hotline { received_at = july(11, "10:00") } }, july(16, "09:00"),
         { ["H1|close"] = "blue" }),
    case("13日放假，14日才到期：10日还剩一个工作日，报黄", { off "2020-07-13", hotline() }, july(10, "09:00"), { ["H1|close"] = "yellow" }),
    case("13日放假，14日17点还没过期", { off "2020-07-13", hotline() }, july(14, "17:00"), { ["H1|close"] = "yellow" }),
    case("11日星期六调休上班，到期日提前到10日", { work "2020-07-11", hotline() }, july(11, "09:00"), { ["H1|close"] = "yellow" }),
    case("11日调休上班，11日18点已过期", { work "2020-07-11", hotline() }, july(11, "18:00"), { ["H1|close"] = "orange" }),

    -- 延期、紧急
    case("热线件延期到20日，剩四个工作日，不报", { hotline { extended_to = july(20, "12:00") } }, july(14, "09:00"), {}),
    case("延期到16日，剩两个工作日，报蓝", { hotline { extended_to = july(16, "12:00") } }, july(14, "09:00"), { ["H1|close"] = "blue" }),
    case("恰好到延期的那一秒，还没过期，报黄", { hotline { extended_to = july(14, "09:00") } }, july(14, "09:00"),
         { ["H1|close"] = "yellow" }),
    case("过了延期一秒，报橙", { hotline { extended_to = "2020-07-14T08:59:59+08:00" } }, july(14, "09:00"), { ["H1|close"] = "orange" }),
    case("紧急热线件恰好24小时，不报", { hotline { urgent = true } }, july(7, "10:00"), {}),
    case("紧急热线件超过24小时，报橙", { hotline { urgent = true } }, july(7, "11:00"), { ["H1|close"] = "orange" }),
    case("紧急热线件还剩一小时，不提前提醒", { hotline { urgent = true } }, july(7, "09:00"), {}),
    case("紧急又延期的，看延期", { hotline { urgent = true, extended_to = july(20, "12:00") } }, july(8, "09:00"), {}),
    case("紧急件星期五收到，星期六也走时间", { hotline { urgent = true, received_at = july(10, "16:00") } }, july(11, "17:00"),
         { ["H1|close"] = "orange" }),
    case("紧急时限调到48小时，不报", { hotline { urgent = true } }, july(7, "11:00"), {}, { urgent_h = 48 }),

    -- 信访、来访、网上：7月1日9时收到，7月16日（星期四）9时到期
    case("信访件受理还剩三个工作日，不报", { xinfang() }, july(13, "09:00"), {}),
    case("信访件受理还剩两个工作日，报蓝", { xinfang() }, july(14, "09:00"), { ["P1|accept"] = "blue" }),
    case("信访件受理还剩一个工作日，报黄", { xinfang() }, july(15, "09:00"), { ["P1|accept"] = "yellow" }),
    case("恰好到受理时限的那一秒，报黄", { xinfang() }, july(16, "09:00"), { ["P1|accept"] = "yellow" }),
    case("过了受理时限，报橙", { xinfang() }, july(16, "10:00"), { ["P1|accept"] = "orange" }),
    case("来访件一样", { xinfang { channel = "visit" } }, july(16, "10:00"), { ["P1|accept"] = "orange" }),
    case("网上信访件一样", { xinfang { channel = "online" } }, july(16, "10:00"), { ["P1|accept"] = "orange" }),
    case("受理超期四个工作日，报红", { xinfang() }, july(22, "09:00"), { ["P1|accept"] = "red" }),
    case("受理时限调到1天，不提前提醒", { xinfang() }, july(2, "08:00"), {}, { xinfang_accept_d = 1 }),
    case("已受理，60天还早，不报", { xinfang { accepted_at = july(10, "09:00") } }, july(20, "09:00"), {}),
    -- 受理于6月1日9时的，7月31日（星期五）9时到期
    case("受理后办结还剩两个工作日，报蓝", { xinfang { received_at = "2020-05-28T09:00:00+08:00", accepted_at = "2020-06-01T09:00:00+08:00" } },
         july(29, "09:00"), { ["P1|close"] = "blue" }),
    case("受理后恰好60天，报黄", { xinfang { received_at = "2020-05-28T09:00:00+08:00", accepted_at = "2020-06-01T09:00:00+08:00" } },
         july(31, "09:00"), { ["P1|close"] = "yellow" }),
    case("受理后超过60天，报橙", { xinfang { received_at = "2020-05-28T09:00:00+08:00", accepted_at = "2020-06-01T09:00:00+08:00" } },
         july(31, "10:00"), { ["P1|close"] = "orange" }),
    case("受理后延期，看延期", { xinfang { accepted_at = july(2, "09:00"), extended_to = july(10, "09:00") } }, july(10, "10:00"),
         { ["P1|close"] = "orange" }),
    case("没受理就写了延期，受理仍看15天", { xinfang { extended_to = "2020-09-30T09:00:00+08:00" } }, july(16, "10:00"),
         { ["P1|accept"] = "orange" }),
    case("紧急信访件受理超过24小时，报橙", { xinfang { urgent = true } }, july(2, "10:00"), { ["P1|accept"] = "orange" }),
    case("紧急信访件受理恰好24小时，不报", { xinfang { urgent = true } }, july(2, "09:00"), {}),
    case("紧急信访件受理后24小时内，不报", { xinfang { urgent = true, accepted_at = july(3, "09:00") } }, july(4, "09:00"), {}),
    case("紧急信访件受理后超过24小时，报橙", { xinfang { urgent = true, accepted_at = july(3, "09:00") } }, july(4, "10:00"),
         { ["P1|close"] = "orange" }),
    case("没受理就办结了，不报", { xinfang { closed_at = july(2, "09:00") } }, july(22, "09:00"), {}),

    -- 居民来信：7月6日（星期一）收到，7日17:30前签收，13日17:30前答复
    case("来信没签收，7日17点不提前提醒", { letter() }, july(7, "17:00"), {}),
    case("来信没签收，7日18点报橙", { letter() }, july(7, "18:00"), { ["L1|ack"] = "orange" }),
    case("签收超期四个工作日报红，答复同时到期报黄", { letter() }, july(13, "09:00"), { ["L1|ack"] = "red", ["L1|reply"] = "yellow" }),
    case("签收时限调到2个工作日，提前提醒", { letter() }, july(7, "09:00"), { ["L1|ack"] = "yellow" }, { letter_ack_wd = 2 }),
    case("已受理的来信，答复剩三个工作日，不报", { accepted() }, july(8, "09:00"), {}),
    case("已受理的来信，答复剩两个工作日，报蓝", { accepted() }, july(9, "09:00"), { ["L1|reply"] = "blue" }),
    case("已受理的来信，过了13日17:30，报橙", { accepted() }, july(13, "18:00"), { ["L1|reply"] = "orange" }),
    case("已答复，不报", { accepted { status = "replied", replied_at = july(8, "09:00") } }, july(14, "09:00"), {}),
    case("有答复时间而状态没改，也算已答复", { accepted { replied_at = july(8, "09:00") } }, july(14, "09:00"), {}),
    case("已办结而没有答复时间，不报", { accepted { status = "closed" } }, july(14, "09:00"), {}),
    case("缺状态，不报", { letter { status = "" } }, july(14, "09:00"), {}),
    case("紧急来信恰好24小时，不报", { letter { urgent = true } }, july(7, "10:00"), {}),
    case("紧急来信超过24小时，签收、答复都报橙", { letter { urgent = true } }, july(7, "11:00"),
         { ["L1|ack"] = "orange", ["L1|reply"] = "orange" }),
    case("星期五17点的来信，星期一17点还不报", { letter { received_at = july(10, "17:00") } }, july(13, "17:00"), {}),
    case("星期五17点的来信，星期一18点报橙", { letter { received_at = july(10, "17:00") } }, july(13, "18:00"), { ["L1|ack"] = "orange" }),

    { name = "蓝、黄、橙、红还是同一条，办结后自动了结",
      steps = {
        { given = { hotline() }, at = july(9, "09:00"), expect = expected { ["H1|close"] = "blue" } },
        { at = july(10, "09:00"), expect = expected { ["H1|close"] = "yellow" } },
        { at = july(14, "09:00"), expect = expected { ["H1|close"] = "orange" } },
        { at = july(17, "09:00"), expect = expected { ["H1|close"] = "red" } },
        { given = { hotline { closed_at = july(17, "10:30") } }, at = july(17, "10:45"),
          expect = expected { ["H1|close"] = "red" } },
        { at = july(17, "11:00"), expect = {} },
      } },
    { name = "签收、答复先后办完，各自了结",
      steps = {
        { given = { letter() }, at = july(9, "09:00"), expect = expected { ["L1|ack"] = "orange", ["L1|reply"] = "blue" } },
        { given = { accepted() }, at = july(9, "10:00"), expect = expected { ["L1|reply"] = "blue" } },
        { given = { accepted { status = "replied", replied_at = july(9, "10:30") } }, at = july(9, "11:00"), expect = {} },
      } },
    { name = "受理后，受理的告警了结，办结另算",
      steps = {
        { given = { xinfang() }, at = july(16, "10:00"), expect = expected { ["P1|accept"] = "orange" } },
        { given = { xinfang { accepted_at = july(16, "10:30") } }, at = july(16, "11:00"), expect = {} },
      } },
    { name = "延期到以后，自动了结",
      steps = {
        { given = { hotline() }, at = july(14, "09:00"), expect = expected { ["H1|close"] = "orange" } },
        { given = { hotline { extended_to = july(20, "17:30") } }, at = july(14, "10:00"), expect = {} },
        { at = july(16, "09:00"), expect = expected { ["H1|close"] = "blue" } },
      } },
    { name = "人先办结了，延期到期后再报",
      steps = {
        { given = { hotline() }, at = july(14, "09:00"), expect = expected { ["H1|close"] = "orange" } },
        { at = july(14, "10:00"), actions = { { key = "H1|close", action = "close", verdict = "solved", text = "已联系" } },
          expect = {} },
        { at = july(14, "11:00"), expect = {} },
        { given = { hotline { extended_to = july(20, "17:30") } }, at = july(14, "12:00"), expect = {} },
        { at = july(20, "18:00"), expect = expected { ["H1|close"] = "orange" } },
      } },
    { name = "参数改了，不再到提醒的时候，自动了结",
      steps = {
        { given = { hotline() }, at = july(9, "09:00"), expect = expected { ["H1|close"] = "blue" } },
        { at = july(9, "10:00"), settings = { warn_wd = 1 }, expect = {} },
      } },
    { name = "件撤回了，自动了结",
      steps = {
        { given = { hotline() }, at = july(14, "09:00"), expect = expected { ["H1|close"] = "orange" } },
        { removed = { { "petition", "H1" } }, at = july(14, "10:00"), expect = {} },
      } },
    { name = "迟到一小时的热线件，补判已过的整点",
      steps = {
        { given = { hotline { petition_id = "H0" } }, at = july(6, "11:00"), expect = {} },
        { given = { hotline { urgent = true, received_at = july(6, "10:30") } }, at = july(7, "11:00"),
          expect = expected { ["H1|close"] = "orange" } },
      } },
  },
}
