/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was promised, and whether the spool keeps it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "tests/crash/spool_walk.h"

#include "base/banned.h"

void
spool_walk_problem(struct walk *walk, const char *format, ...)
{
    va_list arguments;

    if (walk->problem[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(walk->problem, sizeof(walk->problem), format, arguments);
    va_end(arguments);
}

/* What waited for a commit, or for a sync, is now this sure. */
static void
sure_raise(enum walk_sure *sure, enum walk_sure from, enum walk_sure to)
{
    if (*sure == from)
        *sure = to;
}

void
spool_model_raise(struct walk *walk, enum walk_sure from, enum walk_sure to)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];

        sure_raise(&message->accepted, from, to);
        sure_raise(&message->removed, from, to);
        sure_raise(&message->held, from, to);
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            sure_raise(&message->address[j].done, from, to);
            sure_raise(&message->address[j].known, from, to);
        }
    }
}

static void
settle_sure(enum walk_sure *sure, bool is_there)
{
    if (*sure != SURE_DURABLE)
        *sure = is_there ? SURE_DURABLE : SURE_NO;
}

/* After a start what the spool shows is what there is, however sure it was before. */
void
spool_model_settle(struct walk *walk)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];
        const struct spool_message *found = spool_find(walk->spool, &message->id);

        if (!message->added)
            continue;
        if (found == NULL) {
            message->removed = SURE_DURABLE;
            continue;
        }
        /* What was refused may be seen in the cache and yet not be on the disk. */
        if (message->accepted != SURE_NO)
            message->accepted = SURE_DURABLE;
        settle_sure(&message->removed, false);
        if (message->held != SURE_NO) {
            message->held = SURE_DURABLE;
            message->held_wanted = found->held;
        }
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            bool known = j < found->address_count;

            settle_sure(&message->address[j].known, known);
            settle_sure(&message->address[j].done,
                        known && address_state_done(
                                     (enum address_state)found->addresses[j].state));
        }
    }
}

/* The commit failed: outcomes count all the same, the rest was never said. */
void
spool_model_refuse(struct walk *walk)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];

        sure_raise(&message->accepted, SURE_PENDING, SURE_NO);
        sure_raise(&message->removed, SURE_PENDING, SURE_NO);
        sure_raise(&message->held, SURE_PENDING, SURE_NO);
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            struct walk_address *address = &message->address[j];

            sure_raise(&address->done, SURE_PENDING, SURE_CACHED);
            sure_raise(&address->known, SURE_PENDING, SURE_NO);
        }
    }
}

/* ------------------------------------------------------------ holding it against the
 * model */

static void
check_content(struct walk *walk, const struct walk_message *expected,
              const struct spool_message *message)
{
    char content[WALK_CONTENT];
    struct error error = {0};

    if (message->size != expected->size)
        spool_walk_problem(walk, "%s: other size", expected->id.text);
    else if (!spool_read_content(walk->spool, message, 0, content, expected->size,
                                 &error))
        spool_walk_problem(walk, "%s: %s", expected->id.text, error.text);
    else if (memcmp(content, expected->content, expected->size) != 0)
        spool_walk_problem(walk, "%s: altered", expected->id.text);
}

static void
check_addresses(struct walk *walk, const struct walk_message *expected,
                const struct spool_message *message, struct arena *arena)
{
    struct error error = {0};
    struct envelope envelope;
    struct address *addresses;

    if (!spool_load(walk->spool, message, arena, &envelope, &addresses, &error)) {
        spool_walk_problem(walk, "%s: %s", expected->id.text, error.text);
        return;
    }
    if (envelope.recipient_count != expected->recipients)
        spool_walk_problem(walk, "%s: other recipients", expected->id.text);
    for (uint32_t i = 0; i < WALK_ADDRESSES; i++) {
        const struct walk_address *address = &expected->address[i];

        if (i >= message->address_count) {
            if (address->known == SURE_DURABLE || address->done == SURE_DURABLE)
                spool_walk_problem(walk, "%s: address %u is lost", expected->id.text,
                                   i + 1);
        } else if (address->done == SURE_DURABLE &&
                   !address_state_done(addresses[i].state)) {
            spool_walk_problem(walk, "%s: address %u is to be repeated",
                               expected->id.text, i + 1);
        } else if (addresses[i].text[0] == '\0') {
            spool_walk_problem(walk, "%s: address %u has no text", expected->id.text,
                               i + 1);
        }
    }
}

/* Everything that its recipients need is done: each address, as far as it is known. */
static bool
expected_finished(const struct walk_message *expected, enum walk_sure least)
{
    bool expanded = expected->address[expected->recipients].known >= SURE_CACHED;

    if (expected->removed >= least)
        return true;
    for (uint32_t i = 0; i < expected->recipients; i++)
        if (expected->address[i].done < least && !(i == 0 && expanded))
            return false;
    for (uint32_t i = expected->recipients; i < expected->addresses && expanded; i++)
        if (expected->address[i].done < least)
            return false;
    return true;
}

static void
check_message(struct walk *walk, struct walk_message *expected, struct arena *arena)
{
    const struct spool_message *message = spool_find(walk->spool, &expected->id);
    const struct walk_message *bounce =
        expected->bounce >= 0 ? &walk->messages[expected->bounce] : NULL;

    if (message == NULL) {
        /* Gone is right when all of it is done, or it was reported and the bounce is
         * there. */
        if (expected->accepted >= SURE_CACHED &&
            !expected_finished(expected, SURE_CACHED) && !expected->removal_asked &&
            (bounce == NULL || spool_find(walk->spool, &bounce->id) == NULL))
            spool_walk_problem(walk, "%s: lost", expected->id.text);
        return;
    }
    if (expected_finished(expected, SURE_DURABLE))
        spool_walk_problem(walk, "%s: is back", expected->id.text);
    if (expected->held == SURE_DURABLE && message->held != expected->held_wanted)
        spool_walk_problem(walk, "%s: held or not", expected->id.text);
    if (bounce != NULL && message->unreported_count == 0 &&
        message->addresses[0].state == ADDRESS_REPORTED &&
        spool_find(walk->spool, &bounce->id) == NULL)
        spool_walk_problem(walk, "%s: reported, but by no bounce", expected->id.text);
    check_content(walk, expected, message);
    check_addresses(walk, expected, message, arena);
}

/* It takes a message and has it afterwards. */
static void
check_serves(struct walk *walk)
{
    int which = spool_walk_add(walk, 1, 900, false);

    if (which < 0 || !spool_walk_commit(walk, true) ||
        spool_find(walk->spool, &walk->messages[which].id) == NULL)
        spool_walk_problem(walk, "it does not serve again");
}

void
spool_walk_check(struct walk *walk)
{
    struct arena *arena = arena_new();

    if (walk->spool == NULL)
        walk->damages = 0;
    if (walk->spool == NULL && !spool_walk_open(walk))
        spool_walk_problem(walk, "it does not open again");
    for (int i = 0; i < walk->count && walk->spool != NULL; i++)
        check_message(walk, &walk->messages[i], arena);
    if (walk->spool != NULL) {
        spool_model_settle(walk);
        check_serves(walk);
    }
    arena_free(arena);
}
