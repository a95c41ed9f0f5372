--- 税在地不在：企业税收归属本街道，实际经营地却在别处，或扫楼长期没有见到它。
-- 给区域发展办：上门核实，劝回、确认迁离或登记豁免。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local text       = require "std.text"

local HOME = enterprise.HOME

-- 扫楼在 days 天内见过它：有一条在驻记录，核查日够新。
local function seen_on_site(ctx, ent_id, days)
  for occ in ctx:each("occupancy", { ent_id = ent_id, status = "in" }) do
    if calendar.within_days(occ.checked_on, days, ctx.today) then return true end
  end
  return false
end

-- 经营地已知且不在本街道。
local function judge_away(ent, ctx, tax)
  local key = ent.ent_id .. "|away"
  if ctx:check("实际经营地", ent.op_subdistrict, "~=", HOME)
     and ctx:check("近12月税收", tax, ">=", ctx.settings.min_tax_cny) then
    ctx:alert {
      key = key, kind = "away", about = { "enterprise", ent.ent_id },
      level = ctx:check("近12月税收（大额）", tax, ">=", ctx.settings.big_tax_cny) and "orange" or "yellow",
      title = ("%s 税在地不在"):format(enterprise.name(ent)),
      text  = ("%s税收在本街道（近12月%s），实际经营地在%s"):format(
        enterprise.name(ent), text.yuan(tax), enterprise.street(ent.op_subdistrict)),
    }
  else
    ctx:clear { key = key, reason = "经营地已在本街道或税收低于下限", close = ent.op_subdistrict == HOME }
  end
end

-- 经营地不明：近12月有税收，扫楼却没有见到。“没见到”只有扫楼数据按时更新时才算数。
local function judge_unknown(ent, ctx, tax)
  local key = ent.ent_id .. "|unknown"
  if not ctx:alive("occupancy") then return ctx:unknown("入驻登记（扫楼）未按月维护，无法判断是否在驻") end
  if ctx:check("近12月税收", tax, ">=", ctx.settings.min_tax_cny)
     and ctx:check("近期扫楼见到", seen_on_site(ctx, ent.ent_id, ctx.settings.unknown_days), "==", false) then
    ctx:alert {
      key = key, kind = "unknown", level = "blue", about = { "enterprise", ent.ent_id },
      title = ("%s 经营地不明"):format(enterprise.name(ent)),
      text  = ("%s税收在本街道（近12月%s），实际经营地不明，近%d天扫楼未见"):format(
        enterprise.name(ent), text.yuan(tax), ctx.settings.unknown_days),
    }
  else
    ctx:clear { key = key, reason = "扫楼已见到或税收低于下限", close = false }
  end
end

local function run(ent, ctx)
  local exempt = enterprise.is_exempt(ent, ctx.today)
  if ctx:check("登记状态", ent.reg_status, "==", "active")
     and ctx:check("税收归属街道", ent.tax_subdistrict, "==", HOME)
     and ctx:check("核实豁免中", exempt, "==", false) then
    local tax = enterprise.tax_12m(ctx, ent.ent_id)
    if ent.op_subdistrict then
      judge_away(ent, ctx, tax)
      ctx:clear { key = ent.ent_id .. "|unknown", reason = "经营地已明确", close = ent.op_subdistrict == HOME }
    else
      ctx:clear { key = ent.ent_id .. "|away", reason = "经营地已不明确", close = false }
      judge_unknown(ent, ctx, tax)
    end
  else
    local solved = exempt or ent.op_subdistrict == HOME
    ctx:clear { key = ent.ent_id .. "|away", reason = "已不在核查范围", close = solved }
    ctx:clear { key = ent.ent_id .. "|unknown", reason = "已不在核查范围", close = solved }
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330105TEST000051"

local function ent(more)
  local e = { ent_id = ID, snapshot_month = "2020-06", name = "示例商贸有限公司", reg_subdistrict = "330105003",
              tax_subdistrict = "330105003", op_subdistrict = "330106004", reg_status = "active", industry_code = "5179" }
  for k, v in pairs(more or {}) do e[k] = v end
  if e.op_subdistrict == "" then e.op_subdistrict = nil end
  return { "enterprise", e }
end

local function tax(cny, more)
  local t = { ent_id = ID, month = "2020-05", tax_cny = cny, tax_subdistrict = "330105003", declared = true }
  for k, v in pairs(more or {}) do t[k] = v end
  return { "tax_month", t }
end

local function occ(status, checked_on)
  return { "occupancy", { occupancy_id = "OC51", building_id = "B01", room = "801", ent_id = ID,
                          ent_name = "示例商贸有限公司", status = status, checked_on = checked_on } }
end

-- 扫楼数据在目录里，最近一次维护在 updated_at。
local function kept(updated_at)
  return { "dataset", { dataset_id = "DS_occupancy", name = "楼宇入驻", owner_office = "regional_dev", cycle = "monthly" } },
         { "dataset_update", { update_id = "U1", dataset_id = "DS_occupancy", updated_at = updated_at, rows = 800 } }
end

local NOW     = "2020-07-10T08:00:00+08:00"
local AWAY    = { { key = ID .. "|away", kind = "away", level = "yellow" } }
local UNKNOWN = { { key = ID .. "|unknown", kind = "unknown", level = "blue" } }

local function case(name, given, expect, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = expect }
end

-- 超过 200 家同时触发：只发一条总的。
local function many(n)
  local given = {}
  for i = 1, n do
    local id = ("91330105TEST%06d"):format(i)
    given[#given + 1] = ent { ent_id = id }
    given[#given + 1] = tax(86000, { ent_id = id })
  end
  return given
end

local MANY = {}
for i = 1, 200 do
  MANY[i] = { key = ("91330105TEST%06d|away"):format(i), level = "yellow" }
end

return {
  title    = "税在地不在",
  office   = "regional_dev",
  shape    = "JOIN",
  reads    = { "enterprise", "tax_month", "occupancy" },
  settings = {
    min_tax_cny  = { label = "近12月税收不低于", unit = "元", default = 50000, min = 0, per = "community" },
    big_tax_cny  = { label = "大额税收不低于", unit = "元", default = 1000000, min = 0, per = "community" },
    unknown_days = { label = "扫楼记录有效", unit = "天", default = 180, min = 1, max = 730 },
  },

  bulk_guard = true,
  every = { { at = "monthly d10 08:00", over = "enterprise", run = run } },

  life = {
    away    = { close = "auto+evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "15wd" } },
    unknown = { close = "auto+evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "15wd" } },
  },

  examples = {
    case("税在本街道、经营地在外，近12月税收8.6万元，报黄", { ent(), tax(86000) }, AWAY),
    case("税收3.2万元，不报", { ent(), tax(32000) }, {}),
    case("经营地就在本街道，不报", { ent { op_subdistrict = "330105003" }, tax(86000) }, {}),
    case("税收恰好5万元，报", { ent(), tax(50000) }, AWAY),
    case("税收49999.99元，不报", { ent(), tax(49999.99) }, {}),
    case("税收恰好100万元，报橙", { ent(), tax(1000000) }, { { key = ID .. "|away", level = "orange" } }),
    case("税收999999.99元，仍是黄", { ent(), tax(999999.99) }, AWAY),
    case("各月小数合计恰好5万元，报", { ent(), tax(16666.66, { month = "2020-04" }), tax(16666.67),
                                 tax(16666.67, { month = "2020-06" }) }, AWAY),
    case("当月税收不算在近12月里", { ent(), tax(86000, { month = "2020-07" }) }, {}),
    case("12个月前那个月算在内", { ent(), tax(86000, { month = "2019-07" }) }, AWAY),
    case("13个月前不算", { ent(), tax(86000, { month = "2019-06" }) }, {}),
    case("税收记录归属别处，不算", { ent(), tax(86000, { tax_subdistrict = "330106004" }) }, {}),
    case("税收归属不是本街道，不报", { ent { tax_subdistrict = "330106004" }, tax(86000) }, {}),
    case("已注销，不报", { ent { reg_status = "cancelled" }, tax(86000) }, {}),
    case("豁免到今天，不报", { ent { exception_until = "2020-07-10" }, tax(86000) }, {}),
    case("豁免昨天到期，报", { ent { exception_until = "2020-07-09" }, tax(86000) }, AWAY),
    case("缺登记状态，不报", { { "enterprise", { ent_id = ID, snapshot_month = "2020-06", tax_subdistrict = "330105003",
                                              op_subdistrict = "330106004" } }, tax(86000) }, {}),
    case("以最新快照为准：旧快照后到也不算", { ent { op_subdistrict = "330105003" }, ent { snapshot_month = "2020-05" },
                                            tax(86000) }, {}),
    case("经营地不明且扫楼未见，报蓝", { ent { op_subdistrict = "" }, tax(86000) }, UNKNOWN),
    case("经营地不明但税收不足，不报", { ent { op_subdistrict = "" }, tax(32000) }, {}),
    case("180天前扫楼见到，不报", { ent { op_subdistrict = "" }, tax(86000), occ("in", "2020-01-12") }, {}),
    case("181天前见到已过期，报", { ent { op_subdistrict = "" }, tax(86000), occ("in", "2020-01-11") }, UNKNOWN),
    case("扫楼记录是已搬出，报", { ent { op_subdistrict = "" }, tax(86000), occ("out", "2020-07-01") }, UNKNOWN),
    case("扫楼数据停更，不判断经营地不明",
         { ent { op_subdistrict = "" }, tax(86000), kept "2020-05-31T23:59:59+08:00" }, {}),
    case("扫楼数据上月更新过，照常判断",
         { ent { op_subdistrict = "" }, tax(86000), kept "2020-06-01T00:00:00+08:00" }, UNKNOWN),
    case("下限调到9万元后不报", { ent(), tax(86000) }, {}, { min_tax_cny = 90000 }),
    { name = "经营地迁回后，走访办结前仍挂着",
      steps = {
        { given = { ent(), tax(86000) }, at = NOW, expect = AWAY },
        { given = { ent { snapshot_month = "2020-07", op_subdistrict = "330105003" } },
          at = "2020-08-10T08:00:00+08:00", expect = AWAY },
      } },
    { name = "下月仍不在，还是同一条；税收过百万升为橙",
      steps = {
        { given = { ent(), tax(86000) }, at = NOW, expect = AWAY },
        { given = { tax(950000, { month = "2020-07" }) }, at = "2020-08-10T08:00:00+08:00",
          expect = { { key = ID .. "|away", level = "orange" } } },
      } },
    case("一次200家，逐条报", many(200), MANY),
    case("一次201家，只报一条总的", many(201), { { key = "bulk_guard|2020-07-10", level = "orange" } }),
  },
}
