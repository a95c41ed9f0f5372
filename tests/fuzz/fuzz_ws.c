/*
 * Any bytes from a websocket client: however a message is cut into pieces, it is put together
 * the same; what it asks for is taken apart without falling over; what we say about it is JSON
 * that reads back.
 */
#include <stdint.h>
#include <string.h>

/* The fuzzer is built from the lower floors only; these two know nothing of sockets. */
#include "net/ws_message.c" // NOLINT(bugprone-suspicious-include)

#include "util/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(struct arena *a, const struct ws_message *m, const struct err *e)
{
    struct buf b = {0};
    must(e->code == ERR_INPUT || e->code == ERR_LIMIT);
    must(span_is_utf8(span_of(e->text)));
    ws_put_error(&b, &m->id, 400, "input", span_of(e->text), NULL);
    const struct json *back = json_parse(a, buf_view(&b), NULL, NULL, NULL);
    must(json_is(back, JSON_OBJECT) && json_is(json_get(back, "status"), JSON_INT));
    buf_free(&b);
}

static void check_message(struct arena *a, const struct ws_message *m)
{
    const struct json_limits limits = {.bytes = WS_MESSAGE_MAX};
    must(m->id.json[0] || m->type == WS_HELLO);
    if (m->type == WS_SUBSCRIBE || m->type == WS_UNSUBSCRIBE)
        must(m->stream.n > 0 && m->stream.n <= NAME_MAX);
    if (m->type == WS_COMMAND)
        must(m->name.n > 0 &&
             (!m->data.p || json_is(json_parse(a, m->data, &limits, NULL, NULL), JSON_OBJECT)));
    must(m->token.n <= TOKEN_MAX);
}

static void parse(struct span text)
{
    struct arena a = {0};
    struct ws_message m;
    struct err e = {0};
    bool well_formed;
    if (ws_message_parse(&m, &a, text, &well_formed, &e))
        check_message(&a, &m);
    else
        check_error(&a, &m, &e);
    arena_free(&a);
}

/* The first byte says how to cut the rest. */
static void assemble(struct span text, unsigned step, bool frames)
{
    struct ws_assembly as = {0};
    struct span message = SPAN_NONE;
    size_t at = 0, pieces = 0;
    for (;;) {
        size_t n = step < text.n - at ? step : text.n - at;
        bool last = at + n == text.n;
        uint64_t left = frames ? 0 : text.n - at - n;
        enum ws_piece got = ws_assemble(&as, (struct span){text.p + at, n}, left,
                                        !frames || last, WS_MESSAGE_MAX, &message);
        at += n;
        pieces++;
        if (got == WS_PIECE_TOO_LARGE || got == WS_PIECE_TOO_MANY) {
            must(text.n > WS_MESSAGE_MAX || (frames && pieces >= WS_FRAGMENTS_MAX));
            break;
        }
        must((got == WS_PIECE_WHOLE) == last);
        if (last) {
            must(span_eq(message, text));
            break;
        }
    }
    ws_assembly_free(&as);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct span text = {(const char *)data + 1, size - 1};
    parse(text);
    assemble(text, 1 + data[0] % 127u, data[0] & 0x80);
    return 0;
}
