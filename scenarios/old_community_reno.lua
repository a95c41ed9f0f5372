--- 老旧小区改造事前事中事后：事前没做全就开工、节点逾期、施工期间居民集中反映、验收后没有议事和移交、满意度偏低。
-- 给公共管理办、社区、三方办和党政办：补程序、催节点、就集中反映的问题召开红茶议事会。
local calendar = require "std.calendar"
local text     = require "std.text"

local NODES = {
  survey = "意愿调查", council_before = "事前议事", plan_public = "方案公示", vote = "表决", start = "开工",
  midterm = "中期检查", council_during = "事中议事", acceptance = "验收", council_after = "事后议事", handover = "移交",
  satisfaction = "满意度测评",
}
local BEFORE_START = { "council_before", "plan_public", "vote" }
local KEYWORD      = "旧改"

-- 每条告警各凭各的记录：换一条看之前先换节，别的节点变动不牵连它。
local function begin(project, ctx) ctx:subject("project", project.project_id) end

local function node_of(project, node, ctx) return ctx:find("project_progress", project.project_id, node) end

local function done_on(project, node, ctx)
  local row = node_of(project, node, ctx)
  return row and row.done_on
end

local function key_of(project, kind, node) return ("%s|%s|%s"):format(project.project_id, kind, node) end

local function name_of(project) return project.name or project.project_id end

local function communities_of(project) return project.community_id and { project.community_id } or nil end

-- 报或销一条：words 为 nil 是不该报；never 为真是当初就不该报。
local function settle(project, kind, node, level, words, ctx, never)
  local key = key_of(project, kind, node)
  if not words then return ctx:clear { key = key, reason = "已补上或不再逾期", retract = never } end
  ctx:alert {
    key = key, kind = kind, level = level, about = { "project", project.project_id }, communities = communities_of(project),
    title = words, text = words,
  }
end

-- 事前：开工时还没做全的 ------------------------------------------------------------------------

local function missing_before(project, start, ctx)
  local s, missing = ctx.settings, {}
  for _, node in ipairs(BEFORE_START) do
    local done = done_on(project, node, ctx)
    if not ctx:check(NODES[node] .. "在开工前完成", done ~= nil and done <= start, "==", true) then
      missing[#missing + 1] = NODES[node]
    end
  end
  local public, vote = node_of(project, "plan_public", ctx), node_of(project, "vote", ctx)
  if public and ctx:check("公示天数", public.public_days, "<", s.public_min_days, "天") then
    missing[#missing + 1] = ("满%d天的公示（只有%d天）"):format(s.public_min_days, public.public_days)
  end
  if vote and ctx:check("表决同意率", vote.ratio, "<", s.vote_min) then
    missing[#missing + 1] = ("达到%s的表决（只有%s）"):format(text.percent(s.vote_min * 100), text.percent(vote.ratio * 100))
  end
  return missing
end

-- 开工的记录先到、事前节点的后到：这个节点头一次有完成日，而且不晚于开工。（更正已有的不算，那要凭反馈办结；
-- 开工次日一早还缺着的也不算：那以后才补来的，是办理的凭据。）
local function stood_overnight(project) return "gate|" .. project.project_id end
local function came_late(row, start, project, ctx)
  if ctx:get(stood_overnight(project)) == start then return false end
  if not (row and row.done_on and row.done_on <= start and text.contains(BEFORE_START, row.node)) then return false end
  local old = ctx:before(row)
  return not (old and old.done_on)
end

-- row 是手头变动的节点；每天那次没有。
local function judge_gate(project, row, ctx)
  begin(project, ctx)
  local start = done_on(project, "start", ctx)
  local missing = start and missing_before(project, start, ctx) or {}
  local words = #missing > 0 and ("%s未完成%s即开工"):format(name_of(project), text.list(missing))
  if words and not row and start < ctx.today then ctx:set(stood_overnight(project), start) end
  settle(project, "gate", "start", "orange", words, ctx, start and came_late(row, start, project, ctx))
end

-- 节点逾期 --------------------------------------------------------------------------------------

local function judge_slip(project, node, ctx)
  begin(project, ctx)
  local s, row = ctx.settings, node_of(project, node, ctx)
  local level, days
  if row.planned_on and not row.done_on then
    local label = NODES[node] .. "逾期"
    days = calendar.days_between(row.planned_on, ctx.today)
    if ctx:check(label .. "（橙）", days, ">", s.slip_orange_d, "天") then level = "orange"
    elseif ctx:check(label, days, ">", s.slip_yellow_d, "天") then level = "yellow" end
  end
  settle(project, "slip", node, level, level and ("%s%s逾期%d天"):format(name_of(project), NODES[node], days), ctx)
end

-- 事中：居民集中反映 ----------------------------------------------------------------------------

-- 信里写明这个项目，或是这个小区的、关键词有“旧改”的。
local function is_about(row, project)
  return row.project_id == project.project_id
    or project.estate_id ~= nil and row.estate_id == project.estate_id and text.contains(row.keywords, KEYWORD)
end

local function collect(type, id_of, where, project, options, found, ctx)
  for row in ctx:each(type, where, options) do
    if is_about(row, project) then found[row[id_of]] = row.received_at end
  end
end

-- 来信和信访件的收到时刻；options 可限窗口。一件只算一次。
local function complaints(project, options, ctx)
  local letters, petitions, times = {}, {}, {}
  local places = { { project_id = project.project_id }, project.estate_id and { estate_id = project.estate_id } or nil }
  for _, where in ipairs(places) do
    collect("letter", "letter_id", where, project, options, letters, ctx)
    collect("petition", "petition_id", where, project, options, petitions, ctx)
  end
  for _, at in pairs(letters) do times[#times + 1] = at end
  for _, at in pairs(petitions) do times[#times + 1] = at end
  return times
end

-- 那一天已开工、还没验收。
local function is_building(project, day, ctx)
  local start, acceptance = done_on(project, "start", ctx), done_on(project, "acceptance", ctx)
  return start ~= nil and start <= day and not (acceptance and acceptance <= day)
end

-- 已有没办完的旧改议题，就不再提。
local function has_topic(project, ctx)
  for topic in ctx:each("council_topic", { project_id = project.project_id }) do
    if topic.kind == "reno" and topic.stage ~= "dropped" and topic.stage ~= "evaluated" then return true end
  end
  return false
end

local function propose(project, key, ctx)
  if has_topic(project, ctx) then return end
  ctx:topic {
    key = key, kind = "reno", keyword = KEYWORD, project_id = project.project_id, estate_id = project.estate_id,
    communities = communities_of(project), title = ("%s：施工中居民集中反映的问题"):format(name_of(project)),
  }
end

-- 到 at 这一刻为止；at 不早于现在，窗口的起点要另外再看。
local function judge_complaint(project, at, ctx)
  begin(project, ctx)
  local s, key, n = ctx.settings, key_of(project, "complaint", calendar.iso_week(at)), 0
  for _, t in ipairs(complaints(project, { within = ("%dd"):format(s.complaint_days), upto = at }, ctx)) do
    if calendar.within_days(t, s.complaint_days, at) then n = n + 1 end
  end
  if not (ctx:check("在施工期间", is_building(project, calendar.date_of(at), ctx), "==", true)
          and ctx:check(("近%d天来信和信访"):format(s.complaint_days), n, ">=", s.complaint_count, "件")) then
    return ctx:clear { key = key, reason = "不再集中反映" }
  end
  ctx:alert {
    key = key, kind = "complaint", level = "yellow", about = { "project", project.project_id },
    communities = communities_of(project), due = calendar.deadline(ctx, ctx.now, ("%dwd"):format(s.council_wd)),
    title = ("%s 居民集中反映"):format(name_of(project)),
    text  = ("%s近%d天收到来信和信访%d件，请在%d个工作日内召开红茶议事会"):format(name_of(project), s.complaint_days, n, s.council_wd),
  }
  propose(project, key, ctx)
end

-- 来信或信访件：连同在它之后先到的各件那一刻一起看，次序颠倒到达，结果一样。
local function on_complaint(row, project, ctx)
  if project.kind ~= "old_reno" or not is_about(row, project) then return end
  local seen = {}
  for _, at in ipairs(complaints(project, nil, ctx)) do
    if not seen[at] and at >= row.received_at and calendar.within_days(row.received_at, ctx.settings.complaint_days, at) then
      seen[at] = true
      judge_complaint(project, at, ctx)
    end
  end
end

local function on_voice(row, ctx)
  local named = ctx:find("project", row.project_id)
  if named then on_complaint(row, named, ctx) end
  if not (row.estate_id and text.contains(row.keywords, KEYWORD)) then return end
  for project in ctx:each("project", { estate_id = row.estate_id }) do
    if project.project_id ~= row.project_id then on_complaint(row, project, ctx) end
  end
end

-- 事后 ------------------------------------------------------------------------------------------

local function judge_after(project, node, level, most, ctx)
  begin(project, ctx)
  local accepted, words = done_on(project, "acceptance", ctx), nil
  if accepted and not done_on(project, node, ctx) then
    local days = calendar.days_between(accepted, ctx.today)
    if ctx:check("验收后没有" .. NODES[node], days, ">", most, "天") then
      words = ("%s验收后%d天没有%s，%s逾期%d天"):format(name_of(project), days, NODES[node], NODES[node], days - most)
    end
  end
  settle(project, "after", node, level, words, ctx)
end

local function judge_satisfaction(project, ctx)
  begin(project, ctx)
  local row = node_of(project, "satisfaction", ctx)
  local low = row and ctx:check("满意度", row.ratio, "<", ctx.settings.satis_min)
  local words = low and ("%s满意度%s，低于%s"):format(name_of(project), text.percent(row.ratio * 100),
    text.percent(ctx.settings.satis_min * 100))
  settle(project, "satisfaction", "satisfaction", "yellow", words, ctx)
end

-- 每天一次：整个项目。
local function daily(project, ctx)
  local s, nodes = ctx.settings, {}
  for row in ctx:each("project_progress", { project_id = project.project_id }) do nodes[#nodes + 1] = row.node end
  judge_gate(project, nil, ctx)
  for _, node in ipairs(nodes) do judge_slip(project, node, ctx) end
  judge_complaint(project, ctx.now, ctx)
  judge_after(project, "council_after", "yellow", s.after_d, ctx)
  judge_after(project, "handover", "orange", s.handover_d, ctx)
  judge_satisfaction(project, ctx)
end

-- 一个节点有变动：只看不随今天变的，和这个节点自己的（已完成的节点，“现在”是它完成那天）。
local function on_progress(row, ctx)
  local project = ctx:find("project", row.project_id)
  if not project then return ctx:unknown("没有这个项目的登记") end
  if project.kind ~= "old_reno" then return end
  judge_gate(project, row, ctx)
  judge_satisfaction(project, ctx)
  judge_slip(project, row.node, ctx)
  if row.done_on then ctx:clear { key = key_of(project, "after", row.node), reason = NODES[row.node] .. "已完成" } end
end

-- 例子 ------------------------------------------------------------------------------------------

local RN1 = { "project", { project_id = "RN1", kind = "old_reno", estate_id = "E_TH_S", community_id = "yuhangtanglu",
                           name = "塘河南区改造" } }
local LIFT = { "project", { project_id = "RN1", kind = "elevator_add", estate_id = "E_TH_S" } }

local function node(name, on, more)
  local r = { project_id = "RN1", node = name, done_on = on }
  for k, v in pairs(more or {}) do r[k] = v end
  return { "project_progress", r }
end

local COUNCIL = node("council_before", "2020-06-10")
local PUBLIC  = node("plan_public", "2020-06-20", { public_days = 7 })
local VOTE    = node("vote", "2020-06-28", { ratio = 0.82 })
local START   = node("start", "2020-07-08")
local BEGUN   = { RN1, COUNCIL, PUBLIC, VOTE, START }

local function join(given, ...)
  local all = {}
  for _, list in ipairs { given, ... } do
    for _, r in ipairs(list) do all[#all + 1] = r end
  end
  return all
end

local NOW = "2020-07-09T07:30:00+08:00"
local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = want }
end

local function one(kind, name, level) return { { key = ("RN1|%s|%s"):format(kind, name), kind = kind, level = level } } end
local GATE = one("gate", "start", "orange")

-- n 封来信（或信访件），从 from 那天起一天一封，中午收到。
local function voices(type, n, from, more)
  local list = {}
  for i = 1, n do
    local r = { [type .. "_id"] = type .. from .. i, received_at = calendar.add_days(from, i - 1) .. "T12:00:00+08:00",
                project_id = "RN1" }
    for k, v in pairs(more or {}) do r[k] = v ~= "" and v or nil end
    list[i] = { type, r }
  end
  return list
end

-- 同一天的 n 件。
local function same_day(type, n, at, more)
  local list = voices(type, n, "2020-01-01", more)
  for _, r in ipairs(list) do r[2].received_at = at end
  return list
end

local ESTATE = { project_id = "", estate_id = "E_TH_S", keywords = { "噪音", "旧改" } }
local NOON   = "2020-07-15T12:00:00+08:00"
local HOT    = one("complaint", "2020-W29", "yellow")
local ACCEPTED = join(BEGUN, { node("acceptance", "2020-09-01") })

return {
  title    = "老旧小区改造事前事中事后",
  office   = "public_mgmt",
  shape    = "STATE CNT",
  also     = { "tripartite", "party_gov" },
  reads    = { "project", "project_progress", "letter", "petition", "council_topic" },
  may      = { "alert", "topic" },
  settings = {
    public_min_days = { label = "方案公示不少于", unit = "天", default = 7, min = 0, max = 365 },
    vote_min        = { label = "表决同意率不低于（0…1）", default = 0.667, min = 0, max = 1 },
    slip_yellow_d   = { label = "节点逾期超过（黄）", unit = "天", default = 7, min = 0, max = 365 },
    slip_orange_d   = { label = "节点逾期超过（橙）", unit = "天", default = 20, min = 0, max = 365 },
    complaint_days  = { label = "集中反映看近几天", unit = "天", default = 7, min = 0, max = 90 },
    complaint_count = { label = "集中反映达到", unit = "件", default = 5, min = 1, max = 1000 },
    council_wd      = { label = "几个工作日内召开议事会", unit = "个工作日", default = 10, min = 1, max = 90 },
    after_d         = { label = "验收后没有议事超过（黄）", unit = "天", default = 20, min = 0, max = 365 },
    handover_d      = { label = "验收后没有移交超过（橙）", unit = "天", default = 30, min = 0, max = 365 },
    satis_min       = { label = "满意度不低于（0…1）", default = 0.80, min = 0, max = 1 },
  },

  on      = { project_progress = on_progress, letter = on_voice, petition = on_voice },
  removed = {
    project_progress = function(row, ctx)
      ctx:clear { key = ("%s|slip|%s"):format(row.project_id, row.node), reason = "节点已撤回" }
    end,
  },
  every   = { { at = "daily 07:30", over = "project", where = { kind = "old_reno" }, run = daily } },
  rejudge = { letter = { estate_id = "estate_id" }, petition = { estate_id = "estate_id" } },

  life = {
    gate         = { close = "evidence", evidence = { "note" }, limits = { close = "2wd" } },
    slip         = { close = "auto", limits = { close = "10wd" } },
    complaint    = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } },
    after        = { close = "auto", limits = { close = "10wd" } },
    satisfaction = { close = "evidence", evidence = { "note" }, limits = { close = "15wd" } },
  },

  examples = {
    case("方案只公示5天就开工，报橙", { RN1, COUNCIL, node("plan_public", "2020-06-20", { public_days = 5 }), VOTE, START }, GATE),
    case("公示恰好7天，不报", BEGUN, {}),
    case("开工当时就报，不等次日", { RN1, COUNCIL, VOTE, START }, GATE, nil, "2020-07-08T10:00:00+08:00"),
    case("没有事前议事，报橙", { RN1, PUBLIC, VOTE, START }, GATE),
    case("事前议事没有完成日，报橙", { RN1, node("council_before", nil, { planned_on = "2020-07-08" }), PUBLIC, VOTE, START }, GATE),
    case("没有公示，报橙", { RN1, COUNCIL, VOTE, START }, GATE),
    case("没有表决，报橙", { RN1, COUNCIL, PUBLIC, START }, GATE),
    case("表决在开工当天，不报", { RN1, COUNCIL, PUBLIC, node("vote", "2020-07-08", { ratio = 0.9 }), START }, {}),
    case("表决在开工次日，报橙", { RN1, COUNCIL, PUBLIC, START, node("vote", "2020-07-09", { ratio = 0.9 }) }, GATE),
    case("同意率恰好0.667，不报", { RN1, COUNCIL, PUBLIC, node("vote", "2020-06-28", { ratio = 0.667 }), START }, {}),
    case("同意率0.666，报橙", { RN1, COUNCIL, PUBLIC, node("vote", "2020-06-28", { ratio = 0.666 }), START }, GATE),
    case("同意率、公示天数不详，不凭它们报", { RN1, COUNCIL, node("plan_public", "2020-06-20"), node("vote", "2020-06-28"), START }, {}),
    case("还没开工，不报", { RN1, COUNCIL }, {}),
    case("加装电梯项目不看", { LIFT, START }, {}),
    case("没有登记的项目，不报", { START }, {}),
    case("开工的记录先到，事前的节点后到：撤回，同依次到达一样", { RN1, START, VOTE, PUBLIC, COUNCIL }, {}),
    case("计划先登记、完成日在开工记录之后才补来，也一样",
         { RN1, COUNCIL, PUBLIC, node("vote", nil, { planned_on = "2020-06-28" }), START, VOTE }, {}),
    { name = "已经有人签收的，事前节点迟到也不撤回",
      steps = {
        { given = { RN1, COUNCIL, PUBLIC, START }, at = NOW, actions = { { key = "RN1|gate|start", action = "sign" } },
          expect = GATE },
        { given = { VOTE }, at = "2020-07-09T09:00:00+08:00", expect = GATE },
      } },
    { name = "开工次日一早还缺着，过后才补来的节点不撤回，仍等人办结",
      steps = {
        { given = { RN1, PUBLIC, VOTE, START }, at = NOW, expect = GATE },
        { given = { COUNCIL }, at = "2020-07-10T07:30:00+08:00", expect = GATE },
      } },
    { name = "公示天数更正为7天，仍等人办结；人办结后不再报",
      steps = {
        { given = { RN1, COUNCIL, node("plan_public", "2020-06-20", { public_days = 5 }), VOTE, START }, at = NOW,
          expect = GATE },
        { given = { PUBLIC }, at = "2020-07-10T07:30:00+08:00", expect = GATE },
        { actions = { { key = "RN1|gate|start", action = "close", text = "表决材料已补" } }, at = "2020-07-11T07:30:00+08:00",
          expect = {} },
      } },
    { name = "没有改正就由人办结的，次日不再报",
      steps = {
        { given = { RN1, COUNCIL, PUBLIC, START }, at = NOW, expect = GATE },
        { actions = { { key = "RN1|gate|start", action = "close", text = "已停工并说明" } }, at = "2020-07-10T07:30:00+08:00",
          expect = {} },
      } },

    case("节点逾期8天，报黄", { RN1, node("survey", nil, { planned_on = "2020-07-01" }) }, one("slip", "survey", "yellow")),
    case("恰好逾期7天，不报", { RN1, node("survey", nil, { planned_on = "2020-07-02" }) }, {}),
    case("恰好逾期20天，仍是黄", { RN1, node("survey", nil, { planned_on = "2020-06-19" }) }, one("slip", "survey", "yellow")),
    case("逾期21天，报橙", { RN1, node("survey", nil, { planned_on = "2020-06-18" }) }, one("slip", "survey", "orange")),
    case("逾期但已完成，不报", { RN1, node("survey", "2020-07-08", { planned_on = "2020-06-01" }) }, {}),
    case("没有计划日，不报", { RN1, node("survey") }, {}),
    case("几个节点各报各的",
         { RN1, node("survey", nil, { planned_on = "2020-07-01" }), node("vote", nil, { planned_on = "2020-06-01" }) },
         { { key = "RN1|slip|survey", level = "yellow" }, { key = "RN1|slip|vote", level = "orange" } }),
    { name = "逾期由黄升为橙是同一条，完成后自动办结",
      steps = {
        { given = { RN1, node("survey", nil, { planned_on = "2020-06-19" }) }, at = NOW,
          expect = one("slip", "survey", "yellow") },
        { at = "2020-07-10T07:30:00+08:00", expect = one("slip", "survey", "orange") },
        { given = { node("survey", "2020-07-10", { planned_on = "2020-06-19" }) }, at = "2020-07-10T09:00:00+08:00",
          expect = {} },
      } },
    { name = "改晚了计划日，自动办结",
      steps = {
        { given = { RN1, node("survey", nil, { planned_on = "2020-07-01" }) }, at = NOW,
          expect = one("slip", "survey", "yellow") },
        { given = { node("survey", nil, { planned_on = "2020-08-01" }) }, at = "2020-07-10T07:30:00+08:00", expect = {} },
      } },
    { name = "节点撤回，自动办结",
      steps = {
        { given = { RN1, node("survey", nil, { planned_on = "2020-07-01" }) }, at = NOW,
          expect = one("slip", "survey", "yellow") },
        { removed = { { "project_progress", "RN1", "survey" } }, at = "2020-07-10T07:30:00+08:00", expect = {} },
      } },

    case("施工期间7天内五封信，报黄", join(BEGUN, voices("letter", 5, "2020-07-11")), HOT, nil, NOON),
    case("四封不报", join(BEGUN, voices("letter", 4, "2020-07-11")), {}, nil, NOON),
    case("三封信加两件信访，合起来算", join(BEGUN, voices("letter", 3, "2020-07-11"), voices("petition", 2, "2020-07-13")), HOT, nil, NOON),
    case("头一封恰在7天前，算", join(BEGUN, voices("letter", 1, "2020-07-08"), voices("letter", 4, "2020-07-12")), HOT, nil, NOON),
    case("头一封在8天前，不算",
         join({ RN1, COUNCIL, PUBLIC, VOTE, node("start", "2020-07-01") },
         voices("letter", 1, "2020-07-07"), voices("letter", 4, "2020-07-12")),
         {}, nil, NOON),
    case("同一刻的五件", join(BEGUN, same_day("petition", 5, NOON)), HOT, nil, NOON),
    case("没写项目、是本小区且说到旧改的，算", join(BEGUN, voices("letter", 5, "2020-07-11", ESTATE)), HOT, nil, NOON),
    case("本小区而没说旧改的，不算",
         join(BEGUN, voices("letter", 5, "2020-07-11", { project_id = "", estate_id = "E_TH_S", keywords = { "噪音" } })),
         {}, nil, NOON),
    case("别的小区说旧改，不算",
         join(BEGUN, voices("letter", 5, "2020-07-11", { project_id = "", estate_id = "E_XX", keywords = { "旧改" } })),
         {}, nil, NOON),
    case("两样都写的一封只算一次",
         join(BEGUN, voices("letter", 4, "2020-07-12", { estate_id = "E_TH_S", keywords = { "旧改" } })), {}, nil, NOON),
    case("写了别的项目、却是本小区说旧改的，也算本项目",
         join(BEGUN, voices("letter", 5, "2020-07-11", { project_id = "RN2", estate_id = "E_TH_S", keywords = { "旧改" } })),
         HOT, nil, NOON),
    case("还没开工，不算", join({ RN1, COUNCIL, PUBLIC, VOTE }, voices("letter", 5, "2020-07-11")), {}, nil, NOON),
    case("已经验收，不算", join(BEGUN, { node("acceptance", "2020-07-10") }, voices("letter", 5, "2020-07-11")), {}, nil, NOON),
    case("别类项目的信不看", join({ LIFT, START }, voices("letter", 5, "2020-07-11")), {}, nil, NOON),
    case("次序颠倒到达，结果一样",
         join(BEGUN, voices("letter", 1, "2020-07-15"), voices("letter", 4, "2020-07-11")),
         HOT, nil, "2020-07-15T13:00:00+08:00"),
    case("迟到的信把窗口往后推了：后一刻只数得着四封，不报",
         join({ RN1, COUNCIL, PUBLIC, VOTE, node("start", "2020-07-01") }, voices("letter", 3, "2020-07-13"),
              voices("letter", 1, "2020-07-12"), voices("petition", 1, "2020-07-05")), {}, nil, "2020-07-15T13:00:00+08:00"),
    case("信先到、项目后登记，次日早上补报", join({ COUNCIL, PUBLIC, VOTE, START }, voices("letter", 5, "2020-07-11"), { RN1 }), HOT, nil,
         "2020-07-16T07:30:00+08:00"),
    case("跨年的一周记作2020-W53",
         join(BEGUN, same_day("letter", 5, "2021-01-02T12:00:00+08:00")),
         one("complaint", "2020-W53", "yellow"), nil, "2021-01-02T13:00:00+08:00"),
    { name = "同一周再来信，还是一条；下一周另起一条；都凭反馈办结",
      steps = {
        { given = join(BEGUN, voices("letter", 5, "2020-07-11")), at = NOON, expect = HOT },
        { given = voices("letter", 2, "2020-07-16"), at = "2020-07-17T12:00:00+08:00", expect = HOT },
        { given = voices("petition", 2, "2020-07-20"), at = "2020-07-21T12:00:00+08:00",
          expect = { HOT[1], one("complaint", "2020-W30", "yellow")[1] } },
        { actions = { { key = "RN1|complaint|2020-W29", action = "close", text = "7月20日已开议事会" } },
          at = "2020-08-20T07:30:00+08:00",
          expect = one("complaint", "2020-W30", "yellow") },
      } },
    { name = "已有旧改议题的，不再提新议题，告警照报",
      given = join(BEGUN, { { "council_topic", { topic_id = "T0", kind = "reno", stage = "dropped", project_id = "RN1" } },
                            { "council_topic", { topic_id = "T1", kind = "reno", stage = "approved", project_id = "RN1" } } },
                   same_day("letter", 5, NOON)), at = NOON, expect = HOT },

    case("验收后21天没有议事，报黄", ACCEPTED, one("after", "council_after", "yellow"), nil, "2020-09-22T07:30:00+08:00"),
    case("恰好20天，不报", ACCEPTED, {}, nil, "2020-09-21T07:30:00+08:00"),
    case("验收后30天没有移交，恰好，只报议事", ACCEPTED, one("after", "council_after", "yellow"), nil, "2020-10-01T07:30:00+08:00"),
    case("31天没有移交，加报橙", ACCEPTED, { one("after", "council_after", "yellow")[1], one("after", "handover", "orange")[1] }, nil,
         "2020-10-02T07:30:00+08:00"),
    { name = "开了事后议事、移交了，各自自动办结",
      steps = {
        { given = ACCEPTED, at = "2020-10-02T07:30:00+08:00",
          expect = { one("after", "council_after", "yellow")[1], one("after", "handover", "orange")[1] } },
        { given = { node("council_after", "2020-10-02") }, at = "2020-10-02T12:00:00+08:00",
          expect = one("after", "handover", "orange") },
        { given = { node("handover", "2020-10-03") }, at = "2020-10-04T07:30:00+08:00", expect = {} },
      } },

    case("满意度恰好0.80，不报", { RN1, node("satisfaction", "2020-07-08", { ratio = 0.80 }) }, {}),
    case("满意度0.79，报黄",
         { RN1, node("satisfaction", "2020-07-08", { ratio = 0.79 }) }, one("satisfaction", "satisfaction", "yellow")),
    case("满意度不详，不报", { RN1, node("satisfaction", "2020-07-08") }, {}),
    { name = "满意度后来提高，仍等人办结",
      steps = {
        { given = { RN1, node("satisfaction", "2020-07-08", { ratio = 0.7 }) }, at = NOW,
          expect = one("satisfaction", "satisfaction", "yellow") },
        { given = { node("satisfaction", "2020-07-09", { ratio = 0.9 }) }, at = "2020-07-10T07:30:00+08:00",
          expect = one("satisfaction", "satisfaction", "yellow") },
        { actions = { { key = "RN1|satisfaction|satisfaction", action = "close", text = "已列改进事项三项" } },
          at = "2020-07-11T07:30:00+08:00", expect = {} },
      } },
    case("开工不合规和节点逾期两样都有，各报各的",
         { RN1, PUBLIC, VOTE, START, node("midterm", nil, { planned_on = "2020-07-01" }) },
         { GATE[1], one("slip", "midterm", "yellow")[1] }),
  },
}
