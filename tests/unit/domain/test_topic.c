/* A scenario's proposal becomes one drafted council topic, in the transaction of its outcome. */
#include "play.h"

#include "domain/row.h"
#include "domain/topic.h"

static const char topic_records[] =
    "{'types':[{'id':'council_topic','label':'红茶议题','owner':'party_gov','key':['topic_id'],"
    "'indexes':['keyword'],'fields':[{'name':'topic_id','type':'string','label':'编号'},"
    "{'name':'title','type':'string','label':'标题'},{'name':'keyword','type':'string','label':"
    "'词'},"
    "{'name':'origin','type':'enum','label':'来源','choices':['auto','manual','scenario']},"
    "{'name':'kind','type':'enum','label':'类别','choices':['general','reno','tripartite']},"
    "{'name':'community_ids','type':'strings','label':'社区'},"
    "{'name':'stage','type':'enum','label':'阶段','choices':['drafted','approved']},"
    "{'name':'stage_entered_at','type':'datetime','label':'进入'},"
    "{'name':'created_at','type':'datetime','label':'建立'},"
    "{'name':'project_id','type':'string','label':'项目'},"
    "{'name':'estate_id','type':'string','label':'小区'}]}]}";
static const char topic_manifest[] =
    "{'title':'议题','office':'regional_dev','every':[{'at':'daily 07:00'}],'reads':[],"
    "'may':['alert','topic'],'examples':['x']}";

static void open_street(struct play *p, const char *manifest)
{
    play_open(p);
    struct span records = play_text(p, "%s", topic_records);
    street_unref(p->street);
    play_ok(p, (p->street = street_make(records, span_of(play_org), SPAN_NONE, &p->e)) != NULL);
    play_ok(p, play_publish(p, "s", "return { 2 }", manifest));
}

static bool propose(struct play *p, const char *members)
{
    uint64_t seq = play_record(p);
    return play_judge(
        p, seq,
        play_text(p, "{'do':'topic','cause':%llu,%s}", (unsigned long long)seq, members));
}

static bool stored(struct play *p, const char *key, struct entry *out)
{
    char id[27];
    const struct type *t = dictionary_find(street_dictionary(p->street), SPAN("council_topic"));
    topic_id(id, SPAN("s"), span_of(key));
    p->e = (struct err){0};
    return record_find(p->view, &p->a, t, key_of1(&p->a, span_of(id), NULL), SEQ_LATEST, out,
                       &p->e);
}

static void assert_field(struct play *p, const struct entry *e, const char *name,
                         const char *want)
{
    const struct type *t = dictionary_find(street_dictionary(p->street), SPAN("council_topic"));
    struct row_value v = row_get(t, e->body, type_field(t, span_of(name)));
    struct buf b = {0};
    if (!v.null)
        row_put_text(&b, &v);
    if (!span_eq(buf_view(&b), span_of(want)))
        fail_msg("%s: %.*s", name, (int)b.n, b.n ? b.p : "");
    buf_free(&b);
}

#define GOOD                                                                                              \
    "'key':'K','title':'关于停车的红茶议事','kind':'general','origin':'auto','keyword':'停车'" \
    ","                                                                                                   \
    "'now':'2020-03-10T07:30:00+08:00'"

static void a_proposal_is_one_drafted_record(void **state)
{
    (void)state;
    struct play p;
    struct entry e, again;
    open_street(&p, topic_manifest);
    play_ok(&p, propose(&p, GOOD));
    assert_true(stored(&p, "K", &e));
    assert_field(&p, &e, "title", "关于停车的红茶议事");
    assert_field(&p, &e, "keyword", "停车");
    assert_field(&p, &e, "origin", "auto");
    assert_field(&p, &e, "stage", "drafted");
    assert_field(&p, &e, "stage_entered_at", "2020-03-10T07:30:00+08:00");
    assert_field(&p, &e, "created_at", "2020-03-10T07:30:00+08:00");
    assert_field(&p, &e, "estate_id", "");
    play_at(&p, "2020-03-11T08:00:00+08:00");
    play_ok(&p, propose(&p, "'key':'K','title':'另一个','kind':'reno','origin':'scenario',"
                            "'now':'2020-03-11T07:30:00+08:00'"));
    assert_true(stored(&p, "K", &again));
    assert_int_equal(again.seq, e.seq);
    play_close(&p);
}

static void what_is_not_granted_or_not_sound_is_refused_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "'key':'K','title':'t','kind':'general','origin':'auto'",
        "'key':'K','title':'t','kind':'party','origin':'auto','now':'2020-03-10T07:30:00+08:"
        "00'",
        "'key':'K','title':'t','kind':'reno','origin':'manual','now':'2020-03-10T07:30:00+08:"
        "00'",
        "'key':'K','kind':'reno','origin':'auto','now':'2020-03-10T07:30:00+08:00'",
        "'title':'t','kind':'reno','origin':'auto','now':'2020-03-10T07:30:00+08:00'",
        "'key':'K','title':'t','kind':'reno','origin':'auto','communities':[1],"
        "'now':'2020-03-10T07:30:00+08:00'",
    };
    struct play p;
    struct entry e;
    open_street(&p, topic_manifest);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(propose(&p, bad[i]));
        assert_int_equal(p.e.code, ERR_INPUT);
    }
    assert_false(stored(&p, "K", &e));
    play_close(&p);
    open_street(&p, play_manifest); /* says nothing of topics */
    assert_false(propose(&p, GOOD));
    assert_int_equal(p.e.code, ERR_INPUT);
    assert_false(stored(&p, "K", &e));
    play_close(&p);
}

static void an_id_follows_from_scenario_and_key(void **state)
{
    (void)state;
    char a[27], b[27], c[27], d[27];
    topic_id(a, SPAN("s"), SPAN("K"));
    topic_id(b, SPAN("s"), SPAN("K"));
    topic_id(c, SPAN("s"), SPAN("L"));
    topic_id(d, SPAN("t"), SPAN("K"));
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(a, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_is_one_drafted_record),
        cmocka_unit_test(what_is_not_granted_or_not_sound_is_refused_whole),
        cmocka_unit_test(an_id_follows_from_scenario_and_key),
    };
    return unit_run(tests);
}
