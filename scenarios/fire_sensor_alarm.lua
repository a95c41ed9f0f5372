--- 烟感电气报警与设备离线：一幢楼里烟感、燃气、过热报警立刻报；三分钟没恢复也没人签收，或两个探测器先后报警，升为红。
-- 给平安办、指挥中心、社区和物业：先电话核实，十分钟到场。设备一天没有心跳另报离线。
local calendar = require "std.calendar"
local stats    = require "std.stats"
local text     = require "std.text"
local with     = require("std.example").with

local ON_FIRE  = { smoke = true, gas = true, overtemp = true }
local UNSIGNED = { new = true, returned = true }

-- 检修静默：到 time 这一刻还没有结束。
local function is_muted(device, time)
  return device.muted_until ~= nil and calendar.seconds(device.muted_until) > calendar.seconds(time)
end

local function is_hot(reading, ctx) return reading.value ~= nil and reading.value > ctx.settings.hot_c end

local function devices_of(estate_id, building_no, ctx)
  return ctx:list("device", { estate_id = estate_id, building_no = building_no })
end

-- 一个设备的火警：{ { device =, at =, restored = 是否已恢复 }, … }。过热读数之后有了不过热的读数就是恢复。
-- 只取 from 那一刻以后的。
local function alarms_of(device, from, ctx)
  local list = {}
  local function add(at, restored)
    if at >= from and not is_muted(device, at) then
      list[#list + 1] = { device = device.device_id, at = at, restored = restored }
    end
  end
  for a in ctx:each("device_alarm", { device_id = device.device_id }) do
    if ON_FIRE[a.alarm_type] then add(a.at, a.restored_at ~= nil) end
  end
  if device.kind == "electric" then
    local minutes = ("%dmin"):format(math.max(0, math.ceil(calendar.minutes_between(from, ctx.now))))
    local hot = {}
    for r in ctx:each("sensor_reading", { device_id = device.device_id, metric = "temp_c" },
                      { within = minutes, upto = calendar.add_minutes(ctx.now, ctx.settings.pair_min) }) do
      if is_hot(r, ctx) then
        hot[#hot + 1] = r
      elseif r.value then
        for _, h in ipairs(hot) do add(h.at, true) end
        hot = {}
      end
    end
    for _, h in ipairs(hot) do add(h.at, false) end
  end
  return list
end

local function alarms_in(estate_id, building_no, from, ctx)
  local list = {}
  for _, device in ipairs(devices_of(estate_id, building_no, ctx)) do
    for _, a in ipairs(alarms_of(device, from, ctx)) do list[#list + 1] = a end
  end
  table.sort(list, function(a, b) return a.at < b.at end)
  return list
end

local function devices_in(alarms, from, to)
  local ids = {}
  for _, a in ipairs(alarms) do
    local at = calendar.seconds(a.at)
    if at >= from and at <= to and not text.contains(ids, a.device) then ids[#ids + 1] = a.device end
  end
  return ids
end

-- 含 now 在内的各段 pair_min 分钟里，一起报警的设备最多几个（前后都看：晚到的报警也算得上）。
local function most_together(alarms, ctx)
  local most, now, span = 0, calendar.seconds(ctx.now), ctx.settings.pair_min * 60
  for _, a in ipairs(alarms) do
    local at = calendar.seconds(a.at)
    if at <= now and at >= now - span then most = math.max(most, #devices_in(alarms, at, at + span)) end
  end
  return most
end

local function day_start(date) return date .. "T00:00:00+08:00" end

-- date 那天到现在为止报警的各个设备。
local function devices_of_day(alarms, date, ctx)
  return devices_in(alarms, calendar.seconds(day_start(date)),
    math.min(calendar.seconds(ctx.now), calendar.seconds(day_start(calendar.add_days(date, 1))) - 1))
end

local function estate_name(estate_id, ctx)
  local estate = ctx:find("estate", estate_id)
  return estate and estate.name or estate_id
end

local function raise_fire(estate_id, building_no, date, level, ids, community, ctx)
  ctx:alert {
    key = ("%s|%s|fire|%s"):format(estate_id, building_no, date), kind = "fire", level = level,
    about = { "estate", estate_id }, communities = community and { community } or nil,
    title = ("%s%s幢火警"):format(estate_name(estate_id, ctx), building_no),
    text  = ("%s%s幢%d个探测器报警：%s"):format(estate_name(estate_id, ctx), building_no, #ids, text.list(ids, 20)),
  }
end

-- 一个火警来了：橙；五分钟内同一幢楼有另一个设备也报警：红。
local function judge_fire(device, ctx)
  if not (device and device.estate_id and device.building_no) then
    return ctx:unknown("报警的设备不在台账里，或台账缺小区、幢号")
  end
  if not ctx:check("检修静默中", is_muted(device, ctx.now), "==", false) then return end
  local from = calendar.add_minutes(ctx.now, -ctx.settings.pair_min)
  if day_start(ctx.today) < from then from = day_start(ctx.today) end
  local alarms = alarms_in(device.estate_id, device.building_no, from, ctx)
  local paired = ctx:check(("%g分钟内报警的设备"):format(ctx.settings.pair_min), most_together(alarms, ctx), ">=",
    ctx.settings.pair_devices, "个")
  raise_fire(device.estate_id, device.building_no, ctx.today, paired and "red" or "orange",
    devices_of_day(alarms, ctx.today, ctx), device.community_id, ctx)
end

-- 报警记录来了。只是补上恢复时间的，不是新的报警。
local function on_alarm(alarm, ctx)
  if not ON_FIRE[alarm.alarm_type] then return end
  local before = ctx:before(alarm)
  if before and ON_FIRE[before.alarm_type] and before.at == alarm.at and before.device_id == alarm.device_id then return end
  judge_fire(ctx:find("device", alarm.device_id), ctx)
end

local function on_reading(reading, ctx)
  if reading.metric ~= "temp_c" or not ctx:check("温度", reading.value, ">", ctx.settings.hot_c, "℃") then return end
  local device = ctx:find("device", reading.device_id)
  if not device or ctx:check("电气监测设备", device.kind, "==", "electric") then judge_fire(device, ctx) end
end

-- 没有签收的火警：有一个报警过了 confirm_min 分钟还没有恢复，升为红。
local function confirm_fire(alert, ctx)
  local estate_id, building_no, date = alert.key:match("^(.*)|([^|]*)|fire|([^|]*)$")
  local alarms, waited = alarms_in(estate_id, building_no, day_start(date), ctx), nil
  for _, a in ipairs(alarms) do
    if not a.restored and a.at <= ctx.now and calendar.date_of(a.at) == date then
      waited = calendar.minutes_between(a.at, ctx.now)
      break
    end
  end
  if ctx:check("未恢复也未签收", waited, ">=", ctx.settings.confirm_min, "分钟") then
    raise_fire(estate_id, building_no, date, "red", devices_of_day(alarms, date, ctx), alert.communities[1], ctx)
  end
end

local function run_fire(ctx)
  for _, a in ipairs(ctx:alerts { kind = "fire", state = "open" }) do
    if UNSIGNED[a.state] and a.level ~= "red" then
      ctx:subject("estate", a.about[2])
      confirm_fire(a, ctx)
    end
  end
end

-- 离线 --------------------------------------------------------------------------------------------

-- 检修以外的设备：很久没有心跳的，和各小区的总数、离线数。
local function count_devices(ctx)
  local silent, estates = {}, {}
  local oldest = calendar.seconds(ctx.now) - ctx.settings.offline_h * 3600
  for device in ctx:each("device", {}) do
    if not is_muted(device, ctx.now) then
      local heartbeat, estate_id = device.last_heartbeat_at, device.estate_id
      local last = heartbeat and calendar.seconds(heartbeat)
      if last and last <= oldest then silent[#silent + 1] = { id = device.device_id, estate = estate_id } end
      if estate_id then
        local e = estates[estate_id] or { all = 0, off = 0 }
        estates[estate_id] = e
        e.all, e.off = e.all + 1, e.off + (last and last < oldest and 1 or 0)
      end
    end
  end
  return silent, estates
end

local function judge_area(estate_id, e, ctx)
  local s = ctx.settings
  ctx:subject("estate", estate_id)
  local share = stats.percent(e.off, e.all)
  if not (ctx:check("小区设备数", e.all, ">=", s.offline_min_devices, "个")
          and ctx:check("离线占比", share, ">=", s.offline_pct)) then return nil end
  local name = estate_name(estate_id, ctx)
  ctx:alert {
    key = estate_id .. "|offline_area", kind = "offline_area", level = "yellow", about = { "estate", estate_id },
    title = ("%s设备大面积离线"):format(name),
    text  = ("%s%d个设备中%d个离线（%s）"):format(name, e.all, e.off, text.percent(share)),
  }
  return true
end

local function judge_device(id, ctx)
  ctx:subject("device", id)
  local device = ctx:find("device", id)
  local hours = calendar.minutes_between(device.last_heartbeat_at, ctx.now) / 60
  if not ctx:check("没有心跳", hours, ">", ctx.settings.offline_h, "小时") then return nil end
  ctx:alert {
    key = id .. "|offline", kind = "offline", level = "blue", about = { "device", id }, title = ("设备%s离线"):format(id),
    text = ("设备%s已%d小时没有心跳"):format(id, math.floor(hours)),
  }
  return true
end

local function run_offline(ctx)
  local silent, estates = count_devices(ctx)
  local standing = {}                          -- 这次成立的各个 key
  for estate_id, e in pairs(estates) do
    e.is_area = e.off > 0 and judge_area(estate_id, e, ctx)
    if e.is_area then standing[estate_id .. "|offline_area"] = true end
  end
  for _, d in ipairs(silent) do
    if not (d.estate and estates[d.estate].is_area) then standing[d.id .. "|offline"] = judge_device(d.id, ctx) end
  end
  for _, kind in ipairs { "offline", "offline_area" } do
    for _, a in ipairs(ctx:alerts { kind = kind }) do
      if not standing[a.key] and not a.normal then
        ctx:clear { key = a.key, reason = kind == "offline" and "设备已恢复、在检修，或已并入小区离线" or "离线设备已减少" }
      end
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

-- 七月十五日的时刻："02:10"、"02:10:30"；"14 23:58" 是前一天
local function time(at)
  local day, clock = at:match("^(%d%d) (.+)$")
  clock = clock or at
  return ("2020-07-%sT%s+08:00"):format(day or "15", #clock == 5 and clock .. ":00" or clock)
end

local function device(id, more)
  return { "device", with({ device_id = id, kind = "smoke", subject_type = "house", subject_id = "H1", estate_id = "E_SP",
    building_no = "7", community_id = "suopoqiao", last_heartbeat_at = time "02:00" }, more) }
end

local function alarm(id, device_id, at, more)
  return { "device_alarm", with({ alarm_id = id, device_id = device_id, alarm_type = "smoke", at = time(at) }, more) }
end

local function temp(at, value, id)
  return { "sensor_reading", { device_id = id or "EL1", at = time(at), metric = "temp_c", value = value } }
end

local SM1, SM2, SM3 = device "SM1", device "SM2", device "SM3"
local EL1 = device("EL1", { kind = "electric" })
local AL1 = alarm("AL1", "SM1", "02:10")

local function fire(level, day) return { { key = "E_SP|7|fire|2020-07-" .. (day or "15"), kind = "fire", level = level } } end
local ORANGE, RED = fire "orange", fire "red"

local function case(name, given, want, at, settings)
  return { name = name, given = given, at = time(at or "02:13"), settings = settings, expect = want }
end

local function second(at, more) return { SM1, SM2, AL1, alarm("AL2", "SM2", at, more) } end
local RESTORED = alarm("AL1", "SM1", "02:10", { restored_at = time "02:11" })

local function off(id, more) return device(id, with({ last_heartbeat_at = time "14 08:59:59" }, more)) end
local function offline(id) return { key = id .. "|offline", kind = "offline", level = "blue" } end
local AREA = { key = "E_SP|offline_area", kind = "offline_area", level = "yellow" }

-- 小区里 n 个设备，前 bad 个离线
local function estate(n, bad)
  local list = {}
  for i = 1, n do
    local id = ("D%02d"):format(i)
    list[i] = i <= bad and off(id) or device(id, { last_heartbeat_at = time "08:50" })
  end
  return list
end

local function offlines(n)
  local list = {}
  for i = 1, n do list[i] = offline(("D%02d"):format(i)) end
  return list
end

local function close(key) return { { key = key, action = "close", text = "已到场核实，油烟所致" } } end

return {
  title    = "烟感电气报警与设备离线",
  office   = "safety",
  shape    = "AGG ABS",
  also     = { "property", "command_center" },
  reads    = { "device", "device_alarm", "sensor_reading", "estate" },
  settings = {
    pair_min            = { label = "几分钟内先后报警算一起", unit = "分钟", default = 5, min = 1, max = 60 },
    pair_devices        = { label = "几个设备一起报警就是红", unit = "个", default = 2, min = 2, max = 10 },
    confirm_min         = { label = "几分钟没恢复也没签收升为红", unit = "分钟", default = 3, min = 0, max = 60 },
    hot_c               = { label = "电气线路温度超过", unit = "℃", default = 80, min = 30, max = 200 },
    offline_h           = { label = "多久没有心跳算离线", unit = "小时", default = 24, min = 1, max = 720 },
    offline_pct         = { label = "小区设备离线占比达到", unit = "%", default = 20, min = 1, max = 100 },
    offline_min_devices = { label = "看占比的小区至少有设备", unit = "个", default = 5, min = 1, max = 1000 },
  },

  on    = { device_alarm = on_alarm, sensor_reading = on_reading },
  every = { { at = "5min", run = run_fire }, { at = "hourly", run = run_offline } },

  life = {
    -- cause：real 真实火情、cooking 烹饪、fault 故障、test 测试；restored_at：恢复时间
    fire         = { close = "evidence", evidence = { "cause", "restored_at" },
                     limits = { notify = "3min", visit = "10min", close = "2h" } },
    offline      = { close = "auto", limits = { close = "5wd" } },
    offline_area = { close = "auto", limits = { close = "2wd" } },
  },

  examples = {
    case("同一幢楼两个烟感相隔三分钟，报红", second "02:13", RED),
    case("只有一个，而且在检修，不报", { device("SM1", { muted_until = time "06:00" }), AL1 }, {}),
    case("一个烟感报警，报橙", { SM1, AL1 }, ORANGE, "02:12"),
    case("相隔恰好五分钟，报红", { SM1, SM2, RESTORED, alarm("AL2", "SM2", "02:15", { restored_at = time "02:16" }) }, RED, "02:16"),
    case("相隔五分零一秒，仍是橙", { SM1, SM2, RESTORED, alarm("AL2", "SM2", "02:15:01") }, ORANGE, "02:16"),
    case("同一个烟感报两次，仍是橙", { SM1, AL1, alarm("AL2", "SM1", "02:12") }, ORANGE, "02:12"),
    case("不是同一幢楼，各报各的", { SM1, device("SM2", { building_no = "8" }), AL1, alarm("AL2", "SM2", "02:11") },
         { ORANGE[1], { key = "E_SP|8|fire|2020-07-15", level = "orange" } }, "02:12"),
    case("不是同一个小区，各报各的", { SM1, device("SM2", { estate_id = "E_XX" }), AL1, alarm("AL2", "SM2", "02:11") },
         { ORANGE[1], { key = "E_XX|7|fire|2020-07-15", level = "orange" } }, "02:12"),
    case("另一个在检修，不算一起", { SM1, device("SM2", { muted_until = time "02:11:01" }), AL1, alarm("AL2", "SM2", "02:11") },
         ORANGE, "02:12"),
    case("检修恰好在报警那一刻结束，报橙", { device("SM1", { muted_until = time "02:10" }), AL1 }, ORANGE, "02:12"),
    case("检修早已结束，报橙", { device("SM1", { muted_until = time "01:00" }), AL1 }, ORANGE, "02:12"),
    case("三个一起才算红时，两个是橙", second "02:12", ORANGE, "02:12", { pair_devices = 3 }),
    case("三个在五分钟里，报红", { SM1, SM2, SM3, AL1, alarm("AL2", "SM2", "02:11"), alarm("AL3", "SM3", "02:12") }, RED, "02:12",
         { pair_devices = 3 }),
    case("三个里第三个超过五分钟，是橙",
         { SM1, SM2, SM3, RESTORED, alarm("AL2", "SM2", "02:12", { restored_at = time "02:13" }),
           alarm("AL3", "SM3", "02:15:01") },
         ORANGE, "02:16", { pair_devices = 3 }),
    case("燃气报警，报橙", { SM1, alarm("AL1", "SM1", "02:10", { alarm_type = "gas" }) }, ORANGE, "02:12"),
    case("过热报警，报橙", { EL1, alarm("AL1", "EL1", "02:10", { alarm_type = "overtemp" }) }, ORANGE, "02:12"),
    case("困人报警不归这里", { SM1, alarm("AL1", "SM1", "02:10", { alarm_type = "trap" }) }, {}, "02:12"),
    case("没写报警种类，不报", { SM1, alarm("AL1", "SM1", "02:10", { alarm_type = "" }) }, {}, "02:12"),
    case("设备不在台账里，不报", { AL1 }, {}),
    case("台账缺幢号，不报", { device("SM1", { building_no = "" }), AL1 }, {}),
    case("台账缺社区，也报", { device("SM1", { community_id = "" }), { "estate", { estate_id = "E_SP", name = "示例小区" } }, AL1 },
         ORANGE, "02:12"),
    case("一来就已恢复的，报橙，不升红", { SM1, RESTORED }, ORANGE, "02:20"),
    case("半夜前后各报一次，各算各的日期，一起算红",
         { SM1, SM2, alarm("AL1", "SM1", "14 23:58", { restored_at = time "14 23:59" }), alarm("AL2", "SM2", "00:01") },
         { fire("orange", "14")[1], RED[1] }, "00:02"),

    case("线路81℃，报橙", { EL1, temp("02:10", 81) }, ORANGE, "02:12"),
    case("线路恰好80℃，不报", { EL1, temp("02:10", 80) }, {}, "02:20"),
    case("温度缺值，不报", { EL1, temp("02:10", nil) }, {}, "02:20"),
    case("不是电气设备的温度，不看", { device("EL1", { kind = "river_level" }), temp("02:10", 90) }, {}, "02:20"),
    case("温度设备不在台账里，不报", { temp("02:10", 90) }, {}, "02:20"),
    case("检修中的温度，不报", { device("EL1", { kind = "electric", muted_until = time "06:00" }), temp("02:10", 90) }, {}, "02:20"),
    case("别的指标不看", { EL1, { "sensor_reading", { device_id = "EL1", at = time "02:10", metric = "noise_db", value = 99 } } },
         {}, "02:20"),
    case("一个过热、一个冒烟，五分钟内，报红", { EL1, SM1, temp("02:08", 90), AL1 }, RED, "02:11"),
    case("温度降下来过，五分钟内仍算一起，报红", { EL1, SM1, temp("02:08", 90), temp("02:09", 60), AL1 }, RED, "02:11"),
    case("温度标准调到100℃，不报", { EL1, temp("02:10", 90) }, {}, "02:20", { hot_c = 100 }),

    case("恰好三分钟没恢复也没签收，升红", { SM1, alarm("AL1", "SM1", "02:12") }, RED, "02:15"),
    case("差一秒三分钟，还是橙", { SM1, alarm("AL1", "SM1", "02:12:01") }, ORANGE, "02:15"),
    case("过热三分钟没有降下来，升红", { EL1, temp("02:12", 90) }, RED, "02:15"),
    case("过热后降到80℃，不升红", { EL1, temp("02:10", 90), temp("02:14", 80) }, ORANGE, "02:15"),
    case("过热后一条缺值不算降下来，升红", { EL1, temp("02:10", 90), temp("02:14", nil) }, RED, "02:15"),
    case("降下来又热起来，从又热起来算", { EL1, temp("02:00", 90), temp("02:08", 60), temp("02:13", 90) }, ORANGE, "02:15"),

    { name = "签收了就不再升红",
      steps = {
        { given = { SM1, AL1 }, at = time "02:11", expect = ORANGE },
        { actions = { { key = ORANGE[1].key, action = "sign" } }, at = time "02:12", expect = ORANGE },
        { at = time "02:15", expect = ORANGE },
      } },
    { name = "恢复了就不再升红；补上恢复时间不算又报一次",
      steps = {
        { given = { SM1, AL1 }, at = time "02:11", expect = ORANGE },
        { given = { RESTORED }, at = time "02:12", expect = ORANGE },
        { at = time "02:15", expect = ORANGE },
        { actions = close(ORANGE[1].key), at = time "02:30", expect = {} },
        { given = { alarm("AL1", "SM1", "02:10", { restored_at = time "02:11:30" }) }, at = time "02:40", expect = {} },
      } },
    { name = "昨晚的报警到今天没人管，升红的是昨天那一条",
      steps = {
        { given = { SM1, alarm("AL1", "SM1", "14 23:58") }, at = time "14 23:59", expect = fire("orange", "14") },
        { at = time "00:05", expect = fire("red", "14") },
      } },
    { name = "办结后同一天又报警，重新打开；第二天是新的一条",
      steps = {
        { given = { SM1, AL1 }, at = time "02:11", expect = ORANGE },
        { actions = close(ORANGE[1].key), at = time "02:12", expect = {} },
        { at = time "03:00", expect = {} },
        { given = { alarm("AL2", "SM1", "08:01") }, at = time "08:02", expect = ORANGE },
        { given = { alarm("AL3", "SM1", "16 08:01") }, at = time "16 08:02", expect = { ORANGE[1], fire("orange", "16")[1] } },
      } },
    { name = "两个报警倒着到，结果一样是红",
      steps = {
        { given = { SM1, SM2, alarm("AL2", "SM2", "02:13", { restored_at = time "02:14" }) }, at = time "02:14",
          expect = ORANGE },
        { given = { RESTORED }, at = time "02:16", expect = RED },
      } },
    { name = "更正为困人报警的，不再报",
      steps = {
        { given = { SM1, alarm("AL1", "SM1", "02:10", { alarm_type = "trap" }) }, at = time "02:11", expect = {} },
        { given = { AL1 }, at = time "02:12", expect = ORANGE },
      } },

    case("24小时零1秒没有心跳，报蓝", { off "D1" }, { offline "D1" }, "09:00"),
    case("恰好24小时，不报", { device("D1", { last_heartbeat_at = time "14 09:00" }) }, {}, "09:00"),
    case("从没有心跳记录，不报", { device("D1", { last_heartbeat_at = "" }) }, {}, "09:00"),
    case("检修中，不报", { off("D1", { muted_until = time "12:00" }) }, {}, "09:00"),
    case("检修恰好到这一刻，报", { off("D1", { muted_until = time "09:00" }) }, { offline "D1" }, "09:00"),
    case("不是整点不看离线", { off "D1" }, {}, "09:05"),
    case("没有小区的设备，也报", { off("D1", { estate_id = "", building_no = "" }) }, { offline "D1" }, "09:00"),
    case("5个里1个离线（恰好20%），只报小区", estate(5, 1), { AREA }, "09:00"),
    case("6个里1个离线（16.7%），只报这一个", estate(6, 1), { offline "D01" }, "09:00"),
    case("4个里4个离线，设备太少，各报各的", estate(4, 4), offlines(4), "09:00"),
    case("占比标准调到50%，各报各的", estate(5, 2), offlines(2), "09:00", { offline_pct = 50 }),
    { name = "离线的恢复心跳后销",
      steps = {
        { given = { off "D1" }, at = time "09:00", expect = { offline "D1" } },
        { at = time "10:00", expect = { offline "D1" } },
        { given = { device("D1", { last_heartbeat_at = time "10:30" }) }, at = time "11:00", expect = {} },
        { at = time "12:00", expect = {} },
      } },
    { name = "离线多了并成小区一条，恢复几个后又各报各的，再恢复都销",
      steps = {
        { given = estate(6, 1), at = time "09:00", expect = offlines(1) },
        { given = { off "D02" }, at = time "10:00", expect = { AREA } },
        { given = { device("D02", { last_heartbeat_at = time "10:30" }) }, at = time "11:00", expect = offlines(1) },
        { given = { device("D01", { last_heartbeat_at = time "11:30" }) }, at = time "12:00", expect = {} },
      } },
    { name = "离线的人工办结后不再报；恢复后再离线，再报",
      steps = {
        { given = { off "D1" }, at = time "09:00", expect = { offline "D1" } },
        { actions = { { key = "D1|offline", action = "close", text = "已报修" } }, at = time "10:00", expect = {} },
        { at = time "11:00", expect = {} },
        { given = { device("D1", { last_heartbeat_at = time "11:30" }) }, at = time "12:00", expect = {} },
        { at = time "16 12:00", expect = { offline "D1" } },
      } },
  },
}
