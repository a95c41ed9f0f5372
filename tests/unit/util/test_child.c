#include "unit.h"

#include <fcntl.h>

#include "util/child.h"
#include "util/clock.h"

static bool shell(struct child_run *r, const char *line, struct err *e)
{
    r->argv = (const char *const[]){"/bin/sh", "-c", line, NULL};
    return child_run(r, e);
}

static void output_errors_and_code_come_back(void **state)
{
    (void)state;
    struct child_run r = {.limit_ms = 10000};
    struct err e = {0};
    assert_true(shell(&r, "echo out; echo err >&2; exit 3", &e));
    assert_int_equal(r.exit_code, 3);
    assert_span(buf_view(&r.output), "out\n");
    assert_span(buf_view(&r.errors), "err\n");
    child_free(&r);
}

static void a_large_text_goes_in_and_out(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'x', SIZE);
    struct child_run r = {.input = {text, SIZE}, .limit_ms = 20000};
    struct err e = {0};
    assert_true(shell(&r, "cat", &e));
    assert_int_equal(r.output.n, SIZE);
    assert_memory_equal(r.output.p, text, SIZE);
    child_free(&r);
    free(text);
}

static void input_that_is_not_read_is_no_error(void **state)
{
    (void)state;
    char text[200000] = {0};
    struct child_run r = {.input = {text, sizeof text}, .limit_ms = 10000};
    struct err e = {0};
    assert_true(shell(&r, "exec <&-; echo done", &e));
    assert_int_equal(r.exit_code, 0);
    assert_span(buf_view(&r.output), "done\n");
    child_free(&r);
}

static void what_hangs_is_killed(void **state)
{
    (void)state;
    struct child_run r = {.limit_ms = 200};
    struct err e = {0};
    int64_t began = clock_mono_us();
    assert_false(shell(&r, "exec sleep 30", &e));
    assert_int_equal(e.code, ERR_LIMIT);
    assert_true(clock_mono_us() - began < 10 * 1000000);
    child_free(&r);
    assert_false(
        shell(&r, "exec >&- 2>&-; exec sleep 30", &e)); /* streams closed, still there */
    assert_int_equal(e.code, ERR_LIMIT);
    child_free(&r);
}

static void too_much_output_is_cut_off(void **state)
{
    (void)state;
    struct child_run r = {.limit_ms = 10000, .output_max = 1000};
    struct err e = {0};
    assert_false(shell(&r, "exec cat /dev/zero", &e));
    assert_int_equal(e.code, ERR_LIMIT);
    child_free(&r);
}

static void a_signal_is_told_and_a_missing_program_too(void **state)
{
    (void)state;
    struct child_run r = {.limit_ms = 10000};
    struct err e = {0};
    assert_false(shell(&r, "kill -9 $$", &e));
    assert_int_equal(r.exit_code, 128 + 9);
    child_free(&r);
    r.argv = (const char *const[]){"/nowhere/to/be/found", NULL};
    assert_false(child_run(&r, &e));
    assert_int_equal(e.code, ERR_SYSTEM);
    child_free(&r);
}

static void no_open_file_is_inherited(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* deliberately without O_CLOEXEC */
    assert_true(dup2(fd, 77) == 77);
    struct child_run r = {.limit_ms = 10000};
    struct err e = {0};
    assert_true(shell(&r, "[ -e /proc/self/fd/77 ] && echo leaked; true", &e));
    assert_int_equal(r.output.n, 0);
    child_free(&r);
    close(77);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_errors_and_code_come_back),
        cmocka_unit_test(a_large_text_goes_in_and_out),
        cmocka_unit_test(input_that_is_not_read_is_no_error),
        cmocka_unit_test(what_hangs_is_killed),
        cmocka_unit_test(too_much_output_is_cut_off),
        cmocka_unit_test(a_signal_is_told_and_a_missing_program_too),
        cmocka_unit_test(no_open_file_is_inherited),
    };
    return unit_run(tests);
}
