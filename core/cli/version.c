#include <stdio.h>

#include "cli/cli.h"
#include "store/store.h"

int version_main(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {{"--json", NULL, "以 JSON 输出", .on = &json}, {0}};
    const struct cli_usage usage = {"wangyi version [--json]", NULL, options, 0, 0};
    int words, code;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (json)
        printf("{\"version\":\"%s\",\"store_format\":%d}\n", WANGYI_VERSION, STORE_FORMAT);
    else
        printf("wangyi %s（数据格式 %d）\n", WANGYI_VERSION, STORE_FORMAT);
    return CLI_DONE;
}
