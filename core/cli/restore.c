#include <stdio.h>

#include "cli/cli.h"
#include "store/backup.h"

int restore_main(int argc, char **argv)
{
    const char *data = "data";
    const struct cli_option options[] = {
        {"--data", "目录", "恢复到这里；须不存在或是空的，缺省 data", .text = &data}, {0}};
    const struct cli_usage usage = {"wangyi restore 备份目录 --data 目录",
                                    "先核对备份，再恢复到空目录。已有数据的目录不会被覆盖。",
                                    options, 1, 1};
    int words, code;
    struct err e = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (!backup_restore(argv[1], data, &e))
        return cli_failed(&e);
    fprintf(stderr, "已恢复到 %s\n", data);
    return CLI_DONE;
}
