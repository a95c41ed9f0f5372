--- 重复信访与群体诉求：同一人同一事项一再来信来访、多人为同一事项而来、办结后不满意又来的，请领导包案。
-- 给党政办，并告知所在社区和平安办。
local calendar = require "std.calendar"
local text     = require "std.text"
local with     = require("std.example").with

local KEY_MAX = 150 -- 字节；再长的写不进告警的 key

-- 同一人为这一事项是哪几天来的（近 repeat_days 天，含这一次）。
local function dates_of(row, ctx)
  local same, dates = { matter_key = row.matter_key, subject_key = row.subject_key }, {}
  for p in ctx:each("petition", same, { within = calendar.period(ctx.settings.repeat_days, "d") }) do
    dates[#dates + 1] = calendar.date_of(p.received_at):sub(6)
  end
  return dates
end

-- 有几个不同的人为这一事项来过（近 mass_days 天）。
local function people_of(row, ctx)
  local seen, n = {}, 0
  for p in ctx:each("petition", { matter_key = row.matter_key }, { within = calendar.period(ctx.settings.mass_days, "d") }) do
    local who = p.subject_key
    if who and not seen[who] then seen[who], n = true, n + 1 end
  end
  return n
end

-- 同一人此前为这一事项来过、办结而不满意的，办结离现在几天（取最近的一件）；没有则为 nil。
local function days_since_unsatisfied(row, ctx)
  local same = { matter_key = row.matter_key, subject_key = row.subject_key, satisfied = false }
  local now, least = calendar.seconds(ctx.now), nil
  for p in ctx:each("petition", same) do
    local earlier = calendar.seconds(p.received_at) < now
    if earlier and p.closed_at and calendar.seconds(p.closed_at) <= now then
      local days = calendar.days_between(p.closed_at, ctx.now)
      if not least or days < least then least = days end
    end
  end
  return least
end

local function judge_repeat(row, ctx)
  if not row.subject_key then return end
  local s, dates = ctx.settings, dates_of(row, ctx)
  local n = #dates
  if not ctx:check("同一人同一事项来信来访", n, ">=", s.repeat_yellow, "次") then return end
  local level = ctx:check("同一人同一事项来信来访（橙）", n, ">=", s.repeat_orange, "次") and "orange" or "yellow"
  return level, ("近%d天重复%d次（%s）"):format(s.repeat_days, n, text.list(dates, 10))
end

local function judge_mass(row, ctx)
  local s, people = ctx.settings, people_of(row, ctx)
  local many = ctx:check("为同一事项来的人", people, ">=", s.mass_subjects, "人")
    or ctx:check("这一件的人数", row.co_signers, ">=", s.mass_subjects, "人")
  if not many then return end
  local n = math.max(people, row.co_signers or 0)
  return ctx:check("人数（红）", n, ">=", s.mass_red, "人") and "red" or "orange", ("涉及%d人"):format(n)
end

local function judge_reflow(row, ctx)
  if not row.subject_key then return end
  local days = days_since_unsatisfied(row, ctx)
  if ctx:check("不满意办结至今", days, "<=", ctx.settings.reflow_days, "天") then
    return "yellow", ("不满意办结%d天后又来"):format(days)
  end
end

local KINDS = {
  { id = "repeat", name = "重复信访", judge = judge_repeat },
  { id = "mass", name = "群体诉求", judge = judge_mass },
  { id = "reflow", name = "不满意再访", judge = judge_reflow },
}

local function key_of(kind, matter, subject)
  if kind == "mass" then return matter .. "|mass" end
  return ("%s|%s|%s"):format(matter, kind, subject or "")
end

-- 成立的各种：{ kind, level, words }
local function findings(row, ctx)
  local list = {}
  for _, kind in ipairs(KINDS) do
    local level, words = kind.judge(row, ctx)
    if level then
      list[#list + 1] = { id = kind.id, name = kind.name, level = level, words = words }
    else
      ctx:clear { key = key_of(kind.id, row.matter_key, row.subject_key), reason = "最近一件不再符合条件", close = false }
    end
  end
  return list
end

local function others_of(list, this)
  local names = {}
  for _, f in ipairs(list) do
    if f ~= this then names[#names + 1] = ("%s（%s）"):format(f.name, f.words) end
  end
  return #names > 0 and "；同时有：" .. text.list(names) or ""
end

-- 只改了与判断无关的内容（受理、办理情况等），而告警已由人办结：不再翻出来。
local function is_settled(row, key, ctx)
  local old = ctx:before(row)
  local same = old ~= nil and old.matter_key == row.matter_key and old.subject_key == row.subject_key
    and old.co_signers == row.co_signers and old.received_at == row.received_at
  local alert = same and ctx:alerts { key = key }[1]
  return alert and alert.closed_at ~= nil
end

local function judge(row, ctx)
  if not row.matter_key then return ctx:unknown("信访件缺少事项") end
  if not row.subject_key then ctx:unknown("信访件缺少诉求人，只能按人数判断") end
  if #row.matter_key + #(row.subject_key or "") > KEY_MAX then return ctx:unknown("事项或诉求人的代号太长") end
  -- 这一事项最后一件之后 calm_days 天没有新件，才算平息。
  local calm_at = calendar.deadline(ctx, ctx.now, calendar.period(ctx.settings.calm_days, "d"))
  ctx:wake("calm|" .. row.matter_key, calm_at, row.matter_key)
  local list = findings(row, ctx)
  for _, f in ipairs(list) do
    local key = key_of(f.id, row.matter_key, row.subject_key)
    if not is_settled(row, key, ctx) then
      ctx:alert {
        key = key, kind = f.id, level = f.level, about = { "petition", row.petition_id },
        title = ("%s：事项%s"):format(f.name, row.matter_key),
        text  = ("事项%s%s%s。请明确包案领导，办结时写明包案领导和处理结果"):format(row.matter_key, f.words,
          others_of(list, f)),
      }
    end
  end
end

-- 平息了：这一事项的告警都记下“数据已正常”。
local function calm(_, matter, ctx)
  local reason = ("%d天没有新件"):format(ctx.settings.calm_days)
  ctx:clear { key = key_of("mass", matter), reason = reason }
  local seen = {}
  for p in ctx:each("petition", { matter_key = matter }) do
    local who = p.subject_key
    if who and not seen[who] then
      seen[who] = true
      ctx:clear { key = key_of("repeat", matter, who), reason = reason }
      ctx:clear { key = key_of("reflow", matter, who), reason = reason }
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

-- 一件：编号、收到的日期（或时刻），其余照样子。
local function petition(id, day, more)
  return { "petition", with({ petition_id = id, channel = "hotline12345",
    received_at = #day == 10 and day .. "T20:00:00+08:00" or day, subject_key = "Q1", matter_key = "MT7",
    co_signers = 1, community_id = "dongjia_xincun", text = "夜间施工", keywords = { "施工噪声" } }, more) }
end

-- Q1 为 MT7 在这些日子各来一次。
local function on_days(...)
  local given = {}
  for i, day in ipairs { ... } do given[i] = petition("X" .. i, day) end
  return given
end

-- n 个不同的人，都在同一天。
local function people(n, day, from)
  local given = {}
  for i = from or 1, n do given[#given + 1] = petition("G" .. i, day, { subject_key = "Q" .. i }) end
  return given
end

local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local function unsatisfied(id, closed_at, more)
  return petition(id, "2020-05-01", with({ closed_at = closed_at, satisfied = false }, more))
end

local REPEAT = { { key = "MT7|repeat|Q1", kind = "repeat", level = "yellow" } }
local REPEAT_ORANGE = { { key = "MT7|repeat|Q1", kind = "repeat", level = "orange" } }
local REFLOW = { { key = "MT7|reflow|Q1", kind = "reflow", level = "yellow" } }
local function mass(level) return { { key = "MT7|mass", kind = "mass", level = level } } end

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-15T09:00:00+08:00", settings = settings, expect = want }
end

local CLOSE = { key = "MT7|repeat|Q1", action = "close", verdict = "solved", text = "包案领导：某副主任；已协调夜间停工" }

return {
  title    = "重复信访与群体诉求",
  office   = "party_gov",
  shape    = "CNT",
  also     = { "safety" },
  reads    = { "petition" },
  rejudge  = { petition = "matter_key" },
  settings = {
    repeat_days   = { label = "重复信访看近", unit = "天", default = 30, min = 1, max = 366 },
    repeat_yellow = { label = "同一人同一事项不少于（黄）", unit = "次", default = 3, min = 2, max = 100 },
    repeat_orange = { label = "同一人同一事项不少于（橙）", unit = "次", default = 5, min = 2, max = 100 },
    mass_days     = { label = "群体诉求看近", unit = "天", default = 7, min = 1, max = 366 },
    mass_subjects = { label = "同一事项不少于（橙）", unit = "人", default = 5, min = 2, max = 10000 },
    mass_red      = { label = "同一事项不少于（红）", unit = "人", default = 30, min = 2, max = 10000 },
    reflow_days   = { label = "不满意办结后又来，不超过", unit = "天", default = 30, min = 1, max = 366 },
    calm_days     = { label = "算作平息：没有新件满", unit = "天", default = 14, min = 1, max = 366 },
  },

  on   = { petition = judge },
  wake = calm,

  -- 办结要写明包案领导和处理结果；平息之前页面上不会显示“数据已正常”。
  life = {
    ["repeat"] = { close = "auto+evidence", evidence = { "note" },
                   limits = { orange = { visit = "1wd", close = "10wd" }, yellow = { visit = "2wd", close = "15wd" } } },
    mass       = { close = "auto+evidence", evidence = { "note" },
                   limits = { red = { visit = "4h", close = "5wd" }, orange = { visit = "1wd", close = "10wd" } } },
    reflow     = { close = "auto+evidence", evidence = { "note" }, limits = { visit = "2wd", close = "15wd" } },
  },

  examples = {
    case("30天内第三次，报黄", on_days("2020-06-20", "2020-07-02", "2020-07-14"), REPEAT),
    case("第一次在34天前，只算两次，不报", on_days("2020-06-10", "2020-07-02", "2020-07-14"), {}),
    case("第一次恰在30天前，报黄", on_days("2020-06-14", "2020-07-02", "2020-07-14"), REPEAT),
    case("第一次在31天前，不报", on_days("2020-06-13", "2020-07-02", "2020-07-14"), {}),
    case("只来两次，不报", on_days("2020-07-02", "2020-07-14"), {}),
    case("四次仍是黄", on_days("2020-07-01", "2020-07-02", "2020-07-03", "2020-07-14"), REPEAT),
    case("五次，报橙", on_days("2020-07-01", "2020-07-02", "2020-07-03", "2020-07-04", "2020-07-14"), REPEAT_ORANGE),
    case("换了一个事项，不合在一起", plus(on_days("2020-07-01", "2020-07-02"), petition("X3", "2020-07-14", { matter_key = "MT8" })),
         {}),
    case("换了一个人，不算重复", plus(on_days("2020-07-01", "2020-07-02"), petition("X3", "2020-07-14", { subject_key = "Q2" })), {}),
    case("同一编号又送来一次，只算一次", { petition("X1", "2020-07-01"), petition("X2", "2020-07-02"),
                                petition("X2", "2020-07-02", { text = "夜间施工（补充）" }) }, {}),
    case("缺事项，不报",
         { petition("X1", "2020-07-01", { matter_key = "" }), petition("X2", "2020-07-02", { matter_key = "" }),
           petition("X3", "2020-07-14", { matter_key = "" }) }, {}),
    case("事项代号太长，不报", { petition("X1", "2020-07-14", { matter_key = ("M"):rep(200), co_signers = 9 }) }, {}),
    case("缺诉求人，不算重复", { petition("X1", "2020-07-01", { subject_key = "" }), petition("X2", "2020-07-02", { subject_key = "" }),
                          petition("X3", "2020-07-14", { subject_key = "" }) }, {}),
    case("缺诉求人，人数够了照报", { petition("X1", "2020-07-14", { subject_key = "", co_signers = 6 }) }, mass "orange"),
    case("黄的次数调到4后，三次不报", on_days("2020-06-20", "2020-07-02", "2020-07-14"), {}, { repeat_yellow = 4 }),
    case("后一件更新过办理情况，再补来早的，照样算",
         { petition("X3", "2020-07-14"), petition("X3", "2020-07-14", { accepted_at = "2020-07-14T21:00:00+08:00" }),
           petition("X1", "2020-06-20"), petition("X2", "2020-07-02") }, REPEAT),
    case("看近10天，只算一次，不报", on_days("2020-06-20", "2020-07-02", "2020-07-14"), {}, { repeat_days = 10 }),
    case("乱序到达，结果一样", { petition("X3", "2020-07-14"), petition("X1", "2020-06-20"), petition("X2", "2020-07-02") }, REPEAT),
    case("五次乱序到达，结果一样",
         { petition("X5", "2020-07-14"), petition("X3", "2020-07-03"), petition("X1", "2020-07-01"), petition("X4", "2020-07-04"),
           petition("X2", "2020-07-02") }, REPEAT_ORANGE),

    case("七天内五个人，报橙", people(5, "2020-07-14"), mass "orange"),
    case("四个人，不报", people(4, "2020-07-14"), {}),
    case("第一个人恰在七天前，报橙", plus(people(1, "2020-07-07"), table.unpack(people(5, "2020-07-14", 2))), mass "orange"),
    case("第一个人在八天前，不报", plus(people(1, "2020-07-06"), table.unpack(people(5, "2020-07-14", 2))), {}),
    case("一件联名5人，报橙", { petition("X1", "2020-07-14", { co_signers = 5 }) }, mass "orange"),
    case("一件联名4人，不报", { petition("X1", "2020-07-14", { co_signers = 4 }) }, {}),
    case("不知道人数，不报", { petition("X1", "2020-07-14", { co_signers = "" }) }, {}),
    case("一件联名29人，仍是橙", { petition("X1", "2020-07-14", { co_signers = 29 }) }, mass "orange"),
    case("一件联名30人，报红", { petition("X1", "2020-07-14", { co_signers = 30 }) }, mass "red"),
    case("三十个人，报红", people(30, "2020-07-14"), mass "red"),
    case("二十九个人，仍是橙", people(29, "2020-07-14"), mass "orange"),
    case("五个人乱序到达，结果一样",
         plus({ petition("X9", "2020-07-14", { subject_key = "Q9" }) }, table.unpack(people(4, "2020-07-10"))), mass "orange"),

    case("不满意办结后又来，报黄", { unsatisfied("X1", "2020-07-01T10:00:00+08:00"), petition("X2", "2020-07-14") }, REFLOW),
    case("办结恰在30天前，报黄", { unsatisfied("X1", "2020-06-14T10:00:00+08:00"), petition("X2", "2020-07-14") }, REFLOW),
    case("办结在31天前，不报", { unsatisfied("X1", "2020-06-13T23:00:00+08:00"), petition("X2", "2020-07-14") }, {}),
    case("满意的，不报", { unsatisfied("X1", "2020-07-01T10:00:00+08:00", { satisfied = true }), petition("X2", "2020-07-14") }, {}),
    case("没有评价，不报",
         { petition("X1", "2020-05-01", { closed_at = "2020-07-01T10:00:00+08:00" }), petition("X2", "2020-07-14") }, {}),
    case("不满意但没有办结，不报", { unsatisfied("X1", nil), petition("X2", "2020-07-14") }, {}),
    case("这一件来了之后那一件才办结，不报", { unsatisfied("X1", "2020-07-14T20:00:01+08:00"), petition("X2", "2020-07-14") }, {}),
    case("这一件来的同一刻那一件办结，报", { unsatisfied("X1", "2020-07-14T20:00:00+08:00"), petition("X2", "2020-07-14") }, REFLOW),
    case("别人不满意，不报",
         { unsatisfied("X1", "2020-07-01T10:00:00+08:00", { subject_key = "Q2" }), petition("X2", "2020-07-14") }, {}),
    case("自己这一件办结不满意，不算又来", { petition("X2", "2020-07-14", { closed_at = "2020-07-14T20:00:00+08:00", satisfied = false }) }, {}),
    case("先后办结过两件，看近的一件", { unsatisfied("X0", "2020-05-10T10:00:00+08:00"),
                              unsatisfied("X1", "2020-07-10T10:00:00+08:00"), petition("X2", "2020-07-14") }, REFLOW),
    case("不满意的评价后来才补上，也报", { petition("X1", "2020-06-20"), petition("X2", "2020-07-14"),
                               petition("X1", "2020-06-20", { closed_at = "2020-07-01T10:00:00+08:00", satisfied = false }) },
         REFLOW),
    case("三种都成立，各报一条", plus(people(5, "2020-07-12", 2), unsatisfied("X0", "2020-07-01T10:00:00+08:00"),
           petition("X1", "2020-07-12"), petition("X2", "2020-07-13"), petition("X3", "2020-07-14")),
         { { key = "MT7|mass", level = "orange" }, { key = "MT7|reflow|Q1", level = "yellow" },
           { key = "MT7|repeat|Q1", level = "yellow" } }),

    { name = "黄升为橙，还是同一条",
      steps = {
        { given = on_days("2020-07-01", "2020-07-02", "2020-07-03"), at = "2020-07-03T21:00:00+08:00", expect = REPEAT },
        { given = { petition("X4", "2020-07-04"), petition("X5", "2020-07-05") }, at = "2020-07-06T09:00:00+08:00",
          expect = REPEAT_ORANGE },
      } },
    { name = "平息之后也要人办结",
      steps = {
        { given = on_days("2020-06-20", "2020-07-02", "2020-07-14"), at = "2020-07-28T20:00:00+08:00", expect = REPEAT },
        { at = "2020-07-29T09:00:00+08:00", actions = { CLOSE }, expect = {} },
      } },
    { name = "办结以后只更新办理情况，不再报",
      steps = {
        { given = on_days("2020-06-20", "2020-07-02", "2020-07-14"), at = "2020-07-15T09:00:00+08:00", expect = REPEAT },
        { at = "2020-07-16T09:00:00+08:00", actions = { CLOSE }, expect = {} },
        { given = { petition("X3", "2020-07-14", { accepted_at = "2020-07-16T10:00:00+08:00" }) },
          at = "2020-07-17T09:00:00+08:00", expect = {} },
      } },
    { name = "办结以后又来一次，重新报",
      steps = {
        { given = on_days("2020-06-20", "2020-07-02", "2020-07-14"), at = "2020-07-15T09:00:00+08:00", expect = REPEAT },
        { at = "2020-07-16T09:00:00+08:00", actions = { CLOSE }, expect = {} },
        { given = { petition("X4", "2020-07-16T09:30:00+08:00") }, at = "2020-07-16T10:00:00+08:00", expect = REPEAT },
      } },
  },
}
