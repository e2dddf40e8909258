/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is under way: a list in the order of handing out, searched from its beginning. */
#include "tests/scenario/agenda.h"

#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

struct work *
agenda_add(struct agenda *agenda, int64_t time)
{
    struct work *work;

    if (agenda->count == agenda->room) {
        agenda->room = agenda->room * 2 + 16;
        agenda->list = memory_grow(agenda->list, agenda->room * sizeof(*agenda->list));
    }
    work = &agenda->list[agenda->count++];
    *work = (struct work){.time = time};
    return work;
}

size_t
agenda_first(const struct agenda *agenda)
{
    size_t first = SIZE_MAX;

    for (size_t i = 0; i < agenda->count; i++)
        if (agenda->list[i].time < AGENDA_NEVER &&
            (first == SIZE_MAX || agenda->list[i].time < agenda->list[first].time))
            first = i;
    return first;
}

struct work
agenda_take(struct agenda *agenda, size_t at)
{
    struct work work = agenda->list[at];

    agenda->count--;
    memmove(&agenda->list[at], &agenda->list[at + 1],
            (agenda->count - at) * sizeof(agenda->list[0]));
    return work;
}
