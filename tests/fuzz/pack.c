/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unpacks hostile bytes as a list of fields that the input itself chooses, packs again
 * what came out, and expects the very bytes that were read: every value has one form.
 */
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static void
field_again(struct unpack *unpack, struct pack *pack, uint8_t kind, struct arena *arena)
{
    const char *string;

    switch (kind % 8) {
    case 0:
        pack_u8(pack, unpack_u8(unpack));
        break;
    case 1:
        pack_u32(pack, unpack_u32(unpack));
        break;
    case 2:
        pack_u64(pack, unpack_u64(unpack));
        break;
    case 3:
        pack_i64(pack, unpack_i64(unpack));
        break;
    case 4:
        pack_bool(pack, unpack_bool(unpack));
        break;
    case 5:
        pack_span(pack, unpack_span(unpack));
        break;
    case 6:
        string = unpack_string(unpack, arena);
        expect(string == NULL || !unpack->failed);
        pack_string(pack, string);
        break;
    default:
        pack_u32(pack, unpack_count(unpack, kind / 8));
        break;
    }
}

/* The first bytes up to 0xff say which fields, the others are the message. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span kinds = {(const char *)data, size}, message;
    struct arena *arena = arena_new();
    struct pack pack = pack_new(arena);
    struct unpack unpack;

    kinds = span_first(kinds, span_find(kinds, '\xff'));
    message = span_from((struct span){(const char *)data, size}, kinds.length + 1);
    unpack = unpack_new(message);
    for (size_t i = 0; i < kinds.length && !unpack.failed; i++) {
        size_t before = pack.text.length;

        field_again(&unpack, &pack, (uint8_t)kinds.bytes[i], arena);
        if (unpack.failed)
            text_cut(&pack.text, before);
        else
            expect(
                span_equal(text_span(&pack.text), span_first(message, pack.text.length)));
    }
    expect(unpack.failed || unpack.rest.length == message.length - pack.text.length);
    if (unpack.failed) {
        expect(unpack_u64(&unpack) == 0 && unpack_span(&unpack).length == 0);
        expect(unpack_string(&unpack, arena) == NULL && unpack_count(&unpack, 1) == 0);
        expect(!unpack_done(&unpack));
    }
    arena_free(arena);
    return 0;
}
