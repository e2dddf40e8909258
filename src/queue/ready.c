/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams that could give a job at once: a line for each grade, served in turn. A bitmap
 * of the grades in use makes finding the first one a matter of two instructions.
 */
#include "queue/state.h"

#include <assert.h>

#include "base/banned.h"

static struct ready_set *
set_of(struct queue *queue, const struct stream *stream)
{
    return &queue->ready[stream->pool][stream - stream->lane->streams];
}

void
ready_list(struct queue *queue, struct stream *stream, enum pool pool, char grade)
{
    unsigned letter = (unsigned char)grade;
    struct ready_set *set;

    assert(stream->listed == 0 && letter > 0 && letter < 128);
    stream->listed = (uint8_t)letter;
    stream->pool = (uint8_t)pool;
    set = set_of(queue, stream);
    stream->next = NULL;
    stream->previous = set->last[letter];
    if (stream->previous != NULL)
        stream->previous->next = stream;
    else
        set->first[letter] = stream;
    set->last[letter] = stream;
    set->used[letter / 64] |= UINT64_C(1) << letter % 64;
    set->count++;
}

void
ready_unlist(struct queue *queue, struct stream *stream)
{
    unsigned letter = stream->listed;
    struct ready_set *set;

    if (letter == 0)
        return;
    set = set_of(queue, stream);
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        set->first[letter] = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    else
        set->last[letter] = stream->previous;
    if (set->first[letter] == NULL)
        set->used[letter / 64] &= ~(UINT64_C(1) << letter % 64);
    set->count--;
    stream->listed = 0;
}

void
ready_rotate(struct queue *queue, struct stream *stream)
{
    char grade = (char)stream->listed;
    enum pool pool = stream->pool;

    if (grade == 0)
        return;
    ready_unlist(queue, stream);
    ready_list(queue, stream, pool, grade);
}

struct stream *
ready_first(const struct ready_set *set, bool odd_turn)
{
    int letter;

    if (set->count == 0)
        return NULL;
    if (odd_turn)
        letter = set->used[1] != 0 ? 127 - __builtin_clzll(set->used[1])
                                   : 63 - __builtin_clzll(set->used[0]);
    else
        letter = set->used[0] != 0 ? __builtin_ctzll(set->used[0])
                                   : 64 + __builtin_ctzll(set->used[1]);
    return set->first[letter];
}

struct stream *
ready_after(const struct ready_set *set, const struct stream *stream)
{
    if (stream->next != NULL)
        return stream->next;
    for (unsigned letter = stream->listed + 1U; letter < 128; letter++)
        if (set->first[letter] != NULL)
            return set->first[letter];
    return NULL;
}
