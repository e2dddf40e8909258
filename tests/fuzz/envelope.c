/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads envelopes and addresses from hostile text and bytes (the first octet says which).
 * What was read must come back the same from each of its written forms.
 */
#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "mail/address.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static void
envelope_again(const struct envelope *envelope, struct arena *arena)
{
    struct text first = text_new(arena), second = text_new(arena);
    struct pack pack = pack_new(arena);
    struct unpack unpack;
    struct envelope copy;

    envelope_write(envelope, &first);
    expect(envelope_read(text_span(&first), arena, &copy, NULL));
    envelope_pack(&copy, &pack);
    unpack = unpack_new(text_span(&pack.text));
    expect(envelope_unpack(&unpack, arena, &copy) && unpack_done(&unpack));
    envelope_write(&copy, &second);
    expect(span_equal(text_span(&first), text_span(&second)));
}

static void
address_again(const struct address *address, struct arena *arena)
{
    struct text first = text_new(arena), second = text_new(arena);
    struct pack pack = pack_new(arena);
    struct unpack unpack;
    struct address copy;

    address_write(address, &first);
    expect(address_read(text_span(&first), arena, &copy, NULL));
    expect(address_same(address, &copy, false) && address_same(&copy, address, true));
    expect(address_key(address, true) == address_key(&copy, true));
    address_pack(&copy, &pack);
    unpack = unpack_new(text_span(&pack.text));
    expect(address_unpack(&unpack, arena, &copy) && unpack_done(&unpack));
    address_write(address_copy(&copy, arena), &second);
    expect(span_equal(text_span(&first), text_span(&second)));
}

/* Can it be written? A recipient without text has no text form; nobody makes one. */
static bool
has_texts(const struct envelope *envelope)
{
    for (size_t i = 0; i < envelope->recipient_count; i++)
        if (envelope->recipients[i].text[0] == '\0')
            return false;
    for (size_t i = 0; i < envelope->exclusion_count; i++)
        if (envelope->exclusions[i][0] == '\0')
            return false;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span input = span_from((struct span){(const char *)data, size}, 1);
    struct unpack unpack = unpack_new(input);
    unsigned form = size > 0 ? data[0] & 3 : 0;
    struct envelope envelope;
    struct address address;
    struct error error = {0};
    const char *value;

    if (form == 0 && envelope_read(input, arena, &envelope, &error))
        envelope_again(&envelope, arena);
    if (form == 1 && address_read(input, arena, &address, &error))
        address_again(&address, arena);
    expect(!error.permanent);
    if (form == 2 && envelope_unpack(&unpack, arena, &envelope) && has_texts(&envelope))
        envelope_again(&envelope, arena);
    if (form == 3 && address_unpack(&unpack, arena, &address))
        address_again(&address, arena);
    if (xtext_decode(input, arena, &value, NULL)) {
        const char *again = NULL;

        expect(xtext_decode(span_of(xtext_encode(value, arena)), arena, &again, NULL));
        expect(strcmp(again, value) == 0);
    }
    arena_free(arena);
    return 0;
}
