--- 两新组织党建覆盖：辖区企业有党员而没有党组织，或规模大而一名党员、一个指导员也没有。
-- 给党建办和党群服务中心：上门指导单独组建、联合组建，或派党建指导员。
local enterprise = require "std.enterprise"
local with       = require("std.example").with

local KINDS = {
  no_org        = { level = "orange", title = "应建未建党组织" },
  not_joined    = { level = "yellow", title = "党员未纳入党组织" },
  no_instructor = { level = "blue", title = "未派党建指导员" },
}
local COVERAGE = { own = "单独组建", joint = "联合组建", none = "未覆盖" }

-- 没有台账的企业，当作没有党员、没有覆盖、没有指导员。
local function ledger(party)
  if party then return party.full_members, party.coverage, party.instructor_id end
  return 0, "none", nil
end

-- 一家企业只报最高的一种；不该报为 nil。台账缺项、人数不明时第二个返回值为真。
local function judge(ent, party, ctx)
  local members, coverage, instructor = ledger(party)
  if coverage == nil then return nil, true end
  if not ctx:check("党组织覆盖", coverage, "==", "none") then return nil end
  if members == nil then return nil, true end
  if ctx:check("正式党员（应建组织）", members, ">=", ctx.settings.org_min_members, "人") then return "no_org" end
  if ctx:check("正式党员", members, ">=", 1, "人") then return "not_joined" end
  if not ctx:check("已派党建指导员", instructor ~= nil, "==", false) then return nil end
  if ent.staff_count == nil then return nil, true end
  if ctx:check("从业人数", ent.staff_count, ">=", ctx.settings.big_staff, "人") then return "no_instructor" end
end

local function raise(ent, party, kind, ctx)
  local members, coverage = ledger(party)
  local name = enterprise.name(ent)
  ctx:alert {
    key = ent.ent_id .. "|" .. kind, kind = kind, level = KINDS[kind].level, about = { "enterprise", ent.ent_id },
    title = ("%s %s"):format(name, KINDS[kind].title),
    text  = ("%s有正式党员%d名，党组织覆盖：%s"):format(name, members, COVERAGE[coverage]),
  }
end

-- 除 kind 之外的都不再成立。
local function clear_others(ent_id, kind, ctx)
  for other in pairs(KINDS) do
    if other ~= kind then
      ctx:clear { key = ent_id .. "|" .. other, reason = "已覆盖、已派指导员或情况有变" }
    end
  end
end

local function run(ent, ctx)
  local kind, blind
  if ctx:check("经营地街道", ent.op_subdistrict, "==", enterprise.HOME)
     and ctx:check("登记状态", ent.reg_status, "==", "active") then
    local party = ctx:find("ent_party", ent.ent_id)
    kind, blind = judge(ent, party, ctx)
    if blind then return ctx:unknown("党建台账缺党员数、覆盖方式，或企业缺从业人数") end
    if kind then raise(ent, party, kind, ctx) end
  end
  clear_others(ent.ent_id, kind, ctx)
end

-- 企业登记撤回，一份快照也没有了。
local function on_withdrawn(ent, ctx)
  if not enterprise.latest(ctx, ent.ent_id) then clear_others(ent.ent_id, nil, ctx) end
end

local function life(days) return { close = "auto", limits = { visit = "5wd", close = days } } end

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330105TEST000031"

local function ent(more)
  return { "enterprise", with({ ent_id = ID, snapshot_month = "2020-06", name = "示例软件有限公司",
    reg_subdistrict = "330105003", op_subdistrict = "330105003", community_id = "changzhengqiao", reg_status = "active",
    industry_code = "6513", staff_count = 66, tags = { "规上" } }, more) }
end

local function party(members, coverage, more)
  return { "ent_party", with({ ent_id = ID, as_of = "2020-06-30", full_members = members, coverage = coverage }, more) }
end

local NOW, NEXT = "2020-07-06T08:00:00+08:00", "2020-08-06T08:00:00+08:00"
local NO_ORG        = { { key = ID .. "|no_org", kind = "no_org", level = "orange" } }
local NOT_JOINED    = { { key = ID .. "|not_joined", kind = "not_joined", level = "yellow" } }
local NO_INSTRUCTOR = { { key = ID .. "|no_instructor", kind = "no_instructor", level = "blue" } }

local function case(name, given, expect, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = expect }
end

local function story(name, given, expect, later, after)
  return { name = name, steps = { { given = given, at = NOW, expect = expect },
                                  { given = later, at = NEXT, expect = after } } }
end

local function many(n)
  local list = {}
  for i = 1, n do list[i] = ent { ent_id = ("E%03d"):format(i), name = ("示例%d号有限公司"):format(i) } end
  return list
end

return {
  title    = "两新组织党建覆盖",
  office   = "party_building",
  shape    = "JOIN",
  also     = { "party_mass_center" },
  reads    = { "enterprise", "ent_party" },
  settings = {
    org_min_members = { label = "正式党员达到几名应建组织", unit = "人", default = 3, min = 2, max = 50 },
    big_staff       = { label = "从业人数达到多少应派指导员", unit = "人", default = 50, min = 1 },
  },

  bulk_guard = true,
  every   = { { at = "monthly d6 08:00", over = "enterprise", run = run } },
  removed = { enterprise = on_withdrawn },
  rejudge = { ent_party = "ent_id" },

  life = { no_org = life "40wd", not_joined = life "20wd", no_instructor = life "20wd" },

  examples = {
    case("四名党员没有组织，报橙", { ent(), party(4, "none") }, NO_ORG),
    case("已联合组建，不报", { ent(), party(4, "joint", { org_id = "LH02" }) }, {}),
    case("已单独组建，不报", { ent(), party(4, "own", { org_id = "DZB9" }) }, {}),
    case("恰好三名，报橙", { ent(), party(3, "none") }, NO_ORG),
    case("两名，报黄", { ent(), party(2, "none") }, NOT_JOINED),
    case("一名，报黄", { ent(), party(1, "none") }, NOT_JOINED),
    case("两名而已联合组建，不报", { ent(), party(2, "joint") }, {}),
    case("人数门槛改成5，四名报黄", { ent(), party(4, "none") }, NOT_JOINED, { org_min_members = 5 }),
    case("派了指导员，党员应建组织的照报", { ent(), party(4, "none", { instructor_id = "ZD1" }) }, NO_ORG),
    case("没有党员、66人、没有指导员，报蓝", { ent(), party(0, "none") }, NO_INSTRUCTOR),
    case("没有台账，也报蓝", { ent() }, NO_INSTRUCTOR),
    case("恰好50人，报蓝", { ent { staff_count = 50 }, party(0, "none") }, NO_INSTRUCTOR),
    case("49人，不报", { ent { staff_count = 49 }, party(0, "none") }, {}),
    case("人数门槛改成70，66人不报", { ent(), party(0, "none") }, {}, { big_staff = 70 }),
    case("派了指导员，不报", { ent(), party(0, "none", { instructor_id = "ZD1" }) }, {}),
    case("没有党员但已联合覆盖，不报", { ent(), party(0, "joint") }, {}),
    case("没有台账又不知道人数，不报", { ent { staff_count = "" } }, {}),
    case("台账缺党员数，不报", { ent(), party(nil, "none") }, {}),
    case("台账缺党员数而已覆盖，不报", { ent(), party(nil, "own") }, {}),
    case("台账缺覆盖方式，不报", { ent(), party(4, nil) }, {}),
    case("经营地在外，不报", { ent { op_subdistrict = "330106004" }, party(4, "none") }, {}),
    case("经营地不明，不报", { ent { op_subdistrict = "" }, party(4, "none") }, {}),
    case("税在外、经营地在本街道，报", { ent { tax_subdistrict = "330106004" }, party(4, "none") }, NO_ORG),
    case("已注销，不报", { ent { reg_status = "cancelled" }, party(4, "none") }, {}),
    case("缺登记状态，不报", { ent { reg_status = "" }, party(4, "none") }, {}),
    case("只有台账没有企业登记，不报", { party(4, "none") }, {}),
    case("看最新一期台账，不看到达先后", { ent(), party(4, "joint"), party(4, "none", { as_of = "2020-05-31" }) }, {}),
    case("看最新一期登记：已搬走的不报",
         { ent { snapshot_month = "2020-07", op_subdistrict = "330106004" }, ent(), party(4, "none") }, {}),
    case("一次200家，一家一条", many(200), (function()
      local list = {}
      for i = 1, 200 do list[i] = { key = ("E%03d|no_instructor"):format(i), level = "blue" } end
      return list
    end)()),
    case("一次201家，只报一条总的", many(201), { { key = "bulk_guard|2020-07-06", level = "orange" } }),

    story("下个月还是同一条", { ent(), party(4, "none") }, NO_ORG, {}, NO_ORG),
    story("建了组织，办结", { ent(), party(4, "none") }, NO_ORG, { party(4, "own", { as_of = "2020-07-31" }) }, {}),
    story("党员由两名到三名，换成橙的一条", { ent(), party(2, "none") }, NOT_JOINED,
          { party(3, "none", { as_of = "2020-07-31" }) }, NO_ORG),
    story("党员由四名到两名，换成黄的一条", { ent(), party(4, "none") }, NO_ORG,
          { party(2, "none", { as_of = "2020-07-31" }) }, NOT_JOINED),
    story("派了指导员，蓝的办结", { ent(), party(0, "none") }, NO_INSTRUCTOR,
          { party(0, "none", { as_of = "2020-07-31", instructor_id = "ZD1" }) }, {}),
    story("人数降到49，蓝的办结", { ent() }, NO_INSTRUCTOR, { ent { snapshot_month = "2020-07", staff_count = 49 } }, {}),
    story("企业搬走，办结", { ent(), party(4, "none") }, NO_ORG,
          { ent { snapshot_month = "2020-07", op_subdistrict = "330106004" } }, {}),
    story("台账后来缺项：看不见，挂着的不动", { ent(), party(4, "none") }, NO_ORG,
          { party(nil, "none", { as_of = "2020-07-31" }) }, NO_ORG),
    story("覆盖方式后来缺了：看不见，挂着的不动", { ent(), party(4, "none") }, NO_ORG,
          { party(4, nil, { as_of = "2020-07-31" }) }, NO_ORG),
    story("从业人数后来缺了：看不见，挂着的不动", { ent() }, NO_INSTRUCTOR,
          { ent { snapshot_month = "2020-07", staff_count = "" } }, NO_INSTRUCTOR),
    { name = "企业登记撤回，办结；还有早先快照的不动",
      steps = { { given = { ent(), ent { snapshot_month = "2020-05" }, party(4, "none") }, at = NOW, expect = NO_ORG },
                { removed = { { "enterprise", ID, "2020-06" } }, at = "2020-07-07T09:00:00+08:00", expect = NO_ORG },
                { removed = { { "enterprise", ID, "2020-05" } }, at = "2020-07-08T09:00:00+08:00", expect = {} } } },
    { name = "当天的台账晚到一小时：改按新台账判断",
      steps = { { given = { ent() }, at = NOW, expect = NO_INSTRUCTOR },
                { given = { party(3, "none", { as_of = "2020-07-06" }) }, at = "2020-07-06T09:00:00+08:00", expect = NO_ORG } } },
    { name = "人办结后，台账没有变化不再报；有了新一期仍未覆盖再报",
      steps = { { given = { ent(), party(4, "none") }, at = NOW, expect = NO_ORG },
                { at = "2020-07-10T09:00:00+08:00", actions = { { key = ID .. "|no_org", action = "close", text = "已走访" } },
                  expect = {} },
                { at = NEXT, expect = {} },
                { given = { party(4, "none", { as_of = "2020-08-31" }) }, at = "2020-09-06T08:00:00+08:00", expect = NO_ORG } } },
  },
}
