/* The tail of the index under one inserter and readers beside it. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/key.h"
#include "store/tail.h"

enum { TYPE = 300, ROUNDS = 200, EACH = 300 };

struct search {
    struct tail *tail;
    atomic_bool over;
    uint64_t misses, searches;
};

static void put(struct tail_batch *b, uint64_t seq, const char *key)
{
    struct entry entry = {.seq = seq, .type = TYPE, .key = span_of(key)};
    tail_batch_entry(b, &entry, NULL, 0);
    tail_batch_flush(b);
}

static void *search_work(void *arg)
{
    struct search *s = arg;
    struct key_buf want;
    key_version(&want, TYPE, SPAN("z"), 1);
    while (!atomic_load(&s->over)) {
        const struct tail_node *n = tail_seek(s->tail, key_span(&want));
        s->misses += !n || !span_eq(tail_key(n), key_span(&want));
        s->searches++;
    }
    return NULL;
}

/* Each key comes to stand right before the one that is looked for, where a search has just been. */
static void a_key_is_found_while_others_come_to_stand_before_it(void **state)
{
    (void)state;
    struct tail_batch batch = {.count = 0};
    uint64_t misses = 0, searches = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct search s = {.tail = tail_new(0)};
        pthread_t thread;
        batch.tail = s.tail;
        put(&batch, 1, "z");
        pthread_create(&thread, NULL, search_work, &s);
        for (unsigned i = 0; i < EACH; i++) {
            char key[16];
            snprintf(key, sizeof key, "y%06u", i);
            put(&batch, 2 + i, key);
        }
        atomic_store(&s.over, true);
        pthread_join(thread, NULL);
        misses += s.misses;
        searches += s.searches;
        tail_drop(s.tail);
    }
    assert_true(searches > 0);
    assert_int_equal(misses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_while_others_come_to_stand_before_it),
    };
    return unit_run(tests);
}
