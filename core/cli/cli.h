/*
 * What the subcommands share: options, exit codes, help. The table of commands is in main.c.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 called wrongly, 70 a bug or no memory.
 */
#ifndef WY_CLI_CLI_H
#define WY_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERNAL = 70 };

struct cli_list { /* an option that may be given several times */
    const char *items[32];
    int count;
};
/* One option. Exactly one of text, on, list is set. */
struct cli_option {
    const char *name;  /* "--data" */
    const char *value; /* how the value is called in the help; NULL: a switch */
    const char *help;
    const char **text;
    bool *on;
    struct cli_list *list;
};
struct cli_usage {
    const char *line;                 /* "wangyi ingest TYPE FILE [选项]" */
    const char *about;                /* a paragraph, may be NULL */
    const struct cli_option *options; /* ends with a NULL name */
    int min, max; /* how many words beside the options; max -1: any number */
};
/* Sort argv[1…] into options and words: the words come to stand at argv[1…*words]. False: the command
 * ends with *exit_code (help was asked for, or it was called wrongly; both are told). */
bool cli_parse(const struct cli_usage *u, int argc, char **argv, int *words, int *exit_code);
int cli_misused(const struct cli_usage *u, const char *why); /* tells, returns CLI_USAGE */
int cli_failed(const struct err *e); /* tells on stderr, returns CLI_FAILED */
const char *cli_self(void);          /* path of this binary */
/* The first line of stdin without its line end, into `out`; false if it is empty or too long. */
bool cli_stdin_line(char *out, size_t size, struct err *e);
bool cli_read_file(const char *path, size_t max, struct buf *out,
                   struct err *e);           /* "-" is stdin */
bool cli_write_out(const char *p, size_t n); /* all of it to stdout */

struct cli_command {
    const char *name, *about;
    int (*run)(int argc, char **argv);
};
int serve_main(int argc, char **argv);
int engine_main(int argc, char **argv);
int check_main(int argc, char **argv);
int test_main(int argc, char **argv);
int backtest_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int ingest_main(int argc, char **argv);
int withdraw_main(int argc, char **argv);
int reload_main(int argc, char **argv);
int user_main(int argc, char **argv);
int user_set_main(int argc, char **argv); /* "user set", called by user_main */
int key_main(int argc, char **argv);
int feed_main(int argc, char **argv);
int backup_main(int argc, char **argv);
int restore_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int export_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int version_main(int argc, char **argv);

#endif
