/*
 * Foreign formats at the door: POST /feeds/{name} takes one message whole, with its pictures if it is a
 * multipart, has the adapter read it on a worker and writes what comes of it as one command. How the feeds are
 * doing, and the pictures for those who may see what they belong to.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "domain/street.h"
#include "net/idempotency.h"
#include "net/inlet.h"
#include "net/pull.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/picture.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/mem.h"
#include "util/multipart.h"

enum { MESSAGE_MAX = 8 << 20, PICTURES_MAX = 8 };

struct picture {
    struct span name, bytes;
    char hash[65];
};
/* One message on its way. */
struct delivery {
    struct command command; /* first */
    struct request *r;
    struct buf body;
    int64_t at;        /* the street's time when the last byte came */
    struct span media; /* of the text behind it */
    struct span text;
    struct picture pictures[PICTURES_MAX];
    int picture_count;
    struct inlet inlet;
    bool ok, unfit; /* unfit: neither text nor multipart */
    struct err e;
    struct buf answer;
};

static bool is_media(struct span media, const char *name)
{
    return strlen(name) == media.n && strncasecmp(media.p, name, media.n) == 0;
}

static bool ends(struct span s, const char *end)
{
    size_t n = strlen(end);
    return s.n >= n && strncasecmp(s.p + s.n - n, end, n) == 0;
}

static bool is_text(struct span media)
{
    return is_media(media, "application/xml") || is_media(media, "text/xml") ||
           is_media(media, "application/json") || is_media(media, "text/json") ||
           ends(media, "+json") || ends(media, "+xml");
}

/* --- on the loop: the body ------------------------------------------------------------------------------------ */

static void begin(struct request *r)
{
    struct delivery *d = mem_alloc(sizeof *d);
    r->stream = d;
    d->r = r;
}

static void gone(struct request *r)
{
    struct delivery *d = r->stream;
    if (!d)
        return;
    inlet_free(&d->inlet);
    buf_free(&d->body);
    buf_free(&d->answer);
    mem_free(d);
}

static void work(struct request *r, void *ctx);
static void finish(struct request *r, void *ctx);

static bool feed(struct request *r, struct span bytes, bool last)
{
    struct delivery *d = r->stream;
    if (request_is_answered(r))
        return false;
    buf_span(&d->body, bytes);
    if (!last)
        return true;
    if (!r->view || !r->street) {
        answer_unreadable(r);
        return false;
    }
    d->at = clock_now(r->view, NULL);
    request_offload_to(r, server_feed_jobs(r->server), work, finish, d);
    return !request_is_answered(r);
}

/* --- on the worker: what is in it ------------------------------------------------------------------------------ */

static bool add_picture(struct delivery *d, const struct multipart_part *p, struct err *e)
{
    bool said = p->type.n > 6 && strncasecmp(p->type.p, "image/", 6) == 0;
    if (!picture_kind(p->body))
        return !said || err_set(e, ERR_INPUT, "图片只收 JPEG 和 PNG");
    if (p->body.n > PICTURE_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "一张图片至多 %d MiB", PICTURE_BYTES_MAX >> 20);
    if (d->picture_count == PICTURES_MAX)
        return err_set(e, ERR_LIMIT, "一份数据至多 %d 张图片", (int)PICTURES_MAX);
    struct picture *x = &d->pictures[d->picture_count++];
    x->name = p->filename.n ? p->filename : p->name;
    x->bytes = p->body;
    id_sha256_hex(x->hash, p->body);
    return true;
}

static bool is_message(const struct multipart_part *p)
{
    return is_text(p->type) ||
           (!picture_kind(p->body) &&
            (ends(p->filename, ".xml") || ends(p->filename, ".json") || ends(p->name, ".xml")));
}

static bool take_apart(struct delivery *d, struct span boundary, struct err *e)
{
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    size_t n = multipart_split(buf_view(&d->body), boundary, parts, e);
    bool ok = n > 0;
    for (size_t i = 0; i < n && ok; i++) {
        if (!is_message(&parts[i])) {
            ok = add_picture(d, &parts[i], e);
        } else if (d->text.p) {
            ok = err_set(e, ERR_INPUT, "一份 multipart 里只能有一段数据");
        } else {
            d->text = parts[i].body;
            d->media = parts[i].type;
        }
    }
    return ok && (d->text.p || err_set(e, ERR_INPUT, "multipart 里没有 XML 或 JSON 的一段"));
}

static bool find_text(struct delivery *d, struct err *e)
{
    struct span rest = d->r->content_type, media = span_trim(span_split(&rest, ';'));
    struct span boundary = multipart_boundary(d->r->content_type);
    if (boundary.n)
        return take_apart(d, boundary, e);
    d->text = d->body.n ? buf_view(&d->body) : SPAN("");
    d->media = media;
    d->unfit = media.n && !is_text(media);
    return !d->unfit || err_set(e, ERR_INPUT,
                                "请用 Content-Type: application/xml、application/json 或 "
                                "multipart/form-data");
}

static void put_headers(struct json_w *w, const struct delivery *d)
{
    struct span rest = d->r->headers;
    json_w_name(w, "headers");
    json_w_object(w);
    json_w_kspan(w, "content-type", d->r->content_type.n ? d->r->content_type : SPAN(""));
    while (rest.n) {
        struct span value = span_split(&rest, '\n'), name = span_split(&value, ':');
        json_w_name_span(w, name);
        json_w_span(w, span_trim(value));
    }
    json_w_object_end(w);
}

/* {…} as the adapter's host wants it, with its braces. */
static void put_head(struct buf *out, const struct delivery *d)
{
    struct buf at = {0};
    struct json_w w = json_w_begin(out);
    calendar_put_datetime(&at, d->at);
    json_w_object(&w);
    json_w_kspan(&w, "received_at", buf_view(&at));
    put_headers(&w, d);
    json_w_name(&w, "pictures");
    json_w_array(&w);
    for (int i = 0; i < d->picture_count; i++) {
        json_w_object(&w);
        json_w_kspan(&w, "name", d->pictures[i].name.p ? d->pictures[i].name : SPAN(""));
        json_w_kstr(&w, "ref", d->pictures[i].hash);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    buf_free(&at);
}

static bool keep_pictures(struct delivery *d, struct err *e)
{
    const char *data_dir = server_options(d->r->server)->data_dir;
    for (int i = 0; i < d->picture_count && d->inlet.records && data_dir; i++)
        if (!picture_put(data_dir, span_of(d->pictures[i].hash), d->pictures[i].bytes, e))
            return false;
    return true;
}

static void work(struct request *r, void *ctx)
{
    struct delivery *d = ctx;
    struct buf head = {0};
    d->ok = find_text(d, &d->e);
    if (d->ok) {
        put_head(&head, d);
        d->ok =
            inlet_read(&d->inlet, server_options(r->server), r->street, r->person, r->params[0],
                       (struct span){head.p + 1, head.n - 2}, d->text, &d->e) &&
            keep_pictures(d, &d->e);
    }
    buf_free(&head);
}

/* --- back on the loop: into the journal ------------------------------------------------------------------------- */

static void refuse(struct request *r, struct delivery *d)
{
    if (d->e.code != ERR_DENIED && d->e.code != ERR_MISSING) /* else anybody could add names */
        inlet_note(server_inlets(r->server), r->params[0], NULL, &d->e);
    if (d->unfit)
        answer_problem(r, 415, "input", d->e.text, SPAN_NONE);
    else if (d->e.code == ERR_SCRIPT) { /* not the sender's fault: let it come again */
        answer_header(r, "Retry-After", "60");
        answer_problem(r, 503, err_code_name(ERR_SCRIPT), d->e.text, SPAN_NONE);
    } else
        answer_err(r, &d->e);
}

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct delivery *d = (struct delivery *)c;
    const struct batch b = {.source = d->r->person->name, .single = true};
    /* What it took to read it may have lasted longer than the right to send it. */
    if (!user_is_still(txn_view(t), d->r->person, e) ||
        !inlet_apply(&d->inlet, t, d->r->street, &b, e))
        return false;
    inlet_answer(&d->inlet, &d->answer);
    return idempotency_keep(d->r, t, 200, buf_view(&d->answer), e);
}

static void written(struct request *r, struct command *c, const struct err *e)
{
    struct delivery *d = (struct delivery *)c;
    if (e) {
        d->e = *e;
        refuse(r, d);
        return;
    }
    inlet_note(server_inlets(r->server), r->params[0], &d->inlet, NULL);
    answer_json(r, 200, &d->answer);
}

static void finish(struct request *r, void *ctx)
{
    struct delivery *d = ctx;
    if (!d->ok) {
        refuse(r, d);
    } else if (d->inlet.records) {
        d->command.apply = apply;
        request_submit(r, &d->command, written);
    } else {
        inlet_note(server_inlets(r->server), r->params[0], &d->inlet, NULL);
        inlet_answer(&d->inlet, &d->answer);
        answer_json(r, 200, &d->answer);
    }
}

/* --- how they are doing ------------------------------------------------------------------------------------- */

struct listing {
    struct buf json; /* of the engine */
};

static void listing_gone(struct request *r)
{
    struct listing *l = r->stream;
    if (l)
        buf_free(&l->json);
}

static void put_time(struct json_w *w, const char *name, int64_t at)
{
    struct buf text = {0};
    json_w_name(w, name);
    if (at > 0) {
        calendar_put_datetime(&text, at - at % 1000000);
        json_w_span(w, buf_view(&text));
    } else {
        json_w_null(w);
    }
    buf_free(&text);
}

static void put_stats(struct json_w *w, const struct inlet_stats *s)
{
    put_time(w, "last_ok", s->ok_at);
    put_time(w, "last_error_at", s->error_at);
    json_w_kstr(w, "last_error", s->error[0] ? s->error : NULL);
    put_time(w, "last_refused_at", s->refusal_at);
    json_w_kstr(w, "last_refused", s->refusal[0] ? s->refusal : NULL);
    json_w_name(w, "counts");
    json_w_object(w);
    json_w_kint(w, "messages", (int64_t)s->messages);
    json_w_kint(w, "accepted", (int64_t)s->accepted);
    json_w_kint(w, "unchanged", (int64_t)s->unchanged);
    json_w_kint(w, "repeated", (int64_t)s->repeated);
    json_w_kint(w, "ignored", (int64_t)s->ignored);
    json_w_kint(w, "refused", (int64_t)s->refused);
    json_w_kint(w, "failed", (int64_t)s->failed);
    json_w_object_end(w);
}

static void put_pull(struct request *r, struct json_w *w, struct span name, struct span cursor)
{
    int64_t next_at = 0;
    bool fetches = pull_next(server_pull(r->server), name, &next_at);
    json_w_name(w, "cursor");
    if (cursor.p)
        json_w_span(w, cursor);
    else
        json_w_null(w);
    put_time(w, "next_at", fetches ? next_at : 0);
}

static void put_feed(struct request *r, struct json_w *w, const struct json *one)
{
    const struct json *feed = json_get(one, "feed"), *types = json_get(feed, "types");
    struct span name = json_string(json_get(one, "name"));
    struct inlet_stats stats = {0};
    struct span cursor = SPAN_NONE;
    int64_t stored_at = 0;
    inlet_stats(server_inlets(r->server), name, &stats);
    pull_place(r->view, r->arena, name, &cursor, &stored_at);
    if (stored_at > stats.ok_at) /* before this server started */
        stats.ok_at = stored_at;
    json_w_object(w);
    json_w_kspan(w, "name", name);
    json_w_kspan(w, "title", feed ? json_string(json_get(feed, "title")) : name);
    json_w_kstr(w, "kind", json_get(feed, "pull") ? "pull" : "push");
    json_w_kstr(w, "accepts", json_cstr(json_get(feed, "accepts"), NULL));
    json_w_name(w, "types");
    if (types)
        json_w_value(w, types);
    else
        json_w_raw(w, SPAN("[]"));
    json_w_kstr(w, "problem", json_cstr(json_get(one, "problem"), NULL));
    put_stats(w, &stats);
    put_pull(r, w, name, cursor);
    json_w_object_end(w);
}

static void list_work(struct request *r, void *ctx)
{
    const struct server_engine *engine = &server_options(r->server)->engine;
    engine->feed_list(engine->ctx, &((struct listing *)ctx)->json);
}

static void list_finish(struct request *r, void *ctx)
{
    static const struct json_limits limits = {
        .bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    struct listing *l = ctx;
    struct err e = {0};
    const struct json *all = json_parse(r->arena, buf_view(&l->json), &limits, NULL, &e);
    if (!all) {
        answer_err(r, &e);
        return;
    }
    struct buf out = {0};
    struct json_w w = answer_list_begin(&out);
    for (size_t i = 0; i < json_count(all); i++)
        put_feed(r, &w, json_item(all, i));
    answer_list_end(&w, SPAN_NONE);
    answer_json(r, 200, &out);
}

static void list(struct request *r)
{
    struct listing *l = arena_alloc(r->arena, sizeof *l);
    r->stream = l;
    request_on_end(r, listing_gone);
    if (server_options(r->server)->engine.feed_list) {
        request_offload(r, list_work, list_finish, l);
    } else {
        struct buf out = {0};
        struct json_w w = answer_list_begin(&out);
        answer_list_end(&w, SPAN_NONE);
        answer_json(r, 200, &out);
    }
}

static void pull_post(struct request *r)
{
    struct err e = {0};
    if (pull_now(server_pull(r->server), r->params[0], &e))
        answer_empty(r, 204);
    else
        answer_err(r, &e);
}

/* --- pictures --------------------------------------------------------------------------------------------------- */

struct look {
    struct buf bytes;
    bool ok;
    struct err e;
};

static void look_gone(struct request *r)
{
    struct look *l = r->stream;
    if (l)
        buf_free(&l->bytes);
}

static void look_work(struct request *r, void *ctx)
{
    struct look *l = ctx;
    const char *data_dir = server_options(r->server)->data_dir;
    l->ok = data_dir ? picture_get(data_dir, r->params[0], &l->bytes, &l->e)
                     : err_set(&l->e, ERR_MISSING, "没有这张图片");
}

static void look_finish(struct request *r, void *ctx)
{
    struct look *l = ctx;
    const char *kind = l->ok ? picture_kind(buf_view(&l->bytes)) : NULL;
    if (!l->ok) {
        answer_err(r, &l->e);
        return;
    }
    answer_header(r, "Cache-Control", "private, max-age=86400, immutable");
    answer_body(r, 200, kind ? kind : "application/octet-stream", &l->bytes);
}

static void picture(struct request *r)
{
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), SPAN("camera_event")) : NULL;
    struct err e = {0};
    if (!t || !access_may(r->person, r->street, ACCESS_TYPE_SEE, t)) {
        err_set(&e, ERR_MISSING, "没有这张图片");
        answer_err(r, &e);
        return;
    }
    struct look *l = arena_alloc(r->arena, sizeof *l);
    r->stream = l;
    request_on_end(r, look_gone);
    request_offload(r, look_work, look_finish, l);
}

static const char *const event_headers[] = {
    "ce-specversion:", "ce-id:",      "ce-source:",     "ce-type:",
    "ce-time:",        "ce-subject:", "ce-dataschema:", NULL};
static const char *const event_media[] = {"application/xml",
                                          "application/json",
                                          "application/cloudevents+json",
                                          "application/cloudevents-batch+json",
                                          "multipart/form-data",
                                          NULL};

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/feeds",
     .summary = "Foreign formats: what they bring, how they are doing, when they fetch next",
     .act = ACCESS_SCENARIO_SEE,
     .handle = list},
    {.method = "POST",
     .path = "/api/v1/feeds/{name}",
     .summary = "One message in a foreign format, pictures with it as multipart; the key may "
                "also come as the password of Basic",
     .act = ACCESS_TYPE_PUT,
     .body = BODY_STREAM,
     .body_max = MESSAGE_MAX,
     .handle = begin,
     .feed = feed,
     .gone = gone,
     .basic = true,
     .headers = event_headers,
     .media = event_media},
    {.method = "POST",
     .path = "/api/v1/feeds/{name}/pull",
     .summary = "Fetch now",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .handle = pull_post},
    {.method = "GET",
     .path = "/api/v1/pictures/{hash}",
     .summary = "A picture that a camera event refers to",
     .act = ACCESS_TYPE_SEE,
     .handle = picture},
};
const struct route_family route_feeds;
const struct route_family route_feeds = {routes, sizeof routes / sizeof *routes};
