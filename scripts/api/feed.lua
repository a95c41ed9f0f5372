---@meta
--- 一种外来数据格式 = scripts/feeds/名字.lua，返回这样一张表。推送的收在 POST /api/v1/feeds/名字，定时取的写 pull。
--- 与场景同在沙箱里运行：没有文件、网络和时钟，每份数据有指令和内存限额。可 require std.*（std.feed 是为它写的）和 office.*。
--- 改完先 `wangyi feed check 名字`，再“重新读入”；例子有一个不对，原来的那一份继续用。

---@class wangyi.feed_element XML 的一个元素；不认 DOCTYPE
---@field name string 不带前缀
---@field text string 自己的文字，两头空白已去掉
---@field attributes table<string, string>
---@field children wangyi.feed_element[]

---@class wangyi.feed_picture multipart 里的一张图（JPEG、PNG，已按内容的散列存好）
---@field name string
---@field ref string 写进记录的 image_ref；GET /api/v1/pictures/散列 可看

---@class wangyi.feed_message
---@field body any accepts 为 "xml" 时是 wangyi.feed_element，为 "json" 时是那个值
---@field headers table<string, string> content-type 和 ce-*，名字小写
---@field pictures wangyi.feed_picture[]?
---@field received_at string 收到的时间
---@field cursor string? 定时取数：这一页是从哪里取的

--- 一项是三种之一：
---   { "类型", { 字段 = 值 }, once = true? }  一条记录；once：同一主键先到的算数，后来的只计数
---   { ignore = "原因" }                        认得但用不着，如心跳
---   { refuse = "原因", field = "字段"? }       这一条不收，原因告诉对方
---@alias wangyi.feed_item table

---@class wangyi.feed_next 定时取数时 read 的第二个返回值
---@field cursor string? 下次从哪里取；不写则不动
---@field more boolean? 马上还有下一页

---@class wangyi.feed_request
---@field url string 必须与 pull.url 同一主机和端口
---@field headers? table<string, string> 其中的 {secret} 由主机换成保险库里的口令（wangyi feed secret 名字）

---@class wangyi.feed_pull
---@field url string 留空则不取
---@field every string "5min" "hourly" "daily 07:00"
---@field private? boolean 许连内网地址（域名解析出来的）
---@field ca? string 对方证书的签发者，PEM 文件

---@class wangyi.feed_example 例子：装入时逐个运行
---@field name string
---@field xml? string 收到的文字，xml 和 json 写一个
---@field json? string
---@field headers? table<string, string>
---@field pictures? wangyi.feed_picture[]
---@field received_at? string
---@field cursor? string
---@field expect? table[] 应得的记录，{ "类型", { 字段 = 值 } }：写到的字段都要相等
---@field ignored? integer 应略过几项
---@field refused? integer 应拒收几项
---@field unread? string 应整份拒收，原因里要有这几个字
---@field next? string 下次的游标
---@field more? boolean

---@class wangyi.feed
---@field title string
---@field types string[] 会送来哪些类记录；发送者的密钥也要绑定它们
---@field accepts "xml" | "json"
---@field read fun(message: wangyi.feed_message): wangyi.feed_item[]?, string | wangyi.feed_next | nil 返回 nil 和原因：整份不收
---@field request? fun(cursor: string?): wangyi.feed_request 定时取数：下一次问什么
---@field pull? wangyi.feed_pull
---@field examples wangyi.feed_example[]
