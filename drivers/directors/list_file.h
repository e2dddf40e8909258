/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that is one list of addresses: forward files, mailing lists, included lists. */
#ifndef DRIVERS_DIRECTORS_LIST_FILE_H
#define DRIVERS_DIRECTORS_LIST_FILE_H

#include "drivers/driver.h"

struct list_file {
    const char *path;
    const struct user *user; /* with whose rights it is read; NULL: nobody's */
    struct stat status;
    struct span content;
};

enum list_result {
    LIST_READ,
    LIST_MISSING,
    LIST_UNUSABLE, /* permanent error: a link, no regular file, too large, a NUL octet */
    LIST_FAILED,   /* temporary error */
};

/*
 * Open, look and read, all on one descriptor. A user's file is never a symbolic link.
 * `first_line`: read no more than that.
 */
enum list_result list_file_read(const struct directing *directing, struct list_file *file,
                                bool first_line, struct error *error);

/*
 * May this process read a file of that user now? If not, the answer is VERDICT_USER, with
 * directing->user set.
 */
bool list_file_is_ours(const struct directing *directing, const struct user *user);

#endif
