--- 党费缴纳与组织生活缺席：连续几个月没有交党费，或支部有活动而连续几个月一次没到。
-- 给党建办：三个月提醒支部谈话，六个月按规定处理；补缴、到会、免缴或出党后自动办结。
local calendar = require "std.calendar"
local with     = require("std.example").with

local WINDOW = 12                            -- 至多往回数 12 个月

-- 要看的党员：正式或预备，上个月不在免缴期内。
local function in_scope(member, ctx)
  local counted = member.status == "full" or member.status == "probationary"
  return ctx:check("正式或预备党员", counted, "==", true)
     and (member.exempt_until == nil
          or ctx:check("免缴至", member.exempt_until, "<", calendar.add_months(ctx.month, -1)))
end

-- 从上个月往回，连续几个月没有党费记录；碰到免缴的月份为止。返回月数和最早的一个月。
local function unpaid(member, ctx)
  local n, first, month = 0, nil, ctx.month
  while n < WINDOW do
    month = calendar.add_months(month, -1)
    local exempt = member.exempt_until ~= nil and month <= member.exempt_until
    if exempt or ctx:find("party_dues", member.member_key, month) then break end
    n, first = n + 1, month
  end
  return n, first
end

-- 本支部各月的活动，这名党员到了没有：{ 月份 = "到会" 或 "缺席" 或 "不知"（有一次没有名单） }。没有活动的月份不在表里。
local function attendance(member, ctx)
  local months, oldest = {}, calendar.add_months(ctx.month, -WINDOW)
  for activity in ctx:each("party_activity", { branch_id = member.branch_id }) do
    local month = activity.held_on and activity.held_on <= ctx.today and calendar.month_of(activity.held_on)
    if month and month >= oldest and months[month] ~= "到会" then
      local came
      for _, who in ipairs(activity.attendees or {}) do came = came or who == member.member_key end
      if came then months[month] = "到会"
      elseif activity.attendees == nil then months[month] = "不知"
      else months[month] = months[month] or "缺席" end
    end
  end
  return months
end

-- 从上个月往回，支部有活动而一次没到的连续月数；没有活动的月份跳过。名单不全的月份不硬猜：数到那里为止，第三个返回值为真。
local function absent(member, ctx)
  if member.branch_id == nil then return 0, nil, true end
  local months = attendance(member, ctx)
  if months[ctx.month] == "到会" then return 0 end
  local n, first, blind = 0, nil, months[ctx.month] == "不知"
  local back = calendar.months_back(ctx.month, WINDOW)
  for i = #back, 1, -1 do
    local state = months[back[i]]
    if state == "到会" then break end
    if state == "不知" then return n, first, true end
    if state == "缺席" then n, first = n + 1, back[i] end
  end
  if blind then return 0, nil, true end      -- 本月也许到了
  return n, first
end

local KINDS = {
  dues     = { source = "party_dues", count = unpaid, label = "连续未交党费", words = "交纳党费" },
  activity = { source = "party_activity", count = absent, label = "连续未参加组织生活", words = "参加组织生活" },
}

local function level_of(n, label, ctx)
  local s = ctx.settings
  return ctx:check(label .. "（红）", n, ">=", s.red_months, "个月") and "red"
      or ctx:check(label .. "（橙）", n, ">=", s.orange_months, "个月") and "orange"
      or ctx:check(label .. "（黄）", n, ">=", s.yellow_months, "个月") and "yellow"
end

-- 判断一种：要报的返回 key、级别、月数。看不见时第二个返回值为真：数据停更的既不报也不销。
local function judge(member, kind, ctx)
  local k = KINDS[kind]
  if not ctx:alive(k.source) then
    ctx:unknown(kind == "dues" and "党费数据未按月维护" or "组织生活数据未按月维护")
    return nil, true
  end
  if not in_scope(member, ctx) then return nil end
  local n, first, blind = k.count(member, ctx)
  local level = level_of(n, k.label, ctx)
  if level then
    return { key = ("%s|%s|%s"):format(member.member_key, kind, first), level = level, n = n }
  end
  if blind then ctx:unknown("支部不明，或有的活动没有到会名单") end
  return nil, blind
end

local function run(member, ctx)
  for _, kind in ipairs { "dues", "activity" } do
    local found = judge(member, kind, ctx)
    if found then
      local text = ("党员%s已连续%d个月未%s"):format(member.member_key, found.n, KINDS[kind].words)
      ctx:alert {
        key = found.key, kind = kind, level = found.level, about = { "party_member", member.member_key },
        title = text, text = text,
        also = found.level == "red" and { "supervising_leader" } or nil,
      }
    end
  end
end

-- 报过的逐条再判：补缴了、到会了、免缴了、出党了，或最早的月份变了，就不再成立。
local function sweep(ctx)
  for _, alert in ipairs(ctx:alerts()) do
    ctx:subject("party_member", alert.about[2])
    local member, found, blind = ctx:find("party_member", alert.about[2]), nil, false
    if member then
      found, blind = judge(member, alert.kind, ctx)
    end
    if not blind and not (found and found.key == alert.key) then
      ctx:clear { key = alert.key, reason = "已补缴、到会、免缴或不再计算" }
    end
  end
end

local LIFE = { close = "auto", limits = { yellow = { close = "10wd" }, orange = { close = "5wd" }, red = { close = "5wd" } } }

-- 例子 ------------------------------------------------------------------------------------------

local function member(more)
  return { "party_member", with({ member_key = "M010", branch_id = "ZB01", community_id = "yuhangtanglu",
    status = "full" }, more) }
end

local function paid(month)
  return { "party_dues", { member_key = "M010", month = month, paid_on = month .. "-12", amount_cny = 20 } }
end

-- 支部的一次活动；谁到了写在后面。
local function held(day, ...)
  return { "party_activity", { activity_id = "A" .. day, branch_id = "ZB01", held_on = day, attendees = { ... } } }
end
local function held_without_list(day)
  return { "party_activity", { activity_id = "N" .. day, branch_id = "ZB01", held_on = day } }
end

local CATALOGUE = {
  dues     = { "dataset", { dataset_id = "DS_party_dues", name = "党费", owner_office = "party_building", cycle = "monthly" } },
  activity = { "dataset", { dataset_id = "DS_party_activity", name = "组织生活", owner_office = "party_building",
                            cycle = "monthly" } },
}
local function kept(set, at)
  return { "dataset_update", { update_id = "U" .. set .. at, dataset_id = "DS_" .. set, updated_at = at .. "T10:00:00+08:00",
                               rows = 300 } }
end

local NOW = "2020-07-05T08:00:00+08:00"
local function d5(month) return month .. "-05T08:00:00+08:00" end

local function dues(first, level) return { key = "M010|dues|" .. first, kind = "dues", level = level } end
local function activity(first, level) return { key = "M010|activity|" .. first, kind = "activity", level = level } end

local function case(name, given, expect, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = expect }
end

-- 党费一直交着，只看组织生活：每次活动依次列出。
local function life_case(name, activities, expect)
  local given = { member(), paid "2020-06" }
  for _, a in ipairs(activities) do given[#given + 1] = a end
  return case(name, given, expect)
end

-- 7 月 5 日因 4 至 6 月未交报黄，以后如何。
local OWING = { given = { member(), paid "2020-03" }, at = NOW, expect = { dues("2020-04", "yellow") } }
local function story(name, ...) return { name = name, steps = { OWING, ... } } end

-- 4 至 6 月各有一次活动没到，党费交着。
local ABSENTEE = { member(), held("2020-04-10"), held("2020-05-10"), held("2020-06-10"), paid "2020-06" }

-- 后来看不清了：挂着的不动。
local function blind_story(name, record)
  return { name = name .. "：看不见，挂着的不动",
           steps = { { given = ABSENTEE, at = NOW, expect = { activity("2020-04", "yellow") } },
                     { given = { paid "2020-07", record }, at = d5 "2020-08", expect = { activity("2020-04", "yellow") } } } }
end

return {
  title    = "党费缴纳与组织生活缺席",
  office   = "party_building",
  shape    = "ABS SUS",
  reads    = { "party_member", "party_dues", "party_activity" },
  settings = {
    yellow_months = { label = "连续未缴或缺席达到（黄）", unit = "个月", default = 3, min = 1, max = 12 },
    orange_months = { label = "连续未缴或缺席达到（橙）", unit = "个月", default = 5, min = 1, max = 12 },
    red_months    = { label = "连续未缴或缺席达到（红）", unit = "个月", default = 6, min = 1, max = 12 },
  },

  every = {
    { at = "monthly d5 08:00", over = "party_member", run = run },
    { at = "monthly d5 08:00", run = sweep },
  },

  life = { dues = LIFE, activity = LIFE },

  examples = {
    -- 党费
    case("4、5、6月未交，报黄", { member(), paid "2020-03" }, { dues("2020-04", "yellow") }),
    case("只有5、6两个月未交，不报", { member(), paid "2020-04" }, {}),
    case("四个月未交，仍是黄", { member(), paid "2020-02" }, { dues("2020-03", "yellow") }),
    case("五个月未交，报橙", { member(), paid "2020-01" }, { dues("2020-02", "orange") }),
    case("六个月未交，报红", { member(), paid "2019-12" }, { dues("2020-01", "red") }),
    case("一笔也没有，数到12个月为止，报红", { member() }, { dues("2019-07", "red") }),
    case("恰好12个月前交过，仍数到下一个月", { member(), paid "2019-07" }, { dues("2019-08", "red") }),
    case("中间交过一个月，只数它之后的", { member(), paid "2019-12", paid "2020-04" }, {}),
    case("上个月交了，前面欠的不连续，不报", { member(), paid "2020-06" }, {}),
    case("这个月交了不算，数的是上个月往回", { member(), paid "2020-03", paid "2020-07" }, { dues("2020-04", "yellow") }),
    case("预备党员也算", { member { status = "probationary" }, paid "2020-03" }, { dues("2020-04", "yellow") }),
    case("转接中的不算", { member { status = "transferring" }, paid "2020-03" }, {}),
    case("已出党的不算", { member { status = "removed" }, paid "2020-03" }, {}),
    case("缺状态，不报", { member { status = "" }, paid "2020-03" }, {}),
    case("免缴到上个月，不报", { member { exempt_until = "2020-06" } }, {}),
    case("免缴到以后，不报", { member { exempt_until = "2020-12" } }, {}),
    case("免缴到3月，只数之后的三个月，报黄", { member { exempt_until = "2020-03" } }, { dues("2020-04", "yellow") }),
    case("免缴到4月，只有两个月，不报", { member { exempt_until = "2020-04" } }, {}),
    case("别人的党费不算", { member(), { "party_dues", { member_key = "M011", month = "2020-06" } }, paid "2020-03" },
         { dues("2020-04", "yellow") }),
    case("门槛改成2个月", { member(), paid "2020-04" }, { dues("2020-05", "yellow") }, { yellow_months = 2 }),
    case("党费数据停更，不报", { CATALOGUE.dues, kept("party_dues", "2020-05-20"), member(), paid "2020-03" }, {}),
    case("党费数据进了目录而从未更新，不报", { CATALOGUE.dues, member(), paid "2020-03" }, {}),
    case("党费数据上月更新过，照报", { CATALOGUE.dues, kept("party_dues", "2020-06-01"), member(), paid "2020-03" },
         { dues("2020-04", "yellow") }),

    -- 组织生活
    life_case("三个月有活动都没到，报黄", { held("2020-04-10"), held("2020-05-10", "M011"), held("2020-06-10") },
              { activity("2020-04", "yellow") }),
    life_case("两个月没到，不报", { held("2020-05-10"), held("2020-06-10") }, {}),
    life_case("一个月里到过一次就算到", { held("2020-04-10"), held("2020-05-10"), held("2020-05-20", "M010"),
                                     held("2020-06-10") }, {}),
    life_case("先记到会的那次，再记没到的，也算到", { held("2020-04-10"), held("2020-05-10"), held("2020-06-10", "M010"),
                                            held("2020-06-20") }, {}),
    life_case("没有活动的月份跳过", { held("2020-01-10"), held("2020-03-10"), held("2020-06-10") },
              { activity("2020-01", "yellow") }),
    life_case("五个月没到，报橙", { held("2020-02-10"), held("2020-03-10"), held("2020-04-10"), held("2020-05-10"),
                             held("2020-06-10") }, { activity("2020-02", "orange") }),
    life_case("六个月没到，报红", { held("2020-01-10"), held("2020-02-10"), held("2020-03-10"), held("2020-04-10"),
                             held("2020-05-10"), held("2020-06-10") }, { activity("2020-01", "red") }),
    life_case("只看最近12个月：去年7月的算", { held("2019-07-10"), held("2020-05-10"), held("2020-06-10") },
              { activity("2019-07", "yellow") }),
    life_case("只看最近12个月：去年6月的不算", { held("2019-06-10"), held("2020-05-10"), held("2020-06-10") }, {}),
    life_case("这个月已到过，不报", { held("2020-04-10"), held("2020-05-10"), held("2020-06-10"), held("2020-07-02", "M010") },
              {}),
    life_case("今天刚到过，不报", { held("2020-04-10"), held("2020-05-10"), held("2020-06-10"), held("2020-07-05", "M010") }, {}),
    life_case("这个月有活动没到，不多算一个月", { held("2020-05-10"), held("2020-06-10"), held("2020-07-02") }, {}),
    life_case("这个月还没开的活动不算到会", { held("2020-04-10"), held("2020-05-10"), held("2020-06-10"),
                                     held("2020-07-20", "M010") }, { activity("2020-04", "yellow") }),
    life_case("支部没有活动，不报", {}, {}),
    life_case("没写开展日的活动不算", { held("2020-05-10"), held("2020-06-10"),
                                  { "party_activity", { activity_id = "A9", branch_id = "ZB01", attendees = {} } } }, {}),
    life_case("别的支部的活动不算", { held("2020-05-10"), held("2020-06-10"),
      { "party_activity", { activity_id = "A8", branch_id = "ZB02", held_on = "2020-04-10", attendees = {} } } }, {}),
    life_case("缺到会名单的月份不猜，数到那里为止", { held("2020-04-10"), held_without_list "2020-05-10", held("2020-06-10") }, {}),
    life_case("缺名单的月份之后已够三个月，照报", { held_without_list "2020-03-10", held("2020-04-10"), held("2020-05-10"),
                                        held("2020-06-10") }, { activity("2020-04", "yellow") }),
    life_case("缺名单，但同月另一次到了，算到", { held_without_list "2020-05-10", held("2020-05-20", "M010"), held("2020-04-10"),
                                      held("2020-06-10") }, {}),
    life_case("这个月的活动缺名单，也许到了，不报", { held("2020-04-10"), held("2020-05-10"), held("2020-06-10"),
                                        held_without_list "2020-07-02" }, {}),
    case("支部不明，不判断组织生活", { member { branch_id = "" }, paid "2020-06", held("2020-04-10"), held("2020-05-10"),
                               held("2020-06-10") }, {}),
    case("免缴期内也不报缺席", { member { exempt_until = "2020-06" }, held("2020-04-10"), held("2020-05-10"),
                          held("2020-06-10") }, {}),
    case("免缴只隔断党费，不隔断组织生活", { member { exempt_until = "2020-05" }, held("2020-04-10"), held("2020-05-10"),
                                 held("2020-06-10") }, { activity("2020-04", "yellow") }),
    case("组织生活停更，只报党费",
         { CATALOGUE.activity, kept("party_activity", "2020-05-20"), member(), paid "2020-03", held("2020-04-10"),
           held("2020-05-10"), held("2020-05-20") }, { dues("2020-04", "yellow") }),
    case("两样都有，各报各的", { member(), paid "2020-03", held("2020-02-10"), held("2020-03-10"), held("2020-04-10"),
                          held("2020-05-10"), held("2020-06-10") },
         { dues("2020-04", "yellow"), activity("2020-02", "orange") }),

    -- 后来
    story("再过两个月升为橙，再一个月升为红，都是同一条",
          { at = d5 "2020-08", expect = { dues("2020-04", "yellow") } },
          { at = d5 "2020-09", expect = { dues("2020-04", "orange") } },
          { at = d5 "2020-10", expect = { dues("2020-04", "red") } }),
    story("补缴一个月，不再连续，办结", { given = { paid "2020-06" }, at = d5 "2020-08", expect = {} }),
    story("补缴了最早的一个月，换成新的一条",
          { given = { paid "2020-04" }, at = d5 "2020-08", expect = { dues("2020-05", "yellow") } }),
    story("免缴后办结", { given = { member { exempt_until = "2020-12" } }, at = d5 "2020-08", expect = {} }),
    story("出党后办结", { given = { member { status = "removed" } }, at = d5 "2020-08", expect = {} }),
    story("党员记录撤回后办结", { removed = { { "party_member", "M010" } }, at = d5 "2020-08", expect = {} }),
    story("后来停更：既不升也不销",
          { given = { CATALOGUE.dues, kept("party_dues", "2020-07-01"), paid "2020-06", paid "2020-07", paid "2020-08" },
            at = d5 "2020-09", expect = { dues("2020-04", "yellow") } },
          { given = { kept("party_dues", "2020-09-20") }, at = d5 "2020-10", expect = {} }),
    story("人办结后，欠到橙才再报",
          { at = "2020-07-06T10:00:00+08:00", expect = {},
            actions = { { key = "M010|dues|2020-04", action = "close", text = "已谈话" } } },
          { at = d5 "2020-08", expect = {} },
          { at = d5 "2020-09", expect = { dues("2020-04", "orange") } }),
    { name = "人办结后，补缴过又撤回，再报", settings = { orange_months = 9, red_months = 10 },
      steps = { OWING,
                { at = "2020-07-06T10:00:00+08:00", expect = {},
                  actions = { { key = "M010|dues|2020-04", action = "close", text = "已谈话" } } },
                { given = { paid "2020-05", paid "2020-07" }, at = d5 "2020-08", expect = {} },
                { removed = { { "party_dues", "M010", "2020-05" }, { "party_dues", "M010", "2020-07" } },
                  at = d5 "2020-09", expect = { dues("2020-04", "yellow") } } } },
    { name = "到会后办结",
      steps = { { given = ABSENTEE, at = NOW, expect = { activity("2020-04", "yellow") } },
                { given = { paid "2020-07", held("2020-07-20", "M010") }, at = d5 "2020-08", expect = {} } } },
    { name = "本月初到会，当月就办结",
      steps = { { given = ABSENTEE, at = NOW, expect = { activity("2020-04", "yellow") } },
                { given = { paid "2020-07", held("2020-08-02", "M010") }, at = d5 "2020-08", expect = {} } } },
    blind_story("支部后来不明", member { branch_id = "" }),
    blind_story("下个月的活动没有到会名单", held_without_list "2020-07-10"),
    blind_story("这个月的活动没有到会名单", held_without_list "2020-08-02"),
  },
}
