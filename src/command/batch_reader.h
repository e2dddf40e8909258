/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batch SMTP (RFC 2442's commands, as UUCP neighbours send them): a stream of commands
 * and texts, LF or CRLF line ends, perhaps several batches one behind the other. Nobody
 * answers it, so whatever is wrong is kept to be reported.
 */
#ifndef COMMAND_BATCH_READER_H
#define COMMAND_BATCH_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"

struct batch_recipient {
    const char *path;       /* without brackets, "user@host", "a!b!user" */
    const char *parameters; /* of RCPT, each with a blank before it */
    int code;               /* of the owner's answer; 0: not asked yet */
    const char *reply;      /* its words */
};

/* One transaction. */
struct batch_message {
    const char *hello;        /* the name of HELO, "" for none */
    const char *reverse_path; /* without brackets; "" null */
    const char *parameters;   /* of MAIL, each with a blank before it */
    struct batch_recipient *recipients;
    size_t recipient_count, recipient_room;
    struct text content; /* with the line ends of the batch */
    bool cut;            /* the batch ended before the text did */
    bool too_large;      /* only the beginning is here */
    unsigned line;       /* where its MAIL stands */
};

struct batch_reader {
    FILE *stream;
    uint64_t size_limit; /* of one text; 0: none */
    unsigned line;
    struct arena *arena; /* of the batch */
    const char *hello;
    struct text faults; /* what could not be understood, a line each */
    size_t fault_count;
};

void batch_reader_begin(struct batch_reader *reader, FILE *stream, uint64_t size_limit,
                        struct arena *arena);

/*
 * The next message with a text, in `arena`. False: the end; with the error set: reading
 * failed. What it cannot understand goes to `faults`.
 */
bool batch_reader_next(struct batch_reader *reader, struct arena *arena,
                       struct batch_message *message, struct error *error);

#endif
