--- 违停热点：一条路段一小时里有八辆不同的车违停（学校医院周边的高峰只要四辆），或非机动车乱停十五起，报黄；
-- 一个社区一天一夜里有三十辆，报橙，并写明要不要作为停车议题上红茶议事会。
local calendar = require "std.calendar"
local camera   = require "std.camera"
local with     = require("std.example").with

-- 数“窗口里有几辆不同的” --------------------------------------------------------------------------
-- 每个路段、社区各记一张单子：窗口里的每一辆（件）和它最近一次的时刻，由早到晚，多了只留最近的。

local function see(list, name, at, minutes, most)
  for i = #list, 1, -1 do
    if list[i][1] == name then
      table.remove(list, i)
      break
    end
  end
  list[#list + 1] = { name, at }
  while at - list[1][2] > minutes * 60 or #list > most do table.remove(list, 1) end
end

-- 先后来的，接在单子后面；迟到的、改过的，从记录重新数一遍，它和它以后一个窗口里的各条按次序再判断一遍。
-- o = { name 单子名, minutes 窗口, most 单子最长, who(event) 是哪一辆（nil 不数）, rows() 之前一个窗口里的和以后的事件,
--       judge(event, count) }
local function count_distinct(row, o, ctx)
  local at, version = calendar.seconds(row.occurred_at), ("%s|%s|%d"):format(ctx.settings.min_confidence, o.minutes, o.most)
  local box = ctx:get(o.name)
  if box and box.version == version and at >= box.at and not ctx:before(row) then
    see(box.list, o.who(row), at, o.minutes, o.most)
    box.at = at
    ctx:set(o.name, box)
    return o.judge(row, #box.list)
  end
  box = { version = version, list = {}, at = at }
  for _, e in ipairs(o.rows()) do
    if o.who(e) and camera.is_sure(e, ctx.settings) then
      box.at = calendar.seconds(e.occurred_at)
      see(box.list, o.who(e), box.at, o.minutes, o.most)
      if box.at >= at and box.at <= at + o.minutes * 60 then o.judge(e, #box.list) end
    end
  end
  ctx:set(o.name, box)
end

-- 手头这条之前一个窗口里的，和以后的（有就是手头这条迟到了）。
local function around(where, minutes, ctx)
  return ctx:list("camera_event", where, { within = calendar.period(minutes, "min"), upto = camera.FOREVER })
end

-- 一条路段上各个探头的，合在一起由早到晚。
local function on_segment(segment_id, event_type, minutes, ctx)
  local list = {}
  for c in ctx:each("camera", { segment_id = segment_id }) do
    for _, e in ipairs(around({ camera_id = c.camera_id, event_type = event_type }, minutes, ctx)) do list[#list + 1] = e end
  end
  table.sort(list, function(a, b) return a.occurred_at < b.occurred_at end)
  return list
end

-- 刚到界限的那一次，把数到的各条读一遍，告警的依据里就都有。
local function cite(o, n, limit)
  if n == limit then
    for _, e in ipairs(o.rows()) do o.who(e) end
  end
end

-- 三条规则 --------------------------------------------------------------------------------------

local function period_of(datetime)
  local hour = tonumber(datetime:sub(12, 13))
  return hour < 12 and "am" or hour < 18 and "pm" or "night"
end

local function plate(e) return e.plate_key end

-- 非机动车没有车牌：跟踪到的同一目标算一起，没有目标轨迹的一条算一起；end 是已挪走，不算。
local function bicycle(e)
  if e.phase == "end" then return nil end
  return e.track and ("%s|%s"):format(e.camera_id, e.track) or e.event_id
end

local function raise_on_segment(segment_id, segment, kind, e, words, ctx)
  ctx:alert {
    key = ("%s|%s|%s|%s"):format(segment_id, kind, calendar.date_of(e.occurred_at), period_of(e.occurred_at)),
    kind = kind, level = "yellow", about = { "road_segment", segment_id },
    communities = e.community_id and { e.community_id } or nil,
    title = ("%s 违停热点"):format(segment), text = segment .. words,
  }
end

local function segment_name(segment_id, ctx)
  local s = ctx:find("road_segment", segment_id)
  return s and s.name or segment_id, s ~= nil and s.sensitive == true
end

local function minutes_in_words(minutes)
  return minutes % 60 == 0 and ("%d小时"):format(minutes // 60) or ("%d分钟"):format(minutes)
end

local function judge_motor(row, segment_id, ctx)
  local s = ctx.settings
  local name, sensitive = segment_name(segment_id, ctx)
  local o = { name = "motor|" .. segment_id, minutes = s.win_min, most = 2 * math.max(s.seg_plates, s.sensitive_plates),
              who = plate, rows = function() return on_segment(segment_id, "parking_motor", s.win_min, ctx) end }
  function o.judge(e, n)
    local limit, label = s.seg_plates, "同一路段不同车牌"
    if sensitive and calendar.in_clock(e.occurred_at, s.peak) then
      limit, label = s.sensitive_plates, "敏感路段高峰不同车牌"
    end
    if not ctx:check(label, n, ">=", limit, "辆") then return end
    cite(o, n, limit)
    raise_on_segment(segment_id, name, "motor", e, ("%s内违停%d辆"):format(minutes_in_words(s.win_min), n), ctx)
  end
  count_distinct(row, o, ctx)
end

local function judge_nonmotor(row, segment_id, ctx)
  local s = ctx.settings
  local name = segment_name(segment_id, ctx)
  local o = { name = "nonmotor|" .. segment_id, minutes = s.win_min, most = 2 * s.nonmotor_places,
              who = bicycle, rows = function() return on_segment(segment_id, "parking_nonmotor", s.win_min, ctx) end }
  function o.judge(e, n)
    if not ctx:check("同一路段非机动车违停", n, ">=", s.nonmotor_places, "起") then return end
    cite(o, n, s.nonmotor_places)
    raise_on_segment(segment_id, name, "nonmotor", e, ("%s内非机动车违停%d起"):format(minutes_in_words(s.win_min), n), ctx)
  end
  count_distinct(row, o, ctx)
end

local function judge_area(row, community_id, ctx)
  local s, minutes = ctx.settings, ctx.settings.comm_h * 60
  local o = { name = "area|" .. community_id, minutes = minutes, most = 2 * s.comm_plates, who = plate,
              rows = function() return around({ community_id = community_id, event_type = "parking_motor" }, minutes, ctx) end }
  function o.judge(e, n)
    if not ctx:check("同一社区不同车牌", n, ">=", s.comm_plates, "辆") then return end
    cite(o, n, s.comm_plates)
    local c = ctx:find("community", community_id)
    local name = c and c.name or community_id
    ctx:alert {
      key = ("%s|area|%s"):format(community_id, calendar.date_of(e.occurred_at)), kind = "area", level = "orange",
      about = { "community", community_id }, communities = { community_id },
      title = ("%s 违停成片"):format(name),
      text  = ("%s%s内违停不少于%d辆，请处置并写明是否作为停车议题上红茶议事会"):format(name, minutes_in_words(minutes), n),
    }
  end
  count_distinct(row, o, ctx)
end

-- 事件撤回了、更正得不算数了：单子作废，下一条来时从记录重新数。
local function forget(row, ctx)
  local c = ctx:find("camera", row.camera_id)
  if c and c.segment_id then
    ctx:set("motor|" .. c.segment_id, nil)
    ctx:set("nonmotor|" .. c.segment_id, nil)
  end
  if row.community_id then ctx:set("area|" .. row.community_id, nil) end
end

local function on_event(row, ctx)
  local motor = row.event_type == "parking_motor"
  if not (motor or row.event_type == "parking_nonmotor") then return end
  if not camera.check_sure(row, ctx) then
    if ctx:before(row) then forget(row, ctx) end
    return
  end
  if motor and not row.plate_key then return ctx:unknown("机动车违停没有车牌") end
  if not motor and row.phase == "end" then return end
  if motor and row.community_id then judge_area(row, row.community_id, ctx) end
  local c = ctx:find("camera", row.camera_id)
  if not (c and c.segment_id) then return ctx:unknown("不知道探头在哪条路段") end
  if motor then judge_motor(row, c.segment_id, ctx) else judge_nonmotor(row, c.segment_id, ctx) end
end

-- 例子 ------------------------------------------------------------------------------------------

local DAY = "2020-07-15"

-- 从 hm 起第 minute 分钟。
local function at(hm, minute) return calendar.add_minutes(DAY .. "T" .. hm .. ":00+08:00", minute or 0) end

local CAMERA  = { "camera", { camera_id = "CAM20", place_id = "PL20", segment_id = "SEG20", community_id = "changzhengqiao" } }
local CAMERA2 = { "camera", { camera_id = "CAM21", place_id = "PL21", segment_id = "SEG20", community_id = "changzhengqiao" } }
local OTHER   = { "camera", { camera_id = "CAM21", place_id = "PL21", segment_id = "SEG21" } }
local SCHOOL  = { "road_segment", { segment_id = "SEG20", name = "示例小学路", sensitive = true } }
local ROAD    = { "road_segment", { segment_id = "SEG20", name = "示例路", sensitive = false } }

local function car(i, time, more)
  return { "camera_event", with({ event_id = "PK" .. i, camera_id = "CAM20", place_id = "PL20", event_type = "parking_motor",
    phase = "snapshot", occurred_at = time, confidence = 0.95, plate_key = "V" .. i, community_id = "changzhengqiao",
    image_ref = "img/p", report_type = "ai" }, more) }
end
local BIKE = { event_type = "parking_nonmotor", plate_key = "" }

-- n 辆，从 hm 起每 every 分钟一辆。more：各条都改的字段，或按序号给出的函数。
local function cars(n, hm, every, more, before)
  local given = { CAMERA, before }
  for i = 1, n do
    local extra = more
    if type(more) == "function" then extra = more(i) end
    given[#given + 1] = car(i, at(hm, (i - 1) * every), extra)
  end
  return given
end
local function plus(given, ...)
  for _, r in ipairs { ... } do given[#given + 1] = r end
  return given
end
-- 探头先有，事件倒着来。
local function backwards(given)
  local out = { given[1] }
  for i = #given, 2, -1 do out[#out + 1] = given[i] end
  return out
end
-- 后四辆由第二个探头拍到。
local function half(i) return i > 4 and { camera_id = "CAM21" } or nil end

local function motor(period, day)
  return { key = ("SEG20|motor|%s|%s"):format(day or DAY, period or "pm"), level = "yellow", kind = "motor" }
end
local NONMOTOR = { key = "SEG20|nonmotor|" .. DAY .. "|pm", level = "yellow", kind = "nonmotor" }
local function area(day) return { key = "changzhengqiao|area|" .. (day or DAY), level = "orange", kind = "area" } end

local function case(name, given, expect, now, settings)
  return { name = name, given = given, at = now or at "18:00", settings = settings, expect = expect }
end

-- 三十辆：第一辆在 first，其余都在今天中午；探头没有记录，只看社区。
local function thirty(first, n)
  local given = { car(1, first, { camera_id = "CAM99" }) }
  for i = 2, n or 30 do given[#given + 1] = car(i, at "12:00", { camera_id = "CAM99" }) end
  return given
end

local function step(now, expect, given, actions) return { given = given, at = now, actions = actions, expect = expect } end

return {
  title    = "违停热点",
  office   = "public_mgmt",
  shape    = "AGG CNT",
  also     = { "community", "enforcement" },
  reads    = { "camera_event", "camera", "road_segment", "community" },
  settings = {
    min_confidence   = { label = "智能识别的置信度不低于", default = 0.80, min = 0, max = 1 },
    win_min          = { label = "路段看最近", unit = "分钟", default = 60, min = 5, max = 1440 },
    seg_plates       = { label = "一般路段不同车牌达到（黄）", unit = "辆", default = 8, min = 2, max = 200 },
    sensitive_plates = { label = "学校医院周边高峰达到（黄）", unit = "辆", default = 4, min = 1, max = 200 },
    peak             = { label = "高峰时段（含起点不含终点，逗号隔开）", default = "07:30-08:30,15:30-17:00" },
    comm_plates      = { label = "一个社区不同车牌达到（橙）", unit = "辆", default = 30, min = 2, max = 200, per = "community" },
    comm_h           = { label = "社区看最近", unit = "小时", default = 24, min = 1, max = 72 },
    nonmotor_places  = { label = "路段非机动车违停达到（黄）", unit = "起", default = 15, min = 2, max = 200 },
  },

  on      = { camera_event = on_event },
  removed = { camera_event = forget },

  life = {
    motor    = { close = "evidence", evidence = { "note" }, limits = { close = "2h" } },
    nonmotor = { close = "evidence", evidence = { "note" }, limits = { close = "2h" } },
    area     = { close = "evidence", evidence = { "note" }, limits = { close = "8h" } },
  },

  examples = {
    case("35分钟里八辆，报黄", cars(8, "17:05", 5), { motor() }),
    case("八条都是同一辆，不报", cars(8, "17:05", 5, { plate_key = "V1" }), {}),
    case("七辆，不报", cars(7, "17:05", 5), {}),
    case("同一时刻八辆，报黄", cars(8, "17:30", 0), { motor() }),
    case("第九辆仍是同一件", cars(9, "17:05", 5), { motor() }),
    case("第一辆恰在60分钟前，算", plus(cars(7, "17:30", 5), car(8, at "18:30")), { motor "night" }, at "19:00"),
    case("第一辆在61分钟前，不算", plus(cars(7, "17:29", 5), car(8, at "18:30")), {}, at "19:00"),
    case("先前来过的又来一次，按最近一次算",
         plus(cars(7, "17:05", 5), car(9, at "18:00", { plate_key = "V1" }), car(8, at "18:06")), { motor "night" }, at "19:00"),
    case("两个探头同一路段，合在一起", cars(8, "17:05", 5, half, CAMERA2), { motor() }),
    case("两条路段各算各的", cars(8, "17:05", 5, half, OTHER), {}),
    case("没有车牌的不算", cars(8, "17:05", 5, { plate_key = "" }), {}),
    case("没有探头记录，不知道哪条路段，不报", { table.unpack(cars(8, "17:05", 5), 2) }, {}),
    case("探头没有路段，不报", plus({ { "camera", { camera_id = "CAM20", place_id = "PL20" } } },
         table.unpack(cars(8, "17:05", 5), 2)), {}),
    case("没有社区，路段照报", cars(8, "17:05", 5, { community_id = "" }), { motor() }),
    case("置信度恰好0.80，算", cars(8, "17:05", 5, { confidence = 0.80 }), { motor() }),
    case("一辆置信度0.79，不算", cars(8, "17:05", 5, function(i) return i == 3 and { confidence = 0.79 } or nil end), {}),
    case("人工上报的不看置信度", cars(8, "17:05", 5, { confidence = 0.3, report_type = "manual" }), { motor() }),
    case("end 也说明那辆车停过", cars(8, "17:05", 5, { phase = "end" }), { motor() }),
    case("别的种类不归这里", cars(8, "17:05", 5, { event_type = "vendor" }), {}),
    case("11:59 是上午", cars(8, "11:59", 0), { motor "am" }),
    case("12:00 是下午", cars(8, "12:00", 0), { motor "pm" }),
    case("17:59 是下午", cars(8, "17:59", 0), { motor "pm" }),
    case("18:00 是晚上", cars(8, "18:00", 0), { motor "night" }),
    case("上午下午各是一件", plus(cars(8, "11:20", 5), car(9, at "12:00")), { motor "am", motor "pm" }),
    case("跨零点，按最后一辆的日期", plus(cars(7, "23:30", 1), car(8, at("00:10", 1440))), { motor("am", "2020-07-16") },
         at("08:00", 1440)),

    case("学校路段高峰四辆，报黄", cars(4, "16:00", 1, nil, SCHOOL), { motor() }),
    case("学校路段高峰三辆，不报", cars(3, "16:00", 1, nil, SCHOOL), {}),
    case("最后一辆在 15:30，高峰已开始", cars(4, "15:27", 1, nil, SCHOOL), { motor() }),
    case("最后一辆在 15:29，不在高峰", cars(4, "15:26", 1, nil, SCHOOL), {}),
    case("最后一辆在 17:00，高峰已过", cars(4, "16:57", 1, nil, SCHOOL), {}),
    case("最后一辆在 16:59，还在高峰", cars(4, "16:56", 1, nil, SCHOOL), { motor() }),
    case("早高峰也算", cars(4, "07:30", 1, nil, SCHOOL), { motor "am" }),
    case("学校路段不在高峰，要八辆", cars(8, "13:00", 1, nil, SCHOOL), { motor() }),
    case("一般路段高峰四辆，不报", cars(4, "16:00", 1, nil, ROAD), {}),

    case("同一社区24小时三十辆，报橙", thirty(at "11:00"), { area() }, at "13:00"),
    case("二十九辆，不报", thirty(at "11:00", 29), {}, at "13:00"),
    case("第一辆恰在24小时前，算", thirty(at("12:00", -1440)), { area() }, at "13:00"),
    case("第一辆在24小时零1分前，不算", thirty(at("11:59", -1440)), {}, at "13:00"),
    case("别的社区的不算", plus(thirty(at "11:00", 29), car(30, at "12:30", { community_id = "xiaohe" })), {}, at "13:00"),
    case("社区名写进文字", { { "community", { community_id = "changzhengqiao", name = "长征桥社区" } },
         table.unpack(thirty(at "11:00")) }, { area() }, at "13:00"),
    case("第二天还够数，另成一件", plus(thirty(at "12:00"), car(31, at("09:00", 1440))), { area(), area "2020-07-16" },
         at("10:00", 1440)),
    case("一路段三十辆，两件都报", cars(30, "17:00", 1), { area(), motor() }),

    case("非机动车十五起，报黄", cars(15, "17:00", 1, BIKE), { NONMOTOR }),
    case("十四起，不报", cars(14, "17:00", 1, BIKE), {}),
    case("恰在60分钟内的算", plus(cars(14, "16:30", 1, BIKE), car(15, at "17:30", BIKE)), { NONMOTOR }),
    case("61分钟前的不算", plus(cars(14, "16:29", 1, BIKE), car(15, at "17:30", BIKE)), {}),
    case("挪走（end）的不算一起", plus(cars(14, "17:00", 1, BIKE), car(15, at "17:30", with({ phase = "end" }, BIKE))), {}),
    case("同一目标拍十五次，只算一起", cars(15, "17:00", 1, with({ track = "T1" }, BIKE)), {}),
    case("目标各不相同，各算一起", cars(15, "17:00", 1, function(i) return with({ track = "T" .. i }, BIKE) end), { NONMOTOR }),
    case("机动车和非机动车不合算", plus(cars(7, "17:00", 1), car(20, at "17:10", BIKE), car(21, at "17:11", BIKE)), {}),

    case("倒着来，结果一样", backwards(cars(8, "17:05", 5)), { motor() }),
    case("非机动车夹着 end 倒着来，结果一样",
         backwards(cars(15, "17:00", 1, function(i) return with({ phase = i == 7 and "end" or nil }, BIKE) end)), {}),
    case("倒着来，社区的也一样", backwards(plus({ ROAD }, table.unpack(thirty(at "11:00")))), { area() }, at "13:00"),
    case("迟到的一辆让后面的够了数，按后面那辆的时段", plus(cars(6, "11:40", 1), car(8, at "12:05"), car(7, at "11:50")),
         { motor() }),
    case("很迟的一条来了之后，后面的数不乱",
         { CAMERA, car(1, at "10:34"), car(2, at "10:51"), car(3, at "09:43"), car(4, at "11:14") }, { motor "am" }, at "12:30",
         { seg_plates = 3 }),
    case("同一条重复到，只算一次", plus(cars(7, "17:05", 5), car(7, at("17:05", 30))), {}),
    case("参数改到五辆", cars(5, "17:05", 5), { motor() }, nil, { seg_plates = 5 }),
    case("参数改到90分钟", plus(cars(7, "17:00", 1), car(8, at "18:30")), { motor "night" }, at "19:00", { win_min = 90 }),
    { name = "改了参数，下一条就按新的，先前的也算", steps = {
        step(at "17:30", {}, cars(5, "17:05", 5)),
        { given = { car(6, at "17:31") }, at = at "17:35", settings = { seg_plates = 6 }, expect = { motor() } } } },
    { name = "撤回一辆之后重新数", steps = {
        { given = cars(7, "17:05", 1), at = at "17:20", removed = { { "camera_event", "PK1" } }, expect = {} },
        step(at "17:25", {}, { car(8, at "17:21") }), step(at "17:30", { motor() }, { car(9, at "17:26") }) } },
    { name = "更正为置信度不够的不再算", steps = {
        step(at "17:20", {}, cars(7, "17:05", 1)),
        step(at "17:25", {}, { car(1, at "17:05", { confidence = 0.3 }), car(8, at "17:21") }) } },
    { name = "凭现场反馈办结；同一时段又来一辆，重新打开", steps = {
        step(at "17:45", { motor() }, cars(8, "17:05", 5)),
        step(at "17:50", {}, nil, { { key = motor().key, action = "close", text = "已劝离", verdict = "solved" } }),
        step(at "17:55", { motor() }, { car(9, at "17:52") }) } },
  },
}
