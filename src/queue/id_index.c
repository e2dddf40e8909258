/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages by id: chains through the messages themselves, so that a million of them cost
 * eight bytes each and a bucket.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum { BUCKETS_LEAST = 256 };

/* We make the ids ourselves, so a keyed multiplication is enough of a hash. */
static uint64_t
id_hash(const struct queue *queue, const struct message_id *id)
{
    uint64_t half[2];
    unsigned __int128 product;

    _Static_assert(sizeof(half) == sizeof(id->text), "an id is two words");
    memcpy(half, id->text, sizeof(half));
    product = (unsigned __int128)(half[0] ^ queue->key[0]) * (half[1] ^ queue->key[1]);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct queued **
bucket_of(const struct queue *queue, const struct message_id *id)
{
    uint64_t hash = id_hash(queue, id);

    return &queue->buckets[hash & (queue->bucket_count - 1)];
}

struct queued *
id_index_get(const struct queue *queue, const struct message_id *id)
{
    struct queued *message;

    if (queue->bucket_count == 0)
        return NULL;
    for (message = *bucket_of(queue, id); message != NULL; message = message->next)
        if (memcmp(message->id.text, id->text, sizeof(id->text)) == 0)
            return message;
    return NULL;
}

/* Twice as many buckets. */
static void
id_index_grow(struct queue *queue)
{
    struct queued **old = queue->buckets;
    size_t count = queue->bucket_count;

    queue->bucket_count = count > 0 ? count * 2 : BUCKETS_LEAST;
    queue->buckets = memory_alloc(queue->bucket_count * sizeof(*queue->buckets));
    for (size_t i = 0; i < count; i++) {
        while (old[i] != NULL) {
            struct queued *message = old[i], **bucket = bucket_of(queue, &message->id);

            old[i] = message->next;
            message->next = *bucket;
            *bucket = message;
        }
    }
    free(old);
}

void
id_index_put(struct queue *queue, struct queued *message)
{
    struct queued **bucket;

    if (queue->message_count >= queue->bucket_count)
        id_index_grow(queue);
    bucket = bucket_of(queue, &message->id);
    message->next = *bucket;
    *bucket = message;
    queue->message_count++;
}

void
id_index_remove(struct queue *queue, struct queued *message)
{
    struct queued **at = bucket_of(queue, &message->id);

    while (*at != message)
        at = &(*at)->next;
    *at = message->next;
    queue->message_count--;
}

struct queued *
id_index_next(const struct queue *queue, size_t *bucket, struct queued *after)
{
    if (after != NULL && after->next != NULL)
        return after->next;
    if (after != NULL)
        (*bucket)++;
    for (; *bucket < queue->bucket_count; (*bucket)++)
        if (queue->buckets[*bucket] != NULL)
            return queue->buckets[*bucket];
    return NULL;
}
