/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Appending to a mailbox under its locks, all or nothing. */
#include "drivers/transports/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "drivers/transports/mailbox_lock.h"
#include "mail/status.h"

#include "base/banned.h"

enum { WRITE_SIZE = 64 << 10 };

struct mailbox_file {
    char *path;
    int fd;
    struct mailbox_lock lock;
    struct stat before;
    off_t begin;    /* its length when it was opened */
    off_t position; /* of the last message */
    bool created, with_group;
};

/* --- the group of mailboxes --- */

/*
 * A user's worker has the group of mailboxes as its saved one only. It is taken for the
 * calls that make or remove files beside mailboxes, and never for a path of a user.
 */
static void
group_take(const struct mailbox_file *mailbox)
{
    gid_t real, effective, saved;

    if (mailbox->with_group && getresgid(&real, &effective, &saved) == 0 &&
        saved != effective)
        (void)!setegid(saved); /* refused: the calls say what they lack */
}

/* Giving it back must not fail: everything after would run with it. */
static void
group_drop(const struct mailbox_file *mailbox)
{
    if (mailbox->with_group && getegid() != getgid() && setegid(getgid()) < 0)
        abort();
}

/* --- opening --- */

/* May another attempt find it different without anybody asking for that? */
static bool
is_passing(int code)
{
    return code == EAGAIN || code == EINTR || code == EMFILE || code == ENFILE ||
           code == ENOMEM || code == ENOSPC || code == EDQUOT || code == EIO ||
           code == ESTALE || code == EROFS || code == ETIMEDOUT || code == EEXIST;
}

static bool
open_failed(const char *path, int code, struct error *error)
{
    if (is_passing(code))
        return fail_temporary_number(error, ERR_FILE_OPEN, "4.2.0", "%s: %s", path,
                                     strerror(code));
    return fail_permanent_number(error, ERR_FILE_OPEN, "5.2.0", "%s: %s", path,
                                 strerror(code));
}

static bool
refused(const char *path, const char *why, struct error *error)
{
    return fail_permanent_number(error, ERR_FILE_OPEN, "5.2.0", "%s: %s", path, why);
}

/* Others could put another file in its place, unless the directory is sticky. */
static bool
directory_check(const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    struct arena *arena = arena_new();
    const char *directory =
        slash == path ? "/" : arena_bytes(arena, path, (size_t)(slash - path));
    struct stat status;
    bool fine = true;

    if (stat(directory, &status) < 0)
        fine = open_failed(directory, errno, error);
    else if (!S_ISDIR(status.st_mode))
        fine = refused(directory, "not a directory", error);
    else if ((status.st_mode & S_IWOTH) && !(status.st_mode & S_ISVTX))
        fine = refused(directory, "anybody may write there, and it is not sticky", error);
    arena_free(arena);
    return fine;
}

/* Is what is open still what the name says, and fit for mail? */
static bool
file_check(struct mailbox_file *mailbox, struct error *error)
{
    struct stat *status = &mailbox->before, name;

    if (fstat(mailbox->fd, status) < 0 || lstat(mailbox->path, &name) < 0)
        return open_failed(mailbox->path, errno, error);
    if (!S_ISREG(status->st_mode))
        return refused(mailbox->path, "not a regular file", error);
    if (status->st_ino != name.st_ino || status->st_dev != name.st_dev)
        return fail_temporary_number(error, ERR_FILE_OPEN, "4.2.0",
                                     "%s: changed while it was opened", mailbox->path);
    if (status->st_nlink != 1)
        return refused(mailbox->path, "has more than one name", error);
    if (status->st_uid != geteuid())
        return refused(mailbox->path, "belongs to another user", error);
    return true;
}

static bool
file_create(struct mailbox_file *mailbox, const struct mailbox_options *options,
            struct error *error)
{
    mailbox->fd = open(mailbox->path,
                       O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK |
                           O_NOCTTY | O_CLOEXEC,
                       0600);
    if (mailbox->fd < 0)
        return open_failed(mailbox->path, errno, error);
    mailbox->created = true;
    /* The group first: whoever changes that may lose the bits. */
    if ((options->group != (gid_t)-1 &&
         fchown(mailbox->fd, (uid_t)-1, options->group) < 0) ||
        fchmod(mailbox->fd, options->mode & 0777) < 0) {
        open_failed(mailbox->path, errno, error);
        unlink(mailbox->path);
        return false;
    }
    return true;
}

static bool
file_open_mailbox(struct mailbox_file *mailbox, const struct mailbox_options *options,
                  struct error *error)
{
    struct stat name;

    /* Looked at by name first: opening a device may do something to it. */
    if (lstat(mailbox->path, &name) < 0) {
        if (errno != ENOENT)
            return open_failed(mailbox->path, errno, error);
        return file_create(mailbox, options, error);
    }
    if (!S_ISREG(name.st_mode))
        return refused(mailbox->path, "not a regular file", error);
    mailbox->fd = open(mailbox->path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
                                          O_NOCTTY | O_CLOEXEC);
    if (mailbox->fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
        errno = ESTALE; /* it changed since */
    if (mailbox->fd < 0)
        return open_failed(mailbox->path, errno, error);
    return true;
}

static void
mailbox_close(struct mailbox_file *mailbox)
{
    if (mailbox->fd >= 0)
        close(mailbox->fd);
    mailbox->fd = -1;
    group_take(mailbox);
    mailbox_unlock(&mailbox->lock);
    group_drop(mailbox);
}

/* One attempt at all locks and the file. */
static enum lock_result
mailbox_try(struct mailbox_file *mailbox, const struct mailbox_options *options,
            struct error *error)
{
    const struct settings *settings = options->settings;
    enum lock_result result;

    group_take(mailbox);
    result = mailbox_lock_file(&mailbox->lock, mailbox->path, settings->fnlock_mode.bits,
                               error);
    if (result == LOCK_HELD && !file_open_mailbox(mailbox, options, error))
        result = LOCK_FAILED;
    group_drop(mailbox);
    if (result == LOCK_HELD && settings->flock_mailbox)
        result = mailbox_lock_kernel(mailbox->fd, mailbox->path, error);
    /* Only what is true under the lock counts. */
    if (result == LOCK_HELD && !file_check(mailbox, error))
        result = LOCK_FAILED;
    if (result != LOCK_HELD)
        mailbox_close(mailbox);
    return result;
}

static void
mailbox_free(struct mailbox_file *mailbox)
{
    free(mailbox->path);
    free(mailbox);
}

bool
mailbox_open(const char *path, const struct mailbox_options *options,
             struct mailbox_file **mailbox, struct error *error)
{
    int64_t pause = options->settings->fnlock_interval.seconds * 1000;
    enum lock_result result;
    struct mailbox_file *made;

    if (!directory_check(path, error))
        return false;
    made = memory_alloc(sizeof(*made));
    made->path = memory_string(path);
    made->fd = -1;
    made->with_group = options->with_group;
    result = mailbox_try(made, options, error);
    for (int64_t i = 0; i < options->settings->fnlock_retries && result == LOCK_BUSY;
         i++) {
        if (clock_monotonic() + pause > options->deadline)
            break;
        poll(NULL, 0, (int)pause);
        result = mailbox_try(made, options, error);
    }
    if (result != LOCK_HELD) {
        mailbox_free(made);
        return false;
    }
    made->begin = made->position = made->before.st_size;
    *mailbox = made;
    return true;
}

/* --- appending --- */

static bool
write_failed(const struct mailbox_file *mailbox, int code, struct error *error)
{
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;

    return fail_temporary_number(error, ERR_MAILBOX_WRITE, full ? "4.2.2" : "4.2.0",
                                 "%s: %s", mailbox->path, strerror(code));
}

static bool
write_all(const struct mailbox_file *mailbox, const char *bytes, size_t length,
          struct error *error)
{
    while (length > 0) {
        ssize_t done = write(mailbox->fd, bytes, length);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return write_failed(mailbox, done < 0 ? errno : EIO, error);
        bytes += done;
        length -= (size_t)done;
    }
    return true;
}

/* What was cut off in the middle once must not swallow the line that we begin with. */
static bool
needs_line_end(const struct mailbox_file *mailbox, off_t size)
{
    char last;

    return size > 0 && pread(mailbox->fd, &last, 1, size - 1) == 1 && last != '\n';
}

static bool
write_message(struct mailbox_file *mailbox, struct text *buffer, const char *before,
              struct rendering *rendering, const char *after, struct error *error)
{
    struct span piece;

    if (needs_line_end(mailbox, mailbox->position))
        text_add_byte(buffer, '\n');
    text_add(buffer, before);
    do {
        if (!rendering_next(rendering, &piece, error))
            return false;
        text_add_span(buffer, piece);
        if (piece.length == 0)
            text_add(buffer, after);
        if (buffer->length < WRITE_SIZE && piece.length > 0)
            continue;
        if (!write_all(mailbox, text_string(buffer), buffer->length, error))
            return false;
        text_cut(buffer, 0);
    } while (piece.length > 0);
    return true;
}

/* Give the file the length back that it had. */
static void
cut_back(const struct mailbox_file *mailbox, off_t size, struct error *error)
{
    if (ftruncate(mailbox->fd, size) < 0)
        error_prefix(error, "cannot be cut back to %lld octets (%s)", (long long)size,
                     strerror(errno));
}

bool
mailbox_append(struct mailbox_file *mailbox, const char *before,
               struct rendering *rendering, const char *after, struct error *error)
{
    struct arena *arena = arena_new();
    struct text buffer = text_new(arena);
    struct stat status;
    bool done;

    if (fstat(mailbox->fd, &status) < 0) {
        arena_free(arena);
        return write_failed(mailbox, errno, error);
    }
    mailbox->position = status.st_size;
    done = write_message(mailbox, &buffer, before, rendering, after, error);
    if (!done)
        cut_back(mailbox, status.st_size, error);
    arena_free(arena);
    return done;
}

uint64_t
mailbox_position(const struct mailbox_file *mailbox)
{
    return (uint64_t)mailbox->position;
}

/* A directory that we may search but not read cannot be synced by us. */
static bool
directory_is_hidden(const char *path)
{
    struct arena *arena = arena_new();
    const char *slash = strrchr(path, '/');
    const char *directory = arena_bytes(arena, path, (size_t)(slash - path) + 1);
    bool hidden = faccessat(AT_FDCWD, directory, R_OK, AT_EACCESS) < 0 && errno == EACCES;

    arena_free(arena);
    return hidden;
}

bool
mailbox_finish(struct mailbox_file *mailbox, struct error *error)
{
    struct timespec times[2] = {mailbox->before.st_atim, {.tv_nsec = UTIME_OMIT}};
    bool fine;

    /* Readers tell new mail by an access time that is older than the change. */
    if (!mailbox->created)
        futimens(mailbox->fd, times);
    fine = file_sync(mailbox->fd, mailbox->path, error);
    if (fine && mailbox->created && !directory_is_hidden(mailbox->path))
        fine = file_sync_directory(mailbox->path, error);
    if (!fine) {
        cut_back(mailbox, mailbox->begin, error);
        fsync(mailbox->fd); /* what it answers changes nothing: this is deferred */
    }
    if (!file_close(mailbox->fd, mailbox->path, fine ? error : NULL))
        fine = false;
    mailbox->fd = -1;
    if (!fine) {
        error->permanent = false;
        error->number = ERR_MAILBOX_WRITE;
    }
    mailbox_close(mailbox);
    mailbox_free(mailbox);
    return fine;
}
