/* What happens while somebody watches the demo: five days of April 2020, one event every few seconds, then a
 * few leaps to the first days of May. Together with what was loaded each of the 38 scenarios speaks at least once
 * (README: which event makes which). */
#include "cli/demo_impl.h"

const struct demo_event demo_events[] = {
    {"2020-04-09T07:55:00+08:00", "meter_reading",
     "{'meter_id':'SB01','at':'2020-04-09T07:55:00+08:00','kind':'water','value':312.180}", -1,
     1},
    {"2020-04-09T08:00:00+08:00", NULL, NULL, -1, 1},
    {"2020-04-09T13:00:00+08:00", "meter_reading",
     "{'meter_id':'SB01','at':'2020-04-09T13:00:00+08:00','kind':'water','value':312.300}", -1,
     1},
    {"2020-04-09T16:46:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-09','members':['legal_rep:P0049','general_manager:P0050','"
     "cfo:P9001','supervisor:P0052']}",
     12, 1},
    {"2020-04-09T16:50:00+08:00", "service_review",
     "{'review_id':'PJ900','window_id':'CK3','item':'社保转移','rated_at':'2020-04-09T16:50:00+"
     "08:00','stars':2}",
     -1, 1},
    {"2020-04-09T16:52:00+08:00", "camera_event",
     "{'event_id':'SJ1901','camera_id':'C007','place_id':'PT007','event_type':'shop_overflow','"
     "phase':'start','occurred_at':'2020-04-09T16:52:00+08:00','confidence':0.93,'shop_id':'"
     "SH007','community_id':'yuhangtanglu','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    /* the story: 8.2 million in March 2019, 6.8 million now; told at the next 10th, 08:00 */
    {"2020-04-09T16:58:00+08:00", "ent_income",
     "{'ent_id':'$','month':'2020-03','income_cny':6800000}", DEMO_STORY, 1},
    {"2020-04-09T17:02:00+08:00", "device_alarm",
     "{'alarm_id':'BJ2701','device_id':'DTX4','alarm_type':'trap','at':'2020-04-09T17:02:00+08:"
     "00'}",
     -1, 1},
    {"2020-04-09T17:06:00+08:00", "ent_change",
     "{'change_id':'BG0409-1','ent_id':'$','change_item':'address','old_value':'登云路示例1号',"
     "'new_value':'上塘路示例9号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105008','changed_on':'2020-04-09'}",
     45, 1},
    {"2020-04-09T17:12:00+08:00", "camera_event",
     "{'event_id':'SJ21#','camera_id':'C020','place_id':'PT020','event_type':'parking_motor','"
     "phase':'snapshot','occurred_at':'2020-04-09T17:#:00+08:00','confidence':0.95,'plate_key':"
     "'CP#','community_id':'changzhengqiao','report_type':'ai','image_ref':'img/demo'}",
     -1, 8},
    {"2020-04-09T17:15:00+08:00", "policy",
     "{'policy_id':'ZC2020-03','title':'高新技术企业复工补助','industry_prefixes':['64','65'],'"
     "tags_all':['高新'],'staff_min':20,"
     "'staff_max':60,'valid_from':'2020-04-09','apply_deadline':'2020-04-24','est_benefit_cny':"
     "50000}",
     -1, 1},
    {"2020-04-09T17:20:00+08:00", "camera_event",
     "{'event_id':'SJ1902','camera_id':'C007','place_id':'PT007','event_type':'shop_overflow','"
     "phase':'snapshot','occurred_at':'2020-04-09T17:12:00+08:00','confidence':0.91,'shop_id':'"
     "SH007','community_id':'yuhangtanglu','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    {"2020-04-09T17:25:00+08:00", "sensor_reading",
     "{'device_id':'JS1','at':'2020-04-09T17:#:30+08:00','metric':'depth_cm','value':17}", -1,
     2},
    {"2020-04-09T17:30:00+08:00", "camera_event",
     "{'event_id':'SJ3301','camera_id':'C031','place_id':'PT031','event_type':'fire_lane','"
     "phase':'start','occurred_at':'2020-04-09T17:30:00+08:00','confidence':0.92,'plate_key':'"
     "CP90','community_id':'mingzhengong','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    {"2020-04-09T18:05:00+08:00", "petition",
     "{'petition_id':'XF9102','channel':'hotline12345','received_at':'2020-04-09T18:05:00+08:"
     "00','subject_key':'LX902','matter_key':'M92','co_signers':1,'community_id':'dongjia_"
     "xincun','text':'夜里又在施工。','keywords':['施工噪声']}",
     -1, 1},
    {"2020-04-09T18:10:00+08:00", "camera_event",
     "{'event_id':'SJ3801','camera_id':'C040','place_id':'PT040','event_type':'crowd','phase':'"
     "start','occurred_at':'2020-04-09T18:08:00+08:00','confidence':0.9,'people_count':45,'"
     "community_id':'mingzhengong','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    {"2020-04-09T18:22:00+08:00", "camera_event",
     "{'event_id':'SJ3802','camera_id':'C040','place_id':'PT040','event_type':'crowd','phase':'"
     "snapshot','occurred_at':'2020-04-09T18:20:00+08:00','confidence':0.9,'people_count':48,'"
     "community_id':'mingzhengong','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    {"2020-04-09T18:30:00+08:00", "meter_reading",
     "{'meter_id':'SB01','at':'2020-04-09T18:30:00+08:00','kind':'water','value':312.420}", -1,
     1},
    {"2020-04-09T19:00:00+08:00", "device_alarm",
     "{'alarm_id':'BJ3401','device_id':'D000','alarm_type':'smoke','at':'2020-04-09T19:00:00+"
     "08:00'}",
     -1, 1},
    {"2020-04-09T20:10:00+08:00", "meter_reading",
     "{'meter_id':'SB01','at':'2020-04-09T20:05:00+08:00','kind':'water','value':312.431}", -1,
     1},
    {"2020-04-09T21:00:00+08:00", "letter",
     "{'letter_id':'XX90#','received_at':'2020-04-09T20:#:00+08:00','community_id':'tanghe_"
     "xincun','estate_id':'E08','sender_key':'LX3#','text':'"
     "晚上回来没地方停车，来来回回找半个小时。','keywords':['停车'],'urgent':false,'status':'"
     "replied','replied_at':'2020-04-09T20:50:00+08:00'}",
     -1, 12},
    {"2020-04-09T23:20:00+08:00", "sensor_reading",
     "{'device_id':'ZS1','at':'2020-04-09T23:#:00+08:00','metric':'noise_db','value':74}", -1,
     3},
    {"2020-04-10T08:00:00+08:00", NULL, NULL, -1, 1},
    {"2020-04-10T08:06:00+08:00", "meter_reading",
     "{'meter_id':'SB01','at':'2020-04-10T08:05:00+08:00','kind':'water','value':312.436}", -1,
     1},
    {"2020-04-10T08:10:00+08:00", "river_sample",
     "{'section_id':'HD1','at':'2020-04-10T08:00:00+08:00','do_mgl':5.6,'nh3n_mgl':1.32,'codmn_"
     "mgl':4.1,'tp_mgl':0.12}",
     -1, 1},
    {"2020-04-10T08:20:00+08:00", "camera_event",
     "{'event_id':'SJ2001','camera_id':'C011','place_id':'PT011','event_type':'garbage_exposed'"
     ",'phase':'start','occurred_at':'2020-04-10T08:20:00+08:00','confidence':0.88,'community_"
     "id':'changzhengqiao','report_type':'ai','image_ref':'img/demo'}",
     -1, 1},
    {"2020-04-10T09:05:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-10','members':['legal_rep:P9002','general_manager:P9003','"
     "cfo:P1207','supervisor:P1208']}",
     301, 1},
    {"2020-04-10T10:20:00+08:00", "ent_change",
     "{'change_id':'BG0410-1','ent_id':'$','change_item':'abnormal_list','new_value':'"
     "未按期公示年报','changed_on':'2020-04-10'}",
     512, 1},
    {"2020-04-10T11:10:00+08:00", "ent_change",
     "{'change_id':'BG0410-2','ent_id':'$','change_item':'address','old_value':'小河路示例3号',"
     "'new_value':'登云路示例20号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105003','old_community_id':'xiaohe','"
     "new_community_id':'changzhengqiao',"
     "'changed_on':'2020-04-10'}",
     88, 1},
    {"2020-04-10T12:10:00+08:00", "river_sample",
     "{'section_id':'HD1','at':'2020-04-10T12:00:00+08:00','do_mgl':5.4,'nh3n_mgl':1.18,'codmn_"
     "mgl':4.0,'tp_mgl':0.13}",
     -1, 1},
    {"2020-04-10T12:30:00+08:00", "opinion_post",
     "{'post_id':'WL#','platform':'论坛','posted_at':'2020-04-10T12:#:00+08:00','author_key':'"
     "ZZ#','topic_key':'旧改停水','keywords':['旧改','停水'],'sentiment':-0.6,'reads':520,'"
     "shares':3,'community_id':'tanghe_xincun'}",
     -1, 12},
    {"2020-04-10T14:00:00+08:00", "elder",
     "{'person_key':'RK001','house_id':'H010','community_id':'zijing_jiayuan','grid_id':'G22','"
     "live_alone':true,'water_meter_id':'SB01','contact_key':'RK101','away_until':'2020-12-31'"
     "}",
     -1, 1},
    {"2020-04-10T14:30:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-10','members':['legal_rep:P9004','general_manager:P2562','"
     "cfo:P2563','supervisor:P2564']}",
     640, 1},
    {"2020-04-10T15:20:00+08:00", "ent_change",
     "{'change_id':'BG0410-3','ent_id':'$','change_item':'capital','old_value':'500万元','new_"
     "value':'1000万元','changed_on':'2020-04-10'}",
     19, 1},
    {"2020-04-10T16:30:00+08:00", "estate_ticket",
     "{'ticket_id':'SX900','estate_id':'E06','community_id':'suopoqiao','kind':'违建车库','"
     "raised_at':'2020-04-09T15:00:00+08:00','community_ack_at':'2020-04-09T15:40:00+08:00'}",
     -1, 1},
    {"2020-04-10T17:35:00+08:00", "followup",
     "{'followup_id':'SF90','person_key':'RK206','at':'2020-04-10T17:30:00+08:00','result':'"
     "worse'}",
     -1, 1},
    {"2020-04-11T09:10:00+08:00", "ent_change",
     "{'change_id':'BG0411-1','ent_id':'$','change_item':'address','old_value':'丽水路示例6号',"
     "'new_value':'石祥路示例2号',"
     "'old_subdistrict':'330105003','new_subdistrict':'330105009','changed_on':'2020-04-11'}",
     1220, 1},
    {"2020-04-12T08:00:00+08:00", NULL, NULL, -1, 1},
    {"2020-04-13T09:15:00+08:00", "exec_roster",
     "{'ent_id':'$','as_of':'2020-04-13','members':['legal_rep:P0309','general_manager:P9005','"
     "cfo:P9006','supervisor:P0312']}",
     77, 1},
    {"2020-04-13T10:00:00+08:00", "ent_change",
     "{'change_id':'BG0413-1','ent_id':'$','change_item':'address','old_value':'文一路示例8号',"
     "'new_value':'余杭塘路示例5号',"
     "'old_subdistrict':'330106004','new_subdistrict':'330105003','new_community_id':'"
     "yuhangtanglu','changed_on':'2020-04-13'}",
     1999, 1},
    {"2020-04-15T09:00:00+08:00", "maintenance",
     "{'elevator_id':'DT#','done_on':'2020-04-15','company_id':'WB1'}", -1, 45},
    {"2020-04-29T09:00:00+08:00", "maintenance",
     "{'elevator_id':'DT#','done_on':'2020-04-29','company_id':'WB1'}", -1, 45},
    {"2020-05-01T09:05:00+08:00", NULL, NULL, -1, 1},
    {"2020-05-03T08:05:00+08:00", NULL, NULL, -1, 1},
    {"2020-05-05T08:05:00+08:00", NULL, NULL, -1, 1},
    {"2020-05-06T08:05:00+08:00", NULL, NULL, -1, 1},
};
const unsigned demo_event_count = sizeof demo_events / sizeof *demo_events;
