local feed = require "std.feed"

it("finds values by path, counting from zero", function()
  local v = { data = { items = { { name = "a" }, { name = "b" } } }, ["0"] = "zero" }
  same(feed.at(v, "data.items[1].name"), "b")
  same(feed.at(v, "data.items.0.name"), "a")
  same(feed.at(v, "0"), "zero")
  same(feed.at(v, "data.items[2].name"), nil)
  same(feed.at(v, "data.items[0].name.x"), nil)
  same(feed.at("text", "a"), nil)
end)

it("finds elements of XML and their texts", function()
  local node = { name = "r", text = "", children = {
    { name = "a", text = "1", children = { { name = "b", text = " ", children = {} } } },
    { name = "a", text = "2", children = {} }, { name = "c", text = "", children = {} } } }
  same(feed.text(node, "a"), "1")
  same(feed.child(node, "a/b").name, "b")
  same(feed.child(node, "a/x"), nil)
  same(feed.text(node, "c"), nil)
  same(feed.text(nil, "c"), nil)
end)

it("reads times however they are written", function()
  same(feed.time("2020-07-15T08:30:00+08:00"), "2020-07-15T08:30:00+08:00")
  same(feed.time("2020-07-15T00:30:00.25Z"), "2020-07-15T00:30:00.25Z")
  same(feed.time("2020-07-15 08:30:00"), "2020-07-15T08:30:00+08:00")
  same(feed.time("2020-07-15T08:30:00+0800"), "2020-07-15T08:30:00+08:00")
  same(feed.time(1594773000), "2020-07-15T08:30:00+08:00")
  same(feed.time(1594773000000), "2020-07-15T08:30:00+08:00")
  for _, bad in ipairs { "", "yesterday", "2020-07-15", "2020-07-15T08:30:00 CST", -1, 0 / 0, 1e300, true } do
    same(feed.time(bad), nil)
  end
  same(feed.time(nil), nil)
end)

it("makes ids that never change and never hold a bar", function()
  same(feed.id("a", 1, nil, "x|y"), "a-1--x_y")
  same(feed.id("a", 1), feed.id("a", 1))
  local long = feed.id("s", ("很长"):rep(50), 1)
  same(#long <= 100 and utf8.len(long) ~= nil, true)
  same(long == feed.id("s", ("很长"):rep(50), 2), false)
end)

it("maps lists by paths and functions", function()
  local read = feed.map { type = "t", each = "rows", once = true,
                          fields = { a = "x.y", b = function(one, message) return one.z .. message.body.all end } }
  same(read { body = { all = "!", rows = { { x = { y = 1 }, z = "p" }, { z = "q" } } } },
    { { "t", { a = 1, b = "p!" }, once = true }, { "t", { b = "q!" }, once = true } })
  local list, why = read { body = {} }
  same(list, nil)
  same(why:find("rows", 1, true) ~= nil, true)
  same(feed.map { type = "t", fields = { a = "a" } } { body = { a = 5 } }, { { "t", { a = 5 } } })
end)
