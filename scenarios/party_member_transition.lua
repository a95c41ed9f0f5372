--- 预备党员转正与组织关系跟踪：预备期快满、满了没转正、组织关系转出后长期没有接收。
-- 给党建办：提醒支部按时讨论转正，催办组织关系接转。
local calendar = require "std.calendar"
local with     = require("std.example").with

-- 一名党员的预备期满日：延长过的看延长至。
local function last_day(member) return member.extended_to or member.probation_end end

-- 转正：快到期是 due（蓝），已过期是 late（黄、橙）。没有要报的返回 nil；缺期满日时第二个返回值为真。
local function probation(member, ctx)
  if not ctx:check("状态", member.status, "==", "probationary")
     or not ctx:check("已转正", member.transition_done_on ~= nil, "==", false) then return nil end
  local day = last_day(member)
  if not day then
    ctx:unknown("预备党员缺预备期满日")
    return nil, true
  end
  local left = calendar.days_between(ctx.today, day)
  if left >= 0 then
    if not ctx:check("距预备期满", left, "<=", ctx.settings.remind_days, "天") then return nil end
    return { kind = "due", level = "blue", day = day, words = ("剩余%d天"):format(left) }
  end
  local late = ctx:check("预备期满已过", -left, ">", ctx.settings.late_orange_days, "天")
  return { kind = "late", level = late and "orange" or "yellow", day = day, words = ("已超%d天"):format(-left) }
end

-- 组织关系：转出后过了期限还没有接收。
local function transfer(member, ctx)
  local out = member.transfer_out_on
  if not ctx:check("已转出", out ~= nil, "==", true) or not ctx:check("状态", member.status, "~=", "removed")
     or not ctx:check("已接收", member.transfer_received_on ~= nil, "==", false) then return nil end
  local days = calendar.days_between(out, ctx.today)
  if not ctx:check("转出后未接收", days, ">", ctx.settings.transfer_max_days, "天") then return nil end
  return { kind = "transfer", level = "yellow", day = out, words = ("已%d天"):format(days) }
end

local JUDGES = { due = probation, late = probation, transfer = transfer }

local function key_of(member, found) return ("%s|%s|%s"):format(member.member_key, found.kind, found.day) end

local function title_of(member, found)
  if found.kind == "transfer" then return ("党员%s组织关系转出未接收"):format(member.member_key) end
  return ("预备党员%s%s"):format(member.member_key, found.kind == "due" and "预备期将满" or "预备期满未转正")
end

local function text_of(member, found)
  if found.kind == "transfer" then
    return ("党员%s组织关系%s转出，%s未接收，请督促接转"):format(member.member_key, found.day, found.words)
  end
  return ("预备党员%s预备期%s届满，%s，请支部及时讨论转正"):format(member.member_key, found.day, found.words)
end

-- 只有“快到期”的提醒另有期限：期满那天下班前；其余按 life。
local function raise(member, found, ctx)
  ctx:alert {
    key = key_of(member, found), kind = found.kind, level = found.level, about = { "party_member", member.member_key },
    title = title_of(member, found), text = text_of(member, found),
    due = found.kind == "due" and found.day .. "T17:30:00+08:00" or nil,
  }
end

local function run(member, ctx)
  for _, judge in ipairs { probation, transfer } do
    local found = judge(member, ctx)
    if found then raise(member, found, ctx) end
  end
end

-- 挂着的逐条再判：转正、延长、接收、出党的，或已由“快到期”变成“已过期”的，就此办结。
local function sweep(ctx)
  for _, alert in ipairs(ctx:alerts { state = "open" }) do
    ctx:subject("party_member", alert.about[2])
    local member, found, blind = ctx:find("party_member", alert.about[2]), nil, false
    if member then
      found, blind = JUDGES[alert.kind](member, ctx)
    end
    if not blind and not (found and key_of(member, found) == alert.key) then
      ctx:clear { key = alert.key, reason = "已转正、延长、接收，或期限已变" }
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function probationer(more)
  return { "party_member", with({ member_key = "M001", branch_id = "ZB03", community_id = "tanghe_xincun",
    status = "probationary", probation_end = "2020-08-10" }, more) }
end

local function moved(more)
  return { "party_member", with({ member_key = "M002", branch_id = "ZB03", community_id = "tanghe_xincun",
    status = "transferring", transfer_out_on = "2020-04-15" }, more) }
end

local NOW = "2020-07-15T07:00:00+08:00"
local function at(day) return day .. "T07:00:00+08:00" end

local function due(day) return { { key = "M001|due|" .. day, kind = "due", level = "blue" } } end
local function late(day, level) return { { key = "M001|late|" .. day, kind = "late", level = level or "yellow" } } end
local function stuck(day) return { { key = "M002|transfer|" .. day, kind = "transfer", level = "yellow" } } end

local function case(name, member, expect, settings)
  return { name = name, given = { member }, at = NOW, settings = settings, expect = expect }
end

-- 先报出来，再来一版党员记录，看后来如何。
local function story(name, first, expect, second, day, after)
  return { name = name, steps = { { given = { first }, at = NOW, expect = expect },
                                  { given = second and { second } or {}, at = at(day), expect = after } } }
end

return {
  title    = "预备党员转正与组织关系跟踪",
  office   = "party_building",
  shape    = "STATE",
  also     = { "party_mass_center" },
  reads    = { "party_member" },
  settings = {
    remind_days       = { label = "期满前提醒", unit = "天", default = 30, min = 0, max = 365 },
    late_orange_days  = { label = "期满未转正超过（橙）", unit = "天", default = 30, min = 0, max = 365 },
    transfer_max_days = { label = "转出未接收超过", unit = "天", default = 90, min = 0, max = 365 },
  },

  every = {
    { at = "daily 07:00", over = "party_member", run = run },
    { at = "daily 07:00", run = sweep },
  },

  life = {
    due      = { close = "auto" },
    late     = { close = "auto", limits = { yellow = { close = "10wd" }, orange = { close = "5wd" } } },
    transfer = { close = "auto", limits = { close = "10wd" } },
  },

  examples = {
    case("还有26天期满，报蓝", probationer(), due "2020-08-10"),
    case("还有36天期满，不报", probationer { probation_end = "2020-08-20" }, {}),
    case("恰好还有30天，报蓝", probationer { probation_end = "2020-08-14" }, due "2020-08-14"),
    case("还有31天，不报", probationer { probation_end = "2020-08-15" }, {}),
    case("今天期满，报蓝", probationer { probation_end = "2020-07-15" }, due "2020-07-15"),
    case("昨天期满，报黄", probationer { probation_end = "2020-07-14" }, late "2020-07-14"),
    case("期满恰好30天，仍是黄", probationer { probation_end = "2020-06-15" }, late "2020-06-15"),
    case("期满31天，报橙", probationer { probation_end = "2020-06-14" }, late("2020-06-14", "orange")),
    case("延长过的看延长至", probationer { probation_end = "2020-05-01", extended_to = "2020-08-01" }, due "2020-08-01"),
    case("延长至还远，不报", probationer { probation_end = "2020-05-01", extended_to = "2021-01-01" }, {}),
    case("延长至也过了，报黄", probationer { probation_end = "2020-01-01", extended_to = "2020-07-01" }, late "2020-07-01"),
    case("已经转正，不报", probationer { transition_done_on = "2020-07-10" }, {}),
    case("正式党员，不报", probationer { status = "full" }, {}),
    case("已出党，不报", probationer { status = "removed" }, {}),
    case("转接中不算预备期", probationer { status = "transferring" }, {}),
    case("缺状态，不报", probationer { status = "" }, {}),
    case("缺期满日，不报", probationer { probation_end = "" }, {}),
    case("提醒天数改成20，26天不报", probationer(), {}, { remind_days = 20 }),
    case("转橙天数改成10，14天就报橙", probationer { probation_end = "2020-07-01" }, late("2020-07-01", "orange"),
         { late_orange_days = 10 }),

    case("转出91天未接收，报黄", moved(), stuck "2020-04-15"),
    case("恰好90天，不报", moved { transfer_out_on = "2020-04-16" }, {}),
    case("已接收，不报", moved { transfer_received_on = "2020-06-01" }, {}),
    case("没有转出，不报", moved { transfer_out_on = "" }, {}),
    case("正式党员转出未接收，也报", moved { status = "full" }, stuck "2020-04-15"),
    case("已出党的转出不报", moved { status = "removed" }, {}),
    case("转出而缺状态，不报", moved { status = "" }, {}),
    case("期限改成100天，91天不报", moved(), {}, { transfer_max_days = 100 }),
    case("同一人两样都有，报两条",
         probationer { transfer_out_on = "2020-04-01" },
         { { key = "M001|due|2020-08-10", level = "blue" }, { key = "M001|transfer|2020-04-01", level = "yellow" } }),

    story("第二天还是同一条", probationer(), due "2020-08-10", nil, "2020-07-16", due "2020-08-10"),
    story("到期变过期：蓝的办结，另报一条黄", probationer { probation_end = "2020-07-15" }, due "2020-07-15",
          nil, "2020-07-16", late "2020-07-15"),
    story("过期久了升为橙，还是同一条", probationer { probation_end = "2020-06-15" }, late "2020-06-15",
          nil, "2020-07-16", late("2020-06-15", "orange")),
    story("转正后办结", probationer(), due "2020-08-10", probationer { transition_done_on = "2020-07-15", status = "full" },
          "2020-07-16", {}),
    story("过期的转正后办结", probationer { probation_end = "2020-07-01" }, late "2020-07-01",
          probationer { probation_end = "2020-07-01", transition_done_on = "2020-07-15" }, "2020-07-16", {}),
    story("延长后办结", probationer { probation_end = "2020-07-01" }, late "2020-07-01",
          probationer { probation_end = "2020-07-01", extended_to = "2021-01-01" }, "2020-07-16", {}),
    story("只延长几天：旧的办结，按新期限再报", probationer { probation_end = "2020-07-01" }, late "2020-07-01",
          probationer { probation_end = "2020-07-01", extended_to = "2020-07-20" }, "2020-07-16", due "2020-07-20"),
    story("出党后办结", probationer { probation_end = "2020-07-01" }, late "2020-07-01",
          probationer { probation_end = "2020-07-01", status = "removed" }, "2020-07-16", {}),
    story("期满日后来缺了：看不见，挂着的不动", probationer(), due "2020-08-10",
          probationer { probation_end = "" }, "2020-07-16", due "2020-08-10"),
    story("接收后办结", moved(), stuck "2020-04-15", moved { transfer_received_on = "2020-07-15", status = "full" },
          "2020-07-16", {}),
    story("转出日改正了：旧的办结", moved(), stuck "2020-04-15", moved { transfer_out_on = "2020-06-15" }, "2020-07-16", {}),
    { name = "党员记录撤回后办结",
      steps = { { given = { probationer() }, at = NOW, expect = due "2020-08-10" },
                { removed = { { "party_member", "M001" } }, at = at "2020-07-16", expect = {} } } },
    { name = "人办结后，没有变化不再报；升级了再报",
      steps = { { given = { probationer { probation_end = "2020-06-15" } }, at = NOW, expect = late "2020-06-15" },
                { at = "2020-07-15T10:00:00+08:00",
                  actions = { { key = "M001|late|2020-06-15", action = "close", text = "支部已安排讨论" } }, expect = {} },
                { at = at "2020-07-16", expect = late("2020-06-15", "orange") },
                { at = "2020-07-16T10:00:00+08:00",
                  actions = { { key = "M001|late|2020-06-15", action = "close", text = "支部已安排讨论" } }, expect = {} },
                { at = at "2020-07-17", expect = {} } } },
  },
}
