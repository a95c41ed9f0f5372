#include "records_fixture.h"

#include "domain/key.h"
#include "domain/seal.h"
#include "store/vault.h"

struct sealing {
    struct fixture f;
    struct vault *vault;
    struct err e;
};

static void setup(struct sealing *s)
{
    *s = (struct sealing){0};
    fixture_open(&s->f);
    s->vault = vault_open(s->f.dir, &s->e);
    assert_non_null(s->vault);
}

static void teardown(struct sealing *s)
{
    vault_close(s->vault);
    fixture_close(&s->f);
}

static struct span sealed(struct sealing *s, const char *person, const char *field,
                          struct span plain)
{
    struct span out = SPAN_NONE;
    if (!seal_text(s->vault, span_of(person), span_of(field), plain, &s->f.arena, &out, &s->e))
        fail_msg("%s", s->e.text);
    return out;
}

static void the_same_text_of_the_same_person_is_the_same_sealed(void **state)
{
    (void)state;
    struct sealing s;
    setup(&s);
    struct span a = sealed(&s, "identity|p1", "name", SPAN("张三"));
    assert_true(span_eq(a, sealed(&s, "identity|p1", "name", SPAN("张三"))));
    assert_false(span_eq(a, sealed(&s, "identity|p1", "name", SPAN("张四"))));
    assert_false(span_eq(a, sealed(&s, "identity|p1", "phone", SPAN("张三"))));
    assert_false(span_eq(a, sealed(&s, "identity|p2", "name", SPAN("张三"))));
    for (size_t i = 0; i < a.n; i++)
        assert_true(a.p[i] > 0x20 && a.p[i] < 0x7F);
    teardown(&s);
}

static void only_person_and_field_open_it(void **state)
{
    (void)state;
    struct sealing s;
    struct span plain;
    setup(&s);
    unit_seed(__func__);
    for (size_t n = 0; n < 70; n++) {
        char text[70];
        for (size_t i = 0; i < n; i++)
            text[i] = (char)unit_random();
        struct span box = sealed(&s, "identity|p1", "name", (struct span){text, n});
        assert_true(seal_open(s.vault, SPAN("identity|p1"), SPAN("name"), box, &s.f.arena,
                              &plain, &s.e));
        assert_true(span_eq(plain, (struct span){text, n}));
        assert_false(seal_open(s.vault, SPAN("identity|p1"), SPAN("phone"), box, &s.f.arena,
                               &plain, &s.e));
        char *bent = arena_copy(&s.f.arena, box.p, box.n);
        unsigned at = unit_below((unsigned)box.n);
        bent[at] = bent[at] == 'A' ? 'Q' : 'A';
        assert_false(seal_open(s.vault, SPAN("identity|p1"), SPAN("name"),
                               (struct span){bent, box.n}, &s.f.arena, &plain, &s.e));
        assert_false(seal_open(s.vault, SPAN("identity|p1"), SPAN("name"),
                               (struct span){box.p, unit_below((unsigned)box.n)}, &s.f.arena,
                               &plain, &s.e));
    }
    teardown(&s);
}

static void who_is_erased_stays_erased(void **state)
{
    (void)state;
    struct sealing s;
    struct span plain, out;
    setup(&s);
    struct span box = sealed(&s, "identity|p1", "name", SPAN("张三"));
    struct span other = sealed(&s, "identity|p2", "name", SPAN("李四"));
    assert_true(vault_person_erase(s.vault, SPAN("identity|p1"), &s.e));
    assert_false(
        seal_open(s.vault, SPAN("identity|p1"), SPAN("name"), box, &s.f.arena, &plain, &s.e));
    assert_int_equal(s.e.code, ERR_MISSING);
    assert_false(seal_text(s.vault, SPAN("identity|p1"), SPAN("name"), SPAN("张三"), &s.f.arena,
                           &out, &s.e));
    assert_int_equal(s.e.code, ERR_MISSING);
    assert_true(
        seal_open(s.vault, SPAN("identity|p2"), SPAN("name"), other, &s.f.arena, &plain, &s.e));
    assert_span(plain, "李四");
    teardown(&s);
}

static void a_person_is_type_and_first_key_part(void **state)
{
    (void)state;
    struct arena a = {0};
    struct dictionary *d = fixture_dictionary();
    assert_span(seal_person(&a, fixture_type(d, "identity"), key_of1(&a, SPAN("p1"), NULL)),
                "identity|p1");
    assert_span(seal_person(&a, fixture_type(d, "enterprise"),
                            key_of2(&a, SPAN("E1"), SPAN("2020-06"), NULL)),
                "enterprise|E1");
    dictionary_free(d);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_of_the_same_person_is_the_same_sealed),
        cmocka_unit_test(only_person_and_field_open_it),
        cmocka_unit_test(who_is_erased_stays_erased),
        cmocka_unit_test(a_person_is_type_and_first_key_part),
    };
    return unit_run(tests);
}
