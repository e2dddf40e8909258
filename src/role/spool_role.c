/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool role: its loop, the group commit at the end of each turn, its link to the
 * queue. */
#include "role/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "mail/status.h"
#include "role/sandbox.h"

#include "base/banned.h"

enum {
    SYNC_WITHIN = 500,       /* ms an outcome may wait for its sync */
    RECOVERY_STEP = 4 << 20, /* octets read between two looks at the channels */
    COMPACTION_STEP = 1 << 20,
    COMPACTION_TIME = 20, /* ms it may go on while nobody waits */
    TELL_STEP = 200,      /* messages told to a new queue between two looks */
    TELL_AHEAD = 4 << 20, /* octets that may wait for it */
};

struct after *
after_add(struct keeper *keeper, enum after_kind kind, const struct message_id *id)
{
    struct after *after = arena_alloc(keeper->group, sizeof *after);

    after->kind = kind;
    if (id)
        after->id = *id;
    *keeper->after_end = after;
    keeper->after_end = &after->next;
    return after;
}

void
queue_send(struct keeper *keeper, enum wire_type type, const void *message)
{
    if (keeper->queue)
        wire_send(keeper->queue, type, message, -1);
}

/* Our own ids (bounces): from the same space as those given out in blocks. */
struct message_id
keeper_id(struct keeper *keeper, char grade)
{
    return message_id_make(clock_seconds(), keeper->id_counter++, grade);
}

static bool
transport_is_local(const struct keeper *keeper, const struct address *address)
{
    const struct configuration *configuration = keeper->role->configuration;
    const struct entry *entry;

    if (address->state != ADDRESS_ASSIGNED)
        return false;
    entry = entry_find(&configuration->transports, address->transport);
    return !entry || !entry->driver ||
           ((const struct transport_driver *)(const void *)entry->driver)->identity ==
               IDENTITY_RECIPIENT;
}

/* A message as the scheduler wants it. */
static struct wire_message
message_frame(const struct spool_message *message, const struct envelope *envelope,
              bool recovered)
{
    return (struct wire_message){
        .message = {.id = message->id,
                    .size = message->size,
                    .received = message->received,
                    .waited = spool_message_waited(message, clock_milliseconds()),
                    .attempts = message->attempts,
                    .grade = envelope->grade,
                    .mode = envelope->mode,
                    .is_bounce = message->is_bounce,
                    .held = message->held,
                    .warned = message->warned,
                    .recovered = recovered,
                    .reverse_path = envelope->reverse_path},
        .follow = envelope->mode == DELIVERY_FOREGROUND,
    };
}

/* One that was just committed: its envelope is at hand, and nobody looked at it yet. */
void
queue_tell_new(struct keeper *keeper, const struct spool_message *message,
               const struct envelope *envelope)
{
    struct wire_message frame = message_frame(message, envelope, false);
    struct wire_message_id id = {message->id};

    queue_send(keeper, WIRE_MESSAGE, &frame);
    for (uint32_t i = 0; i < message->address_count && i < envelope->recipient_count;
         i++) {
        struct wire_address told;

        memset(&told, 0, sizeof told);
        told.id = message->id;
        told.address.number = i + 1;
        told.address.text = envelope->recipients[i].text;
        told.address.state = (enum address_state)message->addresses[i].state;
        if (!address_state_done(told.address.state))
            queue_send(keeper, WIRE_ADDRESS, &told);
    }
    queue_send(keeper, WIRE_SETTLE, &id);
}

void
queue_tell_message(struct keeper *keeper, const struct spool_message *message,
                   bool recovered)
{
    struct arena *arena = arena_new();
    struct envelope envelope;
    struct address *addresses;
    struct error error = {0};
    struct wire_message frame;
    struct wire_message_id id = {message->id};

    if (!keeper->queue)
        goto end;
    if (!spool_load(keeper->spool, message, arena, &envelope, &addresses, &error)) {
        log_panic(keeper->role->log, message->id.text, "%s", error.text);
        goto end;
    }
    frame = message_frame(message, &envelope, recovered);
    queue_send(keeper, WIRE_MESSAGE, &frame);
    for (uint32_t i = 0; i < message->address_count; i++) {
        struct wire_address address = {message->id, addresses[i],
                                       transport_is_local(keeper, &addresses[i])};

        if (!address_state_done(addresses[i].state))
            queue_send(keeper, WIRE_ADDRESS, &address);
    }
    queue_send(keeper, WIRE_SETTLE, &id);
end:
    arena_free(arena);
}

/* --- recovery --- */

/* From the first message on. */
static void
tell_begin(struct keeper *keeper)
{
    struct timeval now = {0, 0};

    memset(&keeper->told, 0, sizeof keeper->told);
    event_add(keeper->tell, &now);
}

static void
on_found(void *argument, const struct spool_message *message)
{
    /* The walk of on_tell() comes to it. */
    (void)argument;
    (void)message;
}

/*
 * Tell the queue everything that lives, some at a time, so that new mail is taken
 * meanwhile. What is told twice, because it changed, is told the same.
 */
static void
on_tell(int fd, short what, void *argument)
{
    struct keeper *keeper = argument;
    struct timeval now = {0, 0};

    (void)fd;
    (void)what;
    for (int i = 0; keeper->queue && i < TELL_STEP; i++) {
        struct spool_message *message =
            spool_next(keeper->spool, keeper->told.text[0] ? &keeper->told : NULL);

        if (!message) {
            if (!keeper->recovering)
                queue_send(keeper, WIRE_RECOVERED, NULL);
            return;
        }
        keeper->told = message->id;
        if (!message_has_orphan(keeper, &message->id))
            queue_tell_message(keeper, message, true);
    }
    /* No faster than the queue takes it. */
    if (keeper->queue && channel_pending(keeper->queue) > TELL_AHEAD)
        now.tv_usec = 10000;
    event_add(keeper->tell, &now);
}

static void
on_damage(void *argument, const char *text)
{
    struct keeper *keeper = argument;

    log_panic(keeper->role->log, NULL, "%s", text);
}

static void
on_recovery(int fd, short what, void *argument)
{
    struct keeper *keeper = argument;
    struct timeval soon = {0, 0};

    (void)fd;
    (void)what;
    if (spool_recover(keeper->spool, RECOVERY_STEP, on_found, on_damage, keeper)) {
        event_add(keeper->recovery, &soon);
        return;
    }
    keeper->recovering = false;
    tell_begin(keeper);
    log_say(keeper->role->log, "%zu messages in the spool", spool_count(keeper->spool));
}

/* --- the queue --- */

static void
queue_frame(struct keeper *keeper, struct frame *frame)
{
    struct arena *arena = arena_new();
    union {
        struct wire_dispatch dispatch;
        struct wire_expire expire;
        struct wire_worker worker;
        struct wire_message_id id;
    } message;

    if (frame->type == WIRE_DISPATCH &&
        wire_read(frame, WIRE_DISPATCH, arena, &message)) {
        job_dispatch(keeper, &message.dispatch);
    } else if (frame->type == WIRE_EXPIRE &&
               wire_read(frame, WIRE_EXPIRE, arena, &message)) {
        job_expire(keeper, &message.expire);
    } else if (frame->type == WIRE_STOP_WORKER &&
               wire_read(frame, WIRE_STOP_WORKER, arena, &message)) {
        worker_stop(keeper, message.worker.worker);
    } else if (frame->type == WIRE_IDLE && wire_read(frame, WIRE_IDLE, arena, &message)) {
        follow_end(keeper, &message.id.id);
    } else if (frame->type == WIRE_CONTROL_LINE || frame->type == WIRE_CONTROL_END) {
        control_relay(keeper, frame);
    }
    arena_free(arena);
}

static void
queue_ready(struct channel *channel, void *context)
{
    struct frame frame;

    while (channel_next(channel, &frame)) {
        queue_frame(context, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
    }
}

static void
queue_gone(struct channel *channel, void *context)
{
    struct keeper *keeper = context;

    if (keeper->queue == channel) {
        keeper->queue = NULL;
        control_lost(keeper);
        follow_lost(keeper);
    }
    channel_free(channel);
}

/* A new queue knows nothing: it is told everything that lives, and the workers. */
static void
queue_attach(struct keeper *keeper, int fd)
{
    if (keeper->queue)
        queue_gone(keeper->queue, keeper);
    keeper->queue = channel_new(fd);
    channel_attach(keeper->queue, keeper->role->base, queue_ready, queue_gone, keeper);
    jobs_orphan(keeper);
    workers_tell(keeper);
    /* What is still being recovered follows when that is over. */
    if (!keeper->recovering)
        tell_begin(keeper);
    if (keeper->reserve_touched) {
        struct wire_suspend suspend = {true, "the disk of the spool is full"};

        queue_send(keeper, WIRE_SUSPEND, &suspend);
    }
}

/* --- the loop --- */

static void
keeper_control(struct role *role, struct frame *frame)
{
    struct keeper *keeper = role->context;
    struct wire_peer peer;
    struct arena *arena = arena_new();

    if (frame->type == WIRE_PEER && frame->fd >= 0 &&
        wire_read(frame, WIRE_PEER, arena, &peer)) {
        switch (peer.kind) {
        case ROLE_QUEUE:
            queue_attach(keeper, frame->fd);
            break;
        case ROLE_RECEIVE:
        case ROLE_LOCAL:
            receiver_add(keeper, &peer, frame->fd);
            break;
        default:
            worker_add(keeper, &peer, frame->fd);
            break;
        }
    } else {
        if (frame->fd >= 0)
            close(frame->fd);
        if (frame->type == WIRE_DRAIN)
            role_end_loop(role);
        if (frame->type == WIRE_STATE) {
            struct spool_statistics figures = spool_statistics(keeper->spool);

            log_say(
                role->log,
                "state: %llu messages, %llu segments of %llu octets, %llu commits, "
                "%llu syncs, %llu failures",
                (unsigned long long)figures.messages,
                (unsigned long long)figures.segments, (unsigned long long)figures.bytes,
                (unsigned long long)figures.commits, (unsigned long long)figures.syncs,
                (unsigned long long)figures.failures);
        }
    }
    arena_free(arena);
}

/* Commit what this turn added, then tell everybody. */
static void
keeper_commit(struct keeper *keeper)
{
    struct error error = {0};
    bool sync = spool_group_needs_sync(keeper->spool), fine;

    fine = spool_commit(keeper->spool, sync, clock_milliseconds(), after_removed, keeper,
                        &error);
    if (!fine)
        log_panic(keeper->role->log, NULL, "spool: %s", error.text);
    after_run(keeper, fine ? NULL : &error);
    if (spool_needs_sync(keeper->spool) && keeper->sync_due == 0)
        keeper->sync_due = clock_monotonic() + SYNC_WITHIN;
    if (!fine)
        room_check(keeper);
}

static void
keeper_turn(struct role *role)
{
    struct keeper *keeper = role->context;
    struct error error = {0};

    if (spool_group_is_open(keeper->spool) || keeper->after) {
        keeper_commit(keeper);
        keeper->after = NULL;
        keeper->after_end = &keeper->after;
    }
    arena_reset(keeper->group);
    if (!spool_needs_sync(keeper->spool)) {
        keeper->sync_due = 0;
    } else if (keeper->sync_due != 0 && clock_monotonic() >= keeper->sync_due) {
        keeper->sync_due = 0;
        if (!spool_sync(keeper->spool, clock_milliseconds(), &error))
            log_panic(role->log, NULL, "spool: %s", error.text);
    }
}

/* Does a peer wait for us already? */
static bool
somebody_waits(const struct keeper *keeper)
{
    bool waits = keeper->queue && channel_has_input(keeper->queue);

    for (const struct receiver *at = keeper->receivers; at && !waits; at = at->next)
        waits = channel_has_input(at->channel);
    for (const struct worker_link *at = keeper->workers; at && !waits; at = at->next)
        waits = channel_has_input(at->channel);
    return waits;
}

/* Clean up, one step at least, and more for a moment while there is nothing else to do.
 */
static void
compact(struct keeper *keeper)
{
    int64_t begun = clock_monotonic();
    struct error error = {0};

    while (spool_compact(keeper->spool, COMPACTION_STEP, clock_milliseconds(), &error) &&
           clock_monotonic() - begun < COMPACTION_TIME && !somebody_waits(keeper))
        ;
    if (error.status[0])
        log_panic(keeper->role->log, NULL, "compaction: %s", error.text);
}

/* A few times a second: syncs that are due (by keeper_turn), room, cleaning up. */
static void
on_timer(int fd, short what, void *argument)
{
    struct keeper *keeper = argument;

    (void)fd;
    (void)what;
    room_check(keeper);
    if (!keeper->recovering && !spool_group_is_open(keeper->spool))
        compact(keeper);
}

static bool
keeper_open(struct keeper *keeper)
{
    const struct settings *settings = &keeper->role->configuration->settings;
    struct spool_options options = {
        .segment_size = settings->segment_size.bytes,
        .stream_threshold = settings->stream_threshold.bytes,
        .reserve = settings->spool_reserve.bytes,
        .free_minimum = settings->spool_free_minimum.bytes,
        .mode = (mode_t)settings->spool_mode.bits,
    };
    struct error error = {0};
    bool busy = false;
    int code = disk_open(keeper->role->hello.spool_directory, &keeper->disk);

    if (code < 0)
        fail_temporary(&error, "4.3.0", "%s: %s", keeper->role->hello.spool_directory,
                       strerror(-code));
    else if (spool_open(&keeper->disk, &options, clock_milliseconds(), &keeper->spool,
                        &busy, &error))
        return true;
    fprintf(stderr, "smail: spool: %s\n", error.text);
    log_panic(keeper->role->log, NULL, "spool: %s", error.text);
    return false;
}

int
spool_run(struct role *role)
{
    struct keeper keeper = {.role = role, .recovering = true, .room = true};
    struct timeval period = {0, 200000}, now = {0, 0};
    struct error error = {0};

    keeper.group = arena_new();
    keeper.after_end = &keeper.after;
    keeper.jobs = table_new();
    keeper.streams = table_new();
    keeper.id_counter = random_below(UINT64_C(56800235584)); /* 62^6 */
    role->context = &keeper;
    role->control_frame = keeper_control;
    role->turn = keeper_turn;
    if (!keeper_open(&keeper))
        return EX_CANTCREAT;
    if (role->hello.privileged && !sandbox_enter(ROLE_SPOOL, &error)) {
        log_panic(role->log, NULL, "%s", error.text);
        return EX_OSERR;
    }
    keeper.timer = event_new(role->base, -1, EV_PERSIST, on_timer, &keeper);
    keeper.tell = event_new(role->base, -1, 0, on_tell, &keeper);
    keeper.recovery = event_new(role->base, -1, 0, on_recovery, &keeper);
    event_add(keeper.timer, &period);
    event_add(keeper.recovery, &now);
    role_begin(role);
    role_loop(role);
    keeper_turn(role);
    if (spool_needs_sync(keeper.spool) &&
        !spool_sync(keeper.spool, clock_milliseconds(), &error))
        log_panic(role->log, NULL, "spool: %s", error.text);
    spool_close(keeper.spool);
    return EX_OK;
}
