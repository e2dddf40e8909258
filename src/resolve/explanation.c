/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collecting the steps of a walk. */
#include "resolve/explain.h"

#include "base/banned.h"

/* What a driver says comes before its step is made. */
static void
explanation_note(const struct services *services, const char *text)
{
    struct explanation *explanation = (void *)(uintptr_t)services;

    if (explanation->note_count == explanation->note_room) {
        size_t room = 2 * explanation->note_room + 4;

        explanation->notes = arena_grow(explanation->arena, explanation->notes,
                                        explanation->note_count, room, sizeof(char *));
        explanation->note_room = room;
    }
    explanation->notes[explanation->note_count++] =
        arena_string(explanation->arena, text);
}

void
explanation_begin(struct explanation *explanation, const struct services *services,
                  struct arena *arena)
{
    *explanation = (struct explanation){.services = *services, .arena = arena};
    explanation->services.trace = explanation_note;
    explanation->last = &explanation->first;
}

void
explanation_add(struct explanation *explanation, const struct step *step)
{
    struct explained *explained = arena_alloc(explanation->arena, sizeof(*explained));

    explained->step = *step;
    explained->source = arena_string(explanation->arena, step->source);
    if (step->verdict == VERDICT_DEFERRED || step->verdict == VERDICT_FAILED)
        explained->error = arena_string(explanation->arena, step->error->text);
    else
        explained->error = "";
    explained->notes = explanation->notes;
    explained->note_count = explanation->note_count;
    explanation->notes = NULL;
    explanation->note_count = explanation->note_room = 0;
    *explanation->last = explained;
    explanation->last = &explained->next;
}
