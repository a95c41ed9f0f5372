--- 机构表（office/org.lua）里的编号和名字：写进文字用名字，发给谁用编号。

local org = require "office.org"

local office = {}

local function find(list, id)
  for _, item in ipairs(list) do
    if item.id == id then return item end
  end
end

--- 是不是本街道的科室或中心。
function office.is_known(id) return find(org.offices, id) ~= nil end

--- 科室、中心或其他接收方的名字；不在表里的给编号，没有编号的给“不详”。
function office.name(id)
  local item = find(org.offices, id) or find(org.receivers, id)
  return item and item.name or id or "不详"
end

--- 红茶议事会里一个角色的名字；不在表里的给编号。
function office.council_role(id)
  local item = find(org.council_roles, id)
  return item and item.name or id
end

return office
