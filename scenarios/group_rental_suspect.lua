--- 疑似群租：上月用水用电远高于本小区中位数、登记人数太多或太少、有人投诉，几样合起来打分。
-- 给平安办、社区、网格员和派出所：联合上门核实；查实的限期整改后再去一次，排除的180天内免检。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

-- 一户某月的用水、用电（几个户号合起来）；没有读数的种类为 nil。
local function usage_of(house_id, month, ctx)
  local total = {}
  for u in ctx:each("utility_month", { subject_id = house_id, subject_type = "house", month = month }, { all = true }) do
    local kind, usage = u.kind, u.usage
    if usage then total[kind] = stats.round((total[kind] or 0) + usage) end
  end
  return total
end

-- 小区的情况：各户用水、用电的中位数和有读数的户数，近期来信提到了哪几户（住户编号 → 信件编号）。
local function survey(estate_id, month, ctx)
  local lists, named = { water = {}, electric = {} }, {}
  for house in ctx:each("house", { estate_id = estate_id }) do
    local use = usage_of(house.house_id, month, ctx)
    for kind, list in pairs(lists) do
      if use[kind] then list[#list + 1] = use[kind] end
    end
  end
  for letter in ctx:each("letter", { estate_id = estate_id }, { within = ("%dd"):format(ctx.settings.complaint_days) }) do
    for _, word in ipairs(letter.keywords or {}) do named[word] = letter.letter_id end
  end
  return { water = { n = #lists.water, median = stats.median(lists.water) },
           electric = { n = #lists.electric, median = stats.median(lists.electric) }, named = named }
end

-- 同一次运行里，一个小区只统计一次：各户看到的都是同一时刻的数据，结果一样。
local surveys = {}
local function survey_once(house, month, ctx)
  local run = ctx.seq .. "|" .. ctx.now
  if surveys.run ~= run then surveys = { run = run, of = {} } end
  local estate = house.estate_id or ""
  surveys.of[estate] = surveys.of[estate] or survey(estate, month, ctx)
  return surveys.of[estate]
end

-- 用量达到小区中位数的若干倍：返回倍数的说法。
local function far_above(word, unit, usage, of, ratio, ctx)
  if not ctx:check(("小区有%s读数的户数"):format(word), of.n, ">=", ctx.settings.min_estate_n, "户") then return nil end
  if usage and usage > 0 and ctx:check("用" .. word, usage, ">=", stats.round(ratio * of.median), unit) then
    return of.median > 0 and ("用%s为小区中位数的%s倍"):format(word, text.number(usage / of.median, 1))
        or ("小区多数户不用%s而本户在用"):format(word)
  end
end

local function persons_in(house_id, ctx)
  local n = 0
  for person in ctx:each("resident", { house_id = house_id }) do
    if person.status == "present" then n = n + 1 end
  end
  return n
end

local function is_complained(house_id, named, ctx)
  local days = ctx.settings.complaint_days
  local petition = ctx:list("petition", { house_id = house_id }, { last = 1, within = ("%dd"):format(days) })[1]
  local letter = named[house_id] and ctx:find("letter", named[house_id])
  return ctx:check(("近%d天被投诉"):format(days), petition ~= nil or letter ~= nil, "==", true)
end

-- 各项信号：得分和说法。
local function score_of(house, use, around, ctx)
  local s, score, words = ctx.settings, 0, {}
  local function add(points, word)
    score = score + points
    words[#words + 1] = word
  end
  local water   = far_above("水", "立方米", use.water, around.water, s.water_ratio, ctx)
  local power   = far_above("电", "千瓦时", use.electric, around.electric, s.elec_ratio, ctx)
  local persons = persons_in(house.house_id, ctx)
  if water then add(s.w_water, water) end
  if power then add(s.w_elec, power) end
  if ctx:check("登记人数", persons, ">=", 2, "人")
     and ctx:check("人均面积", stats.ratio(house.area_m2, persons, "平方米"), "<", s.area_per_person) then
    add(s.w_area, ("%d人住%s平方米"):format(persons, text.number(house.area_m2)))
  end
  if is_complained(house.house_id, around.named, ctx) then add(s.w_complaint, ("近%d天被投诉"):format(s.complaint_days)) end
  if ctx:check("登记人数（很少）", persons, "<=", 2, "人")
     and ctx:check("人均用水", stats.ratio(use.water, math.max(persons, 1), "立方米"), ">", s.ghost_m3) then
    add(s.w_ghost, ("登记%d人而用水%s立方米"):format(persons, text.number(use.water)))
  end
  return score, words
end

-- 免检：登记的免检期未过，或近180天上门排除过。
local function is_whitelisted(house, ctx)
  if house.whitelist_until and house.whitelist_until >= ctx.today then return true end
  local cleared = { subject_id = house.house_id, subject_type = "house", result = "cleared" }
  return ctx:list("visit", cleared, { last = 1, within = ("%dd"):format(ctx.settings.cleared_days) })[1] ~= nil
end

-- 一户的得分和各项信号；免检的为 nil。
local function judge(house, ctx)
  if not ctx:check("免检中", is_whitelisted(house, ctx), "==", false) then return nil end
  local month = calendar.add_months(ctx.month, -1)
  return score_of(house, usage_of(house.house_id, month, ctx), survey_once(house, month, ctx), ctx)
end

local function run(house, ctx)
  local key, s = house.house_id, ctx.settings
  local score, words = judge(house, ctx)
  if score and ctx:check("得分", score, ">=", s.yellow_score, "分") then
    ctx:alert {
      key = key, kind = "suspect", about = { "house", key }, title = "疑似群租",
      level = ctx:check("得分（高）", score, ">=", s.orange_score, "分") and "orange" or "yellow",
      text = ("%s%s疑似群租，得分%g：%s"):format(house.building_no and house.building_no .. "幢" or "", key, score,
        table.concat(words, "；")),
    }
  elseif ctx:alerts { key = key }[1] then     -- 挂着或办结过的才要说“已不成立”
    ctx:clear { key = key, reason = "得分已降下来，或已免检" }
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function house(more)
  return { "house", with({ house_id = "H36", estate_id = "E_DJ", community_id = "dongjia_xincun", building_no = "12",
    area_m2 = 80, rooms = 3, use = "rent" }, more) }
end

local function meter(kind, usage, id, more)
  return { "utility_month", with({ account_id = (id or "H36") .. kind, month = "2020-06", subject_type = "house",
    subject_id = id or "H36", kind = kind, usage = usage }, more) }
end

-- 小区里另外 n 户（默认 11 户），户户用水 water、用电 power
local function neighbours(n, water, power)
  local given = {}
  for i = 1, n or 11 do
    local id = ("N%02d"):format(i)
    given[#given + 1] = house { house_id = id }
    given[#given + 1] = meter("water", water or 9, id)
    given[#given + 1] = meter("electric", power or 140, id)
  end
  return given
end

local function people(n, more)
  local list = {}
  for i = 1, n do
    list[i] = { "resident", with({ person_key = "P" .. i, house_id = "H36", community_id = "dongjia_xincun", status = "present" },
                                 more) }
  end
  return list
end

local function petition(at, more)
  return { "petition", with({ petition_id = "PT1", house_id = "H36", estate_id = "E_DJ", received_at = at .. "+08:00" }, more) }
end
local PETITION = petition "2020-06-20T10:00:00"

local function letter(at, more)
  return { "letter", with({ letter_id = "L1", estate_id = "E_DJ", received_at = at .. "+08:00",
    keywords = { "群租", "H36" } }, more) }
end

-- 把几组记录接成一串
local function all(...)
  local given = {}
  for _, part in ipairs { ... } do
    if type(part[1]) == "string" then part = { part } end
    for _, record in ipairs(part) do given[#given + 1] = record end
  end
  return given
end

local WATER_HIGH, POWER_HIGH = meter("water", 27), meter("electric", 350)
-- 用水三倍（3分），八个人住80平方米
local function watered(...) return all(neighbours(), house(), WATER_HIGH, meter("electric", 280), people(8), ...) end
-- 有投诉（2分）的八人户，再加几条
local function complained(...) return all(neighbours(), house(), people(8), PETITION, ...) end

local YELLOW = { { key = "H36", kind = "suspect", level = "yellow" } }
local ORANGE = { { key = "H36", kind = "suspect", level = "orange" } }
local NOW    = "2020-07-11T08:00:00+08:00"

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = want }
end

-- 偶数户：另外 9 户用水 6，H36 与 H37 同小区；中位数取中间两户的均值
local function even(mine)
  local given = all(house(), people(8), PETITION, meter("water", mine))
  for i = 1, 11 do
    local id = ("N%02d"):format(i)
    given = all(given, house { house_id = id }, meter("water", i <= 6 and 8 or 12, id))
  end
  return given
end

-- n 户都是两人住六平方米
local function crowded(n)
  local given = {}
  for i = 1, n do
    local id = ("C%03d"):format(i)
    given[#given + 1] = house { house_id = id, area_m2 = 6 }
    for k = 1, 2 do
      given[#given + 1] = { "resident", { person_key = id .. k, house_id = id, status = "present" } }
    end
  end
  return given
end

local function cleared(at, result)
  return { "visit", { visit_id = "V1", subject_type = "house", subject_id = "H36", visited_at = at .. "T10:00:00+08:00",
                      alert_key = "group_rental_suspect|H36", result = result or "cleared" } }
end
local CLOSE = { { key = "H36", action = "close", text = "已联合上门" } }

local function points(label, default) return { label = label, unit = "分", default = default, min = 0, max = 100 } end

return {
  title    = "疑似群租",
  office   = "safety",
  shape    = "SCORE JOIN",
  also     = { "grid", "police" },
  reads    = { "house", "utility_month", "resident", "petition", "letter", "visit" },
  settings = {
    water_ratio     = { label = "用水达到小区中位数的", unit = "倍", default = 2.5, min = 1, max = 20 },
    elec_ratio      = { label = "用电达到小区中位数的", unit = "倍", default = 2.5, min = 1, max = 20 },
    w_water         = points("用水很多，记", 3),
    w_elec          = points("用电很多，记", 2),
    area_per_person = { label = "人均面积小于", unit = "平方米", default = 4, min = 0, max = 50 },
    w_area          = points("住得很挤，记", 4),
    w_complaint     = points("被投诉，记", 2),
    complaint_days  = { label = "投诉看最近", unit = "天", default = 90, min = 1, max = 366 },
    ghost_m3        = { label = "人均用水超过（登记人数太少）", unit = "立方米", default = 10, min = 0, max = 100 },
    w_ghost         = points("登记人数太少，记", 2),
    yellow_score    = points("报黄的得分", 5),
    orange_score    = points("报橙的得分", 8),
    min_estate_n    = { label = "小区有读数的户数不少于", unit = "户", default = 10, min = 1, max = 10000 },
    cleared_days    = { label = "上门排除后免检", unit = "天", default = 180, min = 0, max = 730 },
  },

  bulk_guard = true,
  every   = { { at = "monthly d11 08:00", over = "house", run = run } },
  rejudge = { petition = "house_id" },

  life = {
    -- 排除的凭排除结果办结；查实的（confirmed）要整改后再去一次（rectified）才能办结
    suspect = { close = "evidence", evidence = { "visit" }, results = { "cleared", "rectified" },
                limits = { yellow = { visit = "5wd", close = "15wd" }, orange = { visit = "2wd", close = "15wd" } } },
  },

  examples = {
    case("用水三倍加一次投诉，5分，报黄", watered(PETITION), YELLOW),
    case("没有投诉，3分，不报", watered(), {}),
    case("免检到年底，不报", all(neighbours(), house { whitelist_until = "2020-12-31" }, WATER_HIGH, people(8), PETITION), {}),
    case("免检到今天，不报", all(neighbours(), house { whitelist_until = "2020-07-11" }, WATER_HIGH, people(8), PETITION), {}),
    case("免检昨天到期，报", all(neighbours(), house { whitelist_until = "2020-07-10" }, WATER_HIGH, people(8), PETITION), YELLOW),

    case("用水恰好2.5倍，算", complained(meter("water", 22.5)), YELLOW),
    case("用水差一点2.5倍，不算", complained(meter("water", 22.499)), {}),
    case("用电恰好2.5倍加用水，5分，报黄", watered(meter("electric", 350)), YELLOW),
    case("用电差一点2.5倍，3分，不报", watered(meter("electric", 349.99)), {}),
    case("水、电、投诉，7分，仍是黄", watered(POWER_HIGH, PETITION), YELLOW),
    case("两个水表合起来算", complained(meter("water", 13), meter("water", 14, "H36", { account_id = "U2" })), YELLOW),
    case("上月没有读数，不算", complained(meter("water", 27, "H36", { month = "2020-05" })), {}),
    case("读数缺值，不算", complained(meter("water", nil)), {}),
    case("企业户的读数不算", complained(meter("water", 27, "H36", { subject_type = "enterprise" })), {}),
    case("本月的读数不算上月的", complained(WATER_HIGH, meter("water", 1, "H36", { month = "2020-07" })), YELLOW),
    case("用气很多不算", complained(meter("gas", 500)), {}),
    case("小区恰好10户有读数，判断", all(neighbours(9), house(), WATER_HIGH, people(8), PETITION), YELLOW),
    case("小区只有9户有读数，不判断", all(neighbours(8), house(), WATER_HIGH, people(8), PETITION), {}),
    case("别的小区不算在内", all(neighbours(), house { estate_id = "E_XX" }, WATER_HIGH, people(8), PETITION), {}),
    case("不知道小区，用水不判断", all(neighbours(), house { estate_id = "" }, WATER_HIGH, people(8), PETITION), {}),
    case("12户，中间两户是8和12，中位数10，用水25，算", even(25), YELLOW),
    case("中位数10，用水24.99，不算", even(24.99), {}),
    case("中位数是0，用了水就算", all(neighbours(11, 0), house(), people(8), PETITION, meter("water", 1)), YELLOW),
    case("中位数是0，自己也没用水，不算", all(neighbours(11, 0), house(), people(8), PETITION, meter("water", 0)), {}),

    case("20人住79.9平方米加投诉，6分，报黄", all(house { area_m2 = 79.9 }, people(20), PETITION), YELLOW),
    case("20人住80平方米，恰好4平方米，不算", all(house(), people(20), PETITION), {}),
    case("2人住7.9平方米加投诉，报黄", all(house { area_m2 = 7.9 }, people(2), PETITION), YELLOW),
    case("1人住3平方米，不算", all(house { area_m2 = 3 }, people(1), PETITION), {}),
    case("不知道面积，不算", all(house { area_m2 = "" }, people(20), PETITION), {}),
    case("已迁出的人不算", all(house { area_m2 = 79.9 }, people(20, { status = "moved_out" }), PETITION), {}),
    case("不知道是否在住的人不算", all(house { area_m2 = 79.9 }, people(20, { status = "" }), PETITION), {}),
    case("住得挤、用水多，7分，报黄", all(neighbours(), house { area_m2 = 30 }, people(8), WATER_HIGH), YELLOW),
    case("住得挤、用水用电多，9分，报橙", all(neighbours(), house { area_m2 = 30 }, people(8), WATER_HIGH, POWER_HIGH), ORANGE),
    case("住得挤、用电多、投诉，恰好8分，报橙", all(neighbours(), house { area_m2 = 30 }, people(8), POWER_HIGH, PETITION), ORANGE),

    case("登记没有人而用水27立方米，加用水多，5分，报黄", all(neighbours(), house(), WATER_HIGH), YELLOW),
    case("登记2人、人均恰好10立方米，不算", all(neighbours(11, 8), house(), people(2), meter("water", 20)), {}),
    case("登记2人、人均超过10立方米，报黄", all(neighbours(11, 8), house(), people(2), meter("water", 20.01)), YELLOW),
    case("登记没有人、用水恰好10立方米，不算", all(neighbours(11, 4), house(), meter("water", 10)), {}),
    case("登记3人、人均11立方米，不算", all(neighbours(), house(), people(3), meter("water", 33)), {}),
    case("没有用水读数，不算登记太少", all(neighbours(), house(), POWER_HIGH, PETITION), {}),

    case("投诉恰好在90天前，算", watered(petition "2020-04-12T00:10:00"), YELLOW),
    case("投诉在91天前，不算", watered(petition "2020-04-11T23:50:00"), {}),
    case("投诉的是别的户，不算", watered(petition("2020-06-20T10:00:00", { house_id = "H37" })), {}),
    case("来信点到这一户，算", watered(letter "2020-06-20T10:00:00"), YELLOW),
    case("来信恰好在90天前，算", watered(letter "2020-04-12T00:10:00"), YELLOW),
    case("来信在91天前，不算", watered(letter "2020-04-11T23:50:00"), {}),
    case("别的小区的来信，不算", watered(letter("2020-06-20T10:00:00", { estate_id = "E_XX" })), {}),
    case("来信没有点到这一户，不算", watered(letter("2020-06-20T10:00:00", { keywords = { "群租" } })), {}),
    case("来信没有关键词，不算", watered(letter("2020-06-20T10:00:00", { keywords = "" })), {}),
    case("又有来信又有投诉，只记一次", watered(PETITION, letter "2020-06-20T10:00:00"), YELLOW),
    case("投诉记5分，不用水也报", all(house(), people(8), PETITION), YELLOW, { w_complaint = 5 }),
    case("不知道幢号也报", all(neighbours(), house { building_no = "" }, WATER_HIGH), YELLOW),

    case("一次201户，只报一条总的", crowded(201), { { key = "bulk_guard|2020-07-11", level = "orange" } }, { yellow_score = 4 }),

    { name = "月月看是同一条；信号多了升为橙；降下来仍挂着，等上门结果",
      steps = {
        { given = watered(PETITION), at = NOW, expect = YELLOW },
        { given = { house { area_m2 = 30 }, petition("2020-07-20T10:00:00", { petition_id = "PT2" }) },
          settings = { w_area = 6 }, at = "2020-08-11T08:00:00+08:00", expect = ORANGE },
        { given = { house() }, at = "2020-09-11T08:00:00+08:00", expect = ORANGE },
        { given = { cleared "2020-09-12" }, actions = CLOSE, at = "2020-09-12T11:00:00+08:00", expect = {} },
      } },
    { name = "上门排除后180天内免检",
      steps = {
        { given = watered(PETITION), at = NOW, expect = YELLOW },
        { given = { cleared "2020-07-13" }, actions = CLOSE, at = "2020-07-13T11:00:00+08:00", expect = {} },
        { given = { house { area_m2 = 20 }, petition("2020-08-01T10:00:00", { petition_id = "PT2" }) },
          at = "2020-08-11T08:00:00+08:00", expect = {} },
        { given = { petition("2021-01-05T10:00:00", { petition_id = "PT3" }) }, at = "2021-01-11T08:00:00+08:00",
          expect = YELLOW },
      } },
    case("恰好180天前排除过，不报", watered(PETITION, cleared "2020-01-13"), {}),
    case("181天前排除过，报", watered(PETITION, cleared "2020-01-12"), YELLOW),
    case("上门查实的不免检，报", watered(PETITION, cleared("2020-06-30", "confirmed")), YELLOW),
    { name = "投诉件晚到：补报",
      steps = {
        { given = watered(), at = NOW, expect = {} },
        { given = { petition "2020-07-10T20:00:00" }, at = "2020-07-11T10:00:00+08:00", expect = YELLOW },
      } },
  },
}
