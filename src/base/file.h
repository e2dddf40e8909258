/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of the administrator and of users, opened once, checked on the descriptor, read
 * from that descriptor (never stat and then open).
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"

/*
 * Open for reading: O_NOFOLLOW unless `follow`, O_NONBLOCK, O_NOCTTY, O_CLOEXEC; a
 * regular file. Sets *fd and *status. Returns false with a temporary error, or permanent
 * when the file is missing (ENOENT, ENOTDIR; `errno` is kept) or not a regular file.
 */
bool file_open(const char *path, bool follow, int *fd, struct stat *status,
               struct error *error);

/* Read all of a descriptor, at most `limit` bytes (more is a permanent error). */
bool file_read(int fd, const char *path, size_t limit, struct arena *arena,
               struct span *content, struct error *error);

/* file_open(), file_read(), close. `follow` as above. */
bool file_load(const char *path, bool follow, size_t limit, struct arena *arena,
               struct span *content, struct stat *status, struct error *error);

/* Write everything, looping over short writes and EINTR. */
bool file_write(int fd, const char *path, const void *bytes, size_t length,
                struct error *error);

/* fsync; EINTR is tried again, nothing else is. */
bool file_sync(int fd, const char *path, struct error *error);

/* fsync of the directory that holds `path`. */
bool file_sync_directory(const char *path, struct error *error);

/* Close a file just written: EIO, ENOSPC, EDQUOT are a failed write. */
bool file_close(int fd, const char *path, struct error *error);

/* Write `content` to a file beside `path`, sync, rename over it, sync the directory. */
bool file_replace(const char *path, mode_t mode, struct span content,
                  struct error *error);

#endif
