/*
 * The open alerts, as lists and counts ask for them: a small table that is written together
 * with the ALERT entries and can always be made again from them. Without it every list would
 * have to look at each alert there ever was.
 *
 * Row: key be64 raised_at, entry key; value u8 level, u8 state, then text parts (be16 length,
 * bytes): id, kind, office, about type, about id, then be16 count and parts of communities,
 * the same of also.
 */
#include "domain/alert_impl.h"

#include <string.h>

#include "domain/key.h"

#define BOARD "alerts.open"
#define COUNT "alerts.count"
enum { LIST_MAX = 24, PART_MAX = 64, PAGE = 256 }; /* a row fits in 4 KiB */

static void put_part(struct buf *b, struct span s)
{
    size_t n = s.n > PART_MAX ? PART_MAX : s.n;
    buf_be16(b, (uint16_t)n);
    if (n)
        buf_put(b, s.p, n);
}

static void put_parts(struct buf *b, const struct span *items, size_t n)
{
    n = n > LIST_MAX ? LIST_MAX : n;
    buf_be16(b, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        put_part(b, items[i]);
}

static void put_row(struct buf *b, const struct alert *al)
{
    buf_u8(b, (uint8_t)al->level);
    buf_u8(b, (uint8_t)al->state);
    put_part(b, span_of(al->id));
    put_part(b, al->kind);
    put_part(b, al->office);
    put_part(b, al->about_type);
    put_part(b, al->about_id);
    put_parts(b, al->communities, al->community_count);
    put_parts(b, al->also, al->also_count);
}

static struct span take_part(struct span *rest)
{
    size_t n = rest->n >= 2 ? be16_get(rest->p) : 0;
    if (rest->n < 2 + n) {
        *rest = SPAN_NONE;
        return SPAN_NONE;
    }
    struct span part = {rest->p + 2, n};
    *rest = (struct span){rest->p + 2 + n, rest->n - 2 - n};
    return part;
}

static size_t take_parts(struct span *rest, struct span *items)
{
    size_t n = rest->n >= 2 ? be16_get(rest->p) : 0;
    if (rest->n >= 2)
        *rest = (struct span){rest->p + 2, rest->n - 2};
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        items[i] = take_part(rest);
    return n < LIST_MAX ? n : LIST_MAX;
}

static void read_row(const struct table_row *row, struct board_row *out, struct span *lists)
{
    struct span rest = row->value, parts[2] = {SPAN_NONE, SPAN_NONE};
    struct alert *al = &out->al;
    *out = (struct board_row){.entry_key = {row->key.p + 8, row->key.n - 8}};
    key_split(out->entry_key, parts, 2);
    al->scenario = parts[0];
    al->key = parts[1];
    al->raised_at = (int64_t)be64_get(row->key.p);
    if (rest.n < 2)
        return;
    al->level = (enum alert_level)rest.p[0];
    al->state = (enum alert_state)rest.p[1];
    rest = (struct span){rest.p + 2, rest.n - 2};
    struct span id = take_part(&rest);
    if (id.n < sizeof al->id)
        memcpy(al->id, id.p, id.n);
    al->kind = take_part(&rest);
    al->office = take_part(&rest);
    al->about_type = take_part(&rest);
    al->about_id = take_part(&rest);
    al->communities = lists;
    al->community_count = take_parts(&rest, lists);
    al->also = lists + LIST_MAX;
    al->also_count = take_parts(&rest, lists + LIST_MAX);
}

static struct span board_key(struct arena *a, int64_t raised_at, struct span entry_key)
{
    char *p = arena_alloc(a, 8 + entry_key.n);
    be64_put(p, (uint64_t)raised_at);
    if (entry_key.n)
        memcpy(p + 8, entry_key.p, entry_key.n);
    return (struct span){p, 8 + entry_key.n};
}

static bool count_add(struct txn *t, struct arena *a, struct span scenario, int by,
                      struct err *e)
{
    uint64_t n = alert_open_count(txn_view(t), a, scenario);
    char value[8];
    be64_put(value, by < 0 && n == 0 ? 0 : n + (uint64_t)by);
    return table_put(t, COUNT, scenario, (struct span){value, 8}, e);
}

bool board_update(struct txn *t, struct arena *a, struct span entry_key,
                  const struct fold *before, const struct fold *after, struct err *e)
{
    bool was = before->exists && alert_is_open(&before->al);
    bool is = after->exists && alert_is_open(&after->al);
    if (was && (!is || before->al.raised_at != after->al.raised_at) &&
        !table_drop(t, BOARD, board_key(a, before->al.raised_at, entry_key), e))
        return false;
    if (is) {
        struct buf value = {0};
        put_row(&value, &after->al);
        bool ok = table_put(t, BOARD, board_key(a, after->al.raised_at, entry_key),
                            buf_view(&value), e);
        buf_free(&value);
        if (!ok)
            return false;
    }
    return was == is || count_add(t, a, after->al.scenario, is ? 1 : -1, e);
}

uint64_t alert_open_count(struct view *v, struct arena *a, struct span scenario)
{
    struct span value;
    return table_get(v, a, COUNT, scenario, &value) && value.n == 8 ? be64_get(value.p) : 0;
}

bool board_each(struct view *v, int64_t raised_at, struct span entry_key,
                bool (*fn)(void *ctx, const struct board_row *row), void *ctx)
{
    struct arena pages[2] = {{0}, {0}}; /* the last key of a page is where the next begins */
    struct table_row rows[PAGE];
    struct span lists[2 * LIST_MAX], before = SPAN_NONE;
    if (raised_at != INT64_MAX)
        before = board_key(&pages[1], raised_at, entry_key);
    bool going = true;
    for (int p = 0; going; p ^= 1) {
        arena_reset(&pages[p]);
        size_t n = table_read(v, &pages[p], BOARD, before, rows, PAGE);
        for (size_t i = 0; i < n && going; i++) {
            struct board_row row;
            if (rows[i].key.n <= 8)
                continue;
            read_row(&rows[i], &row, lists);
            going = fn(ctx, &row);
        }
        if (n < PAGE)
            break;
        before = rows[n - 1].key;
    }
    arena_free(&pages[0]);
    arena_free(&pages[1]);
    return going;
}
