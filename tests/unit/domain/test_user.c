#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/user.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/json.h"

static char dir[64];
static struct store *store;
static struct vault *vault;

static int open_all(void **state)
{
    (void)state;
    struct err e = {0};
    snprintf(dir, sizeof dir, "/tmp/wangyi-user-XXXXXX");
    assert_non_null(mkdtemp(dir));
    store = store_open(&(struct store_options){.dir = dir, .no_sync = true}, &e);
    vault = vault_open(dir, &e);
    assert_non_null(store);
    assert_non_null(vault);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    char command[128];
    vault_close(vault);
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

struct act {
    struct command command; /* first */
    const char *body;
    bool key;
    char out[96];
};

static bool act_apply(struct command *c, struct txn *t, struct err *e)
{
    struct act *a = (struct act *)c;
    struct arena arena = {0};
    const struct json *body = json_parse(&arena, span_of(a->body), NULL, NULL, e);
    bool ok = body && (a->key ? key_add(t, vault, NULL, body, SPAN("root"), a->out, e)
                              : user_add(t, NULL, body, e));
    arena_free(&arena);
    return ok;
}

static bool add(const char *body, struct err *e)
{
    struct act a = {.command.apply = act_apply, .body = body};
    return store_apply(store, &a.command, e);
}

static void what_was_added_is_read_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    struct person p;
    assert_true(add("{\"name\":\"王五\",\"display\":\"老王\",\"role\":\"community\","
                    "\"communities\":[\"xiaohe\",\"dahulu\"],\"password\":\"never stored\"}",
                    &e));
    struct view *v = view_open(store, &e);
    assert_true(user_get(v, &a, SPAN("王五"), &p, &e));
    assert_span(p.display, "老王");
    assert_int_equal(p.role, ROLE_COMMUNITY);
    assert_int_equal(p.community_count, 2);
    assert_span(p.communities[1], "dahulu");
    assert_false(p.disabled);
    assert_false(user_get(v, &a, SPAN("nobody"), &p, &e));
    assert_int_equal(e.code, ERR_MISSING);
    assert_false(user_get(v, &a, SPAN_NONE, &p, &e));
    struct entry entry;
    assert_true(journal_get(v, &a, view_head(v), &entry, &e));
    assert_null(memmem(entry.body.p, entry.body.n, "never stored", 12));
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_array(&w);
    assert_true(user_list(v, &a, &w, &e));
    json_w_array_end(&w);
    json_w_end(&w);
    assert_non_null(memmem(out.p, out.n, "老王", 6));
    buf_free(&out);
    view_close(v);
    arena_free(&a);
}

static void refusals_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum err_code code;
    } cases[] = {
        {"[]", ERR_INPUT},
        {"{}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"emperor\"}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"guest\"}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"office\"}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"grid\"}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"grid\",\"communities\":[]}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"grid\",\"communities\":[1]}", ERR_INPUT},
        {"{\"name\":\"a|b\",\"role\":\"admin\"}", ERR_INPUT},
        {"{\"name\":\"key:1\",\"role\":\"admin\"}", ERR_INPUT},
        {"{\"name\":\"a\\u200bb\",\"role\":\"admin\"}", ERR_INPUT},
        {"{\"name\":\"a\",\"role\":\"admin\",\"display\":7}", ERR_INPUT},
        {"{\"name\":\"taken\",\"role\":\"admin\"}", ERR_CONFLICT},
    };
    struct err e = {0};
    assert_true(add("{\"name\":\"taken\",\"role\":\"leader\"}", &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        e = (struct err){0};
        assert_false(add(cases[i].body, &e));
        assert_int_equal(e.code, cases[i].code);
        assert_true(strlen(e.text) > 0);
    }
}

static void only_the_right_password_is_right(void **state)
{
    (void)state;
    struct err e = {0};
    assert_true(user_set_password(vault, SPAN("pw"), SPAN("correct horse"), &e));
    assert_true(user_check_password(vault, SPAN("pw"), SPAN("correct horse"), &e));
    const struct span wrong[] = {SPAN("correct hors"), SPAN("Correct horse"), SPAN(""),
                                 SPAN_NONE, SPAN("correct horse\0")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(user_check_password(vault, SPAN("pw"), wrong[i], &e));
        assert_int_equal(e.code, ERR_DENIED);
    }
    struct err unknown = {0};
    assert_false(user_check_password(vault, SPAN("nobody"), SPAN("correct horse"), &unknown));
    assert_string_equal(unknown.text, e.text);
    assert_true(user_set_password(vault, SPAN("pw"), SPAN("一二三四五六七八九十"), &e));
    assert_false(user_check_password(vault, SPAN("pw"), SPAN("correct horse"), &e));
    assert_true(user_check_password(vault, SPAN("pw"), SPAN("一二三四五六七八九十"), &e));
}

static void weak_passwords_are_not_taken(void **state)
{
    (void)state;
    struct err e = {0};
    static char huge[1100];
    memset(huge, 'x', sizeof huge);
    assert_false(user_set_password(vault, SPAN("weak"), SPAN("1234567"), &e));
    assert_false(user_set_password(vault, SPAN("weak"), SPAN("一二三四五六七"), &e));
    assert_false(user_set_password(vault, SPAN("weak-weak-weak"), SPAN("weak-weak-weak"), &e));
    assert_false(user_set_password(vault, SPAN("weak"), SPAN("\xff\xfe not utf-8 at all"), &e));
    assert_false(user_set_password(vault, SPAN("weak"), (struct span){huge, sizeof huge}, &e));
}

static void a_key_opens_what_it_was_made_for_and_no_other_does(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    struct person p;
    struct act mint = {.command.apply = act_apply,
                       .key = true,
                       .body =
                           "{\"types\":[\"ent_income\",\"ent_change\"],\"label\":\"税务\"}"};
    assert_true(store_apply(store, &mint.command, &e));
    struct view *v = view_open(store, &e);
    assert_true(key_check(v, vault, &a, span_of(mint.out), &p, &e));
    assert_int_equal(p.role, ROLE_MACHINE);
    assert_int_equal(p.type_count, 2);
    assert_span(p.types[0], "ent_income");
    assert_span(p.display, "税务");
    size_t n = strlen(mint.out);
    for (size_t i = 0; i < n; i++) { /* every single changed character closes it */
        char other[96];
        snprintf(other, sizeof other, "%s", mint.out);
        other[i] = other[i] == 'a' ? 'b' : 'a';
        assert_false(key_check(v, vault, &a, span_of(other), &p, &e));
        assert_int_equal(e.code, ERR_DENIED);
        assert_false(key_check(v, vault, &a, (struct span){mint.out, i}, &p, &e));
    }
    view_close(v);
    arena_free(&a);
}

/* --- what becomes of an account --------------------------------------------------------------- */

struct change {
    struct command command; /* first */
    const char *name, *patch, *hash;
};

static bool change_apply(struct command *command, struct txn *t, struct err *e)
{
    struct change *c = (struct change *)command;
    struct arena arena = {0};
    struct user_change what = {span_of(c->name), SPAN("root"), NULL, c->hash};
    what.patch = json_parse(&arena, span_of(c->patch), NULL, NULL, e);
    bool ok = what.patch && user_change(t, vault, NULL, &what, e);
    arena_free(&arena);
    return ok;
}

static bool change(const char *name, const char *patch, const char *hash, struct err *e)
{
    struct change c = {{.apply = change_apply}, name, patch, hash};
    return store_apply(store, &c.command, e);
}

/* As it is now; its texts live in `a`. */
static struct person person(struct arena *a, const char *name)
{
    struct err e = {0};
    struct person p;
    struct view *v = view_open(store, &e);
    assert_true(user_get(v, a, span_of(name), &p, &e));
    view_close(v);
    return p;
}

static bool is_still(const struct person *p, struct err *e)
{
    struct view *v = view_open(store, e);
    bool still = user_is_still(v, p, e);
    view_close(v);
    return still;
}

static void a_change_keeps_what_it_does_not_name_and_ends_what_was_open(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    assert_true(add("{\"name\":\"he\",\"display\":\"何\",\"role\":\"office\","
                    "\"office\":\"safety\",\"communities\":[\"xiaohe\"]}",
                    &e));
    struct person first = person(&a, "he");
    assert_int_equal(first.since, 0);
    assert_true(change("he", "{\"display\":\"老何\"}", NULL, &e));
    struct person renamed = person(&a, "he");
    assert_span(renamed.display, "老何");
    assert_true(renamed.rev > first.rev);
    assert_true(is_still(&first, &e)); /* another display ends nothing */

    assert_true(change("he", "{\"office\":\"civil\"}", NULL, &e));
    struct person moved = person(&a, "he");
    assert_span(moved.office, "civil");
    assert_span(moved.display, "老何");
    assert_int_equal(moved.community_count, 1);
    assert_int_equal(moved.since, moved.rev);
    assert_false(is_still(&first, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_true(is_still(&moved, &e));

    assert_true(change("he", "{\"office\":\"civil\",\"disabled\":false}", NULL, &e));
    assert_int_equal(person(&a, "he").rev, moved.rev); /* nothing new: no entry */
    assert_true(change("he", "{\"disabled\":true}", NULL, &e));
    assert_true(person(&a, "he").disabled);
    assert_true(change("he",
                       "{\"disabled\":false,\"role\":\"community\",\"office\":null,"
                       "\"community\":\"dahulu\"}",
                       NULL, &e));
    struct person back = person(&a, "he");
    assert_false(back.disabled);
    assert_int_equal(back.office.n, 0);
    assert_span(back.communities[0], "dahulu");
    assert_int_equal(back.community_count, 1);
    arena_free(&a);
}

static void a_new_password_is_the_only_one_and_ends_what_the_old_one_opened(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    char hash[USER_HASH_MAX];
    assert_true(add("{\"name\":\"ma\",\"role\":\"leader\"}", &e));
    assert_true(user_set_password(vault, SPAN("ma"), SPAN("the old word"), &e));
    struct person before = person(&a, "ma");
    assert_false(user_hash_password(SPAN("ma"), SPAN("short"), hash, &e));
    assert_true(user_hash_password(SPAN("ma"), SPAN("the new word"), hash, &e));
    assert_true(change("ma", "{\"password\":\"the new word\"}", hash, &e));
    assert_false(user_check_password(vault, SPAN("ma"), SPAN("the old word"), &e));
    assert_true(user_check_password(vault, SPAN("ma"), SPAN("the new word"), &e));
    assert_false(is_still(&before, &e));
    struct view *v = view_open(store, &e);
    struct entry entry;
    assert_true(journal_get(v, &a, view_head(v), &entry, &e));
    assert_null(memmem(entry.body.p, entry.body.n, "new word", 8));
    assert_null(memmem(entry.body.p, entry.body.n, "argon2", 6));
    assert_non_null(memmem(entry.body.p, entry.body.n, "\"by\":\"root\"", 11));
    view_close(v);
    arena_free(&a);
}

static void the_street_keeps_an_active_administrator(void **state)
{
    (void)state;
    struct err e = {0};
    assert_true(add("{\"name\":\"boss\",\"role\":\"admin\"}", &e));
    static const char *const away[] = {"{\"disabled\":true}", "{\"role\":\"leader\"}"};
    for (int i = 0; i < 2; i++) {
        assert_false(change("boss", away[i], NULL, &e));
        assert_int_equal(e.code, ERR_CONFLICT);
    }
    assert_true(add("{\"name\":\"deputy\",\"role\":\"admin\"}", &e));
    assert_true(change("deputy", "{\"disabled\":true}", NULL, &e));
    assert_false(change("boss", away[0], NULL, &e)); /* a disabled one does not count */
    assert_true(change("deputy", "{\"disabled\":false}", NULL, &e));
    assert_true(change("boss", away[0], NULL, &e));
    assert_false(change("deputy", away[1], NULL, &e));
    assert_true(change("boss", "{\"disabled\":false}", NULL, &e));
}

static void changes_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *patch;
        enum err_code code;
    } cases[] = {
        {"absent", "{\"disabled\":true}", ERR_MISSING},
        {"wu", "[]", ERR_INPUT},
        {"wu", "{\"disabled\":1}", ERR_INPUT},
        {"wu", "{\"role\":null}", ERR_INPUT},
        {"wu", "{\"role\":\"guest\"}", ERR_INPUT},
        {"wu", "{\"name\":\"x\"}", ERR_INPUT},
        {"wu", "{\"role\":\"office\"}", ERR_INPUT},
        {"wu", "{\"since\":0}", ERR_INPUT},
        {"wu", "{\"communities\":[1]}", ERR_INPUT},
        {"wu", "{\"office\":5}", ERR_INPUT},
        {"wu", "{\"rev\":1,\"disabled\":true}", ERR_CONFLICT},
    };
    struct err e = {0};
    assert_true(add("{\"name\":\"wu\",\"role\":\"leader\"}", &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        e = (struct err){0};
        assert_false(change(cases[i].name, cases[i].patch, NULL, &e));
        assert_int_equal(e.code, cases[i].code);
    }
}

struct revoke {
    struct command command; /* first */
    struct span id;
};

static bool revoke_apply(struct command *c, struct txn *t, struct err *e)
{
    return key_revoke(t, ((struct revoke *)c)->id, SPAN("root"), e);
}

static bool revoke_key(struct span id, struct err *e)
{
    struct revoke r = {{.apply = revoke_apply}, id};
    return store_apply(store, &r.command, e);
}

static void a_revoked_key_opens_nothing_any_more(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    struct person p, other;
    struct act mint = {
        .command.apply = act_apply, .key = true, .body = "{\"types\":[\"ent_income\"]}"};
    struct act stays = mint;
    assert_true(store_apply(store, &mint.command, &e));
    assert_true(store_apply(store, &stays.command, &e));
    struct span id = {mint.out + 3, 12};
    struct view *v = view_open(store, &e);
    assert_true(key_check(v, vault, &a, span_of(mint.out), &p, &e));
    assert_true(key_check(v, vault, &a, span_of(stays.out), &other, &e));
    view_close(v);
    assert_true(is_still(&p, &e));
    assert_true(revoke_key(id, &e));
    assert_false(is_still(&p, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_true(is_still(&other, &e));
    v = view_open(store, &e);
    uint64_t head = view_head(v);
    assert_false(key_check(v, vault, &a, span_of(mint.out), &p, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_true(key_check(v, vault, &a, span_of(stays.out), &other, &e));
    view_close(v);
    assert_true(revoke_key(id, &e)); /* again: nothing to do */
    v = view_open(store, &e);
    assert_int_equal(view_head(v), head);
    view_close(v);
    assert_false(revoke_key(SPAN("nosuchkey000"), &e));
    assert_int_equal(e.code, ERR_MISSING);
    assert_false(revoke_key(SPAN_NONE, &e));
    arena_free(&a);
}

static atomic_int syncs_to_fail;

int fdatasync(int fd) /* LMDB's own calls come through here */
{
    if (atomic_load(&syncs_to_fail) > 0) {
        atomic_fetch_sub(&syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void a_vault_that_cannot_be_read_says_nothing_about_a_password(void **state)
{
    (void)state;
    struct err e = {0};
    struct arena a = {0};
    struct person p;
    char away[80], path[80];
    struct act mint = {
        .command.apply = act_apply, .key = true, .body = "{\"types\":[\"ent_income\"]}"};
    assert_true(store_apply(store, &mint.command, &e));
    assert_true(user_set_password(vault, SPAN("sick"), SPAN("correct horse"), &e));
    snprintf(path, sizeof path, "%s/vault", dir);
    snprintf(away, sizeof away, "%s/away", dir);
    atomic_store(&syncs_to_fail, 1);
    assert_false(vault_put(vault, SPAN("x"), SPAN("y"), &e)); /* has to be opened anew … */
    atomic_store(&syncs_to_fail, 0);
    assert_int_equal(rename(path, away), 0); /* … and cannot */
    assert_false(user_check_password(vault, SPAN("sick"), SPAN("correct horse"), &e));
    assert_int_equal(e.code, ERR_STORE);
    assert_false(user_check_password(vault, SPAN("sick"), SPAN("wrong horse"), &e));
    assert_int_equal(e.code, ERR_STORE);
    struct view *v = view_open(store, &e);
    assert_false(key_check(v, vault, &a, span_of(mint.out), &p, &e));
    assert_int_equal(e.code, ERR_STORE);
    assert_int_equal(rename(away, path), 0);
    assert_true(user_check_password(vault, SPAN("sick"), SPAN("correct horse"), &e));
    assert_true(key_check(v, vault, &a, span_of(mint.out), &p, &e));
    view_close(v);
    arena_free(&a);
}

static void roles_have_names_that_read_back(void **state)
{
    (void)state;
    for (int i = ROLE_ADMIN; i <= ROLE_MACHINE; i++) {
        enum role r;
        assert_true(role_parse(span_of(role_name((enum role)i)), &r));
        assert_int_equal(r, i);
    }
    enum role r;
    assert_false(role_parse(SPAN("Admin"), &r));
    assert_false(role_parse(SPAN_NONE, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_read_back),
        cmocka_unit_test(refusals_name_what_is_wrong),
        cmocka_unit_test(only_the_right_password_is_right),
        cmocka_unit_test(weak_passwords_are_not_taken),
        cmocka_unit_test(a_key_opens_what_it_was_made_for_and_no_other_does),
        cmocka_unit_test(the_street_keeps_an_active_administrator),
        cmocka_unit_test(a_change_keeps_what_it_does_not_name_and_ends_what_was_open),
        cmocka_unit_test(a_new_password_is_the_only_one_and_ends_what_the_old_one_opened),
        cmocka_unit_test(changes_that_make_no_sense_are_refused),
        cmocka_unit_test(a_revoked_key_opens_nothing_any_more),
        cmocka_unit_test(a_vault_that_cannot_be_read_says_nothing_about_a_password),
        cmocka_unit_test(roles_have_names_that_read_back),
    };
    return getenv("F") ? (cmocka_set_test_filter(getenv("F")),
                          cmocka_run_group_tests(tests, open_all, close_all))
                       : cmocka_run_group_tests(tests, open_all, close_all);
}
