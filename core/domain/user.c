#include "domain/user_impl.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/street.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/version.h"
#include "util/json.h"
#include "util/utf8.h"

enum { NAME_CHARS_MAX = 32, PASSWORD_CHARS_MIN = 8, PASSWORD_BYTES_MAX = 1024 };

static const char *const role_names[] = {
    [ROLE_ADMIN] = "admin",       [ROLE_LEADER] = "leader",       [ROLE_OFFICE] = "office",
    [ROLE_EDITOR] = "editor",     [ROLE_COMMUNITY] = "community", [ROLE_GRID] = "grid",
    [ROLE_RESIDENT] = "resident", [ROLE_GUEST] = "guest",         [ROLE_MACHINE] = "machine",
};

const char *role_name(enum role r)
{
    return role_names[r];
}

bool role_parse(struct span s, enum role *out)
{
    for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++) {
        if (span_eq(s, span_of(role_names[i]))) {
            *out = (enum role)i;
            return true;
        }
    }
    return false;
}

/* --- reading --------------------------------------------------------------------------------- */

struct span *user_spans(struct arena *a, const struct json *list, size_t *count)
{
    *count = json_count(list);
    struct span *out = arena_alloc(a, (*count + 1) * sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = arena_span(a, json_string(json_item(list, i)));
    return out;
}

bool user_of_entry(struct arena *a, const struct entry *entry, struct person *out,
                   struct err *e)
{
    struct span name;
    int64_t since = 0;
    const struct json *body = json_parse(a, entry->body, NULL, NULL, e);
    if (!body || key_split(entry->key, &name, 1) != 1)
        return err_set(e, ERR_STORE, "账号记录 %llu 无法读取，请运行 wangyi verify",
                       (unsigned long long)entry->seq);
    json_int(json_get(body, "since"), &since);
    *out = (struct person){
        .rev = entry->seq,
        .since = (uint64_t)since,
        .name = arena_span(a, name),
        .display = json_string(json_get(body, "display")),
        .office = json_string(json_get(body, "office")),
        .disabled = json_bool(json_get(body, "disabled"), false),
    };
    if (!role_parse(json_string(json_get(body, "role")), &out->role))
        return err_set(e, ERR_STORE, "账号 %.*s 的角色无法识别", SPAN_ARG(name));
    out->offices = user_spans(a, json_get(body, "offices"), &out->office_count);
    out->communities = user_spans(a, json_get(body, "communities"), &out->community_count);
    return true;
}

bool user_entry(struct view *v, struct arena *a, struct span name, struct entry *out,
                struct err *e)
{
    struct err at = {0};
    struct span key = key_of1(a, name, &at);
    bool found = name.n && key.p && version_get(v, a, ENTRY_USER, key, SEQ_LATEST, out, &at);
    if (!found && at.code == ERR_STORE)
        return err_set(e, ERR_STORE, "%s", at.text);
    if (!found || out->op == ENTRY_WITHDRAW)
        return err_set(e, ERR_MISSING, "没有名为“%.*s”的账号", SPAN_ARG(name));
    return true;
}

bool user_get(struct view *v, struct arena *a, struct span name, struct person *out,
              struct err *e)
{
    struct entry entry;
    return user_entry(v, a, name, &entry, e) && user_of_entry(a, &entry, out, e);
}

static void put_list(struct json_w *w, const char *name, const struct span *list, size_t count)
{
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_span(w, list[i]);
    json_w_array_end(w);
}

void user_view_fields(const struct person *p, struct json_w *w)
{
    json_w_kspan(w, "name", p->name);
    json_w_kspan(w, "display", p->display.n ? p->display : p->name);
    json_w_kstr(w, "role", role_name(p->role));
    json_w_name(w, "office");
    if (p->office.n)
        json_w_span(w, p->office);
    else
        json_w_null(w);
    put_list(w, "offices", p->offices, p->office_count);
    put_list(w, "communities", p->communities, p->community_count);
    if (p->role == ROLE_MACHINE)
        put_list(w, "types", p->types, p->type_count);
    json_w_kbool(w, "disabled", p->disabled);
    if (p->role != ROLE_MACHINE)
        json_w_kint(w, "rev", (int64_t)p->rev);
}

void user_view(const struct person *p, struct json_w *w)
{
    json_w_object(w);
    user_view_fields(p, w);
    json_w_object_end(w);
}

bool user_list(struct view *v, struct arena *a, struct json_w *w, struct err *e)
{
    struct entry entry;
    struct person p;
    bool ok = true;
    struct err end = {0};
    struct version_scan *s =
        version_scan_open(v, ENTRY_USER, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    while (ok && version_scan_next(s, a, &entry, &end)) {
        ok = user_of_entry(a, &entry, &p, e);
        if (ok)
            user_view(&p, w);
    }
    version_scan_close(s);
    if (end.code != ERR_NONE)
        return err_set(e, end.code, "%s", end.text);
    return ok;
}

/* --- adding ---------------------------------------------------------------------------------- */

static size_t characters(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += !utf8_is_tail((unsigned char)s.p[i]);
    return n;
}

static bool name_check(struct span name, struct err *e)
{
    if (!name.n || !span_is_utf8(name) || characters(name) > NAME_CHARS_MAX)
        return err_set(e, ERR_INPUT, "账号名须为 1 至 %d 个字符", NAME_CHARS_MAX);
    bool odd = span_has_control(name);
    for (size_t i = 0; i < name.n; i++)
        odd = odd || strchr(" |:/\\\"'<>&", name.p[i]);
    if (odd)
        return err_set(e, ERR_INPUT, "账号名不能含空格、控制字符和 | : / \\ \" ' < > &");
    return true;
}

static bool password_check(struct span name, struct span password, struct err *e)
{
    if (!span_is_utf8(password) || characters(password) < PASSWORD_CHARS_MIN)
        return err_set(e, ERR_INPUT, "口令至少 %d 个字符，请换一个更长的", PASSWORD_CHARS_MIN);
    if (password.n > PASSWORD_BYTES_MAX)
        return err_set(e, ERR_INPUT, "口令太长，最多 %d 字节", PASSWORD_BYTES_MAX);
    if (span_eq(name, password))
        return err_set(e, ERR_INPUT, "口令不能与账号名相同");
    return true;
}

bool user_check_new(struct span name, struct span password, struct err *e)
{
    return name_check(name, e) && password_check(name, password, e);
}

static bool text_list_check(const struct json *list, const char *what, struct err *e)
{
    if (!list || json_is(list, JSON_NULL))
        return true;
    if (!json_is(list, JSON_ARRAY))
        return err_set(e, ERR_INPUT, "%s 须为列表", what);
    for (size_t i = 0; i < json_count(list); i++)
        if (!json_string(json_item(list, i)).n)
            return err_set(e, ERR_INPUT, "%s 的第 %zu 项须为文字", what, i + 1);
    return true;
}

static bool offices_check(const struct street *street, const struct json *body, enum role role,
                          struct err *e)
{
    struct span office = json_string(json_get(body, "office"));
    const struct json *offices = json_get(body, "offices");
    if ((role == ROLE_OFFICE || role == ROLE_EDITOR) && !office.n)
        return err_set(e, ERR_INPUT, "角色 %s 须写明 office（所属科室）", role_name(role));
    if (!text_list_check(offices, "offices", e))
        return false;
    if (office.n && street && !street_has_office(street, office))
        return err_set(e, ERR_INPUT, "没有编号为“%.*s”的科室", SPAN_ARG(office));
    for (size_t i = 0; street && i < json_count(offices); i++)
        if (!street_has_office(street, json_string(json_item(offices, i))))
            return err_set(e, ERR_INPUT, "没有编号为“%.*s”的科室",
                           SPAN_ARG(json_string(json_item(offices, i))));
    return true;
}

static bool communities_check(const struct street *street, const struct json *body,
                              enum role role, struct err *e)
{
    const struct json *list = json_get(body, "communities");
    if (!text_list_check(list, "communities", e))
        return false;
    struct span one = json_string(json_get(body, "community"));
    if (one.n && street && !street_has_community(street, one))
        return err_set(e, ERR_INPUT, "没有编号为“%.*s”的社区", SPAN_ARG(one));
    if ((role == ROLE_COMMUNITY || role == ROLE_GRID) && !json_count(list) && !one.n)
        return err_set(e, ERR_INPUT, "角色 %s 须写明 communities（所属社区）", role_name(role));
    for (size_t i = 0; street && i < json_count(list); i++)
        if (!street_has_community(street, json_string(json_item(list, i))))
            return err_set(e, ERR_INPUT, "没有编号为“%.*s”的社区",
                           SPAN_ARG(json_string(json_item(list, i))));
    return true;
}

static bool display_check(const struct json *display, struct err *e)
{
    if (!display || json_is(display, JSON_NULL))
        return true;
    struct span s = json_string(display);
    if (!json_is(display, JSON_STRING) || characters(s) > NAME_CHARS_MAX || span_has_control(s))
        return err_set(e, ERR_INPUT, "显示名须为 1 至 %d 个可见字符", NAME_CHARS_MAX);
    return true;
}

bool user_body_check(const struct street *street, const struct json *body, enum role *role,
                     struct err *e)
{
    if (!json_is(body, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "请求正文须为 JSON 对象");
    if (!name_check(json_string(json_get(body, "name")), e) ||
        !display_check(json_get(body, "display"), e))
        return false;
    if (!role_parse(json_string(json_get(body, "role")), role) || *role > ROLE_GRID)
        return err_set(e, ERR_INPUT,
                       "role 须为 admin、leader、office、editor、community、grid 之一");
    return offices_check(street, body, *role, e) && communities_check(street, body, *role, e);
}

void user_put_list(struct json_w *w, const char *name, const struct json *list)
{
    json_w_name(w, name);
    if (json_is(list, JSON_ARRAY)) {
        json_w_value(w, list);
    } else {
        json_w_array(w);
        json_w_array_end(w);
    }
}

/* A person of one community may be given it by its name alone. */
static void put_communities(struct json_w *w, const struct json *body)
{
    const struct json *list = json_get(body, "communities");
    struct span one = json_string(json_get(body, "community"));
    if (json_count(list) || !one.n) {
        user_put_list(w, "communities", list);
        return;
    }
    json_w_name(w, "communities");
    json_w_array(w);
    json_w_span(w, one);
    json_w_array_end(w);
}

void user_body_members(struct json_w *w, const struct json *body, enum role role)
{
    struct span display = json_string(json_get(body, "display"));
    struct span office = json_string(json_get(body, "office"));
    json_w_kspan(w, "display", display.n ? display : json_string(json_get(body, "name")));
    json_w_kstr(w, "role", role_name(role));
    if (office.n)
        json_w_kspan(w, "office", office);
    user_put_list(w, "offices", json_get(body, "offices"));
    put_communities(w, body);
}

static void body_write(struct buf *out, const struct json *body, enum role role)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    user_body_members(&w, body, role);
    json_w_object_end(&w);
    json_w_end(&w);
}

bool user_add(struct txn *t, const struct street *street, const struct json *body,
              struct err *e)
{
    enum role role = ROLE_GUEST;
    if (!user_body_check(street, body, &role, e))
        return false;
    struct arena a = {0};
    struct buf text = {0};
    struct person taken;
    bool ok = false;
    struct span name = json_string(json_get(body, "name"));
    struct err before = {0};
    if (user_get(txn_view(t), &a, name, &taken, &before)) {
        err_set(e, ERR_CONFLICT, "账号“%.*s”已经存在，请换一个名字", SPAN_ARG(name));
        goto done;
    }
    if (before.code != ERR_MISSING) {
        err_set(e, before.code, "%s", before.text);
        goto done;
    }
    body_write(&text, body, role);
    struct entry_new entry = {.type = ENTRY_USER, .body = buf_view(&text)};
    entry.key = key_of1(&a, name, e);
    ok = entry.key.p && txn_append(t, &entry, e);
done:
    buf_free(&text);
    arena_free(&a);
    return ok;
}

/* --- passwords ------------------------------------------------------------------------------- */

static struct span password_key(struct arena *a, struct span name)
{
    return span_of(arena_printf(a, "password/%.*s", SPAN_ARG(name)));
}

/* argon2id with the costs that dependencies.md measured: two passes over 64 MiB. */
static bool password_hash(char out[crypto_pwhash_STRBYTES], struct span password)
{
    return sodium_init() >= 0 &&
           crypto_pwhash_str(out, password.p, password.n, 2, 64 * 1024 * 1024) == 0;
}

bool user_hash_password(struct span name, struct span password, char out[USER_HASH_MAX],
                        struct err *e)
{
    _Static_assert(crypto_pwhash_STRBYTES <= USER_HASH_MAX, "a hash fits");
    if (!user_check_new(name, password, e))
        return false;
    return password_hash(out, password) ||
           err_set(e, ERR_SYSTEM, "内存不足，无法计算口令摘要，请稍后再试");
}

bool user_put_hash(struct vault *vault, struct span name, const char *hash, struct err *e)
{
    struct arena a = {0};
    bool ok = vault_put(vault, password_key(&a, name), span_of(hash), e);
    arena_free(&a);
    return ok;
}

bool user_set_password(struct vault *vault, struct span name, struct span password,
                       struct err *e)
{
    char hash[USER_HASH_MAX];
    return user_hash_password(name, password, hash, e) && user_put_hash(vault, name, hash, e);
}

/* What an unknown name is compared with, so that it takes as long as a known one. */
static char nobody_hash[crypto_pwhash_STRBYTES];
static pthread_once_t nobody_once = PTHREAD_ONCE_INIT;

static void nobody_make(void)
{
    char random[32];
    if (sodium_init() < 0)
        return;
    randombytes_buf(random, sizeof random);
    (void)password_hash(nobody_hash, (struct span){random, sizeof random});
}

bool user_check_password(struct vault *vault, struct span name, struct span password,
                         struct err *e)
{
    struct arena a = {0};
    struct span stored = SPAN_NONE;
    struct err read = {0};
    pthread_once(&nobody_once, nobody_make);
    bool known = name.n && name.n <= NAME_CHARS_MAX * 4 && !span_has_control(name) &&
                 vault_read(vault, &a, password_key(&a, name), &stored, &read) &&
                 stored.n < crypto_pwhash_STRBYTES;
    if (read.code != ERR_NONE) {
        arena_free(&a);
        return err_set(e, ERR_STORE, "%s", read.text);
    }
    if (!known)
        stored = span_of(nobody_hash);
    if (password.n > PASSWORD_BYTES_MAX)
        password.n = PASSWORD_BYTES_MAX + 1;   /* longer than any that was set */
    struct span hash = arena_span(&a, stored); /* NUL-terminated, as sodium wants it */
    bool match =
        crypto_pwhash_str_verify(hash.p, password.p ? password.p : "", password.n) == 0;
    arena_free(&a);
    if (!known || !match)
        return err_set(e, ERR_DENIED, "账号或口令不正确，请核对后再试");
    return true;
}
