#include "net/ws_message.h"

#include <string.h>

enum { ID_MAX_BITS = 53, ID_MAX = 64, NAME_MAX = 64, TOKEN_MAX = 256 };

enum ws_piece ws_assemble(struct ws_assembly *a, struct span piece, uint64_t left, bool final,
                          size_t max, struct span *message)
{
    bool ends = !left && final;
    buf_free(&a->whole);
    if (left > max || a->text.n + piece.n + left > max)
        return WS_PIECE_TOO_LARGE;
    if (!left && !final && ++a->fragments >= WS_FRAGMENTS_MAX)
        return WS_PIECE_TOO_MANY;
    *message = piece;
    if (ends && !a->text.n) { /* nearly always: no copy */
        a->fragments = 0;
        return WS_PIECE_WHOLE;
    }
    buf_span(&a->text, piece);
    if (!ends)
        return WS_PIECE_MORE;
    a->whole = a->text;
    a->text = (struct buf){0};
    a->fragments = 0;
    *message = buf_view(&a->whole);
    return WS_PIECE_WHOLE;
}

void ws_assembly_free(struct ws_assembly *a)
{
    buf_free(&a->text);
    buf_free(&a->whole);
    a->fragments = 0;
}

static const struct {
    const char *name;
    enum ws_message_type type;
} types[] = {
    {"hello", WS_HELLO},     {"subscribe", WS_SUBSCRIBE}, {"unsubscribe", WS_UNSUBSCRIBE},
    {"command", WS_COMMAND}, {"ping", WS_PING},
};

static bool read_type(struct ws_message *m, const struct json *v, struct err *e)
{
    struct span name = json_string(json_get(v, "type"));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_eq(name, span_of(types[i].name))) {
            m->type = types[i].type;
            return true;
        }
    }
    return err_set(e, ERR_INPUT,
                   "消息的 type 应为 hello、subscribe、unsubscribe、command 或 ping");
}

static bool read_id(struct ws_message *m, const struct json *v, struct err *e)
{
    const struct json *id = json_get(v, "id");
    bool text = json_is(id, JSON_STRING);
    struct buf b = {0};
    if (!id && m->type == WS_HELLO)
        return true;
    if (text || (json_is(id, JSON_INT) && id->integer >= 0 && !(id->integer >> ID_MAX_BITS))) {
        struct json_w w = json_w_begin(&b);
        json_w_value(&w, id);
        json_w_end(&w);
    }
    bool ok = b.n > 0 && b.n < (text ? ID_MAX + 2 : sizeof m->id.json);
    if (ok)
        memcpy(m->id.json, b.p, b.n);
    buf_free(&b);
    return ok || err_set(e, ERR_INPUT, "消息的 id 应为不小于 0 的整数，或 %d 字节以内的字符串",
                         ID_MAX - 1);
}

/* A text of at most `max` bytes; missing is SPAN_NONE. */
static bool read_text(struct span *out, const struct json *v, const char *name, size_t max,
                      struct err *e)
{
    const struct json *member = json_get(v, name);
    *out = json_string(member);
    if (member && !json_is(member, JSON_STRING) && !json_is(member, JSON_NULL))
        return err_set(e, ERR_INPUT, "%s 应为字符串", name);
    if (out->n > max)
        return err_set(e, ERR_INPUT, "%s 不能超过 %zu 字节", name, max);
    return true;
}

static bool read_subscribe(struct ws_message *m, const struct json *v, struct err *e)
{
    const struct json *offset = json_get(v, "offset");
    if (!read_text(&m->stream, v, "stream", NAME_MAX, e) ||
        !read_text(&m->epoch, v, "epoch", NAME_MAX, e))
        return false;
    if (!m->stream.n)
        return err_set(e, ERR_INPUT, "subscribe 缺少 stream");
    if (!offset || json_is(offset, JSON_NULL))
        return true;
    if (!json_is(offset, JSON_INT) || offset->integer < 0)
        return err_set(e, ERR_INPUT, "offset 应为不小于 0 的整数");
    m->offset = (uint64_t)offset->integer;
    m->resume = true;
    return true;
}

static bool read_command(struct ws_message *m, const struct json *v, struct err *e)
{
    const struct json *data = json_get(v, "data");
    if (data && !json_is(data, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "command 的 data 应为对象");
    if (!data)
        m->data = SPAN_NONE;
    if (!read_text(&m->name, v, "name", NAME_MAX, e))
        return false;
    if (!m->name.n)
        return err_set(e, ERR_INPUT, "command 缺少 name");
    return true;
}

static struct json value_of(struct arena *a, const struct json_value *v)
{
    struct json out = {.type = v->type};
    switch (v->type) {
    case JSON_BOOL:
        out.boolean = v->boolean;
        break;
    case JSON_INT:
        out.integer = v->integer;
        break;
    case JSON_REAL:
        out.real = v->real;
        break;
    case JSON_STRING:
        out.string = arena_span(a, v->string);
        break;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return out;
}

/* The message's own members, as a tree: what stands inside them is checked, but stays text, for most of a
 * long message is data that is read by others. NULL: it is not an object, or it is not sound. */
static const struct json *read_members(struct arena *a, struct span text,
                                       const struct json_limits *limits, struct span *data)
{
    static const char *const known[] = {"type",  "id",     "token", "stream",
                                        "epoch", "offset", "name",  "data"};
    enum { KNOWN = sizeof known / sizeof *known };
    struct json *object = arena_alloc(a, sizeof *object);
    struct json_scan s;
    struct span name;
    struct json_value value;
    struct err ignore;
    if (!json_scan_open(&s, a, text, limits, &ignore))
        return NULL;
    object->type = JSON_OBJECT;
    object->items = arena_alloc(a, KNOWN * sizeof *object->items);
    object->names = arena_alloc(a, KNOWN * sizeof *object->names);
    while (json_scan_next(&s, &name, &value, &ignore)) {
        size_t i = 0;
        while (i < KNOWN && !span_eq(name, span_of(known[i])))
            i++;
        if (i == KNOWN)
            continue;
        if (span_eq(name, SPAN("data")))
            *data = value.raw;
        object->names[object->count] = span_of(known[i]);
        object->items[object->count++] = value_of(a, &value);
    }
    return s.failed ? NULL : object;
}

bool ws_message_parse(struct ws_message *m, struct arena *a, struct span text,
                      bool *well_formed, struct err *e)
{
    const struct json_limits limits = {.bytes = WS_MESSAGE_MAX};
    *m = (struct ws_message){0};
    const struct json *v = read_members(a, text, &limits, &m->data);
    if (!v) /* says what is wrong with it */
        v = json_parse(a, text, &limits, NULL, e);
    if (well_formed)
        *well_formed = json_is(v, JSON_OBJECT);
    if (!v)
        return false;
    if (!json_is(v, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "一条消息应为一个 JSON 对象");
    bool typed = read_type(m, v, e);
    if (!read_id(m, v, e) || !typed)
        return false;
    switch (m->type) {
    case WS_HELLO:
        return read_text(&m->token, v, "token", TOKEN_MAX, e);
    case WS_SUBSCRIBE:
    case WS_UNSUBSCRIBE:
        return read_subscribe(m, v, e);
    case WS_COMMAND:
        return read_command(m, v, e);
    case WS_PING:
        return true;
    }
    return true;
}

void ws_put_id(struct json_w *w, const struct ws_id *id)
{
    if (id->json[0])
        json_w_kraw(w, "id", span_of(id->json));
}

void ws_put_ok(struct buf *b, const struct ws_id *id, struct span result)
{
    struct json_w w = json_w_begin(b);
    json_w_object(&w);
    json_w_kstr(&w, "type", "ok");
    ws_put_id(&w, id);
    if (result.n)
        json_w_kraw(&w, "result", result);
    json_w_object_end(&w);
    json_w_end(&w);
}

void ws_put_error(struct buf *b, const struct ws_id *id, int status, const char *code,
                  struct span message, const struct json *errors)
{
    struct json_w w = json_w_begin(b);
    json_w_object(&w);
    json_w_kstr(&w, "type", "error");
    if (id->json[0])
        ws_put_id(&w, id);
    else
        json_w_kraw(&w, "id", SPAN("null"));
    json_w_kint(&w, "status", status);
    json_w_kstr(&w, "code", code);
    json_w_kspan(&w, "message", message);
    if (json_count(errors)) {
        json_w_name(&w, "errors");
        json_w_value(&w, errors);
    }
    json_w_object_end(&w);
    json_w_end(&w);
}
