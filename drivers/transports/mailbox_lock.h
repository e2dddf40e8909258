/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks on a mailbox that other programs write and read too: the lock file beside it,
 * then the kernel's locks. None of them is waited for inside a call, so that a reader who
 * takes them in another order never blocks us while we block him.
 */
#ifndef DRIVERS_TRANSPORTS_MAILBOX_LOCK_H
#define DRIVERS_TRANSPORTS_MAILBOX_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct mailbox_lock {
    char *file; /* the lock file that is ours, or NULL */
};

enum lock_result {
    LOCK_HELD,   /* it is ours */
    LOCK_BUSY,   /* somebody else's; `error` says whose */
    LOCK_FAILED, /* `error`: cannot be locked */
};

/*
 * Make the lock file PATH.lock: a unique file, linked (so it works on NFS). One that is
 * old is broken only when the process named in it, on this host, is gone. Where no file
 * can be made (the directory is not ours to write) the kernel's locks alone must do.
 */
enum lock_result mailbox_lock_file(struct mailbox_lock *lock, const char *path,
                                   mode_t mode, struct error *error);
/* fcntl (of the open file, where there is that) and flock on an open mailbox. */
enum lock_result mailbox_lock_kernel(int fd, const char *path, struct error *error);
/* Remove the lock file, if there is one. The kernel's locks go with the descriptor. */
void mailbox_unlock(struct mailbox_lock *lock);

#endif
