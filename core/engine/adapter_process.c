/*
 * `wangyi engine feed`: the process in which the files of scripts/feeds run, one question after another. It
 * reads what it needs from disk, gives up its privileges and then knows nothing but its socket.
 *
 * A frame is a line of JSON and, behind its line feed, a text:
 *   {"op":"load","feed"}            text of the file        → as adapter_new writes it
 *   {"op":"read","feed", head…}     text of the message     → {"ok":true,"result":{…}}
 *   {"op":"ask","feed","cursor"}                            → {"ok":true,"result":{…}}
 * What fails is answered {"ok":false,"code":"input","message":"…"}. The server's side is feeder.c.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "domain/street.h"
#include "engine/adapter.h"
#include "engine/engine.h"
#include "engine/frame.h"
#include "engine/privilege.h"
#include "engine/sandbox.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum { ADAPTERS_MAX = 64 };

struct house {
    struct sandbox_modules modules;
    const struct street *street;
    struct adapter *adapters[ADAPTERS_MAX];
    char *names[ADAPTERS_MAX];
    int count;
};

static int find(const struct house *h, struct span name)
{
    for (int i = 0; i < h->count; i++)
        if (span_eq(span_of(h->names[i]), name))
            return i;
    return -1;
}

static void load(struct house *h, struct span name, struct span text, struct buf *out)
{
    struct adapter *a = adapter_new(name, text, &h->modules, h->street, out);
    int i = find(h, name);
    if (i < 0 && a && h->count < ADAPTERS_MAX) {
        i = h->count++;
        h->names[i] = mem_alloc(name.n + 1);
        memcpy(h->names[i], name.p, name.n);
    }
    if (!a || i < 0) {
        adapter_free(a);
        return;
    }
    adapter_free(h->adapters[i]);
    h->adapters[i] = a;
}

static void put_failure(struct buf *out, const struct err *e)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kbool(&w, "ok", false);
    json_w_kstr(&w, "code", err_code_name(e->code));
    json_w_kstr(&w, "message", e->text);
    json_w_object_end(&w);
    json_w_end(&w);
}

static void run(struct house *h, const struct json *head, struct span text, struct buf *out)
{
    struct err e = {0};
    struct buf result = {0};
    struct span op = json_string(json_get(head, "op"));
    int i = find(h, json_string(json_get(head, "feed")));
    bool ok = false;
    if (i < 0)
        err_set(&e, ERR_MISSING, "没有这种数据格式");
    else if (span_eq(op, SPAN("read")))
        ok = adapter_read(h->adapters[i], head, text, &result, &e);
    else
        ok = adapter_ask(h->adapters[i], json_string(json_get(head, "cursor")), &result, &e);
    if (ok)
        buf_printf(out, "{\"ok\":true,\"result\":%.*s}", SPAN_ARG(buf_view(&result)));
    else
        put_failure(out, &e);
    buf_free(&result);
}

static void answer(struct house *h, struct span frame, struct buf *out)
{
    struct arena a = {0};
    struct err e = {0};
    struct span text = frame, line = span_split(&text, '\n');
    const struct json *head = json_parse(&a, line, NULL, NULL, &e);
    if (!head)
        put_failure(out, &e);
    else if (span_eq(json_string(json_get(head, "op")), SPAN("load")))
        load(h, json_string(json_get(head, "feed")), text.p ? text : SPAN(""), out);
    else
        run(h, head, text.p ? text : SPAN(""), out);
    arena_free(&a);
}

static bool wait_for(int fd, short what)
{
    struct pollfd p = {fd, what, 0};
    return poll(&p, 1, -1) > 0 || errno == EINTR;
}

static void serve(struct house *h, int control)
{
    struct buf in = {0}, out = {0}, text = {0};
    struct span frame;
    bool broken = false, there = true;
    while (there && !broken) {
        while (there && frame_get(&in, &frame, &broken)) {
            buf_clear(&text);
            answer(h, frame, &text);
            frame_drop(&in, frame);
            frame_put(&out, buf_view(&text));
            while (there && out.n)
                there = frame_write(control, &out) && (!out.n || wait_for(control, POLLOUT));
        }
        there = there && !broken && wait_for(control, POLLIN) && frame_read(control, &in);
    }
    buf_free(&in);
    buf_free(&out);
    buf_free(&text);
}

int engine_feed(const struct street *street, const char *scripts_dir, int control)
{
    struct house h = {.street = street};
    struct err e = {0};
    bool ok = sandbox_modules_read(&h.modules, scripts_dir, &e) && privilege_drop(NULL, &e);
    if (ok)
        serve(&h, control);
    else
        log_error("feed", "%s", e.text);
    for (int i = 0; i < h.count; i++) {
        adapter_free(h.adapters[i]);
        mem_free(h.names[i]);
    }
    sandbox_modules_free(&h.modules);
    return ok ? 0 : 1;
}

bool engine_feed_check(const struct street *street, const char *scripts_dir, struct span name,
                       struct span text, struct buf *json, struct err *e)
{
    struct sandbox_modules modules;
    if (!sandbox_modules_read(&modules, scripts_dir, e))
        return false;
    bool ok = privilege_drop(NULL, e);
    if (ok)
        adapter_free(adapter_new(name, text, &modules, street, json));
    sandbox_modules_free(&modules);
    return ok;
}
