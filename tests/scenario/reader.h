/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a line of a scenario. After a failure everything reads as nothing. */
#ifndef SCENARIO_READER_H
#define SCENARIO_READER_H

#include <stdbool.h>

#include "base/text.h"

struct reader {
    const char *file;
    unsigned line;
    struct span rest; /* of the line */
    bool failed;
    struct text *report;
    struct arena *arena;
};

/* Add "FILE:LINE: ..." to the report; returns false. */
bool reader_fail(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool reader_at_end(const struct reader *reader);
/* False, and a failure, when something is left over. */
bool reader_done(struct reader *reader);
/* The next word; "" and a failure when there is none. */
const char *reader_word(struct reader *reader);
/* Take it if it is the next. */
bool reader_is(struct reader *reader, const char *word);
int64_t reader_time(struct reader *reader); /* milliseconds */
uint32_t reader_count(struct reader *reader);
bool reader_choice(struct reader *reader, const char *const *choices, size_t count,
                   size_t *choice);

#endif
