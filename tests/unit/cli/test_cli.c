#include "unit.h"

#include "cli/cli.h"

struct given {
    const char *data;
    bool json;
    struct cli_list types;
};

static bool parse(struct given *g, int argc, char **argv, int *words, int *code)
{
    const struct cli_option options[] = {{"--data", "D", "", .text = &g->data},
                                         {"--json", NULL, "", .on = &g->json},
                                         {"--type", "T", "", .list = &g->types},
                                         {0}};
    const struct cli_usage usage = {"x", NULL, options, 1, 2};
    return cli_parse(&usage, argc, argv, words, code);
}

static void options_and_words_may_be_mixed(void **state)
{
    (void)state;
    struct given g = {0};
    char *argv[] = {(char[]){"x"},      (char[]){"one"},    (char[]){"--data=d e"},
                    (char[]){"--json"}, (char[]){"--type"}, (char[]){"a"},
                    (char[]){"--type"}, (char[]){"b"},      (char[]){"--"},
                    (char[]){"--two"}};
    int words = 0, code = -1;
    assert_true(parse(&g, 10, argv, &words, &code));
    assert_int_equal(words, 2);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "--two");
    assert_string_equal(g.data, "d e");
    assert_true(g.json);
    assert_int_equal(g.types.count, 2);
    assert_string_equal(g.types.items[1], "b");
}

static void misuse_is_exit_code_two_and_help_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        int code;
    } cases[] = {
        {{"--nope", "one"}, CLI_USAGE},
        {{"--data"}, CLI_USAGE},
        {{"--json=yes", "one"}, CLI_USAGE},
        {{"--dat", "d", "one"}, CLI_USAGE},
        {{"--json"}, CLI_USAGE},
        {{"a", "b", "c"}, CLI_USAGE},
        {{"--json", "--help"}, CLI_DONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct given g = {0};
        char texts[3][16], *argv[4] = {(char[]){"x"}};
        int argc = 1, words = 0, code = -1;
        for (int k = 0; k < 3 && cases[i].words[k]; k++) {
            snprintf(texts[k], sizeof texts[k], "%s", cases[i].words[k]);
            argv[argc++] = texts[k];
        }
        assert_false(parse(&g, argc, argv, &words, &code));
        assert_int_equal(code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_may_be_mixed),
        cmocka_unit_test(misuse_is_exit_code_two_and_help_is_none),
    };
    return unit_run(tests);
}
