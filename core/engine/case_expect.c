#include "engine/case_impl.h"

#include <stdarg.h>
#include <stdio.h>

#include "domain/alert.h"
#include "engine/instance.h"
#include "store/version.h"
#include "util/json.h"

enum { DIFFERENCES_MAX = 10 };

static const struct json *wanted(const struct case_play *p, const struct json *expect,
                                 struct span key)
{
    for (size_t i = 0; i < json_count(expect); i++)
        if (span_eq(case_form_key(p->in->scenario.id,
                                  json_string(json_get(json_item(expect, i), "key"))),
                    key))
            return json_item(expect, i);
    return NULL;
}

/* One difference; the first ones are told. */
__attribute__((format(printf, 3, 4))) static void differ(struct case_play *p, int *count,
                                                         const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (++*count <= DIFFERENCES_MAX)
        case_fail(p, "%s", text);
}

bool case_compare(struct case_play *p, const struct json *expect)
{
    struct alert_scan *s = alert_scan_open(p->view, p->in->scenario.id, SEQ_LATEST);
    size_t n = json_count(expect), found = 0;
    /* with one kind of alert its name is the script's own affair */
    bool named = json_count(json_get(p->in->scenario.manifest, "life")) > 1;
    bool *met = arena_alloc(&p->arena, n + 1);
    struct alert al;
    struct err e = {0};
    int bad = 0;
    while (alert_scan_next(s, &p->arena, &al, &e)) {
        if (!alert_is_open(&al))
            continue;
        const struct json *want = wanted(p, expect, al.key);
        if (!want) {
            differ(p, &bad, "多出告警 %.*s（%s %.*s）：%.*s", SPAN_ARG(al.key),
                   alert_level_name(al.level), SPAN_ARG(al.kind), SPAN_ARG(al.title));
            continue;
        }
        met[want - json_item(expect, 0)] = true;
        found++;
        struct span level = json_string(json_get(want, "level"));
        struct span kind = json_string(json_get(want, "kind"));
        if (level.p && !span_eq(level, span_of(alert_level_name(al.level))))
            differ(p, &bad, "告警 %.*s 的级别应为 %.*s，现在是 %s", SPAN_ARG(al.key),
                   SPAN_ARG(level), alert_level_name(al.level));
        if (kind.n && named && !span_eq(kind, al.kind))
            differ(p, &bad, "告警 %.*s 的种类应为 %.*s，现在是 %.*s", SPAN_ARG(al.key),
                   SPAN_ARG(kind), SPAN_ARG(al.kind));
    }
    alert_scan_close(s);
    if (e.code != ERR_NONE && e.code != ERR_MISSING)
        return case_fail(p, "%s", e.text);
    for (size_t i = 0; i < n && found < n; i++) {
        struct span key = json_string(json_get(json_item(expect, i), "key"));
        struct span level = json_string(json_get(json_item(expect, i), "level"));
        if (!met[i])
            differ(p, &bad, "缺少告警 %.*s（%.*s）", SPAN_ARG(key), SPAN_ARG(level));
    }
    if (bad > DIFFERENCES_MAX)
        case_fail(p, "……共 %d 处不同", bad);
    return bad == 0;
}
