--- 数据字典：街道各条线的记录类型。改了这里，入库检查、表单、导入预览、“数据迟到”提醒都跟着变。
--
-- 约定：
--   * 字段的先后次序是存储契约：只许在末尾增加，不许插队、改名、改类型、删除。不用的字段留着。
--   * key  主键字段；除时间外的主键合起来是一个“对象”。
--   * time 主键里的时间字段：同一对象取“最新一条”就看它（没有的，对象只有一条当前记录）。
--   * event 事件时间字段（scenarios 1.3）：该字段的时刻（日期则为当天）就是这条记录的时间；没有的用到达时间。
--   * indexes 可按它查找的字段。每多一个，每条记录入库就多写一次，够用即可。
--   * scope 全量更新（mode=full）时圈定“哪一份名单”的字段；没有的，整个类型是一份名单。
--   * cycle 应有的更新节奏：yearly monthly daily hourly realtime，或 change（有变动才来）、each（每办一件来一条）。
--   * owner 责任科室；restricted 只有责任科室和指定网格员可见；sealed 封存，脚本永远读不到。
--   * 只有主键和事件时间必填（标了 optional 的事件时间除外）；别的字段缺了就是“不知道”。
-- 字段类型：string integer number boolean date datetime month strings（文本列表） enum（"代码 中文" 之一：代码入库、给脚本用，中文给人看）。

local function field(name, type, label, more)
  local f = more or {}
  f.name, f.type, f.label = name, type, label
  return f
end
local function str(name, label, more) return field(name, "string", label, more) end
local function int(name, label, unit) return field(name, "integer", label, { unit = unit }) end
local function num(name, label, unit) return field(name, "number", label, { unit = unit }) end
local function bool(name, label) return field(name, "boolean", label) end
local function date(name, label, more) return field(name, "date", label, more) end
local function time(name, label) return field(name, "datetime", label) end
local function month(name, label) return field(name, "month", label) end
local function list(name, label) return field(name, "strings", label) end
local function enum(name, label, choices)
  local codes, labels = {}, {}
  for i, choice in ipairs(choices) do
    codes[i], labels[i] = choice:match "^(%S+) (.+)$"
    assert(codes[i], "选项要写成“代码 中文”：" .. choice)
  end
  return field(name, "enum", label, { choices = codes, choice_labels = labels })
end
local function private(name, label) return str(name, label, { private = true }) end

-- 城市眼事件种类（scenarios 2.H）
local camera_events = {
  "shop_overflow 出店经营", "road_occupy 占道经营", "vendor 游商摊贩", "street_hanging 沿街晾挂",
  "illegal_ad 违规宣传物", "garbage_exposed 暴露垃圾", "bin_overflow 垃圾桶满溢",
  "parking_motor 机动车违停", "parking_nonmotor 非机动车违停", "fire_lane 消防通道占用",
  "ebike_elevator 电动车进电梯", "crowd 人员聚集", "fight 打架斗殴",
}

local types = {
  -- 基础资料 ------------------------------------------------------------------------------------
  { id = "community", label = "社区", source = "公共服务办", owner = "public_service", cycle = "monthly",
    key = { "community_id" },
    fields = { str("community_id", "社区编号"), str("name", "名称"), int("population", "常住人口", "人"),
               int("households", "户数", "户") } },

  { id = "grid", label = "网格", source = "平安办", owner = "safety", cycle = "monthly",
    key = { "grid_id" },
    fields = { str("grid_id", "网格编号"), str("community_id", "社区编号"), str("worker_id", "网格员") } },

  { id = "estate", label = "小区", source = "公共管理办、街道三方办", owner = "public_mgmt", cycle = "monthly",
    key = { "estate_id" },
    fields = { str("estate_id", "小区编号"), str("name", "名称"), str("community_id", "社区编号"),
               int("households", "户数", "户"), bool("has_committee", "有业委会"),
               str("property_company_id", "物业企业"), bool("is_old", "老旧小区") } },

  { id = "building", label = "楼宇", source = "区域发展办", owner = "regional_dev", cycle = "monthly",
    key = { "building_id" },
    fields = { str("building_id", "楼宇编号"), str("name", "名称"), str("community_id", "社区编号"),
               num("area_m2", "建筑面积", "平方米"), bool("is_key", "重点楼宇") } },

  { id = "house", label = "房屋", source = "平安办、公安", owner = "safety", cycle = "monthly",
    key = { "house_id" }, indexes = { "estate_id" },
    fields = { str("house_id", "房屋编号"), str("estate_id", "小区编号"), str("community_id", "社区编号"),
               str("building_no", "幢号"), num("area_m2", "面积", "平方米"), int("rooms", "居室数", "间"),
               enum("use", "用途", { "self 自住", "rent 出租", "vacant 空置", "unknown 不详" }),
               date("whitelist_until", "免检至") } },

  { id = "shop", label = "沿街商户", source = "公共管理办", owner = "public_mgmt", cycle = "monthly",
    key = { "shop_id" },
    fields = { str("shop_id", "商户编号"), str("name", "店名"), str("community_id", "社区编号"),
               str("grid_id", "网格编号"), str("segment_id", "路段编号"), str("contact_key", "联系人代号") } },

  { id = "road_segment", label = "路段", source = "公共管理办", owner = "public_mgmt", cycle = "yearly",
    key = { "segment_id" },
    fields = { str("segment_id", "路段编号"), str("name", "名称"), str("community_id", "社区编号"),
               bool("sensitive", "学校医院周边") } },

  { id = "calendar_day", label = "工作日历", source = "党政办", owner = "party_gov", cycle = "yearly",
    key = { "date" }, time = "date",
    fields = { date("date", "日期"), bool("is_workday", "是工作日") } },

  { id = "dataset", label = "数据目录", source = "综合信息指挥中心", owner = "command_center", cycle = "change",
    key = { "dataset_id" },
    fields = { str("dataset_id", "数据集编号"), str("name", "名称"), str("owner_office", "责任科室"),
               enum("cycle", "更新周期", { "monthly 每月", "daily 每日", "hourly 每小时" }),
               int("min_rows", "最少条数", "条") } },

  { id = "dataset_update", label = "维护记录", source = "各科室", owner = "command_center", cycle = "each",
    key = { "update_id" }, event = "updated_at", indexes = { "dataset_id" },
    fields = { str("update_id", "维护编号"), str("dataset_id", "数据集编号"), time("updated_at", "维护时间"),
               int("rows", "条数", "条"), str("operator_id", "操作人") } },

  { id = "keyword_dict", label = "关键词词典", source = "党政办", owner = "party_gov", cycle = "change",
    key = { "keyword" },
    fields = { str("keyword", "词"), str("canonical", "归并词"), str("category", "类别"),
               str("office", "责任科室"), bool("stop", "停用词") } },

  -- 党建 ----------------------------------------------------------------------------------------
  { id = "party_member", label = "党员", source = "党建办（党员信息系统）", owner = "party_building", cycle = "monthly",
    key = { "member_key" },
    fields = { str("member_key", "党员代号"), str("branch_id", "支部"), str("community_id", "社区编号"),
               enum("status", "状态", { "full 正式党员", "probationary 预备党员", "transferring 转接中", "removed 已出党" }),
               date("probation_end", "预备期满日"), date("extended_to", "延长至"), date("transition_done_on", "转正日"),
               date("transfer_out_on", "转出日"), date("transfer_received_on", "接收日"), month("exempt_until", "免缴至") } },

  { id = "party_dues", label = "党费", source = "党建办", owner = "party_building", cycle = "monthly",
    key = { "member_key", "month" }, time = "month", scope = "month",
    fields = { str("member_key", "党员代号"), month("month", "所属月"), date("paid_on", "缴纳日"),
               num("amount_cny", "金额", "元") } },

  { id = "party_activity", label = "组织生活", source = "党建办", owner = "party_building", cycle = "each",
    key = { "activity_id" }, indexes = { "branch_id" },
    fields = { str("activity_id", "活动编号"), str("branch_id", "支部"), date("held_on", "开展日"),
               list("attendees", "到会党员") } },

  { id = "ent_party", label = "两新党建台账", source = "党建办、党群服务中心", owner = "party_building", cycle = "monthly",
    key = { "ent_id", "as_of" }, time = "as_of", event = "as_of",
    fields = { str("ent_id", "统一社会信用代码"), date("as_of", "截至日"), int("full_members", "正式党员数", "人"),
               enum("coverage", "覆盖方式", { "own 单独组建", "joint 联合组建", "none 未覆盖" }), str("org_id", "党组织"),
               str("instructor_id", "党建指导员") } },

  -- 经济 ----------------------------------------------------------------------------------------
  { id = "enterprise", label = "企业", source = "市场监管、税务（区级数据中枢），扫楼由区域发展办", owner = "regional_dev",
    cycle = "monthly",
    key = { "ent_id", "snapshot_month" }, time = "snapshot_month", scope = "snapshot_month",
    indexes = { "op_subdistrict", "tax_subdistrict", "reg_subdistrict", "snapshot_month" },
    fields = { str("ent_id", "统一社会信用代码"), month("snapshot_month", "快照月"), str("name", "名称"),
               str("reg_subdistrict", "注册地街道"), str("tax_subdistrict", "税收归属街道"),
               str("op_subdistrict", "实际经营地街道"), str("op_building_id", "经营地楼宇"),
               str("community_id", "社区编号"),
               enum("reg_status", "登记状态", { "active 存续", "cancelled 注销", "revoked 吊销", "moved_out 迁出" }),
               date("established_on", "成立日期"), str("industry_code", "行业代码"),
               num("reg_capital_cny", "注册资本", "元"), int("staff_count", "从业人数", "人"),
               list("tags", "标签"), date("exception_until", "核实豁免至") } },

  { id = "exec_roster", label = "高管名册", source = "市场监管", owner = "regional_dev", cycle = "change",
    key = { "ent_id", "as_of" }, time = "as_of", event = "as_of",
    fields = { str("ent_id", "统一社会信用代码"), date("as_of", "截至日"), list("members", "成员（职务:人员代号）") } },

  { id = "ent_change", label = "变更登记", source = "市场监管", owner = "regional_dev", cycle = "daily",
    key = { "change_id" }, event = "changed_on", indexes = { "ent_id" },
    fields = { str("change_id", "变更编号"), str("ent_id", "统一社会信用代码"),
               enum("change_item", "变更事项", { "address 地址", "name 名称", "capital 注册资本", "status 登记状态",
                                             "abnormal_list 经营异常名录" }),
               str("old_value", "变更前"), str("new_value", "变更后"),
               str("old_subdistrict", "原街道"), str("new_subdistrict", "新街道"),
               str("old_community_id", "原社区编号"), str("new_community_id", "新社区编号"),
               date("changed_on", "变更日") } },

  { id = "tax_month", label = "月度税收", source = "税务", owner = "regional_dev", cycle = "monthly",
    key = { "ent_id", "month" }, time = "month", scope = "month", indexes = { "building_id" },
    fields = { str("ent_id", "统一社会信用代码"), month("month", "所属月"), num("tax_cny", "入库税额", "元"),
               str("tax_subdistrict", "税收归属街道"), str("building_id", "楼宇编号"), bool("declared", "已申报") } },

  { id = "ent_income", label = "月度营收", source = "税务、统计", owner = "regional_dev", cycle = "monthly",
    key = { "ent_id", "month" }, time = "month", scope = "month",
    fields = { str("ent_id", "统一社会信用代码"), month("month", "所属月"), num("income_cny", "营业收入", "元") } },

  { id = "utility_month", label = "月用量", source = "供水、供电", owner = "command_center", cycle = "monthly",
    key = { "account_id", "month" }, time = "month", scope = "month", indexes = { "subject_id" },
    fields = { str("account_id", "户号"), month("month", "所属月"),
               enum("subject_type", "用户类别", { "enterprise 企业", "house 房屋" }), str("subject_id", "用户编号"),
               enum("kind", "种类", { "water 用水", "electric 用电", "gas 用气" }), num("usage", "用量", "立方米或千瓦时") } },

  { id = "occupancy", label = "入驻登记（扫楼）", source = "区域发展办、楼宇物业", owner = "regional_dev", cycle = "monthly",
    key = { "occupancy_id" }, indexes = { "ent_id", "building_id" },
    fields = { str("occupancy_id", "入驻编号"), str("building_id", "楼宇编号"), str("room", "房间"),
               str("ent_id", "统一社会信用代码"), str("ent_name", "企业名称"), num("area_m2", "面积", "平方米"),
               int("staff_count", "从业人数", "人"),
               enum("branch_kind", "是否独立核算", { "independent 独立核算", "non_independent 非独立核算" }),
               enum("status", "入驻状态", { "in 在驻", "out 已搬出" }), date("checked_on", "核查日") } },

  { id = "policy", label = "惠企政策", source = "区域发展办", owner = "regional_dev", cycle = "each",
    key = { "policy_id" },
    fields = { str("policy_id", "政策编号"), str("title", "标题"), list("industry_prefixes", "行业代码前缀（空为不限）"),
               list("tags_all", "须有标签"), int("staff_min", "人数下限", "人"), int("staff_max", "人数上限", "人"),
               num("tax_min_cny", "近12月税收下限", "元"), date("established_before", "成立早于"),
               date("valid_from", "生效日"), date("apply_deadline", "申报截止"),
               num("est_benefit_cny", "预计额度", "元") } },

  { id = "policy_claim", label = "政策申领", source = "区域发展办", owner = "regional_dev", cycle = "each",
    key = { "ent_id", "policy_id" }, event = "at",
    fields = { str("ent_id", "统一社会信用代码"), str("policy_id", "政策编号"),
               enum("status", "状态", { "notified 已告知", "applied 已申报", "granted 已兑现", "declined 不申报" }),
               time("at", "时间") } },

  { id = "visit", label = "走访记录", source = "走访人（科室、社区）", owner = "command_center", cycle = "each",
    key = { "visit_id" }, event = "visited_at", indexes = { "subject_id", "alert_key" },
    fields = { str("visit_id", "走访编号"),
               enum("subject_type", "对象类别", { "enterprise 企业", "person 人员", "house 房屋", "place 场所",
                                              "estate 小区" }),
               str("subject_id", "对象编号"), time("visited_at", "走访时间"), str("visitor_id", "走访人"),
               str("alert_key", "对应告警"), str("result", "结果"), str("note", "说明") } },

  -- 民意与议事 ----------------------------------------------------------------------------------
  { id = "letter", label = "居民信箱", source = "小河有用", owner = "party_gov", cycle = "realtime",
    key = { "letter_id" }, event = "received_at", indexes = { "estate_id", "project_id" },
    fields = { str("letter_id", "来信编号"), time("received_at", "收到时间"), str("community_id", "社区编号"),
               str("estate_id", "小区编号"), str("sender_key", "来信人代号"), str("text", "内容"),
               list("keywords", "关键词"), bool("urgent", "紧急"),
               enum("status", "状态", { "new 待受理", "accepted 已受理", "replied 已答复", "closed 已办结" }),
               time("replied_at", "答复时间"),
               bool("satisfied", "满意"), str("project_id", "项目编号") } },

  { id = "petition", label = "信访热线件", source = "党政办（信访）、12345", owner = "party_gov", cycle = "hourly",
    key = { "petition_id" }, event = "received_at",
    indexes = { "matter_key", "house_id", "estate_id", "project_id" },
    fields = { str("petition_id", "件号"),
               enum("channel", "渠道", { "xinfang 信访", "hotline12345 12345热线", "visit 来访", "online 网上" }),
               time("received_at", "收到时间"), time("accepted_at", "受理时间"), time("closed_at", "办结时间"),
               time("extended_to", "延期至"), str("subject_key", "诉求人代号"), str("matter_key", "事项"),
               int("co_signers", "人数（含本人）", "人"), str("community_id", "社区编号"), str("estate_id", "小区编号"),
               str("house_id", "房屋编号"), str("project_id", "项目编号"), str("text", "内容"),
               list("keywords", "关键词"), bool("urgent", "紧急"), bool("satisfied", "满意") } },

  { id = "opinion_post", label = "网络舆情", source = "党政办（舆情监测）", owner = "party_gov", cycle = "hourly",
    key = { "post_id" }, event = "posted_at", indexes = { "topic_key" },
    fields = { str("post_id", "帖子编号"), str("platform", "平台"), time("posted_at", "发布时间"),
               str("author_key", "作者代号"), str("topic_key", "话题簇"), list("keywords", "关键词"),
               num("sentiment", "情绪（-1…1）"), int("reads", "阅读数", "次"), int("shares", "转发数", "次"),
               str("community_id", "社区编号"), time("responded_at", "回应时间") } },

  { id = "council_topic", label = "红茶议题", source = "党政办", owner = "party_gov", cycle = "each",
    key = { "topic_id" }, indexes = { "estate_id", "project_id", "keyword" },
    fields = { str("topic_id", "议题编号"), str("title", "标题"), str("keyword", "关键词"),
               enum("origin", "来源", { "auto 自动生成", "manual 人工提出", "scenario 场景提出" }),
               enum("kind", "类别", { "general 一般", "reno 改造", "tripartite 三方共治" }),
               list("community_ids", "涉及社区"),
               enum("stage", "阶段", { "drafted 已拟", "approved 已批准", "inviting 邀约中", "held 已召开",
                                     "minuted 已出纪要", "planned 已定方案", "publicized 已公示", "implementing 实施中",
                                     "evaluated 已评价", "dropped 已撤销" }),
               time("stage_entered_at", "进入阶段时间"), time("created_at", "建立时间"), str("project_id", "项目编号"),
               str("estate_id", "小区编号") } },

  { id = "council_meeting", label = "议事会", source = "党政办、社区", owner = "party_gov", cycle = "each",
    key = { "meeting_id" }, indexes = { "topic_id" },
    fields = { str("meeting_id", "会议编号"), str("topic_id", "议题编号"),
               enum("mode", "形式", { "online 线上", "offline 线下", "hybrid 线上线下结合" }), time("scheduled_at", "预定时间"),
               time("started_at", "开始时间"), time("ended_at", "结束时间"), list("confirmed_roles", "已确认角色"),
               int("confirmed_count", "已确认人数", "人"), time("minutes_at", "纪要发布时间") } },

  { id = "council_action", label = "落实事项", source = "责任科室", owner = "party_gov", cycle = "each",
    key = { "action_id" }, indexes = { "topic_id" },
    fields = { str("action_id", "事项编号"), str("topic_id", "议题编号"), str("office", "责任科室"),
               str("community_id", "社区编号"), date("due_on", "应完成日"), date("done_on", "完成日"),
               num("score_avg", "平均评分", "分"), int("score_n", "评分人数", "人") } },

  -- 感知 ----------------------------------------------------------------------------------------
  { id = "camera", label = "探头", source = "综合信息指挥中心", owner = "command_center", cycle = "monthly",
    key = { "camera_id" }, indexes = { "segment_id", "community_id" },
    fields = { str("camera_id", "探头编号"), str("place_id", "点位"), str("name", "名称"), num("lon", "经度", "度"),
               num("lat", "纬度", "度"), str("community_id", "社区编号"), str("grid_id", "网格编号"),
               str("segment_id", "路段编号"),
               enum("place_kind", "场所类别", { "street 街面", "school 学校", "hospital 医院", "gov 机关", "square 广场",
                                            "estate 小区", "river 河道" }) } },

  { id = "camera_event", label = "城市眼事件", source = "城市眼算法", owner = "command_center", cycle = "realtime",
    key = { "event_id" }, event = "occurred_at", indexes = { "place_id", "shop_id", "camera_id" },
    fields = { str("event_id", "事件编号"), str("camera_id", "探头编号"), str("place_id", "点位"),
               enum("event_type", "事件种类", camera_events),
               enum("phase", "阶段", { "start 开始", "snapshot 快照", "end 结束" }), time("occurred_at", "发生时间"),
               num("confidence", "置信度"), str("shop_id", "商户编号"), str("plate_key", "车牌代号"),
               int("people_count", "人数", "人"), str("track", "目标轨迹"), str("community_id", "社区编号"),
               str("image_ref", "图片"), enum("report_type", "上报方式", { "ai 智能识别", "manual 人工上报" }) } },

  { id = "device", label = "物联设备", source = "各设备平台", owner = "command_center", cycle = "realtime",
    key = { "device_id" }, indexes = { "subject_id", "estate_id", "kind" },
    fields = { str("device_id", "设备编号"),
               enum("kind", "种类", { "water_meter 水表", "door 门磁", "infrared 红外", "smoke 烟感", "electric 电气监测",
                                    "gas 燃气探测", "noise 噪声监测", "pm10 扬尘监测", "flood 积水监测", "river_level 河道水位",
                                    "elevator_box 电梯监测" }),
               enum("subject_type", "对象类别", { "house 房屋", "site 工地", "section 河道断面", "segment 路段",
                                              "elevator 电梯", "estate 小区" }),
               str("subject_id", "对象编号"), str("estate_id", "小区编号"), str("building_no", "幢号"),
               str("community_id", "社区编号"), time("last_heartbeat_at", "最近心跳"), time("muted_until", "检修静默至") } },

  { id = "meter_reading", label = "远传表读数", source = "供水、供电", owner = "command_center", cycle = "hourly",
    key = { "meter_id", "at" }, time = "at", event = "at",
    fields = { str("meter_id", "表号"), time("at", "时间"), enum("kind", "种类", { "water 水表", "electric 电表" }),
               num("value", "累计读数", "立方米或千瓦时") } },

  { id = "sensor_reading", label = "传感读数", source = "设备平台", owner = "command_center", cycle = "realtime",
    key = { "device_id", "at", "metric" }, time = "at", event = "at",
    fields = { str("device_id", "设备编号"), time("at", "时间"),
               enum("metric", "指标", { "door_open 开门", "motion 有人活动", "noise_db 噪声", "pm10_ugm3 扬尘PM10",
                                      "depth_cm 水深", "level_m 水位", "temp_c 温度" }),
               num("value", "读数") } },

  { id = "device_alarm", label = "设备报警", source = "设备平台", owner = "command_center", cycle = "realtime",
    key = { "alarm_id" }, event = "at", indexes = { "device_id" },
    fields = { str("alarm_id", "报警编号"), str("device_id", "设备编号"),
               enum("alarm_type", "报警种类", { "smoke 烟雾", "overtemp 过热", "gas 燃气泄漏", "trap 困人", "sos 呼救" }),
               time("at", "报警时间"),
               time("restored_at", "恢复时间") } },

  { id = "weather_warning", label = "气象预警", source = "气象", owner = "command_center", cycle = "realtime",
    key = { "warning_id" }, event = "issued_at",
    fields = { str("warning_id", "预警编号"),
               enum("kind", "种类", { "rainstorm 暴雨", "typhoon 台风", "heat 高温", "cold 寒潮" }),
               enum("level", "等级", { "blue 蓝", "yellow 黄", "orange 橙", "red 红" }), time("issued_at", "发布时间"),
               time("lifted_at", "解除时间") } },

  { id = "river_sample", label = "河道水质", source = "治水办自动站（每4小时）", owner = "public_mgmt", cycle = "daily",
    key = { "section_id", "at" }, time = "at", event = "at",
    fields = { str("section_id", "断面编号"), time("at", "采样时间"), num("do_mgl", "溶解氧", "毫克/升"),
               num("nh3n_mgl", "氨氮", "毫克/升"), num("codmn_mgl", "高锰酸盐指数", "毫克/升"),
               num("tp_mgl", "总磷", "毫克/升") } },

  { id = "river_patrol", label = "巡河", source = "河长", owner = "public_mgmt", cycle = "each",
    key = { "patrol_id" }, event = "at", indexes = { "section_id" },
    fields = { str("patrol_id", "巡河编号"), str("section_id", "断面编号"), str("chief_key", "河长代号"),
               time("at", "巡河时间") } },

  -- 人员与服务（受限：只有责任科室和指定网格员可见） ------------------------------------------------
  { id = "resident", label = "居民", source = "公安、民政、残联", owner = "public_service", cycle = "monthly",
    restricted = true, key = { "person_key" }, indexes = { "house_id" },
    fields = { str("person_key", "人员代号"), date("birth_date", "出生日期"), str("house_id", "房屋编号"),
               str("community_id", "社区编号"), enum("hukou", "户籍", { "local 本地户籍", "floating 流动人口" }),
               enum("status", "状态", { "present 在住", "moved_out 已迁出", "deceased 已故" }),
               date("status_date", "状态日期"),
               int("disability_level", "残疾等级（1最重）", "级"), bool("low_income", "低收入"),
               date("registered_on", "居住登记日") } },

  { id = "elder", label = "独居老人档案", source = "公共服务办", owner = "public_service", cycle = "monthly",
    restricted = true, key = { "person_key" }, indexes = { "water_meter_id", "door_device_id" },
    fields = { str("person_key", "人员代号"), str("house_id", "房屋编号"), str("community_id", "社区编号"),
               str("grid_id", "网格编号"), bool("live_alone", "独居"), str("water_meter_id", "水表号"),
               str("door_device_id", "门磁编号"), str("contact_key", "紧急联系人代号"), date("away_until", "外出至") } },

  { id = "benefit_rule", label = "待遇规则", source = "公共服务办", owner = "public_service", cycle = "change",
    restricted = true, key = { "benefit_id" },
    fields = { str("benefit_id", "待遇编号"), str("name", "名称"), int("age_min", "年龄下限", "岁"),
               bool("hukou_required", "须本地户籍"), int("disability_max_level", "残疾等级不低于", "级"),
               bool("low_income_required", "须低收入"), bool("active", "有效") } },

  { id = "benefit_payment", label = "待遇发放", source = "民政、残联", owner = "public_service", cycle = "monthly",
    restricted = true, key = { "person_key", "benefit_id", "month" }, time = "month", scope = "month",
    fields = { str("person_key", "人员代号"), str("benefit_id", "待遇编号"), month("month", "所属月"),
               num("amount_cny", "金额", "元") } },

  { id = "benefit_application", label = "待遇申请", source = "便民服务中心", owner = "public_service", cycle = "each",
    restricted = true, key = { "person_key", "benefit_id" },
    fields = { str("person_key", "人员代号"), str("benefit_id", "待遇编号"), date("applied_on", "申请日"),
               enum("status", "状态", { "pending 审核中", "approved 已批准", "refused 未通过", "waived 本人放弃" }) } },

  { id = "care_target", label = "关爱对象", source = "公共服务办", owner = "public_service", cycle = "monthly",
    restricted = true, key = { "person_key", "category" }, indexes = { "community_id" },
    fields = { str("person_key", "人员代号"),
               enum("category", "类别", { "elder_alone 独居老人", "orphan 孤儿", "low_income 低保",
                                        "disabled_severe 重度残疾", "veteran 退役军人", "bereaved 失独家庭" }),
               str("community_id", "社区编号"), str("grid_id", "网格编号"), date("since", "纳入日") } },

  { id = "special_person", label = "重点服务对象", source = "平安办、卫健、司法", owner = "safety", cycle = "monthly",
    restricted = true, key = { "person_key" },
    fields = { str("person_key", "人员代号"), enum("category", "类别", { "mental 精神障碍", "correction 社区矫正" }),
               int("risk_level", "风险等级（0–5）", "级"), bool("unstable", "病情不稳"), str("community_id", "社区编号"),
               str("grid_id", "网格编号"), date("since", "纳入日"), bool("active", "在管") } },

  { id = "followup", label = "随访", source = "社区医生、司法所", owner = "safety", cycle = "each",
    restricted = true, key = { "followup_id" }, event = "at", indexes = { "person_key" },
    fields = { str("followup_id", "随访编号"), str("person_key", "人员代号"), time("at", "随访时间"),
               enum("result", "结果", { "ok 平稳", "worse 加重", "stopped_medicine 停药", "not_found 未见到" }) } },

  { id = "service_review", label = "政务服务评价", source = "便民服务中心", owner = "service_center", cycle = "each",
    restricted = true, key = { "review_id" }, event = "rated_at", indexes = { "window_id" },
    fields = { str("review_id", "评价编号"), str("window_id", "窗口"), str("item", "事项"), time("rated_at", "评价时间"),
               int("stars", "星级", "星"), time("contacted_at", "回访时间"), time("rectified_at", "整改时间") } },

  -- 小区、场所、项目 ------------------------------------------------------------------------------
  { id = "owners_committee", label = "业委会", source = "街道三方办、社区", owner = "public_service", cycle = "monthly",
    key = { "estate_id" },
    fields = { str("estate_id", "小区编号"), date("term_end", "任期届满"),
               enum("election_stage", "换届阶段", { "none 未启动", "prep_group 成立筹备组", "candidates 推选候选人",
                                                "voting 投票中", "filed 已备案" }) } },

  { id = "property_contract", label = "物业合同", source = "街道三方办", owner = "public_service", cycle = "monthly",
    key = { "estate_id" },
    fields = { str("estate_id", "小区编号"), str("company_id", "物业企业"), date("end_on", "到期日"),
               enum("renewal_stage", "续签阶段", { "none 未启动", "deliberating 商议中", "voted 已表决", "signed 已签约" }) } },

  { id = "estate_ticket", label = "小区微治理事项", source = "社区、物业", owner = "party_building", cycle = "realtime",
    key = { "ticket_id" }, event = "raised_at", indexes = { "estate_id" },
    fields = { str("ticket_id", "事项编号"), str("estate_id", "小区编号"), str("community_id", "社区编号"),
               str("kind", "类别"), time("raised_at", "提出时间"), time("community_ack_at", "社区响应时间"),
               time("committee_ack_at", "业委会响应时间"), time("property_ack_at", "物业响应时间"),
               time("resolved_at", "解决时间"), list("confirm_by", "已确认方") } },

  { id = "waste_check", label = "垃圾分类检查", source = "公共管理办", owner = "public_mgmt", cycle = "daily",
    key = { "check_id" }, event = "checked_at", indexes = { "estate_id" },
    fields = { str("check_id", "检查编号"), str("estate_id", "小区编号"), str("community_id", "社区编号"),
               time("checked_at", "检查时间"), int("bags_checked", "抽检袋数", "袋"), int("bags_correct", "正确袋数", "袋") } },

  { id = "place", label = "九小场所", source = "平安办", owner = "safety", cycle = "monthly",
    key = { "place_id" },
    fields = { str("place_id", "场所编号"), str("kind", "类别"), str("name", "名称"), str("community_id", "社区编号"),
               str("grid_id", "网格编号"), enum("risk_grade", "风险等级", { "A A级", "B B级", "C C级" }),
               bool("open", "在营"),
               date("listed_on", "建档日") } },

  { id = "inspection", label = "检查", source = "平安办、公共管理办", owner = "safety", cycle = "each",
    key = { "inspection_id" }, event = "inspected_at", indexes = { "target_id" },
    fields = { str("inspection_id", "检查编号"),
               enum("target_type", "对象类别", { "place 场所", "site 工地", "elevator 电梯" }),
               str("target_id", "对象编号"), time("inspected_at", "检查时间"),
               enum("result", "结果", { "pass 合格", "hazard 有隐患" }),
               enum("hazard_level", "隐患等级", { "none 无隐患", "general 一般隐患", "major 重大隐患" }),
               date("rectify_due_on", "整改期限"),
               date("recheck_on", "复查日"), enum("recheck_result", "复查结果", { "pass 合格", "fail 不合格" }) } },

  { id = "elevator", label = "电梯", source = "市场监管", owner = "public_mgmt", cycle = "monthly",
    key = { "elevator_id" },
    fields = { str("elevator_id", "电梯编号"), str("estate_id", "小区编号"), str("community_id", "社区编号"),
               date("inspect_valid_to", "检验有效期"), date("inspect_applied_on", "报检日") } },

  { id = "maintenance", label = "电梯维保", source = "维保单位", owner = "public_mgmt", cycle = "each",
    key = { "elevator_id", "done_on" }, time = "done_on", event = "done_on",
    fields = { str("elevator_id", "电梯编号"), date("done_on", "维保日"), str("company_id", "维保单位") } },

  { id = "site", label = "工地", source = "公共管理办", owner = "public_mgmt", cycle = "monthly",
    key = { "site_id" },
    fields = { str("site_id", "工地编号"), str("name", "名称"), str("community_id", "社区编号"), bool("active", "在建"),
               num("pit_depth_m", "基坑深度", "米") } },

  { id = "permit", label = "许可", source = "综合行政执法、住建", owner = "public_mgmt", cycle = "each",
    key = { "permit_id" }, indexes = { "holder_id" },
    fields = { str("permit_id", "许可编号"),
               enum("kind", "种类", { "night_work 夜间施工", "outdoor_display 外摆", "road_occupy 占道", "event 大型活动" }),
               enum("holder_type", "持有人类别", { "site 工地", "shop 商户", "place 场所" }), str("holder_id", "持有人编号"),
               time("valid_from", "有效期起"), time("valid_to", "有效期止"), int("capacity", "核定人数", "人") } },

  { id = "project", label = "改造项目", source = "公共管理办", owner = "public_mgmt", cycle = "change",
    key = { "project_id" }, indexes = { "estate_id" },
    fields = { str("project_id", "项目编号"), enum("kind", "种类", { "old_reno 老旧小区改造", "elevator_add 加装电梯" }),
               str("estate_id", "小区编号"), str("community_id", "社区编号"), str("name", "名称") } },

  { id = "project_progress", label = "项目节点", source = "公共管理办", owner = "public_mgmt", cycle = "each",
    key = { "project_id", "node" }, event = "done_on",
    fields = { str("project_id", "项目编号"),
               enum("node", "节点", { "survey 意愿调查", "council_before 事前议事", "plan_public 方案公示", "vote 表决",
                                    "start 开工", "midterm 中期检查", "council_during 事中议事", "acceptance 验收",
                                    "council_after 事后议事", "handover 移交", "satisfaction 满意度测评" }),
               date("planned_on", "计划日"), date("done_on", "完成日", { optional = true }),
               num("ratio", "比例（0…1）"), int("public_days", "公示天数", "天") } },

  -- 身份（封存：脚本永远读不到，只在有权的人查看或发消息时才对上） ------------------------------------
  { id = "identity", label = "身份信息", source = "各责任科室", owner = "public_service", cycle = "monthly",
    restricted = true, sealed = true, key = { "person_key" },
    fields = { str("person_key", "人员代号"), private("name", "姓名"), private("phone", "电话"),
               private("address", "住址"), private("id_no", "证件号") } },

  -- 信息系统自己的报警（scripts/feeds/alertmanager.lua） -----------------------------------------------
  { id = "system_alert", label = "系统报警", source = "运维监控", owner = "command_center", cycle = "each",
    key = { "alarm_id" }, event = "at", indexes = { "name" },
    fields = { str("alarm_id", "报警编号"), str("name", "名称"),
               enum("severity", "严重程度", { "info 提示", "warning 警告", "critical 严重" }),
               str("instance", "对象"), str("job", "系统"), str("summary", "说明"), time("at", "开始时间"),
               time("restored_at", "恢复时间"), str("link", "链接") } },
}

-- 主键和事件时间必填，不必逐个写；indexes 可省。
for _, t in ipairs(types) do
  local needed = {}
  for _, name in ipairs(t.key) do needed[name] = true end
  if t.event then needed[t.event] = true end
  for _, f in ipairs(t.fields) do
    f.required = needed[f.name] and not f.optional or false
    f.optional = nil
  end
  t.indexes = t.indexes or {}
end

return { types = types }
