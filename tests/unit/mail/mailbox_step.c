/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Smail's order of analysis (reference 8.2) and its reasons to refuse (8.3). */
#include "mail/mailbox.h"

#include <string.h>

#include "mail/status.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(the_first_rule_that_applies_decides)
{
    static const struct {
        const char *address;
        bool percent_first;
        enum mailbox_form form;
        const char *target, *rest;
    } rows[] = {
        {"joe", false, MAILBOX_LOCAL, "", "joe"},
        {"\"a@b!c%d\"", false, MAILBOX_LOCAL, "", "\"a@b!c%d\""},
        {"joe@There", false, MAILBOX_AT, "there", "joe"},
        {"joe@x@y", false, MAILBOX_AT, "y", "joe@x"},
        {"joe@[192.0.2.1]", false, MAILBOX_AT, "[192.0.2.1]", "joe"},
        {"joe@[IPv6:::1]", false, MAILBOX_AT, "[IPv6:::1]", "joe"},
        {"joe@b\303\274cher.example", false, MAILBOX_AT, "xn--bcher-kva.example", "joe"},
        {"\"a@b\"@c", false, MAILBOX_AT, "c", "\"a@b\""},
        {"@a,@b:u@c", false, MAILBOX_ROUTE, "a", "@b:u@c"},
        {"@b:u@c", false, MAILBOX_ROUTE, "b", "u@c"},
        {"@a:user", false, MAILBOX_ROUTE, "a", "user"},
        {"us!them!joe", false, MAILBOX_BANG, "us", "them!joe"},
        {"joe%them@us", false, MAILBOX_AT, "us", "joe%them"},
        {"joe%them", false, MAILBOX_PERCENT, "them", "joe"},
        {"joe%a%b", false, MAILBOX_PERCENT, "b", "joe%a"},
        {"a!b@c", false, MAILBOX_AT, "c", "a!b"},
        {"a!b%c", false, MAILBOX_BANG, "a", "b%c"},
        {"a!b%c", true, MAILBOX_PERCENT, "c", "a!b"},
        {"a!b", true, MAILBOX_BANG, "a", "b"},
        {"a!\"x!y\"", false, MAILBOX_BANG, "a", "\"x!y\""},
        {"h!@a:u@b", false, MAILBOX_BANG, "h", "a!b!u"},
        {"h!@a,@b:u@c", false, MAILBOX_BANG, "h", "a!b!c!u"},
        {"h!@a:u", false, MAILBOX_BANG, "h", "a!u"},
        {"g!h!@a:u@b", false, MAILBOX_BANG, "g", "h!a!b!u"},
        {"-x", false, MAILBOX_LOCAL, "", "-x"},
        {"|cmd", false, MAILBOX_LOCAL, "", "|cmd"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox_step step;
        struct error error = {0};

        ck_assert_msg(mailbox_step(span_of(rows[i].address), rows[i].percent_first, arena,
                                   &step, &error),
                      "%s: %s", rows[i].address, error.text);
        ck_assert_msg(step.form == rows[i].form, "%s", rows[i].address);
        ck_assert_str_eq(step.target, rows[i].target);
        ck_assert_msg(span_is(step.rest, rows[i].rest), "%s", rows[i].address);
    }
    arena_free(arena);
}
END_TEST

START_TEST(our_own_names_can_be_peeled_off)
{
    /* All of these become "them, joe" at host "us" (reference 8.2). */
    static const char *const rows[] = {"us!them!joe", "@us:joe@them", "joe%them@us"};
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox_step step;

        ck_assert(mailbox_step(span_of(rows[i]), false, arena, &step, NULL));
        ck_assert_str_eq(step.target, "us");
        ck_assert(mailbox_step(step.rest, true, arena, &step, NULL));
        ck_assert_str_eq(step.target, "them");
        ck_assert(span_is(step.rest, "joe"));
    }
    arena_free(arena);
}
END_TEST

START_TEST(bad_addresses_are_refused_with_their_reason)
{
    static const struct {
        const char *address, *text;
    } rows[] = {
        {"", "null address"},
        {"joe@@there", "syntax error: no target host"},
        {"a b", "bad address token"},
        {"a\\", "bad address token"},
        {"a\\@b", "bad address token"},
        {"\"a", "bad address token"},
        {"a@[1.2.3.4", "bad address token"},
        {"a@b]", "bad address token"},
        {"<a@b>", "bad address token"},
        {"a(c)@b", "bad address token"},
        {"a;b@c", "bad address token"},
        {"a,b", "bad address token"},
        {"a,b@c", "bad address token"},
        {"a:b@c", "bad address token"},
        {"a\nb@c", "bad address token"},
        {"\"a\nb\"@c", "bad address token"},
        {"\"a\\\nb\"@c", "bad address token"},
        {"a\177@c", "bad address token"},
        {"\377@c", "bad address token"},
        {"a\302\233b@c", "bad address token"},
        {"@a,b:u@c", "bad address token"},
        {"@a", ", or : missing in route-addr"},
        {"@a!b", ", or : missing in route-addr"},
        {"h!@a", ", or : missing in route-addr"},
        {"@:u@c", "syntax error: no target host"},
        {"u@", "syntax error: no target host"},
        {"u%", "syntax error: no target host"},
        {"!u", "syntax error: no target host"},
        {"a!", "no remainder address"},
        {"%a", "no remainder address"},
        {"@a:", "no remainder address"},
        {"h!@a:", "no remainder address"},
        {"u@a/b", "illegal character in hostname"},
        {"u@-a", "illegal character in hostname"},
        {"a%b!c", "illegal character in hostname"},
        {"u@\"b\"", "illegal character in hostname"},
        {"u@[x]", "malformed domain literal"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox_step step;
        struct error error = {0};
        bool fine = mailbox_step(span_of(rows[i].address), false, arena, &step, &error);

        if (fine && step.rest.length > 0 &&
            rows[i].address[0] == 'h') /* one step further */
            fine = mailbox_step(step.rest, false, arena, &step, &error);
        ck_assert_msg(!fine, "%s", rows[i].address);
        ck_assert_msg(strstr(error.text, rows[i].text) != NULL, "%s: %s", rows[i].address,
                      error.text);
        ck_assert(error.permanent);
        ck_assert(error.number == ERR_ADDRESS_PARSE || error.number == ERR_LITERAL);
    }
    arena_free(arena);
}
END_TEST

START_TEST(long_addresses_are_refused)
{
    struct arena *arena = arena_new();
    struct text address = text_new(arena);
    struct mailbox_step step;

    while (address.length < 1022)
        text_add(&address, "a!");
    text_add(&address, "bc");
    ck_assert(mailbox_step(text_span(&address), false, arena, &step, NULL));
    text_add(&address, "d");
    ck_assert(!mailbox_step(text_span(&address), false, arena, &step, NULL));
    arena_free(arena);
}
END_TEST

/* A path with a quoted local part of random printable octets. */
static const char *
random_path(unsigned *seed, struct arena *arena, const char **local_part)
{
    struct text path = text_new(arena), plain = text_new(arena);

    text_add(&path, "<\"");
    for (unsigned length = 1 + (*seed >> 16) % 10; length > 0; length--) {
        char byte;

        *seed = *seed * 1103515245 + 12345;
        byte = (char)(' ' + (int)((*seed >> 16) % 95));
        if (byte == '"' || byte == '\\')
            text_add_byte(&path, '\\');
        text_add_byte(&path, byte);
        text_add_byte(&plain, byte);
    }
    text_add(&path, "\"@us.example>");
    *local_part = text_string(&plain);
    return text_string(&path);
}

START_TEST(what_came_quoted_is_never_looked_into)
{
    struct arena *arena = arena_new();
    unsigned seed = 7;

    for (int i = 0; i < 20000; i++) {
        const char *local_part, *path = random_path(&seed, arena, &local_part);
        struct mailbox mailbox;
        struct mailbox_step step;
        struct span unquoted;
        size_t length;

        ck_assert(mailbox_parse_path(span_of(path), 0, arena, &mailbox, &length, NULL));
        ck_assert(mailbox_step(span_of(mailbox_text(&mailbox, arena)), false, arena,
                               &step, NULL));
        ck_assert(step.form == MAILBOX_AT && strcmp(step.target, "us.example") == 0);
        ck_assert_msg(mailbox_step(step.rest, true, arena, &step, NULL), "%s", path);
        ck_assert_msg(step.form == MAILBOX_LOCAL, "%s", path);
        ck_assert(mailbox_local_part(step.rest, arena, &unquoted));
        ck_assert(span_is(unquoted, local_part));
        if (i % 100 == 0)
            arena_reset(arena);
    }
    arena_free(arena);
}
END_TEST

TCase *
mail_mailbox_step_case(void)
{
    TCase *tcase = tcase_create("mail_mailbox_step");

    tcase_add_test(tcase, the_first_rule_that_applies_decides);
    tcase_add_test(tcase, our_own_names_can_be_peeled_off);
    tcase_add_test(tcase, bad_addresses_are_refused_with_their_reason);
    tcase_add_test(tcase, long_addresses_are_refused);
    tcase_add_test(tcase, what_came_quoted_is_never_looked_into);
    return tcase;
}
