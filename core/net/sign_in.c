#include "net/sign_in.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "net/lockout.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "net/session_impl.h"
#include "store/vault.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"

static const int64_t SECOND_US = 1000000, LOCK_US = 10LL * 60 * 1000000;
static const int64_t ADDRESS_LEAK_US = 12LL * 1000000; /* fifty in ten minutes */

/* --- locks ---------------------------------------------------------------------------------------- */

static bool load_lock(void *ctx, struct span key, struct span value)
{
    struct sessions *ss = ctx;
    struct arena a = {0};
    int64_t until = 0, failures = 0;
    const struct json *v = json_parse(&a, value, NULL, NULL, NULL);
    if (json_int(json_get(v, "until"), &until) &&
        json_int(json_get(v, "failures"), &failures)) {
        int64_t left = until - clock_wall_us();
        struct span who = {key.p + 5, key.n - 5};
        if (failures > 0 && failures < 1000 && left > -24 * 3600 * SECOND_US)
            lockout_restore(ss->accounts, who, (int)failures, clock_mono_us() + left);
    }
    arena_free(&a);
    return true;
}

bool sign_in_open(struct sessions *ss, struct err *e)
{
    ss->accounts = lockout_new(5, LOCK_US, 0);
    ss->addresses = lockout_new(50, LOCK_US, ADDRESS_LEAK_US);
    return vault_each(ss->vault, SPAN("lock/"), load_lock, ss, e);
}

void sign_in_close(struct sessions *ss)
{
    lockout_free(ss->accounts);
    lockout_free(ss->addresses);
}

void sign_in_tick(struct sessions *ss, int64_t now_us)
{
    lockout_tick(ss->accounts, now_us);
    lockout_tick(ss->addresses, now_us);
}

/* What the vault has of it is dropped with the next success, as after any lock. */
void sign_in_unlock(struct sessions *ss, struct span name)
{
    lockout_lift(ss->accounts, name);
}

/* --- signing in ------------------------------------------------------------------------------------ */

struct sign_in {
    struct span name, password, peer;
    bool right, stored;
    struct err e;
    char token[SESSION_TOKEN_CHARS + 1];
    char lock_key[16 + SESSION_NAME_MAX];
    int64_t lock_until_us; /* wall; 0: none to be stored */
    int failures;
    struct session session;
};

static void answer_locked(struct request *r, int64_t seconds)
{
    char text[160], number[24];
    snprintf(number, sizeof number, "%lld", (long long)seconds);
    snprintf(text, sizeof text, "尝试次数过多，已暂时锁定，请在 %lld 分钟后再试",
             (long long)((seconds + 59) / 60));
    answer_header(r, "Retry-After", number);
    answer_problem(r, 429, "locked", text, SPAN_NONE);
}

/* What the account is before its password is looked at: if that changes meanwhile, the old password was
 * right for nothing. */
static bool read_since(struct request *r, struct sign_in *in)
{
    struct arena a = {0};
    struct person p;
    struct err e = {0};
    struct view *v = view_open(server_options(r->server)->store, &in->e);
    if (!v)
        return false;
    if (user_get(v, &a, in->name, &p, &e))
        in->session.since = p.since;
    view_close(v);
    arena_free(&a);
    return true;
}

/* First half: what may take long. Second half of a success: the vault. */
static void check_work(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    in->right = read_since(r, in) && user_check_password(server_options(r->server)->vault,
                                                         in->name, in->password, &in->e);
    sodium_memzero((char *)(uintptr_t)in->password.p, in->password.n);
}

static void store_lock(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    char text[80];
    struct err e = {0};
    snprintf(text, sizeof text, "{\"until\":%lld,\"failures\":%d}",
             (long long)in->lock_until_us, in->failures);
    if (!vault_put(server_options(r->server)->vault, span_of(in->lock_key), span_of(text), &e))
        log_warn("session", "lock of an account could not be stored: %s", e.text);
}

static void answer_wrong(struct request *r, void *ctx)
{
    (void)ctx;
    answer_problem(r, 401, "credentials", "账号或口令不正确，请核对后再试", SPAN_NONE);
}

/* Names nobody has are locked in memory only: the vault must not grow with what strangers type. */
static void failed(struct request *r, struct sign_in *in, bool known)
{
    struct sessions *ss = server_sessions(r->server);
    int64_t now = clock_mono_us(), until = 0;
    int failures = 0;
    lockout_end(ss->addresses, in->peer, LOCKOUT_WRONG, now, &until, &failures);
    if (lockout_end(ss->accounts, in->name, LOCKOUT_WRONG, now, &until, &failures)) {
        log_warn("session", "an account is locked after %d failures", failures);
        if (known) {
            snprintf(in->lock_key, sizeof in->lock_key, "lock/%.*s", SPAN_ARG(in->name));
            in->failures = failures;
            in->lock_until_us = clock_wall_us() + (until - now);
            request_offload(r, store_lock, answer_wrong, in);
            return;
        }
    }
    answer_wrong(r, in);
}

static void store_work(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    struct vault *vault = server_options(r->server)->vault;
    struct err ignored = {0};
    in->stored = session_put(vault, &in->session, &in->e);
    if (in->failures) /* it had been locked before */
        vault_drop(vault, span_of(in->lock_key), &ignored);
}

static void set_cookie(struct request *r, const char *token)
{
    char cookie[200];
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
             session_cookie_name(r->server), token, server_is_tls(r->server) ? "; Secure" : "",
             *token ? "" : "; Max-Age=0");
    answer_header(r, "Set-Cookie", cookie);
}

static void store_finish(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    struct sessions *ss = server_sessions(r->server);
    struct person p;
    if (!in->stored) {
        answer_err(r, &in->e);
        return;
    }
    if (!user_get(r->view, r->arena, in->name, &p, &in->e)) {
        answer_err(r, &in->e);
        return;
    }
    if (p.disabled || p.since != in->session.since) { /* changed while it was checked */
        answer_wrong(r, in);
        return;
    }
    session_make_room(ss, in->session.name);
    struct session *s = session_add(ss, in->session.hash, in->name);
    s->since = in->session.since;
    s->created_us = in->session.created_us;
    s->seen_us = s->noted_us = in->session.seen_us;
    set_cookie(r, in->token);
    sodium_memzero(in->token, sizeof in->token);
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_name(&w, "user");
    user_view(&p, &w);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_json(r, 200, &out);
}

static void check_finish(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    struct sessions *ss = server_sessions(r->server);
    struct person p;
    struct err e = {0};
    uint8_t random[32];
    int64_t until;
    int failures;
    bool known = user_get(r->view, r->arena, in->name, &p, &e);
    if (!in->right && in->e.code != ERR_DENIED) { /* nothing was learnt about the password */
        known = false;
        e = in->e;
    }
    if (!known && e.code != ERR_MISSING) {
        lockout_end(ss->addresses, in->peer, LOCKOUT_NEITHER, 0, &until, &failures);
        lockout_end(ss->accounts, in->name, LOCKOUT_NEITHER, 0, &until, &failures);
        answer_err(r, &e);
        return;
    }
    if (!in->right || !known || p.disabled) {
        failed(r, in, known);
        return;
    }
    lockout_end(ss->addresses, in->peer, LOCKOUT_NEITHER, 0, &until, &failures);
    lockout_end(ss->accounts, in->name, LOCKOUT_RIGHT, 0, &until, &failures);
    if (ss->count >= SESSIONS_MAX) {
        answer_problem(r, 503, "busy", "同时登录的人太多，请稍后再试", SPAN_NONE);
        return;
    }
    snprintf(in->lock_key, sizeof in->lock_key, "lock/%.*s", SPAN_ARG(in->name));
    in->failures = 1;
    id_random(random, sizeof random);
    sodium_bin2base64(in->token, sizeof in->token, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    id_sha256_hex(in->session.hash, span_of(in->token));
    snprintf(in->session.name, sizeof in->session.name, "%.*s", SPAN_ARG(in->name));
    in->session.created_us = in->session.seen_us = clock_wall_us();
    request_offload(r, store_work, store_finish, in);
}

void sign_in(struct request *r)
{
    struct sessions *ss = server_sessions(r->server);
    struct sign_in *in = arena_alloc(r->arena, sizeof *in);
    int64_t now = clock_mono_us(), until, wait;
    int failures;
    in->name = json_string(json_get(r->json, "name"));
    in->password = json_string(json_get(r->json, "password"));
    in->peer = r->peer;
    if (!in->name.n || in->name.n > SESSION_NAME_MAX || !in->password.n ||
        span_has_control(in->name)) {
        answer_problem(r, 400, "input", "请填写 name（账号）和 password（口令）", SPAN_NONE);
        return;
    }
    wait = lockout_begin(ss->addresses, in->peer, now);
    if (!wait) {
        wait = lockout_begin(ss->accounts, in->name, now);
        if (wait)
            lockout_end(ss->addresses, in->peer, LOCKOUT_NEITHER, now, &until, &failures);
    }
    if (wait) {
        answer_locked(r, wait);
        return;
    }
    request_offload_to(r, server_hash_jobs(r->server), check_work, check_finish, in);
    if (request_is_answered(r)) { /* no room in the queue: the try did not take place */
        lockout_end(ss->addresses, in->peer, LOCKOUT_NEITHER, now, &until, &failures);
        lockout_end(ss->accounts, in->name, LOCKOUT_NEITHER, now, &until, &failures);
    }
}

void sign_out(struct request *r)
{
    struct sessions *ss = server_sessions(r->server);
    struct session **at = session_find(ss, r->token);
    if (*at)
        session_end(ss, at);
    set_cookie(r, "");
    answer_empty(r, 204);
}
