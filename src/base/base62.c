/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers in base 62. */
#include "base/base62.h"

#include "base/banned.h"

void
base62_write(uint64_t number, char *out, int width)
{
    static const char digits[] = "0123456789"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz";

    for (int i = width - 1; i >= 0; i--) {
        out[i] = digits[number % 62];
        number /= 62;
    }
}

static int
base62_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 36;
    return -1;
}

bool
base62_read(struct span text, uint64_t *number)
{
    uint64_t value = 0;

    /* 62^10 is below 2^60, so nothing overflows. */
    if (text.length == 0 || text.length > 10)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int digit = base62_value(text.bytes[i]);

        if (digit < 0)
            return false;
        value = value * 62 + (uint64_t)digit;
    }
    *number = value;
    return true;
}
