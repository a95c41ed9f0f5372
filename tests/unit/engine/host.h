/* What tests of the engine stand on: the office's own files, read once, and scripts told as cases. Programs
 * run from the root of the checkout. */
#ifndef WY_TESTS_ENGINE_HOST_H
#define WY_TESTS_ENGINE_HOST_H

#include "unit.h"

#include "domain/street.h"
#include "engine/case.h"
#include "engine/engine.h"
#include "engine/evaluate.h"
#include "engine/sandbox.h"
#include "engine/shape.h"
#include "util/arena.h"
#include "util/json.h"

static struct sandbox_modules host_modules;
static struct street *host_street;
static struct buf host_records, host_org, host_calendar; /* as JSON */
static struct case_bench *host_bench;

static const struct json_limits host_wide = {
    .bytes = 64u << 20, .depth = 32, .keys = 100000, .string = 1 << 20};

static inline void host_part(struct buf *out, const struct json *all, const char *name)
{
    struct json_w w = json_w_begin(out);
    json_w_value(&w, json_get(all, name));
    json_w_end(&w);
}

static inline void host_open(void)
{
    struct err e = {0};
    struct buf office = {0};
    struct arena a = {0};
    if (host_street)
        return;
    if (!sandbox_modules_read(&host_modules, "scripts", &e) ||
        !engine_office("scripts", &office, &e))
        fail_msg("%s", e.text);
    const struct json *all = json_parse(&a, buf_view(&office), &host_wide, NULL, &e);
    host_part(&host_records, all, "records");
    host_part(&host_org, all, "org");
    host_part(&host_calendar, all, "calendar");
    host_street =
        street_make(buf_view(&host_records), buf_view(&host_org), buf_view(&host_calendar), &e);
    if (!host_street)
        fail_msg("%s", e.text);
    arena_free(&a);
    buf_free(&office);
}

static inline void host_close(void)
{
    case_bench_close(host_bench);
    host_bench = NULL;
    if (host_street)
        street_unref(host_street);
    host_street = NULL;
    sandbox_modules_free(&host_modules);
    buf_free(&host_records);
    buf_free(&host_org);
    buf_free(&host_calendar);
}

/* The manifest of a script as JSON text; the test fails if the script does not pass the check. */
static inline void host_manifest(const char *id, const char *text, struct buf *out)
{
    struct arena a = {0};
    struct err e = {0};
    struct shape shape = {0};
    host_open();
    if (!shape_check(&a, host_street, &host_modules, span_of(id), span_of(text), SPAN_NONE,
                     &shape, &e))
        fail_msg("%s", e.text);
    struct json_w w = json_w_begin(out);
    json_w_value(&w, shape.manifest ? shape.manifest : shape.problems);
    json_w_end(&w);
    if (!shape.manifest)
        fail_msg("script %s: %.*s", id, (int)out->n, out->p);
    arena_free(&a);
}

/* Tell one case to a script; `why` gets what differs. */
static inline bool host_try(const char *text, const char *one, struct buf *why)
{
    struct buf manifest = {0};
    struct arena a = {0};
    struct err e = {0};
    host_manifest("probe", text, &manifest);
    if (!host_bench)
        host_bench = case_bench_open(&e);
    assert_non_null(host_bench);
    struct case_script s = {.id = SPAN("probe"),
                            .text = span_of(text),
                            .manifest = buf_view(&manifest),
                            .street = host_street,
                            .modules = &host_modules};
    const struct json *json = json_parse(&a, span_of(one), &host_wide, NULL, &e);
    if (!json)
        fail_msg("case: %s", e.text);
    bool ok = case_run(host_bench, &s, json, why);
    buf_free(&manifest);
    arena_free(&a);
    return ok;
}

static inline void host_expect(const char *text, const char *one)
{
    struct buf why = {0};
    if (!host_try(text, one, &why))
        fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
}

/* The case must fail, and say this. */
static inline void host_refuse(const char *text, const char *one, const char *words)
{
    struct buf why = {0};
    assert_false(host_try(text, one, &why));
    buf_char(&why, 0);
    if (!strstr(why.p, words))
        fail_msg("said instead: %s", why.p);
    buf_free(&why);
}

/* Around handlers: what every script needs beside them. */
#define HOST_SCRIPT(fields)                                                                     \
    "local calendar = require 'std.calendar'\n"                                                 \
    "return { title = '试验', office = 'regional_dev', life = {},\n" fields                     \
    "\n  examples = {\n"                                                                        \
    "    { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = { { key = "     \
    "'k', level = 'red' } } },\n"                                                               \
    "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} },\n  } " \
    "}\n"

#endif
