/* The demo's people, all invented: residents, members of the party, those looked after, and what they write. */
#include "cli/demo_impl.h"

static const char *community(unsigned i)
{
    return demo_communities[i % DEMO_COMMUNITIES];
}

static void residents(struct demo_sink *s)
{
    static const char *const surnames[] = {"赵", "钱", "孙", "李", "周",
                                           "吴", "郑", "王", "冯", "陈"};
    static const char *const given[] = {"示一", "示二", "示三", "示四",
                                        "示五", "示六", "示七", "示八"};
    for (unsigned i = 0; i < 270; i++)
        demo_put(s, "resident",
                 "{'person_key':'RK%03u','birth_date':'%u-%02u-%02u','house_id':'H%02u%u','"
                 "community_id':'%s',"
                 "'hukou':'%s','status':'present','registered_on':'201%u-05-01'}",
                 i, i % 90 == 9 ? 1938 : 1945 + demo_draw(60, i, 60), 1 + demo_draw(61, i, 12),
                 1 + demo_draw(62, i, 28), i % DEMO_ESTATES, i / DEMO_ESTATES, community(i),
                 i % 4 ? "local" : "floating", i % 9);
    for (unsigned i = 0; i < 60; i++)
        demo_put(s, "identity",
                 "{'person_key':'RK%03u','name':'%s%s','phone':'1990000%04u','address':'"
                 "示例小区%u幢%u室'}",
                 i, surnames[i % 10], given[i % 8], i, i % 12 + 1, 101 + i);
    for (unsigned i = 0; i < 45; i++) {
        demo_put(s, "elder",
                 "{'person_key':'RK%03u','house_id':'H%02u%u','community_id':'%s','grid_id':'G%"
                 "u%u','live_alone':%s,%s'contact_key':'RK%03u'}",
                 i, i % DEMO_ESTATES, i / DEMO_ESTATES, community(i), i % 9 + 1, i % 4 + 1,
                 i % 2 ? "true" : "false", i == 1 ? "'water_meter_id':'SB01'," : "", i + 100);
        demo_put(s, "care_target",
                 "{'person_key':'RK%03u','category':'%s','community_id':'%s','grid_id':'G%u%u',"
                 "'since':'2019-03-01'}",
                 i, i == 3 ? "elder_alone" : "veteran", community(i), i % 9 + 1, i % 4 + 1);
        demo_put(s, "visit",
                 "{'visit_id':'ZF%03u','subject_type':'person','subject_id':'RK%03u','visited_"
                 "at':'2020-%sT10:%02u:00+08:00','visitor_id':'W%u%u','result':'safe'}",
                 i, i,
                 i == 3  ? "03-25"
                 : i % 2 ? "04-07"
                         : "04-03",
                 i, i % 9 + 1, i % 4 + 1);
    }
}

static void party(struct demo_sink *s)
{
    for (unsigned i = 0; i < 180; i++) {
        demo_put(
            s, "party_member",
            "{'member_key':'DY%03u','branch_id':'ZB%02u','community_id':'%s','status':'full'}",
            i, i % 18, community(i));
        for (unsigned m = 1; m <= 3; m++)
            demo_put(s, "party_dues",
                     "{'member_key':'DY%03u','month':'2020-%02u','paid_on':'2020-%02u-%02u','"
                     "amount_cny':%u}",
                     i, m, m, 5 + demo_draw(63, i + m, 15), 10 + demo_draw(64, i, 40));
    }
    for (unsigned m = 1; m <= 3; m++)
        demo_put(s, "party_dues",
                 "{'member_key':'DY900','month':'2020-%02u','paid_on':'2020-%02u-09','amount_"
                 "cny':10}",
                 m, m);
    demo_put(s, "party_member",
             "{'member_key':'DY900','branch_id':'ZB03','community_id':'xiaohe','status':'"
             "probationary','probation_end':'2020-05-02'}");
    demo_put(
        s, "party_member",
        "{'member_key':'DY901','branch_id':'ZB20','community_id':'tanghe_xincun','status':'"
        "full'}");
    demo_put(s, "party_dues",
             "{'member_key':'DY901','month':'2020-01','paid_on':'2020-01-09','amount_cny':20}");
    for (unsigned i = 0; i < 18; i++)
        demo_put(s, "party_activity",
                 "{'activity_id':'HD%02u','branch_id':'ZB%02u','held_on':'2020-03-%02u','"
                 "attendees':['DY%03u','DY%03u']}",
                 i, i, 10 + i, i, i + 18);
}

static void services(struct demo_sink *s)
{
    demo_put(s, "benefit_rule",
             "{'benefit_id':'GL80','name':'高龄补贴','age_min':80,'hukou_required':true,'"
             "active':true}");
    for (unsigned i = 0; i < 30; i++) {
        demo_put(
            s, "benefit_payment",
            "{'person_key':'RK%03u','benefit_id':'GL80','month':'2020-03','amount_cny':200}",
            i);
        demo_put(s, "service_review",
                 "{'review_id':'PJ%03u','window_id':'CK%u','item':'%s','rated_at':'2020-04-%"
                 "02uT10:%02u:00+08:00','stars':%u}",
                 i, i % 6 + 1, i % 2 ? "社保" : "户籍", 1 + i % 8, i, 4 + i % 2);
    }
    for (unsigned i = 0; i < 6; i++) {
        demo_put(s, "special_person",
                 "{'person_key':'RK%03u','category':'%s','risk_level':%u,'unstable':false,'"
                 "community_id':'%s',"
                 "'grid_id':'G%u%u','since':'2019-06-01','active':true}",
                 200 + i, i % 2 ? "correction" : "mental", i % 3, community(i), i % 9 + 1,
                 i % 4 + 1);
        demo_put(s, "followup",
                 "{'followup_id':'SF%u','person_key':'RK%03u','at':'2020-04-0%uT15:00:00+08:00'"
                 ",'result':'ok'}",
                 i, 200 + i, i % 7 + 1);
    }
    demo_put(s, "special_person",
             "{'person_key':'RK206','category':'mental','risk_level':3,'unstable':false,'"
             "community_id':'suopoqiao','grid_id':'G73','since':'2019-06-01','active':true}");
    demo_put(s, "followup",
             "{'followup_id':'SF6','person_key':'RK206','at':'2020-04-06T15:00:00+08:00','"
             "result':'ok'}");
    demo_put(s, "keyword_dict",
             "{'keyword':'停车','category':'城市管理','office':'public_mgmt'}");
    demo_put(
        s, "keyword_dict",
        "{'keyword':'车位','canonical':'停车','category':'城市管理','office':'public_mgmt'}");
}

/* Which offices owe which data, and how often. */
static void catalogue(struct demo_sink *s)
{
    static const struct {
        const char *type, *name, *office, *cycle;
        unsigned rows;
    } sets[] = {
        {"enterprise", "企业快照", "regional_dev", "monthly", 1000},
        {"ent_income", "月度营收", "regional_dev", "monthly", 1000},
        {"tax_month", "月度税收", "regional_dev", "monthly", 1000},
        {"occupancy", "入驻登记", "regional_dev", "monthly", 100},
        {"party_member", "党员名册", "party_building", "monthly", 100},
        {"party_dues", "党费", "party_building", "monthly", 100},
        {"ent_party", "两新党建台账", "party_building", "monthly", 30},
        {"elevator", "电梯", "public_mgmt", "monthly", 30},
        {"waste_check", "垃圾分类检查", "public_mgmt", "daily", 1},
        {"resident", "居民", "public_service", "monthly", 100},
        {"benefit_payment", "待遇发放", "public_service", "monthly", 10},
        {"care_target", "关爱对象", "public_service", "monthly", 10},
        {"place", "九小场所", "safety", "monthly", 30},
        {"house", "房屋", "safety", "monthly", 100},
    };
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++)
        demo_put(s, "dataset",
                 "{'dataset_id':'DS_%s','name':'%s','owner_office':'%s','cycle':'%s','min_rows'"
                 ":%u}",
                 sets[i].type, sets[i].name, sets[i].office, sets[i].cycle, sets[i].rows);
}

static void voices(struct demo_sink *s)
{
    static const char *const texts[] = {"晚上小区门口停车占了消防通道，希望管一管。",
                                        "楼道灯坏了半个月，物业一直没有修。",
                                        "希望加装电梯，老人上楼不方便。",
                                        "垃圾房夏天味道大，能不能移远一点。",
                                        "小河边的健身步道很好，谢谢。",
                                        "孩子放学时段路口希望有人疏导。"};
    static const char *const words[] = {"停车", "物业", "加装电梯", "垃圾", "绿化", "交通"};
    for (unsigned i = 0; i < 48; i++)
        demo_put(s, "letter",
                 "{'letter_id':'XX%04u','received_at':'2020-%02u-%02uT%02u:15:00+08:00','"
                 "community_id':'%s','estate_id':'E%02u',"
                 "'sender_key':'LX%03u','text':'%s','keywords':['%s'],'urgent':false,'status':'"
                 "replied','satisfied':%s}",
                 i, 2 + i / 24, 1 + i % 24, 8 + i % 12, community(i), i % DEMO_ESTATES, i % 31,
                 texts[i % 6], words[i % 6], i % 7 ? "true" : "false");
    for (unsigned i = 0; i < 24; i++)
        demo_put(s, "petition",
                 "{'petition_id':'XF%04u','channel':'hotline12345','received_at':'2020-03-%"
                 "02uT09:20:00+08:00',"
                 "'accepted_at':'2020-03-%02uT11:00:00+08:00','closed_at':'2020-03-%02uT16:00:"
                 "00+08:00','subject_key':'LX%03u',"
                 "'matter_key':'M%02u','co_signers':1,'community_id':'%s','estate_id':'E%02u','"
                 "text':'%s','keywords':['%s']}",
                 i, 1 + i, 1 + i, 3 + i, i % 31, i % 13, community(i), i % DEMO_ESTATES,
                 texts[i % 6], words[i % 6]);
    demo_put(
        s, "petition",
        "{'petition_id':'XF9001','channel':'hotline12345','received_at':'2020-04-02T10:00:"
        "00+08:00','subject_key':'LX901','matter_key':'M91','co_signers':1,'community_id':'"
        "tanghe_xincun','text':'路灯不亮，晚上看不清台阶。','keywords':['路灯']}");
    for (unsigned i = 0; i < 2; i++)
        demo_put(s, "petition",
                 "{'petition_id':'XF910%u','channel':'hotline12345','received_at':'2020-0%"
                 "u-28T20:10:00+08:00','closed_at':'2020-0%u-30T16:00:00+08:00','subject_key':'"
                 "LX902','matter_key':'M92','co_signers':1,'community_id':'dongjia_xincun','"
                 "text':'工地夜里施工，睡不着。','keywords':['施工噪声']}",
                 i, 3, 3);
    demo_put(s, "council_topic",
             "{'topic_id':'YT9','title':'小区停车怎么办','keyword':'停车','origin':'manual','"
             "kind':'general','community_ids':['tanghe_xincun'],'stage':'held','stage_entered_"
             "at':'2020-04-03T20:00:00+08:00','created_at':'2020-03-10T09:00:00+08:00'}");
    for (unsigned i = 0; i < 6; i++)
        demo_put(s, "council_topic",
                 "{'topic_id':'YT%u','title':'%s怎么办','keyword':'%s','origin':'manual','kind'"
                 ":'general',"
                 "'community_ids':['%s'],'stage':'evaluated','stage_entered_at':'2020-03-2%"
                 "uT10:00:00+08:00','created_at':'2020-02-1%uT09:00:00+08:00'}",
                 i, words[i], words[i], community(i), i, i);
    for (unsigned i = 0; i < 45; i++)
        demo_put(s, "estate_ticket",
                 "{'ticket_id':'SX%03u','estate_id':'E%02u','community_id':'%s','kind':'%s',"
                 "'raised_at':'2020-04-0%uT09:00:00+08:00','community_ack_at':'2020-04-0%uT10:"
                 "00:00+08:00','resolved_at':'2020-04-0%uT17:00:00+08:00'}",
                 i, i, community(i), words[i % 6], i % 7 + 1, i % 7 + 1, i % 7 + 2);
}

void demo_make_people(struct demo_sink *s)
{
    residents(s);
    party(s);
    services(s);
    catalogue(s);
    voices(s);
}
