--- 网络舆情突增：同一话题几小时内的帖子远多于平时、多半负面的，请回应；阅读、转发多的升级。
-- 给党政办，并告知所涉社区和综合信息指挥中心。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"

local KEY_MAX = 150 -- 字节；话题簇再长的写不进告警的 key
local CALM_POSTS = 3 -- 近 24 小时少于这些条，才算平息

local function window(ctx) return calendar.period(ctx.settings.window_h, "h") end

-- 负面条数、阅读和转发的合计（没写的不算）、所涉社区。
local function sum_up(posts, ctx)
  local negative, reads, shares, communities = 0, 0, 0, {}
  for _, p in ipairs(posts) do
    if p.sentiment and p.sentiment < ctx.settings.neg_cut then negative = negative + 1 end
    reads, shares = reads + (p.reads or 0), shares + (p.shares or 0)
    if p.community_id and not text.contains(communities, p.community_id) then
      communities[#communities + 1] = p.community_id
    end
  end
  return { negative = negative, reads = reads, shares = shares, communities = communities }
end

-- 为平时的几倍。平时：之前 base_days 天里平均每 window_h 小时的条数，不到 base_floor 的按 base_floor。
local function times_of_base(topic, n, ctx)
  local s = ctx.settings
  local base_h = s.base_days * 24
  local all = ctx:count("opinion_post", { topic_key = topic }, calendar.period(base_h + s.window_h, "h"))
  return stats.ratio(n * base_h, math.max((all - n) * s.window_h, s.base_floor * base_h), "倍")
end

-- 这一刻的级别；没有突增则为 nil。第二个值是合计。
local function level_of(topic, posts, ctx)
  local s, n = ctx.settings, #posts
  if not ctx:check(("近%d小时帖子"):format(s.window_h), n, ">=", s.min_posts, "条") then return nil end
  if not ctx:check("为平时的", times_of_base(topic, n, ctx), ">=", s.ratio) then return nil end
  local sums = sum_up(posts, ctx)
  if not ctx:check("负面占比", stats.percent(sums.negative, n), ">=", s.neg_pct) then return nil end
  if ctx:check("阅读合计（红）", sums.reads, ">=", s.red_reads, "次") then return "red", sums end
  if ctx:check("阅读合计（橙）", sums.reads, ">=", s.orange_reads, "次")
     or ctx:check("转发合计（橙）", sums.shares, ">=", s.orange_shares, "次") then
    return "orange", sums
  end
  return "yellow", sums
end

-- 判断一个话题；突增就报，返回真。
local function raise_if_burst(topic, ctx)
  local posts = ctx:list("opinion_post", { topic_key = topic }, { within = window(ctx) })
  local level, sums = level_of(topic, posts, ctx)
  if not level then return false end
  local percent = text.percent(stats.percent(sums.negative, #posts), 0)
  ctx:alert {
    key = topic, kind = "burst", level = level, about = { "opinion_post", posts[#posts].post_id },
    communities = sums.communities,
    also = level == "red" and { "command_center", "main_leader" } or nil,
    title = ("话题“%s”舆情突增"):format(text.cut(topic, 40)),
    text  = ("话题%s%d小时%d条，负面%s，阅读%s，转发%s。请及时回应，办结时写明回应的出处"):format(topic,
      ctx.settings.window_h, #posts, percent, text.number(sums.reads), text.number(sums.shares)),
  }
  return true
end

local function judge(topic, ctx)
  ctx:subject("opinion_post", topic)
  if raise_if_burst(topic, ctx) then return end
  local recent = ctx:count("opinion_post", { topic_key = topic }, "24h")
  local calm = ctx:check("近24小时帖子", recent, "<", CALM_POSTS, "条")
  ctx:clear { key = topic, close = calm, reason = calm and "近24小时少于3条" or "已不再突增，近24小时仍有3条以上" }
end

local function is_topic(key) return key ~= nil and #key <= KEY_MAX end

-- 要看的话题：窗口里有帖子的，和还挂着告警的。
local function topics_now(ctx)
  local list, seen, passed_over = {}, {}, false
  local function add(topic)
    if not seen[topic] then seen[topic], list[#list + 1] = true, topic end
  end
  for p in ctx:each("opinion_post", {}, { within = window(ctx) }) do
    if is_topic(p.topic_key) then add(p.topic_key) else passed_over = true end
  end
  for _, alert in ipairs(ctx:alerts { state = "open" }) do add(alert.key) end
  if passed_over then ctx:unknown("有的帖子缺少话题簇，或话题簇太长") end
  return list
end

local function run(ctx)
  ctx:set("last_run", ctx.now)
  for _, topic in ipairs(topics_now(ctx)) do judge(topic, ctx) end
end

-- 补判一个整点：够了就补报；只有这个整点报过、现在看当初不该报的，撤回。
local function judge_hour(_, topic, ctx)
  if raise_if_burst(topic, ctx) then return end
  local alert = ctx:alerts { key = topic, state = "open" }[1]
  local since = alert and calendar.minutes_between(ctx.now, alert.raised_at)
  if alert and alert.count == 1 and since >= 0 and since < 60 then
    ctx:clear { key = topic, retract = true, reason = "迟到的帖子改变了这个整点的判断" }
  end
end

-- 整点过后才到的帖子：它漏掉的那几个整点补判一遍。
local function catch_up(post, ctx)
  local last = ctx:get("last_run")
  if not last or not is_topic(post.topic_key) or ctx:before(post) then return end
  local posted, last_s = calendar.seconds(post.posted_at), calendar.seconds(last)
  if last_s - posted > 24 * 3600 then return end
  local first = math.ceil(posted / 3600) * 3600
  for at = first, math.min(last_s, posted + ctx.settings.window_h * 3600), 3600 do
    local hour = calendar.datetime(at)
    ctx:wake(("%s|%s"):format(hour, post.topic_key), hour, post.topic_key)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local NOW = "2020-07-15T12:00:00+08:00"

-- n 条帖子：编号从 from 起，都在 at 这一刻。
local function posts(n, at, more, from)
  local given = {}
  for i = from or 1, (from or 1) + n - 1 do
    local p = { post_id = ("W%03d"):format(i), platform = "论坛", posted_at = at, author_key = "A" .. i,
                topic_key = "旧改停水", keywords = { "旧改", "停水" }, sentiment = -0.6, reads = 500, shares = 3,
                community_id = "tanghe_xincun" }
    for k, v in pairs(more or {}) do
      if v == "" then p[k] = nil else p[k] = v end
    end
    given[#given + 1] = { "opinion_post", p }
  end
  return given
end

local function join(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, r in ipairs(list) do all[#all + 1] = r end
  end
  return all
end

local NINE = "2020-07-15T09:00:00+08:00"
-- 12 条：8 条负面、4 条正面。
local function twelve(more) return join(posts(8, NINE, more), posts(4, NINE, { sentiment = 0.1, reads = 500 }, 9)) end
-- 平时：之前七天里共 n 条。
local function before(n) return posts(n, "2020-07-10T09:00:00+08:00", { sentiment = 0 }, 500) end

local function hot(level) return { { key = "旧改停水", kind = "burst", level = level } } end
local function case(name, given, want, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = want }
end

local CLOSE = { key = "旧改停水", action = "close", verdict = "solved", text = "已在“小河发布”公开回应" }

return {
  title    = "网络舆情突增",
  office   = "party_gov",
  shape    = "BURST TH",
  also     = { "command_center" },
  reads    = { "opinion_post" },
  settings = {
    window_h      = { label = "看近", unit = "小时", default = 6, min = 1, max = 72 },
    min_posts     = { label = "同一话题不少于", unit = "条", default = 10, min = 1, max = 10000 },
    ratio         = { label = "不少于平时的", unit = "倍", default = 3, min = 1, max = 100 },
    base_days     = { label = "平时看之前", unit = "天", default = 7, min = 1, max = 60 },
    base_floor    = { label = "平时至少按", unit = "条", default = 1, min = 0.1, max = 1000 },
    neg_cut       = { label = "情绪低于它算负面", default = -0.3, min = -1, max = 1 },
    neg_pct       = { label = "负面占比不低于", unit = "%", default = 50, min = 0, max = 100 },
    orange_reads  = { label = "阅读合计不少于（橙）", unit = "次", default = 10000, min = 0 },
    red_reads     = { label = "阅读合计不少于（红）", unit = "次", default = 100000, min = 0 },
    orange_shares = { label = "转发合计不少于（橙）", unit = "次", default = 500, min = 0 },
  },

  on    = { opinion_post = catch_up },
  every = { { at = "hourly", run = run } },
  wake  = judge_hour,

  -- 数据上平息（近24小时少于3条）并写明回应的出处，才办结；红的 5 小时内先发权威信息。
  life  = {
    burst = { close = "auto+evidence", evidence = { "note" }, quiet = "72h",
              limits = { yellow = { close = "48h" }, orange = { close = "48h" }, red = { notify = "5h", close = "24h" } } },
  },

  examples = {
    case("六小时12条、8条负面、平时1.5条，报黄", join(before(42), twelve()), hot "yellow"),
    case("只有4条负面，不报", join(posts(4, NINE), posts(8, NINE, { sentiment = 0.1 }, 5)), {}),
    case("恰好10条，报黄", posts(10, NINE), hot "yellow"),
    case("9条，不报", posts(9, NINE), {}),
    case("恰在六小时前的也算，报黄", posts(10, "2020-07-15T06:00:00+08:00"), hot "yellow"),
    case("六小时零一秒前的不算，不报", join(posts(9, NINE), posts(1, "2020-07-15T05:59:59+08:00", nil, 10)), {}),
    case("恰在此刻的也算，报黄", join(posts(9, NINE), posts(1, NOW, nil, 10)), hot "yellow"),
    case("恰为平时的3倍，报黄", join(before(112), twelve()), hot "yellow"),
    case("比平时的3倍少一点，不报", join(before(113), twelve()), {}),
    case("平时不到1条的按1条：12条报黄", twelve(), hot "yellow"),
    case("平时至少按5条，12条不到3倍，不报", twelve(), {}, { base_floor = 5 }),
    case("平时恰从七天前的那一刻起：算进平时", join(posts(113, "2020-07-08T06:00:00+08:00", nil, 500), twelve()), {}),
    case("再早一秒的不算平时，报黄", join(posts(113, "2020-07-08T05:59:59+08:00", nil, 500), twelve()), hot "yellow"),
    case("负面恰占一半，报黄", join(posts(6, NINE), posts(6, NINE, { sentiment = 0.1 }, 7)), hot "yellow"),
    case("负面不到一半，不报", join(posts(6, NINE), posts(7, NINE, { sentiment = 0.1 }, 7)), {}),
    case("情绪恰为-0.3，不算负面，不报", posts(12, NINE, { sentiment = -0.3 }), {}),
    case("不知道情绪，不算负面，不报", posts(12, NINE, { sentiment = "" }), {}),
    case("阅读恰1万次，报橙", posts(10, NINE, { reads = 1000 }), hot "orange"),
    case("阅读不到1万次，报黄", posts(10, NINE, { reads = 999 }), hot "yellow"),
    case("转发恰500次，报橙", posts(10, NINE, { shares = 50 }), hot "orange"),
    case("转发不到500次，报黄", posts(10, NINE, { shares = 49 }), hot "yellow"),
    case("阅读恰10万次，报红", posts(10, NINE, { reads = 10000 }), hot "red"),
    case("阅读不到10万次，报橙", posts(10, NINE, { reads = 9999 }), hot "orange"),
    case("不知道阅读、转发，报黄", posts(10, NINE, { reads = "", shares = "" }), hot "yellow"),
    case("阅读再多，没有突增不报", posts(9, NINE, { reads = 100000 }), {}),
    case("两个话题各算各的", join(posts(10, NINE), posts(9, NINE, { topic_key = "路灯" }, 20)), hot "yellow"),
    case("缺话题簇，不报", posts(12, NINE, { topic_key = "" }), {}),
    case("话题簇太长，不报", posts(12, NINE, { topic_key = ("旧"):rep(60) }), {}),
    case("门槛调到20条，不报", twelve(), {}, { min_posts = 20 }),
    case("看近2小时，不报", twelve(), {}, { window_h = 2 }),

    { name = "黄升为橙，还是同一条；次日没有新帖，也要人写明回应才办结",
      steps = {
        { given = posts(10, NINE), at = NOW, expect = hot "yellow" },
        { given = posts(2, "2020-07-15T12:30:00+08:00", { reads = 5000 }, 11), at = "2020-07-15T13:00:00+08:00",
          expect = hot "orange" },
        { at = "2020-07-15T20:00:00+08:00", expect = hot "orange" },
        { at = "2020-07-17T20:00:00+08:00", expect = hot "orange" },
        { at = "2020-07-17T21:00:00+08:00", actions = { CLOSE }, expect = {} },
        { at = "2020-07-17T22:00:00+08:00", expect = {} },
      } },
    { name = "办结5小时后又突增，重新打开",
      steps = {
        { given = posts(10, NINE), at = NOW, expect = hot "yellow" },
        { at = "2020-07-15T13:30:00+08:00", actions = { CLOSE }, expect = {} },
        { at = "2020-07-15T14:00:00+08:00", expect = {} },
        { given = posts(10, "2020-07-15T18:10:00+08:00", nil, 21), at = "2020-07-15T19:00:00+08:00", expect = hot "yellow" },
      } },
    { name = "整点过后才到的第十条，补判整点",
      steps = {
        { given = posts(9, NINE), at = NOW, expect = {} },
        { given = posts(1, "2020-07-15T11:50:00+08:00", nil, 10), at = "2020-07-15T12:20:00+08:00", expect = hot "yellow" },
      } },
    { name = "迟到的第十条落在早先的整点里，也补判",
      steps = {
        { given = posts(9, "2020-07-15T03:00:00+08:00"), at = "2020-07-15T06:00:00+08:00", expect = {} },
        { at = NOW, expect = {} },
        { given = posts(1, "2020-07-15T05:00:00+08:00", nil, 10), at = "2020-07-15T12:20:00+08:00", expect = hot "yellow" },
      } },
    { name = "迟到的正面帖子使负面不到一半，当初那条撤回",
      steps = {
        { given = join(posts(5, NINE), posts(5, NINE, { sentiment = 0.1 }, 6)), at = NOW, expect = hot "yellow" },
        { given = posts(1, "2020-07-15T11:50:00+08:00", { sentiment = 0.1 }, 11), at = "2020-07-15T12:20:00+08:00", expect = {} },
      } },
    { name = "已有人签收的不撤回",
      steps = {
        { given = join(posts(5, NINE), posts(5, NINE, { sentiment = 0.1 }, 6)), at = NOW, expect = hot "yellow" },
        { at = "2020-07-15T12:10:00+08:00", actions = { { key = "旧改停水", action = "sign" } }, expect = hot "yellow" },
        { given = posts(1, "2020-07-15T11:50:00+08:00", { sentiment = 0.1 }, 11), at = "2020-07-15T12:20:00+08:00",
          expect = hot "yellow" },
      } },
    { name = "后来的整点也报过的，不撤回",
      steps = {
        { given = join(posts(5, NINE), posts(5, NINE, { sentiment = 0.1 }, 6)), at = NOW, expect = hot "yellow" },
        { given = posts(2, "2020-07-15T12:10:00+08:00", nil, 20), at = "2020-07-15T13:00:00+08:00", expect = hot "yellow" },
        { given = posts(1, "2020-07-15T11:50:00+08:00", { sentiment = 0.1 }, 11), at = "2020-07-15T13:20:00+08:00",
          expect = hot "yellow" },
      } },
    { name = "迟到一天以上的，不再补判",
      steps = {
        { given = posts(9, "2020-07-15T03:00:00+08:00"), at = "2020-07-15T06:00:00+08:00", expect = {} },
        { at = "2020-07-16T09:00:00+08:00", expect = {} },
        { given = posts(1, "2020-07-15T05:00:00+08:00", nil, 10), at = "2020-07-16T09:20:00+08:00", expect = {} },
      } },
    { name = "同一条只更新阅读数，不补判",
      steps = {
        { given = posts(10, NINE), at = NOW, expect = hot "yellow" },
        { given = posts(10, NINE, { reads = 20000 }), at = "2020-07-15T12:20:00+08:00", expect = hot "yellow" },
        { at = "2020-07-15T13:00:00+08:00", expect = hot "red" },
      } },
  },
}
