/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SipHash-2-4, written after the description in the paper of Aumasson and Bernstein. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

#include "base/banned.h"

static inline uint64_t
rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static inline void
siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] = rotate_left(v[2], 32);
}

/*
 * Whole words, `count` of them. The state is in local variables meanwhile, so that it
 * stays in registers: every octet of mail goes through here, more than once.
 */
static void
siphash_words(struct siphash *state, const uint8_t *bytes, size_t count)
{
    uint64_t v[4] = {state->v[0], state->v[1], state->v[2], state->v[3]};

    for (; count > 0; count--, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, sizeof(word));
        word = le64toh(word);
        v[3] ^= word;
        siphash_round(v);
        siphash_round(v);
        v[0] ^= word;
    }
    memcpy(state->v, v, sizeof(v));
}

void
siphash_begin(struct siphash *state, const struct siphash_key *key)
{
    *state = (struct siphash){.v = {key->half[0] ^ UINT64_C(0x736f6d6570736575),
                                    key->half[1] ^ UINT64_C(0x646f72616e646f6d),
                                    key->half[0] ^ UINT64_C(0x6c7967656e657261),
                                    key->half[1] ^ UINT64_C(0x7465646279746573)}};
}

void
siphash_add(struct siphash *state, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t filled = state->length % 8;

    state->length += length;
    while (length > 0 && filled > 0) {
        state->tail[filled++] = *at++;
        length--;
        if (filled == 8) {
            siphash_words(state, state->tail, 1);
            filled = 0;
        }
    }
    if (length >= 8) {
        siphash_words(state, at, length / 8);
        at += length / 8 * 8;
        length %= 8;
    }
    while (length > 0) {
        state->tail[filled++] = *at++;
        length--;
    }
}

uint64_t
siphash_end(struct siphash *state)
{
    for (size_t i = state->length % 8; i < 7; i++)
        state->tail[i] = 0;
    state->tail[7] = (uint8_t)state->length; /* modulo 256, as specified */
    siphash_words(state, state->tail, 1);
    state->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        siphash_round(state->v);
    return state->v[0] ^ state->v[1] ^ state->v[2] ^ state->v[3];
}

uint64_t
siphash(const struct siphash_key *key, const void *bytes, size_t length)
{
    struct siphash state;

    siphash_begin(&state, key);
    siphash_add(&state, bytes, length);
    return siphash_end(&state);
}
