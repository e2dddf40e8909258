/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed checksum of 64 bits. Who does not know
 * the key can neither make a matching sum nor flood a hash table.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t half[2];
};

struct siphash {
    uint64_t v[4];
    uint8_t tail[8];
    uint64_t length;
};

/* In pieces ... */
void siphash_begin(struct siphash *state, const struct siphash_key *key);
void siphash_add(struct siphash *state, const void *bytes, size_t length);
uint64_t siphash_end(struct siphash *state);
/* ... and in one go. */
uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length);

#endif
