--- 测速用：五条规则之3（没有说明）。
return {
  title  = "测速：没有说明",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      if row.note == nil then
        ctx:alert { key = row.visit_id, level = "blue", title = "没有说明" }
      end
    end,
  },
  examples = {
    { name = "报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1" , level = "blue" } } },
    { name = "不报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", note = "好", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
