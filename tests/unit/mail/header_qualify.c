/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of putting a domain behind local names in header fields. */
#include "mail/header_qualify.h"

#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct {
    const char *value, *want;
} values[] = {
    {" joe", " joe@d"},
    {" joe, ann@b.example,bob", " joe@d, ann@b.example,bob@d"},
    {" joe (Joe, the \\) first)", " joe@d (Joe, the \\) first)"},
    {" (x) joe", " (x) joe@d"},
    {" Joe Doe <joe>", " Joe Doe <joe@d>"},
    {" \"Doe, Joe\" <joe>, <ann@b>", " \"Doe, Joe\" <joe@d>, <ann@b>"},
    {" <>", " <>"},
    {" < joe >", " < joe@d >"},
    {" a!b!joe, <c!joe>", " a!b!joe, <c!joe>"},
    {" @a,@b:joe@c", " @a,@b:joe@c"},
    {" <@a,@b:joe@c>", " <@a,@b:joe@c>"},
    {" joe%host", " joe%host@d"},
    {" \"a b\"", " \"a b\"@d"},
    {" \"a@b\", \"a!b\"", " \"a@b\"@d, \"a!b\"@d"}, /* not looked into */
    {" undisclosed-recipients:;", " undisclosed-recipients:;"},
    {" team: joe, ann@b;, bob", " team: joe@d, ann@b;, bob@d"},
    {" joe,\r\n\tbob\r\n ", " joe@d,\r\n\tbob@d\r\n "},
    {"", ""},
    {" ", " "},
    {",,", ",,"},
    {" John Smith", " John Smith"}, /* no address at all */
    {" joe, \"open", " joe, \"open"},
    {" joe, (open", " joe, (open"},
    {" joe@[192.0.2.1], ann", " joe@[192.0.2.1], ann@d"},
    {" =?utf-8?q?J=C3=B6?= <joe>", " =?utf-8?q?J=C3=B6?= <joe@d>"},
    {" joe\\", " joe\\@d"},
};

START_TEST(local_names_get_the_domain_and_nothing_else_changes)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    text_add(&text, "To:");
    addresses_qualify(span_of(values[_i].value), "d", &text);
    ck_assert_str_eq(text_string(&text) + 3, values[_i].want);
    arena_free(arena);
}
END_TEST

START_TEST(fields_of_senders_and_recipients_are_known)
{
    ck_assert(field_has_addresses(SPAN("from")) && field_has_addresses(SPAN("CC")));
    ck_assert(field_has_addresses(SPAN("Resent-Sender")));
    ck_assert(!field_has_addresses(SPAN("Subject")));
    ck_assert(!field_has_addresses(SPAN("Resent-")));
    ck_assert(!field_has_addresses(SPAN("Message-Id")));
}
END_TEST

TCase *
mail_header_qualify_case(void)
{
    TCase *tcase = tcase_create("mail/header_qualify");

    tcase_add_loop_test(tcase, local_names_get_the_domain_and_nothing_else_changes, 0,
                        sizeof values / sizeof values[0]);
    tcase_add_test(tcase, fields_of_senders_and_recipients_are_known);
    return tcase;
}
