--- 民意热词与红茶议题：来信、信访热线、网络舆情、城市眼里说得突然多起来的词；每月说得最多的词拟成红茶议题。
-- 给党政办和所涉社区。每天早上看前七天，每月一日看上个月。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

local CAMERAS = { parking_motor = "停车", shop_overflow = "出店经营", garbage_exposed = "垃圾", bin_overflow = "垃圾",
                  fire_lane = "消防通道" }
local KEY_MAX = 100 -- 再长的不是一个词，不判断

-- 从 from 到 to（不含）大家说了什么；only 只数这一个词。
local function heard(from, to, ctx, only)
  return ctx:keywords { from = from, to = to, cameras = CAMERAS, min_confidence = ctx.settings.min_confidence,
                        keyword = only }
end

-- 得分（十分之一分）：各来源的件数乘权重。
local function score_of(h, ctx)
  local s = ctx.settings
  return h.letters * s.w_letter + h.petitions * s.w_petition + h.posts * s.w_post + h.cameras * s.w_camera
end

local function items_of(h) return h.letters + h.petitions + h.posts + h.cameras end

-- 来信和信访件不少于 share_pct% 的社区。
local function communities_of(h, ctx)
  local list, all = {}, h.letters + h.petitions
  for id, n in pairs(h.communities) do
    if n * 100 >= ctx.settings.share_pct * all then list[#list + 1] = id end
  end
  return list
end

-- 突增 ------------------------------------------------------------------------------------------

-- 突增的级别；没有突增为 nil。第二个值是为平时的几倍。平时：此前 28 天的四分之一，不到 baseline_floor 的按它。
local function burst_level(now, score28, ctx)
  local s, score = ctx.settings, score_of(now, ctx)
  if not ctx:check("近7天得分", score, ">=", s.min_score, "十分之一分") then return nil end
  local times = stats.ratio(score * 4, math.max(score28, s.baseline_floor * 4), "倍")
  if not ctx:check("为平时的", times, ">=", s.burst_ratio) then return nil end
  if not ctx:check("说的人", now.senders, ">=", s.min_senders, "人") then return nil end
  local worse = ctx:check("为平时的（橙）", times, ">=", s.orange_ratio)
    and ctx:check("说的人（橙）", now.senders, ">=", s.orange_senders, "人")
  return worse and "orange" or "yellow", times
end

local function place_names(ids, ctx)
  local names = {}
  for i, id in ipairs(ids) do
    local community = ctx:find("community", id)
    names[i] = community and community.name or id
  end
  return #names > 0 and text.list(names, 5) or "未写明社区"
end

local function raise_burst(key, word, now, level, times, ctx)
  local places = communities_of(now, ctx)
  ctx:alert {
    key = key, kind = "burst", level = level, communities = places,
    title = ("民意热词“%s”"):format(word),
    text  = ("“%s”近7天%d件，为平时的%s倍，涉及%s。请并入议题或予以答复"):format(word, items_of(now),
      text.number(stats.value(times), 1), place_names(places, ctx)),
  }
end

-- 看 today 之前的七天：突增的报，本周报过而不再突增的记下来。
local function judge_bursts(today, ctx)
  local from, week = calendar.add_days(today, -7), calendar.iso_week(today)
  local before = {}
  for _, h in ipairs(heard(calendar.add_days(from, -28), from, ctx)) do before[h.keyword] = score_of(h, ctx) end
  local raised = {}
  for _, h in ipairs(heard(from, today, ctx)) do
    local word = h.keyword
    if #word <= KEY_MAX then
      ctx:subject("keyword_dict", word)
      local level, times = burst_level(h, before[word] or 0, ctx)
      if level then
        heard(from, today, ctx, word) -- 依据里列出说到这个词的来信来件
        raised[word .. "|burst|" .. week] = true
        raise_burst(word .. "|burst|" .. week, word, h, level, times, ctx)
      end
    end
  end
  for _, alert in ipairs(ctx:alerts { kind = "burst" }) do
    if alert.key:sub(-#week) == week and not raised[alert.key] then
      ctx:clear { key = alert.key, reason = "近7天已不再突增" }
    end
  end
end

-- 每月议题 --------------------------------------------------------------------------------------

-- a 是不是比 b 说得更多：先看人够不够，再看得分、人数、社区个数；都一样的取字节序在前的（名单已按此排好）。
local function is_more(a, b)
  if a.enough ~= b.enough then return a.enough end
  if a.score ~= b.score then return a.score > b.score end
  if a.senders ~= b.senders then return a.senders > b.senders end
  return a.places > b.places
end

local function most_frequent(list, ctx)
  local best
  for _, h in ipairs(list) do
    if #h.keyword <= KEY_MAX then
      local places = 0
      for _ in pairs(h.communities) do places = places + 1 end
      local candidate = { heard = h, score = score_of(h, ctx), senders = h.senders, places = places,
                          enough = h.senders >= ctx.settings.min_senders }
      if not best or is_more(candidate, best) then best = candidate end
    end
  end
  return best
end

local function canonical(word, ctx)
  local line = ctx:find("keyword_dict", word)
  return line and line.canonical or word
end

-- 这个词最近已有的议题（未撤销）。
local function topic_at_hand(word, ctx)
  for topic in ctx:each("council_topic", {}) do
    if topic.keyword and topic.stage ~= "dropped" and canonical(topic.keyword, ctx) == word
       and calendar.within_days(topic.created_at, ctx.settings.topic_quiet_days, ctx.now) then
      return topic
    end
  end
end

local function raise_topic(key, month, best, ctx)
  local word, places = best.heard.keyword, communities_of(best.heard, ctx)
  local topic, what = topic_at_hand(word, ctx), "已拟红茶议题，请审批"
  if topic then
    what = ("已有议题%s，请并入"):format(topic.title and "“" .. topic.title .. "”" or topic.topic_id)
  else
    ctx:topic { key = key, title = ("关于%s的红茶议事"):format(word), kind = "general", origin = "auto", keyword = word,
                communities = places }
  end
  ctx:alert {
    key = key, kind = "topic", level = "blue", communities = places,
    title = ("%s民意热词“%s”"):format(text.month(month), word),
    text  = ("“%s”%s%d件，%d人，涉及%s。%s"):format(word, text.month(month), items_of(best.heard), best.senders,
      place_names(places, ctx), what),
  }
end

-- 选出该月说得最多的词，拟议题；早先选过别的词的（之后有迟到的来信来件），那条撤回。
local function judge_month(month, ctx)
  local from, to = calendar.first_day(month), calendar.first_day(calendar.add_months(month, 1))
  local best = most_frequent(heard(from, to, ctx), ctx)
  if not best then return ctx:unknown("这个月没有带关键词的来信来件") end
  local word = best.heard.keyword
  ctx:subject("keyword_dict", word)
  heard(from, to, ctx, word)
  if not ctx:check("该月说的人", best.senders, ">=", ctx.settings.min_senders, "人") then return end
  local key, told = ("%s|topic|%s"):format(word, month), false
  for _, alert in ipairs(ctx:alerts { kind = "topic" }) do
    if alert.key == key then
      told = true
    elseif alert.key:sub(-#month) == month then
      ctx:clear { key = alert.key, retract = true, reason = "迟到的来信来件使别的词说得更多" }
    end
  end
  if not told then raise_topic(key, month, best, ctx) end
end

-- 定时和迟到 ------------------------------------------------------------------------------------

local function daily(ctx)
  ctx:set("day", ctx.today)
  ctx:set("late_day", nil)
  judge_bursts(ctx.today, ctx)
end

local function monthly(ctx)
  local month = calendar.add_months(ctx.month, -1)
  ctx:set("month", month)
  ctx:set("late_month", nil)
  judge_month(month, ctx)
end

-- 判过之后才到的（前一天的、上月最后一天的）：记下，下一个整点补判一遍。只更新旧记录的不算。
local function note_late(row, ctx)
  if ctx:before(row) then return end
  local day = ctx:get("day")
  if not day or ctx.today ~= calendar.add_days(day, -1) then return end
  ctx:set("late_day", day)
  if ctx:get("month") == ctx.month then ctx:set("late_month", ctx.month) end
end

local function catch_up(ctx)
  local day, month = ctx:get("late_day"), ctx:get("late_month")
  if day then
    ctx:set("late_day", nil)
    judge_bursts(day, ctx)
  end
  if month then
    ctx:set("late_month", nil)
    judge_month(month, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

-- 一件：编号、谁、何时；其余照样子。
local function letter(id, who, at, more)
  return { "letter", with({ letter_id = "L" .. id, received_at = at, community_id = "tanghe_xincun", sender_key = "S" .. who,
    text = "晚上回来没地方停车", keywords = { "停车" }, urgent = false, status = "new" }, more) }
end
local function petition(id, who, at, more)
  return { "petition", with({ petition_id = "P" .. id, channel = "hotline12345", received_at = at, subject_key = "S" .. who,
    matter_key = "MT1", co_signers = 1, community_id = "xiaohe", text = "停车难", keywords = { "停车" } }, more) }
end
local function post(id, who, at, more)
  return { "opinion_post", with({ post_id = "W" .. id, platform = "论坛", posted_at = at, author_key = "S" .. who,
    topic_key = "停车", keywords = { "停车" }, sentiment = 0 }, more) }
end
local function event(id, place, at, more)
  return { "camera_event", with({ event_id = "C" .. id, camera_id = "CAM1", place_id = place, event_type = "parking_motor",
    phase = "start", occurred_at = at, confidence = 0.9, community_id = "xiaohe", report_type = "ai" }, more) }
end

local function join(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, r in ipairs(list) do all[#all + 1] = r end
  end
  return all
end
-- 第 from 到 to 号的人各一件。
local function many(make, from, to, at, more)
  local given = {}
  for i = from, to do given[#given + 1] = make(i, i, at, more) end
  return given
end

-- 第 1 到 n 件，make(i) 给出第 i 件。
local function each(n, make)
  local given = {}
  for i = 1, n do given[i] = make(i) end
  return given
end

local NOW, FRIDAY = "2020-07-15T06:00:00+08:00", "2020-07-10T20:00:00+08:00"
-- 平时：此前 28 天得 score 分（十的倍数）。
local function usual(score) return many(letter, 501, 500 + score // 10, "2020-06-20T10:00:00+08:00") end
-- 14 人共 score 分为 140 的一周：9 封信、2 件信访、4 条帖子（15人）。
local function week(at)
  return join(many(letter, 1, 9, at), many(petition, 11, 12, at), many(post, 21, 24, at))
end
local function ten(at, more) return many(letter, 1, 10, at, more) end

local function burst(level, word) return { { key = (word or "停车") .. "|burst|2020-W29", kind = "burst", level = level } } end
local function case(name, given, want, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = want }
end
local function dict(word, more) return { "keyword_dict", with({ keyword = word, canonical = word, stop = false }, more) } end

local FIRST = "2020-07-01T09:00:00+08:00"
local JUNE = "2020-06-10T10:00:00+08:00"
local function chosen(word) return { { key = (word or "停车") .. "|topic|2020-06", kind = "topic", level = "blue" } } end
local function month_case(name, given, want, settings)
  return { name = name, given = given, at = FIRST, settings = settings, expect = want }
end
local function topic(more)
  return { "council_topic", with({ topic_id = "T1", title = "停车怎么办", keyword = "停车", origin = "manual", kind = "general",
    stage = "approved", created_at = "2020-05-02T09:00:00+08:00" }, more) }
end

return {
  title    = "民意热词与红茶议题生成",
  office   = "party_gov",
  shape    = "BURST",
  reads    = { "letter", "petition", "opinion_post", "camera_event", "keyword_dict", "council_topic", "community" },
  may      = { "alert", "topic" },
  settings = {
    w_letter         = { label = "来信每件记", unit = "十分之一分", default = 10, min = 0, max = 1000 },
    w_petition       = { label = "信访热线每件记", unit = "十分之一分", default = 15, min = 0, max = 1000 },
    w_post           = { label = "网络舆情每条记", unit = "十分之一分", default = 5, min = 0, max = 1000 },
    w_camera         = { label = "城市眼每点每天记", unit = "十分之一分", default = 1, min = 0, max = 1000 },
    min_score        = { label = "近7天得分不低于", unit = "十分之一分", default = 100, min = 1 },
    burst_ratio      = { label = "不少于平时的（黄）", unit = "倍", default = 2, min = 1, max = 100 },
    orange_ratio     = { label = "不少于平时的（橙）", unit = "倍", default = 3, min = 1, max = 100 },
    min_senders      = { label = "说的人不少于", unit = "人", default = 8, min = 1, max = 10000 },
    orange_senders   = { label = "说的人不少于（橙）", unit = "人", default = 30, min = 1, max = 10000 },
    baseline_floor   = { label = "平时每周至少按", unit = "十分之一分", default = 20, min = 1 },
    topic_quiet_days = { label = "并入已有议题：建立不超过", unit = "天", default = 60, min = 0, max = 366 },
    share_pct        = { label = "所涉社区：来信和信访占比不低于", unit = "%", default = 10, min = 0, max = 100 },
    min_confidence   = { label = "城市眼置信度不低于", default = 0.8, min = 0, max = 1 },
  },

  on    = { letter = note_late, petition = note_late, opinion_post = note_late, camera_event = note_late },
  every = {
    { at = "daily 06:00", run = daily },
    { at = "monthly d1 09:00", run = monthly },
    { at = "hourly", run = catch_up },
  },

  life = {
    burst = { close = "evidence", evidence = { "note" }, limits = { close = "5wd" } }, -- 已并入议题，或已答复
    topic = { close = "evidence", evidence = { "note" }, limits = { close = "3wd" } }, -- 议题已批准、并入或撤销（写明原因）
  },

  examples = {
    case("得140分、15人、为平时的2.8倍，报黄", join(usual(200), week(FRIDAY)), burst "yellow"),
    case("同一人一天写九封信，只算一次，不报",
         each(9, function(i) return letter(i, 1, FRIDAY) end), {}),
    case("同一人两天各写一封，算两次：得100分但只有5人，不报",
         join(many(letter, 1, 5, FRIDAY),
         each(5, function(i) return letter(50 + i, i, "2020-07-11T10:00:00+08:00") end)), {}),
    case("同一人来信又来访，两个来源各算一次，人只算一个：得100分、4人，不报",
         join(many(letter, 1, 4, FRIDAY), many(petition, 1, 4, FRIDAY)), {}),
    case("得分恰100分、10人，报黄", ten(FRIDAY), burst "yellow"),
    case("得95分，不报", join(many(letter, 1, 9, FRIDAY), many(post, 21, 21, FRIDAY)), {}),
    case("恰8人，报黄", join(many(letter, 1, 8, FRIDAY), many(petition, 1, 2, FRIDAY)), burst "yellow"),
    case("7人，得分够也不报", join(many(letter, 1, 7, FRIDAY), many(petition, 1, 4, FRIDAY)), {}),
    case("没写来信人的合起来算一次，不算人", join(many(letter, 1, 7, FRIDAY), many(petition, 1, 3, FRIDAY),
         many(letter, 31, 40, FRIDAY, { sender_key = "" })), {}),
    case("恰为平时的2倍，报黄", join(usual(200), ten(FRIDAY)), burst "yellow"),
    case("不到平时的2倍，不报", join(usual(210), ten(FRIDAY)), {}),
    case("30人、恰为平时的3倍，报橙", join(usual(400), many(letter, 1, 30, FRIDAY)), burst "orange"),
    case("29人，仍是黄", join(usual(380), many(letter, 1, 29, FRIDAY)), burst "yellow"),
    case("30人但不到3倍，仍是黄", join(usual(410), many(letter, 1, 30, FRIDAY)), burst "yellow"),
    case("平时很少的，至少按20：得100分为5倍，人够报橙", many(letter, 1, 30, FRIDAY), burst "orange"),
    case("平时至少按60，不到2倍，不报", ten(FRIDAY), {}, { baseline_floor = 60 }),
    case("七天前0点的算进来", ten("2020-07-08T00:00:00+08:00"), burst "yellow"),
    case("再早一秒的算平时，不报", ten("2020-07-07T23:59:59+08:00"), {}),
    case("今天0点以后的还不算", ten("2020-07-15T00:00:00+08:00"), {}),
    case("昨天23:59:59的算进来", ten("2020-07-14T23:59:59+08:00"), burst "yellow"),
    case("平时从35天前起算", join(many(letter, 501, 530, "2020-06-10T00:00:00+08:00"), ten(FRIDAY)), {}),
    case("36天前的不算平时", join(many(letter, 501, 530, "2020-06-09T23:59:59+08:00"), ten(FRIDAY)), burst "yellow"),
    case("词典里没有的词，就是它自己", ten(FRIDAY, { keywords = { "电梯" } }), burst("yellow", "电梯")),
    case("同义词归并到一起", join({ dict("停车难", { canonical = "停车" }) }, many(letter, 1, 5, FRIDAY, { keywords = { "停车难" } }),
         many(letter, 6, 10, FRIDAY)), burst "yellow"),
    case("一封信里两个同义词，只算一次", join({ dict("停车难", { canonical = "停车" }) },
         many(letter, 1, 9, FRIDAY, { keywords = { "停车难", "停车" } })), {}),
    case("停用的词，不算", join({ dict("停车", { stop = true }) }, ten(FRIDAY)), {}),
    case("归并后的词停用，也不算", join({ dict("停车难", { canonical = "停车" }), dict("停车", { stop = true }) },
         ten(FRIDAY, { keywords = { "停车难" } })), {}),
    case("长得不像词的，不算", ten(FRIDAY, { keywords = { ("啊"):rep(40) } }), {}),
    case("城市眼一点一天算一次：9封信加10个点位，报黄", join(many(letter, 1, 9, FRIDAY),
         each(10, function(i) return event(i, "PL" .. i, FRIDAY) end)), burst "yellow"),
    case("同一点位一天十次，只算一次，不报", join(many(letter, 1, 9, FRIDAY),
         each(10, function(i) return event(i, "PL1", FRIDAY) end)), {}),
    case("城市眼的结束、置信度不够的不算，人工上报的算", join(many(letter, 1, 9, FRIDAY),
         { event(20, "PL20", FRIDAY, { phase = "end" }), event(21, "PL21", FRIDAY, { confidence = 0.79 }) },
         each(9, function(i) return event(i, "PL" .. i, FRIDAY, { confidence = 0.1, report_type = "manual" }) end)), {}),
    case("置信度恰0.80的算", join(many(letter, 1, 9, FRIDAY),
         each(10, function(i) return event(i, "PL" .. i, FRIDAY, { confidence = 0.8 }) end)), burst "yellow"),
    case("只有城市眼，没有人说，不报",
         each(120, function(i) return event(i, "PL" .. i, FRIDAY) end), {}),
    case("来信每件调到5，不报", ten(FRIDAY), {}, { w_letter = 5 }),
    { name = "跨年的周：2021年1月1日属于2020年第53周",
      steps = { { given = ten "2020-12-30T10:00:00+08:00", at = "2021-01-01T06:00:00+08:00",
                  expect = { { key = "停车|burst|2020-W53", level = "yellow" } } } } },
    { name = "一周一条：同一周再报是同一条，换了周是新的一条；不再突增也等人办结",
      steps = {
        { given = ten(FRIDAY), at = NOW, expect = burst "yellow" },
        { at = "2020-07-16T06:00:00+08:00", expect = burst "yellow" },
        { at = "2020-07-18T06:00:00+08:00", expect = burst "yellow" },
        { given = many(letter, 601, 620, "2020-07-19T10:00:00+08:00"), at = "2020-07-20T06:00:00+08:00",
          expect = { burst "yellow"[1], { key = "停车|burst|2020-W30", level = "yellow" } } },
      } },
    { name = "黄升为橙，还是同一条",
      steps = {
        { given = ten(FRIDAY), at = NOW, expect = burst "yellow" },
        { given = many(letter, 601, 620, "2020-07-15T10:00:00+08:00"), at = "2020-07-16T06:00:00+08:00",
          expect = burst "orange" },
      } },
    { name = "办结以后，同一周里不再突增过又突增，重新报",
      steps = {
        { given = ten(FRIDAY), at = NOW, expect = burst "yellow" },
        { at = "2020-07-15T10:00:00+08:00", actions = { { key = "停车|burst|2020-W29", action = "close", verdict = "solved",
            text = "已并入议题" } }, expect = {} },
        { at = "2020-07-18T06:00:00+08:00", expect = {} },
        { given = many(letter, 601, 620, "2020-07-18T10:00:00+08:00"), at = "2020-07-19T06:00:00+08:00",
          expect = burst "yellow" },
      } },
    { name = "昨天的第十封信今早判过才到，下一个整点补判",
      steps = {
        { given = many(letter, 1, 9, FRIDAY), at = NOW, expect = {} },
        { given = { letter(10, 10, "2020-07-14T22:00:00+08:00") }, at = "2020-07-15T08:00:00+08:00", expect = burst "yellow" },
        { given = { letter(10, 10, "2020-07-14T22:00:00+08:00", { status = "accepted" }) }, at = "2020-07-15T09:00:00+08:00",
          expect = burst "yellow" },
      } },

    month_case("上月说得最多的词，拟成议题", join(many(letter, 1, 8, JUNE), many(letter, 11, 18, JUNE, { keywords = { "垃圾" } }),
         many(petition, 21, 21, JUNE)), chosen()),
    month_case("上月没有够8人说的词，不拟", many(letter, 1, 7, JUNE), {}),
    month_case("得分一样，取人多的", join(many(letter, 1, 9, JUNE, { keywords = { "电梯" } }), many(letter, 11, 18, JUNE),
         many(letter, 31, 31, "2020-06-11T10:00:00+08:00", { sender_key = "S11" })), chosen "电梯"),
    month_case("得分、人数一样，取社区多的", join(many(letter, 1, 8, JUNE, { keywords = { "电梯" } }),
         many(letter, 11, 17, JUNE), many(letter, 18, 18, JUNE, { community_id = "xiaohe" })), chosen()),
    month_case("都一样，取字节序在前的", join(many(letter, 1, 8, JUNE), many(letter, 11, 18, JUNE, { keywords = { "垃圾" } })), chosen()),
    month_case("五月、七月的不算", join(ten("2020-05-31T23:59:59+08:00"), many(letter, 11, 20, "2020-07-01T00:00:00+08:00")), {}),
    month_case("六月第一刻、最后一刻的都算",
         join(many(letter, 1, 4, "2020-06-01T00:00:00+08:00"), many(letter, 5, 8, "2020-06-30T23:59:59+08:00")), chosen()),
    month_case("60天前已有议题，并入，照报", join({ topic() }, ten(JUNE)), chosen()),
    month_case("已有议题用的是同义词、没写标题，并入", join({ dict("停车难", { canonical = "停车" }),
         topic { keyword = "停车难", title = "" } }, ten(JUNE)), chosen()),
    month_case("没有写社区的也照报", ten(JUNE, { community_id = "" }), chosen()),
    month_case("社区写进文字", join({ { "community", { community_id = "tanghe_xincun", name = "塘河新村社区" } } }, ten(JUNE)), chosen()),
    { name = "月底的一封信次日判过才到，别的词说得更多，原来那条撤回",
      steps = {
        { at = "2020-07-01T06:00:00+08:00", expect = {} },
        { given = join(many(letter, 1, 9, JUNE), many(letter, 11, 19, JUNE, { keywords = { "电梯" } })), at = FIRST,
          expect = chosen() },
        { given = { letter(20, 20, "2020-06-30T23:00:00+08:00", { keywords = { "电梯" } }) }, at = "2020-07-01T10:00:00+08:00",
          expect = chosen "电梯" },
      } },
    { name = "月底的一封信次日才到，说得最多的还是那个词，不重复报",
      steps = {
        { at = "2020-07-01T06:00:00+08:00", expect = {} },
        { given = ten(JUNE), at = FIRST, expect = chosen() },
        { given = { letter(20, 20, "2020-06-30T23:00:00+08:00") }, at = "2020-07-01T10:00:00+08:00", expect = chosen() },
      } },
    { name = "自己拟的议题60天内再选中，并入",
      steps = {
        { given = ten(JUNE), at = FIRST, expect = chosen() },
        { given = ten("2020-07-20T10:00:00+08:00", { text = "还是没地方停车" }), at = "2020-08-01T09:00:00+08:00",
          expect = { chosen()[1], { key = "停车|topic|2020-07", level = "blue" } } },
      } },
  },
}
