--- 楼宇税收变动：重点楼宇上月（或今年累计）税收与去年同期相比明显下降或上升。
-- 给区域发展办：分析原因，走访变动最大的三家企业。申报不齐时先提醒数据不全，不下结论。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local stats      = require "std.stats"
local text       = require "std.text"

-- 把楼内各企业的税收分到今年、去年两个账里；judged 月去年有税的企业另列，供核对申报。
local function collect(building_id, judged, ctx)
  local from = ctx.settings.basis == "ytd" and judged:sub(1, 4) .. "-01" or judged
  local from_before, judged_before = calendar.add_months(from, -12), calendar.add_months(judged, -12)
  local now, before, payers = {}, {}, {}
  for t in ctx:each("tax_month", { building_id = building_id }, { all = true }) do
    local month, tax = t.month, t.tax_cny
    if tax and month >= from and month <= judged then now[t.ent_id] = (now[t.ent_id] or 0) + tax end
    if tax and month >= from_before and month <= judged_before then
      before[t.ent_id] = (before[t.ent_id] or 0) + tax
      if month == judged_before and tax > 0 then payers[#payers + 1] = t.ent_id end
    end
  end
  return now, before, payers
end

local function total(by_ent)
  local list = {}
  for _, tax in pairs(by_ent) do list[#list + 1] = tax end
  table.sort(list)                            -- 相加次序固定，结果才逐位相同
  return stats.sum(list)
end

-- 增减额（绝对值）最大的三家：{ { id, 增减额 }, … }
local function biggest_moves(now, before)
  local list = {}
  local function add(id)
    local move = stats.round((now[id] or 0) - (before[id] or 0))
    if move ~= 0 then list[#list + 1] = { id, move } end
  end
  for id in pairs(now) do add(id) end
  for id in pairs(before) do
    if not now[id] then add(id) end
  end
  table.sort(list, function(a, b)
    local x, y = math.abs(a[2]), math.abs(b[2])
    if x ~= y then return x > y end
    return a[1] < b[1]
  end)
  return { list[1], list[2], list[3] }
end

-- 去年该月有税的企业里，今年该月已申报的家数（不论在哪幢楼申报）。
local function declared_count(payers, judged, ctx)
  local n = 0
  for _, ent_id in ipairs(payers) do
    local t = ctx:find("tax_month", ent_id, judged)
    if t and t.declared == true then n = n + 1 end
  end
  return n
end

local function describe(moves, ctx)
  local words, visits = {}, {}
  for i, m in ipairs(moves) do
    local ent = enterprise.latest(ctx, m[1])
    words[i] = ("%s%s%s"):format(enterprise.name(ent, m[1]), m[2] > 0 and "增" or "减", text.money(math.abs(m[2])))
    if ent and ent.reg_status == "active" then visits[#visits + 1] = "enterprise|" .. m[1] end
  end
  return table.concat(words, "，"), visits
end

local function run(building, ctx)
  local judged = calendar.add_months(ctx.month, -1)
  local function key(kind) return ("%s|%s|%s"):format(building.building_id, judged, kind) end
  local name = building.name or building.building_id

  local now, before, payers = collect(building.building_id, judged, ctx)
  local cur, prev = total(now), total(before)
  local kind, level
  if ctx:check("去年同期税收", prev, ">=", ctx.settings.base_min_cny) and prev > 0 then
    local coverage = stats.percent(declared_count(payers, judged, ctx), #payers)
    if coverage and not ctx:check("去年有税企业中已申报的占比", coverage, ">=", ctx.settings.coverage_pct) then
      kind, level = "incomplete", "blue"
      ctx:alert {
        key = key(kind), kind = kind, level = level, about = { "building", building.building_id },
        title = ("%s %s税收数据不全"):format(name, text.month(judged)),
        text  = ("%s%s去年有税的%d家企业只有%s已申报，暂不比较"):format(name, text.month(judged), #payers,
          text.percent(coverage)),
      }
    else
      local drop, rise = stats.percent_drop(prev, cur), stats.percent_rise(prev, cur)
      if ctx:check("税收同比降幅", drop, ">", ctx.settings.orange_drop_pct) then kind, level = "drop", "orange"
      elseif ctx:check("税收同比降幅", drop, ">", ctx.settings.yellow_drop_pct) then kind, level = "drop", "yellow"
      elseif ctx:check("税收同比升幅", rise, ">", ctx.settings.rise_pct) then kind, level = "rise", "blue" end
      if kind then
        local words, visits = describe(biggest_moves(now, before), ctx)
        ctx:alert {
          key = key(kind), kind = kind, level = level, about = { "building", building.building_id }, evidence = visits,
          title = ("%s %s税收同比%s"):format(name, text.month(judged), kind == "drop" and "下降" or "上升"),
          text  = ("%s%s税收%s%s，同比%s%s；变动最大：%s"):format(name, text.month(judged),
            ctx.settings.basis == "ytd" and "累计" or "当月", text.yuan(cur), kind == "drop" and "降" or "升",
            text.percent(kind == "drop" and drop or rise), words),
        }
      end
    end
  end
  for _, other in ipairs { "drop", "rise", "incomplete" } do
    if other ~= kind then ctx:clear { key = key(other), reason = "重新计算后不再成立" } end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function tax(ent_id, month, cny, more)
  local t = { ent_id = ent_id, month = month, tax_cny = cny, tax_subdistrict = "330105003", building_id = "B01",
              declared = true }
  for k, v in pairs(more or {}) do t[k] = v ~= "" and v or nil end
  return { "tax_month", t }
end

local B01 = { "building", { building_id = "B01", name = "示例商务大厦", community_id = "changzhengqiao", area_m2 = 42000,
                            is_key = true } }
local PLAIN = { "building", { building_id = "B01", name = "示例商务大厦", community_id = "changzhengqiao", is_key = false } }

local function expect(kind, level, month)
  return { { key = ("B01|%s|%s"):format(month or "2020-01", kind), kind = kind, level = level } }
end

-- 去年一月两家共 240 万；今年一月由 ea、eb 给出。
local function january(ea, eb, building)
  return { building or B01, tax("EA", "2019-01", 1500000), tax("EB", "2019-01", 900000),
           tax("EA", "2020-01", ea), tax("EB", "2020-01", eb) }
end

local function case(name, given, want, settings, at)
  return { name = name, given = given, at = at or "2020-02-12T08:00:00+08:00", settings = settings, expect = want }
end

local function without(given, n)
  table.remove(given, n)
  return given
end

-- 五家去年各 10 万，今年报了 declared 家（没报的没有记录）。
local function five(declared)
  local given = { B01 }
  for i = 1, 5 do
    given[#given + 1] = tax("E" .. i, "2019-01", 100000)
    if i <= declared then given[#given + 1] = tax("E" .. i, "2020-01", 120000) end
  end
  return given
end

local MARCH = "2020-04-12T08:00:00+08:00"

return {
  title    = "楼宇税收变动",
  office   = "regional_dev",
  shape    = "YOY AGG",
  reads    = { "building", "tax_month", "enterprise" },
  settings = {
    basis           = { label = "比较口径", default = "ytd", choices = { "ytd 今年累计", "month 当月" } },
    yellow_drop_pct = { label = "降幅超过（黄）", unit = "%", default = 10, min = 0, max = 100, per = "community" },
    orange_drop_pct = { label = "降幅超过（橙）", unit = "%", default = 20, min = 0, max = 100, per = "community" },
    rise_pct        = { label = "升幅超过（蓝）", unit = "%", default = 30, min = 0, max = 1000, per = "community" },
    base_min_cny    = { label = "去年同期税收不低于", unit = "元", default = 100000, min = 0, per = "community" },
    coverage_pct    = { label = "申报齐全率不低于", unit = "%", default = 80, min = 0, max = 100 },
  },

  every = { { at = "monthly d12 08:00", over = "building", where = { is_key = true }, run = run } },

  life = {
    drop       = { close = "evidence", evidence = { "note", "visit" },
                   limits = { yellow = { close = "10wd" }, orange = { visit = "5wd", close = "10wd" } } },
    rise       = { close = "evidence", evidence = { "note", "visit" }, limits = { close = "10wd" } },
    incomplete = { close = "evidence", evidence = { "note" }, limits = { close = "10wd" } },
  },

  examples = {
    case("降22.9%，报橙", january(1000000, 850000), expect("drop", "orange")),
    case("降8.3%，不报", january(1350000, 850000), {}),
    case("恰好降10%，不报", january(1260000, 900000), {}),
    case("降10%多一分钱，报黄", january(1259999.99, 900000), expect("drop", "yellow")),
    case("恰好降20%，仍是黄", january(1020000, 900000), expect("drop", "yellow")),
    case("降20%多一分钱，报橙", january(1019999.99, 900000), expect("drop", "orange")),
    case("恰好升30%，不报", january(2220000, 900000), {}),
    case("升30%多一分钱，报蓝", january(2220000.01, 900000), expect("rise", "blue")),
    case("不是重点楼宇，不报", january(1000000, 850000, PLAIN), {}),
    case("去年同期不足10万元，不报", { B01, tax("EA", "2019-01", 99999.99), tax("EA", "2020-01", 10000) }, {}),
    case("去年同期恰好10万元，报", { B01, tax("EA", "2019-01", 100000), tax("EA", "2020-01", 10000) },
         expect("drop", "orange")),
    case("去年没有税收，不报也不算不全", { B01, tax("EA", "2020-01", 500000) }, {}),
    case("五家报了四家，恰好80%，照常比较", five(4), {}),
    case("五家只报三家，提醒数据不全，不说下降", five(3), expect("incomplete", "blue")),
    case("去年有税的一家今年没有记录，数据不全", without(january(1000000, 850000), 5), expect("incomplete", "blue")),
    case("记录在而未申报，不算齐全", { B01, tax("EA", "2019-01", 200000), tax("EA", "2020-01", 10000, { declared = false }) },
         expect("incomplete", "blue")),
    case("企业搬到别的楼申报，算齐全，但税收不算这幢楼的",
         { B01, tax("EA", "2019-01", 200000), tax("EA", "2020-01", 200000, { building_id = "B02" }) },
         expect("drop", "orange")),
    case("去年税额为零的企业不计入应申报", { B01, tax("EA", "2019-01", 200000), tax("EB", "2019-01", 0),
                                  tax("EA", "2020-01", 200000) }, {}),
    case("齐全率标准调到60%后报下降", five(3), expect("drop", "orange"), { coverage_pct = 60 }),
    case("累计口径：一季度合计恰好降10%，不报",
         { B01, tax("EA", "2019-01", 100000), tax("EA", "2019-02", 100000), tax("EA", "2019-03", 100000),
           tax("EA", "2020-01", 100000), tax("EA", "2020-02", 120000), tax("EA", "2020-03", 50000) }, {}, nil, MARCH),
    case("当月口径：同样数据三月降一半，报橙",
         { B01, tax("EA", "2019-01", 100000), tax("EA", "2019-02", 100000), tax("EA", "2019-03", 100000),
           tax("EA", "2020-01", 100000), tax("EA", "2020-02", 120000), tax("EA", "2020-03", 50000) },
         expect("drop", "orange", "2020-03"), { basis = "month" }, MARCH),
    case("累计口径不含去年的十二月",
         { B01, tax("EA", "2018-12", 900000), tax("EA", "2019-01", 100000), tax("EA", "2019-12", 900000),
           tax("EA", "2020-01", 100000) }, {}),
    case("一月判断的是去年十二月，累计为去年全年",
         { B01, tax("EA", "2018-01", 100000), tax("EA", "2018-12", 100000), tax("EA", "2019-01", 100000),
           tax("EA", "2019-12", 60000) }, expect("drop", "yellow", "2019-12"), nil, "2020-01-12T08:00:00+08:00"),
    case("税额缺失的记录不计", { B01, tax("EA", "2019-01", 200000), tax("EA", "2020-01", 1, { tax_cny = "" }) }, expect("drop", "orange")),
    case("分角不误判：各家零头相加恰好降10%",
         { B01, tax("EA", "2019-01", 100000.1), tax("EB", "2019-01", 100000.2), tax("EA", "2020-01", 90000.09),
           tax("EB", "2020-01", 90000.18) }, {}),
  },
}
