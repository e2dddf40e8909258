/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session counts that receive processes share. */
#include "role/counts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/siphash.h"

#include "base/banned.h"

struct shared {
    struct siphash_key key;
    struct {
        _Atomic uint32_t all;
        _Atomic uint32_t slots[COUNTS_SLOTS];
    } parts[COUNTS_PROCESSES];
};

struct counts {
    struct shared *shared;
    uint32_t part;
};

int
counts_create(struct error *error)
{
    int fd = memfd_create("smail-counts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct siphash_key key;

    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
        getrandom(&key, sizeof key, 0) != sizeof key ||
        pwrite(fd, &key, sizeof key, 0) != sizeof key) {
        fail_temporary(error, "4.3.0", "shared counts: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

struct counts *
counts_open(int fd, uint32_t part, struct error *error)
{
    struct counts *counts;
    void *shared =
        mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (shared == MAP_FAILED) {
        fail_temporary(error, "4.3.0", "shared counts: %s", strerror(errno));
        return NULL;
    }
    counts = memory_alloc(sizeof *counts);
    counts->shared = shared;
    counts->part = part % COUNTS_PROCESSES;
    return counts;
}

void
counts_free(struct counts *counts)
{
    if (!counts)
        return;
    munmap(counts->shared, sizeof *counts->shared);
    free(counts);
}

/* IPv4 addresses whole, IPv6 by /64, anything else by its text. */
static size_t
slot_of(const struct counts *counts, const char *address)
{
    unsigned char bytes[16];

    if (inet_pton(AF_INET, address, bytes) == 1)
        return siphash(&counts->shared->key, bytes, 4) % COUNTS_SLOTS;
    if (inet_pton(AF_INET6, address, bytes) == 1)
        return siphash(&counts->shared->key, bytes, 8) % COUNTS_SLOTS;
    return siphash(&counts->shared->key, address, strlen(address)) % COUNTS_SLOTS;
}

uint32_t
counts_get(const struct counts *counts, const char *address)
{
    size_t slot = address[0] ? slot_of(counts, address) : 0;
    uint32_t sum = 0;

    for (size_t i = 0; i < COUNTS_PROCESSES; i++)
        sum += address[0] ? atomic_load(&counts->shared->parts[i].slots[slot])
                          : atomic_load(&counts->shared->parts[i].all);
    return sum;
}

/* Never below zero: a process that is being replaced may still count here for a moment
 * after its successor began anew. */
static void
count_add(_Atomic uint32_t *count, int by)
{
    uint32_t before = atomic_load(count), after;

    do {
        after = by < 0 && before < (uint32_t)-by ? 0 : before + (uint32_t)by;
    } while (!atomic_compare_exchange_weak(count, &before, after));
}

void
counts_change(struct counts *counts, const char *address, int by)
{
    size_t slot = slot_of(counts, address);

    count_add(&counts->shared->parts[counts->part].slots[slot], by);
    count_add(&counts->shared->parts[counts->part].all, by);
}

void
counts_clear(struct counts *counts)
{
    for (size_t i = 0; i < COUNTS_SLOTS; i++)
        atomic_store(&counts->shared->parts[counts->part].slots[i], 0);
    atomic_store(&counts->shared->parts[counts->part].all, 0);
}
