/*
 * `wangyi engine`: reads the journal, judges it with every running scenario, sends outcomes to the server.
 * One thread. The front reader reads each entry once and hands it to the scenarios that keep pace;
 * those behind catch up by themselves until they have reached the front.
 */
#include "engine/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/entry_type.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "engine/frame.h"
#include "engine/instance.h"
#include "engine/late.h"
#include "engine/page.h"
#include "engine/privilege.h"
#include "engine/runner.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    CHUNK = 256, /* entries read at once */
    BATCH_EFFECTS = 500,
    BATCH_US = 100 * 1000,   /* effects wait no longer while there is more to read */
    CURSOR_US = 1000 * 1000, /* cursors without effects: each costs the writer a sync */
    CURSOR_IDLE_MS = 100,    /* the same once there is nothing more to read */
    CURSOR_ENTRIES = 20000,
    IDLE_MS = 1000,
    ON_WAY_MAX = 8,     /* outcomes of one scenario at the writer */
    OUT_MAX = 16 << 20, /* bytes that the server has not taken yet: then stop judging */
};

struct process {
    struct engine engine; /* first: the callbacks come with it */
    struct store *store;
    int control, head_fd;
    int limit; /* alert_limit as asked for */
    struct buf in, out;
    struct runner **runners;
    size_t count;
    uint64_t front, told; /* last entry read; last "seen" sent */
    bool look_again, config_changed, gone;
    bool begun; /* the server has said whom to set aside */
};

/* --- talking to the server ---------------------------------------------------------------------------- */

static void put_frame(struct process *p, struct span json)
{
    frame_put(&p->out, json);
    if (!frame_write(p->control, &p->out))
        p->gone = true;
}

static void send_outcome(struct engine *en, struct span json)
{
    struct process *p = (struct process *)en;
    struct buf text = {0};
    buf_str(&text, "{\"t\":\"outcome\",");
    buf_put(&text, json.p + 1, json.n - 1);
    put_frame(p, buf_view(&text));
    buf_free(&text);
}

static struct runner *find(struct process *p, struct span id)
{
    for (size_t i = 0; i < p->count; i++)
        if (span_eq(span_of(p->runners[i]->id), id))
            return p->runners[i];
    return NULL;
}

static void take_aside(struct process *p, const struct json *m)
{
    struct aside *x = mem_alloc(sizeof *x);
    int64_t seq = 0;
    json_int(json_get(m, "seq"), &seq);
    x->seq = (uint64_t)seq;
    snprintf(x->scenario, sizeof x->scenario, "%s", json_cstr(json_get(m, "scenario"), ""));
    snprintf(x->why, sizeof x->why, "%s", json_cstr(json_get(m, "why"), ""));
    x->next = p->engine.asides;
    p->engine.asides = x;
}

static void handle(struct process *p, struct span frame)
{
    struct arena a = {0};
    const struct json *m = json_parse(&a, frame, NULL, NULL, NULL);
    struct span t = json_string(json_get(m, "t"));
    if (span_eq(t, SPAN("changed"))) {
        p->look_again = p->config_changed = true;
    } else if (span_eq(t, SPAN("aside"))) {
        take_aside(p, m);
    } else if (span_eq(t, SPAN("begin"))) {
        p->begun = true;
    } else if (span_eq(t, SPAN("ack"))) {
        struct runner *r = find(p, json_string(json_get(m, "scenario")));
        int64_t to = 0;
        json_int(json_get(m, "to"), &to);
        if (r)
            runner_answered(r, (uint64_t)to, json_bool(json_get(m, "ok"), false));
    }
    arena_free(&a);
}

static void hear(struct process *p)
{
    struct span frame;
    bool broken = false;
    if (!frame_read(p->control, &p->in))
        p->gone = true;
    while (frame_get(&p->in, &frame, &broken)) {
        handle(p, frame);
        frame_drop(&p->in, frame);
    }
    p->gone |= broken;
}

/* Wait for frames, room to write, or a growing journal. */
static void listen_for(struct process *p, int ms)
{
    struct pollfd fds[2] = {{.fd = p->control, .events = POLLIN},
                            {.fd = p->head_fd, .events = POLLIN}};
    if (p->out.n)
        fds[0].events |= POLLOUT;
    if (poll(fds, 2, ms) < 0 && errno != EINTR)
        p->gone = true;
    uint64_t count;
    if (fds[1].revents & POLLIN && read(p->head_fd, &count, sizeof count) < 0 &&
        errno != EAGAIN)
        p->gone = true;
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        hear(p);
    if (p->out.n && !frame_write(p->control, &p->out))
        p->gone = true;
}

static bool wait_for(struct engine *en, struct runner *r)
{
    struct process *p = (struct process *)en;
    while (!p->gone && r->on_way > 0) {
        struct pollfd fd = {.fd = p->control,
                            .events = (short)(POLLIN | (p->out.n ? POLLOUT : 0))};
        if (poll(&fd, 1, IDLE_MS) < 0 && errno != EINTR)
            p->gone = true;
        if (fd.revents & (POLLIN | POLLHUP | POLLERR))
            hear(p);
        if (p->out.n && !frame_write(p->control, &p->out))
            p->gone = true;
    }
    return !p->gone;
}

/* --- which scenarios run --------------------------------------------------------------------------------- */

static void load_street(struct process *p)
{
    struct err e = {0};
    struct street *street = street_load(p->engine.view, SEQ_LATEST, &e);
    if (!street) {
        if (e.code != ERR_MISSING)
            log_error("engine", "office files not readable: %s", e.text);
        return;
    }
    street_unref(p->engine.street);
    p->engine.street = street;
    for (size_t i = 0; i < p->count; i++)
        if (p->runners[i]->state == RUNNER_RUNNING)
            runner_stale(p->runners[i]);
}

static void look_again(struct process *p)
{
    struct arena a = {0};
    const struct span *ids;
    p->look_again = false;
    if (p->config_changed || !p->engine.street)
        load_street(p);
    p->config_changed = false;
    if (!p->engine.street)
        return;
    size_t n = scenario_list(p->engine.view, &a, &ids, NULL);
    for (size_t i = 0; i < n; i++) {
        if (find(p, ids[i]))
            continue;
        struct runner *r = mem_alloc(sizeof *r);
        runner_init(r, &p->engine, ids[i]);
        p->runners = mem_array(p->runners, p->count + 1, sizeof *p->runners);
        p->runners[p->count++] = r;
    }
    arena_free(&a);
    for (size_t i = 0; i < p->count; i++)
        if (p->runners[i]->state != RUNNER_STALE && !runner_is_current(p->runners[i]))
            runner_stale(p->runners[i]);
    int64_t held;
    p->engine.alert_limit = clock_is_held(p->engine.view, &held) ? 0 : p->limit;
}

/* Load what is stale and has nothing on the way any more; a refused one becomes stale here. */
static void load_stale(struct process *p)
{
    bool renewed = false;
    for (size_t i = 0; i < p->count; i++) {
        struct runner *r = p->runners[i];
        if (r->refused && r->state != RUNNER_STALE)
            runner_stale(r);
        if (r->state != RUNNER_STALE || r->on_way > 0)
            continue;
        if (!renewed)
            runner_renew(&p->engine);
        renewed = true;
        runner_load(r);
    }
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static void flush_due(struct runner *r, bool idle)
{
    if (r->state != RUNNER_RUNNING || r->cursor == r->sent)
        return;
    int64_t age = r->made_at ? clock_mono_us() - r->made_at : 0;
    bool effects = r->made.effect_count > 0;
    int64_t patience = idle ? CURSOR_IDLE_MS * 1000 : CURSOR_US;
    if (r->on_way >= ON_WAY_MAX && r->made.effect_count < ON_WAY_MAX * BATCH_EFFECTS)
        return; /* the writer is behind: larger pieces */
    if (effects ? idle || age >= BATCH_US || r->made.effect_count >= BATCH_EFFECTS
                : age >= patience || r->cursor - r->sent >= CURSOR_ENTRIES)
        runner_flush(r);
}

static void note_special(struct process *p, const struct entry *e)
{
    if (e->type == ENTRY_VERSION || e->type == ENTRY_STATUS || e->type == ENTRY_CLOCK)
        p->look_again = true;
    if (e->type == ENTRY_CONFIG)
        p->look_again = p->config_changed = true;
}

/* A scenario behind the front reads a piece by itself. */
static bool catch_up(struct process *p, struct runner *r)
{
    struct arena a = {0};
    struct entry chunk[CHUNK];
    struct err e = {0};
    size_t n = 0;
    size_t want = p->front - r->cursor < CHUNK ? (size_t)(p->front - r->cursor) : CHUNK;
    if (!journal_read(p->engine.view, &a, r->cursor + 1, chunk, want, &n, &e))
        log_error("engine", "journal not readable: %s", e.text);
    for (size_t i = 0; i < n && r->state == RUNNER_RUNNING && !r->refused; i++) {
        if (runner_wants(r, chunk[i].type))
            runner_judge(r, &chunk[i]);
        else
            r->cursor = chunk[i].seq;
        if (r->made_at == 0)
            r->made_at = clock_mono_us();
    }
    arena_free(&a);
    flush_due(r, false);
    return n > 0;
}

/* The next piece for all that keep pace. A scenario keeps pace as long as its cursor is the front. */
static bool read_front(struct process *p)
{
    struct arena a = {0};
    struct entry chunk[CHUNK];
    struct err e = {0};
    size_t n = 0;
    if (!journal_read(p->engine.view, &a, p->front + 1, chunk, CHUNK, &n, &e))
        log_error("engine", "journal not readable: %s", e.text);
    for (size_t i = 0; i < n; i++) {
        note_special(p, &chunk[i]);
        for (size_t k = 0; k < p->count; k++) {
            struct runner *r = p->runners[k];
            if (r->state != RUNNER_RUNNING || r->refused || r->cursor != p->front)
                continue;
            if (runner_wants(r, chunk[i].type))
                runner_judge(r, &chunk[i]);
            else
                r->cursor = chunk[i].seq;
            if (r->made_at == 0)
                r->made_at = clock_mono_us();
        }
        p->front = chunk[i].seq;
        if (p->look_again)
            break; /* a version may take over right behind this entry */
    }
    arena_free(&a);
    for (size_t k = 0; k < p->count; k++)
        flush_due(p->runners[k], false);
    return n > 0;
}

/* Entries from which on something is not judged yet. */
static uint64_t judged_by_all(const struct process *p)
{
    uint64_t seen = p->front;
    for (size_t i = 0; i < p->count; i++) {
        const struct runner *r = p->runners[i];
        if (r->state == RUNNER_STALE || r->refused)
            return 0;
        if (r->state == RUNNER_RUNNING && r->cursor < seen)
            seen = r->cursor;
    }
    return seen;
}

static void tell_seen(struct process *p)
{
    uint64_t seen = judged_by_all(p);
    bool news = seen > p->told;
    p->told = seen; /* less than before if something was refused and is judged again */
    if (!news)
        return;
    char text[64];
    int n =
        snprintf(text, sizeof text, "{\"t\":\"seen\",\"seq\":%llu}", (unsigned long long)seen);
    put_frame(p, (struct span){text, (size_t)n});
}

static bool work(struct process *p)
{
    runner_renew(&p->engine);
    if (p->look_again || !p->engine.street)
        look_again(p);
    load_stale(p);
    bool busy = read_front(p);
    for (size_t i = 0; i < p->count; i++) {
        struct runner *r = p->runners[i];
        if (r->state == RUNNER_RUNNING && !r->refused && r->cursor < p->front)
            busy |= catch_up(p, r);
    }
    return busy || p->look_again;
}

/* Everything before the least cursor has been judged by all: the front begins there at the latest, at the
 * head at the earliest; who is behind catches up. */
static void set_front(struct process *p)
{
    look_again(p);
    load_stale(p);
    p->front = view_head(p->engine.view);
    for (size_t i = 0; i < p->count; i++)
        if (p->runners[i]->state == RUNNER_RUNNING && p->runners[i]->cursor < p->front)
            p->front = p->runners[i]->cursor;
}

static void run(struct process *p)
{
    while (!p->gone && !p->begun)
        listen_for(p, IDLE_MS);
    if (!p->gone)
        set_front(p);
    put_frame(p, SPAN("{\"t\":\"ready\"}"));
    while (!p->gone) {
        while (p->out.n > OUT_MAX && !p->gone)
            listen_for(p, IDLE_MS);
        if (work(p)) {
            listen_for(p, 0);
            continue;
        }
        bool waiting = false, stale = false;
        for (size_t i = 0; i < p->count; i++) {
            flush_due(p->runners[i], true);
            waiting |= p->runners[i]->cursor != p->runners[i]->sent;
            stale |= p->runners[i]->refused || p->runners[i]->state == RUNNER_STALE;
        }
        tell_seen(p);
        view_release(p->engine.view);
        listen_for(p, stale ? 20 : waiting ? CURSOR_IDLE_MS : IDLE_MS);
    }
}

/* --- start and end --------------------------------------------------------------------------------------------- */

static bool open_all(struct process *p, const struct engine_options *o, struct err *e)
{
    struct store_options so = {.dir = o->data_dir, .read_only = true};
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, o->page_fd, 0);
    if (page == MAP_FAILED)
        return err_set(e, ERR_SYSTEM, "shared page: %s", strerror(errno));
    p->engine.page = page;
    p->engine.modules = mem_alloc(sizeof *p->engine.modules);
    p->engine.ticks = mem_alloc(sizeof *p->engine.ticks);
    if (!sandbox_modules_read(p->engine.modules, o->scripts_dir, e))
        return false;
    p->store = store_open(&so, e);
    return p->store && (p->engine.view = view_open(p->store, e));
}

static void close_all(struct process *p)
{
    for (size_t i = 0; i < p->count; i++) {
        runner_fini(p->runners[i]);
        mem_free(p->runners[i]);
    }
    mem_free(p->runners);
    if (p->engine.view)
        view_close(p->engine.view);
    if (p->store)
        store_close(p->store);
    if (p->engine.street)
        street_unref(p->engine.street);
    if (p->engine.ticks)
        tick_log_clear(p->engine.ticks);
    if (p->engine.modules)
        sandbox_modules_free(p->engine.modules);
    while (p->engine.asides) {
        struct aside *x = p->engine.asides;
        p->engine.asides = x->next;
        mem_free(x);
    }
    mem_free(p->engine.ticks);
    mem_free(p->engine.modules);
    buf_free(&p->in);
    buf_free(&p->out);
}

int engine_run(const struct engine_options *o)
{
    struct process p = {.control = o->control, .head_fd = o->head_fd, .limit = o->alert_limit};
    struct err e = {0};
    unsigned fences = 0;
    int code = 1;
    p.engine.send = send_outcome;
    p.engine.wait = wait_for;
    p.engine.alert_limit = o->alert_limit;
    if (!open_all(&p, o, &e) || !privilege_drop(&fences, &e)) {
        log_error("engine", "not started: %s", e.text);
    } else {
        log_info("engine", "started pid=%d fences=%u", (int)getpid(), fences);
        run(&p);
        code = 0;
    }
    close_all(&p);
#ifdef __SANITIZE_ADDRESS__
    _exit(code); /* the leak check wants ptrace, which the fences forbid */
#endif
    return code;
}
