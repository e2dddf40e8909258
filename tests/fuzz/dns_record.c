/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records from the wire: any rdata of any type, and answers between roles. */
#include <stdlib.h>
#include <string.h>

#include "net/dns.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const char *name)
{
    if (strlen(name) > 253)
        abort();
    for (size_t i = 0; name[i] != '\0'; i++)
        if (!byte_is_letter(name[i]) && !byte_is_digit(name[i]) &&
            strchr("-_.", name[i]) == NULL)
            abort();
}

/* What was unpacked packs to the same octets. */
static void
check_unpack(struct span octets, struct arena *arena)
{
    struct unpack unpack = unpack_new(octets);
    struct pack pack = pack_new(arena);
    struct dns_answer answer, again;

    if (!dns_answer_unpack(&unpack, arena, &answer))
        return;
    dns_answer_pack(&answer, &pack);
    unpack = unpack_new(text_span(&pack.text));
    if (!dns_answer_unpack(&unpack, arena, &again) || !unpack_done(&unpack) ||
        again.count != answer.count || again.result != answer.result)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A,   DNS_AAAA, DNS_MX,
                                          DNS_PTR, DNS_TXT,  DNS_TLSA};
    struct arena *arena;
    struct dns_record record;
    struct span octets;

    if (size == 0)
        return 0;
    arena = arena_new();
    octets = (struct span){(const char *)data + 1, size - 1};
    if (dns_record_read(types[data[0] % (sizeof types / sizeof *types)], octets, arena,
                        &record))
        check_name(record.name);
    check_unpack(octets, arena);
    arena_free(arena);
    return 0;
}
