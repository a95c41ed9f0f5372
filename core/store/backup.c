#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/picture.h"
#include "store/store_impl.h"
#include "store/vault_impl.h"
#include "util/buf.h"
#include "util/err.h"

static const char *const parts[] = {"store", "vault"};
enum { PARTS = 2 };

static bool failed(struct err *e, const char *what, const char *path)
{
    return err_set(e, ERR_SYSTEM, "%s %s 失败：%s", what, path, strerror(errno));
}

/* A path made of up to three pieces; the buffer is the caller's to free. */
static const char *path(struct buf *b, const char *dir, const char *name, const char *file)
{
    buf_clear(b);
    buf_printf(b, "%s%s%s%s%s", dir, name ? "/" : "", name ? name : "", file ? "/" : "",
               file ? file : "");
    buf_put(b, "", 1);
    return b->p;
}

static bool sync_path(const char *name, struct err *e)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(e, "打开", name);
    bool ok = fsync(fd) == 0;
    if (!ok)
        failed(e, "写入", name);
    close(fd);
    return ok;
}

static bool sync_parent(const char *name, struct err *e)
{
    struct buf b = {0};
    const char *slash = strrchr(name, '/');
    if (slash == name)
        buf_str(&b, "/");
    else
        buf_put(&b, slash ? name : ".", slash ? (size_t)(slash - name) : 1);
    buf_put(&b, "", 1);
    bool ok = sync_path(b.p, e);
    buf_free(&b);
    return ok;
}

/* What a copy that was broken off has left, or a failed one leaves; nothing else is touched. */
static void remove_part(const char *dir)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    struct buf b = {0};
    picture_remove_all(dir);
    for (int i = 0; i < PARTS; i++) {
        for (int f = 0; f < 2; f++)
            unlink(path(&b, dir, parts[i], files[f]));
        rmdir(path(&b, dir, parts[i], NULL));
    }
    rmdir(dir);
    buf_free(&b);
}

static bool make_part(const char *dir, struct err *e)
{
    struct buf b = {0};
    remove_part(dir);
    bool ok = mkdir(dir, 0700) == 0 || failed(e, "建立目录", dir);
    for (int i = 0; ok && i < PARTS; i++) {
        const char *p = path(&b, dir, parts[i], NULL);
        ok = mkdir(p, 0700) == 0 || failed(e, "建立目录", p);
    }
    buf_free(&b);
    return ok;
}

static bool sync_part(const char *dir, bool vault, struct err *e)
{
    struct buf b = {0};
    bool ok = true;
    for (int i = 0; ok && i < (vault ? PARTS : 1); i++)
        ok = sync_path(path(&b, dir, parts[i], "data.mdb"), e) &&
             sync_path(path(&b, dir, parts[i], NULL), e);
    buf_free(&b);
    return ok && sync_path(dir, e);
}

static bool copy_store(struct store *s, const char *dir, struct err *e)
{
    struct buf b = {0};
    struct view *v = view_open(s, e); /* keeps the files open while they are read */
    if (!v)
        return false;
    int rc = mdb_env_copy2(s->db.env, path(&b, dir, parts[0], NULL), MDB_CP_COMPACT);
    view_close(v);
    buf_free(&b);
    return rc == 0 || db_fail(e, rc);
}

bool backup_write(struct store *s, struct vault *v, const char *dir, struct err *e)
{
    struct buf part = {0}, b = {0};
    struct stat st;
    if (lstat(dir, &st) == 0)
        return err_set(e, ERR_CONFLICT, "%s 已经存在，请换一个名字", dir);
    buf_printf(&part, "%s.part", dir);
    buf_put(&part, "", 1);
    bool ok =
        make_part(part.p, e) && copy_store(s, part.p, e) &&
        (!v || vault_copy(v, path(&b, part.p, parts[1], NULL), e)) &&
        picture_copy_all(s->dir, part.p, e) && /* after the store: what it refers to is there */
        sync_part(part.p, v != NULL, e);
    if (ok && rename(part.p, dir) != 0)
        ok = failed(e, "改名", part.p);
    if (ok)
        ok = sync_parent(dir, e);
    else
        remove_part(part.p);
    buf_free(&part);
    buf_free(&b);
    return ok;
}

static bool has_vault(const char *data_dir)
{
    struct buf b = {0};
    struct stat st;
    bool yes = stat(path(&b, data_dir, parts[1], "data.mdb"), &st) == 0;
    buf_free(&b);
    return yes;
}

bool backup_copy(const char *data_dir, const char *dir, struct err *e)
{
    struct store_options o = {.dir = data_dir, .read_only = true};
    struct vault *v = NULL;
    struct store *s = store_open(&o, e);
    bool ok = s != NULL;
    if (ok && has_vault(data_dir))
        ok = (v = vault_open_read(data_dir, e)) != NULL;
    ok = ok && backup_write(s, v, dir, e);
    vault_close(v);
    store_close(s);
    return ok;
}

static bool is_empty_or_missing(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT;
    int names = 0;
    for (struct dirent *at; (at = readdir(d));)
        names += strcmp(at->d_name, ".") != 0 && strcmp(at->d_name, "..") != 0;
    closedir(d);
    return names == 0;
}

static bool copy_bytes(int from, int to)
{
    char bytes[65536];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(to, bytes + done, (size_t)(n - done));
            if (w < 0 && errno != EINTR)
                return false;
            done += w > 0 ? w : 0;
        }
    }
}

static bool copy_file(const char *from, const char *to, struct err *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return failed(e, "打开", from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = out >= 0 && copy_bytes(in, out);
    if (!ok)
        failed(e, "写入", to);
    if (out >= 0)
        close(out);
    close(in);
    return ok;
}

struct first_problem {
    char text[160];
};

static void keep_first(void *ctx, const char *text)
{
    struct first_problem *p = ctx;
    if (!p->text[0])
        snprintf(p->text, sizeof p->text, "%s", text);
}

bool backup_restore(const char *dir, const char *data_dir, struct err *e)
{
    struct verify_report report;
    struct first_problem problem = {{0}};
    struct buf part = {0}, from = {0}, to = {0};
    if (!is_empty_or_missing(data_dir))
        return err_set(e, ERR_CONFLICT, "%s 不是空目录；请先移走原来的数据，再恢复", data_dir);
    if (!store_verify(dir, &report, keep_first, &problem, e))
        return false;
    if (report.problems)
        return err_set(e, ERR_STORE, "这份备份有 %llu 处损坏，没有恢复：%s",
                       (unsigned long long)report.problems, problem.text);
    bool vault = has_vault(dir);
    buf_printf(&part, "%s.part", data_dir);
    buf_put(&part, "", 1);
    bool ok = make_part(part.p, e);
    for (int i = 0; ok && i < (vault ? PARTS : 1); i++)
        ok = copy_file(path(&from, dir, parts[i], "data.mdb"),
                       path(&to, part.p, parts[i], "data.mdb"), e);
    ok = ok && picture_copy_all(dir, part.p, e) && sync_part(part.p, vault, e);
    if (ok && rename(part.p, data_dir) != 0) /* over an empty directory, or nothing */
        ok = failed(e, "改名", part.p);
    if (ok)
        ok = sync_parent(data_dir, e);
    else
        remove_part(part.p);
    buf_free(&part);
    buf_free(&from);
    buf_free(&to);
    return ok;
}
