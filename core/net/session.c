#include "net/session_impl.h"

#include <libwebsockets.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "net/jobs.h"
#include "net/server_impl.h"
#include "store/vault.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum { PER_PERSON_MAX = 20 };
static const int64_t IDLE_US = 30LL * 60 * 1000000, ABSOLUTE_US = 12LL * 3600 * 1000000;
static const int64_t NOTE_EVERY_US = 60LL * 1000000;

/* --- the table ----------------------------------------------------------------------------------- */

static struct session **slot(struct sessions *ss, const char *hash)
{
    struct session **at = &ss->buckets[id_hash64(span_of(hash)) % SESSION_BUCKETS];
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

struct session *session_add(struct sessions *ss, const char *hash, struct span name)
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

static struct span key_of(char out[80], const char *hash)
{
    snprintf(out, 80, "session/%s", hash);
    return span_of(out);
}

static void write_json(struct buf *out, const struct session *s)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kstr(&w, "name", s->name);
    json_w_kint(&w, "created", s->created_us);
    json_w_kint(&w, "seen", s->seen_us);
    json_w_kint(&w, "since", (int64_t)s->since);
    json_w_object_end(&w);
    json_w_end(&w);
}

bool session_put(struct vault *v, const struct session *s, struct err *e)
{
    struct buf text = {0};
    char key[80];
    write_json(&text, s);
    bool ok = vault_put(v, key_of(key, s->hash), buf_view(&text), e);
    buf_free(&text);
    return ok;
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
    bool ok = true;
    for (struct session *s = n->put, *next; s; s = next) {
        next = s->next;
        ok = session_put(n->vault, s, &e) && ok;
        mem_free(s);
    }
    for (struct session *s = n->drop, *next; s; s = next) {
        next = s->next;
        ok = vault_drop(n->vault, key_of(key, s->hash), &e) && ok;
        mem_free(s);
    }
    if (!ok)
        log_warn("session", "could not note sessions: %s", e.text);
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
    for (int b = 0; b < SESSION_BUCKETS; b++) {
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
    char hash[SESSION_HASH_CHARS + 1];
    int64_t created = 0, seen = 0, since = 0;
    const struct json *v = json_parse(&a, value, NULL, NULL, NULL);
    struct span name = json_string(json_get(v, "name"));
    json_int(json_get(v, "since"), &since); /* not there in sessions of older versions */
    if (key.n == 8 + SESSION_HASH_CHARS && name.n && name.n <= SESSION_NAME_MAX &&
        json_int(json_get(v, "created"), &created) && json_int(json_get(v, "seen"), &seen)) {
        snprintf(hash, sizeof hash, "%.*s", SESSION_HASH_CHARS, key.p + 8);
        struct session *s = session_add(ss, hash, name);
        s->since = (uint64_t)since;
        s->created_us = created;
        s->seen_us = s->noted_us = seen;
    }
    arena_free(&a);
    return true;
}

struct sessions *sessions_new(struct server *s, struct err *e)
{
    struct sessions *ss = mem_alloc(sizeof *ss);
    if (sodium_init() < 0)
        log_warn("session", "libsodium could not be started");
    ss->vault = server_options(s)->vault;
    ss->notes = jobs_new(1, 4096);
    if (!vault_each(ss->vault, SPAN("session/"), load_one, ss, e) || !sign_in_open(ss, e)) {
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
    for (int b = 0; b < SESSION_BUCKETS; b++)
        while (ss->buckets[b])
            unlink_session(ss, &ss->buckets[b]);
    sign_in_close(ss);
    mem_free(ss);
}

void sessions_tick(struct sessions *ss)
{
    int64_t now = clock_mono_us();
    bool note = now - ss->last_note_us >= NOTE_EVERY_US;
    if (note) {
        ss->last_note_us = now;
        sign_in_tick(ss, now);
    }
    note_send(ss, note_collect(ss, note));
}

/* --- asking ---------------------------------------------------------------------------------------- */

struct session **session_find(struct sessions *ss, struct span token)
{
    static struct session *none;
    char hash[SESSION_HASH_CHARS + 1];
    none = NULL;
    if (token.n != SESSION_TOKEN_CHARS)
        return &none;
    id_sha256_hex(hash, token);
    struct session **at = slot(ss, hash);
    return *at && !is_over(*at, clock_wall_us()) ? at : &none;
}

bool session_is_live(struct sessions *ss, struct span token)
{
    return *session_find(ss, token) != NULL;
}

void session_end(struct sessions *ss, struct session **at)
{
    struct note *n = mem_alloc(sizeof *n);
    n->job.run = note_run;
    n->vault = ss->vault;
    note_add(&n->drop, *at);
    unlink_session(ss, at);
    note_send(ss, n);
}

void session_make_room(struct sessions *ss, const char *name)
{
    struct session **oldest = NULL;
    int own = 0;
    for (int b = 0; b < SESSION_BUCKETS; b++) {
        for (struct session **at = &ss->buckets[b]; *at; at = &(*at)->next) {
            if (strcmp((*at)->name, name))
                continue;
            own++;
            if (!oldest || (*at)->seen_us < (*oldest)->seen_us)
                oldest = at;
        }
    }
    if (own >= PER_PERSON_MAX)
        session_end(ss, oldest);
}

const struct person *session_person(struct sessions *ss, struct span token, struct view *v,
                                    struct arena *a)
{
    struct session **at = session_find(ss, token);
    struct err e = {0};
    if (!*at)
        return NULL;
    struct person *p = arena_alloc(a, sizeof *p);
    bool known = user_get(v, a, span_of((*at)->name), p, &e);
    if (!known && e.code == ERR_STORE)
        return NULL;
    if (!known || p->disabled || p->since != (*at)->since) {
        session_end(ss, at);
        return NULL;
    }
    (*at)->seen_us = clock_wall_us();
    return p;
}

const char *session_cookie_name(const struct server *s)
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
        if (!value.p || !span_eq(name, span_of(session_cookie_name(s))))
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
