#include "cli/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/demo_impl.h"
#include "cli/local.h"
#include "cli/serve.h"
#include "domain/record.h"
#include "domain/street.h"
#include "domain/user.h"
#include "engine/ticker.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum { GROUP = 5000 };

static const char password[] = "xiaohe-demo-2020";
static const char history_at[] = "2020-04-08T09:00:00+08:00";
static const char story_at[] = "2020-04-09T07:50:00+08:00";

unsigned demo_draw(unsigned what, unsigned i, unsigned n)
{
    uint64_t z = ((uint64_t)what << 32 | i) + 0x9E3779B97F4A7C15ULL; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return (unsigned)((z ^ z >> 31) % n);
}

/* --- records through the usual door ---------------------------------------------------------------- */

struct demo_sink {
    struct serve *serve;
    struct street *street;
    struct record_reader **readers; /* one a type */
    struct buf line;
    uint64_t count;
    bool failed;
    struct err err;
};

struct put {
    struct command command;
    struct dictionary *dictionary;
    struct batch batch;
    struct batch_result result;
};

static bool apply_put(struct command *c, struct txn *t, struct err *e)
{
    struct put *p = (struct put *)c;
    return record_apply(t, p->dictionary, &p->batch, &p->result, e);
}

static bool flush(struct demo_sink *s, int i)
{
    const struct record *records;
    const struct record_refusal *refused;
    struct record_reader *r = s->readers[i];
    struct put put = {.command = {.apply = apply_put},
                      .dictionary = street_dictionary(s->street)};
    put.batch = (struct batch){
        .type = dictionary_at(put.dictionary, i), .source = SPAN("demo"), .last = true};
    if (record_reader_refusals(r, &refused))
        return err_set(&s->err, ERR_INPUT, "示例数据 %s.%s：%s", put.batch.type->name,
                       refused->field, refused->message);
    put.batch.count = record_reader_records(r, &records);
    put.batch.records = records;
    s->count += put.batch.count;
    bool ok = put.batch.count == 0 ||
              (s->serve->writer ? writer_call(s->serve->writer, &put.command, &s->err)
                                : store_apply(s->serve->store, &put.command, &s->err));
    record_reader_drop(r);
    return ok;
}

static void put_line(struct demo_sink *s, const char *type)
{
    struct dictionary *d = street_dictionary(s->street);
    const struct record *records;
    const struct type *t = dictionary_find(d, span_of(type));
    for (size_t i = 0; i < s->line.n; i++)
        if (s->line.p[i] == '\'')
            s->line.p[i] = '"';
    if (!t) {
        s->failed = !err_set(&s->err, ERR_INPUT, "示例数据：没有类型 %s", type);
        return;
    }
    int i = t->id - dictionary_at(d, 0)->id;
    if (!s->readers[i])
        s->readers[i] = record_reader_new(t, RECORD_NDJSON, s->serve->vault);
    buf_char(&s->line, '\n');
    s->failed = !record_reader_feed(s->readers[i], buf_view(&s->line), false, &s->err) ||
                (record_reader_records(s->readers[i], &records) >= GROUP && !flush(s, i));
}

void demo_put(struct demo_sink *s, const char *type, const char *format, ...)
{
    char text[4096];
    va_list args;
    if (s->failed)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    must(n > 0 && (size_t)n < sizeof text);
    buf_clear(&s->line);
    buf_put(&s->line, text, (size_t)n);
    put_line(s, type);
}

static bool sink_open(struct demo_sink *sink, struct serve *s, struct err *e)
{
    *sink = (struct demo_sink){.serve = s};
    struct view *v = view_open(s->store, e);
    if (!v)
        return false;
    sink->street = street_load(v, view_head(v), e);
    view_close(v);
    if (sink->street)
        sink->readers = mem_alloc((size_t)dictionary_count(street_dictionary(sink->street)) *
                                  sizeof *sink->readers);
    return sink->street != NULL;
}

/* Writes what is left. */
static bool sink_close(struct demo_sink *s, struct err *e)
{
    int types = dictionary_count(street_dictionary(s->street));
    for (int i = 0; i < types; i++) {
        if (s->readers[i] && !s->failed)
            s->failed =
                !record_reader_feed(s->readers[i], SPAN_NONE, true, &s->err) || !flush(s, i);
        if (s->readers[i])
            record_reader_free(s->readers[i]);
    }
    mem_free(s->readers);
    street_unref(s->street);
    buf_free(&s->line);
    if (s->failed)
        *e = s->err;
    return !s->failed;
}

/* --- accounts ----------------------------------------------------------------------------------------- */

struct account {
    struct command command;
    const struct street *street;
    const struct json *body;
};

static bool apply_account(struct command *c, struct txn *t, struct err *e)
{
    const struct account *a = (const struct account *)c;
    return user_add(t, a->street, a->body, e);
}

static bool add_account(struct demo_sink *s, const char *name, const char *display,
                        const char *role, const char *office, const char *community,
                        struct err *e)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json_w w = json_w_begin(&text);
    json_w_object(&w);
    json_w_kstr(&w, "name", name);
    json_w_kstr(&w, "display", display);
    json_w_kstr(&w, "role", role);
    if (office)
        json_w_kstr(&w, "office", office);
    json_w_name(&w, "communities");
    json_w_array(&w);
    if (community)
        json_w_str(&w, community);
    json_w_array_end(&w);
    json_w_kstr(&w, "password", password);
    json_w_object_end(&w);
    json_w_end(&w);
    struct account a = {.command = {.apply = apply_account}, .street = s->street};
    a.body = json_parse(&arena, buf_view(&text), NULL, NULL, e);
    bool ok = a.body && store_apply(s->serve->store, &a.command, e) &&
              user_set_password(s->serve->vault, span_of(name), span_of(password), e);
    buf_free(&text);
    arena_free(&arena);
    return ok;
}

static bool add_accounts(struct demo_sink *s, struct err *e)
{
    static const char *const offices[] = {"regional_dev",  "party_building", "party_gov",
                                          "public_mgmt",   "public_service", "safety",
                                          "command_center"};
    bool ok = add_account(s, "admin", "系统管理员", "admin", NULL, NULL, e) &&
              add_account(s, "leader", "街道领导", "leader", NULL, NULL, e);
    for (size_t i = 0; i < sizeof offices / sizeof *offices && ok; i++)
        ok = add_account(s, offices[i],
                         street_office_name(s->street, span_of(offices[i]), offices[i]),
                         "editor", offices[i], NULL, e);
    for (int i = 0; i < DEMO_COMMUNITIES && ok; i++) {
        const char *id = demo_communities[i];
        ok = add_account(s, id, street_community_name(s->street, span_of(id), id), "community",
                         NULL, id, e);
    }
    return ok;
}

static void tell_accounts(const char *data_dir)
{
    fprintf(stderr,
            "示例街道（%s），账号的密码都是 %s：\n"
            "  admin 管理员，leader 街道领导，\n"
            "  regional_dev party_building party_gov public_mgmt public_service safety "
            "command_center 各科室，\n"
            "  xiaohe changzhengqiao … 各社区（编号见 scripts/office/org.lua）\n"
            "只用于演示，不要对外开放。\n",
            data_dir, password);
}

/* --- loading ------------------------------------------------------------------------------------------ */

static bool apply_mark(struct command *c, struct txn *t, struct err *e)
{
    (void)c;
    return meta_put(t, "demo", SPAN("1"), e);
}

static bool look(struct store *s, bool *empty, bool *is_demo, int64_t *held_at, struct err *e)
{
    struct arena a = {0};
    struct span mark;
    struct view *v = view_open(s, e);
    if (!v)
        return false;
    *empty = view_head(v) == 0;
    *is_demo = meta_get(v, &a, "demo", &mark);
    if (!clock_is_held(v, held_at))
        *held_at = 0;
    view_close(v);
    arena_free(&a);
    return true;
}

static int64_t moment(const char *text)
{
    int64_t us = 0;
    must(calendar_parse_datetime(span_of(text), &us));
    return us;
}

static bool load(struct serve *s, uint64_t *count, struct err *e)
{
    struct demo_sink sink;
    struct importer in = {s->store, NULL, s->scripts_dir, s->scenarios_dir};
    bool changed;
    if (!import_office(&in, &changed, e) || !sink_open(&sink, s, e))
        return false;
    demo_make_places(&sink);
    demo_make_people(&sink);
    demo_make_economy(&sink);
    bool ok = add_accounts(&sink, e);
    ok = sink_close(&sink, e) && ok;
    *count = sink.count;
    return ok;
}

bool demo_load(struct serve *s, struct err *e)
{
    bool empty, is_demo;
    int64_t held_at;
    uint64_t count = 0;
    int64_t began = clock_mono_us();
    struct command mark = {.apply = apply_mark};
    if (!look(s->store, &empty, &is_demo, &held_at, e))
        return false;
    if (!is_demo && !empty)
        return err_set(e, ERR_CONFLICT, "--demo 只能用于空的数据目录，%s 里已有数据",
                       s->data_dir);
    if (!is_demo) {
        if (!local_live(s->store, moment(history_at), e) || !load(s, &count, e) ||
            !local_live(s->store, moment(story_at), e) || !store_apply(s->store, &mark, e))
            return false;
        log_info("demo", "loaded records=%llu ms=%lld", (unsigned long long)count,
                 (long long)(clock_mono_us() - began) / 1000);
    }
    tell_accounts(s->data_dir);
    return true;
}

/* --- playing ------------------------------------------------------------------------------------------ */

struct demo {
    struct serve *serve;
    long pace_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/* False: somebody wants to stop. */
static bool pause_ms(struct demo *d, long ms)
{
    int64_t until = clock_mono_us() + ms * 1000;
    pthread_mutex_lock(&d->lock);
    while (!d->stop && clock_cond_wait(&d->wake, &d->lock, until))
        ;
    bool go_on = !d->stop;
    pthread_mutex_unlock(&d->lock);
    return go_on;
}

static bool play_one(struct serve *s, const struct demo_event *ev, struct err *e)
{
    bool empty, is_demo;
    int64_t now, at = moment(ev->at);
    char code[19];
    struct demo_sink sink;
    if (!look(s->store, &empty, &is_demo, &now, e) ||
        (at > now && !ticker_move(s->ticker, at, e)))
        return false;
    if (!ev->type)
        return true;
    if (!sink_open(&sink, s, e))
        return false;
    struct buf json = {0};
    for (unsigned i = 0; i < ev->times; i++) {
        buf_clear(&json);
        for (const char *p = ev->json; *p; p++)
            if (*p == '$')
                buf_str(&json, demo_credit_code(code, (unsigned)ev->enterprise));
            else if (*p == '#')
                buf_printf(&json, "%02u", i);
            else
                buf_char(&json, *p);
        demo_put(&sink, ev->type, "%.*s", (int)json.n, json.p);
    }
    buf_free(&json);
    return sink_close(&sink, e);
}

/* The first event the street's clock has not passed. */
static unsigned first_event(struct serve *s)
{
    bool empty, is_demo;
    int64_t now = 0;
    unsigned i = 0;
    struct err e;
    if (!look(s->store, &empty, &is_demo, &now, &e))
        return demo_event_count;
    while (i < demo_event_count && moment(demo_events[i].at) < now)
        i++;
    return i;
}

static void *play(void *arg)
{
    struct demo *d = arg;
    unsigned i = first_event(d->serve);
    for (bool go_on = pause_ms(d, 2 * d->pace_ms); go_on && i < demo_event_count; i++) {
        struct err e = {0};
        if (!play_one(d->serve, &demo_events[i], &e)) {
            log_warn("demo", "event %u: %s", i,
                     e.text); /* an administrator moved the clock: go on */
            if (e.code != ERR_CONFLICT)
                return NULL;
        }
        go_on = pause_ms(d, d->pace_ms);
    }
    log_info("demo", "played to event %u of %u", i, demo_event_count);
    return NULL;
}

struct demo *demo_play(struct serve *s, long pace_ms)
{
    struct demo *d = mem_alloc(sizeof *d);
    d->serve = s;
    d->pace_ms = pace_ms;
    pthread_mutex_init(&d->lock, NULL);
    clock_cond_init(&d->wake);
    if (pthread_create(&d->thread, NULL, play, d) == 0)
        return d;
    mem_free(d);
    return NULL;
}

void demo_stop(struct demo *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    mem_free(d);
}
