/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer of the name service in bytes, for the messages between roles. */
#include "net/dns.h"

#include "base/banned.h"

/* Preference, two strings and a span, each at least its length. */
enum { RECORD_LEAST = 4 + 4 + 4 + 4 };

void
dns_answer_pack(const struct dns_answer *answer, struct pack *pack)
{
    pack_u8(pack, (uint8_t)answer->result);
    pack_bool(pack, answer->secure);
    pack_string(pack, answer->canonical);
    pack_u32(pack, answer->ttl);
    pack_u32(pack, (uint32_t)answer->count);
    for (size_t i = 0; i < answer->count; i++) {
        pack_u32(pack, answer->records[i].preference);
        pack_string(pack, answer->records[i].name);
        pack_string(pack, answer->records[i].address);
        pack_span(pack, answer->records[i].data);
    }
}

static const char *
string_unpack(struct unpack *unpack, struct arena *arena)
{
    const char *string = unpack_string(unpack, arena);

    return string != NULL ? string : "";
}

static void
record_unpack(struct unpack *unpack, struct arena *arena, struct dns_record *record)
{
    uint32_t preference = unpack_u32(unpack);
    struct span data;

    record->preference = (uint16_t)preference;
    record->name = string_unpack(unpack, arena);
    record->address = string_unpack(unpack, arena);
    data = unpack_span(unpack);
    record->data =
        (struct span){arena_bytes(arena, data.bytes, data.length), data.length};
    if (preference > UINT16_MAX)
        unpack->failed = true;
}

bool
dns_answer_unpack(struct unpack *unpack, struct arena *arena, struct dns_answer *answer)
{
    uint8_t result = unpack_u8(unpack);

    *answer = (struct dns_answer){.canonical = ""};
    answer->secure = unpack_bool(unpack);
    answer->canonical = string_unpack(unpack, arena);
    answer->ttl = unpack_u32(unpack);
    answer->count = unpack_count(unpack, RECORD_LEAST);
    if (result > DNS_NO_NAME)
        unpack->failed = true;
    answer->result = (enum dns_result)result;
    answer->records = arena_array(arena, answer->count + 1, sizeof *answer->records);
    for (size_t i = 0; i < answer->count && !unpack->failed; i++)
        record_unpack(unpack, arena, &answer->records[i]);
    if (unpack->failed)
        *answer = (struct dns_answer){.canonical = ""};
    return !unpack->failed;
}
