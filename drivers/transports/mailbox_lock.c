/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lock files by hitching post, and the kernel's locks. */
#include "drivers/transports/mailbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "base/span.h"
#include "base/text.h"
#include "mail/status.h"

#include "base/banned.h"

/*
 * From when on a lock may be one that was left behind. One in our own form names its
 * host, so that there is no doubt which process is asked for.
 */
enum { OLD_SECONDS = 5 * 60, OLD_SECONDS_NAMED = 2, NFS_MAGIC = 0x6969 };

static bool
is_nfs(int fd)
{
    struct statfs status;

    return fstatfs(fd, &status) == 0 && status.f_type == NFS_MAGIC;
}

/* "PID\nHOST\n": the first line is what other programs look for. */
static bool
owner_write(int fd, const char *path, struct error *error)
{
    char host[256] = "", line[300];
    int length;

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    length = snprintf(line, sizeof(line), "%ld\n%s\n", (long)getpid(), host);
    return file_write(fd, path, line, (size_t)length, error);
}

/* A file of our own in the mailbox's directory; NULL with errno. */
static char *
post_make(const char *lock, mode_t mode, int *fd)
{
    struct arena *arena = arena_new();
    uint64_t random;
    char *post;

    random_bytes(&random, sizeof(random));
    post = memory_string(arena_format(arena, "%s.%ld.%016llx", lock, (long)getpid(),
                                      (unsigned long long)random));
    arena_free(arena);
    *fd = open(post, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (*fd >= 0)
        return post;
    free(post);
    return NULL;
}

/* Link the post to the lock. What link() answers is not believed, only the count. */
static bool
post_link(const char *post, int fd, const char *lock)
{
    struct stat status;

    if (link(post, lock) < 0 && errno != EEXIST && errno != EIO && errno != ESTALE &&
        errno != ETIMEDOUT)
        return false;
    return fstat(fd, &status) == 0 && status.st_nlink == 2;
}

/* --- a lock that somebody left behind --- */

/* Is the process that the lock names, on this host, certainly gone, and the lock old? */
static bool
owner_is_gone(int fd, int64_t age)
{
    char text[300], host[256] = "";
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    struct span rest, line;
    uint64_t process;

    if (got <= 0)
        return false;
    rest = (struct span){text, (size_t)got};
    if (!span_next(&rest, '\n', &line) ||
        !span_number(span_trim(line), INT32_MAX, &process) || process == 0)
        return false;
    if (span_next(&rest, '\n', &line) && span_trim(line).length > 0) {
        if (gethostname(host, sizeof(host) - 1) < 0 || !span_is(span_trim(line), host))
            return false;
        if (age <= OLD_SECONDS_NAMED)
            return false;
    } else if (age <= OLD_SECONDS || is_nfs(fd)) {
        return false; /* a process of which host? */
    }
    return kill((pid_t)process, 0) < 0 && errno == ESRCH;
}

static bool
lock_is_stale(const char *lock, struct stat *status)
{
    int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool stale;

    if (fd < 0)
        return false;
    stale = fstat(fd, status) == 0 && S_ISREG(status->st_mode) &&
            owner_is_gone(fd, clock_seconds() - (int64_t)status->st_mtime);
    close(fd);
    return stale;
}

/*
 * Take a stale lock away. It is renamed first and looked at again: if it was a fresh one
 * by then (somebody else broke the old one), it is put back.
 */
static void
lock_break(const char *lock, const char *post, const struct stat *stale)
{
    struct arena *arena = arena_new();
    const char *aside = arena_format(arena, "%s.stale", post);
    struct stat status;

    if (rename(lock, aside) == 0) {
        if (lstat(aside, &status) == 0 &&
            (status.st_ino != stale->st_ino || status.st_dev != stale->st_dev) &&
            link(aside, lock) < 0)
            fprintf(stderr, "smail: lock %s: cannot be put back: %s\n", lock,
                    strerror(errno));
        unlink(aside);
    }
    arena_free(arena);
}

enum lock_result
mailbox_lock_file(struct mailbox_lock *lock, const char *path, mode_t mode,
                  struct error *error)
{
    struct arena *arena = arena_new();
    const char *name = arena_format(arena, "%s.lock", path);
    enum lock_result result = LOCK_FAILED;
    struct stat stale;
    char *post;
    int fd;

    lock->file = NULL;
    post = post_make(name, mode, &fd);
    if (!post) {
        if (errno == EACCES || errno == EPERM || errno == EROFS)
            result = LOCK_HELD; /* by nobody: the kernel's locks must do */
        else
            fail_temporary_number(error, ERR_MAILBOX_LOCK, "4.2.0", "lock file %s: %s",
                                  name, strerror(errno));
        arena_free(arena);
        return result;
    }
    if (owner_write(fd, post, error)) {
        bool ours = post_link(post, fd, name);

        if (!ours && lock_is_stale(name, &stale)) {
            lock_break(name, post, &stale);
            ours = post_link(post, fd, name);
        }
        result = ours ? LOCK_HELD : LOCK_BUSY;
        if (ours)
            lock->file = memory_string(name);
        else
            fail_temporary_number(error, ERR_MAILBOX_LOCK, "4.2.0",
                                  "mailbox is locked: %s exists", name);
    }
    close(fd);
    unlink(post);
    free(post);
    arena_free(arena);
    return result;
}

enum lock_result
mailbox_lock_kernel(int fd, const char *path, struct error *error)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int done, code;

#ifdef F_OFD_SETLK
    done = fcntl(fd, F_OFD_SETLK, &range);
    if (done < 0 && errno == EINVAL)
        done = fcntl(fd, F_SETLK, &range);
#else
    done = fcntl(fd, F_SETLK, &range);
#endif
    /* On NFS flock is another fcntl lock, of another owner: it would stand in our own
     * way. */
    if (done == 0 && !is_nfs(fd))
        done = flock(fd, LOCK_EX | LOCK_NB);
    if (done == 0)
        return LOCK_HELD;
    code = errno;
    fail_temporary_number(error, ERR_MAILBOX_LOCK, "4.2.0", "lock on %s: %s", path,
                          strerror(code));
    return code == EAGAIN || code == EACCES || code == EINTR ? LOCK_BUSY : LOCK_FAILED;
}

void
mailbox_unlock(struct mailbox_lock *lock)
{
    if (!lock->file)
        return;
    unlink(lock->file);
    free(lock->file);
    lock->file = NULL;
}
