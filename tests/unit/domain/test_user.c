#include "unit.h"

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
        cmocka_unit_test(roles_have_names_that_read_back),
    };
    return getenv("F") ? (cmocka_set_test_filter(getenv("F")),
                          cmocka_run_group_tests(tests, open_all, close_all))
                       : cmocka_run_group_tests(tests, open_all, close_all);
}
