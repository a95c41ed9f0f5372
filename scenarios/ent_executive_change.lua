--- 企业高管变动：新的高管名册与上一份相比，关键职务换了人，或其他职务变动较多。
-- 给区域发展办：上门了解原因，防止企业外迁。文字里只写职务，不写人。
local enterprise = require "std.enterprise"
local text       = require "std.text"

local ROLES = {
  { "legal_rep", "法定代表人" }, { "chairman", "董事长" }, { "general_manager", "总经理" },
  { "cfo", "财务负责人" }, { "director", "董事" }, { "supervisor", "监事" },
}

-- 名册 → { 职务 = { 人员 = true } }；次序和重复不影响。
local function by_role(members)
  local roles = {}
  for _, item in ipairs(members) do
    local role, person = item:match("^([^:]+):(.+)$")
    if role then
      roles[role] = roles[role] or {}
      roles[role][person] = true
    end
  end
  return roles
end

-- 一个职务增减了几人。
local function moves(before, after)
  local n = 0
  for person in pairs(after or {}) do
    if not (before or {})[person] then n = n + 1 end
  end
  for person in pairs(before or {}) do
    if not (after or {})[person] then n = n + 1 end
  end
  return n
end

-- 关键职务变了几个、其他职务增减几人、变了的职务中文名。
local function compare(old, new, key_roles)
  local before, after = by_role(old), by_role(new)
  local known, names = {}, {}
  local key_changed, other_moves = 0, 0
  local function count(role, label)
    known[role] = true
    local n = moves(before[role], after[role])
    if n == 0 then return end
    names[#names + 1] = label
    if text.contains(key_roles, role) then key_changed = key_changed + 1 else other_moves = other_moves + n end
  end
  for _, role in ipairs(ROLES) do count(role[1], role[2]) end
  local rest = {}                             -- 表外的职务，按名称次序，结果才固定
  for _, roles in ipairs { before, after } do
    for role in pairs(roles) do
      if not known[role] then known[role] = true; rest[#rest + 1] = role end
    end
  end
  table.sort(rest)
  for _, role in ipairs(rest) do count(role, role) end
  return key_changed, other_moves, names
end

-- 名册日期早于 row 的最近一份。
local function previous(row, ctx)
  local best
  for r in ctx:each("exec_roster", { ent_id = row.ent_id }, { all = true }) do
    if r.as_of < row.as_of and (not best or r.as_of > best.as_of) then best = r end
  end
  return best
end

local function judge(row, ctx)
  local key = row.ent_id .. "|" .. row.as_of
  local old = previous(row, ctx)
  if not old then return ctx:clear { key = key, reason = "没有更早的名册" } end
  if not (row.members and old.members) then return ctx:unknown("高管名册缺少成员") end

  local key_changed, other_moves, names = compare(old.members, row.members, text.split(ctx.settings.key_roles, ","))
  local level
  if ctx:check("变动的关键职务", key_changed, ">=", 2) then level = "orange"
  elseif ctx:check("变动的关键职务", key_changed, ">=", 1) then level = "yellow"
  elseif ctx:check("其他职务增减人次", other_moves, ">=", ctx.settings.nonkey_min) then level = "blue" end

  if level and ctx:check("近12月税收", enterprise.tax_12m(ctx, row.ent_id), ">=", ctx.settings.min_tax_cny) then
    local ent = enterprise.latest(ctx, row.ent_id)
    local name = enterprise.name(ent, row.ent_id)
    ctx:alert {
      key = key, kind = "change", level = level, about = { "enterprise", row.ent_id },
      communities = ent and ent.community_id and { ent.community_id } or nil,
      title = ("%s 高管变动"):format(name),
      text  = ("%s%s发生变更（%s）"):format(name, text.list(names), row.as_of),
    }
  else
    ctx:clear { key = key, reason = "更正后变动不大" }
  end
end

-- 例子 ------------------------------------------------------------------------------------------

local ID = "91330105TEST000071"

local function roster(as_of, ...)
  return { "exec_roster", { ent_id = ID, as_of = as_of, members = { ... } } }
end

local OLD = roster("2020-04-01", "legal_rep:p1", "general_manager:p2", "director:p3")

local function expect(level) return { { key = ID .. "|2020-07-01", kind = "change", level = level } } end

local function case(name, given, want, settings)
  return { name = name, given = given, at = "2020-07-02T09:00:00+08:00", settings = settings, expect = want }
end

local function tax(month, cny)
  return { "tax_month", { ent_id = ID, month = month, tax_cny = cny, tax_subdistrict = "330105003", declared = true } }
end

return {
  title    = "企业高管变动",
  office   = "regional_dev",
  shape    = "DIFF",
  reads    = { "exec_roster", "enterprise", "tax_month" },
  settings = {
    key_roles   = { label = "关键职务（逗号隔开）", default = "legal_rep,chairman,general_manager,cfo" },
    nonkey_min  = { label = "其他职务增减人次达到", unit = "人次", default = 3, min = 1, max = 100 },
    min_tax_cny = { label = "近12月税收不低于", unit = "元", default = 0, min = 0, per = "community" },
  },

  on = { exec_roster = judge },

  life = {
    change = { close = "evidence", evidence = { "visit" }, limits = { visit = "5wd", close = "10wd" } },
  },

  examples = {
    case("法定代表人换人，报黄",
         { OLD, roster("2020-07-01", "director:p3", "general_manager:p2", "legal_rep:p9") }, expect "yellow"),
    case("只换一名董事（增减2人次），不报",
         { OLD, roster("2020-07-01", "legal_rep:p1", "general_manager:p2", "director:p4") }, {}),
    case("法定代表人和总经理都换，报橙",
         { OLD, roster("2020-07-01", "legal_rep:p9", "general_manager:p8", "director:p3") }, expect "orange"),
    case("其他职务恰好3人次，报蓝",
         { OLD, roster("2020-07-01", "legal_rep:p1", "general_manager:p2", "director:p4", "supervisor:p5") }, expect "blue"),
    case("第一份名册，不报", { OLD }, {}),
    case("次序不同、有重复，不算变动",
         { OLD, roster("2020-07-01", "director:p3", "director:p3", "legal_rep:p1", "general_manager:p2") }, {}),
    case("免去总经理而未任命，算关键职务变动", { OLD, roster("2020-07-01", "legal_rep:p1", "director:p3") }, expect "yellow"),
    case("新设财务负责人，算关键职务变动",
         { OLD, roster("2020-07-01", "legal_rep:p1", "general_manager:p2", "director:p3", "cfo:p6") }, expect "yellow"),
    case("名册全空，报橙", { OLD, roster("2020-07-01") }, expect "orange"),
    case("新名册缺成员，不报", { OLD, { "exec_roster", { ent_id = ID, as_of = "2020-07-01" } } }, {}),
    case("只与日期最近的上一份比",
         { roster("2020-01-01", "legal_rep:p9", "general_manager:p2"), OLD,
           roster("2020-07-01", "legal_rep:p9", "general_manager:p2", "director:p3") },
         { { key = ID .. "|2020-04-01", level = "yellow" }, { key = ID .. "|2020-07-01", level = "yellow" } }),
    case("同一份再来一次，还是一条",
         { OLD, roster("2020-07-01", "legal_rep:p9", "general_manager:p2", "director:p3"),
           roster("2020-07-01", "general_manager:p2", "legal_rep:p9", "director:p3") }, expect "yellow"),
    case("税收低于下限的不报",
         { tax("2020-05", 9999), OLD, roster("2020-07-01", "legal_rep:p9", "general_manager:p2", "director:p3") }, {},
         { min_tax_cny = 10000 }),
    case("税收恰好达到下限，报",
         { tax("2020-05", 10000), OLD, roster("2020-07-01", "legal_rep:p9", "general_manager:p2", "director:p3") },
         expect "yellow", { min_tax_cny = 10000 }),
    case("把董事也列为关键职务后，换董事报黄",
         { OLD, roster("2020-07-01", "legal_rep:p1", "general_manager:p2", "director:p4") }, expect "yellow",
         { key_roles = "legal_rep, director" }),
    case("一人兼两职、换下一职，只算那一职",
         { roster("2020-04-01", "legal_rep:p1", "general_manager:p1"),
           roster("2020-07-01", "legal_rep:p1", "general_manager:p2") }, expect "yellow"),
  },
}
