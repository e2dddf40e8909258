/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool at work, with a model beside it. */
#include "tests/crash/spool_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
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

static void __attribute__((format(printf, 2, 3)))
walk_problem(struct walk *walk, const char *format, ...)
{
    va_list arguments;

    if (walk->problem[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(walk->problem, sizeof(walk->problem), format, arguments);
    va_end(arguments);
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
    walk_close(walk);
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
        walk_problem(walk, "%s: nobody sent that", message->id.text);
    if (message->pending_count == 0)
        walk_problem(walk, "%s: found, but nothing is left to do", message->id.text);
}

static void
walk_damage(void *argument, const char *text)
{
    struct walk *walk = argument;

    (void)text;
    walk->damages++;
}

bool
walk_open(struct walk *walk)
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
walk_close(struct walk *walk)
{
    spool_close(walk->spool);
    walk->spool = NULL;
    simulated_disk_release(walk->simulated);
}

/* ------------------------------------------------------------ the model */

/* What waited for a commit, or for a sync, is now this sure. */
static void
sure_raise(enum walk_sure *sure, enum walk_sure from, enum walk_sure to)
{
    if (*sure == from)
        *sure = to;
}

static void
model_raise(struct walk *walk, enum walk_sure from, enum walk_sure to)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];

        sure_raise(&message->accepted, from, to);
        sure_raise(&message->removed, from, to);
        sure_raise(&message->held, from, to);
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            sure_raise(&message->address[j].done, from, to);
            sure_raise(&message->address[j].known, from, to);
        }
    }
}

static void
settle_sure(enum walk_sure *sure, bool is_there)
{
    if (*sure != SURE_DURABLE)
        *sure = is_there ? SURE_DURABLE : SURE_NO;
}

/* After a start what the spool shows is what there is, however sure it was before. */
static void
model_settle(struct walk *walk)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];
        const struct spool_message *found = spool_find(walk->spool, &message->id);

        if (!message->added)
            continue;
        if (found == NULL) {
            message->removed = SURE_DURABLE;
            continue;
        }
        /* What was refused may be seen in the cache and yet not be on the disk. */
        if (message->accepted != SURE_NO)
            message->accepted = SURE_DURABLE;
        settle_sure(&message->removed, false);
        if (message->held != SURE_NO) {
            message->held = SURE_DURABLE;
            message->held_wanted = found->held;
        }
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            bool known = j < found->address_count;

            settle_sure(&message->address[j].known, known);
            settle_sure(&message->address[j].done,
                        known && address_state_done(
                                     (enum address_state)found->addresses[j].state));
        }
    }
}

/* The commit failed: outcomes count all the same, the rest was never said. */
static void
model_refuse(struct walk *walk)
{
    for (int i = 0; i < walk->count; i++) {
        struct walk_message *message = &walk->messages[i];

        sure_raise(&message->accepted, SURE_PENDING, SURE_NO);
        sure_raise(&message->removed, SURE_PENDING, SURE_NO);
        sure_raise(&message->held, SURE_PENDING, SURE_NO);
        for (uint32_t j = 0; j < WALK_ADDRESSES; j++) {
            struct walk_address *address = &message->address[j];

            sure_raise(&address->done, SURE_PENDING, SURE_CACHED);
            sure_raise(&address->known, SURE_PENDING, SURE_NO);
        }
    }
}

static bool
walk_commit(struct walk *walk, bool sync)
{
    struct error error = {0};
    bool needed = sync || spool_group_needs_sync(walk->spool);

    if (!walk_tick(walk))
        return false;
    if (!spool_commit(walk->spool, sync, walk->now, NULL, NULL, &error)) {
        walk->refusals++;
        model_refuse(walk);
        return false;
    }
    model_raise(walk, SURE_PENDING, SURE_CACHED);
    if (needed)
        model_raise(walk, SURE_CACHED, SURE_DURABLE);
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
        model_raise(walk, SURE_CACHED, SURE_DURABLE);
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
static int
walk_add(struct walk *walk, uint32_t count, size_t size, bool is_bounce)
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
    bounce = walk_add(walk, 1, 700, true);
    if (bounce < 0)
        return;
    walk_outcome(walk, which, 1, OUTCOME_FAILED);
    walk->messages[which].bounce = bounce;
    if (!spool_add_reported(walk->spool, &walk->messages[which].id, &number, 1,
                            &walk->messages[bounce].id, &error))
        walk->refusals++;
    walk_commit(walk, true);
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
        walk_add(walk, (uint32_t)(1 + i % 3), (size_t)(400 + 1300 * i), false);
    walk_commit(walk, true);
    walk_add(walk, 2, 3000, false);
    walk_commit(walk, true);
    for (int i = 0; i < 4; i++)
        walk_add(walk, 1, (size_t)(8000 - 900 * i), false);
    walk_commit(walk, true);
    first = walk_stream(walk, 8800);
    walk_commit(walk, true);
    walk_outcome(walk, first, 1, OUTCOME_DEFERRED);
    walk_commit(walk, false);
}

static void
walk_deliveries(struct walk *walk)
{
    walk_expand(walk, 2);
    walk_commit(walk, false);
    walk_outcome(walk, 2, 2, OUTCOME_DELIVERED);
    walk_outcome(walk, 2, 3, OUTCOME_DEFERRED);
    walk_outcome(walk, 0, 1, OUTCOME_DELIVERED);
    walk_commit(walk, false);
    walk_outcome(walk, 1, 1, OUTCOME_RELAYED);
    walk_outcome(walk, 1, 2, OUTCOME_DELIVERED);
    walk_commit(walk, false);
    walk_sync(walk);
    walk_bounce(walk, 3);
    walk_hold(walk, 4, true);
    walk_commit(walk, true);
    walk_hold(walk, 4, false);
    walk_hold(walk, 5, true);
    walk_commit(walk, true);
    walk_remove(walk, 7);
    walk_commit(walk, true);
    walk_outcome(walk, 6, 1, OUTCOME_DELIVERED);
    walk_commit(walk, false);
    for (int i = 0; i < 4; i++)
        walk_add(walk, 1, 5000, false);
    walk_commit(walk, true);
}

/* Enough comes and goes that segments die. */
static void
walk_turnover(struct walk *walk)
{
    for (int round = 0; round < 4; round++) {
        int first = walk->count;

        for (int i = 0; i < 4; i++)
            walk_add(walk, 1, 7000, false);
        walk_commit(walk, true);
        for (int i = first; i < walk->count && i < first + 3; i++)
            walk_outcome(walk, i, 1, OUTCOME_DELIVERED);
        walk_commit(walk, false);
    }
    walk_compact(walk);
    walk_outcome(walk, 8, 1, OUTCOME_DEFERRED);
    walk_commit(walk, false);
    walk_compact(walk);
}

static void
walk_second_life(struct walk *walk)
{
    int large;

    walk_outcome(walk, 2, 4, OUTCOME_DEFERRED);
    walk_outcome(walk, 9, 1, OUTCOME_DELIVERED);
    walk_commit(walk, false);
    walk_add(walk, 2, 600, false);
    walk_commit(walk, true);
    walk_compact(walk);
    walk_outcome(walk, 10, 1, OUTCOME_DELIVERED);
    walk_commit(walk, false);
    walk_sync(walk);
    walk_compact(walk);
    large = walk_stream(walk, 7000);
    walk_commit(walk, true);
    walk_outcome(walk, large, 1, OUTCOME_RELAYED);
    walk_commit(walk, false);
    walk_compact(walk); /* its segment goes, but not before the outcome is durable */
}

void
spool_walk_run(struct walk *walk)
{
    if (!walk_open(walk))
        return;
    walk_arrivals(walk);
    walk_deliveries(walk);
    walk_turnover(walk);
    walk_close(walk);
    if (simulated_disk_is_stopped(walk->simulated) || !walk_open(walk))
        return;
    if (walk->damages > 0)
        return; /* old segments could not be read: that is checked after the next start */
    model_settle(walk);
    walk_second_life(walk);
}

void
walk_twenty(struct walk *walk)
{
    if (!walk_open(walk))
        return;
    for (int i = 0; i < 20; i++) {
        walk_add(walk, (uint32_t)(1 + i % 3), (size_t)(300 + 57 * i), false);
        if (i == 4 || i == 11)
            walk_commit(walk, true);
    }
    walk_commit(walk, true);
}

/* ------------------------------------------------------------ holding it against the
 * model */

static void
check_content(struct walk *walk, const struct walk_message *expected,
              const struct spool_message *message)
{
    char content[WALK_CONTENT];
    struct error error = {0};

    if (message->size != expected->size)
        walk_problem(walk, "%s: other size", expected->id.text);
    else if (!spool_read_content(walk->spool, message, 0, content, expected->size,
                                 &error))
        walk_problem(walk, "%s: %s", expected->id.text, error.text);
    else if (memcmp(content, expected->content, expected->size) != 0)
        walk_problem(walk, "%s: altered", expected->id.text);
}

static void
check_addresses(struct walk *walk, const struct walk_message *expected,
                const struct spool_message *message, struct arena *arena)
{
    struct error error = {0};
    struct envelope envelope;
    struct address *addresses;

    if (!spool_load(walk->spool, message, arena, &envelope, &addresses, &error)) {
        walk_problem(walk, "%s: %s", expected->id.text, error.text);
        return;
    }
    if (envelope.recipient_count != expected->recipients)
        walk_problem(walk, "%s: other recipients", expected->id.text);
    for (uint32_t i = 0; i < WALK_ADDRESSES; i++) {
        const struct walk_address *address = &expected->address[i];

        if (i >= message->address_count) {
            if (address->known == SURE_DURABLE || address->done == SURE_DURABLE)
                walk_problem(walk, "%s: address %u is lost", expected->id.text, i + 1);
        } else if (address->done == SURE_DURABLE &&
                   !address_state_done(addresses[i].state)) {
            walk_problem(walk, "%s: address %u is to be repeated", expected->id.text,
                         i + 1);
        } else if (addresses[i].text[0] == '\0') {
            walk_problem(walk, "%s: address %u has no text", expected->id.text, i + 1);
        }
    }
}

/* Everything that its recipients need is done: each address, as far as it is known. */
static bool
expected_finished(const struct walk_message *expected, enum walk_sure least)
{
    bool expanded = expected->address[expected->recipients].known >= SURE_CACHED;

    if (expected->removed >= least)
        return true;
    for (uint32_t i = 0; i < expected->recipients; i++)
        if (expected->address[i].done < least && !(i == 0 && expanded))
            return false;
    for (uint32_t i = expected->recipients; i < expected->addresses && expanded; i++)
        if (expected->address[i].done < least)
            return false;
    return true;
}

static void
check_message(struct walk *walk, struct walk_message *expected, struct arena *arena)
{
    const struct spool_message *message = spool_find(walk->spool, &expected->id);
    const struct walk_message *bounce =
        expected->bounce >= 0 ? &walk->messages[expected->bounce] : NULL;

    if (message == NULL) {
        /* Gone is right when all of it is done, or it was reported and the bounce is
         * there. */
        if (expected->accepted >= SURE_CACHED &&
            !expected_finished(expected, SURE_CACHED) && !expected->removal_asked &&
            (bounce == NULL || spool_find(walk->spool, &bounce->id) == NULL))
            walk_problem(walk, "%s: lost", expected->id.text);
        return;
    }
    if (expected_finished(expected, SURE_DURABLE))
        walk_problem(walk, "%s: is back", expected->id.text);
    if (expected->held == SURE_DURABLE && message->held != expected->held_wanted)
        walk_problem(walk, "%s: held or not", expected->id.text);
    if (bounce != NULL && message->unreported_count == 0 &&
        message->addresses[0].state == ADDRESS_REPORTED &&
        spool_find(walk->spool, &bounce->id) == NULL)
        walk_problem(walk, "%s: reported, but by no bounce", expected->id.text);
    check_content(walk, expected, message);
    check_addresses(walk, expected, message, arena);
}

/* It takes a message and has it afterwards. */
static void
check_serves(struct walk *walk)
{
    int which = walk_add(walk, 1, 900, false);

    if (which < 0 || !walk_commit(walk, true) ||
        spool_find(walk->spool, &walk->messages[which].id) == NULL)
        walk_problem(walk, "it does not serve again");
}

void
walk_check(struct walk *walk)
{
    struct arena *arena = arena_new();

    if (walk->spool == NULL)
        walk->damages = 0;
    if (walk->spool == NULL && !walk_open(walk))
        walk_problem(walk, "it does not open again");
    for (int i = 0; i < walk->count && walk->spool != NULL; i++)
        check_message(walk, &walk->messages[i], arena);
    if (walk->spool != NULL) {
        model_settle(walk);
        check_serves(walk);
    }
    arena_free(arena);
}
