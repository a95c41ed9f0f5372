local office = require "std.office"

it("knows offices and no others", function()
  same(office.is_known("regional_dev"), true)
  same(office.is_known("police"), false)
  same(office.is_known(nil), false)
end)

it("names offices and receivers, an unknown one by its id", function()
  same(office.name("regional_dev"), "区域发展办")
  same(office.name("police"), "派出所")
  same(office.name("nobody"), "nobody")
  same(office.name(nil), "不详")
end)

it("names council roles", function()
  same(office.council_role("designer"), "设计师")
  same(office.council_role("mayor"), "mayor")
end)
