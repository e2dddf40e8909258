/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message of the command line, handed to the owner of the spool. */
#ifndef COMMAND_HANDOVER_H
#define COMMAND_HANDOVER_H

#include "command/command.h"
#include "command/refusal.h"

struct handover {
    const struct options *options; /* the message's flags */
    const char *const *recipients; /* as they were given; with -t exclusions */
    size_t recipient_count;
    const struct text *content;
    struct arena *arena;

    /* what became of it */
    int code;           /* 250 taken; 4xx not now; 5xx refused; 0 the owner went away */
    struct error error; /* for anything but 250 */
    struct refused *refused; /* recipients that were, if others were not */
    size_t refused_count;
    int worst; /* code of the worst outcome, or of a refusal */
};

/*
 * Hand it over, again and again until it was taken or refused, or until `end`
 * (clock_monotonic()). Refusals of single recipients and, if wanted, outcomes are printed
 * as they come.
 */
void handover_send(struct handover *handover, const struct configuration *configuration,
                   int64_t end);

#endif
