/* Outcome batches: whole or not at all, once, and only from whom the cursor names. */
#include "play.h"

static struct cursor cursor(struct play *p)
{
    struct cursor c;
    assert_true(cursor_get(p->view, SPAN("s"), &c));
    return c;
}

static bool outcome(struct play *p, struct cursor c, unsigned long long to, const char *rest)
{
    return play_outcome(
        p, play_text(p, "{'scenario':'s','version':%llu,'from':%llu,'to':%llu%s}",
                     (unsigned long long)c.version, (unsigned long long)c.seq, to, rest));
}

static bool stored(struct play *p, uint16_t type, const char *key, struct entry *out)
{
    struct span k = key_of2(&p->a, SPAN("s"), span_of(key), &p->e);
    return version_get(p->view, &p->a, type, k, SEQ_LATEST, out, NULL) && out->op == ENTRY_PUT;
}

static void a_repeat_is_refused_whole(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    struct cursor c = cursor(&p);
    unsigned long long to = play_record(&p);
    char rest[200];
    snprintf(rest, sizeof rest,
             ",'effects':[{'do':'alert','cause':%llu,'key':'K','level':'blue','title':'t'}]",
             to);
    play_ok(&p, outcome(&p, c, to, rest));
    uint64_t head = view_head(p.view);
    assert_false(outcome(&p, c, to, rest));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    assert_int_equal(view_head(p.view), head);
    assert_int_equal(cursor(&p).seq, to);
    assert_alert(&p, "K", "new", "blue", 1);
    play_close(&p);
}

static void an_old_version_is_refused(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    struct cursor c = cursor(&p);
    unsigned long long to = play_record(&p);
    play_ok(&p, play_publish(&p, "s", "return {1}", play_manifest));
    assert_int_equal(cursor(&p).seq, c.seq);
    assert_false(outcome(&p, c, to, ""));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    play_ok(&p, outcome(&p, cursor(&p), to, ""));
    play_close(&p);
}

static void bad_outcomes_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{'do':'alert','cause':@,'key':'K','level':'pink','title':'t'}",
        "{'do':'alert','cause':@,'key':'','level':'red','title':'t'}",
        "{'do':'explode','cause':@,'key':'K'}",
        "{'do':'wake','cause':@,'key':'K','at':'tomorrow'}",
        "{'do':'set','cause':1,'key':'K','value':1}",
        "{'do':'set','key':'K','value':1}",
    };
    struct play p;
    play_open(&p);
    unsigned long long to = play_record(&p);
    uint64_t head = view_head(p.view);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char rest[400];
        const char *at = strchr(bad[i], '@'); /* where this cause goes */
        int head_n = at ? (int)(at - bad[i]) : (int)strlen(bad[i]);
        if (at)
            snprintf(rest, sizeof rest,
                     ",'effects':[{'do':'log','cause':%llu,'text':'first'},%.*s%llu%s]", to,
                     head_n, bad[i], to, at + 1);
        else
            snprintf(rest, sizeof rest,
                     ",'effects':[{'do':'log','cause':%llu,'text':'first'},%s]", to, bad[i]);
        assert_false(outcome(&p, cursor(&p), to, rest));
        assert_int_equal(p.e.code, ERR_INPUT);
    }
    assert_int_equal(view_head(p.view), head);
    assert_false(outcome(&p, cursor(&p), to + 10, ""));
    assert_false(play_outcome(&p, SPAN("{}")));
    assert_false(play_outcome(&p, SPAN("[]")));
    play_close(&p);
}

static void state_is_kept_and_forgotten(void **state)
{
    (void)state;
    struct play p;
    struct entry entry;
    play_open(&p);
    play_effect(&p, "'do':'set','key':'n','value':{'x':[1,2]}");
    assert_true(stored(&p, ENTRY_STATE, "n", &entry));
    assert_span(entry.body, "{\"x\":[1,2]}");
    assert_int_equal(entry.cause, p.last);
    play_effect(&p, "'do':'set','key':'n'");
    assert_false(stored(&p, ENTRY_STATE, "n", &entry));
    play_close(&p);
}

static void timers_are_set_moved_and_dropped(void **state)
{
    (void)state;
    struct play p;
    struct entry entry;
    int64_t at;
    struct span key;
    play_open(&p);
    play_effect(&p, "'do':'wake','key':'t','at':'2020-03-12T08:00:00+08:00','data':{'a':1}");
    assert_true(due_first(p.view, &p.a, &at, &key));
    assert_true(at == play_time("2020-03-12T08:00:00+08:00"));
    play_effect(&p, "'do':'wake','key':'t','at':'2020-03-13T08:00:00+08:00'");
    assert_true(due_first(p.view, &p.a, &at, &key));
    assert_true(at == play_time("2020-03-13T08:00:00+08:00")); /* the old row is gone */
    play_effect(&p, "'do':'sleep','key':'t'");
    assert_false(due_first(p.view, &p.a, &at, &key));
    assert_false(stored(&p, ENTRY_TIMER, "t", &entry));
    play_effect(&p, "'do':'sleep','key':'t'");
    play_close(&p);
}

static void the_log_can_be_read(void **state)
{
    (void)state;
    struct play p;
    uint64_t seqs[4];
    play_open(&p);
    play_effect(&p, "'do':'log','text':'看不见'");
    assert_int_equal(stream_read(p.view, SPAN("log/s"), 1, seqs, 4), 1);
    play_close(&p);
}

static void a_fault_stops_the_scenario_and_keeps_what_came_before(void **state)
{
    (void)state;
    struct play p;
    struct scenario_status status;
    play_open(&p);
    unsigned long long good = play_record(&p), bad = play_record(&p);
    char rest[400];
    snprintf(rest, sizeof rest,
             ",'effects':[{'do':'alert','cause':%llu,'key':'K','level':'red','title':'t'}],"
             "'fault':{'seq':%llu,'type':'enterprise','key':'E1','line':12,'message':'nil'}",
             good, bad);
    play_ok(&p, outcome(&p, cursor(&p), good, rest));
    assert_int_equal(cursor(&p).seq, good);
    assert_alert(&p, "K", "new", "red", 1);
    scenario_status(p.view, &p.a, SPAN("s"), &status);
    assert_int_equal(status.state, SCENARIO_STOPPED);
    assert_string_equal(json_cstr(json_get(status.fault, "message"), ""), "nil");
    assert_false(outcome(&p, cursor(&p), bad, ""));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    play_close(&p);
}

static void evidence_is_kept_as_it_came_and_cut_to_size(void **state)
{
    (void)state;
    struct play p;
    struct entry entry;
    struct buf b = {0};
    play_open(&p);
    unsigned long long seq = play_record(&p);
    buf_printf(&b,
               "{'do':'alert','cause':%llu,'key':'K','level':'red','title':'t','evidence':{'"
               "sentence':'因为','reads':[",
               seq);
    for (int i = 0; i < 2000; i++)
        buf_printf(&b,
                   "%s{'type':'enterprise','key':'E%d','seq':%d,'fields':[{'name':'x','value':'"
                   "%050d'}]}",
                   i ? "," : "", i, i, i);
    buf_str(&b, "],'reads_more':7}}");
    buf_char(&b, '\0');
    play_ok(&p, play_judge(&p, seq, play_text(&p, "%s", b.p)));
    struct alert al = play_alert(&p, "K");
    play_ok(&p, journal_get(p.view, &p.a, al.evidence_seq, &entry, &p.e));
    assert_true(entry.body.n < 80 * 1024);
    const struct json *body = json_parse(&p.a, entry.body, NULL, NULL, &p.e),
                      *evidence = json_get(body, "evidence");
    int64_t more = 0;
    assert_string_equal(json_cstr(json_get(evidence, "sentence"), ""), "因为");
    assert_true(json_int(json_get(evidence, "reads_more"), &more));
    assert_int_equal(json_count(json_get(evidence, "reads")) + (size_t)more, 2007);
    buf_free(&b);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_is_refused_whole),
        cmocka_unit_test(an_old_version_is_refused),
        cmocka_unit_test(bad_outcomes_change_nothing),
        cmocka_unit_test(state_is_kept_and_forgotten),
        cmocka_unit_test(timers_are_set_moved_and_dropped),
        cmocka_unit_test(the_log_can_be_read),
        cmocka_unit_test(a_fault_stops_the_scenario_and_keeps_what_came_before),
        cmocka_unit_test(evidence_is_kept_as_it_came_and_cut_to_size),
    };
    return unit_run(tests);
}
