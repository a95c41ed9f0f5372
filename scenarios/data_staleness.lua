--- 条线数据维护：每月该维护的没维护，自动来的数据断了，维护的条数不对头。
-- 给数据的责任科室（断了的先给综合信息指挥中心）：各条线的数据不新，别的场景就看不见。
local calendar = require "std.calendar"
local office   = require "std.office"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

local FAR = "9999-12-31T23:59:59+08:00"                -- 连同比 ctx.now 晚的一起取

local function name_of(dataset) return dataset.name or dataset.dataset_id end

-- 到 now 为止最近的 n 次维护，由早到晚。
local function recent(dataset, n, ctx)
  return ctx:list("dataset_update", { dataset_id = dataset.dataset_id }, { last = n })
end

local function raise(dataset, args, ctx)
  args.about = { "dataset", dataset.dataset_id }
  args.office = args.office or office.is_known(dataset.owner_office) and dataset.owner_office or nil
  ctx:alert(args)
end

local function is_monthly(dataset, ctx) return ctx:check("更新周期", dataset.cycle, "==", "monthly") end

-- 质量：条数少于最少条数，或比上一次多出、少掉太多。不对头的返回原因；第一次维护没有上一次可比。
local function fault(update, before, dataset, ctx)
  if ctx:check("条数", update.rows, "<", dataset.min_rows, "条") then
    return ("%d条，少于最少条数%d条"):format(update.rows, dataset.min_rows)
  end
  if not (before and before.rows and update.rows) then return nil end
  local change = math.abs(update.rows - before.rows)
  local off
  if before.rows == 0 then
    off = ctx:check("上次0条，这次", change, ">", 0, "条")
  else
    off = ctx:check("与上次相差", stats.percent(change, before.rows), ">", ctx.settings.rows_change_pct)
  end
  return off and ("%d条，上次%d条"):format(update.rows, before.rows) or nil
end

-- 每月：月底前提醒 ----------------------------------------------------------------------------------

local function run_remind(dataset, ctx)
  if not is_monthly(dataset, ctx) then return end
  local key = ("%s|remind|%s"):format(dataset.dataset_id, ctx.month)
  local last = recent(dataset, 1, ctx)[1]
  local updated = last ~= nil and calendar.month_of(last.updated_at) == ctx.month
  if not ctx:check("本月已维护", updated, "==", false) then
    ctx:clear { key = key, reason = "本月已维护", close = false }
  elseif ctx:check("今天几号", tonumber(ctx.today:sub(9)), ">=", ctx.settings.remind_day, "号") then
    raise(dataset, {
      key = key, kind = "remind", level = "blue", due = calendar.last_day(ctx.month) .. "T23:59:59+08:00",
      title = ("%s%s尚未维护"):format(name_of(dataset), text.month(ctx.month)),
      text  = ("%s%s尚未维护，请于月底前更新，责任科室%s"):format(name_of(dataset), text.month(ctx.month),
        office.name(dataset.owner_office)),
    }, ctx)
  end
end

-- 每月：一号判上个月 ---------------------------------------------------------------------------------

-- 上个月起往回，连续几个月没有维护；数到 most 为止。
local function months_missed(dataset, most, ctx)
  local kept, n, month = {}, 0, calendar.add_months(ctx.month, -1)
  local window = ("%dd"):format(31 * (most + 1))
  for update in ctx:each("dataset_update", { dataset_id = dataset.dataset_id }, { within = window }) do
    kept[calendar.month_of(update.updated_at)] = true
  end
  while n < most and not kept[month] do
    n, month = n + 1, calendar.add_months(month, -1)
  end
  return n
end

local function run_missed(dataset, ctx)
  if not is_monthly(dataset, ctx) then return end
  local most = math.max(1, ctx.settings.orange_missed // 1)
  local n = months_missed(dataset, most, ctx)
  if not ctx:check("连续未维护", n, ">=", 1, "个月") then return end
  local month = calendar.add_months(ctx.month, -1)
  local words = ("%s%s未维护，责任科室%s"):format(name_of(dataset), text.month(month), office.name(dataset.owner_office))
  raise(dataset, {
    key = ("%s|missed|%s"):format(dataset.dataset_id, month), kind = "missed",
    level = ctx:check("连续未维护（橙）", n, ">=", most, "个月") and "orange" or "yellow",
    title = words, text = n > 1 and ("%s，已连续%d个月以上"):format(words, n) or words,
  }, ctx)
end

-- 每日、每小时：断了 --------------------------------------------------------------------------------

local LIMITS = { daily = "daily_max_h", hourly = "hourly_max_h" }

local function run_feed(dataset, ctx)
  local limit = LIMITS[dataset.cycle]
  if not limit then return end
  local key = dataset.dataset_id .. "|feed"
  local list = recent(dataset, 2, ctx)
  local last = list[#list]
  local hours = last and calendar.minutes_between(last.updated_at, ctx.now) / 60
  if not ctx:check("有过维护", last ~= nil, "==", true)
     or ctx:check("距上次维护", hours, ">", ctx.settings[limit], "小时") then
    local words = last and ("%s已%s小时没有更新"):format(name_of(dataset), text.number(hours, 1))
                       or ("%s从未更新"):format(name_of(dataset))
    raise(dataset, {
      key = key, kind = "feed", level = "yellow", office = "command_center",
      also = office.is_known(dataset.owner_office) and { dataset.owner_office } or nil,
      title = ("%s数据中断"):format(name_of(dataset)),
      text  = ("%s，责任科室%s"):format(words, office.name(dataset.owner_office)),
    }, ctx)
  else
    ctx:clear { key = key, reason = "又有更新", close = not fault(last, list[#list - 1], dataset, ctx) }
  end
end

-- 每次维护：条数对不对头，正常的就把它之前挂着的都销掉 ------------------------------------------------------

-- 这次维护算不算挂着那条之后的正常维护。
local function is_later(update, alert, ctx)
  if alert.kind == "quality" then
    local bad = ctx:find("dataset_update", alert.key:sub(1, -#"|quality" - 1))
    return bad == nil or bad.updated_at < update.updated_at
  elseif alert.kind == "feed" then
    return alert.raised_at <= update.updated_at
  end
  return alert.key:sub(-#"2020-07") <= calendar.month_of(update.updated_at)
end

local function settle(update, dataset, ctx)
  for _, alert in ipairs(ctx:alerts { state = "open" }) do
    if alert.about and alert.about[2] == dataset.dataset_id and is_later(update, alert, ctx) then
      ctx:clear { key = alert.key, reason = "其后已有正常维护" }
    end
  end
end

-- 这个数据集的各次维护，由早到晚，至多 200 次。
local function all(dataset, ctx)
  return ctx:list("dataset_update", { dataset_id = dataset.dataset_id }, { last = 200, upto = FAR })
end

local function position(list, update)
  for i, other in ipairs(list) do
    if other.update_id == update.update_id then return i end
  end
end

local function raise_quality(update, why, dataset, ctx)
  raise(dataset, {
    key = update.update_id .. "|quality", kind = "quality", level = "yellow",
    title = ("%s维护条数异常"):format(name_of(dataset)),
    text  = ("%s维护条数异常：%s，责任科室%s"):format(name_of(dataset), why, office.name(dataset.owner_office)),
  }, ctx)
end

-- 迟到的记录：它之后已经有过正常维护，就不必再报。
local function has_good_later(list, at, dataset, ctx)
  for i = at + 1, #list do
    if not fault(list[i], list[i - 1], dataset, ctx) then return true end
  end
  return false
end

local function on_update(update, ctx)
  local dataset = update.dataset_id and ctx:find("dataset", update.dataset_id)
  if not ctx:check("在数据目录里", dataset ~= nil, "==", true) then return end
  local list = all(dataset, ctx)
  local at = position(list, update)
  if not at then return ctx:unknown("太久以前的维护记录，不再判断") end
  local why = fault(update, list[at - 1], dataset, ctx)
  if not why then
    ctx:clear { key = update.update_id .. "|quality", reason = "条数已更正" }
    settle(update, dataset, ctx)
  elseif not has_good_later(list, at, dataset, ctx) then
    raise_quality(update, why, dataset, ctx)
  end
end

-- 数据集刚进目录，而维护记录先到了：从最近一次往回，直到正常的一次。
local function on_dataset(dataset, ctx)
  if ctx:before(dataset) then return end
  local list = all(dataset, ctx)
  for i = #list, 1, -1 do
    local why = fault(list[i], list[i - 1], dataset, ctx)
    if not why then return end
    raise_quality(list[i], why, dataset, ctx)
  end
end

local function on_update_withdrawn(update, ctx)
  ctx:clear { key = update.update_id .. "|quality", reason = "维护记录已撤回" }
end

local function on_dataset_withdrawn(dataset, ctx)
  for _, alert in ipairs(ctx:alerts { state = "open" }) do
    if alert.about and alert.about[2] == dataset.dataset_id then
      ctx:clear { key = alert.key, reason = "已不在数据目录里" }
    end
  end
end

local LIFE = { close = "auto", limits = { yellow = { close = "3wd" }, orange = { close = "1wd" } } }

-- 例子 ------------------------------------------------------------------------------------------

local function set(more)
  return { "dataset", with({ dataset_id = "DS_occupancy", name = "楼宇入驻", owner_office = "regional_dev", cycle = "monthly",
    min_rows = 100 }, more) }
end
local SET    = set()
local DAILY  = set { cycle = "daily" }
local HOURLY = set { cycle = "hourly" }

local function kept(id, at, rows)
  return { "dataset_update", { update_id = id, dataset_id = "DS_occupancy", updated_at = at, rows = rows or 812,
                               operator_id = "op3" } }
end
local function kept_without_rows(id, at)
  return { "dataset_update", { update_id = id, dataset_id = "DS_occupancy", updated_at = at } }
end
local MAY = kept("U5", "2020-05-20T10:00:00+08:00")

local NOW = "2020-07-01T08:00:00+08:00"
local function missed(month, level)
  return { key = "DS_occupancy|missed|" .. month, kind = "missed", level = level or "yellow" }
end
local function remind(month) return { key = "DS_occupancy|remind|" .. month, kind = "remind", level = "blue" } end
local function quality(id) return { key = id .. "|quality", kind = "quality", level = "yellow" } end
local FEED = { { key = "DS_occupancy|feed", kind = "feed", level = "yellow" } }

local function case(name, given, expect, at, settings)
  return { name = name, given = given, at = at or NOW, settings = settings, expect = expect }
end

local function story(name, given, at, expect, ...)
  return { name = name, steps = { { given = given, at = at, expect = expect }, ... } }
end

-- 六月两次维护，先后相差多少条。
local function two(name, before, after, expect, settings)
  return case(name, { SET, kept("U1", "2020-06-10T10:00:00+08:00", before), kept("U2", "2020-06-11T10:00:00+08:00", after) },
              expect, "2020-06-12T09:00:00+08:00", settings)
end
-- 很早的一次排在最后到，其后已有两百次正常维护。
local function two_hundred_later(first)
  local list = { SET }
  for i = 0, 199 do
    list[#list + 1] = kept(("N%03d"):format(i), ("2020-06-%02dT%02d:00:00+08:00"):format(2 + i // 24, i % 24))
  end
  list[#list + 1] = first
  return list
end

local JUNE_25 = "2020-06-25T17:30:00+08:00"

return {
  title    = "条线数据月度维护",
  office   = "party_gov",
  shape    = "ABS",
  also     = { "command_center" },
  reads    = { "dataset", "dataset_update" },
  settings = {
    remind_day      = { label = "每月几号起提醒", unit = "号", default = 25, min = 1, max = 28 },
    daily_max_h     = { label = "每日数据最久不更新", unit = "小时", default = 26, min = 1, max = 240 },
    hourly_max_h    = { label = "每小时数据最久不更新", unit = "小时", default = 3, min = 1, max = 72 },
    rows_change_pct = { label = "条数与上次相差超过", unit = "%", default = 50, min = 0, max = 1000 },
    orange_missed   = { label = "连续未维护达到（橙）", unit = "个月", default = 2, min = 1, max = 12 },
  },

  on      = { dataset_update = on_update, dataset = on_dataset },
  removed = { dataset_update = on_update_withdrawn, dataset = on_dataset_withdrawn },
  every   = {
    { at = "daily 17:30", over = "dataset", run = run_remind },
    { at = "monthly d1 08:00", over = "dataset", run = run_missed },
    { at = "hourly", over = "dataset", run = run_feed },
  },
  rejudge = { dataset_update = "dataset_id" },

  life = {
    remind  = { close = "auto" },
    missed  = LIFE,
    feed    = { close = "auto", limits = { close = "4h" } },
    quality = LIFE,
  },

  examples = {
    -- 上个月没有维护
    case("六月没有维护，报黄", { SET, MAY }, { missed "2020-06" }),
    case("六月维护过，不报", { SET, MAY, kept("U6", "2020-06-11T10:00:00+08:00", 820) }, {}),
    case("六月一日零点维护的算六月", { SET, kept("U6", "2020-06-01T00:00:00+08:00") }, {}),
    case("六月最后一刻维护的算六月", { SET, kept("U6", "2020-06-30T23:59:59+08:00") }, {}),
    case("五月最后一刻维护的不算六月", { SET, kept("U5", "2020-05-31T23:59:59+08:00") }, { missed "2020-06" }),
    case("五、六两月都没有，报橙", { SET, kept("U4", "2020-04-20T10:00:00+08:00") }, { missed("2020-06", "orange") }),
    case("进了目录而从未维护，报橙", { SET }, { missed("2020-06", "orange") }),
    case("门槛改成3个月，两个月仍是黄", { SET, kept("U4", "2020-04-20T10:00:00+08:00") }, { missed "2020-06" }, nil,
         { orange_missed = 3 }),
    case("门槛改成3个月，三个月报橙", { SET, kept("U3", "2020-03-31T10:00:00+08:00") }, { missed("2020-06", "orange") }, nil,
         { orange_missed = 3 }),
    case("一号早上八点前补的算七月，六月仍是没维护", { SET, MAY, kept("U7", "2020-07-01T07:00:00+08:00") }, { missed "2020-06" }),
    case("二号不再判", { SET, MAY }, {}, "2020-07-02T08:00:00+08:00"),
    case("条数不对头的维护也是维护", { SET, MAY, kept("U6", "2020-06-11T10:00:00+08:00", 20) }, { quality "U6" }),
    case("一月一号判去年十二月", { SET, kept("U11", "2019-11-20T10:00:00+08:00") }, { missed "2019-12" },
         "2020-01-01T08:00:00+08:00"),
    case("不是每月的数据不判", { set { cycle = "" } }, {}),
    case("责任科室不在机构表里，照报", { set { owner_office = "nobody", name = "" }, MAY }, { missed "2020-06" }),
    case("责任科室不明，照报", { set { owner_office = "" }, MAY }, { missed "2020-06" }),
    story("七月还没维护：六月的挂着，七月另报一条橙；一次正常维护都办结", { SET, MAY }, NOW, { missed "2020-06" },
          { at = "2020-08-01T08:00:00+08:00", expect = { missed "2020-06", missed("2020-07", "orange") } },
          { given = { kept("U8", "2020-08-01T09:00:00+08:00") }, at = "2020-08-01T09:30:00+08:00", expect = {} }),
    story("补的一次条数不对头，不办结；再补一次正常的才办结", { SET, MAY }, NOW, { missed "2020-06" },
          { given = { kept("U7", "2020-07-01T09:00:00+08:00", 20) }, at = "2020-07-01T09:30:00+08:00",
            expect = { missed "2020-06", quality "U7" } },
          { given = { kept("U8", "2020-07-02T09:00:00+08:00", 800) }, at = "2020-07-02T09:30:00+08:00",
            expect = { missed "2020-06", quality "U7", quality "U8" } },
          { given = { kept("U9", "2020-07-03T09:00:00+08:00", 810) }, at = "2020-07-03T09:30:00+08:00", expect = {} }),
    story("五月的记录很迟才到，不办结六月的", { SET, kept("U4", "2020-04-20T10:00:00+08:00") }, NOW,
          { missed("2020-06", "orange") },
          { given = { MAY }, at = "2020-07-05T09:00:00+08:00", expect = { missed("2020-06", "orange") } }),
    story("六月三十日晚上的维护半夜才到：六月是维护过的", { SET, MAY }, NOW, { missed "2020-06" },
          { given = { kept("U6", "2020-06-30T20:00:00+08:00") }, at = "2020-07-01T09:00:00+08:00", expect = {} }),
    story("别的数据集维护了，不相干", { SET, MAY }, NOW, { missed "2020-06" },
          { given = { set { dataset_id = "DS_visit" }, { "dataset_update", { update_id = "V1", dataset_id = "DS_visit",
              updated_at = "2020-07-01T09:00:00+08:00", rows = 300 } } },
            at = "2020-07-01T09:30:00+08:00", expect = { missed "2020-06" } }),
    story("从目录里撤掉，办结", { SET, MAY, set { dataset_id = "DS_visit" } }, NOW,
          { missed "2020-06", { key = "DS_visit|missed|2020-06", level = "orange" } },
          { removed = { { "dataset", "DS_visit" } }, at = "2020-07-01T09:00:00+08:00", expect = { missed "2020-06" } }),

    -- 月底提醒
    case("25号还没维护，报蓝", { SET, MAY }, { remind "2020-06" }, JUNE_25),
    case("24号，还不提醒", { SET, MAY }, {}, "2020-06-24T17:30:00+08:00"),
    case("25号早上，还不提醒", { SET, MAY }, {}, "2020-06-25T08:00:00+08:00"),
    case("本月已维护，不提醒", { SET, kept("U6", "2020-06-02T10:00:00+08:00") }, {}, JUNE_25),
    case("从未维护，也提醒", { SET }, { remind "2020-06" }, JUNE_25),
    case("提醒日改成20号", { SET, MAY }, { remind "2020-06" }, "2020-06-20T17:30:00+08:00", { remind_day = 20 }),
    case("每日的数据不在月底提醒", { DAILY, kept("U6", "2020-05-20T10:00:00+08:00") }, {}, JUNE_25),
    story("第二天还是同一条；正常维护了办结", { SET, MAY }, JUNE_25, { remind "2020-06" },
          { at = "2020-06-26T17:30:00+08:00", expect = { remind "2020-06" } },
          { given = { kept("U6", "2020-06-27T10:00:00+08:00") }, at = "2020-06-27T11:00:00+08:00", expect = {} }),
    story("维护了但条数不对头，提醒仍挂着", { SET, MAY }, JUNE_25, { remind "2020-06" },
          { given = { kept("U6", "2020-06-26T10:00:00+08:00", 30) }, at = "2020-06-26T17:30:00+08:00",
            expect = { remind "2020-06", quality "U6" } }),
    story("人办结后，其间维护过又撤回，再提醒", { SET, MAY }, JUNE_25, { remind "2020-06" },
          { given = { kept("U6", "2020-06-26T10:00:00+08:00", 30) }, at = "2020-06-26T17:30:00+08:00",
            expect = { quality "U6" }, actions = { { key = "DS_occupancy|remind|2020-06", action = "close", text = "已通知" } } },
          { removed = { { "dataset_update", "U6" } }, at = "2020-06-27T17:30:00+08:00", expect = { remind "2020-06" } }),
    story("到下月一号：提醒挂着，另报未维护；补上都办结", { SET, MAY }, JUNE_25, { remind "2020-06" },
          { at = NOW, expect = { remind "2020-06", missed "2020-06" } },
          { given = { kept("U7", "2020-07-01T10:00:00+08:00") }, at = "2020-07-01T10:30:00+08:00", expect = {} }),

    -- 自动数据断了
    case("每日数据27小时没更新，报黄", { DAILY, kept("U1", "2020-06-30T05:00:00+08:00") }, FEED),
    case("每日数据恰好26小时，不报", { DAILY, kept("U1", "2020-06-30T06:00:00+08:00") }, {}),
    case("每日数据26小时多一秒，报", { DAILY, kept("U1", "2020-06-30T05:59:59+08:00") }, FEED),
    case("每小时数据4小时没更新，报黄", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, FEED),
    case("每小时数据恰好3小时，不报", { HOURLY, kept("U1", "2020-07-01T05:00:00+08:00") }, {}),
    case("从未更新，报", { HOURLY }, FEED),
    case("每月的数据不看几小时", { SET, kept("U6", "2020-06-11T10:00:00+08:00") }, {}),
    case("上限改成6小时，4小时不报", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, {}, nil, { hourly_max_h = 6 }),
    case("中断的责任科室不明，照报", { set { cycle = "hourly", owner_office = "" } }, FEED),
    story("又有正常更新，当时办结；再断再报", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, NOW, FEED,
          { at = "2020-07-01T09:00:00+08:00", expect = FEED },
          { given = { kept("U2", "2020-07-01T09:20:00+08:00") }, at = "2020-07-01T09:30:00+08:00", expect = {} },
          { at = "2020-07-01T12:00:00+08:00", expect = {} },
          { at = "2020-07-01T13:00:00+08:00", expect = FEED }),
    story("更新来了但条数不对头，中断的仍挂着", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, NOW, FEED,
          { given = { kept("U2", "2020-07-01T08:20:00+08:00", 5) }, at = "2020-07-01T09:00:00+08:00",
            expect = { FEED[1], quality "U2" } }),
    story("更新比上次少太多，中断的也仍挂着", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00", 2000) }, NOW, FEED,
          { given = { kept("U2", "2020-07-01T08:20:00+08:00", 200) }, at = "2020-07-01T09:00:00+08:00",
            expect = { FEED[1], quality "U2" } }),
    story("迟到的更新：当时其实没有断", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, NOW, FEED,
          { given = { kept("U2", "2020-07-01T07:30:00+08:00") }, at = "2020-07-01T08:30:00+08:00", expect = {} }),
    story("很早的更新很迟才到，仍是断的", { HOURLY, kept("U1", "2020-07-01T03:00:00+08:00") }, NOW, FEED,
          { given = { kept("U2", "2020-07-01T03:30:00+08:00") }, at = "2020-07-01T08:30:00+08:00", expect = FEED }),
    story("签收过的中断，迟到的更新说明没有断：下一个整点办结", { HOURLY, kept("U1", "2020-07-01T04:00:00+08:00") }, NOW, FEED,
          { given = { kept("U2", "2020-07-01T07:30:00+08:00") }, at = "2020-07-01T09:00:00+08:00", expect = {},
            actions = { { key = "DS_occupancy|feed", action = "sign" } } }),

    -- 条数
    two("条数正常，不报", 812, 820, {}),
    two("恰好多一半，不报", 800, 1200, {}),
    two("多一半还多一条，报黄", 800, 1201, { quality "U2" }),
    two("恰好少一半，不报", 800, 400, {}),
    two("少一半还少一条，报黄", 800, 399, { quality "U2" }),
    two("上次0条，这次有了，两次都报", 0, 200, { quality "U1", quality "U2" }),
    two("少于最少条数，报黄", 150, 99, { quality "U2" }),
    two("恰好最少条数，不报", 150, 100, {}),
    two("幅度改成20%", 1000, 1201, { quality "U2" }, { rows_change_pct = 20 }),
    case("第一次维护没有上次可比", { SET, kept("U1", "2020-06-10T10:00:00+08:00", 5000) }, {}, "2020-06-12T09:00:00+08:00"),
    case("两次都是0条、不设最少条数，不报", { set { min_rows = "" }, kept("U1", "2020-06-10T10:00:00+08:00", 0),
                                  kept("U2", "2020-06-11T10:00:00+08:00", 0) }, {}, "2020-06-12T09:00:00+08:00"),
    case("没写条数，不判断", { SET, MAY, kept_without_rows("U6", "2020-06-11T10:00:00+08:00") }, {}, "2020-06-12T09:00:00+08:00"),
    case("上次没写条数，只看最少条数", { SET, kept_without_rows("U5", "2020-06-10T10:00:00+08:00"),
                              kept("U6", "2020-06-11T10:00:00+08:00", 5000) }, {}, "2020-06-12T09:00:00+08:00"),
    case("维护记录先到、数据集后进目录，一样报",
         { kept("U1", "2020-06-10T10:00:00+08:00", 10), kept("U2", "2020-06-11T08:00:00+08:00", 500),
           kept("U3", "2020-06-11T10:00:00+08:00", 700), kept("U4", "2020-06-12T08:00:00+08:00", 80), SET }, { quality "U4" },
         "2020-06-12T09:00:00+08:00"),
    story("目录里只是改了责任科室，不重判旧的", { SET, kept("U1", "2020-06-12T08:00:00+08:00", 200) }, "2020-06-12T09:00:00+08:00", {},
          { given = { set { owner_office = "safety", min_rows = 500 } }, at = "2020-06-12T09:30:00+08:00", expect = {} }),
    case("其后已有两百次维护的，不再判断", two_hundred_later(kept("U0", "2020-06-01T10:00:00+08:00", 1)), {},
         "2020-06-12T09:00:00+08:00"),
    case("目录里没有的数据集不判断", { kept("U1", "2020-06-10T10:00:00+08:00", 1) }, {}, "2020-06-12T09:00:00+08:00"),
    story("后来一次正常的维护，办结", { SET, kept("U1", "2020-06-10T10:00:00+08:00", 50) }, "2020-06-10T11:00:00+08:00",
          { quality "U1" }, { given = { kept("U2", "2020-06-11T10:00:00+08:00", 60) }, at = "2020-06-11T11:00:00+08:00",
                              expect = { quality "U1", quality "U2" } },
          { given = { kept("U3", "2020-06-12T10:00:00+08:00", 200) }, at = "2020-06-12T11:00:00+08:00",
            expect = { quality "U1", quality "U2", quality "U3" } },
          { given = { kept("U4", "2020-06-13T10:00:00+08:00", 210) }, at = "2020-06-13T11:00:00+08:00", expect = {} }),
    story("这次的条数更正了，办结", { SET, kept("U1", "2020-06-10T10:00:00+08:00", 50) }, "2020-06-10T11:00:00+08:00",
          { quality "U1" },
          { given = { kept("U1", "2020-06-10T10:00:00+08:00", 800) }, at = "2020-06-10T12:00:00+08:00", expect = {} }),
    story("维护记录撤回，办结", { SET, kept("U1", "2020-06-10T10:00:00+08:00", 50) }, "2020-06-10T11:00:00+08:00",
          { quality "U1" }, { removed = { { "dataset_update", "U1" } }, at = "2020-06-10T12:00:00+08:00", expect = {} }),
    case("不对头的迟到，其后已有正常维护，不报",
         { SET, kept("U2", "2020-06-11T10:00:00+08:00", 120), kept("U1", "2020-06-11T09:00:00+08:00", 90) }, {},
         "2020-06-11T11:00:00+08:00"),
    case("两次都不对头、倒着到，两条都报",
         { SET, kept("U2", "2020-06-11T10:00:00+08:00", 60), kept("U1", "2020-06-11T09:00:00+08:00", 90) },
         { quality "U1", quality "U2" }, "2020-06-11T11:00:00+08:00"),
    case("不对头的迟到，其后那次和它一比也不对头，都报",
         { SET, kept("U0", "2020-06-11T08:00:00+08:00", 500), kept("U2", "2020-06-11T10:00:00+08:00", 480),
           kept("U1", "2020-06-11T09:00:00+08:00", 60) }, { quality "U1", quality "U2" }, "2020-06-11T11:00:00+08:00"),
    case("正常的迟到，不办结在它之后不对头的",
         { SET, kept("U2", "2020-06-11T10:00:00+08:00", 60), kept("U1", "2020-06-11T09:00:00+08:00", 800) },
         { quality "U2" }, "2020-06-11T11:00:00+08:00"),
    case("上一次迟到：补上后这一次相差太多，报",
         { SET, kept("U2", "2020-06-11T10:00:00+08:00", 300), kept("U1", "2020-06-11T09:00:00+08:00", 800) },
         { quality "U2" }, "2020-06-11T11:00:00+08:00"),
    case("中间一次迟到：补上后这一次就不算相差太多",
         { SET, kept("U1", "2020-06-11T08:00:00+08:00", 200), kept("U3", "2020-06-11T10:00:00+08:00", 400),
           kept("U2", "2020-06-11T09:00:00+08:00", 290) }, {}, "2020-06-11T11:00:00+08:00"),
  },
}
