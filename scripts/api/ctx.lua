---@meta
--- 场景脚本里的 ctx：读时钟、读数据、记自己的状态、发告警，都只能通过它。
-- 它给出的一切都是“截至手头这一条”的样子；同样的脚本、参数和流水，结果逐字相同。

---@class wangyi.ctx
---@field now string 手头这条的时间，如 "2020-07-15T08:30:00+08:00"。记录触发时是事件时间，定时触发时是到点时间
---@field today string ctx.now 的日期，如 "2020-07-15"
---@field month string ctx.now 的月份，如 "2020-07"
---@field week string ctx.now 的 ISO 周，如 "2020-W29"
---@field seq integer 手头这条的流水号
---@field settings table<string, any> 本场景的参数，已按所在社区取本地值。逐个对象运行时是对象的社区，记录触发时是该记录的社区
local ctx = {}

---@alias wangyi.ratio { num: number, den: number, unit?: string } 分数，见 std.stats；den 大于零
---@alias wangyi.op ">" | ">=" | "<" | "<=" | "==" | "~="
---@alias wangyi.level "blue" | "yellow" | "orange" | "red"
---@alias wangyi.state "new"|"signed"|"handling"|"submitted"|"returned"|"extended"|"closed"|"false_alarm"|"duplicate"|"retracted"

--- 找一条记录。给全主键：就是那一条；主键只给前几段：该对象最新的一条（按字典里的 time 字段）。
--- 没有或已撤回时返回 nil。传 nil 作主键也返回 nil，不报错。
--- 例：ctx:find("ent_income", ent.ent_id, "2020-06")；ctx:find("enterprise", ent_id) → 最新快照
---@param type string 记录类型
---@param ... string|nil 主键各段
---@return wangyi.row|nil
function ctx:find(type, ...) end

--- 手头这条记录的上一版；没有则为 nil。
---@param row wangyi.row
---@return wangyi.row|nil
function ctx:before(row) end

---@class wangyi.list_options
---@field limit? integer 至多几条
---@field all? boolean true：全部记录；否则每个对象（主键除去时间）只要最新一条，且最新一条须满足条件
---@field within? string 事件时间落在 [ctx.now − 窗口, ctx.now] 里的全部记录，按事件时间由早到晚；窗口同 ctx:count
---@field last? integer 事件时间不晚于 ctx.now 的最近几条（至多 1000），由早到晚；可与 within 同用
---@field upto? string 与 within、last 同用：事件时间不晚于这一刻（含），默认 ctx.now；within 的起点仍从 ctx.now 算

--- 按字段取记录，按主键次序。条件里至少一个字段是主键开头或建了索引，才不必走遍全部；其余字段逐条比对。
--- 条件为空 {} 走遍该类型。字段值一律是“等于”。
--- 例：ctx:list("occupancy", { ent_id = id, status = "in" })
---     ctx:list("sensor_reading", { device_id = id, metric = "depth_cm" }, { last = 2, within = "10min" })
---@param type string
---@param where table<string, string|number|boolean>
---@param options? wangyi.list_options
---@return wangyi.row[]
function ctx:list(type, where, options) end

--- 同 ctx:list，但一条一条给，不攒成表。例：for t in ctx:each("tax_month", { building_id = b }, { all = true }) do … end
---@param type string
---@param where table<string, string|number|boolean>
---@param options? wangyi.list_options
---@return fun(): wangyi.row|nil
function ctx:each(type, where, options) end

--- 一条记录的历次版本，新的在前，至多 n 个；key 是主键（多段的用表 {"E1","2020-06"}）。
---@param type string
---@param key string|string[]
---@param n integer
---@return wangyi.row[]
function ctx:history(type, key, n) end

--- 事件时间落在 [ctx.now − 窗口, ctx.now] 里的记录条数，两端都算。窗口写 "30min" "24h" "30d"（天按日历日数）。
--- 例：ctx:count("petition", { matter_key = row.matter_key }, "30d")
---@param type string
---@param where table<string, string|number|boolean>
---@param window string
---@return integer
function ctx:count(type, where, window) end

--- 同一窗口里某字段之和（缺值跳过），按 6 位小数取整。
---@param type string
---@param field string
---@param where table<string, string|number|boolean>
---@param window string
---@return number
function ctx:sum(type, field, where, window) end

--- 这一类数据是否按时在更新（“活的”）：目录里有它而本周期没有维护记录 → false；目录里没有 → true。
--- “没有记录”类的规则先问它；false 时既不报也不销，并用 ctx:unknown 说明。
---@param type string 记录类型（数据集编号为 DS_类型）
---@return boolean
function ctx:alive(type) end

--- 这一天是否工作日：有 calendar_day 记录听记录的，否则按节假日表，再否则星期一至五。
---@param date string
---@return boolean
function ctx:is_workday(date) end

---@class wangyi.own_alert 本场景自己的一条告警（只读）
---@field key string 场景内的 key（不含场景编号）
---@field kind string
---@field level wangyi.level
---@field state wangyi.state
---@field about { [1]: string, [2]: string }|nil
---@field title string
---@field text string
---@field office string
---@field communities string[]
---@field count integer
---@field raised_at string
---@field last_at string
---@field closed_at string|nil
---@field feedback_at string|nil 处置的人最近一次写说明或提交结果的时刻
---@field normal boolean 条件已不成立、数据已正常（其后没有再报）

---@class wangyi.alert_filter
---@field key? string
---@field kind? string
---@field state? wangyi.state|"open" "open" = 未了结的（默认全部状态）

--- 本场景的告警，按 key 排序。自动办结的场景用它来发现“已不再满足”的：
--- for _, a in ipairs(ctx:alerts { kind = "gone", state = "open" }) do … end
---@param filter? wangyi.alert_filter
---@return wangyi.own_alert[]
function ctx:alerts(filter) end

--- 本场景自己记下的值；没有则为 nil。
---@param key string
---@return any
function ctx:get(key) end

--- 记下一个值（数、文本、布尔、由它们组成的表）；nil 为删去。下次运行可见。
---@param key string
---@param value any
function ctx:set(key, value) end

--- 定一个闹钟；同名的改期。到点时调用场景的 wake(key, data, ctx)。已过的时间在手头这条之后立即响。
---@param key string
---@param when string 时刻
---@param data? any
function ctx:wake(key, when, data) end

--- 取消闹钟。
---@param key string
function ctx:sleep(key) end

--- 具名判断：返回真假，并把数值、界限、结果留在痕迹里；“为什么报、为什么没报”都由它们组成。
--- 数字按 6 位小数取整后比较；分数（std.stats 的 { num, den, unit }）用交叉相乘比较，显示成商；
--- 文本按字节序比较；value 或 limit 缺失（nil）时为 false，痕迹里写“无数据”。
--- 例：ctx:check("营收同比降幅", stats.percent_drop(prev, cur), ">", ctx.settings.income_drop_pct)
---@param label string 中文名
---@param value number|string|boolean|wangyi.ratio|nil
---@param op wangyi.op
---@param limit number|string|boolean|nil
---@param unit? string 单位，如 "元"、"天"：写在数值和界限后面；分数自带单位的以它自己的为准
---@return boolean
function ctx:check(label, value, op, limit, unit) end

--- 数据不全，本场景在这里“看不见”。不是“没有问题”：页面会如实显示。返回 nil，便于 return ctx:unknown(…)。
---@param reason string
---@return nil
function ctx:unknown(reason) end

--- 从这里起换一个对象：其后的判断、读到的记录、用量限额都归到它名下，直到换下一个。
--- 只在一次运行里自己循环多个对象时用；逐个对象（over）运行时不必。
---@param type string
---@param id string
function ctx:subject(type, id) end

---@class wangyi.alert_args
---@field key string 场景内的 key；同一场景同一 key 未了结时只累加次数，级别只升不降
---@field kind? string 种类，life 按它区分
---@field level wangyi.level
---@field about? { [1]: string, [2]: string } 所涉对象：{ "enterprise", ent_id }
---@field title string 标题，不得含个人信息
---@field text? string 正文，不得含个人信息
---@field office? string 责任科室，默认场景的 office
---@field communities? string[] 所涉社区；默认取所涉对象（或手头记录）的 community_id
---@field also? string[] 另外告知的各方（org.lua 的 receivers 或科室）
---@field due? string 办结期限（时刻），默认按 life 和级别算
---@field evidence? string[] 需一并列出、逐个走访的对象："enterprise|EA"
---@field reopen? boolean true：已办结的同 key 告警重新打开（如“帮扶 30 天未回访”），不受静默期限制

--- 发告警。同一次定时运行里同一 key 发几次只算一次，取最高级别和第一次的文字。
---@param args wangyi.alert_args
function ctx:alert(args) end

---@class wangyi.clear_args
---@field key string
---@field reason? string
---@field close? boolean false：只记“触发条件已不成立”，还不满足办结的数据条件；默认 true
---@field retract? boolean true：迟到的记录说明当初就不该报。没有人动过的撤回（不论怎样了结），动过的只留一条说明；宿主自己会重判的（同一对象、rejudge）不必写

--- 数据已恢复正常：auto 的就此办结，auto+evidence 的记下“数据已正常”，evidence 的留一条说明。
--- 没有这个 key 的告警时什么也不做。人已办结的 key，要先有过一次 clear（或级别、依据的记录变了）才会再报。
---@param args wangyi.clear_args
function ctx:clear(args) end

---@class wangyi.keywords_options
---@field from? string 从哪天（当天 00:00）或哪一刻起，含
---@field to? string 到哪天（当天 00:00）或哪一刻止，不含；不写到 ctx.now 为止（含）。晚于 ctx.now 的部分不数
---@field within? string 或写窗口 "7d" "24h"，同 ctx:count，两端都算；都不写为 "7d"
---@field community? string 只数这个社区的
---@field keyword? string 只数这一个词（归并后）；依据里就只有说到它的记录
---@field cameras? table<string, string> 城市眼事件按种类算作哪个词，如 { parking_motor = "停车" }；不写则不数城市眼
---@field min_confidence? number 城市眼事件的置信度下限，默认 0.80；人工上报的不看

---@class wangyi.heard 一个关键词被说到多少次（普通的表）
---@field keyword string
---@field letters integer 来信：同一人同一天说同一个词只算一次
---@field petitions integer 信访热线件，同上
---@field posts integer 网络舆情，同上
---@field cameras integer 城市眼事件：同一点位同一天同一个词只算一次；phase = "end" 的不算
---@field senders integer 不同的人（来信人、诉求人、作者的代号），城市眼不算
---@field communities table<string, integer> 社区 → 来信和信访件数

--- 居民在说什么：来信、信访热线件、网络舆情（和城市眼事件）里的关键词，按词典归并、去掉停用词，词典里没有的词就是它自己；
--- 按事件时间取窗口，按 keyword 的字节序排列。没写代号的人合起来算一个，也不计入 senders。
--- 数到的前 50 条记录留作依据，其余只记条数；要让每条告警只带自己那个词的依据，换对象之后再按 keyword 数一遍。
--- 例：ctx:keywords { from = calendar.add_days(ctx.today, -7), to = ctx.today, cameras = { parking_motor = "停车" } }
---@param options? wangyi.keywords_options
---@return wangyi.heard[]
function ctx:keywords(options) end

---@class wangyi.topic_args
---@field key string 场景内的 key；同一 key 只提出一次，不论议题后来到了哪一步或被撤回
---@field title string 标题，不得含个人信息
---@field kind "general" | "reno" | "tripartite"
---@field keyword? string
---@field origin? "scenario" | "auto" 默认 "scenario"
---@field communities? string[] 默认手头对象（或记录）的社区
---@field estate_id? string
---@field project_id? string

--- 提出一个红茶议题：写成一条 council_topic 记录（stage = "drafted"，建立时间是 ctx.now），此后由人来办。
--- 场景要写 may = { "alert", "topic" }。议题像别的记录一样，从它自己写入的那一条起才读得到；一次最多提出 50 个。
---@param args wangyi.topic_args
---@return string topic_id 议题编号：同一场景同一 key 总是同一个
function ctx:topic(args) end

--- 写进本场景的运行日志，编辑器里可见。
---@param ... any
function ctx:log(...) end

return ctx
