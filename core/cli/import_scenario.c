#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/import_impl.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/json.h"

enum { SCRIPT_MAX = 256 << 10, HISTORY_MAX = 200 };

static const struct json_limits version_limits = {
    .bytes = 16 << 20, .keys = 4096, .string = 4 << 20};

/* How the file stands to what the journal holds. */
enum standing {
    SAME,   /* nothing to import */
    NEWER,  /* changed since it was last imported */
    PARTED, /* so did the live version: somebody must choose */
};

static bool text_was_imported(const struct json *version, struct span text)
{
    struct span kind = json_string(json_get(version, "kind"));
    return span_eq(kind, SPAN("file")) && span_eq(json_string(json_get(version, "text")), text);
}

/* Looks through the versions, newest first: what was last imported from a file, and whether what is live
 * now once came from one (then a restore or new settings made it live, and no edit is lost). */
static bool stand(struct view *v, struct arena *a, struct span id, struct span text,
                  struct scenario *live, enum standing *out, struct err *e)
{
    struct entry entries[HISTORY_MAX];
    size_t count;
    struct err none = {0};
    *out = NEWER;
    if (!scenario_get(v, a, id, SEQ_LATEST, live, &none)) {
        *live = (struct scenario){0};
        return none.code == ERR_MISSING || err_set(e, none.code, "%s", none.text);
    }
    struct span key = key_of1(a, id, e);
    if (!key.p ||
        !version_history(v, a, ENTRY_VERSION, key, SEQ_LATEST, entries, HISTORY_MAX, &count, e))
        return false;
    bool live_is_a_file = false, first = true;
    for (size_t i = 0; i < count; i++) {
        const struct json *version = json_parse(a, entries[i].body, &version_limits, NULL, e);
        if (!version)
            return false;
        live_is_a_file = live_is_a_file || text_was_imported(version, live->text);
        if (first && span_eq(json_string(json_get(version, "kind")), SPAN("file"))) {
            first = false;
            if (span_eq(json_string(json_get(version, "text")), text))
                *out = SAME;
        }
    }
    if (*out == NEWER && span_eq(live->text, text))
        *out = SAME;
    else if (*out == NEWER && !live_is_a_file)
        *out = PARTED;
    return true;
}

/* The first line on which two texts differ, as a sentence. */
static void tell_difference(struct span live, struct span file, struct err *e, long *line)
{
    struct span a = live, b = file, la = SPAN_NONE, lb = SPAN_NONE;
    for (*line = 1; a.p && b.p; ++*line) {
        la = span_split(&a, '\n');
        lb = span_split(&b, '\n');
        if (!span_eq(la, lb))
            break;
    }
    size_t na = span_cut_utf8(la, 60), nb = span_cut_utf8(lb, 60);
    err_set(e, ERR_CONFLICT,
            "现行版本在别处改过，文件没有读入；第 %ld 行起不同：现行“%.*s”，文件“%.*s”", *line,
            (int)na, la.p ? la.p : "", (int)nb, lb.p ? lb.p : "");
}

struct publish {
    struct command command;
    struct scenario_publish p;
    uint64_t seq;
};

static bool apply_publish(struct command *c, struct txn *t, struct err *e)
{
    struct publish *p = (struct publish *)c;
    return scenario_publish(t, &p->p, &p->seq, e);
}

static void refuse(struct import_result *out, struct span id, long line, const char *message)
{
    if (out->refused_count++)
        buf_char(&out->refused, ',');
    struct json_w w = json_w_begin(&out->refused);
    json_w_object(&w);
    json_w_kspan(&w, "id", id);
    json_w_kint(&w, "line", line);
    json_w_kstr(&w, "message", message);
    json_w_object_end(&w);
    json_w_end(&w);
}

static void note_change(struct import_result *out, struct span id, int64_t number)
{
    if (out->changed_count++)
        buf_char(&out->changed, ',');
    struct json_w w = json_w_begin(&out->changed);
    json_w_object(&w);
    json_w_kspan(&w, "id", id);
    json_w_kint(&w, "number", number);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* Why a check said no: its first problem, or its first red example. */
static void tell_problem(struct arena *a, const struct json *report, struct span id,
                         struct import_result *out)
{
    int64_t line = 0;
    const char *message = "检查没有通过";
    const struct json *problem = json_item(json_get(report, "problems"), 0);
    if (problem) {
        json_int(json_get(problem, "line"), &line);
        message = json_cstr(json_get(problem, "message"), message);
    } else {
        const struct json *examples = json_get(report, "examples");
        for (size_t i = 0; i < json_count(examples); i++) {
            const struct json *x = json_item(examples, i);
            if (json_bool(json_get(x, "ok"), false))
                continue;
            message =
                arena_printf(a, "样例“%s”没有通过：%s", json_cstr(json_get(x, "name"), ""),
                             json_cstr(json_get(x, "message"), ""));
            break;
        }
    }
    refuse(out, id, (long)line, message);
}

static bool publish(struct importer *in, struct arena *a, const struct scenario *live,
                    struct publish *p, struct import_result *out, struct err *e)
{
    struct buf json = {0};
    bool ok = import_check(in->scripts_dir, p->p.id, p->p.text, SPAN_NONE, &json, e);
    const struct json *report =
        ok ? json_parse(a, buf_view(&json), &version_limits, NULL, e) : NULL;
    struct err why = {0};
    if (report && !json_bool(json_get(report, "ok"), false)) {
        tell_problem(a, report, p->p.id, out);
    } else if (report) {
        struct buf manifest = {0};
        struct json_w w = json_w_begin(&manifest);
        json_w_value(&w, json_get(report, "manifest"));
        json_w_end(&w);
        p->p.manifest = buf_view(&manifest);
        p->p.expected_version = live->version_seq;
        if (import_write(in, &p->command, &why))
            note_change(out, p->p.id, live->number + (p->seq != live->version_seq));
        else
            refuse(out, p->p.id, 0, why.text);
        buf_free(&manifest);
    }
    buf_free(&json);
    return report != NULL;
}

static void import_one(struct importer *in, struct span id, struct span author,
                       struct span reason, struct import_result *out)
{
    struct err e = {0};
    struct arena a = {0};
    struct buf text = {0};
    struct scenario live = {0};
    enum standing standing = NEWER;
    struct scenario_status status = {0};
    long line = 0;
    const char *path = arena_printf(&a, "%s/%.*s.lua", in->scenarios_dir, SPAN_ARG(id));
    struct view *v = view_open(in->store, &e);
    bool ok = v && cli_read_file(path, SCRIPT_MAX, &text, &e) &&
              stand(v, &a, id, buf_view(&text), &live, &standing, &e);
    if (ok && live.version_seq)
        scenario_status(v, &a, id, &status);
    if (v)
        view_close(v); /* the check takes its time */
    if (ok && standing == SAME && status.state == SCENARIO_MISSING)
        standing = NEWER; /* it is back */
    struct publish p = {.command = {.apply = apply_publish},
                        .p = {.id = id,
                              .text = buf_view(&text),
                              .kind = SPAN("file"),
                              .author = author,
                              .reason = reason}};
    if (ok && standing == PARTED)
        tell_difference(live.text, buf_view(&text), &e, &line);
    else if (ok && standing == SAME)
        out->unchanged++;
    else if (ok)
        publish(in, &a, &live, &p, out, &e);
    if (e.code)
        refuse(out, id, line, e.text);
    buf_free(&text);
    arena_free(&a);
}

struct missing {
    struct command command;
    struct span id;
};

static bool apply_missing(struct command *c, struct txn *t, struct err *e)
{
    return scenario_missing(t, ((struct missing *)c)->id, e);
}

/* Scenarios whose file is no longer there stand still until it is back. */
static bool mark_missing(struct importer *in, struct dirent **files, int count, struct err *e)
{
    struct arena a = {0};
    const struct span *ids;
    struct view *v = view_open(in->store, e);
    if (!v)
        return false;
    size_t known = scenario_list(v, &a, &ids, e);
    bool *gone = arena_alloc(&a, known + 1);
    for (size_t i = 0; i < known; i++) {
        struct scenario_status status;
        scenario_status(v, &a, ids[i], &status);
        gone[i] = status.state != SCENARIO_MISSING;
        for (int f = 0; f < count && gone[i]; f++) {
            struct span name = span_of(files[f]->d_name);
            gone[i] = !span_eq((struct span){name.p, name.n - 4}, ids[i]);
        }
    }
    view_close(v);
    bool ok = true;
    for (size_t i = 0; i < known && ok; i++) {
        struct missing m = {{.apply = apply_missing}, ids[i]};
        ok = !gone[i] || import_write(in, &m.command, e);
    }
    arena_free(&a);
    return ok;
}

static int is_script(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".lua") == 0;
}

bool import_scenarios(struct importer *in, struct span author, struct span reason,
                      struct import_result *out, struct err *e)
{
    struct dirent **files = NULL;
    *out = (struct import_result){0};
    int count = scandir(in->scenarios_dir, &files, is_script, alphasort);
    if (count < 0)
        return err_set(e, ERR_MISSING, "读不了场景目录 %s：%s", in->scenarios_dir,
                       strerror(errno));
    buf_char(&out->changed, '[');
    buf_char(&out->refused, '[');
    for (int i = 0; i < count; i++) {
        struct span id = span_of(files[i]->d_name);
        id.n -= 4;
        if (import_is_id(id))
            import_one(in, id, author, reason, out);
        else
            refuse(out, id, 0, "文件名要用小写字母、数字和下划线，以字母开头");
    }
    bool ok = mark_missing(in, files, count, e);
    buf_char(&out->changed, ']');
    buf_char(&out->refused, ']');
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    return ok;
}

void import_result_free(struct import_result *r)
{
    buf_free(&r->changed);
    buf_free(&r->refused);
}
