/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SMTP with the owner of the spool, as deliver.c and batch.c speak it. */
#ifndef COMMAND_DIALOGUE_H
#define COMMAND_DIALOGUE_H

#include "net/connection.h"

enum { DIALOGUE_WAIT = 600000 };

/*
 * Read one reply, all its lines: their words go to `text`, joined by "; " (may be NULL).
 * False: temporary, the owner is gone or speaks no SMTP.
 */
bool dialogue_reply(struct connection *connection, int *code, struct text *text,
                    struct error *error);

/* The same for a reply that says no more than whether we may go on: the error of one from
 * 400 on has its words. False: the owner is gone. */
bool dialogue_expect(struct connection *connection, struct arena *arena, int *code,
                     struct error *error);

#endif
