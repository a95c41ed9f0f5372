--- 测试用：同一个键累计次数，并用场景自己的状态再数一遍；两个数都要等于记录条数。
return {
  title  = "累计次数",
  office = "regional_dev",
  reads  = { "visit" },
  on = {
    visit = function(row, ctx)
      local n = (ctx:get("n") or 0) + 1
      ctx:set("n", n)
      ctx:alert { key = "all", level = "blue", title = "累计" }
      ctx:alert { key = "n" .. n, level = "blue", title = "第 " .. n .. " 条", text = row.visit_id }
    end,
  },
  examples = {
    { name = "两条记录数到二",
      given = { { "visit", { visit_id = "V1", visited_at = "2020-07-01T09:00:00+08:00" } },
                { "visit", { visit_id = "V2", visited_at = "2020-07-01T09:10:00+08:00" } } },
      at = "2020-07-01T10:00:00+08:00",
      expect = { { key = "all", level = "blue" }, { key = "n1", level = "blue" }, { key = "n2", level = "blue" } } },
    { name = "没有记录不报", at = "2020-07-01T10:00:00+08:00", expect = {} },
  },
}
