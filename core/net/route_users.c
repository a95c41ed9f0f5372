/* People and machine keys, as administrators see them. */
#include <sodium.h>
#include <string.h>

#include "net/idempotency.h"
#include "net/request.h"
#include "net/server_impl.h"
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
};
const struct route_family route_users;
const struct route_family route_users = {routes, sizeof routes / sizeof *routes};
