/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file for each message: Maildir, and directories of batches. */
#ifndef DRIVERS_TRANSPORTS_MAILDIR_H
#define DRIVERS_TRANSPORTS_MAILDIR_H

#include <sys/types.h>

#include "base/error.h"
#include "mail/rendering.h"

/* What is written: `before`, the rendering, `after`. */
struct drop {
    const char *before, *after;
    struct rendering *rendering;
    mode_t mode;
    const char *message_id;
    struct arena *arena;
};

/*
 * Into tmp/ of a Maildir (made when missing, 0700), synced, then into new/ under a name
 * that never was. False: temporary ERR_FILE_OPEN, ERR_135, ERR_136; nothing is in new/.
 */
bool maildir_deliver(const char *maildir, const struct drop *drop, struct error *error);

/* As "temp..." in the directory, which exists, synced, then renamed to "q...". */
bool directory_deliver(const char *directory, const struct drop *drop,
                       struct error *error);

#endif
