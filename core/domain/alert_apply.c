/* What scripts do to alerts: from an effect of an outcome to an entry in its place. */
#include "domain/alert_impl.h"

#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "store/view.h"
#include "util/id.h"
#include "util/json.h"

enum {
    EVIDENCE_MAX = 64 * 1024,
    TITLE_MAX = 600,
    TEXT_MAX = 8 * 1024,
    LIST_MAX = 32,
    READS_MAX = 600, /* found again by what they read */
};

static void put_evidence(struct buf *b, const struct json *evidence, size_t most_reads)
{
    struct json_w w = json_w_begin(b);
    const struct json *reads = json_get(evidence, "reads");
    size_t left = json_count(reads) > most_reads ? json_count(reads) - most_reads : 0;
    int64_t more = 0;
    json_int(json_get(evidence, "reads_more"), &more);
    json_w_object(&w);
    for (size_t i = 0; i < json_count(evidence); i++) {
        if (span_eq(evidence->names[i], SPAN("reads_more")))
            continue;
        json_w_name_span(&w, evidence->names[i]);
        if (&evidence->items[i] != reads || !left) {
            json_w_value(&w, &evidence->items[i]);
            continue;
        }
        json_w_array(&w);
        for (size_t k = 0; k < most_reads; k++)
            json_w_value(&w, json_item(reads, k));
        json_w_array_end(&w);
    }
    if (more + (int64_t)left)
        json_w_kint(&w, "reads_more", more + (int64_t)left);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* As it came, or with fewer reads, so that one alert never holds more than EVIDENCE_MAX bytes
 * of them. */
static struct span evidence_text(struct arena *a, const struct json *evidence)
{
    if (!json_is(evidence, JSON_OBJECT))
        return SPAN_NONE;
    struct buf b = {0};
    size_t reads = json_count(json_get(evidence, "reads"));
    put_evidence(&b, evidence, reads);
    while (b.n > EVIDENCE_MAX && reads) {
        reads /= 2;
        buf_clear(&b);
        put_evidence(&b, evidence, reads);
    }
    struct span out = b.n > EVIDENCE_MAX ? SPAN_NONE : arena_span(a, buf_view(&b));
    buf_free(&b);
    return out;
}

void alert_plan(struct txn *t, const struct street *street, const struct life *life,
                struct step *s)
{
    struct street_workdays days = {
        .view = txn_view(t), .street = street, .as_of = s->effective};
    struct workdays w = street ? street_workdays(&days) : (struct workdays){NULL, NULL};
    s->sign_due_at = time_limit_due(&life->sign, s->at, &w);
    s->due_at = time_limit_due(&life->close_by, s->at, &w);
}

/* What only a step that raises needs. */
static struct span complete(struct txn *t, struct arena *a, const struct alert_source *source,
                            struct step *s)
{
    int64_t due;
    alert_plan(t, source->street, &source->life, s);
    if (calendar_parse_datetime(json_string(json_get(source->effect, "due")), &due))
        s->due_at = due;
    return evidence_text(a, json_get(source->effect, "evidence"));
}

/* --- appending -------------------------------------------------------------------------- */

static size_t make_postings(struct arena *a, const struct fold *f, struct posting *out)
{
    const struct alert *al = &f->al;
    size_t n = 0;
    out[n++] = (struct posting){ALERT_BY_ID, arena_span(a, span_of(al->id)), al->raised_at};
    out[n++] = (struct posting){ALERT_BY_TIME, SPAN("*"), al->raised_at};
    out[n++] = (struct posting){ALERT_BY_SCENARIO, al->scenario, al->raised_at};
    out[n++] = (struct posting){ALERT_BY_KEY, al->key, al->raised_at};
    if (al->office.n)
        out[n++] = (struct posting){ALERT_BY_OFFICE, al->office, al->raised_at};
    for (size_t i = 0; i < al->community_count && i < LIST_MAX; i++)
        out[n++] = (struct posting){ALERT_BY_COMMUNITY, al->communities[i], al->raised_at};
    return n;
}

/* By each version it rests on (alert_fed.c). */
static size_t post_reads(const struct alert_source *source, struct posting *out)
{
    const struct json *evidence = json_get(source->effect, "evidence"),
                      *lists[] = {json_get(evidence, "reads"), json_get(evidence, "also_read")};
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < json_count(lists[i]) && n < READS_MAX; k++) {
            const struct json *one = json_item(lists[i], k);
            int64_t seq = 0;
            if (json_int(i ? one : json_get(one, "seq"), &seq) && seq > 0)
                out[n++] = (struct posting){ALERT_BY_READ, SPAN("*"), seq};
        }
    return n;
}

/* Every event of a life is in its own stream, but of many repeats only some: a timeline is
 * for reading. */
static bool tell_streams(struct txn *t, struct arena *a, const struct fold *f,
                         enum step_result r, uint64_t seq, struct err *e)
{
    bool thin = r == RESULT_AGAIN && f->al.count > 50 && f->al.count % 100;
    const char *own = arena_printf(a, "alert/%s", f->al.id);
    return stream_append(t, SPAN("alerts"), seq, NULL, e) &&
           (thin || stream_append(t, span_of(own), seq, NULL, e));
}

bool alert_append(struct txn *t, struct arena *a, struct span entry_key, struct step *s,
                  uint64_t cause, const struct alert_source *source, struct fold *out,
                  bool *appended, struct err *e)
{
    struct view *v = txn_view(t);
    uint64_t seed;
    int64_t now;
    txn_next(t, &s->seq, &now, &seed);
    if (s->kind == STEP_ACT) {
        s->effective = s->seq;
        s->at = now;
    }
    struct fold before, *f = out;
    struct step *later;
    size_t later_count;
    if (!alert_load(v, a, entry_key, &before, e) ||
        !alert_load_at(v, a, entry_key, s->effective, f, &later, &later_count, e))
        return false;
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    key_split(entry_key, parts, 2);
    f->al.scenario = parts[0];
    f->al.key = parts[1];
    if (s->kind == STEP_TRIGGER)
        id_from_seed(
            s->id, seed,
            span_of(arena_printf(a, "%.*s|%.*s", SPAN_ARG(parts[0]), SPAN_ARG(parts[1]))));
    struct span evidence = SPAN_NONE;
    struct fold trial = *f;
    if (source && step_result_raises(fold_step(a, &trial, s)))
        evidence = complete(t, a, source, s);
    struct alert_told told = {.existed = f->exists, .from = f->al.state};
    told.result = fold_step(a, f, s);
    told.to = f->al.state;
    told.level = f->al.level;
    *appended = told.result != RESULT_NOTHING;
    if (!*appended)
        return true;
    for (size_t i = 0; i < later_count; i++)
        fold_step(a, f, &later[i]);
    f->al.seq = s->seq;

    struct posting *postings = arena_alloc(a, (6 + LIST_MAX + READS_MAX) * sizeof *postings);
    bool begins = told.result == RESULT_RAISE || told.result == RESULT_REOPEN;
    size_t posted = begins ? make_postings(a, f, postings) : 0;
    if (source && evidence.n)
        posted += post_reads(source, postings + posted);
    struct buf body = {0};
    alert_body_put(&body, s, &told, f, evidence);
    struct entry_new entry = {.type = ENTRY_ALERT,
                              .op = ENTRY_PUT,
                              .cause = cause,
                              .key = entry_key,
                              .body = buf_view(&body),
                              .postings = postings,
                              .posting_count = posted};
    uint64_t seq = txn_append(t, &entry, e);
    buf_free(&body);
    return seq && tell_streams(t, a, f, told.result, seq, e) &&
           board_update(t, a, entry_key, &before, f, e);
}

/* --- effects ---------------------------------------------------------------------------- */

static struct span cut(struct span s, size_t max)
{
    s.n = s.n > max ? span_cut_utf8(s, max) : s.n;
    return s;
}

static struct span *span_list(struct arena *a, const struct json *list, size_t *count)
{
    struct span *out = arena_alloc(a, (LIST_MAX + 1) * sizeof *out);
    *count = 0;
    for (size_t i = 0; i < json_count(list) && *count < LIST_MAX; i++) {
        struct span s = json_string(json_item(list, i));
        if (s.n)
            out[(*count)++] = cut(s, 96);
    }
    return out;
}

/* The order of reads is the script's business; what they were is what counts. */
static uint64_t fingerprint_of(const struct json *effect)
{
    const struct json *evidence = json_get(effect, "evidence"),
                      *reads = json_get(evidence, "reads");
    struct span given = json_string(json_get(effect, "fingerprint"));
    if (given.n)
        return id_hash64(given);
    struct buf b = {0};
    uint64_t sum = 0;
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *r = json_item(reads, i);
        int64_t seq = 0;
        json_int(json_get(r, "seq"), &seq);
        buf_clear(&b);
        buf_span(&b, json_string(json_get(r, "type")));
        buf_char(&b, '\0');
        buf_span(&b, json_string(json_get(r, "key")));
        buf_be64(&b, (uint64_t)seq);
        sum += id_hash64(buf_view(&b));
    }
    buf_free(&b);
    int64_t more = 0;
    json_int(json_get(evidence, "reads_more"), &more);
    return sum + (uint64_t)more * 0x9E3779B97F4A7C15ULL;
}

static int64_t cause_time(struct txn *t, struct arena *a, const struct json *effect,
                          uint64_t cause)
{
    struct entry entry;
    int64_t us;
    if (cause && journal_get(txn_view(t), a, cause, &entry, NULL))
        return entry.at;
    return calendar_parse_datetime(json_string(json_get(effect, "now")), &us) ? us : txn_now(t);
}

static void read_trigger(struct arena *a, const struct street *street,
                         const struct scenario *scenario, const struct json *effect,
                         struct step *s, struct life *life)
{
    const struct json *about = json_get(effect, "about");
    alert_level_parse(json_string(json_get(effect, "level")), &s->level);
    s->alert_kind = cut(json_string(json_get(effect, "kind")), 96);
    s->office = json_string(json_get(effect, "office"));
    if (!s->office.n || (street && !street_has_office(street, s->office)))
        s->office = scenario->office;
    s->title = cut(json_string(json_get(effect, "title")), TITLE_MAX);
    s->body = cut(json_string(json_get(effect, "text")), TEXT_MAX);
    s->about_type = cut(json_string(json_item(about, 0)), 96);
    s->about_id = cut(json_string(json_item(about, 1)), 256);
    s->scenario_title = cut(scenario->title, TITLE_MAX);
    s->communities = span_list(a, json_get(effect, "communities"), &s->community_count);
    s->also = span_list(a, json_get(effect, "also"), &s->also_count);
    if (!s->also_count) /* what the scenario says for all of them */
        s->also = span_list(a, json_get(scenario->manifest, "also"), &s->also_count);
    s->evidence_of = span_list(a, json_get(effect, "evidence_of"), &s->evidence_of_count);
    s->fingerprint = fingerprint_of(effect);
    s->version_seq = scenario->version_seq;
    s->version_number = scenario->number;
    s->reopen = json_bool(json_get(effect, "reopen"), false);
    s->rejudged = json_bool(json_get(effect, "rejudged"), false);
    if (!calendar_parse_datetime(json_string(json_get(effect, "now")), &s->judged_at))
        s->judged_at = s->at;
    life_of(scenario->manifest, s->alert_kind, s->level,
            json_string(json_get(effect, "quiet_default")), life);
    s->quiet_us = life->quiet_us;
}

bool alert_effect_read(struct txn *t, struct arena *a, const struct street *street,
                       const struct scenario *scenario, const struct json *effect,
                       struct span entry_key, struct step *s, struct life *life, struct err *e)
{
    struct span what = json_string(json_get(effect, "do"));
    s->flapping = json_bool(json_get(effect, "flapping"), false);
    s->stands = json_bool(json_get(effect, "stands"), false);
    if (span_eq(what, SPAN("alert"))) {
        s->kind = STEP_TRIGGER;
        read_trigger(a, street, scenario, effect, s, life);
        return true;
    }
    s->kind = span_eq(what, SPAN("clear")) ? STEP_CLEAR : STEP_RETRACT;
    s->text = cut(json_string(json_get(effect, "reason")), TEXT_MAX);
    s->may_close = json_bool(json_get(effect, "close"), true);
    if (s->kind == STEP_RETRACT)
        return true;
    struct fold f;
    if (!alert_load(txn_view(t), a, entry_key, &f, e))
        return false;
    life_of(scenario->manifest, f.al.kind, f.al.level, SPAN_NONE, life);
    s->close = life->close;
    return true;
}

bool alert_apply(struct txn *t, const struct street *street, const struct scenario *scenario,
                 const struct json *effect, struct err *e)
{
    struct arena a = {0};
    struct fold after;
    int64_t cause = 0;
    json_int(json_get(effect, "cause"), &cause);
    struct span key = key_of2(&a, scenario->id, json_string(json_get(effect, "key")), e);
    struct step s = {.effective = (uint64_t)cause};
    struct alert_source source = {.street = street, .effect = effect};
    bool appended, ok = key.n > 0;
    if (ok) {
        s.at = cause_time(t, &a, effect, (uint64_t)cause);
        ok = alert_effect_read(t, &a, street, scenario, effect, key, &s, &source.life, e) &&
             alert_append(t, &a, key, &s, (uint64_t)cause, &source, &after, &appended, e);
    }
    arena_free(&a);
    return ok;
}
