--- 积水内涝：积水监测点连续几次读数达到界限，正有暴雨预警的再升一级；河道水位达到该处警戒水位。
-- 给公共管理办、社区、综合信息指挥中心和平安办：设围挡、抽排、封控下穿；退水并稳定一段时间后自动办结。
local calendar = require "std.calendar"
local text     = require "std.text"

local WARNING_WORDS = { blue = "蓝色", yellow = "黄色", orange = "橙色", red = "红色" }
local WARNING_RANK  = { blue = 1, yellow = 2, orange = 3, red = 4 }
local ONE_UP        = { yellow = "orange", orange = "red", red = "red" }

local function key_of(device_id, kind) return device_id .. "|" .. kind end

-- 最近几次读数（confirm 次，都在 confirm_min 分钟以内）；不够次数为 nil。
local function confirmed(device_id, metric, ctx)
  local s = ctx.settings
  local rows = ctx:list("sensor_reading", { device_id = device_id, metric = metric },
    { last = s.confirm, within = ("%dmin"):format(s.confirm_min) })
  return ctx:check(("%d分钟内的读数"):format(s.confirm_min), #rows, ">=", s.confirm, "次") and rows or nil
end

local function all_reach(rows, label, limit, unit, ctx)
  for _, r in ipairs(rows) do
    if not ctx:check(label, r.value, ">=", limit, unit) then return false end
  end
  return true
end

-- 此刻有效的暴雨预警：已发布、还没有解除。返回要不要升一级，和最高一级的名称。
local function rainstorm(ctx)
  local raising, best = false, nil
  for w in ctx:each("weather_warning", { kind = "rainstorm" }) do
    if w.level and w.issued_at <= ctx.now and (not w.lifted_at or w.lifted_at > ctx.now) then
      raising = raising or text.contains(text.split(ctx.settings.raise_on, ","), w.level)
      if not best or WARNING_RANK[w.level] > WARNING_RANK[best] then best = w.level end
    end
  end
  return raising, WARNING_WORDS[best] or "无"
end

-- 监测点叫什么、在哪个社区。
local function place_of(device_id, ctx)
  local device = ctx:find("device", device_id)
  if not device then return device_id, nil end
  local road = device.subject_type == "segment" and ctx:find("road_segment", device.subject_id)
  return road and road.name or device.subject_id or device_id, device.community_id and { device.community_id } or nil
end

-- 到这一刻为止，读数连续低于界限多少分钟。
local function minutes_low(device_id, metric, limit, ctx)
  local where, window = { device_id = device_id, metric = metric }, ("%dmin"):format(ctx.settings.clear_min)
  local rows = ctx:list("sensor_reading", where, { last = ctx:count("sensor_reading", where, window) + 1 })
  local since
  for i = #rows, 1, -1 do
    local value = rows[i].value
    if not value or value >= limit then break end
    since = rows[i].at
  end
  return since and calendar.minutes_between(since, ctx.now) or 0
end

-- 这次没有触发：退水够久的办结，不够的只记下。（不先看有没有告警：迟到的读数会让它在这之前补报出来。）
local function settle(device_id, kind, metric, limit, ctx)
  local low = minutes_low(device_id, metric, limit, ctx)
  ctx:clear {
    key = key_of(device_id, kind), reason = "水位已回落并稳定",
    close = ctx:check("连续低于办结界限", low, ">=", ctx.settings.clear_min, "分钟"),
  }
end

-- 积水 ------------------------------------------------------------------------------------------

local function depth_level(rows, ctx)
  local s = ctx.settings
  if all_reach(rows, "水深（红）", s.red_cm, "厘米", ctx) then return "red" end
  if all_reach(rows, "水深（橙）", s.orange_cm, "厘米", ctx) then return "orange" end
  if all_reach(rows, "水深（黄）", s.yellow_cm, "厘米", ctx) then return "yellow" end
end

-- 读数迟到：这之后发布的预警已经到了，发布那一刻再看。
local function look_again(device_id, ctx)
  for w in ctx:each("weather_warning", { kind = "rainstorm" }) do
    if w.issued_at > ctx.now then ctx:wake(("again|%s|%s"):format(device_id, w.warning_id), w.issued_at, device_id) end
  end
end

-- 各级水深最近是哪一刻：迟到的预警要回头再看。
local function remember_wet(device_id, level, ctx)
  local wet = ctx:get("wet|" .. device_id) or {}
  if wet[level] and wet[level] >= ctx.now then return end
  wet[level] = ctx.now
  ctx:set("wet|" .. device_id, wet)
end

-- 报了返回真。
local function raise_depth(device_id, ctx)
  local rows = confirmed(device_id, "depth_cm", ctx)
  local level = rows and depth_level(rows, ctx)
  if not level then return false end
  local raising, warning = rainstorm(ctx)
  remember_wet(device_id, level, ctx)
  if ctx:check("暴雨预警生效", raising, "==", true) then level = ONE_UP[level] end
  local place, communities = place_of(device_id, ctx)
  ctx:alert {
    key = key_of(device_id, "depth"), kind = "depth", level = level, about = { "device", device_id },
    communities = communities,
    title = ("%s 积水"):format(place),
    text  = ("%s积水%s厘米，暴雨预警%s"):format(place, text.number(rows[#rows].value, 1), warning),
  }
  look_again(device_id, ctx)
  return true
end

local function on_depth(row, ctx)
  local s = ctx.settings
  local wet = ctx:check("水深", row.value, ">=", math.min(s.yellow_cm, s.orange_cm, s.red_cm), "厘米")
  if not (wet and raise_depth(row.device_id, ctx)) then settle(row.device_id, "depth", "depth_cm", s.clear_cm, ctx) end
end

-- 河道水位 --------------------------------------------------------------------------------------

-- 警戒水位没有填的不看；各处的填在所在社区的参数里。
local function on_level(row, ctx)
  ctx:subject("device", row.device_id)
  local warn = ctx.settings.river_warn_m
  if not warn then return end
  local rows = ctx:check("水位", row.value, ">=", warn, "米") and confirmed(row.device_id, "level_m", ctx)
  if not (rows and all_reach(rows, "水位", warn, "米", ctx)) then
    return settle(row.device_id, "river", "level_m", warn, ctx)
  end
  local place, communities = place_of(row.device_id, ctx)
  ctx:alert {
    key = key_of(row.device_id, "river"), kind = "river", level = "orange", about = { "device", row.device_id },
    communities = communities,
    title = ("%s 水位超警戒"):format(place),
    text  = ("%s水位%s米，达到警戒水位%s米"):format(place, text.number(row.value, 3), text.number(warn, 3)),
  }
end

local BY_METRIC = { depth_cm = on_depth, level_m = on_level }

local function on_reading(row, ctx)
  local judge = BY_METRIC[row.metric]
  if judge then judge(row, ctx) end
end

-- 暴雨预警来了：正积着水的按预警发布那一刻再看；预警迟到的，后来各级水深的那一刻也再看。
local function on_warning(row, ctx)
  if row.kind ~= "rainstorm" then return end
  for _, alert in ipairs(ctx:alerts { kind = "depth" }) do
    local device_id = alert.about[2]
    raise_depth(device_id, ctx)
    local wet = ctx:get("wet|" .. device_id) or {}
    for _, level in ipairs { "yellow", "orange", "red" } do
      if wet[level] and wet[level] > ctx.now then ctx:wake(("again|%s|%s"):format(device_id, level), wet[level], device_id) end
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

-- "14:05" → 2020-07-15 的那一刻
local function at(clock) return ("2020-07-15T%s:00+08:00"):format(clock) end

-- depth("14:00", 16, "14:05", 17) → 两次读数
local function readings(metric, list, device)
  local given = {}
  for i = 1, #list, 2 do
    given[#given + 1] = { "sensor_reading", { device_id = device or "FL3", at = at(list[i]), metric = metric,
                                              value = list[i + 1] ~= "" and list[i + 1] or nil } }
  end
  return given
end
local function depth(...) return readings("depth_cm", { ... }) end
local function level(...) return readings("level_m", { ... }, "RL1") end

local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end

local function warning(more)
  local w = { warning_id = "WW1", kind = "rainstorm", level = "orange", issued_at = at "13:00" }
  for k, v in pairs(more or {}) do w[k] = v end
  return { "weather_warning", w }
end

local function flooded(color) return { { key = "FL3|depth", level = color, kind = "depth" } } end
local RIVER = { { key = "RL1|river", level = "orange", kind = "river" } }
local WARN  = { river_warn_m = 3.2 }

local function case(name, given, want, settings, clock)
  return { name = name, given = given, at = at(clock or "14:06"), settings = settings, expect = want }
end

local ORANGE = depth("14:00", 16, "14:05", 17)

local DEVICE = { "device", { device_id = "FL3", kind = "flood", subject_type = "segment", subject_id = "RD1",
                             community_id = "xiaohe" } }
local ROAD   = { "road_segment", { segment_id = "RD1", name = "小河路下穿", community_id = "xiaohe" } }
local GAUGE  = { "device", { device_id = "RL1", kind = "river_level", subject_type = "section", subject_id = "YHTH_QFQ",
                             community_id = "yuhangtanglu" } }

return {
  title    = "积水内涝",
  office   = "public_mgmt",
  shape    = "TH JOIN",
  also     = { "command_center", "safety" },
  reads    = { "sensor_reading", "weather_warning", "device", "road_segment" },
  settings = {
    yellow_cm    = { label = "水深达到（黄）", unit = "厘米", default = 10, min = 0, max = 500 },
    orange_cm    = { label = "水深达到（橙）", unit = "厘米", default = 15, min = 0, max = 500 },
    red_cm       = { label = "水深达到（红）", unit = "厘米", default = 27, min = 0, max = 500 },
    confirm      = { label = "连续几次读数", unit = "次", default = 2, min = 1, max = 20 },
    confirm_min  = { label = "这几次读数在多久以内", unit = "分钟", default = 10, min = 1, max = 240 },
    clear_cm     = { label = "水深低于它才可办结", unit = "厘米", default = 5, min = 0, max = 500 },
    clear_min    = { label = "连续低于它多久可办结", unit = "分钟", default = 30, min = 1, max = 240 },
    raise_on     = { label = "使级别升一级的暴雨预警等级（逗号隔开）", default = "orange,red" },
    river_warn_m = { label = "河道警戒水位（不填不看）", unit = "米", type = "number", min = 0, max = 100, per = "community" },
  },

  on   = { sensor_reading = on_reading, weather_warning = on_warning },
  wake = function(_, device_id, ctx) raise_depth(device_id, ctx) end,

  life = {
    depth = { close = "auto", limits = { red = { visit = "15min", close = "2h" }, orange = { visit = "30min", close = "4h" },
                                         yellow = { visit = "2h", close = "8h" } } },
    river = { close = "auto", limits = { visit = "30min", close = "4h" } },
  },

  examples = {
    case("两次都过15厘米，报橙", ORANGE, flooded "orange"),
    case("橙色暴雨预警生效，升为红", plus({ warning() }, table.unpack(ORANGE)), flooded "red"),
    case("18厘米后退到3厘米，不报", depth("14:00", 18, "14:05", 3), {}),
    case("只有一次读数，不报", depth("14:05", 40), {}),
    case("恰好10厘米，报黄", depth("14:00", 10, "14:05", 10), flooded "yellow"),
    case("一次不足10厘米，不报", depth("14:00", 9.9, "14:05", 30), {}),
    case("恰好15厘米，报橙", depth("14:00", 15, "14:05", 15), flooded "orange"),
    case("一次不足15厘米，仍是黄", depth("14:00", 14.9, "14:05", 30), flooded "yellow"),
    case("恰好27厘米，报红", depth("14:00", 27, "14:05", 27), flooded "red"),
    case("一次不足27厘米，仍是橙", depth("14:00", 30, "14:05", 26.9), flooded "orange"),
    case("小数末位的误差不作数", depth("14:00", 9.9999999999, "14:05", 10), flooded "yellow"),
    case("恰好隔10分钟，算", depth("13:55", 16, "14:05", 17), flooded "orange"),
    case("隔11分钟，不算", depth("13:54", 16, "14:05", 17), {}),
    case("只看最近两次", depth("13:58", 3, "14:00", 16, "14:05", 17), flooded "orange"),
    case("缺读数的一次不算", depth("14:00", 16, "14:03", "", "14:05", 17), {}),
    case("两个监测点各算各的", plus(readings("depth_cm", { "14:00", 16 }), readings("depth_cm", { "14:05", 17 }, "FL4")[1]), {}),
    case("要求连续三次时，两次不报", ORANGE, {}, { confirm = 3 }),
    case("次序颠倒到达，结果一样", depth("14:05", 17, "14:00", 16), flooded "orange"),
    case("中间退水的一次迟到，撤回已报的", depth("14:00", 16, "14:05", 17, "14:03", 2), {}),
    case("登记了路段的，写路段名", plus({ DEVICE, ROAD }, table.unpack(ORANGE)), flooded "orange"),
    case("不相干的读数不看", readings("temp_c", { "14:00", 90, "14:05", 90 }), {}),

    case("黄加一级为橙", plus({ warning() }, table.unpack(depth("14:00", 10, "14:05", 10))), flooded "orange"),
    case("红已到顶", plus({ warning() }, table.unpack(depth("14:00", 30, "14:05", 30))), flooded "red"),
    case("黄色暴雨预警不升级", plus({ warning { level = "yellow" } }, table.unpack(ORANGE)), flooded "orange"),
    case("把黄色也列入后升级",
         plus({ warning { level = "yellow" } }, table.unpack(ORANGE)), flooded "red", { raise_on = "yellow, orange,red" }),
    case("台风预警不升级", plus({ warning { kind = "typhoon" } }, table.unpack(ORANGE)), flooded "orange"),
    case("等级不详的预警不升级", plus({ { "weather_warning", { warning_id = "W", kind = "rainstorm", issued_at = at "13:00" } } },
                              table.unpack(ORANGE)), flooded "orange"),
    case("已解除的不升级", plus({ warning { lifted_at = at "14:05" } }, table.unpack(ORANGE)), flooded "orange"),
    case("解除在积水之后，升级", plus({ warning { lifted_at = at "14:06" } }, table.unpack(ORANGE)), flooded "red"),
    case("恰在积水那一刻发布，升级", plus(depth("14:00", 16, "14:05", 17), warning { issued_at = at "14:05" }), flooded "red"),
    case("两个预警，只要有一个到等级就升", plus({ warning { level = "blue", warning_id = "W0" }, warning { level = "red" } },
                                    table.unpack(ORANGE)), flooded "red"),
    { name = "正积着水时发布预警，同一条升为红；解除后不降",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = { warning { issued_at = at "14:10" } }, at = at "14:11", expect = flooded "red" },
        { given = { warning { issued_at = at "14:10", lifted_at = at "14:12" } }, at = at "14:13", expect = flooded "red" },
      } },
    { name = "预警迟到：发布在积水之前，积水之后才到，补升为红",
      steps = {
        { given = ORANGE, at = at "14:20", expect = flooded "orange" },
        { given = { warning { issued_at = at "13:50" } }, at = at "14:25", expect = flooded "red" },
      } },
    { name = "预警迟到：水已退到黄，按最深的那一刻补升为红",
      given = { depth("14:05", 16)[1], depth("14:10", 30)[1], depth("14:15", 12)[1], warning { issued_at = at "14:01" } },
      at = at "14:20", expect = flooded "red" },
    { name = "读数迟到：积水时发布的预警先到，补升为红",
      given = plus({ warning { issued_at = at "14:07" } }, table.unpack(ORANGE)), at = at "14:08", expect = flooded "red" },
    { name = "积水已过去一阵才发布的预警，不升级",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = { warning { issued_at = at "14:30" } }, at = at "14:31", expect = flooded "orange" },
      } },

    { name = "退到5厘米以下满30分钟，自动办结；差一分钟不办结",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = depth("14:10", 4.9, "14:20", 2, "14:39", 1), at = at "14:39", expect = flooded "orange" },
        { given = depth("14:40", 1), at = at "14:40", expect = {} },
      } },
    { name = "恰好5厘米不算退下",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = depth("14:10", 3, "14:20", 5, "14:40", 3, "14:49", 3), at = at "14:49", expect = flooded "orange" },
        { given = depth("15:10", 3), at = at "15:10", expect = {} },
      } },
    { name = "退水途中缺一次读数，重新算起",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = depth("14:10", 3, "14:20", "", "14:41", 3), at = at "14:41", expect = flooded "orange" },
      } },
    { name = "监测点久无读数，一次低读数不办结",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = depth("16:00", 3), at = at "16:00", expect = flooded "orange" },
      } },
    { name = "办结后五小时又积水，重新打开同一条",
      steps = {
        { given = ORANGE, at = at "14:06", expect = flooded "orange" },
        { given = depth("14:10", 1, "14:40", 1), at = at "14:40", expect = {} },
        { given = depth("19:40", 12, "19:45", 12), at = at "19:45", expect = flooded "yellow" },
      } },
    { name = "先黄后红是同一条，再退到黄不降级",
      steps = {
        { given = depth("14:00", 12, "14:05", 12), at = at "14:05", expect = flooded "yellow" },
        { given = depth("14:10", 28, "14:15", 29), at = at "14:15", expect = flooded "red" },
        { given = depth("14:20", 12, "14:25", 12), at = at "14:25", expect = flooded "red" },
      } },

    case("水位没有设警戒值，不看", level("14:00", 9, "14:05", 9), {}),
    case("水位恰好到警戒值，报橙，不因预警升级", plus({ warning(), GAUGE }, table.unpack(level("14:00", 3.2, "14:05", 3.2))), RIVER, WARN),
    case("一次不到警戒值，不报", level("14:00", 3.19, "14:05", 3.3), {}, WARN),
    case("后一次不到警戒值，不报", level("14:00", 3.3, "14:05", 3.19), {}, WARN),
    case("水位只有一次读数，不报", level("14:05", 3.3), {}, WARN),
    case("水位隔11分钟，不报", level("13:54", 3.3, "14:05", 3.3), {}, WARN),
    case("按监测点所在社区的警戒值", plus({ GAUGE }, table.unpack(level("14:00", 3.3, "14:05", 3.3))), RIVER,
         { river_warn_m = { yuhangtanglu = 3.3 } }),
    case("别的社区的警戒值不管这里", plus({ GAUGE }, table.unpack(level("14:00", 3.3, "14:05", 3.3))), {},
         { river_warn_m = { xiaohe = 3 } }),
    { name = "水位低于警戒值满30分钟，自动办结",
      settings = WARN,
      steps = {
        { given = level("14:00", 3.3, "14:05", 3.3), at = at "14:05", expect = RIVER },
        { given = level("14:10", 3.1, "14:39", 3.1), at = at "14:39", expect = RIVER },
        { given = level("14:40", 3.1), at = at "14:40", expect = {} },
      } },
    { name = "积水和水位两样都有，各报各的", settings = WARN, given = plus(level("14:00", 3.3, "14:05", 3.3), table.unpack(ORANGE)),
      at = at "14:06", expect = { flooded("orange")[1], RIVER[1] } },
  },
}
