/* ctx:keywords, topic: what residents speak of, and the council topics that are made of it. */
#include "engine/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/key.h"
#include "domain/record.h"
#include "domain/row.h"
#include "domain/topic.h"
#include "engine/limit.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/json.h"

enum {
    SCAN_COST = 20,
    DAYS_MAX = 400,
    HEARD_MAX = 10000,   /* different keywords of one call */
    HOLD_MAX = 64 << 20, /* bytes of what it keeps of them */
    TOPICS_MAX = 50,     /* proposals while one entry is judged */
    TOPIC_KEY_MAX = 180,
    TOPIC_TEXT_MAX = 300,
};

/* --- who speaks, and where it is written ----------------------------------------------------------- */

enum source { SOURCE_LETTER, SOURCE_PETITION, SOURCE_POST, SOURCE_CAMERA, SOURCES };
static const struct {
    const char *type, *sender, *words;
} sources[SOURCES] = {
    [SOURCE_LETTER] = {"letter", "sender_key", "keywords"},
    [SOURCE_PETITION] = {"petition", "subject_key", "keywords"},
    [SOURCE_POST] = {"opinion_post", "author_key", "keywords"},
    [SOURCE_CAMERA] = {"camera_event", "place_id", "event_type"},
};

struct place { /* a community and how many letters and petitions come from it */
    struct span id;
    uint64_t count;
    struct place *next;
};
struct heard { /* one keyword */
    struct span keyword;
    uint64_t index, counts[SOURCES], senders;
    struct place *places;
};
struct word { /* as it is written → what it counts as; NULL: passed over */
    struct span text;
    struct heard *heard;
};
/* Open addressing; grows in the arena of the call. `marks` are hashes of what has been counted. */
struct words {
    struct word *slots;
    size_t count, size;
};
struct marks {
    uint64_t *slots;
    size_t count, size;
};

/* One call of ctx:keywords. Nothing of it may raise while a walk is open: errors wait in `e`. */
struct talk {
    struct evaluation *ev;
    const struct type *types[SOURCES], *dict;
    int canonical, stop; /* fields of keyword_dict */
    struct span community;
    bool one; /* only this keyword */
    struct span keyword;
    struct span
        *event_words; /* by place in the choices of event_type; NULL: cameras are not asked */
    double min_confidence;
    int64_t from, to; /* from ≤ t < to */
    struct words words;
    struct words heard; /* by keyword */
    struct marks marks;
    enum source source; /* of the walk under way */
    int64_t day;
    int64_t told, looked_up;
    struct err e;
};

/* --- sets ------------------------------------------------------------------------------------------ */

static bool mark(struct talk *k, uint64_t hash)
{
    struct marks *m = &k->marks;
    hash += hash == 0; /* 0: free */
    if (m->count * 2 >= m->size) {
        struct marks more = {.size = m->size ? m->size * 2 : 256, .count = m->count};
        more.slots = arena_alloc(&k->ev->scratch, more.size * sizeof *more.slots);
        for (size_t i = 0; i < m->size; i++) {
            size_t at = m->slots[i] & (more.size - 1);
            while (m->slots[i] && more.slots[at])
                at = (at + 1) & (more.size - 1);
            if (m->slots[i])
                more.slots[at] = m->slots[i];
        }
        *m = more;
    }
    size_t at = hash & (m->size - 1);
    for (; m->slots[at]; at = (at + 1) & (m->size - 1))
        if (m->slots[at] == hash)
            return false;
    m->slots[at] = hash;
    m->count++;
    return true;
}

static struct word *word_slot(struct words *w, struct span text)
{
    size_t at = id_hash64(text) & (w->size - 1);
    while (w->slots[at].text.p && !span_eq(w->slots[at].text, text))
        at = (at + 1) & (w->size - 1);
    return &w->slots[at];
}

/* The word's place, made if it has none yet (text.p is NULL then). Good until the next call. */
static struct word *word_place(struct talk *k, struct words *w, struct span text)
{
    if (w->count * 2 >= w->size) {
        struct words more = {.size = w->size ? w->size * 2 : 64, .count = w->count};
        more.slots = arena_alloc(&k->ev->scratch, more.size * sizeof *more.slots);
        for (size_t i = 0; i < w->size; i++)
            if (w->slots[i].text.p)
                *word_slot(&more, w->slots[i].text) = w->slots[i];
        *w = more;
    }
    return word_slot(w, text);
}

/* --- words ----------------------------------------------------------------------------------------- */

static struct heard *heard_of(struct talk *k, struct span keyword)
{
    struct word *slot = word_place(k, &k->heard, keyword);
    if (slot->text.p)
        return slot->heard;
    struct heard *h = arena_alloc(&k->ev->scratch, sizeof *h);
    h->keyword = arena_span(&k->ev->scratch, keyword);
    h->index = ++k->heard.count;
    *slot = (struct word){h->keyword, h};
    return h;
}

/* What the dictionary says of a word: false if it has no line there. */
static bool dictionary_line(struct talk *k, struct span text, struct span *canonical,
                            bool *stop)
{
    struct entry line;
    struct err e = {0};
    struct span key = key_of1(&k->ev->brief, text, &e);
    *canonical = SPAN_NONE;
    *stop = false;
    k->looked_up++;
    if (!key.n)
        return false; /* no key has such a text */
    if (!record_find(k->ev->host->view, &k->ev->brief, k->dict, key, k->ev->as_of, &line, &e)) {
        if (e.code != ERR_MISSING)
            k->e = e;
        return false;
    }
    struct row_value to = {.null = true}, off = {.null = true};
    if (k->canonical >= 0)
        to = row_get(k->dict, line.body, k->canonical);
    if (k->stop >= 0)
        off = row_get(k->dict, line.body, k->stop);
    *canonical = to.null ? SPAN_NONE : to.text;
    *stop = !off.null && off.boolean;
    return true;
}

/* One step: word → canonical; dropped if either of them is a stop word. */
static struct heard *look_up(struct talk *k, struct span text)
{
    struct span canonical, ignore;
    bool stop;
    if (!dictionary_line(k, text, &canonical, &stop) || !canonical.n)
        canonical = text;
    else if (!stop && !span_eq(canonical, text))
        dictionary_line(k, canonical, &ignore, &stop);
    return stop ? NULL : heard_of(k, canonical);
}

static struct heard *hear(struct talk *k, struct span text)
{
    if (!text.n)
        return NULL;
    struct word *slot = word_place(k, &k->words, text);
    if (slot->text.p)
        return slot->heard;
    struct heard *h = look_up(k, text);
    slot = word_place(k, &k->words, text);
    *slot = (struct word){arena_span(&k->ev->scratch, text), h};
    k->words.count++;
    return h;
}

/* --- records --------------------------------------------------------------------------------------- */

static struct span text_of(const struct type *t, const struct entry *e, const char *name)
{
    int field = type_field(t, span_of(name));
    struct row_value v =
        field < 0 ? (struct row_value){.null = true} : row_get(t, e->body, field);
    return v.null ? SPAN_NONE : v.text;
}

static void count_place(struct talk *k, struct heard *h, struct span id)
{
    struct place **at = &h->places;
    while (*at && !span_eq((*at)->id, id))
        at = &(*at)->next;
    if (!*at) {
        *at = arena_alloc(&k->ev->scratch, sizeof **at);
        (*at)->id = arena_span(&k->ev->scratch, id);
    }
    (*at)->count++;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9E3779B97F4A7C15ULL;
    return a ^ a >> 29;
}

/* Once for each sender, keyword, day and source. Those who are not named count as one. */
static bool count_word(struct talk *k, struct heard *h, struct span sender, struct span place)
{
    if (!h || (k->one && !span_eq(h->keyword, k->keyword)))
        return false;
    uint64_t who = mix(id_hash64(sender), h->index);
    if (!mark(k, mix(mix(who, (uint64_t)k->day), 1 + k->source)))
        return true;
    h->counts[k->source]++;
    if (k->source == SOURCE_CAMERA)
        return true;
    h->senders += sender.n && mark(k, who);
    if (k->source != SOURCE_POST && place.n)
        count_place(k, h, place);
    return true;
}

/* A record that counts is read: the first ones are kept as evidence, of all the others it stays a number. */
static void note_read(struct talk *k, const struct type *t, const struct entry *e)
{
    struct trace *trace = &k->ev->trace;
    struct trace_read beyond = {.type = t, .entry = *e}, *r = &beyond;
    if (trace->read_count < TRACE_READS_MAX) {
        r = arena_alloc(&k->ev->scratch, sizeof *r);
        *r = beyond;
        r->entry.key = arena_span(&k->ev->scratch, e->key);
        r->entry.body = arena_span(&k->ev->scratch, e->body);
    }
    trace_field(trace, r, type_field(t, span_of(sources[k->source].words)));
    if (t->event >= 0)
        trace_field(trace, r->same ? r->same : r, t->event);
}

static bool counts_as_event(struct talk *k, const struct type *t, const struct entry *e)
{
    int at = type_field(t, SPAN("confidence"));
    struct row_value v = at < 0 ? (struct row_value){.null = true} : row_get(t, e->body, at);
    if (span_eq(text_of(t, e, "phase"), SPAN("end")))
        return false;
    return span_eq(text_of(t, e, "report_type"), SPAN("manual")) ||
           (!v.null && v.number >= k->min_confidence);
}

static struct span event_word(struct talk *k, const struct type *t, struct span event)
{
    int field = type_field(t, SPAN("event_type"));
    const char **choices = field < 0 ? NULL : t->fields[field].choices;
    for (size_t i = 0; choices && choices[i]; i++)
        if (span_eq(event, span_of(choices[i])))
            return k->event_words[i];
    return SPAN_NONE;
}

static bool hear_event(struct talk *k, const struct type *t, const struct entry *e)
{
    struct span word = event_word(k, t, text_of(t, e, "event_type"));
    if (!word.n || !counts_as_event(k, t, e))
        return false;
    struct span place = text_of(t, e, "place_id");
    return count_word(k, hear(k, word), place.n ? place : text_of(t, e, "camera_id"),
                      SPAN_NONE);
}

static bool hear_record(void *ctx, const struct entry *e)
{
    struct talk *k = ctx;
    const struct type *t = k->types[k->source];
    bool counted = false;
    k->told++;
    if (k->source == SOURCE_CAMERA) {
        counted = hear_event(k, t, e);
    } else {
        int field = type_field(t, SPAN("keywords"));
        struct row_value list =
            field < 0 ? (struct row_value){.null = true} : row_get(t, e->body, field);
        struct span sender = text_of(t, e, sources[k->source].sender), word;
        struct span place = api_row_community(k->ev, t, e);
        while (!list.null && k->e.code == ERR_NONE && row_list_next(&list, &word))
            counted |= count_word(k, hear(k, word), sender, place);
    }
    if (counted)
        note_read(k, t, e);
    return k->e.code == ERR_NONE;
}

/* --- the walk -------------------------------------------------------------------------------------- */

static void pay(lua_State *L, struct talk *k, uint64_t looked)
{
    limit_charge(L, ((int64_t)looked + k->told + k->looked_up) * SCAN_COST);
    for (int64_t i = k->told + k->looked_up; i > 0; i--)
        limit_host_call(L);
    k->told = k->looked_up = 0;
    if (k->heard.count > HEARD_MAX || arena_size(&k->ev->scratch) > HOLD_MAX)
        sandbox_raise(L, "ctx:keywords 一次要数的关键词太多，请缩短时间或指定社区");
}

/* Day by day, so that nothing grows with the window and each day is paid for before the next is read. */
static void walk_day(lua_State *L, struct talk *k)
{
    int64_t from = calendar_day_start(k->day), to = calendar_day_start(k->day + 1);
    from = from > k->from ? from : k->from;
    to = to < k->to ? to : k->to;
    for (int i = 0; i < SOURCES; i++) {
        const struct type *t = k->types[i];
        struct record_where where = {t ? t->community : -1, k->community};
        uint64_t looked = 0;
        if (!t || (k->community.n && t->community < 0))
            continue;
        k->source = (enum source)i;
        arena_reset(&k->ev->brief);
        if (!record_window(k->ev->host->view, &k->ev->brief, t, &where, k->community.n ? 1 : 0,
                           from, to - 1, k->ev->as_of, hear_record, k, &looked, &k->e) ||
            k->e.code != ERR_NONE)
            api_stop(L, k->ev, &k->e);
        pay(L, k, looked);
    }
}

/* --- arguments ------------------------------------------------------------------------------------- */

/* "2020-07-08" is the start of that day. */
static int64_t moment(lua_State *L, struct span s, const char *name)
{
    int64_t day, us = 0;
    if (calendar_parse_date(s, &day))
        return calendar_day_start(day);
    if (!calendar_parse_datetime(s, &us))
        sandbox_raise(L, "ctx:keywords 的 %s 要写日期 2020-07-08 或时刻，现在是 %.*s", name,
                      SPAN_ARG(s));
    return us;
}

static void read_window(lua_State *L, struct talk *k)
{
    struct span from = api_member(L, 2, "from", "keywords", 40, true),
                to = api_member(L, 2, "to", "keywords", 40, true),
                within = api_member(L, 2, "within", "keywords", 16, true);
    if ((from.p || to.p) && within.p)
        sandbox_raise(L, "ctx:keywords 的 within 与 from、to 只能用一种");
    if (to.p && !from.p)
        sandbox_raise(L, "ctx:keywords 写了 to，也要写 from");
    k->to = k->ev->now + 1;
    if (from.p) {
        int64_t until = to.p ? moment(L, to, "to") : k->to;
        k->from = moment(L, from, "from");
        k->to = until < k->to ? until : k->to; /* what is ahead is not known */
    } else {
        api_push_span(L, within.p ? within : SPAN("7d"));
        k->from = api_window(L, k->ev, lua_gettop(L), "keywords");
        lua_pop(L, 1);
    }
    if (k->to > k->from && calendar_day_of(k->to - 1) - calendar_day_of(k->from) >= DAYS_MAX)
        sandbox_raise(L, "ctx:keywords 一次最多数 %d 天", DAYS_MAX);
}

/* cameras = { parking_motor = "停车", … } */
static void read_cameras(lua_State *L, struct talk *k)
{
    lua_getfield(L, 2, "cameras");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1))
        sandbox_raise(L, "ctx:keywords 的 cameras 要写成 { 事件种类 = \"词\" }");
    const struct type *t = api_type_named(L, k->ev, span_of(sources[SOURCE_CAMERA].type));
    int field = type_field(t, SPAN("event_type"));
    const char **choices = field < 0 ? NULL : t->fields[field].choices;
    if (!choices) {
        sandbox_raise(L, "数据字典里的 %s 没有 event_type 的种类", t->name);
        return;
    }
    api_members(L, lua_gettop(L), "keywords 的 cameras", choices);
    size_t n = 0;
    while (choices[n])
        n++;
    k->event_words = arena_alloc(&k->ev->scratch, (n + 1) * sizeof *k->event_words);
    for (size_t i = 0; i < n; i++)
        k->event_words[i] = api_member(L, lua_gettop(L), choices[i], "keywords", 64, true);
    k->types[SOURCE_CAMERA] = t;
    lua_pop(L, 1);
}

static void read_confidence(lua_State *L, struct talk *k)
{
    k->min_confidence = 0.80; /* scenarios.md 1.6, 4 */
    lua_getfield(L, 2, "min_confidence");
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            sandbox_raise(L, "ctx:keywords 的 min_confidence 应为数");
        k->min_confidence = lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
}

static void read_talk(lua_State *L, struct talk *k)
{
    static const char *const members[] = {"from",    "to",      "within",         "community",
                                          "keyword", "cameras", "min_confidence", NULL};
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_newtable(L);
    }
    api_members(L, 2, "keywords", members);
    read_window(L, k);
    k->community = api_member(L, 2, "community", "keywords", 64, true);
    k->keyword = api_member(L, 2, "keyword", "keywords", 200, true);
    k->one = k->keyword.p != NULL;
    for (int i = 0; i < SOURCE_CAMERA; i++)
        k->types[i] = api_type_named(L, k->ev, span_of(sources[i].type));
    k->dict = api_type_named(L, k->ev, SPAN("keyword_dict"));
    k->canonical = type_field(k->dict, SPAN("canonical"));
    k->stop = type_field(k->dict, SPAN("stop"));
    read_cameras(L, k);
    read_confidence(L, k);
    for (int i = 0; i < SOURCES; i++)
        if (k->types[i] && k->types[i]->event < 0)
            sandbox_raise(L, "%s 没有事件时间，不能按时间数关键词", k->types[i]->name);
}

/* --- the answer ------------------------------------------------------------------------------------ */

static int by_keyword(const void *a, const void *b)
{
    const struct heard *const *x = a, *const *y = b;
    return span_cmp((*x)->keyword, (*y)->keyword);
}

static void set_count(lua_State *L, const char *name, uint64_t n)
{
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, name);
}

static void push_heard(lua_State *L, const struct heard *h)
{
    static const char *const names[SOURCES] = {"letters", "petitions", "posts", "cameras"};
    lua_createtable(L, 0, 7);
    api_push_span(L, h->keyword);
    lua_setfield(L, -2, "keyword");
    for (int i = 0; i < SOURCES; i++)
        set_count(L, names[i], h->counts[i]);
    set_count(L, "senders", h->senders);
    lua_newtable(L);
    for (const struct place *p = h->places; p; p = p->next) {
        api_push_span(L, p->id);
        lua_pushinteger(L, (lua_Integer)p->count);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "communities");
}

static bool was_heard(const struct heard *h)
{
    uint64_t all = 0;
    for (int i = 0; h && i < SOURCES; i++)
        all += h->counts[i];
    return all > 0;
}

static int ctx_keywords(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "keywords");
    struct talk k = {.ev = ev};
    read_talk(L, &k);
    if (k.one) { /* asked for by any of its words */
        arena_reset(&ev->brief);
        struct heard *h = hear(&k, k.keyword);
        if (k.e.code != ERR_NONE)
            return api_stop(L, ev, &k.e);
        k.keyword = h ? h->keyword : SPAN("");
    }
    for (k.day = calendar_day_of(k.from); calendar_day_start(k.day) < k.to; k.day++)
        walk_day(L, &k);
    struct heard **list = arena_alloc(&ev->scratch, (k.heard.count + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < k.heard.size; i++)
        if (was_heard(k.heard.slots[i].heard))
            list[n++] = k.heard.slots[i].heard;
    if (n)
        qsort(list, n, sizeof *list, by_keyword);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        limit_charge(L, 50);
        push_heard(L, list[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* --- topics ---------------------------------------------------------------------------------------- */

struct topic_args {
    struct span key, title, keyword, kind, origin, estate, project;
    struct span *communities;
    size_t community_count;
};

static void read_topic(lua_State *L, struct evaluation *ev, struct topic_args *a)
{
    static const char *const members[] = {"key",       "title",      "keyword",
                                          "kind",      "origin",     "communities",
                                          "estate_id", "project_id", NULL};
    bool given;
    api_members(L, 2, "topic", members);
    a->key = api_member(L, 2, "key", "topic", TOPIC_KEY_MAX, true);
    a->title = api_member(L, 2, "title", "topic", TOPIC_TEXT_MAX, true);
    a->keyword = api_member(L, 2, "keyword", "topic", TOPIC_TEXT_MAX, true);
    a->kind = api_member(L, 2, "kind", "topic", 32, true);
    a->origin = api_member(L, 2, "origin", "topic", 32, true);
    a->estate = api_member(L, 2, "estate_id", "topic", TOPIC_KEY_MAX, true);
    a->project = api_member(L, 2, "project_id", "topic", TOPIC_KEY_MAX, true);
    a->communities =
        api_list_member(L, ev, "topic", "communities", &a->community_count, &given);
    if (!a->key.n || !a->title.n)
        sandbox_raise(L, "ctx:topic 要有 key 和 title");
    if (!topic_kind_is_known(a->kind))
        sandbox_raise(L, "ctx:topic 的 kind 应为 general、reno 或 tripartite，现在是 %.*s",
                      SPAN_ARG(a->kind));
    if (!a->origin.p)
        a->origin = SPAN("scenario");
    if (!topic_origin_is_known(a->origin))
        sandbox_raise(L, "ctx:topic 的 origin 应为 scenario 或 auto，现在是 %.*s",
                      SPAN_ARG(a->origin));
    if (!given && ev->community.n) {
        a->communities = &ev->community;
        a->community_count = 1;
    }
}

static void put_text(struct json_w *w, const char *name, struct span s)
{
    if (s.n)
        json_w_kspan(w, name, s);
}

static struct span topic_members(struct evaluation *ev, const struct topic_args *a)
{
    struct buf out = {0}, now = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kspan(&w, "title", a->title);
    json_w_kspan(&w, "kind", a->kind);
    json_w_kspan(&w, "origin", a->origin);
    put_text(&w, "keyword", a->keyword);
    put_text(&w, "estate_id", a->estate);
    put_text(&w, "project_id", a->project);
    json_w_name(&w, "communities");
    json_w_array(&w);
    for (size_t i = 0; i < a->community_count; i++)
        json_w_span(&w, a->communities[i]);
    json_w_array_end(&w);
    calendar_put_datetime(&now, ev->now);
    json_w_kspan(&w, "now", buf_view(&now));
    json_w_object_end(&w);
    json_w_end(&w);
    out.p[0] = ','; /* members behind others */
    struct span copy = arena_span(&ev->keep, (struct span){out.p, out.n - 1});
    buf_free(&out);
    buf_free(&now);
    return copy;
}

/* Returns the topic's id, which is known before anybody has written it. */
static int ctx_topic(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "topic");
    struct topic_args a = {0};
    char id[27];
    if (!ev->in->may_topic)
        return sandbox_raise(
            L, "ctx:topic：要提出议题，请在场景里写 may = { \"alert\", \"topic\" }");
    api_type_named(L, ev, SPAN("council_topic"));
    read_topic(L, ev, &a);
    if (++ev->topics > TOPICS_MAX)
        return sandbox_raise(L, "ctx:topic：一次最多提出 %d 个议题", TOPICS_MAX);
    limit_charge(L, 500);
    api_effect(ev, EFFECT_TOPIC, a.key)->members = topic_members(ev, &a);
    topic_id(id, ev->in->scenario.id, a.key);
    lua_pushstring(L, id);
    return 1;
}

const luaL_Reg api_opinion_functions[] = {
    {"keywords", ctx_keywords},
    {"topic", ctx_topic},
    {NULL, NULL},
};
