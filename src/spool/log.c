/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transaction log of a message, in the shapes that Smail's msglog had: lines that
 * begin with X are for the administrator and the program.
 */
#include <string.h>

#include "mail/date.h"
#include "spool/inside.h"

#include "base/banned.h"

struct log_reader {
    struct spool *spool;
    const struct spool_message *message;
    struct arena *arena;
    const struct address *addresses;
    struct text *log;
};

static void
log_end(struct log_reader *reader, int64_t time)
{
    text_add(reader->log, " date: ");
    text_add(reader->log, date_utc(time, reader->arena));
    text_add_byte(reader->log, '\n');
}

/* "<addr> parent: <p>"; a recipient of the envelope has no parent. */
static void
log_address(struct log_reader *reader, uint32_t number)
{
    const struct address *address;

    if (number == 0 || number > reader->message->address_count)
        return;
    address = &reader->addresses[number - 1];
    text_add(reader->log, "<");
    text_add(reader->log, address->text);
    text_add(reader->log, ">");
    if (address->parent == 0 || address->parent > reader->message->address_count)
        return;
    text_add(reader->log, " parent: <");
    text_add(reader->log, reader->addresses[address->parent - 1].text);
    text_add(reader->log, ">");
}

static void
log_reason(struct log_reader *reader, const struct spool_outcome *outcome)
{
    text_add(reader->log, " reason: ");
    if (outcome->error.number > 0)
        text_add_format(reader->log, "(ERR_%03d) ", outcome->error.number);
    text_add(reader->log, outcome->error.text);
    if (outcome->error.status[0] != '\0')
        text_add_format(reader->log, " status: %s", outcome->error.status);
    if (outcome->remote[0] != '\0')
        text_add_format(reader->log, " remote: %s", outcome->remote);
    if (outcome->diagnostic[0] != '\0')
        text_add_format(reader->log, " said: %s", outcome->diagnostic);
}

static bool
log_outcome(struct log_reader *reader, const struct record *record, struct span text,
            struct error *error)
{
    static const char *const shapes[] = {[OUTCOME_DEFERRED] = "Xdefer: ",
                                         [OUTCOME_DELIVERED] = "Xsucceed: ",
                                         [OUTCOME_RELAYED] = "Xsucceed: ",
                                         [OUTCOME_FAILED] = "Xfail: "};
    struct spool_outcome outcome = {0};

    if (!outcome_read_text(text, reader->arena, &outcome))
        return fail_temporary(error, "4.3.0", "message %s: damaged outcome",
                              reader->message->id.text);
    text_add(reader->log, shapes[record->outcome]);
    log_address(reader, record->number);
    if (record->outcome == OUTCOME_DEFERRED || record->outcome == OUTCOME_FAILED)
        log_reason(reader, &outcome);
    log_end(reader, record->time);
    return true;
}

static void
log_reported(struct log_reader *reader, const struct record *record, struct span text)
{
    uint32_t *numbers;
    size_t count = numbers_read(text, reader->arena, &numbers);

    for (size_t i = 0; i < count; i++) {
        text_add(reader->log, "Xsent_error: ");
        log_address(reader, numbers[i]);
        if (record->bounce.text[0] != '\0')
            text_add_format(reader->log, " bounce: %s", record->bounce.text);
        log_end(reader, record->time);
    }
}

static void
log_note(struct log_reader *reader, const struct record *record, struct span text)
{
    static const char *const shapes[] = {[NOTE_HOLD] = "Xhold:",
                                         [NOTE_RELEASE] = "Xrelease:",
                                         [NOTE_WARNED] = "Xwarned:",
                                         [NOTE_RETRY] = "Xretry:"};
    const char *value = "";

    text_add(reader->log, shapes[record->note]);
    if (text.length > 0 && key_unescape(text, reader->arena, &value))
        text_add_format(reader->log, " %s", value);
    log_end(reader, record->time);
}

static bool
log_record(struct log_reader *reader, uint64_t place, struct error *error)
{
    struct record record;
    struct span text;

    if (!spool_read_record(reader->spool, place, reader->arena, &record, &text, error))
        return false;
    if (record.kind == RECORD_OUTCOME)
        return log_outcome(reader, &record, text, error);
    if (record.kind == RECORD_REPORTED)
        log_reported(reader, &record, text);
    else if (record.kind == RECORD_NOTE)
        log_note(reader, &record, text);
    return true;
}

bool
spool_read_log(struct spool *spool, const struct spool_message *message,
               struct arena *arena, struct text *log, struct error *error)
{
    const struct places *places = message->private;
    struct envelope envelope;
    struct address *addresses;
    struct log_reader reader = {spool, message, arena, NULL, log};

    if (!spool_load(spool, message, arena, &envelope, &addresses, error))
        return false;
    reader.addresses = addresses;
    for (uint32_t i = 1; i < places->count; i++)
        if (place_kind(places->place[i]) >= PLACE_OUTCOME &&
            !log_record(&reader, places->place[i], error))
            return false;
    return true;
}

bool
spool_hold_reason(struct spool *spool, const struct spool_message *message,
                  struct arena *arena, const char **reason, struct error *error)
{
    const struct places *places = message->private;
    struct record record;
    struct span text;

    *reason = "";
    for (uint32_t i = places->count; i > 1; i--) {
        if (place_kind(places->place[i - 1]) != PLACE_NOTE)
            continue;
        if (!spool_read_record(spool, places->place[i - 1], arena, &record, &text, error))
            return false;
        if (record.kind == RECORD_NOTE && record.note == NOTE_HOLD)
            return key_unescape(text, arena, reason) ||
                   fail_temporary(error, "4.3.0", "message %s: damaged note",
                                  message->id.text);
    }
    return true;
}
