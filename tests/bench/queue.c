/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the scheduler costs: nanoseconds for one message from its coming to its removal,
 * and octets for each of a million that wait.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "config/configuration.h"
#include "mail/status.h"
#include "queue/queue.h"

#include "base/banned.h"

static int64_t now = INT64_C(1600000000000);

static struct configuration *
configuration_for_bench(struct arena *arena)
{
    struct configuration *configuration = arena_alloc(arena, sizeof(*configuration));

    attributes_default(settings_attributes, &configuration->settings, arena);
    configuration->default_retry.interval = configuration->settings.retry_interval;
    configuration->default_retry.duration = configuration->settings.retry_duration;
    return configuration;
}

static int64_t
nanoseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static struct message_id
id_of(uint32_t number)
{
    struct message_id id;

    snprintf(id.text, sizeof(id.text), "m000000-%06xC", number & 0xffffff);
    return id;
}

static void
say(struct queue *queue, const struct message_id *id, enum address_state state,
    const char *host)
{
    struct address address = {.number = 1,
                              .state = state,
                              .text = "somebody@some.example",
                              .transport = "smtp",
                              .next_hop = host,
                              .user = ""};

    queue_address(queue, id, &address, false, now);
    queue_settle(queue, id, now);
}

static void
come(struct queue *queue, uint32_t number)
{
    struct queue_message message = {
        .id = id_of(number), .grade = 'C', .reverse_path = "sender.of.this@here.example"};

    queue_message(queue, &message, now);
    say(queue, &message.id, ADDRESS_NEW, "");
}

/* Carry out whatever it says; `works`: deliveries succeed. */
static void
drive(struct queue *queue, uint32_t hosts, bool works)
{
    static uint32_t workers, counter;
    struct queue_action action;
    char host[32];

    while (queue_next(queue, now, &action)) {
        struct queue_outcome outcome = {.number = 1, .text = "451 come again"};

        outcome.outcome = works ? OUTCOME_RELAYED : OUTCOME_DEFERRED;
        outcome.error_number = works ? 0 : ERR_SMTP_TEMPORARY;
        if (action.kind == QUEUE_START_WORKER) {
            queue_worker_ready(queue, ++workers, action.class, action.user, now);
        } else if (action.kind == QUEUE_STOP_WORKER) {
            queue_worker_gone(queue, action.worker, now);
        } else if (action.kind == QUEUE_RESOLVE) {
            snprintf(host, sizeof(host), "host%u.example", counter++ % hosts);
            say(queue, &action.id, ADDRESS_ASSIGNED, host);
        } else if (action.kind == QUEUE_DELIVER) {
            queue_outcome(queue, action.job, &action.id, &outcome, now);
            if (works)
                queue_removed(queue, &action.id);
        }
        if (action.kind == QUEUE_RESOLVE || action.kind == QUEUE_DELIVER)
            queue_job_done(queue, action.job, now);
    }
}

static void
bench_throughput(const struct configuration *configuration, uint32_t count,
                 uint32_t hosts)
{
    struct queue *queue = queue_new(configuration, now);
    int64_t start = nanoseconds();

    for (uint32_t i = 0; i < count; i++) {
        come(queue, i);
        drive(queue, hosts, true);
        now++;
    }
    printf("one at a time, %u hosts: %.0f ns a message\n", hosts,
           (double)(nanoseconds() - start) / count);
    start = nanoseconds();
    for (uint32_t i = 0; i < count; i++)
        come(queue, i);
    drive(queue, hosts, true);
    printf("all at once, %u hosts: %.0f ns a message, %zu left\n", hosts,
           (double)(nanoseconds() - start) / count, queue_counts(queue, now).messages);
    queue_free(queue);
}

static void
bench_memory(const struct configuration *configuration, uint32_t count, uint32_t hosts)
{
    struct queue *queue = queue_new(configuration, now);
    struct queue_selection selection = {.recipient = "nobody.at.all"};
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    int64_t start = nanoseconds();

    for (uint32_t i = 0; i < count; i++)
        come(queue, i);
    drive(queue, hosts, false);
    printf("%u deferred for %u hosts: %.0f octets each, %.0f ns a message\n", count,
           hosts, (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / count,
           (double)(nanoseconds() - start) / count);
    start = nanoseconds();
    queue_run(queue, &selection, now);
    printf("search of all: %.0f ms\n", (double)(nanoseconds() - start) / 1e6);
    start = nanoseconds();
    now += 9 * 60 * 1000;
    drive(queue, hosts, true);
    now += 9 * 60 * 1000;
    drive(queue, hosts, true);
    printf("tried again and delivered: %.0f ns a message, %zu left\n",
           (double)(nanoseconds() - start) / count, queue_counts(queue, now).messages);
    queue_free(queue);
}

int
main(int argc, char **argv)
{
    struct arena *arena = arena_new();
    const struct configuration *configuration = configuration_for_bench(arena);
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;

    bench_throughput(configuration, count, 1);
    bench_throughput(configuration, count, 1000);
    bench_memory(configuration, count, 1000);
    bench_memory(configuration, count, count);
    arena_free(arena);
    return EXIT_SUCCESS;
}
