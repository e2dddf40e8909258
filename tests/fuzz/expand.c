/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text to expand, a line end, and values that strangers chose. What the check refuses
 * must fail; a value must never make more arguments of a command.
 */
#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lookup(const struct expansion *expansion, const char *proto, const char *file,
       const char *key, const char **value, bool *found, struct error *error)
{
    (void)expansion;
    if (strcmp(proto, "t") == 0)
        return fail_temporary(error, "4.3.0", "%s: not now", file);
    *found = key[0] != '\0';
    *value = key;
    return true;
}

static bool
home_of(const struct expansion *expansion, const char *user, const char **home,
        struct error *error)
{
    (void)expansion;
    *home = "/home/x";
    return user[0] != 'n' || fail_permanent(error, "5.3.5", "no such user");
}

static struct expansion
expansion_of(const char *value, const struct settings *settings,
             struct envelope *envelope, struct address *address, struct arena *arena)
{
    struct expansion expansion = expansion_new(settings, arena);

    *envelope = envelope_new();
    envelope->reverse_path = value;
    envelope->full_name = value;
    envelope->hello = value;
    envelope->peer_address = value;
    *address = (struct address){.text = value, .next_address = value, .next_hop = value};
    expansion.envelope = envelope;
    expansion.address = address;
    expansion.lookup = lookup;
    expansion.home_of = home_of;
    return expansion;
}

/* How many arguments a command becomes with this value in it; -1 for a failure. */
static int
count_arguments(const char *command, const char *value, const struct settings *settings,
                struct arena *arena)
{
    struct envelope envelope;
    struct address address;
    struct expansion expansion =
        expansion_of(value, settings, &envelope, &address, arena);
    const struct address *const addresses[] = {&address, &address};
    const char *const *arguments;
    int count = 0;

    if (!expand_command(command, &expansion, addresses, 2, &arguments, NULL))
        return -1;
    while (arguments[count])
        count++;
    return count;
}

static void
check(const char *text, const char *value, struct arena *arena)
{
    struct settings settings;
    struct envelope envelope;
    struct address address;
    struct expansion expansion;
    const char *result;
    int plain, wild;

    attributes_default(settings_attributes, &settings, arena);
    settings_complete(&settings, "host", "host.example", arena);
    expansion = expansion_of(value, &settings, &envelope, &address, arena);
    if (expand(text, &expansion, &result, NULL) && !expand_check(text, false, NULL) &&
        text[0] != '~')
        abort();
    if (strstr(text, "${")) /* a condition may take a word away */
        return;
    plain = count_arguments(text, "x", &settings, arena);
    wild = count_arguments(text, value, &settings, arena);
    if (plain >= 0 && wild >= 0 && plain != wild)
        abort();
    if (plain >= 0 && !expand_check(text, true, NULL))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct arena *arena = arena_new();
    size_t end = span_find(rest, '\n');

    if (memchr(data, '\0', size) == NULL)
        check(span_string(span_first(rest, end), arena),
              span_string(span_from(rest, end + 1), arena), arena);
    arena_free(arena);
    return 0;
}
