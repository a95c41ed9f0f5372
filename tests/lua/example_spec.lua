local example = require "std.example"

it("changes, adds and takes away fields", function()
  local base = { a = 1, b = 2, c = 3 }
  same(example.with(base, { a = 5, b = "", d = "x" }), { a = 5, c = 3, d = "x" })
end)

it("keeps false and zero, which are values", function()
  same(example.with({ open = true, n = 1 }, { open = false, n = 0 }), { open = false, n = 0 })
end)

it("leaves a record as it is where nothing changes", function()
  same(example.with({ a = 1 }), { a = 1 })
end)
