#include "net/pull.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "domain/street.h"
#include "net/fetch.h"
#include "net/inlet.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum { FEEDS_MAX = 16, PAGES_MAX = 10000, BACKOFF_FIRST_S = 1, BACKOFF_MAX_S = 3600 };
static const int64_t LOOK_US = 5LL * 1000000; /* how soon a changed file is noticed */
static const int64_t RETRY_AFTER_MAX_S = 24 * 3600;
static const char table[] = "feeds";

struct source {
    char name[33];
    int64_t next_at; /* wall clock, µs */
    int failures;
    bool here; /* the file still says so */
};

struct pull {
    struct server *server;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t woken;
    struct source sources[FEEDS_MAX];
    int count;
};

/* What is stored of a feed: where it goes on, the run of pages it is in, and what it has ever brought: of
 * these types alone the end of a run says that the data are fresh. */
struct place {
    struct span row; /* as stored; SPAN_NONE: none yet */
    struct span cursor, cycle;
    const struct json *types;
    int64_t ok_at;
};

static bool place_read(struct view *v, struct arena *a, struct span feed, struct place *out)
{
    *out = (struct place){0};
    if (!table_get(v, a, table, feed, &out->row))
        return false;
    const struct json *row = json_parse(a, out->row, NULL, NULL, NULL);
    out->cursor = json_string(json_get(row, "cursor"));
    out->cycle = json_string(json_get(row, "cycle"));
    out->types = json_get(row, "types");
    json_int(json_get(row, "ok_at"), &out->ok_at);
    return true;
}

bool pull_place(struct view *v, struct arena *a, struct span feed, struct span *cursor,
                int64_t *ok_at)
{
    struct place p;
    bool there = place_read(v, a, feed, &p);
    *cursor = p.cursor;
    *ok_at = p.ok_at;
    return there;
}

/* --- one page ------------------------------------------------------------------------------------------------ */

struct page {
    struct command command; /* first */
    struct pull *pull;
    struct arena arena;
    struct span feed;
    const struct json *manifest;
    struct street *street;
    struct place from;
    char cycle[27];
    struct inlet inlet;
    int64_t retry_after_s;
};

static bool was_brought(const struct json *types, const char *name)
{
    for (size_t i = 0; i < json_count(types); i++)
        if (span_eq(json_string(json_item(types, i)), span_of(name)))
            return true;
    return false;
}

static void types_put(struct json_w *w, const struct page *g)
{
    json_w_name(w, "types");
    json_w_array(w);
    for (size_t i = 0; i < json_count(g->from.types); i++)
        json_w_value(w, json_item(g->from.types, i));
    for (int i = 0; i < g->inlet.part_count; i++)
        if (g->inlet.parts[i].count &&
            !was_brought(g->from.types, g->inlet.parts[i].type->name))
            json_w_str(w, g->inlet.parts[i].type->name);
    json_w_array_end(w);
}

static void row_put(struct buf *out, const struct page *g)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    struct span cursor = g->inlet.cursor.p ? g->inlet.cursor : g->from.cursor;
    if (cursor.p)
        json_w_kspan(&w, "cursor", cursor);
    if (g->inlet.more)
        json_w_kstr(&w, "cycle", g->cycle);
    types_put(&w, g);
    json_w_kint(&w, "ok_at", clock_wall_us());
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool page_apply(struct command *c, struct txn *t, struct err *e)
{
    struct page *g = (struct page *)c;
    struct arena a = {0};
    struct span row = SPAN_NONE;
    struct buf text = {0};
    char source[48];
    snprintf(source, sizeof source, "feed:%.*s", SPAN_ARG(g->feed));
    const struct batch b = {
        .source = span_of(source), .name = span_of(g->cycle), .more = g->inlet.more};
    table_get(txn_view(t), &a, table, g->feed, &row);
    bool same = span_eq(row, g->from.row);
    arena_free(&a);
    if (!same)
        return err_set(e, ERR_CONFLICT, "取数的位置已经变了");
    row_put(&text, g);
    bool ok = inlet_apply(&g->inlet, t, g->street, &b, e) &&
              table_put(t, table, g->feed, buf_view(&text), e);
    buf_free(&text);
    return ok;
}

/* "{secret}" in a header is what the vault has. */
static bool header_fill(struct page *g, struct span given, const char **out, struct err *e)
{
    static const char mark[] = "{secret}";
    struct span secret;
    const char *at = memmem(given.p, given.n, mark, sizeof mark - 1);
    *out = given.p;
    if (!at)
        return true;
    struct span key = span_of(arena_printf(&g->arena, "feed/%.*s", SPAN_ARG(g->feed)));
    if (!vault_read(server_options(g->pull->server)->vault, &g->arena, key, &secret, e))
        return e->code == ERR_NONE &&
               err_set(e, ERR_MISSING, "还没有口令，请运行 wangyi feed secret %.*s",
                       SPAN_ARG(g->feed));
    *out = arena_printf(&g->arena, "%.*s%.*s%s", (int)(at - given.p), given.p, SPAN_ARG(secret),
                        at + sizeof mark - 1);
    return true;
}

static bool page_ask(struct page *g, struct fetch *f, struct err *e)
{
    const struct server_options *o = server_options(g->pull->server);
    struct buf head = {0}, json = {0};
    struct json_w w = json_w_begin(&head);
    json_w_span(&w, g->from.cursor.p ? g->from.cursor : SPAN(""));
    json_w_end(&w);
    struct span members = SPAN_NONE;
    if (g->from.cursor.p)
        members =
            span_of(arena_printf(&g->arena, "\"cursor\":%.*s", SPAN_ARG(buf_view(&head))));
    bool ok = o->engine.feed_call(o->engine.ctx, "ask", g->feed, members, SPAN(""), &json, e);
    const struct json *r = ok ? json_parse(&g->arena, buf_view(&json), NULL, NULL, e) : NULL;
    buf_free(&head);
    buf_free(&json);
    if (!r)
        return false;
    const struct json *list = json_get(r, "headers"), *pull = json_get(g->manifest, "pull");
    f->url = json_cstr(json_get(r, "url"), "");
    f->base = json_cstr(json_get(pull, "url"), "");
    f->ca_file = json_cstr(json_get(pull, "ca"), "");
    f->private_too = json_bool(json_get(pull, "private"), false);
    f->stop = &g->pull->stop;
    if (json_count(list) > FETCH_HEADERS_MAX)
        return err_set(e, ERR_SCRIPT, "request 的 headers 太多");
    for (size_t i = 0; i < json_count(list); i++)
        if (!header_fill(g, json_string(json_item(list, i)), &f->headers[i], e))
            return false;
    return true;
}

/* Any answer but a good one is a failure to be tried again. */
static bool status_check(struct page *g, const struct fetch *f, struct err *e)
{
    if (f->status == 200)
        return true;
    g->retry_after_s = f->retry_after_s;
    if (f->status >= 300 && f->status < 400)
        return err_set(e, ERR_DENIED, "对方要我们改去别处（HTTP %ld），不跟随；请改设定的地址",
                       f->status);
    if (f->status == 401 || f->status == 403)
        return err_set(e, ERR_DENIED,
                       "对方不认口令（HTTP %ld），请用 wangyi feed secret 换一个", f->status);
    return err_set(e, ERR_SYSTEM, "对方回答 HTTP %ld", f->status);
}

static bool page_read(struct page *g, const struct fetch *f, struct err *e)
{
    struct buf head = {0};
    struct json_w w = json_w_begin(&head);
    json_w_object(&w);
    struct buf at = {0};
    calendar_put_datetime(&at, clock_wall_us());
    json_w_kspan(&w, "received_at", buf_view(&at));
    buf_free(&at);
    if (g->from.cursor.p)
        json_w_kspan(&w, "cursor", g->from.cursor);
    json_w_name(&w, "headers");
    json_w_object(&w);
    json_w_kstr(&w, "content-type", f->type);
    json_w_object_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct span members = {head.p + 1, head.n - 2};
    bool ok = inlet_read(&g->inlet, server_options(g->pull->server), g->street, NULL, g->feed,
                         members, buf_view(&f->body), e);
    buf_free(&head);
    if (ok && g->inlet.more && (!g->inlet.cursor.p || span_eq(g->inlet.cursor, g->from.cursor)))
        ok = err_set(e, ERR_INPUT, "对方说还有下一页，游标却没有动");
    if (ok && !g->inlet.more)
        inlet_touch(&g->inlet, g->street, g->from.types);
    return ok;
}

static bool page_begin(struct page *g, struct err *e)
{
    struct view *v = view_open(server_options(g->pull->server)->store, e);
    if (!v)
        return false;
    place_read(v, &g->arena, g->feed, &g->from);
    view_close(v);
    if (g->from.cycle.n && g->from.cycle.n < sizeof g->cycle) {
        memcpy(g->cycle, g->from.cycle.p, g->from.cycle.n);
    } else {
        uint64_t seed;
        id_random(&seed, sizeof seed);
        id_from_seed(g->cycle, seed, SPAN("pull"));
    }
    return true;
}

static bool page_run(struct page *g, struct err *e)
{
    struct fetch f = {0};
    g->command.apply = page_apply;
    bool ok = page_begin(g, e) && page_ask(g, &f, e) && fetch_run(&f, e) &&
              status_check(g, &f, e) && page_read(g, &f, e) &&
              writer_call(server_options(g->pull->server)->writer, &g->command, e);
    buf_free(&f.body);
    return ok;
}

/* All pages there are. False: one failed; *retry_after_s is when the other side wants to be asked again. */
static bool run_feed(struct pull *p, const char *name, const struct json *manifest,
                     int64_t *retry_after_s)
{
    struct err e = {0};
    struct inlet_board *board = server_inlets(p->server);
    bool more = true, ok = true;
    for (int i = 0; i < PAGES_MAX && ok && more && !atomic_load(&p->stop); i++) {
        struct page *g = mem_alloc(sizeof *g);
        g->pull = p;
        g->feed = span_of(name);
        g->manifest = manifest;
        g->street = server_street_ref(p->server);
        ok = page_run(g, &e);
        more = g->inlet.more;
        *retry_after_s = g->retry_after_s;
        if (!atomic_load(&p->stop) || ok)
            inlet_note(board, g->feed, &g->inlet, ok ? NULL : &e);
        inlet_free(&g->inlet);
        street_unref(g->street);
        arena_free(&g->arena);
        mem_free(g);
    }
    if (!ok && !atomic_load(&p->stop))
        log_warn("pull", "%s: %s", name, e.text);
    return ok;
}

/* --- when ---------------------------------------------------------------------------------------------------- */

static struct source *source_of(struct pull *p, struct span name)
{
    for (int i = 0; i < p->count; i++)
        if (span_eq(span_of(p->sources[i].name), name))
            return &p->sources[i];
    return NULL;
}

static bool schedule_of(const struct json *manifest, struct schedule *s)
{
    return schedule_parse(json_string(json_get(json_get(manifest, "pull"), "every")), s, NULL);
}

/* When it is to be asked first: at once if it never was, or stands between two pages. */
static int64_t first_at(struct pull *p, struct span name, const struct json *manifest)
{
    struct arena a = {0};
    struct place place = {0};
    struct schedule s;
    struct view *v = view_open(server_options(p->server)->store, NULL);
    if (v) {
        place_read(v, &a, name, &place);
        view_close(v);
    }
    bool now = !place.row.p || place.cycle.n || !schedule_of(manifest, &s);
    int64_t at = now ? 0 : schedule_next(&s, place.ok_at);
    arena_free(&a);
    return at;
}

static void look_at(struct pull *p, const struct json *list)
{
    for (int i = 0; i < p->count; i++)
        p->sources[i].here = false;
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *one = json_item(list, i), *manifest = json_get(one, "feed");
        struct span name = json_string(json_get(one, "name"));
        if (!json_string(json_get(json_get(manifest, "pull"), "url")).n)
            continue;
        struct source *s = source_of(p, name);
        if (!s && p->count < FEEDS_MAX && name.n < sizeof s->name) {
            int64_t at = first_at(p, name, manifest);
            s = &p->sources[p->count++];
            *s = (struct source){.next_at = at};
            memcpy(s->name, name.p, name.n);
        }
        if (s)
            s->here = true;
    }
    for (int i = p->count; i-- > 0;)
        if (!p->sources[i].here)
            p->sources[i] = p->sources[--p->count];
}

static const struct json *manifest_of(const struct json *list, const char *name)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (span_eq(json_string(json_get(json_item(list, i), "name")), span_of(name)))
            return json_get(json_item(list, i), "feed");
    return NULL;
}

/* Doubling, and between half and all of it, so that many who failed together do not come back together. */
static int64_t back_off_us(int failures, int64_t retry_after_s)
{
    uint32_t draw;
    int64_t s = BACKOFF_FIRST_S;
    id_random(&draw, sizeof draw);
    for (int i = 1; i < failures && s < BACKOFF_MAX_S; i++)
        s *= 2;
    s = s < BACKOFF_MAX_S ? s : BACKOFF_MAX_S;
    int64_t us = s * 500000 + (int64_t)(draw % 1000) * s * 500;
    retry_after_s = retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S;
    return us > retry_after_s * 1000000 ? us : retry_after_s * 1000000;
}

static void run_due(struct pull *p, const char *name, const struct json *manifest)
{
    int64_t retry_after_s = 0;
    struct schedule every;
    bool ok = run_feed(p, name, manifest, &retry_after_s);
    int64_t now = clock_wall_us();
    pthread_mutex_lock(&p->lock);
    struct source *s = source_of(p, span_of(name));
    if (s && ok) {
        s->failures = 0;
        s->next_at =
            schedule_of(manifest, &every) ? schedule_next(&every, now) : now + 3600LL * 1000000;
    } else if (s) {
        s->failures++;
        s->next_at = now + back_off_us(s->failures, retry_after_s);
    }
    pthread_mutex_unlock(&p->lock);
}

/* The name of one that is due. */
static bool any_due(struct pull *p, char name[33])
{
    int64_t now = clock_wall_us();
    for (int i = 0; i < p->count; i++)
        if (p->sources[i].next_at <= now) {
            memcpy(name, p->sources[i].name, 33);
            return true;
        }
    return false;
}

/* Once around: what the files say now, then who is due. */
static void go_round(struct pull *p)
{
    static const struct json_limits limits = {
        .bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    const struct server_engine *engine = &server_options(p->server)->engine;
    struct arena a = {0};
    struct buf json = {0};
    char name[33];
    engine->feed_list(engine->ctx, &json);
    const struct json *list = json_parse(&a, buf_view(&json), &limits, NULL, NULL);
    pthread_mutex_lock(&p->lock);
    look_at(p, list);
    while (!atomic_load(&p->stop) && any_due(p, name)) {
        pthread_mutex_unlock(&p->lock);
        run_due(p, name, manifest_of(list, name));
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    buf_free(&json);
    arena_free(&a);
}

static int64_t soonest(struct pull *p)
{
    int64_t wait = LOOK_US, now = clock_wall_us();
    for (int i = 0; i < p->count; i++)
        if (p->sources[i].next_at - now < wait)
            wait = p->sources[i].next_at - now;
    return wait > 10000 ? wait : 10000;
}

static void *work(void *ctx)
{
    struct pull *p = ctx;
    while (!atomic_load(&p->stop)) {
        go_round(p);
        pthread_mutex_lock(&p->lock);
        if (!atomic_load(&p->stop))
            clock_cond_wait(&p->woken, &p->lock, clock_mono_us() + soonest(p));
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* --- from outside -------------------------------------------------------------------------------------------- */

struct pull *pull_start(struct server *s)
{
    if (!server_options(s)->engine.feed_list)
        return NULL;
    struct pull *p = mem_alloc(sizeof *p);
    p->server = s;
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->woken);
    fetch_global_init();
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&p->thread, NULL, work, p) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void pull_stop(struct pull *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_signal(&p->woken);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->woken);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

bool pull_now(struct pull *p, struct span feed, struct err *e)
{
    bool found = false;
    if (p) {
        pthread_mutex_lock(&p->lock);
        struct source *s = source_of(p, feed);
        found = s != NULL;
        if (s)
            s->next_at = 0;
        pthread_cond_signal(&p->woken);
        pthread_mutex_unlock(&p->lock);
    }
    return found || err_set(e, ERR_MISSING, "没有这个名字的定时取数，或它还没有设地址");
}

bool pull_next(struct pull *p, struct span feed, int64_t *next_at)
{
    bool found = false;
    if (!p)
        return false;
    pthread_mutex_lock(&p->lock);
    const struct source *s = source_of(p, feed);
    if (s)
        *next_at = s->next_at;
    found = s != NULL;
    pthread_mutex_unlock(&p->lock);
    return found;
}
