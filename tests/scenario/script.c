/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a scenario, a line at a time, and does to the world what it says. */
#include "tests/scenario/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "config/quantity.h"
#include "tests/scenario/expectation.h"
#include "tests/scenario/reader.h"
#include "tests/scenario/world.h"

#include "base/banned.h"

/* --- what the world is like --- */

static bool
do_set(struct reader *reader, struct world *world)
{
    const char *name = reader_word(reader), *value = reader_word(reader);
    struct error error = {0};

    return world_set(world, name, value, &error) || reader_fail(reader, "%s", error.text);
}

static bool
do_retry(struct reader *reader, struct world *world)
{
    const char *domain = reader_word(reader), *interval = reader_word(reader);
    struct error error = {0};

    return world_retry(world, domain, interval, reader_word(reader), &error) ||
           reader_fail(reader, "%s", error.text);
}

static bool
do_host(struct reader *reader, struct world *world)
{
    static const char *const moods[] = {"up",   "down",     "silent", "tarpit",
                                        "busy", "puts-off", "refuses"};
    struct host *host = world_host(world, reader_word(reader));
    size_t mood;

    if (!reader_choice(reader, moods, sizeof(moods) / sizeof(moods[0]), &mood))
        return false;
    host->mood = (enum host_mood)mood;
    if (host->mood == HOST_BUSY)
        host->most = reader_count(reader);
    if (!reader_at_end(reader))
        host->time = reader_time(reader);
    return reader_done(reader);
}

static bool
do_names(struct reader *reader, struct world *world)
{
    static const char *const states[] = {"up", "down"};
    size_t state;

    if (!reader_choice(reader, states, 2, &state))
        return false;
    world->names_down = state == 1;
    return reader_done(reader);
}

static bool
do_user(struct reader *reader, struct world *world)
{
    static const char *const moods[] = {"starts", "fails", "unknown"};
    struct login *user = world_user(world, reader_word(reader));
    size_t mood;

    if (!reader_choice(reader, moods, 3, &mood))
        return false;
    user->mood = (enum user_mood)mood;
    return reader_done(reader);
}

/* --- mail --- */

struct mail_order {
    const char *name;
    struct queue_message model;
    uint32_t times;
    int64_t every;
    const char **recipients;
    uint32_t count;
};

/* "joe@b.example", or "50000xjoe@b.example": that many, joe1, joe2, ... */
static void
read_recipient(struct reader *reader, struct mail_order *order, const char *word)
{
    struct span text = span_of(word), number = span_first(text, span_find(text, 'x'));
    uint64_t many = 1;
    bool is_many = number.length < text.length && span_number(number, 1000000, &many);

    order->recipients = arena_grow(reader->arena, order->recipients, order->count,
                                   order->count + many, sizeof(const char *));
    for (uint64_t i = 1; i <= many; i++)
        order->recipients[order->count++] =
            is_many
                ? arena_format(reader->arena, "n%d.%s", (int)i, word + number.length + 1)
                : word;
}

static bool
read_mode(struct reader *reader, struct mail_order *order)
{
    static const char *const modes[] = {"default", "foreground", "background", "queued"};
    size_t mode;

    if (!reader_choice(reader, modes, 4, &mode))
        return false;
    order->model.mode = (enum delivery_mode)mode;
    return true;
}

static bool
read_mail(struct reader *reader, struct mail_order *order)
{
    const char *word;

    order->name = reader_word(reader);
    while (strcmp(word = reader_word(reader), "to") != 0) {
        if (strcmp(word, "from") == 0)
            order->model.reverse_path = reader_word(reader);
        else if (strcmp(word, "grade") == 0)
            order->model.grade = reader_word(reader)[0];
        else if (strcmp(word, "bounce") == 0)
            order->model.is_bounce = true;
        else if (strcmp(word, "times") == 0)
            order->times = reader_count(reader);
        else if (strcmp(word, "every") == 0)
            order->every = reader_time(reader);
        else if (strcmp(word, "mode") != 0 || !read_mode(reader, order))
            return reader_fail(reader, "what is \"%s\"?", word);
    }
    while (!reader_at_end(reader))
        read_recipient(reader, order, reader_word(reader));
    return reader_done(reader);
}

static bool
do_mail(struct reader *reader, struct world *world)
{
    struct mail_order order = {.model = {.grade = 'C', .reverse_path = "me@here"}};

    if (!read_mail(reader, &order))
        return false;
    if (order.times == 0)
        world_mail(world, order.name, &order.model, order.recipients, order.count);
    for (uint32_t i = 1; i <= order.times; i++) {
        world_mail(world, arena_format(reader->arena, "%s%u", order.name, i),
                   &order.model, order.recipients, order.count);
        if (order.every > 0)
            world_until(world, world->time + order.every);
    }
    return true;
}

static bool
read_letter(struct reader *reader, struct world *world, struct letter **letter)
{
    const char *name = reader_word(reader);

    *letter = world_letter(world, name);
    return *letter != NULL || reader_fail(reader, "no message \"%s\"", name);
}

/* --- the operator, and accidents --- */

static bool
do_run(struct reader *reader, struct world *world)
{
    struct queue_selection selection = {0};
    struct message_id ids[16];
    struct letter *letter;
    const char *rest = reader->rest.bytes;

    if (strncmp(rest, "interval", 8) == 0) {
        queue_interval_run(world->queue, world_now(world));
        return true;
    }
    if (strncmp(rest, "all", 3) != 0)
        selection.ids = ids;
    while (selection.ids != NULL && !reader_at_end(reader) && selection.id_count < 16) {
        if (!read_letter(reader, world, &letter))
            return false;
        ids[selection.id_count++] = letter->id;
    }
    queue_run(world->queue, &selection, world_now(world));
    return true;
}

static bool
set_held(struct reader *reader, struct world *world, bool held)
{
    struct letter *letter;

    if (!read_letter(reader, world, &letter))
        return false;
    letter->told.held = held;
    queue_hold(world->queue, &letter->id, held, world_now(world));
    return reader_done(reader);
}

static bool
do_hold(struct reader *reader, struct world *world)
{
    return set_held(reader, world, true);
}

static bool
do_release(struct reader *reader, struct world *world)
{
    return set_held(reader, world, false);
}

static bool
do_kill(struct reader *reader, struct world *world)
{
    static const char *const classes[] = {"resolve", "remote", "user"};
    struct letter *letter = NULL;
    size_t class;

    if (!reader_choice(reader, classes, 3, &class))
        return false;
    if (!reader_at_end(reader) && !read_letter(reader, world, &letter))
        return false;
    world_kill(world, (enum worker_class) class, letter);
    return reader_done(reader);
}

static bool
do_suspend(struct reader *reader, struct world *world)
{
    queue_suspend(world->queue, true, "for the test", world_now(world));
    return reader_done(reader);
}

static bool
do_resume(struct reader *reader, struct world *world)
{
    queue_suspend(world->queue, false, NULL, world_now(world));
    return reader_done(reader);
}

static bool
do_clock(struct reader *reader, struct world *world)
{
    struct span word = span_of(reader_word(reader));
    struct duration duration;
    struct error error = {0};

    if (!span_starts(word, "+") && !span_starts(word, "-"))
        return reader_fail(reader, "+ or -?");
    if (!duration_parse(span_from(word, 1), &duration, &error))
        return reader_fail(reader, "%s", error.text);
    world->offset += (word.bytes[0] == '+' ? 1000 : -1000) * duration.seconds;
    return reader_done(reader);
}

static bool
do_restart(struct reader *reader, struct world *world)
{
    world_restart(world);
    return reader_done(reader);
}

/* --- time --- */

static bool
do_idle(struct reader *reader, struct world *world)
{
    world_until_idle(world);
    return reader_done(reader);
}

static bool script_line(struct reader *reader, struct world *world);

static bool
do_at(struct reader *reader, struct world *world)
{
    int64_t time = reader_time(reader);

    if (time < world->time)
        return reader_fail(reader, "that is over");
    world_until(world, time);
    return reader_at_end(reader) || script_line(reader, world);
}

/* --- a line --- */

static const struct {
    const char *word;
    bool (*run)(struct reader *reader, struct world *world);
} words[] = {
    {"at", do_at},           {"clock", do_clock},     {"expect", expectation_check},
    {"hold", do_hold},       {"host", do_host},       {"idle", do_idle},
    {"kill", do_kill},       {"mail", do_mail},       {"names", do_names},
    {"release", do_release}, {"restart", do_restart}, {"resume", do_resume},
    {"retry", do_retry},     {"run", do_run},         {"set", do_set},
    {"suspend", do_suspend}, {"user", do_user},
};

static bool
script_line(struct reader *reader, struct world *world)
{
    const char *word = reader_word(reader);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].run(reader, world) && !reader->failed;
    return reader_fail(reader, "what is \"%s\"?", word);
}

bool
script_run(const char *file, struct span script, struct text *report)
{
    struct reader reader = {.file = file, .report = report, .arena = arena_new()};
    struct world *world = world_new();
    struct span line;

    while (!reader.failed && span_next(&script, '\n', &line)) {
        reader.line++;
        reader.rest = span_trim(span_first(line, span_find(line, '#')));
        if (reader.rest.length > 0)
            script_line(&reader, world);
    }
    world_free(world);
    arena_free(reader.arena);
    return !reader.failed;
}
