/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must have come of it: the `expect` lines of a scenario. */
#include "tests/scenario/expectation.h"

#include <string.h>

#include "base/arena.h"
#include "config/quantity.h"

#include "base/banned.h"

enum { TOLERANCE = 2000, TOLERANCE_PART = 100 };

static bool
time_is(int64_t time, int64_t wanted)
{
    int64_t off = time > wanted ? time - wanted : wanted - time;

    return off <= TOLERANCE || off <= wanted / TOLERANCE_PART;
}

static const char *
time_text(struct reader *reader, int64_t time)
{
    return arena_format(reader->arena, "%s+%dms",
                        duration_print((struct duration){time / 1000}, reader->arena),
                        (int)(time % 1000));
}

/* What happened to a message, for the report. */
static bool
fail_with_events(struct reader *reader, const struct letter *letter, const char *what)
{
    reader_fail(reader, "%s: %s; there was:", letter->name, what);
    for (const struct event *event = letter->events; event != NULL; event = event->next)
        text_add_format(reader->report, "    %s %s of %u %s\n",
                        time_text(reader, event->time), happening_names[event->kind],
                        event->count, event->text);
    return false;
}

/* --- events of a message --- */

struct wanted_event {
    enum happening kind;
    int64_t from, to; /* to < 0: any time */
    bool relative;    /* to when it was handed in */
    uint32_t count;   /* addresses in all; 0: any */
    const char *text;
};

static bool
event_fits(const struct wanted_event *wanted, const struct letter *letter,
           const struct event *event)
{
    int64_t time = event->time - (wanted->relative ? letter->submitted : 0);

    return event->kind == wanted->kind &&
           (wanted->to < 0 || (time >= wanted->from && time <= wanted->to)) &&
           (wanted->text == NULL || strstr(event->text, wanted->text) != NULL);
}

static bool
check_event(struct reader *reader, const struct letter *letter,
            const struct wanted_event *wanted)
{
    uint32_t events = 0, addresses = 0;

    for (const struct event *event = letter->events; event != NULL; event = event->next)
        if (event_fits(wanted, letter, event)) {
            events++;
            addresses += event->count;
        }
    if (events == 0)
        return fail_with_events(reader, letter, "it did not happen");
    if (wanted->count > 0 && addresses != wanted->count)
        return fail_with_events(reader, letter, "not so many addresses");
    return true;
}

static bool
read_event(struct reader *reader, struct wanted_event *wanted)
{
    size_t kind;

    if (!reader_choice(reader, happening_names, HAPPENED_KINDS, &kind))
        return false;
    *wanted = (struct wanted_event){.kind = (enum happening)kind, .to = -1};
    while (!reader_at_end(reader)) {
        if (reader_is(reader, "at")) {
            int64_t time = reader_time(reader);
            int64_t off =
                time / TOLERANCE_PART > TOLERANCE ? time / TOLERANCE_PART : TOLERANCE;

            wanted->from = time - off;
            wanted->to = time + off;
        } else if (reader_is(reader, "from")) {
            wanted->from = reader_time(reader);
        } else if (reader_is(reader, "to")) {
            wanted->to = reader_time(reader);
        } else if (reader_is(reader, "within")) {
            wanted->relative = true;
            wanted->to = reader_time(reader);
        } else if (reader_is(reader, "count")) {
            wanted->count = reader_count(reader);
        } else if (reader_is(reader, "text")) {
            wanted->text = span_string(reader->rest, reader->arena);
            reader->rest = (struct span){0};
        } else {
            return reader_done(reader);
        }
    }
    return !reader->failed;
}

static bool
check_none(struct reader *reader, const struct letter *letter, size_t kind)
{
    for (const struct event *event = letter->events; event != NULL; event = event->next)
        if (event->kind == (enum happening)kind)
            return fail_with_events(reader, letter, "that should not have happened");
    return true;
}

/* --- attempts --- */

static bool
check_attempts(struct reader *reader, const struct letter *letter, const int64_t *times,
               size_t count)
{
    const struct event *event = letter->events;

    for (size_t i = 0; i < count; i++, event = event->next) {
        while (event != NULL && event->kind != HAPPENED_ATTEMPT)
            event = event->next;
        if (event == NULL)
            return fail_with_events(
                reader, letter, arena_format(reader->arena, "no attempt %d", (int)i + 1));
        if (!time_is(event->time, times[i]))
            return fail_with_events(reader, letter,
                                    arena_format(reader->arena, "attempt %d is not at %s",
                                                 (int)i + 1,
                                                 time_text(reader, times[i])));
    }
    for (; event != NULL; event = event->next)
        if (event->kind == HAPPENED_ATTEMPT)
            return fail_with_events(reader, letter, "there are more attempts");
    return true;
}

/* --- one message, or all of a name --- */

enum { TIMES_MOST = 200 };

struct wanted {
    enum { WANTED_ATTEMPTS, WANTED_NONE, WANTED_STATE, WANTED_EVENT } what;
    int64_t times[TIMES_MOST];
    size_t count;
    size_t kind; /* of the event that must not be, or of the state */
    struct wanted_event event;
};

static const char *const state_names[] = {"waits", "gone", "held"};

static bool
read_wanted(struct reader *reader, struct wanted *wanted)
{
    if (reader_is(reader, "attempts")) {
        wanted->what = WANTED_ATTEMPTS;
        while (!reader_at_end(reader) && wanted->count < TIMES_MOST)
            wanted->times[wanted->count++] = reader_time(reader);
        return reader_done(reader);
    }
    if (reader_is(reader, "no")) {
        wanted->what = WANTED_NONE;
        return reader_choice(reader, happening_names, HAPPENED_KINDS, &wanted->kind);
    }
    if (reader_is(reader, "is")) {
        wanted->what = WANTED_STATE;
        return reader_choice(reader, state_names, 3, &wanted->kind) &&
               reader_done(reader);
    }
    wanted->what = WANTED_EVENT;
    return read_event(reader, &wanted->event);
}

static bool
check_state(struct reader *reader, const struct world *world, const struct letter *letter,
            size_t kind)
{
    struct text why = text_new(reader->arena);
    int64_t next;
    bool known = queue_explain(world->queue, &letter->id, world_now(world), &next, &why);
    bool held = known && strcmp(text_string(&why), "held") == 0;

    if (known == (kind == 1) || (kind == 2 && !held) || known == letter->gone)
        return fail_with_events(reader, letter, known ? text_string(&why) : "it is gone");
    return true;
}

static bool
check_letter(struct reader *reader, const struct world *world,
             const struct letter *letter, const struct wanted *wanted)
{
    switch (wanted->what) {
    case WANTED_ATTEMPTS:
        return check_attempts(reader, letter, wanted->times, wanted->count);
    case WANTED_NONE:
        return check_none(reader, letter, wanted->kind);
    case WANTED_STATE:
        return check_state(reader, world, letter, wanted->kind);
    case WANTED_EVENT:
        return check_event(reader, letter, &wanted->event);
    }
    return false;
}

static bool
check_letters(struct reader *reader, const struct world *world, const char *name)
{
    size_t length = strcspn(name, "*");
    struct wanted wanted = {.count = 0};
    bool any = false;

    if (!read_wanted(reader, &wanted))
        return false;
    for (const struct letter *letter = world->letters; letter != NULL;
         letter = letter->next) {
        if (strncmp(letter->name, name, length) != 0 ||
            (name[length] == '\0' && letter->name[length] != '\0'))
            continue;
        any = true;
        if (!check_letter(reader, world, letter, &wanted))
            return false;
    }
    return any || reader_fail(reader, "no message \"%s\"", name);
}

/* --- numbers --- */

static bool
check_number(struct reader *reader, uint32_t number)
{
    uint32_t least = reader_count(reader);
    uint32_t most = reader_is(reader, "to") ? reader_count(reader) : least;

    if (number < least || number > most)
        return reader_fail(reader, "it is %u", number);
    return reader_done(reader);
}

static bool
check_host(struct reader *reader, struct world *world)
{
    static const char *const numbers[] = {"attempts", "sessions"};
    const struct host *host = world_host(world, reader_word(reader));
    size_t which;

    return reader_choice(reader, numbers, 2, &which) &&
           check_number(reader, which == 0 ? host->attempts : host->sessions_most);
}

bool
expectation_check(struct reader *reader, struct world *world)
{
    const char *word = reader_word(reader);

    if (strcmp(word, "host") == 0)
        return check_host(reader, world);
    if (strcmp(word, "bounces") == 0)
        return check_number(reader, world->bounces);
    if (strcmp(word, "warnings") == 0)
        return check_number(reader, world->warnings);
    if (strcmp(word, "starts") == 0)
        return check_number(reader, world->starts);
    return check_letters(reader, world, word);
}
