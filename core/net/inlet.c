#include "net/inlet.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "domain/access.h"
#include "domain/street.h"
#include "domain/user.h"
#include "net/server.h"
#include "store/txn.h"
#include "store/version.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/mem.h"

enum { SHOWN_MAX = 100, FEEDS_MAX = 64 };

/* --- reading ------------------------------------------------------------------------------------------------ */

static void refuse(struct inlet *in, struct inlet_part *part, const struct record_refusal *x)
{
    if (part)
        part->refusals[part->refusal_count++] = *x;
    if (!in->refused) {
        snprintf(in->refusal, sizeof in->refusal, "%s%s%s", x->field, x->field[0] ? "：" : "",
                 x->message);
        in->refusal[span_cut_utf8(span_of(in->refusal), sizeof in->refusal - 1)] = '\0';
    }
    if (in->refused++ >= SHOWN_MAX)
        return;
    buf_char(&in->shown, in->shown.n ? ',' : '[');
    struct json_w w = json_w_begin(&in->shown);
    record_refusal_view(x, &w);
    json_w_end(&w);
}

static struct inlet_part *part_of(struct inlet *in, const struct type *t, size_t most)
{
    for (int i = 0; i < in->part_count; i++)
        if (in->parts[i].type == t)
            return &in->parts[i];
    if (in->part_count == INLET_TYPES_MAX)
        return NULL;
    struct inlet_part *p = &in->parts[in->part_count++];
    p->type = t;
    p->records = arena_alloc(&in->arena, most * sizeof *p->records);
    p->once = arena_alloc(&in->arena, most * sizeof *p->once);
    p->refusals = arena_alloc(&in->arena, most * sizeof *p->refusals);
    return p;
}

/* Why these records are not for this sender, or not for anybody; NULL: welcome. */
static const char *unwelcome(const struct person *p, struct street *street,
                             const struct type *t)
{
    if (!t)
        return "没有这类记录，或不在适配文件的 types 里";
    if (p && !access_may(p, street, ACCESS_TYPE_PUT, t))
        return "您不能写入这类数据，请联系管理员";
    return NULL;
}

/* False: the vault cannot be read or written, nothing of this message is taken. */
static bool take(struct inlet *in, const struct server_options *o, struct street *street,
                 const struct person *p, const struct json *item, size_t most, long line,
                 struct err *e)
{
    const struct type *t =
        dictionary_find(street_dictionary(street), json_string(json_get(item, "type")));
    const char *why = unwelcome(p, street, t);
    struct inlet_part *part = why ? NULL : part_of(in, t, most);
    struct record_refusal bad = {.line = line, .field = "", .message = why};
    if (!part) {
        bad.field = "type";
        bad.message = why ? why : "一份数据里的记录类型太多";
        refuse(in, NULL, &bad);
        return true;
    }
    struct buf text = {0};
    struct err fault = {0};
    struct record *r = &part->records[part->count];
    struct json_w w = json_w_begin(&text);
    json_w_value(&w, json_get(item, "record"));
    json_w_end(&w);
    struct span object = arena_span(&in->arena, buf_view(&text));
    buf_free(&text);
    if (record_parse(t, object, o->vault, &in->arena, r, &bad.field, &fault)) {
        r->line = line;
        part->once[part->count++] = json_bool(json_get(item, "once"), false);
        in->records++;
        return true;
    }
    if (fault.code != ERR_INPUT) {
        *e = fault;
        return false;
    }
    bad.message = arena_printf(&in->arena, "%s", fault.text);
    refuse(in, part, &bad);
    return true;
}

static bool take_all(struct inlet *in, const struct server_options *o, struct street *street,
                     const struct person *p, const struct json *items, struct err *e)
{
    size_t n = json_count(items);
    for (size_t i = 0; i < n; i++) {
        const struct json *item = json_item(items, i);
        if (json_get(item, "ignore")) {
            in->ignored++;
        } else if (json_get(item, "refuse")) {
            struct record_refusal x = {.line = (long)i + 1,
                                       .field = json_cstr(json_get(item, "field"), ""),
                                       .message = json_cstr(json_get(item, "refuse"), "")};
            refuse(in, NULL, &x);
        } else if (!take(in, o, street, p, item, n, (long)i + 1, e)) {
            return false;
        }
    }
    if (in->shown.n)
        buf_char(&in->shown, ']');
    return true;
}

bool inlet_read(struct inlet *in, const struct server_options *o, struct street *street,
                const struct person *p, struct span feed, struct span head, struct span body,
                struct err *e)
{
    static const struct json_limits limits = {
        .bytes = 8 << 20, .keys = 4096, .string = 1 << 20};
    struct buf json = {0};
    if (!o->engine.feed_call)
        return err_set(e, ERR_MISSING, "没有这种数据格式");
    if (!street)
        return err_set(e, ERR_STORE, "科室文件还没有读入，请稍后再试");
    bool ok = o->engine.feed_call(o->engine.ctx, "read", feed, head, body, &json, e);
    const struct json *result =
        ok ? json_parse(&in->arena, buf_view(&json), &limits, NULL, e) : NULL;
    buf_free(&json);
    const struct json *next = json_get(result, "next");
    in->cursor = json_string(json_get(next, "cursor"));
    in->more = json_bool(json_get(next, "more"), false);
    return result && take_all(in, o, street, p, json_get(result, "items"), e);
}

void inlet_touch(struct inlet *in, struct street *street, const struct json *types)
{
    for (size_t i = 0; i < json_count(types); i++) {
        const struct type *t =
            dictionary_find(street_dictionary(street), json_string(json_item(types, i)));
        if (t)
            part_of(in, t, 1);
    }
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static bool is_stored(struct txn *t, const struct record *r, bool *stored, struct err *e)
{
    struct arena a = {0};
    struct entry entry;
    struct err why = {0};
    *stored = record_find(txn_view(t), &a, r->type, r->key, SEQ_LATEST, &entry, &why);
    arena_free(&a);
    return *stored || why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

static bool came_before(const struct inlet_part *p, size_t upto, struct span key)
{
    for (size_t i = 0; i < upto; i++)
        if (span_eq(p->records[i].key, key))
            return true;
    return false;
}

/* Keep the records that are new or may change what is there. */
static bool drop_repeats(struct inlet *in, struct inlet_part *p, struct txn *t, struct err *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        bool stored = false;
        if (p->once[i]) {
            if (!is_stored(t, &p->records[i], &stored, e))
                return false;
            stored = stored || came_before(p, kept, p->records[i].key);
        }
        if (stored) {
            in->repeated++;
            continue;
        }
        p->once[kept] = p->once[i];
        p->records[kept++] = p->records[i];
    }
    p->count = kept;
    return true;
}

static void total_add(struct batch_result *total, const struct batch_result *one)
{
    total->accepted += one->accepted;
    total->unchanged += one->unchanged;
    if (one->first_seq && (!total->first_seq || one->first_seq < total->first_seq))
        total->first_seq = one->first_seq;
    if (one->last_seq > total->last_seq)
        total->last_seq = one->last_seq;
}

bool inlet_apply(struct inlet *in, struct txn *t, struct street *street, const struct batch *b,
                 struct err *e)
{
    for (int i = 0; i < in->part_count; i++)
        if (!drop_repeats(in, &in->parts[i], t, e))
            return false;
    for (int i = 0; i < in->part_count; i++) {
        const struct inlet_part *p = &in->parts[i];
        struct batch one = *b;
        struct batch_result r = {0};
        one.type = p->type;
        one.records = p->records;
        one.count = p->count;
        one.refusals = p->refusals;
        one.refusal_count = p->refusal_count;
        if (!record_apply(t, street_dictionary(street), &one, &r, e))
            return false;
        total_add(&in->total, &r);
    }
    return true;
}

static void put_seq(struct json_w *w, const char *name, uint64_t seq)
{
    json_w_name(w, name);
    if (seq)
        json_w_int(w, (int64_t)seq);
    else
        json_w_null(w);
}

void inlet_answer(const struct inlet *in, struct buf *out)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kint(&w, "accepted", (int64_t)in->total.accepted);
    json_w_kint(&w, "unchanged", (int64_t)in->total.unchanged);
    json_w_kint(&w, "repeated", (int64_t)in->repeated);
    json_w_kint(&w, "ignored", (int64_t)in->ignored);
    json_w_kraw(&w, "rejected", in->shown.n ? buf_view(&in->shown) : SPAN("[]"));
    json_w_kint(&w, "rejected_count", (int64_t)in->refused);
    put_seq(&w, "first_seq", in->total.first_seq);
    put_seq(&w, "last_seq", in->total.last_seq);
    json_w_object_end(&w);
    json_w_end(&w);
}

void inlet_free(struct inlet *in)
{
    buf_free(&in->shown);
    arena_free(&in->arena);
    *in = (struct inlet){0};
}

/* --- how they are doing ------------------------------------------------------------------------------------- */

struct inlet_board {
    pthread_mutex_t lock;
    struct inlet_stats feeds[FEEDS_MAX];
    int count;
};

struct inlet_board *inlet_board_new(void)
{
    struct inlet_board *b = mem_alloc(sizeof *b);
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void inlet_board_free(struct inlet_board *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

/* Under the lock. */
static struct inlet_stats *stats_of(struct inlet_board *b, struct span feed, bool make)
{
    for (int i = 0; i < b->count; i++)
        if (span_eq(span_of(b->feeds[i].name), feed))
            return &b->feeds[i];
    if (!make || b->count == FEEDS_MAX || feed.n >= sizeof b->feeds[0].name)
        return NULL;
    struct inlet_stats *s = &b->feeds[b->count++];
    memcpy(s->name, feed.p, feed.n);
    return s;
}

void inlet_note(struct inlet_board *b, struct span feed, const struct inlet *in,
                const struct err *e)
{
    pthread_mutex_lock(&b->lock);
    struct inlet_stats *s = stats_of(b, feed, true);
    if (s && e) {
        s->failed++;
        s->error_at = clock_wall_us();
        memcpy(s->error, e->text, sizeof s->error);
    } else if (s) {
        s->messages++;
        s->accepted += in->total.accepted;
        s->unchanged += in->total.unchanged;
        s->repeated += in->repeated;
        s->ignored += in->ignored;
        s->refused += in->refused;
        s->ok_at = clock_wall_us();
        if (in->refused) {
            s->refusal_at = s->ok_at;
            memcpy(s->refusal, in->refusal, sizeof s->refusal);
        }
    }
    pthread_mutex_unlock(&b->lock);
}

bool inlet_stats(struct inlet_board *b, struct span feed, struct inlet_stats *out)
{
    pthread_mutex_lock(&b->lock);
    const struct inlet_stats *s = stats_of(b, feed, false);
    if (s)
        *out = *s;
    pthread_mutex_unlock(&b->lock);
    return s != NULL;
}

void inlet_metrics(struct inlet_board *b, struct buf *text)
{
    static const struct {
        const char *name;
        size_t at;
    } counters[] = {
        {"messages", offsetof(struct inlet_stats, messages)},
        {"accepted", offsetof(struct inlet_stats, accepted)},
        {"unchanged", offsetof(struct inlet_stats, unchanged)},
        {"repeated", offsetof(struct inlet_stats, repeated)},
        {"ignored", offsetof(struct inlet_stats, ignored)},
        {"refused", offsetof(struct inlet_stats, refused)},
        {"failed", offsetof(struct inlet_stats, failed)},
    };
    pthread_mutex_lock(&b->lock);
    for (size_t c = 0; c < sizeof counters / sizeof *counters && b->count; c++) {
        buf_printf(text, "# TYPE wangyi_feed_%s_total counter\n", counters[c].name);
        for (int i = 0; i < b->count; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&b->feeds[i] + counters[c].at, sizeof value);
            buf_printf(text, "wangyi_feed_%s_total{feed=\"%s\"} %llu\n", counters[c].name,
                       b->feeds[i].name, (unsigned long long)value);
        }
    }
    pthread_mutex_unlock(&b->lock);
}
