/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands become arguments: reference 2.11. */
#include <string.h>

#include "config/expand.h"
#include "config/settings.h"
#include "mail/status.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

struct sample {
    struct arena *arena;
    struct settings settings;
    struct envelope envelope;
    struct address addresses[3];
    const struct address *list[3];
    struct expansion expansion;
};

static void
sample_begin(struct sample *sample)
{
    static const char *const users[] = {"joe", "a b;c", "-x$user"};

    memset(sample, 0, sizeof *sample);
    sample->arena = arena_new();
    attributes_default(settings_attributes, &sample->settings, sample->arena);
    settings_complete(&sample->settings, "vlager", "", sample->arena);
    sample->envelope = envelope_new();
    sample->envelope.full_name = "J. \"D\" Doe";
    sample->expansion = expansion_new(&sample->settings, sample->arena);
    sample->expansion.envelope = &sample->envelope;
    for (int i = 0; i < 3; i++) {
        sample->addresses[i].text = users[i];
        sample->addresses[i].next_address = users[i];
        sample->addresses[i].next_hop = "moria";
        sample->addresses[i].home = "/home/joe";
        sample->list[i] = &sample->addresses[i];
    }
}

/* The arguments in <>, or the error. */
static const char *
arguments_of(struct sample *sample, const char *command, size_t count, int *number)
{
    struct text text = text_new(sample->arena);
    const char *const *arguments;
    struct error error = {0};

    *number = 0;
    if (!expand_command(command, &sample->expansion, sample->list, count, &arguments,
                        &error)) {
        *number = error.number;
        return arena_string(sample->arena, error.text);
    }
    for (; *arguments; arguments++)
        text_add_format(&text, "<%s>", *arguments);
    return text_string(&text);
}

static const struct {
    const char *command;
    size_t count;
    const char *result;
} good[] = {
    {"/bin/true", 1, "</bin/true>"},
    {"  /bin/prog  a\tb \n c ", 1, "</bin/prog><a><b><c>"},
    {"/bin/prog $user", 1, "</bin/prog><joe>"},
    {"/bin/prog x$user-y", 1, "</bin/prog><xjoe-y>"},
    /* a value never splits and is never read again */
    {"/bin/prog $sender_name", 1, "</bin/prog><J. \"D\" Doe>"},
    {"/bin/sh -c $( $user $)", 3, "</bin/sh><-c><joe><a b;c><-x$user>"},
    /* quotes */
    {"/bin/prog 'a $user \"b\"' c", 1, "</bin/prog><a $user \"b\"><c>"},
    {"/bin/prog \"a $user 'b'\" c", 1, "</bin/prog><a joe 'b'><c>"},
    {"/bin/prog a\\ b \\$user \\\\ \\'", 1, "</bin/prog><a b><$user><\\><'>"},
    {"/bin/prog \"\\\"$user\\\" \\$user\"", 1, "</bin/prog><\"joe\" $user>"},
    {"/bin/prog '' \"\"", 1, "</bin/prog><><>"},
    {"/bin/prog a'b'\"c\"d", 1, "</bin/prog><abcd>"},
    /* the reference's own: each address in parentheses */
    {"/usr/bin/uux - -r $host!rmail $(($user)$)", 1,
     "</usr/bin/uux><-><-r><moria!rmail><(joe)>"},
    {"/usr/bin/uux - $host!rmail $(($user)$) end", 2,
     "</usr/bin/uux><-><moria!rmail><(joe)><(a b;c)><end>"},
    {"/bin/prog $( -r $user $) $( $user $)", 2,
     "</bin/prog><-r><joe><-r><a b;c><joe><a b;c>"},
    {"/bin/prog $($) a", 2, "</bin/prog><a>"},
    /* conditions may hold blanks, and may take their word away */
    {"/bin/prog ${if def:sender_name :a b} c", 1, "</bin/prog><a b><c>"},
    {"/bin/prog ${if def:director :a b} c", 1, "</bin/prog><c>"},
    {"/bin/prog \"${if def:director :a b}\" c", 1, "</bin/prog><><c>"},
    {"/bin/prog -f$sender -g$grade", 1, "</bin/prog><-f><-gC>"},
    /* an empty value stays an argument, or the others would move */
    {"/bin/prog -f $sender -- $user", 1, "</bin/prog><-f><><--><joe>"},
    /* home */
    {"~/bin/prog ~ x~", 1, "</home/joe/bin/prog></home/joe><x~>"},
    {"/bin/prog '~'", 1, "</bin/prog><~>"},
};

START_TEST(commands_are_split_first_and_expanded_then)
{
    struct sample sample;
    int number;

    sample_begin(&sample);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct error error = {0};

        ck_assert_str_eq(arguments_of(&sample, good[i].command, good[i].count, &number),
                         good[i].result);
        ck_assert_msg(expand_check(good[i].command, true, &error), "%s: %s",
                      good[i].command, error.text);
    }
    arena_free(sample.arena);
}
END_TEST

static const struct {
    const char *command;
    size_t count;
    const char *error;
    int number;
    bool syntax; /* seen without values */
} bad[] = {
    {"", 1, "command: nothing found, a path expected", ERR_COMMAND, true},
    {"  ", 1, "command: nothing found, a path expected", ERR_COMMAND, true},
    {"prog $user", 1, "command: 'prog' found, a path that begins with / expected",
     ERR_COMMAND_ABSOLUTE, true},
    {"$user", 1, "command: 'joe' found, a path that begins with / expected",
     ERR_COMMAND_ABSOLUTE, false},
    {"'' x", 1, "command: '' found, a path that begins with / expected",
     ERR_COMMAND_ABSOLUTE, true},
    {"/x 'a", 1, "command: \"'\" without its end found", ERR_COMMAND, true},
    {"/x \"a", 1, "command: '\"' without its end found", ERR_COMMAND, true},
    {"/x a\\", 1, "command: '\\' found at the end", ERR_COMMAND, true},
    {"/x ${if def:user", 1, "command: '${' without '}' found", ERR_COMMAND, true},
    {"/x $( $user", 1, "command: '$(' without '$)' found", ERR_COMMAND, true},
    {"/x $( $( a $) $)", 1, "command: '$(' begins and '$)' ends a group of words, once",
     ERR_COMMAND, true},
    {"/x a$)", 1, "command: '$(' begins and '$)' ends a group of words, once",
     ERR_COMMAND, true},
    {"/x a$(b$)", 1, "command: '$(' begins and '$)' ends a group of words, once",
     ERR_COMMAND, true},
    {"/x $(a$)b", 1, "command: a blank is needed behind '$)'", ERR_COMMAND, true},
    {"/x \"$( a $)\"", 1, "command: '$(' and '$)' may not stand within quotes",
     ERR_COMMAND, true},
    {"/x $usr", 1, "command: variable 'usr' is unknown; the nearest one is user",
     ERR_COMMAND, true},
    {"/x $director", 1, "command: variable director has no value here", ERR_COMMAND,
     false},
    {"/x $", 1,
     "command: end of the text found, the name of a variable behind '$' expected",
     ERR_COMMAND, true},
    /* $user of several addresses has no one value outside of a group */
    {"/x $user", 2, "command: variable user has no value here", ERR_COMMAND, false},
};

START_TEST(bad_commands_have_smails_numbers)
{
    struct sample sample;
    int number;

    sample_begin(&sample);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_str_eq(arguments_of(&sample, bad[i].command, bad[i].count, &number),
                         bad[i].error);
        ck_assert_msg(number == bad[i].number, "%s: %d", bad[i].command, number);
        ck_assert_msg(expand_check(bad[i].command, true, NULL) != bad[i].syntax, "%s",
                      bad[i].command);
    }
    arena_free(sample.arena);
}
END_TEST

START_TEST(a_command_without_addresses_is_expanded_once)
{
    struct sample sample;
    int number;

    sample_begin(&sample);
    sample.expansion.user = "joe";
    ck_assert_str_eq(arguments_of(&sample, "/x $user $( $user $)", 0, &number),
                     "</x><joe>");
    arena_free(sample.arena);
}
END_TEST

TCase *
config_command_case(void)
{
    TCase *tests = tcase_create("config_command");

    tcase_add_test(tests, commands_are_split_first_and_expanded_then);
    tcase_add_test(tests, bad_commands_have_smails_numbers);
    tcase_add_test(tests, a_command_without_addresses_is_expanded_once);
    return tests;
}
