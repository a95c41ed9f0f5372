/* Backtests of a street that has really lived: an engine process, people, late records, timers, reloads. The
 * real store stays as it is; a backtest of the live version over any stretch finds what it did live. */
#include "world.h"

#include "domain/alert_replay.h"
#include "engine/backtest.h"
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

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backtest_of_the_live_version_finds_what_it_did_live),
    };
    int failed = unit_run(tests);
    (void)differences;
    host_close();
    return failed;
}
