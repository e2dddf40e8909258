/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chain of blocks from which memory is cut in order. The first block is small, because
 * there is one for each idle session; later ones double. Large pieces get a block of
 * their own behind the current one, so its room is not lost.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#endif

#include "base/banned.h"

enum {
    BLOCK_FIRST = 1024,      /* with its head; what an idle session pays */
    BLOCK_LAST = 128 * 1024, /* growth ends here */
    BLOCK_KEPT = 16 * 1024,  /* the largest that survives a reset */
    ALIGNMENT = _Alignof(max_align_t)
};

/* Between pieces, so that the sanitizer sees one run into the next. */
#ifdef ARENA_POISON
enum { GAP = 16 };
#else
enum { GAP = 0 };
#endif

/* With hard memory: no block is shared, and each is as long as its piece to the byte. */
#ifdef SMAIL_HARD_MEMORY
enum { EACH_ALONE = 1 };
#else
enum { EACH_ALONE = 0 };
#endif

struct block {
    struct block *next;
    size_t room; /* of bytes[] */
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks; /* the first is the one in use */
    size_t next_size;
    size_t held;
};

static _Noreturn void
memory_exhausted(void)
{
    static const char text[] = "smail: out of memory\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

    /* Nothing can be done about a closed standard error. */
    (void)written;
    _exit(EX_TEMPFAIL);
}

void *
memory_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL)
        memory_exhausted();
    return memory;
}

void *
memory_grow(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);

    if (memory == NULL)
        memory_exhausted();
    return memory;
}

char *
memory_string(const char *string)
{
    size_t size = strlen(string) + 1;

    return memcpy(memory_alloc(size), string, size);
}

static void
block_poison(struct block *block)
{
#ifdef ARENA_POISON
    ASAN_POISON_MEMORY_REGION(block->bytes, block->room);
#else
    (void)block;
#endif
}

static void
block_unpoison(struct block *block, size_t from, size_t size)
{
#ifdef ARENA_POISON
    ASAN_UNPOISON_MEMORY_REGION(block->bytes + from, size);
#else
    (void)block, (void)from, (void)size;
#endif
}

static struct block *
block_new(struct arena *arena, size_t room)
{
    struct block *block;

    if (room > SIZE_MAX - sizeof(*block))
        memory_exhausted();
    block = malloc(sizeof(*block) + room);
    if (block == NULL)
        memory_exhausted();
    *block = (struct block){.room = room};
    block_poison(block);
    arena->held += sizeof(*block) + room;
    return block;
}

static void
block_free(struct arena *arena, struct block *block)
{
    arena->held -= sizeof(*block) + block->room;
    block_unpoison(block, 0, block->room);
    free(block);
}

struct arena *
arena_new(void)
{
    struct arena *arena = memory_alloc(sizeof(*arena));

    arena->next_size = BLOCK_FIRST;
    arena->held = sizeof(*arena);
    return arena;
}

/* The largest block that is small enough to keep, taken out of the chain; or NULL. */
static struct block *
arena_take_kept(struct arena *arena)
{
    struct block **best = NULL;
    struct block *kept;

    if (EACH_ALONE)
        return NULL;

    for (struct block **at = &arena->blocks; *at != NULL; at = &(*at)->next)
        if (sizeof(struct block) + (*at)->room <= BLOCK_KEPT &&
            (best == NULL || (*at)->room > (*best)->room))
            best = at;
    if (best == NULL)
        return NULL;
    kept = *best;
    *best = kept->next;
    return kept;
}

static void
arena_drop(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        block_free(arena, block);
    }
}

void
arena_reset(struct arena *arena)
{
    struct block *kept;

    if (arena == NULL)
        return;
    kept = arena_take_kept(arena);
    arena_drop(arena);
    arena->next_size = BLOCK_FIRST;
    if (kept == NULL)
        return;
    kept->next = NULL;
    kept->used = 0;
    block_poison(kept);
    arena->blocks = kept;
    arena->next_size = 2 * (sizeof(*kept) + kept->room);
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_drop(arena);
    free(arena);
}

static struct block *
block_push(struct arena *arena, struct block **at, size_t room)
{
    struct block *block = block_new(arena, room);

    block->next = *at;
    *at = block;
    return block;
}

static struct block *
arena_find_room(struct arena *arena, size_t size)
{
    struct block *current = arena->blocks;
    size_t usual = arena->next_size - sizeof(struct block);
    struct block *block;

    if (EACH_ALONE)
        return block_push(arena, &arena->blocks, size);
    if (current != NULL && size <= current->room - current->used)
        return current;
    if (current != NULL && size > usual / 4)
        return block_push(arena, &current->next, size);
    block = block_push(arena, &arena->blocks, size > usual ? size : usual);
    if (arena->next_size < BLOCK_LAST)
        arena->next_size *= 2;
    return block;
}

/* What `size` bytes take from a block: whole alignments, so the next piece is aligned
 * too. */
static size_t
size_whole(size_t size)
{
    if (size > SIZE_MAX / 2)
        memory_exhausted();
    if (EACH_ALONE)
        return size;
    return ((size > 0 ? size : 1) + GAP + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    size_t whole = size_whole(size);
    struct block *block = arena_find_room(arena, whole);
    char *memory = block->bytes + block->used;

    block_unpoison(block, block->used, size);
    block->used += whole;
    return memset(memory, 0, size);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t whole;

    if (__builtin_mul_overflow(count, size, &whole))
        memory_exhausted();
    return arena_alloc(arena, whole);
}

void *
arena_grow(struct arena *arena, const void *old, size_t count, size_t wanted, size_t size)
{
    void *grown = arena_array(arena, wanted > count ? wanted : count, size);

    if (count > 0 && size > 0)
        memcpy(grown, old, count * size);
    return grown;
}

char *
arena_bytes(struct arena *arena, const void *bytes, size_t length)
{
    char *copy;

    if (length > SIZE_MAX / 2)
        memory_exhausted();
    copy = arena_alloc(arena, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *
arena_string(struct arena *arena, const char *string)
{
    return arena_bytes(arena, string, strlen(string));
}

char *
arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    char *text;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) /* over INT_MAX: as good as exhausted */
        memory_exhausted();
    text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t
arena_size(const struct arena *arena)
{
    return arena->held;
}
