/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The steps of a walk, kept to be shown. */
#ifndef RESOLVE_EXPLAIN_H
#define RESOLVE_EXPLAIN_H

#include "resolve/walk.h"

/* One step with what the driver said on the way; without an entry a remark of the walk.
 */
struct explained {
    struct step step;
    const char *source, *error; /* copies; "" none */
    const char *const *notes;
    size_t note_count;
    struct explained *next;
};

/* Collects; its services are those of the walk, with its own trace. */
struct explanation {
    struct services services; /* the first: the trace finds the rest by it */
    struct arena *arena;
    struct explained *first, **last;
    const char **notes; /* said since the last step */
    size_t note_count, note_room;
};

void explanation_begin(struct explanation *explanation, const struct services *services,
                       struct arena *arena);
void explanation_add(struct explanation *explanation, const struct step *step);

const char *verdict_name(enum verdict verdict);

#endif
