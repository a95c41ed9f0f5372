/* What becomes of an account later: changed by an administrator, looked at again while it is used. */
#include "domain/user_impl.h"

#include <stdio.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/version.h"
#include "util/json.h"

/* --- what is asked for ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum json_type type;
    bool place; /* role and places are checked anew */
    bool may_be_null;
} members[] = {
    {"display", JSON_STRING, false, false}, {"role", JSON_STRING, true, false},
    {"office", JSON_STRING, true, true},    {"offices", JSON_ARRAY, true, true},
    {"community", JSON_STRING, true, true}, {"communities", JSON_ARRAY, true, true},
    {"disabled", JSON_BOOL, false, false},  {"password", JSON_STRING, false, false},
    {"rev", JSON_INT, false, false},
};

static bool member_check(struct span name, const struct json *value, bool *place, struct err *e)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!span_eq(name, span_of(members[i].name)))
            continue;
        *place = *place || members[i].place;
        if (json_is(value, members[i].type) ||
            (members[i].may_be_null && json_is(value, JSON_NULL)))
            return true;
        return err_set(e, ERR_INPUT, "%s 的写法不对：%s", members[i].name,
                       members[i].type == JSON_BOOL    ? "须为 true 或 false"
                       : members[i].type == JSON_ARRAY ? "须为列表"
                       : members[i].type == JSON_INT   ? "须为整数"
                                                       : "须为文字");
    }
    return err_set(e, ERR_INPUT,
                   "不能更改“%.*s”；可以更改 display、role、office、offices、community、"
                   "communities、disabled、password",
                   (int)span_cut_utf8(name, 60), name.p ? name.p : "");
}

static bool patch_check(const struct json *patch, bool *place, struct err *e)
{
    if (!json_is(patch, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "请求正文须为 JSON 对象");
    for (size_t i = 0; i < json_count(patch); i++)
        if (!member_check(patch->names[i], json_item(patch, i), place, e))
            return false;
    return true;
}

/* --- what comes of it ------------------------------------------------------------------------ */

/* The account as POST /users would have had it, with what the patch says in place of what was. */
static void merge(struct buf *out, struct span name, const struct json *old,
                  const struct json *patch)
{
    static const char *const kept[] = {"display", "role", "office", "offices"};
    struct json_w w = json_w_begin(out);
    const struct json *one = json_get(patch, "community");
    const struct json *list = json_get(patch, "communities");
    json_w_object(&w);
    json_w_kspan(&w, "name", name);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const struct json *v = json_get(patch, kept[i]);
        v = v ? v : json_get(old, kept[i]);
        if (!v)
            continue;
        json_w_name(&w, kept[i]);
        json_w_value(&w, v);
    }
    if (one && !list)
        json_w_kspan(&w, "community", json_string(one));
    else
        user_put_list(&w, "communities", list ? list : json_get(old, "communities"));
    json_w_object_end(&w);
    json_w_end(&w);
}

struct after {
    const struct json *body; /* merged, checked */
    enum role role;
    bool disabled;
    uint64_t since, password_seq;
};

static void members_write(struct json_w *w, const struct after *to, struct span by)
{
    json_w_object(w);
    user_body_members(w, to->body, to->role);
    if (to->disabled)
        json_w_kbool(w, "disabled", true);
    if (by.n)
        json_w_kspan(w, "by", by);
    if (to->password_seq)
        json_w_kint(w, "password_seq", (int64_t)to->password_seq);
    if (to->since)
        json_w_kint(w, "since", (int64_t)to->since);
    json_w_object_end(w);
    json_w_end(w);
}

static void body_of(struct buf *out, const struct after *to, struct span by)
{
    buf_clear(out);
    struct json_w w = json_w_begin(out);
    members_write(&w, to, by);
}

/* Whether two people differ in what sessions were opened for. */
static bool spans_differ(const struct span *a, size_t a_n, const struct span *b, size_t b_n)
{
    bool differ = a_n != b_n;
    for (size_t i = 0; i < a_n && !differ; i++)
        differ = !span_eq(a[i], b[i]);
    return differ;
}

static bool rights_differ(const struct person *a, const struct person *b)
{
    return a->role != b->role || a->disabled != b->disabled || !span_eq(a->office, b->office) ||
           spans_differ(a->offices, a->office_count, b->offices, b->office_count) ||
           spans_differ(a->communities, a->community_count, b->communities, b->community_count);
}

static bool is_active_admin(const struct person *p)
{
    return p->role == ROLE_ADMIN && !p->disabled;
}

static bool another_admin(struct view *v, struct arena *a, struct span name, bool *found,
                          struct err *e)
{
    struct entry entry;
    struct person p;
    struct err end = {0};
    bool ok = true;
    *found = false;
    struct version_scan *s =
        version_scan_open(v, ENTRY_USER, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    while (ok && !*found && version_scan_next(s, a, &entry, &end)) {
        ok = user_of_entry(a, &entry, &p, e);
        *found = ok && is_active_admin(&p) && !span_eq(p.name, name);
    }
    version_scan_close(s);
    if (end.code != ERR_NONE)
        return err_set(e, end.code, "%s", end.text);
    return ok;
}

static bool leaves_an_admin(struct view *v, struct arena *a, const struct person *was,
                            const struct person *is, struct err *e)
{
    bool found = true;
    if (!is_active_admin(was) || is_active_admin(is))
        return true;
    if (!another_admin(v, a, was->name, &found, e))
        return false;
    return found || err_set(e, ERR_CONFLICT,
                            "“%.*s”是最后一个在用的管理员，不能停用或改为别的角色；"
                            "请先另设一个管理员",
                            SPAN_ARG(was->name));
}

static bool rev_check(const struct json *patch, const struct person *was, struct err *e)
{
    int64_t rev;
    const struct json *given = json_get(patch, "rev");
    if (!given || (json_int(given, &rev) && (uint64_t)rev == was->rev))
        return true;
    return err_set(e, ERR_CONFLICT, "账号“%.*s”已有新的变化，请看过最新内容后再改",
                   SPAN_ARG(was->name));
}

/* The old entry and the new body as people, so that they are compared by what is read from them. */
static bool change(struct txn *t, struct vault *vault, struct arena *a, struct buf *text,
                   const struct street *street, const struct user_change *c, struct err *e)
{
    struct entry entry;
    struct person was, is;
    struct after to = {0};
    bool place = false;
    int64_t password_seq = 0;
    if (!patch_check(c->patch, &place, e) || !user_entry(txn_view(t), a, c->name, &entry, e) ||
        !user_of_entry(a, &entry, &was, e) || !rev_check(c->patch, &was, e))
        return false;

    const struct json *old = json_parse(a, entry.body, NULL, NULL, e);
    if (!old)
        return false;
    merge(text, c->name, old, c->patch);
    to.body = json_parse(a, arena_span(a, buf_view(text)), NULL, NULL, e);
    /* An office that is no more must not keep its people from being disabled. */
    if (!to.body || !user_body_check(place ? street : NULL, to.body, &to.role, e))
        return false;
    json_int(json_get(old, "password_seq"), &password_seq);
    to.disabled = json_bool(json_get(c->patch, "disabled"), was.disabled);
    to.since = was.since;
    to.password_seq = (uint64_t)password_seq;

    struct entry next = entry;
    body_of(text, &to, SPAN_NONE);
    next.body = arena_span(a, buf_view(text));
    if (!user_of_entry(a, &next, &is, e) || !leaves_an_admin(txn_view(t), a, &was, &is, e))
        return false;
    bool rights = rights_differ(&was, &is) || c->hash;
    if (!rights && span_eq(was.display, is.display))
        return true;

    uint64_t seq, seed;
    int64_t at;
    txn_next(t, &seq, &at, &seed);
    if (rights)
        to.since = seq;
    if (c->hash)
        to.password_seq = seq;
    body_of(text, &to, c->by);
    struct entry_new new = {.type = ENTRY_USER, .body = buf_view(text)};
    new.key = key_of1(a, c->name, e);
    return new.key.p && (!c->hash || user_put_hash(vault, c->name, c->hash, e)) &&
           txn_append(t, &new, e);
}

bool user_change(struct txn *t, struct vault *vault, const struct street *street,
                 const struct user_change *c, struct err *e)
{
    struct arena a = {0};
    struct buf text = {0};
    bool ok = change(t, vault, &a, &text, street, c, e);
    buf_free(&text);
    arena_free(&a);
    return ok;
}

/* --- looked at again ------------------------------------------------------------------------- */

static bool key_is_still(struct view *v, struct span name, struct err *e)
{
    struct err at = {0};
    struct span id = {name.p + 4, name.n - 4}; /* "key:…" */
    if (!key_is_revoked(v, id, &at))
        return true;
    return at.code == ERR_STORE ? err_set(e, ERR_STORE, "%s", at.text)
                                : err_set(e, ERR_DENIED, "密钥已停用，请向管理员申请新的密钥");
}

bool user_is_still(struct view *v, const struct person *p, struct err *e)
{
    struct arena a = {0};
    struct person now;
    if (p->role == ROLE_MACHINE)
        return !span_starts(p->name, SPAN("key:")) || key_is_still(v, p->name, e);
    bool ok = user_get(v, &a, p->name, &now, e);
    if (ok && (now.disabled || now.since != p->since))
        ok = err_set(e, ERR_DENIED, "账号已停用或权限已更改，请重新登录");
    arena_free(&a);
    return ok;
}
