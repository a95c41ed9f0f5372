--- 测速用：五条规则之5（时间太早）。
return {
  title  = "测速：时间太早",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      if row.visited_at < "2019-01-01" then
        ctx:alert { key = row.visit_id, level = "blue", title = "时间太早" }
      end
    end,
  },
  examples = {
    { name = "报", given = { { "visit", { visit_id = "V1", visited_at = "2018-07-01T09:00:00+08:00", result = "early", note = "好" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1" , level = "blue" } } },
    { name = "不报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", note = "好", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
