/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hints in a GDBM file, for `hoststat` and for the next start. A key is the name of a
 * lane
 * ("smtp:mail.example"), its value what host_hint says, packed. The file is built aside
 * and renamed into place, never changed under a reader; one that cannot be read is an
 * empty one, and one that is lost costs some attempts.
 */
#ifndef QUEUE_SNAPSHOT_H
#define QUEUE_SNAPSHOT_H

#include "queue/queue.h"

/* Write all hints of the queue. False: temporary 4.3.0; the old file stands. */
bool hints_save(const struct queue *queue, const char *path, struct error *error);

/*
 * Give the queue what the file remembers. False with the reason when the file is damaged
 * or cannot be read; what could be read was taken all the same. No file is an empty one.
 */
bool hints_load(struct queue *queue, const char *path, int64_t now, struct error *error);

/* The same without a queue: all hints of a file, in no order, strings in the arena. */
bool hints_read(const char *path, struct arena *arena, struct host_hint **hints,
                size_t *count, struct error *error);
bool hints_write(const struct host_hint *hints, size_t count, const char *path,
                 struct error *error);

#endif
