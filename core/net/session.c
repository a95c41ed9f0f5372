#include "net/session.h"

#include <libwebsockets.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "net/jobs.h"
#include "net/lockout.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/vault.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    BUCKETS = 1024,
    PER_PERSON_MAX = 20,
    SESSIONS_MAX = 20000,
    HASH_CHARS = 64,
    NAME_MAX_BYTES = 128
};
static const int64_t SECOND_US = 1000000;
static const int64_t IDLE_US = 30LL * 60 * 1000000, ABSOLUTE_US = 12LL * 3600 * 1000000;
static const int64_t ADDRESS_LEAK_US = 12LL * 1000000; /* fifty in ten minutes */
static const int64_t LOCK_US = 10LL * 60 * 1000000, NOTE_EVERY_US = 60LL * 1000000;

struct session {
    struct session *next;
    char hash[HASH_CHARS + 1]; /* of the token: what is stored cannot be used to sign in */
    char name[NAME_MAX_BYTES + 1];
    int64_t created_us, seen_us,
        noted_us; /* by the wall clock; noted: seen_us as the vault has it */
};

struct sessions {
    struct server *server;
    struct vault *vault;
    struct session *buckets[BUCKETS];
    size_t count;
    struct lockout *accounts, *addresses;
    struct jobs *notes;   /* one thread: what is put and dropped keeps its order */
    int64_t last_note_us; /* monotone */
};

/* --- the table ----------------------------------------------------------------------------------- */

static struct session **slot(struct sessions *ss, const char *hash)
{
    struct session **at = &ss->buckets[id_hash64(span_of(hash)) % BUCKETS];
    while (*at && strcmp((*at)->hash, hash))
        at = &(*at)->next;
    return at;
}

bool session_time_is_up(int64_t created_us, int64_t seen_us, int64_t now_us)
{
    return now_us - seen_us > IDLE_US || now_us - created_us > ABSOLUTE_US ||
           created_us > now_us + IDLE_US;
}

static bool is_over(const struct session *s, int64_t now_us)
{
    return session_time_is_up(s->created_us, s->seen_us, now_us);
}

static struct session *add(struct sessions *ss, const char *hash, struct span name)
{
    struct session **at = slot(ss, hash);
    struct session *s = *at;
    if (!s) {
        s = *at = mem_alloc(sizeof *s);
        ss->count++;
    }
    snprintf(s->hash, sizeof s->hash, "%s", hash);
    snprintf(s->name, sizeof s->name, "%.*s", SPAN_ARG(name));
    return s;
}

static void unlink_session(struct sessions *ss, struct session **at)
{
    struct session *s = *at;
    *at = s->next;
    ss->count--;
    sodium_memzero(s, sizeof *s);
    mem_free(s);
}

/* --- what the vault keeps ------------------------------------------------------------------------ */

static struct span session_key(char out[80], const char *hash)
{
    snprintf(out, 80, "session/%s", hash);
    return span_of(out);
}

static void session_write(struct buf *out, const struct session *s)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kstr(&w, "name", s->name);
    json_w_kint(&w, "created", s->created_us);
    json_w_kint(&w, "seen", s->seen_us);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* Changes on their way to the vault, which syncs: never on the loop. */
struct note {
    struct job job; /* first */
    struct vault *vault;
    struct session *put; /* copies, linked by next */
    struct session *drop;
};

static void note_run(struct job *j)
{
    struct note *n = (struct note *)j;
    struct err e = {0};
    char key[80];
    struct buf text = {0};
    bool ok = true;
    for (struct session *s = n->put, *next; s; s = next) {
        next = s->next;
        buf_clear(&text);
        session_write(&text, s);
        ok = vault_put(n->vault, session_key(key, s->hash), buf_view(&text), &e) && ok;
        mem_free(s);
    }
    for (struct session *s = n->drop, *next; s; s = next) {
        next = s->next;
        ok = vault_drop(n->vault, session_key(key, s->hash), &e) && ok;
        mem_free(s);
    }
    if (!ok)
        log_warn("session", "could not note sessions: %s", e.text);
    buf_free(&text);
    mem_free(n);
}

static void note_add(struct session **list, const struct session *s)
{
    struct session *copy = mem_alloc(sizeof *copy);
    *copy = *s;
    copy->next = *list;
    *list = copy;
}

static struct note *note_collect(struct sessions *ss, bool all)
{
    struct note *n = mem_alloc(sizeof *n);
    int64_t now = clock_wall_us();
    n->job.run = note_run;
    n->vault = ss->vault;
    for (int b = 0; b < BUCKETS; b++) {
        for (struct session **at = &ss->buckets[b]; *at;) {
            struct session *s = *at;
            if (is_over(s, now)) {
                note_add(&n->drop, s);
                unlink_session(ss, at);
                continue;
            }
            if (all && s->noted_us != s->seen_us) {
                note_add(&n->put, s);
                s->noted_us = s->seen_us;
            }
            at = &s->next;
        }
    }
    return n;
}

static void note_send(struct sessions *ss, struct note *n)
{
    if (!n->put && !n->drop) {
        mem_free(n);
        return;
    }
    if (!jobs_add(ss->notes, &n->job))
        note_run(
            &n->job); /* the disk is far behind; a session that was ended must not come back */
}

static bool load_one(void *ctx, struct span key, struct span value)
{
    struct sessions *ss = ctx;
    struct arena a = {0};
    char hash[HASH_CHARS + 1];
    int64_t created = 0, seen = 0;
    const struct json *v = json_parse(&a, value, NULL, NULL, NULL);
    struct span name = json_string(json_get(v, "name"));
    if (key.n == 8 + HASH_CHARS && name.n && name.n <= NAME_MAX_BYTES &&
        json_int(json_get(v, "created"), &created) && json_int(json_get(v, "seen"), &seen)) {
        snprintf(hash, sizeof hash, "%.*s", HASH_CHARS, key.p + 8);
        struct session *s = add(ss, hash, name);
        s->created_us = created;
        s->seen_us = s->noted_us = seen;
    }
    arena_free(&a);
    return true;
}

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

struct sessions *sessions_new(struct server *s, struct err *e)
{
    struct sessions *ss = mem_alloc(sizeof *ss);
    if (sodium_init() < 0)
        log_warn("session", "libsodium could not be started");
    ss->server = s;
    ss->vault = server_options(s)->vault;
    ss->accounts = lockout_new(5, LOCK_US, 0);
    ss->addresses = lockout_new(50, LOCK_US, ADDRESS_LEAK_US);
    ss->notes = jobs_new(1, 4096);
    if (!vault_each(ss->vault, SPAN("session/"), load_one, ss, e) ||
        !vault_each(ss->vault, SPAN("lock/"), load_lock, ss, e)) {
        sessions_free(ss);
        return NULL;
    }
    return ss;
}

void sessions_free(struct sessions *ss)
{
    if (!ss)
        return;
    jobs_free(ss->notes);
    struct note *n = note_collect(ss, true);
    note_run(&n->job);
    for (int b = 0; b < BUCKETS; b++)
        while (ss->buckets[b])
            unlink_session(ss, &ss->buckets[b]);
    lockout_free(ss->accounts);
    lockout_free(ss->addresses);
    mem_free(ss);
}

void sessions_tick(struct sessions *ss)
{
    int64_t now = clock_mono_us();
    bool note = now - ss->last_note_us >= NOTE_EVERY_US;
    if (note) {
        ss->last_note_us = now;
        lockout_tick(ss->accounts, now);
        lockout_tick(ss->addresses, now);
    }
    note_send(ss, note_collect(ss, note));
}

/* --- asking ---------------------------------------------------------------------------------------- */

static struct session **find(struct sessions *ss, struct span token)
{
    static struct session *none;
    char hash[HASH_CHARS + 1];
    none = NULL;
    if (token.n != SESSION_TOKEN_CHARS)
        return &none;
    id_sha256_hex(hash, token);
    struct session **at = slot(ss, hash);
    return *at && !is_over(*at, clock_wall_us()) ? at : &none;
}

bool session_is_live(struct sessions *ss, struct span token)
{
    return *find(ss, token) != NULL;
}

static void end(struct sessions *ss, struct session **at)
{
    struct note *n = mem_alloc(sizeof *n);
    n->job.run = note_run;
    n->vault = ss->vault;
    note_add(&n->drop, *at);
    unlink_session(ss, at);
    note_send(ss, n);
}

const struct person *session_person(struct sessions *ss, struct span token, struct view *v,
                                    struct arena *a)
{
    struct session **at = find(ss, token);
    struct err e = {0};
    if (!*at)
        return NULL;
    struct person *p = arena_alloc(a, sizeof *p);
    bool known = user_get(v, a, span_of((*at)->name), p, &e);
    if (!known && e.code == ERR_STORE)
        return NULL;
    if (!known || p->disabled) {
        end(ss, at);
        return NULL;
    }
    (*at)->seen_us = clock_wall_us();
    return p;
}

static const char *cookie_name(const struct server *s)
{
    return server_is_tls(s) ? "__Host-wangyi_session" : "wangyi_session";
}

size_t session_token_of(struct lws *wsi, char out[SESSION_TOKEN_CHARS + 1])
{
    char header[4096];
    const struct server *s = lws_context_user(lws_get_context(wsi));
    int n = lws_hdr_copy(wsi, header, sizeof header, WSI_TOKEN_HTTP_COOKIE);
    struct span rest = {header, n > 0 ? (size_t)n : 0}, found = SPAN_NONE;
    if (!rest.n)
        return 0;
    while (rest.p) {
        struct span value = span_trim(span_split(&rest, ';'));
        struct span name = span_split(&value, '=');
        if (!value.p || !span_eq(name, span_of(cookie_name(s))))
            continue;
        if (found.p)
            return 0; /* two of them: one was put there by somebody else */
        found = value;
    }
    if (found.n != SESSION_TOKEN_CHARS)
        return 0;
    memcpy(out, found.p, found.n);
    out[found.n] = '\0';
    return found.n;
}

/* --- signing in ------------------------------------------------------------------------------------ */

struct sign_in {
    struct span name, password, peer;
    bool right, stored;
    struct err e;
    char token[SESSION_TOKEN_CHARS + 1], hash[HASH_CHARS + 1];
    char lock_key[16 + NAME_MAX_BYTES];
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

/* First half: what may take long. Second half of a success: the vault. */
static void check_work(struct request *r, void *ctx)
{
    struct sign_in *in = ctx;
    in->right =
        user_check_password(server_options(r->server)->vault, in->name, in->password, &in->e);
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
    char key[80];
    struct buf text = {0};
    struct err ignored = {0};
    session_write(&text, &in->session);
    in->stored = vault_put(vault, session_key(key, in->hash), buf_view(&text), &in->e);
    if (in->failures) /* it had been locked before */
        vault_drop(vault, span_of(in->lock_key), &ignored);
    buf_free(&text);
}

static void set_cookie(struct request *r, const char *token)
{
    char cookie[200];
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
             cookie_name(r->server), token, server_is_tls(r->server) ? "; Secure" : "",
             *token ? "" : "; Max-Age=0");
    answer_header(r, "Set-Cookie", cookie);
}

/* A person keeps the newest sessions; the one longest unused goes. */
static void make_room(struct sessions *ss, const char *name)
{
    struct session **oldest = NULL;
    int own = 0;
    for (int b = 0; b < BUCKETS; b++) {
        for (struct session **at = &ss->buckets[b]; *at; at = &(*at)->next) {
            if (strcmp((*at)->name, name))
                continue;
            own++;
            if (!oldest || (*at)->seen_us < (*oldest)->seen_us)
                oldest = at;
        }
    }
    if (own >= PER_PERSON_MAX)
        end(ss, oldest);
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
    make_room(ss, in->session.name);
    struct session *s = add(ss, in->hash, in->name);
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
    if (!known && e.code == ERR_STORE) {
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
    id_sha256_hex(in->hash, span_of(in->token));
    snprintf(in->session.name, sizeof in->session.name, "%.*s", SPAN_ARG(in->name));
    in->session.created_us = in->session.seen_us = clock_wall_us();
    request_offload(r, store_work, store_finish, in);
}

void session_sign_in(struct request *r)
{
    struct sessions *ss = server_sessions(r->server);
    struct sign_in *in = arena_alloc(r->arena, sizeof *in);
    int64_t now = clock_mono_us(), until, wait;
    int failures;
    in->name = json_string(json_get(r->json, "name"));
    in->password = json_string(json_get(r->json, "password"));
    in->peer = r->peer;
    if (!in->name.n || in->name.n > NAME_MAX_BYTES || !in->password.n ||
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

void session_sign_out(struct request *r)
{
    struct sessions *ss = server_sessions(r->server);
    struct session **at = find(ss, r->token);
    if (*at)
        end(ss, at);
    set_cookie(r, "");
    answer_empty(r, 204);
}
