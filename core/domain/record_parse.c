#include "domain/record.h"

#include <stddef.h>
#include <string.h>

#include "domain/record_impl.h"
#include "domain/seal.h"
#include "store/store.h"
#include "util/json.h"

void record_parser_init(struct record_parser *p, const struct type *t, struct vault *vault)
{
    memset(p, 0, offsetof(struct record_parser, secrets));
    memset(p->secrets, 0, (size_t)t->field_count * sizeof *p->secrets);
    p->type = t;
    p->vault = vault;
}

void record_parser_fini(struct record_parser *p)
{
    row_writer_fini(&p->row);
    buf_free(&p->body);
    buf_free(&p->text);
    arena_free(&p->scratch);
}

bool record_is_system_name(struct span name)
{
    return span_eq(name, SPAN("type")) || span_eq(name, SPAN("stored_at")) ||
           span_eq(name, SPAN("_seq")) || span_eq(name, SPAN("_at"));
}

static void begin(struct record_parser *p)
{
    arena_reset(&p->scratch);
    row_writer_begin(&p->row, p->type);
    if (p->has_secret)
        memset(p->secrets, 0, (size_t)p->type->field_count * sizeof *p->secrets);
    p->has_secret = false;
}

static bool unknown(const struct type *t, struct span name, struct err *e)
{
    char text[64];
    const char *near = type_field_near(t, name);
    if (near)
        return err_set(e, ERR_INPUT, "%s（%s）没有字段“%s”，是不是 %s？", t->label, t->name,
                       record_cut(name, text), near);
    return err_set(e, ERR_INPUT, "%s（%s）没有字段“%s”，请去掉或先加进数据字典", t->label,
                   t->name, record_cut(name, text));
}

/* Members mostly come in the dictionary's order: look there first. */
static int find_field(const struct type *t, struct span name, int guess)
{
    if (guess < t->field_count) {
        const char *want = t->fields[guess].name;
        if (name.n && strncmp(want, name.p, name.n) == 0 && want[name.n] == '\0')
            return guess;
    }
    return type_field(t, name);
}

static bool read_object(struct record_parser *p, struct span object, struct arena *a,
                        bool keys_only, const char **field, struct err *e)
{
    const struct json_limits limits = {.bytes = 64 << 10, .keys = 256};
    struct json_scan s;
    struct json_value v;
    struct span name;
    int last = -1;
    begin(p);
    if (!json_scan_open(&s, &p->scratch, object, &limits, e))
        return false;
    while (json_scan_next(&s, &name, &v, e)) {
        int f = find_field(p->type, name, last + 1);
        if (f >= 0) {
            last = f;
            if (v.type == JSON_NULL || (keys_only && !record_is_key(p->type, f)))
                continue;
            if (!record_set_json(p, f, &v, e)) {
                *field = p->type->fields[f].name;
                return false;
            }
        } else if (span_eq(name, SPAN("type")) && v.type == JSON_STRING &&
                   !span_eq(v.string, span_of(p->type->name))) {
            *field = "type";
            return err_set(e, ERR_INPUT, "这是“%s”的数据，写的类型却是“%.*s”", p->type->name,
                           (int)span_cut_utf8(v.string, 60), v.string.p);
        } else if (!keys_only && !record_is_system_name(name)) {
            *field = arena_span(a, (struct span){name.p, span_cut_utf8(name, 64)}).p;
            return unknown(p->type, name, e);
        }
    }
    return !s.failed;
}

static bool read_cells(struct record_parser *p, const int *fields, const struct span *cells,
                       int count, bool keys_only, const char **field, struct err *e)
{
    begin(p);
    for (int i = 0; i < count; i++) {
        struct span s = span_trim(cells[i]);
        if (fields[i] < 0 || s.n == 0 || (keys_only && !record_is_key(p->type, fields[i])))
            continue;
        if (!record_set_cell(p, fields[i], s, e)) {
            *field = p->type->fields[fields[i]].name;
            return false;
        }
    }
    return true;
}

/* ---- the whole record ---- */

static bool check_required(struct record_parser *p, const char **field, struct err *e)
{
    const struct type *t = p->type;
    for (int i = 0; i < t->field_count; i++) {
        if (!t->fields[i].required || p->row.offsets[i] || p->secrets[i].p)
            continue;
        *field = t->fields[i].name;
        return err_set(e, ERR_INPUT, "缺少“%s”（%s），这一项必填", t->fields[i].label,
                       t->fields[i].name);
    }
    return true;
}

/* p->body is finished; the key goes to the arena. */
static bool make_key(struct record_parser *p, struct arena *a, struct span *key,
                     const char **field, struct err *e)
{
    const struct type *t = p->type;
    buf_clear(&p->text);
    for (int i = 0; i < t->key_count; i++) {
        struct row_value v = row_get(t, buf_view(&p->body), t->key[i]);
        size_t start = p->text.n;
        row_put_text(&p->text, &v);
        bool empty = p->text.n == start;
        /* People and the API write the parts joined by '|': it could never be asked for. */
        bool splits = t->key_count > 1 && !empty &&
                      memchr(p->text.p + start, '|', p->text.n - start) != NULL;
        buf_char(&p->text, '\0');
        *field = t->fields[t->key[i]].name;
        if (empty)
            return err_set(e, ERR_INPUT, "“%s”是主键，不能为空", t->fields[t->key[i]].label);
        if (splits)
            return err_set(e, ERR_INPUT, "“%s”是主键的一段，不能含竖线 |，请换别的符号",
                           t->fields[t->key[i]].label);
        if (p->text.n > STORE_KEY_MAX)
            return err_set(e, ERR_INPUT, "主键太长：各项合起来最多 %d 字节",
                           (int)STORE_KEY_MAX - t->key_count);
    }
    *field = "";
    *key = arena_span(a, buf_view(&p->text));
    return true;
}

static bool seal_secrets(struct record_parser *p, struct span key, const char **field,
                         struct err *e)
{
    struct span person = seal_person(&p->scratch, p->type, key), sealed;
    for (int i = 0; i < p->type->field_count; i++) {
        const char *name = p->type->fields[i].name;
        if (!p->secrets[i].p)
            continue;
        if (!seal_text(p->vault, person, span_of(name), p->secrets[i], &p->scratch, &sealed,
                       e)) {
            *field = name;
            if (e->code == ERR_MISSING)
                err_set(e, ERR_INPUT, "此人的信息已按要求抹除，不能再录入");
            return false;
        }
        row_writer_text(&p->row, i, sealed);
    }
    row_writer_finish(&p->row, &p->body);
    return true;
}

static bool finish(struct record_parser *p, struct arena *a, struct record *out,
                   const char **field, struct err *e)
{
    if (!check_required(p, field, e))
        return false;
    row_writer_finish(&p->row, &p->body);
    if (!make_key(p, a, &out->key, field, e) ||
        (p->has_secret && p->vault && !seal_secrets(p, out->key, field, e)))
        return false;
    out->type = p->type;
    out->body = (struct span){arena_copy(a, p->body.p, p->body.n), p->body.n};
    return true;
}

bool record_parser_object(struct record_parser *p, struct span object, struct arena *a,
                          struct record *out, const char **field, struct err *e)
{
    *field = "";
    return read_object(p, object, a, false, field, e) && finish(p, a, out, field, e);
}

bool record_parser_cells(struct record_parser *p, const int *fields, const struct span *cells,
                         int count, struct arena *a, struct record *out, const char **field,
                         struct err *e)
{
    *field = "";
    return read_cells(p, fields, cells, count, false, field, e) && finish(p, a, out, field, e);
}

static struct span key_of_read(struct record_parser *p, struct arena *a)
{
    const char *field;
    struct span key;
    struct err e = {0};
    row_writer_finish(&p->row, &p->body);
    return make_key(p, a, &key, &field, &e) ? key : SPAN_NONE;
}

struct span record_parser_object_key(struct record_parser *p, struct span object,
                                     struct arena *a)
{
    const char *field;
    struct err e = {0};
    return read_object(p, object, a, true, &field, &e) ? key_of_read(p, a) : SPAN_NONE;
}

struct span record_parser_cells_key(struct record_parser *p, const int *fields,
                                    const struct span *cells, int count, struct arena *a)
{
    const char *field;
    struct err e = {0};
    return read_cells(p, fields, cells, count, true, &field, &e) ? key_of_read(p, a)
                                                                 : SPAN_NONE;
}

bool record_parse(const struct type *t, struct span object, struct vault *vault,
                  struct arena *a, struct record *out, const char **field, struct err *e)
{
    struct record_parser p;
    struct err local = {0};
    record_parser_init(&p, t, vault);
    *out = (struct record){0};
    bool ok = record_parser_object(&p, object, a, out, field, e ? e : &local);
    record_parser_fini(&p);
    return ok;
}
