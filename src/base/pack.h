/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values in bytes and back, for the messages between roles. Fixed-width little-endian
 * numbers; byte strings with a 32-bit length in front. Unpacking checks every bound and
 * keeps on failing after the first failure, so a caller reads all fields and asks once.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct pack {
    struct text text;
};

struct pack pack_new(struct arena *arena);
void pack_u8(struct pack *pack, uint8_t value);
void pack_u32(struct pack *pack, uint32_t value);
void pack_u64(struct pack *pack, uint64_t value);
void pack_i64(struct pack *pack, int64_t value);
void pack_bool(struct pack *pack, bool value);
void pack_span(struct pack *pack, struct span value);
/* NULL is packed as such and comes back as NULL. */
void pack_string(struct pack *pack, const char *value);

struct unpack {
    struct span rest;
    bool failed; /* sticky: too short, a bad bool, NUL inside a string, ... */
};

struct unpack unpack_new(struct span bytes);
uint8_t unpack_u8(struct unpack *unpack);
uint32_t unpack_u32(struct unpack *unpack);
uint64_t unpack_u64(struct unpack *unpack);
int64_t unpack_i64(struct unpack *unpack);
bool unpack_bool(struct unpack *unpack);
/* A view into the packed bytes. */
struct span unpack_span(struct unpack *unpack);
/* A copy in the arena; NULL if that was packed or on failure. A NUL inside is a failure.
 */
const char *unpack_string(struct unpack *unpack, struct arena *arena);
/*
 * A u32 count of elements that each take at least `least` bytes (>= 1) of what is left;
 * else 0 and failure.
 */
uint32_t unpack_count(struct unpack *unpack, size_t least);
/* True when nothing failed and nothing is left over. */
bool unpack_done(const struct unpack *unpack);

#endif
