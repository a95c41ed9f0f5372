#include "unit.h"
#include "util/clock.h"
#include "util/id.h"

static void sha256_gives_the_published_digests(void **state)
{
    (void)state;
    char hex[65];
    id_sha256_hex(hex, SPAN("abc"));
    assert_string_equal(hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    id_sha256_hex(hex, SPAN_NONE);
    assert_string_equal(hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void pieces_hash_as_the_whole(void **state)
{
    (void)state;
    char whole[65], pieces[65], text[300];
    unit_seed(__func__);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)unit_random();
    for (int round = 0; round < 50; round++) {
        struct id_sha256 h;
        id_sha256_begin(&h);
        for (size_t at = 0, n; at < sizeof text; at += n) {
            n = (size_t)(unit_random() % 100);
            if (n > sizeof text - at)
                n = sizeof text - at;
            id_sha256_add(&h, (struct span){text + at, n});
        }
        id_sha256_end(&h, pieces);
        id_sha256_hex(whole, (struct span){text, sizeof text});
        assert_string_equal(pieces, whole);
    }
}

static void hex_is_lower_case(void **state)
{
    (void)state;
    char hex[7];
    id_hex(hex, "\x00\xAB\xFF", 3);
    assert_string_equal(hex, "00abff");
    id_hex(hex, "", 0);
    assert_string_equal(hex, "");
}

/* These stand in stored data: a change here is a change of format. */
static void ids_and_hashes_never_change(void **state)
{
    (void)state;
    char id[27];
    id_from_seed(id, 1, SPAN("x"));
    assert_string_equal(id, "37mf3dysb303cgj8bvg7w8y8t8");
    assert_true(id_hash64(SPAN_NONE) == 0x6a479f35daa89c07);
    assert_true(id_hash64(SPAN("enterprise|91330105TEST000101")) ==
                id_hash64(span_of("enterprise|91330105TEST000101")));
}

static void ids_from_a_seed_repeat_and_differ_by_purpose(void **state)
{
    (void)state;
    char a[27], b[27];
    id_from_seed(a, 81204, SPAN("alert"));
    id_from_seed(b, 81204, SPAN("alert"));
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 26);
    assert_int_equal(strspn(a, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
    assert_true(a[0] <= '7');
    id_from_seed(b, 81204, SPAN("letter"));
    assert_string_not_equal(a, b);
    id_from_seed(b, 81205, SPAN("alert"));
    assert_string_not_equal(a, b);
    id_from_seed(b, 81204, SPAN_NONE);
    assert_string_not_equal(a, b);
}

static void random_bytes_fill_all_and_only_their_place(void **state)
{
    (void)state;
    unsigned char p[66] = {0}, seen[64] = {0};
    for (int i = 0; i < 40; i++) {
        id_random(p + 1, 64);
        for (int k = 0; k < 64; k++)
            seen[k] |= p[k + 1];
    }
    for (int k = 0; k < 64; k++)
        assert_int_not_equal(seen[k], 0);
    assert_int_equal(p[0] + p[65], 0);
    id_random(p, 0);
}

static void clocks_stand_where_they_should(void **state)
{
    (void)state;
    int64_t before = clock_mono_us();
    assert_true(clock_wall_us() > 1577836800000000); /* 2020 */
    assert_true(clock_wall_us() / 1000000 - (int64_t)time(NULL) <= 1);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now >= before);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(pieces_hash_as_the_whole),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(ids_and_hashes_never_change),
        cmocka_unit_test(ids_from_a_seed_repeat_and_differ_by_purpose),
        cmocka_unit_test(random_bytes_fill_all_and_only_their_place),
        cmocka_unit_test(clocks_stand_where_they_should),
    };
    return unit_run(tests);
}
