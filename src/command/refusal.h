/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of recipients that the owner of the spool refused, for submissions whose
 * caller reads no answers (UUCP).
 */
#ifndef COMMAND_REFUSAL_H
#define COMMAND_REFUSAL_H

#include "base/error.h"
#include "base/text.h"
#include "config/settings.h"

struct refused {
    const char *path;  /* as it was given */
    const char *reply; /* the words of the refusal, perhaps behind a status */
};

struct refusal {
    const struct settings *settings;
    const char *reverse_path; /* "" null: the postmaster is told */
    const struct refused *list;
    size_t count;
    const char *status;   /* of those whose reply has none: "5.0.0" */
    struct span original; /* see refusal_original() */
    struct arena *arena;
};

/* Whom the report goes to, and its content. */
const char *refusal_compose(const struct refusal *refusal, struct text *content);

/*
 * As much of a content as a report may want, with CRLF whatever its line ends are.
 */
struct span refusal_original(struct span content, struct arena *arena);

/* "postmaster@" this host. */
const char *refusal_postmaster(const struct settings *settings, struct arena *arena);

#endif
