/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packing for messages between roles. Nothing that arrives is believed: each read checks
 * what is left, and after the first failure everything reads as zero.
 */
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The length that stands for a string that is NULL. */
#define LENGTH_NULL UINT32_MAX

struct pack
pack_new(struct arena *arena)
{
    return (struct pack){.text = text_new(arena)};
}

static void
pack_bytes(struct pack *pack, uint64_t value, size_t width)
{
    char bytes[8];

    for (size_t i = 0; i < width; i++)
        bytes[i] = (char)(unsigned char)(value >> (8 * i));
    text_add_span(&pack->text, (struct span){bytes, width});
}

void
pack_u8(struct pack *pack, uint8_t value)
{
    pack_bytes(pack, value, 1);
}

void
pack_u32(struct pack *pack, uint32_t value)
{
    pack_bytes(pack, value, 4);
}

void
pack_u64(struct pack *pack, uint64_t value)
{
    pack_bytes(pack, value, 8);
}

void
pack_i64(struct pack *pack, int64_t value)
{
    pack_bytes(pack, (uint64_t)value, 8);
}

void
pack_bool(struct pack *pack, bool value)
{
    pack_u8(pack, value ? 1 : 0);
}

void
pack_span(struct pack *pack, struct span value)
{
    /* Content of this size goes by descriptor; here it is a fault of ours, with or
     * without NDEBUG. */
    if (value.length >= LENGTH_NULL)
        abort();
    pack_u32(pack, (uint32_t)value.length);
    text_add_span(&pack->text, value);
}

void
pack_string(struct pack *pack, const char *value)
{
    if (value == NULL)
        pack_u32(pack, LENGTH_NULL);
    else
        pack_span(pack, span_of(value));
}

struct unpack
unpack_new(struct span bytes)
{
    return (struct unpack){.rest = bytes};
}

/* The next `length` bytes, or an empty span and failure. */
static struct span
unpack_take(struct unpack *unpack, size_t length)
{
    struct span taken;

    if (unpack->failed || length > unpack->rest.length) {
        unpack->failed = true;
        return (struct span){"", 0};
    }
    taken = span_first(unpack->rest, length);
    unpack->rest = span_from(unpack->rest, length);
    return taken;
}

static uint64_t
unpack_bytes(struct unpack *unpack, size_t width)
{
    struct span bytes = unpack_take(unpack, width);
    uint64_t value = 0;

    for (size_t i = bytes.length; i > 0; i--)
        value = value << 8 | (unsigned char)bytes.bytes[i - 1];
    return value;
}

uint8_t
unpack_u8(struct unpack *unpack)
{
    return (uint8_t)unpack_bytes(unpack, 1);
}

uint32_t
unpack_u32(struct unpack *unpack)
{
    return (uint32_t)unpack_bytes(unpack, 4);
}

uint64_t
unpack_u64(struct unpack *unpack)
{
    return unpack_bytes(unpack, 8);
}

int64_t
unpack_i64(struct unpack *unpack)
{
    return (int64_t)unpack_bytes(unpack, 8);
}

bool
unpack_bool(struct unpack *unpack)
{
    uint8_t value = unpack_u8(unpack);

    if (value > 1)
        unpack->failed = true;
    return value == 1;
}

struct span
unpack_span(struct unpack *unpack)
{
    uint32_t length = unpack_u32(unpack);

    if (length == LENGTH_NULL)
        unpack->failed = true;
    return unpack_take(unpack, length);
}

const char *
unpack_string(struct unpack *unpack, struct arena *arena)
{
    uint32_t length = unpack_u32(unpack);
    struct span value;

    if (unpack->failed || length == LENGTH_NULL)
        return NULL;
    value = unpack_take(unpack, length);
    if (span_find(value, '\0') < value.length)
        unpack->failed = true;
    return unpack->failed ? NULL : span_string(value, arena);
}

uint32_t
unpack_count(struct unpack *unpack, size_t least)
{
    uint32_t count = unpack_u32(unpack);

    if (count > unpack->rest.length / (least > 0 ? least : 1))
        unpack->failed = true;
    return unpack->failed ? 0 : count;
}

bool
unpack_done(const struct unpack *unpack)
{
    return !unpack->failed && unpack->rest.length == 0;
}
