--- 业委会换届与物业合同到期：任期、合同快满而换届、续签还没动的提醒；过期的督促，并提出三方共治议题。
-- 给公共服务办，并告知所在社区和街道三方办。
local calendar = require "std.calendar"

local ELECTION = { none = "未启动", prep_group = "成立筹备组", candidates = "推选候选人", voting = "投票中", filed = "已备案" }
local RENEWAL = { none = "未启动", deliberating = "商议中", voted = "已表决", signed = "已签约" }

-- 各级告警要办到哪一步才了结。
local ELECTION_DONE = {
  blue   = { prep_group = true, candidates = true, voting = true, filed = true },
  yellow = { prep_group = true, candidates = true, voting = true, filed = true },
  orange = { candidates = true, voting = true, filed = true },
  red    = { filed = true },
}
local RENEWAL_DONE = {
  blue   = { deliberating = true, voted = true, signed = true },
  yellow = { voted = true, signed = true },
  orange = { signed = true },
}

local function term_level(left, stage, ctx)
  local s = ctx.settings
  if ctx:check("离任期届满", left, "<", 0, "天") then
    return ctx:check("换届阶段", stage, "~=", "filed") and "red" or nil
  end
  local early = stage == "none" or stage == "prep_group"
  if ctx:check("离任期届满（橙）", left, "<=", s.orange_days, "天") and ctx:check("还没推选候选人", early, "==", true) then
    return "orange"
  end
  if not ctx:check("换届阶段", stage, "==", "none") then return nil end
  if ctx:check("离任期届满（黄）", left, "<=", s.yellow_days, "天") then return "yellow" end
  if ctx:check("离任期届满（蓝）", left, "<=", s.blue_days, "天") then return "blue" end
end

local function contract_level(left, stage, ctx)
  local s = ctx.settings
  if ctx:check("离合同到期", left, "<", 0, "天") then
    return ctx:check("续签阶段", stage, "~=", "signed") and "orange" or nil
  end
  local early = stage == "none" or stage == "deliberating"
  if ctx:check("离合同到期（黄）", left, "<=", s.contract_yellow, "天") and ctx:check("还没表决", early, "==", true) then
    return "yellow"
  end
  if ctx:check("离合同到期（蓝）", left, "<=", s.contract_blue, "天") and ctx:check("续签阶段", stage, "==", "none") then
    return "blue"
  end
end

-- 两条线：业委会任期、物业合同。
local TERM = {
  kind = "term", type = "owners_committee", level = term_level, done = ELECTION_DONE, stages = ELECTION, what = "业委会任期",
  ending = "届满", day_of = function(row) return row.term_end end, stage_of = function(row) return row.election_stage end,
}
local CONTRACT = {
  kind = "contract", type = "property_contract", level = contract_level, done = RENEWAL_DONE, stages = RENEWAL,
  what = "物业合同", ending = "到期", day_of = function(row) return row.end_on end,
  stage_of = function(row) return row.renewal_stage end,
}

local function key_of(line, row) return ("%s|%s|%s"):format(row.estate_id, line.kind, line.day_of(row)) end

local function estate_of(row, ctx)
  local estate = ctx:find("estate", row.estate_id)
  return estate and estate.name or row.estate_id, estate and { estate.community_id }
end

-- 橙、红：提出三方共治议题（同一任期、同一合同只提一次）。
local function propose(key, line, row, name, places, ctx)
  ctx:topic {
    key = key, kind = "tripartite", estate_id = row.estate_id, communities = places or {},
    title = ("%s%s%s的三方议事"):format(name, line.what, line.ending),
  }
end

local function judge(line, row, ctx)
  local day, stage = line.day_of(row), line.stage_of(row)
  if not day or not stage then return ctx:unknown(line.what .. "缺少日期或阶段") end
  local left, key = calendar.days_between(ctx.today, day), key_of(line, row)
  local level = line.level(left, stage, ctx)
  if not level then
    return ctx:clear { key = key, close = false, reason = "阶段：" .. line.stages[stage] } -- 了结看 close_finished
  end
  local name, places = estate_of(row, ctx)
  ctx:alert {
    key = key, kind = line.kind, level = level, about = { "estate", row.estate_id }, communities = places,
    title = ("%s%s%s"):format(name, line.what, line.ending),
    text  = ("%s%s%s%s，%s%d天，阶段：%s%s"):format(name, line.what, day, line.ending, left < 0 and "已过" or "剩",
      math.abs(left), line.stages[stage], level == "red" and "。请每周写一次进展" or ""),
  }
  if level == "orange" or level == "red" then propose(key, line, row, name, places, ctx) end
end

-- 挂着的告警：换了新的届满日，或办到了这一级要求的一步，就此办结。
local function close_finished(ctx)
  for _, alert in ipairs(ctx:alerts { state = "open" }) do
    local line = alert.kind == "term" and TERM or CONTRACT
    ctx:subject("estate", alert.about[2])
    local row = ctx:find(line.type, alert.about[2])
    if not row or not line.day_of(row) or key_of(line, row) ~= alert.key then
      ctx:clear { key = alert.key, reason = "已有新的" .. line.ending .. "日" }
    elseif line.done[alert.level][line.stage_of(row)] then
      ctx:clear { key = alert.key, reason = "已到“" .. line.stages[line.stage_of(row)] .. "”" }
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local NOW = "2020-07-15T07:00:00+08:00"

local function committee(term_end, stage)
  return { "owners_committee", { estate_id = "E_MZG", term_end = term_end, election_stage = stage } }
end
local function contract(end_on, stage)
  return { "property_contract", { estate_id = "E_MZG", company_id = "WY1", end_on = end_on, renewal_stage = stage } }
end
local ESTATE = { "estate", { estate_id = "E_MZG", name = "明真宫小区", community_id = "mingzhengong" } }

local function term(level, day) return { { key = "E_MZG|term|" .. day, kind = "term", level = level } } end
local function ended(level, day) return { { key = "E_MZG|contract|" .. day, kind = "contract", level = level } } end
local function case(name, record, want, settings)
  return { name = name, given = { ESTATE, record }, at = NOW, settings = settings, expect = want }
end

return {
  title    = "业委会换届与物业合同到期",
  office   = "public_service",
  shape    = "STATE",
  also     = { "tripartite" },
  reads    = { "owners_committee", "property_contract", "estate" },
  may      = { "alert", "topic" },
  settings = {
    blue_days       = { label = "离任期届满不超过（蓝）", unit = "天", default = 90, min = 0, max = 730 },
    yellow_days     = { label = "离任期届满不超过（黄）", unit = "天", default = 60, min = 0, max = 730 },
    orange_days     = { label = "离任期届满不超过（橙）", unit = "天", default = 30, min = 0, max = 730 },
    contract_blue   = { label = "离合同到期不超过（蓝）", unit = "天", default = 90, min = 0, max = 730 },
    contract_yellow = { label = "离合同到期不超过（黄）", unit = "天", default = 30, min = 0, max = 730 },
  },

  every = {
    { at = "daily 07:00", over = "owners_committee", run = function(row, ctx) judge(TERM, row, ctx) end },
    { at = "daily 07:00", over = "property_contract", run = function(row, ctx) judge(CONTRACT, row, ctx) end },
    { at = "daily 07:00", run = close_finished },
  },

  life = {
    term     = { close = "auto", limits = { blue = { close = "15wd" }, yellow = { close = "10wd" }, orange = { close = "5wd" },
                                            red = { close = "15wd" } } },
    contract = { close = "auto", limits = { blue = { close = "15wd" }, yellow = { close = "10wd" },
                                            orange = { close = "5wd" } } },
  },

  examples = {
    { name = "没有小区档案，剩52天、没启动，报黄", given = { committee("2020-09-05", "none") }, at = NOW,
      expect = term("yellow", "2020-09-05") },
    case("剩52天但已在投票，不报", committee("2020-09-05", "voting"), {}),
    case("剩91天，不报", committee("2020-10-14", "none"), {}),
    case("恰剩90天，报蓝", committee("2020-10-13", "none"), term("blue", "2020-10-13")),
    case("剩61天，仍是蓝", committee("2020-09-14", "none"), term("blue", "2020-09-14")),
    case("恰剩60天，报黄", committee("2020-09-13", "none"), term("yellow", "2020-09-13")),
    case("剩60天，已成立筹备组，不报", committee("2020-09-13", "prep_group"), {}),
    case("剩31天，仍是黄", committee("2020-08-15", "none"), term("yellow", "2020-08-15")),
    case("恰剩30天，报橙", committee("2020-08-14", "none"), term("orange", "2020-08-14")),
    case("剩30天，只成立了筹备组，报橙", committee("2020-08-14", "prep_group"), term("orange", "2020-08-14")),
    case("剩31天，成立了筹备组，不报", committee("2020-08-15", "prep_group"), {}),
    case("剩30天，已推选候选人，不报", committee("2020-08-14", "candidates"), {}),
    case("今天届满、没启动，仍是橙", committee("2020-07-15", "none"), term("orange", "2020-07-15")),
    case("今天届满、正在投票，不报", committee("2020-07-15", "voting"), {}),
    case("昨天届满、正在投票，报红", committee("2020-07-14", "voting"), term("red", "2020-07-14")),
    case("昨天届满、已备案，不报", committee("2020-07-14", "filed"), {}),
    case("缺届满日，不报", committee(nil, "none"), {}),
    case("缺阶段，不报", committee("2020-07-14", nil), {}),
    case("蓝的天数调到50，剩52天，黄的也调到40，不报", committee("2020-09-05", "none"), {}, { blue_days = 50, yellow_days = 40 }),

    case("合同剩91天，不报", contract("2020-10-14", "none"), {}),
    case("合同恰剩90天、没启动，报蓝", contract("2020-10-13", "none"), ended("blue", "2020-10-13")),
    case("合同剩90天、商议中，不报", contract("2020-10-13", "deliberating"), {}),
    case("合同剩31天、没启动，仍是蓝", contract("2020-08-15", "none"), ended("blue", "2020-08-15")),
    case("合同恰剩30天、没启动，报黄", contract("2020-08-14", "none"), ended("yellow", "2020-08-14")),
    case("合同恰剩30天、商议中，报黄", contract("2020-08-14", "deliberating"), ended("yellow", "2020-08-14")),
    case("合同剩31天、商议中，不报", contract("2020-08-15", "deliberating"), {}),
    case("合同剩30天、已表决，不报", contract("2020-08-14", "voted"), {}),
    case("合同今天到期、商议中，仍是黄", contract("2020-07-15", "deliberating"), ended("yellow", "2020-07-15")),
    case("合同昨天到期、已表决，报橙", contract("2020-07-14", "voted"), ended("orange", "2020-07-14")),
    case("合同昨天到期、已签约，不报", contract("2020-07-14", "signed"), {}),
    case("缺到期日，不报", contract(nil, "none"), {}),
    case("合同蓝的天数调到100，剩91天，报蓝", contract("2020-10-14", "none"), ended("blue", "2020-10-14"), { contract_blue = 100 }),

    { name = "蓝、黄、橙、红还是同一条，备案才了结",
      steps = {
        { given = { ESTATE, committee("2020-09-05", "none") }, at = "2020-06-10T07:00:00+08:00",
          expect = term("blue", "2020-09-05") },
        { at = NOW, expect = term("yellow", "2020-09-05") },
        { at = "2020-08-06T07:00:00+08:00", expect = term("orange", "2020-09-05") },
        { given = { committee("2020-09-05", "prep_group") }, at = "2020-08-07T07:00:00+08:00",
          expect = term("orange", "2020-09-05") },
        { at = "2020-09-06T07:00:00+08:00", expect = term("red", "2020-09-05") },
        { given = { committee("2020-09-05", "voting") }, at = "2020-09-07T07:00:00+08:00", expect = term("red", "2020-09-05") },
        { given = { committee("2020-09-05", "filed") }, at = "2020-09-08T07:00:00+08:00", expect = {} },
      } },
    { name = "黄的成立筹备组就了结，30天内又报橙，推选候选人了结",
      steps = {
        { given = { committee("2020-09-05", "none") }, at = NOW, expect = term("yellow", "2020-09-05") },
        { given = { committee("2020-09-05", "prep_group") }, at = "2020-07-16T06:00:00+08:00",
          expect = term("yellow", "2020-09-05") },
        { at = "2020-07-16T07:00:00+08:00", expect = {} },
        { at = "2020-08-06T07:00:00+08:00", expect = term("orange", "2020-09-05") },
        { given = { committee("2020-09-05", "candidates") }, at = "2020-08-07T07:00:00+08:00", expect = {} },
      } },
    { name = "换届完成、换了新的届满日，旧的了结",
      steps = {
        { given = { committee("2020-07-14", "voting") }, at = NOW, expect = term("red", "2020-07-14") },
        { given = { committee("2025-07-20", "none") }, at = "2020-07-16T07:00:00+08:00", expect = {} },
      } },
    { name = "合同：蓝的启动就了结，黄的商议中不了结、表决才了结，橙的签约才了结",
      steps = {
        { given = { contract("2020-08-20", "none") }, at = NOW, expect = ended("blue", "2020-08-20") },
        { given = { contract("2020-08-20", "deliberating") }, at = "2020-07-16T07:00:00+08:00", expect = {} },
        { at = "2020-07-21T07:00:00+08:00", expect = ended("yellow", "2020-08-20") },
        { given = { contract("2020-08-20", "voted") }, at = "2020-07-22T07:00:00+08:00", expect = {} },
        { at = "2020-08-21T07:00:00+08:00", expect = ended("orange", "2020-08-20") },
        { given = { contract("2020-08-20", "signed") }, at = "2020-08-22T07:00:00+08:00", expect = {} },
      } },
    { name = "记录撤回了，自动了结",
      steps = {
        { given = { contract("2020-08-14", "none") }, at = NOW, expect = ended("yellow", "2020-08-14") },
        { removed = { { "property_contract", "E_MZG" } }, at = "2020-07-16T07:00:00+08:00", expect = {} },
      } },
    { name = "人办结以后，阶段退回去又没动，再报",
      steps = {
        { given = { committee("2020-09-05", "none") }, at = NOW, expect = term("yellow", "2020-09-05") },
        { at = "2020-07-15T10:00:00+08:00", actions = { { key = "E_MZG|term|2020-09-05", action = "close", verdict = "solved",
            text = "已督促" } }, expect = {} },
        { at = "2020-07-16T07:00:00+08:00", expect = {} },
        { given = { committee("2020-09-05", "prep_group") }, at = "2020-07-17T07:00:00+08:00", expect = {} },
        { given = { committee("2020-09-05", "none") }, at = "2020-07-18T07:00:00+08:00", expect = term("yellow", "2020-09-05") },
      } },
  },
}
