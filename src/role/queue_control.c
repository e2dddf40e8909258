/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that the queue answers, and those who wait for it.
 *
 *   run [wait] SELECTION...  make messages due now; with `wait` answer when they were
 * tried count                    how many messages, held, active, due, deferred hosts
 * [json]             what is remembered of destinations forget-hosts [LANE]      forget
 * that status [json]            all of the house in a few lines next ID when and why
 */
#include "role/schedule_role.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mail/date.h"
#include "queue/listing.h"

#include "base/banned.h"

static void
line_send(struct scheduler *scheduler, uint64_t token, const char *text)
{
    struct wire_control_line line = {token, text};

    if (scheduler->spool)
        wire_send(scheduler->spool, WIRE_CONTROL_LINE, &line, -1);
}

static void
end_send(struct scheduler *scheduler, uint64_t token, uint32_t code, const char *text)
{
    struct wire_control_end end = {token, code, text};

    if (scheduler->spool)
        wire_send(scheduler->spool, WIRE_CONTROL_END, &end, -1);
}

/* --- waiting --- */

void
waiter_forget(struct scheduler *scheduler, uint64_t token)
{
    for (struct waiter **at = &scheduler->waiters; *at; at = &(*at)->next) {
        struct waiter *waiter = *at;

        if (waiter->token != token)
            continue;
        *at = waiter->next;
        free(waiter->ids);
        free(waiter);
        return;
    }
}

static bool
waiter_is_done(const struct scheduler *scheduler, const struct waiter *waiter,
               int64_t now)
{
    if (!waiter->ids)
        return !queue_is_busy(scheduler->queue, now);
    for (size_t i = 0; i < waiter->count; i++)
        if (queue_message_is_busy(scheduler->queue, &waiter->ids[i], now))
            return false;
    return true;
}

void
waiters_check(struct scheduler *scheduler, int64_t now)
{
    struct waiter *next;

    for (struct waiter *waiter = scheduler->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (!waiter_is_done(scheduler, waiter, now))
            continue;
        end_send(scheduler, waiter->token, 250,
                 arena_format(scheduler->turn, "2.0.0 %zu tried", waiter->due));
        waiter_forget(scheduler, waiter->token);
    }
}

void
followed_add(struct scheduler *scheduler, const struct message_id *id)
{
    struct followed *followed = memory_alloc(sizeof *followed);

    followed->id = *id;
    followed->next = scheduler->followed;
    scheduler->followed = followed;
}

/* Its first attempt is over: whoever waits for it is told. */
void
followed_check(struct scheduler *scheduler, int64_t now)
{
    struct followed **at = &scheduler->followed;

    while (*at) {
        struct followed *followed = *at;
        struct wire_message_id idle = {followed->id};

        if (queue_message_is_busy(scheduler->queue, &followed->id, now)) {
            at = &followed->next;
            continue;
        }
        if (scheduler->spool)
            wire_send(scheduler->spool, WIRE_IDLE, &idle, -1);
        *at = followed->next;
        free(followed);
    }
}

/* --- requests --- */

static void
run_answer(struct scheduler *scheduler, const struct wire_control *control, int64_t now)
{
    struct list_selection wanted;
    struct queue_selection selection = {0};
    struct waiter *waiter;
    struct message_id *ids;
    const char *const *words = control->words + 1;
    size_t count = control->word_count - 1, due;
    bool wait = false;
    const char *odd = "";

    if (count > 0 && strcmp(words[0], "wait") == 0) {
        wait = true;
        words++;
        count--;
    }
    if (!selection_parse(words, count, scheduler->turn, &wanted, &odd)) {
        end_send(scheduler, control->token, 501,
                 arena_format(scheduler->turn, "5.5.4 \"%s\" is no selection", odd));
        return;
    }
    ids = memory_alloc((wanted.id_count + 1) * sizeof *ids);
    for (size_t i = 0; i < wanted.id_count; i++)
        if (message_id_read(span_of(wanted.ids[i]), &ids[selection.id_count]))
            selection.id_count++;
    if (wanted.id_count > 0) {
        selection.ids = ids;
        if (selection.id_count == 0) {
            end_send(scheduler, control->token, 550, "5.5.0 there is no such message");
            free(ids);
            return;
        }
    } else {
        selection.grades = scheduler->role->configuration->settings.runq_grades;
    }
    selection.sender = wanted.sender;
    selection.recipient = wanted.recipient;
    selection.host = wanted.host;
    selection.older_than = wanted.older_than;
    selection.held_only = wanted.held_only;
    due = queue_run(scheduler->queue, &selection, now);
    if (!wait) {
        end_send(scheduler, control->token, 250,
                 arena_format(scheduler->turn, "2.0.0 %zu due", due));
        free(ids);
        return;
    }
    waiter = memory_alloc(sizeof *waiter);
    waiter->token = control->token;
    waiter->ids = selection.ids ? ids : NULL;
    waiter->count = selection.id_count;
    waiter->due = due;
    waiter->next = scheduler->waiters;
    scheduler->waiters = waiter;
    if (!selection.ids)
        free(ids);
}

static void
hosts_answer(struct scheduler *scheduler, const struct wire_control *control)
{
    bool as_json = control->word_count > 1 && strcmp(control->words[1], "json") == 0;
    struct host_hint hint;
    size_t at = 0, count = 0;

    while (queue_hint_next(scheduler->queue, &at, &hint)) {
        struct text text = text_new(scheduler->turn);
        struct json json = json_new(&text);

        count++;
        if (as_json) {
            json_object(&json, NULL);
            json_string(&json, "destination", hint.lane);
            json_string(&json, "last_try",
                        hint.last_try ? date_utc(hint.last_try, scheduler->turn) : NULL);
            json_string(&json, "next_try",
                        hint.next_try ? date_utc(hint.next_try, scheduler->turn) : NULL);
            json_string(&json, "failing_since",
                        hint.failing_since ? date_utc(hint.failing_since, scheduler->turn)
                                           : NULL);
            json_number(&json, "waiting", hint.waiting);
            json_number(&json, "active", hint.active);
            json_string(&json, "error", hint.error);
            json_end_object(&json);
        } else {
            text_add_format(&text, "%c %-40s %s %s", hint.active ? '*' : ' ', hint.lane,
                            hint.last_try
                                ? date_log(hint.last_try / 1000, scheduler->turn)
                                : "-                  ",
                            hint.failing_since ? hint.error : "works");
        }
        line_send(scheduler, control->token, text_string(&text));
    }
    end_send(scheduler, control->token, 250,
             arena_format(scheduler->turn, "2.0.0 %zu destinations", count));
}

/* Name and number of what is counted, for both forms. */
struct counted {
    const char *name;
    size_t number;
};

static void
status_answer(struct scheduler *scheduler, const struct wire_control *control,
              int64_t now)
{
    struct queue_counts counts = queue_counts(scheduler->queue, now);
    const struct counted rows[] = {
        {"messages", counts.messages}, {"held", counts.held},
        {"active", counts.active},     {"due", counts.due},
        {"deferred", counts.deferred}, {"destinations", counts.lanes},
        {"workers", counts.workers},
    };
    const struct configuration *configuration = scheduler->role->configuration;
    struct text text = text_new(scheduler->turn);
    struct json json = json_new(&text);

    if (control->word_count > 1 && strcmp(control->words[1], "json") == 0) {
        json_object(&json, NULL);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            json_number(&json, rows[i].name, (int64_t)rows[i].number);
        json_number(&json, "generation", (int64_t)configuration->generation);
        json_bool(&json, "configuration_is_broken",
                  configuration_is_broken(configuration));
        json_end_object(&json);
        line_send(scheduler, control->token, text_string(&text));
    } else {
        if (configuration_is_broken(configuration))
            line_send(scheduler, control->token,
                      "THE CONFIGURATION HAS ERRORS: mail is kept, nothing is delivered "
                      "(smailctl check)");
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            line_send(
                scheduler, control->token,
                arena_format(scheduler->turn, "%-14s%zu", rows[i].name, rows[i].number));
    }
    end_send(scheduler, control->token, 250, "2.0.0 running");
}

static void
next_answer(struct scheduler *scheduler, const struct wire_control *control, int64_t now)
{
    struct text why = text_new(scheduler->turn);
    struct message_id id;
    int64_t next;

    if (control->word_count < 2 || !message_id_read(span_of(control->words[1]), &id) ||
        !queue_explain(scheduler->queue, &id, now, &next, &why)) {
        end_send(scheduler, control->token, 550, "5.5.0 there is no such message");
        return;
    }
    line_send(scheduler, control->token, text_string(&why));
    end_send(scheduler, control->token, 250,
             arena_format(scheduler->turn, "2.0.0 %s",
                          next == INT64_MAX ? "not by itself"
                                            : date_utc(next, scheduler->turn)));
}

void
control_answer(struct scheduler *scheduler, const struct wire_control *control,
               int64_t now)
{
    const char *verb = control->word_count > 0 ? control->words[0] : "";

    if (strcmp(verb, "count") == 0) {
        struct queue_counts counts = queue_counts(scheduler->queue, now);

        line_send(scheduler, control->token,
                  arena_format(scheduler->turn, "%zu", counts.messages));
        end_send(scheduler, control->token, 250, "2.0.0 counted");
    } else if (strcmp(verb, "status") == 0) {
        status_answer(scheduler, control, now);
    } else if (strcmp(verb, "run") == 0 && control->operator) {
        run_answer(scheduler, control, now);
    } else if (strcmp(verb, "hosts") == 0) {
        hosts_answer(scheduler, control);
    } else if (strcmp(verb, "next") == 0) {
        next_answer(scheduler, control, now);
    } else if (strcmp(verb, "forget-hosts") == 0 && control->operator) {
        queue_hints_clear(scheduler->queue,
                          control->word_count > 1 ? control->words[1] : NULL);
        end_send(scheduler, control->token, 250, "2.0.0 forgotten");
    } else {
        end_send(scheduler, control->token, 501, "5.5.4 unknown request, or not for you");
    }
}

/* SIGUSR1: what is in memory. */
void
state_say(struct scheduler *scheduler)
{
    struct queue_counts counts = queue_counts(scheduler->queue, 0);

    log_say(scheduler->role->log,
            "state: %zu messages, %zu held, %zu active, %zu due, %zu deferred, "
            "%zu destinations, %zu workers",
            counts.messages, counts.held, counts.active, counts.due, counts.deferred,
            counts.lanes, counts.workers);
}
