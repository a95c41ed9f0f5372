/* wangyi: one binary, git-like. Each subcommand has a file of its own; this is their table. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

static const struct cli_command commands[] = {
    {"serve", "运行街道的服务", serve_main},
    {"check", "检查场景脚本：语法、形状、字段、样例", check_main},
    {"test", "在真实引擎里跑场景的样例，或一个用例文件", test_main},
    {"backtest", "在存下的数据上试一个脚本：会多报、少报什么", backtest_main},
    {"explain", "为什么报了，或者为什么没有报", explain_main},
    {"ingest", "送入一类数据（NDJSON、JSON、CSV）", ingest_main},
    {"withdraw", "把一批数据整批撤回", withdraw_main},
    {"reload", "重新读入磁盘上的场景和科室文件", reload_main},
    {"user", "添加或更改人员账号", user_main},
    {"key", "添加或停用机器密钥", key_main},
    {"feed", "检查外来数据的格式文件，存取数的口令", feed_main},
    {"export", "导出一类数据", export_main},
    {"backup", "备份", backup_main},
    {"restore", "由备份恢复到空目录", restore_main},
    {"verify", "逐条核对数据目录", verify_main},
    {"doctor", "检查运行环境和配置", doctor_main},
    {"version", "版本", version_main},
    {"engine", NULL, engine_main}, /* started by serve and check; not for hands */
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *to)
{
    fprintf(to, "wangyi 网驿：街道事件场景平台\n\n用法：wangyi 命令 [选项]\n\n命令：\n");
    for (int i = 0; i < COMMANDS; i++)
        if (commands[i].about)
            fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
    fprintf(to, "\n“wangyi 命令 --help”看各命令的选项。\n"
                "退出码：0 成功，1 失败或被拒绝，2 用法不对，70 内部错误。\n");
}

static int run(const char *name, int argc, char **argv)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc, argv);
    fprintf(stderr, "没有这个命令：%.100s（wangyi --help 看全部命令）\n", name);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    umask(077); /* what we write is the street's own */
    signal(SIGPIPE, SIG_IGN);
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "help") == 0 && argc > 2) { /* help COMMAND = COMMAND --help */
        char *asked[] = {argv[2], (char[]){"--help"}, NULL};
        return run(argv[2], 2, asked);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    return run(name, argc - 1, argv + 1);
}
