--- 八必访（05–12）共用：本街道、企业最新快照、近12月税收、核实豁免、对外称呼。

local calendar = require "std.calendar"
local org      = require "office.org"
local stats    = require "std.stats"

local enterprise = {}

--- 本街道的区划代码；各 *_subdistrict 字段与它比较。
enterprise.HOME = org.home

--- 企业最新快照；没有登记记录时为 nil。
function enterprise.latest(ctx, ent_id)
  return ctx:find("enterprise", ent_id)
end

--- 对外称呼：有名称用名称，没有用代码。
function enterprise.name(ent, ent_id)
  return ent and ent.name or ent_id or ent.ent_id
end

--- 核实豁免到 date 仍有效（含当天）。
function enterprise.is_exempt(ent, date)
  return ent.exception_until ~= nil and ent.exception_until >= date
end

--- 近12月（ctx.month 之前12个整月）归属本街道的税收合计；没有记录的月份按零。
function enterprise.tax_12m(ctx, ent_id)
  local total = 0
  for _, month in ipairs(calendar.months_back(ctx.month, 12)) do
    local tax = ctx:find("tax_month", ent_id, month)
    if tax and tax.tax_subdistrict == enterprise.HOME and tax.tax_cny then total = total + tax.tax_cny end
  end
  return stats.round(total)
end

--- 街道代码 → 名称；外区的写代码。
function enterprise.street(code)
  if not code then return "不明" end
  return org.subdistricts[code] or "区划" .. code
end

return enterprise
