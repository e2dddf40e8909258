/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A spool on a simulated disk, for the tests of this folder that need one each. */
#ifndef UNIT_SPOOL_FIXTURE_H
#define UNIT_SPOOL_FIXTURE_H

#include "base/clock.h"
#include "spool/spool.h"
#include "tests/crash/simulated_disk.h"
#include "tests/unit/unit.h"

static struct simulated_disk *simulated;
static struct disk disk;
static struct spool *spool;
static struct arena *arena;
static struct error error;

static const int64_t start = INT64_C(1800000000000);
static int64_t passed; /* milliseconds since */
static const struct spool_options options = {.segment_size = 64 * 1024,
                                             .stream_threshold = 16 * 1024,
                                             .reserve = 16 * 1024,
                                             .free_minimum = 4096,
                                             .mode = 0600};

static inline int64_t
fixed_clock(void)
{
    return start + passed;
}

static inline void
ignore_found(void *argument, const struct spool_message *message)
{
    (void)argument;
    (void)message;
}

static inline void
no_damage(void *argument, const char *text)
{
    (void)argument;
    ck_abort_msg("%s", text);
}

static inline void
open_spool(void)
{
    bool busy;

    ck_assert_msg(spool_open(&disk, &options, start, &spool, &busy, &error), "%s",
                  error.text);
    while (spool_recover(spool, 4096, ignore_found, no_damage, NULL))
        ;
}

static inline void
setup(void)
{
    passed = 0;
    clock_replace(fixed_clock, fixed_clock);
    simulated = simulated_disk_new(1);
    disk = simulated_disk_table(simulated);
    arena = arena_new();
    error = (struct error){0};
    open_spool();
}

static inline void
teardown(void)
{
    spool_close(spool);
    simulated_disk_free(simulated);
    arena_free(arena);
    clock_replace(NULL, NULL);
}

/* Power is lost, what was not synced is dropped, and the next owner begins. */
static inline void
restart(void)
{
    simulated_disk_plan(simulated, FAULT_STOP, 0, false, 0, 1);
    spool_close(spool);
    simulated_disk_restart(simulated, END_DROPPED);
    open_spool();
}

static inline struct message_id
id_of(uint64_t counter)
{
    return message_id_make(start / 1000, counter, 'C');
}

static struct recipient two[] = {
    {.text = "ann@a.example", .notify = NOTIFY_NEVER, .original = "rfc822;ann@old"},
    {.text = "bob@b.example", .original = ""},
};

static inline struct envelope
envelope_of(size_t recipients)
{
    struct envelope envelope = envelope_new();

    envelope.reverse_path = "sender@s.example";
    envelope.recipients = two;
    envelope.recipient_count = recipients;
    envelope.received = start;
    return envelope;
}

static const char content[] = "Subject: one\r\n\r\nText.\r\n";

static inline const struct spool_message *
add(uint64_t counter, size_t recipients)
{
    struct message_id id = id_of(counter);
    struct envelope envelope = envelope_of(recipients);

    ck_assert_msg(spool_add_message(spool, &id, &envelope,
                                    SPAN("Subject: one\r\n\r\nText.\r\n"), &error),
                  "%s", error.text);
    ck_assert_ptr_null(spool_find(spool, &id));
    ck_assert(spool_group_needs_sync(spool));
    ck_assert_msg(spool_commit(spool, true, start, NULL, NULL, &error), "%s", error.text);
    ck_assert(!spool_group_is_open(spool));
    return spool_find(spool, &id);
}

static inline bool
outcome(const struct spool_message *message, uint32_t number, enum outcome which,
        const char *text)
{
    struct spool_outcome record = {.number = number,
                                   .outcome = which,
                                   .remote = "mx.a.example",
                                   .diagnostic = "450 4.2.1 not now",
                                   .time = start + 60000};

    if (text != NULL)
        fail_temporary_number(&record.error, 151, "4.2.1", "%s", text);
    return spool_add_outcome(spool, &message->id, &record, &error);
}

static inline bool
commit(void)
{
    return spool_commit(spool, false, start, NULL, NULL, &error);
}

static inline struct address *
load(const struct spool_message *message, struct envelope *envelope)
{
    struct address *addresses;

    ck_assert_msg(spool_load(spool, message, arena, envelope, &addresses, &error), "%s",
                  error.text);
    return addresses;
}

#endif
