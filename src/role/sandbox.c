/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * System call filters, entered when a role has all that it needs. The roles that parse
 * what strangers send have a list of what they may do; the others have what they never do
 * taken away. Landlock takes the file system from those that need none of it.
 */
#include "role/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif
#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif

#include "base/banned.h"

#ifdef HAVE_SECCOMP

/* What an event loop with sockets needs, and nothing that opens, executes or signals. */
static const int receive_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(eventfd2),
    SCMP_SYS(sched_yield),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(dup),
};

/* What no role but the master and a user's worker ever does. */
static const int dangerous_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(setuid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setregid),
    SCMP_SYS(setgroups),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
};

/* Besides: the disk's keeper and the scheduler never talk to a network or to new sockets.
 */
static const int socket_calls[] = {
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind),
    SCMP_SYS(listen), SCMP_SYS(accept),  SCMP_SYS(accept4),
};

static bool
rules_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int code = seccomp_rule_add(filter, action, calls[i], 0);

        /* EDOM: this machine's kernel interface has no such call */
        if (code < 0 && code != -EDOM && code != -EINVAL)
            return false;
    }
    return true;
}

static bool
filter_make(enum role_kind kind, scmp_filter_ctx *filter)
{
    uint32_t refuse = SCMP_ACT_ERRNO(EPERM);

    if (kind == ROLE_RECEIVE || kind == ROLE_LOCAL) {
        *filter = seccomp_init(refuse);
        return *filter && rules_add(*filter, SCMP_ACT_ALLOW, receive_calls,
                                    sizeof receive_calls / sizeof receive_calls[0]);
    }
    *filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!*filter || !rules_add(*filter, refuse, dangerous_calls,
                               sizeof dangerous_calls / sizeof dangerous_calls[0]))
        return false;
    return (kind != ROLE_SPOOL && kind != ROLE_QUEUE) ||
           rules_add(*filter, refuse, socket_calls,
                     sizeof socket_calls / sizeof socket_calls[0]);
}

static bool
filter_enter(enum role_kind kind, struct error *error)
{
    scmp_filter_ctx filter = NULL;
    int code = filter_make(kind, &filter) ? seccomp_load(filter) : -ENOMEM;

    seccomp_release(filter);
    /* A kernel without filters: the role runs without, and -bP sandbox says so. */
    if (code < 0 && code != -EINVAL && code != -ENOSYS)
        return fail_temporary(error, "4.3.0", "system call filter of %s: %s",
                              role_name(kind), strerror(-code));
    return true;
}

#else

static bool
filter_enter(enum role_kind kind, struct error *error)
{
    (void)kind;
    (void)error;
    return true;
}

#endif

#if defined HAVE_LINUX_LANDLOCK_H && defined SYS_landlock_create_ruleset

static bool
landlock_is_there(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0,
                   LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* No path may be opened for anything: descriptors that are open stay usable. */
static bool
files_forbid(struct error *error)
{
    struct landlock_ruleset_attr rules = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO |
                             LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    int fd;

    if (!landlock_is_there())
        return true;
    fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
        fail_temporary(error, "4.3.0", "Landlock: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

#else

static bool
landlock_is_there(void)
{
    return false;
}

static bool
files_forbid(struct error *error)
{
    (void)error;
    return true;
}

#endif

bool
sandbox_enter(enum role_kind kind, struct error *error)
{
    if ((kind == ROLE_RECEIVE || kind == ROLE_LOCAL) && !files_forbid(error))
        return false;
    return filter_enter(kind, error);
}

const char *
sandbox_describe(void)
{
#ifdef HAVE_SECCOMP
    return landlock_is_there() ? "seccomp, landlock" : "seccomp";
#else
    return landlock_is_there() ? "landlock" : "none";
#endif
}
