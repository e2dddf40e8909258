/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool at work, with a model beside it. */
#include "tests/crash/spool_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

#include "base/banned.h"

static uint64_t walk_random_state;
static int64_t walk_clock;

static void
walk_fill_random(void *bytes, size_t length)
{
    unsigned char *at = bytes;

    while (length-- > 0) {
        walk_random_state = walk_random_state * UINT64_C(6364136223846793005) +
                            UINT64_C(1442695040888963407);
        *at++ = (unsigned char)(walk_random_state >> 56);
    }
}

static int64_t
walk_time(void)
{
    return walk_clock;
}

void
spool_walk_begin(struct walk *walk, uint64_t seed)
{
    memset(walk, 0, sizeof(*walk));
    walk->simulated = simulated_disk_new(seed);
    walk->disk = simulated_disk_table(walk->simulated);
    walk->options = (struct spool_options){.segment_size = 48 * 1024,
                                           .stream_threshold = 4096,
                                           .reserve = 64 * 1024,
                                           .free_minimum = 1024,
                                           .mode = 0600};
    walk->now = INT64_C(1800000000000);
    walk->seed = seed;
    walk_random_state = seed;
    walk_clock = walk->now;
    random_replace(walk_fill_random);
    clock_replace(walk_time, walk_time);
}

void
spool_walk_end(struct walk *walk)
{
    spool_walk_close(walk);
    simulated_disk_free(walk->simulated);
    random_replace(NULL);
    clock_replace(NULL, NULL);
}

static bool
walk_tick(struct walk *walk)
{
    walk->now += 15 * 1000;
    walk_clock = walk->now;
    return walk->spool != NULL && !simulated_disk_is_stopped(walk->simulated);
}

/* ------------------------------------------------------------ recovery */

static struct walk_message *
walk_message_of(struct walk *walk, const struct message_id *id)
{
    for (int i = 0; i < walk->count; i++)
        if (memcmp(&walk->messages[i].id, id, sizeof(*id)) == 0)
            return &walk->messages[i];
    return NULL;
}

static void
walk_found(void *argument, const struct spool_message *message)
{
    struct walk *walk = argument;

    if (walk_message_of(walk, &message->id) == NULL)
        spool_walk_problem(walk, "%s: nobody sent that", message->id.text);
    if (message->pending_count == 0)
        spool_walk_problem(walk, "%s: found, but nothing is left to do",
                           message->id.text);
}

static void
walk_damage(void *argument, const char *text)
{
    struct walk *walk = argument;

    (void)text;
    walk->damages++;
}

bool
spool_walk_open(struct walk *walk)
{
    struct error error = {0};
    bool busy;

    if (!spool_open(&walk->disk, &walk->options, walk->now, &walk->spool, &busy,
                    &error)) {
        walk->spool = NULL;
        simulated_disk_release(walk->simulated);
        walk->refusals++;
        snprintf(walk->refusal, sizeof(walk->refusal), "%s", error.text);
        return false;
    }
    while (spool_recover(walk->spool, 3000, walk_found, walk_damage, walk))
        ;
    return true;
}

void
spool_walk_close(struct walk *walk)
{
    spool_close(walk->spool);
    walk->spool = NULL;
    simulated_disk_release(walk->simulated);
}

/* ------------------------------------------------------------ commits */

bool
spool_walk_commit(struct walk *walk, bool sync)
{
    struct error error = {0};
    bool needed = sync || spool_group_needs_sync(walk->spool);

    if (!walk_tick(walk))
        return false;
    if (!spool_commit(walk->spool, sync, walk->now, NULL, NULL, &error)) {
        walk->refusals++;
        spool_model_refuse(walk);
        return false;
    }
    spool_model_raise(walk, SURE_PENDING, SURE_CACHED);
    if (needed)
        spool_model_raise(walk, SURE_CACHED, SURE_DURABLE);
    return true;
}

static void
walk_sync(struct walk *walk)
{
    struct error error = {0};

    if (!walk_tick(walk))
        return;
    if (!spool_sync(walk->spool, walk->now, &error))
        walk->refusals++;
    else if (!spool_group_is_open(walk->spool))
        spool_model_raise(walk, SURE_CACHED, SURE_DURABLE);
}

/* ------------------------------------------------------------ what a server does */

static struct walk_message *
walk_new(struct walk *walk, uint32_t recipients, size_t size)
{
    struct walk_message *message = &walk->messages[walk->count];
    int length;

    message->id = message_id_make(walk->now / 1000 + walk->count % 3,
                                  (uint64_t)walk->count * 7919, 'C');
    message->recipients = message->addresses = recipients;
    message->size = size;
    message->bounce = -1;
    length = snprintf(message->content, WALK_CONTENT, "Subject: %d\r\n\r\n", walk->count);
    for (size_t i = (size_t)length; i < size; i++)
        message->content[i] =
            i % 61 == 0 ? '\n' : (char)('!' + (i * 31 + (size_t)walk->count) % 90);
    walk->count++;
    return message;
}

static struct envelope
walk_envelope(const struct walk *walk, const struct walk_message *message,
              struct recipient recipients[WALK_ADDRESSES], bool is_bounce)
{
    static const char *const names[] = {"ann@a.example", "bob@b.example",
                                        "eve@c.example"};
    struct envelope envelope = envelope_new();

    for (uint32_t i = 0; i < message->recipients; i++)
        recipients[i] = (struct recipient){.text = names[i], .original = ""};
    envelope.reverse_path = is_bounce ? "" : "sender@s.example";
    envelope.recipients = recipients;
    envelope.recipient_count = message->recipients;
    envelope.received = walk->now;
    envelope.size = message->size;
    return envelope;
}

/* -1 when it was refused at once. */
int
spool_walk_add(struct walk *walk, uint32_t count, size_t size, bool is_bounce)
{
    struct recipient recipients[WALK_ADDRESSES];
    struct walk_message *message;
    struct envelope envelope;
    struct error error = {0};

    if (!walk_tick(walk))
        return -1;
    message = walk_new(walk, count, size);
    envelope = walk_envelope(walk, message, recipients, is_bounce);
    message->added = true;
    if (!spool_add_message(walk->spool, &message->id, &envelope,
                           (struct span){message->content, message->size}, &error)) {
        walk->refusals++;
        return -1;
    }
    message->accepted = SURE_PENDING;
    return walk->count - 1;
}

static int
walk_stream(struct walk *walk, size_t size)
{
    struct recipient recipients[WALK_ADDRESSES];
    struct walk_message *message;
    struct envelope envelope;
    struct spool_stream *stream;
    struct error error = {0};
    bool written = true;

    if (!walk_tick(walk))
        return -1;
    message = walk_new(walk, 1, size);
    message->added = true;
    if (!spool_stream_begin(walk->spool, &message->id, &stream, &error)) {
        walk->refusals++;
        return -1;
    }
    for (size_t at = 0; at < size; at += 2500) {
        struct span piece =
            span_first((struct span){message->content + at, size - at}, 2500);

        written = written && spool_stream_add(stream, piece, &error);
    }
    envelope = walk_envelope(walk, message, recipients, false);
    if (!written)
        spool_stream_abort(stream);
    if (!written || !spool_stream_end(stream, &envelope, &error)) {
        walk->refusals++;
        return -1;
    }
    message->accepted = SURE_PENDING;
    return walk->count - 1;
}

static bool
walk_has(const struct walk *walk, int which)
{
    return which >= 0 && !simulated_disk_is_stopped(walk->simulated) &&
           walk->spool != NULL &&
           spool_find(walk->spool, &walk->messages[which].id) != NULL;
}

static void
walk_outcome(struct walk *walk, int which, uint32_t number, enum outcome outcome)
{
    struct spool_outcome record = {.number = number,
                                   .outcome = outcome,
                                   .time = walk->now,
                                   .remote = "mx.a.example",
                                   .diagnostic = "what it said"};
    struct error error = {0};

    if (!walk_has(walk, which))
        return;
    if (outcome == OUTCOME_DEFERRED || outcome == OUTCOME_FAILED)
        fail_temporary(&record.error, "4.4.1", "no answer");
    if (!spool_add_outcome(walk->spool, &walk->messages[which].id, &record, &error))
        walk->refusals++;
    else if (outcome == OUTCOME_DELIVERED || outcome == OUTCOME_RELAYED)
        walk->messages[which].address[number - 1].done = SURE_PENDING;
}

/* Recipient 1 becomes two others. */
static void
walk_expand(struct walk *walk, int which)
{
    struct address expanded[3];
    struct address empty = {.text = "",
                            .source = "",
                            .owner = "",
                            .director = "",
                            .router = "",
                            .transport = "smtp",
                            .next_hop = "x.example",
                            .next_address = "",
                            .user = "",
                            .group = "",
                            .home = "",
                            .dsn_recipient = ""};
    uint64_t keys[3] = {0, 11, 12};
    struct error error = {0};
    struct walk_message *message;

    if (!walk_has(walk, which))
        return;
    message = &walk->messages[which];
    for (size_t i = 0; i < 3; i++)
        expanded[i] = empty;
    expanded[0].number = 1;
    expanded[0].text = "ann@a.example";
    expanded[0].state = ADDRESS_EXPANDED;
    expanded[1].parent = 1;
    expanded[1].text = "first@x.example";
    expanded[1].state = ADDRESS_ASSIGNED;
    expanded[2].parent = ADDRESS_PARENT_IN_ARRAY + 1;
    expanded[2].text = "second@x.example";
    expanded[2].state = ADDRESS_ASSIGNED;
    if (!spool_add_expanded(walk->spool, &message->id, expanded, keys, 3, &error)) {
        walk->refusals++;
        return;
    }
    message->addresses = message->recipients + 2;
    for (uint32_t i = message->recipients; i < message->addresses; i++)
        message->address[i].known = SURE_PENDING;
}

/* The bounce, the failure it is about, and that it was reported: one group. */
static void
walk_bounce(struct walk *walk, int which)
{
    struct error error = {0};
    uint32_t number = 1;
    int bounce;

    if (!walk_has(walk, which))
        return;
    bounce = spool_walk_add(walk, 1, 700, true);
    if (bounce < 0)
        return;
    walk_outcome(walk, which, 1, OUTCOME_FAILED);
    walk->messages[which].bounce = bounce;
    if (!spool_add_reported(walk->spool, &walk->messages[which].id, &number, 1,
                            &walk->messages[bounce].id, &error))
        walk->refusals++;
    spool_walk_commit(walk, true);
}

static void
walk_hold(struct walk *walk, int which, bool hold)
{
    struct error error = {0};

    if (!walk_has(walk, which))
        return;
    if (!spool_add_note(walk->spool, &walk->messages[which].id,
                        hold ? NOTE_HOLD : NOTE_RELEASE, "by hand", &error)) {
        walk->refusals++;
        return;
    }
    walk->messages[which].held = SURE_PENDING;
    walk->messages[which].held_wanted = hold;
}

static void
walk_remove(struct walk *walk, int which)
{
    struct error error = {0};

    if (!walk_has(walk, which))
        return;
    walk->messages[which].removal_asked = true;
    if (spool_add_removed(walk->spool, &walk->messages[which].id, &error))
        walk->messages[which].removed = SURE_PENDING;
    else
        walk->refusals++;
}

static void
walk_compact(struct walk *walk)
{
    struct error error = {0};

    for (int i = 0; i < 50 && walk_tick(walk); i++)
        if (!spool_compact(walk->spool, 6000, walk->now, &error))
            break;
}

/* ------------------------------------------------------------ the script */

static void
walk_arrivals(struct walk *walk)
{
    int first;

    for (int i = 0; i < 5; i++)
        spool_walk_add(walk, (uint32_t)(1 + i % 3), (size_t)(400 + 1300 * i), false);
    spool_walk_commit(walk, true);
    spool_walk_add(walk, 2, 3000, false);
    spool_walk_commit(walk, true);
    for (int i = 0; i < 4; i++)
        spool_walk_add(walk, 1, (size_t)(8000 - 900 * i), false);
    spool_walk_commit(walk, true);
    first = walk_stream(walk, 8800);
    spool_walk_commit(walk, true);
    walk_outcome(walk, first, 1, OUTCOME_DEFERRED);
    spool_walk_commit(walk, false);
}

static void
walk_deliveries(struct walk *walk)
{
    walk_expand(walk, 2);
    spool_walk_commit(walk, false);
    walk_outcome(walk, 2, 2, OUTCOME_DELIVERED);
    walk_outcome(walk, 2, 3, OUTCOME_DEFERRED);
    walk_outcome(walk, 0, 1, OUTCOME_DELIVERED);
    spool_walk_commit(walk, false);
    walk_outcome(walk, 1, 1, OUTCOME_RELAYED);
    walk_outcome(walk, 1, 2, OUTCOME_DELIVERED);
    spool_walk_commit(walk, false);
    walk_sync(walk);
    walk_bounce(walk, 3);
    walk_hold(walk, 4, true);
    spool_walk_commit(walk, true);
    walk_hold(walk, 4, false);
    walk_hold(walk, 5, true);
    spool_walk_commit(walk, true);
    walk_remove(walk, 7);
    spool_walk_commit(walk, true);
    walk_outcome(walk, 6, 1, OUTCOME_DELIVERED);
    spool_walk_commit(walk, false);
    for (int i = 0; i < 4; i++)
        spool_walk_add(walk, 1, 5000, false);
    spool_walk_commit(walk, true);
}

/* Enough comes and goes that segments die. */
static void
walk_turnover(struct walk *walk)
{
    for (int round = 0; round < 4; round++) {
        int first = walk->count;

        for (int i = 0; i < 4; i++)
            spool_walk_add(walk, 1, 7000, false);
        spool_walk_commit(walk, true);
        for (int i = first; i < walk->count && i < first + 3; i++)
            walk_outcome(walk, i, 1, OUTCOME_DELIVERED);
        spool_walk_commit(walk, false);
    }
    walk_compact(walk);
    walk_outcome(walk, 8, 1, OUTCOME_DEFERRED);
    spool_walk_commit(walk, false);
    walk_compact(walk);
}

static void
walk_second_life(struct walk *walk)
{
    int large;

    walk_outcome(walk, 2, 4, OUTCOME_DEFERRED);
    walk_outcome(walk, 9, 1, OUTCOME_DELIVERED);
    spool_walk_commit(walk, false);
    spool_walk_add(walk, 2, 600, false);
    spool_walk_commit(walk, true);
    walk_compact(walk);
    walk_outcome(walk, 10, 1, OUTCOME_DELIVERED);
    spool_walk_commit(walk, false);
    walk_sync(walk);
    walk_compact(walk);
    large = walk_stream(walk, 7000);
    spool_walk_commit(walk, true);
    walk_outcome(walk, large, 1, OUTCOME_RELAYED);
    spool_walk_commit(walk, false);
    walk_compact(walk); /* its segment goes, but not before the outcome is durable */
}

void
spool_walk_run(struct walk *walk)
{
    if (!spool_walk_open(walk))
        return;
    walk_arrivals(walk);
    walk_deliveries(walk);
    walk_turnover(walk);
    spool_walk_close(walk);
    if (simulated_disk_is_stopped(walk->simulated) || !spool_walk_open(walk))
        return;
    if (walk->damages > 0)
        return; /* old segments could not be read: that is checked after the next start */
    spool_model_settle(walk);
    walk_second_life(walk);
}

void
spool_walk_twenty(struct walk *walk)
{
    if (!spool_walk_open(walk))
        return;
    for (int i = 0; i < 20; i++) {
        spool_walk_add(walk, (uint32_t)(1 + i % 3), (size_t)(300 + 57 * i), false);
        if (i == 4 || i == 11)
            spool_walk_commit(walk, true);
    }
    spool_walk_commit(walk, true);
}
