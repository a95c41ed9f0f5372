#include "unit.h"

#include "net/feed.h"
#include "util/mem.h"

static struct span text_of(char *space, size_t n, char c)
{
    memset(space, c, n);
    return (struct span){space, n};
}

static void frames_have_the_shortest_length_form(void **state)
{
    static char space[70000];
    static const struct {
        size_t payload, head;
    } cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        feed_frame(&b, text_of(space, cases[i].payload, 'x'));
        assert_int_equal(b.n, cases[i].payload + cases[i].head);
        assert_int_equal((unsigned char)b.p[0], 0x81);
        buf_free(&b);
    }
}

static void neighbours_are_sent_as_one_piece(void **state)
{
    struct feed_log log = {0};
    struct feed all = {0}, odd = {0};
    struct feed_reader a = {0}, b = {0};
    struct iovec pieces[8];
    char space[100];
    (void)state;
    assert_true(feed_join(&all, &a, 0, NULL));
    assert_true(feed_join(&odd, &b, 0, NULL));
    for (int i = 0; i < 6; i++) {
        struct feed_message m = feed_add(&log, text_of(space, 50, (char)('a' + i)));
        feed_push(&all, m);
        if (i & 1)
            feed_push(&odd, m);
    }
    assert_int_equal(feed_gather(&a, pieces, 8, 100000), 1);
    assert_int_equal(pieces[0].iov_len, 6 * 52);
    assert_int_equal(feed_gather(&b, pieces, 8, 100000), 3);
    assert_int_equal(feed_gather(&b, pieces, 2, 100000), 2);
    feed_leave(&a);
    feed_leave(&b);
    feed_free(&all);
    feed_free(&odd);
    feed_log_free(&log);
}

/* What was sent, piece by piece of any size, is what was pushed; a message cut in two is
 * completed. */
static void whatever_the_kernel_takes_the_bytes_are_right(void **state)
{
    unit_seed(__func__);
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct feed_log log = {0};
        struct feed f = {0};
        struct feed_reader r = {0};
        struct buf want = {0}, got = {0};
        char space[400];
        feed_join(&f, &r, 0, NULL);
        for (int i = 0; i < 300; i++) {
            struct span text = text_of(space, unit_below(400), (char)('a' + i % 26));
            feed_frame(&want, text);
            feed_push(&f, feed_add(&log, text));
            if (unit_below(3))
                continue;
            struct iovec pieces[4];
            int count = feed_gather(&r, pieces, 4, 2000);
            size_t total = 0, take;
            for (int k = 0; k < count; k++)
                total += pieces[k].iov_len;
            take = unit_below((unsigned)total + 1);
            size_t left = take;
            for (int k = 0; k < count && left; k++) {
                size_t n = pieces[k].iov_len < left ? pieces[k].iov_len : left;
                buf_put(&got, pieces[k].iov_base, n);
                left -= n;
            }
            buf_span(&got, feed_sent(&r, take));
        }
        uint64_t bytes;
        feed_pending(&r, &bytes);
        assert_int_equal(bytes, want.n - got.n);
        assert_memory_equal(want.p, got.p, got.n);
        buf_free(&want);
        buf_free(&got);
        feed_leave(&r);
        feed_free(&f);
        feed_log_free(&log);
    }
}

static void who_falls_behind_the_ring_has_lost_its_place(void **state)
{
    struct feed_log log = {0};
    struct feed f = {0};
    struct feed_reader slow = {0}, late = {0};
    uint64_t bytes;
    (void)state;
    feed_join(&f, &slow, 0, NULL);
    for (int i = 0; i < FEED_KEEP; i++)
        feed_push(&f, feed_add(&log, SPAN("0123456789")));
    assert_false(feed_is_lost(&slow));
    assert_int_equal(feed_pending(&slow, &bytes), FEED_KEEP);
    assert_int_equal(bytes, FEED_KEEP * 12);
    feed_push(&f, feed_add(&log, SPAN("0123456789")));
    assert_true(feed_is_lost(&slow));
    assert_false(feed_join(&f, &late, 0, NULL));
    assert_true(feed_join(&f, &late, 1, NULL));
    feed_leave(&slow);
    feed_leave(&late);
    feed_leave(&late); /* harmless */
    assert_int_equal(f.reader_count, 0);
    feed_free(&f);
    feed_log_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_have_the_shortest_length_form),
        cmocka_unit_test(neighbours_are_sent_as_one_piece),
        cmocka_unit_test(whatever_the_kernel_takes_the_bytes_are_right),
        cmocka_unit_test(who_falls_behind_the_ring_has_lost_its_place),
    };
    return unit_run(tests);
}
