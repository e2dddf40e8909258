/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that appear whole or not at all. */
#include "drivers/transports/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "mail/status.h"

#include "base/banned.h"

enum { WRITE_SIZE = 64 << 10 };

/* A name that never was and never will be: time, process, and 64 random bits. */
static const char *
unique_name(struct arena *arena)
{
    int64_t now = clock_milliseconds();
    char host[256] = "";
    uint64_t random;

    random_bytes(&random, sizeof(random));
    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
        memcpy(host, "localhost", sizeof("localhost"));
    for (char *at = host; *at; at++)
        if (*at == '/' || *at == ':')
            *at = '_'; /* these have a meaning in the names of a Maildir */
    return arena_format(arena, "%lld.M%03lldP%ldR%016llx.%s", (long long)(now / 1000),
                        (long long)(now % 1000), (long)getpid(),
                        (unsigned long long)random, host);
}

static bool
failed(int number, const char *path, int code, struct error *error)
{
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;

    return fail_temporary_number(error, number, full ? "4.2.2" : "4.2.0", "%s: %s", path,
                                 strerror(code));
}

/* Write everything; *size becomes the length of the file. */
static bool
drop_write(int fd, const char *path, const struct drop *drop, uint64_t *size,
           struct error *error)
{
    struct text buffer = text_new(drop->arena);
    struct span piece;

    text_add(&buffer, drop->before);
    *size = 0;
    do {
        if (!rendering_next(drop->rendering, &piece, error))
            return false;
        text_add_span(&buffer, piece);
        if (piece.length == 0)
            text_add(&buffer, drop->after);
        if (buffer.length < WRITE_SIZE && piece.length > 0)
            continue;
        if (!file_write(fd, path, text_string(&buffer), buffer.length, error))
            return failed(ERR_MAILBOX_WRITE, path, errno, error);
        *size += buffer.length;
        text_cut(&buffer, 0);
    } while (piece.length > 0);
    return true;
}

/* A new file, whole and on disk, or none. */
static bool
drop_file(const char *path, const struct drop *drop, uint64_t *size, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool fine;

    if (fd < 0)
        return failed(ERR_FILE_OPEN, path, errno, error);
    fine = drop_write(fd, path, drop, size, error);
    if (fine && fchmod(fd, drop->mode & 0777) < 0)
        fine = failed(ERR_FILE_OPEN, path, errno, error);
    fine = fine && file_sync(fd, path, error);
    if (!file_close(fd, path, fine ? error : NULL))
        fine = false;
    if (!fine) {
        error->number = error->number ? error->number : ERR_MAILBOX_WRITE;
        error->permanent = false;
        unlink(path);
    }
    return fine;
}

/* Give it its final name, which is not there yet, and make that durable. */
static bool
drop_publish(const char *from, const char *to, struct error *error)
{
    bool linked = link(from, to) == 0;

    /* Where there are no links, the random name has to do. */
    if (!linked && errno != EEXIST && errno != ENOENT && errno != ENOSPC &&
        errno != EDQUOT)
        linked = rename(from, to) == 0;
    if (!linked) {
        failed(ERR_FILE_RENAME, to, errno, error);
        unlink(from);
        return false;
    }
    unlink(from);
    if (file_sync_directory(to, error))
        return true;
    unlink(to); /* it is deferred, and would be there twice */
    error->permanent = false;
    error->number = ERR_FILE_RENAME;
    return false;
}

static bool
directory_make(const char *path, struct error *error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return failed(ERR_FILE_OPEN, path, errno, error);
}

static bool
maildir_make(const char *maildir, struct arena *arena, struct error *error)
{
    static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
    struct stat status;

    if (stat(arena_format(arena, "%s/new", maildir), &status) == 0 &&
        stat(arena_format(arena, "%s/tmp", maildir), &status) == 0)
        return true;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (!directory_make(arena_format(arena, "%s%s", maildir, parts[i]), error))
            return false;
    return file_sync_directory(arena_format(arena, "%s/new", maildir), error) &&
           file_sync_directory(maildir, error);
}

bool
maildir_deliver(const char *maildir, const struct drop *drop, struct error *error)
{
    const char *name = unique_name(drop->arena);
    const char *temporary = arena_format(drop->arena, "%s/tmp/%s", maildir, name);
    uint64_t size;

    if (!maildir_make(maildir, drop->arena, error) ||
        !drop_file(temporary, drop, &size, error))
        return false;
    return drop_publish(temporary,
                        arena_format(drop->arena, "%s/new/%s,S=%llu", maildir, name,
                                     (unsigned long long)size),
                        error);
}

bool
directory_deliver(const char *directory, const struct drop *drop, struct error *error)
{
    uint64_t random, size;
    const char *temporary, *name;

    random_bytes(&random, sizeof(random));
    name = arena_format(drop->arena, "%s-%016llx", drop->message_id,
                        (unsigned long long)random);
    temporary = arena_format(drop->arena, "%s/temp%s", directory, name);
    return drop_file(temporary, drop, &size, error) &&
           drop_publish(temporary, arena_format(drop->arena, "%s/q%s", directory, name),
                        error);
}
