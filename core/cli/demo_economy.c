/* The demo's enterprises: calm ones, and the few whose numbers the scenarios will speak of. */
#include <stdio.h>

#include "cli/demo_impl.h"

enum { MONTHS = 25 }; /* 2018-03 … 2020-03 */

struct trade {
    const char *code, *word;
    int income_k; /* usual monthly income, 1000 yuan */
    int tax_permille;
};
static const struct trade trades[] = {
    {"6450", "网络科技", 900, 42},  {"6513", "软件", 1200, 50},
    {"5192", "电子商务", 2400, 30}, {"7249", "企业管理", 500, 45},
    {"5178", "贸易", 1800, 22},     {"7281", "文化创意", 600, 40},
    {"6210", "餐饮管理", 350, 25},  {"4813", "建筑工程", 3200, 28},
    {"7520", "检测技术", 800, 48},  {"5821", "物流", 1500, 26},
};
enum { TRADES = sizeof trades / sizeof *trades };

static const char *const words[] = {"清波", "运河", "拱宸", "桥西", "长征", "浅水", "登云",
                                    "和风", "小满", "谷雨", "云栖", "星桥", "明真", "塘河",
                                    "锦程", "远帆", "方圆", "九章", "同舟", "知行"};
static const char *const marks[] = {"", "一", "二", "汇", "达", "元", "立", "通", "智", "联"};
static const char *const more_marks[] = {"",   "嘉", "晟", "润", "诚",
                                         "瑞", "华", "安", "和", "新"};

const char *demo_credit_code(char out[19], unsigned i)
{
    static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const int org_weight[8] = {3, 7, 9, 10, 5, 8, 4, 2};
    char org[9];
    snprintf(org, sizeof org, "MAY%05u", i % 100000);
    int sum = 0;
    for (int k = 0; k < 8; k++) {
        int value = 0;
        while (digits[value] != org[k])
            value++;
        sum += value * org_weight[k];
    }
    int check = 11 - sum % 11;
    snprintf(out, 19, "91330105%s%c", org, check == 10 ? 'X' : check == 11 ? '0' : '0' + check);
    int total = 0, weight = 1;
    for (int k = 0; k < 17; k++) {
        int value = 0;
        while (set[value] != out[k])
            value++;
        total += value * weight;
        weight = weight * 3 % 31;
    }
    out[17] = set[(31 - total % 31) % 31];
    out[18] = '\0';
    return out;
}

static const struct trade *trade_of(unsigned i)
{
    return i == DEMO_STORY ? &trades[2] : &trades[demo_draw(1, i, TRADES)];
}

const char *demo_enterprise_name(char out[96], unsigned i)
{
    if (i == DEMO_STORY)
        snprintf(out, 96, "示例物联电商有限公司");
    else /* 20 × 10 × 10 names */
        snprintf(out, 96, "示例%s%s%s%s有限公司", words[i % 20], marks[i / 20 % 10],
                 more_marks[i / 200 % 10], trade_of(i)->word);
    return out;
}

/* Income of month m (0 = 2018-03) in yuan: a base, a season, a little growth, a little noise. */
static long income(unsigned i, int m)
{
    static const int season[12] = {88, 76, 100, 98, 101, 104, 99, 97, 103, 105, 112, 117};
    const struct trade *t = trade_of(i);
    int calendar_month = (m + 2) % 12;
    if (i == DEMO_STORY) /* 8.2 million every March */
        return 82000L * season[calendar_month];
    long base = (long)t->income_k * (40 + (long)demo_draw(2, i, 160)) * 10;
    long percent = season[calendar_month] * (100 + m * (long)demo_draw(3, i, 8) / 12);
    long noise = 990 + (long)demo_draw(1000 + (unsigned)m, i, 20);
    return base / 100 * percent / 100 * noise / 1000;
}

/* What went wrong in 2020, in percent of what would have been. */
static int hit(unsigned i, int m)
{
    if (m < 22)
        return 100;
    if (i == 211 || i == 640 || i == 1333)
        return m == 24 ? 78 : 96; /* a bad March */
    if (i == 902 || i == 1710)
        return m == 24 ? 58 : 90; /* a very bad one */
    return 100;
}

static unsigned building_of(unsigned i)
{
    return i == DEMO_STORY ? 2 : demo_draw(5, i, DEMO_BUILDINGS);
}

/* One building whose firms pay less tax this year while their income holds. */
static int tax_hit(unsigned i, int m)
{
    return m >= 22 && building_of(i) == 5 && i % 3 == 0 ? 30 : 100;
}

static const char *community_of(unsigned i)
{
    return i == DEMO_STORY ? "changzhengqiao"
                           : demo_communities[demo_draw(4, i, DEMO_COMMUNITIES)];
}

static bool is_away(unsigned i) /* taxed here, works elsewhere */
{
    return i == 120 || i == 555 || i == 978 || i == 1401;
}

static bool is_taxed_elsewhere(unsigned i)
{
    return i == 77 || i == 808 || i == 1544;
}

static void put_enterprise(struct demo_sink *s, unsigned i, const char *month)
{
    char code[19], name[96];
    const struct trade *t = trade_of(i);
    bool high = demo_draw(6, i, 12) == 0, large = demo_draw(7, i, 20) == 0;
    demo_put(s, "enterprise",
             "{'ent_id':'%s','snapshot_month':'%s','name':'%s','reg_subdistrict':'330105003',"
             "'tax_subdistrict':'%s','op_subdistrict':'%s','op_building_id':'B%02u','community_"
             "id':'%s',"
             "'reg_status':'active','established_on':'%u-%02u-%02u','industry_code':'%s',"
             "'reg_capital_cny':%u,'staff_count':%u,'tags':[%s%s%s]}",
             demo_credit_code(code, i), month, demo_enterprise_name(name, i),
             is_taxed_elsewhere(i) ? "330105009" : "330105003",
             is_away(i) ? "330105008" : "330105003", building_of(i), community_of(i),
             2005 + demo_draw(8, i, 12), 1 + demo_draw(9, i, 12), 1 + demo_draw(10, i, 28),
             t->code, (1 + demo_draw(11, i, 30)) * 500000, 5 + demo_draw(12, i, 160),
             high ? "'高新'" : "", high && large ? "," : "", large ? "'规上'" : "");
}

static void put_months(struct demo_sink *s, unsigned i)
{
    char code[19];
    demo_credit_code(code, i);
    for (int m = 0; m < MONTHS; m++) {
        long cny = income(i, m) * hit(i, m) / 100;
        int year = 2018 + (m + 2) / 12, month = (m + 2) % 12 + 1;
        if (i != DEMO_STORY ||
            m != MONTHS - 1) /* the last one arrives while the demo is played */
            demo_put(s, "ent_income", "{'ent_id':'%s','month':'%d-%02d','income_cny':%ld}",
                     code, year, month, cny);
        demo_put(s, "tax_month",
                 "{'ent_id':'%s','month':'%d-%02d','tax_cny':%ld,'tax_subdistrict':'%s','"
                 "building_id':'B%02u',"
                 "'declared':true}",
                 code, year, month,
                 cny * trade_of(i)->tax_permille / 1000 * tax_hit(i, m) / 100,
                 is_taxed_elsewhere(i) ? "330105009" : "330105003", building_of(i));
    }
}

static void put_occupancy(struct demo_sink *s, unsigned i)
{
    char code[19], name[96];
    bool left = i == 333 || i == 1090;
    if (is_away(i) ||
        (demo_draw(13, i, 10) >= 6 && !left && !is_taxed_elsewhere(i) && i != DEMO_STORY))
        return;
    demo_put(s, "occupancy",
             "{'occupancy_id':'O%04u','building_id':'B%02u','room':'%u%02u室','ent_id':'%s','"
             "ent_name':'%s',"
             "'area_m2':%u,'staff_count':%u,'branch_kind':'independent','status':'%s','checked_"
             "on':'2020-03-%02u'}",
             i, building_of(i), 2 + demo_draw(14, i, 18), 1 + demo_draw(15, i, 12),
             demo_credit_code(code, i), demo_enterprise_name(name, i),
             40 + demo_draw(16, i, 300), 5 + demo_draw(12, i, 40), left ? "out" : "in",
             left ? 20 + i % 7 : 1 + demo_draw(17, i, 28));
}

static void put_roster(struct demo_sink *s, unsigned i)
{
    char code[19];
    demo_put(s, "exec_roster",
             "{'ent_id':'%s','as_of':'2019-%02u-%02u','members':['legal_rep:P%04u','general_"
             "manager:P%04u',"
             "'cfo:P%04u','supervisor:P%04u']}",
             demo_credit_code(code, i), 1 + demo_draw(18, i, 12), 1 + demo_draw(19, i, 28),
             i * 4 + 1, i * 4 + 2, i * 4 + 3, i * 4 + 4);
}

/* Where the party stands in the larger firms: one of them still has to found its branch. */
static void put_party(struct demo_sink *s, unsigned i)
{
    char code[19];
    if (i == 700 || 5 + demo_draw(12, i, 160) >= 50)
        demo_put(s, "ent_party",
                 "{'ent_id':'%s','as_of':'2020-03-31','full_members':%u,'coverage':'%s'}",
                 demo_credit_code(code, i), i == 700 ? 5 : 1 + demo_draw(65, i, 9),
                 i == 700 ? "none" : "joint");
}

static void put_policies(struct demo_sink *s)
{
    demo_put(
        s, "policy",
        "{'policy_id':'ZC2019-11','title':'科技型企业研发补助','industry_prefixes':['64','65'],"
        "'tags_all':['高新'],'valid_from':'2019-06-01','apply_deadline':'2019-12-31','est_"
        "benefit_cny':100000}");
    demo_put(s, "policy",
             "{'policy_id':'ZC2020-01','title':'稳岗社保返还','valid_from':'2020-02-10',"
             "'staff_min':20,'tax_min_cny':100000,'apply_deadline':'2020-03-31','est_benefit_"
             "cny':30000}");
}

void demo_make_economy(struct demo_sink *s)
{
    for (unsigned i = 0; i < DEMO_ENTERPRISES; i++) {
        put_enterprise(s, i, "2020-02");
        put_enterprise(s, i, "2020-03");
    }
    for (unsigned i = 0; i < DEMO_ENTERPRISES; i++)
        put_months(s, i);
    for (unsigned i = 0; i < DEMO_ENTERPRISES; i++) {
        put_occupancy(s, i);
        put_roster(s, i);
        put_party(s, i);
    }
    put_enterprise(s, DEMO_ENTERPRISES, "2020-03"); /* came to the street in March */
    put_policies(s);
}
