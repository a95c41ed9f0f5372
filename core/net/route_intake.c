/*
 * POST /records/{type}: lines in, as they come off the socket; every thousand good ones become
 * a writer's command. Several are in flight, in order; http.c stops reading while there are too
 * many.
 */
#include "net/route_intake.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "domain/record.h"
#include "domain/street.h"
#include "net/idempotency.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/id.h"
#include "util/mem.h"

enum { PART_RECORDS = 1000, SHOWN_MAX = 1000, NAME_MAX_BYTES = 31, LINES_MAX = 10000 };

/* What the whole request brings. `total` is the writer's while commands are in flight. */
struct intake {
    struct request *r;
    const struct type *type;
    enum record_format format;
    struct record_reader *reader;
    char name[32];
    struct span scope;
    bool full, last, named;
    uint64_t lines;   /* good and refused ones */
    uint64_t refused; /* all of them; `shown` holds the first thousand as JSON */
    struct buf shown;
    struct err reading; /* the text could not be read on */
    int64_t reading_line;
    bool over; /* the last part is on its way */
    int in_flight;
    struct err failed; /* a part was not written */
    struct batch_result total;
    atomic_bool broken; /* the same, for the writer's thread: later parts are refused */
    struct buf answer;  /* written with the last part */
    bool seals;         /* the type has private fields */
    bool at_work;       /* a worker has the reader, `reading`, `sealing` and `sealed_well` */
    struct buf sealing, waiting;
    bool sealing_last, waiting_last, sealed_well;
};

/* One command's worth of lines, copied out of the reader so that this can go on. */
struct part {
    struct command command; /* first */
    struct intake *in;
    struct arena arena;
    struct batch batch;
    bool final;
};

/* --- the answer --------------------------------------------------------------------------------------- */

static void answer_write(const struct intake *in, struct buf *out)
{
    const struct batch_result *t = &in->total;
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kstr(&w, "batch", in->name);
    json_w_kint(&w, "accepted", (int64_t)t->accepted);
    json_w_kint(&w, "unchanged", (int64_t)t->unchanged);
    json_w_name(&w, "rejected");
    json_w_raw(&w, in->shown.n ? buf_view(&in->shown) : SPAN("[]"));
    json_w_kint(&w, "rejected_count", (int64_t)in->refused);
    json_w_kint(&w, "withdrawn", (int64_t)t->withdrawn);
    if (t->withheld)
        json_w_kbool(&w, "withheld", true);
    json_w_name(&w, "first_seq");
    if (t->first_seq)
        json_w_int(&w, (int64_t)t->first_seq);
    else
        json_w_null(&w);
    json_w_name(&w, "last_seq");
    if (t->last_seq)
        json_w_int(&w, (int64_t)t->last_seq);
    else
        json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
}

static void answer_broken_off(struct intake *in)
{
    struct request *r = in->r;
    struct err e = in->failed.code ? in->failed : in->reading;
    uint64_t kept = in->total.accepted + in->total.unchanged;
    if (e.code == ERR_STORE) {
        answer_err(r, &e);
        return;
    }
    if (kept) {
        struct err why = e;
        err_set(&e, why.code, "%s（此前的 %llu 行已经保存，可以整批重新发送）", why.text,
                (unsigned long long)kept);
    }
    answer_err_at(r, &e, "", in->failed.code ? 0 : in->reading_line);
}

static void answer_if_done(struct intake *in)
{
    if (in->in_flight || in->at_work || request_is_answered(in->r))
        return;
    if (in->failed.code || (in->over && in->reading.code)) {
        answer_broken_off(in);
    } else if (in->over) {
        if (!in->answer.n)
            answer_write(in, &in->answer);
        answer_json(in->r, 200, &in->answer);
    }
}

/* --- parts -------------------------------------------------------------------------------------------- */

static void total_add(struct batch_result *total, const struct batch_result *one)
{
    total->accepted += one->accepted;
    total->unchanged += one->unchanged;
    total->withdrawn += one->withdrawn;
    total->withheld = total->withheld || one->withheld;
    if (one->first_seq && !total->first_seq)
        total->first_seq = one->first_seq;
    if (one->last_seq)
        total->last_seq = one->last_seq;
}

static bool part_apply(struct command *c, struct txn *t, struct err *e)
{
    struct part *p = (struct part *)c;
    struct intake *in = p->in;
    struct batch_result one = {0};
    if (atomic_load(&in->broken))
        return err_set(e, ERR_STORE, "前面的部分没有写入，后面的不再写");
    /* A stream may last longer than the right to send it. */
    if (!user_is_still(txn_view(t), in->r->person, e))
        return false;
    if (!record_apply(t, street_dictionary(in->r->street), &p->batch, &one, e))
        return false;
    total_add(&in->total, &one);
    if (!p->final)
        return true;
    answer_write(in, &in->answer);
    return idempotency_keep(in->r, t, 200, buf_view(&in->answer), e);
}

static void part_done(struct command *c, const struct err *e)
{
    if (e)
        atomic_store(&((struct part *)c)->in->broken, true);
}

static void part_free(struct part *p)
{
    arena_free(&p->arena);
    mem_free(p);
}

static void part_finish(struct request *r, struct command *c, const struct err *e)
{
    struct part *p = (struct part *)c;
    struct intake *in = r->stream;
    if (e && !in->failed.code)
        in->failed = *e;
    in->in_flight--;
    part_free(p);
    answer_if_done(in);
}

static void part_fill(struct part *p, const struct record *records, size_t count,
                      const struct record_refusal *refusals, size_t refused)
{
    struct record *own = arena_alloc(&p->arena, (count + 1) * sizeof *own);
    for (size_t i = 0; i < count; i++) {
        own[i] = records[i];
        own[i].key = arena_span(&p->arena, records[i].key);
        own[i].body = arena_span(&p->arena, records[i].body);
    }
    struct record_refusal *bad = arena_alloc(&p->arena, (refused + 1) * sizeof *bad);
    for (size_t i = 0; i < refused; i++) {
        bad[i] = (struct record_refusal){.line = refusals[i].line, .field = "", .message = ""};
        if (refusals[i].key.p)
            bad[i].key = arena_span(&p->arena, refusals[i].key);
    }
    p->batch.records = own;
    p->batch.count = count;
    p->batch.refusals = bad;
    p->batch.refusal_count = refused;
}

static void part_send(struct intake *in, bool final)
{
    const struct record *records;
    const struct record_refusal *refusals;
    size_t count = record_reader_records(in->reader, &records);
    size_t refused = record_reader_refusals(in->reader, &refusals);
    struct part *p = mem_alloc(sizeof *p);
    p->command.apply = part_apply;
    p->command.done = part_done;
    p->in = in;
    p->final = final;
    p->batch = (struct batch){
        .type = in->type,
        .source = in->r->person->name,
        .name = span_of(in->name),
        .full = in->full,
        .last = in->full && final && in->last,
        .more = !in->full && (!final || !in->last),
        .scope = in->scope,
        .single = final && !in->named && !in->full && in->lines <= 1,
    };
    part_fill(p, records, count, refusals, refused);
    in->in_flight++;
    request_submit(in->r, &p->command, part_finish);
}

static void refusals_note(struct intake *in)
{
    const struct record_refusal *list;
    size_t count = record_reader_refusals(in->reader, &list);
    for (size_t i = 0; i < count; i++) {
        if (in->refused++ >= SHOWN_MAX)
            continue;
        buf_char(&in->shown, in->shown.n ? ',' : '[');
        struct json_w w = json_w_begin(&in->shown);
        record_refusal_view(&list[i], &w);
        json_w_end(&w);
    }
}

/* Take what the reader has, if it is enough for a part or `all` there will be. `final`: the text ended well. */
static void collect(struct intake *in, bool all, bool final)
{
    const struct record *records;
    const struct record_refusal *refusals;
    size_t count = record_reader_records(in->reader, &records);
    size_t refused = record_reader_refusals(in->reader, &refusals);
    if (!all && count + refused < PART_RECORDS)
        return;
    in->lines += count + refused;
    refusals_note(in);
    if (final)
        buf_str(&in->shown, in->shown.n ? "]" : "[]");
    /* A batch of which nothing could be read says nothing about how fresh the data is. */
    bool nothing = final && !in->full && in->refused == in->lines && in->refused;
    if (!nothing)
        part_send(in, final);
    record_reader_drop(in->reader);
}

/* --- the request ---------------------------------------------------------------------------------------- */

static bool is_media(struct span media, const char *name)
{
    return strlen(name) == media.n && strncasecmp(media.p, name, media.n) == 0;
}

/* "charset=utf-8" and nothing else may stand behind the media type. */
static bool is_utf8_text(struct span parameters)
{
    while (parameters.p) {
        struct span value = span_trim(span_split(&parameters, ';'));
        struct span name = span_trim(span_split(&value, '='));
        if (!is_media(name, "charset"))
            continue;
        value = span_trim(value);
        if (!is_media(value, "utf-8") && !is_media(value, "\"utf-8\"") &&
            !is_media(value, "utf8"))
            return false;
    }
    return true;
}

static bool format_of(struct span type, enum record_format *out)
{
    struct span rest = type;
    struct span media = span_trim(span_split(&rest, ';'));
    if (!media.n || is_media(media, "application/x-ndjson") ||
        is_media(media, "application/ndjson") || is_media(media, "application/jsonl"))
        *out = RECORD_NDJSON;
    else if (is_media(media, "application/json"))
        *out = RECORD_JSON;
    else if (is_media(media, "text/csv"))
        *out = RECORD_CSV;
    else
        return false;
    return is_utf8_text(rest);
}

/* Whom a type must not be known to hears that there is none. */
static const struct type *type_for(struct request *r, struct err *e)
{
    struct span name = r->params[0];
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), name) : NULL;
    if (t && access_may(r->person, r->street, ACCESS_TYPE_PUT, t))
        return t;
    bool may_know = r->person->role == ROLE_MACHINE ||
                    (t && access_may(r->person, r->street, ACCESS_TYPE_SEE, t));
    if (t && may_know)
        err_set(e, ERR_DENIED, "您不能写入“%s”，请联系管理员", t->label);
    else
        err_set(e, ERR_MISSING, "没有名为“%.*s”的数据类型", (int)span_cut_utf8(name, 60),
                name.p);
    return NULL;
}

static bool mode_read(struct request *r, struct intake *in, struct err *e)
{
    struct span mode = request_query(r, "mode"), name = request_query(r, "batch");
    struct span last = request_query(r, "last");
    in->full = span_eq(mode, SPAN("full"));
    if (mode.p && !in->full && !span_eq(mode, SPAN("add")))
        return err_set(e, ERR_INPUT, "mode 须为 full（完整名单）或不写");
    if (name.n > NAME_MAX_BYTES || span_has_control(name))
        return err_set(e, ERR_INPUT, "batch 须为最多 %d 字节的批次号", NAME_MAX_BYTES);
    in->named = name.n > 0;
    /* A list without a batch number is whole in itself; with one, last=1 says that no part follows. */
    in->last = last.p ? span_eq(last, SPAN("1")) || span_eq(last, SPAN("true"))
                      : !(in->full && in->named);
    in->scope = arena_span(r->arena, request_query(r, "scope"));
    if (in->named) {
        memcpy(in->name, name.p, name.n);
    } else {
        uint64_t seed;
        char id[27];
        id_random(&seed, sizeof seed);
        id_from_seed(id, seed, SPAN("batch"));
        memcpy(in->name, id, sizeof id);
    }
    return true;
}

void intake_begin(struct request *r)
{
    struct err e = {0};
    struct intake *in = mem_alloc(sizeof *in);
    r->stream = in;
    in->r = r;
    in->type = type_for(r, &e);
    if (!in->type || !mode_read(r, in, &e)) {
        answer_err(r, &e);
        return;
    }
    if (!format_of(r->content_type, &in->format)) {
        answer_problem(r, 415, "input",
                       "请用 Content-Type: application/x-ndjson、application/json 或 "
                       "text/csv，文字用 UTF-8",
                       SPAN_NONE);
        return;
    }
    for (int i = 0; i < in->type->field_count; i++)
        in->seals = in->seals || in->type->fields[i].is_private;
    in->reader = record_reader_new(in->type, in->format, server_options(r->server)->vault);
}

static bool too_many(struct intake *in)
{
    const struct record *records;
    const struct record_refusal *refusals;
    uint64_t waiting = record_reader_records(in->reader, &records) +
                       record_reader_refusals(in->reader, &refusals);
    uint64_t max = in->format == RECORD_CSV ? RECORD_CSV_ROWS : LINES_MAX;
    if (in->lines + waiting <= max)
        return false;
    in->reading_line = (int64_t)max + 1;
    err_set(&in->reading, ERR_LIMIT, "一次最多 %llu 行，请分批发送", (unsigned long long)max);
    return true;
}

/* What the reader has made of some bytes. */
static void taken_in(struct intake *in, bool reads, bool last)
{
    if (!reads)
        in->reading_line = record_reader_failure_line(in->reader);
    reads = reads && !too_many(in);
    in->over = !reads || last;
    collect(in, in->over, reads && last);
    answer_if_done(in);
}

/* Sealing makes keys of persons, which the vault syncs: on a worker, one piece of text at a time. */
static void seal_start(struct intake *in);

static void seal_work(struct request *r, void *ctx)
{
    struct intake *in = ctx;
    (void)r;
    in->sealed_well =
        record_reader_feed(in->reader, buf_view(&in->sealing), in->sealing_last, &in->reading);
}

static void seal_finish(struct request *r, void *ctx)
{
    struct intake *in = ctx;
    (void)r;
    in->at_work = false;
    taken_in(in, in->sealed_well, in->sealing_last);
    if (!in->over)
        seal_start(in);
}

static void seal_start(struct intake *in)
{
    if (in->at_work || (!in->waiting.n && !in->waiting_last))
        return;
    struct buf done = in->sealing;
    in->sealing = in->waiting;
    in->sealing_last = in->waiting_last;
    buf_clear(&done);
    in->waiting = done;
    in->at_work = true;
    request_offload(in->r, seal_work, seal_finish, in);
}

bool intake_feed(struct request *r, struct span bytes, bool last)
{
    struct intake *in = r->stream;
    if (request_is_answered(r))
        return false;
    if (in->over)
        return true; /* it could not be read on: the rest is passed over, the answer waits */
    if (in->seals) {
        buf_span(&in->waiting, bytes);
        in->waiting_last = last;
        seal_start(in);
    } else {
        taken_in(in, record_reader_feed(in->reader, bytes, last, &in->reading), last);
    }
    return !request_is_answered(r);
}

void intake_gone(struct request *r)
{
    struct intake *in = r->stream;
    if (!in)
        return;
    record_reader_free(in->reader);
    buf_free(&in->shown);
    buf_free(&in->answer);
    buf_free(&in->sealing);
    buf_free(&in->waiting);
    mem_free(in);
}
