--- 企业地址变动：登记地址迁出、迁入或在街道内换社区；扫楼发现已搬出而登记未变的，提醒可能外迁。
-- 给区域发展办和新旧社区：迁出的尽快走访挽留，迁入的补全档案。
local calendar   = require "std.calendar"
local enterprise = require "std.enterprise"
local with       = require("std.example").with

local HOME = enterprise.HOME

local WORDS = { out = "迁出", ["in"] = "迁入", inner = "街道内迁移" }

-- 变更的方向；街道不全或同一社区内移动时为 nil。
local function direction_of(row)
  local old, new = row.old_subdistrict, row.new_subdistrict
  if not (old and new) then return nil end
  if old == HOME and new ~= HOME then return "out" end
  if old ~= HOME and new == HOME then return "in" end
  if old == HOME and row.old_community_id and row.new_community_id
     and row.old_community_id ~= row.new_community_id then return "inner" end
end

local function communities_of(row)
  local list = {}
  if row.old_community_id then list[1] = row.old_community_id end
  if row.new_community_id and row.new_community_id ~= row.old_community_id then list[#list + 1] = row.new_community_id end
  return #list > 0 and list or nil
end

-- 迁入企业的档案齐了：经营楼宇和社区都已填。
local function is_filed(ent)
  return ent ~= nil and ent.op_building_id ~= nil and ent.community_id ~= nil
end

local function mark_filed(ent, ctx)
  if not is_filed(ent) then return end
  for _, a in ipairs(ctx:alerts { kind = "in", state = "open" }) do
    if a.about and a.about[2] == ent.ent_id then ctx:clear { key = a.key, reason = "企业档案已补全" } end
  end
end

-- 同一天更正了方向时，别的方向不再成立。
local function clear_others(row, ctx, direction)
  for _, other in ipairs { "out", "in", "inner" } do
    if other ~= direction then
      ctx:clear { key = ("%s|%s|%s"):format(row.ent_id, other, row.changed_on), reason = "变更登记已更正" }
    end
  end
end

local function judge_change(row, ctx)
  if row.change_item ~= "address" then return end
  if not row.ent_id then return ctx:unknown("变更登记缺少信用代码") end
  if not (row.old_subdistrict and row.new_subdistrict) then return ctx:unknown("地址变更缺少原街道或新街道") end

  local direction = direction_of(row)
  clear_others(row, ctx, direction)
  if not ctx:check("跨街道或跨社区", direction ~= nil, "==", true) then return end

  local level = "blue"
  if direction == "out" then
    local tax = enterprise.tax_12m(ctx, row.ent_id)
    level = ctx:check("近12月税收（大额）", tax, ">=", ctx.settings.big_tax_cny) and "red" or "orange"
  end
  local ent = enterprise.latest(ctx, row.ent_id)
  local name = enterprise.name(ent, row.ent_id)
  if direction == "in" and is_filed(ent) then ctx:wake("filed|" .. row.ent_id, ctx.now, row.ent_id) end
  ctx:alert {
    key = ("%s|%s|%s"):format(row.ent_id, direction, row.changed_on), kind = direction, level = level,
    about = { "enterprise", row.ent_id }, communities = communities_of(row),
    title = ("%s 地址变动（%s）"):format(name, WORDS[direction]),
    text  = ("%s地址由%s变更为%s（%s）"):format(name, row.old_value or enterprise.street(row.old_subdistrict),
      row.new_value or enterprise.street(row.new_subdistrict), WORDS[direction]),
  }
end

-- 扫楼见它已搬出（近31天核查），登记和税收却都还在本街道。
local function judge_leaving(ent, ctx)
  local inside, left = 0, 0
  for occ in ctx:each("occupancy", { ent_id = ent.ent_id }) do
    if occ.status == "in" then inside = inside + 1 end
    if occ.status == "out" and calendar.within_days(occ.checked_on, 31, ctx.today) then left = left + 1 end
  end
  if ctx:check("税收归属街道", ent.tax_subdistrict, "==", HOME)
     and ctx:check("在驻房间", inside, "==", 0)
     and ctx:check("近31天核查为已搬出的房间", left, ">=", 1) then
    ctx:alert {
      key = ("%s|leaving|%s"):format(ent.ent_id, ctx.month), kind = "leaving", level = "yellow",
      about = { "enterprise", ent.ent_id },
      title = ("%s 疑似外迁"):format(enterprise.name(ent)),
      text  = ("%s经扫楼核查已搬出，登记经营地和税收仍在本街道，请走访核实"):format(enterprise.name(ent)),
    }
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330105TEST000081"

local function change(more)
  return { "ent_change", with({ change_id = "C81", ent_id = ID, change_item = "address", old_value = "湖墅北路某号",
    new_value = "文三路某号", old_subdistrict = "330105003", new_subdistrict = "330106004",
    old_community_id = "suopoqiao", changed_on = "2020-07-07" }, more) }
end

local function inner(more)
  return change(with({ new_subdistrict = "330105003", new_community_id = "xiaohe" }, more))
end

local function moved_in()
  return change { old_subdistrict = "330106004", old_community_id = "", new_subdistrict = "330105003",
                  new_community_id = "xiaohe" }
end

local function tax(cny, month)
  return { "tax_month", { ent_id = ID, month = month or "2020-01", tax_cny = cny, tax_subdistrict = "330105003",
                          declared = true } }
end

local function ent(more)
  return { "enterprise", with({ ent_id = ID, snapshot_month = "2020-06", name = "示例服饰有限公司",
    reg_subdistrict = "330105003", tax_subdistrict = "330105003", op_subdistrict = "330105003",
    community_id = "suopoqiao", reg_status = "active" }, more) }
end

local function occ(id, status, checked_on)
  return { "occupancy", { occupancy_id = id, building_id = "B01", room = id, ent_id = ID, ent_name = "示例服饰有限公司",
                          status = status, checked_on = checked_on } }
end

local function expect(direction, level)
  return { { key = ("%s|%s|2020-07-07"):format(ID, direction), kind = direction, level = level } }
end

local LEAVING = { { key = ID .. "|leaving|2020-07", kind = "leaving", level = "yellow" } }

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-08T10:00:00+08:00", settings = settings, expect = want }
end
local function tick(name, given, want)
  return { name = name, given = given, at = "2020-07-10T08:00:00+08:00", expect = want }
end

return {
  title    = "企业地址变动",
  office   = "regional_dev",
  shape    = "DIFF",
  reads    = { "ent_change", "occupancy", "enterprise", "tax_month" },
  settings = {
    big_tax_cny = { label = "大额税收不低于", unit = "元", default = 1000000, min = 0, per = "community" },
  },

  on    = { ent_change = judge_change, enterprise = mark_filed },
  every = { { at = "monthly d10 08:00", over = "enterprise", where = { op_subdistrict = HOME }, run = judge_leaving } },
  -- 迁入时档案已齐：告警立起来之后再记下“数据已满足办结”。
  wake  = function(_, ent_id, ctx)
    local latest = enterprise.latest(ctx, ent_id)
    if latest then mark_filed(latest, ctx) end
  end,

  life = {
    out     = { close = "evidence", evidence = { "visit", "note" }, results = { "stay", "moved" },
                limits = { red = { visit = "1wd", close = "5wd" }, orange = { visit = "2wd", close = "10wd" } } },
    ["in"]  = { close = "auto+evidence", evidence = { "visit" }, -- auto：档案补全
                limits = { visit = "5wd", close = "10wd" } },
    inner   = { close = "evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "10wd" } },
    leaving = { close = "evidence", evidence = { "visit" }, limits = { visit = "3wd", close = "10wd" } },
  },

  examples = {
    case("大户迁出，报红", { tax(1350000), change() }, expect("out", "red")),
    case("迁出，税收恰好100万元，报红", { tax(1000000), change() }, expect("out", "red")),
    case("迁出，税收不足100万元，报橙", { tax(999999.99), change() }, expect("out", "orange")),
    case("迁出，没有税收记录，报橙", { change() }, expect("out", "orange")),
    case("迁入，报蓝", { moved_in() }, expect("in", "blue")),
    case("迁入时档案已齐，照样报蓝等走访", { ent { op_building_id = "B01" }, moved_in() }, expect("in", "blue")),
    case("迁入后补全档案，照样报蓝等走访", { moved_in(), ent { op_building_id = "B01" } }, expect("in", "blue")),
    case("迁入后档案仍缺楼宇，报蓝", { moved_in(), ent() }, expect("in", "blue")),
    case("街道内换社区，报蓝", { inner() }, expect("inner", "blue")),
    case("同一社区内移动，不报", { inner { new_community_id = "suopoqiao" } }, {}),
    case("街道内移动但缺新社区，不报", { inner { new_community_id = "" } }, {}),
    case("缺新街道，不报", { change { new_subdistrict = "" } }, {}),
    case("都在外街道，不报", { change { old_subdistrict = "330106004" } }, {}),
    case("改名不是改址，不报", { change { change_item = "name" } }, {}),
    case("同一天两条迁出登记，还是一条", { change(), change { change_id = "C82" } }, expect("out", "orange")),
    case("大额标准调到200万元后报橙", { tax(1350000), change() }, expect("out", "orange"), { big_tax_cny = 2000000 }),
    tick("扫楼已搬出、登记未变，报疑似外迁", { ent(), occ("R1", "out", "2020-06-20") }, LEAVING),
    tick("恰好31天前核查搬出，报", { ent(), occ("R1", "out", "2020-06-09") }, LEAVING),
    tick("32天前核查搬出，不报", { ent(), occ("R1", "out", "2020-06-08") }, {}),
    tick("还有一间在驻，不报", { ent(), occ("R1", "out", "2020-06-20"), occ("R2", "in", "2019-01-01") }, {}),
    tick("从没有入驻记录，不报", { ent() }, {}),
    tick("税收不在本街道，不报疑似外迁", { ent { tax_subdistrict = "330106004" }, occ("R1", "out", "2020-06-20") }, {}),
    tick("经营地不在本街道，不报疑似外迁", { ent { op_subdistrict = "330106004" }, occ("R1", "out", "2020-06-20") }, {}),
    tick("经营地不明，不报疑似外迁", { ent { op_subdistrict = "" }, occ("R1", "out", "2020-06-20") }, {}),
  },
}
