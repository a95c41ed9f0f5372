/* The demo's places: the nine communities of the street with invented estates, buildings, shops and devices. */
#include <stdio.h>

#include "cli/demo_impl.h"

const char *const demo_communities[DEMO_COMMUNITIES] = {
    "dahulu",         "zijing_jiayuan", "changzhengqiao", "xiaohe",       "mingzhengong",
    "dongjia_xincun", "suopoqiao",      "yuhangtanglu",   "tanghe_xincun"};
static const char *const names[DEMO_COMMUNITIES] = {"大浒路", "紫荆家园", "长征桥",
                                                    "小河",   "明真宫",   "董家新村",
                                                    "娑婆桥", "余杭塘路", "塘河新村"};
static const char *const estate_words[] = {"东苑", "西苑", "南里", "北里", "新园"};

static const char *community(unsigned i)
{
    return demo_communities[i % DEMO_COMMUNITIES];
}

static void communities(struct demo_sink *s)
{
    for (unsigned i = 0; i < DEMO_COMMUNITIES; i++) {
        demo_put(s, "community",
                 "{'community_id':'%s','name':'%s社区','population':%u,'households':%u}",
                 demo_communities[i], names[i], 5200 + demo_draw(30, i, 4000),
                 2100 + demo_draw(31, i, 1500));
        for (unsigned g = 0; g < 4; g++)
            demo_put(s, "grid", "{'grid_id':'G%u%u','community_id':'%s','worker_id':'W%u%u'}",
                     i + 1, g + 1, demo_communities[i], i + 1, g + 1);
    }
}

/* Twelve flats use what flats use; one of them three times as much. */
static void meters(struct demo_sink *s, unsigned estate)
{
    for (unsigned h = 0; h < 12; h++) {
        demo_put(s, "utility_month",
                 "{'account_id':'YS%02u%u','month':'2020-03','subject_type':'house','subject_"
                 "id':'H%02u%u','kind':'water','usage':%u}",
                 estate, h, estate, h, h == 4 ? 29 : 8 + h % 3);
        demo_put(s, "utility_month",
                 "{'account_id':'YD%02u%u','month':'2020-03','subject_type':'house','subject_"
                 "id':'H%02u%u','kind':'electric','usage':%u}",
                 estate, h, estate, h, h == 4 ? 460 : 130 + h * 3);
    }
}

static void estates(struct demo_sink *s)
{
    for (unsigned i = 0; i < DEMO_ESTATES; i++) {
        demo_put(s, "estate",
                 "{'estate_id':'E%02u','name':'%s%s','community_id':'%s','households':%u,'has_"
                 "committee':%s,"
                 "'property_company_id':'W%u','is_old':%s}",
                 i, names[i % DEMO_COMMUNITIES], estate_words[i / DEMO_COMMUNITIES],
                 community(i), 180 + demo_draw(32, i, 900),
                 demo_draw(33, i, 3) ? "true" : "false", 1 + demo_draw(34, i, 8),
                 demo_draw(35, i, 2) ? "true" : "false");
        demo_put(s, "owners_committee",
                 "{'estate_id':'E%02u','term_end':'%u-%02u-28','election_stage':'none'}", i,
                 i == 3 ? 2020 : 2021 + demo_draw(36, i, 3),
                 i == 3 ? 5 : 1 + demo_draw(37, i, 12));
        demo_put(s, "property_contract",
                 "{'estate_id':'E%02u','company_id':'W%u','end_on':'%u-12-31','renewal_stage':'"
                 "none'}",
                 i, 1 + demo_draw(34, i, 8), 2020 + demo_draw(38, i, 3));
        demo_put(s, "elevator",
                 "{'elevator_id':'DT%02u','estate_id':'E%02u','community_id':'%s','inspect_"
                 "valid_to':'2020-%02u-15'}",
                 i, i, community(i), 7 + demo_draw(39, i, 6));
        demo_put(s, "maintenance",
                 "{'elevator_id':'DT%02u','done_on':'2020-%02u-%02u','company_id':'WB%u'}", i,
                 i ? 4 : 3, i ? 1 + demo_draw(40, i, 7) : 20, 1 + i % 3);
        demo_put(
            s, "waste_check",
            "{'check_id':'LJ%03u','estate_id':'E%02u','community_id':'%s',"
            "'checked_at':'2020-04-08T09:%02u:00+08:00','bags_checked':50,'bags_correct':%u}",
            i, i, community(i), i, i == 2 ? 40 : 44 + demo_draw(41, i, 6));
        for (unsigned h = 0; h < (i == 5 ? 12 : 6); h++)
            demo_put(s, "house",
                     "{'house_id':'H%02u%u','estate_id':'E%02u','community_id':'%s','building_"
                     "no':'%u',"
                     "'area_m2':%u,'rooms':%u,'use':'%s'}",
                     i, h, i, community(i), h + 1, 48 + demo_draw(42, i * 6 + h, 70), 1 + h % 3,
                     h % 3 ? "self" : "rent");
        if (i == 5) /* one estate with meters in every flat */
            meters(s, i);
    }
}

static void buildings(struct demo_sink *s)
{
    static const char *const kinds[] = {"大厦", "中心", "商务楼", "产业园"};
    for (unsigned i = 0; i < DEMO_BUILDINGS; i++)
        demo_put(s, "building",
                 "{'building_id':'B%02u','name':'%s%u号%s','community_id':'%s','area_m2':%u,'"
                 "is_key':%s}",
                 i, names[i % DEMO_COMMUNITIES], i / DEMO_COMMUNITIES + 1, kinds[i % 4],
                 community(i), 3000 + demo_draw(43, i, 20) * 900, i < 12 ? "true" : "false");
}

static void streets(struct demo_sink *s)
{
    static const char *const roads[] = {"登云路", "小河路", "余杭塘路", "湖州街",  "长征桥路",
                                        "丽水路", "大浒路", "和睦路",   "莫干山路"};
    static const char *const shops[] = {"小吃店", "便利店", "水果店",
                                        "理发店", "五金店", "药店"};
    for (unsigned i = 0; i < 27; i++)
        demo_put(s, "road_segment",
                 "{'segment_id':'R%02u','name':'%s%u段','community_id':'%s','sensitive':%s}", i,
                 roads[i % 9], i / 9 + 1, community(i), i % 5 ? "false" : "true");
    for (unsigned i = 0; i < 120; i++)
        demo_put(s, "shop",
                 "{'shop_id':'SH%03u','name':'示例%s%u','community_id':'%s','grid_id':'G%u%u','"
                 "segment_id':'R%02u',"
                 "'contact_key':'SK%03u'}",
                 i, shops[i % 6], i / 6 + 1, community(i), i % 9 + 1, i % 4 + 1, i % 27, i);
    for (unsigned i = 0; i < 60; i++)
        demo_put(
            s, "camera",
            "{'camera_id':'C%03u','place_id':'PT%03u','name':'%s点位%u','lon':%.5f,'lat':%.5f,"
            "'community_id':'%s','grid_id':'G%u%u','segment_id':'R%02u','place_kind':'%s'}",
            i, i, roads[i % 9], i / 9 + 1, 120.118 + i % 10 * 0.002, 30.302 + i / 10 * 0.003,
            community(i), i % 9 + 1, i % 4 + 1, i % 27, i % 6 ? "street" : "estate");
    for (unsigned i = 0; i < 60; i++)
        demo_put(s, "place",
                 "{'place_id':'PL%03u','kind':'%s','name':'示例场所%u','community_id':'%s','"
                 "grid_id':'G%u%u',"
                 "'risk_grade':'%c','open':true,'listed_on':'2018-%02u-01'}",
                 i, i % 2 ? "餐饮" : "住宿", i + 1, community(i), i % 9 + 1, i % 4 + 1,
                 i == 3 ? 'A' : 'B' + (char)(i % 2), i % 12 + 1);
    for (unsigned i = 0; i < 60; i++)
        demo_put(s, "inspection",
                 "{'inspection_id':'JD%03u','target_type':'place','target_id':'PL%03u','"
                 "inspected_at':'2020-%sT14:%02u:00+08:00','result':'pass','hazard_level':'"
                 "none'}",
                 i, i,
                 i == 3  ? "02-28"
                 : i % 2 ? "04-02"
                         : "04-07",
                 i);
}

static void devices(struct demo_sink *s)
{
    static const char *const kinds[] = {"smoke",    "water_meter", "door",
                                        "electric", "noise",       "elevator_box"};
    for (unsigned i = 0; i < 90; i++)
        demo_put(s, "device",
                 "{'device_id':'D%03u','kind':'%s','subject_type':'house','subject_id':'H%02u%"
                 "u','estate_id':'E%02u','building_no':'%u','community_id':'%s'}",
                 i, kinds[i % 6], i % DEMO_ESTATES, i % 6, i % DEMO_ESTATES, i % 6 + 1,
                 community(i));
    demo_put(s, "device",
             "{'device_id':'D090','kind':'smoke','subject_type':'estate','subject_id':'E06','"
             "estate_id':'E06','building_no':'3','community_id':'suopoqiao','last_heartbeat_at'"
             ":'2020-04-08T20:00:00+08:00'}");
    demo_put(s, "device",
             "{'device_id':'DTX4','kind':'elevator_box','subject_type':'elevator','subject_id':"
             "'DT04','estate_id':'E04','building_no':'1','community_id':'mingzhengong'}");
    demo_put(s, "device",
             "{'device_id':'JS1','kind':'flood','subject_type':'segment','subject_id':'R05','"
             "community_id':'dongjia_xincun'}");
    demo_put(s, "device",
             "{'device_id':'ZS1','kind':'noise','subject_type':'site','subject_id':'GD1','"
             "community_id':'changzhengqiao'}");
    for (unsigned i = 0; i < 48; i++) {
        demo_put(s, "river_sample",
                 "{'section_id':'HD%u','at':'2020-04-%02uT%02u:00:00+08:00','do_mgl':%.1f,'"
                 "nh3n_mgl':%.2f,"
                 "'codmn_mgl':%.1f,'tp_mgl':%.2f}",
                 i % 2 + 1, 5 + i / 12, i / 2 % 6 * 4, 5.5 + demo_draw(44, i, 20) / 10.0,
                 0.4 + demo_draw(45, i, 40) / 100.0, 3.0 + demo_draw(46, i, 15) / 10.0,
                 0.08 + demo_draw(47, i, 8) / 100.0);
    }
    demo_put(s, "weather_warning",
             "{'warning_id':'QX2020-04-02','kind':'cold','level':'blue','issued_at':'2020-04-"
             "02T16:00:00+08:00',"
             "'lifted_at':'2020-04-04T08:00:00+08:00'}");
}

static void works(struct demo_sink *s)
{
    for (unsigned i = 0; i < 5; i++) {
        demo_put(s, "site",
                 "{'site_id':'GD%u','name':'示例工地%u','community_id':'%s','active':true,'pit_"
                 "depth_m':%.1f}",
                 i, i + 1, community(i * 2), 2.0 + i);
        demo_put(s, "project",
                 "{'project_id':'XM%u','kind':'old_reno','estate_id':'E%02u','community_id':'%"
                 "s','name':'%s%s改造'}",
                 i, i * 7, community(i * 7), names[i * 7 % 9], estate_words[i * 7 / 9]);
        demo_put(s, "project_progress",
                 "{'project_id':'XM%u','node':'survey','planned_on':'2020-02-20','done_on':'"
                 "2020-02-%02u','ratio':0.9}",
                 i, 18 + i);
        if (i == 1) /* should have been shown to the public by now */
            demo_put(s, "project_progress",
                     "{'project_id':'XM1','node':'plan_public','planned_on':'2020-03-28'}");
        demo_put(
            s, "permit",
            "{'permit_id':'XK%u','kind':'night_work','holder_type':'site','holder_id':'GD%u',"
            "'valid_from':'2020-04-01T22:00:00+08:00','valid_to':'2020-04-30T06:00:00+08:00'}",
            i, i);
        demo_put(s, "inspection",
                 "{'inspection_id':'JC%u','target_type':'site','target_id':'GD%u','inspected_"
                 "at':'2020-04-07T10:%02u:00+08:00',"
                 "'result':'pass','hazard_level':'none'}",
                 i, i, i * 9);
    }
}

void demo_make_places(struct demo_sink *s)
{
    communities(s);
    estates(s);
    buildings(s);
    streets(s);
    devices(s);
    works(s);
}
