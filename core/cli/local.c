#include "cli/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import.h"
#include "domain/street.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/vault.h"
#include "store/view.h"
#include "util/calendar.h"

static const char *const meta_name = "served";

bool local_make_dir(const char *path, struct err *e)
{
    char part[4096];
    size_t n = strlen(path);
    for (size_t i = 1; i < n && n < sizeof part; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        mkdir(part, 0700); /* what is wrong with it, the last one tells */
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return err_set(e, ERR_SYSTEM, "不能建立目录 %s：%s", path, strerror(errno));
}

enum lived { LIVED_NOT, LIVED_WALL, LIVED_HELD };

/* How this directory's clock has lived: never served, by the wall, or held at *held_at. */
static bool clock_lived(struct store *s, enum lived *lived, int64_t *held_at, struct err *e)
{
    struct arena a = {0};
    struct span how = SPAN_NONE;
    struct view *v = view_open(s, e);
    if (!v)
        return false;
    *lived = LIVED_NOT;
    *held_at = 0;
    if (meta_get(v, &a, meta_name, &how))
        *lived = span_eq(how, SPAN("held")) ? LIVED_HELD : LIVED_WALL;
    if (!clock_is_held(v, held_at))
        *held_at = 0;
    view_close(v);
    arena_free(&a);
    return true;
}

struct live {
    struct command command;
    int64_t hold;
};

static bool apply_live(struct command *c, struct txn *t, struct err *e)
{
    const struct live *l = (const struct live *)c;
    return (l->hold ? txn_clock_hold(t, l->hold, e) : txn_clock_release(t, e)) &&
           meta_put(t, meta_name, l->hold ? SPAN("held") : SPAN("wall"), e);
}

/* Before the first server everything happens at the beginning of time. */
static bool apply_before_time(struct command *c, struct txn *t, struct err *e)
{
    (void)c;
    return txn_clock_hold(t, 1, e);
}

bool local_live(struct store *s, int64_t hold, struct err *e)
{
    enum lived lived;
    int64_t held_at;
    if (!clock_lived(s, &lived, &held_at, e))
        return false;
    if (hold && lived == LIVED_WALL)
        return err_set(e, ERR_CONFLICT,
                       "这个数据目录已经用真实时钟运行过，不能再用 --clock；请换一个空目录");
    if (lived == LIVED_HELD && (hold == 0 || hold <= held_at))
        return true; /* it goes on where it stands */
    struct live l = {{.apply = apply_live}, hold};
    return lived == LIVED_WALL || store_apply(s, &l.command, e);
}

static bool ensure_street(struct local *l, const char *scripts_dir, struct err *e)
{
    struct err none = {0};
    struct view *v = view_open(l->store, e);
    if (!v)
        return false;
    l->street = street_load(v, view_head(v), &none);
    view_close(v);
    if (l->street)
        return true;
    if (none.code != ERR_MISSING) {
        *e = none;
        return false;
    }
    bool changed;
    struct importer in = {.store = l->store, .scripts_dir = scripts_dir};
    if (!import_office(&in, &changed, e) || !(v = view_open(l->store, e)))
        return false;
    l->street = street_load(v, view_head(v), e);
    view_close(v);
    return l->street != NULL;
}

bool local_open(struct local *l, const char *data_dir, const char *scripts_dir, struct err *e)
{
    enum lived lived;
    int64_t held_at;
    struct command before_time = {.apply = apply_before_time};
    *l = (struct local){0};
    if (!local_make_dir(data_dir, e))
        return false;
    l->store = store_open(&(struct store_options){.dir = data_dir}, e);
    if (!l->store || !clock_lived(l->store, &lived, &held_at, e))
        goto failed;
    if (lived == LIVED_NOT && !held_at && !store_apply(l->store, &before_time, e))
        goto failed;
    l->vault = vault_open(data_dir, e);
    if (l->vault && ensure_street(l, scripts_dir, e))
        return true;
failed:
    local_close(l);
    return false;
}

bool local_open_existing(struct local *l, const char *data_dir, const char *scripts_dir,
                         struct err *e)
{
    char path[4096];
    *l = (struct local){0};
    int n = snprintf(path, sizeof path, "%s/store", data_dir);
    if (n < 0 || (size_t)n >= sizeof path || access(path, F_OK) != 0)
        return err_set(e, ERR_MISSING, "%.150s 里没有数据库，请核对 --data", data_dir);
    return local_open(l, data_dir, scripts_dir, e);
}

void local_close(struct local *l)
{
    if (l->street)
        street_unref(l->street);
    if (l->vault)
        vault_close(l->vault);
    if (l->store)
        store_close(l->store);
    *l = (struct local){0};
}
