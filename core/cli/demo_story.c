/* What happens while somebody watches the demo: five days of April 2020, one event every few seconds. */
#include "cli/demo_impl.h"

const struct demo_event demo_events[] = {
    {"2020-04-09T16:46:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-09','members':['legal_rep:P0049','general_manager:P0050','"
     "cfo:P9001','supervisor:P0052']}",
     12},
    /* the story: 8.2 million in March 2019, 6.8 million now; told at the next 10th, 08:00 */
    {"2020-04-09T16:58:00+08:00", "ent_income",
     "{'ent_id':'$','month':'2020-03','income_cny':6800000}", DEMO_STORY},
    {"2020-04-09T17:06:00+08:00", "ent_change",
     "{'change_id':'BG0409-1','ent_id':'$','change_item':'address','old_value':'登云路示例1号',"
     "'new_value':'上塘路示例9号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105008','changed_on':'2020-04-09'}",
     45},
    {"2020-04-09T17:15:00+08:00", "policy",
     "{'policy_id':'ZC2020-03','title':'高新技术企业复工补助','industry_prefixes':['64','65'],'"
     "tags_all':['高新'],'staff_min':20,"
     "'staff_max':60,'valid_from':'2020-04-09','apply_deadline':'2020-04-24','est_benefit_cny':"
     "50000}",
     -1},
    {"2020-04-10T08:00:00+08:00", NULL, NULL, -1},
    {"2020-04-10T09:05:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-10','members':['legal_rep:P9002','general_manager:P9003','"
     "cfo:P1207','supervisor:P1208']}",
     301},
    {"2020-04-10T10:20:00+08:00", "ent_change",
     "{'change_id':'BG0410-1','ent_id':'$','change_item':'abnormal_list','new_value':'"
     "未按期公示年报','changed_on':'2020-04-10'}",
     512},
    {"2020-04-10T11:10:00+08:00", "ent_change",
     "{'change_id':'BG0410-2','ent_id':'$','change_item':'address','old_value':'小河路示例3号',"
     "'new_value':'登云路示例20号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105003','old_community_id':'xiaohe','"
     "new_community_id':'changzhengqiao',"
     "'changed_on':'2020-04-10'}",
     88},
    {"2020-04-10T14:30:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-10','members':['legal_rep:P9004','general_manager:P2562','"
     "cfo:P2563','supervisor:P2564']}",
     640},
    {"2020-04-10T15:20:00+08:00", "ent_change",
     "{'change_id':'BG0410-3','ent_id':'$','change_item':'capital','old_value':'500万元','new_"
     "value':'1000万元','changed_on':'2020-04-10'}",
     19},
    {"2020-04-11T09:10:00+08:00", "ent_change",
     "{'change_id':'BG0411-1','ent_id':'$','change_item':'address','old_value':'丽水路示例6号',"
     "'new_value':'石祥路示例2号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105009','changed_on':'2020-04-11'}",
     1220},
    {"2020-04-12T08:00:00+08:00", NULL, NULL, -1},
    {"2020-04-13T09:15:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-13','members':['legal_rep:P0309','general_manager:P9005','"
     "cfo:P9006','supervisor:P0312']}",
     77},
    {"2020-04-13T10:00:00+08:00", "ent_change",
     "{'change_id':'BG0413-1','ent_id':'$','change_item':'address','old_value':'文一路示例8号',"
     "'new_value':'余杭塘路示例5号',"
     "'old_subdistrict':'330106004','new_subdistrict':'330105003','new_community_id':'"
     "yuhangtanglu','changed_on':'2020-04-13'}",
     1999},
};
const unsigned demo_event_count = sizeof demo_events / sizeof *demo_events;
