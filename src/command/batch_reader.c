/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking a batch apart into transactions. */
#include "command/batch_reader.h"

#include <errno.h>
#include <string.h>

#include "base/banned.h"

enum { COMMAND_LIMIT = 16 << 10, FAULTS_SHOWN = 50, FAULT_TEXT = 200 };

void
batch_reader_begin(struct batch_reader *reader, FILE *stream, uint64_t size_limit,
                   struct arena *arena)
{
    *reader = (struct batch_reader){.stream = stream,
                                    .size_limit = size_limit,
                                    .arena = arena,
                                    .hello = "",
                                    .faults = text_new(arena)};
}

static void
fault(struct batch_reader *reader, struct span line, const char *why)
{
    if (reader->fault_count++ >= FAULTS_SHOWN)
        return;
    text_add_format(&reader->faults, "line %u: %s: %s\n", reader->line, why,
                    span_printable(line, FAULT_TEXT, reader->arena));
}

/* --- octets --- */

static int
octet(struct batch_reader *reader)
{
    int byte = getc_unlocked(reader->stream);

    if (byte == '\n')
        reader->line++;
    return byte;
}

/*
 * A command without its line end; what is over the limit is dropped and `length` is the
 * limit. False: the end of the stream and nothing before it.
 */
static bool
command_read(struct batch_reader *reader, char *line, size_t *length)
{
    int byte = octet(reader);

    *length = 0;
    if (byte == EOF)
        return false;
    for (; byte != EOF && byte != '\n'; byte = octet(reader))
        if (*length < COMMAND_LIMIT)
            line[(*length)++] = (char)byte;
    if (*length > 0 && *length < COMMAND_LIMIT && line[*length - 1] == '\r')
        --*length;
    return true;
}

static void
content_add(const struct batch_reader *reader, struct batch_message *message, int byte)
{
    if (reader->size_limit > 0 && message->content.length >= reader->size_limit)
        message->too_large = true;
    else
        text_add_byte(&message->content, (char)byte);
}

/* Behind a dot at the beginning of a line: is it alone? Else the dot was one too many. */
static bool
dot_is_end(struct batch_reader *reader, struct batch_message *message, int *next)
{
    int byte = octet(reader);

    if (byte == '\r') {
        byte = octet(reader);
        if (byte != '\n')
            content_add(reader, message, '\r');
    }
    *next = byte;
    return byte == '\n' || byte == EOF;
}

/* Up to the line with one dot. */
static void
text_read(struct batch_reader *reader, struct batch_message *message)
{
    bool line_begins = true;
    int byte = octet(reader);

    while (byte != EOF) {
        if (line_begins && byte == '.') {
            if (dot_is_end(reader, message, &byte))
                break;
            line_begins = false;
            continue;
        }
        content_add(reader, message, byte);
        line_begins = byte == '\n';
        byte = octet(reader);
    }
    message->cut = byte == EOF;
}

/* So many octets as they are. */
static void
chunk_read(struct batch_reader *reader, struct batch_message *message, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        int byte = octet(reader);

        if (byte == EOF) {
            message->cut = true;
            return;
        }
        content_add(reader, message, byte);
    }
}

/* --- commands --- */

/* Octets of a path at the beginning of `text`; without brackets it ends at a blank. */
static size_t
path_length(struct span text)
{
    bool quoted = false, brackets = text.length > 0 && text.bytes[0] == '<';

    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];

        if (byte == '\\')
            i++;
        else if (byte == '"')
            quoted = !quoted;
        else if (!quoted && brackets && byte == '>')
            return i + 1;
        else if (!quoted && !brackets && byte == ' ')
            return i;
    }
    return brackets ? 0 : text.length;
}

/*
 * Parameters that a neighbour may set: those of SMTP. Ours (X...) are for those who speak
 * for themselves.
 */
static const char *
parameters_of(struct span text, struct arena *arena)
{
    struct text result = text_new(arena);
    struct span word;

    while (span_next(&text, ' ', &word))
        if (word.length > 0 && byte_lower(word.bytes[0]) != 'x') {
            text_add_byte(&result, ' ');
            text_add_span(&result, word);
        }
    return text_string(&result);
}

/* "FROM:<path> parameters"; false: it is not that. */
static bool
path_take(struct span arguments, const char *word, struct arena *arena, const char **path,
          const char **parameters)
{
    struct span rest, found;
    size_t length;

    if (!span_starts_nocase(arguments, word))
        return false;
    rest = span_trim(span_from(arguments, strlen(word)));
    length = path_length(rest);
    if (length == 0)
        return false;
    found = span_first(rest, length);
    if (found.bytes[0] == '<') {
        found.bytes++;
        found.length -= 2;
    } else if (span_find(found, '>') < length || span_find(found, '<') < length) {
        return false; /* it would end somewhere else once it stands in brackets */
    }
    *path = span_string(found, arena);
    *parameters = parameters_of(span_from(rest, length), arena);
    return true;
}

static void
message_forget(struct batch_message *message, struct arena *arena)
{
    *message = (struct batch_message){.hello = "", .content = text_new(arena)};
}

static void
take_mail(struct batch_reader *reader, struct span line, struct span arguments,
          struct arena *arena, struct batch_message *message)
{
    if (message->reverse_path)
        fault(reader, line, "MAIL before the last one was finished");
    message_forget(message, arena);
    message->line = reader->line;
    message->hello = reader->hello;
    if (!path_take(arguments, "FROM:", arena, &message->reverse_path,
                   &message->parameters))
        fault(reader, line, "no reverse-path found");
}

static void
take_recipient(struct batch_reader *reader, struct span line, struct span arguments,
               struct arena *arena, struct batch_message *message)
{
    struct batch_recipient recipient = {.reply = ""};

    if (!message->reverse_path) {
        fault(reader, line, "RCPT without MAIL");
        return;
    }
    if (!path_take(arguments, "TO:", arena, &recipient.path, &recipient.parameters)) {
        recipient.path = span_printable(arguments, FAULT_TEXT, arena);
        recipient.parameters = "";
        recipient.code = 501;
        recipient.reply = "5.1.3 no address found";
    }
    if (message->recipient_count == message->recipient_room) {
        message->recipient_room = message->recipient_room * 2 + 8;
        message->recipients =
            arena_grow(arena, message->recipients, message->recipient_count,
                       message->recipient_room, sizeof *message->recipients);
    }
    message->recipients[message->recipient_count++] = recipient;
}

/* DATA or BDAT. A text whose envelope was not understood is read over all the same. */
static bool
take_text(struct batch_reader *reader, struct span verb, struct span arguments,
          struct batch_message *message)
{
    struct span size = span_first(arguments, span_find(arguments, ' '));
    uint64_t octets = 0;

    if (span_is_nocase(verb, "DATA")) {
        text_read(reader, message);
        return true;
    }
    if (!span_number(size, UINT32_MAX, &octets)) {
        fault(reader, arguments, "BDAT without a size");
        return false;
    }
    chunk_read(reader, message, octets);
    return message->cut || span_ends_nocase(span_trim(arguments), " LAST");
}

/* One command. True: it brought the end of a text. */
static bool
command_run(struct batch_reader *reader, struct span line, struct arena *arena,
            struct batch_message *message)
{
    size_t length = span_find(line, ' ');
    struct span verb = span_first(line, length);
    struct span arguments = span_trim(span_from(line, length));
    static const char *const idle[] = {"VRFY", "EXPN", "NOOP", "HELP", "VERB",
                                       "TICK", "ONEX", "QUIT", ""};

    if (span_is_nocase(verb, "MAIL")) {
        take_mail(reader, line, arguments, arena, message);
    } else if (span_is_nocase(verb, "RCPT")) {
        take_recipient(reader, line, arguments, arena, message);
    } else if (span_is_nocase(verb, "DATA") || span_is_nocase(verb, "BDAT")) {
        return take_text(reader, verb, arguments, message);
    } else if (span_is_nocase(verb, "HELO") || span_is_nocase(verb, "EHLO")) {
        reader->hello = span_printable(arguments, 255, reader->arena);
        message_forget(message, arena);
    } else if (span_is_nocase(verb, "RSET")) {
        message_forget(message, arena);
    } else {
        for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
            if (span_is_nocase(verb, idle[i]))
                return false;
        fault(reader, line, "unknown command");
    }
    return false;
}

/* Is it one that can be handed on, or has it at least somebody to be told of it? */
static bool
message_is_whole(struct batch_reader *reader, const struct batch_message *message)
{
    if (message->reverse_path && message->recipient_count > 0)
        return true;
    fault(reader, span_first(text_span(&message->content), FAULT_TEXT),
          message->reverse_path ? "a text without recipients" : "a text without MAIL");
    return false;
}

static bool
line_is_clean(struct span line)
{
    for (size_t i = 0; i < line.length; i++)
        if (byte_is_control(line.bytes[i]) && line.bytes[i] != '\t')
            return false;
    return line.length < COMMAND_LIMIT;
}

bool
batch_reader_next(struct batch_reader *reader, struct arena *arena,
                  struct batch_message *message, struct error *error)
{
    char *bytes = arena_alloc(arena, COMMAND_LIMIT);
    size_t length;

    message_forget(message, arena);
    while (command_read(reader, bytes, &length)) {
        struct span line = span_trim((struct span){bytes, length});

        if (!line_is_clean(line)) {
            fault(reader, line, "no command");
            continue;
        }
        if (!command_run(reader, line, arena, message))
            continue;
        if (message_is_whole(reader, message))
            return true;
        message_forget(message, arena);
    }
    if (ferror(reader->stream))
        return fail_temporary(error, "4.3.0", "standard input: %s", strerror(errno));
    if (message->reverse_path && message->recipient_count > 0)
        fault(reader, span_of(message->reverse_path),
              "the batch ended before the text of a message from");
    return false;
}
