/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an event record to a line: Smail's form (the Guide's items on one line), JSON, and
 * sendmail's name=value for syslog. Text from outside is cleaned and cut here.
 */
#include "log/log.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "mail/date.h"

#include "base/banned.h"

enum { VALUE_LIMIT = 500 };

/* Name, and the level from which on it is shown. */
static const struct {
    const char *name;
    int64_t level;
} events[] = {
    [EVENT_RECEIVED] = {"received", 4}, [EVENT_DELIVERED] = {"delivered", 4},
    [EVENT_DEFERRED] = {"deferred", 3}, [EVENT_FAILED] = {"failed", 2},
    [EVENT_BOUNCED] = {"bounced", 3},   [EVENT_COMPLETED] = {"completed", 6},
    [EVENT_REMOVED] = {"removed", 3},   [EVENT_HELD] = {"held", 3},
    [EVENT_RELEASED] = {"released", 3}, [EVENT_REFUSED] = {"refused", 4},
    [EVENT_ROLE] = {"role", 5},         [EVENT_PANIC] = {"panic", 0},
};

struct log_record
log_record_new(enum log_event event)
{
    struct log_record record = {.event = event, .delay = -1, .attempt = -1};

    return record;
}

static bool
is_set(const char *value)
{
    return value && value[0];
}

static const char *
clean(const char *value, struct text *line)
{
    return span_printable(span_of(value), VALUE_LIMIT, line->arena);
}

/* --- Smail's form --- */

static void
item(struct text *line, const char *name, const char *value)
{
    if (!is_set(value))
        return;
    text_add(line, " | ");
    text_add(line, name);
    text_add(line, ": ");
    text_add(line, clean(value, line));
}

static void
received_items(const struct log_record *record, struct text *line)
{
    const struct envelope *envelope = record->envelope;

    text_add(line, "received");
    item(line, "from", envelope->reverse_path[0] ? envelope->reverse_path : "<>");
    item(line, "host", envelope->peer_name[0] ? envelope->peer_name : envelope->hello);
    item(line, "address", envelope->peer_address);
    item(line, "protocol", envelope->protocol);
    item(line, "program", envelope->program);
    item(line, "user", envelope->submitter);
    item(line, "orig-id", envelope->message_id);
    text_add_format(line, " | size: %llu bytes", (unsigned long long)envelope->size);
}

static void
delivered_items(const struct log_record *record, struct text *line)
{
    text_add(line, "delivered");
    item(line, "via", record->next_hop);
    item(line, "to", record->address);
    item(line, "orig-to", record->original);
    if (is_set(record->router))
        item(line, "router", record->router);
    else
        item(line, "director", record->director);
    item(line, "transport", record->transport);
    item(line, "reply", record->diagnostic);
}

/* "ADDR ... deferred (ERR_nnn) text", as in the Guide. */
static void
trouble(const struct log_record *record, struct text *line)
{
    text_add(line, is_set(record->address) ? clean(record->address, line) : "-");
    text_add(line, record->event == EVENT_FAILED ? " ... failed:" : " ... deferred");
    if (record->error && record->error->number)
        text_add_format(line, " (ERR_%d)", record->error->number);
    if (record->error && record->error->text[0]) {
        text_add_byte(line, ' ');
        text_add(line, clean(record->error->text, line));
    }
    if (record->error)
        item(line, "status", record->error->status);
    item(line, "remote", record->remote);
    item(line, "reply", record->diagnostic);
}

static void
refused_items(const struct log_record *record, struct text *line)
{
    text_add(line, "refused");
    item(line, "address", record->peer);
    item(line, "to", record->address);
    item(line, "reason", record->text);
}

static void
smail_form(const struct log_record *record, struct text *line)
{
    text_add(line, date_log(record->time / 1000, line->arena));
    text_add_byte(line, ':');
    if (is_set(record->id))
        text_add_format(line, " [%s]", record->id);
    else if (is_set(record->role))
        text_add_format(line, " [%s]", record->role);
    text_add_byte(line, ' ');
    switch (record->event) {
    case EVENT_RECEIVED:
        received_items(record, line);
        break;
    case EVENT_DELIVERED:
        delivered_items(record, line);
        break;
    case EVENT_DEFERRED:
    case EVENT_FAILED:
        trouble(record, line);
        break;
    case EVENT_REFUSED:
        refused_items(record, line);
        break;
    case EVENT_BOUNCED:
    case EVENT_ROLE:
    case EVENT_PANIC:
        text_add(line, is_set(record->text) ? clean(record->text, line) : "");
        break;
    default:
        text_add(line, events[record->event].name);
        item(line, "reason", record->text);
        break;
    }
}

/* --- JSON --- */

static void
member(struct json *json, const char *name, const char *value)
{
    if (is_set(value))
        json_string(json, name, value);
}

static void
envelope_members(const struct envelope *envelope, struct json *json)
{
    json_string(json, "reverse_path", envelope->reverse_path);
    member(json, "peer_name", envelope->peer_name);
    member(json, "peer_address", envelope->peer_address);
    member(json, "hello", envelope->hello);
    member(json, "protocol", envelope->protocol);
    member(json, "tls", envelope->tls);
    member(json, "authenticated", envelope->authenticated);
    member(json, "program", envelope->program);
    member(json, "submitter", envelope->submitter);
    member(json, "message_id", envelope->message_id);
    json_number(json, "size", (int64_t)envelope->size);
    json_number(json, "recipients", (int64_t)envelope->recipient_count);
}

static void
json_form(const struct log_record *record, struct text *line)
{
    struct json json = json_new(line);

    json_object(&json, NULL);
    json_string(&json, "time", date_utc(record->time, line->arena));
    json_string(&json, "event", events[record->event].name);
    member(&json, "id", record->id);
    member(&json, "role", record->role);
    if (record->event == EVENT_RECEIVED && record->envelope)
        envelope_members(record->envelope, &json);
    if (record->event == EVENT_DELIVERED)
        json_string(&json, "outcome", outcome_name(record->outcome));
    member(&json, "recipient", record->address);
    member(&json, "original_recipient", record->original);
    member(&json, "director", record->director);
    member(&json, "router", record->router);
    member(&json, "transport", record->transport);
    member(&json, "next_hop", record->next_hop);
    member(&json, "user", record->user);
    if (record->error) {
        member(&json, "status", record->error->status);
        if (record->error->number)
            json_number(&json, "number", record->error->number);
        member(&json, "error", record->error->text);
    }
    member(&json, "remote", record->remote);
    member(&json, "diagnostic", record->diagnostic);
    member(&json, "peer", record->peer);
    if (record->delay >= 0)
        json_number(&json, "delay_ms", record->delay);
    if (record->attempt >= 0)
        json_number(&json, "attempt_ms", record->attempt);
    member(&json, "text", record->text);
    json_end_object(&json);
}

/* --- sendmail's name=value, for syslog --- */

static void
pair(struct text *line, bool *first, const char *name, const char *value)
{
    if (!is_set(value))
        return;
    if (!*first)
        text_add(line, ", ");
    *first = false;
    text_add_format(line, "%s=%s", name, clean(value, line));
}

/* sendmail's priority of a message of class 0: it grows with size and recipients. */
static const char *
priority(const struct envelope *envelope, struct arena *arena)
{
    return arena_format(
        arena, "%llu",
        (unsigned long long)(envelope->size + envelope->recipient_count * 30000));
}

/* hh:mm:ss, with days in front as "d+". */
static const char *
elapsed(int64_t milliseconds, struct arena *arena)
{
    int64_t seconds = milliseconds / 1000, days = seconds / 86400;
    int hour = (int)(seconds % 86400 / 3600), minute = (int)(seconds % 3600 / 60),
        second = (int)(seconds % 60);

    if (days > 0)
        return arena_format(arena, "%lld+%02d:%02d:%02d", (long long)days, hour, minute,
                            second);
    return arena_format(arena, "%02d:%02d:%02d", hour, minute, second);
}

static void
accepted_pairs(const struct log_record *record, struct text *line)
{
    const struct envelope *envelope = record->envelope;
    bool first = true;

    pair(line, &first, "from", arena_format(line->arena, "<%s>", envelope->reverse_path));
    pair(line, &first, "size",
         arena_format(line->arena, "%llu", (unsigned long long)envelope->size));
    pair(line, &first, "class", "0");
    pair(line, &first, "pri", priority(envelope, line->arena));
    pair(line, &first, "nrcpts",
         arena_format(line->arena, "%zu", envelope->recipient_count));
    pair(line, &first, "msgid", envelope->message_id);
    pair(line, &first, "proto", envelope->protocol);
    pair(
        line, &first, "relay",
        envelope->peer_address[0]
            ? arena_format(line->arena, "%s [%s]",
                           envelope->peer_name[0] ? envelope->peer_name : envelope->hello,
                           envelope->peer_address)
            : arena_format(line->arena, "%s@localhost", envelope->submitter));
}

static const char *
stat_of(const struct log_record *record, struct arena *arena)
{
    const char *text = record->error ? record->error->text : "";

    switch (record->event) {
    case EVENT_DELIVERED:
        return is_set(record->diagnostic)
                   ? arena_format(arena, "Sent (%s)", record->diagnostic)
                   : "Sent";
    case EVENT_DEFERRED:
        return arena_format(arena, "Deferred: %s", text);
    default:
        return text[0] ? text : "Failed";
    }
}

static void
attempt_pairs(const struct log_record *record, struct text *line)
{
    bool first = true;

    pair(line, &first, "to",
         arena_format(line->arena, "<%s>", record->address ? record->address : ""));
    pair(line, &first, "ctladdr", record->user);
    if (record->delay >= 0)
        pair(line, &first, "delay", elapsed(record->delay, line->arena));
    if (record->attempt >= 0)
        pair(line, &first, "xdelay", elapsed(record->attempt, line->arena));
    pair(line, &first, "mailer", record->transport);
    pair(line, &first, "relay",
         is_set(record->remote) ? record->remote : record->next_hop);
    pair(line, &first, "dsn",
         record->error && record->error->status[0] ? record->error->status : "2.0.0");
    pair(line, &first, "stat", stat_of(record, line->arena));
}

static void
syslog_form(const struct log_record *record, struct text *line)
{
    bool first = true;

    if (is_set(record->id))
        text_add_format(line, "%s: ", record->id);
    switch (record->event) {
    case EVENT_RECEIVED:
        accepted_pairs(record, line);
        break;
    case EVENT_DELIVERED:
    case EVENT_DEFERRED:
    case EVENT_FAILED:
        attempt_pairs(record, line);
        break;
    case EVENT_REFUSED:
        pair(line, &first, "relay", record->peer);
        pair(line, &first, "to", record->address);
        pair(line, &first, "reject", record->text);
        break;
    default:
        text_add(line, is_set(record->text) ? clean(record->text, line)
                                            : events[record->event].name);
        break;
    }
}

void
log_render(const struct log_record *record, const char *format, int64_t level,
           struct text *line)
{
    if (events[record->event].level > level)
        return;
    if (strcmp(format, "json") == 0)
        json_form(record, line);
    else if (strcmp(format, "syslog") == 0)
        syslog_form(record, line);
    else
        smail_form(record, line);
    text_add_byte(line, '\n');
}
