/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listings of messages: classic text and JSON, and the selection of what is listed. */
#include "queue/listing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/date.h"

#include "base/banned.h"

enum { WRAP = 74 };

static bool
contains(const char *text, const char *pattern)
{
    return strcasestr(text, pattern) != NULL;
}

static bool
id_selected(const struct list_selection *selection, const char *id)
{
    for (size_t i = 0; i < selection->id_count; i++) {
        const char *wanted = selection->ids[i];

        if (strcmp(wanted, id) == 0 || (id[0] == 'm' && strcmp(wanted, id + 1) == 0))
            return true;
    }
    return selection->id_count == 0;
}

/* Does a pattern fit one of the addresses that still wait? */
static bool
address_selected(const struct listed_message *message, const char *pattern, bool host)
{
    for (size_t i = 0; i < message->address_count; i++) {
        const struct address *address = &message->addresses[i];

        if (!address_state_done(address->state) &&
            contains(host ? address->next_hop : address->text, pattern))
            return true;
    }
    return false;
}

bool
listing_selects(const struct list_selection *selection,
                const struct listed_message *message)
{
    return id_selected(selection, message->id) &&
           (selection->uid < 0 || selection->uid == message->envelope->submitter_uid) &&
           (!selection->sender ||
            contains(message->envelope->reverse_path, selection->sender)) &&
           (!selection->recipient ||
            address_selected(message, selection->recipient, false)) &&
           (!selection->host || address_selected(message, selection->host, true)) &&
           message->waited >= selection->older_than &&
           (!selection->held_only || message->held);
}

/* One word of the Args: lines, which are broken near column 74. */
static void
argument_add(struct text *text, size_t *column, const char *word)
{
    size_t length = strlen(word);

    if (*column > 16 && *column + length + 1 > WRAP) {
        text_add(text, "\n\t\t      ");
        *column = 22;
    }
    text_add_byte(text, ' ');
    text_add(text, word);
    *column += length + 1;
}

static void
arguments_add(const struct listed_message *message, struct text *text)
{
    static const char *const errors[] = {
        [ERRORS_MAIL] = "-oem", [ERRORS_PRINT] = "-oep", [ERRORS_QUIET] = "-oeq"};
    const struct envelope *envelope = message->envelope;
    size_t column = 21;

    text_add(text, "\t\tArgs:");
    argument_add(text, &column, errors[envelope->errors]);
    if (envelope->program[0]) {
        argument_add(text, &column, "-oMP");
        argument_add(text, &column, envelope->program);
    }
    for (size_t i = 0; i < message->address_count; i++)
        if (!address_state_done(message->addresses[i].state) &&
            message->addresses[i].text[0])
            argument_add(text, &column, message->addresses[i].text);
    text_add_byte(text, '\n');
}

void
listing_text(const struct listed_message *message, struct text *text)
{
    const struct envelope *envelope = message->envelope;

    text_add_format(text, "%s\tFrom: %s  (in %s)%s\n", message->id,
                    envelope->reverse_path[0] ? envelope->reverse_path : "<>",
                    message->directory, message->held ? "  held" : "");
    text_add_format(text, "\t\tDate: %s\n",
                    date_mail(envelope->received / 1000, text->arena));
    arguments_add(message, text);
    if (message->log) {
        struct span rest = span_of(message->log), line;

        text_add(text, "\t\tLog of transactions:\n");
        while (span_next(&rest, '\n', &line)) {
            if (line.length == 0)
                continue;
            text_add_byte(text, ' ');
            text_add_span(text, line);
            text_add_byte(text, '\n');
        }
    }
    text_add_byte(text, '\n');
}

static void
address_json(struct json *json, const struct address *address)
{
    json_object(json, NULL);
    json_string(json, "address", address->text);
    json_string(json, "state", address_state_name(address->state));
    if (address->transport[0])
        json_string(json, "transport", address->transport);
    if (address->next_hop[0])
        json_string(json, "next_hop", address->next_hop);
    if (address->user[0])
        json_string(json, "user", address->user);
    if (address->error.status[0]) {
        json_string(json, "status", address->error.status);
        json_string(json, "error", address->error.text);
    }
    json_end_object(json);
}

void
listing_json(const struct listed_message *message, struct text *text)
{
    const struct envelope *envelope = message->envelope;
    struct json json = json_new(text);

    json_object(&json, NULL);
    json_string(&json, "id", message->id);
    json_string(&json, "reverse_path", envelope->reverse_path);
    json_number(&json, "size", (int64_t)envelope->size);
    json_string(&json, "received", date_utc(envelope->received, text->arena));
    json_number(&json, "waited_seconds", message->waited / 1000);
    json_bool(&json, "held", message->held);
    json_string(&json, "program", envelope->program);
    json_string(&json, "protocol", envelope->protocol);
    json_string(&json, "submitter", envelope->submitter);
    json_array(&json, "addresses");
    for (size_t i = 0; i < message->address_count; i++)
        if (!address_state_done(message->addresses[i].state))
            address_json(&json, &message->addresses[i]);
    json_end_array(&json);
    if (message->log)
        json_string(&json, "log", message->log);
    json_end_object(&json);
}

static const char *
value_of(const char *word, const char *name)
{
    size_t length = strlen(name);

    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1
                                                                   : NULL;
}

bool
selection_parse(const char *const *words, size_t count, struct arena *arena,
                struct list_selection *selection, const char **word)
{
    const char **ids = arena_array(arena, count + 1, sizeof *ids);
    const char *value;

    memset(selection, 0, sizeof *selection);
    selection->uid = -1;
    selection->ids = ids;
    for (size_t i = 0; i < count; i++) {
        uint64_t seconds;

        *word = words[i];
        if ((value = value_of(words[i], "id")) != NULL)
            ids[selection->id_count++] = value;
        else if ((value = value_of(words[i], "sender")) != NULL)
            selection->sender = value;
        else if ((value = value_of(words[i], "recipient")) != NULL)
            selection->recipient = value;
        else if ((value = value_of(words[i], "host")) != NULL)
            selection->host = value;
        else if ((value = value_of(words[i], "older")) != NULL) {
            if (!span_number(span_of(value), UINT32_MAX, &seconds))
                return false;
            selection->older_than = (int64_t)seconds * 1000;
        } else if (strcmp(words[i], "held") == 0) {
            selection->held_only = true;
        } else {
            return false;
        }
    }
    return true;
}
