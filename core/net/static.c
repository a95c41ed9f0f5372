#include "net/static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "util/buf.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

enum { FILES_MAX = 2000, DEPTH_MAX = 6, FILE_MAX = 16 * 1024 * 1024, GZIP_WORTH = 1024 };

struct static_files {
    struct static_file *files; /* sorted by path */
    size_t count;
};

static const char *type_of(const char *name)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (!strcmp(dot, types[i].end))
            return types[i].type;
    return "application/octet-stream";
}

static struct span gzip(struct span body)
{
    z_stream z = {0};
    if (body.n < GZIP_WORTH || deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY))
        return SPAN_NONE;
    size_t room = deflateBound(&z, body.n);
    char *out = mem_alloc(room);
    z.next_in = (Bytef *)(uintptr_t)body.p;
    z.avail_in = (uInt)body.n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t n = z.total_out;
    deflateEnd(&z);
    if (!whole || n > body.n * 9 / 10) {
        mem_free(out);
        return SPAN_NONE;
    }
    return (struct span){out, n};
}

static bool read_whole(int fd, size_t size, struct span *out)
{
    char *p = mem_alloc(size + 1);
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    *out = (struct span){p, n};
    return n == size;
}

static void file_add(struct static_files *f, struct span path, struct span body)
{
    char hex[65];
    struct static_file *one;
    f->files = mem_array(f->files, f->count + 1, sizeof *f->files);
    one = &f->files[f->count++];
    *one = (struct static_file){.path = mem_alloc(path.n + 1), .body = body};
    memcpy(one->path, path.p, path.n);
    one->type = type_of(one->path);
    one->immutable = span_starts(path, SPAN("/assets/"));
    one->gzip = gzip(body);
    id_sha256_hex(hex, body);
    hex[32] = '\0';
    one->etag[0] = '"';
    memcpy(one->etag + 1, hex, 32);
    one->etag[33] = '"';
}

static void dir_load(struct static_files *f, int dir, struct span prefix, int depth);

/* No links, no dot names, plain files and directories only: a FIFO or a device is never opened for reading. */
static void entry_load(struct static_files *f, int dir, const char *name, struct span prefix,
                       int depth)
{
    struct stat st;
    struct span body;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    struct buf path = {0};
    buf_span(&path, prefix);
    buf_char(&path, '/');
    buf_str(&path, name);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
        dir_load(f, fd, buf_view(&path), depth + 1); /* closes fd */
    } else {
        if (S_ISREG(st.st_mode) && st.st_size <= FILE_MAX && f->count < FILES_MAX &&
            span_is_utf8(buf_view(&path))) {
            if (read_whole(fd, (size_t)st.st_size, &body))
                file_add(f, buf_view(&path), body);
            else
                mem_free((char *)(uintptr_t)body.p);
        }
        close(fd);
    }
    buf_free(&path);
}

static void dir_load(struct static_files *f, int dir, struct span prefix, int depth)
{
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.')
            entry_load(f, dirfd(d), entry->d_name, prefix, depth);
    closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct static_file *)a)->path, ((const struct static_file *)b)->path);
}

struct static_files *static_load(const char *dir, struct err *e)
{
    (void)e;
    struct static_files *f = mem_alloc(sizeof *f);
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int staff = fd >= 0 ? openat(fd, "staff", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0)
        close(fd);
    if (staff >= 0)
        dir_load(f, staff, SPAN(""), 0);
    else if (dir)
        log_warn("static", "no pages in %s: API only", dir);
    if (f->count)
        qsort(f->files, f->count, sizeof *f->files, by_path);
    return f;
}

void static_free(struct static_files *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->files[i].path);
        mem_free((char *)(uintptr_t)f->files[i].body.p);
        mem_free((char *)(uintptr_t)f->files[i].gzip.p);
    }
    mem_free(f->files);
    mem_free(f);
}

size_t static_count(const struct static_files *f)
{
    return f->count;
}

static const struct static_file *exact(const struct static_files *f, struct span path)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = span_cmp(path, span_of(f->files[mid].path));
        if (c == 0)
            return &f->files[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct static_file *static_find(const struct static_files *f, struct span path)
{
    const struct static_file *file = exact(f, path);
    if (file || span_starts(path, SPAN("/assets/")))
        return file;
    return exact(f, SPAN("/index.html"));
}

bool static_etag_matches(struct span if_none_match, const char *etag)
{
    struct span rest = if_none_match;
    while (rest.p && rest.n) {
        struct span one = span_trim(span_split(&rest, ','));
        if (span_starts(one, SPAN("W/")))
            one = (struct span){one.p + 2, one.n - 2};
        if (span_eq(one, span_of(etag)) || span_eq(one, SPAN("*")))
            return true;
    }
    return false;
}
