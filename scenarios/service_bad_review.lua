--- 政务服务差评整改：收到差评请当天回访、限期整改，逾期升级；一个窗口差评太多的要整改服务。
-- 给便民服务中心，并告知公共服务办。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"

-- 差评 ------------------------------------------------------------------------------------------

-- 该做而到期没做的；都没逾期为 nil。
local function overdue_step(review, ctx)
  local s = ctx.settings
  local contact_by = calendar.deadline(ctx, review.rated_at, calendar.period(s.contact_wd, "wd"))
  local rectify_by = calendar.deadline(ctx, review.rated_at, calendar.period(s.rectify_wd, "wd"))
  if not review.rectified_at and ctx:check("整改期限", rectify_by, "<", ctx.now) then
    return ("逾%d个工作日未整改"):format(s.rectify_wd)
  end
  if not review.contacted_at and ctx:check("回访期限", contact_by, "<", ctx.now) then
    return ("逾%d个工作日未回访"):format(s.contact_wd)
  end
end

local function key_of(review) return review.review_id .. "|bad" end

-- 还要办的差评：第二个值是不用办的原因。
local function is_open_case(review, ctx)
  if not ctx:check("星级", review.stars, "<=", ctx.settings.bad_stars, "星") then return false, "评价已更正，不是差评" end
  local done = review.contacted_at ~= nil and review.rectified_at ~= nil
  if ctx:check("已回访并整改", done, "==", true) then return false, "已回访并整改" end
  return true
end

local function raise(review, ctx)
  local s, overdue = ctx.settings, overdue_step(review, ctx)
  local where = (review.window_id or "窗口不明") .. (review.item and "“" .. review.item .. "”" or "")
  ctx:alert {
    key = key_of(review), kind = "bad", level = overdue and "orange" or "yellow", about = { "service_review", review.review_id },
    title = ("%s收到差评"):format(where),
    text  = ("%s收到%d星评价，%s"):format(where, review.stars,
      overdue and overdue .. "，请立即办理" or ("请%d个工作日内回访、%d个工作日内整改"):format(s.contact_wd, s.rectify_wd)),
  }
end

-- 没回访没整改就由人办结了的：不因记录更新再报，逾期升级看每天早上。
local function is_settled(review, ctx)
  local old = ctx:alerts { key = key_of(review) }[1]
  return old ~= nil and old.closed_at ~= nil and not old.normal
end

local function judge_review(review, ctx)
  if not review.stars then return ctx:unknown("评价缺少星级") end
  local open, why = is_open_case(review, ctx)
  if not open then return ctx:clear { key = key_of(review), reason = why } end
  if not is_settled(review, ctx) then raise(review, ctx) end
end

-- 每天早上：没办完的看看逾期没有；挂着的看看办完没有。
local function judge_again(review, ctx)
  if review.stars and is_open_case(review, ctx) then raise(review, ctx) end
end

local function close_finished(ctx)
  for _, alert in ipairs(ctx:alerts { kind = "bad", state = "open" }) do
    ctx:subject("service_review", alert.about[2])
    local review = ctx:find("service_review", alert.about[2])
    local open, why = false, "评价已撤回"
    if review then open, why = is_open_case(review, ctx) end
    if not open then ctx:clear { key = alert.key, reason = why } end
  end
end

-- 窗口差评率 ------------------------------------------------------------------------------------

local function judge_window(window, ctx)
  ctx:subject("service_review", window)
  local s, n, bad = ctx.settings, 0, 0
  for review in ctx:each("service_review", { window_id = window }, { within = calendar.period(s.rate_days, "d") }) do
    if review.stars then
      n = n + 1
      if review.stars <= s.bad_stars then bad = bad + 1 end
    end
  end
  local key = ("%s|rate|%s"):format(window, ctx.month)
  if ctx:check("近期评价", n, ">=", s.rate_min_n, "条")
     and ctx:check("差评率", stats.percent(bad, n), ">", s.rate_pct) then
    ctx:alert {
      key = key, kind = "rate", level = "orange",
      title = ("%s近%d天差评多"):format(window, s.rate_days),
      text  = ("%s近%d天评价%d条，差评%d条，占%s，请写明改进措施"):format(window, s.rate_days, n, bad,
        text.percent(stats.percent(bad, n))),
    }
  else
    ctx:clear { key = key, reason = "差评率已回落" }
  end
end

local function on_review(review, ctx)
  judge_review(review, ctx)
  if review.window_id then judge_window(review.window_id, ctx) end
end

-- 每天早上：近期有评价的窗口都看一遍。
local function all_windows(ctx)
  local seen, windows = {}, {}
  for review in ctx:each("service_review", {}, { within = calendar.period(ctx.settings.rate_days, "d") }) do
    local window = review.window_id
    if window and not seen[window] then seen[window], windows[#windows + 1] = true, window end
  end
  for _, window in ipairs(windows) do judge_window(window, ctx) end
end

-- 例子 ------------------------------------------------------------------------------------------

local function review(more)
  local r = { review_id = "RV1", window_id = "WD3", item = "社保转移", rated_at = "2020-07-15T10:12:00+08:00", stars = 2 }
  for k, v in pairs(more or {}) do
    if v == "" then r[k] = nil else r[k] = v end
  end
  return { "service_review", r }
end

local CONTACTED, RECTIFIED = "2020-07-15T15:00:00+08:00", "2020-07-16T15:00:00+08:00"
local DONE = { contacted_at = CONTACTED, rectified_at = RECTIFIED }

-- 同一窗口 good 条好评、bad 条差评（都已回访整改，只看差评率）。
local function reviews(good, bad, at, more)
  local given = {}
  for i = 1, good + bad do
    local r = { review_id = ("R%03d"):format(i), rated_at = at or "2020-07-14T10:00:00+08:00", stars = i > good and 2 or 5,
                contacted_at = DONE.contacted_at, rectified_at = DONE.rectified_at }
    for k, v in pairs(more or {}) do r[k] = v end
    given[i] = review(r)
  end
  return given
end
local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local function bad(level) return { { key = "RV1|bad", kind = "bad", level = level } } end
local BOTH = { { key = "WD3|rate|2020-07", level = "orange" }, { key = "WD3|rate|2020-08", level = "orange" } }
local RATE = { { key = "WD3|rate|2020-07", kind = "rate", level = "orange" } }

local function july(day, hm) return ("2020-07-%02dT%s:00+08:00"):format(day, hm) end
local function case(name, given, at, want, settings)
  return { name = name, given = given, at = at, settings = settings, expect = want }
end

return {
  title    = "政务服务差评整改",
  office   = "service_center",
  shape    = "TH STATE",
  also     = { "public_service" },
  reads    = { "service_review" },
  rejudge  = { service_review = "window_id" },
  settings = {
    bad_stars  = { label = "差评：不高于", unit = "星", default = 2, min = 1, max = 5 },
    contact_wd = { label = "回访时限", unit = "个工作日", default = 1, min = 0, max = 60 },
    rectify_wd = { label = "整改时限", unit = "个工作日", default = 5, min = 0, max = 250 },
    rate_pct   = { label = "差评率超过", unit = "%", default = 5, min = 0, max = 100 },
    rate_min_n = { label = "评价不少于", unit = "条", default = 20, min = 1, max = 100000 },
    rate_days  = { label = "差评率看近", unit = "天", default = 30, min = 1, max = 366 },
  },

  on    = { service_review = on_review },
  every = {
    { at = "daily 08:00", over = "service_review", run = judge_again },
    { at = "daily 08:00", run = close_finished },
    { at = "daily 08:00", run = all_windows },
  },

  life = {
    bad  = { close = "auto" }, -- 已回访并整改
    rate = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } }, -- 改进措施
  },

  examples = {
    case("两星，报黄", { review() }, july(15, "11:00"), bad "yellow"),
    case("三星，不报", { review { stars = 3 } }, july(15, "11:00"), {}),
    case("一星，报黄", { review { stars = 1 } }, july(15, "11:00"), bad "yellow"),
    case("缺星级，不报", { review { stars = "" } }, july(16, "08:00"), {}),
    case("缺窗口和事项，也报", { review { window_id = "", item = "" } }, july(15, "11:00"), bad "yellow"),
    case("差评调到三星，三星也报", { review { stars = 3 } }, july(15, "11:00"), bad "yellow", { bad_stars = 3 }),
    case("来时已回访并整改，不报", { review(DONE) }, july(17, "08:00"), {}),
    case("只回访没整改，仍挂着", { review { contacted_at = CONTACTED } }, july(17, "08:00"), bad "yellow"),
    case("只整改没回访，到期报橙", { review { rectified_at = RECTIFIED } }, july(17, "08:00"), bad "orange"),
    -- 7月15日（星期三）的差评：16日17:30前回访，22日17:30前整改
    case("次日早上还没到回访期限，仍是黄", { review() }, july(16, "08:00"), bad "yellow"),
    case("过了回访期限，报橙", { review() }, july(17, "08:00"), bad "orange"),
    case("已回访，整改没到期，仍是黄", { review { contacted_at = CONTACTED } }, july(22, "08:00"), bad "yellow"),
    case("已回访，过了整改期限，报橙", { review { contacted_at = CONTACTED } }, july(23, "08:00"), bad "orange"),
    case("星期五的差评，星期一早上还没到期", { review { rated_at = july(17, "17:00") } }, july(20, "08:00"), bad "yellow"),
    case("星期五的差评，星期二早上报橙", { review { rated_at = july(17, "17:00") } }, july(21, "08:00"), bad "orange"),
    case("16日放假，17日早上还没到期",
         { { "calendar_day", { date = "2020-07-16", is_workday = false } }, review() }, july(17, "08:00"), bad "yellow"),
    case("回访时限调到3个工作日，仍是黄", { review() }, july(17, "08:00"), bad "yellow", { contact_wd = 3 }),

    case("40条里3条差评，7.5%，报橙", reviews(37, 3), july(14, "11:00"), RATE),
    case("20条里恰1条差评，5%，不报", reviews(19, 1), july(14, "11:00"), {}),
    case("20条里2条差评，报橙", reviews(18, 2), july(14, "11:00"), RATE),
    case("只有19条，不报", reviews(17, 2), july(14, "11:00"), {}),
    case("恰在30天前的也算", plus(reviews(17, 2), review { review_id = "R900", rated_at = "2020-06-14T00:00:00+08:00", stars = 5 }),
         july(14, "11:00"), RATE),
    case("31天前的不算", plus(reviews(17, 2), review { review_id = "R900", rated_at = "2020-06-13T23:59:59+08:00", stars = 5 }),
         july(14, "11:00"), {}),
    case("没有星级的不算数", plus(reviews(17, 2), review { review_id = "R900", rated_at = july(13, "10:00"), stars = "" }),
         july(14, "11:00"), {}),
    case("别的窗口的不算",
         plus(reviews(17, 2), review { review_id = "R900", rated_at = july(13, "10:00"), window_id = "WD4", stars = 5 }),
         july(14, "11:00"), {}),
    case("不知道窗口的，不算差评率", reviews(18, 2, nil, { window_id = "" }), july(14, "11:00"), {}),
    case("差评率调到10%，恰10%，不报", reviews(18, 2), july(14, "11:00"), {}, { rate_pct = 10 }),
    case("最后一条补来早先的好评，凑满20条，照样报",
         plus(reviews(17, 2), review { review_id = "R900", rated_at = july(13, "10:00"), stars = 5 }), july(14, "11:00"), RATE),
    { name = "先来后评的、后到先评的，结果一样",
      given = plus({ review { review_id = "R999", rated_at = july(14, "10:30"), stars = 5 } }, table.unpack(reviews(17, 2))),
      at = july(14, "11:00"), expect = RATE },
    { name = "回访、整改都办了，当时就了结",
      steps = {
        { given = { review() }, at = july(17, "08:00"), expect = bad "orange" },
        { given = { review { contacted_at = july(17, "09:00") } }, at = july(17, "10:00"), expect = bad "orange" },
        { given = { review { contacted_at = july(17, "09:00"), rectified_at = july(17, "11:00") } }, at = july(17, "12:00"),
          expect = {} },
      } },
    { name = "更正为三星，了结",
      steps = {
        { given = { review() }, at = july(15, "11:00"), expect = bad "yellow" },
        { given = { review { stars = 3 } }, at = july(15, "12:00"), expect = {} },
      } },
    { name = "差评的标准改为一星，次日早上了结",
      steps = {
        { given = { review() }, at = july(15, "11:00"), expect = bad "yellow" },
        { at = july(16, "08:00"), settings = { bad_stars = 1 }, expect = {} },
      } },
    { name = "差评的标准改为三星，次日早上补报",
      steps = {
        { given = { review { stars = 3 } }, at = july(15, "11:00"), expect = {} },
        { at = july(16, "08:00"), settings = { bad_stars = 3 }, expect = bad "yellow" },
      } },
    { name = "评价撤回了，次日早上了结",
      steps = {
        { given = { review() }, at = july(15, "11:00"), expect = bad "yellow" },
        { removed = { { "service_review", "RV1" } }, at = july(16, "08:00"), expect = {} },
      } },
    { name = "没回访就由人办结，记录更新不再报，逾期再报橙",
      steps = {
        { given = { review() }, at = july(15, "11:00"), expect = bad "yellow" },
        { at = july(15, "12:00"), actions = { { key = "RV1|bad", action = "close", verdict = "solved", text = "已电话说明" } },
          expect = {} },
        { given = { review { item = "社保转移接续" } }, at = july(15, "13:00"), expect = {} },
        { at = july(17, "08:00"), expect = bad "orange" },
      } },
    { name = "写明改进措施办结以后，没有新的评价就不再报；有了再报",
      steps = {
        { given = reviews(18, 2), at = july(14, "11:00"), expect = RATE },
        { at = july(14, "12:00"), actions = { { key = "WD3|rate|2020-07", action = "close", verdict = "solved", text = "增开窗口" } },
          expect = {} },
        { at = july(15, "08:00"), expect = {} },
        { at = july(16, "08:00"), expect = {} },
        { given = { review { stars = 1, rated_at = july(16, "09:00"), contacted_at = july(16, "09:30"),
                               rectified_at = july(16, "09:30") } },
          at = july(16, "10:00"), expect = RATE },
      } },
    { name = "差评率回落也要写明改进措施才办结；换了月份是新的一条",
      steps = {
        { given = reviews(18, 2, "2020-07-20T10:00:00+08:00"), at = "2020-07-31T08:00:00+08:00", expect = RATE },
        { at = "2020-08-01T08:00:00+08:00", expect = BOTH },
        { at = "2020-08-20T08:00:00+08:00", expect = BOTH },
        { at = "2020-08-20T09:00:00+08:00",
          actions = { { key = "WD3|rate|2020-07", action = "close", verdict = "solved", text = "增开窗口" },
                      { key = "WD3|rate|2020-08", action = "close", verdict = "solved", text = "增开窗口" } }, expect = {} },
      } },
  },
}
