#include "engine/privilege.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/log.h"

enum { FILES_MOST = 64 };

/* A sanitizer's leak checker starts a tracer at the end and reads /proc: it needs what we give up. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static bool set_limit(int what, rlim_t value)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0)
        return false;
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
        value = now.rlim_max;
    struct rlimit wanted = {value, value};
    return setrlimit((__rlimit_resource_t)what, &wanted) == 0;
}

/* A log that goes to a file must still grow; what else could be written to is not open. */
static bool logs_to_file(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

static bool drop_limits(bool writing)
{
    bool ok = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, FILES_MOST);
    ok = set_limit(RLIMIT_NPROC, 0) && ok;
    if (!writing && !logs_to_file())
        ok = set_limit(RLIMIT_FSIZE, 0) && ok;
    return ok;
}

/* --- landlock: no file by name, no TCP ----------------------------------------------------------------- */

static uint64_t landlock_rights(int abi)
{
    uint64_t all = (1ULL << 13) - 1; /* ABI 1: execute … make_sym */
    if (abi >= 2)
        all |= 1ULL << 13; /* refer */
    if (abi >= 3)
        all |= 1ULL << 14; /* truncate */
    if (abi >= 5)
        all |= 1ULL << 15; /* ioctl_dev */
    return all;
}

static bool drop_landlock(void)
{
    if (sanitized)
        return false;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return false;
    /* the kernel's struct of ABI 4; older kernels take the first field alone */
    struct {
        uint64_t fs, net;
    } attr = {.fs = landlock_rights((int)abi), .net = abi >= 4 ? 3 : 0};
    long ruleset = syscall(SYS_landlock_create_ruleset, &attr,
                           abi >= 4 ? sizeof(attr) : sizeof(attr.fs), 0);
    if (ruleset < 0)
        return false;
    bool ok = syscall(SYS_landlock_restrict_self, (int)ruleset, 0) == 0;
    close((int)ruleset);
    return ok;
}

/* --- seccomp: the list of what is still needed ------------------------------------------------------------ */

static const int always[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(fcntl),
    SCMP_SYS(sysinfo),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(membarrier),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(clock_getres),
    SCMP_SYS(msync),
};
static const int for_writing[] = {
    SCMP_SYS(pwrite64),  SCMP_SYS(pwritev), SCMP_SYS(ftruncate), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(flock),   SCMP_SYS(fallocate), SCMP_SYS(fstatfs),
};

static bool allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) == 0 && ok;
    return ok;
}

/* Memory yes, new machine code no. */
static bool allow_memory(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp not_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_code) == 0 &&
           seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_code) == 0;
}

static bool drop_seccomp(bool writing)
{
    if (sanitized)
        return false;
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx)
        return false;
    bool ok = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0;
    ok = allow(ctx, always, sizeof(always) / sizeof(always[0])) && allow_memory(ctx) && ok;
    if (writing)
        ok = allow(ctx, for_writing, sizeof(for_writing) / sizeof(for_writing[0])) && ok;
    ok = ok && seccomp_load(ctx) == 0;
    seccomp_release(ctx);
    return ok;
}

static bool drop(bool writing, unsigned *fences, struct err *e)
{
    unsigned up = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        (sanitized || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0))
        up |= PRIVILEGE_NO_NEW;
    if (drop_limits(writing))
        up |= PRIVILEGE_LIMITS;
    if (drop_landlock())
        up |= PRIVILEGE_LANDLOCK;
    if (drop_seccomp(writing))
        up |= PRIVILEGE_SECCOMP;
    if (fences)
        *fences = up;
    log_info("privilege",
             "dropped no_new_privs=%d rlimits=%d landlock=%d seccomp=%d writing=%d",
             !!(up & PRIVILEGE_NO_NEW), !!(up & PRIVILEGE_LIMITS), !!(up & PRIVILEGE_LANDLOCK),
             !!(up & PRIVILEGE_SECCOMP), writing);
    unsigned least = PRIVILEGE_NO_NEW | PRIVILEGE_LIMITS;
    if ((up & least) != least)
        return err_set(e, ERR_SYSTEM, "放弃不了进程权限（no_new_privs、rlimit），不能运行脚本");
    return true;
}

bool privilege_drop(unsigned *fences, struct err *e)
{
    return drop(false, fences, e);
}

bool privilege_drop_writing(unsigned *fences, struct err *e)
{
    return drop(true, fences, e);
}
