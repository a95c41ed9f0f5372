/* arena, buf and mem: where bytes live. */
#include "unit.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/mem.h"

static void an_arena_hands_out_zeroed_aligned_bytes(void **state)
{
    (void)state;
    struct arena a = {0};
    unit_seed(__func__);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            size_t n = unit_below(i % 100 == 0 ? 200000 : 300);
            unsigned char *p = arena_alloc(&a, n);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t k = 0; k < n; k++)
                assert_int_equal(p[k], 0);
            memset(p, 0xA5, n);
        }
        arena_reset(&a);
    }
    arena_free(&a);
}

static void what_an_arena_gave_stays_until_the_reset(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static char *kept[COUNT];
    static size_t sizes[COUNT];
    struct arena a = {0};
    unit_seed(__func__);
    for (int i = 0; i < COUNT; i++) {
        sizes[i] = 1 + unit_below(i % 50 == 0 ? 40000 : 100);
        kept[i] = arena_alloc(&a, sizes[i]);
        memset(kept[i], i & 0xFF, sizes[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal((unsigned char)kept[i][k], i & 0xFF);
    }
    arena_free(&a);
}

static void a_reset_keeps_at_most_one_chunk(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    assert_int_equal(arena_size(&a), 0);
    arena_alloc(&a, 1 << 20);
    assert_true(arena_size(&a) > 1 << 20);
    arena_reset(&a);
    assert_int_equal(arena_size(&a), 0);
    for (int i = 0; i < 10000; i++)
        arena_alloc(&a, 100);
    assert_true(arena_size(&a) > 1000000);
    arena_reset(&a);
    size_t kept = arena_size(&a);
    assert_true(kept > 0 && kept <= 64 * 1024);
    for (int i = 0; i < 1000; i++) {
        arena_alloc(&a, 30000);
        arena_reset(&a);
        assert_int_equal(arena_size(&a), kept);
    }
    arena_free(&a);
    arena_free(&a);
    assert_int_equal(arena_size(&a), 0);
}

static void large_pieces_do_not_waste_the_chunk_in_use(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_alloc(&a, 1);
    for (int i = 0; i < 50; i++) {
        arena_alloc(&a, 20000);
        arena_alloc(&a, 16);
    }
    assert_true(arena_size(&a) < 50 * 20100 + 8192);
    arena_free(&a);
}

static void copies_and_printed_texts_end_in_nul(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span s = arena_span(&a, (struct span){"abcdef", 3});
    assert_string_equal(s.p, "abc");
    assert_int_equal(s.n, 3);
    assert_string_equal(arena_span(&a, SPAN_NONE).p, "");
    assert_memory_equal(arena_copy(&a, "a\0b", 3), "a\0b", 3);
    assert_string_equal(arena_printf(&a, "%s|%d", "ent", 7), "ent|7");
    for (int n = 250; n < 260; n++) {
        const char *text = arena_printf(&a, "%0*d", n, 1);
        assert_int_equal(strlen(text), n);
    }
    arena_free(&a);
}

static void a_buffer_appends_whatever_comes(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_view(&b).n, 0);
    buf_put(&b, NULL, 0);
    buf_span(&b, SPAN_NONE);
    buf_str(&b, "a");
    buf_char(&b, 'b');
    buf_printf(&b, "%05d", 42);
    buf_u8(&b, 0xFE);
    assert_span(buf_view(&b), "ab00042\xFE");
    buf_cut(&b, 2);
    assert_span(buf_view(&b), "00042\xFE");
    buf_cut(&b, 6);
    assert_int_equal(b.n, 0);
    for (int n = 0; n < 300; n++) {
        buf_clear(&b);
        buf_printf(&b, "%0*d", n + 1, 0);
        assert_int_equal(b.n, n + 1);
    }
    memcpy(buf_space(&b, 3), "xyz", 3);
    assert_int_equal(b.n, 300);
    b.n += 3;
    assert_memory_equal(b.p + 300, "xyz", 3);
    buf_free(&b);
    buf_free(&b);
}

static void big_endian_numbers_read_back(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_be16(&b, 0x0102);
    buf_be32(&b, 0x03040506);
    buf_be64(&b, 0xFF08090A0B0C0D0E);
    assert_span(buf_view(&b), "\x01\x02\x03\x04\x05\x06\xFF\x08\x09\x0A\x0B\x0C\x0D\x0E");
    assert_int_equal(be16_get(b.p), 0x0102);
    assert_int_equal(be32_get(b.p + 2), 0x03040506);
    assert_true(be64_get(b.p + 6) == 0xFF08090A0B0C0D0E);
    be64_put(b.p, 1);
    assert_true(be64_get(b.p) == 1);
    buf_free(&b);
}

static void cut_too_much(void)
{
    struct buf b = {0};
    buf_cut(&b, 1);
}

static void ask_for_too_much(void)
{
    volatile size_t half = SIZE_MAX / 2;
    mem_free(mem_array(NULL, half, 3));
}

static void impossible_wishes_end_the_process(void **state)
{
    (void)state;
    assert_true(unit_dies(cut_too_much));
    assert_true(unit_dies(ask_for_too_much));
}

static void heap_memory_is_never_null(void **state)
{
    (void)state;
    char *p = mem_alloc(0), *q = mem_alloc(0);
    assert_true(p && q && p != q);
    mem_free(p);
    mem_free(q);
    mem_free(NULL);
    p = mem_alloc(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    p = mem_array(p, 10, 20);
    mem_free(mem_realloc(p, 0));
    p = mem_strdup("小河");
    assert_string_equal(p, "小河");
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_bytes),
        cmocka_unit_test(what_an_arena_gave_stays_until_the_reset),
        cmocka_unit_test(a_reset_keeps_at_most_one_chunk),
        cmocka_unit_test(large_pieces_do_not_waste_the_chunk_in_use),
        cmocka_unit_test(copies_and_printed_texts_end_in_nul),
        cmocka_unit_test(a_buffer_appends_whatever_comes),
        cmocka_unit_test(big_endian_numbers_read_back),
        cmocka_unit_test(impossible_wishes_end_the_process),
        cmocka_unit_test(heap_memory_is_never_null),
    };
    return unit_run(tests);
}
