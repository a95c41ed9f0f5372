---@meta
--- 一条记录的只读视图。字段在读到时才解开；读过哪些字段，会成为告警的依据。

--- row.字段名：缺值为 nil；写错字段名报错（含行号）；不能赋值。
--- 日期、月份、时刻都是文本（时刻统一为 +08:00）；strings 字段是普通数组，缺值为 nil，空列表为 {}。
--- 限制类（restricted）记录须在 reads 里写明并经责任科室同意；封存（sealed）的读不到。
---@class wangyi.row
---@field [string] string|number|boolean|string[]|nil
