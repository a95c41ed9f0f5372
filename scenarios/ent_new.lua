--- 新增企业：比较前后两个月的企业快照，新来的请首访建档，消失的请核实去向。
-- 给区域发展办，并告知便民服务中心。快照明显不全时只报一条“批量异常”，不逐家报。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local text       = require "std.text"

local HOME = enterprise.HOME

-- 某月快照里注册在本街道、在营的企业：按代码次序的列表和集合。
local function snapshot(month, ctx)
  local ids, set = {}, {}
  for ent in ctx:each("enterprise", { snapshot_month = month }, { all = true }) do
    if ent.reg_subdistrict == HOME and ent.reg_status == "active" then
      ids[#ids + 1] = ent.ent_id
      set[ent.ent_id] = true
    end
  end
  return ids, set
end

local function missing_in(ids, set)
  local list = {}
  for _, id in ipairs(ids) do
    if not set[id] then list[#list + 1] = id end
  end
  return list
end

-- 首访建档：经营楼宇或社区已填其一。
local function is_filed(ent)
  return ent ~= nil and (ent.op_building_id ~= nil or ent.community_id ~= nil)
end

local function raise_new(id, month, ctx)
  ctx:subject("enterprise", id)
  local ent = ctx:find("enterprise", id, month)
  local big = ctx:check("注册资本（大额）", ent.reg_capital_cny, ">=", ctx.settings.big_capital_cny)
    or ctx:check("规上或高新", text.contains(ent.tags, "规上") or text.contains(ent.tags, "高新"), "==", true)
  local name = enterprise.name(ent)
  ctx:alert {
    key = id .. "|new", kind = "new", level = big and "yellow" or "blue", about = { "enterprise", id },
    title = ("新增企业 %s"):format(name),
    text  = ("新增企业%s（注册资本%s），请完成首访建档"):format(name,
      ent.reg_capital_cny and text.money(ent.reg_capital_cny) or "不明"),
  }
  if is_filed(ent) then ctx:wake("filed|" .. id, ctx.now, id) end
end

local function raise_gone(id, month, ctx)
  ctx:subject("enterprise", id)
  local tax = enterprise.tax_12m(ctx, id)
  local name = enterprise.name(enterprise.latest(ctx, id), id)
  ctx:alert {
    key = ("%s|gone|%s"):format(id, month), kind = "gone", about = { "enterprise", id },
    level = ctx:check("近12月税收", tax, ">", 0) and "yellow" or "blue",
    title = ("企业不在册 %s"):format(name),
    text  = ("%s已不在%s在营企业快照中（近12月税收%s），请核实去向"):format(name, text.month(month), text.yuan(tax)),
  }
end

local function run(ctx)
  local month = calendar.add_months(ctx.month, -1)
  local old_ids, old_set = snapshot(calendar.add_months(month, -1), ctx)
  local new_ids, new_set = snapshot(month, ctx)
  if not ctx:check("上期快照家数", #old_ids, ">", 0) then return ctx:unknown("没有上期快照，无从比较") end

  local added, gone = missing_in(new_ids, old_set), missing_in(old_ids, new_set)
  if ctx:check("新增家数", #added, ">", ctx.settings.bulk_max)
     or ctx:check("本期家数占上期", { num = #new_ids * 100, den = #old_ids, unit = "%" }, "<", ctx.settings.shrink_pct) then
    ctx:alert {
      key = "bulk_guard|" .. month, kind = "bulk_guard", level = "orange",
      title = ("%s企业快照批量异常"):format(text.month(month)),
      text  = ("%s企业快照%d家，上期%d家，新增%d家，请核对数据后重新导入"):format(text.month(month), #new_ids, #old_ids, #added),
    }
    return
  end
  for _, id in ipairs(added) do raise_new(id, month, ctx) end
  for _, id in ipairs(gone) do raise_gone(id, month, ctx) end
end

-- 档案补上了楼宇或社区：记下“数据已满足办结”。
local function mark_filed(ent, ctx)
  if is_filed(ent) then ctx:clear { key = ent.ent_id .. "|new", reason = "企业档案已补楼宇或社区" } end
end

-- 企业数据重新维护：批量异常就此办结。
local function on_update(row, ctx)
  if row.dataset_id ~= "DS_enterprise" then return end
  for _, a in ipairs(ctx:alerts { kind = "bulk_guard", state = "open" }) do
    if calendar.seconds(row.updated_at) > calendar.seconds(a.raised_at) then
      ctx:clear { key = a.key, reason = "企业数据已重新维护" }
    end
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local function ent(id, month, more)
  local e = { ent_id = id, snapshot_month = month, name = "示例" .. id .. "有限公司", reg_subdistrict = "330105003",
              reg_status = "active", reg_capital_cny = 500000 }
  for k, v in pairs(more or {}) do e[k] = v ~= "" and v or nil end
  return { "enterprise", e }
end

local function E1(month) return ent("E1", month) end

local function both(more) return { E1 "2020-05", E1 "2020-06", ent("E2", "2020-06", more) } end

-- before 家都在五月；六月留下 kept 家，另加 added 家。
local function herd(before, kept, added)
  local given = {}
  for i = 1, before do given[#given + 1] = ent(("A%03d"):format(i), "2020-05") end
  for i = 1, kept do given[#given + 1] = ent(("A%03d"):format(i), "2020-06") end
  for i = 1, added or 0 do given[#given + 1] = ent(("B%03d"):format(i), "2020-06") end
  return given
end

local function keys(pattern, from, to)
  local list = {}
  for i = from, to do list[#list + 1] = { key = pattern:format(i), level = "blue" } end
  return list
end

local function tax(cny, more)
  local t = { ent_id = "E2", month = "2020-03", tax_cny = cny, tax_subdistrict = "330105003", declared = true }
  for k, v in pairs(more or {}) do t[k] = v end
  return { "tax_month", t }
end

local NOW   = "2020-07-09T08:00:00+08:00"
local GUARD = { { key = "bulk_guard|2020-06", kind = "bulk_guard", level = "orange" } }

local function fresh(level) return { { key = "E2|new", kind = "new", level = level } } end
local function lost(level) return { { key = "E2|gone|2020-06", kind = "gone", level = level } } end

-- 五家变四家（恰好80%），E2 不见了。
local function lose(...)
  local given = { ... }
  for i = 1, 5 do
    given[#given + 1] = ent("E" .. i, "2020-05")
    if i ~= 2 then given[#given + 1] = ent("E" .. i, "2020-06") end
  end
  return given
end

local function case(name, given, want, settings)
  return { name = name, given = given, at = NOW, settings = settings, expect = want }
end

return {
  title    = "新增企业",
  office   = "regional_dev",
  shape    = "DIFF",
  also     = { "service_center" },
  reads    = { "enterprise", "tax_month", "dataset_update" },
  settings = {
    big_capital_cny = { label = "注册资本大额不低于", unit = "元", default = 10000000, min = 0 },
    bulk_max        = { label = "一次新增最多", unit = "家", default = 200, min = 1, max = 5000 },
    shrink_pct      = { label = "本期家数不低于上期的", unit = "%", default = 80, min = 0, max = 100 },
  },

  on    = { enterprise = mark_filed, dataset_update = on_update },
  every = { { at = "monthly d9 08:00", run = run } },
  -- 新增时档案已齐：告警立起来之后再记下。
  wake  = function(_, ent_id, ctx)
    local latest = enterprise.latest(ctx, ent_id)
    if latest then mark_filed(latest, ctx) end
  end,

  life = {
    new        = { close = "auto+evidence", evidence = { "visit" }, -- auto：补上楼宇或社区
                   limits = { blue = { close = "10wd" }, yellow = { close = "5wd" } } },
    gone       = { close = "evidence", evidence = { "visit", "note" }, limits = { close = "10wd" } },
    bulk_guard = { close = "auto", evidence = { "note" }, limits = { close = "1wd" } },
  },

  examples = {
    case("新来一家注册资本1200万元，报黄", both { reg_capital_cny = 12000000 }, fresh "yellow"),
    case("新来的注册在别处，不报", both { reg_subdistrict = "330106004" }, {}),
    case("新来一家小企业，报蓝", both(), fresh "blue"),
    case("注册资本恰好1000万元，报黄", both { reg_capital_cny = 10000000 }, fresh "yellow"),
    case("注册资本差一分钱，报蓝", both { reg_capital_cny = 9999999.99 }, fresh "blue"),
    case("不知道注册资本，报蓝", both { reg_capital_cny = "" }, fresh "blue"),
    case("规上企业，报黄", both { tags = { "规上" } }, fresh "yellow"),
    case("高新企业，报黄", both { tags = { "小微", "高新" } }, fresh "yellow"),
    case("小微企业，报蓝", both { tags = { "小微" } }, fresh "blue"),
    case("新来的已注销，不报", both { reg_status = "cancelled" }, {}),
    case("缺登记状态，不报", both { reg_status = "" }, {}),
    case("第一份快照，不报", { E1 "2020-06", ent("E2", "2020-06") }, {}),
    case("隔一个月不算上期，不报", { E1 "2020-04", E1 "2020-06", ent("E2", "2020-06") }, {}),
    case("档案已齐的新企业，走访前也挂着", both { community_id = "xiaohe" }, fresh "blue"),
    case("不见一家、没有税收，报蓝", lose(), lost "blue"),
    case("不见一家、近12月有税，报黄", lose(tax(0.01)), lost "yellow"),
    case("税收归属别处，仍报蓝", lose(tax(5000, { tax_subdistrict = "330106004" })), lost "blue"),
    case("注册地迁出本街道，也算不见", lose(ent("E2", "2020-06", { reg_subdistrict = "330106004" })), lost "blue"),
    case("本期快照全空，只报批量异常", { E1 "2020-05" }, GUARD),
    case("本期恰好剩80%，逐家报", herd(10, 8), keys("A%03d|gone|2020-06", 9, 10)),
    case("本期不足80%，只报批量异常", herd(10, 7), GUARD),
    case("新增恰好200家，逐家报", herd(1, 1, 200), keys("B%03d|new", 1, 200)),
    case("新增201家，只报批量异常", herd(1, 1, 201), GUARD),
    case("上限调到3家后，新增4家只报批量异常", herd(1, 1, 4), GUARD, { bulk_max = 3 }),
    { name = "批量异常后重新维护数据，自动办结",
      steps = {
        { given = { E1 "2020-05" }, at = NOW, expect = GUARD },
        { given = { { "dataset_update", { update_id = "U9", dataset_id = "DS_tax_month", rows = 9,
                                          updated_at = "2020-07-09T09:00:00+08:00" } } },
          at = "2020-07-09T09:30:00+08:00", expect = GUARD },
        { given = { { "dataset_update", { update_id = "U10", dataset_id = "DS_enterprise", rows = 900,
                                          updated_at = "2020-07-09T10:00:00+08:00" } } },
          at = "2020-07-09T10:30:00+08:00", expect = {} },
      } },
    { name = "下个月还在册，不重复报",
      steps = {
        { given = both(), at = NOW, expect = fresh "blue" },
        { given = { E1 "2020-07", ent("E2", "2020-07") }, at = "2020-08-09T08:00:00+08:00", expect = fresh "blue" },
      } },
  },
}
