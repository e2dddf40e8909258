/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session asks for: room, an id, the way of its content to the spool, an
 * operator's word. */
#include "role/reception.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/expand.h"

#include "base/banned.h"

enum {
    STREAM_WINDOW = 256 << 10,
    STREAM_PIECE = 64 << 10,
    CONTROL_AHEAD = 1000,
    SUBMIT_MOST = CHANNEL_FRAME_LIMIT / 2
};

void
intake_free(struct client *client)
{
    if (!client->intake)
        return;
    client->reception->buffered -= client->intake->room;
    arena_free(client->intake->arena);
    free(client->intake->bytes);
    free(client->intake);
    client->intake = NULL;
}

static void
host_recipient(void *context, struct smtp_session *session,
               const struct envelope *envelope, const char *recipient)
{
    (void)session;
    verify_ask(context, envelope, recipient);
}

static bool
host_room(void *context, struct smtp_session *session, uint64_t size, struct error *error)
{
    const struct client *client = context;
    const struct reception *reception = client->reception;

    (void)session;
    (void)size;
    if (reception->broken && !reception->is_local)
        return fail_temporary(error, "4.3.5",
                              "the configuration of this host has errors");
    if (!reception->spool || !reception->has_ids)
        return fail_temporary(error, "4.3.2", "the spool is being started, try again");
    if (!reception->room) {
        *error = reception->room_error;
        return false;
    }
    return true;
}

/* A template of the configuration; "" if it does not expand. */
static const char *
template_expand(const struct expanded *template, const struct expansion *expansion)
{
    const char *text;

    return template->text && expand(template->text, expansion, &text, NULL) ? text : "";
}

/* The next id of the block that the spool gave; asks for more in time. */
static struct message_id
id_take(struct reception *reception, char grade)
{
    struct message_id id = message_id_make(clock_seconds(), reception->next_id++, grade);

    if (--reception->id_count == 0)
        reception->has_ids = false;
    if (reception->id_count == 1000 || reception->id_count == 0)
        wire_send(reception->spool, WIRE_ID_BLOCK, NULL, -1);
    return id;
}

static bool
host_begin(void *context, struct smtp_session *session, const struct envelope *envelope,
           struct smtp_message *message, struct error *error)
{
    struct client *client = context;
    struct reception *reception = client->reception;
    const struct settings *settings = &reception->role->configuration->settings;
    struct expansion expansion;

    if (!host_room(context, session, 0, error))
        return false;
    intake_free(client);
    client->intake = memory_alloc(sizeof *client->intake);
    memset(client->intake, 0, sizeof *client->intake);
    client->intake->id = id_take(reception, envelope->grade);
    client->intake->arena = arena_new();
    expansion = expansion_new(settings, client->intake->arena);
    expansion.envelope = envelope;
    expansion.message_id = client->intake->id.text;
    message->id = client->intake->id.text;
    message->message_id_field = template_expand(&settings->message_id_field, &expansion);
    message->date_field = template_expand(&settings->date_field, &expansion);
    message->from_field = template_expand(&settings->from_field, &expansion);
    return true;
}

/* Send what is held, as far as the window goes. */
static void
stream_send(struct client *client)
{
    struct intake_state *intake = client->intake;
    struct reception *reception = client->reception;
    size_t at = 0;

    while (at < intake->length && intake->window > 0 && reception->spool) {
        size_t length = intake->length - at;
        struct wire_stream_data data;

        if (length > STREAM_PIECE)
            length = STREAM_PIECE;
        if (length > intake->window)
            length = (size_t)intake->window;
        data = (struct wire_stream_data){client->token, {intake->bytes + at, length}};
        wire_send(reception->spool, WIRE_STREAM_DATA, &data, -1);
        intake->window -= length;
        at += length;
    }
    if (at > 0)
        memmove(intake->bytes, intake->bytes + at, intake->length - at);
    intake->length -= at;
}

static void
stream_begin(struct client *client)
{
    struct wire_stream begin = {client->token, client->intake->id};

    client->intake->streaming = true;
    client->intake->window = STREAM_WINDOW;
    wire_send(client->reception->spool, WIRE_STREAM_BEGIN, &begin, -1);
}

static void
bytes_add(struct client *client, struct span bytes)
{
    struct intake_state *intake = client->intake;

    if (intake->room - intake->length < bytes.length) {
        size_t room = intake->room ? intake->room : 4096;

        while (room - intake->length < bytes.length)
            room *= 2;
        intake->bytes = memory_grow(intake->bytes, room);
        client->reception->buffered += room - intake->room;
        intake->room = room;
    }
    memcpy(intake->bytes + intake->length, bytes.bytes, bytes.length);
    intake->length += bytes.length;
}

/*
 * Content stays in memory up to the threshold; past it, or when all sessions together
 * hold too much, it is streamed, and the client is read only as fast as the disk takes
 * it.
 */
static void
host_content(void *context, struct smtp_session *session, struct span bytes)
{
    struct client *client = context;
    struct reception *reception = client->reception;
    const struct settings *settings = &reception->role->configuration->settings;
    struct intake_state *intake = client->intake;

    if (!intake || intake->failed)
        return;
    bytes_add(client, bytes);
    if (!intake->streaming && (intake->length > settings->stream_threshold.bytes ||
                               intake->length > SUBMIT_MOST ||
                               reception->buffered > settings->smtp_buffer_limit.bytes))
        stream_begin(client);
    if (!intake->streaming)
        return;
    stream_send(client);
    if (intake->length > 0)
        smtp_session_hold(session, true);
}

void
intake_window(struct client *client, uint64_t bytes)
{
    if (!client->intake || !client->intake->streaming)
        return;
    client->intake->window += bytes;
    stream_send(client);
    if (client->intake->length == 0 && client->session) {
        smtp_session_hold(client->session, false);
        client_go_on(client);
    }
}

void
intake_lost(struct client *client)
{
    struct error error = {0};

    fail_temporary(&error, "4.3.2", "the spool was started again, send it once more");
    if (client->controlling) {
        client->controlling = false;
        smtp_control_end(client->session, 451, "4.3.2 the spool was started again");
        client_go_on(client);
    } else if (client->following) {
        client->following = false;
        smtp_answer_outcome(client->session, "4.3.2 the spool was started again", false,
                            false);
        client_go_on(client);
    } else if (client->committing) {
        client->committing = false;
        intake_free(client);
        smtp_answer_commit(client->session, &error);
        client_go_on(client);
    } else if (client->intake && client->intake->streaming) {
        client->intake->failed = true;
        client->intake->error = error;
        client->reception->buffered -= client->intake->room;
        free(client->intake->bytes);
        client->intake->bytes = NULL;
        client->intake->length = client->intake->room = 0;
        smtp_session_hold(client->session, false);
        client_go_on(client);
    }
}

static void
submit_send(struct client *client, const struct envelope *envelope)
{
    struct wire_submit submit = {
        .token = client->token,
        .id = client->intake->id,
        .envelope = *envelope,
        .content = {client->intake->bytes, client->intake->length}};

    wire_send(client->reception->spool, WIRE_SUBMIT, &submit, -1);
}

static void
stream_end(struct client *client, const struct envelope *envelope)
{
    struct wire_stream_end end = {
        .token = client->token, .id = client->intake->id, .envelope = *envelope};

    /* The rest may pass the window: it is less than one piece of input. */
    client->intake->window += client->intake->length;
    stream_send(client);
    wire_send(client->reception->spool, WIRE_STREAM_END, &end, -1);
}

/* Above this many sessions messages are only queued. */
static bool
is_crowded(const struct reception *reception)
{
    int64_t limit = reception->role->configuration->settings.smtp_accept_queue;

    return limit > 0 && !reception->is_local && reception->counts &&
           counts_get(reception->counts, "") > (uint64_t)limit;
}

static void
host_abort(void *context, struct smtp_session *session)
{
    struct client *client = context;
    struct wire_stream abort_frame = {.token = client->token};

    /* No window will open for this stream any more; what follows is only swallowed. */
    smtp_session_hold(session, false);
    if (client->intake && client->intake->streaming && client->reception->spool) {
        abort_frame.id = client->intake->id;
        wire_send(client->reception->spool, WIRE_STREAM_ABORT, &abort_frame, -1);
    }
    intake_free(client);
}

/* About what the envelope takes in a frame. */
static size_t
envelope_weight(const struct envelope *envelope)
{
    size_t weight = 16 << 10;

    for (size_t i = 0; i < envelope->recipient_count; i++)
        weight += strlen(envelope->recipients[i].text) +
                  strlen(envelope->recipients[i].original) + 32;
    for (size_t i = 0; i < envelope->exclusion_count; i++)
        weight += strlen(envelope->exclusions[i]) + 16;
    return weight;
}

/* Larger ones do not get to the spool: the channel would break. */
static bool
envelope_fits(const struct client *client, const struct envelope *envelope)
{
    size_t content = client->intake->streaming ? 0 : client->intake->length;

    return content + envelope_weight(envelope) <= CHANNEL_FRAME_LIMIT;
}

static void
host_commit(void *context, struct smtp_session *session, const struct envelope *envelope)
{
    struct client *client = context;
    struct envelope changed = *envelope;
    struct error error = {0};

    if (client->intake->failed || !client->reception->spool) {
        fail_temporary(&error, "4.3.2", "the spool was started again, send it once more");
        intake_free(client);
        smtp_answer_commit(session, &error);
        return;
    }
    if (!envelope_fits(client, envelope)) {
        fail_permanent(&error, "5.5.3", "the recipients of one message are too many");
        host_abort(context, session);
        smtp_answer_commit(session, &error);
        return;
    }
    client->committing = true;
    client->foreground = envelope->mode == DELIVERY_FOREGROUND;
    smtp_session_hold(session, false); /* the window was of this message's stream */
    if (is_crowded(client->reception))
        changed.mode = DELIVERY_QUEUED;
    if (client->intake->streaming)
        stream_end(client, &changed);
    else
        submit_send(client, &changed);
    intake_free(client);
}

static void
host_control(void *context, struct smtp_session *session, const char *const *words,
             size_t count)
{
    struct client *client = context;
    struct wire_control control = {.token = client->token,
                                   .uid = client->peer.uid,
                                   .operator= client->peer.operator,
                                   .words = words,
                                   .word_count = (uint32_t)count};

    client->control_lines = 0;
    client->controlling = client->reception->spool != NULL;
    if (!client->reception->spool)
        smtp_control_end(session, 451, "4.3.2 the spool is being started, try again");
    else
        wire_send(client->reception->spool, WIRE_CONTROL, &control, -1);
}

void
listing_more(struct client *client)
{
    struct wire_token more = {client->token};

    if (!client->controlling || client->control_lines < CONTROL_AHEAD)
        return;
    client->control_lines -= CONTROL_AHEAD;
    if (client->reception->spool)
        wire_send(client->reception->spool, WIRE_CONTROL_MORE, &more, -1);
}

void
listing_forget(struct client *client)
{
    struct wire_token cancel = {client->token};

    if (client->controlling && client->reception->spool)
        wire_send(client->reception->spool, WIRE_CONTROL_CANCEL, &cancel, -1);
    client->controlling = false;
}

const struct smtp_host reception_host = {
    .recipient = host_recipient,
    .room = host_room,
    .begin = host_begin,
    .content = host_content,
    .commit = host_commit,
    .abort = host_abort,
    .control = host_control,
};
