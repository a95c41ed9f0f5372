--- 测速用：五条规则之1（发现困难）。
return {
  title  = "测速：发现困难",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      if row.result == "trouble" then
        ctx:alert { key = row.visit_id, level = "yellow", title = "走访发现困难" }
      end
    end,
  },
  examples = {
    { name = "报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", result = "trouble", note = "好" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1" , level = "yellow" } } },
    { name = "不报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", note = "好", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
