/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mailbox file that is open, locked and checked while one or several messages are put
 * at its end. Nothing counts before mailbox_finish() said so; on any failure the file
 * gets back the length it had.
 */
#ifndef DRIVERS_TRANSPORTS_MAILBOX_H
#define DRIVERS_TRANSPORTS_MAILBOX_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/settings.h"
#include "mail/rendering.h"

struct mailbox_file;

struct mailbox_options {
    const struct settings *settings; /* how it is locked */
    mode_t mode;                     /* of a new file */
    gid_t group;                     /* of a new file; (gid_t)-1: as the system does it */
    int64_t deadline;                /* monotonic: no waiting for a lock beyond it */
    /* A path of the administrator: the saved group may make files in its directory. */
    bool with_group;
};

/*
 * Lock and open. A regular file with one link, owned by this process's user, that no
 * symbolic link led to; else, and when the lock cannot be had, false:
 *
 *   temporary  ERR_134 it is locked; ERR_133 anything about the file or its directory
 *              that the system or its administrator may change
 *   permanent  ERR_133 there is something there that no mail is put into, or no such
 *              directory, or no permission
 */
bool mailbox_open(const char *path, const struct mailbox_options *options,
                  struct mailbox_file **mailbox, struct error *error);

/*
 * Put one message at the end: `before`, the rendering, `after`. False: temporary ERR_135,
 * 4.2.2 when it is full; the file is as it was before this message.
 */
bool mailbox_append(struct mailbox_file *mailbox, const char *before,
                    struct rendering *rendering, const char *after, struct error *error);
/* Where the last message begins, for those who wait for mail. */
uint64_t mailbox_position(const struct mailbox_file *mailbox);

/*
 * Make everything durable, close and unlock. False: temporary ERR_135, and nothing of
 * what was appended is there any more (or, if even that failed, may be there twice
 * later).
 */
bool mailbox_finish(struct mailbox_file *mailbox, struct error *error);

#endif
