#include "cli/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/import_impl.h"
#include "domain/street.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/child.h"
#include "util/json.h"

enum { OFFICE_MAX = 16 << 20, CHECK_MS = 60000 };

bool import_write(struct importer *in, struct command *c, struct err *e)
{
    return in->writer ? writer_call(in->writer, c, e) : store_apply(in->store, c, e);
}

/* Run ourselves; an exit code other than 0 is an error with what the child said last. */
static bool run_self(struct child_run *r, struct err *e)
{
    if (!child_run(r, e))
        return false;
    if (r->exit_code == 0)
        return true;
    struct span said = span_trim(buf_view(&r->errors));
    if (span_starts(said, SPAN("wangyi: ")))
        said = (struct span){said.p + 8, said.n - 8};
    return err_set(e, ERR_SCRIPT, "%.*s", SPAN_ARG(said));
}

struct office {
    struct command command;
    struct span records, org, calendar;
    bool changed;
};

static bool apply_office(struct command *c, struct txn *t, struct err *e)
{
    struct office *o = (struct office *)c;
    return street_import(t, o->records, o->org, o->calendar, &o->changed, e);
}

/* The members' own texts, as they stand. */
static bool split_office(struct span text, struct arena *a, struct office *o, struct err *e)
{
    struct json_scan s;
    struct span name;
    struct json_value value;
    const struct json_limits limits = {.bytes = OFFICE_MAX, .keys = 4096, .string = 1 << 20};
    if (!json_scan_open(&s, a, text, &limits, e))
        return false;
    while (json_scan_next(&s, &name, &value, e)) {
        if (span_eq(name, SPAN("records")))
            o->records = value.raw;
        else if (span_eq(name, SPAN("org")))
            o->org = value.raw;
        else if (span_eq(name, SPAN("calendar")))
            o->calendar = value.raw;
    }
    return !s.failed;
}

bool import_office(struct importer *in, bool *changed, struct err *e)
{
    const char *argv[] = {cli_self(), "engine", "office", "--scripts", in->scripts_dir, NULL};
    struct child_run child = {.argv = argv, .limit_ms = CHECK_MS, .output_max = OFFICE_MAX};
    struct office o = {.command = {.apply = apply_office}};
    struct arena a = {0};
    bool ok = run_self(&child, e) && split_office(buf_view(&child.output), &a, &o, e) &&
              import_write(in, &o.command, e);
    *changed = o.changed;
    arena_free(&a);
    child_free(&child);
    return ok;
}

bool import_is_id(struct span id)
{
    if (id.n == 0 || id.n > 64 || id.p[0] < 'a' || id.p[0] > 'z')
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

bool import_check(const char *scripts_dir, struct span id, struct span text, struct span values,
                  struct buf *json, struct err *e)
{
    char name[65], *given = NULL;
    if (!import_is_id(id))
        return err_set(e, ERR_INPUT,
                       "场景编号只能用小写字母、数字和下划线，以字母开头，至多 64 个字符");
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(id));
    if (values.n && asprintf(&given, "%.*s", SPAN_ARG(values)) < 0)
        return err_set(e, ERR_SYSTEM, "内存不足");
    const char *argv[] = {cli_self(),
                          "engine",
                          "check",
                          name,
                          "--scripts",
                          scripts_dir,
                          given ? "--values" : NULL,
                          given,
                          NULL};
    struct child_run child = {.argv = argv, .input = text, .limit_ms = CHECK_MS};
    bool ok = run_self(&child, e);
    if (ok)
        buf_span(json, buf_view(&child.output));
    child_free(&child);
    free(given);
    return ok;
}
