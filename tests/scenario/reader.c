/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a line of a scenario. */
#include "tests/scenario/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/quantity.h"

#include "base/banned.h"

bool
reader_fail(struct reader *reader, const char *format, ...)
{
    char sentence[512];
    va_list arguments;

    if (reader->failed)
        return false;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    text_add_format(reader->report, "%s:%u: %s\n", reader->file, reader->line, sentence);
    reader->failed = true;
    return false;
}

bool
reader_at_end(const struct reader *reader)
{
    return reader->failed || reader->rest.length == 0;
}

bool
reader_done(struct reader *reader)
{
    if (!reader->failed && reader->rest.length > 0)
        reader_fail(reader, "left over: %.*s", (int)reader->rest.length,
                    reader->rest.bytes);
    return !reader->failed;
}

static struct span
reader_peek(const struct reader *reader)
{
    size_t length = 0;

    while (length < reader->rest.length && !byte_is_blank(reader->rest.bytes[length]))
        length++;
    return span_first(reader->rest, length);
}

const char *
reader_word(struct reader *reader)
{
    struct span word = reader_peek(reader);

    if (reader->failed || word.length == 0) {
        reader_fail(reader, "a word is missing");
        return "";
    }
    reader->rest = span_trim(span_from(reader->rest, word.length));
    return span_string(word, reader->arena);
}

bool
reader_is(struct reader *reader, const char *word)
{
    struct span next = reader_peek(reader);

    if (reader->failed || !span_is(next, word))
        return false;
    reader->rest = span_trim(span_from(reader->rest, next.length));
    return true;
}

int64_t
reader_time(struct reader *reader)
{
    const char *word = reader_word(reader);
    struct duration duration;
    struct error error = {0};

    if (strcmp(word, "0") == 0)
        return 0;
    if (!duration_parse(span_of(word), &duration, &error)) {
        reader_fail(reader, "%s: %s", word, error.text);
        return 0;
    }
    return duration.seconds * 1000;
}

uint32_t
reader_count(struct reader *reader)
{
    const char *word = reader_word(reader);
    uint64_t number;

    if (!span_number(span_of(word), UINT32_MAX, &number)) {
        reader_fail(reader, "%s: not a number", word);
        return 0;
    }
    return (uint32_t)number;
}

bool
reader_choice(struct reader *reader, const char *const *choices, size_t count,
              size_t *choice)
{
    const char *word = reader_word(reader);

    for (*choice = 0; *choice < count; (*choice)++)
        if (strcmp(choices[*choice], word) == 0)
            return true;
    return reader_fail(reader, "what is \"%s\"?", word);
}
