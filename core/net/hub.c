#include "net/hub.h"

#include <string.h>

#include "domain/access.h"
#include "domain/alert.h"
#include "domain/dataset.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "net/hub_impl.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

/* One turn of the loop reads so many events and serves so many sockets, then lets others go
 * first. */
enum { PUMP_EVENTS = 128, FLUSH_CONNS = 512, TICK_SLOTS = 3 };

const char *const hub_stream_names[HUB_STREAMS] = {"alerts", "scenarios"};

static void run_rest(struct server_task *t);

struct hub *hub_new(struct server *s, struct err *e)
{
    struct store *store = server_options(s)->store;
    struct view *v = view_open(store, e);
    if (!v)
        return NULL;
    struct hub *h = mem_alloc(sizeof *h);
    h->server = s;
    snprintf(h->epoch, sizeof h->epoch, "%s", store_epoch(store));
    h->flush_last = &h->flush_first;
    h->task.run = run_rest;
    for (int i = 0; i < HUB_STREAMS; i++)
        h->heads[i] = stream_head(v, span_of(hub_stream_names[i]));
    view_close(v);
    return h;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    must(!h->conns && !h->classes);
    for (int i = 0; i < HUB_STREAMS; i++)
        feed_log_free(&h->logs[i]);
    arena_free(&h->arena);
    buf_free(&h->payload);
    buf_free(&h->scratch);
    mem_free(h);
}

void hub_stats(const struct hub *h, struct hub_stats *out)
{
    *out = h->stats;
}

/* ---- the rest of a turn ---- */

static void post_rest(struct hub *h)
{
    if (h->task_posted)
        return;
    h->task_posted = true;
    server_post(h->server, &h->task);
}

static void queue_flush(struct ws_conn *c)
{
    struct hub *h = c->hub;
    if (c->flush_queued || !c->wsi)
        return;
    c->flush_queued = true;
    c->flush_next = NULL;
    *h->flush_last = c;
    h->flush_last = &c->flush_next;
}

void hub_queue_flush(struct ws_conn *c)
{
    queue_flush(c);
    post_rest(c->hub);
}

static void unqueue_flush(struct ws_conn *c)
{
    struct hub *h = c->hub;
    if (!c->flush_queued)
        return;
    struct ws_conn **p = &h->flush_first;
    while (*p != c)
        p = &(*p)->flush_next;
    *p = c->flush_next;
    if (!*p)
        h->flush_last = p;
    c->flush_queued = false;
}

static bool flush_some(struct hub *h)
{
    for (int i = 0; i < FLUSH_CONNS && h->flush_first; i++) {
        struct ws_conn *c = h->flush_first;
        unqueue_flush(c);
        if (h->flush_first)
            __builtin_prefetch(h->flush_first->wsi);
        ws_flush(c);
    }
    return h->flush_first != NULL;
}

static void run_rest(struct server_task *t)
{
    struct hub *h = (struct hub *)((char *)t - offsetof(struct hub, task));
    h->task_posted = false;
    hub_pump(h);
}

/* ---- connections and classes ---- */

void hub_enter(struct hub *h, struct ws_conn *c)
{
    c->hub = h;
    c->slot = (uint8_t)(h->slots++ % TICK_SLOTS);
    c->next = h->conns;
    c->link = &h->conns;
    if (h->conns)
        h->conns->link = &c->next;
    h->conns = c;
    c->refs++;
    h->stats.connections++;
}

static void class_unref(struct hub *h, struct hub_class *class)
{
    if (!class || --class->refs)
        return;
    struct hub_class **p = &h->classes;
    while (*p != class)
        p = &(*p)->next;
    *p = class->next;
    for (int i = 0; i < HUB_STREAMS; i++)
        feed_free(&class->feeds[i]);
    arena_free(&class->arena);
    mem_free(class);
}

void hub_sub_begin(struct ws_conn *c, enum hub_stream s)
{
    must(c->subs[s].state == SUB_OFF);
    c->subs[s].state = SUB_REPLAY;
    c->subs[s].reading = false;
    c->subs[s].serial++;
    c->class->listeners[s]++;
    c->hub->stats.subscriptions++;
}

bool hub_sub_live(struct ws_conn *c, enum hub_stream s, uint64_t mark)
{
    must(c->subs[s].state == SUB_REPLAY);
    if (!feed_join(&c->class->feeds[s], &c->subs[s].reader, mark, c))
        return false;
    c->subs[s].state = SUB_LIVE;
    return true;
}

void hub_sub_end(struct ws_conn *c, enum hub_stream s)
{
    if (c->subs[s].state == SUB_OFF)
        return;
    feed_leave(&c->subs[s].reader);
    c->subs[s].state = SUB_OFF;
    c->class->listeners[s]--;
    c->hub->stats.subscriptions--;
}

void hub_leave(struct ws_conn *c)
{
    struct hub *h = c->hub;
    unqueue_flush(c);
    for (int i = 0; i < HUB_STREAMS; i++)
        hub_sub_end(c, i);
    class_unref(h, c->class);
    c->class = NULL;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    h->stats.connections--;
    ws_conn_unref(c);
}

/* Whatever access_may looks at must be in the key, or two people would share what one may not
 * see. */
static void class_key(struct buf *b, const struct person *p)
{
    buf_printf(b, "%s%c%.*s", role_name(p->role), 0, SPAN_ARG(p->office));
    buf_printf(b, "%c%d", 0, p->disabled);
    for (size_t i = 0; i < p->office_count; i++)
        buf_printf(b, "%co%.*s", 0, SPAN_ARG(p->offices[i]));
    for (size_t i = 0; i < p->community_count; i++)
        buf_printf(b, "%cc%.*s", 0, SPAN_ARG(p->communities[i]));
    for (size_t i = 0; i < p->type_count; i++)
        buf_printf(b, "%ct%.*s", 0, SPAN_ARG(p->types[i]));
}

static struct span *copy_spans(struct arena *a, const struct span *list, size_t count)
{
    struct span *out = arena_alloc(a, (count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = arena_span(a, list[i]);
    return out;
}

struct person hub_person_copy(struct arena *a, const struct person *p)
{
    struct person out = *p;
    out.name = arena_span(a, p->name);
    out.display = arena_span(a, p->display);
    out.office = arena_span(a, p->office);
    out.offices = copy_spans(a, p->offices, p->office_count);
    out.communities = copy_spans(a, p->communities, p->community_count);
    out.types = copy_spans(a, p->types, p->type_count);
    return out;
}

static struct hub_class *class_get(struct hub *h, const struct person *p)
{
    struct buf key = {0};
    class_key(&key, p);
    struct hub_class *class = h->classes;
    while (class && !span_eq(class->key, buf_view(&key)))
        class = class->next;
    if (!class) {
        class = mem_alloc(sizeof *class);
        class->key = arena_span(&class->arena, buf_view(&key));
        class->person = hub_person_copy(&class->arena, p);
        class->next = h->classes;
        h->classes = class;
    }
    buf_free(&key);
    class->refs++;
    return class;
}

void hub_identify(struct ws_conn *c, const struct person *p)
{
    struct hub_class *new = class_get(c->hub, p);
    if (!c->class) {
        c->class = new;
        return;
    }
    if (new != c->class)
        ws_end(c, WS_TOO_SLOW, "rights have changed");
    class_unref(c->hub, new);
}

/* ---- events ---- */

bool hub_may_listen(const struct person *p, struct street *street, enum hub_stream s)
{
    return access_may(p, street, s == HUB_ALERTS ? ACCESS_ALERT_SEE : ACCESS_SCENARIO_SEE,
                      NULL);
}

bool hub_sees(const struct person *p, struct street *street, enum hub_stream s,
              const struct alert *al)
{
    return s == HUB_ALERTS ? access_may(p, street, ACCESS_ALERT_SEE, al)
                           : access_may(p, street, ACCESS_SCENARIO_SEE, NULL);
}

/* CloudEvents 1.0 about a scenario; the data is what it is now, so a repeat harms nobody. */
static bool scenario_event(struct server *s, struct view *v, struct arena *a,
                           struct street *street, uint64_t seq, uint64_t offset,
                           struct json_w *w, struct err *e)
{
    struct entry entry;
    struct span id;
    struct scenario scenario;
    struct scenario_counters counters = {0};
    if (!journal_get(v, a, seq, &entry, e))
        return false;
    if (key_split(entry.key, &id, 1) != 1)
        return err_set(e, ERR_STORE, "stream scenarios: entry %llu has no key",
                       (unsigned long long)seq);
    struct dataset_board board;
    if (!scenario_get(v, a, id, SEQ_LATEST, &scenario, e) ||
        !dataset_board_read(v, a, street_dictionary(street), clock_now(v, NULL), &board, e))
        return false;
    const struct server_engine *engine = &server_options(s)->engine;
    if (engine->counters)
        engine->counters(engine->ctx, id, &counters);
    struct buf time = {0};
    calendar_put_datetime(&time, entry.at);
    json_w_object(w);
    json_w_kstr(w, "specversion", "1.0");
    json_w_kstr(w, "id", arena_printf(a, "%llu", (unsigned long long)offset));
    json_w_kstr(w, "source", arena_printf(a, "/scenarios/%.*s", SPAN_ARG(id)));
    json_w_kstr(w, "type", "wangyi.scenario.changed");
    json_w_kspan(w, "time", buf_view(&time));
    json_w_kstr(w, "datacontenttype", "application/json");
    json_w_name(w, "data");
    scenario_view(v, a, &board, &scenario, &counters, w);
    json_w_object_end(w);
    buf_free(&time);
    return true;
}

bool hub_event(struct server *s, const char *epoch, struct view *v, struct arena *a,
               struct street *street, enum hub_stream stream, uint64_t seq, uint64_t offset,
               struct alert *al, struct buf *payload, struct err *e)
{
    buf_clear(payload);
    struct json_w w = json_w_begin(payload);
    json_w_object(&w);
    json_w_kstr(&w, "type", "event");
    json_w_kstr(&w, "stream", hub_stream_names[stream]);
    json_w_kstr(&w, "epoch", epoch);
    json_w_kint(&w, "offset", (int64_t)offset);
    json_w_name(&w, "event");
    if (stream == HUB_ALERTS ? !alert_event(v, a, street, seq, offset, al, &w, e)
                             : !scenario_event(s, v, a, street, seq, offset, &w, e))
        return false;
    json_w_object_end(&w);
    json_w_end(&w);
    return true;
}

static bool anybody_listens(const struct hub *h, enum hub_stream s)
{
    for (const struct hub_class *class = h->classes; class; class = class->next)
        if (class->listeners[s])
            return true;
    return false;
}

static void push(struct hub_class *class, enum hub_stream s, struct feed_message m)
{
    feed_push(&class->feeds[s], m);
    for (struct feed_reader *r = class->feeds[s].readers; r; r = r->next) {
        __builtin_prefetch(r->next);
        queue_flush(r->owner);
    }
}

void hub_spread(struct hub *h, struct street *street, enum hub_stream s, const struct alert *al,
                struct span payload)
{
    struct feed_message m = {0};
    for (struct hub_class *class = h->classes; class; class = class->next) {
        if (!class->listeners[s] || !hub_sees(&class->person, street, s, al))
            continue;
        if (!m.chunk)
            m = feed_add(&h->logs[s], payload);
        push(class, s, m);
    }
}

static void publish(struct hub *h, struct view *v, struct street *street, enum hub_stream s,
                    uint64_t seq, uint64_t offset)
{
    struct alert al;
    struct err e = {0};
    if (hub_event(h->server, h->epoch, v, &h->arena, street, s, seq, offset, &al, &h->payload,
                  &e))
        hub_spread(h, street, s, &al, buf_view(&h->payload));
    else
        log_error("hub", "event left out stream=%s offset=%llu seq=%llu: %s",
                  hub_stream_names[s], (unsigned long long)offset, (unsigned long long)seq,
                  e.text);
    arena_reset(&h->arena);
}

/* True if there is more than this turn may take. */
static bool read_stream(struct hub *h, struct view *v, struct street *street, enum hub_stream s)
{
    uint64_t head = stream_head(v, span_of(hub_stream_names[s]));
    if (head <= h->heads[s])
        return false;
    if (!anybody_listens(h, s) || !street) {
        h->heads[s] = head;
        return false;
    }
    uint64_t seqs[PUMP_EVENTS];
    size_t n = stream_read(v, span_of(hub_stream_names[s]), h->heads[s] + 1, seqs, PUMP_EVENTS);
    for (size_t i = 0; i < n; i++)
        publish(h, v, street, s, seqs[i], h->heads[s] + 1 + i);
    h->heads[s] += n;
    return n > 0 && h->heads[s] < head;
}

/* New events wait until the ones before have been offered to every socket: who keeps up must
 * not be taken for slow because we were. */
void hub_pump(struct hub *h)
{
    bool more = flush_some(h);
    if (!more) {
        struct view *v = server_view(h->server);
        if (!v) { /* the store is being reopened: the events wait */
            h->task_posted = true;
            server_post_later(h->server, &h->task);
            return;
        }
        struct street *street = server_street(h->server);
        for (int i = 0; i < HUB_STREAMS; i++)
            more |= read_stream(h, v, street, i);
        more |= flush_some(h);
    }
    if (more)
        post_rest(h);
}

void hub_committed(struct hub *h, uint64_t head)
{
    (void)head;
    if (!h->task_posted)
        hub_pump(h);
}

void hub_tell_scenarios(struct hub *h, const char *type, struct span scenario, struct span data)
{
    struct view *v = server_view(h->server);
    struct street *street = server_street(h->server);
    struct buf time = {0};
    char id[27];
    uint64_t seed;
    if (!v || !street)
        return;
    id_random(&seed, sizeof seed);
    id_from_seed(id, seed, SPAN("event"));
    calendar_put_datetime(&time, clock_now(v, NULL));
    buf_clear(&h->payload);
    struct json_w w = json_w_begin(&h->payload);
    json_w_object(&w);
    json_w_kstr(&w, "type", "event");
    json_w_kstr(&w, "stream", hub_stream_names[HUB_SCENARIOS]);
    json_w_kstr(&w, "epoch", h->epoch);
    json_w_name(&w, "event");
    json_w_object(&w);
    json_w_kstr(&w, "specversion", "1.0");
    json_w_kstr(&w, "id", id);
    json_w_kstr(&w, "source", arena_printf(&h->arena, "/scenarios/%.*s", SPAN_ARG(scenario)));
    json_w_kstr(&w, "type", type);
    json_w_kspan(&w, "time", buf_view(&time));
    json_w_kstr(&w, "datacontenttype", "application/json");
    json_w_kraw(&w, "data", data);
    json_w_object_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    hub_spread(h, street, HUB_SCENARIOS, NULL, buf_view(&h->payload));
    arena_reset(&h->arena);
    buf_free(&time);
    post_rest(h);
}

void hub_tick(struct hub *h)
{
    int64_t now = clock_mono_us();
    unsigned slot = h->ticks++ % TICK_SLOTS;
    for (struct ws_conn *c = h->conns, *next; c; c = next) {
        next = c->next;
        ws_tick(c, c->slot == slot, now);
    }
}

void hub_look_at(struct hub *h, struct span name)
{
    for (struct ws_conn *c = h->conns, *next; c; c = next) {
        next = c->next;
        if (c->class && !c->closing && span_eq(span_of(c->name), name))
            ws_look(c);
    }
}

void hub_stop(struct hub *h)
{
    h->stopping = true;
    for (struct ws_conn *c = h->conns; c; c = c->next)
        ws_goodbye(c);
}
