--- 测试用：每条走访记录各发一条告警，键为走访编号。
return {
  title  = "逐条告警",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      ctx:alert { key = row.visit_id, level = "blue", title = "走访 " .. row.visit_id }
    end,
  },
  examples = {
    { name = "有走访就报", given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00" } } },
      at = "2020-07-01T10:00:00+08:00", expect = { { key = "V1", level = "blue" } } },
    { name = "没有走访不报", at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
