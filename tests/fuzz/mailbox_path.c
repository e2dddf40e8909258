/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parses paths as a client may send them. What is accepted must have a text that parses
 * to the same mailbox again, and hold nothing that could end a line or a string.
 */
#include "mail/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "mail/domain.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static void
expect_clean(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        expect(!byte_is_control(text.bytes[i]));
}

static void
again(const struct mailbox *mailbox, struct arena *arena)
{
    const char *text = mailbox_text(mailbox, arena);
    const char *quoted = mailbox_quote(mailbox->local_part, arena);
    unsigned syntax = mailbox->domain[0] == '\0' ? MAILBOX_NO_DOMAIN : MAILBOX_STRICT;
    struct mailbox second;
    struct span local_part;

    expect_clean(span_of(text));
    expect(mailbox_parse(span_of(text), syntax | MAILBOX_UTF8, arena, &second, NULL));
    expect(span_equal(second.local_part, mailbox->local_part));
    expect(strcmp(second.domain, mailbox->domain) == 0);
    expect(strcmp(mailbox_text(&second, arena), text) == 0);
    expect(mailbox_local_part(span_of(quoted), arena, &local_part));
    expect(span_equal(local_part, mailbox->local_part));
}

static void
domain_again(const char *domain, struct arena *arena)
{
    const char *second;

    if (domain[0] == '[')
        expect(domain_literal(span_of(domain), arena, &second, NULL));
    else
        expect(domain_normalise(span_of(domain), false, arena, &second, NULL));
    expect(strcmp(second, domain) == 0);
    expect(domain_is_in(domain, domain));
    domain_show(domain, arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span path = {(const char *)data, size};
    struct error error = {0};
    struct mailbox mailbox;
    size_t length = 0;
    unsigned syntax = size > 0 ? data[0] & 3 : 0;

    path = span_from(path, 1);
    if (mailbox_parse_path(path, syntax, arena, &mailbox, &length, &error)) {
        expect(length >= 2 && length <= path.length && path.bytes[length - 1] == '>');
        expect(mailbox.utf8 ? (syntax & MAILBOX_UTF8) != 0 : true);
        if (!mailbox_is_null(&mailbox)) {
            expect(mailbox.local_part.length > 0);
            again(&mailbox, arena);
        }
        if (mailbox.domain[0] != '\0')
            domain_again(mailbox.domain, arena);
    } else {
        expect(error.permanent && error.text[0] != '\0');
    }
    arena_free(arena);
    return 0;
}
