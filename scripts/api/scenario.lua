---@meta
--- 一个场景 = scenarios/编号.lua，返回这样一张表。文件名就是编号。

---@class wangyi.setting 一个参数；页面据此生成表单
---@field label string 中文名
---@field unit? string 单位
---@field default? number|string|boolean 不写则须写 type，填写之前脚本里读到 nil（如各断面自己的警戒水位）
---@field type? "number" 没有 default 时写
---@field min? number
---@field max? number
---@field choices? string[] 可选值，每项写成 "编号 名字"，如 "ytd 今年累计"；脚本里读到的是编号
---@field per? "community" 可按社区设本地值

---@class wangyi.every 定时运行
---@field at string "5min" "hourly" "daily 07:00" "weekly Mon 08:00" "monthly d10 08:00"
---@field over? string 逐个对象运行：每个对象（最新一条）一次 run(row, ctx)；不写则只运行一次 run(ctx)
---@field where? table<string, string|number|boolean> 只要最新一条满足这些“等于”条件的对象
---@field run fun(row: wangyi.row, ctx: wangyi.ctx) | fun(ctx: wangyi.ctx)

---@class wangyi.limits 各级或统一的时限：visit 首次走访、notify 告知、sign 签收、close 办结
---@field visit? string "1wd" "5wd" "4h"
---@field notify? string
---@field sign? string
---@field close? string

---@class wangyi.life 一个种类（kind）的告警怎样了结；没写的按级别默认
---@field close "auto" | "evidence" | "auto+evidence"
---@field evidence? string[] 办结前要有的反馈："visit"（对应本告警、结果不空的走访）、"note"、"photo"
---@field results? string[] 走访结果限于这些
---@field limits? wangyi.limits | table<wangyi.level, wangyi.limits>
---@field quiet? string 办结后多久内再触发算同一件，如 "72h"
---@field hold? string 条件持续这么久才报，如 "30min" "2h"：从第一次 ctx:alert 起，中间没有 ctx:clear，到时由下一次运行（没有运行也会到点）报出；此前谁也看不到
---@field flap? integer 24 小时内报出超过几次就并成一件（1 至 50）：不再自动办结，反复不计次也不通知（级别升高除外），24 小时没有再报出才照常办结

---@class wangyi.example 例子：装入时逐个运行，有一个不对就不启用
---@field name string 一句话
---@field given? table[] 按到达次序的记录：{ "类型", { 字段 = 值 } }
---@field removed? table[] 随后（在 at 这一刻）撤回的记录：{ "类型", 主键各段… }
---@field at? string 然后时钟停在这里，恰好到点的定时运行一次
---@field settings? table<string, any> 参数的值；按社区设的可写成 { 社区编号 = 值, default = 全街道的值 }
---@field expect? { key: string, level: wangyi.level, kind?: string }[] 此后本场景未了结的告警，不多不少
---@field steps? wangyi.example[] 更长的故事：一步一步，每步可有 given、at、actions、settings、expect

---@class wangyi.scenario
---@field title string 标题
---@field office string 责任科室（org.lua 的编号）
---@field shape? string 规则形态，供人查找：TH 阈值 YOY 同比 JOIN 跨源比对 ABS 该有没有 CNT 计数 AGG 汇总 STATE 期限 DIFF 增减 BURST 突增 LIST 名单 SUS 持续 SCORE 打分
---@field settings? table<string, wangyi.setting>
---@field on? table<string, fun(row: wangyi.row, ctx: wangyi.ctx)> 某类记录到达或变化
---@field removed? table<string, fun(row: wangyi.row, ctx: wangyi.ctx)> 某类记录被撤回或不在全量名单里
---@field every? wangyi.every[]
---@field wake? fun(key: string, data: any, ctx: wangyi.ctx) ctx:wake 定的闹钟到点
---@field life? table<string, wangyi.life> 按种类
---@field reads? string[] 用到的记录类型；限制类的必须写，其余的不写也会从脚本里找出来
---@field may? ("alert"|"topic")[] 可产生的后果，默认 { "alert" }；ctx:alert 要有 "alert"，ctx:topic 要有 "topic"
---@field also? string[] 另外告知的各方
---@field bulk_guard? boolean 一次运行新发超过 200 条时合成一条橙色 bulk_guard|日期
---@field rejudge? table<string, string|table<string, string>> 迟到的记录让谁重判：{ 类型 = "字段" }。over 的对象：字段指向的那个对象在其间的定时判断重做；on 的记录（主键里没有时间的类型，如 petition）：该字段相同、时间在它之后的各条重判，{ petition = "matter_key" }。字段指向的不是 over 对象的编号而是它的另一个字段时写 { meter_reading = { meter_id = "water_meter_id" } }
---@field examples wangyi.example[] 至少一个会报的、一个不会报的
