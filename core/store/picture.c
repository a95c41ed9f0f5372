#include "store/picture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/id.h"

enum { PATH_BYTES = 4096 };

const char *picture_kind(struct span b)
{
    if (b.n > 4 && !memcmp(b.p, "\xFF\xD8\xFF", 3))
        return "image/jpeg";
    if (b.n > 8 && !memcmp(b.p, "\x89PNG\r\n\x1A\n", 8))
        return "image/png";
    return NULL;
}

bool picture_is_hash(struct span name)
{
    if (name.n != PICTURE_HASH_CHARS)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] >= '0' && name.p[i] <= '9') && !(name.p[i] >= 'a' && name.p[i] <= 'f'))
            return false;
    return true;
}

static bool failed(struct err *e, const char *what)
{
    return err_set(e, errno == ENOSPC ? ERR_STORE : ERR_SYSTEM, "图片%s：%s", what,
                   strerror(errno));
}

/* DATA/pictures[/ab[/HASH]]; false: too long. */
static bool place(char out[PATH_BYTES], const char *data_dir, const char *part,
                  const char *name)
{
    int n = snprintf(out, PATH_BYTES, "%s/pictures%s%s%s%s", data_dir, part ? "/" : "",
                     part ? part : "", name ? "/" : "", name ? name : "");
    return n > 0 && n < PATH_BYTES;
}

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A folder, and its name on disk. */
static bool folder(const char *path, const char *parent, struct err *e)
{
    if (mkdir(path, 0700) == 0)
        return sync_dir(parent) || failed(e, "目录没有写入磁盘");
    return errno == EEXIST || failed(e, "目录建不了");
}

static bool folders(const char *data_dir, const char *part, char dir[PATH_BYTES], struct err *e)
{
    char top[PATH_BYTES];
    if (!place(top, data_dir, NULL, NULL) || !place(dir, data_dir, part, NULL))
        return err_set(e, ERR_INPUT, "数据目录的路径太长");
    return folder(top, data_dir, e) && folder(dir, top, e);
}

static bool write_all(int fd, struct span s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        s.p += n > 0 ? n : 0;
        s.n -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_aside(const char *aside, const char *final, struct span bytes, struct err *e)
{
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
    if (!ok)
        failed(e, "没有写入磁盘");
    if (fd >= 0 && close(fd) != 0 && ok)
        ok = failed(e, "没有写入磁盘");
    if (ok && rename(aside, final) != 0)
        ok = failed(e, "改名失败");
    if (!ok && fd >= 0)
        unlink(aside);
    return ok;
}

static bool paths(char dir[PATH_BYTES], char final[PATH_BYTES], const char *data_dir,
                  struct span hash, struct err *e)
{
    char part[3], name[PICTURE_HASH_CHARS + 1];
    if (!picture_is_hash(hash))
        return err_set(e, ERR_MISSING, "没有这张图片");
    snprintf(part, sizeof part, "%.2s", hash.p);
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(hash));
    return (place(dir, data_dir, part, NULL) && place(final, data_dir, part, name)) ||
           err_set(e, ERR_INPUT, "数据目录的路径太长");
}

bool picture_put(const char *data_dir, struct span hash, struct span bytes, struct err *e)
{
    char dir[PATH_BYTES], final[PATH_BYTES], aside[PATH_BYTES], part[3];
    struct stat st;
    uint64_t draw;
    if (bytes.n > PICTURE_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "一张图片至多 %d MiB", PICTURE_BYTES_MAX >> 20);
    if (!paths(dir, final, data_dir, hash, e))
        return false;
    if (stat(final, &st) == 0 && st.st_size == (off_t)bytes.n)
        return true;
    snprintf(part, sizeof part, "%.2s", hash.p);
    id_random(&draw, sizeof draw);
    if (snprintf(aside, sizeof aside, "%s/pictures/.part-%016llx", data_dir,
                 (unsigned long long)draw) >= PATH_BYTES)
        return err_set(e, ERR_INPUT, "数据目录的路径太长");
    return folders(data_dir, part, dir, e) && write_aside(aside, final, bytes, e) &&
           (sync_dir(dir) || failed(e, "没有写入磁盘"));
}

static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = -1;
    if (fd < 0)
        return false;
    while (out->n <= PICTURE_BYTES_MAX && (n = read(fd, buf_space(out, 65536), 65536)) > 0)
        out->n += (size_t)n;
    close(fd);
    return n == 0;
}

bool picture_get(const char *data_dir, struct span hash, struct buf *out, struct err *e)
{
    char dir[PATH_BYTES], final[PATH_BYTES];
    if (!paths(dir, final, data_dir, hash, e))
        return false;
    if (read_file(final, out))
        return true;
    buf_clear(out);
    return errno == ENOENT ? err_set(e, ERR_MISSING, "没有这张图片，或已按保存期限清除")
                           : failed(e, "读不出来");
}

/* --- all of them ------------------------------------------------------------------------------------------ */

struct walk {
    /* False ends it. */
    bool (*each)(struct walk *w, const char *part, const char *name);
    const char *data_dir;
};

static bool walk_part(struct walk *w, const char *part)
{
    char dir[PATH_BYTES];
    DIR *d = place(dir, w->data_dir, part, NULL) ? opendir(dir) : NULL;
    bool go_on = true;
    for (struct dirent *at; d && go_on && (at = readdir(d));)
        if (picture_is_hash(span_of(at->d_name)))
            go_on = w->each(w, part, at->d_name);
    if (d)
        closedir(d);
    return go_on;
}

/* In no order. What is being written lies beside the parts and is passed over. */
static bool walk_all(struct walk *w)
{
    char part[3];
    bool go_on = true;
    for (int i = 0; i < 256 && go_on; i++) {
        snprintf(part, sizeof part, "%02x", (unsigned)i);
        go_on = walk_part(w, part);
    }
    return go_on;
}

struct copying {
    struct walk w; /* first */
    const char *to_dir;
    struct err *e;
};

static bool copy_one(struct walk *w, const char *part, const char *name)
{
    struct copying *c = (struct copying *)w;
    char from[PATH_BYTES], to[PATH_BYTES], dir[PATH_BYTES];
    struct buf bytes = {0};
    if (!place(from, w->data_dir, part, name) || !place(to, c->to_dir, part, name))
        return err_set(c->e, ERR_INPUT, "数据目录的路径太长");
    if (!folders(c->to_dir, part, dir, c->e))
        return false;
    if (link(from, to) == 0 || errno == EEXIST ||
        errno == ENOENT) /* ENOENT: expired just now */
        return true;
    bool ok = read_file(from, &bytes) || failed(c->e, "读不出来");
    ok = ok && picture_put(c->to_dir, span_of(name), buf_view(&bytes), c->e);
    buf_free(&bytes);
    return ok;
}

bool picture_copy_all(const char *from_dir, const char *to_dir, struct err *e)
{
    struct copying c = {{copy_one, from_dir}, to_dir, e};
    char dir[PATH_BYTES], part[3];
    if (!walk_all(&c.w))
        return false;
    for (int i = 0; i < 256; i++) {
        snprintf(part, sizeof part, "%02x", (unsigned)i);
        if (!place(dir, to_dir, part, NULL) || (!sync_dir(dir) && errno != ENOENT))
            return failed(e, "没有写入磁盘");
    }
    return true;
}

static bool remove_one(struct walk *w, const char *part, const char *name)
{
    char path[PATH_BYTES];
    if (place(path, w->data_dir, part, name))
        unlink(path);
    return true;
}

void picture_remove_all(const char *data_dir)
{
    struct walk w = {remove_one, data_dir};
    char path[PATH_BYTES], part[3];
    walk_all(&w);
    for (int i = 0; i < 256; i++) {
        snprintf(part, sizeof part, "%02x", (unsigned)i);
        if (place(path, data_dir, part, NULL))
            rmdir(path);
    }
    if (place(path, data_dir, NULL, NULL))
        rmdir(path);
}

struct verifying {
    struct walk w; /* first */
    uint64_t *count, *problems;
    void (*problem)(void *ctx, const char *text);
    void *ctx;
};

static bool verify_one(struct walk *w, const char *part, const char *name)
{
    struct verifying *v = (struct verifying *)w;
    char path[PATH_BYTES], hash[65], text[160];
    struct buf bytes = {0};
    bool ok = place(path, w->data_dir, part, name) && read_file(path, &bytes);
    id_sha256_hex(hash, buf_view(&bytes));
    ok = ok && !strcmp(hash, name) && !strncmp(part, name, 2);
    ++*v->count;
    if (!ok) {
        ++*v->problems;
        snprintf(text, sizeof text, "图片 %s 的内容与名字不符，请由备份恢复", name);
        if (v->problem)
            v->problem(v->ctx, text);
    }
    buf_free(&bytes);
    return true;
}

bool picture_verify(const char *data_dir, uint64_t *count, uint64_t *problems,
                    void (*problem)(void *ctx, const char *text), void *ctx, struct err *e)
{
    struct verifying v = {{verify_one, data_dir}, count, problems, problem, ctx};
    (void)e;
    return walk_all(&v.w);
}

struct expiring {
    struct walk w; /* first */
    int64_t before;
    uint64_t count;
};

static bool expire_one(struct walk *w, const char *part, const char *name)
{
    struct expiring *x = (struct expiring *)w;
    char path[PATH_BYTES];
    struct stat st;
    if (place(path, w->data_dir, part, name) && stat(path, &st) == 0 &&
        st.st_mtime < x->before && unlink(path) == 0)
        x->count++;
    return true;
}

uint64_t picture_expire(const char *data_dir, int64_t before)
{
    struct expiring x = {{expire_one, data_dir}, before, 0};
    walk_all(&x.w);
    return x.count;
}
