#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "store/picture.h"
#include "util/id.h"

static char dir[64], other[64];

static int make_dirs(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/wangyi-picture-XXXXXX", 27);
    memcpy(other, "/tmp/wangyi-picture-XXXXXX", 27);
    return mkdtemp(dir) && mkdtemp(other) ? 0 : -1;
}

static int drop_dirs(void **state)
{
    (void)state;
    picture_remove_all(dir);
    picture_remove_all(other);
    return rmdir(dir) + rmdir(other);
}

static const char *put(struct span bytes)
{
    static char hash[65];
    struct err e = {0};
    id_sha256_hex(hash, bytes);
    assert_true(picture_put(dir, span_of(hash), bytes, &e));
    return hash;
}

static void a_picture_is_known_by_its_first_bytes(void **state)
{
    (void)state;
    assert_string_equal(picture_kind(SPAN("\xFF\xD8\xFF\xE0 more")), "image/jpeg");
    assert_string_equal(picture_kind(SPAN("\x89PNG\r\n\x1A\n more")), "image/png");
    assert_null(picture_kind(SPAN("GIF89a")));
    assert_null(picture_kind(SPAN("\xFF\xD8")));
    assert_null(picture_kind(SPAN("<svg onload=alert(1)>")));
}

static void what_is_put_comes_back_and_only_under_its_name(void **state)
{
    (void)state;
    struct buf out = {0};
    struct err e = {0};
    const char *hash = put(SPAN("\xFF\xD8\xFF one"));
    put(SPAN("\xFF\xD8\xFF one"));
    assert_true(picture_get(dir, span_of(hash), &out, &e));
    assert_span(buf_view(&out), "\xFF\xD8\xFF one");
    static const char *const names[] = {"", "..", "../../etc/passwd", "ab/cd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(picture_get(dir, span_of(names[i]), &out, &e));
        assert_int_equal(e.code, ERR_MISSING);
    }
    assert_false(picture_get(other, span_of(hash), &out, &e));
    assert_int_equal(e.code, ERR_MISSING);
    buf_free(&out);
}

static void a_picture_too_large_is_refused(void **state)
{
    (void)state;
    char hash[65];
    struct err e = {0};
    char *bytes = calloc(1, PICTURE_BYTES_MAX + 1);
    struct span all = {bytes, PICTURE_BYTES_MAX + 1};
    id_sha256_hex(hash, all);
    assert_false(picture_put(dir, span_of(hash), all, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    all.n--;
    put(all);
    free(bytes);
}

static void told(void *ctx, const char *text)
{
    snprintf(ctx, 200, "%s", text);
}

static void copies_are_whole_and_damage_is_found(void **state)
{
    (void)state;
    uint64_t count = 0, problems = 0;
    char text[200] = "", path[200];
    struct err e = {0};
    put(SPAN("\xFF\xD8\xFF two"));
    const char *hash = put(SPAN("\xFF\xD8\xFF one"));
    assert_true(picture_copy_all(dir, other, &e));
    assert_true(picture_verify(other, &count, &problems, told, text, &e));
    assert_true(count >= 2);
    assert_int_equal(problems, 0);
    snprintf(path, sizeof path, "%s/pictures/%.2s/%s", other, hash, hash);
    /* a link into the original: the copy is replaced, not written through */
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    count = 0;
    assert_true(picture_verify(other, &count, &problems, told, text, &e));
    assert_int_equal(problems, 1);
    assert_non_null(strstr(text, hash));
}

static void old_ones_expire(void **state)
{
    (void)state;
    struct buf out = {0};
    struct err e = {0};
    const char *hash = put(SPAN("\xFF\xD8\xFF one"));
    assert_int_equal(picture_expire(dir, time(NULL) - 3600), 0);
    assert_true(picture_expire(dir, time(NULL) + 3600) > 0);
    assert_false(picture_get(dir, span_of(hash), &out, &e));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_known_by_its_first_bytes),
        cmocka_unit_test(what_is_put_comes_back_and_only_under_its_name),
        cmocka_unit_test(a_picture_too_large_is_refused),
        cmocka_unit_test(copies_are_whole_and_damage_is_found),
        cmocka_unit_test(old_ones_expire),
    };
    return cmocka_run_group_tests(tests, make_dirs, drop_dirs);
}
