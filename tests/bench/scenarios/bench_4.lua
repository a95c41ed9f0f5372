--- 测速用：五条规则之4（无人走访）。
return {
  title  = "测速：无人走访",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      if row.visitor_id == "nobody" then
        ctx:alert { key = row.visit_id, level = "blue", title = "无人走访" }
      end
    end,
  },
  examples = {
    { name = "报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", visitor_id = "nobody", note = "好" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1" , level = "blue" } } },
    { name = "不报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", note = "好", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
