---@meta
--- 场景可以 require 的模块：std.calendar std.stats std.text std.enterprise std.standing std.office std.camera std.example，以及 office.org。除 std.standing、std.camera 记状态外都是纯函数，不存东西。

---@class wangyi.std.calendar 日期、月份、时刻；写错的日期报错
local calendar = {}

---@param month_or_date string
---@param n integer 可为负
---@return string 同样格式；日期超出月末取月末
function calendar.add_months(month_or_date, n) end

---@param date string
---@param n integer
---@return string
function calendar.add_days(date, n) end

---@param datetime string
---@param n number
---@return string
function calendar.add_minutes(datetime, n) end

--- 整天数：to − from，只看日期。
---@param from string 日期或时刻
---@param to string
---@return integer
function calendar.days_between(from, to) end

---@param from string 时刻
---@param to string
---@return number
function calendar.minutes_between(from, to) end

---@param from string
---@param to string
---@return integer
function calendar.months_between(from, to) end

--- date 在 now 之前 n 天以内，两端都算；date 缺失为 false。
---@param date string|nil
---@param n integer
---@param now string
---@return boolean
function calendar.within_days(date, n, now) end

--- month 之前的 n 个整月，由远到近，不含本月。
---@param month string
---@param n integer
---@return string[]
function calendar.months_back(month, n) end

--- from 到 to 各月，两端都含。
---@param from string
---@param to string
---@return string[]
function calendar.months(from, to) end

---@param text string 日期、时刻或月份
---@return string
function calendar.month_of(text) end

---@param text string 日期或时刻
---@return string
function calendar.date_of(text) end

---@param month string
---@return string
function calendar.first_day(month) end

---@param month string
---@return string
function calendar.last_day(month) end

---@param y integer
---@param m integer
---@return integer
function calendar.days_in_month(y, m) end

---@param text string 日期或时刻
---@return integer 1 星期一 … 7 星期日
function calendar.weekday(text) end

---@param text string 日期或时刻
---@return string "2020-W29"
function calendar.iso_week(text) end

---@param week string
---@return string 该周星期一
function calendar.week_start(week) end

---@param datetime string
---@return number 1970 年起的秒数
function calendar.seconds(datetime) end

---@param seconds number
---@return string 东八区时刻
function calendar.datetime(seconds) end

---@param text string 日期或时刻
---@return integer 1970-01-01 起的天数
function calendar.day_number(text) end

---@param day_number integer
---@return string
function calendar.date(day_number) end

---@param hm string "08:30"
---@return integer
function calendar.minute_of_day(hm) end

--- 是否落在钟点段："22:00-06:00"，可多段用逗号隔开；含起点，不含终点。
---@param datetime string
---@param ranges string
---@return boolean
function calendar.in_clock(datetime, ranges) end

-- 工作时间（scenarios 1.2）：工作日 08:30–12:00、13:30–17:30。哪天上班听 ctx:is_workday 的。

--- 期限：from 起 limit 之后的时刻。limit 写 "30min" "24h" "15d"（自然时间）、"4wh"（工作时）、"5wd"（工作日）。
--- n 个工作日：起算日（from 当天，不上班则其后第一个工作日）之后第 n 个工作日的 17:30。
--- 例：calendar.deadline(ctx, "2020-07-06T10:00:00+08:00", "5wd") → "2020-07-13T17:30:00+08:00"
---@param ctx wangyi.ctx
---@param from string 日期或时刻；只有日期的，自然时间和工作时从当天 00:00 算起
---@param limit string
---@return string 时刻
function calendar.deadline(ctx, from, limit) end

--- 写时限：period(5, "wd") → "5wd"，period(30, "d") → "30d"；小数部分舍去。参数填的数用它拼成期限或窗口。
---@param n number
---@param unit "min"|"h"|"d"|"wh"|"wd"
---@return string
function calendar.period(n, unit) end

--- 期限已过没有：now 晚于期限才算，恰好等于不算。
---@param ctx wangyi.ctx
---@param due string 时刻
---@param now? string 默认 ctx.now
---@return boolean
function calendar.is_past(ctx, due, now) end

--- 离期限还有几个工作日：(今天, 期限日] 里的个数，期限就在今天或已过为 0。
---@param ctx wangyi.ctx
---@param due string 日期或时刻
---@param now? string 默认 ctx.now
---@return integer
function calendar.wd_left(ctx, due, now) end

--- 超过期限几个工作日：(期限日, 今天] 里的个数，期限就在今天或还没到为 0。
---@param ctx wangyi.ctx
---@param due string 日期或时刻
---@param now? string 默认 ctx.now
---@return integer
function calendar.wd_over(ctx, due, now) end

--- 两个时刻之间有多少工作分钟；to 不晚于 from 时为 0。
---@param ctx wangyi.ctx
---@param from string
---@param to string
---@return number
function calendar.working_minutes(ctx, from, to) end

--- 从 from 起再过 n 个工作分钟的时刻（4 个工作时写 4 * 60）。
---@param ctx wangyi.ctx
---@param from string
---@param n number
---@return string
function calendar.add_working_minutes(ctx, from, n) end

--- 加 n 个工作日，只给日期：起算日（不上班则其后第一个工作日）之后第 n 个工作日。
---@param ctx wangyi.ctx
---@param date string
---@param n integer
---@return string
function calendar.add_workdays(ctx, date, n) end

--- (from, to] 里的工作日个数。
---@param ctx wangyi.ctx
---@param from string
---@param to string
---@return integer
function calendar.workdays_between(ctx, from, to) end

---@class wangyi.std.stats 求和、均值、百分比（分数，交叉相乘比较）
local stats = {}

---@param x number
---@param digits? integer 默认 6
---@return number
function stats.round(x, digits) end

---@param num number|nil
---@param den number|nil 须大于零
---@param unit? string
---@return wangyi.ratio|nil, string|nil 原因
function stats.ratio(num, den, unit) end

--- part 占 whole 的百分比。
---@param part number|nil
---@param whole number|nil
---@return wangyi.ratio|nil, string|nil
function stats.percent(part, whole) end

---@param prev number|nil
---@param cur number|nil
---@return wangyi.ratio|nil, string|nil
function stats.percent_drop(prev, cur) end

---@param prev number|nil
---@param cur number|nil
---@return wangyi.ratio|nil, string|nil
function stats.percent_rise(prev, cur) end

---@param r wangyi.ratio
---@return number
function stats.value(r) end

---@param r wangyi.ratio
---@param limit number
---@return -1|0|1
function stats.compare(r, limit) end

---@param list any[]
---@param of? string|fun(item: any): number|nil
---@return number
function stats.sum(list, of) end

---@param list number[]
---@return number|nil
function stats.mean(list) end

---@param list number[]
---@return number|nil
function stats.median(list) end

---@class wangyi.std.text 写进告警的文字
local text = {}

---@param x number
---@param digits? integer 默认 2
---@return string "1,234.5"
function text.number(x, digits) end

---@param x number
---@return string "86,000元"
function text.yuan(x) end

---@param x number
---@return string "135万元"
function text.money(x) end

---@param r wangyi.ratio|number
---@param digits? integer 默认 1
---@return string "17.1%"
function text.percent(r, digits) end

---@param month string
---@return string "2020年7月"
function text.month(month) end

---@param s string
---@return integer 字数
function text.len(s) end

---@param s string
---@param n integer
---@return string
function text.cut(s, n) end

---@param s any
---@return string
function text.trim(s) end

---@param s any
---@return boolean
function text.is_blank(s) end

---@param s string
---@param separator string
---@return string[]
function text.split(s, separator) end

---@param s string
---@param prefix string
---@return boolean
function text.starts_with(s, prefix) end

---@param items string[]
---@param max? integer
---@return string
function text.list(items, max) end

---@param items any[]|nil
---@param value any
---@return boolean
function text.contains(items, value) end

---@class wangyi.std.enterprise 八必访共用
---@field HOME string 本街道区划代码
local enterprise = {}

---@param ctx wangyi.ctx
---@param ent_id string|nil
---@return wangyi.row|nil 最新快照
function enterprise.latest(ctx, ent_id) end

---@param ent wangyi.row|nil
---@param ent_id? string
---@return string
function enterprise.name(ent, ent_id) end

---@param ent wangyi.row
---@param date string
---@return boolean 核实豁免到该日仍有效
function enterprise.is_exempt(ent, date) end

---@param ctx wangyi.ctx
---@param ent_id string
---@return number 近12月归属本街道的税收
function enterprise.tax_12m(ctx, ent_id) end

---@param code string|nil
---@return string 街道名称
function enterprise.street(code) end

---@class wangyi.std.standing 一个对象同一时候只挂一件的告警
local standing = {}

--- 对象 name 现在该挂的是 key（nil：不该挂）。先前挂着的若是另一件，就销掉，并记住现在这件（ctx:get、ctx:set）。
--- key 里带着起算日的（“上次走访日”）用它：起算日换了，旧的随即办结。
---@param ctx wangyi.ctx
---@param name string
---@param key string|nil
---@param reason string
function standing.keep(ctx, name, key, reason) end

---@class wangyi.std.office 机构表里的编号和名字
local office = {}

---@param id string|nil
---@return boolean 是本街道的科室或中心
function office.is_known(id) end

---@param id string|nil
---@return string 名字；不在表里的给编号，没有编号的给“不详”
function office.name(id) end

---@param id string
---@return string 红茶议事会里一个角色的名字；不在表里的给编号
function office.council_role(id) end

---@class wangyi.std.camera 城市眼事件：哪些算数、怎样连成一段、叫什么名字
---@field FOREVER string 比什么时候都晚：同 within 一起写 upto = camera.FOREVER，就连以后的也取
local camera = {}

---@class wangyi.episode 一段：同一点位（或商户）、同一种类，从第一条到 end（或断开）；时刻都是秒数
---@field id string 第一条的事件编号
---@field camera? string 第一条的探头编号
---@field communities? string[]
---@field from number 第一条
---@field to number 最近一条（end 不算）
---@field over? number end 的时刻；没有就是还没结束
---@field mark? any 场景自己的记号，重连之后还在

---@class wangyi.camera_run
---@field list wangyi.episode[] 由早到晚；过了 days 天的不留
---@field at? number 算数的事件里最晚的一条
---@field rebuilt? boolean 这一次是从记录重连的
---@field gone? wangyi.episode[] 重连之后不再成立、而场景做过记号的

---@class wangyi.camera_follow
---@field field "place_id" | "shop_id"
---@field id string
---@field type string 事件种类
---@field days integer 往回看几天
---@field gap_min? number 前后两条相隔超过几分钟算断开；不写则开到 end 为止
---@field accept? fun(event: wangyi.row): boolean 这条算不算（置信度之外的条件）
---@field keep? fun(episode: wangyi.episode): boolean 过去的段要不要留；不写都留（最多 300 段）。做了记号的总留着
---@field version? string 影响连法和留法的东西；变了就从记录重连
---@field changed? boolean 事件撤回了
---@field each? fun(event: wangyi.row, episode: wangyi.episode, run: wangyi.camera_run, at: number) 逐条判断：手头这条；重连时是它那天及以后的各条

--- 手头的事件来了：接到它的段上。先后来的只看最后一段；迟到的、改过的、撤回的从记录重连。与它无关（置信度不够等）返回 nil。
--- 要有参数 min_confidence。场景做了记号之后用 camera.remember 记下。
---@param ctx wangyi.ctx
---@param row wangyi.row
---@param o wangyi.camera_follow
---@return wangyi.camera_run|nil
function camera.follow(ctx, row, o) end

---@param ctx wangyi.ctx
---@param field "place_id" | "shop_id"
---@param id string
---@param event_type string
---@return wangyi.camera_run|nil 先前连好的各段
function camera.recall(ctx, field, id, event_type) end

---@param ctx wangyi.ctx
---@param field "place_id" | "shop_id"
---@param id string
---@param event_type string
---@param run wangyi.camera_run
function camera.remember(ctx, field, id, event_type, run) end

--- 开始于 at 当天及之前 days 天以内的段有几个。
---@param list wangyi.episode[]
---@param days integer
---@param at number
---@param only? fun(episode: wangyi.episode): boolean
---@return integer
function camera.begun_within(list, days, at, only) end

---@param episode wangyi.episode
---@param at number
---@return number 到 at 为止已有几分钟；结束了的算到结束
function camera.minutes(episode, at) end

---@param seconds number
---@return integer 1970-01-01 起的（东八区）天数
function camera.day(seconds) end

---@param event_type string
---@return string 数据字典里的中文名
function camera.type_name(event_type) end

--- 人工上报的都算；智能识别的要够 settings.min_confidence，没有置信度的不算。
---@param event wangyi.row
---@param settings table<string, any>
---@return boolean
function camera.is_sure(event, settings) end

--- 同 is_sure，用于手头这条：判断留在痕迹里。
---@param event wangyi.row
---@param ctx wangyi.ctx
---@return boolean
function camera.check_sure(event, ctx) end

--- 同一个 key 判断了几次的，留级别最高的。
---@param verdicts table<string, wangyi.alert_args>
---@param args wangyi.alert_args
function camera.note(verdicts, args) end

--- 重新判断过的各件：挂着的级别比该有的高（或不该报），先撤回；没报的、级别升高的，照新的报；已办结的不打开。
---@param ctx wangyi.ctx
---@param verdicts table<string, wangyi.alert_args>
---@param keys table<string, any> 重新判断过的 key
---@param hand? string 手头这条所在的 key：照常报
function camera.agree(ctx, verdicts, keys, hand) end

---@param ctx wangyi.ctx
---@param camera_id string|nil
---@param place_id string|nil
---@return string 点位的名字
function camera.place_name(ctx, camera_id, place_id) end

---@param episode wangyi.episode
---@return string[]|nil ctx:alert 的 about
function camera.about(episode) end

---@class wangyi.std.example 写样例用的
local example = {}

--- 把 more 里的字段写进 base 再交回；值写成 "" 的字段去掉（缺值）。
---@param base table<string, any>
---@param more? table<string, any>
---@return table<string, any>
function example.with(base, more) end

return { camera = camera, calendar = calendar, stats = stats, text = text, enterprise = enterprise, standing = standing, office = office,
         example = example }
