/* Each test in a child: what is given up does not come back. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <lmdb.h>

#include "engine/privilege.h"
#include "engine/sandbox.h"
#include "util/clock.h"
#include "util/log.h"

static unsigned fences;
static int report[2];

/* Runs in the child: the first line that does not hold is told to the parent. */
#define holds(cond)                                                                            \
    do {                                                                                       \
        if (!(cond)) {                                                                         \
            dprintf(report[1], "%d: %s (errno %d, fences %u)", __LINE__, #cond, errno,         \
                    fences);                                                                   \
            _exit(1);                                                                          \
        }                                                                                      \
    } while (0)

static void in_child(void (*fn)(void))
{
    assert_int_equal(pipe(report), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        log_set_level(LOG_WARN);
        fn();
        _exit(0);
    }
    close(report[1]);
    char text[300] = "";
    ssize_t n = read(report[0], text, sizeof(text) - 1);
    if (n > 0)
        print_message("%s\n", text);
    close(report[0]);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void nothing_new_can_be_had(void)
{
    struct err e;
    holds(privilege_drop(&fences, &e));
    holds((fences & 3) == 3);
    struct rlimit core;
    holds(getrlimit(RLIMIT_CORE, &core) == 0 || errno == EPERM);
    if (fences & (PRIVILEGE_SECCOMP | PRIVILEGE_LANDLOCK)) {
        holds(open("/etc/passwd", O_RDONLY) < 0);
        holds(open("/tmp/wangyi-x", O_CREAT | O_RDWR, 0600) < 0);
        holds(mkdir("/tmp/wangyi-x", 0700) < 0);
    }
    if (fences & PRIVILEGE_SECCOMP) {
        holds(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
        holds(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
        holds(fork() < 0);
        char *const none[] = {NULL};
        holds(execve("/bin/true", none, none) < 0 && errno == EPERM);
        holds(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0) == MAP_FAILED);
        holds(kill(getppid(), 0) < 0);
    }
}

static void an_engine_can_open_nothing(void **state)
{
    (void)state;
    in_child(nothing_new_can_be_had);
}

static void work_goes_on(void)
{
    struct err e;
    struct sandbox_modules modules;
    holds(sandbox_modules_read(&modules, "scripts", &e));
    holds(privilege_drop(&fences, &e));
    char *big = malloc(8 << 20);
    holds(big);
    memset(big, 1, 8 << 20);
    big = realloc(big, 16 << 20);
    holds(big);
    free(big);
    holds(clock_wall_us() > 0 && clock_mono_us() > 0 && clock_thread_us() >= 0);
    struct timespec t = {0, 1000};
    holds(nanosleep(&t, NULL) == 0);
    struct sandbox *sb = sandbox_new(&modules, NULL);
    struct fault f;
    holds(sandbox_load(sb, SPAN("return require('std.calendar').add_days('2020-01-01', 1)"),
                       "t.lua", NULL, &f));
    holds(!sandbox_load(sb, SPAN("while true do end"), "t.lua", NULL, &f));
    sandbox_free(sb);
    log_warn("privilege", "a line after the drop");
    holds(write(STDERR_FILENO, "", 0) == 0);
    sandbox_modules_free(&modules);
}

static void scripts_run_as_before(void **state)
{
    (void)state;
    in_child(work_goes_on);
}

static MDB_env *env;
static char dir[64];

static void put(const char *value)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {1, (char[]){'k'}}, v = {strlen(value), strdup(value)};
    holds(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    holds(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    holds(mdb_put(txn, dbi, &k, &v, 0) == 0);
    holds(mdb_txn_commit(txn) == 0);
    free(v.mv_data);
}

static void get(const char *value)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {1, (char[]){'k'}}, v;
    holds(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    holds(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    holds(mdb_get(txn, dbi, &k, &v) == 0);
    holds(v.mv_size == strlen(value) && memcmp(v.mv_data, value, v.mv_size) == 0);
    mdb_txn_abort(txn);
}

static void open_env(unsigned flags)
{
    holds(mdb_env_create(&env) == 0);
    holds(mdb_env_set_mapsize(env, 1 << 20) == 0);
    holds(mdb_env_open(env, dir, flags, 0600) == 0);
}

/* Read-only, as the engine has it: transactions begun after the drop see what another process commits. */
static void reading(void)
{
    struct err e;
    int go[2], done[2];
    holds(pipe(go) == 0 && pipe(done) == 0);
    pid_t writer = fork();
    if (writer == 0) {
        open_env(0);
        put("one");
        holds(write(done[1], "1", 1) == 1);
        char c;
        holds(read(go[0], &c, 1) == 1);
        put("two");
        holds(write(done[1], "2", 1) == 1);
        _exit(0);
    }
    char c;
    holds(read(done[0], &c, 1) == 1);
    open_env(MDB_RDONLY);
    holds(privilege_drop(&fences, &e));
    get("one");
    holds(write(go[1], "g", 1) == 1);
    holds(read(done[0], &c, 1) == 1);
    get("two");
}

static void writing(void)
{
    struct err e;
    open_env(0);
    put("one");
    holds(privilege_drop_writing(&fences, &e));
    put("two");
    get("two");
    if (fences & PRIVILEGE_SECCOMP)
        holds(open("/etc/passwd", O_RDONLY) < 0 && socket(AF_UNIX, SOCK_STREAM, 0) < 0);
}

static void with_folder(void (*fn)(void))
{
    memcpy(dir, "/tmp/wangyi-priv-XXXXXX", 24);
    assert_non_null(mkdtemp(dir));
    in_child(fn);
    static const char *const names[] = {"/data.mdb", "/lock.mdb", ""};
    for (size_t i = 0; i < 3; i++) {
        char path[100];
        snprintf(path, sizeof(path), "%s%s", dir, names[i]);
        remove(path);
    }
}

static void a_store_that_is_open_can_be_read(void **state)
{
    (void)state;
    with_folder(reading);
}

static void a_store_of_examples_can_be_written(void **state)
{
    (void)state;
    with_folder(writing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_can_open_nothing),
        cmocka_unit_test(scripts_run_as_before),
        cmocka_unit_test(a_store_that_is_open_can_be_read),
        cmocka_unit_test(a_store_of_examples_can_be_written),
    };
    return unit_run(tests);
}
