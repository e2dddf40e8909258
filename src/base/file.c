/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading and writing whole files. Every message names the path and the system's reason,
 * and errno is left as the failing call set it.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base62.h"
#include "base/random.h"
#include "base/text.h"

#include "base/banned.h"

/* A failed call: temporary, with the status that the reason has in RFC 3463. */
static bool
fail_call(struct error *error, const char *path, const char *call)
{
    const char *status = errno == ENOSPC ? "4.3.1" : errno == EDQUOT ? "4.2.2" : "4.3.0";

    return fail_temporary(error, status, "%s: %s: %s", path, call, strerror(errno));
}

static bool
fail_open(struct error *error, const char *path, bool follow)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return fail_permanent(error, "5.3.0", "%s: %s", path, strerror(errno));
    if (!follow && (errno == ELOOP || errno == EMLINK)) /* BSD says the latter */
        return fail_permanent(error, "5.3.0", "%s: is a symbolic link", path);
    if (errno == ENXIO) /* a socket */
        return fail_permanent(error, "5.3.0", "%s: is not a regular file", path);
    return fail_call(error, path, "open");
}

static int
open_again(const char *path, int flags, mode_t mode)
{
    int fd;

    do {
        fd = open(path, flags | O_NOCTTY | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Close what was only read, or is given up; errno stays. */
static void
close_quietly(int fd)
{
    int kept = errno;

    close(fd);
    errno = kept;
}

bool
file_open(const char *path, bool follow, int *fd, struct stat *status,
          struct error *error)
{
    struct stat found;

    *fd = open_again(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW), 0);
    if (*fd < 0)
        return fail_open(error, path, follow);
    if (fstat(*fd, &found) != 0) {
        fail_call(error, path, "fstat");
    } else if (!S_ISREG(found.st_mode)) {
        errno = S_ISDIR(found.st_mode) ? EISDIR : EINVAL;
        fail_permanent(error, "5.3.0", "%s: is not a regular file", path);
    } else {
        if (status != NULL)
            *status = found;
        return true;
    }
    close_quietly(*fd);
    *fd = -1;
    return false;
}

/* Room for what the file says it holds, one byte to see its end and one for NUL. */
static size_t
room_for(int fd, size_t limit)
{
    struct stat status;
    size_t room = 4096;

    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0)
        room = (uint64_t)status.st_size < limit ? (size_t)status.st_size : limit;
    return room < SIZE_MAX - 2 ? room + 2 : room;
}

bool
file_read(int fd, const char *path, size_t limit, struct arena *arena,
          struct span *content, struct error *error)
{
    size_t room = room_for(fd, limit), length = 0;
    char *bytes = arena_alloc(arena, room);

    for (;;) {
        ssize_t got = read(fd, bytes + length, room - length - 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_call(error, path, "read");
        if (got == 0)
            break;
        length += (size_t)got;
        if (length > limit) {
            errno = EFBIG;
            return fail_permanent(error, "5.3.4", "%s: is longer than %zu bytes", path,
                                  limit);
        }
        if (length == room - 1) {
            bytes = arena_grow(arena, bytes, length, 2 * room, 1);
            room *= 2;
        }
    }
    bytes[length] = '\0';
    *content = (struct span){bytes, length};
    return true;
}

bool
file_load(const char *path, bool follow, size_t limit, struct arena *arena,
          struct span *content, struct stat *status, struct error *error)
{
    bool read;
    int fd;

    if (!file_open(path, follow, &fd, status, error))
        return false;
    read = file_read(fd, path, limit, arena, content, error);
    close_quietly(fd);
    return read;
}

bool
file_write(int fd, const char *path, const void *bytes, size_t length,
           struct error *error)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t written = write(fd, at, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = EIO; /* not a regular answer; never spin */
        if (written <= 0)
            return fail_call(error, path, "write");
        at += written;
        length -= (size_t)written;
    }
    return true;
}

bool
file_sync(int fd, const char *path, struct error *error)
{
    int result;

    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 || fail_call(error, path, "fsync");
}

/* The directory of `path`, with its slash; "./" if there is none. */
static struct span
path_directory(const char *path)
{
    struct span whole = span_of(path);
    size_t slash = span_find_last(whole, '/');

    return slash < whole.length ? span_first(whole, slash + 1) : SPAN("./");
}

bool
file_sync_directory(const char *path, struct error *error)
{
    struct arena *arena = arena_new();
    const char *directory = span_string(path_directory(path), arena);
    int fd = open_again(directory, O_RDONLY | O_DIRECTORY, 0);
    bool synced = false;

    if (fd < 0) {
        fail_call(error, directory, "open");
    } else {
        synced = file_sync(fd, directory, error);
        close_quietly(fd);
    }
    arena_free(arena);
    return synced;
}

bool
file_close(int fd, const char *path, struct error *error)
{
    /* After EINTR the descriptor is gone on Linux, and closing again could hit another's.
     */
    if (close(fd) == 0 || errno == EINTR || errno == EINPROGRESS)
        return true;
    return fail_call(error, path, "close");
}

/* Create a file that did not exist, beside `path`; its short name fits wherever path's
 * does. */
static bool
beside_create(const char *path, struct arena *arena, char **beside, int *fd,
              struct error *error)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        struct text name = text_new(arena);
        char digits[10];

        base62_write(random_below(UINT64_C(839299365868340224)), digits, sizeof(digits));
        text_add_span(&name, path_directory(path));
        text_add(&name, ".smail-");
        text_add_span(&name, (struct span){digits, sizeof(digits)});
        *beside = name.bytes;
        *fd = open_again(*beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (*fd >= 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    return fail_call(error, *beside, "create");
}

static bool
beside_fill(int fd, const char *beside, mode_t mode, struct span content,
            struct error *error)
{
    bool filled = file_write(fd, beside, content.bytes, content.length, error);

    /* The mode comes before the sync, so that it is as durable as the content. */
    if (filled && fchmod(fd, mode) != 0)
        filled = fail_call(error, beside, "chmod");
    filled = filled && file_sync(fd, beside, error);
    if (filled)
        return file_close(fd, beside, error);
    close_quietly(fd);
    return false;
}

bool
file_replace(const char *path, mode_t mode, struct span content, struct error *error)
{
    struct arena *arena = arena_new();
    char *beside;
    bool replaced = false;
    int fd;

    if (beside_create(path, arena, &beside, &fd, error)) {
        replaced = beside_fill(fd, beside, mode, content, error);
        if (replaced && rename(beside, path) != 0)
            replaced = fail_call(error, path, "rename");
        if (!replaced) {
            int kept = errno;

            unlink(beside);
            errno = kept;
        }
    }
    arena_free(arena);
    return replaced && file_sync_directory(path, error);
}
