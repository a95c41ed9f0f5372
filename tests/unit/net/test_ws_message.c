#include "unit.h"

#include "net/ws_message.h"

static struct arena arena;

static bool parse(const char *text, struct ws_message *m, bool *well_formed)
{
    struct err e = {0};
    bool ok = ws_message_parse(m, &arena, span_of(text), well_formed, &e);
    assert_true(ok == (e.code == ERR_NONE));
    return ok;
}

static void each_kind_is_taken_apart(void **state)
{
    struct ws_message m;
    (void)state;
    assert_true(parse("{\"type\":\"hello\",\"id\":0,\"token\":\"wy_1\"}", &m, NULL));
    assert_int_equal(m.type, WS_HELLO);
    assert_span(m.token, "wy_1");
    assert_true(parse("{\"type\":\"subscribe\",\"id\":1,\"stream\":\"alerts\"}", &m, NULL));
    assert_false(m.resume);
    assert_true(parse("{\"type\":\"subscribe\",\"id\":1,\"stream\":\"alerts\",\"epoch\":\"e\","
                      "\"offset\":812}",
                      &m, NULL));
    assert_true(m.resume);
    assert_int_equal(m.offset, 812);
    assert_true(parse(
        "{\"type\":\"command\",\"id\":7,\"name\":\"alert.sign\",\"data\":{\"alert\":\"A\"}}",
        &m, NULL));
    assert_span(m.name, "alert.sign");
    assert_span(m.data, "{\"alert\":\"A\"}");
    assert_true(parse("{\"x\":[],\"type\":\"command\",\"id\":7,\"name\":\"n\"}", &m, NULL));
    assert_null(m.data.p);
    assert_false(
        parse("{\"type\":\"command\",\"id\":7,\"name\":\"n\",\"data\":null}", &m, NULL));
    assert_string_equal(m.id.json, "7");
    assert_true(parse("{\"type\":\"ping\",\"id\":9007199254740991}", &m, NULL));
    assert_string_equal(m.id.json, "9007199254740991");
    assert_true(parse("{\"type\":\"ping\",\"id\":\"a\\u0022b\"}", &m, NULL));
    assert_string_equal(m.id.json, "\"a\\\"b\"");
    assert_true(parse("{\"type\":\"hello\"}", &m, NULL));
    assert_string_equal(m.id.json, "");
    assert_true(parse("{\"type\":\"subscribe\",\"id\":1,\"stream\":\"alerts\",\"offset\":0}",
                      &m, NULL));
    assert_true(m.resume);
}

static void what_is_wrong_is_told_and_the_id_is_kept(void **state)
{
    static const struct {
        const char *text;
        bool well_formed, has_id;
    } cases[] = {
        {"", false, false},
        {"nonsense", false, false},
        {"[1]", false, false},
        {"{\"type\":\"ping\"}", true, false},
        {"{\"type\":\"ping\",\"id\":-1}", true, false},
        {"{\"type\":\"ping\",\"id\":\"0123456789012345678901234567890123456789"
         "012345678901234567890123\"}",
         true, false},
        {"{\"type\":\"ping\",\"id\":{}}", true, false},
        {"{\"type\":\"ping\",\"id\":9007199254740992}", true, false},
        {"{\"id\":1}", true, true},
        {"{\"type\":\"dance\",\"id\":1}", true, true},
        {"{\"type\":\"hello\",\"id\":1,\"token\":5}", true, true},
        {"{\"type\":\"subscribe\",\"id\":1}", true, true},
        {"{\"type\":\"subscribe\",\"id\":1,\"stream\":\"alerts\",\"offset\":-2}", true, true},
        {"{\"type\":\"command\",\"id\":1}", true, true},
        {"{\"type\":\"command\",\"id\":1,\"name\":\"x\",\"data\":[]}", true, true},
        {"{\"type\":\"ping\",\"id\":1,\"id\":2}", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_message m;
        bool well_formed;
        assert_false(parse(cases[i].text, &m, &well_formed));
        assert_int_equal(well_formed, cases[i].well_formed);
        assert_int_equal(m.id.json[0] != 0, cases[i].has_id);
    }
}

static void limits_hold_at_their_border(void **state)
{
    static char space[WS_MESSAGE_MAX + 1];
    struct ws_assembly a = {0};
    struct span message, full = {space, WS_MESSAGE_MAX}, one = {space, 1};
    (void)state;
    assert_int_equal(ws_assemble(&a, full, 0, true, WS_MESSAGE_MAX, &message), WS_PIECE_WHOLE);
    full.n++;
    assert_int_equal(ws_assemble(&a, full, 0, true, WS_MESSAGE_MAX, &message),
                     WS_PIECE_TOO_LARGE);
    assert_int_equal(ws_assemble(&a, one, 1ULL << 62, true, WS_MESSAGE_MAX, &message),
                     WS_PIECE_TOO_LARGE);
    for (int i = 1; i < WS_FRAGMENTS_MAX; i++)
        assert_int_equal(ws_assemble(&a, one, 0, false, WS_MESSAGE_MAX, &message),
                         WS_PIECE_MORE);
    assert_int_equal(ws_assemble(&a, one, 0, true, WS_MESSAGE_MAX, &message), WS_PIECE_WHOLE);
    assert_int_equal(message.n, WS_FRAGMENTS_MAX);
    for (int i = 1; i < WS_FRAGMENTS_MAX; i++)
        assert_int_equal(ws_assemble(&a, SPAN(""), 0, false, WS_MESSAGE_MAX, &message),
                         WS_PIECE_MORE);
    assert_int_equal(ws_assemble(&a, SPAN(""), 0, false, WS_MESSAGE_MAX, &message),
                     WS_PIECE_TOO_MANY);
    ws_assembly_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_taken_apart),
        cmocka_unit_test(what_is_wrong_is_told_and_the_id_is_kept),
        cmocka_unit_test(limits_hold_at_their_border),
    };
    int failed = unit_run(tests);
    arena_free(&arena);
    return failed;
}
