/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the spool asks of a disk, as one small table of operations, so that tests run it
 * on a simulated disk that fails, tears and loses power at any operation. Names are
 * relative to the spool's directory ("input/00000001", never with ".."); each function
 * returns a negative errno on failure. Short writes and EINTR are dealt with behind the
 * table.
 */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk {
    void *context;

    /* Take the one lock of the spool; kept until close. -EWOULDBLOCK: somebody has it. */
    int (*lock)(void *context, const char *name);
    int (*create)(void *context, const char *name,
                  mode_t mode); /* O_EXCL, read and append; returns a descriptor */
    int (*open)(void *context, const char *name); /* read only; returns a descriptor */
    ssize_t (*write)(void *context, int fd, const void *bytes,
                     size_t length); /* append, all or error */
    ssize_t (*read)(void *context, int fd, uint64_t offset, void *bytes,
                    size_t length); /* short only at the end */
    int64_t (*size)(void *context, int fd);
    int (*sync)(void *context, int fd); /* fdatasync */
    /*
     * Sync, and forget what the cache has, so that reading shows what the disk has: after
     * a sync that failed (perhaps another process's) these differ, and nothing tells.
     */
    int (*refresh)(void *context, int fd);
    int (*allocate)(void *context, int fd,
                    uint64_t length); /* reserve room; -EOPNOTSUPP is fine */
    int (*close)(void *context, int fd);
    /* Fine when it is there already. */
    int (*make_directory)(void *context, const char *name, mode_t mode);
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *name);
    int (*sync_directory)(void *context, const char *name);
    /* Names in a directory, one call of `each` for each. */
    int (*list)(void *context, const char *name,
                void (*each)(void *argument, const char *name), void *argument);
    /* Octets and inodes that an ordinary user can still use. */
    int (*free_space)(void *context, uint64_t *bytes, uint64_t *inodes);
};

/*
 * The real one; `path` is the spool's directory (opened once). Fails with a negative
 * errno. disk_close() also gives up the lock.
 */
int disk_open(const char *path, struct disk *disk);
void disk_close(struct disk *disk);

#endif
