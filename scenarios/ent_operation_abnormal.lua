--- 企业经营情况异常：月营收比去年同月下降超过阈值、连续零税申报、用电骤降、列入经营异常名录。
-- 给区域发展办：立刻上门走访；有困难的帮扶，30天内再访一次，否则重新挂起。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local stats      = require "std.stats"
local text       = require "std.text"
local with       = require("std.example").with

local HOME = enterprise.HOME

-- 某月（或当年一月到该月）营收合计；缺任何一个月就是不知道。
local function income(ent_id, month, basis, ctx)
  local total = 0
  for _, m in ipairs(calendar.months(basis == "ytd" and month:sub(1, 4) .. "-01" or month, month)) do
    local r = ctx:find("ent_income", ent_id, m)
    if not (r and r.income_cny) then return nil end
    total = total + r.income_cny
  end
  return stats.round(total)
end

-- 营收同比下降：返回级别和文字。
local function income_signal(ent_id, month, ctx)
  local s = ctx.settings
  local prev = income(ent_id, calendar.add_months(month, -12), s.basis, ctx)
  local cur = income(ent_id, month, s.basis, ctx)
  if not (prev and cur) then return ctx:unknown("缺少本期或去年同期营收") end
  local drop = stats.percent_drop(prev, cur)
  if ctx:check("去年同期营收", prev, ">=", s.base_min_cny) and ctx:check("营收同比降幅", drop, ">", s.income_drop_pct) then
    local level = ctx:check("营收同比降幅（严重）", drop, ">", s.income_drop_orange_pct) and "orange" or "yellow"
    return level, ("%s%s营收同比下降%s"):format(text.month(month), s.basis == "ytd" and "累计" or "", text.percent(drop))
  end
end

-- 连续零税申报，而之前12个月里有过税。
local function zero_signal(ent_id, month, ctx)
  local n, zeros = ctx.settings.zero_months, 0
  for i = 0, n - 1 do
    local t = ctx:find("tax_month", ent_id, calendar.add_months(month, -i))
    if not (t and t.declared == true and t.tax_cny == 0) then break end
    zeros = zeros + 1
  end
  if not ctx:check("连续零税申报", zeros, ">=", n) then return end
  for _, m in ipairs(calendar.months_back(calendar.add_months(month, 1 - n), 12)) do
    local t = ctx:find("tax_month", ent_id, m)
    if t and t.tax_cny and ctx:check("此前有税", t.tax_cny, ">", 0) then
      return "orange", ("连续%d个月零税申报"):format(n)
    end
  end
end

-- 各电表 → { 户号 = { 月份 = 用电量 } }
local function power_by_account(ent_id, wanted, ctx)
  local accounts = {}
  for u in ctx:each("utility_month", { subject_id = ent_id, subject_type = "enterprise", kind = "electric" }, { all = true }) do
    if wanted[u.month] then
      accounts[u.account_id] = accounts[u.account_id] or {}
      accounts[u.account_id][u.month] = u.usage
    end
  end
  return accounts
end

-- 用电连续几个月同比骤降；任何一块电表缺任何一个月都不判断。
local function power_signal(ent_id, month, ctx)
  local n, wanted = ctx.settings.power_months, {}
  for i = 0, n - 1 do
    local m = calendar.add_months(month, -i)
    wanted[m], wanted[calendar.add_months(m, -12)] = true, true
  end
  local sums = {}
  for _, usage in pairs(power_by_account(ent_id, wanted, ctx)) do
    for m in pairs(wanted) do
      if not usage[m] then return end
      sums[m] = (sums[m] or 0) + usage[m]
    end
  end
  if not next(sums) then return end
  for i = 0, n - 1 do
    local m = calendar.add_months(month, -i)
    local drop = stats.percent_drop(stats.round(sums[calendar.add_months(m, -12)]), stats.round(sums[m]))
    if not ctx:check(text.month(m) .. "用电同比降幅", drop, ">", ctx.settings.power_drop_pct) then return end
  end
  return "yellow", ("用电连续%d个月同比下降超过%s"):format(n, text.percent(ctx.settings.power_drop_pct))
end

-- 该月内列入经营异常名录。
local function listed_signal(ent_id, month, ctx)
  for c in ctx:each("ent_change", { ent_id = ent_id, change_item = "abnormal_list" }) do
    if c.new_value and calendar.month_of(c.changed_on) == month
       and ctx:check("列入经营异常名录的月份", calendar.month_of(c.changed_on), "==", month) then
      return "orange", "列入经营异常名录"
    end
  end
end

local SIGNALS = {
  { "income", income_signal }, { "zero", zero_signal }, { "power", power_signal }, { "listed", listed_signal },
}
local RANK    = { yellow = 1, orange = 2, red = 3 }
local LEVELS  = { "yellow", "orange", "red" }

-- 一家企业一个月一条：种类和级别取最高的信号（同级取在前的），两个以上信号再升一级。
local function judge(ent, month, ctx)
  local key = ent.ent_id .. "|" .. month
  local here = ent.op_subdistrict == HOME or ent.tax_subdistrict == HOME
  local rank, kind, words = 0, nil, {}
  if ctx:check("经营地或税收在本街道", here, "==", true) then
    for _, signal in ipairs(SIGNALS) do
      local level, word = signal[2](ent.ent_id, month, ctx)
      if level then
        if RANK[level] > rank then rank, kind = RANK[level], signal[1] end
        words[#words + 1] = word
      end
    end
  end
  if #words == 0 then return ctx:clear { key = key, reason = "各项信号均未触发" } end
  if #words >= 2 then rank = math.min(rank + 1, #LEVELS) end
  local name = enterprise.name(ent)
  ctx:alert {
    key = key, kind = kind, level = LEVELS[rank], about = { "enterprise", ent.ent_id },
    title = ("%s 经营情况异常"):format(name),
    text  = name .. table.concat(words, "；"),
  }
end

-- 列入异常名录：归到变更日所在月份，连同该月其他信号立即判断。
local function on_change(row, ctx)
  if row.change_item ~= "abnormal_list" or row.new_value == nil then return end
  local ent = enterprise.latest(ctx, row.ent_id)
  if not ent then return ctx:unknown("没有这家企业的登记记录") end
  judge(ent, calendar.month_of(row.changed_on), ctx)
end

-- 走访结果是“有困难待帮扶”：30天（整日）过完再看。
local SELF = "ent_operation_abnormal|"
local function on_visit(row, ctx)
  if row.result ~= "trouble" or not row.alert_key or not text.starts_with(row.alert_key, SELF) then return end
  local key = row.alert_key:sub(#SELF + 1)
  local due = calendar.add_days(row.visited_at, 31) .. "T00:00:00+08:00"
  ctx:wake("again|" .. key, due, { key = key, since = row.visited_at, until_ = due })
end

-- 帮扶后30天内没有再访而告警已办结：重新打开。
local function on_wake(_, data, ctx)
  local since, due = calendar.seconds(data.since), calendar.seconds(data.until_)
  for v in ctx:each("visit", { alert_key = SELF .. data.key }) do
    local at = calendar.seconds(v.visited_at)
    if at > since and at < due and not text.is_blank(v.result) then return end
  end
  local old = ctx:alerts { key = data.key }[1]
  if old and old.state == "closed" then
    ctx:alert {
      key = data.key, kind = old.kind, level = old.level, about = old.about, communities = old.communities,
      title = old.title, text = old.text .. "；帮扶后30天内未再走访", reopen = true,
    }
  end
end

-- 四种信号同一种了结法：走访并写明结果。
local LIFE = { close = "evidence", evidence = { "visit" }, results = { "normal", "solved", "trouble" },
               limits = { visit = "1wd", close = "10wd" } }

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330105TEST000101"

local function ent(more)
  return { "enterprise", with({ ent_id = ID, snapshot_month = "2020-02", name = "示例物联电商有限公司",
    reg_subdistrict = "330105003", tax_subdistrict = "330105003", op_subdistrict = "330105003",
    community_id = "changzhengqiao", reg_status = "active" }, more) }
end

local function earned(month, cny) return { "ent_income", { ent_id = ID, month = month, income_cny = cny } } end

local function tax(month, cny, declared)
  return { "tax_month", { ent_id = ID, month = month, tax_cny = cny, tax_subdistrict = "330105003",
                          declared = declared ~= false } }
end

local function power(month, kwh, account)
  return { "utility_month", { account_id = account or "U1", month = month, subject_type = "enterprise", subject_id = ID,
                              kind = "electric", usage = kwh } }
end

local function listed(on, value)
  return { "ent_change", { change_id = "C101", ent_id = ID, change_item = "abnormal_list", new_value = value,
                           changed_on = on } }
end

local function drop_to(cny) return { ent(), earned("2019-02", 8200000), earned("2020-02", cny) } end

local function zeros(before, ...)
  local given = { ent(), tax("2019-10", before) }
  for _, t in ipairs { ... } do given[#given + 1] = t end
  return given
end

local function powers(a19, a20, b19, b20, ...)
  return { ent(), power("2019-01", a19), power("2020-01", a20), power("2019-02", b19), power("2020-02", b20), ... }
end

local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local function expect(level, kind) return { { key = ID .. "|2020-02", kind = kind, level = level } } end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or "2020-03-10T08:00:00+08:00", settings = settings, expect = want }
end

local function visit(id, at, result)
  return { "visit", { visit_id = id, subject_type = "enterprise", subject_id = ID, visited_at = at, visitor_id = "W1",
                      alert_key = SELF .. ID .. "|2020-02", result = result } }
end

-- 报黄 → 走访“有困难” → 办结。
local TROUBLE = {
  { given = drop_to(6800000), at = "2020-03-10T08:00:00+08:00", expect = expect "yellow" },
  { given = { visit("V1", "2020-03-11T10:00:00+08:00", "trouble") }, at = "2020-03-11T11:00:00+08:00",
    actions = { { key = ID .. "|2020-02", action = "sign" },
                { key = ID .. "|2020-02", action = "close", verdict = "solved", text = "已制定帮扶措施" } }, expect = {} },
}
local function story(name, ...)
  return { name = name, steps = { TROUBLE[1], TROUBLE[2], ... } }
end

return {
  title    = "企业经营情况异常",
  office   = "regional_dev",
  shape    = "YOY SUS",
  reads    = { "enterprise", "ent_income", "tax_month", "utility_month", "ent_change", "visit" },
  settings = {
    income_drop_pct        = { label = "营收同比降幅超过（黄）", unit = "%", default = 15, min = 1, max = 100, per = "community" },
    income_drop_orange_pct = { label = "营收同比降幅超过（橙）", unit = "%", default = 30, min = 1, max = 100, per = "community" },
    base_min_cny           = { label = "去年同期营收不低于", unit = "元", default = 100000, min = 0, per = "community" },
    basis                  = { label = "营收口径", default = "month", choices = { "month 当月", "ytd 今年累计" } },
    zero_months            = { label = "连续零税申报", unit = "个月", default = 3, min = 1, max = 12 },
    power_drop_pct         = { label = "用电同比降幅超过", unit = "%", default = 50, min = 1, max = 100, per = "community" },
    power_months           = { label = "用电连续下降", unit = "个月", default = 2, min = 1, max = 12 },
  },

  on    = { ent_change = on_change, visit = on_visit },
  every = {
    { at = "monthly d10 08:00", over = "enterprise",
      run = function(ent_row, ctx) judge(ent_row, calendar.add_months(ctx.month, -1), ctx) end },
  },
  wake  = on_wake,

  life = { income = LIFE, zero = LIFE, power = LIFE, listed = LIFE },

  examples = {
    case("营收下降17.07%，报黄", drop_to(6800000), expect("yellow", "income")),
    case("恰好下降15%，不报", drop_to(6970000), {}),
    case("下降15%多一分钱，报黄", drop_to(6969999.99), expect "yellow"),
    case("恰好下降30%，仍是黄", drop_to(5740000), expect "yellow"),
    case("下降30%多一分钱，报橙", drop_to(5739999.99), expect "orange"),
    case("阈值调到20%后不报", drop_to(6800000), {}, { income_drop_pct = 20 }),
    case("去年同月恰好10万元，报", { ent(), earned("2019-02", 100000), earned("2020-02", 1) }, expect "orange"),
    case("去年同月不足10万元，不报", { ent(), earned("2019-02", 99999.99), earned("2020-02", 1) }, {}),
    case("缺去年同月营收，不报", { ent(), earned("2020-02", 1) }, {}),
    case("缺本月营收，不报", { ent(), earned("2019-02", 8200000) }, {}),
    case("经营地在外、税收在本街道，也报",
         { ent { op_subdistrict = "330106004" }, earned("2019-02", 8200000), earned("2020-02", 6800000) }, expect "yellow"),
    case("税收在外、经营地在本街道，也报",
         { ent { tax_subdistrict = "" }, earned("2019-02", 8200000), earned("2020-02", 6800000) }, expect "yellow"),
    case("两样都不在本街道，不报", { ent { tax_subdistrict = "330106004", op_subdistrict = "330106004" },
                               earned("2019-02", 8200000), earned("2020-02", 6800000) }, {}),
    case("累计口径：两月合计恰好降15%，不报",
         { ent(), earned("2019-01", 100000), earned("2019-02", 100000), earned("2020-01", 90000), earned("2020-02", 80000) },
         {}, { basis = "ytd" }),
    case("累计口径：合计降15%多，报黄",
         { ent(), earned("2019-01", 100000), earned("2019-02", 100000), earned("2020-01", 90000), earned("2020-02", 79999) },
         expect "yellow", { basis = "ytd" }),
    case("累计口径：缺一个月，不报",
         { ent(), earned("2019-01", 100000), earned("2019-02", 100000), earned("2020-02", 1) }, {}, { basis = "ytd" }),
    case("连续三个月零税申报、去年有税，报橙",
         zeros(5000, tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0)), expect("orange", "zero")),
    case("只有两个月零税，不报", zeros(5000, tax("2020-01", 0), tax("2020-02", 0)), {}),
    case("中间一个月没申报，不报",
         zeros(5000, tax("2019-12", 0), tax("2020-01", 0, false), tax("2020-02", 0)), {}),
    case("一直零税，不报", zeros(0, tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0)), {}),
    case("有税的月份恰在此前第12个月，报",
         { ent(), tax("2018-12", 5000), tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0) }, expect "orange"),
    case("有税的月份在此前第13个月，不报",
         { ent(), tax("2018-11", 5000), tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0) }, {}),
    case("用电连续两月降过半，报黄", powers(1000, 499, 1000, 400), expect("yellow", "power")),
    case("一个月恰好降一半，不报", powers(1000, 500, 1000, 400), {}),
    case("只有一个月降过半，不报", powers(1000, 900, 1000, 400), {}),
    case("两块电表合计没降过半，不报",
         powers(1000, 300, 1000, 300, power("2019-01", 1000, "U2"), power("2020-01", 900, "U2"),
                power("2019-02", 1000, "U2"), power("2020-02", 900, "U2")), {}),
    case("一块电表缺一个月，不判断", powers(1000, 300, 1000, 300, power("2019-01", 1000, "U2"), power("2020-01", 100, "U2"),
                                   power("2019-02", 1000, "U2")), {}),
    case("用水不算用电", { ent(), { "utility_month", { account_id = "W1", month = "2020-02", subject_type = "enterprise",
                                             subject_id = ID, kind = "water", usage = 1 } } }, {}),
    case("列入异常名录，当时就报橙", { ent(), listed("2020-02-20", "未按期公示年报") }, expect("orange", "listed"), nil,
         "2020-02-21T09:00:00+08:00"),
    case("移出异常名录，不报", { ent(), listed("2020-02-20", nil) }, {}, nil, "2020-02-21T09:00:00+08:00"),
    case("列入异常名录但不是本街道企业，不报",
         { ent { tax_subdistrict = "330106004", op_subdistrict = "330106004" }, listed("2020-02-20", "未按期公示年报") }, {},
         nil, "2020-02-21T09:00:00+08:00"),
    case("列入异常名录而没有登记记录，不报", { listed("2020-02-20", "未按期公示年报") }, {}, nil, "2020-02-21T09:00:00+08:00"),
    case("列入名录的当月连同其他信号：零税加名录，报红",
         zeros(5000, tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0), listed("2020-02-20", "未按期公示年报")),
         expect "red", nil, "2020-02-21T09:00:00+08:00"),
    case("营收下降加用电骤降，黄升为橙", plus(powers(1000, 400, 1000, 400), earned("2019-02", 8200000), earned("2020-02", 6800000)),
         expect "orange"),
    case("营收下降加零税申报，橙升为红",
         plus(zeros(5000, tax("2019-12", 0), tax("2020-01", 0), tax("2020-02", 0)), earned("2019-02", 8200000),
              earned("2020-02", 6800000)), expect "red"),
    { name = "先列入名录报橙，次月营收也降，同一条升为红",
      steps = {
        { given = { ent(), listed("2020-02-20", "未按期公示年报") }, at = "2020-02-21T09:00:00+08:00", expect = expect "orange" },
        { given = { earned("2019-02", 8200000), earned("2020-02", 6800000) }, at = "2020-03-10T08:00:00+08:00",
          expect = expect "red" },
      } },
    { name = "营收补正后，走访办结前仍挂着",
      steps = {
        { given = drop_to(6800000), at = "2020-03-10T08:00:00+08:00", expect = expect "yellow" },
        { given = { earned("2020-02", 8000000) }, at = "2020-03-12T08:00:00+08:00", expect = expect "yellow" },
      } },
    story("帮扶后30天没有再访，重新打开", { at = "2020-04-10T23:59:00+08:00", expect = {} },
          { at = "2020-04-11T00:00:00+08:00", expect = expect "yellow" }),
    story("第30天晚上再访，不重开",
          { given = { visit("V2", "2020-04-10T21:00:00+08:00", "solved") }, at = "2020-04-12T10:00:00+08:00", expect = {} }),
    story("帮扶后30天内再访，不重开",
          { given = { visit("V2", "2020-04-01T10:00:00+08:00", "solved") }, at = "2020-04-10T10:00:00+08:00", expect = {} }),
  },
}
