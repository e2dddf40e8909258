/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checking UTF-8, with a fast way for text that is ASCII. */
#include "base/utf8.h"

#include <string.h>

#include "base/banned.h"

/* The shape that a first octet promises. */
static size_t
utf8_shape(unsigned char first, uint32_t *bits)
{
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : 3;

    if (first >= 0xf0)
        length = first <= 0xf4 ? 4 : 0;
    *bits = length == 1 ? first : length == 2 ? first & 0x1f : first & 0x0f;
    return length;
}

size_t
utf8_character(struct span span, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t value = 0;
    size_t length = 0;

    if (span.length > 0)
        length = utf8_shape((unsigned char)span.bytes[0], &value);
    if (length == 0 || length > span.length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        unsigned char octet = (unsigned char)span.bytes[i];

        if ((octet & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (octet & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    if (code != NULL)
        *code = value;
    return length;
}

bool
utf8_is_ascii(struct span span)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    size_t i = 0;

    for (; i + 8 <= span.length; i += 8) {
        uint64_t word;

        memcpy(&word, span.bytes + i, sizeof(word));
        if ((word & high) != 0)
            return false;
    }
    for (; i < span.length; i++)
        if ((unsigned char)span.bytes[i] >= 0x80)
            return false;
    return true;
}

bool
utf8_is_valid(struct span span)
{
    if (utf8_is_ascii(span))
        return true;
    while (span.length > 0) {
        size_t length = utf8_character(span, NULL);

        if (length == 0)
            return false;
        span = span_from(span, length);
    }
    return true;
}
