--- 红茶议事会闭环督办：议题停在一个阶段太久、开会前人没约齐、公示不满期就实施、落实事项逾期或群众不满意。
-- 给党政办：一步一步催到底，会前补齐人，会后盯落实。
local calendar = require "std.calendar"
local office   = require "std.office"
local text     = require "std.text"
local with     = require("std.example").with

-- 有停留期限的阶段；期限是同名的参数。
local STAGES = { "drafted", "approved", "inviting", "held", "minuted", "planned", "publicized" }
local STAGE_NAMES = { drafted = "已拟", approved = "已批准", inviting = "邀约中", held = "已召开", minuted = "已出纪要",
                      planned = "已定方案", publicized = "已公示" }
local ENOUGH_VOTES = 5                       -- 评分至少几人才算数

local function wd(n) return ("%dwd"):format(n // 1) end
local function title_of(topic, id) return topic and topic.title or id or "不详" end

-- 议题 ------------------------------------------------------------------------------------------

local function stage_key(topic, stage) return ("%s|stage|%s"):format(topic.topic_id, stage) end

-- 停留期限已过没有：返回级别；缺进入时间时第二个返回值为真。
local function stage_level(topic, ctx)
  if not text.contains(STAGES, topic.stage) then return nil end
  if not topic.stage_entered_at then return nil, true end
  local due = calendar.deadline(ctx, topic.stage_entered_at, wd(ctx.settings[topic.stage]))
  if not ctx:check(STAGE_NAMES[topic.stage] .. "阶段已过期限", ctx.now, ">", due) then return nil end
  local over = calendar.wd_over(ctx, due)
  return ctx:check("超过期限", over, ">", ctx.settings.late_orange_wd, "个工作日") and "orange" or "yellow"
end

local function judge_stage(topic, ctx)
  local level, blind = stage_level(topic, ctx)
  if blind then return ctx:unknown("议题缺进入阶段的时间") end
  if level then
    local words = ("议题“%s”停留%s%d个工作日"):format(title_of(topic, topic.topic_id), STAGE_NAMES[topic.stage],
      calendar.workdays_between(ctx, topic.stage_entered_at, ctx.now))
    ctx:alert {
      key = stage_key(topic, topic.stage), kind = "stage", level = level, about = { "council_topic", topic.topic_id },
      communities = topic.community_ids, title = words, text = words .. "，请推进到下一步",
    }
  end
  for _, stage in ipairs(STAGES) do
    if not (level and stage == topic.stage) then
      ctx:clear { key = stage_key(topic, stage), reason = "已进入下一步" }
    end
  end
end

-- 最近一次由公示转入实施：两个阶段各自开始的时刻；不是由公示转入的为 nil。
local function publication(topic, ctx)
  local started
  for _, version in ipairs(ctx:history("council_topic", topic.topic_id, 100)) do      -- 新的在前
    if version.stage == "implementing" then
      started = started or version.stage_entered_at
    elseif started then
      return version.stage == "publicized" and version.stage_entered_at or nil, started
    end
  end
end

-- 公示不满期就实施。一次转入只报一次：人办结了，不因议题后来又往前走而再报。
local function judge_public(topic, ctx)
  local shown, started = publication(topic, ctx)
  if not shown then return end
  local key = topic.topic_id .. "|public"
  local days = calendar.workdays_between(ctx, shown, started)
  if not ctx:check("公示到实施", days, "<", ctx.settings.public_min_wd, "个工作日") then
    return ctx:clear { key = key, reason = "公示已满期" }
  end
  local told = ctx:alerts { key = key }[1]
  if told and told.last_at >= started then return end
  local title = title_of(topic, topic.topic_id)
  ctx:alert {
    key = key, kind = "public", level = "orange", about = { "council_topic", topic.topic_id }, communities = topic.community_ids,
    title = ("议题“%s”公示不满期就实施"):format(title),
    text  = ("议题“%s”公示%d个工作日就转入实施，应不少于%d个工作日"):format(title, days, ctx.settings.public_min_wd // 1),
  }
end

local function run_topic(topic, ctx)
  judge_stage(topic, ctx)
  judge_public(topic, ctx)
end

-- 会前 ------------------------------------------------------------------------------------------

-- 这类议题必到而还没确认的角色；不知道议题类别或确认名单时为 nil。
local function missing_roles(meeting, topic, ctx)
  if not (topic and topic.kind and meeting.confirmed_roles) then return nil end
  local missing = {}
  for _, role in ipairs(text.split(ctx.settings["roles_" .. topic.kind], ",")) do
    if not text.contains(meeting.confirmed_roles, role) then missing[#missing + 1] = role end
  end
  return missing
end

local function role_names(roles)
  local names = {}
  for i, role in ipairs(roles) do names[i] = office.council_role(role) end
  return text.list(names)
end

-- 开会前 pre_h 小时起、还没开始。
local function is_due_soon(meeting, ctx)
  local started = meeting.started_at ~= nil or meeting.ended_at ~= nil
  return ctx:check("已开始", started, "==", false)
     and ctx:check("距开会", calendar.minutes_between(ctx.now, meeting.scheduled_at) / 60, "<=", ctx.settings.pre_h, "小时")
end

local function run_meeting(meeting, ctx)
  local key = meeting.meeting_id .. "|roles"
  if not meeting.scheduled_at then return ctx:unknown("议事会缺预定时间") end
  if not is_due_soon(meeting, ctx) then return ctx:clear { key = key, reason = "会已开始，或还没到会前" } end
  local topic = meeting.topic_id and ctx:find("council_topic", meeting.topic_id)
  local missing = missing_roles(meeting, topic, ctx)
  local few = ctx:check("已确认人数", meeting.confirmed_count, "<", ctx.settings.min_people, "人")
  local absent = ctx:check("必到角色未确认", missing and #missing, ">", 0, "个")
  if few or absent then
    local title = title_of(topic, meeting.topic_id)
    ctx:alert {
      key = key, kind = "roles", level = "yellow", about = { "council_meeting", meeting.meeting_id },
      communities = topic and topic.community_ids, due = meeting.scheduled_at,
      title = ("议题“%s”开会前人没约齐"):format(title),
      text  = ("议题“%s”的议事会已确认%s人%s"):format(title, meeting.confirmed_count or "不明",
        absent and "，还缺" .. role_names(missing) or ""),
    }
  elseif missing and meeting.confirmed_count then
    ctx:clear { key = key, reason = "人已约齐" }
  else
    ctx:unknown("议事会缺确认人数、确认角色或议题类别")
  end
end

-- 落实 ------------------------------------------------------------------------------------------

local function is_overdue(action, ctx)
  return ctx:check("已完成", action.done_on ~= nil, "==", false) and ctx:check("应完成日", action.due_on, "<", ctx.today)
end

local function is_unrated(action, ctx)
  return ctx:check("已完成", action.done_on ~= nil, "==", true) and ctx:check("已评分", action.score_avg ~= nil, "==", false)
     and ctx:check("评分期限已过", ctx.now, ">", calendar.deadline(ctx, action.done_on, wd(ctx.settings.eval_wd)))
end

local function is_rated_low(action, ctx)
  return ctx:check("平均评分", action.score_avg, "<", ctx.settings.score_min, "分")
     and ctx:check("评分人数", action.score_n, ">=", ENOUGH_VOTES, "人")
end

local function overdue_level(action, ctx)
  local over = calendar.wd_over(ctx, action.due_on)
  return ctx:check("超过应完成日", over, ">", ctx.settings.late_orange_wd, "个工作日") and "orange" or "yellow"
end

local FINDINGS = {
  { kind = "action", holds = is_overdue, level = overdue_level, words = "逾期未完成", good = "已完成" },
  { kind = "eval", holds = is_unrated, words = "完成后迟迟没有评分", good = "已评分" },
  { kind = "redo", holds = is_rated_low, words = "群众评分偏低，需要重做", good = "评分已达标" },
}

local function run_action(action, ctx)
  local topic = action.topic_id and ctx:find("council_topic", action.topic_id)
  for _, f in ipairs(FINDINGS) do
    local key = ("%s|%s"):format(action.action_id, f.kind)
    if f.holds(action, ctx) then
      local words = ("议题“%s”的落实事项%s%s"):format(title_of(topic, action.topic_id), action.action_id, f.words)
      ctx:alert {
        key = key, kind = f.kind, level = f.level and f.level(action, ctx) or "yellow",
        about = { "council_action", action.action_id }, title = words, text = words,
        also = office.is_known(action.office) and { action.office } or nil,
      }
    else
      ctx:clear { key = key, reason = f.good }
    end
  end
end

-- 记录撤回：挂着的没有了依据。
local function withdrawn(type)
  return function(row, ctx)
    local id = row[type .. "_id"]
    for _, alert in ipairs(ctx:alerts { state = "open" }) do
      if alert.about[1] == "council_" .. type and alert.about[2] == id then
        ctx:clear { key = alert.key, reason = "记录已撤回" }
      end
    end
  end
end

local LIFE = { close = "auto", limits = { yellow = { close = "3wd" }, orange = { close = "1wd" } } }

-- 例子 ------------------------------------------------------------------------------------------

local function topic(stage, entered, more)
  return { "council_topic", with({ topic_id = "T1", title = "关于停车的红茶议事", keyword = "停车", origin = "auto",
    kind = "general", community_ids = { "tanghe_xincun" }, stage = stage, stage_entered_at = entered,
    created_at = "2020-06-15T09:00:00+08:00" }, more) }
end

local function meeting(more)
  return { "council_meeting", with({ meeting_id = "MT1", topic_id = "T1", mode = "hybrid",
    scheduled_at = "2020-07-10T14:00:00+08:00", confirmed_roles = { "community", "resident" }, confirmed_count = 8 }, more) }
end

local function action(more)
  return { "council_action", with({ action_id = "AC1", topic_id = "T1", office = "public_mgmt", community_id = "tanghe_xincun",
    due_on = "2020-07-08" }, more) }
end

local function off(date) return { "calendar_day", { date = date, is_workday = false } } end
local function makeup(date) return { "calendar_day", { date = date, is_workday = true } } end

local NOW = "2020-07-09T08:00:00+08:00"
local function at(day) return day .. "T08:00:00+08:00" end
local EVENING = "2020-07-06T20:30:00+08:00"           -- 星期一晚上开的会，限 7 月 8 日 17:30 前出纪要

local function stage(name, level) return { { key = "T1|stage|" .. name, kind = "stage", level = level or "yellow" } } end
local function on_action(kind, level) return { { key = "AC1|" .. kind, kind = kind, level = level or "yellow" } } end
local ROLES  = { { key = "MT1|roles", kind = "roles", level = "yellow" } }
local PUBLIC = { { key = "T1|public", kind = "public", level = "orange" } }

local function case(name, given, expect, when, settings)
  return { name = name, given = given, at = when or NOW, settings = settings, expect = expect }
end

-- 各阶段：2020-07-06 星期一 09:00 进入，恰在期限 17:30 之后的第一个早上报，前一天不报。
local function stage_cases(list, name, last_day, next_day)
  local given = { topic(name, "2020-07-06T09:00:00+08:00") }
  list[#list + 1] = case(name .. "：期限那天早上，不报", given, {}, at(last_day))
  list[#list + 1] = case(name .. "：期限过后的早上，报黄", given, stage(name), at(next_day))
end

-- 会前：7 月 10 日 14:00 开会，24 小时前的整点看。
local DAY_BEFORE = "2020-07-09T14:00:00+08:00"
local function before_meeting(name, given, expect, when, settings)
  return case(name, given, expect, when or DAY_BEFORE, settings)
end
local OPEN_TOPIC = topic("inviting", "2020-07-06T09:00:00+08:00")
local function topic_of(kind) return topic("inviting", "2020-07-06T09:00:00+08:00", { kind = kind }) end

-- 公示几天就实施：先来公示，再来实施，第二天早上看。
local function shown(name, from, to, expect, more)
  local given = { topic("publicized", from), topic("implementing", to) }
  for _, r in ipairs(more or {}) do table.insert(given, 1, r) end
  return case(name, given, expect, "2020-07-14T08:00:00+08:00")
end

local examples = {
  -- 阶段
  case("会后两个工作日没出纪要，报黄", { topic("held", EVENING) }, stage "held"),
  case("已出纪要，不报", { topic("minuted", "2020-07-08T15:00:00+08:00") }, {}),
  case("会后第二个工作日早上，还没到17:30，不报", { topic("held", EVENING) }, {}, at "2020-07-08"),
  case("第五个工作日之后仍是黄", { topic("held", EVENING) }, stage "held", at "2020-07-15"),
  case("超过期限六个工作日，报橙", { topic("held", EVENING) }, stage("held", "orange"), at "2020-07-16"),
  case("星期五进入、星期六不上班，期限顺延", { topic("held", "2020-07-10T10:00:00+08:00") }, {}, at "2020-07-14"),
  case("星期六开的会从星期一起算：星期三下班前，不报", { topic("held", "2020-07-04T10:00:00+08:00") }, {}, at "2020-07-08"),
  case("星期六开的会从星期一起算：星期四报", { topic("held", "2020-07-04T10:00:00+08:00") }, stage "held", at "2020-07-09"),
  case("其间放一天假，不报", { off "2020-07-08", topic("held", EVENING) }, {}),
  case("放假顺延后仍过期，报", { off "2020-07-08", topic("held", EVENING) }, stage "held", at "2020-07-10"),
  case("星期六补班算工作日，提前过期", { makeup "2020-07-11", topic("held", "2020-07-10T10:00:00+08:00") }, stage "held",
       at "2020-07-14"),
  case("实施中没有停留期限", { topic("implementing", "2020-01-06T10:00:00+08:00") }, {}),
  case("已撤销的不管", { topic("dropped", "2020-01-06T10:00:00+08:00") }, {}),
  case("缺进入时间，不报", { topic("held", nil) }, {}),
  case("缺阶段，不报", { topic(nil, EVENING) }, {}),
  case("期限改成3个工作日，不报", { topic("held", EVENING) }, {}, nil, { held = 3 }),
  case("转橙改成0个工作日，过一天就报橙", { topic("held", EVENING) }, stage("held", "orange"), nil, { late_orange_wd = 0 }),
  case("没有标题也报", { topic("held", EVENING, { title = "" }) }, stage "held"),
  { name = "升级还是同一条；出了纪要就办结",
    steps = { { given = { topic("held", EVENING) }, at = NOW, expect = stage "held" },
              { at = at "2020-07-16", expect = stage("held", "orange") },
              { given = { topic("minuted", "2020-07-16T15:00:00+08:00") }, at = at "2020-07-17", expect = {} } } },
  { name = "走到下一步又停住：旧的办结，新的另报",
    steps = { { given = { topic("held", EVENING) }, at = NOW, expect = stage "held" },
              { given = { topic("minuted", "2020-07-09T15:00:00+08:00") }, at = at "2020-07-21", expect = stage "minuted" } } },
  { name = "退回本阶段重新起算，办结",
    steps = { { given = { topic("held", EVENING) }, at = NOW, expect = stage "held" },
              { given = { topic("held", "2020-07-09T10:00:00+08:00") }, at = at "2020-07-10", expect = {} } } },
  { name = "进入时间后来缺了：看不见，挂着的不动",
    steps = { { given = { topic("held", EVENING) }, at = NOW, expect = stage "held" },
              { given = { topic("held", nil) }, at = at "2020-07-10", expect = stage "held" } } },
  { name = "人办结后，没有变化不再报；到橙再报",
    steps = { { given = { topic("held", EVENING) }, at = NOW, expect = stage "held" },
              { at = "2020-07-09T10:00:00+08:00", actions = { { key = "T1|stage|held", action = "close", text = "已催" } },
                expect = {} },
              { at = at "2020-07-10", expect = {} },
              { at = at "2020-07-16", expect = stage("held", "orange") } } },
  { name = "议题撤回，办结",
    steps = { { given = { topic("held", EVENING), topic("held", EVENING, { topic_id = "T2" }) }, at = NOW,
                expect = { { key = "T1|stage|held", level = "yellow" }, { key = "T2|stage|held", level = "yellow" } } },
              { removed = { { "council_topic", "T2" } }, at = "2020-07-09T09:30:00+08:00", expect = stage "held" } } },

  -- 会前
  before_meeting("人够、角色齐，不报", { OPEN_TOPIC, meeting() }, {}),
  before_meeting("差一人，报黄", { OPEN_TOPIC, meeting { confirmed_count = 7 } }, ROLES),
  before_meeting("缺居民，报黄", { OPEN_TOPIC, meeting { confirmed_roles = { "community" } } }, ROLES),
  before_meeting("一个角色也没有，报黄", { OPEN_TOPIC, meeting { confirmed_roles = {} } }, ROLES),
  before_meeting("开会前25小时，还不看", { OPEN_TOPIC, meeting { confirmed_count = 7 } }, {}, "2020-07-09T13:00:00+08:00"),
  before_meeting("会已开始，不报", { OPEN_TOPIC, meeting { confirmed_count = 7, started_at = "2020-07-09T13:30:00+08:00" } }, {}),
  before_meeting("只记了结束时间，也算开过",
    { OPEN_TOPIC, meeting { confirmed_count = 7, ended_at = "2020-07-09T13:30:00+08:00" } }, {}),
  before_meeting("到点还没开始，照报", { OPEN_TOPIC, meeting { confirmed_count = 7 } }, ROLES, "2020-07-10T15:00:00+08:00"),
  before_meeting("改造议题还要设计、监理、三方办", { topic_of "reno", meeting() }, ROLES),
  before_meeting("改造议题五方都齐，不报",
    { topic_of "reno", meeting { confirmed_roles = { "community", "resident", "designer", "supervisor", "tripartite" } } }, {}),
  before_meeting("三方议题缺业委会，报", { topic_of "tripartite", meeting { confirmed_roles = { "community", "property" } } }, ROLES),
  before_meeting("三方议题三方都齐，不报",
    { topic_of "tripartite", meeting { confirmed_roles = { "community", "committee", "property" } } }, {}),
  before_meeting("人数门槛改成10，报", { OPEN_TOPIC, meeting() }, ROLES, nil, { min_people = 10 }),
  before_meeting("必到角色改成只要社区，不报", { OPEN_TOPIC, meeting { confirmed_roles = { "community" } } }, {}, nil,
    { roles_general = "community" }),
  before_meeting("必到角色写了表里没有的编号，也照看", { OPEN_TOPIC, meeting() }, ROLES, nil, { roles_general = "community,mayor" }),
  before_meeting("提前量改成48小时，两天前就报", { OPEN_TOPIC, meeting { confirmed_count = 7 } }, ROLES,
    "2020-07-08T14:00:00+08:00", { pre_h = 48 }),
  before_meeting("缺预定时间，不报", { OPEN_TOPIC, meeting { scheduled_at = "", confirmed_count = 7 } }, {}),
  before_meeting("缺确认人数而角色齐，不报", { OPEN_TOPIC, meeting { confirmed_count = "" } }, {}),
  before_meeting("缺确认人数而角色不齐，报", { OPEN_TOPIC, meeting { confirmed_count = "", confirmed_roles = {} } }, ROLES),
  before_meeting("缺确认角色而人数够，不报", { OPEN_TOPIC, meeting { confirmed_roles = "" } }, {}),
  before_meeting("没有议题记录，人数不够仍报", { meeting { confirmed_count = 7 } }, ROLES),
  before_meeting("没有议题记录，人数够，不报", { meeting() }, {}),
  { name = "约齐了就办结；又退了一人再报；会一开始就办结",
    steps = { { given = { OPEN_TOPIC, meeting { confirmed_count = 7 } }, at = DAY_BEFORE, expect = ROLES },
              { given = { meeting() }, at = "2020-07-09T15:00:00+08:00", expect = {} },
              { given = { meeting { confirmed_count = 7 } }, at = "2020-07-09T16:00:00+08:00", expect = ROLES },
              { given = { meeting { confirmed_count = 7, started_at = "2020-07-10T14:00:00+08:00" } },
                at = "2020-07-10T15:00:00+08:00", expect = {} } } },
  { name = "确认人数后来缺了：看不见，挂着的不动",
    steps = { { given = { OPEN_TOPIC, meeting { confirmed_count = 7 } }, at = DAY_BEFORE, expect = ROLES },
              { given = { meeting { confirmed_count = "" } }, at = "2020-07-09T15:00:00+08:00", expect = ROLES } } },
  { name = "改期到以后，办结",
    steps = { { given = { OPEN_TOPIC, meeting { confirmed_count = 7 } }, at = DAY_BEFORE, expect = ROLES },
              { given = { meeting { confirmed_count = 7, scheduled_at = "2020-07-20T14:00:00+08:00" } },
                at = "2020-07-09T15:00:00+08:00", expect = {} } } },
  { name = "议事会撤回，办结",
    steps = { { given = { OPEN_TOPIC, meeting { confirmed_count = 7 } }, at = DAY_BEFORE, expect = ROLES },
              { removed = { { "council_meeting", "MT1" } }, at = "2020-07-09T14:30:00+08:00", expect = {} } } },

  -- 公示
  shown("公示满5个工作日，不报", "2020-07-06T09:00:00+08:00", "2020-07-13T09:00:00+08:00", {}),
  shown("公示4个工作日就实施，报橙", "2020-07-06T09:00:00+08:00", "2020-07-10T23:00:00+08:00", PUBLIC),
  shown("星期六实施，仍只有4个工作日", "2020-07-06T09:00:00+08:00", "2020-07-11T09:00:00+08:00", PUBLIC),
  shown("星期六补班，满5个，不报", "2020-07-06T09:00:00+08:00", "2020-07-11T09:00:00+08:00", {}, { makeup "2020-07-11" }),
  shown("其间放一天假，只有4个，报", "2020-07-06T09:00:00+08:00", "2020-07-13T09:00:00+08:00", PUBLIC, { off "2020-07-08" }),
  case("没公示就实施，不归这一条", { topic("planned", "2020-07-06T09:00:00+08:00"), topic("implementing", NOW) }, {}, at "2020-07-10"),
  case("第一次见到就是实施，不报", { topic("implementing", "2020-07-06T09:00:00+08:00") }, {}),
  case("公示后退回定方案，再实施，不归这一条",
       { topic("publicized", "2020-07-06T09:00:00+08:00"), topic("planned", "2020-07-07T09:00:00+08:00"),
         topic("implementing", "2020-07-08T09:00:00+08:00") }, {}),
  case("公示、实施各改过一次标题，照样认得",
       { topic("publicized", "2020-07-06T09:00:00+08:00"), topic("publicized", "2020-07-06T09:00:00+08:00", { title = "停车" }),
         topic("implementing", "2020-07-08T09:00:00+08:00"),
         topic("implementing", "2020-07-08T09:00:00+08:00", { title = "停车" }) }, PUBLIC),
  case("一天里实施又评价，也报",
       { topic("publicized", "2020-07-06T09:00:00+08:00"), topic("implementing", "2020-07-08T09:00:00+08:00"),
         topic("evaluated", "2020-07-08T15:00:00+08:00") }, PUBLIC),
  case("公示期改成2个工作日，不报",
       { topic("publicized", "2020-07-06T09:00:00+08:00"), topic("implementing", "2020-07-08T09:00:00+08:00") }, {}, nil,
       { public_min_wd = 2 }),
  { name = "人办结前一直挂着；办结后议题往前走，不再报；退回重新公示又不满期，再报",
    steps = { { given = { topic("publicized", "2020-07-06T09:00:00+08:00"), topic("implementing", "2020-07-08T09:00:00+08:00") },
                at = NOW, expect = PUBLIC },
              { at = at "2020-07-10", expect = PUBLIC },
              { at = "2020-07-10T10:00:00+08:00", expect = {},
                actions = { { key = "T1|public", action = "close", text = "已补公示", evidence = { note = "补公示五天" } } } },
              { given = { topic("evaluated", "2020-07-10T15:00:00+08:00") }, at = at "2020-07-13", expect = {} },
              { given = { topic("publicized", "2020-07-13T09:00:00+08:00"), topic("implementing", "2020-07-14T09:00:00+08:00") },
                at = at "2020-07-15", expect = PUBLIC } } },

  -- 落实
  case("过了应完成日一天，报黄", { topic("implementing", NOW), action() }, on_action "action"),
  case("就是今天到期，不报", { action { due_on = "2020-07-09" } }, {}),
  case("已完成，不报", { action { done_on = "2020-07-08" } }, {}),
  case("缺应完成日，不报", { action { due_on = "" } }, {}),
  case("过了五个工作日仍是黄", { action() }, on_action "action", at "2020-07-15"),
  case("过了六个工作日，报橙", { action() }, on_action("action", "orange"), at "2020-07-16"),
  case("其间有一天补班，提前一天转橙", { makeup "2020-07-11", action() }, on_action("action", "orange"), at "2020-07-15"),
  case("责任科室不在机构表里，照报", { action { office = "nobody" } }, on_action "action"),
  case("不知道是哪个议题，照报", { action { topic_id = "", office = "" } }, on_action "action"),
  { name = "完成后办结",
    steps = { { given = { action() }, at = NOW, expect = on_action "action" },
              { given = { action { done_on = "2020-07-09" } }, at = at "2020-07-10", expect = {} } } },
  { name = "落实事项撤回，办结",
    steps = { { given = { action() }, at = NOW, expect = on_action "action" },
              { removed = { { "council_action", "AC1" } }, at = "2020-07-09T09:30:00+08:00", expect = {} } } },

  -- 评分
  case("完成十个工作日还没评分，报黄", { action { done_on = "2020-07-06" } }, on_action "eval", at "2020-07-21"),
  case("第十个工作日早上，不报", { action { done_on = "2020-07-06" } }, {}, at "2020-07-20"),
  case("评分期限改成15个工作日，不报", { action { done_on = "2020-07-06" } }, {}, at "2020-07-21", { eval_wd = 15 }),
  case("已评4分，不报", { action { done_on = "2020-07-06", score_avg = 4, score_n = 12 } }, {}, at "2020-07-21"),
  case("五人评3.4分，报重做", { action { done_on = "2020-07-06", score_avg = 3.4, score_n = 5 } }, on_action "redo"),
  case("恰好3.5分，不报", { action { done_on = "2020-07-06", score_avg = 3.5, score_n = 20 } }, {}),
  case("只有四人评分，不报", { action { done_on = "2020-07-06", score_avg = 1, score_n = 4 } }, {}),
  case("不知几人评分，不报", { action { done_on = "2020-07-06", score_avg = 1 } }, {}),
  case("及格分改成3分，不报", { action { done_on = "2020-07-06", score_avg = 3.4, score_n = 5 } }, {}, nil, { score_min = 3 }),
  { name = "评了分：未评的办结，分低的另报；重做后分数上来，办结",
    steps = { { given = { action { done_on = "2020-07-06" } }, at = at "2020-07-21", expect = on_action "eval" },
              { given = { action { done_on = "2020-07-06", score_avg = 2.8, score_n = 9 } }, at = at "2020-07-22",
                expect = on_action "redo" },
              { given = { action { done_on = "2020-07-06", score_avg = 3.9, score_n = 15 } }, at = at "2020-07-23",
                expect = {} } } },
}
stage_cases(examples, "drafted", "2020-07-09", "2020-07-10")
stage_cases(examples, "approved", "2020-07-13", "2020-07-14")
stage_cases(examples, "inviting", "2020-07-20", "2020-07-21")
stage_cases(examples, "minuted", "2020-07-15", "2020-07-16")
stage_cases(examples, "planned", "2020-07-09", "2020-07-10")
stage_cases(examples, "publicized", "2020-07-20", "2020-07-21")

local function stay(label, n)
  return { label = ("“%s”停留不超过"):format(label), unit = "个工作日", default = n, min = 1, max = 60 }
end

return {
  title    = "红茶议事会闭环督办",
  office   = "party_gov",
  shape    = "STATE",
  reads    = { "council_topic", "council_meeting", "council_action" },
  settings = {
    drafted          = stay("已拟", 3),
    approved         = stay("已批准", 5),
    inviting         = stay("邀约中", 10),
    held             = stay("已召开（到出纪要）", 2),
    minuted          = stay("已出纪要", 7),
    planned          = stay("已定方案", 3),
    publicized       = stay("已公示", 10),
    public_min_wd    = { label = "公示不少于", unit = "个工作日", default = 5, min = 0, max = 60 },
    eval_wd          = { label = "完成后评分期限", unit = "个工作日", default = 10, min = 1, max = 60 },
    min_people       = { label = "会前确认人数不少于", unit = "人", default = 8, min = 1, max = 200 },
    pre_h            = { label = "会前多久开始查人", unit = "小时", default = 24, min = 1, max = 240 },
    score_min        = { label = "平均评分不低于", unit = "分", default = 3.5, min = 1, max = 5 },
    late_orange_wd   = { label = "超期超过（橙）", unit = "个工作日", default = 5, min = 0, max = 60 },
    roles_general    = { label = "一般议题必到角色（逗号隔开）", default = "community,resident" },
    roles_reno       = { label = "改造议题必到角色（逗号隔开）", default = "community,resident,designer,supervisor,tripartite" },
    roles_tripartite = { label = "三方议题必到角色（逗号隔开）", default = "community,committee,property" },
  },

  every = {
    { at = "daily 08:00", over = "council_topic", run = run_topic },
    { at = "hourly", over = "council_meeting", run = run_meeting },
    { at = "daily 08:00", over = "council_action", run = run_action },
  },
  removed = { council_topic = withdrawn "topic", council_meeting = withdrawn "meeting", council_action = withdrawn "action" },

  life = {
    stage  = LIFE,
    roles  = { close = "auto" },
    public = { close = "evidence", evidence = { "note" }, limits = { close = "1wd" } },
    action = LIFE,
    eval   = LIFE,
    redo   = LIFE,
  },

  examples = examples,
}
