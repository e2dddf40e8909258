/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness from the kernel, or from a test. */
#include "base/random.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/banned.h"

static void (*replaced_fill)(void *bytes, size_t length);

static void
kernel_fill(void *bytes, size_t length)
{
    static const char text[] = "smail: the system gives no random numbers\n";
    char *at = bytes;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        if (got > 0) {
            at += got;
            length -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

            (void)written; /* it is the last thing this process can do */
            _exit(EX_TEMPFAIL);
        }
    }
}

void
random_bytes(void *bytes, size_t length)
{
    if (replaced_fill != NULL)
        replaced_fill(bytes, length);
    else
        kernel_fill(bytes, length);
}

uint64_t
random_below(uint64_t limit)
{
    uint64_t number, spare;

    assert(limit > 0);
    /* 2^64 modulo limit: as many values at the top would make the lowest results
     * likelier. */
    spare = (UINT64_MAX % limit + 1) % limit;
    do {
        random_bytes(&number, sizeof(number));
    } while (number > UINT64_MAX - spare);
    return number % limit;
}

void
random_replace(void (*fill)(void *bytes, size_t length))
{
    replaced_fill = fill;
}
