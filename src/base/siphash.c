/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SipHash-2-4, written after the description in the paper of Aumasson and Bernstein. */
#include "base/siphash.h"

#include "base/banned.h"

static uint64_t
rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static void
siphash_rounds(uint64_t v[4], int rounds)
{
    for (; rounds > 0; rounds--) {
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
}

static void
siphash_word(struct siphash *state, const uint8_t bytes[8])
{
    uint64_t word = 0;

    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    state->v[3] ^= word;
    siphash_rounds(state->v, 2);
    state->v[0] ^= word;
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
            siphash_word(state, state->tail);
            filled = 0;
        }
    }
    for (; length >= 8; length -= 8, at += 8)
        siphash_word(state, at);
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
    siphash_word(state, state->tail);
    state->v[2] ^= 0xff;
    siphash_rounds(state->v, 4);
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
