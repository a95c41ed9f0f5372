#include <stdio.h>

#include "cli/cli.h"
#include "engine/engine.h"

int test_main(int argc, char **argv)
{
    const char *scripts = "scripts", *scenarios = "scenarios", *cases = NULL;
    bool json = false, verbose = false, table = false;
    const struct cli_option options[] = {
        {"--cases", "文件", "跑这个 NDJSON 文件里的用例，而不是脚本里的样例", .text = &cases},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--scenarios", "目录", "缺省 scenarios", .text = &scenarios},
        {"--verbose", NULL, "通过的也写出来", .on = &verbose},
        {"--table", NULL, "每个场景一行的 Markdown 表：科室、形态、样例数、到过的行和判断",
         .on = &table},
        {"--json", NULL, "每个用例一行 JSON", .on = &json},
        {0},
    };
    const struct cli_usage usage = {"wangyi test [场景编号…] [--cases 文件]",
                                    "在真实的引擎里跑样例：时钟停住，每个用例一个空库。",
                                    options, 0, -1};
    int words, code;
    struct err e = {0};
    struct buf out = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    const struct engine_test t = {.scripts_dir = scripts,
                                  .scenarios_dir = scenarios,
                                  .cases = cases,
                                  .ids = words ? (const char *const *)&argv[1] : NULL,
                                  .id_count = words,
                                  .json = json,
                                  .table = table,
                                  .verbose = verbose};
    int failed = engine_test(&t, &out, &e);
    cli_write_out(out.p, out.n);
    buf_free(&out);
    if (failed < 0)
        return cli_failed(&e);
    return failed ? CLI_FAILED : CLI_DONE;
}
