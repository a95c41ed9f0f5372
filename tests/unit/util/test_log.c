#include <pthread.h>

#include "unit.h"
#include "util/clock.h"
#include "util/log.h"

/* Run fn with stderr in a file and return what it wrote; the caller frees. */
static char *written_by(void (*fn)(void))
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    assert_true(file && kept >= 0);
    dup2(fileno(file), STDERR_FILENO);
    fn();
    dup2(kept, STDERR_FILENO);
    close(kept);
    long n = (fseek(file, 0, SEEK_END), ftell(file));
    char *text = calloc(1, (size_t)n + 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)n, file), n);
    fclose(file);
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void one_line(void)
{
    log_warn("letter", "stored late id=%s wait_ms=%d", "01J", 812);
}

static void a_line_has_time_level_group_and_text(void **state)
{
    (void)state;
    char *text = written_by(one_line);
    int year, month, day, h, m, s, ms, end = 0;
    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &h, &m, &s, &ms, &end);
    assert_int_equal(end, 24);
    assert_true(year >= 2020 && month <= 12 && day <= 31 && h < 24 && m < 60 && s < 61);
    assert_string_equal(text + 24, " warn letter: stored late id=01J wait_ms=812\n");
    free(text);
}

static void nasty_lines(void)
{
    log_info("nasty", "a\nb\x1b[31m\r\x7f %s %s",
             "\xE2\x80\xAE"
             "中",
             "\xFF");
    log_info("nas\nty", "x");
}

static void nothing_in_a_text_can_forge_a_line(void **state)
{
    (void)state;
    char *text = written_by(nasty_lines);
    assert_int_equal(count(text, "\n"), 2);
    assert_non_null(strstr(text, "info nasty: a\\x0Ab\\x1B[31m\\x0D\\x7F \\u{202E}中 \\xFF\n"));
    assert_non_null(strstr(text, "info nas\\x0Aty: x\n"));
    free(text);
}

static void many_lines(void)
{
    for (int i = 0; i < 25; i++)
        log_info("noisy", "line %d", i);
    log_info("calm", "still heard");
    log_flush();
    log_flush();
}

static void a_noisy_group_is_cut_and_counted_and_others_are_not(void **state)
{
    (void)state;
    int64_t start = clock_mono_us();
    char *text = written_by(many_lines);
    if (clock_mono_us() - start > 900000) { /* the machine slept: a new second may have begun */
        free(text);
        skip();
    }
    assert_int_equal(count(text, "info noisy: line"), 10);
    assert_int_equal(count(text, "warn noisy: 15 more lines within a second left out\n"), 1);
    assert_int_equal(count(text, "info calm: still heard\n"), 1);
    free(text);
}

static void lines_over_a_second(void)
{
    for (int i = 0; i < 12; i++)
        log_info("patient", "line %d", i);
    usleep(1050 * 1000);
    log_info("else", "told by the way");
    log_info("patient", "again");
}

static void the_next_second_starts_afresh_and_tells_what_was_lost(void **state)
{
    (void)state;
    char *text = written_by(lines_over_a_second);
    const char *told = strstr(text, "warn patient: 2 more lines");
    assert_true(told && told < strstr(text, "told by the way"));
    assert_non_null(strstr(text, "info patient: again\n"));
    free(text);
}

static void levelled_lines(void)
{
    log_set_level(LOG_WARN);
    log_info("level", "silent");
    log_error("level", "loud");
    log_set_level(LOG_DEBUG);
    log_debug("level", "chatty");
    log_set_level(LOG_INFO);
    log_debug("level", "silent");
}

static void a_level_silences_what_is_below(void **state)
{
    (void)state;
    char *text = written_by(levelled_lines);
    assert_int_equal(count(text, "silent"), 0);
    assert_int_equal(count(text, "error level: loud\n") + count(text, "debug level: chatty\n"),
                     2);
    free(text);
}

static void long_line(void)
{
    log_info("long", "%05000d", 1);
}

static void an_overlong_text_is_cut_and_still_ends_in_a_newline(void **state)
{
    (void)state;
    char *text = written_by(long_line);
    size_t n = strlen(text);
    assert_true(n > 1500 && n < 5000 && text[n - 1] == '\n');
    free(text);
}

static void *write_some(void *group)
{
    for (int i = 0; i < 200; i++)
        log_info(group, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    return NULL;
}

static void threads_writing(void)
{
    static char groups[8][16];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        snprintf(groups[i], sizeof groups[i], "t%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_some, groups[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    log_flush();
}

static void lines_of_several_threads_stay_whole(void **state)
{
    (void)state;
    char *text = written_by(threads_writing);
    int whole = count(text, "Z info t"),
        more = count(text, " more lines within a second left out\n");
    assert_int_equal(count(text, ": aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
                     whole);
    assert_int_equal(count(text, "\n"), whole + more);
    assert_true(whole >= 80 && more >= 8);
    free(text);
}

static void more_groups_than_places(void)
{
    for (int i = 0; i < 1000; i++) {
        char name[80];
        snprintf(name, sizeof name, "group_with_a_name_that_is_longer_than_its_place_%d", i);
        log_info(i % 2 ? name : name + 20, "x");
    }
}

static void more_groups_than_places_do_no_harm(void **state)
{
    (void)state;
    char *text = written_by(more_groups_than_places);
    assert_true(count(text, "\n") > 200);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_group_and_text),
        cmocka_unit_test(nothing_in_a_text_can_forge_a_line),
        cmocka_unit_test(a_noisy_group_is_cut_and_counted_and_others_are_not),
        cmocka_unit_test(the_next_second_starts_afresh_and_tells_what_was_lost),
        cmocka_unit_test(a_level_silences_what_is_below),
        cmocka_unit_test(an_overlong_text_is_cut_and_still_ends_in_a_newline),
        cmocka_unit_test(lines_of_several_threads_stay_whole),
        cmocka_unit_test(more_groups_than_places_do_no_harm), /* last: it fills the table */
    };
    return unit_run(tests);
}
