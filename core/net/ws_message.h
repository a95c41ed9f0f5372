/*
 * What a client may say: one JSON object a message, taken apart and checked. No sockets here,
 * so that it can be fuzzed.
 *
 *   {"type":"hello","id":0,"token"?}
 *   {"type":"subscribe","id":1,"stream":"alerts","epoch"?,"offset"?}
 *   {"type":"command","id":7,"name":"alert.sign","data":{…}} · {"type":"ping","id":9}
 */
#ifndef WY_NET_WS_MESSAGE_H
#define WY_NET_WS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

enum { WS_MESSAGE_MAX = 64 * 1024, WS_MESSAGE_HELLO_MAX = 16 * 1024, WS_FRAGMENTS_MAX = 64 };

/* A message in assembly, out of the pieces of its frames. */
struct ws_assembly { /* zeroed: between two messages */
    struct buf text;
    struct buf whole; /* what the last *message points into */
    unsigned fragments;
};
enum ws_piece { WS_PIECE_MORE, WS_PIECE_WHOLE, WS_PIECE_TOO_LARGE, WS_PIECE_TOO_MANY };
/* `left`: bytes this frame still has to bring; what a frame declares counts before it has come.
 * `final`: it is the message's last frame. *message is valid until the next call or `piece`
 * goes away. */
enum ws_piece ws_assemble(struct ws_assembly *a, struct span piece, uint64_t left, bool final,
                          size_t max, struct span *message);
void ws_assembly_free(struct ws_assembly *a);

enum ws_message_type { WS_HELLO, WS_SUBSCRIBE, WS_UNSUBSCRIBE, WS_COMMAND, WS_PING };
/* What names a message and its answer: a whole number or a short string, as JSON; "" if a hello
 * has none. Held whole: it outlives the message. */
struct ws_id {
    char json[72];
};
struct ws_message { /* lives in the arena */
    enum ws_message_type type;
    struct ws_id id;   /* also set when the rest is wrong, so that the error can name it */
    struct span token; /* hello; SPAN_NONE: none */
    struct span stream, epoch; /* subscribe */
    uint64_t offset;
    bool resume;      /* an offset was given; without an epoch it is of this one */
    struct span name; /* command */
    struct span data; /* command: the text of an object, which is sound; SPAN_NONE: none. Points
                         into the message */
};
/* ERR_INPUT with a sentence. `well_formed` (may be NULL) tells whether it was a JSON object at
 * all: what is none ends the connection, the rest is answered. */
bool ws_message_parse(struct ws_message *m, struct arena *a, struct span text,
                      bool *well_formed, struct err *e);

/* What the server says; each appends one JSON object. */
struct json_w;
void ws_put_ok(struct buf *b, const struct ws_id *id,
               struct span result); /* result: JSON, or SPAN_NONE to leave it out */
void ws_put_error(struct buf *b, const struct ws_id *id, int status, const char *code,
                  struct span message, const struct json *errors);
void ws_put_id(struct json_w *w, const struct ws_id *id); /* "id":…, or nothing */

#endif
