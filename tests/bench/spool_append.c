/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast the spool takes messages on a real directory: groups of 1, 20 and 64 messages
 * of 5 KiB with one synced commit each, then an outcome for each; loading; recovery.
 *
 *   spool_append DIRECTORY [SECONDS [MESSAGES THAT WAIT]]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spool/spool.h"

#include "base/banned.h"

enum { CONTENT = 5 * 1024, GROUP_MOST = 64 };

static double
now_seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
cpu_seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct envelope
bench_envelope(struct recipient *recipient)
{
    struct envelope envelope = envelope_new();

    *recipient = (struct recipient){.text = "user@remote.example", .original = ""};
    envelope.reverse_path = "sender@local.example";
    envelope.recipients = recipient;
    envelope.recipient_count = 1;
    envelope.peer_address = "192.0.2.1";
    envelope.peer_name = "client.example";
    envelope.hello = "client.example";
    envelope.protocol = "esmtp";
    envelope.program = "smtpd";
    envelope.message_id = "<4711.1@local.example>";
    envelope.origin = ORIGIN_NETWORK;
    envelope.received = INT64_C(1800000000000);
    envelope.size = CONTENT;
    envelope.header_size = 300;
    envelope.longest_line = 78;
    return envelope;
}

static _Noreturn void
bench_fail(const struct error *error)
{
    fprintf(stderr, "spool_append: %s\n", error->text);
    exit(EXIT_FAILURE);
}

static uint64_t bench_counter;

static void
bench_group(struct spool *spool, const struct envelope *envelope, size_t count,
            const char *content, bool deliver, struct arena *arena)
{
    struct message_id ids[GROUP_MOST];
    struct error error = {0};

    for (size_t i = 0; i < count; i++) {
        ids[i] = message_id_make(1800000000 + (int64_t)(bench_counter / 1000),
                                 bench_counter, 'C');
        bench_counter++;
        if (!spool_add_message(spool, &ids[i], envelope, (struct span){content, CONTENT},
                               &error))
            bench_fail(&error);
    }
    if (!spool_commit(spool, true, envelope->received, NULL, NULL, &error))
        bench_fail(&error);
    for (size_t i = 0; i < count && deliver; i++) {
        struct spool_outcome outcome = {.number = 1,
                                        .outcome = OUTCOME_RELAYED,
                                        .remote = "mx.remote.example",
                                        .diagnostic = "250 2.0.0 Ok: queued as 1234",
                                        .time = envelope->received + 1};
        const struct spool_message *message = spool_find(spool, &ids[i]);
        struct envelope loaded;
        struct address *addresses;
        char bytes[CONTENT];

        if (!spool_load(spool, message, arena, &loaded, &addresses, &error) ||
            !spool_read_content(spool, message, 0, bytes, CONTENT, &error) ||
            !spool_add_outcome(spool, &ids[i], &outcome, &error))
            bench_fail(&error);
        arena_reset(arena);
    }
    if (deliver && !spool_commit(spool, false, envelope->received, NULL, NULL, &error))
        bench_fail(&error);
}

static void
bench_append(struct spool *spool, size_t group, double seconds)
{
    struct arena *arena = arena_new();
    struct recipient recipient;
    struct envelope envelope = bench_envelope(&recipient);
    char content[CONTENT];
    double begin = now_seconds(), cpu = cpu_seconds(), took;
    uint64_t before = bench_counter;
    struct error error = {0};

    for (size_t i = 0; i < CONTENT; i++)
        content[i] = i % 72 == 71 ? '\n' : 'x';
    while (now_seconds() - begin < seconds) {
        bench_group(spool, &envelope, group, content, true, arena);
        for (int i = 0; i < 4 && spool_compact(spool, 1 << 20, 0, &error); i++)
            ;
    }
    took = now_seconds() - begin;
    printf("group %2zu: %8.0f messages/s, %6.1f us of CPU each (append, load, read, "
           "outcome, clean up)\n",
           group, (double)(bench_counter - before) / took,
           (cpu_seconds() - cpu) * 1e6 / (double)(bench_counter - before));
    arena_free(arena);
}

/* Waiting messages in the index: memory is the caller's to look at; loading, recovery. */
static void
bench_load(struct spool *spool, size_t count)
{
    struct arena *arena = arena_new();
    struct recipient recipient;
    struct envelope envelope = bench_envelope(&recipient), loaded;
    struct address *addresses;
    struct error error = {0};
    char content[CONTENT] = "x";
    size_t loads = 0, before = mallinfo2().uordblks;
    double begin;

    for (size_t i = 0; i < count; i += GROUP_MOST)
        bench_group(spool, &envelope, GROUP_MOST, content, false, arena);
    printf("index: %.0f octets for each of %zu\n",
           (double)(mallinfo2().uordblks - before) / (double)count, count);
    begin = now_seconds();
    for (const struct spool_message *message = spool_next(spool, NULL); message != NULL;
         message = spool_next(spool, &message->id)) {
        if (!spool_load(spool, message, arena, &loaded, &addresses, &error))
            bench_fail(&error);
        arena_reset(arena);
        loads++;
    }
    printf("load: %.2f us each of %zu\n", (now_seconds() - begin) * 1e6 / (double)loads,
           loads);
    arena_free(arena);
}

static void
bench_found(void *argument, const struct spool_message *message)
{
    (void)message;
    ++*(size_t *)argument;
}

static void
bench_damage(void *argument, const char *text)
{
    (void)argument;
    fprintf(stderr, "%s\n", text);
}

static struct spool *
bench_open(struct disk *disk, const char *path)
{
    struct spool_options options = {.segment_size = 64 << 20,
                                    .stream_threshold = 256 << 10,
                                    .reserve = 1 << 20,
                                    .free_minimum = 1 << 20,
                                    .mode = 0600};
    struct error error = {0};
    struct spool *spool;
    size_t found = 0;
    double begin = now_seconds();
    bool busy;

    if (disk_open(path, disk) < 0 ||
        !spool_open(disk, &options, 0, &spool, &busy, &error))
        bench_fail(&error);
    while (spool_recover(spool, 1 << 20, bench_found, bench_damage, &found))
        ;
    if (found > 0)
        printf("recovery: %zu messages in %.2f s\n", found, now_seconds() - begin);
    return spool;
}

int
main(int argc, char **argv)
{
    static const size_t groups[] = {1, 20, 64};
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    struct spool *spool;
    struct disk disk;

    if (argc < 2) {
        fprintf(stderr, "usage: spool_append DIRECTORY [SECONDS [WAITING]]\n");
        return EXIT_FAILURE;
    }
    spool = bench_open(&disk, argv[1]);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        bench_append(spool, groups[i], seconds);
    bench_load(spool, argc > 3 ? strtoul(argv[3], NULL, 10) : 20000);
    spool_close(spool);
    disk_close(&disk);
    spool = bench_open(&disk, argv[1]);
    spool_close(spool);
    disk_close(&disk);
    return EXIT_SUCCESS;
}
