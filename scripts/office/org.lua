--- 街道的科室、中心、社区和角色。编号（id）写进记录和告警里，一经使用不要改；名称可以改。
return {
  home   = "330105003",     -- 本街道统计用区划代码；各 *_subdistrict 字段与它比较
  street = "小河街道",

  offices = {
    { id = "party_building", name = "党建办", module = "党建统领" },
    { id = "regional_dev", name = "区域发展办", module = "区域发展" },
    { id = "party_gov", name = "党政办", module = "社情民意" },
    { id = "public_mgmt", name = "公共管理办", module = "公共管理" },
    { id = "public_service", name = "公共服务办", module = "公共服务" },
    { id = "safety", name = "平安办", module = "平安建设" },
    { id = "command_center", name = "综合信息指挥中心", module = "受理·分流·督办" },
    { id = "party_mass_center", name = "党群服务中心" },
    { id = "service_center", name = "便民服务中心" },
  },

  -- 科室之外也会收到告警的各方
  receivers = {
    { id = "community", name = "社区" },
    { id = "grid", name = "网格员" },
    { id = "emergency_contact", name = "紧急联系人" },
    { id = "estate_specialist", name = "小区专员" },
    { id = "property", name = "物业" },
    { id = "committee", name = "业委会" },
    { id = "shop", name = "商家" },
    { id = "enforcement", name = "综合行政执法" },
    { id = "market_reg", name = "市场监管所" },
    { id = "police", name = "派出所" },
    { id = "micro_fire_station", name = "微型消防站" },
    { id = "tripartite", name = "街道三方办" },
    { id = "river_chief", name = "河长" },
    { id = "supervising_leader", name = "分管领导" },
    { id = "main_leader", name = "街道主要领导" },
  },

  -- code 为统计用区划代码的末三位
  communities = {
    { id = "dahulu", name = "大浒路社区", code = "051" },
    { id = "zijing_jiayuan", name = "紫荆家园社区", code = "052" },
    { id = "changzhengqiao", name = "长征桥社区", code = "053" },
    { id = "xiaohe", name = "小河社区", code = "054" },
    { id = "mingzhengong", name = "明真宫社区", code = "055" },
    { id = "dongjia_xincun", name = "董家新村社区", code = "056" },
    { id = "suopoqiao", name = "娑婆桥社区", code = "057" },
    { id = "yuhangtanglu", name = "余杭塘路社区", code = "058" },
    { id = "tanghe_xincun", name = "塘河新村社区", code = "059" },
  },

  -- 本区各街道的统计用区划代码（供文字显示；不在表里的显示代码）
  subdistricts = {
    ["330105001"] = "米市巷街道",
    ["330105002"] = "湖墅街道",
    ["330105003"] = "小河街道",
    ["330105004"] = "和睦街道",
    ["330105005"] = "拱宸桥街道",
    ["330105007"] = "大关街道",
    ["330105008"] = "上塘街道",
    ["330105009"] = "祥符街道",
    ["330105010"] = "康桥街道",
    ["330105011"] = "半山街道",
    ["330105012"] = "天水街道",
    ["330105013"] = "武林街道",
    ["330105014"] = "长庆街道",
    ["330105015"] = "潮鸣街道",
    ["330105016"] = "朝晖街道",
    ["330105017"] = "文晖街道",
    ["330105018"] = "东新街道",
    ["330105019"] = "石桥街道",
  },

  roles = {
    { id = "admin", name = "系统管理员" },
    { id = "leader", name = "街道领导" },
    { id = "office", name = "科室工作人员" },
    { id = "editor", name = "场景维护员" },
    { id = "community", name = "社区工作者" },
    { id = "grid", name = "网格员" },
    { id = "resident", name = "居民" },
    { id = "guest", name = "议事来宾" },
    { id = "machine", name = "系统接口" },
  },

  -- 红茶议事会里的角色
  council_roles = {
    { id = "facilitator", name = "促动师" },
    { id = "clerk", name = "记录员" },
    { id = "community", name = "社区工作者" },
    { id = "estate_specialist", name = "小区专员" },
    { id = "designer", name = "设计师" },
    { id = "supervisor", name = "监理" },
    { id = "tripartite", name = "三方办" },
    { id = "committee", name = "业委会" },
    { id = "property", name = "物业" },
    { id = "representative", name = "居民代表" },
    { id = "resident", name = "居民" },
    { id = "liaison", name = "监察联络员" },
  },
}
