/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of operators and users that come over the local socket. Listings are read from
 * the disk, a few messages at a time and only as fast as the client takes them, so a
 * million messages need no memory; everything else is the queue's to answer.
 *
 *   list [json] [log] SELECTION...   messages, in the order of their ids
 *   hold, release, remove, bounce SELECTION...   done to each that is selected
 *   content ID                       header and body of one message
 */
#include "role/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/listing.h"

#include "base/banned.h"

enum { LINES_AHEAD = 1000, STEP = 50, CONTENT_STEP = 32 << 10 };

/* A listing under way. */
struct listing {
    struct keeper *keeper;
    struct receiver *receiver;
    uint64_t token;
    struct arena *arena; /* of the selection */
    enum listing_action { DO_LIST, DO_HOLD, DO_RELEASE, DO_REMOVE, DO_BOUNCE } action;
    struct list_selection selection;
    bool json, log;
    struct message_id at; /* last one shown; empty: none */
    uint64_t allowed;     /* lines that the client still takes */
    size_t shown;
    struct event *step;
    struct listing *next;
};

/* A request goes to the queue under a number of ours. */
static uint64_t
relayed_add(struct keeper *keeper, struct receiver *receiver, uint64_t token)
{
    struct relayed *relayed = memory_alloc(sizeof *relayed);

    *relayed = (struct relayed){++keeper->serial, receiver, token, keeper->relayed};
    keeper->relayed = relayed;
    return relayed->number;
}

static struct relayed *
relayed_find(const struct keeper *keeper, uint64_t number)
{
    struct relayed *relayed = keeper->relayed;

    while (relayed && relayed->number != number)
        relayed = relayed->next;
    return relayed;
}

static void
relayed_remove(struct keeper *keeper, struct relayed *relayed)
{
    for (struct relayed **at = &keeper->relayed; *at; at = &(*at)->next)
        if (*at == relayed) {
            *at = relayed->next;
            free(relayed);
            return;
        }
}

static void
line_send(struct receiver *receiver, uint64_t token, const char *text)
{
    struct wire_control_line line = {token, text};

    wire_send(receiver->channel, WIRE_CONTROL_LINE, &line, -1);
}

static void
end_send(struct receiver *receiver, uint64_t token, uint32_t code, const char *text)
{
    struct wire_control_end end = {token, code, text};

    wire_send(receiver->channel, WIRE_CONTROL_END, &end, -1);
}

/* Several lines of text, each its own answer line. Returns how many. */
static uint64_t
lines_send(struct receiver *receiver, uint64_t token, const struct text *text)
{
    struct span rest = text_span(text), line;
    struct arena *arena = arena_new();
    uint64_t count = 0;

    while (span_next(&rest, '\n', &line)) {
        line_send(receiver, token, span_string(line, arena));
        count++;
    }
    arena_free(arena);
    return count;
}

static void
listing_end(struct listing *listing)
{
    struct keeper *keeper = listing->keeper;

    for (struct listing **at = &keeper->listings; *at; at = &(*at)->next)
        if (*at == listing) {
            *at = listing->next;
            break;
        }
    event_free(listing->step);
    arena_free(listing->arena);
    free(listing);
}

/* hold and release: on disk, and the queue's to know. */
static bool
note_do(struct keeper *keeper, const struct message_id *id, enum spool_note note,
        struct error *error)
{
    struct after *after;

    if (!spool_add_note(keeper->spool, id, note, "by the operator", error))
        return false;
    after = after_add(keeper, AFTER_NOTE, id);
    after->note = note;
    after->text = "by the operator";
    return true;
}

static bool
remove_do(struct keeper *keeper, const struct message_id *id, struct error *error)
{
    struct log_record record = log_record_new(EVENT_REMOVED);

    if (!spool_add_removed(keeper->spool, id, error))
        return false;
    record.id = id->text;
    log_write(keeper->role->log, &record);
    return true;
}

/* All addresses that wait fail now, and the sender is told. */
static void
bounce_do(struct keeper *keeper, const struct spool_message *message,
          const struct address *addresses)
{
    struct wire_expire expire = {.id = message->id};
    uint32_t *numbers =
        arena_array(keeper->group, message->address_count, sizeof *numbers);

    for (uint32_t i = 0; i < message->address_count; i++)
        if (addresses[i].state == ADDRESS_NEW || addresses[i].state == ADDRESS_USER ||
            addresses[i].state == ADDRESS_ASSIGNED)
            numbers[expire.count++] = i + 1;
    expire.numbers = numbers;
    fail_permanent(&expire.error, "5.0.0", "returned by the operator%s%s",
                   message->address_count > 0 && addresses[0].error.text[0] ? ": " : "",
                   message->address_count > 0 ? addresses[0].error.text : "");
    job_expire(keeper, &expire);
}

/* What is to be done to a message that is selected; false with the reason. */
static bool
listing_act(const struct listing *listing, const struct spool_message *message,
            const struct address *addresses, struct error *error)
{
    struct keeper *keeper = listing->keeper;

    switch (listing->action) {
    case DO_HOLD:
        return note_do(keeper, &message->id, NOTE_HOLD, error);
    case DO_RELEASE:
        return note_do(keeper, &message->id, NOTE_RELEASE, error);
    case DO_REMOVE:
        return remove_do(keeper, &message->id, error);
    case DO_BOUNCE:
        bounce_do(keeper, message, addresses);
        return true;
    default:
        return true;
    }
}

/* Show one message, or do something to it, if it is selected. */
static void
listing_show(struct listing *listing, const struct spool_message *message)
{
    struct keeper *keeper = listing->keeper;
    struct arena *arena = arena_new();
    struct text text = text_new(arena), log = text_new(arena);
    struct envelope envelope;
    struct address *addresses;
    struct listed_message listed = {0};
    struct error error = {0};
    uint64_t lines;

    if (!spool_load(keeper->spool, message, arena, &envelope, &addresses, &error)) {
        text_add_format(&text, "%s\t(%s)\n", message->id.text, error.text);
    } else {
        listed.id = message->id.text;
        listed.directory =
            arena_format(arena, "%s/input", keeper->role->hello.spool_directory);
        listed.envelope = &envelope;
        listed.addresses = addresses;
        listed.address_count = message->address_count;
        listed.waited = spool_message_waited(message, clock_milliseconds());
        listed.held = message->held;
        if (!listing_selects(&listing->selection, &listed))
            goto end;
        if (!listing_act(listing, message, addresses, &error)) {
            text_add_format(&text, "%s\t(%s)\n", message->id.text, error.text);
        } else if (listing->action != DO_LIST) {
            listing->shown++;
            goto end;
        }
        if (listing->log && spool_read_log(keeper->spool, message, arena, &log, &error))
            listed.log = text_string(&log);
        if (listing->json)
            listing_json(&listed, &text);
        else
            listing_text(&listed, &text);
    }
    listing->shown++;
    lines = lines_send(listing->receiver, listing->token, &text);
    listing->allowed = listing->allowed > lines ? listing->allowed - lines : 0;
end:
    arena_free(arena);
}

/* One id is looked up at once; otherwise walk on from where we were. */
static struct spool_message *
listing_next(struct listing *listing)
{
    struct keeper *keeper = listing->keeper;
    struct message_id id;

    if (listing->selection.id_count == 1) {
        if (listing->at.text[0] ||
            !message_id_read(span_of(listing->selection.ids[0]), &id))
            return NULL;
        return spool_find(keeper->spool, &id);
    }
    return spool_next(keeper->spool, listing->at.text[0] ? &listing->at : NULL);
}

static void
on_listing_step(int fd, short what, void *argument)
{
    struct listing *listing = argument;
    struct timeval now = {0, 0};
    struct arena *arena;

    (void)fd;
    (void)what;
    for (int i = 0; i < STEP && listing->allowed > 0; i++) {
        struct spool_message *message = listing_next(listing);

        if (!message) {
            arena = arena_new();
            end_send(listing->receiver, listing->token, 250,
                     arena_format(arena, "2.0.0 %zu message%s", listing->shown,
                                  listing->shown == 1 ? "" : "s"));
            arena_free(arena);
            listing_end(listing);
            return;
        }
        listing->at = message->id;
        listing_show(listing, message);
    }
    if (listing->allowed > 0)
        event_add(listing->step, &now);
}

static void
listing_begin(struct keeper *keeper, struct receiver *receiver,
              const struct wire_control *control, enum listing_action action)
{
    struct listing *listing = memory_alloc(sizeof *listing);
    struct timeval now = {0, 0};
    const char **words;
    const char *odd = "";
    size_t count = 0;

    memset(listing, 0, sizeof *listing);
    listing->action = action;
    listing->keeper = keeper;
    listing->receiver = receiver;
    listing->token = control->token;
    listing->arena = arena_new();
    listing->allowed = LINES_AHEAD;
    words = arena_array(listing->arena, control->word_count, sizeof *words);
    for (uint32_t i = 1; i < control->word_count; i++) {
        if (strcmp(control->words[i], "json") == 0)
            listing->json = true;
        else if (strcmp(control->words[i], "log") == 0)
            listing->log = true;
        else
            words[count++] = arena_string(listing->arena, control->words[i]);
    }
    listing->step = event_new(keeper->role->base, -1, 0, on_listing_step, listing);
    listing->next = keeper->listings;
    keeper->listings = listing;
    if (!selection_parse(words, count, listing->arena, &listing->selection, &odd)) {
        end_send(receiver, control->token, 501,
                 arena_format(listing->arena, "5.5.4 \"%s\" is no selection", odd));
        listing_end(listing);
        return;
    }
    if (!control->operator)
        listing->selection.uid = control->uid;
    event_add(listing->step, &now);
}

/* Header and body of one message, for its submitter or an operator. */
static void
content_show(struct keeper *keeper, struct receiver *receiver,
             const struct wire_control *control)
{
    struct arena *arena = arena_new();
    struct message_id id;
    struct spool_message *message = NULL;
    struct envelope envelope;
    struct address *addresses;
    struct error error = {0};
    struct text text = text_new(arena);
    char *bytes = arena_alloc(arena, CONTENT_STEP);
    uint64_t at = 0;

    if (control->word_count >= 2 && message_id_read(span_of(control->words[1]), &id))
        message = spool_find(keeper->spool, &id);
    if (!message ||
        !spool_load(keeper->spool, message, arena, &envelope, &addresses, &error) ||
        (!control->operator&& envelope.submitter_uid != control->uid)) {
        end_send(receiver, control->token, 550, "5.5.0 there is no such message");
        arena_free(arena);
        return;
    }
    while (at < message->size && at < (uint64_t)CONTENT_STEP * 32) {
        size_t step = message->size - at < CONTENT_STEP ? (size_t)(message->size - at)
                                                        : CONTENT_STEP;

        if (!spool_read_content(keeper->spool, message, at, bytes, step, &error))
            break;
        for (size_t i = 0; i < step; i++)
            if (bytes[i] != '\r')
                text_add_byte(&text, bytes[i] ? bytes[i] : '?');
        at += step;
    }
    lines_send(receiver, control->token, &text);
    end_send(receiver, control->token, error.status[0] ? 451 : 250,
             error.status[0]
                 ? error.text
                 : (at < message->size ? "2.0.0 the beginning only" : "2.0.0 all"));
    arena_free(arena);
}

void
control_take(struct keeper *keeper, struct receiver *receiver,
             const struct wire_control *control)
{
    static const char *const actions[] = {[DO_LIST] = "list",
                                          [DO_HOLD] = "hold",
                                          [DO_RELEASE] = "release",
                                          [DO_REMOVE] = "remove",
                                          [DO_BOUNCE] = "bounce"};
    struct wire_control request = *control;
    int action = -1;

    for (int i = 0; control->word_count > 0 && i <= DO_BOUNCE; i++)
        if (strcmp(control->words[0], actions[i]) == 0)
            action = i;
    if (control->word_count == 0) {
        end_send(receiver, control->token, 501, "5.5.4 no request");
    } else if (action > DO_LIST && !control->operator) {
        end_send(receiver, control->token, 550, "5.7.1 only operators may do that");
    } else if (action > DO_LIST && control->word_count == 1) {
        end_send(receiver, control->token, 501, "5.5.4 say which messages");
    } else if (action >= 0) {
        listing_begin(keeper, receiver, control, (enum listing_action)action);
    } else if (strcmp(control->words[0], "content") == 0) {
        content_show(keeper, receiver, control);
    } else if (!keeper->queue) {
        end_send(receiver, control->token, 451,
                 "4.3.2 the queue is being started, try again");
    } else {
        request.token = relayed_add(keeper, receiver, control->token);
        queue_send(keeper, WIRE_CONTROL, &request);
    }
}

void
control_more(struct keeper *keeper, struct receiver *receiver, uint64_t token)
{
    struct timeval now = {0, 0};

    for (struct listing *listing = keeper->listings; listing; listing = listing->next)
        if (listing->receiver == receiver && listing->token == token) {
            listing->allowed += LINES_AHEAD;
            event_add(listing->step, &now);
        }
}

/* Nobody waits for these any more. */
static void
relayed_cancel(struct keeper *keeper, const struct receiver *receiver, uint64_t token,
               bool all)
{
    struct relayed *next;

    for (struct relayed *relayed = keeper->relayed; relayed; relayed = next) {
        struct wire_token cancel = {relayed->number};

        next = relayed->next;
        if (relayed->receiver != receiver || (!all && relayed->token != token))
            continue;
        queue_send(keeper, WIRE_CONTROL_CANCEL, &cancel);
        relayed_remove(keeper, relayed);
    }
}

void
control_cancel(struct keeper *keeper, const struct receiver *receiver, uint64_t token,
               bool all)
{
    struct listing *next;

    for (struct listing *listing = keeper->listings; listing; listing = next) {
        next = listing->next;
        if (listing->receiver == receiver && (all || listing->token == token))
            listing_end(listing);
    }
    relayed_cancel(keeper, receiver, token, all);
}

void
control_lost(struct keeper *keeper)
{
    while (keeper->relayed) {
        end_send(keeper->relayed->receiver, keeper->relayed->token, 451,
                 "4.3.2 the queue was started again, try again");
        relayed_remove(keeper, keeper->relayed);
    }
}

void
control_relay(struct keeper *keeper, struct frame *frame)
{
    struct wire_control_line line;
    struct wire_control_end end;
    struct relayed *relayed;

    if (frame->type == WIRE_CONTROL_LINE &&
        wire_read(frame, WIRE_CONTROL_LINE, keeper->group, &line)) {
        relayed = relayed_find(keeper, line.token);
        if (relayed)
            line_send(relayed->receiver, relayed->token, line.text);
    } else if (frame->type == WIRE_CONTROL_END &&
               wire_read(frame, WIRE_CONTROL_END, keeper->group, &end)) {
        relayed = relayed_find(keeper, end.token);
        if (relayed) {
            end_send(relayed->receiver, relayed->token, end.code, end.text);
            relayed_remove(keeper, relayed);
        }
    }
}
