/*
 * What Lua says of a mistake, in the office's language. A pattern's '*' takes as little as it can; the answer's $1 …
 * are what the stars took. What is not in the table stays as Lua said it.
 */
#include <stdio.h>
#include <string.h>

#include "engine/sandbox_impl.h"

enum { STARS_MAX = 5 };

struct saying {
    const char *lua, *ours;
};
static const struct saying sayings[] = {
    {"attempt to index a nil value (* '*')",
     "$2 是空值（nil），取不了它的字段：先判断它有没有"},
    {"attempt to index a * value (* '*')", "$3 是 $1，取不了它的字段"},
    {"attempt to index a * value*", "对 $1 取不了字段"},
    {"attempt to call a nil value (method '*')", "没有函数 $1"},
    {"attempt to call a nil value (* '*')", "没有函数 $2"},
    {"attempt to call a * value (* '*')", "$3 是 $1，不是函数"},
    {"attempt to call a * value*", "$1 不是函数，不能调用"},
    {"attempt to perform arithmetic on a * value (* '*')", "$3 是 $1，不是数，不能运算"},
    {"attempt to perform arithmetic on a * value*", "$1 不是数，不能运算"},
    {"attempt to perform bitwise operation on a * value*", "$1 不能做位运算"},
    {"attempt to concatenate a * value (* '*')", "$3 是 $1，不能接成文本"},
    {"attempt to concatenate a * value*", "$1 不能接成文本"},
    {"attempt to get length of a * value (* '*')", "$3 是 $1，没有长度"},
    {"attempt to get length of a * value*", "$1 没有长度"},
    {"attempt to compare two * values", "两个 $1 不能比大小"},
    {"attempt to compare * with *", "$1 和 $2 不能比大小"},
    {"attempt to perform 'n//0'", "除数是零"},
    {"attempt to perform 'n%%0'", "除数是零"},
    {"attempt to assign to const variable '*'*", "不能改常量 $1"},
    {"number has no integer representation", "这个数不是整数"},
    {"number* has no integer representation", "这个数不是整数"},
    {"'for' initial value must be a number", "for 的起始值须是数"},
    {"'for' limit must be a number", "for 的终值须是数"},
    {"'for' step must be a number", "for 的步长须是数"},
    {"'for' step is zero", "for 的步长不能是零"},
    {"bad argument #* to '*' (* expected, got *)", "$2 的第 $1 个参数应是 $3，给的是 $4"},
    {"bad argument #* to '*' (*)", "$2 的第 $1 个参数不对：$3"},
    {"stack overflow*", "递归太深，没有尽头"},
    {"C stack overflow*", "嵌套或递归太深"},
    {"error in error handling", "处理错误时又出了错"},
    {"attempt to yield across a C-call boundary", "这里不能 yield"},
    {"attempt to yield from outside a coroutine", "不在协程里，不能 yield"},
    {"cannot resume dead coroutine", "协程已经结束，不能再 resume"},
    {"cannot resume non-suspended coroutine", "协程正在运行，不能 resume"},
    {"table index is nil", "表的键不能是 nil"},
    {"table index is NaN", "表的键不能是 NaN"},
    {"unexpected symbol near '<\\*>'",
     "这里有不认得的字符：名字只能用字母、数字、下划线，标点要用半角"},
    {"* expected near '<\\*>'",
     "这里有不认得的字符：名字只能用字母、数字、下划线，标点要用半角"},
    {"unexpected symbol near <eof>", "写到文件末尾还没有完"},
    {"unexpected symbol near *", "$1 这里写错了"},
    {"* expected (to close * at line *) near <eof>", "缺 $1：第 $3 行的 $2 没有结束"},
    {"* expected (to close * at line *) near *", "缺 $1：第 $3 行的 $2 没有结束，到 $4 才发现"},
    {"* expected near <eof>", "文件末尾缺 $1"},
    {"* expected near *", "$2 前面缺 $1"},
    {"unfinished string near *", "文本没有结束，缺引号：$1"},
    {"unfinished long string *", "长文本没有结束，缺 ]]"},
    {"unfinished long comment *", "长注释没有结束，缺 ]]"},
    {"malformed number near *", "数写错了：$1"},
    {"invalid escape sequence *", "不认得的转义：$1"},
    {"syntax error near *", "$1 这里写错了"},
    {"no visible label '*' for <goto> at line *", "第 $2 行的 goto 找不到标签 $1"},
    {"break outside a loop at line * near *", "第 $1 行的 break 不在循环里"},
    {"cannot use '...' outside a vararg function near *", "这里不能用 ...：函数没有可变参数"},
    {"label '*' already defined on line *", "标签 $1 在第 $2 行已经有了"},
    {"chunk has too many syntax levels*", "嵌套太深"},
    {"function or expression needs too many registers*", "表达式太复杂，请拆开写"},
    {"too many local variables *", "局部变量太多（一个函数至多 200 个）"},
};

struct stars {
    struct span at[STARS_MAX];
    int count;
};

/* Whole `text` against `pattern`; fills *s. Patterns are ours and short, so backtracking is harmless. */
static bool fits(const char *pattern, const char *text, const char *end, struct stars *s)
{
    for (; *pattern && *pattern != '*'; pattern++, text++) {
        if (text == end || *text != *pattern)
            return false;
    }
    if (!*pattern)
        return text == end;
    int mine = s->count++;
    for (const char *stop = text; stop <= end; stop++) {
        s->count = mine + 1;
        if (fits(pattern + 1, stop, end, s)) {
            if (mine < STARS_MAX)
                s->at[mine] = (struct span){text, (size_t)(stop - text)};
            return true;
        }
    }
    s->count = mine;
    return false;
}

static size_t put(char *out, size_t size, size_t at, const char *p, size_t n)
{
    for (size_t i = 0; i < n && at + 1 < size; i++)
        out[at++] = p[i];
    return at;
}

static void fill(char *out, size_t size, const char *ours, const struct stars *s)
{
    size_t at = 0;
    for (const char *p = ours; *p; p++) {
        int star = p[0] == '$' && p[1] >= '1' && p[1] <= '0' + STARS_MAX ? p[1] - '1' : -1;
        if (star < 0) {
            at = put(out, size, at, p, 1);
        } else {
            at = put(out, size, at, s->at[star].p, s->at[star].n);
            p++;
        }
    }
    out[at] = 0;
}

/* Behind "std/calendar.lua:30: ", where a message may begin. */
static const char *behind_place(const char *text)
{
    const char *p = strstr(text, ".lua:");
    if (!p || strcspn(text, " ") < (size_t)(p - text))
        return text;
    p += 5;
    size_t digits = strspn(p, "0123456789");
    return digits && p[digits] == ':' && p[digits + 1] == ' ' ? p + digits + 2 : text;
}

void fault_translate(char *text, size_t size)
{
    const char *from = behind_place(text), *end = text + strlen(text);
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        struct stars s = {.count = 0};
        if (!fits(sayings[i].lua, from, end, &s))
            continue;
        char out[512];
        size_t head = put(out, sizeof(out), 0, text, (size_t)(from - text));
        fill(out + head, sizeof(out) - head, sayings[i].ours, &s);
        size_t n = span_cut_utf8(span_of(out), size - 1);
        memcpy(text, out, n);
        text[n] = 0;
        return;
    }
}
