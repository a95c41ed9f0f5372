--- 测速用：五条规则之2（空置房屋）。
return {
  title  = "测速：空置房屋",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      if row.subject_type == "house" and row.result == "empty" then
        ctx:alert { key = row.visit_id, level = "blue", title = "空置" }
      end
    end,
  },
  examples = {
    { name = "报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", subject_type = "house", result = "empty", note = "好" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1" , level = "blue" } } },
    { name = "不报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00", note = "好", result = "ok" } } },
      at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
