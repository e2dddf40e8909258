/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes from receive processes: messages, streams, questions; and who follows a
 * delivery. */
#include "role/keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum {
    ID_BLOCK = 1 << 16,
    STREAM_WINDOW = 256 << 10, /* octets a session may send ahead */
};

/* The key of a stream: which process, which session. */
struct stream_key {
    uint64_t receiver, token;
};

static struct span
stream_key_span(const struct stream_key *key)
{
    return (struct span){(const char *)key, sizeof *key};
}

static struct stream_key
stream_key_of(const struct receiver *receiver, uint64_t token)
{
    return (struct stream_key){receiver->serial, token};
}

static void
committed_send(struct receiver *receiver, uint64_t token, const struct message_id *id,
               const struct error *error)
{
    struct wire_committed committed = {
        .token = token, .id = *id, .committed = error == NULL};

    if (error)
        committed.error = *error;
    wire_send(receiver->channel, WIRE_COMMITTED, &committed, -1);
}

/* The group has it: what happens once it is on disk. */
static void
submitted(struct receiver *receiver, uint64_t token, const struct message_id *id,
          const struct envelope *envelope)
{
    struct keeper *keeper = receiver->keeper;
    struct after *after = after_add(keeper, AFTER_SUBMITTED, id);

    after->receiver = receiver;
    after->token = token;
    after->envelope = arena_alloc(keeper->group, sizeof *envelope);
    *after->envelope = *envelope; /* its strings live in the group as well */
}

static void
submit_take(struct receiver *receiver, struct frame *frame)
{
    struct keeper *keeper = receiver->keeper;
    struct wire_submit submit;
    struct error error = {0};

    if (!wire_read(frame, WIRE_SUBMIT, keeper->group, &submit))
        return;
    if (!spool_add_message(keeper->spool, &submit.id, &submit.envelope, submit.content,
                           &error))
        committed_send(receiver, submit.token, &submit.id, &error);
    else
        submitted(receiver, submit.token, &submit.id, &submit.envelope);
}

/* --- streams --- */

static void
stream_begin(struct receiver *receiver, const struct wire_stream *begin)
{
    struct keeper *keeper = receiver->keeper;
    struct stream_state *state = memory_alloc(sizeof *state);
    struct stream_key key = stream_key_of(receiver, begin->token);

    memset(state, 0, sizeof *state);
    state->receiver = receiver;
    state->token = begin->token;
    state->failed =
        !spool_stream_begin(keeper->spool, &begin->id, &state->stream, &state->error);
    state = table_put(keeper->streams, stream_key_span(&key), state);
    if (state && state->stream)
        spool_stream_abort(state->stream);
    free(state);
}

static void
stream_data(struct receiver *receiver, const struct wire_stream_data *data)
{
    struct stream_key key = stream_key_of(receiver, data->token);
    struct stream_state *state =
        table_get(receiver->keeper->streams, stream_key_span(&key));
    struct wire_stream_window window = {data->token, data->bytes.length};

    if (!state)
        return;
    if (!state->failed && !spool_stream_add(state->stream, data->bytes, &state->error)) {
        state->failed = true;
        spool_stream_abort(state->stream);
        state->stream = NULL;
    }
    wire_send(receiver->channel, WIRE_STREAM_WINDOW, &window, -1);
}

static void
stream_end(struct receiver *receiver, const struct wire_stream_end *end)
{
    struct keeper *keeper = receiver->keeper;
    struct stream_key key = stream_key_of(receiver, end->token);
    struct stream_state *state = table_remove(keeper->streams, stream_key_span(&key));

    if (!state)
        return;
    if (!state->failed)
        state->failed = !spool_stream_end(state->stream, &end->envelope, &state->error);
    if (state->failed)
        committed_send(receiver, end->token, &end->id, &state->error);
    else
        submitted(receiver, end->token, &end->id, &end->envelope);
    free(state);
}

static void
stream_abort(struct receiver *receiver, uint64_t token)
{
    struct stream_key key = stream_key_of(receiver, token);
    struct stream_state *state =
        table_remove(receiver->keeper->streams, stream_key_span(&key));

    if (state && state->stream)
        spool_stream_abort(state->stream);
    free(state);
}

/* Its process is gone: nothing of its streams was promised. */
static void
streams_forget(struct receiver *receiver)
{
    struct keeper *keeper = receiver->keeper;
    size_t at = 0;
    struct span key;
    void *value;

    while (table_next(keeper->streams, &at, &key, &value)) {
        struct stream_state *state = value;

        if (state->receiver != receiver)
            continue;
        table_remove(keeper->streams, key);
        if (state->stream)
            spool_stream_abort(state->stream);
        free(state);
    }
}

/* --- frames --- */

static void
id_block_send(struct receiver *receiver)
{
    struct wire_id_block block = {receiver->keeper->id_counter, ID_BLOCK};

    receiver->keeper->id_counter += ID_BLOCK;
    wire_send(receiver->channel, WIRE_ID_BLOCK, &block, -1);
}

static void
stream_frame(struct receiver *receiver, struct frame *frame)
{
    union {
        struct wire_stream stream;
        struct wire_stream_data data;
        struct wire_stream_end end;
    } message;
    struct arena *arena = receiver->keeper->group;

    if (frame->type == WIRE_STREAM_BEGIN &&
        wire_read(frame, WIRE_STREAM_BEGIN, arena, &message))
        stream_begin(receiver, &message.stream);
    else if (frame->type == WIRE_STREAM_DATA &&
             wire_read(frame, WIRE_STREAM_DATA, arena, &message))
        stream_data(receiver, &message.data);
    else if (frame->type == WIRE_STREAM_END &&
             wire_read(frame, WIRE_STREAM_END, arena, &message))
        stream_end(receiver, &message.end);
    else if (frame->type == WIRE_STREAM_ABORT &&
             wire_read(frame, WIRE_STREAM_ABORT, arena, &message))
        stream_abort(receiver, message.stream.token);
}

static void
receiver_frame(struct receiver *receiver, struct frame *frame)
{
    struct keeper *keeper = receiver->keeper;
    struct wire_control control;
    struct wire_token token;

    switch (frame->type) {
    case WIRE_ID_BLOCK:
        id_block_send(receiver);
        break;
    case WIRE_SUBMIT:
        submit_take(receiver, frame);
        break;
    case WIRE_CONTROL:
        if (wire_read(frame, WIRE_CONTROL, keeper->group, &control))
            control_take(keeper, receiver, &control);
        break;
    case WIRE_CONTROL_MORE:
        if (wire_read(frame, WIRE_CONTROL_MORE, keeper->group, &token))
            control_more(keeper, receiver, token.token);
        break;
    case WIRE_CONTROL_CANCEL:
        if (wire_read(frame, WIRE_CONTROL_CANCEL, keeper->group, &token))
            control_cancel(keeper, receiver, token.token, false);
        break;
    default:
        stream_frame(receiver, frame);
        break;
    }
}

static void
receiver_ready(struct channel *channel, void *context)
{
    struct frame frame;

    while (channel_next(channel, &frame)) {
        receiver_frame(context, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
    }
}

/* Whatever waits for its answer gets none: it is gone. */
static void
receiver_gone(struct channel *channel, void *context)
{
    struct receiver *receiver = context;
    struct keeper *keeper = receiver->keeper;

    streams_forget(receiver);
    follow_forget(keeper, receiver);
    control_cancel(keeper, receiver, 0, true);
    for (struct after *after = keeper->after; after; after = after->next)
        if (after->receiver == receiver)
            after->receiver = NULL;
    for (struct receiver **at = &keeper->receivers; *at; at = &(*at)->next)
        if (*at == receiver) {
            *at = receiver->next;
            break;
        }
    channel_free(channel);
    free(receiver);
}

void
receiver_add(struct keeper *keeper, const struct wire_peer *peer, int fd)
{
    struct receiver *receiver = memory_alloc(sizeof *receiver);
    struct wire_room room = {.room = keeper->room};

    receiver->keeper = keeper;
    receiver->kind = peer->kind;
    receiver->serial = ++keeper->serial;
    receiver->channel = channel_new(fd);
    receiver->next = keeper->receivers;
    keeper->receivers = receiver;
    channel_attach(receiver->channel, keeper->role->base, receiver_ready, receiver_gone,
                   receiver);
    id_block_send(receiver);
    if (!keeper->room)
        spool_has_room(keeper->spool, &room.error);
    wire_send(receiver->channel, WIRE_ROOM, &room, -1);
}

/* Tell sessions and the queue when the disk becomes full, and when it is fine again. */
void
room_check(struct keeper *keeper)
{
    struct wire_room room = {0};
    bool touched = spool_reserve_is_touched(keeper->spool);

    room.room = spool_has_room(keeper->spool, &room.error);
    if (room.room != keeper->room) {
        keeper->room = room.room;
        if (!room.room)
            log_panic(keeper->role->log, NULL, "no new mail is taken: %s",
                      room.error.text);
        for (struct receiver *receiver = keeper->receivers; receiver;
             receiver = receiver->next)
            wire_send(receiver->channel, WIRE_ROOM, &room, -1);
    }
    if (touched != keeper->reserve_touched) {
        struct wire_suspend suspend = {touched, "the disk of the spool is full"};

        keeper->reserve_touched = touched;
        queue_send(keeper, WIRE_SUSPEND, &suspend);
    }
}

/* --- followers --- */

static void
follow_send(const struct follower *follower, const char *text, bool failed, bool more)
{
    struct wire_follow follow = {follower->token, text, failed, more};

    wire_send(follower->receiver->channel, WIRE_FOLLOW, &follow, -1);
}

void
follow_outcome(struct keeper *keeper, const struct message_id *id, const char *text,
               bool failed)
{
    for (struct follower *follower = keeper->followers; follower;
         follower = follower->next)
        if (strcmp(follower->id.text, id->text) == 0)
            follow_send(follower, text, failed, true);
}

void
follow_end(struct keeper *keeper, const struct message_id *id)
{
    struct follower **at = &keeper->followers;

    while (*at) {
        struct follower *follower = *at;

        if (strcmp(follower->id.text, id->text) != 0) {
            at = &follower->next;
            continue;
        }
        follow_send(follower, "2.0.0 done", false, false);
        *at = follower->next;
        free(follower);
    }
}

void
follow_lost(struct keeper *keeper)
{
    while (keeper->followers) {
        struct follower *follower = keeper->followers;

        keeper->followers = follower->next;
        follow_send(follower, "4.3.2 delivery goes on later", false, false);
        free(follower);
    }
}

void
follow_forget(struct keeper *keeper, const struct receiver *receiver)
{
    struct follower **at = &keeper->followers;

    while (*at) {
        struct follower *follower = *at;

        if (follower->receiver == receiver) {
            *at = follower->next;
            free(follower);
        } else {
            at = &follower->next;
        }
    }
}
