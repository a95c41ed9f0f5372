local enterprise = require "std.enterprise"

-- A ctx that knows only tax_month records of E1 and an enterprise.
local function world(taxes, ent)
  return {
    month = "2020-07",
    find = function(_, type, id, month)
      if type == "enterprise" then return id == "E1" and ent or nil end
      return id == "E1" and taxes[month] or nil
    end,
  }
end

local function tax(cny, where) return { tax_cny = cny, tax_subdistrict = where or enterprise.HOME } end

it("sums the twelve whole months before this one", function()
  local taxes = { ["2019-06"] = tax(1), ["2019-07"] = tax(10), ["2020-06"] = tax(100), ["2020-07"] = tax(1000) }
  same(enterprise.tax_12m(world(taxes), "E1"), 110)
end)

it("leaves out tax that belongs elsewhere or is unknown", function()
  local taxes = { ["2020-01"] = tax(5, "330106004"), ["2020-02"] = tax(nil), ["2020-03"] = { tax_cny = 7 }, ["2020-04"] = tax(3) }
  same(enterprise.tax_12m(world(taxes), "E1"), 3)
  same(enterprise.tax_12m(world(taxes), "E2"), 0)
end)

it("adds cents without dust", function()
  local taxes = {}
  for month = 1, 6 do taxes["2020-0" .. month] = tax(0.1) end
  same(enterprise.tax_12m(world(taxes), "E1"), 0.6)
end)

it("holds an exemption to its last day", function()
  same(enterprise.is_exempt({ exception_until = "2020-07-10" }, "2020-07-10"), true)
  same(enterprise.is_exempt({ exception_until = "2020-07-09" }, "2020-07-10"), false)
  same(enterprise.is_exempt({}, "2020-07-10"), false)
end)

it("names firms and streets as far as they are known", function()
  same(enterprise.name({ name = "示例", ent_id = "E1" }), "示例")
  same(enterprise.name({ ent_id = "E1" }), "E1")
  same(enterprise.name(nil, "E1"), "E1")
  same(enterprise.street("330105003"), "小河街道")
  same(enterprise.street("330106004"), "区划330106004")
  same(enterprise.street(nil), "不明")
end)
