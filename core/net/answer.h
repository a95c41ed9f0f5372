/*
 * What a request is told: exactly one answer each, on the loop's thread. Shared by the routes and
 * the doors in front of them (http.c, ws_talk.c); every refusal is problem+json with a Chinese sentence.
 */
#ifndef WY_NET_ANSWER_H
#define WY_NET_ANSWER_H

#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

struct request;

struct answer {
    int status;
    const char *type;   /* content type; NULL: no body */
    struct buf headers; /* whole "Name: value\r\n" lines of answer_header */
    struct buf body;
};

/* One more header; before the answer, ignored after it. Neither may hold a control character. */
void answer_header(struct request *r, const char *name, const char *value);
/* Link: rel="next" of a list: the same address with after=. Before the answer. */
void answer_next(struct request *r, struct span after);

/* The answers. Those that take a buf empty it, also when the request is answered already. */
void answer_json(struct request *r, int status, struct buf *take_json);
void answer_body(struct request *r, int status, const char *type, struct buf *take_body);
void answer_empty(struct request *r, int status);
/* The body of every list: {"items":[ … ],"next":…}. `next` empty: null. Any thread. */
struct json_w answer_list_begin(struct buf *out);
void answer_list_end(struct json_w *w, struct span next);
/* problem+json. `errors` is the text of a JSON array, or SPAN_NONE. */
void answer_problem(struct request *r, int status, const char *code, const char *detail,
                    struct span errors);
void answer_err(struct request *r, const struct err *e); /* a problem, by answer_status */
/* The same, with its place: `pointer` a member of the request ("" all of it), `line` of the body, 0: none. */
void answer_err_at(struct request *r, const struct err *e, const char *pointer, int64_t line);
/* The body is no JSON from byte `at` on. */
void answer_bad_json(struct request *r, const struct err *e, size_t at);
void answer_unreadable(struct request *r); /* 503: the store is being reopened */
int answer_status(enum err_code code);     /* the one table from codes to HTTP status */

#endif
