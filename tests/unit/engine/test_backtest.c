/* Backtests of a street that has really lived: an engine process, people, late records, timers, reloads. The
 * real store stays as it is; a backtest of the live version over any stretch finds what it did live. */
#include "world.h"

#include "engine/backtest.h"
#include "engine/explain.h"
#include "store/view.h"

/* --- telling a backtest ---------------------------------------------------------------------------------- */

struct trial {
    const char *id, *text, *values, *from, *until;
};

static bool try_backtest(struct world *w, const struct trial *t, struct buf *json,
                         struct err *e)
{
    struct store *scratch = case_store_open(1ul << 28, e);
    struct backtest_request r = {.id = span_of(t->id),
                                 .text = span_of(t->text),
                                 .values = span_of(t->values),
                                 .examples = 100};
    assert_non_null(scratch);
    assert_true(calendar_parse_datetime(span_of(t->from), &r.from));
    assert_true(calendar_parse_datetime(span_of(t->until), &r.until));
    uint64_t head = world_head(w);
    bool ok = backtest_run(w->store, scratch, host_street, &host_modules, &r, NULL, json, e);
    assert_int_equal(world_head(w), head);
    store_close(scratch);
    return ok;
}

struct result {
    struct arena a;
    struct buf text;
    const struct json *json;
};

static void run(struct world *w, const struct trial *t, struct result *r)
{
    struct err e = {0};
    *r = (struct result){0};
    if (!try_backtest(w, t, &r->text, &e))
        fail_msg("%s", e.text);
    if (getenv("V"))
        fprintf(stderr, "%.*s\n", (int)r->text.n, r->text.p);
    r->json = json_parse(&r->a, buf_view(&r->text), &host_wide, NULL, &e);
    assert_non_null(r->json);
}

static void drop(struct result *r)
{
    arena_free(&r->a);
    buf_free(&r->text);
}

static int64_t total(const struct result *r, const char *name)
{
    int64_t n = -1;
    json_int(json_get(json_get(r->json, "totals"), name), &n);
    return n;
}

static void expect_no_difference(const struct result *r)
{
    if (total(r, "gained") || total(r, "lost") || total(r, "moved") ||
        json_count(json_get(r->json, "faults")))
        fail_msg("differs: %.*s", (int)r->text.n, r->text.p);
}

/* "gained E1 blue;lost …;" in the order of the result */
static const char *differences(const struct result *r, char out[4000])
{
    static const char *const kinds[] = {"gained", "lost", "moved"};
    size_t n = 0;
    out[0] = 0;
    for (int k = 0; k < 3; k++) {
        const struct json *list = json_get(r->json, kinds[k]);
        for (size_t i = 0; i < json_count(list) && n < 3800; i++) {
            const struct json *x = json_item(list, i), *draft = json_get(x, "draft");
            n += (size_t)snprintf(out + n, 4000 - n, "%s %s %s;", kinds[k],
                                  json_cstr(json_get(x, "key"), "?"),
                                  json_cstr(json_get(draft ? draft : x, "level"), "?"));
        }
    }
    return out;
}

/* --- what happens on a street -------------------------------------------------------------------------------- */

struct deed {
    struct job job;
    char id[27];
    const char *action;
};

static bool act(struct job *j, struct txn *t, struct err *e)
{
    struct deed *d = (struct deed *)j;
    struct err why = {0};
    (void)e;
    alert_act(t, host_street, NULL, span_of(d->id), span_of(d->action), NULL, NULL, &why);
    return true; /* what its state forbids is not done */
}

static void do_deed(struct world *w, const char *id, const char *action)
{
    struct deed d = {.job = {.run = act}, .action = action};
    snprintf(d.id, sizeof d.id, "%s", id);
    do_job(w, &d.job);
}

/* Something to one of the scenario's alerts. */
static void random_deed(struct world *w, const char *scenario)
{
    static const char *const actions[] = {"sign",        "note",   "close",
                                          "false_alarm", "reopen", "submit"};
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    char chosen[27] = "";
    unsigned n = 0;
    struct view *v = view_open(w->store, &e);
    struct alert_scan *s = alert_scan_open(v, span_of(scenario), SEQ_LATEST);
    while (alert_scan_next(s, &a, &al, &e))
        if (unit_random() % ++n == 0)
            memcpy(chosen, al.id, sizeof chosen);
    alert_scan_close(s);
    view_close(v);
    arena_free(&a);
    if (n)
        do_deed(w, chosen, actions[unit_random() % (sizeof actions / sizeof *actions)]);
}

static void reading(struct world *w, const char *meter, int64_t at, int value)
{
    char json[200], text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, at);
    snprintf(json, sizeof json, "{\"meter_id\":\"%s\",\"at\":\"%.*s\",\"value\":%d}", meter,
             (int)b.n, b.p, value);
    world_record(w, "meter_reading", json);
}

static int64_t world_now(struct world *w)
{
    struct err e = {0};
    int64_t now;
    struct view *v = view_open(w->store, &e);
    assert_true(clock_is_held(v, &now));
    view_close(v);
    return now;
}

static void forward(struct world *w, int64_t by)
{
    char text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, world_now(w) + by);
    buf_char(&b, 0);
    world_move(w, text);
}

/* State, own alerts, clears, timers that are set, moved and dropped, ticks with and without subjects, hold
 * times and flap limits: whatever a scenario can hang on. */
static const char rich[] =
    "local calendar = require 'std.calendar'\n"
    "return { title = '试验', office = 'regional_dev',\n"
    "  settings = { most = { label = '上限', default = 5, min = 0, max = 100 } },\n"
    "  life = { high = { close = 'auto', quiet = '2h' },\n"
    "           held = { close = 'auto', hold = '30min', flap = 3 } },\n"
    "  reads = { 'meter_reading' },\n"
    "  on = { meter_reading = function(row, ctx)\n"
    "    local id, n = row.meter_id, (ctx:get('n') or 0) + 1\n"
    "    ctx:set('n', n)\n"
    "    if ctx:check('读数', row.value, '>', ctx.settings.most) then\n"
    "      ctx:alert { key = id, kind = 'high', level = row.value > 8 and 'red' or 'yellow',\n"
    "                  title = id, about = { 'meter_reading', id } }\n"
    "      ctx:alert { key = 'held' .. id, kind = 'held', level = 'blue', title = id }\n"
    "      ctx:wake(id, calendar.add_minutes(ctx.now, 45), { n = n })\n"
    "    else ctx:clear { key = id } ctx:clear { key = 'held' .. id }\n"
    "      if row.value < 3 then ctx:sleep(id) end end\n"
    "  end },\n"
    "  wake = function(key, data, ctx)\n"
    "    local open = #ctx:alerts { state = 'open' }\n"
    "    ctx:alert { key = 'w' .. key .. data.n .. open, level = 'blue', title = 't' } end,\n"
    "  every = { { at = 'hourly', run = function(ctx)\n"
    "      ctx:alert { key = 'h' .. (ctx:get('n') or 0) .. #ctx:alerts { state = 'new' },\n"
    "                  level = 'blue', title = 't' } end },\n"
    "    { at = 'daily 09:00', over = 'meter_reading', run = function(row, ctx)\n"
    "      if row.value > 6 then ctx:alert { key = 'd' .. row.meter_id .. ctx.today, level = "
    "'orange', title = 't' }\n"
    "      else ctx:clear { key = 'd' .. row.meter_id .. ctx.today } end end } },\n"
    "  examples = {\n"
    "    { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = { { key = 'k', "
    "level = 'red' } } },\n"
    "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }\n";

static void live(struct world *w, int turns)
{
    static const char *const meters[] = {"A", "B", "C", "D"};
    bool paused = false;
    for (int i = 0; i < turns; i++) {
        const char *meter = meters[unit_random() % 4];
        int64_t now = world_now(w);
        switch (unit_random() % 12) {
        case 0:
        case 1:
            forward(w, (int64_t)(unit_random() % 90 + 1) * CALENDAR_MINUTE_US);
            break;
        case 2: /* late */
            reading(w, meter, now - (int64_t)(unit_random() % 600) * CALENDAR_MINUTE_US,
                    (int)(unit_random() % 11));
            break;
        case 3:
        case 4:
            random_deed(w, "probe");
            break;
        case 5: /* the engine lags for a while */
            if (paused)
                world_resume(w, "probe", RESUME_RETRY);
            else
                world_pause(w, "probe");
            paused = !paused;
            supervisor_changed(w->supervisor);
            break;
        case 6: /* the same rules in another version */
            if (!paused) {
                char text[sizeof rich + 40];
                snprintf(text, sizeof text, "%s-- %d\n", rich, i);
                world_publish(w, "probe", text);
                supervisor_changed(w->supervisor);
            }
            break;
        default:
            reading(w, meter, now, (int)(unit_random() % 11));
        }
    }
    if (paused)
        world_resume(w, "probe", RESUME_RETRY);
    supervisor_changed(w->supervisor);
    forward(w, 3 * 60 * CALENDAR_MINUTE_US);
    world_settle(w);
}

static void a_backtest_of_the_live_version_finds_what_it_did_live(void **state)
{
    (void)state;
    unit_seed(__func__);
    int rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : 4;
    for (int round = 0; round < rounds; round++) {
        struct world w = {.held = true};
        world_make(&w);
        world_publish(&w, "probe", rich);
        int64_t begin = world_now(&w);
        live(&w, 150);
        int64_t end = world_now(&w);
        for (int i = 0; i < 4; i++) {
            int64_t from = begin, until = end + 1;
            if (i) {
                from += (int64_t)(unit_random() % (uint64_t)(end - begin));
                until = from + 1 + (int64_t)(unit_random() % (uint64_t)(end - from + 1));
            }
            char times[2][64];
            struct buf one = {times[0], 0, 64}, two = {times[1], 0, 64};
            calendar_put_datetime(&one, from);
            calendar_put_datetime(&two, until);
            buf_char(&one, 0);
            buf_char(&two, 0);
            struct trial t = {.id = "probe", .from = times[0], .until = times[1]};
            struct result first, again;
            run(&w, &t, &first);
            expect_no_difference(&first);
            if (!i)
                assert_true(total(&first, "same") > 10);
            run(&w, &t, &again);
            assert_int_equal(first.text.n, again.text.n);
            assert_memory_equal(first.text.p, again.text.p, first.text.n);
            drop(&first);
            drop(&again);
        }
        world_end(&w);
    }
}

/* --- drafts ------------------------------------------------------------------------------------------------ */

#define METER(most, level, rest)                                                               \
    HOST_SCRIPT(                                                                               \
        "settings = { most = { label = '上限', default = " most ", min = 0, max = 100 } },\n"  \
        "reads = { 'meter_reading' },\n" rest "on = { meter_reading = function(row, ctx)\n"    \
        "  if ctx:check('读数', row.value, '>', ctx.settings.most) then\n"                   \
        "    ctx:alert { key = row.meter_id, level = " level                                   \
        ", title = row.meter_id } end end },")

static const struct trial whole = {
    .id = "probe", .from = "2020-03-01T00:00:00+08:00", .until = "2020-03-02T00:00:00+08:00"};

static void expect_differences(struct world *w, struct trial t, const char *expected)
{
    struct result r;
    char text[4000];
    run(w, &t, &r);
    assert_string_equal(differences(&r, text), expected);
    drop(&r);
}

static void three_meters(struct world *w)
{
    world_make(w);
    world_publish(w, "probe", METER("5", "'blue'", ""));
    world_settle(w);
    reading(w, "A", world_now(w), 9);
    reading(w, "B", world_now(w), 6);
    reading(w, "C", world_now(w), 3);
    world_settle(w);
}

static void a_draft_gains_loses_and_moves(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    three_meters(&w);
    expect_differences(&w, t, "");
    t.values = "{\"most\":2}";
    expect_differences(&w, t, "gained C blue;");
    t.values = "{\"most\":8}";
    expect_differences(&w, t, "lost B blue;");
    t.values = NULL;
    t.text = METER("5", "row.value > 8 and 'red' or 'blue'", "");
    expect_differences(&w, t, "moved A red;");
    t.id = "other"; /* one that was never live */
    expect_differences(&w, t, "gained A red;gained B blue;");
    world_end(&w);
}

static const char *mark(const struct result *r, const char *kind, size_t i)
{
    const struct json *x = json_item(json_get(r->json, kind), i);
    return json_cstr(json_item(json_get(x, "hangs_on"), 0), "");
}

static void what_hangs_on_the_version_of_then_is_marked(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    struct result r;
    world_make(&w);
    reading(&w, "Z", world_now(&w), 9); /* before there was a scenario */
    world_publish(&w, "probe", METER("7", "'blue'", ""));
    supervisor_changed(w.supervisor);
    world_settle(&w);
    reading(&w, "A", world_now(&w), 6);
    reading(&w, "D", world_now(&w), 9); /* its alert takes the cursor along */
    world_settle(&w);
    world_publish(&w, "probe", METER("5", "'blue'", ""));
    supervisor_changed(w.supervisor);
    world_settle(&w);
    reading(&w, "B", world_now(&w), 6);
    reading(&w, "C", world_now(&w), 4);
    world_settle(&w);
    t.values = "{\"most\":3}";
    run(&w, &t, &r);
    assert_int_equal(total(&r, "gained"), 3); /* A, C, Z in order of key */
    assert_string_equal(mark(&r, "gained", 0), "version");
    assert_string_equal(mark(&r, "gained", 1), "");
    assert_string_equal(mark(&r, "gained", 2), "not_live_yet");
    assert_int_equal(json_count(json_get(r.json, "versions")), 2);
    drop(&r);
    world_end(&w);
}

static void timers_and_ticks_of_the_draft_alone_come_at_their_time(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    three_meters(&w);
    forward(&w, 100 * CALENDAR_MINUTE_US);
    reading(&w, "D", world_now(&w), 1);
    world_settle(&w);
    t.text = HOST_SCRIPT("reads = { 'meter_reading' },\n"
                         "on = { meter_reading = function(row, ctx)\n"
                         "  if row.value > 5 then\n"
                         "    ctx:alert { key = row.meter_id, level = 'blue', title = 't' }\n"
                         "    ctx:wake('w', calendar.add_minutes(ctx.now, 30), row.meter_id) "
                         "end end },\n"
                         "wake = function(key, data, ctx)\n"
                         "  ctx:alert { key = 'w' .. data .. ctx.now, level = 'blue', title = "
                         "'t' } end,\n"
                         "every = { { at = 'daily 09:15', run = function(ctx)\n"
                         "  ctx:alert { key = 't' .. ctx.now .. #ctx:alerts(), level = 'blue', "
                         "title = 't' } end } },");
    expect_differences(&w, t,
                       "gained t2020-03-01T09:15:00+08:003 blue;"
                       "gained wB2020-03-01T08:30:00+08:00 blue;");
    world_end(&w);
}

static char first_id[27];

static const char *id_of_alert(struct world *w, const char *key)
{
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    struct view *v = view_open(w->store, &e);
    assert_true(alert_get(v, &a, SPAN("probe"), span_of(key), SEQ_LATEST, &al, &e));
    memcpy(first_id, al.id, sizeof first_id);
    view_close(v);
    arena_free(&a);
    return first_id;
}

static void what_people_did_is_done_to_the_alert_of_the_same_key(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    struct result r;
    int64_t n;
    three_meters(&w);
    forward(&w, 10 * CALENDAR_MINUTE_US);
    do_deed(&w, id_of_alert(&w, "A"), "sign");
    do_deed(&w, id_of_alert(&w, "B"), "close");
    forward(&w, 10 * CALENDAR_MINUTE_US);
    reading(&w, "A", world_now(&w), 7); /* counts up the one that is signed */
    reading(&w, "B", world_now(&w), 7); /* opens the closed one again, within a day */
    world_settle(&w);
    run(&w, &t, &r);
    expect_no_difference(&r);
    assert_int_equal(total(&r, "same"), 3);
    json_int(json_get(json_get(r.json, "acts"), "same"), &n);
    assert_int_equal(n, 2);
    drop(&r);
    t.values = "{\"most\":8}"; /* B is not raised: what was done to it has no place */
    run(&w, &t, &r);
    json_int(json_get(json_get(r.json, "acts"), "nowhere"), &n);
    assert_int_equal(n, 1);
    assert_string_equal(mark(&r, "lost", 0), "people");
    drop(&r);
    t.values = "{\"most\":6}"; /* B only comes when live it came again */
    run(&w, &t, &r);
    assert_int_equal(total(&r, "lost"), 1);
    assert_int_equal(total(&r, "same"), 2);
    drop(&r);
    world_end(&w);
}

static void a_fault_is_told_and_passed_over(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    struct result r;
    three_meters(&w);
    t.text = METER("5", "row.meter_id == 'A' and nil .. '' or 'blue'", "");
    run(&w, &t, &r);
    assert_int_equal(json_count(json_get(r.json, "faults")), 1);
    assert_non_null(
        strstr(json_cstr(json_get(json_item(json_get(r.json, "faults"), 0), "key"), ""), "A|"));
    assert_int_equal(total(&r, "lost"), 1);
    assert_int_equal(total(&r, "same"), 1);
    drop(&r);
    world_end(&w);
}

static void a_text_that_does_not_pass_the_check_is_refused(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct trial t = whole;
    struct buf json = {0};
    struct err e = {0};
    three_meters(&w);
    t.text = "return { title = '半截' }";
    assert_false(try_backtest(&w, &t, &json, &e));
    assert_int_equal(e.code, ERR_SCRIPT);
    t.text = NULL;
    t.values = "{\"most\":1000}";
    assert_false(try_backtest(&w, &t, &json, &e));
    t.values = NULL;
    t.until = t.from;
    assert_false(try_backtest(&w, &t, &json, &e));
    assert_int_equal(e.code, ERR_INPUT);
    world_end(&w);
}

/* --- explain ------------------------------------------------------------------------------------------------ */

/* The evidence that explain gives of the entry `seq`; SPAN_NONE if it is not among what it looked at. */
static struct span explained(struct world *w, struct arena *a, const char *about, int64_t at,
                             uint64_t seq)
{
    struct err e = {0};
    struct buf json = {0};
    struct explain_request r = {.id = SPAN("probe"), .about = span_of(about), .at = at};
    struct span out = SPAN_NONE;
    if (!explain_run(w->store, host_street, &host_modules, &r, &json, &e))
        fail_msg("%s", e.text);
    const struct json *list = json_get(
        json_parse(a, arena_span(a, buf_view(&json)), &host_wide, NULL, &e), "judgements");
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *one = json_item(list, i);
        int64_t n = 0;
        if (!json_int(json_get(one, "seq"), &n) || (uint64_t)n != seq)
            continue;
        struct buf b = {0};
        struct json_w j = json_w_begin(&b);
        json_w_value(&j, json_get(one, "evidence"));
        json_w_end(&j);
        out = arena_span(a, buf_view(&b));
        buf_free(&b);
    }
    buf_free(&json);
    return out;
}

static void explain_gives_the_evidence_that_alerts_keep(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct arena a = {0};
    struct err e = {0};
    struct alert al;
    int compared = 0;
    unit_seed(__func__);
    world_make(&w);
    world_publish(&w, "probe", rich);
    live(&w, 120);
    reading(&w, "E", world_now(&w), 9);
    world_settle(&w);
    struct view *v = view_open(w.store, &e);
    struct alert_scan *s = alert_scan_open(v, SPAN("probe"), SEQ_LATEST);
    while (alert_scan_next(s, &a, &al, &e)) {
        struct entry entry, cause;
        const char *about = arena_printf(&a, "meter_reading|%.*s", SPAN_ARG(al.about_id));
        if (!al.about_id.n || !journal_get(v, &a, al.evidence_seq, &entry, &e) ||
            !journal_get(v, &a, entry.cause, &cause, &e))
            continue;
        struct span now = explained(&w, &a, about, cause.at, cause.seq);
        const struct json *body = json_parse(&a, entry.body, &host_wide, NULL, &e);
        struct buf then = {0};
        struct json_w j = json_w_begin(&then);
        json_w_value(&j, json_get(body, "evidence"));
        json_w_end(&j);
        /* of a late record the alert may come from a judgement anew, of another record */
        int64_t seq = 0;
        const struct json *read = json_item(json_get(json_get(body, "evidence"), "reads"), 0);
        json_int(json_get(read, "seq"), &seq);
        if (now.n && (uint64_t)seq == cause.seq) {
            assert_true(then.n >= now.n - 20); /* now has reads_more as well */
            assert_memory_equal(now.p, then.p, now.n - sizeof ",\"reads_more\":0");
            compared++;
        }
        buf_free(&then);
    }
    alert_scan_close(s);
    view_close(v);
    arena_free(&a);
    assert_true(compared > 0);
    world_end(&w);
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backtest_of_the_live_version_finds_what_it_did_live),
        cmocka_unit_test(a_draft_gains_loses_and_moves),
        cmocka_unit_test(what_hangs_on_the_version_of_then_is_marked),
        cmocka_unit_test(timers_and_ticks_of_the_draft_alone_come_at_their_time),
        cmocka_unit_test(what_people_did_is_done_to_the_alert_of_the_same_key),
        cmocka_unit_test(a_fault_is_told_and_passed_over),
        cmocka_unit_test(a_text_that_does_not_pass_the_check_is_refused),
        cmocka_unit_test(explain_gives_the_evidence_that_alerts_keep),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
