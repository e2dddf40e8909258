/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Analyses addresses step by step until they are local or refused: each step must leave
 * less than it was given, and name a host that stands any further check.
 */
#include "mail/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "mail/domain.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static void
target_again(const char *target, struct arena *arena)
{
    const char *second;

    if (target[0] == '[')
        expect(domain_literal(span_of(target), arena, &second, NULL));
    else
        expect(domain_normalise(span_of(target), false, arena, &second, NULL));
    expect(strcmp(second, target) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span address = span_from((struct span){(const char *)data, size}, 1),
                local_part;
    bool percent_first = size > 0 && (data[0] & 1) != 0;
    struct error error = {0};
    struct mailbox_step step;

    while (mailbox_step(address, percent_first, arena, &step, &error)) {
        if (step.form == MAILBOX_LOCAL) {
            expect(step.target[0] == '\0' && span_equal(step.rest, address));
            mailbox_local_part(step.rest, arena, &local_part);
            break;
        }
        expect(step.rest.length > 0 && step.rest.length < address.length);
        target_again(step.target, arena);
        address = step.rest;
    }
    expect(error.status[0] == '\0' || error.permanent);
    arena_free(arena);
    return 0;
}
