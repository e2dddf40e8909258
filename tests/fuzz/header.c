/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks, measures and completes the header of hostile content. The first octets say how
 * it is cut into pieces and how it is completed.
 */
#include "mail/header.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

/* The facts must not depend on how the content was cut. */
static void
expect_facts(struct span content, unsigned seed)
{
    struct span header = span_first(content, header_length(content)), rest = content;
    struct content_facts whole = content_facts_new(), pieces = content_facts_new();
    struct envelope first = {0}, second = {0};

    content_facts_add(&whole, content);
    content_facts_store(&whole, &first);
    while (rest.length > 0) {
        struct span piece = span_first(rest, seed % 7 + (seed >> 7 & 1));

        seed = seed * 1103515245 + 12345;
        content_facts_add(&pieces, piece);
        rest = span_from(rest, piece.length);
    }
    content_facts_store(&pieces, &second);
    expect(memcmp(&first, &second, sizeof(first)) == 0);
    expect(first.size == content.length && first.header_size == header.length);
    expect(first.hops == header_count(header, "Received"));
    expect(first.eight_bit == !utf8_is_ascii(content));
    expect(first.header_utf8 == !utf8_is_ascii(header));
}

/* Every field is in the result octet for octet, but for the few that may go. */
static void
expect_kept(struct span header, struct span result, bool drop_bcc)
{
    struct span at = result;
    struct field field, other;
    bool left = true;

    while (header_next(&header, &field)) {
        bool bcc =
            span_is_nocase(field.name, "Bcc") || span_is_nocase(field.name, "Resent-Bcc");
        bool sender = span_is_nocase(field.name, "Sender") ||
                      span_is_nocase(field.name, "Resent-Sender");

        if ((bcc && drop_bcc) || sender)
            continue;
        do
            left = header_next(&at, &other);
        while (left && !span_equal(span_trim(other.whole), span_trim(field.whole)));
        expect(left);
    }
}

static void
complete(struct span header, unsigned how, struct arena *arena)
{
    struct recipient recipient = {.text = "joe@example.org", .original = ""};
    struct envelope envelope = envelope_new();
    struct submission submission = {.envelope = &envelope,
                                    .trusted = (how & 1) != 0,
                                    .local = (how & 2) != 0,
                                    .recipient_field = (how >> 2) % 5,
                                    .drop_bcc = (how & 32) != 0,
                                    .primary_name = "host.example",
                                    .visible_name = "example",
                                    .message_id_field = "Message-Id: <m1@host.example>",
                                    .date_field = "Date: Sun, 24 Apr 1994 07:12:04 +0200",
                                    .from_field = "From: joe@example (Joe \xc3\xa9)"};
    struct text result = text_new(arena);
    struct span rest, value;
    struct field field;

    envelope.submitter = (how & 64) != 0 ? "joe" : "jim";
    envelope.recipients = &recipient;
    envelope.recipient_count = how >> 7 & 1;
    expect(header_complete(header, &submission, &result, NULL));
    rest = text_span(&result);
    expect(header_length(rest) == rest.length && span_ends_nocase(rest, "\r\n"));
    while (header_next(&rest, &field))
        ;
    expect(span_equal(rest, SPAN("\r\n")));
    if (submission.drop_bcc)
        expect(header_count(text_span(&result), "Bcc") <=
               (submission.recipient_field == RECIPIENT_FIELD_BCC ? 1 : 0));
    if (submission.local && !submission.trusted)
        expect(header_count(text_span(&result), "From") > 0 ||
               header_count(text_span(&result), "Resent-From") > 0);
    expect_kept(header, text_span(&result), submission.drop_bcc);
    value = span_of(header_find(text_span(&result), "From", 0, &field)
                        ? field_value(&field, arena)
                        : "");
    expect(span_find(value, '\n') == value.length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span content = span_from((struct span){(const char *)data, size}, 2);
    unsigned how = size > 1 ? data[0] : 0, seed = size > 1 ? data[1] : 0;
    struct error error = {0};
    const char **recipients, *sender;
    size_t count;

    expect_facts(content, seed | how << 8);
    complete(span_first(content, header_length(content)), how, arena);
    if (!header_recipients(content, 10, arena, &recipients, &count, &error))
        expect(error.permanent);
    else
        expect(count <= 10);
    header_grade(content, "special-delivery:9:air-mail:A:bulk:a:junk:n", 'C');
    header_take_from_lines(&content, arena, &sender);
    expect(strpbrk(sender, "\r\n") == NULL);
    arena_free(arena);
    return 0;
}
