/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory by lifetime: what is made during one configuration, session, transaction or
 * attempt lives in its arena and goes with it. Nothing is freed piece by piece, and
 * allocation cannot fail from the caller's view: when memory is exhausted the process
 * says so on standard error and ends with EX_TEMPFAIL (what was not acknowledged is still
 * the client's, what was acknowledged is on disk).
 *
 * With --enable-hard-memory each allocation is a malloc of its own, so that valgrind and
 * the sanitizers see every overrun; in a sanitizer build unused space is poisoned.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* A new, empty arena. Nothing is allocated for content until it is used. */
struct arena *arena_new(void);

/* Forget everything in it but keep the arena (and one block); free it. NULL is fine. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* `size` bytes of zeros, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* Room for `count` elements of `size` bytes (checked for overflow), zeros. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A longer copy of an array of `count` elements, for `wanted` of them, the rest zeros. */
void *arena_grow(struct arena *arena, const void *old, size_t count, size_t wanted,
                 size_t size);

/* Copies that end in NUL. */
char *arena_string(struct arena *arena, const char *string);
char *arena_bytes(struct arena *arena, const void *bytes, size_t length);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* Bytes that the arena holds from the system, for limits and the state dump. */
size_t arena_size(const struct arena *arena);

/*
 * For long-lived things outside any arena; to be freed with free(). The first gives
 * zeros. They end the process as above.
 */
void *memory_alloc(size_t size);
void *memory_grow(void *old, size_t size);
char *memory_string(const char *string);

#endif
