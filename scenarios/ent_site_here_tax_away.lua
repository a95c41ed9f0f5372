--- 地在税不在：扫楼见到企业在辖区楼宇独立经营，税收却不在本街道，或者根本没有登记。
-- 给区域发展办：上门核实，引导迁入或登记豁免。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local with       = require("std.example").with

local HOME = enterprise.HOME

-- 一条入驻记录本身够不够格：在驻、独立核算、核查日够新。
local function counts(occ, ctx)
  return occ.status == "in" and occ.branch_kind == "independent"
     and calendar.within_days(occ.checked_on, ctx.settings.fresh_days, ctx.today)
end

-- 同一家企业在同一幢楼的全部入驻记录（含手头这条），按编号。
local function same_firm(occ, ctx)
  if occ.ent_id then
    return ctx:list("occupancy", { ent_id = occ.ent_id, building_id = occ.building_id })
  end
  local rows = {}
  for other in ctx:each("occupancy", { building_id = occ.building_id, ent_name = occ.ent_name }) do
    if not other.ent_id then rows[#rows + 1] = other end
  end
  return rows
end

local function key_of(occ, kind)
  return ("%s|%s|%s"):format(occ.ent_id or occ.ent_name, occ.building_id, kind)
end

-- 税收在外还是没有登记；税收已在本街道、豁免中时为 nil。
local function kind_of(ent)
  if not ent then return "unregistered" end
  if ent.tax_subdistrict ~= HOME then return "tax_away" end
end

local function raise(occ, ent, kind, rows, ctx)
  local big
  for _, r in ipairs(rows) do
    if counts(r, ctx) and ((r.area_m2 and r.area_m2 >= ctx.settings.big_area_m2)
       or (r.staff_count and r.staff_count >= ctx.settings.big_staff)) then big = true end
  end
  local building = ctx:find("building", occ.building_id)
  local name = occ.ent_name or enterprise.name(ent, occ.ent_id)
  ctx:alert {
    key = key_of(occ, kind), kind = kind,
    level = ctx:check("面积或人数达到大户", big == true, "==", true) and "orange" or "yellow",
    about = occ.ent_id and { "enterprise", occ.ent_id } or { "occupancy", occ.occupancy_id },
    communities = building and building.community_id and { building.community_id } or nil,
    title = ("%s %s"):format(name, kind == "tax_away" and "地在税不在" or "在驻未登记"),
    text  = ("%s入驻%s%s，%s"):format(name, building and building.name or occ.building_id, occ.room or "",
      kind == "tax_away" and "税收在" .. enterprise.street(ent.tax_subdistrict) or "未在辖区注册"),
  }
end

-- 已不再触发：税收迁入、已搬出或豁免还有90天以上，才算满足办结的数据条件。
local function clear(occ, ent, rows, ctx)
  local solved = ent ~= nil and (ent.tax_subdistrict == HOME
    or enterprise.is_exempt(ent, calendar.add_days(ctx.today, 90)))
  if not solved then
    solved = true
    for _, r in ipairs(rows) do
      if r.status ~= "out" then solved = false end
    end
  end
  for _, kind in ipairs { "unregistered", "tax_away" } do
    ctx:clear { key = key_of(occ, kind), reason = "税收已在本街道、已搬出或已登记豁免", close = solved }
  end
end

local function run(occ, ctx)
  if not (occ.building_id and (occ.ent_id or occ.ent_name)) then return ctx:unknown("入驻记录缺少楼宇或企业名称") end
  local ent = enterprise.latest(ctx, occ.ent_id)
  if occ.ent_id and not ent and not ctx:alive("enterprise") then
    return ctx:unknown("企业登记数据未按月维护，无法判断是否登记")
  end
  local rows = same_firm(occ, ctx)
  local first                                -- 同一家只由第一条够格的记录来报
  for _, r in ipairs(rows) do
    if not first and counts(r, ctx) then first = r.occupancy_id end
  end
  if ctx:check("在驻", occ.status, "==", "in")
     and ctx:check("独立核算", occ.branch_kind, "==", "independent")
     and ctx:check("核查日在有效期内", calendar.within_days(occ.checked_on, ctx.settings.fresh_days, ctx.today), "==", true)
     and ctx:check("核实豁免中", ent ~= nil and enterprise.is_exempt(ent, ctx.today), "==", false)
     and ctx:check("税收归属本街道", kind_of(ent) == nil, "==", false) then
    if occ.occupancy_id == first then raise(occ, ent, kind_of(ent), rows, ctx) end
    ctx:clear { key = key_of(occ, ent and "unregistered" or "tax_away"), reason = "登记情况有变", close = false }
  elseif not first or not kind_of(ent) or enterprise.is_exempt(ent, ctx.today) then
    clear(occ, ent, rows, ctx)
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330106TEST000061"

local function occ(more)
  return { "occupancy", with({ occupancy_id = "OC1", building_id = "B01", room = "1203", ent_id = ID,
    ent_name = "示例设计有限公司", area_m2 = 320, staff_count = 28, branch_kind = "independent", status = "in",
    checked_on = "2020-06-20" }, more) }
end

local function ent(more)
  return { "enterprise", with({ ent_id = ID, snapshot_month = "2020-06", name = "示例设计有限公司",
    reg_subdistrict = "330106004", tax_subdistrict = "330106004", op_subdistrict = "330105003",
    reg_status = "active" }, more) }
end

local function kept(updated_at)
  return { "dataset_update", { update_id = "U1", dataset_id = "DS_enterprise", updated_at = updated_at, rows = 3000 } }
end
local CATALOGUE = { "dataset", { dataset_id = "DS_enterprise", name = "企业", owner_office = "regional_dev",
                                 cycle = "monthly" } }

local NOW        = "2020-07-10T08:00:00+08:00"
local AWAY       = { { key = ID .. "|B01|tax_away", kind = "tax_away", level = "yellow" } }
local AWAY_BIG   = { { key = ID .. "|B01|tax_away", kind = "tax_away", level = "orange" } }
local UNREG      = { { key = ID .. "|B01|unregistered", kind = "unregistered", level = "yellow" } }
local UNREG_NAME = { { key = "示例设计有限公司|B01|unregistered", kind = "unregistered", level = "yellow" } }

local function case(name, given, expect, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = expect }
end

local MANY = {}
for i = 1, 201 do MANY[i] = occ { occupancy_id = "OC" .. i, ent_id = "", ent_name = "示例" .. i .. "号有限公司" } end

return {
  title    = "地在税不在",
  office   = "regional_dev",
  shape    = "JOIN ABS",
  reads    = { "occupancy", "enterprise", "building" },
  settings = {
    fresh_days  = { label = "扫楼记录有效", unit = "天", default = 180, min = 1, max = 730 },
    big_area_m2 = { label = "大户面积不低于", unit = "平方米", default = 500, min = 0, per = "community" },
    big_staff   = { label = "大户人数不低于", unit = "人", default = 50, min = 0, per = "community" },
  },

  bulk_guard = true,
  every = { { at = "monthly d10 08:00", over = "occupancy", run = run } },

  life = {
    tax_away     = { close = "auto+evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "30wd" } },
    unregistered = { close = "auto+evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "30wd" } },
  },

  examples = {
    case("在驻独立核算、税收在外，报黄", { occ(), ent() }, AWAY),
    case("非独立核算，不报", { occ { branch_kind = "non_independent" }, ent() }, {}),
    case("缺核算方式，不报", { occ { branch_kind = "" }, ent() }, {}),
    case("已搬出，不报", { occ { status = "out" }, ent() }, {}),
    case("税收就在本街道，不报", { occ(), ent { tax_subdistrict = "330105003" } }, {}),
    case("税收归属不明，算税收在外", { occ(), ent { tax_subdistrict = "" } }, AWAY),
    case("核查日恰好180天，报", { occ { checked_on = "2020-01-12" }, ent() }, AWAY),
    case("核查日181天，已过期", { occ { checked_on = "2020-01-11" }, ent() }, {}),
    case("缺核查日，不报", { occ { checked_on = "" }, ent() }, {}),
    case("面积恰好500平方米，报橙", { occ { area_m2 = 500 }, ent() }, AWAY_BIG),
    case("面积499.9平方米，仍是黄", { occ { area_m2 = 499.9 }, ent() }, AWAY),
    case("恰好50人，报橙", { occ { staff_count = 50 }, ent() }, AWAY_BIG),
    case("49人，仍是黄", { occ { staff_count = 49 }, ent() }, AWAY),
    case("面积人数都不知道，报黄", { occ { area_m2 = "", staff_count = "" }, ent() }, AWAY),
    case("豁免到今天，不报", { occ(), ent { exception_until = "2020-07-10" } }, {}),
    case("豁免昨天到期，报", { occ(), ent { exception_until = "2020-07-09" } }, AWAY),
    case("没有企业登记，报未登记", { occ() }, UNREG),
    case("没有信用代码，按名称报未登记", { occ { ent_id = "" } }, UNREG_NAME),
    case("没有代码也没有名称，不报", { occ { ent_id = "", ent_name = "" } }, {}),
    case("缺楼宇，不报", { occ { building_id = "" }, ent() }, {}),
    case("企业登记数据停更，不判断未登记", { CATALOGUE, kept "2020-05-31T20:00:00+08:00", occ() }, {}),
    case("企业登记数据上月更新过，照常判断", { CATALOGUE, kept "2020-06-08T20:00:00+08:00", occ() }, UNREG),
    case("登记数据停更，没有代码的照报", { CATALOGUE, kept "2020-05-31T20:00:00+08:00", occ { ent_id = "" } },
         UNREG_NAME),
    case("同一幢楼三个房间是一条，有一间够大就报橙",
         { occ(), occ { occupancy_id = "OC2", room = "1204", area_m2 = 600 },
           occ { occupancy_id = "OC0", room = "1205" }, ent() }, AWAY_BIG),
    case("同一幢楼一间已搬出，另一间还在，报",
         { occ { status = "out" }, occ { occupancy_id = "OC2", room = "1204" }, ent() }, AWAY),
    case("已搬出的大房间不抬高级别", { occ { status = "out", area_m2 = 900 }, occ { occupancy_id = "OC2" }, ent() }, AWAY),
    case("两幢楼是两条", { occ(), occ { occupancy_id = "OC2", building_id = "B02" }, ent() },
         { { key = ID .. "|B01|tax_away", level = "yellow" }, { key = ID .. "|B02|tax_away", level = "yellow" } }),
    { name = "税收迁入后，走访办结前仍挂着",
      steps = {
        { given = { occ(), ent() }, at = NOW, expect = AWAY },
        { given = { ent { snapshot_month = "2020-07", tax_subdistrict = "330105003" } },
          at = "2020-08-10T08:00:00+08:00", expect = AWAY },
      } },
    case("一次201家，只报一条总的", MANY, { { key = "bulk_guard|2020-07-10", level = "orange" } }),
  },
}
