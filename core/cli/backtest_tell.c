/* The result of a backtest in words and in cells. */
#include <stdio.h>
#include <string.h>

#include "cli/question.h"
#include "util/json.h"

static const struct json_limits wide = {
    .bytes = 256u << 20, .depth = 32, .keys = 4096, .string = 1 << 20};

static long long number(const struct json *o, const char *name)
{
    int64_t n = 0;
    json_int(json_get(o, name), &n);
    return (long long)n;
}

static const char *level_word(const struct json *o)
{
    static const char *const words[][2] = {
        {"red", "红"}, {"orange", "橙"}, {"yellow", "黄"}, {"blue", "蓝"}};
    struct span level = json_string(json_get(o, "level"));
    for (size_t i = 0; i < 4; i++)
        if (span_eq(level, span_of(words[i][0])))
            return words[i][1];
    return "";
}

/* "2026-03-01T08:00:00+08:00" → "2026-03-01 08:00" */
static void put_time(struct buf *b, const struct json *o, const char *name)
{
    struct span t = json_string(json_get(o, name));
    if (t.n >= 16)
        buf_printf(b, "%.10s %.5s", t.p, t.p + 11);
}

/* --- text ----------------------------------------------------------------------------------------------------- */

static void put_groups(struct buf *b, const char *title, const struct json *list,
                       const char *id)
{
    if (!json_count(list))
        return;
    buf_printf(b, "%s\n", title);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *g = json_item(list, i);
        const char *name = json_cstr(json_get(g, "name"), "");
        if (!*name)
            name = json_cstr(json_get(g, id), "");
        buf_printf(b, "  %s：相同 %lld，多报 %lld，少报 %lld，变动 %lld\n",
                   *name ? name : "不分社区", number(g, "same"), number(g, "gained"),
                   number(g, "lost"), number(g, "moved"));
    }
}

static void put_side(struct buf *b, const struct json *side)
{
    put_time(b, side, "at");
    buf_printf(b, " %s", level_word(side));
}

static void put_hangs(struct buf *b, const struct json *item)
{
    static const char *const words[][2] = {{"version", "那时是别的版本"},
                                           {"not_live_yet", "那时还没有启用"},
                                           {"people", "办理情况对不上"}};
    const struct json *list = json_get(item, "hangs_on");
    for (size_t i = 0; i < json_count(list); i++)
        for (size_t k = 0; k < 3; k++)
            if (span_eq(json_string(json_item(list, i)), span_of(words[k][0])))
                buf_printf(b, "（%s）", words[k][1]);
}

static void put_items(struct buf *b, const char *title, const struct json *list,
                      long long total)
{
    if (!total)
        return;
    buf_printf(b, "%s %lld 条\n", title, total);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *x = json_item(list, i), *live = json_get(x, "live");
        buf_str(b, "  ");
        put_side(b, live ? live : x);
        if (live) {
            buf_str(b, " → ");
            put_side(b, json_get(x, "draft"));
        }
        buf_printf(b, " %s %s", json_cstr(json_get(x, "key"), ""),
                   json_cstr(json_get(x, "title"), ""));
        put_hangs(b, x);
        buf_char(b, '\n');
    }
    if (total > (long long)json_count(list))
        buf_printf(b, "  …… 还有 %lld 条\n", total - (long long)json_count(list));
}

static void put_faults(struct buf *b, const struct json *r)
{
    const struct json *list = json_get(r, "faults");
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *f = json_item(list, i);
        buf_printf(b, "出错：第 %lld 行（%s %s）：%s\n", number(f, "line"),
                   json_cstr(json_get(f, "type"), ""), json_cstr(json_get(f, "key"), ""),
                   json_cstr(json_get(f, "message"), ""));
    }
    if (!json_bool(json_get(r, "complete"), true))
        buf_str(b, "出错太多，没有做完\n");
}

static void put_conditions(struct buf *b, const struct json *r)
{
    const struct json *acts = json_get(r, "acts"), *versions = json_get(r, "versions");
    if (number(acts, "nowhere") + number(acts, "other"))
        buf_printf(b,
                   "人员的办理：%lld 次照旧，%lld 次落在另一时刻报出的同一告警上，%lld "
                   "次没有可落的告警\n",
                   number(acts, "same"), number(acts, "other"), number(acts, "nowhere"));
    if (json_count(versions) < 2)
        return;
    buf_str(b, "这段时间里换过版本：");
    for (size_t i = 0; i < json_count(versions); i++) {
        buf_printf(b, "%s第 %lld 版（", i ? "，" : "",
                   number(json_item(versions, i), "number"));
        put_time(b, json_item(versions, i), "at");
        buf_str(b, " 起）");
    }
    buf_char(b, '\n');
}

void backtest_tell(struct span result, struct buf *b)
{
    struct arena a = {0};
    const struct json *r = json_parse(&a, result, &wide, NULL, NULL);
    const struct json *t = json_get(r, "totals");
    buf_printf(b, "%s（%s）：", json_cstr(json_get(r, "title"), ""),
               json_cstr(json_get(r, "scenario"), ""));
    put_time(b, r, "from");
    buf_str(b, " 至 ");
    put_time(b, r, "to");
    buf_str(b, json_bool(json_get(r, "draft"), false) ? "，草稿与现行版本相比\n"
                                                      : "，现行版本重做一遍\n");
    buf_printf(b, "看了日志 %lld 条，判断 %lld 次，数据不全 %lld 次\n", number(r, "entries"),
               number(r, "runs"), number(r, "unknown"));
    buf_printf(b,
               "那时报出 %lld 条，现在报出 %lld 条：相同 %lld，多报 %lld，少报 %lld，时间或级"
               "别变动 %lld\n",
               number(t, "live"), number(t, "draft"), number(t, "same"), number(t, "gained"),
               number(t, "lost"), number(t, "moved"));
    put_groups(b, "按科室", json_get(r, "offices"), "id");
    put_groups(b, "按社区", json_get(r, "communities"), "id");
    put_groups(b, "按周", json_get(r, "weeks"), "week");
    put_items(b, "多报", json_get(r, "gained"), number(t, "gained"));
    put_items(b, "少报", json_get(r, "lost"), number(t, "lost"));
    put_items(b, "变动", json_get(r, "moved"), number(t, "moved"));
    put_faults(b, r);
    put_conditions(b, r);
    arena_free(&a);
}

/* --- CSV ------------------------------------------------------------------------------------------------------ */

/* A cell that a spreadsheet would take for a formula gets a quote in front. */
static void put_cell(struct buf *b, struct span s, bool last)
{
    bool formula = s.n && (strchr("=+-@\t\r", s.p[0]) || span_starts(s, SPAN("＝")) ||
                           span_starts(s, SPAN("＋")) || span_starts(s, SPAN("＠")));
    buf_str(b, formula ? "\"'" : "\"");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_char(b, '"');
        buf_char(b, s.p[i]);
    }
    buf_str(b, last ? "\"\r\n" : "\",");
}

static void put_list(struct buf *b, const struct json *list, bool last)
{
    struct buf all = {0};
    for (size_t i = 0; i < json_count(list); i++) {
        buf_str(&all, i ? ";" : "");
        buf_span(&all, json_string(json_item(list, i)));
    }
    put_cell(b, buf_view(&all), last);
    buf_free(&all);
}

static void put_row(struct buf *b, const char *change, const struct json *x)
{
    bool lost = strcmp(change, "lost") == 0;
    const struct json *live = json_get(x, "live"), *draft = json_get(x, "draft");
    if (!live && lost)
        live = x;
    if (!draft && !lost)
        draft = x;
    put_cell(b, span_of(change), false);
    put_cell(b, json_string(json_get(x, "key")), false);
    put_cell(b, json_string(json_get(x, "kind")), false);
    put_cell(b, json_string(json_get(live, "level")), false);
    put_cell(b, json_string(json_get(live, "at")), false);
    put_cell(b, json_string(json_get(live, "id")), false);
    put_cell(b, json_string(json_get(draft, "level")), false);
    put_cell(b, json_string(json_get(draft, "at")), false);
    put_cell(b, json_string(json_get(x, "office")), false);
    put_list(b, json_get(x, "communities"), false);
    put_cell(b, json_string(json_get(x, "title")), false);
    put_list(b, json_get(x, "hangs_on"), true);
}

void backtest_csv(struct span result, struct buf *b)
{
    static const char *const kinds[] = {"gained", "lost", "moved"};
    struct arena a = {0};
    const struct json *r = json_parse(&a, result, &wide, NULL, NULL);
    buf_str(b, "\xEF\xBB\xBF" /* spreadsheets take it for UTF-8 then */
               "change,key,kind,live_level,live_at,live_id,draft_level,draft_at,office,"
               "communities,title,hangs_on\r\n");
    for (int k = 0; k < 3; k++) {
        const struct json *list = json_get(r, kinds[k]);
        for (size_t i = 0; i < json_count(list); i++)
            put_row(b, kinds[k], json_item(list, i));
    }
    arena_free(&a);
}
