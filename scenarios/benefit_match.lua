--- 惠民待遇应享未享与不应享而享：每月初逐人核对上个月，符合条件而没有享受的请主动联系，已故、迁出后还在发的请停发追回。
-- 给公共服务办、社区和便民服务中心。限制类数据：告警里只有代号和待遇名称。
local calendar = require "std.calendar"
local with     = require("std.example").with

local GONE    = { deceased = "去世", moved_out = "迁出" }
local CLAIMED = { pending = true, approved = true, waived = true }

-- 到 day 那天满几周岁；2月29日生的，平年从3月1日起算满。
local function age_on(birth_date, day)
  if not birth_date then return nil end
  local years = tonumber(day:sub(1, 4)) - tonumber(birth_date:sub(1, 4))
  return day:sub(6) < birth_date:sub(6) and years - 1 or years
end

-- day 那天还在住：现在在住，或者那天之后才迁出、去世。
local function lived_here(resident, day)
  if resident.status == nil then return false end
  return resident.status == "present" or (resident.status_date ~= nil and resident.status_date > day)
end

-- 到 day 那天符合这项待遇的全部条件。
local function is_eligible(resident, rule, day, ctx)
  return ctx:check("当时在住", lived_here(resident, day), "==", true)
     and (rule.age_min == nil or ctx:check("周岁", age_on(resident.birth_date, day), ">=", rule.age_min, "岁"))
     and (rule.hukou_required ~= true or ctx:check("户籍", resident.hukou, "==", "local"))
     and (rule.disability_max_level == nil
          or ctx:check("残疾等级", resident.disability_level, "<=", rule.disability_max_level, "级"))
     and (rule.low_income_required ~= true or ctx:check("低收入", resident.low_income, "==", true))
end

-- 到 month 为止连着几个月符合条件而没有发放（至多数到 most）；已经申请、获批或本人放弃的为 0。
local function unclaimed_months(resident, rule, month, most, ctx)
  if rule.active == false then return 0 end
  local n = 0
  while n < most do
    local m = calendar.add_months(month, -n)
    if not is_eligible(resident, rule, calendar.first_day(m), ctx)
       or ctx:check(m .. "已发放", ctx:find("benefit_payment", resident.person_key, rule.benefit_id, m) ~= nil, "==", true) then
      break
    end
    if n == 0 then
      local asked = ctx:find("benefit_application", resident.person_key, rule.benefit_id)
      if ctx:check("已申请、获批或放弃", asked ~= nil and CLAIMED[asked.status] == true, "==", true) then break end
    end
    n = n + 1
  end
  return n
end

local function unclaimed_key(person_key, benefit_id) return ("%s|%s|unclaimed"):format(person_key, benefit_id) end

local function judge_unclaimed(resident, rule, month, ctx)
  local most = ctx.settings.yellow_months
  local n = unclaimed_months(resident, rule, month, most, ctx)
  if n == 0 then return end
  if not ctx:alive("benefit_payment") then return ctx:unknown("待遇发放数据停更，不判断应享未享") end
  local person, name = resident.person_key, rule.name or rule.benefit_id
  ctx:alert {
    key = unclaimed_key(person, rule.benefit_id), kind = "unclaimed", about = { "resident", person },
    level = ctx:check("连续未享受", n, ">=", most, "个月") and "yellow" or "blue",
    title = ("应享未享：%s"):format(name), text = ("%s符合%s未享受，请主动联系"):format(person, name),
  }
end

-- 已故、迁出早于该月，该月却还有发放。
local function judge_overpaid(resident, month, ctx)
  if not GONE[resident.status]
     or not ctx:check("迁出或去世日", resident.status_date, "<", calendar.first_day(month)) then return end
  local person = resident.person_key
  for paid in ctx:each("benefit_payment", { person_key = person, month = month }, { all = true }) do
    local rule = ctx:find("benefit_rule", paid.benefit_id)
    local name = rule and rule.name or paid.benefit_id
    ctx:alert {
      key = ("%s|%s|overpaid|%s"):format(person, paid.benefit_id, month), kind = "overpaid", level = "orange",
      about = { "resident", person }, title = ("不应享而享：%s"):format(name),
      text = ("%s%s后仍发放%s"):format(person, GONE[resident.status], name),
    }
  end
end

local function run(resident, ctx)
  local month = calendar.add_months(ctx.month, -1)
  for rule in ctx:each("benefit_rule", {}) do judge_unclaimed(resident, rule, month, ctx) end
  judge_overpaid(resident, month, ctx)
end

-- 挂着的应享未享：已经申请、已经发放或不再符合条件的，销掉。
local function run_solved(ctx)
  if not ctx:alive("benefit_payment") then return end
  local month = calendar.add_months(ctx.month, -1)
  for _, a in ipairs(ctx:alerts { kind = "unclaimed" }) do
    local person = a.about[2]
    if not a.normal then
      ctx:subject("resident", person)
      local resident = ctx:find("resident", person)
      local rule = ctx:find("benefit_rule", a.key:sub(#person + 2, -#"|unclaimed" - 1))
      if not (resident and rule) or unclaimed_months(resident, rule, month, 1, ctx) == 0 then
        ctx:clear { key = a.key, reason = "已申请、已发放，或不再符合条件" }
      end
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function resident(more)
  return { "resident", with({ person_key = "P29", birth_date = "1940-05-20", community_id = "mingzhengong", hukou = "local",
    status = "present", low_income = false }, more) }
end

local function rule(more)
  return { "benefit_rule", with({ benefit_id = "aged80", name = "高龄津贴(80周岁)", age_min = 80, hukou_required = true,
    low_income_required = false, active = true }, more) }
end

local function disability(more)
  return rule(with({ benefit_id = "care12", name = "重残护理补贴", age_min = "", disability_max_level = 2 }, more))
end

local function paid(month, benefit, person)
  return { "benefit_payment", { person_key = person or "P29", benefit_id = benefit or "aged80", month = month,
                                amount_cny = 100 } }
end

local function asked(status, more)
  return { "benefit_application", with({ person_key = "P29", benefit_id = "aged80", applied_on = "2020-06-20", status = status },
                                       more) }
end

local function expect(level, benefit) return { { key = ("P29|%s|unclaimed"):format(benefit or "aged80"), kind = "unclaimed",
                                                 level = level } } end
local function overpaid(month) return { { key = "P29|aged80|overpaid|" .. (month or "2020-06"), kind = "overpaid",
                                          level = "orange" } } end

local JULY = "2020-07-03T08:00:00+08:00"
local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or JULY, settings = settings, expect = want }
end

local function born(day) return { rule(), resident { birth_date = day } } end
local function disabled(level, more) return { disability(more), resident { disability_level = level } } end
local function moved(status, day, more) return { rule(), resident(with({ status = status, status_date = day }, more)) } end

local function crowd(n)
  local given = { rule() }
  for i = 1, n do given[#given + 1] = resident { person_key = ("Q%03d"):format(i) } end
  return given
end

local function crowd_keys(n)
  local list = {}
  for i = 1, n do list[i] = { key = ("Q%03d|aged80|unclaimed"):format(i), kind = "unclaimed", level = "blue" } end
  return list
end

local CATALOGUE = { "dataset", { dataset_id = "DS_benefit_payment", name = "待遇发放", owner_office = "public_service",
                                 cycle = "monthly" } }
local function kept(day)
  return { "dataset_update", { update_id = "U1", dataset_id = "DS_benefit_payment", updated_at = day .. "T20:00:00+08:00",
                               rows = 9 } }
end

return {
  title    = "惠民待遇应享未享与不应享而享",
  office   = "public_service",
  shape    = "LIST JOIN",
  also     = { "service_center" },
  reads    = { "resident", "benefit_rule", "benefit_payment", "benefit_application" },
  settings = {
    yellow_months = { label = "连续未享受达到几个月报黄", unit = "个月", default = 3, min = 2, max = 24 },
  },

  bulk_guard = true,
  every = {
    { at = "monthly d3 08:00", over = "resident", run = run },
    { at = "monthly d3 08:00", run = run_solved },
  },

  life = {
    unclaimed = { close = "auto", limits = { close = "10wd" } },
    overpaid  = { close = "evidence", evidence = { "note" }, limits = { close = "5wd" } }, -- 写明已停发，追回或更正
  },

  examples = {
    case("6月1日已满80周岁、没有享受，报蓝", born "1940-05-20", expect "blue"),
    case("6月15日才满80周岁，不报", born "1940-06-15", {}),
    case("6月1日当天满80周岁，报蓝", born "1940-06-01", expect "blue"),
    case("6月2日才满80周岁，不报", born "1940-06-02", {}),
    case("5月1日就满80周岁，连续两个月，仍是蓝", born "1940-05-01", expect "blue"),
    case("4月2日满80周岁，5月、6月两个月，仍是蓝", born "1940-04-02", expect "blue"),
    case("4月1日满80周岁，连续三个月，报黄", born "1940-04-01", expect "yellow"),
    case("早就满了80周岁，报黄", born "1935-01-01", expect "yellow"),
    case("黄色标准改成两个月，报黄", born "1940-05-01", expect "yellow", { yellow_months = 2 }),
    case("2月29日生，闰年3月1日已满", born "1940-02-29", expect "blue", nil, "2020-04-03T08:00:00+08:00"),
    case("2月29日生，2月1日未满", born "1940-02-29", {}, nil, "2020-03-03T08:00:00+08:00"),
    case("2月29日生，平年3月1日算满", { rule { age_min = 81 }, resident { birth_date = "1940-02-29" } }, expect "blue", nil,
         "2021-04-03T08:00:00+08:00"),
    case("一月判断的是去年十二月", born "1939-12-01", expect "blue", nil, "2020-01-03T08:00:00+08:00"),
    case("没有出生日期，不报", { rule(), resident { birth_date = "" } }, {}),
    case("没有年龄要求的，不看出生日期", { disability(), resident { birth_date = "", disability_level = 1 } },
         expect("yellow", "care12")),

    case("流动人口，不报", { rule(), resident { hukou = "floating" } }, {}),
    case("不知道户籍，不报", { rule(), resident { hukou = "" } }, {}),
    case("不要求户籍的，流动人口也报", { rule { hukou_required = false }, resident { hukou = "floating" } }, expect "blue"),
    case("残疾1级，报", disabled(1), expect("yellow", "care12")),
    case("残疾恰好2级，报", disabled(2), expect("yellow", "care12")),
    case("残疾3级，不报", disabled(3), {}),
    case("没有残疾等级，不报", disabled(nil), {}),
    case("要求低收入而不是，不报", { rule { low_income_required = true }, resident() }, {}),
    case("要求低收入而不知道，不报", { rule { low_income_required = true }, resident { low_income = "" } }, {}),
    case("低收入的，报", { rule { low_income_required = true }, resident { low_income = true } }, expect "blue"),
    case("待遇已停用，不报", { rule { active = false }, resident() }, {}),
    case("两项待遇都符合，两条", { rule(), disability { name = "" }, resident { disability_level = 1 } },
         { expect("blue")[1], expect("yellow", "care12")[1] }),

    case("6月已发放，不报", { rule(), resident(), paid "2020-06" }, {}),
    case("只发了5月，6月没有，报蓝", { rule(), resident { birth_date = "1935-01-01" }, paid "2020-05" }, expect "blue"),
    case("4月发过，5月、6月没有，仍是蓝", { rule(), resident { birth_date = "1935-01-01" }, paid "2020-04" }, expect "blue"),
    case("3月发过，4月起三个月没有，报黄", { rule(), resident { birth_date = "1935-01-01" }, paid "2020-03" }, expect "yellow"),
    case("7月发的不算6月", { rule(), resident(), paid "2020-07" }, expect "blue"),
    case("发的是别的待遇，报", { rule(), resident(), paid("2020-06", "other") }, expect "blue"),
    case("申请审核中，不报", { rule(), resident(), asked "pending" }, {}),
    case("申请已批准，不报", { rule(), resident(), asked "approved" }, {}),
    case("本人放弃，不报", { rule(), resident(), asked "waived" }, {}),
    case("申请没有通过，报", { rule(), resident(), asked "refused" }, expect "blue"),
    case("申请没写结果，报", { rule(), resident(), asked(nil) }, expect "blue"),
    case("申请的是别的待遇，报", { rule(), resident(), asked("pending", { benefit_id = "other" }) }, expect "blue"),

    case("6月1日之前已迁出，不报", moved("moved_out", "2020-05-31"), {}),
    case("6月1日当天迁出，不报", moved("moved_out", "2020-06-01"), {}),
    case("6月2日才迁出，6月符合，报", moved("moved_out", "2020-06-02"), expect "blue"),
    case("6月20日去世，6月符合，报", moved("deceased", "2020-06-20"), expect "blue"),
    case("迁出而不知道哪天，不报", moved("moved_out", ""), {}),
    case("不知道是否在住，不报", moved("", ""), {}),

    case("5月底去世，6月还发，报橙", { moved("deceased", "2020-05-31")[1], moved("deceased", "2020-05-31")[2], paid "2020-06" },
         overpaid()),
    case("5月底迁出，6月还发，报橙", { rule { name = "" }, moved("moved_out", "2020-05-31")[2], paid "2020-06" }, overpaid()),
    case("6月1日当天去世，6月发放不算", { rule(), moved("deceased", "2020-06-01")[2], paid "2020-06" }, {}),
    case("去世后6月没有发放，不报", { rule(), moved("deceased", "2020-04-30")[2], paid "2020-05" }, {}),
    case("不知道哪天去世，不报", { rule(), moved("deceased", "")[2], paid "2020-06" }, {}),
    case("在住的照发，不报", { rule(), resident(), paid "2020-06" }, {}),
    case("停用了的、不在目录里的待遇，多发也报",
         { rule { active = false }, moved("deceased", "2020-05-31")[2], paid "2020-06", paid("2020-06", "old") },
         { overpaid()[1], { key = "P29|old|overpaid|2020-06", level = "orange" } }),

    case("发放数据停更，不判断应享未享", { CATALOGUE, kept "2020-05-31", rule(), resident() }, {}),
    case("发放数据上月更新过，照常判断", { CATALOGUE, kept "2020-06-01", rule(), resident() }, expect "blue"),
    case("发放数据停更，多发照报", { CATALOGUE, kept "2020-05-31", rule(), moved("deceased", "2020-05-31")[2], paid "2020-06" },
         overpaid()),

    case("一次200人，逐人报", crowd(200), crowd_keys(200)),
    case("一次201人，只报一条总的", crowd(201), { { key = "bulk_guard|2020-07-03", level = "orange" } }),

    { name = "月月看是同一条，满三个月升为黄；申请后下次销；被拒后再报",
      steps = {
        { given = { rule(), resident() }, at = JULY, expect = expect "blue" },
        { at = "2020-08-03T08:00:00+08:00", expect = expect "blue" },
        { at = "2020-09-03T08:00:00+08:00", expect = expect "yellow" },
        { given = { asked "pending" }, at = "2020-09-10T08:00:00+08:00", expect = expect "yellow" },
        { at = "2020-10-03T08:00:00+08:00", expect = {} },
        { given = { asked "refused" }, at = "2020-11-03T08:00:00+08:00", expect = expect "yellow" },
      } },
    { name = "发放后下次销",
      steps = {
        { given = { rule(), resident() }, at = JULY, expect = expect "blue" },
        { given = { paid "2020-07" }, at = "2020-08-03T08:00:00+08:00", expect = {} },
      } },
    { name = "停更时不报不销，恢复后销",
      steps = {
        { given = { CATALOGUE, kept "2020-07-01", rule(), resident() }, at = JULY, expect = expect "blue" },
        { given = { paid "2020-08" }, at = "2020-09-03T08:00:00+08:00", expect = expect "blue" },
        { given = { paid "2020-09", { "dataset_update", { update_id = "U2", dataset_id = "DS_benefit_payment", rows = 9,
                                                          updated_at = "2020-09-20T20:00:00+08:00" } } },
          at = "2020-10-03T08:00:00+08:00", expect = {} },
      } },
    { name = "待遇停用、居民档案撤下，下次都销",
      steps = {
        { given = { rule(), disability(), resident { disability_level = 1 } }, at = JULY,
          expect = { expect("blue")[1], expect("yellow", "care12")[1] } },
        { given = { rule { active = false } }, at = "2020-08-03T08:00:00+08:00", expect = expect("yellow", "care12") },
        { removed = { { "resident", "P29" } }, at = "2020-09-03T08:00:00+08:00", expect = {} },
      } },
    { name = "人工办结后，没有变化不再报；满三个月升级时再报",
      steps = {
        { given = { rule(), resident() }, at = JULY, expect = expect "blue" },
        { actions = { { key = "P29|aged80|unclaimed", action = "close", text = "已上门说明" } },
          at = "2020-08-03T08:00:00+08:00", expect = {} },
        { at = "2020-09-03T08:00:00+08:00", expect = expect "yellow" },
      } },
    { name = "多发的等停发和追回的说明；下个月还发是新的一条",
      steps = {
        { given = { rule(), moved("deceased", "2020-05-31")[2], paid "2020-06" }, at = JULY, expect = overpaid() },
        { given = { paid "2020-07" }, at = "2020-08-03T08:00:00+08:00",
          expect = { overpaid()[1], overpaid("2020-07")[1] } },
        { actions = { { key = "P29|aged80|overpaid|2020-06", action = "close", text = "已停发并追回" } },
          at = "2020-09-03T08:00:00+08:00", expect = overpaid "2020-07" },
      } },
  },
}
