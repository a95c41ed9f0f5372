/* People and machine keys, as administrators see them. */
#include <sodium.h>
#include <string.h>

#include "net/hub.h"
#include "net/idempotency.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "net/sign_in.h"
#include "store/txn.h"
#include "store/view.h"
#include "store/writer.h"

/* --- people ------------------------------------------------------------------------------------------ */

static void list(struct request *r, bool (*write)(struct view *v, struct arena *a,
                                                  struct json_w *w, struct err *e))
{
    struct err e = {0};
    struct buf out = {0};
    struct json_w w = answer_list_begin(&out);
    bool ok = write(r->view, r->arena, &w, &e);
    answer_list_end(&w, SPAN_NONE);
    if (ok)
        answer_json(r, 200, &out);
    else
        answer_err(r, &e);
    buf_free(&out);
}

static void users(struct request *r)
{
    list(r, user_list);
}

struct adding {
    struct command command; /* first */
    struct request *r;
    struct span name, password;
    struct buf json;
    struct err e;
};

static void adding_gone(struct request *r)
{
    struct adding *a = r->stream;
    if (a)
        buf_free(&a->json);
}

/* The account and the answer kept for its key, in one transaction. */
static bool add_apply(struct command *c, struct txn *t, struct err *e)
{
    struct adding *a = (struct adding *)c;
    struct arena arena = {0};
    struct person p;
    bool ok = user_add(t, a->r->street, a->r->json, e) &&
              user_get(txn_view(t), &arena, a->name, &p, e);
    if (ok) {
        struct json_w w = json_w_begin(&a->json);
        user_view(&p, &w);
        json_w_end(&w);
        ok = idempotency_keep(a->r, t, 201, buf_view(&a->json), e);
    }
    arena_free(&arena);
    return ok;
}

static void add_finish(struct request *r, struct command *c, const struct err *e)
{
    struct adding *a = (struct adding *)c;
    if (e)
        answer_err(r, e);
    else
        answer_json(r, 201, &a->json);
}

/* The password first, into the vault: nobody can sign in with it before the account is there.
 * It is only set for a name that has no account, or a refused repeat would change somebody's
 * password. */
static void password_work(struct request *r, void *ctx)
{
    struct adding *a = ctx;
    struct person p;
    struct err missing = {0};
    const struct server_options *o = server_options(r->server);
    struct arena arena = {0};
    struct view *v = view_open(o->store, &a->e);
    if (!v)
        return;
    if (user_get(v, &arena, a->name, &p, &missing))
        err_set(&a->e, ERR_CONFLICT, "账号“%.*s”已经存在，请换一个名字", SPAN_ARG(a->name));
    else if (missing.code != ERR_MISSING)
        a->e = missing;
    else
        (void)user_set_password(o->vault, a->name, a->password, &a->e);
    view_close(v);
    arena_free(&arena);
    sodium_memzero((char *)(uintptr_t)a->password.p, a->password.n);
}

static void password_finish(struct request *r, void *ctx)
{
    struct adding *a = ctx;
    if (a->e.code != ERR_NONE)
        answer_err(r, &a->e);
    else
        request_submit(r, &a->command, add_finish);
}

static void user_post(struct request *r)
{
    struct err e = {0};
    struct adding *a = arena_alloc(r->arena, sizeof *a);
    a->r = r;
    a->command.apply = add_apply;
    a->name = json_string(json_get(r->json, "name"));
    a->password = json_string(json_get(r->json, "password"));
    if (!user_check_new(a->name, a->password, &e)) {
        answer_err(r, &e);
        return;
    }
    r->stream = a;
    request_on_end(r, adding_gone);
    request_offload_to(r, server_hash_jobs(r->server), password_work, password_finish, a);
}

/* --- changes ------------------------------------------------------------------------------------------ */

struct changing {
    struct command command; /* first */
    struct request *r;
    struct user_change what;
    struct span password;
    char hash[USER_HASH_MAX];
    bool stale;
    struct err e;
};

static void put_etag(struct request *r, const struct person *p)
{
    answer_header(r, "ETag", arena_printf(r->arena, "\"%llu\"", (unsigned long long)p->rev));
}

static void answer_person(struct request *r, struct span name)
{
    struct person p;
    struct err e = {0};
    struct buf out = {0};
    if (!user_get(r->view, r->arena, name, &p, &e)) {
        answer_err(r, &e);
        return;
    }
    struct json_w w = json_w_begin(&out);
    user_view(&p, &w);
    json_w_end(&w);
    put_etag(r, &p);
    answer_json(r, 200, &out);
}

static void user_one(struct request *r)
{
    answer_person(r, r->params[0]);
}

static bool is_stale(struct span tag, const struct person *p)
{
    int64_t rev;
    if (!tag.n || span_eq(tag, SPAN("*")))
        return false;
    if (tag.n < 2 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"')
        return true;
    return !span_int((struct span){tag.p + 1, tag.n - 2}, &rev) || (uint64_t)rev != p->rev;
}

static bool change_apply(struct command *command, struct txn *t, struct err *e)
{
    struct changing *c = (struct changing *)command;
    struct request *r = c->r;
    struct arena a = {0};
    struct person was;
    bool known = user_get(txn_view(t), &a, c->what.name, &was, e);
    c->stale = known && is_stale(r->if_match, &was);
    arena_free(&a);
    if (c->stale)
        return err_set(e, ERR_CONFLICT, "这个账号已有新的变化，请看过最新内容后再改");
    return known && user_change(t, server_options(r->server)->vault, r->street, &c->what, e);
}

/* Whatever was opened by what the account was before ends before the administrator is answered. */
static void change_finish(struct request *r, struct command *command, const struct err *e)
{
    struct changing *c = (struct changing *)command;
    sodium_memzero(c->hash, sizeof c->hash);
    if (c->stale) {
        answer_problem(r, 412, "stale", e->text, SPAN_NONE);
        return;
    }
    if (e) {
        answer_err(r, e);
        return;
    }
    if (c->what.hash)
        sign_in_unlock(server_sessions(r->server), c->what.name);
    hub_look_at(server_hub(r->server), c->what.name);
    answer_person(r, c->what.name);
}

static void hash_work(struct request *r, void *ctx)
{
    struct changing *c = ctx;
    (void)r;
    (void)user_hash_password(c->what.name, c->password, c->hash, &c->e);
    sodium_memzero((char *)(uintptr_t)c->password.p, c->password.n);
}

static void hash_finish(struct request *r, void *ctx)
{
    struct changing *c = ctx;
    if (c->e.code != ERR_NONE)
        answer_err(r, &c->e);
    else
        request_submit(r, &c->command, change_finish);
}

static void user_patch(struct request *r)
{
    struct person p;
    struct err e = {0};
    const struct json *password = json_get(r->json, "password");
    struct changing *c = arena_alloc(r->arena, sizeof *c);
    *c = (struct changing){.command.apply = change_apply, .r = r};
    c->what.name = r->params[0];
    c->what.by = r->person->name;
    c->what.patch = r->json;
    c->password = json_string(password);
    if (!user_get(r->view, r->arena, r->params[0], &p, &e) ||
        (password && !user_check_new(p.name, c->password, &e))) {
        answer_err(r, &e);
        return;
    }
    if (!password) {
        request_submit(r, &c->command, change_finish);
        return;
    }
    c->what.hash = c->hash;
    request_offload_to(r, server_hash_jobs(r->server), hash_work, hash_finish, c);
}

/* --- keys --------------------------------------------------------------------------------------------- */

static void keys(struct request *r)
{
    list(r, key_list);
}

struct minting {
    struct command command; /* first */
    struct request *r;
    char key[96];
};

static bool mint_apply(struct command *c, struct txn *t, struct err *e)
{
    struct minting *m = (struct minting *)c;
    struct request *r = m->r;
    return key_add(t, server_options(r->server)->vault, r->street, r->json, r->person->name,
                   m->key, e) &&
           idempotency_keep(r, t, 201, SPAN_NONE, e);
}

static void mint_finish(struct request *r, struct command *c, const struct err *e)
{
    struct minting *m = (struct minting *)c;
    if (e) {
        answer_err(r, e);
        return;
    }
    struct span rest = {m->key + 3, strlen(m->key) - 3}; /* wy_<id>_<secret> */
    struct span id = span_split(&rest, '_');
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kspan(&w, "id", id);
    json_w_kstr(&w, "key", m->key);
    json_w_object_end(&w);
    json_w_end(&w);
    sodium_memzero(m->key, sizeof m->key);
    answer_json(r, 201, &out);
}

static void key_post(struct request *r)
{
    struct minting *m = arena_alloc(r->arena, sizeof *m);
    m->r = r;
    m->command.apply = mint_apply;
    request_submit(r, &m->command, mint_finish);
}

struct revoking {
    struct command command; /* first */
    struct request *r;
};

static bool revoke_apply(struct command *c, struct txn *t, struct err *e)
{
    struct request *r = ((struct revoking *)c)->r;
    return key_revoke(t, r->params[0], r->person->name, e);
}

static void revoke_finish(struct request *r, struct command *c, const struct err *e)
{
    (void)c;
    if (e) {
        answer_err(r, e);
        return;
    }
    hub_look_at(server_hub(r->server),
                span_of(arena_printf(r->arena, "key:%.*s", SPAN_ARG(r->params[0]))));
    answer_empty(r, 204);
}

static void key_delete(struct request *r)
{
    struct revoking *v = arena_alloc(r->arena, sizeof *v);
    *v = (struct revoking){.command.apply = revoke_apply, .r = r};
    request_submit(r, &v->command, revoke_finish);
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/users",
     .summary = "All accounts",
     .act = ACCESS_ADMINISTER,
     .handle = users},
    {.method = "POST",
     .path = "/api/v1/users",
     .summary = "Add an account: name, display, role, office, communities, password",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .handle = user_post},
    {.method = "GET",
     .path = "/api/v1/users/{name}",
     .summary = "One account, with its ETag",
     .act = ACCESS_ADMINISTER,
     .handle = user_one},
    {.method = "PATCH",
     .path = "/api/v1/users/{name}",
     .summary = "Change an account: display, role, office, offices, community, communities, "
                "disabled, password, with If-Match; all but display ends its sessions",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .handle = user_patch},
    {.method = "GET",
     .path = "/api/v1/keys",
     .summary = "All machine keys, without their secrets",
     .act = ACCESS_ADMINISTER,
     .handle = keys},
    {.method = "POST",
     .path = "/api/v1/keys",
     .summary = "Make a machine key for some record types; the key is shown once",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .secret = true,
     .handle = key_post},
    {.method = "DELETE",
     .path = "/api/v1/keys/{id}",
     .summary = "Revoke a machine key for ever; what it has open ends",
     .act = ACCESS_ADMINISTER,
     .handle = key_delete},
};
const struct route_family route_users;
const struct route_family route_users = {routes, sizeof routes / sizeof *routes};
