/* A street with a real supervisor, ticker and store for tests of the engine process: the test's own program is
 * also the engine that the supervisor starts (world_main). */
#ifndef WY_TESTS_ENGINE_WORLD_H
#define WY_TESTS_ENGINE_WORLD_H

#include "host.h"

#include <ftw.h>
#include <sys/stat.h>

#include "domain/alert.h"
#include "domain/outcome.h"
#include "domain/record.h"
#include "domain/scenario.h"
#include "domain/timetable.h"
#include "engine/supervisor.h"
#include "engine/ticker.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/log.h"

/* --- a street --------------------------------------------------------------------------------------------- */

struct world {
    char dir[64];
    char self[512];
    struct store *store;
    struct writer *writer;
    struct supervisor *supervisor;
    struct ticker *ticker;
    int wall_ms, alert_limit;
    bool held;     /* the clock, at 2020-03-01T08:00 */
    bool release;  /* … and goes on by itself from now on */
    int64_t begin; /* held there */
};

struct job {
    struct command command;
    bool (*run)(struct job *j, struct txn *t, struct err *e);
    const char *id, *text, *manifest;
    const struct record *records;
    size_t count;
    int64_t clock;
    enum scenario_resume how;
};

static inline bool apply_job(struct command *c, struct txn *t, struct err *e)
{
    struct job *j = (struct job *)c;
    return j->run(j, t, e);
}

static inline bool try_job(struct world *w, struct job *j, struct err *e)
{
    j->command.apply = apply_job;
    return writer_call(w->writer, &j->command, e);
}

static inline void do_job(struct world *w, struct job *j)
{
    struct err e = {0};
    if (!try_job(w, j, &e))
        fail_msg("%s", e.text);
}

static inline bool import(struct job *j, struct txn *t, struct err *e)
{
    bool changed;
    if (j->clock && !txn_clock_hold(t, j->clock, e))
        return false;
    return street_import(t, buf_view(&host_records), buf_view(&host_org),
                         buf_view(&host_calendar), &changed, e);
}

static inline bool let_go(struct job *j, struct txn *t, struct err *e)
{
    (void)j;
    return txn_clock_release(t, e);
}

static inline bool publish(struct job *j, struct txn *t, struct err *e)
{
    struct scenario_publish p = {.id = span_of(j->id),
                                 .text = span_of(j->text),
                                 .kind = SPAN("file"),
                                 .author = SPAN("test"),
                                 .manifest = span_of(j->manifest)};
    uint64_t version;
    return scenario_publish(t, &p, &version, e);
}

static inline void world_publish(struct world *w, const char *id, const char *text)
{
    struct buf manifest = {0};
    host_manifest(id, text, &manifest);
    buf_char(&manifest, 0);
    struct job j = {.run = publish, .id = id, .text = text, .manifest = manifest.p};
    do_job(w, &j);
    buf_free(&manifest);
}

static inline bool resume(struct job *j, struct txn *t, struct err *e)
{
    return scenario_resume(t, span_of(j->id), j->how, SPAN("test"), SPAN("试"), e);
}

static inline void world_resume(struct world *w, const char *id, enum scenario_resume how)
{
    struct job j = {.run = resume, .id = id, .how = how};
    do_job(w, &j);
}

static inline bool put(struct job *j, struct txn *t, struct err *e)
{
    struct batch b = {.type = j->records->type,
                      .records = j->records,
                      .count = j->count,
                      .source = SPAN("test"),
                      .quiet = true};
    struct batch_result r;
    return record_apply(t, street_dictionary(host_street), &b, &r, e);
}

/* buildings PREFIX<from> … PREFIX<to - 1>, in one command */
static inline void world_put(struct world *w, const char *prefix, int from, int to)
{
    struct arena a = {0};
    const struct type *t = dictionary_find(street_dictionary(host_street), SPAN("building"));
    struct record *list = arena_alloc(&a, (size_t)(to - from) * sizeof *list);
    for (int i = from; i < to; i++) {
        struct err e = {0};
        const char *field, *text = arena_printf(&a, "{\"building_id\":\"%s%d\"}", prefix, i);
        if (!record_parse(t, span_of(text), NULL, &a, &list[i - from], &field, &e))
            fail_msg("%s", e.text);
        list[i - from].type = t;
    }
    struct job j = {.run = put, .records = list, .count = (size_t)(to - from)};
    do_job(w, &j);
    arena_free(&a);
}

/* One record of any type, as JSON. */
static inline void world_record(struct world *w, const char *type, const char *json)
{
    struct arena a = {0};
    struct err e = {0};
    const char *field;
    struct record one;
    const struct type *t = dictionary_find(street_dictionary(host_street), span_of(type));
    if (!t || !record_parse(t, span_of(json), NULL, &a, &one, &field, &e))
        fail_msg("%s: %s", type, e.text);
    one.type = t;
    struct job j = {.run = put, .records = &one, .count = 1};
    do_job(w, &j);
    arena_free(&a);
}

static inline bool stand_still(struct job *j, struct txn *t, struct err *e)
{
    return scenario_pause(t, span_of(j->id), SPAN("test"), SPAN("试"), e);
}

static inline void world_pause(struct world *w, const char *id)
{
    struct job j = {.run = stand_still, .id = id};
    do_job(w, &j);
    supervisor_changed(w->supervisor);
}

static inline void world_start(struct world *w)
{
    struct err e = {0};
    struct store_options so = {.dir = w->dir, .map_bytes = 256u << 20};
    w->store = store_open(&so, &e);
    if (!w->store)
        fail_msg("%s", e.text);
    w->writer = writer_start(w->store, &e);
    assert_non_null(w->writer);
    struct supervisor_options o = {.self = w->self,
                                   .data_dir = w->dir,
                                   .scripts_dir = "scripts",
                                   .store = w->store,
                                   .writer = w->writer,
                                   .wall_ms = w->wall_ms,
                                   .alert_limit = w->alert_limit};
    w->supervisor = supervisor_start(&o, &e);
    assert_non_null(w->supervisor);
    struct job j = {.run = import};
    if (w->release)
        j.run = let_go;
    j.clock = w->begin;
    if (w->held)
        calendar_parse_datetime(SPAN("2020-03-01T08:00:00+08:00"), &j.clock);
    do_job(w, &j);
    w->ticker = ticker_start(w->store, w->writer, w->supervisor, &e);
    assert_non_null(w->ticker);
}

static inline void world_stop(struct world *w)
{
    ticker_stop(w->ticker);
    supervisor_stop(w->supervisor);
    writer_stop(w->writer);
    store_close(w->store);
    w->store = NULL;
}

static inline void world_make(struct world *w)
{
    ssize_t n = readlink("/proc/self/exe", w->self, sizeof w->self - 1);
    assert_true(n > 0);
    w->self[n] = 0;
    strcpy(w->dir, "/tmp/wy-process-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    host_open();
    world_start(w);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void world_end(struct world *w)
{
    if (w->store)
        world_stop(w);
    nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline uint64_t world_head(struct world *w)
{
    struct store_stats s;
    store_stats(w->store, &s);
    return s.head;
}

static inline void world_settle(struct world *w)
{
    if (!supervisor_caught_up(w->supervisor, world_head(w), 20000))
        fail_msg("the engine did not catch up");
}

/* A held clock goes on to `time`, with everything due on the way. */
static inline void world_move(struct world *w, const char *time)
{
    int64_t to;
    struct err e = {0};
    assert_true(calendar_parse_datetime(span_of(time), &to));
    if (!ticker_move(w->ticker, to, &e))
        fail_msg("%s: %s", time, e.text);
}

/* All alerts of a scenario as text: "key level state count;" in order of key. */
static inline const char *world_alerts(struct world *w, const char *id, char out[4000])
{
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    struct view *v = view_open(w->store, &e);
    struct alert_scan *s = alert_scan_open(v, span_of(id), SEQ_LATEST);
    size_t n = 0;
    out[0] = 0;
    while (alert_scan_next(s, &a, &al, &e) && n < 3900)
        n += (size_t)snprintf(out + n, 4000 - n, "%.*s %s %s %d;", SPAN_ARG(al.key),
                              alert_level_name(al.level), alert_state_name(al.state),
                              (int)al.count);
    alert_scan_close(s);
    view_close(v);
    arena_free(&a);
    return out;
}

/* Open and all alerts of a scenario; sum of their counts. */
struct tally {
    int all, open;
    uint64_t count;
};

static inline struct tally world_tally(struct world *w, const char *id)
{
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    struct tally t = {0};
    struct view *v = view_open(w->store, &e);
    struct alert_scan *s = alert_scan_open(v, span_of(id), SEQ_LATEST);
    while (alert_scan_next(s, &a, &al, &e)) {
        t.all++;
        t.open += alert_is_open(&al);
        t.count += al.count;
    }
    alert_scan_close(s);
    view_close(v);
    arena_free(&a);
    return t;
}

static inline enum scenario_state world_state(struct world *w, const char *id, char fault[400])
{
    struct err e = {0};
    struct arena a = {0};
    struct scenario_status st;
    struct view *v = view_open(w->store, &e);
    scenario_status(v, &a, span_of(id), &st);
    snprintf(fault, 400, "%s", json_cstr(json_get(st.fault, "message"), ""));
    view_close(v);
    arena_free(&a);
    return st.state;
}

static inline void wait_state(struct world *w, const char *id, enum scenario_state want,
                              char fault[400])
{
    for (int i = 0; i < 400; i++) {
        if (world_state(w, id, fault) == want)
            return;
        usleep(25000);
    }
    fail_msg("%s did not reach state %d", id, want);
}

/* What cli/engine does with these arguments. */
static inline int world_engine(int argc, char **argv)
{
    struct engine_options o = {0};
    for (int i = 2; i + 1 < argc; i += 2) {
        int number = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--data") == 0)
            o.data_dir = argv[i + 1];
        else if (strcmp(argv[i], "--scripts") == 0)
            o.scripts_dir = argv[i + 1];
        else if (strcmp(argv[i], "--control") == 0)
            o.control = number;
        else if (strcmp(argv[i], "--head") == 0)
            o.head_fd = number;
        else if (strcmp(argv[i], "--page") == 0)
            o.page_fd = number;
        else if (strcmp(argv[i], "--alert-limit") == 0)
            o.alert_limit = number;
    }
    log_set_level(getenv("V") ? LOG_DEBUG : LOG_ERROR);
    return engine_run(&o);
}

/* What main does first: true if this process is an engine and has run (*code). */
static inline bool world_main(int argc, char **argv, int *code)
{
    if (argc > 1 && strcmp(argv[1], "engine") == 0) {
        *code = world_engine(argc, argv);
        return true;
    }
    log_set_level(getenv("V") ? LOG_DEBUG : LOG_ERROR);
    return false;
}

/* A script that judges buildings; `body` sees row and ctx. */
#define ON_BUILDING(body)                                                                      \
    HOST_SCRIPT("reads = { 'building' },\n"                                                    \
                "on = { building = function(row, ctx)\n" body " end },")

#endif
