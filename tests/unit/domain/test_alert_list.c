/* Lists: filters, pages, counts, and what a person does not see. */
#include "play.h"

#include "util/clock.h"

static const struct json *list(struct play *p, const struct person *person,
                               struct alert_filter f)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    p->e = (struct err){0};
    bool ok = alert_list(p->view, &p->a, p->street, person, &f, &w, &p->e);
    if (ok)
        json_w_end(&w);
    struct json_limits limits = {.bytes = 1 << 20};
    const struct json *o = ok ? json_parse(&p->a, buf_view(&b), &limits, NULL, &p->e) : NULL;
    buf_free(&b);
    return o;
}

static size_t items(const struct json *o)
{
    return json_count(json_get(o, "items"));
}

static int64_t count_of(const struct json *o, const char *level)
{
    int64_t n = -1;
    json_int(json_get(json_get(o, "counts"), level), &n);
    return n;
}

/* Three of level yellow, two blue (one closed), one red of the safety office, in two
 * communities. */
static void fill(struct play *p)
{
    char key[16];
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof key, "Y%d", i);
        play_raise(p, key, "ev", "yellow", i);
    }
    play_at(p, "2020-03-10T09:00:00+08:00");
    play_raise(p, "B0", "auto", "blue", 1);
    play_raise(p, "B1", "auto", "blue", 1);
    play_clear(p, "B1");
    play_effect(
        p, "'do':'alert','key':'R','kind':'fire','level':'red','title':'火','office':'safety',"
           "'communities':['dahulu']");
}

static void filters_and_counts(void **state)
{
    (void)state;
    struct play p;
    struct person leader = play_person(ROLE_LEADER, "");
    play_open(&p);
    fill(&p);
    const struct json *o = list(&p, &leader, (struct alert_filter){.open = true, .limit = 50});
    assert_int_equal(items(o), 5);
    assert_int_equal(count_of(o, "red"), 1);
    assert_int_equal(count_of(o, "yellow"), 3);
    assert_int_equal(count_of(o, "blue"), 1);
    o = list(&p, &leader, (struct alert_filter){.limit = 50});
    assert_int_equal(items(o), 6);
    assert_int_equal(count_of(o, "blue"), 1); /* counts are of open ones */
    o = list(&p, &leader, (struct alert_filter){.level = SPAN("red,blue"), .limit = 50});
    assert_int_equal(items(o), 3);
    assert_int_equal(count_of(o, "yellow"), 3); /* whatever the level asked for */
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.state = SPAN("closed"), .limit = 50})),
        1);
    assert_int_equal(
        items(
            list(&p, &leader, (struct alert_filter){.state = SPAN("closed,new"), .limit = 50})),
        6);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.state = SPAN("signed"), .limit = 50})),
        0);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.office = SPAN("safety"), .limit = 50})),
        1);
    assert_int_equal(
        items(
            list(&p, &leader, (struct alert_filter){.community = SPAN("xiaohe"), .limit = 50})),
        5);
    assert_int_equal(
        items(list(&p, &leader,
                   (struct alert_filter){.kind = SPAN("ev"), .open = true, .limit = 50})),
        3);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.key = SPAN("B1"), .limit = 50})), 1);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.scenario = SPAN("s"), .limit = 50})), 6);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.scenario = SPAN("t"), .limit = 50})), 0);
    play_close(&p);
}

static void a_person_sees_and_counts_only_what_is_theirs(void **state)
{
    (void)state;
    struct play p;
    struct person staff = play_person(ROLE_OFFICE, "safety");
    play_open(&p);
    fill(&p);
    const struct json *o = list(&p, &staff, (struct alert_filter){.limit = 50});
    assert_int_equal(items(o), 1);
    assert_int_equal(count_of(o, "yellow"), 0);
    assert_int_equal(items(list(&p, &staff, (struct alert_filter){.open = true, .limit = 50})),
                     1);
    play_close(&p);
}

/* Every page in turn: all alerts, newest first, each once. */
static void walk(struct play *p, bool open, int limit, int expected)
{
    struct person leader = play_person(ROLE_LEADER, "");
    struct alert_filter f = {.open = open, .limit = limit};
    char seen[16][27];
    int n = 0;
    int64_t before = INT64_MAX;
    for (int pages = 0; pages < 20; pages++) {
        const struct json *o = list(p, &leader, f);
        play_ok(p, o != NULL);
        assert_true(items(o) <= (size_t)limit);
        for (size_t i = 0; i < items(o); i++) {
            const struct json *al = json_item(json_get(o, "items"), i);
            int64_t at = 0;
            assert_true(calendar_parse_datetime(json_string(json_get(al, "raised_at")), &at));
            assert_true(at <= before);
            before = at;
            for (int k = 0; k < n; k++)
                assert_string_not_equal(seen[k], json_cstr(json_get(al, "id"), ""));
            snprintf(seen[n++], 27, "%s", json_cstr(json_get(al, "id"), ""));
        }
        f.after = json_string(json_get(o, "next"));
        if (!f.after.n)
            break;
    }
    assert_int_equal(n, expected);
}

static void pages_hold_each_alert_once(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    fill(&p);
    for (int limit = 1; limit <= 7; limit++) {
        walk(&p, true, limit, 5);
        walk(&p, false, limit, 6);
    }
    struct person leader = play_person(ROLE_LEADER, "");
    assert_null(
        list(&p, &leader, (struct alert_filter){.after = SPAN("nonsense"), .limit = 5}));
    assert_int_equal(p.e.code, ERR_INPUT);
    play_close(&p);
}

static void earlier_lives_are_listed_too(void **state)
{
    (void)state;
    struct play p;
    struct person leader = play_person(ROLE_LEADER, "");
    play_open(&p);
    for (int i = 0; i < 3; i++) {
        char time[40];
        snprintf(time, sizeof time, "2020-03-1%dT08:00:00+08:00", i + 1);
        play_at(&p, time);
        play_raise(&p, "K", "auto", "blue", i);
        play_clear(&p, "K");
    }
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.key = SPAN("K"), .limit = 50})), 3);
    assert_int_equal(
        items(list(&p, &leader, (struct alert_filter){.state = SPAN("closed"), .limit = 50})),
        3);
    assert_int_equal(alert_open_count(p.view, &p.a, SPAN("s")), 0);
    play_close(&p);
}

static void a_scan_gives_a_scenarios_alerts_in_order_of_key(void **state)
{
    (void)state;
    static const char *const keys[] = {"B0", "B1", "R", "Y0", "Y1", "Y2"};
    struct play p;
    struct alert al;
    size_t n = 0;
    play_open(&p);
    fill(&p);
    struct alert_scan *s = alert_scan_open(p.view, SPAN("s"), SEQ_LATEST);
    while (alert_scan_next(s, &p.a, &al, &p.e)) {
        assert_true(n < 6);
        assert_true(span_eq(al.key, span_of(keys[n++])));
    }
    assert_int_equal(n, 6);
    alert_scan_close(s);
    play_close(&p);
}

static bool put_many(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    return outcome_apply(t, p->street, ctx, e);
}

/* Not a measurement: that the common lists do not look at each alert there ever was. */
static void many_alerts(void **state)
{
    (void)state;
    struct play p;
    struct person staff = play_person(ROLE_OFFICE, "safety");
    play_open(&p);
    int total = getenv("ALERTS") ? atoi(getenv("ALERTS")) : 2000;
    for (int done = 0; done < total; done += 500) {
        unsigned long long seq = play_record(&p);
        struct cursor c;
        struct buf b = {0};
        cursor_get(p.view, SPAN("s"), &c);
        buf_printf(
            &b, "{\"scenario\":\"s\",\"version\":%llu,\"from\":%llu,\"to\":%llu,\"effects\":[",
            (unsigned long long)c.version, (unsigned long long)c.seq, seq);
        for (int i = 0; i < 500; i++)
            buf_printf(&b,
                       "%s{\"do\":\"alert\",\"cause\":%llu,\"key\":\"K%d\",\"kind\":\"auto\","
                       "\"level\":\"blue\","
                       "\"title\":\"t\",\"communities\":[\"xiaohe\"],\"office\":\"%s\"}",
                       i ? "," : "", seq, done + i,
                       (done + i) % 10 ? "regional_dev" : "safety");
        buf_str(&b, "]}");
        struct json_limits limits = {.bytes = 1 << 20};
        const struct json *o = json_parse(&p.a, buf_view(&b), &limits, NULL, &p.e);
        play_ok(&p, o != NULL);
        play_ok(&p, play_do(&p, put_many, (void *)(uintptr_t)o));
        buf_free(&b);
        arena_reset(&p.a);
    }
    int64_t start = clock_mono_us();
    const struct json *o = list(
        &p, &staff, (struct alert_filter){.open = true, .office = SPAN("safety"), .limit = 50});
    print_message("open list of %d alerts: %lld us\n", total,
                  (long long)(clock_mono_us() - start));
    assert_int_equal(items(o), 50);
    assert_int_equal(count_of(o, "blue"), total / 10);
    start = clock_mono_us();
    o = list(&p, &staff, (struct alert_filter){.office = SPAN("safety"), .limit = 50});
    print_message("any list: %lld us\n", (long long)(clock_mono_us() - start));
    assert_int_equal(items(o), 50);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_and_counts),
        cmocka_unit_test(a_person_sees_and_counts_only_what_is_theirs),
        cmocka_unit_test(pages_hold_each_alert_once),
        cmocka_unit_test(earlier_lives_are_listed_too),
        cmocka_unit_test(a_scan_gives_a_scenarios_alerts_in_order_of_key),
        cmocka_unit_test(many_alerts),
    };
    return unit_run(tests);
}
