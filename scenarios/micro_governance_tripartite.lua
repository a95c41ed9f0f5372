--- 小区微治理三方协同：事项提出后社区、业委会、物业该响应的没响应，同类事项扎堆未结，事项久拖不决。
-- 给党建办和社区：催办；扎堆的提出一个三方红茶议题，请人来议。
local calendar = require "std.calendar"
local text     = require "std.text"
local with     = require("std.example").with

local PARTIES = { "community", "committee", "property" }
local NAMES   = { community = "社区", committee = "业委会", property = "物业" }

local function estate_of(estate_id, ctx) return estate_id and ctx:find("estate", estate_id) end
local function estate_name(estate, estate_id) return estate and estate.name or estate_id or "小区不明" end

local function ack_key(ticket, party) return ("%s|ack|%s"):format(ticket.ticket_id, party) end
local function stuck_key(ticket) return ticket.ticket_id .. "|stuck" end

-- 响应 ------------------------------------------------------------------------------------------

-- 该响应的：社区、物业；小区有业委会的，还有业委会。
local function is_required(party, estate)
  return party ~= "committee" or (estate ~= nil and estate.has_committee == true)
end

local function is_unanswered(ticket, party, estate, ctx)
  return ctx:check("应由" .. NAMES[party] .. "响应", is_required(party, estate), "==", true)
     and ctx:check(NAMES[party] .. "已响应", ticket[party .. "_ack_at"] ~= nil, "==", false)
end

local function judge_ack(ticket, estate, ctx)
  local late = ctx:check("提出已", calendar.minutes_between(ticket.raised_at, ctx.now) / 60, ">", ctx.settings.ack_h, "小时")
  for _, party in ipairs(PARTIES) do
    if late and is_unanswered(ticket, party, estate, ctx) then
      local what = ("%s“%s”事项"):format(estate_name(estate, ticket.estate_id), ticket.kind or "未分类")
      ctx:alert {
        key = ack_key(ticket, party), kind = "ack", level = "yellow", about = { "estate_ticket", ticket.ticket_id },
        title = ("%s%s未响应"):format(what, NAMES[party]),
        text  = ("%s超%s小时，%s未响应"):format(what, text.number(ctx.settings.ack_h), NAMES[party]),
      }
    else
      ctx:clear { key = ack_key(ticket, party), reason = "已响应或不须响应" }
    end
  end
end

-- 久拖 ------------------------------------------------------------------------------------------

-- 三方中至少两方确认（其中必有一方不是物业）。
local function is_confirmed(ticket)
  local n = 0
  for _, party in ipairs(PARTIES) do
    if text.contains(ticket.confirm_by, party) then n = n + 1 end
  end
  return n >= 2
end

local function judge_stuck(ticket, estate, ctx)
  local days = ctx.settings.unresolved_wd
  if ctx:check("已过未结期限", ctx.now, ">", calendar.deadline(ctx, ticket.raised_at, ("%dwd"):format(days // 1))) then
    local what = ("%s“%s”事项"):format(estate_name(estate, ticket.estate_id), ticket.kind or "未分类")
    ctx:alert {
      key = stuck_key(ticket), kind = "stuck", level = "orange", about = { "estate_ticket", ticket.ticket_id },
      title = what .. "久拖未结",
      text  = ("%s提出超过%d个工作日仍未解决"):format(what, days // 1),
    }
  else
    ctx:clear { key = stuck_key(ticket), reason = "还在期限内", close = false }
  end
end

-- 扎堆 ------------------------------------------------------------------------------------------

local function hot_key(estate_id, kind, at) return ("%s|hot|%s|%s"):format(estate_id, kind, calendar.month_of(at)) end

-- 一个小区某一类的未结事项，按提出时间。
local function unresolved(estate_id, kind, ctx)
  local list = {}
  for ticket in ctx:each("estate_ticket", { estate_id = estate_id, kind = kind }) do
    if ticket.resolved_at == nil then
      list[#list + 1] = { at = ticket.raised_at, day = calendar.day_number(ticket.raised_at), community = ticket.community_id }
    end
  end
  table.sort(list, function(a, b) return a.at < b.at end)
  return list
end

-- 到 at 为止、近 hot_days 天内提出的有几件。
local function recent(list, at, ctx)
  local n, today = 0, calendar.day_number(at)
  for _, ticket in ipairs(list) do
    if ticket.at <= at and today - ticket.day <= ctx.settings.hot_days then n = n + 1 end
  end
  return n
end

-- 近 hot_days 天里是否已为这个小区立了三方议题。本场景自己提出、还没人批的不算；另外告诉调用者这一类有没有这样的草案。
local function look_for_topic(estate_id, kind, at, ctx)
  local has_topic, has_draft = false, false
  for topic in ctx:each("council_topic", { estate_id = estate_id, kind = "tripartite" }) do
    if topic.origin == "scenario" and topic.stage == "drafted" then
      has_draft = has_draft or topic.keyword == kind
    elseif topic.stage ~= "dropped" and topic.created_at
           and calendar.days_between(topic.created_at, at) <= ctx.settings.hot_days then
      has_topic = true
    end
  end
  return has_topic, has_draft
end

-- 到 at 为止够不够“扎堆”。返回件数和有没有草案；不够为 nil。
local function hot(estate_id, kind, list, at, ctx)
  local n = recent(list, at, ctx)
  if not ctx:check("近期未结同类事项", n, ">=", ctx.settings.hot_count, "件") then return nil end
  local has_topic, has_draft = look_for_topic(estate_id, kind, at, ctx)
  if not ctx:check("已有三方议题", has_topic, "==", false) then return nil end
  return n, has_draft
end

local function raise_hot(estate_id, kind, list, at, ctx)
  local n, has_draft = hot(estate_id, kind, list, at, ctx)
  if not n then return false end
  local estate = estate_of(estate_id, ctx)
  local name, community = estate_name(estate, estate_id), estate and estate.community_id or list[1].community
  local places = community and { community } or {}
  ctx:alert {
    key = hot_key(estate_id, kind, at), kind = "hot", level = "orange", about = { "estate", estate_id },
    communities = places,
    title = ("%s“%s”事项扎堆未结"):format(name, kind),
    text  = ("%s近%d天“%s”未结%d件，建议召开红茶议事会"):format(name, ctx.settings.hot_days // 1, kind, n),
  }
  if not has_draft then
    ctx:topic {
      key = hot_key(estate_id, kind, at), kind = "tripartite", origin = "scenario", keyword = kind, estate_id = estate_id,
      communities = places, title = ("关于%s“%s”的红茶议事"):format(name, kind),
    }
  end
  return true
end

-- 有未结事项的各小区、各类别：{ { 小区, 类别 }, … }
local function groups(ctx)
  local list, seen = {}, {}
  for ticket in ctx:each("estate_ticket", {}) do
    if ticket.resolved_at == nil and ticket.estate_id and ticket.kind then
      local name = ticket.estate_id .. "|" .. ticket.kind
      if not seen[name] then list[#list + 1] = { ticket.estate_id, ticket.kind } end
      seen[name] = true
    end
  end
  return list
end

-- 挂着的扎堆告警（也有上个月的）逐条再看：立了议题或件数不够了，就此办结。
local function sweep_hot(ctx)
  for _, alert in ipairs(ctx:alerts { kind = "hot", state = "open" }) do
    local estate_id = alert.about[2]
    local kind = alert.key:sub(#estate_id + #"|hot|" + 1, -#"|2020-07" - 1)
    ctx:subject("estate", estate_id)
    if not hot(estate_id, kind, unresolved(estate_id, kind, ctx), ctx.now, ctx) then
      ctx:clear { key = alert.key, reason = "已立三方议题，或未结件数不够了" }
    end
  end
end

local function run_hot(ctx)
  for _, group in ipairs(groups(ctx)) do
    local estate_id, kind = group[1], group[2]
    ctx:subject("estate", estate_id)
    raise_hot(estate_id, kind, unresolved(estate_id, kind, ctx), ctx.now, ctx)
  end
  sweep_hot(ctx)
end

-- ------------------------------------------------------------------------------------------------

-- 已解决的不必每小时再看：解决、确认的记录一到，on_ticket 就销了。
local function run_ticket(ticket, ctx)
  if not ctx:check("已解决", ticket.resolved_at ~= nil, "==", false) then return end
  local estate = estate_of(ticket.estate_id, ctx)
  judge_ack(ticket, estate, ctx)
  judge_stuck(ticket, estate, ctx)
end

-- 事项到来：连同它之后提出的同类事项，一件一件看当时够不够扎堆，迟到的就和按次序到的结果一样。一个月只需报一次。
local function watch_hot(ticket, ctx)
  local list, month = unresolved(ticket.estate_id, ticket.kind, ctx), nil
  for _, later in ipairs(list) do
    if later.at >= ticket.raised_at and calendar.month_of(later.at) ~= month
       and raise_hot(ticket.estate_id, ticket.kind, list, later.at, ctx) then
      month = calendar.month_of(later.at)
    end
  end
  if #list < ctx.settings.hot_count then
    for _, alert in ipairs(ctx:alerts { kind = "hot", state = "open" }) do
      if text.starts_with(alert.key, ("%s|hot|%s|"):format(ticket.estate_id, ticket.kind)) then
        ctx:clear { key = alert.key, reason = "未结件数不够了" }
      end
    end
  end
end

-- 事项有了变化：响应了、解决了的当时就销；没响应满不满期限由每小时那一次来看。
local function on_ticket(ticket, ctx)
  local resolved = ticket.resolved_at ~= nil
  for _, party in ipairs(PARTIES) do
    if resolved or ticket[party .. "_ack_at"] ~= nil then
      ctx:clear { key = ack_key(ticket, party), reason = "已响应或已解决" }
    end
  end
  if resolved then
    ctx:clear { key = stuck_key(ticket), reason = "已解决并经两方确认", close = is_confirmed(ticket) }
  end
  if ticket.estate_id and ticket.kind then watch_hot(ticket, ctx) end
end

local function on_withdrawn(ticket, ctx)
  for _, party in ipairs(PARTIES) do ctx:clear { key = ack_key(ticket, party), reason = "事项已撤回" } end
  ctx:clear { key = stuck_key(ticket), reason = "事项已撤回" }
end

-- 例子 ------------------------------------------------------------------------------------------

local function estate(has_committee)
  return { "estate", { estate_id = "E_TH_S", name = "塘河南区", community_id = "yuhangtanglu", households = 900,
                       has_committee = has_committee, is_old = true } }
end
local ESTATE = estate(true)

local function ticket(more)
  return { "estate_ticket", with({ ticket_id = "TK1", estate_id = "E_TH_S", community_id = "yuhangtanglu", kind = "违建车库",
    raised_at = "2020-07-13T09:00:00+08:00", community_ack_at = "2020-07-13T09:40:00+08:00",
    property_ack_at = "2020-07-13T11:00:00+08:00" }, more) }
end

-- 三方都已响应的一件，只用来数件数。
local function one(id, raised_at, more)
  local fields = { ticket_id = id, raised_at = raised_at, community_ack_at = raised_at, property_ack_at = raised_at,
                   committee_ack_at = raised_at }
  for k, v in pairs(more or {}) do fields[k] = v end
  return ticket(fields)
end

local function topic(more)
  return { "council_topic", with({ topic_id = "T1", title = "关于塘河南区车库的红茶议事", origin = "manual", kind = "tripartite",
    community_ids = { "yuhangtanglu" }, stage = "approved", stage_entered_at = "2020-07-10T09:00:00+08:00",
    created_at = "2020-07-10T09:00:00+08:00", estate_id = "E_TH_S" }, more) }
end

local NOW = "2020-07-14T10:00:00+08:00"
local function ack(...)
  local list = {}
  for _, party in ipairs { ... } do list[#list + 1] = { key = "TK1|ack|" .. party, kind = "ack", level = "yellow" } end
  return list
end
local STUCK = { { key = "TK1|stuck", kind = "stuck", level = "orange" } }
local function hot_in(month) return { key = "E_TH_S|hot|违建车库|" .. month, kind = "hot", level = "orange" } end
local HOT   = { hot_in "2020-07" }

local function case(name, given, expect, at, settings)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = expect }
end

-- 同一天提出的五件（第五件可另写），上午十点看。
local function five(...)
  local list = { ESTATE, one("A1", "2020-07-14T08:00:00+08:00"), one("A2", "2020-07-14T08:10:00+08:00"),
                 one("A3", "2020-07-14T08:20:00+08:00"), one("A4", "2020-07-14T08:30:00+08:00") }
  for _, more in ipairs { ... } do list[#list + 1] = more end
  return list
end
local FIFTH = one("A5", "2020-07-14T08:40:00+08:00")

local OLD_STUCK = { key = "A0|stuck", level = "orange" }         -- 那么久以前的一件，自己也已久拖

local function story(name, given, expect, ...)
  return { name = name, steps = { { given = given, at = NOW, expect = expect }, ... } }
end

-- 久拖：7 月 13 日（星期一）提出，第 15 个工作日是 8 月 3 日。
local function aged(more) return one("TK1", "2020-07-13T09:00:00+08:00", more) end
local LATE = "2020-08-03T18:00:00+08:00"
local function after_stuck(name, more, expect)
  return { name = name, steps = { { given = { aged() }, at = LATE, expect = STUCK },
                                  { given = { aged(more) }, at = "2020-08-04T09:10:00+08:00", expect = expect } } }
end
local SOLVED = "2020-08-04T09:00:00+08:00"

return {
  title    = "小区微治理三方协同",
  office   = "party_building",
  shape    = "STATE AGG",
  also     = { "committee", "property", "tripartite" },
  reads    = { "estate_ticket", "estate", "council_topic" },
  may      = { "alert", "topic" },
  settings = {
    ack_h         = { label = "三方响应不超过", unit = "小时", default = 24, min = 1, max = 240 },
    hot_count     = { label = "同类未结达到（建议议事）", unit = "件", default = 5, min = 2, max = 100 },
    hot_days      = { label = "同类事项统计", unit = "天", default = 30, min = 1, max = 365 },
    unresolved_wd = { label = "未结超过", unit = "个工作日", default = 15, min = 1, max = 120 },
  },

  on      = { estate_ticket = on_ticket },
  removed = { estate_ticket = on_withdrawn },
  every   = {
    { at = "hourly", over = "estate_ticket", run = run_ticket },
    { at = "hourly", run = run_hot },
  },

  life = {
    ack   = { close = "auto", limits = { close = "1wd" } },
    hot   = { close = "auto", limits = { close = "5wd" } },
    stuck = { close = "auto", limits = { close = "10wd" } },
  },

  examples = {
    -- 响应
    case("25小时，业委会没响应，报黄", { ESTATE, ticket() }, ack "committee"),
    case("小区没有业委会，不报", { estate(false), ticket() }, {}),
    case("不知道有没有业委会，不报", { estate(nil), ticket() }, {}),
    case("没有小区档案，社区、物业仍要响应", { ticket { community_ack_at = "", property_ack_at = "" } },
         ack("community", "property")),
    case("三方都没响应，一方一条", { ESTATE, ticket { community_ack_at = "", property_ack_at = "" } },
         ack("community", "committee", "property")),
    case("恰好24小时，不报", { ESTATE, ticket() }, {}, "2020-07-14T09:00:00+08:00"),
    case("24小时多一分钟，下一个整点报", { ESTATE, ticket { raised_at = "2020-07-13T08:59:00+08:00" } }, ack "committee",
         "2020-07-14T09:00:00+08:00"),
    case("整点之外不看", { ESTATE, ticket() }, {}, "2020-07-14T10:30:00+08:00"),
    case("已解决的不报", { ESTATE, ticket { resolved_at = "2020-07-14T09:30:00+08:00" } }, {}),
    case("缺类别、缺小区，照样催办", { ticket { kind = "", estate_id = "", property_ack_at = "" } }, ack "property"),
    case("时限改成48小时，不报", { ESTATE, ticket() }, {}, nil, { ack_h = 48 }),
    story("一小时后还是同一条", { ESTATE, ticket() }, ack "committee", { at = "2020-07-14T11:00:00+08:00", expect = ack "committee" }),
    story("响应后当时办结", { ESTATE, ticket() }, ack "committee",
          { given = { ticket { committee_ack_at = "2020-07-14T10:20:00+08:00" } }, at = "2020-07-14T10:30:00+08:00",
            expect = {} }),
    story("一方响应，另一方的还挂着", { ESTATE, ticket { property_ack_at = "" } }, ack("committee", "property"),
          { given = { ticket() }, at = "2020-07-14T10:30:00+08:00", expect = ack "committee" },
          { at = "2020-07-14T11:00:00+08:00", expect = ack "committee" }),
    story("没响应而直接解决了，办结", { ESTATE, ticket() }, ack "committee",
          { given = { ticket { resolved_at = "2020-07-14T10:20:00+08:00" } }, at = "2020-07-14T10:30:00+08:00", expect = {} }),
    story("小区没了业委会，下一个整点办结", { ESTATE, ticket() }, ack "committee",
          { given = { estate(false) }, at = "2020-07-14T11:00:00+08:00", expect = {} }),
    story("事项撤回，办结", { ESTATE, ticket() }, ack "committee",
          { removed = { { "estate_ticket", "TK1" } }, at = "2020-07-14T10:30:00+08:00", expect = {} }),
    { name = "时限改短到1小时，当天报，当天响应后就没有了", settings = { ack_h = 1 },
      steps = { { given = { ESTATE, ticket() }, at = "2020-07-13T11:00:00+08:00", expect = ack "committee" },
                { given = { ticket { committee_ack_at = "2020-07-13T11:20:00+08:00" } }, at = "2020-07-13T11:30:00+08:00",
                  expect = {} } } },
    { name = "提出几小时后才到的记录，满24小时照报",
      steps = { { given = { ESTATE }, at = "2020-07-13T12:00:00+08:00", expect = {} },
                { given = { ticket() }, at = "2020-07-13T12:30:00+08:00", expect = {} },
                { at = NOW, expect = ack "committee" } } },

    -- 扎堆
    case("同类未结五件，报橙", five(FIFTH), HOT),
    case("四件，不报", five(), {}),
    case("第五件一到就报，不等整点", five(FIFTH), HOT, "2020-07-14T08:45:00+08:00"),
    case("五件倒着到，结果一样", { FIFTH, one("A4", "2020-07-14T08:30:00+08:00"), one("A3", "2020-07-14T08:20:00+08:00"),
                         one("A2", "2020-07-14T08:10:00+08:00"), one("A1", "2020-07-14T08:00:00+08:00") }, HOT,
         "2020-07-14T08:45:00+08:00"),
    case("第五件是另一类，不报", five(one("A5", "2020-07-14T08:40:00+08:00", { kind = "噪音" })), {}),
    case("第五件在另一个小区，不报", five(one("A5", "2020-07-14T08:40:00+08:00", { estate_id = "E_OTHER" })), {}),
    case("第五件已解决，不报",
         five(one("A5", "2020-07-14T08:40:00+08:00", { resolved_at = "2020-07-14T08:50:00+08:00" })), {}),
    case("最早一件恰好30天前，报", five(one("A0", "2020-06-14T07:00:00+08:00")), { hot_in "2020-07", OLD_STUCK }),
    case("最早一件31天前，只剩四件，不报扎堆", five(one("A0", "2020-06-13T09:00:00+08:00")), { OLD_STUCK }),
    case("件数门槛改成4", five(), HOT, nil, { hot_count = 4 }),
    case("天数改成10，20天前的不算", five(one("A0", "2020-06-24T09:00:00+08:00")), {}, nil, { hot_days = 10 }),
    case("没有小区档案也报", { one("A1", "2020-07-14T08:00:00+08:00"), one("A2", "2020-07-14T08:10:00+08:00"),
                        one("A3", "2020-07-14T08:20:00+08:00"), one("A4", "2020-07-14T08:30:00+08:00"), FIFTH }, HOT),
    case("已立三方议题，不报", five(topic(), FIFTH), {}),
    case("议题恰好30天前建立，不报", five(topic { created_at = "2020-06-14T09:00:00+08:00" }, FIFTH), {}),
    case("议题31天前建立，报", five(topic { created_at = "2020-06-13T09:00:00+08:00" }, FIFTH), HOT),
    case("议题不知何时建立，不算", five(topic { created_at = "" }, FIFTH), HOT),
    case("议题已撤销，报", five(topic { stage = "dropped" }, FIFTH), HOT),
    case("别的小区的议题不算", five(topic { estate_id = "E_OTHER" }, FIFTH), HOT),
    case("一般议题不算", five(topic { kind = "general" }, FIFTH), HOT),
    case("场景提出、还没人批的草案不算", five(topic { origin = "scenario", stage = "drafted" }, FIFTH), HOT),
    case("场景提出、已获批的算", five(topic { origin = "scenario" }, FIFTH), {}),
    case("人提出的草案算", five(topic { stage = "drafted" }, FIFTH), {}),
    story("自己提出的草案不让它办结", five(FIFTH), HOT, { at = "2020-07-14T11:00:00+08:00", expect = HOT }),
    story("立了议题，下一个整点办结", five(FIFTH), HOT,
          { given = { topic { created_at = "2020-07-14T10:30:00+08:00" } }, at = "2020-07-14T11:00:00+08:00", expect = {} },
          { given = { one("A5", "2020-07-14T08:40:00+08:00", { kind = "违建车库", confirm_by = { "community" } }) },
            at = "2020-07-14T12:00:00+08:00", expect = {} }),
    story("议题撤销了，下一个整点报", five(topic(), FIFTH), {},
          { given = { topic { stage = "dropped" } }, at = "2020-07-14T11:00:00+08:00", expect = HOT }),
    case("缺小区的五件不算扎堆", (function()
      local list = { one("B1", "2020-07-14T08:50:00+08:00") }
      for i = 1, 5 do list[#list + 1] = one("C" .. i, "2020-07-14T08:00:00+08:00", { estate_id = "" }) end
      return list
    end)(), {}),
    case("缺类别的五件不算扎堆", (function()
      local list = { ESTATE }
      for i = 1, 5 do list[#list + 1] = one("C" .. i, "2020-07-14T08:00:00+08:00", { kind = "" }) end
      return list
    end)(), {}),
    story("解决了一件，不够五件，当时办结", five(FIFTH), HOT,
          { given = { one("A1", "2020-07-14T08:00:00+08:00", { resolved_at = "2020-07-14T10:10:00+08:00" }) },
            at = "2020-07-14T10:30:00+08:00", expect = {} }),
    story("解决了一件别的小区的，不受影响",
          five(FIFTH, one("B1", "2020-07-14T08:00:00+08:00", { estate_id = "E_OTHER" })), HOT,
          { given = { one("B1", "2020-07-14T08:00:00+08:00",
                          { estate_id = "E_OTHER", resolved_at = "2020-07-14T10:10:00+08:00" }) },
            at = "2020-07-14T10:30:00+08:00", expect = HOT }),
    story("最早的过了30天，件数不够，办结", five(one("A0", "2020-06-14T07:00:00+08:00")), { hot_in "2020-07", OLD_STUCK },
          { at = "2020-07-15T00:00:00+08:00", expect = { OLD_STUCK } }),
    { name = "跨了月还没议：下月另报一条，上月的仍挂着；议题一立都办结",
      steps = { { given = five(FIFTH), at = NOW, expect = HOT },
                { at = "2020-08-01T00:00:00+08:00", expect = { hot_in "2020-07", hot_in "2020-08" } },
                { given = { topic { created_at = "2020-08-01T08:30:00+08:00" } }, at = "2020-08-01T09:00:00+08:00",
                  expect = {} } } },
    { name = "人办结后，没有变化不再报；又来一件再报",
      steps = { { given = five(FIFTH), at = NOW, expect = HOT },
                { at = "2020-07-14T11:00:00+08:00", expect = HOT },
                { at = "2020-07-14T11:30:00+08:00", expect = {},
                  actions = { { key = "E_TH_S|hot|违建车库|2020-07", action = "close", text = "已现场协调" } } },
                { at = "2020-07-14T12:00:00+08:00", expect = {} },
                { given = { one("A6", "2020-07-14T12:10:00+08:00") }, at = "2020-07-14T12:20:00+08:00", expect = HOT } } },

    -- 久拖
    case("过了第15个工作日下班，报橙", { aged() }, STUCK, LATE),
    case("第15个工作日下班前，不报", { aged() }, {}, "2020-08-03T17:00:00+08:00"),
    case("多放一天假，顺延一天，不报", { { "calendar_day", { date = "2020-07-20", is_workday = false } }, aged() }, {}, LATE),
    case("补班一天，提前一天，报", { { "calendar_day", { date = "2020-07-18", is_workday = true } }, aged() }, STUCK,
         "2020-07-31T18:00:00+08:00"),
    case("星期六提出的从星期一起算", { one("TK1", "2020-07-11T09:00:00+08:00") }, {}, "2020-08-03T17:00:00+08:00"),
    case("15个工作日内已解决，不报", { aged { resolved_at = "2020-07-30T09:00:00+08:00" } }, {}, LATE),
    case("期限改成20个工作日，不报", { aged() }, {}, LATE, { unresolved_wd = 20 }),
    after_stuck("解决并有社区、物业确认，办结", { resolved_at = SOLVED, confirm_by = { "community", "property" } }, {}),
    after_stuck("解决并有社区、业委会确认，办结", { resolved_at = SOLVED, confirm_by = { "community", "committee" } }, {}),
    after_stuck("三方都确认，办结", { resolved_at = SOLVED, confirm_by = { "community", "committee", "property" } }, {}),
    after_stuck("只有物业确认，仍挂着", { resolved_at = SOLVED, confirm_by = { "property" } }, STUCK),
    after_stuck("同一方写两遍只算一方", { resolved_at = SOLVED, confirm_by = { "property", "property" } }, STUCK),
    after_stuck("解决而没有确认，仍挂着", { resolved_at = SOLVED }, STUCK),
    after_stuck("确认了而没有解决，仍挂着", { confirm_by = { "community", "property" } }, STUCK),
    { name = "期限后来放宽了，仍要解决并确认才办结",
      steps = { { given = { aged() }, at = LATE, expect = STUCK },
                { settings = { unresolved_wd = 30 }, at = "2020-08-04T09:00:00+08:00", expect = STUCK } } },
    { name = "久拖的事项撤回，办结",
      steps = { { given = { aged() }, at = LATE, expect = STUCK },
                { removed = { { "estate_ticket", "TK1" } }, at = "2020-08-04T09:10:00+08:00", expect = {} } } },
    { name = "解决时没有确认，后来确认了，整点也能办结",
      steps = { { given = { aged() }, at = LATE, expect = STUCK },
                { given = { aged { resolved_at = SOLVED } }, at = "2020-08-04T10:00:00+08:00", expect = STUCK },
                { given = { aged { resolved_at = SOLVED, confirm_by = { "community", "committee" } } },
                  at = "2020-08-04T11:00:00+08:00", expect = {} } } },
  },
}
