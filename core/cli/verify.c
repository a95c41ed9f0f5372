#include <stdio.h>

#include "cli/cli.h"
#include "store/backup.h"

static void problem(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

int verify_main(int argc, char **argv)
{
    const char *data = "data";
    bool json = false;
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录，缺省 data", .text = &data},
        {"--json", NULL, "以 JSON 输出", .on = &json},
        {0}};
    const struct cli_usage usage = {"wangyi verify --data 目录",
                                    "读一遍所有内容：日志连续、校验和正确、索引与版本完整。有问"
                                    "题时逐条写到标准错误，退出码 1。",
                                    options, 0, 0};
    int words, code;
    struct err e = {0};
    struct verify_report r = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (!store_verify(data, &r, problem, NULL, &e))
        return cli_failed(&e);
    if (json)
        printf("{\"entries\":%llu,\"versions\":%llu,\"postings\":%llu,\"streams\":%llu,"
               "\"pictures\":%llu,\"problems\":%llu}\n",
               (unsigned long long)r.entries, (unsigned long long)r.versions,
               (unsigned long long)r.postings, (unsigned long long)r.streams,
               (unsigned long long)r.pictures, (unsigned long long)r.problems);
    else
        printf("条目 %llu，版本 %llu，索引 %llu，流 %llu，图片 %llu，问题 %llu\n",
               (unsigned long long)r.entries, (unsigned long long)r.versions,
               (unsigned long long)r.postings, (unsigned long long)r.streams,
               (unsigned long long)r.pictures, (unsigned long long)r.problems);
    return r.problems ? CLI_FAILED : CLI_DONE;
}
