--- 工地夜间施工与扬尘深基坑：夜间噪声超限而没有许可、超得太多、几夜反复，扬尘明显高于别处，深基坑没有按时检查。
-- 给公共管理办、社区和综合行政执法：到场制止、洒水降尘、补做检查；凭工地反馈办结。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"

local NOISE_READINGS = 3        -- 夜间噪声至少几次读数才算
local DUST_READINGS  = 6        -- 扬尘至少几次读数才算
local DUST_MIN       = 60       -- 扬尘看多少分钟
local DUST_OTHERS    = 2        -- 至少与几台别的扬尘设备相比

-- 设备装在哪个工地；不是工地上的设备为 nil。
local function site_of(device_id, ctx)
  local device = ctx:find("device", device_id)
  if not device then return ctx:unknown("没有这台设备的登记") end
  if device.subject_type ~= "site" or not device.subject_id then return nil end
  local site = ctx:find("site", device.subject_id)
  local community = site and site.community_id or device.community_id
  return {
    id = device.subject_id, name = site and site.name or device.subject_id,
    communities = community and { community } or nil,
  }
end

local function values_of(device_id, metric, minutes, ctx)
  local values, times = {}, {}
  for r in ctx:each("sensor_reading", { device_id = device_id, metric = metric }, { within = ("%dmin"):format(minutes) }) do
    if r.value then values[#values + 1], times[#times + 1] = r.value, r.at end
  end
  return values, times
end

-- 夜间噪声 --------------------------------------------------------------------------------------

-- 这一刻属于哪一夜（开始那天的日期）；白天为 nil。
local function night_of(at, night)
  if not calendar.in_clock(at, night) then return nil end
  local date, from = calendar.date_of(at), calendar.minute_of_day(night:sub(1, 5))
  local now = calendar.minutes_between(date .. "T00:00:00+08:00", at)
  return now < from and calendar.add_days(date, -1) or date
end

-- 近 avg_min 分钟里这一夜的读数的均值；次数不够为 nil。
local function night_mean(device_id, night, ctx)
  local s = ctx.settings
  local values, times = values_of(device_id, "noise_db", s.avg_min, ctx)
  local mine = {}
  for i, value in ipairs(values) do
    if night_of(times[i], s.night) == night then mine[#mine + 1] = value end
  end
  if not ctx:check("夜间读数", #mine, ">=", NOISE_READINGS, "次") then return nil end
  return stats.mean(mine)
end

-- 此刻有夜间施工许可；许可缺起止时间的，缺的那头当作有效，不凭它报。
local function is_permitted(site_id, ctx)
  for p in ctx:each("permit", { holder_id = site_id, kind = "night_work" }) do
    if (p.holder_type or "site") == "site" and (not p.valid_from or p.valid_from <= ctx.now)
       and (not p.valid_to or ctx.now <= p.valid_to) then return true end
  end
  return false
end

local function noise_key(site_id, night) return ("%s|noise|%s"):format(site_id, night) end

-- 到 night 为止近 repeat_days 天里报过噪声的夜数；this 夜算一夜。误报、撤回的不算。
local function noisy_nights(site_id, night, this, ctx)
  local n = 0
  for back = 0, ctx.settings.repeat_days do
    local date = calendar.add_days(night, -back)
    local old = ctx:alerts { key = noise_key(site_id, date) }[1]
    if date == this or old and old.state ~= "false_alarm" and old.state ~= "retracted" then n = n + 1 end
  end
  return n
end

local function is_repeated(site_id, night, this, ctx)
  local s = ctx.settings
  return ctx:check(("近%d天夜间噪声超限"):format(s.repeat_days), noisy_nights(site_id, night, this, ctx), ">=",
    s.repeat_nights, "夜")
end

-- 迟到的读数补出一夜：其后几夜已报的，够几夜反复的升为橙。
local function raise_later_nights(site, night, ctx)
  for ahead = 1, ctx.settings.repeat_days do
    local later = calendar.add_days(night, ahead)
    local old = ctx:alerts { key = noise_key(site.id, later), state = "open" }[1]
    if old and old.level == "yellow" and is_repeated(site.id, later, night, ctx) then
      ctx:alert {
        key = old.key, kind = "noise", level = "orange", about = { "site", site.id }, communities = site.communities,
        title = old.title, text = old.text .. "，几夜反复",
      }
    end
  end
end

-- 返回级别；没有超限为 nil。
local function noise_level(mean, permitted, ctx)
  local s = ctx.settings
  if ctx:check("夜间噪声均值（橙）", mean, ">", s.noise_db + s.noise_extra_db, "分贝") then return "orange" end
  if ctx:check("夜间噪声均值", mean, ">", s.noise_db, "分贝")
     and ctx:check("有夜间施工许可", permitted, "==", false) then return "yellow" end
end

local function judge_noise(row, ctx)
  local night = night_of(row.at, ctx.settings.night)
  if not night then return end
  local site = site_of(row.device_id, ctx)
  if not site then return end
  local mean = night_mean(row.device_id, night, ctx)
  local permitted = is_permitted(site.id, ctx)
  local level = mean and noise_level(mean, permitted, ctx)
  if not level then
    return ctx:clear { key = noise_key(site.id, night), reason = "夜间噪声已降下或有许可" }
  end
  local again = is_repeated(site.id, night, night, ctx)
  ctx:alert {
    key = noise_key(site.id, night), kind = "noise", level = again and "orange" or level, about = { "site", site.id },
    communities = site.communities,
    title = ("%s 夜间噪声超限"):format(site.name),
    text  = ("%s夜间噪声%s分贝，%s%s"):format(site.name, text.number(mean, 1),
      permitted and "已许可" or "无夜间施工许可", again and "，几夜反复" or ""),
  }
  raise_later_nights(site, night, ctx)
end

-- 扬尘 ------------------------------------------------------------------------------------------

-- 近一小时各台扬尘设备的均值 { 设备 = 均值 }。用到时才读，一次运行只读一遍。
local function reader_of_hour(ctx)
  local means
  return function()
    if means then return means end
    local by_device = {}
    for r in ctx:each("sensor_reading", { metric = "pm10_ugm3" }, { within = ("%dmin"):format(DUST_MIN) }) do
      if r.value then
        local values = by_device[r.device_id] or {}
        by_device[r.device_id], values[#values + 1] = values, r.value
      end
    end
    means = {}
    for id, values in pairs(by_device) do means[id] = stats.mean(values) end
    return means
  end
end

-- 这台设备此刻的扬尘均值；不够报为 nil。
local function dusty_mean(device_id, hour, ctx)
  local s = ctx.settings
  local values = values_of(device_id, "pm10_ugm3", DUST_MIN, ctx)
  local mean = stats.mean(values)
  if not (ctx:check("近一小时扬尘均值", mean, ">", s.pm10, "微克/立方米")
          and ctx:check("近一小时读数", #values, ">=", DUST_READINGS, "次")) then return nil end
  local others = {}
  for id, other in pairs(hour()) do
    if id ~= device_id then others[#others + 1] = other end
  end
  if not ctx:check("别的扬尘设备", #others, ">=", DUST_OTHERS, "台") then return nil end
  local usual = stats.mean(others)
  return ctx:check("高于别处均值的倍数界限", mean, ">", stats.round(s.pm10_ratio * usual), "微克/立方米") and mean or nil
end

-- 工地上还有没有别的设备此刻也超。
local function another_is_dusty(site_id, device_id, hour, ctx)
  for device in ctx:each("device", { subject_id = site_id, kind = "pm10" }) do
    if device.device_id ~= device_id and dusty_mean(device.device_id, hour, ctx) then return true end
  end
  return false
end

local function judge_dust(device_id, hour, ctx)
  local site = site_of(device_id, ctx)
  if not site then return end
  local key = ("%s|dust|%s"):format(site.id, ctx.today)
  local mean = dusty_mean(device_id, hour, ctx)
  if not mean then
    if ctx:alerts { key = key }[1] and not another_is_dusty(site.id, device_id, hour, ctx) then
      ctx:clear { key = key, reason = "扬尘已降下" }
    end
    return
  end
  ctx:alert {
    key = key, kind = "dust", level = "yellow", about = { "site", site.id }, communities = site.communities,
    title = ("%s 扬尘偏高"):format(site.name),
    text  = ("%s近一小时PM10均值%s微克/立方米，明显高于别处"):format(site.name, text.number(mean, 1)),
  }
end

-- 一台设备的读数也是别的设备的比照：它们同一刻、或在这之后一小时内已有读数的，按那一刻再看一遍，
-- 这样各台设备的读数谁先到都一样。
local function judge_compared(row, hour, ctx)
  for device in ctx:each("device", { kind = "pm10" }) do
    local id = device.device_id
    local newest = id ~= row.device_id and ctx:list("sensor_reading", { device_id = id, metric = "pm10_ugm3" })[1]
    if newest and newest.at == row.at then
      ctx:subject("device", id)
      judge_dust(id, hour, ctx)
    elseif newest and newest.at > row.at and calendar.minutes_between(row.at, newest.at) <= DUST_MIN then
      ctx:wake("dust|" .. id, newest.at, id)
    end
  end
end

local function on_reading(row, ctx)
  if row.metric == "noise_db" then return judge_noise(row, ctx) end
  if row.metric ~= "pm10_ugm3" then return end
  local hour = reader_of_hour(ctx)
  judge_dust(row.device_id, hour, ctx)
  judge_compared(row, hour, ctx)
end

-- 深基坑 ----------------------------------------------------------------------------------------

local function last_inspection(site_id, ctx)
  local last
  for i in ctx:each("inspection", { target_id = site_id, target_type = "site" }) do
    if i.inspected_at <= ctx.now and (not last or i.inspected_at > last) then last = i.inspected_at end
  end
  return last
end

local function judge_pit(site, ctx)
  if not ctx:alive("inspection") then return ctx:unknown("检查数据没有按时更新") end
  local s = ctx.settings
  local key = ("%s|pit|%s"):format(site.site_id, ctx.week)
  local deep = ctx:check("在建", site.active, "==", true) and ctx:check("基坑深度", site.pit_depth_m, ">=", s.pit_m, "米")
  local last = deep and last_inspection(site.site_id, ctx)
  local days = last and calendar.days_between(last, ctx.today)
  local overdue = deep and (not ctx:check("有过检查", last ~= nil, "==", true)
                            or ctx:check("距上次检查", days, ">", s.pit_check_days, "天"))
  if not overdue then return ctx:clear { key = key, reason = "基坑已检查或不再需要" } end
  local name = site.name or site.site_id
  ctx:alert {
    key = key, kind = "pit", level = "yellow", about = { "site", site.site_id },
    title = ("%s 深基坑未按时检查"):format(name),
    text  = days and ("%s基坑深%s米，已%d天没有检查"):format(name, text.number(site.pit_depth_m), days)
      or ("%s基坑深%s米，从未检查"):format(name, text.number(site.pit_depth_m)),
  }
end

-- 例子 ------------------------------------------------------------------------------------------

local function device(id, kind, site)
  return { "device", { device_id = id, kind = kind, subject_type = "site", subject_id = site, community_id = "xiaohe" } }
end
local NS1  = device("NS1", "noise", "GD1")
local SITE = { "site", { site_id = "GD1", name = "示例工地", community_id = "xiaohe", active = true, pit_depth_m = 6 } }

-- 一台设备的读数：时刻（"15T23:05" = 2020-07-15 23:05）和数值交替写。
local function readings(id, metric, list)
  local given = {}
  for i = 1, #list, 2 do
    given[#given + 1] = { "sensor_reading", { device_id = id, at = ("2020-07-%s:00+08:00"):format(list[i]), metric = metric,
                                              value = list[i + 1] ~= "" and list[i + 1] or nil } }
  end
  return given
end
local function noise(...) return readings("NS1", "noise_db", { ... }) end

-- 某日 23:05 起三次 db 分贝。
local function loud(day, db) return noise(day .. "T23:05", db, day .. "T23:10", db, day .. "T23:15", db) end

local function join(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, r in ipairs(list) do all[#all + 1] = r end
  end
  return all
end

local function permit(from, to, more)
  local p = { permit_id = "PM1", kind = "night_work", holder_type = "site", holder_id = "GD1", valid_from = from, valid_to = to }
  for k, v in pairs(more or {}) do p[k] = v end
  return { "permit", p }
end
local FROM, TO = "2020-07-15T22:00:00+08:00", "2020-07-16T02:00:00+08:00"

local function night(level, day) return { key = "GD1|noise|2020-07-" .. (day or "15"), level = level, kind = "noise" } end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or "2020-07-16T07:00:00+08:00", settings = settings, expect = want }
end

local DUSTY = { { key = "GD1|dust|2020-07-15", level = "yellow", kind = "dust" } }
local PM = { device("PM1", "pm10", "GD1"), device("PM2", "pm10", "GD2"), device("PM3", "pm10", "GD3") }

-- 一台扬尘设备 10:00 起每十分钟一次，共 n 次。
local function dust(id, value, n)
  local list = {}
  for i = 1, n or 6 do list[2 * i - 1], list[2 * i] = ("15T10:%02d"):format(i * 10 - 10), value end
  return readings(id, "pm10_ugm3", list)
end

local PIT = { { key = "GD1|pit|2020-W29", level = "yellow", kind = "pit" } }
local EIGHT = "2020-07-15T08:00:00+08:00"

local function site(more)
  local s = { site_id = "GD1", name = "示例工地", community_id = "xiaohe", active = true, pit_depth_m = 6 }
  for k, v in pairs(more or {}) do s[k] = v ~= "" and v or nil end
  return { "site", s }
end

local function inspected(at, more)
  local i = { inspection_id = "IN" .. at, target_type = "site", target_id = "GD1", inspected_at = at, result = "pass" }
  for k, v in pairs(more or {}) do i[k] = v end
  return { "inspection", i }
end

local function updates(at)
  return { "dataset", { dataset_id = "DS_inspection", name = "检查", owner_office = "public_mgmt", cycle = "daily" } },
    { "dataset_update", { update_id = "U1", dataset_id = "DS_inspection", updated_at = at, rows = 1 } }
end

return {
  title    = "工地夜间施工与扬尘深基坑",
  office   = "public_mgmt",
  shape    = "TH LIST",
  also     = { "enforcement" },
  reads    = { "sensor_reading", "device", "site", "permit", "inspection" },
  settings = {
    night          = { label = "夜间钟点（含起点，不含终点）", default = "22:00-06:00" },
    noise_db       = { label = "夜间噪声超过", unit = "分贝", default = 55, min = 0, max = 150 },
    noise_extra_db = { label = "有许可也不得再超过", unit = "分贝", default = 15, min = 0, max = 100 },
    avg_min        = { label = "噪声取近几分钟的均值", unit = "分钟", default = 15, min = 1, max = 240 },
    repeat_nights  = { label = "反复超限达到（橙）", unit = "夜", default = 3, min = 2, max = 30 },
    repeat_days    = { label = "反复超限看近几天", unit = "天", default = 7, min = 1, max = 60 },
    pm10           = { label = "扬尘均值超过", unit = "微克/立方米", default = 150, min = 0, max = 10000 },
    pm10_ratio     = { label = "扬尘超过别处均值的", unit = "倍", default = 1.5, min = 0, max = 100 },
    pit_m          = { label = "深基坑达到", unit = "米", default = 5, min = 0, max = 100 },
    pit_check_days = { label = "深基坑没有检查超过", unit = "天", default = 7, min = 1, max = 365 },
  },

  on      = { sensor_reading = on_reading },
  wake    = function(_, device_id, ctx) judge_dust(device_id, reader_of_hour(ctx), ctx) end,
  every   = { { at = "daily 08:00", over = "site", run = judge_pit } },
  rejudge = { inspection = "target_id" },

  life = {
    noise = { close = "evidence", evidence = { "note" }, limits = { yellow = { close = "2h" }, orange = { close = "1h" } } },
    dust  = { close = "evidence", evidence = { "note" }, limits = { close = "4h" } },
    pit   = { close = "evidence", evidence = { "note" }, limits = { close = "2wd" } },
  },

  examples = {
    case("夜里三次均值61分贝，没有许可，报黄", join({ NS1 }, noise("15T23:05", 60, "15T23:10", 61, "15T23:15", 62)), { night "yellow" }),
    case("有夜间施工许可，不报", join({ NS1, permit(FROM, TO) }, noise("15T23:05", 60, "15T23:10", 61, "15T23:15", 62)), {}),
    case("均值恰好55分贝，不报", join({ NS1 }, noise("15T23:05", 54.9, "15T23:10", 55, "15T23:15", 55.1)), {}),
    case("均值略超55分贝，报黄", join({ NS1, SITE }, noise("15T23:05", 54.9, "15T23:10", 55, "15T23:15", 55.13)), { night "yellow" }),
    case("只有两次读数，不报", join({ NS1 }, noise("15T23:10", 90, "15T23:15", 90)), {}),
    case("缺数值的不算一次", join({ NS1 }, noise("15T23:05", "", "15T23:10", 90, "15T23:15", 90)), {}),
    case("只看近15分钟，两端都算", join({ NS1 }, noise("15T23:00", 60, "15T23:07", 60, "15T23:15", 60)), { night "yellow" }),
    case("15分钟之外的不算", join({ NS1 }, noise("15T22:59", 60, "15T23:07", 60, "15T23:15", 60)), {}),
    case("恰好70分贝，有许可，不报", join({ NS1, permit(FROM, TO) }, loud("15", 70)), {}),
    case("超过70分贝，有许可也报橙", join({ NS1, permit(FROM, TO) }, loud("15", 70.1)), { night "orange" }),
    case("超过70分贝，没有许可，报橙", join({ NS1 }, loud("15", 70.1)), { night "orange" }),
    case("恰好70分贝，没有许可，报黄", join({ NS1 }, loud("15", 70)), { night "yellow" }),
    case("许可恰到这一刻，仍算有", join({ NS1, permit(FROM, "2020-07-15T23:15:00+08:00") }, loud("15", 60)), {}),
    case("许可已过，报", join({ NS1, permit(FROM, "2020-07-15T23:14:59+08:00") }, loud("15", 60)), { night "yellow" }),
    case("许可还没开始，报", join({ NS1, permit("2020-07-15T23:15:01+08:00", TO) }, loud("15", 60)), { night "yellow" }),
    case("许可缺终止时间，不凭它报", join({ NS1, permit(FROM, nil) }, loud("15", 60)), {}),
    case("别的工地的许可不算", join({ NS1, permit(FROM, TO, { holder_id = "GD2" }) }, loud("15", 60)), { night "yellow" }),
    case("别种许可不算", join({ NS1, permit(FROM, TO, { kind = "event" }) }, loud("15", 60)), { night "yellow" }),
    case("商户的许可不算", join({ NS1, permit(FROM, TO, { holder_type = "shop" }) }, loud("15", 60)), { night "yellow" }),
    case("白天不管", join({ NS1 }, noise("15T21:49", 90, "15T21:55", 90, "15T21:59", 90)), {}),
    case("22点整起算夜间，之前的读数不并进来",
         join({ NS1 }, noise("15T21:55", 10, "15T22:00", 60, "15T22:05", 60, "15T22:10", 60)), { night "yellow" }),
    case("22点前后凑的三次，不够", join({ NS1 }, noise("15T21:55", 90, "15T22:00", 90, "15T22:05", 90)), {}),
    case("过了零点仍是前一夜", join({ NS1 }, noise("15T23:55", 60, "16T00:00", 60, "16T00:05", 60)), { night "yellow" }),
    case("清晨5点59分仍是前一夜", join({ NS1 }, noise("16T05:49", 60, "16T05:55", 60, "16T05:59", 60)), { night "yellow" }),
    case("6点整不算夜间", join({ NS1 }, noise("16T05:50", 60, "16T05:55", 60, "16T06:00", 60)), {}),
    case("两台设备的读数不合并",
         join({ NS1, device("NS2", "noise", "GD1") }, noise("15T23:05", 60, "15T23:10", 60),
              readings("NS2", "noise_db", { "15T23:15", 60 })), {}),
    case("没有登记的设备，不报", loud("15", 60), {}),
    case("不在工地上的设备，不报",
         join({ { "device", { device_id = "NS1", kind = "noise", subject_type = "estate", subject_id = "E1" } } },
         loud("15", 60)), {}),
    case("次序颠倒到达，结果一样", join({ NS1 }, noise("15T23:15", 62, "15T23:10", 61, "15T23:05", 60)), { night "yellow" }),
    case("安静的一次迟到，撤回已报的", join({ NS1 }, noise("15T23:05", 56, "15T23:10", 56, "15T23:15", 56, "15T23:12", 40)), {}),
    case("夜间钟点改为23点起", join({ NS1 }, noise("15T22:05", 60, "15T22:10", 60, "15T22:15", 60)), {}, { night = "23:00-06:00" }),
    { name = "同一夜一直响，还是一条；升到橙；安静后仍等人办结",
      steps = {
        { given = join({ NS1 }, loud("15", 60)), at = "2020-07-15T23:16:00+08:00", expect = { night "yellow" } },
        { given = noise("15T23:40", 80, "15T23:45", 80, "15T23:50", 80), at = "2020-07-15T23:51:00+08:00",
          expect = { night "orange" } },
        { given = noise("16T01:00", 40, "16T01:05", 40, "16T01:10", 40), at = "2020-07-16T01:11:00+08:00",
          expect = { night "orange" } },
        { actions = { { key = "GD1|noise|2020-07-15", action = "close", text = "23点55分已停工" } },
          at = "2020-07-16T01:20:00+08:00", expect = {} },
      } },
    case("7天内第三夜，报橙", join({ NS1 }, loud("08", 60), loud("10", 60), loud("15", 60)),
         { night("yellow", "08"), night("yellow", "10"), night "orange" }),
    case("三夜而头一夜在8天前，仍是黄", join({ NS1 }, loud("07", 60), loud("10", 60), loud("15", 60)),
         { night("yellow", "07"), night("yellow", "10"), night "yellow" }),
    { name = "中间一夜的读数迟到，后一夜补升为橙",
      steps = {
        { given = join({ NS1 }, loud("13", 60), loud("15", 60)), at = "2020-07-15T23:20:00+08:00",
          expect = { night("yellow", "13"), night "yellow" } },
        { given = loud("14", 60), at = "2020-07-15T23:30:00+08:00",
          expect = { night("yellow", "13"), night("yellow", "14"), night "orange" } },
      } },
    { name = "有一夜是误报，不计入反复",
      steps = {
        { given = join({ NS1 }, loud("13", 60), loud("14", 60)), at = "2020-07-15T08:00:00+08:00",
          actions = { { key = "GD1|noise|2020-07-14", action = "false_alarm", text = "设备故障" } },
            expect = { night("yellow", "13") } },
        { given = loud("15", 60), at = "2020-07-15T23:20:00+08:00", expect = { night("yellow", "13"), night "yellow" } },
      } },

    case("扬尘均值高、又明显高于别处两台，报黄", join(PM, dust("PM2", 100), dust("PM3", 100), dust("PM1", 160)), DUSTY),
    case("别处的读数后到，也报", join(PM, dust("PM1", 160), dust("PM2", 100), dust("PM3", 100)), DUSTY),
    case("别处的读数隔一刻才到，也报",
         join(PM, dust("PM1", 160), readings("PM2", "pm10_ugm3", { "15T10:05", 100 }),
         readings("PM3", "pm10_ugm3", { "15T10:05", 100 })), DUSTY),
    case("恰好150，不报", join(PM, dust("PM2", 90), dust("PM3", 90), dust("PM1", 150)), {}),
    case("恰好1.5倍，不报", join(PM, dust("PM2", 120), dust("PM3", 120), dust("PM1", 180)), {}),
    case("略超1.5倍，报", join(PM, dust("PM2", 120), dust("PM3", 120), dust("PM1", 180.1)), DUSTY),
    case("各台均值再取均值，不按读数多少",
         join(PM, dust("PM2", 150), readings("PM3", "pm10_ugm3", { "15T10:00", 50 }), dust("PM1", 160)), DUSTY),
    case("只有一台可比，不报", join(PM, dust("PM2", 100), dust("PM1", 160)), {}),
    case("只有五次读数，不报", join(PM, dust("PM2", 100), dust("PM3", 100), dust("PM1", 160, 5)), {}),
    case("一小时以前的读数不比", join(PM, readings("PM2", "pm10_ugm3", { "15T09:49", 100 }), dust("PM3", 100), dust("PM1", 160)), {}),
    case("恰在一小时前的读数算", join(PM, readings("PM2", "pm10_ugm3", { "15T09:50", 100 }), dust("PM3", 100), dust("PM1", 160)), DUSTY),
    case("处处都高，不单独报这一处", join(PM, dust("PM2", 300), dust("PM3", 300), dust("PM1", 320)), {}),
    case("没有登记的扬尘设备，不报", join({ PM[2], PM[3] }, dust("PM2", 100), dust("PM3", 100), dust("PM1", 160)), {}),
    case("不相干的读数不看", readings("PM1", "temp_c", { "15T10:00", 500 }), {}),
    { name = "同一工地另一台没超，不算降下；都降下后仍等人办结",
      steps = {
        { given = join(PM, { device("PM4", "pm10", "GD1") }, dust("PM2", 100), dust("PM3", 100), dust("PM1", 200)),
          at = "2020-07-15T10:51:00+08:00", expect = DUSTY },
        { given = readings("PM4", "pm10_ugm3", { "15T10:52", 20 }), at = "2020-07-15T10:53:00+08:00", expect = DUSTY },
        { given = readings("PM1", "pm10_ugm3", { "15T12:00", 20 }), at = "2020-07-15T12:01:00+08:00", expect = DUSTY },
        { actions = { { key = "GD1|dust|2020-07-15", action = "close", text = "已洒水" } }, at = "2020-07-15T12:10:00+08:00",
          expect = {} },
      } },

    case("深基坑8天没有检查，报黄", { SITE, inspected "2020-07-07T23:00:00+08:00" }, PIT, nil, EIGHT),
    case("恰好7天，不报", { SITE, inspected "2020-07-08T00:00:00+08:00" }, {}, nil, EIGHT),
    case("从未检查，报黄", { SITE }, PIT, nil, EIGHT),
    case("恰好5米，算深基坑", { site { pit_depth_m = 5 } }, PIT, nil, EIGHT),
    case("不到5米，不报", { site { pit_depth_m = 4.9 } }, {}, nil, EIGHT),
    case("深度不详，不报", { site { pit_depth_m = "" } }, {}, nil, EIGHT),
    case("不在建，不报", { site { active = false } }, {}, nil, EIGHT),
    case("在建与否不详，不报", { site { active = "" } }, {}, nil, EIGHT),
    case("别的对象的检查不算", { SITE, inspected("2020-07-14T09:00:00+08:00", { target_id = "GD2" }),
                              inspected("2020-07-14T10:00:00+08:00", { target_type = "place" }) }, PIT, nil, EIGHT),
    case("看最近一次，不论到达次序",
         { SITE, inspected "2020-07-14T09:00:00+08:00", inspected "2020-07-01T09:00:00+08:00" }, {}, nil, EIGHT),
    case("检查数据断了，不报", { SITE, updates "2020-07-14T05:59:59+08:00" }, {}, nil, EIGHT),
    case("检查数据恰在26小时内更新过，照报", { SITE, updates "2020-07-14T06:00:00+08:00" }, PIT, nil, EIGHT),
    case("跨年的一周记作2020-W53", { SITE }, { { key = "GD1|pit|2020-W53", level = "yellow" } }, nil, "2021-01-02T08:00:00+08:00"),
    { name = "一周一条；检查过之后等人办结，下一周不再报",
      steps = {
        { given = { SITE }, at = EIGHT, expect = PIT },
        { at = "2020-07-16T08:00:00+08:00", expect = PIT },
        { given = { inspected "2020-07-16T10:00:00+08:00" }, at = "2020-07-17T08:00:00+08:00", expect = PIT },
        { actions = { { key = "GD1|pit|2020-W29", action = "close", text = "已检查" } }, at = "2020-07-20T08:00:00+08:00",
          expect = {} },
      } },
    { name = "早上七点的检查九点才报来，撤回",
      steps = {
        { given = { SITE }, at = EIGHT, expect = PIT },
        { given = { inspected "2020-07-15T07:00:00+08:00" }, at = "2020-07-15T09:00:00+08:00", expect = {} },
      } },
    { name = "同一工地噪声、扬尘、基坑都有，各报各的",
      given = join({ NS1, SITE }, PM, dust("PM2", 100), dust("PM3", 100), dust("PM1", 160), loud("15", 60)),
      at = "2020-07-16T08:00:00+08:00", expect = { night "yellow", DUSTY[1], PIT[1] } },
  },
}
