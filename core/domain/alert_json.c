/* How alerts lie in the journal: {"event":{the step},"alert":{the fold},"evidence":{…}}. */
#include "domain/alert_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/calendar.h"
#include "util/json.h"

static const char *const step_names[] = {"trigger", "clear", "retract", "act"};

/* --- writing ---------------------------------------------------------------------------- */

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    if (!us)
        return;
    struct buf b = {0};
    calendar_put_datetime(&b, us);
    json_w_kspan(w, name, buf_view(&b));
    buf_free(&b);
}

static void put_text(struct json_w *w, const char *name, struct span s)
{
    if (s.n)
        json_w_kspan(w, name, s);
}

static void put_list(struct json_w *w, const char *name, const struct span *items, size_t n)
{
    if (!n)
        return;
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < n; i++)
        json_w_span(w, items[i]);
    json_w_array_end(w);
}

static void put_int(struct json_w *w, const char *name, int64_t v)
{
    if (v)
        json_w_kint(w, name, v);
}

static void put_flag(struct json_w *w, const char *name, bool v)
{
    if (v)
        json_w_kbool(w, name, true);
}

/* 64 bits that are no number: as text, so that no reader rounds them */
static void put_hash(struct json_w *w, const char *name, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llx", (unsigned long long)v);
    json_w_kspan(w, name, (struct span){text, (size_t)n});
}

static void put_trigger(struct json_w *w, const struct step *s)
{
    json_w_kstr(w, "id", s->id);
    json_w_kstr(w, "level", alert_level_name(s->level));
    put_text(w, "kind", s->alert_kind);
    put_text(w, "office", s->office);
    put_text(w, "title", s->title);
    put_text(w, "body", s->body);
    put_text(w, "about_type", s->about_type);
    put_text(w, "about_id", s->about_id);
    put_text(w, "scenario_title", s->scenario_title);
    put_list(w, "communities", s->communities, s->community_count);
    put_list(w, "also", s->also, s->also_count);
    put_list(w, "evidence_of", s->evidence_of, s->evidence_of_count);
    put_time(w, "due_at", s->due_at);
    put_time(w, "sign_due_at", s->sign_due_at);
    put_int(w, "quiet_us", s->quiet_us);
    put_time(w, "judged_at", s->judged_at);
    put_hash(w, "fingerprint", s->fingerprint);
    put_int(w, "version_seq", (int64_t)s->version_seq);
    put_int(w, "version", s->version_number);
    put_flag(w, "reopen", s->reopen);
    put_flag(w, "rejudged", s->rejudged);
}

static void put_step(struct json_w *w, const struct step *s, const struct alert_told *told)
{
    json_w_object(w);
    if (told->result == RESULT_ACT)
        json_w_kspan(w, "what", s->action);
    else
        json_w_kstr(w, "what", step_result_name(told->result));
    put_time(w, "at", s->at);
    if (told->existed)
        json_w_kstr(w, "from", alert_state_name(told->from));
    json_w_kstr(w, "to", alert_state_name(told->to));
    json_w_kstr(w, "now_level", alert_level_name(told->level));
    json_w_kstr(w, "step", step_names[s->kind]);
    json_w_kint(w, "effective", (int64_t)s->effective);
    put_text(w, "text", s->text);
    put_flag(w, "flapping", s->flapping);
    put_flag(w, "stands", s->stands);
    switch (s->kind) {
    case STEP_TRIGGER:
        put_trigger(w, s);
        break;
    case STEP_CLEAR:
        json_w_kstr(w, "close", life_close_name(s->close));
        put_flag(w, "may_close", s->may_close);
        break;
    case STEP_RETRACT:
        break;
    case STEP_ACT:
        json_w_kstr(w, "id", s->id);
        put_text(w, "by", s->by);
        put_text(w, "verdict", s->verdict);
        put_time(w, "due_at", s->due_at);
        if (s->submitted.n)
            json_w_kraw(w, "evidence", s->submitted);
        break;
    }
    json_w_object_end(w);
}

static void put_fold(struct json_w *w, const struct fold *f)
{
    const struct alert *al = &f->al;
    json_w_object(w);
    json_w_kstr(w, "id", al->id);
    json_w_kspan(w, "scenario", al->scenario);
    json_w_kspan(w, "key", al->key);
    json_w_kstr(w, "state", alert_state_name(al->state));
    json_w_kstr(w, "level", alert_level_name(al->level));
    put_text(w, "kind", al->kind);
    put_text(w, "office", al->office);
    put_list(w, "communities", al->communities, al->community_count);
    put_list(w, "also", al->also, al->also_count);
    put_text(w, "title", al->title);
    put_text(w, "text", al->text);
    put_text(w, "about_type", al->about_type);
    put_text(w, "about_id", al->about_id);
    put_text(w, "scenario_title", al->scenario_title);
    json_w_kint(w, "count", (int64_t)al->count);
    json_w_kint(w, "rev", (int64_t)al->rev);
    put_time(w, "raised_at", al->raised_at);
    put_time(w, "last_at", al->last_at);
    put_time(w, "judged_at", al->judged_at);
    put_time(w, "due_at", al->due_at);
    put_time(w, "sign_due_at", al->sign_due_at);
    put_time(w, "closed_at", al->closed_at);
    put_time(w, "feedback_at", al->feedback_at);
    put_text(w, "signed_by", al->signed_by);
    put_text(w, "verdict", al->verdict);
    put_int(w, "version_seq", (int64_t)al->version_seq);
    put_int(w, "version", al->version_number);
    put_int(w, "evidence_seq", (int64_t)al->evidence_seq);
    put_flag(w, "touched", al->touched);
    put_flag(w, "normal", al->normal);
    put_list(w, "evidence_of", f->evidence_of, f->evidence_of_count);
    if (f->submitted.n)
        json_w_kraw(w, "submitted", f->submitted);
    put_text(w, "submitted_text", f->submitted_text);
    json_w_kstr(w, "trigger_level", alert_level_name(f->trigger_level));
    put_hash(w, "fingerprint", f->fingerprint);
    put_int(w, "last_cause", (int64_t)f->last_cause);
    put_int(w, "effective", (int64_t)f->effective);
    put_int(w, "prior", (int64_t)f->prior);
    put_flag(w, "by_person", f->by_person);
    put_flag(w, "restored", f->restored);
    put_flag(w, "reopened", f->reopened);
    json_w_object_end(w);
}

void alert_body_put(struct buf *b, const struct step *s, const struct alert_told *told,
                    const struct fold *f, struct span evidence)
{
    struct json_w w = json_w_begin(b);
    json_w_object(&w);
    json_w_name(&w, "event");
    put_step(&w, s, told);
    json_w_name(&w, "alert");
    put_fold(&w, f);
    if (evidence.n)
        json_w_kraw(&w, "evidence", evidence);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* --- reading ---------------------------------------------------------------------------- */

static int64_t get_time(const struct json *o, const char *name)
{
    int64_t us = 0;
    return calendar_parse_datetime(json_string(json_get(o, name)), &us) ? us : 0;
}

static int64_t get_int(const struct json *o, const char *name)
{
    int64_t v = 0;
    return json_int(json_get(o, name), &v) ? v : 0;
}

static uint64_t get_hash(const struct json *o, const char *name)
{
    return strtoull(json_cstr(json_get(o, name), "0"), NULL, 16);
}

static enum alert_level get_level(const struct json *o, const char *name)
{
    enum alert_level l = LEVEL_BLUE;
    alert_level_parse(json_string(json_get(o, name)), &l);
    return l;
}

static struct span *get_list(struct arena *a, const struct json *o, const char *name,
                             size_t *count)
{
    const struct json *list = json_get(o, name);
    size_t n = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct span *out = n ? arena_alloc(a, n * sizeof *out) : NULL;
    for (size_t i = 0; i < n; i++)
        out[i] = json_string(&list->items[i]);
    *count = n;
    return out;
}

static struct span get_raw(struct arena *a, const struct json *o, const char *name)
{
    const struct json *v = json_get(o, name);
    if (!v)
        return SPAN_NONE;
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_value(&w, v);
    json_w_end(&w);
    struct span kept = arena_span(a, buf_view(&b));
    buf_free(&b);
    return kept;
}

static void get_id(char out[27], const struct json *o)
{
    struct span s = json_string(json_get(o, "id"));
    memset(out, 0, 27);
    if (s.n && s.n < 27)
        memcpy(out, s.p, s.n);
}

bool alert_body_split(struct span body, struct arena *a, struct alert_body *out, struct err *e)
{
    struct json_limits limits = {.bytes = 512 * 1024};
    struct json_scan scan;
    struct span name;
    struct json_value value;
    *out = (struct alert_body){0};
    if (!json_scan_open(&scan, a, body, &limits, e))
        return false;
    while (json_scan_next(&scan, &name, &value, e)) {
        if (value.type != JSON_OBJECT)
            continue;
        if (span_eq(name, SPAN("event")))
            out->event = value.raw;
        else if (span_eq(name, SPAN("alert")))
            out->alert = value.raw;
        else if (span_eq(name, SPAN("evidence")))
            out->evidence = value.raw;
    }
    if (scan.failed)
        return false;
    return (out->event.n && out->alert.n) ||
           err_set(e, ERR_STORE, "告警条目内容不完整，请用 wangyi verify 检查数据目录");
}

bool alert_body_fold(const struct entry *entry, const struct alert_body *b, struct arena *a,
                     struct fold *out, struct err *e)
{
    const struct json *o = json_parse(a, b->alert, NULL, NULL, e);
    if (!o)
        return false;
    *out = (struct fold){.exists = true};
    struct alert *al = &out->al;
    get_id(al->id, o);
    al->seq = entry->seq;
    al->scenario = json_string(json_get(o, "scenario"));
    al->key = json_string(json_get(o, "key"));
    al->level = get_level(o, "level");
    alert_state_parse(json_string(json_get(o, "state")), &al->state);
    al->kind = json_string(json_get(o, "kind"));
    al->office = json_string(json_get(o, "office"));
    al->communities = get_list(a, o, "communities", &al->community_count);
    al->also = get_list(a, o, "also", &al->also_count);
    al->title = json_string(json_get(o, "title"));
    al->text = json_string(json_get(o, "text"));
    al->about_type = json_string(json_get(o, "about_type"));
    al->about_id = json_string(json_get(o, "about_id"));
    al->scenario_title = json_string(json_get(o, "scenario_title"));
    al->count = (uint64_t)get_int(o, "count");
    al->rev = (uint64_t)get_int(o, "rev");
    al->raised_at = get_time(o, "raised_at");
    al->last_at = get_time(o, "last_at");
    al->judged_at = get_time(o, "judged_at");
    al->due_at = get_time(o, "due_at");
    al->sign_due_at = get_time(o, "sign_due_at");
    al->closed_at = get_time(o, "closed_at");
    al->feedback_at = get_time(o, "feedback_at");
    al->signed_by = json_string(json_get(o, "signed_by"));
    al->verdict = json_string(json_get(o, "verdict"));
    al->version_seq = (uint64_t)get_int(o, "version_seq");
    al->version_number = get_int(o, "version");
    al->evidence_seq = (uint64_t)get_int(o, "evidence_seq");
    al->touched = json_bool(json_get(o, "touched"), false);
    al->normal = json_bool(json_get(o, "normal"), false);
    size_t n;
    struct span *of = get_list(a, o, "evidence_of", &n);
    for (size_t i = 0; i < n && i < sizeof out->evidence_of / sizeof out->evidence_of[0]; i++)
        out->evidence_of[out->evidence_of_count++] = of[i];
    out->submitted = get_raw(a, o, "submitted");
    out->submitted_text = json_string(json_get(o, "submitted_text"));
    out->trigger_level = get_level(o, "trigger_level");
    out->fingerprint = get_hash(o, "fingerprint");
    out->last_cause = (uint64_t)get_int(o, "last_cause");
    out->effective = (uint64_t)get_int(o, "effective");
    out->prior = (uint64_t)get_int(o, "prior");
    out->by_person = json_bool(json_get(o, "by_person"), false);
    out->restored = json_bool(json_get(o, "restored"), false);
    out->reopened = json_bool(json_get(o, "reopened"), false);
    return true;
}

static void get_trigger(struct arena *a, const struct json *o, struct step *out)
{
    out->level = get_level(o, "level");
    out->alert_kind = json_string(json_get(o, "kind"));
    out->office = json_string(json_get(o, "office"));
    out->title = json_string(json_get(o, "title"));
    out->body = json_string(json_get(o, "body"));
    out->about_type = json_string(json_get(o, "about_type"));
    out->about_id = json_string(json_get(o, "about_id"));
    out->scenario_title = json_string(json_get(o, "scenario_title"));
    out->communities = get_list(a, o, "communities", &out->community_count);
    out->also = get_list(a, o, "also", &out->also_count);
    out->evidence_of = get_list(a, o, "evidence_of", &out->evidence_of_count);
    out->sign_due_at = get_time(o, "sign_due_at");
    out->quiet_us = get_int(o, "quiet_us");
    out->judged_at = get_time(o, "judged_at");
    out->fingerprint = get_hash(o, "fingerprint");
    out->version_seq = (uint64_t)get_int(o, "version_seq");
    out->version_number = get_int(o, "version");
    out->reopen = json_bool(json_get(o, "reopen"), false);
    out->rejudged = json_bool(json_get(o, "rejudged"), false);
}

bool alert_body_step(const struct entry *entry, const struct alert_body *b, struct arena *a,
                     struct step *out, struct err *e)
{
    const struct json *o = json_parse(a, b->event, NULL, NULL, e);
    if (!o)
        return false;
    *out = (struct step){.seq = entry->seq};
    struct span kind = json_string(json_get(o, "step"));
    for (int i = STEP_TRIGGER; i <= STEP_ACT; i++) {
        if (span_eq(kind, span_of(step_names[i])))
            out->kind = (enum step_kind)i;
    }
    out->effective = (uint64_t)get_int(o, "effective");
    out->at = get_time(o, "at");
    out->what = json_string(json_get(o, "what"));
    out->text = json_string(json_get(o, "text"));
    out->due_at = get_time(o, "due_at");
    get_id(out->id, o);
    if (out->kind == STEP_TRIGGER)
        get_trigger(a, o, out);
    life_close_parse(json_string(json_get(o, "close")), &out->close);
    out->may_close = json_bool(json_get(o, "may_close"), false);
    out->flapping = json_bool(json_get(o, "flapping"), false);
    out->stands = json_bool(json_get(o, "stands"), false);
    if (out->kind == STEP_ACT) {
        out->action = out->what;
        out->by = json_string(json_get(o, "by"));
        out->verdict = json_string(json_get(o, "verdict"));
        out->submitted = get_raw(a, o, "evidence");
    }
    return true;
}
