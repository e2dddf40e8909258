/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real disk: system calls relative to the spool's directory. */
#include "spool/disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"

#include "base/banned.h"

struct real_disk {
    int directory;
    int lock; /* -1 while not held */
};

static int
real_directory(const void *context)
{
    return ((const struct real_disk *)context)->directory;
}

/* Is the file behind `fd` still the one that `name` leads to? */
static bool
real_is_same(int directory, const char *name, int fd)
{
    struct stat mine, named;

    return fstat(fd, &mine) == 0 && mine.st_nlink > 0 &&
           fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* flock: a classic POSIX lock would be lost with any close of the same file. */
static int
real_lock(void *context, const char *name)
{
    struct real_disk *disk = context;

    for (;;) {
        int fd = openat(disk->directory, name,
                        O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);

        if (fd < 0)
            return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            int result = errno == EINTR ? 0 : -errno;

            close(fd);
            if (result < 0)
                return result;
        } else if (real_is_same(disk->directory, name, fd)) {
            disk->lock = fd;
            return 0;
        } else {
            close(fd); /* somebody replaced it meanwhile: look again */
        }
    }
}

static int
real_create(void *context, const char *name, mode_t mode)
{
    int fd = openat(real_directory(context), name,
                    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    return fd < 0 ? -errno : fd;
}

static int
real_open(void *context, const char *name)
{
    int fd = openat(real_directory(context), name,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

static ssize_t
real_write(void *context, int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    size_t left = length;

    (void)context;
    while (left > 0) {
        ssize_t written = write(fd, at, left);

        if (written < 0 && errno != EINTR)
            return -errno;
        if (written == 0)
            return -ENOSPC;
        if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
    return (ssize_t)length;
}

static ssize_t
real_read(void *context, int fd, uint64_t offset, void *bytes, size_t length)
{
    char *at = bytes;
    size_t got = 0;

    (void)context;
    while (got < length) {
        ssize_t piece = pread(fd, at + got, length - got, (off_t)(offset + got));

        if (piece < 0 && errno != EINTR)
            return -errno;
        if (piece == 0)
            break;
        if (piece > 0)
            got += (size_t)piece;
    }
    return (ssize_t)got;
}

static int64_t
real_size(void *context, int fd)
{
    struct stat status;

    (void)context;
    return fstat(fd, &status) < 0 ? -errno : status.st_size;
}

static int
real_sync(void *context, int fd)
{
    (void)context;
    /* EINTR says that it was not done; any other error, that it never will be. */
    while (fdatasync(fd) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static int
real_refresh(void *context, int fd)
{
    int result = real_sync(context, fd);

    if (result < 0)
        return result;
    result = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    /* Where there is no cache to forget there is nothing that could lie. */
    return result == EINVAL || result == ESPIPE ? 0 : -result;
}

static int
real_allocate(void *context, int fd, uint64_t length)
{
    (void)context;
    while (fallocate(fd, 0, 0, (off_t)length) < 0)
        if (errno != EINTR)
            return errno == ENOSYS ? -EOPNOTSUPP : -errno;
    return 0;
}

static int
real_close(void *context, int fd)
{
    (void)context;
    /* On Linux the descriptor is gone even with EINTR. */
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int
real_make_directory(void *context, const char *name, mode_t mode)
{
    return mkdirat(real_directory(context), name, mode) < 0 && errno != EEXIST ? -errno
                                                                               : 0;
}

static int
real_rename(void *context, const char *from, const char *to)
{
    int directory = real_directory(context);

    return renameat(directory, from, directory, to) < 0 ? -errno : 0;
}

static int
real_unlink(void *context, const char *name)
{
    return unlinkat(real_directory(context), name, 0) < 0 ? -errno : 0;
}

static int
real_sync_directory(void *context, const char *name)
{
    int fd = openat(real_directory(context), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    if (fd < 0)
        return -errno;
    while (result == 0 && fsync(fd) < 0)
        if (errno != EINTR)
            result = -errno;
    close(fd);
    return result;
}

static int
real_list(void *context, const char *name, void (*each)(void *argument, const char *name),
          void *argument)
{
    int fd = openat(real_directory(context), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;
    DIR *directory;
    int result;

    if (fd < 0)
        return -errno;
    directory = fdopendir(fd);
    if (directory == NULL) {
        result = -errno;
        close(fd);
        return result;
    }
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(argument, entry->d_name);
        errno = 0;
    }
    result = -errno;
    closedir(directory);
    return result;
}

static int
real_free_space(void *context, uint64_t *bytes, uint64_t *inodes)
{
    struct statvfs status;

    if (fstatvfs(real_directory(context), &status) < 0)
        return -errno;
    *bytes = (uint64_t)status.f_bavail * status.f_frsize;
    /* Some file systems have no inodes to run out of and say 0 of 0. */
    *inodes = status.f_files == 0 ? UINT64_MAX : status.f_favail;
    return 0;
}

int
disk_open(const char *path, struct disk *disk)
{
    struct real_disk *real;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    real = memory_alloc(sizeof(*real));
    *real = (struct real_disk){.directory = fd, .lock = -1};
    *disk = (struct disk){.context = real,
                          .lock = real_lock,
                          .create = real_create,
                          .open = real_open,
                          .write = real_write,
                          .read = real_read,
                          .size = real_size,
                          .sync = real_sync,
                          .refresh = real_refresh,
                          .allocate = real_allocate,
                          .close = real_close,
                          .make_directory = real_make_directory,
                          .rename = real_rename,
                          .unlink = real_unlink,
                          .sync_directory = real_sync_directory,
                          .list = real_list,
                          .free_space = real_free_space};
    return 0;
}

void
disk_close(struct disk *disk)
{
    struct real_disk *real = disk->context;

    if (real == NULL)
        return;
    if (real->lock >= 0)
        close(real->lock);
    close(real->directory);
    free(real);
    disk->context = NULL;
}
