local standing = require "std.standing"

-- A ctx that remembers, and tells what was cleared.
local function fake(state)
  return {
    cleared = {}, state = state or {},
    get = function(self, name) return self.state[name] end,
    set = function(self, name, value) self.state[name] = value end,
    clear = function(self, args) self.cleared[#self.cleared + 1] = args.key .. ":" .. tostring(args.reason) end,
  }
end

it("remembers the first one and clears nothing", function()
  local ctx = fake()
  standing.keep(ctx, "P1", "P1|2020-07-01", "x")
  same(ctx.state, { P1 = "P1|2020-07-01" })
  same(ctx.cleared, {})
end)

it("leaves the same one alone", function()
  local ctx = fake { P1 = "a" }
  standing.keep(ctx, "P1", "a", "x")
  same(ctx.cleared, {})
end)

it("clears the old one when another takes its place", function()
  local ctx = fake { P1 = "a" }
  standing.keep(ctx, "P1", "b", "visited")
  same(ctx.cleared, { "a:visited" })
  same(ctx.state, { P1 = "b" })
end)

it("clears the old one when there is none any more, once", function()
  local ctx = fake { P1 = "a" }
  standing.keep(ctx, "P1", nil, "visited")
  standing.keep(ctx, "P1", nil, "visited")
  same(ctx.cleared, { "a:visited" })
  same(ctx.state, {})
end)
