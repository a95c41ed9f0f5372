#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(const struct cli_usage *u)
{
    printf("用法：%s\n", u->line);
    if (u->about)
        printf("\n%s\n", u->about);
    printf("\n选项：\n");
    for (const struct cli_option *o = u->options; o->name; o++) {
        int width = printf("  %s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("%*s %s\n", width < 28 ? 28 - width : 0, "", o->help);
    }
    printf("  --help%*s 显示这段说明\n", 20, "");
}

int cli_misused(const struct cli_usage *u, const char *why)
{
    fprintf(stderr, "%s\n用法：%s\n（加 --help 看全部选项）\n", why, u->line);
    return CLI_USAGE;
}

int cli_failed(const struct err *e)
{
    fprintf(stderr, "wangyi: %s\n", e->text[0] ? e->text : "失败");
    return CLI_FAILED;
}

/* The option this word names; *inline_value is what stands behind '=', or NULL. */
static const struct cli_option *find(const struct cli_usage *u, char *word, char **inline_value)
{
    char *eq = strchr(word, '=');
    size_t n = eq ? (size_t)(eq - word) : strlen(word);
    *inline_value = eq ? eq + 1 : NULL;
    for (const struct cli_option *o = u->options; o->name; o++)
        if (strlen(o->name) == n && strncmp(o->name, word, n) == 0)
            return o;
    return NULL;
}

static const char *take(const struct cli_option *o, const char *value)
{
    if (o->on)
        *o->on = true;
    else if (o->text)
        *o->text = value;
    else if (o->list->count == (int)(sizeof o->list->items / sizeof *o->list->items))
        return "这个选项给得太多次";
    else
        o->list->items[o->list->count++] = value;
    return NULL;
}

bool cli_parse(const struct cli_usage *u, int argc, char **argv, int *words, int *exit_code)
{
    char why[200];
    int count = 0;
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i], *value;
        if (only_words || word[0] != '-' || word[1] == '\0') {
            argv[++count] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(u);
            *exit_code = CLI_DONE;
            return false;
        }
        const struct cli_option *o = find(u, word, &value);
        const char *wrong = NULL;
        if (!o)
            wrong = "没有这个选项";
        else if (!o->value && value)
            wrong = "这个选项不带值";
        else if (o->value && !value && i + 1 >= argc)
            wrong = "这个选项要带一个值";
        else
            wrong = take(o, o->value ? (value ? value : argv[++i]) : NULL);
        if (wrong) {
            snprintf(why, sizeof why, "%s：%.100s", wrong, word);
            *exit_code = cli_misused(u, why);
            return false;
        }
    }
    if (count < u->min || (u->max >= 0 && count > u->max)) {
        *exit_code = cli_misused(u, count < u->min ? "还缺参数" : "参数太多");
        return false;
    }
    *words = count;
    return true;
}

const char *cli_self(void)
{
    static char path[4096];
    if (path[0] == '\0') {
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        if (n < 0)
            snprintf(path, sizeof path, "wangyi");
    }
    return path;
}

bool cli_stdin_line(char *out, size_t size, struct err *e)
{
    if (!fgets(out, (int)size, stdin))
        return err_set(e, ERR_INPUT, "标准输入是空的，请从标准输入给出密码");
    size_t n = strcspn(out, "\r\n");
    if (out[n] == '\0' && n + 1 == size)
        return err_set(e, ERR_INPUT, "标准输入的第一行太长");
    out[n] = '\0';
    return n > 0 || err_set(e, ERR_INPUT, "标准输入的第一行是空的，请给出密码");
}

bool cli_read_file(const char *path, size_t max, struct buf *out, struct err *e)
{
    int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_MISSING, "打不开 %s：%s", path, strerror(errno));
    ssize_t n;
    while ((n = read(fd, buf_space(out, 65536), 65536)) > 0 && out->n + (size_t)n <= max)
        out->n += (size_t)n;
    int failed = n < 0 ? errno : 0;
    if (fd)
        close(fd);
    if (failed)
        return err_set(e, ERR_SYSTEM, "读 %s 时出错：%s", path, strerror(failed));
    return n == 0 || err_set(e, ERR_LIMIT, "%s 超过 %zu 字节", path, max);
}

bool cli_write_out(const char *p, size_t n)
{
    return fwrite(p, 1, n, stdout) == n && fflush(stdout) == 0;
}
