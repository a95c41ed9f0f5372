#include "engine/explain.h"

#include <stdio.h>
#include <string.h>

#include "domain/alert.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/row.h"
#include "domain/street.h"
#include "engine/api.h"
#include "engine/case_impl.h"
#include "engine/explain_impl.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/mem.h"

enum { LAG_ENTRIES = 4096, VERSIONS_MAX = 200, PATIENCE_US = 200 * 1000 };

/* In rising order of what they say. */
enum explain_answer { NOT_JUDGED, QUIET, SUPPRESSED, HELD, UNKNOWN, FIRED, FAULT };
static const char *const answer_names[] = {"not_judged", "quiet", "suppressed", "held",
                                           "unknown",    "fired", "fault"};

/* --- the version in force ------------------------------------------------------------------------------------- */

/* False with ERR_MISSING if there was none yet. */
static bool version_at(struct explain *x, uint64_t seq, uint64_t *version, struct err *e)
{
    struct entry list[VERSIONS_MAX];
    struct arena a = {0};
    size_t n = 0;
    struct span key = key_of1(&a, x->request->id, e);
    bool ok = key.n && version_history(x->view, &a, ENTRY_VERSION, key, SEQ_LATEST, list,
                                       VERSIONS_MAX, &n, e);
    *version = 0;
    for (size_t i = 0; ok && i < n && !*version; i++) {
        const struct json *body = json_parse(&a, list[i].body, &case_wide, NULL, NULL);
        int64_t from = 0;
        if (json_int(json_get(body, "from_seq"), &from) && (uint64_t)from <= seq)
            *version = list[i].seq;
    }
    arena_free(&a);
    return ok && (*version || err_set(e, ERR_MISSING, "那时还没有启用这个场景"));
}

static bool load_version(struct explain *x, uint64_t seq, struct err *e)
{
    struct arena a = {0};
    struct scenario s;
    struct fault f = {0};
    uint64_t version;
    if (!version_at(x, seq, &version, e))
        return false;
    if (x->in && x->in->scenario.version_seq == version)
        return true;
    instance_free(x->in);
    x->in = NULL;
    if (!scenario_get(x->view, &a, x->request->id, version, &s, e)) {
        arena_free(&a);
        return false;
    }
    x->in = instance_new(x->street, x->modules, &a, &s, &f, e);
    return x->in || (f.text[0] ? err_set(e, ERR_SCRIPT, "%s", f.text) : false);
}

/* --- state as of the entry ------------------------------------------------------------------------------------- */

static void overlay_put(struct buf *b, struct span key, struct span value)
{
    uint32_t sizes[2] = {(uint32_t)key.n, (uint32_t)value.n};
    buf_put(b, sizes, sizeof sizes);
    buf_span(b, key);
    buf_span(b, value);
}

/* What earlier entries had set was committed a little behind this one, if the engine lagged. */
static bool read_lag(struct explain *x, uint64_t seq, struct err *e)
{
    struct arena a = {0};
    struct entry chunk[256];
    bool ok = true, end = false;
    uint64_t from = seq + 1, until = seq + LAG_ENTRIES;
    buf_clear(&x->overlay);
    while (ok && !end && from < until) {
        size_t n = 0;
        ok = journal_read(x->view, &a, from, chunk, 256, &n, e);
        for (size_t i = 0; ok && !end && i < n; i++) {
            struct span parts[2] = {SPAN_NONE, SPAN_NONE};
            const struct entry *one = &chunk[i];
            if ((one->type != ENTRY_STATE && one->type != ENTRY_ALERT) || !one->cause ||
                key_split(one->key, parts, 2) != 2 || !span_eq(parts[0], x->request->id))
                continue;
            end = one->cause >= seq;
            if (!end && one->type == ENTRY_STATE)
                overlay_put(&x->overlay, parts[1],
                            one->op == ENTRY_PUT ? one->body : SPAN_NONE);
        }
        end = end || n == 0;
        from += n;
        arena_reset(&a);
    }
    arena_free(&a);
    return ok;
}

static bool state_then(void *ctx, struct span key, struct span *value)
{
    struct explain *x = ctx;
    struct entry entry;
    bool found = false;
    *value = SPAN_NONE;
    for (size_t at = 0; at < x->overlay.n;) {
        uint32_t sizes[2];
        memcpy(sizes, x->overlay.p + at, sizeof sizes);
        at += sizeof sizes;
        if (span_eq((struct span){x->overlay.p + at, sizes[0]}, key)) {
            *value = (struct span){x->overlay.p + at + sizes[0], sizes[1]};
            found = true;
        }
        at += (size_t)sizes[0] + sizes[1];
    }
    struct span full = found ? SPAN_NONE : key_of2(&x->arena, x->request->id, key, NULL);
    if (full.n &&
        version_get(x->view, &x->arena, ENTRY_STATE, full, x->now->entry.seq, &entry, NULL) &&
        entry.op == ENTRY_PUT)
        *value = entry.body;
    return true;
}

/* --- looking on --------------------------------------------------------------------------------------------------- */

static size_t narrow(void *ctx, const struct type *over, struct record_where *out)
{
    struct explain *x = ctx;
    return explain_narrow(&x->subject, over, out);
}

static size_t unknown_count(const struct evaluation *ev)
{
    size_t n = 0;
    for (const struct unknown *u = ev->unknown; u; u = u->next)
        n += u->count;
    return n;
}

static void section_begins(struct explain *x, const struct evaluation *ev, bool in_subject)
{
    x->in_subject = in_subject;
    x->effects_from = ev->effects->count;
    x->unknown_from = unknown_count(ev);
}

static void begins(void *ctx, const struct evaluation *ev)
{
    struct explain *x = ctx;
    x->sections = false;
    section_begins(x, ev, true);
}

static bool holds(struct span text, struct span part)
{
    return part.n && text.n >= part.n && memmem(text.p, text.n, part.p, part.n);
}

/* Of a call that is about no subject by itself: did it read or tell of ours? */
static bool concerns(const struct explain *x, const struct evaluation *ev)
{
    struct span part = x->subject.parts[0];
    if (x->now->type || x->now->over || x->now->entry.type == ENTRY_WAKE)
        return true;
    for (size_t i = x->effects_from; i < ev->effects->count; i++)
        if (holds(ev->effects->items[i].key, part) ||
            holds(ev->effects->items[i].members, part))
            return true;
    for (const struct trace_read *r = ev->trace.first; r; r = r->next)
        if (holds(r->entry.key, part))
            return true;
    return false;
}

static void put_failed(struct json_w *w, const struct trace *t, const struct trace_check *c)
{
    struct buf text = {0};
    double by;
    trace_failed_sentence(t, c, &text);
    json_w_name(w, "failed");
    json_w_object(w);
    json_w_kspan(w, "label", c->label);
    json_w_kspan(w, "sentence", buf_view(&text));
    if (trace_missed_by(c, &by)) {
        json_w_name(w, "missed_by");
        json_w_real(w, by);
    }
    if (c->value.unit.n)
        json_w_kspan(w, "unit", c->value.unit);
    if (c->line)
        json_w_kint(w, "line", c->line);
    json_w_object_end(w);
    buf_free(&text);
}

/* The alert of this key as it was behind the entry. *open: it is. */
static void put_alert(struct explain *x, struct json_w *w, const struct effect *f, bool *open)
{
    struct alert al;
    struct arena a = {0};
    json_w_object(w);
    json_w_kspan(w, "key", f->key);
    json_w_kspan(w, "kind", f->alert_kind);
    json_w_kstr(w, "level", alert_level_name(f->level));
    if (alert_get(x->view, &a, x->request->id, f->key, x->now->entry.seq, &al, NULL)) {
        json_w_kstr(w, "id", al.id);
        json_w_kstr(w, "state", alert_state_name(al.state));
        json_w_kspan(w, "title", al.title);
        *open = *open || alert_is_open(&al);
    }
    json_w_object_end(w);
    arena_free(&a);
}

/* How many alerts; *open: one of them stood then. */
static size_t put_effects(struct explain *x, struct json_w *w, const struct evaluation *ev,
                          bool *open)
{
    size_t alerts = 0;
    bool clears = false;
    json_w_name(w, "alerts");
    json_w_array(w);
    for (size_t i = x->effects_from; i < ev->effects->count; i++) {
        const struct effect *f = &ev->effects->items[i];
        clears = clears || f->kind == EFFECT_CLEAR;
        if (f->kind != EFFECT_ALERT)
            continue;
        alerts++;
        put_alert(x, w, f, open);
    }
    json_w_array_end(w);
    json_w_kbool(w, "cleared", clears && !alerts);
    return alerts;
}

static void put_unknown(struct json_w *w, const struct evaluation *ev, struct buf *reasons)
{
    json_w_name(w, "unknown");
    json_w_array(w);
    for (const struct unknown *u = ev->unknown; u; u = u->next) {
        json_w_span(w, u->reason);
        buf_str(reasons, reasons->n ? "；" : "");
        buf_span(reasons, u->reason);
    }
    json_w_array_end(w);
}

static void say(struct buf *out, enum explain_answer answer, const struct trace *t,
                const struct trace_check *failed, struct span unknown)
{
    struct buf checks = {0};
    trace_sentence(t, &checks);
    switch (answer) {
    case FIRED:
        buf_str(out, "报出了");
        break;
    case HELD:
        buf_str(out, "条件成立，但还没有持续够规定的时间");
        break;
    case SUPPRESSED:
        buf_str(out, "条件成立，但同一告警已经办结，情况没有变化，没有再报");
        break;
    case UNKNOWN:
        buf_printf(out, "判断不了：%.*s", SPAN_ARG(unknown));
        break;
    default:
        if (failed) {
            buf_str(out, "没有报出：");
            trace_failed_sentence(t, failed, out);
        } else {
            buf_str(out, checks.n ? "没有报出：命名的检查都成立，脚本里另有条件"
                                  : "没有报出：脚本没有做命名的检查就结束了");
        }
    }
    if (checks.n && answer != UNKNOWN && !(answer == QUIET && failed)) {
        buf_str(out, "：");
        buf_span(out, buf_view(&checks));
    }
    buf_free(&checks);
}

static const char *trigger_name(const struct explain_entry *at)
{
    return at->entry.type == ENTRY_TICK   ? "tick"
           : at->entry.type == ENTRY_WAKE ? "wake"
           : at->entry.op == ENTRY_PUT    ? "record"
                                          : "removed";
}

/* The latest one that has something to say counts; of one entry the one that says more. */
static void weigh(struct explain *x, enum explain_answer answer, bool says, struct buf *text)
{
    uint64_t seq = x->now->entry.seq;
    bool better = x->best < 0 || (says && !x->best_says) ||
                  (x->best_seq == seq && says == x->best_says && (int)answer > x->best);
    if (!better)
        return;
    x->best = (int)answer;
    x->best_says = says;
    x->best_seq = seq;
    buf_clear(&x->sentence);
    buf_span(&x->sentence, buf_view(text));
}

static void judged(struct explain *x, const struct evaluation *ev)
{
    union { /* evidence goes into the evaluation's own arena, which is as it should be */
        const struct evaluation *seen;
        struct evaluation *own;
    } one = {.seen = ev};
    struct buf text = {0}, reasons = {0};
    const struct trace_check *failed = trace_failed(&ev->trace);
    bool open = false, unknown = unknown_count(ev) > x->unknown_from;
    if (x->judgement_count++)
        buf_char(&x->judgements, ',');
    struct json_w w = json_w_begin(&x->judgements);
    json_w_object(&w);
    json_w_kint(&w, "seq", (int64_t)x->now->entry.seq);
    json_w_kstr(&w, "trigger", trigger_name(x->now));
    if (x->now->spec.n)
        json_w_kspan(&w, "every", x->now->spec);
    bool alerts = put_effects(x, &w, ev, &open) > 0;
    put_unknown(&w, ev, &reasons);
    enum explain_answer answer = alerts ? open ? FIRED : HELD : unknown ? UNKNOWN : QUIET;
    if (alerts && !open && !x->in->steady)
        answer = SUPPRESSED;
    if (failed && answer == QUIET)
        put_failed(&w, &ev->trace, failed);
    say(&text, answer, &ev->trace, failed, buf_view(&reasons));
    json_w_kstr(&w, "answer", answer_names[answer]);
    json_w_kspan(&w, "sentence", buf_view(&text));
    json_w_kraw(&w, "evidence", api_evidence(one.own));
    json_w_object_end(&w);
    json_w_end(&w);
    bool says = alerts || unknown || ev->trace.check_count > 0;
    weigh(x, answer, says, &text);
    buf_free(&text);
    buf_free(&reasons);
}

static void section(void *ctx, const struct evaluation *ev, const struct type *t,
                    struct span id)
{
    struct explain *x = ctx;
    if (x->sections && x->in_subject && !ev->again)
        judged(x, ev);
    x->sections = true;
    section_begins(x, ev, t == x->subject.type && span_eq(id, x->subject.parts[0]));
}

static void ends(void *ctx, const struct evaluation *ev)
{
    struct explain *x = ctx;
    if (!ev->again && x->in_subject && (x->sections || concerns(x, ev)))
        judged(x, ev);
}

/* --- one entry again ------------------------------------------------------------------------------------------------ */

static void put_fault(struct explain *x, const struct evaluate_fault *f)
{
    struct buf text = {0};
    if (x->judgement_count++)
        buf_char(&x->judgements, ',');
    struct json_w w = json_w_begin(&x->judgements);
    json_w_object(&w);
    json_w_kint(&w, "seq", (int64_t)x->now->entry.seq);
    json_w_kstr(&w, "trigger", trigger_name(x->now));
    json_w_kstr(&w, "answer", answer_names[FAULT]);
    buf_printf(&text, "脚本在第 %d 行出错：%s", f->line, f->message);
    json_w_kspan(&w, "sentence", buf_view(&text));
    json_w_kint(&w, "line", f->line);
    json_w_object_end(&w);
    json_w_end(&w);
    weigh(x, FAULT, true, &text);
    buf_free(&text);
}

static bool judge_again(struct explain *x, const struct explain_entry *one, struct err *e)
{
    struct evaluate_watch watch = {narrow, begins, section, ends, x};
    struct evaluate_host host = {
        .view = x->view, .ticks = &x->ticks, .state = state_then, .watch = &watch, .ctx = x};
    struct evaluated made = {0};
    struct err why = {0};
    x->now = one;
    if (!load_version(x, one->entry.seq, &why))
        return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
    if (!instance_wants(x->in, one->entry.type) || !read_lag(x, one->entry.seq, e))
        return e->code == ERR_NONE;
    enum evaluate_result r = evaluate_entry(x->in, &host, &one->entry, &made, e);
    if (r == EVALUATE_FAULT)
        put_fault(x, &made.fault);
    evaluated_free(&made);
    return r != EVALUATE_BROKEN;
}

/* --- not judged: why not ------------------------------------------------------------------------------------------ */

struct reasons {
    struct buf json, text;
};

static struct json_w reason_begin(struct reasons *r, const char *why)
{
    if (r->json.n)
        buf_char(&r->json, ',');
    if (r->text.n)
        buf_str(&r->text, "；");
    struct json_w w = json_w_begin(&r->json);
    json_w_object(&w);
    json_w_kstr(&w, "why", why);
    return w;
}

static void reason_end(struct reasons *r, struct json_w *w, struct span text)
{
    json_w_kspan(w, "sentence", text);
    json_w_object_end(w);
    json_w_end(w);
    buf_span(&r->text, text);
}

static void give(struct reasons *r, const char *why, const char *text)
{
    struct json_w w = reason_begin(r, why);
    reason_end(r, &w, span_of(text));
}

/* The first condition of `where` that the subject does not meet. */
static void give_where(struct explain *x, struct reasons *r, const struct instance_every *every,
                       const struct entry *row)
{
    for (size_t i = 0; i < every->where_count; i++) {
        const struct record_where *c = &every->where[i];
        const struct field *f = &every->over->fields[c->field];
        struct row_value v = row_get(every->over, row->body, c->field);
        struct buf is = {0}, text = {0};
        if (!v.null)
            row_put_text(&is, &v);
        if (!v.null && span_eq(buf_view(&is), c->value)) {
            buf_free(&is);
            continue;
        }
        const char *want = field_choice_label(f, c->value),
                   *has = v.null ? NULL : field_choice_label(f, buf_view(&is));
        struct json_w w = reason_begin(r, "where");
        json_w_kstr(&w, "type", every->over->name);
        json_w_kstr(&w, "field", f->name);
        json_w_kstr(&w, "label", f->label);
        json_w_kspan(&w, "value", buf_view(&is));
        json_w_kspan(&w, "want", c->value);
        json_w_kspan(&w, "every", every->at);
        buf_printf(&text, "%.*s 只看%s为“", SPAN_ARG(every->at), f->label);
        buf_span(&text, want ? span_of(want) : c->value);
        buf_str(&text, "”的，它是“");
        buf_span(&text, v.null ? SPAN("空") : has ? span_of(has) : buf_view(&is));
        buf_str(&text, "”");
        reason_end(r, &w, buf_view(&text));
        buf_free(&is);
        buf_free(&text);
        return;
    }
    (void)x;
}

static bool give_every(struct explain *x, struct reasons *r, const struct instance_every *every,
                       struct err *e)
{
    struct record_where where[8];
    size_t n = every->over ? explain_narrow(&x->subject, every->over, where) : 0;
    struct entry row;
    struct err why = {0};
    bool told = false;
    if (!n)
        return true;
    for (size_t i = 0; i < x->entry_count; i++)
        told = told || span_eq(x->entries[i].spec, every->at);
    if (!told) {
        struct json_w w = reason_begin(r, "no_tick");
        json_w_kspan(&w, "every", every->at);
        reason_end(r, &w,
                   span_of(arena_printf(&x->arena, "到那时为止 %.*s 还没有到点过",
                                        SPAN_ARG(every->at))));
        return true;
    }
    struct record_scan *s =
        record_scan_open(x->view, every->over, where, n, false, SPAN_NONE, x->last);
    bool there = record_scan_next(s, &x->arena, &row, &why);
    record_scan_close(s);
    if (why.code != ERR_NONE && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (there)
        give_where(x, r, every, &row);
    else
        give(r, "no_record",
             arena_printf(&x->arena, "那时没有它的“%s”记录", every->over->label));
    return true;
}

static void give_types(struct explain *x, struct reasons *r)
{
    struct buf text = {0};
    buf_str(&text, "这个场景不看“");
    buf_str(&text, x->subject.type->label);
    buf_str(&text, "”，也没有与它有关的记录");
    struct json_w w = reason_begin(r, "no_trigger");
    reason_end(r, &w, buf_view(&text));
    buf_free(&text);
}

static bool give_reasons(struct explain *x, struct reasons *r, struct err *e)
{
    struct cursor c = {0};
    if (!x->in) {
        give(r, "not_live", "那时还没有启用这个场景");
        return true;
    }
    cursor_get(x->view, x->request->id, &c);
    if (c.seq < x->last && x->entry_count && x->entries[0].entry.seq > c.seq)
        give(r, "behind", "场景停着或还没有看到那里");
    for (size_t i = 0; i < x->in->every_count; i++)
        if (!give_every(x, r, &x->in->every[i], e))
            return false;
    if (!r->json.n && x->best < 0)
        give_types(x, r);
    return true;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static bool read_subject(struct explain *x, struct err *e)
{
    struct explain_subject *s = &x->subject;
    struct span rest = arena_span(&x->arena, x->request->about);
    struct span name = span_split(&rest, '|');
    s->type = dictionary_find(street_dictionary(x->street), name);
    if (!s->type || !rest.n)
        return err_set(e, ERR_INPUT,
                       "about 应写成 类型|编号，如 enterprise|91330105…；类型 %.*s",
                       (int)span_cut_utf8(name, 64), name.p ? name.p : "");
    s->text = rest;
    s->field = s->type->fields[s->type->key[0]].name;
    int given = 1;
    for (size_t i = 0; i < rest.n; i++)
        given += rest.p[i] == '|';
    if (given >= s->type->key_count) {
        struct span parts[8];
        s->key = key_from_text(&x->arena, rest, (size_t)s->type->key_count, e);
        size_t n = s->key.n ? key_split(s->key, parts, 8) : 0;
        for (size_t i = 0; i < n; i++)
            if (s->type->key[i] != s->type->time)
                s->parts[s->count++] = parts[i];
    } else {
        while (rest.p && rest.n && s->count < 8)
            s->parts[s->count++] = span_split(&rest, '|');
    }
    return s->count > 0 || (e->code ? false : err_set(e, ERR_INPUT, "about 里缺少编号"));
}

static bool set_time(struct explain *x, struct err *e)
{
    uint64_t behind;
    int64_t now = view_now(x->view);
    x->at = x->request->at < now ? x->request->at : now;
    if (!explain_seq_at(x->view, x->at + 1, &behind, e))
        return false;
    x->last = behind - 1;
    return x->last > 0 || err_set(e, ERR_MISSING, "那时还没有任何数据");
}

static void put_answer(struct explain *x, const struct reasons *r, struct buf *json)
{
    struct buf at = {0}, list = {0};
    struct json_w w = json_w_begin(json);
    bool judged = x->best >= 0;
    calendar_put_datetime(&at, x->at);
    json_w_object(&w);
    json_w_kspan(&w, "scenario", x->request->id);
    if (x->in)
        json_w_kspan(&w, "title", x->in->scenario.title);
    json_w_name(&w, "about");
    json_w_object(&w);
    json_w_kstr(&w, "type", x->subject.type->name);
    json_w_kspan(&w, "id", x->subject.text);
    json_w_object_end(&w);
    json_w_kspan(&w, "at", buf_view(&at));
    json_w_kstr(&w, "answer", answer_names[judged ? x->best : NOT_JUDGED]);
    buf_str(&list, judged ? "" : "没有判断过：");
    buf_span(&list, judged ? buf_view(&x->sentence) : buf_view(&r->text));
    json_w_kspan(&w, "sentence", buf_view(&list));
    if (judged)
        json_w_kint(&w, "seq", (int64_t)x->best_seq);
    buf_clear(&list);
    buf_printf(&list, "[%.*s]", (int)x->judgements.n, x->judgements.n ? x->judgements.p : "");
    json_w_kraw(&w, "judgements", buf_view(&list));
    buf_clear(&list);
    buf_printf(&list, "[%.*s]", (int)r->json.n, r->json.n ? r->json.p : "");
    json_w_kraw(&w, "reasons", buf_view(&list));
    json_w_object_end(&w);
    json_w_end(&w);
    buf_free(&at);
    buf_free(&list);
}

static bool answer(struct explain *x, struct buf *json, struct err *e)
{
    struct reasons r = {{0}, {0}};
    int64_t began = clock_mono_us();
    bool ok = true, live;
    if (!read_subject(x, e) || !set_time(x, e))
        return false;
    live = load_version(x, x->last, e);
    if (!live && e->code != ERR_MISSING)
        return false;
    e->code = ERR_NONE;
    if (live)
        ok = explain_find(x, e);
    for (size_t i = 0; ok && i < x->entry_count; i++)
        if (i == 0 || clock_mono_us() - began < PATIENCE_US)
            ok = judge_again(x, &x->entries[i], e);
    if (ok && live) {
        ok = load_version(x, x->last, e);
    }
    if (ok &&
        x->best <=
            QUIET) /* a subject that is kept out is told so beside what was judged of it */
        ok = give_reasons(x, &r, e);
    if (ok)
        put_answer(x, &r, json);
    buf_free(&r.json);
    buf_free(&r.text);
    return ok;
}

bool explain_run(struct store *store, struct street *street,
                 const struct sandbox_modules *modules, const struct explain_request *r,
                 struct buf *json, struct err *e)
{
    struct explain *x = mem_alloc(sizeof *x);
    struct scenario s;
    x->request = r;
    x->modules = modules;
    x->street = street;
    x->best = -1;
    x->view = view_open(store, e);
    bool ok = x->view && scenario_get(x->view, &x->arena, r->id, SEQ_LATEST, &s, e) &&
              answer(x, json, e);
    instance_free(x->in);
    tick_log_clear(&x->ticks);
    buf_free(&x->overlay);
    buf_free(&x->judgements);
    buf_free(&x->sentence);
    if (x->view)
        view_close(x->view);
    arena_free(&x->arena);
    mem_free(x);
    return ok;
}
