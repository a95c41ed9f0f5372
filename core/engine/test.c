/*
 * `wangyi test`: the examples in scenario files, or the cases of an NDJSON file, through the real host
 * (engine/case). One line each; then, by scenario, the lines of its handlers that no example has reached.
 */
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/street.h"
#include "engine/case.h"
#include "engine/coverage.h"
#include "engine/sandbox.h"
#include "engine/shape.h"
#include "util/arena.h"
#include "util/json.h"
#include "util/mem.h"

enum { LINES_MAX = 20000, SCRIPT_MAX = 256 * 1024 };

static const struct json_limits wide = {
    .bytes = 256u << 20, .depth = 32, .keys = 1u << 20, .string = 1u << 20};

/* A scenario's file, checked. Its lines are counted while cases run. */
struct script {
    struct case_script run;
    struct buf text;
    char id[128];
    unsigned char *ran;     /* by line */
    unsigned char *checked; /* by line: bit 0 a named check there failed, bit 1 one held */
    int passed, failed;
    struct script *next;
};

struct tests {
    const struct engine_test *options;
    struct buf *out;
    struct sandbox_modules modules;
    struct street *street;
    struct case_bench *bench;
    struct arena arena; /* manifests */
    struct script *scripts;
    size_t line; /* of the file of cases; 0: an example */
    int passed, failed;
};

/* --- what is tested ------------------------------------------------------------------------------------ */

static bool read_file(const char *path, struct buf *out, struct err *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return err_set(e, ERR_MISSING, "读不了 %s：%s", path, strerror(errno));
    size_t n;
    do {
        n = fread(buf_space(out, 64 * 1024), 1, 64 * 1024, f);
        out->n += n;
    } while (n > 0);
    bool ok = !ferror(f);
    fclose(f);
    return ok ? true : err_set(e, ERR_SYSTEM, "读不了 %s", path);
}

static bool load_street(struct tests *t, struct err *e)
{
    struct buf office = {0}, records = {0}, org = {0}, calendar = {0};
    struct arena a = {0};
    bool ok = engine_office(t->options->scripts_dir, &office, e);
    const struct json *all = ok ? json_parse(&a, buf_view(&office), &wide, NULL, e) : NULL;
    if (all) {
        struct json_w w = json_w_begin(&records);
        json_w_value(&w, json_get(all, "records"));
        w = json_w_begin(&org);
        json_w_value(&w, json_get(all, "org"));
        w = json_w_begin(&calendar);
        json_w_value(&w, json_get(all, "calendar"));
        t->street = street_make(buf_view(&records), buf_view(&org), buf_view(&calendar), e);
    }
    buf_free(&office);
    buf_free(&records);
    buf_free(&org);
    buf_free(&calendar);
    arena_free(&a);
    return t->street != NULL;
}

static void ran_line(void *ctx, int line)
{
    struct script *s = ctx;
    if (line > 0 && line < LINES_MAX)
        s->ran[line] = 1;
}

static void checked_line(void *ctx, int line, bool pass)
{
    struct script *s = ctx;
    if (line > 0 && line < LINES_MAX)
        s->checked[line] |= pass ? 2 : 1;
}

static void put_problems(const struct json *problems, struct err *e)
{
    const struct json *first = json_item(problems, 0);
    int64_t line = 0;
    json_int(json_get(first, "line"), &line);
    err_set(e, ERR_SCRIPT, "第 %lld 行：%s", (long long)line,
            json_cstr(json_get(first, "message"), "没有通过检查"));
}

/* NULL with *e if the file is missing or does not pass the check. */
static struct script *script_of(struct tests *t, struct span id, struct err *e)
{
    for (struct script *s = t->scripts; s; s = s->next)
        if (span_eq(span_of(s->id), id))
            return s;
    for (size_t i = 0; i < id.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
                    id.p[i])) {
            err_set(e, ERR_INPUT, "场景编号 %.*s 写错了", SPAN_ARG(id));
            return NULL;
        }
    struct script *s = mem_alloc(sizeof *s);
    snprintf(s->id, sizeof s->id, "%.*s", SPAN_ARG(id));
    const char *path = arena_printf(&t->arena, "%s/%s.lua", t->options->scenarios_dir, s->id);
    struct shape shape = {0};
    struct buf manifest = {0};
    if (read_file(path, &s->text, e) &&
        shape_check(&t->arena, t->street, &t->modules, span_of(s->id), buf_view(&s->text),
                    SPAN_NONE, &shape, e) &&
        !shape.manifest)
        put_problems(shape.problems, e);
    if (!shape.manifest) {
        buf_free(&s->text);
        mem_free(s);
        return NULL;
    }
    struct json_w w = json_w_begin(&manifest);
    json_w_value(&w, shape.manifest);
    s->ran = mem_alloc(LINES_MAX);
    s->checked = mem_alloc(LINES_MAX);
    s->run = (struct case_script){.id = span_of(s->id),
                                  .text = buf_view(&s->text),
                                  .street = t->street,
                                  .modules = &t->modules,
                                  .line = ran_line,
                                  .check = checked_line,
                                  .ctx = s,
                                  .manifest = arena_span(&t->arena, buf_view(&manifest))};
    buf_free(&manifest);
    s->next = t->scripts;
    t->scripts = s;
    return s;
}

/* --- telling --------------------------------------------------------------------------------------------- */

static void tell(struct tests *t, struct span scenario, struct span name, bool ok,
                 struct span why)
{
    *(ok ? &t->passed : &t->failed) += 1;
    if (t->options->json) {
        struct json_w w = json_w_begin(t->out);
        json_w_object(&w);
        json_w_kspan(&w, "scenario", scenario);
        json_w_kspan(&w, "name", name);
        if (t->line)
            json_w_kint(&w, "line", (int64_t)t->line);
        json_w_kbool(&w, "ok", ok);
        json_w_kspan(&w, "message", why);
        json_w_object_end(&w);
        buf_char(t->out, '\n');
        return;
    }
    if (ok && (!t->options->verbose || t->options->table))
        return;
    buf_printf(t->out, "%s %.*s: ", ok ? "ok  " : "FAIL", SPAN_ARG(scenario));
    if (t->line)
        buf_printf(t->out, "第 %zu 行 ", t->line);
    buf_printf(t->out, "%.*s\n", SPAN_ARG(name));
    while (!ok && why.p && why.n) {
        struct span line = span_split(&why, '\n');
        buf_printf(t->out, "     %.*s\n", SPAN_ARG(line));
    }
}

static void run_one(struct tests *t, struct script *s, const struct json *one)
{
    struct buf why = {0};
    bool ok = case_run(t->bench, &s->run, one, &why);
    *(ok ? &s->passed : &s->failed) += 1;
    tell(t, span_of(s->id), json_string(json_get(one, "name")), ok, buf_view(&why));
    buf_free(&why);
}

/* --- lines that nothing reached ---------------------------------------------------------------------- */

struct reached {
    int lines, missed; /* lines of code in handlers; those that never ran */
    int sides, seen;   /* of lines with named checks: held and failed count one each */
    struct buf list;   /* the missed ones */
};

static bool has_check(struct span line)
{
    static const char call[] = ":check";
    return memmem(line.p, line.n, call, sizeof call - 1) != NULL;
}

static void reached(struct script *s, struct reached *out)
{
    unsigned char *lines = mem_alloc(LINES_MAX);
    struct span rest = s->run.text;
    if (coverage_lines(&s->run, lines, LINES_MAX))
        for (int i = 1; i < LINES_MAX && rest.p; i++) {
            struct span line = span_split(&rest, '\n');
            if (!lines[i] && !s->ran[i]) /* functions made on the way count once they ran */
                continue;
            out->lines++;
            if (!s->ran[i])
                buf_printf(&out->list, "%s%d", out->missed++ ? " " : "", i);
            if (has_check(line)) {
                out->sides += 2;
                out->seen += (s->checked[i] & 1) + (s->checked[i] >> 1);
            }
        }
    mem_free(lines);
}

static void tell_row(struct tests *t, struct script *s)
{
    struct reached r = {0};
    struct arena a = {0};
    const struct json *m = json_parse(&a, s->run.manifest, &wide, NULL, NULL);
    struct span office = json_string(json_get(m, "office"));
    reached(s, &r);
    buf_printf(t->out, "| `%s` %s | %s | %s | %d | %d/%d | %d/%d |\n", s->id,
               json_cstr(json_get(m, "title"), ""), street_office_name(t->street, office, "—"),
               json_cstr(json_get(m, "shape"), "—"), s->passed + s->failed, r.lines - r.missed,
               r.lines, r.seen, r.sides);
    buf_free(&r.list);
    arena_free(&a);
}

static void tell_lines(struct tests *t, struct script *s)
{
    struct reached r = {0};
    reached(s, &r);
    if (t->options->json) {
        struct json_w w = json_w_begin(t->out);
        json_w_object(&w);
        json_w_kstr(&w, "scenario", s->id);
        json_w_kint(&w, "lines", r.lines);
        json_w_kint(&w, "reached", r.lines - r.missed);
        json_w_kspan(&w, "missed", buf_view(&r.list));
        json_w_kint(&w, "sides", r.sides);
        json_w_kint(&w, "seen", r.seen);
        json_w_object_end(&w);
        buf_char(t->out, '\n');
    } else {
        buf_printf(t->out, "%-28s %3d passed, %d failed, checks %d/%d, lines %d/%d%s%.*s\n",
                   s->id, s->passed, s->failed, r.seen, r.sides, r.lines - r.missed, r.lines,
                   r.missed ? ", not reached: " : "", (int)r.list.n, r.list.n ? r.list.p : "");
    }
    buf_free(&r.list);
}

/* --- examples, cases ------------------------------------------------------------------------------------------ */

static void test_script(struct tests *t, struct span id)
{
    struct err e = {0};
    struct buf json = {0};
    struct arena a = {0};
    struct script *s = script_of(t, id, &e);
    const struct json *list = NULL;
    if (s && case_examples(&s->run, &json, &e))
        list = json_parse(&a, buf_view(&json), &wide, NULL, &e);
    if (!list)
        tell(t, id, SPAN("装入"), false, span_of(e.text));
    for (size_t i = 0; i < json_count(list); i++)
        run_one(t, s, json_item(list, i));
    buf_free(&json);
    arena_free(&a);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool test_folder(struct tests *t, struct err *e)
{
    DIR *d = opendir(t->options->scenarios_dir);
    char **names = NULL;
    size_t n = 0;
    if (!d)
        return err_set(e, ERR_MISSING, "没有目录 %s", t->options->scenarios_dir);
    for (struct dirent *f; (f = readdir(d));) {
        size_t length = strlen(f->d_name);
        if (length < 5 || strcmp(f->d_name + length - 4, ".lua") != 0 || f->d_name[0] == '.')
            continue;
        names = mem_array(names, n + 1, sizeof *names);
        names[n] = mem_strdup(f->d_name);
        names[n++][length - 4] = 0;
    }
    closedir(d);
    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        test_script(t, span_of(names[i]));
        mem_free(names[i]);
    }
    mem_free(names);
    return n > 0 ? true : err_set(e, ERR_MISSING, "%s 里没有场景", t->options->scenarios_dir);
}

static void test_line(struct tests *t, struct span line)
{
    struct arena a = {0};
    struct err e = {0};
    const struct json *one = json_parse(&a, line, &wide, NULL, &e);
    struct span id = json_string(json_get(one, "scenario"));
    struct script *s = NULL;
    if (one && !id.n)
        err_set(&e, ERR_INPUT, "缺少 scenario");
    else if (one)
        s = script_of(t, id, &e);
    if (s) {
        run_one(t, s, one);
    } else {
        tell(t, id.n ? id : SPAN("?"), json_string(json_get(one, "name")), false,
             span_of(e.text));
    }
    arena_free(&a);
}

static bool test_cases(struct tests *t, struct err *e)
{
    struct buf text = {0};
    bool ok = read_file(t->options->cases, &text, e);
    struct span rest = buf_view(&text);
    if (rest.n >= 3 && memcmp(rest.p, "\xEF\xBB\xBF", 3) == 0) /* editors put it there */
        rest = (struct span){rest.p + 3, rest.n - 3};
    while (ok && rest.p && rest.n) {
        struct span line = span_trim(span_split(&rest, '\n'));
        t->line++;
        if (line.n)
            test_line(t, line);
    }
    buf_free(&text);
    return ok;
}

static bool test_all(struct tests *t, struct err *e)
{
    const struct engine_test *o = t->options;
    if (o->cases)
        return test_cases(t, e);
    for (int i = 0; i < o->id_count; i++)
        test_script(t, span_of(o->ids[i]));
    return o->id_count > 0 || test_folder(t, e);
}

static void tell_end(struct tests *t)
{
    struct script *list = NULL;
    while (t->scripts) { /* back into the order in which they were met */
        struct script *s = t->scripts;
        t->scripts = s->next;
        s->next = list;
        list = s;
    }
    if (t->options->table)
        buf_str(
            t->out,
            "| scenario | office | shape | examples | lines reached | checks seen both ways |\n"
            "| --- | --- | --- | --- | --- | --- |\n");
    while (list) {
        struct script *s = list;
        list = s->next;
        if (t->options->table)
            tell_row(t, s);
        else
            tell_lines(t, s);
        buf_free(&s->text);
        mem_free(s->ran);
        mem_free(s->checked);
        mem_free(s);
    }
    if (t->options->table && !t->failed)
        return;
    buf_printf(t->out,
               t->options->json ? "{\"passed\":%d,\"failed\":%d}\n" : "%d passed, %d failed\n",
               t->passed, t->failed);
}

int engine_test(const struct engine_test *o, struct buf *out, struct err *e)
{
    struct tests t = {.options = o, .out = out};
    bool ok = sandbox_modules_read(&t.modules, o->scripts_dir, e) && load_street(&t, e) &&
              (t.bench = case_bench_open(e)) && test_all(&t, e);
    if (ok)
        tell_end(&t);
    for (struct script *s = t.scripts; s;) {
        struct script *next = s->next;
        buf_free(&s->text);
        mem_free(s->ran);
        mem_free(s->checked);
        mem_free(s);
        s = next;
    }
    case_bench_close(t.bench);
    if (t.street)
        street_unref(t.street);
    sandbox_modules_free(&t.modules);
    arena_free(&t.arena);
    return ok ? t.failed : -1;
}
