/* What residents speak of, and the topics that come of it (scenarios 04, 13, 31). */
#include "world.h"

#include "domain/topic.h"

/* --- ctx:keywords ---------------------------------------------------------------------------------- */

/* Tells what was heard as keys of alerts: "停车 l2 p1 o1 c1 s3 tanghe_xincun=2 xiaohe=1". */
#define TELL                                                                                   \
    "  for _, w in ipairs(list) do\n"                                                          \
    "    local places = {}\n"                                                                  \
    "    for id, n in pairs(w.communities) do places[#places + 1] = ' ' .. id .. '=' .. n "    \
    "end\n"                                                                                    \
    "    table.sort(places)\n"                                                                 \
    "    order = order .. w.keyword .. ';'\n"                                                  \
    "    ctx:alert { key = ('%s l%d p%d o%d c%d s%d%s'):format(w.keyword, w.letters, "         \
    "w.petitions,\n"                                                                           \
    "      w.posts, w.cameras, w.senders, table.concat(places)), level = 'blue', title = 't' " \
    "}\n"                                                                                      \
    "  end\n"                                                                                  \
    "  ctx:alert { key = 'order ' .. order, level = 'blue', title = 't' }\n"

#define HEAR(options)                                                                          \
    HOST_SCRIPT("every = { { at = 'daily 06:00', run = function(ctx)\n"                        \
                "  local order, list = '', ctx:keywords " options "\n" TELL "end } },")

#define LETTER(id, at, who, where, words)                                                      \
    "[\"letter\",{\"letter_id\":\"" id "\",\"received_at\":\"2020-07-" at                      \
    "+08:00\",\"community_id\":\"" where "\",\"sender_key\":\"" who "\",\"keywords\":[" words  \
    "]}]"
#define WORD(word, more) "[\"keyword_dict\",{\"keyword\":\"" word "\"," more "}]"
#define CAMERA(id, at, place, event, more)                                                     \
    "[\"camera_event\",{\"event_id\":\"" id "\",\"camera_id\":\"C1\",\"place_id\":\"" place    \
    "\",\"event_type\":\"" event "\",\"occurred_at\":\"2020-07-" at "+08:00\"," more "}]"
#define AT_SIX   "\"at\":\"2020-07-15T06:00:00+08:00\","
#define KEY(key) "{\"key\":\"" key "\",\"level\":\"blue\"}"

static void a_sender_counts_once_a_day_for_a_word_and_source(void **state)
{
    (void)state;
    host_expect(
        HEAR("{ from = '2020-07-08', to = ctx.today }"),
        "{\"given\":[" LETTER("L1", "08T00:00:00", "S1", "xiaohe", "\"停车\",\"停车\"") "," LETTER(
            "L2", "08T23:59:59", "S1", "dahulu",
            "\"停车\"") "," LETTER("L3", "09T00:00:00", "S1", "dahulu",
                                   "\"停车\"") "," LETTER("L4", "09T01:00:00", "S2", "xiaohe",
                                                          "\"停车\",\"噪音\"") ","
                                                                               "[\"petition\",{"
                                                                               "\"petition_"
                                                                               "id\":\"P1\","
                                                                               "\"received_"
                                                                               "at\":\"2020-07-"
                                                                               "09T02:00:00+08:"
                                                                               "00\","
                                                                               "\"subject_"
                                                                               "key\":\"S1\","
                                                                               "\"keywords\":["
                                                                               "\"停车\"],"
                                                                               "\"community_"
                                                                               "id\":"
                                                                               "\"dahulu\"}],"
                                                                               "[\"opinion_"
                                                                               "post\",{\"post_"
                                                                               "id\":\"O1\","
                                                                               "\"posted_at\":"
                                                                               "\"2020-07-"
                                                                               "09T03:00:00+08:"
                                                                               "00\","
                                                                               "\"author_key\":"
                                                                               "\"A1\","
                                                                               "\"keywords\":["
                                                                               "\"停车\"],"
                                                                               "\"community_"
                                                                               "id\":"
                                                                               "\"dahulu\"}]]"
                                                                               "," AT_SIX
                                                                               "\"expect\":"
                                                                               "[" KEY(
                                                                                   "停车 "
                                                                                   "l3 p1 "
                                                                                   "o1 c0 "
                                                                                   "s3 "
                                                                                   "dahulu="
                                                                                   "2 "
                                                                                   "xiaohe="
                                                                                   "2") "," KEY("噪音 l1 p0 "
                                                                                                "o0 c0 s1 "
                                                                                                "xiaohe=1") "," KEY("order 停车;噪音;") "]}");
}

static void the_window_holds_its_start_and_not_its_end(void **state)
{
    (void)state;
#define EDGES                                                                                  \
    "\"given\":[" LETTER("L1", "07T23:59:59", "S1", "xiaohe", "\"a\"") "," LETTER(             \
        "L2", "08T00:00:00", "S2", "xiaohe",                                                   \
        "\"b\"") "," LETTER("L3", "14T23:59:59", "S3", "xiaohe",                               \
                            "\"c\"") "," LETTER("L4", "15T00:00:00", "S4", "xiaohe",           \
                                                "\"d\"") "," LETTER("L5", "15T06:00:00", "S5", \
                                                                    "xiaohe",                  \
                                                                    "\"e\"") "]," AT_SIX
    host_expect(HEAR("{ from = '2020-07-08', to = '2020-07-15' }"),
                "{" EDGES "\"expect\":[" KEY("b l1 p0 o0 c0 s1 xiaohe=1") "," KEY(
                    "c l1 p0 o0 c0 s1 xiaohe=1") "," KEY("order b;c;") "]}");
    host_expect(HEAR("{ within = '6h' }"),
                "{" EDGES "\"expect\":[" KEY("d l1 p0 o0 c0 s1 xiaohe=1") "," KEY(
                    "e l1 p0 o0 c0 s1 xiaohe=1") "," KEY("order d;e;") "]}");
    host_expect(HEAR("{ from = '2020-07-15T00:00:01+08:00', to = '2020-08-01' }"),
                "{" EDGES
                "\"expect\":[" KEY("e l1 p0 o0 c0 s1 xiaohe=1") "," KEY("order e;") "]}");
    host_expect(
        HEAR("{}"),
        "{" EDGES "\"expect\":[" KEY("b l1 p0 o0 c0 s1 xiaohe=1") "," KEY(
            "c l1 p0 o0 c0 s1 "
            "xiaohe=1") "," KEY("d l1 p0 o0 c0 s1 xiaohe=1") "," KEY("e l1 p0 o0 c0 s1 "
                                                                     "xiaohe=1") "," KEY("order"
                                                                                         " "
                                                                                         "b;c;"
                                                                                         "d;"
                                                                                         "e;") "]"
                                                                                               "}");
    host_expect(HEAR("{ from = '2020-07-15', to = '2020-07-01' }"),
                "{" EDGES "\"expect\":[" KEY("order ") "]}");
}

static void words_go_by_the_dictionary_and_stop_words_are_dropped(void **state)
{
    (void)state;
    host_expect(
        HEAR("{ within = '7d' }"),
        "{\"given\":[" WORD("车位", "\"canonical\":\"停车\"") "," WORD(
            "停车",
            "\"canonical\":"
            "\"停车\"") "," WORD("谢谢",
                                 "\"stop\":true") "," WORD("感谢",
                                                           "\"canonical"
                                                           "\":"
                                                           "\"谢谢\"") "," WORD("只有词",
                                                                                "\"category\":"
                                                                                "\"其他\"") "," LETTER("L1",
                                                                                                       "14T08:00:00",
                                                                                                       "S1",
                                                                                                       "xiaohe",
                                                                                                       "\"车位\",\"停车\",\"谢谢\",\"感谢\","
                                                                                                       "\"只有词\",\"生词\"") "," LETTER("L2",
                                                                                                                                         "14T09:00:00",
                                                                                                                                         "S2",
                                                                                                                                         "xiaohe",
                                                                                                                                         "\"车位\"") "]," AT_SIX
                                                                                                                                                     "\"expect\":[" KEY("停车 l2 p0 o0 c0 s2 xiaohe=2") "," KEY("只有词 l1 p0 o0 c0 s1 xiaohe=1") "," KEY(
                                                                                                                                                         "生词 l1 p0 o0 c0 s1 xiaohe=1") "," KEY("order 停车;只有词;生词;") "]}");
}

static void cameras_count_once_a_place_and_day_by_the_kind_of_event(void **state)
{
    (void)state;
    host_expect(
        HEAR("{ within = '7d', cameras = { parking_motor = '车位', bin_overflow = '垃圾' } }"),
        "{\"given\":[" WORD("车位", "\"canonical\":\"停车\"") "," CAMERA(
            "E1", "14T08:00:00", "P1", "parking_motor",
            "\"confidence\":0.8") "," CAMERA("E2",
                                             "14T09:00:00", "P1", "parking_motor", "\"confidence\":0.9") "," CAMERA("E3",
                                                                                                                    "14T09:00:00", "P2", "parking_motor", "\"confidence\":0.9") "," CAMERA("E4", "14T09:00:00", "P3", "parking_motor", "\"confidence\":0.79") "," CAMERA("E5", "14T09:00:00", "P4", "parking_motor", "\"confidence\":0.9,\"phase\":\"end\"") "," CAMERA("E6",
                                                                                                                                                                                                                                                                                                                                                                        "14T09:00:00", "P5", "bin_overflow", "\"report_type\":\"manual\"") "," CAMERA("E7", "14T09:00:00", "P5", "fight", "\"confidence\":0.9") "]," AT_SIX
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "\"expect\":[" KEY("停车 l0 p0 o0 c2 s0") "," KEY("垃圾 l0 p0 o0 c1 s0") "," KEY("order 停车;垃圾;") "]}");
    host_expect(HEAR("{ within = '7d' }"),
                "{\"given\":[" CAMERA("E1", "14T08:00:00", "P1", "parking_motor",
                                      "\"confidence\":0.9") "]," AT_SIX
                                                            "\"expect\":[" KEY("order ") "]}");
}

static void one_community_and_one_keyword_may_be_asked_for(void **state)
{
    (void)state;
#define TALK                                                                                   \
    "\"given\":[" WORD("车位", "\"canonical\":\"停车\"") "," LETTER(                           \
        "L1", "14T08:00:00", "S1", "xiaohe",                                                   \
        "\"车位\",\"噪音\"") "," LETTER("L2", "14T09:00:00", "S2", "dahulu",                   \
                                        "\"停车\"") "]," AT_SIX
    host_expect(HEAR("{ within = '7d', community = 'dahulu' }"),
                "{" TALK
                "\"expect\":[" KEY("停车 l1 p0 o0 c0 s1 dahulu=1") "," KEY("order 停车;") "]}");
    host_expect(HEAR("{ within = '7d', keyword = '车位' }"),
                "{" TALK "\"expect\":[" KEY("停车 l2 p0 o0 c0 s2 dahulu=1 xiaohe=1") "," KEY(
                    "order 停车;") "]}");
}

static void put_letter(struct buf *b, int number, int sender)
{
    buf_printf(
        b,
        "[\"letter\",{\"letter_id\":\"L%d\",\"received_at\":\"2020-07-10T20:00:00+08:00\","
        "\"community_id\":\"tanghe_xincun\",\"sender_key\":\"S%d\",\"keywords\":[\"停车\"]}"
        "],",
        number, sender);
}

/* Nine letters of nine people, two petitions, four posts (scenario 13's own example); then one writer nine times. */
static void the_sections_example(void **state)
{
    (void)state;
    struct buf many = {0}, flood = {0};
    buf_str(&many, "{\"given\":[");
    buf_str(&flood, "{\"given\":[");
    for (int i = 1; i <= 9; i++) {
        put_letter(&many, i, i);
        put_letter(&flood, i, 1);
    }
    for (int i = 1; i <= 2; i++)
        buf_printf(
            &many,
            "[\"petition\",{\"petition_id\":\"P%d\",\"received_at\":\"2020-07-11T20:00:00+"
            "08:00\",\"subject_key\":\"T%d\",\"keywords\":[\"停车\"]}],",
            i, i);
    for (int i = 1; i <= 4; i++)
        buf_printf(&many,
                   "[\"opinion_post\",{\"post_id\":\"O%d\",\"posted_at\":\"2020-07-12T20:00:00+"
                   "08:00\",\"author_key\":\"U%d\",\"keywords\":[\"停车\"]}],",
                   i, i);
    many.n--, flood.n--; /* the last comma */
    buf_str(&many, "]," AT_SIX "\"expect\":[" KEY(
                       "停车 l9 p2 o4 c0 s15 tanghe_xincun=9") "," KEY("order 停车;") "]}");
    buf_str(&flood, "]," AT_SIX "\"expect\":[" KEY(
                        "停车 l1 p0 o0 c0 s1 tanghe_xincun=1") "," KEY("order 停车;") "]}");
    buf_char(&many, 0);
    buf_char(&flood, 0);
    host_expect(HEAR("{ from = '2020-07-08', to = ctx.today }"), many.p);
    host_expect(HEAR("{ from = '2020-07-08', to = ctx.today }"), flood.p);
    buf_free(&many);
    buf_free(&flood);
}

static void misuse_of_keywords_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *options, *said;
    } cases[] = {
        {"{ whithin = '7d' }", "within"},
        {"{ within = '7d', from = '2020-07-01' }", "只能用一种"},
        {"{ to = '2020-07-01' }", "也要写 from"},
        {"{ from = 'gestern' }", "要写日期"},
        {"{ from = '2018-07-01' }", "一次最多数"},
        {"{ within = '3wd' }", "窗口要写"},
        {"{ cameras = { parking_moter = '停车' } }", "parking_motor"},
        {"{ cameras = 7 }", "cameras 要写成"},
        {"{ min_confidence = 'high' }", "min_confidence"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2000];
        snprintf(
            text, sizeof text,
            HOST_SCRIPT("every = { { at = 'daily 06:00', run = function(ctx) local o = %s\n"
                        "  ctx:keywords(o) end } },"),
            cases[i].options);
        host_refuse(text, "{" AT_SIX "\"expect\":[]}", cases[i].said);
    }
}

static void what_is_scanned_is_paid_for(void **state)
{
    (void)state;
    host_refuse(HOST_SCRIPT("every = { { at = 'daily 06:00', run = function(ctx)\n"
                            "  for _ = 1, 1000000 do ctx:keywords { within = '300d' } end\n"
                            "end } },"),
                "{\"given\":[" LETTER("L1", "14T08:00:00", "S1", "xiaohe",
                                      "\"a\"") "]," AT_SIX "\"expect\":[]}",
                "超过");
}

/* Sixty letters of two words: each alert rests on those of its own word, and never on more than fifty. */
static void an_alert_rests_on_the_letters_of_its_word(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct err e = {0};
    struct arena a = {0};
    world_make(&w);
    world_publish(&w, "probe",
                  ON_BUILDING("for _, w in ipairs(ctx:keywords()) do\n"
                              "    ctx:subject('keyword_dict', w.keyword)\n"
                              "    ctx:keywords { keyword = w.keyword }\n"
                              "    ctx:alert { key = w.keyword, level = 'blue', title = 't' }\n"
                              "  end"));
    for (int i = 0; i < 60; i++)
        world_record(
            &w, "letter",
            arena_printf(&a,
                         "{\"letter_id\":\"L%d\",\"received_at\":\"2020-02-28T08:00:00+"
                         "08:00\",\"sender_key\":\"S%d\",\"keywords\":[\"停车\"%s]}",
                         i, i, i < 7 ? ",\"噪音\"" : ""));
    world_record(&w, "building", "{\"building_id\":\"B\"}");
    world_settle(&w);
    static const struct {
        const char *key;
        int reads, more;
    } want[] = {{"停车", 50, 10}, {"噪音", 7, 0}};
    struct view *v = view_open(w.store, &e);
    for (size_t i = 0; i < 2; i++) {
        struct alert al;
        struct entry entry;
        int64_t more = 0;
        if (!alert_get(v, &a, SPAN("probe"), span_of(want[i].key), SEQ_LATEST, &al, &e))
            fail_msg("%s", e.text);
        assert_true(journal_get(v, &a, al.evidence_seq, &entry, &e));
        const struct json *body = json_parse(&a, entry.body, &host_wide, NULL, &e);
        const struct json *evidence = json_get(body, "evidence");
        json_int(json_get(evidence, "reads_more"), &more);
        assert_int_equal(json_count(json_get(evidence, "reads")), want[i].reads);
        assert_int_equal(more, want[i].more);
    }
    view_close(v);
    arena_free(&a);
    world_end(&w);
}

/* --- ctx:topic ------------------------------------------------------------------------------------- */

/* Ticks propose; a later tick tells what topics there are. */
#define PROPOSE(fields)                                                                        \
    HOST_SCRIPT(                                                                               \
        "may = { 'alert', 'topic' },\n"                                                        \
        "every = { { at = 'hourly', run = function(ctx)\n"                                     \
        "  local id = ctx:topic { " fields " }\n"                                              \
        "  ctx:set('id', id) end },\n"                                                         \
        "  { at = 'daily 12:00', run = function(ctx)\n"                                        \
        "  local n = 0\n"                                                                      \
        "  for t in ctx:each('council_topic', {}) do n = n + 1\n"                              \
        "    ctx:alert { key = ('%s %s %s %s %s %s %s %s %s'):format(t.title, t.keyword, "     \
        "t.origin, t.kind, table.concat(t.community_ids or {}, '+'), t.stage,\n"               \
        "      t.stage_entered_at, t.estate_id, t.topic_id == ctx:get('id')), level = "        \
        "'blue', title = 't' } end\n"                                                          \
        "  ctx:alert { key = 'topics ' .. n, level = 'blue', title = 't' } end } },")

static void a_topic_becomes_a_record_once(void **state)
{
    (void)state;
    host_expect(
        PROPOSE("key = 'E1|停车', title = '关于停车的红茶议事', keyword = '停车', kind = "
                "'tripartite', communities = { 'xiaohe', 'dahulu' }, estate_id = 'E1'"),
        "{\"steps\":[{\"at\":\"2020-07-15T10:00:00+08:00\"},{\"at\":\"2020-07-15T11:00:00+"
        "08:00\"},{\"at\":\"2020-07-15T12:00:00+08:00\"}],\"expect\":[" KEY(
            "关于停车的红茶议事 停车 scenario tripartite xiaohe+dahulu drafted "
            "2020-07-15T10:00:00+08:00 E1 true") "," KEY("topics 1") "]}");
}

static void a_new_key_makes_a_new_topic(void **state)
{
    (void)state;
    host_expect(
        PROPOSE("key = ctx.now, title = 't', kind = 'general', origin = 'auto'"),
        "{\"steps\":[{\"at\":\"2020-07-15T10:00:00+08:00\"},{\"at\":\"2020-07-15T11:00:00+"
        "08:00\"},{\"at\":\"2020-07-15T12:00:00+08:00\",\"expect\":[" KEY(
            "t nil auto general  "
            "drafted "
            "2020-07-15T10:00:00+"
            "08:00 nil false") "," KEY("t nil auto general  drafted 2020-07-15T11:00:00+08:00 "
                                       "nil true") "," KEY("topics "
                                                           "2") "]}]"
                                                                "}");
}

/* People have taken it on, or did not want it: proposing it again changes nothing. */
static void what_people_did_with_a_topic_stays(void **state)
{
    (void)state;
    static const char script[] = HOST_SCRIPT(
        "may = { 'alert', 'topic' },\n"
        "on = { building = function(row, ctx)\n"
        "  ctx:topic { key = row.building_id, title = 'again', kind = 'reno' } end,\n"
        "  council_topic = function(row, ctx)\n"
        "  ctx:alert { key = row.title .. ' ' .. row.stage, level = 'blue', title = 't' } end "
        "},");
    char one[900], id[27];
    topic_id(id, SPAN("probe"), SPAN("B"));
    snprintf(
        one, sizeof one,
        "{\"steps\":[{\"given\":[[\"building\",{\"building_id\":\"B\",\"name\":\"1\"}]],"
        "\"at\":"
        "\"2020-07-15T10:00:00+08:00\",\"expect\":[" KEY(
            "again drafted") "]},"
                             "{\"given\":[[\"council_topic\",{\"topic_id\":\"%s\","
                             "\"title\":"
                             "\"again\",\"stage\":"
                             "\"approved\"}],[\"building\",{\"building_id\":\"B\","
                             "\"name\":"
                             "\"2\"}]],\"at\":"
                             "\"2020-07-15T11:00:00+08:00\",\"expect\":[" KEY(
                                 "again "
                                 "drafted") "," KEY("again approved") "]},"
                                                                      "{\"removed\":[["
                                                                      "\"council_topic\",\"%"
                                                                      "s\"]],"
                                                                      "\"at\":\"2020-07-15T12:"
                                                                      "00:00+08:00\"},"
                                                                      "{\"given\":[["
                                                                      "\"building\",{"
                                                                      "\"building_"
                                                                      "id\":"
                                                                      "\"B\",\"name\":\"3\"}]],"
                                                                      "\"at\":"
                                                                      "\"2020-07-15T13:00:00+"
                                                                      "08:00\","
                                                                      "\"expect\":"
                                                                      "[" KEY("again drafted") "," KEY(
                                                                          "again approved") "]}"
                                                                                            "]"
                                                                                            "}",
        id, id);
    host_expect(script, one);
}

static void the_community_of_the_subject_is_the_topics(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT("may = { 'alert', 'topic' },\n"
                    "every = { { at = 'hourly', over = 'estate', run = function(row, ctx)\n"
                    "  ctx:topic { key = row.estate_id, title = row.name, kind = 'reno', "
                    "estate_id = row.estate_id } end } },\n"
                    "on = { council_topic = function(row, ctx)\n"
                    "  ctx:alert { key = row.title .. table.concat(row.community_ids), level = "
                    "'blue', title = 't' } end },"),
        "{\"given\":[[\"estate\",{\"estate_id\":\"E1\",\"name\":\"南\",\"community_id\":"
        "\"xiaohe\"}"
        "],[\"estate\",{\"estate_id\":\"E2\",\"name\":\"北\",\"community_id\":\"dahulu\"}]],"
        "\"at\":\"2020-07-15T10:00:00+08:00\",\"expect\":[" KEY("南xiaohe") "," KEY(
            "北dahulu") "]}");
}

static void misuse_of_topic_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *said;
    } cases[] = {
        {"title = 't', kind = 'general'", "key"},
        {"key = 'k', kind = 'general'", "title"},
        {"key = 'k', title = 't', kind = 'party'", "general、reno 或 tripartite"},
        {"key = 'k', title = 't', kind = 'general', origin = 'manual'", "scenario 或 auto"},
        {"key = 'k', title = 't', kind = 'general', titel = 1", "title"},
        {"key = 'k', title = 't', kind = 'general', communities = 'xiaohe'", "应为列表"},
        {"key = ('k'):rep(181), title = 't', kind = 'general'", "太长"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2000];
        snprintf(text, sizeof text,
                 HOST_SCRIPT("may = { 'alert', 'topic' },\nevery = { { at = 'hourly', run = "
                             "function(ctx) local a = { %s }\n  ctx:topic(a) end } },"),
                 cases[i].fields);
        host_refuse(text, "{" AT_SIX "\"expect\":[]}", cases[i].said);
    }
    host_refuse(
        HOST_SCRIPT("may = { 'alert', 'topic' },\nevery = { { at = 'hourly', run = "
                    "function(ctx) for i = 1, 51 do ctx:topic { key = 'k' .. i, title = "
                    "'t', kind = 'reno' } end end } },"),
        "{" AT_SIX "\"expect\":[]}", "最多提出 50");
}

/* A script may hide the call from the check; not from the host. */
static void what_may_does_not_grant_is_refused_at_run_time_too(void **state)
{
    (void)state;
    host_refuse(HOST_SCRIPT("every = { { at = 'hourly', run = function(ctx) local c = ctx\n"
                            "  c:topic { key = 'k', title = 't', kind = 'reno' } end } },"),
                "{" AT_SIX "\"expect\":[]}", "may");
    host_refuse(HOST_SCRIPT("may = { 'topic' }, every = { { at = 'hourly', run = function(ctx) "
                            "local c = ctx\n"
                            "  c:alert { key = 'k', title = 't', level = 'red' } end } },"),
                "{" AT_SIX "\"expect\":[]}", "may");
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sender_counts_once_a_day_for_a_word_and_source),
        cmocka_unit_test(the_window_holds_its_start_and_not_its_end),
        cmocka_unit_test(words_go_by_the_dictionary_and_stop_words_are_dropped),
        cmocka_unit_test(cameras_count_once_a_place_and_day_by_the_kind_of_event),
        cmocka_unit_test(one_community_and_one_keyword_may_be_asked_for),
        cmocka_unit_test(the_sections_example),
        cmocka_unit_test(misuse_of_keywords_is_named),
        cmocka_unit_test(what_is_scanned_is_paid_for),
        cmocka_unit_test(an_alert_rests_on_the_letters_of_its_word),
        cmocka_unit_test(a_topic_becomes_a_record_once),
        cmocka_unit_test(a_new_key_makes_a_new_topic),
        cmocka_unit_test(what_people_did_with_a_topic_stays),
        cmocka_unit_test(the_community_of_the_subject_is_the_topics),
        cmocka_unit_test(misuse_of_topic_is_named),
        cmocka_unit_test(what_may_does_not_grant_is_refused_at_run_time_too),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
