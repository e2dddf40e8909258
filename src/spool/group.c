/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that will be written together, in one piece of memory that is kept. */
#include "spool/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { ROOM_KEPT = 4 * 1024 * 1024, ROOM_FIRST = 64 * 1024, OPERATIONS_KEPT = 4096 };

void
group_init(struct group *group)
{
    *group = (struct group){.arena = arena_new()};
}

void
group_free(struct group *group)
{
    free(group->bytes);
    free(group->operations);
    arena_free(group->arena);
}

void
group_reset(struct group *group)
{
    if (group->room > ROOM_KEPT) {
        free(group->bytes);
        group->bytes = NULL;
        group->room = 0;
    }
    if (group->operation_room > OPERATIONS_KEPT) {
        free(group->operations);
        group->operations = NULL;
        group->operation_room = 0;
    }
    group->length = group->count = group->messages = 0;
    arena_reset(group->arena);
}

char *
group_room(struct group *group, size_t length)
{
    size_t wanted = group->length + length;
    char *room;

    if (wanted > group->room) {
        size_t size = group->room > 0 ? group->room : ROOM_FIRST;

        while (size < wanted)
            size *= 2;
        group->bytes = memory_grow(group->bytes, size);
        group->room = size;
    }
    room = group->bytes + group->length;
    group->length = wanted;
    return room;
}

static struct operation *
group_operation(struct group *group)
{
    if (group->count == group->operation_room) {
        group->operation_room =
            group->operation_room > 0 ? 2 * group->operation_room : 64;
        group->operations = memory_grow(
            group->operations, group->operation_room * sizeof(*group->operations));
    }
    return &group->operations[group->count++];
}

struct operation *
group_add(struct group *group, struct record *record, struct span text,
          struct span content)
{
    char heading[RECORD_HEADING_LIMIT], *at;
    struct operation *operation = group_operation(group);
    struct record_layout *layout = &record->layout;

    layout->text = text.length;
    record_write(record, heading);
    *operation =
        (struct operation){.at = group->length, .layout = *layout, .id = record->id};
    at = group_room(group, record_size(layout));
    memcpy(at, heading, layout->heading);
    at += layout->heading;
    if (text.length > 0)
        memcpy(at, text.bytes, text.length);
    at += layout->text;
    if (layout->content > 0)
        memcpy(at, content.bytes, layout->content);
    at[layout->content] = '\n';
    return operation;
}

struct operation *
group_take(struct group *group, const struct group *from,
           const struct operation *operation)
{
    uint64_t size = record_size(&operation->layout);
    const char *record = from->bytes + operation->at;
    struct operation *copy = group_operation(group);

    *copy = *operation;
    copy->at = group->length;
    memcpy(group_room(group, size), record, size);
    if (operation->changes != NULL) {
        copy->changes =
            arena_array(group->arena, operation->count, sizeof(*operation->changes));
        memcpy(copy->changes, operation->changes,
               operation->count * sizeof(*operation->changes));
    }
    if (operation->numbers != NULL) {
        copy->numbers =
            arena_array(group->arena, operation->count, sizeof(*operation->numbers));
        memcpy(copy->numbers, operation->numbers,
               operation->count * sizeof(*operation->numbers));
    }
    if (operation->kind == OPERATION_MESSAGE)
        group->messages++;
    return copy;
}
