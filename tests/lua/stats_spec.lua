local stats = require "std.stats"

it("says exactly fifteen percent for odd amounts", function()
  for _, prev in ipairs { 8200000, 100000, 0.2, 123456.8, 1000000.2, 99999999.8, 7.4 } do
    local cur = stats.round(prev * 0.85)
    local drop = stats.percent_drop(prev, cur)
    same(stats.compare(drop, 15), 0)
    same(stats.compare(stats.percent_drop(prev, cur - 0.01), 15), 1)
    same(stats.compare(stats.percent_drop(prev, cur + 0.01), 15), -1)
  end
end)

it("keeps a drop as a fraction of whole numbers", function()
  same(stats.percent_drop(8200000, 6800000), { num = 140000000, den = 8200000, unit = "%" })
  same(stats.percent_drop(0.3, 0.1), { num = 200, den = 3, unit = "%" })
  same(math.type(stats.percent_drop(1.25, 1.0).num), "integer")
  same(stats.compare(stats.percent_drop(8200000, 6800000), 17.07), 1)
end)

it("turns a rise round", function()
  same(stats.percent_rise(100, 131), { num = 3100, den = 100, unit = "%" })
  same(stats.compare(stats.percent_rise(100, 130), 30), 0)
  same(stats.compare(stats.percent_rise(100, 70), 0), -1)
end)

it("gives no percentage of nothing", function()
  same(stats.percent_drop(0, 5), nil)
  same(stats.percent_drop(-5, 5), nil)
  same(stats.percent_drop(nil, 5), nil)
  same(stats.percent(1, 0), nil)
  same(select(2, stats.percent_drop(0, 5)), "基数不大于零")
end)

it("rounds to six decimals, half away from zero", function()
  same(stats.round(312.436 - 312.431), 0.005)
  same(stats.round(0.1 + 0.2), 0.3)
  same(stats.round(-2.5, 0), -3.0)
  same(stats.round(2.5, 0), 3.0)
  same(stats.round(7), 7)
  same(stats.round(1e300), 1e300)
end)

it("sums money without binary dust", function()
  local list = {}
  for i = 1, 10 do list[i] = 0.1 end
  same(stats.sum(list), 1.0)
  same(stats.sum({ { tax = 1 }, { tax = 2 }, {} }, "tax"), 3)
  same(stats.sum({ 1, 2, 3 }, function(x) return x * x end), 14)
  same(stats.sum {}, 0)
end)

it("finds means and medians", function()
  same(stats.mean { 60, 61, 62 }, 61.0)
  same(stats.mean {}, nil)
  same(stats.median { 3, 1, 2 }, 2)
  same(stats.median { 4, 1, 3, 2 }, 2.5)
  same(stats.median {}, nil)
end)

it("compares a share at its limit", function()
  same(stats.compare(stats.percent(4, 5), 80), 0)
  same(stats.compare(stats.percent(52, 60), 85), 1)
  same(stats.compare(stats.ratio(1, 3), 1 / 3), 0)
end)
