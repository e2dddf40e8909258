/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composes reports out of hostile strings, and looks at the result as a reader of MIME
 * would: header, three parts, lines of a bearable length, no control characters of
 * others.
 */
#include "mail/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mail/header.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

/* The next string of the input, up to a NUL. */
static const char *
take(struct span *input, struct arena *arena)
{
    struct span piece = {"", 0};

    span_next(input, '\0', &piece);
    return span_string(piece, arena);
}

static struct span
part(struct span *rest, struct span mark)
{
    size_t at = span_search(*rest, mark);
    struct span found = span_first(*rest, at);

    expect(at < rest->length);
    *rest = span_from(*rest, at + mark.length);
    return found;
}

static void
expect_text(struct span text, bool ascii)
{
    struct span line;

    expect(!ascii || utf8_is_ascii(text));
    expect(utf8_is_valid(text) && span_ends_nocase(text, "\r\n"));
    while (span_next(&text, '\n', &line)) {
        expect(line.length > 0 && line.length <= 999 &&
               line.bytes[line.length - 1] == '\r');
        for (size_t i = 0; i + 1 < line.length; i++)
            expect(!byte_is_control(line.bytes[i]) || line.bytes[i] == '\t');
    }
}

/* The line between parts, from the header. */
static struct span
boundary_line(struct span content, struct arena *arena)
{
    struct field field;
    struct span value;

    expect(header_find(content, "Content-Type", 0, &field));
    value = span_from(field.value, span_find(field.value, '"') + 1);
    value = span_first(value, span_find(value, '"'));
    return span_of(arena_format(arena, "\r\n--%s\r\n", span_string(value, arena)));
}

static void
expect_report(const struct report *report, struct span content, struct arena *arena)
{
    struct span mark = boundary_line(content, arena), rest = content;
    struct span header = part(&rest, mark), people = part(&rest, mark);
    struct span status = part(&rest, mark);
    bool ascii = utf8_is_ascii(span_of(report->to));
    struct field field;

    expect(span_search(rest, mark) == rest.length && span_ends_nocase(rest, "--\r\n"));
    expect(header_count(header, "To") == 1 && header_count(header, "Subject") == 1);
    expect_text(header, ascii);
    expect_text(people, false);
    status = span_from(status, header_length(status));
    expect_text(status, ascii);
    expect(header_find(status, "Reporting-MTA", 0, &field));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span input = span_from((struct span){(const char *)data, size}, 1);
    unsigned how = size > 0 ? data[0] : 0;
    struct envelope envelope = envelope_new();
    struct text content = text_new(arena);
    struct report_recipient recipient = {.action = "failed", .status = "5.1.1"};
    struct report report = {.kind = how % 3,
                            .message_id = "id",
                            .original_id = "id2",
                            .reporting_mta = "host.example",
                            .from = "MAILER-DAEMON@example",
                            .envelope = &envelope,
                            .recipients = &recipient,
                            .recipient_count = 1,
                            .original_is_whole = (how & 4) != 0,
                            .now = 767164324};

    report.to = take(&input, arena);
    recipient.address = take(&input, arena);
    recipient.original = take(&input, arena);
    recipient.remote = take(&input, arena);
    recipient.diagnostic = take(&input, arena);
    recipient.diagnostic_is_smtp = (how & 8) != 0;
    recipient.retry_until = (how & 16) != 0 ? 767164324 : 0;
    report.introduction = take(&input, arena);
    report.output = take(&input, arena);
    envelope.envelope_id = take(&input, arena);
    envelope.message_id = take(&input, arena);
    report.original = input.bytes != NULL ? input : SPAN("");
    report_compose(&report, &content);
    expect_report(&report, text_span(&content), arena);
    arena_free(arena);
    return 0;
}
