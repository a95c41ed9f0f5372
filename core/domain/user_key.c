#include "domain/user_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/street.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/json.h"

/* wy_<id>_<secret>: the id is the KEY entry's key, the secret's hash lies in the vault. */
enum { KEY_ID_CHARS = 12, KEY_SECRET_BYTES = 20, KEY_TYPES_MAX = 64, KEY_LABEL_MAX = 64 };

static struct span vault_key(struct arena *a, struct span id)
{
    return span_of(arena_printf(a, "key/%.*s", SPAN_ARG(id)));
}

static bool types_check(const struct street *street, const struct json *types, struct err *e)
{
    size_t n = json_count(types);
    if (!json_is(types, JSON_ARRAY) || !n || n > KEY_TYPES_MAX)
        return err_set(e, ERR_INPUT, "types 须列出 1 至 %d 个数据类型", KEY_TYPES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct span name = json_string(json_item(types, i));
        if (!name.n || (street && !dictionary_find(street_dictionary(street), name)))
            return err_set(e, ERR_INPUT, "没有名为“%.*s”的数据类型", SPAN_ARG(name));
    }
    return true;
}

static bool body_check(const struct street *street, const struct json *body, struct err *e)
{
    const struct json *label = json_get(body, "label");
    if (!json_is(body, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "请求正文须为 JSON 对象");
    if (label && (!json_is(label, JSON_STRING) || json_string(label).n > KEY_LABEL_MAX * 4 ||
                  span_has_control(json_string(label))))
        return err_set(e, ERR_INPUT, "label 须为最多 %d 个字的名称", KEY_LABEL_MAX);
    return types_check(street, json_get(body, "types"), e);
}

static void body_write(struct buf *out, const struct json *body, struct span by)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kspan(&w, "label", json_string(json_get(body, "label")));
    user_put_list(&w, "types", json_get(body, "types"));
    json_w_kspan(&w, "by", by);
    json_w_object_end(&w);
    json_w_end(&w);
}

bool key_add(struct txn *t, struct vault *vault, const struct street *street,
             const struct json *body, struct span by, char out[96], struct err *e)
{
    uint64_t seq, seed;
    int64_t at;
    char id[27], secret[2 * KEY_SECRET_BYTES + 1], hash[65];
    uint8_t random[KEY_SECRET_BYTES];
    if (!body_check(street, body, e))
        return false;

    txn_next(t, &seq, &at, &seed);
    id_from_seed(id, seed, SPAN("key"));
    id[KEY_ID_CHARS] = '\0';
    id_random(random, sizeof random);
    id_hex(secret, random, sizeof random);
    snprintf(out, 96, "wy_%s_%s", id, secret);
    id_sha256_hex(hash, span_of(secret));

    /* The vault first: a hash without its KEY entry opens nothing. */
    struct arena a = {0};
    struct buf text = {0};
    body_write(&text, body, by);
    struct entry_new entry = {.type = ENTRY_KEY, .body = buf_view(&text)};
    entry.key = key_of1(&a, span_of(id), e);
    bool ok = entry.key.p && vault_put(vault, vault_key(&a, span_of(id)), span_of(hash), e) &&
              txn_append(t, &entry, e);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(random, sizeof random);
    buf_free(&text);
    arena_free(&a);
    return ok;
}

static bool key_split_text(struct span key, struct span *id, struct span *secret)
{
    if (!span_starts(key, SPAN("wy_")))
        return false;
    struct span rest = {key.p + 3, key.n - 3};
    *id = span_split(&rest, '_');
    if (!rest.p || id->n != KEY_ID_CHARS || rest.n != 2 * KEY_SECRET_BYTES)
        return false;
    *secret = rest;
    return !span_has_control(*id);
}

static bool secret_is_right(struct vault *vault, struct arena *a, struct span id,
                            struct span secret, struct err *e)
{
    char hash[65];
    struct span stored;
    id_sha256_hex(hash, secret);
    return vault_read(vault, a, vault_key(a, id), &stored, e) && stored.n == 64 &&
           sodium_memcmp(hash, stored.p, 64) == 0;
}

bool key_check(struct view *v, struct vault *vault, struct arena *a, struct span key,
               struct person *out, struct err *e)
{
    struct span id, secret;
    struct entry entry;
    struct err at = {0};
    const struct json *body = NULL;
    if (key_split_text(key, &id, &secret) && secret_is_right(vault, a, id, secret, &at) &&
        version_get(v, a, ENTRY_KEY, key_of1(a, id, &at), SEQ_LATEST, &entry, &at) &&
        entry.op == ENTRY_PUT)
        body = json_parse(a, entry.body, NULL, NULL, &at);
    if (!body || json_bool(json_get(body, "revoked"), false)) {
        if (at.code == ERR_STORE)
            return err_set(e, ERR_STORE, "%s", at.text);
        return err_set(e, ERR_DENIED, "密钥无效或已停用，请向管理员申请新的密钥");
    }
    *out = (struct person){
        .name = span_of(arena_printf(a, "key:%.*s", SPAN_ARG(id))),
        .display = json_string(json_get(body, "label")),
        .role = ROLE_MACHINE,
    };
    out->types = user_spans(a, json_get(body, "types"), &out->type_count);
    return true;
}

bool key_is_revoked(struct view *v, struct span id, struct err *e)
{
    struct arena a = {0};
    struct entry entry;
    const struct json *body = NULL;
    struct span key = key_of1(&a, id, e);
    if (key.p && version_get(v, &a, ENTRY_KEY, key, SEQ_LATEST, &entry, e) &&
        entry.op == ENTRY_PUT)
        body = json_parse(&a, entry.body, NULL, NULL, e);
    bool revoked = !body || json_bool(json_get(body, "revoked"), false);
    arena_free(&a);
    return revoked;
}

static void revoked_write(struct buf *out, const struct json *body, struct span by)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kspan(&w, "label", json_string(json_get(body, "label")));
    user_put_list(&w, "types", json_get(body, "types"));
    json_w_kspan(&w, "by", json_string(json_get(body, "by")));
    json_w_kbool(&w, "revoked", true);
    json_w_kspan(&w, "revoked_by", by);
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool revoke(struct txn *t, struct arena *a, struct span id, struct span by,
                   struct err *e)
{
    struct entry entry;
    struct err at = {0};
    struct span key = key_of1(a, id, &at);
    if (!key.p || !version_get(txn_view(t), a, ENTRY_KEY, key, SEQ_LATEST, &entry, &at))
        return at.code == ERR_STORE ? err_set(e, ERR_STORE, "%s", at.text)
                                    : err_set(e, ERR_MISSING, "没有编号为“%.*s”的密钥",
                                              (int)span_cut_utf8(id, 60), id.p ? id.p : "");
    const struct json *body = json_parse(a, entry.body, NULL, NULL, e);
    if (!body)
        return false;
    if (json_bool(json_get(body, "revoked"), false))
        return true;
    struct buf text = {0};
    revoked_write(&text, body, by);
    struct entry_new new = {.type = ENTRY_KEY, .key = key, .body = buf_view(&text)};
    bool ok = txn_append(t, &new, e);
    buf_free(&text);
    return ok;
}

bool key_revoke(struct txn *t, struct span id, struct span by, struct err *e)
{
    struct arena a = {0};
    bool ok = revoke(t, &a, id, by, e);
    arena_free(&a);
    return ok;
}

static void key_view(const struct entry *entry, const struct json *body, struct json_w *w)
{
    struct span id;
    struct buf at = {0};
    key_split(entry->key, &id, 1);
    calendar_put_datetime(&at, entry->at);
    json_w_object(w);
    json_w_kspan(w, "id", id);
    json_w_kspan(w, "label", json_string(json_get(body, "label")));
    user_put_list(w, "types", json_get(body, "types"));
    json_w_kspan(w, "by", json_string(json_get(body, "by")));
    json_w_kspan(w, "at", buf_view(&at));
    json_w_kbool(w, "revoked", json_bool(json_get(body, "revoked"), false));
    json_w_object_end(w);
    buf_free(&at);
}

bool key_list(struct view *v, struct arena *a, struct json_w *w, struct err *e)
{
    struct entry entry;
    struct err end = {0};
    struct version_scan *s =
        version_scan_open(v, ENTRY_KEY, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    while (version_scan_next(s, a, &entry, &end)) {
        const struct json *body = json_parse(a, entry.body, NULL, NULL, &end);
        if (!body)
            break;
        key_view(&entry, body, w);
    }
    version_scan_close(s);
    return end.code == ERR_NONE || err_set(e, end.code, "%s", end.text);
}
