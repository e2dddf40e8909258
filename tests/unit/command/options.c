/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flags of the classic names: reference 1.1 to 1.4. */
#include "command/options.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

enum { WORDS = 32 };

/* A command line, split at '|'. */
static bool
parse(const char *line, struct arena *arena, struct options *options, struct error *error)
{
    struct span rest = span_of(line), word;
    char **argv = arena_array(arena, WORDS + 1, sizeof *argv);
    int argc = 0;

    while (argc < WORDS && span_next(&rest, '|', &word))
        argv[argc++] = span_string(word, arena);
    return options_parse(argc, argv, arena, options, error);
}

static const char *const mode_names[] = {
    [MODE_DELIVER] = "deliver", [MODE_DAEMON] = "daemon",
    [MODE_SMTP] = "smtp",       [MODE_BATCH] = "batch",
    [MODE_LIST] = "list",       [MODE_ALIASES] = "aliases",
    [MODE_TEST] = "test",       [MODE_VERIFY] = "verify",
    [MODE_PRINT] = "print",     [MODE_COPYING] = "copying",
    [MODE_VERSION] = "version", [MODE_RUN] = "run",
    [MODE_CHECK] = "check",     [MODE_HOSTS] = "hosts",
    [MODE_HELP] = "help",       [MODE_FORGET_HOSTS] = "forget",
};

/* Mode, what is set, then the arguments. */
static const char *
describe(const struct options *options, struct arena *arena)
{
    static const char *const deliveries[] = {"", " foreground", " background", " queued"};
    static const char *const errors[] = {"", " print", " quiet"};
    const struct envelope *envelope = &options->envelope;
    struct text text = text_new(arena);

    text_add_format(
        &text, "%s%s%s%s%s%s%s%s%s%s%s%s", mode_names[options->mode],
        options->listen ? " listen" : "", options->from_header ? " header" : "",
        options->dot_is_text ? " dots" : "", options->hidden_dots ? " hidden" : "",
        envelope->me_too ? " metoo" : "", envelope->no_aliases ? " noaliases" : "",
        envelope->dry_run ? " dry" : "", options->verbose ? " verbose" : "",
        options->foreground ? " stay" : "", deliveries[envelope->mode],
        errors[envelope->errors]);
    if (options->interval > 0)
        text_add_format(&text, " every=%lld", (long long)options->interval);
    if (envelope->hops > 0)
        text_add_format(&text, " hops=%u", envelope->hops);
    if (options->sender)
        text_add_format(&text, " from=%s", options->sender);
    if (envelope->full_name[0])
        text_add_format(&text, " name=%s", envelope->full_name);
    if (options->paths.config)
        text_add_format(&text, " config=%s", options->paths.config);
    if (options->notify)
        text_add_format(&text, " notify=%u", options->notify);
    for (size_t i = 0; i < options->argument_count; i++)
        text_add_format(&text, " <%s>", options->arguments[i]);
    return text_string(&text);
}

static const struct {
    const char *line, *result;
} good[] = {
    /* names */
    {"sendmail|a@b", "deliver <a@b>"},
    {"/usr/lib/sendmail|a@b,c@d", "deliver <a@b,c@d>"},
    {"whatever|a", "deliver <a>"},
    {"rmail|a!b", "deliver dots <a!b>"},
    {"rsmtp", "batch"},
    {"bsmtp", "batch"},
    {"smtpd", "smtp"},
    {"in.smtpd", "smtp"},
    {"runq|m0puwU8-00023UB", "run <m0puwU8-00023UB>"},
    {"mailq|-v", "list verbose"},
    {"newaliases", "aliases"},
    {"hoststat", "hosts"},
    {"purgestat", "forget"},
    /* an explicit mode is stronger than the name */
    {"mailq|-bm|a", "deliver <a>"},
    {"rmail|-bS", "batch dots"},
    {"sendmail|-bd", "daemon listen"},
    {"sendmail|-bd|-q15m", "daemon listen every=900"},
    {"sendmail|-q15m", "daemon every=900"},
    {"sendmail|-q1h", "daemon every=3600"},
    {"sendmail|-q", "run"},
    {"sendmail|-q|m1|m2", "run <m1> <m2>"},
    {"sendmail|-qIm1", "run <m1>"},
    {"sendmail|-bp", "list"},
    {"sendmail|-bi", "aliases"},
    {"sendmail|-bt", "test"},
    {"sendmail|-bv|x", "verify <x>"},
    {"sendmail|-bP|all", "print <all>"},
    {"sendmail|-bc", "copying"},
    {"sendmail|-bV", "version"},
    {"sendmail|-V", "version"},
    {"sendmail|-bC", "check"},
    {"sendmail|-bs", "smtp"},
    {"sendmail|-bD", "daemon listen stay"},
    {"sendmail|--help", "help"},
    {"sendmail|--version", "version"},
    /* the message */
    {"sendmail|-t", "deliver header"},
    {"sendmail|-ti", "deliver header dots"},
    {"sendmail|-it|a", "deliver header dots <a>"},
    {"sendmail|-oi|-t", "deliver header dots"},
    {"sendmail|-I|a", "deliver hidden <a>"},
    {"sendmail|-fme@x|a", "deliver from=me@x <a>"},
    {"sendmail|-f|me@x|a", "deliver from=me@x <a>"},
    {"sendmail|-r|<>|a", "deliver from=<> <a>"},
    {"sendmail|-FJohn Doe|a", "deliver name=John Doe <a>"},
    {"sendmail|-F|John Doe|a", "deliver name=John Doe <a>"},
    {"sendmail|-h|7|a", "deliver hops=7 <a>"},
    {"sendmail|-m|-n|-N|a", "deliver metoo noaliases dry <a>"},
    {"sendmail|-om|a", "deliver metoo <a>"},
    {"sendmail|-odb|a", "deliver background <a>"},
    {"sendmail|-odf|a", "deliver foreground <a>"},
    {"sendmail|-odi|a", "deliver foreground <a>"},
    {"sendmail|-odq|a", "deliver queued <a>"},
    {"sendmail|-Q|a", "deliver queued <a>"},
    {"sendmail|-oep|a", "deliver print <a>"},
    {"sendmail|-ep|a", "deliver print <a>"},
    {"sendmail|-oeq|a", "deliver quiet <a>"},
    {"sendmail|-oem|-oee|-oew|a", "deliver <a>"},
    /* whoever follows a delivery waits for it */
    {"sendmail|-v|a", "deliver verbose foreground <a>"},
    {"sendmail|-v|-odq|a", "deliver verbose queued <a>"},
    {"sendmail|-d9|a", "deliver foreground <a>"},
    /* of other mailers */
    {"sendmail|-oA1|-oitrue|-oFoo|a", "deliver dots <a>"},
    {"sendmail|-B8BITMIME|-O|x=y|-Am|a", "deliver <a>"},
    {"sendmail|-N|never|a", "deliver notify=1 <a>"},
    {"sendmail|-N|failure,delay|-R|hdrs|a", "deliver notify=12 <a>"},
    {"sendmail|-U|-G|a", "deliver <a>"},
    /* files */
    {"sendmail|-C|/x.cf|a", "deliver config=/x.cf <a>"},
    {"sendmail|-oC/x.cf|a", "deliver config=/x.cf <a>"},
    {"sendmail|-C|-|a", "deliver config=- <a>"},
    /* no more flags */
    {"sendmail|--|-t", "deliver <-t>"},
    {"sendmail|-", "deliver <->"},
};

START_TEST(test_flags_mean_what_the_reference_says)
{
    struct arena *arena = arena_new();
    struct options options;
    struct error error = {0};

    unsetenv("SMAIL_CONFIG");
    ck_assert_msg(parse(good[_i].line, arena, &options, &error), "%s: %s", good[_i].line,
                  error.text);
    ck_assert_msg(strcmp(describe(&options, arena), good[_i].result) == 0,
                  "%s: \"%s\", not \"%s\"", good[_i].line, describe(&options, arena),
                  good[_i].result);
    arena_free(arena);
}
END_TEST

static const char *const bad[] = {
    "sendmail|-K|a",
    "sendmail|-bX",
    "sendmail|-b",
    "sendmail|-bz",
    "sendmail|-f",
    "sendmail|-odx|a",
    "sendmail|-oex|a",
    "sendmail|-h|many|a",
    "sendmail|-qsoon",
    "sendmail|-bp|-q15m",
    "sendmail|-bd|-t",
    "sendmail|-oM",
    "sendmail|-d101",
    "sendmail|--nonsense",
    /* what a remote site must not choose (1.4) */
    "rmail|-bd|a",
    "rmail|-bD|a",
    "rmail|-bi|a",
    "rmail|-bp|a",
    "rmail|-bt|a",
    "rmail|-bz|a",
    "rmail|-C|x|a",
    "rmail|-d|a",
    "rmail|-v|a",
    "rmail|-q|a",
    "rmail|-oC|x|a",
    "rmail|-odb|a",
    "rmail|-odq|a",
    "rmail|-n|a",
    "rmail|-oD|x|a",
    "rmail|-oE|x|a",
    "rmail|-oL|x|a",
    "rmail|-oQ|x|a",
    "rmail|-oR|x|a",
    "rmail|-oS|x|a",
    "rmail|-oT|x|a",
    "rmail|--foreground|a",
    "rsmtp|-C|x",
    "rsmtp|-odq",
};

START_TEST(test_mistakes_are_usage_errors)
{
    struct arena *arena = arena_new();
    struct options options;
    struct error error = {0};

    ck_assert_msg(!parse(bad[_i], arena, &options, &error), "%s", bad[_i]);
    ck_assert(error.permanent);
    ck_assert_str_ne(error.text, "");
    arena_free(arena);
}
END_TEST

START_TEST(test_the_environment_names_the_configuration)
{
    struct arena *arena = arena_new();
    struct options options;

    setenv("SMAIL_CONFIG", "/some/config", 1);
    ck_assert(parse("rmail|a", arena, &options, NULL));
    ck_assert_str_eq(options.paths.config, "/some/config");
    ck_assert(parse("sendmail|-C|/other|a", arena, &options, NULL));
    ck_assert_str_eq(options.paths.config, "/other");
    /* from wherever it is read later */
    ck_assert(parse("sendmail|-C|other|a", arena, &options, NULL));
    ck_assert(options.paths.config[0] == '/');
    setenv("SMAIL_CONFIG", "", 1);
    ck_assert(parse("sendmail|a", arena, &options, NULL));
    ck_assert_ptr_null(options.paths.config);
    unsetenv("SMAIL_CONFIG");
    arena_free(arena);
}
END_TEST

START_TEST(test_help_names_every_program)
{
    static const char *const names[] = {"sendmail", "rmail",    "mailq",
                                        "runq",     "hoststat", "newaliases"};
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct text text = text_new(arena);

        options_help(names[i], &text);
        ck_assert(span_starts(text_span(&text), names[i]));
        /* only what sends a message has the flags of a message */
        ck_assert_int_eq(strstr(text_string(&text), "reverse-path") != NULL, i == 0);
    }
    arena_free(arena);
}
END_TEST

TCase *
command_options_case(void)
{
    TCase *tcase = tcase_create("command/options");

    tcase_add_loop_test(tcase, test_flags_mean_what_the_reference_says, 0,
                        (int)(sizeof good / sizeof *good));
    tcase_add_loop_test(tcase, test_mistakes_are_usage_errors, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(tcase, test_the_environment_names_the_configuration);
    tcase_add_test(tcase, test_help_names_every_program);
    return tcase;
}
