/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What mailq and `smailctl queue` show of a message: Smail's classic text, or JSON. */
#ifndef QUEUE_LISTING_H
#define QUEUE_LISTING_H

#include "base/json.h"
#include "mail/address.h"
#include "mail/envelope.h"

struct listed_message {
    const char *id;
    const char *directory; /* "/var/spool/smail/input" */
    const struct envelope *envelope;
    const struct address *addresses; /* by number - 1 */
    size_t address_count;
    int64_t waited; /* ms */
    bool held;
    const char *log; /* transaction log, lines, or NULL */
};

/* Which messages; NULL, 0, false: any. Patterns are substrings without case. */
struct list_selection {
    const char *const *ids; /* with or without the leading 'm' */
    size_t id_count;
    const char *sender, *recipient, *host;
    int64_t older_than; /* ms */
    bool held_only;
    int64_t uid; /* only messages of this submitter; -1: everybody's */
};

bool listing_selects(const struct list_selection *selection,
                     const struct listed_message *message);

/* Reference 9.7; with the log if the message has one. Ends with an empty line. */
void listing_text(const struct listed_message *message, struct text *text);
/* One JSON object on one line, without line end. */
void listing_json(const struct listed_message *message, struct text *text);

/*
 * The words of an operator's request after its name: "id=ID", "sender=P", "recipient=P",
 * "host=P", "older=SECONDS", "held". False: a word that is none of these (*word is it).
 */
bool selection_parse(const char *const *words, size_t count, struct arena *arena,
                     struct list_selection *selection, const char **word);

#endif
