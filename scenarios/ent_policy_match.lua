--- 惠企政策匹配：申报期内的政策，找出辖区里条件都符合而还没申领的企业，提醒送上门。
-- 给区域发展办和社区：离截止越近越急；申领了或过了截止日自动办结。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local text       = require "std.text"
local with       = require("std.example").with

local HOME = enterprise.HOME

local function in_period(policy, today)
  return policy.valid_from ~= nil and policy.apply_deadline ~= nil
     and policy.valid_from <= today and today <= policy.apply_deadline
end

local function industry_fits(policy, ent)
  local prefixes = policy.industry_prefixes or {}
  if #prefixes == 0 then return true end
  for _, prefix in ipairs(prefixes) do
    if ent.industry_code and text.starts_with(ent.industry_code, prefix) then return true end
  end
  return false
end

local function tags_fit(policy, ent)
  for _, tag in ipairs(policy.tags_all or {}) do
    if not text.contains(ent.tags, tag) then return false end
  end
  return true
end

-- 设了人数上下限而不知道人数，算不符合。
local function staff_fits(policy, ent, ctx)
  return (policy.staff_min == nil or ctx:check("从业人数下限", ent.staff_count, ">=", policy.staff_min))
     and (policy.staff_max == nil or ctx:check("从业人数上限", ent.staff_count, "<=", policy.staff_max))
end

local function tax_fits(policy, ent, ctx)
  return policy.tax_min_cny == nil
      or ctx:check("近12月税收", enterprise.tax_12m(ctx, ent.ent_id), ">=", policy.tax_min_cny)
end

-- 没申领过；只“已告知”的不算申领。
local function unclaimed(policy, ent, ctx)
  local claim = ctx:find("policy_claim", ent.ent_id, policy.policy_id)
  return claim == nil or claim.status == "notified"
end

-- 全部条件都符合。
local function fits(ent, policy, ctx)
  return ctx:check("在申报期内", in_period(policy, ctx.today), "==", true)
     and ctx:check("登记状态", ent.reg_status, "==", "active")
     and ctx:check("注册地街道", ent.reg_subdistrict, "==", HOME)
     and ctx:check("行业代码在适用范围内", industry_fits(policy, ent), "==", true)
     and ctx:check("须有标签都有", tags_fit(policy, ent), "==", true)
     and staff_fits(policy, ent, ctx)
     and (policy.established_before == nil
          or ctx:check("成立日期早于", ent.established_on, "<", policy.established_before))
     and tax_fits(policy, ent, ctx)
     and ctx:check("尚未申领", unclaimed(policy, ent, ctx), "==", true)
end

local function level_of(policy, days, ctx)
  if ctx:check("距截止（紧急）", days, "<=", ctx.settings.urgent_days)
     and ctx:check("预计额度", policy.est_benefit_cny, ">=", ctx.settings.big_benefit_cny) then return "orange" end
  return ctx:check("距截止", days, ">", ctx.settings.soon_days) and "blue" or "yellow"
end

local function match(ent, policy, ctx)
  if not in_period(policy, ctx.today) or not fits(ent, policy, ctx) then return end
  local days = calendar.days_between(ctx.today, policy.apply_deadline)
  local name, title = enterprise.name(ent), policy.title or policy.policy_id
  ctx:alert {
    key = ent.ent_id .. "|" .. policy.policy_id, kind = "match", level = level_of(policy, days, ctx),
    about = { "enterprise", ent.ent_id },
    title = ("%s 可申报《%s》"):format(name, text.cut(title, 20)),
    text  = ("%s符合《%s》，%s%s"):format(name, title, days == 0 and "今天截止" or days .. "天后截止",
      policy.est_benefit_cny and "，预计" .. text.yuan(policy.est_benefit_cny) or ""),
  }
end

-- 未了结的逐条再判：不再符合、已申领、已截止的就此办结。给了 policy_id 只看这一项政策。
local function sweep(ctx, policy_id)
  for _, a in ipairs(ctx:alerts { state = "open" }) do
    local ent_id = a.about[2]
    local id = a.key:sub(#ent_id + 2)
    if not policy_id or policy_id == id then
      ctx:subject("enterprise", ent_id)
      local ent, policy = enterprise.latest(ctx, ent_id), ctx:find("policy", id)
      if not (ent and policy and fits(ent, policy, ctx)) then
        local over = policy and policy.apply_deadline and policy.apply_deadline < ctx.today
        ctx:clear { key = a.key, reason = over and "已过申报截止日（过期）" or "已申领或不再符合条件" }
      end
    end
  end
end

local function on_policy(policy, ctx)
  sweep(ctx, policy.policy_id)
  if not in_period(policy, ctx.today) then return end
  for ent in ctx:each("enterprise", { reg_subdistrict = HOME }) do
    ctx:subject("enterprise", ent.ent_id)
    match(ent, policy, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function policy(more)
  return { "policy", with({ policy_id = "P1", title = "小微软件企业租金补助", industry_prefixes = { "64", "65" },
    tags_all = { "小微" }, staff_max = 100, valid_from = "2020-07-01", apply_deadline = "2020-07-31",
    est_benefit_cny = 30000 }, more) }
end

local function ent(more)
  return { "enterprise", with({ ent_id = "E12", snapshot_month = "2020-06", name = "示例软件有限公司",
    reg_subdistrict = "330105003", reg_status = "active", industry_code = "6513", staff_count = 42,
    tags = { "小微", "高新" } }, more) }
end

local function claim(status)
  return { "policy_claim", { ent_id = "E12", policy_id = "P1", status = status, at = "2020-07-14T10:00:00+08:00" } }
end

local function tax(cny)
  return { "tax_month", { ent_id = "E12", month = "2020-03", tax_cny = cny, tax_subdistrict = "330105003", declared = true } }
end

local function expect(level) return { { key = "E12|P1", kind = "match", level = level } } end

local NOW = "2020-07-15T07:30:00+08:00"

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = want }
end

return {
  title    = "惠企政策匹配",
  office   = "regional_dev",
  shape    = "LIST",
  reads    = { "policy", "enterprise", "policy_claim", "tax_month" },
  settings = {
    soon_days       = { label = "临近截止（黄）", unit = "天", default = 15, min = 0, max = 365 },
    urgent_days     = { label = "紧急（橙）", unit = "天", default = 5, min = 0, max = 365 },
    big_benefit_cny = { label = "大额补助不低于", unit = "元", default = 100000, min = 0 },
  },

  on    = { policy = on_policy },
  every = {
    { at = "daily 07:30", run = function(ctx) sweep(ctx) end },
    { at = "daily 07:30", over = "enterprise", where = { reg_subdistrict = HOME },
      run = function(ent_row, ctx)
        for p in ctx:each("policy", {}) do match(ent_row, p, ctx) end
      end },
  },

  life = {
    match = { close = "auto",
              limits = { blue = { notify = "5wd" }, yellow = { notify = "2wd" }, orange = { notify = "1wd" } } },
  },

  examples = {
    case("条件都符合、还有16天，报蓝", { policy(), ent() }, expect "blue"),
    case("人数超过上限，不报", { policy(), ent { staff_count = 142 } }, {}),
    case("人数恰好等于上限，报", { policy(), ent { staff_count = 100 } }, expect "blue"),
    case("设了上限而不知道人数，不报", { policy(), ent { staff_count = "" } }, {}),
    case("没设人数限制而不知道人数，报", { policy { staff_max = "" }, ent { staff_count = "" } }, expect "blue"),
    case("人数恰好等于下限，报", { policy { staff_min = 42 }, ent() }, expect "blue"),
    case("人数低于下限，不报", { policy { staff_min = 43 }, ent() }, {}),
    case("还有15天，报黄", { policy { apply_deadline = "2020-07-30" }, ent() }, expect "yellow"),
    case("还有5天但额度不大，仍是黄", { policy { apply_deadline = "2020-07-20" }, ent() }, expect "yellow"),
    case("还有5天、额度恰好10万元，报橙", { policy { apply_deadline = "2020-07-20", est_benefit_cny = 100000 }, ent() },
         expect "orange"),
    case("还有6天、额度10万元，仍是黄", { policy { apply_deadline = "2020-07-21", est_benefit_cny = 100000 }, ent() },
         expect "yellow"),
    case("还有5天、额度差一分钱，仍是黄", { policy { apply_deadline = "2020-07-20", est_benefit_cny = 99999.99 }, ent() },
         expect "yellow"),
    case("不知道额度，按天数报黄", { policy { apply_deadline = "2020-07-15", est_benefit_cny = "" }, ent() }, expect "yellow"),
    case("今天截止，还报", { policy { apply_deadline = "2020-07-15" }, ent() }, expect "yellow"),
    case("昨天截止，不报", { policy { apply_deadline = "2020-07-14" }, ent() }, {}),
    case("今天生效，报", { policy { valid_from = "2020-07-15" }, ent() }, expect "blue"),
    case("明天才生效，不报", { policy { valid_from = "2020-07-16" }, ent() }, {}),
    case("缺截止日，不报", { policy { apply_deadline = "" }, ent() }, {}),
    case("行业不符，不报", { policy(), ent { industry_code = "5179" } }, {}),
    case("政策不限行业，报", { policy { industry_prefixes = {} }, ent { industry_code = "" } }, expect "blue"),
    case("缺行业代码而政策限行业，不报", { policy(), ent { industry_code = "" } }, {}),
    case("少一个标签，不报", { policy { tags_all = { "小微", "规上" } }, ent() }, {}),
    case("政策不要标签，报", { policy { tags_all = {} }, ent { tags = "" } }, expect "blue"),
    case("注册在别处，不报", { policy(), ent { reg_subdistrict = "330106004" } }, {}),
    case("已注销，不报", { policy(), ent { reg_status = "cancelled" } }, {}),
    case("成立早于规定日，报", { policy { established_before = "2019-01-01" }, ent { established_on = "2018-12-31" } },
         expect "blue"),
    case("恰在规定日成立，不报", { policy { established_before = "2019-01-01" }, ent { established_on = "2019-01-01" } }, {}),
    case("不知道成立日，不报", { policy { established_before = "2019-01-01" }, ent() }, {}),
    case("近12月税收恰好达到，报", { policy { tax_min_cny = 10000 }, ent(), tax(10000) }, expect "blue"),
    case("近12月税收差一分钱，不报", { policy { tax_min_cny = 10000 }, ent(), tax(9999.99) }, {}),
    case("已告知还没申领，报", { policy(), ent(), claim "notified" }, expect "blue"),
    case("已申领，不报", { policy(), ent(), claim "applied" }, {}),
    case("已明确不申领，不报", { policy(), ent(), claim "declined" }, {}),
    case("政策一来就匹配，不等到次日", { ent(), policy() }, expect "blue", nil, "2020-07-15T10:00:00+08:00"),
    case("临近天数调到20天后报黄", { policy(), ent() }, expect "yellow", { soon_days = 20 }),
    { name = "申领之后，次日自动办结",
      steps = {
        { given = { policy(), ent() }, at = NOW, expect = expect "blue" },
        { given = { { "policy_claim", { ent_id = "E12", policy_id = "P1", status = "applied",
                                        at = "2020-07-15T15:00:00+08:00" } } },
          at = "2020-07-16T07:30:00+08:00", expect = {} },
      } },
    { name = "离截止越近级别越高，过期自动办结",
      steps = {
        { given = { policy { est_benefit_cny = 200000 }, ent() }, at = NOW, expect = expect "blue" },
        { at = "2020-07-16T07:30:00+08:00", expect = expect "yellow" },
        { at = "2020-07-26T07:30:00+08:00", expect = expect "orange" },
        { at = "2020-07-31T07:30:00+08:00", expect = expect "orange" },
        { at = "2020-08-01T07:30:00+08:00", expect = {} },
      } },
    { name = "注册地迁出后，次日自动办结",
      steps = {
        { given = { policy(), ent() }, at = NOW, expect = expect "blue" },
        { given = { ent { snapshot_month = "2020-07", reg_subdistrict = "330106004" } },
          at = "2020-07-16T07:30:00+08:00", expect = {} },
      } },
    { name = "政策改了条件，不再符合的当时办结",
      steps = {
        { given = { policy(), ent() }, at = NOW, expect = expect "blue" },
        { given = { policy { staff_max = 20 } }, at = "2020-07-15T10:00:00+08:00", expect = {} },
      } },
  },
}
