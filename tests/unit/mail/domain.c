/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host names and address literals in the one form in which they are compared. */
#include "mail/domain.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

START_TEST(names_become_lower_case_a_labels)
{
    static const struct {
        const char *name, *domain; /* NULL: refused */
    } rows[] = {
        {"Example.ORG", "example.org"},
        {"example.org.", "example.org"},
        {"a", "a"},
        {"_dmarc.x+y=z", "_dmarc.x+y=z"}, /* reference 8.1 */
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"b\303\274cher.example", "xn--bcher-kva.example"},
        {"B\303\234CHER.Example", "xn--bcher-kva.example"},
        {"bu\314\210cher.example", "xn--bcher-kva.example"},         /* not in NFC */
        {"fa\303\237.example", "xn--fa-hia.example"},                /* IDNA 2008: kept */
        {"\346\227\245\346\234\254\343\200\202jp", "xn--wgv71a.jp"}, /* ideographic dot */
        {"127.0.0.1", "127.0.0.1"},
        {LABEL63 ".x", LABEL63 ".x"},
        {"", NULL},
        {".", NULL},
        {".a", NULL},
        {"a..b", NULL},
        {"a..", NULL},
        {"-a.b", NULL},
        {"a b", NULL},
        {"a@b", NULL},
        {"a\303\251\357\274\240b", NULL}, /* full-width '@' */
        {"[1.2.3.4]", NULL},
        {"a\\b", NULL},
        {"a/b", NULL},
        {"x" LABEL63 ".x", NULL},
        {"\377\376.test", NULL},
        {"a\001b\303\251", NULL},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *domain = NULL;
        struct error error = {0};
        bool fine = domain_normalise(span_of(rows[i].name), true, arena, &domain, &error);

        ck_assert_msg(fine == (rows[i].domain != NULL), "%s", rows[i].name);
        if (fine)
            ck_assert_str_eq(domain, rows[i].domain);
        else
            ck_assert(error.permanent && strcmp(error.status, "5.1.2") == 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(names_have_at_most_255_octets)
{
    struct arena *arena = arena_new();
    struct text name = text_new(arena);
    const char *domain;

    for (int i = 0; i < 127; i++)
        text_add(&name, "a.");
    text_add(&name, "b");
    ck_assert(domain_normalise(text_span(&name), false, arena, &domain, NULL));
    text_add(&name, ".");
    ck_assert(domain_normalise(text_span(&name), false, arena, &domain, NULL));
    text_add(&name, "c");
    ck_assert(!domain_normalise(text_span(&name), false, arena, &domain, NULL));
    ck_assert(!domain_normalise(SPAN("a\0b"), false, arena, &domain, NULL));
    ck_assert(!domain_normalise(SPAN("\303\251\0b"), true, arena, &domain, NULL));
    arena_free(arena);
}
END_TEST

START_TEST(names_beyond_ascii_need_leave)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    const char *domain;

    ck_assert(
        !domain_normalise(SPAN("b\303\274cher.example"), false, arena, &domain, &error));
    ck_assert(error.permanent);
    ck_assert_str_eq(error.status, "5.6.7");
    arena_free(arena);
}
END_TEST

START_TEST(literals_get_canonical)
{
    static const struct {
        const char *text, *literal;
    } rows[] = {
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"[IPv6:2001:DB8:0:0::1]", "[IPv6:2001:db8::1]"},
        {"[ipv6:::1]", "[IPv6:::1]"},
        {"[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:192.0.2.1]"},
        {"[192.0.2]", NULL},
        {"[192.0.2.256]", NULL},
        {"[192.0.2.1", NULL},
        {"192.0.2.1]", NULL},
        {"[2001:db8::1]", NULL}, /* RFC 5321: the tag is needed */
        {"[IPv6:192.0.2.1]", NULL},
        {"[IPv6:fe80::1%eth0]", NULL},
        {"[IPv6:]", NULL},
        {"[]", NULL},
        {"[", NULL},
        {"", NULL},
        {"[ 192.0.2.1]", NULL},
        {"[tag:x]", NULL},
        {"[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd]", NULL},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *literal = NULL;
        bool fine = domain_literal(span_of(rows[i].text), arena, &literal, NULL);

        ck_assert_msg(fine == (rows[i].literal != NULL), "%s", rows[i].text);
        if (fine)
            ck_assert_str_eq(literal, rows[i].literal);
    }
    ck_assert(!domain_literal(SPAN("[192.0.2.1\0]"), arena, &(const char *){NULL}, NULL));
    arena_free(arena);
}
END_TEST

START_TEST(domains_are_shown_as_u_labels_when_that_leads_back)
{
    static const struct {
        const char *domain, *shown;
    } rows[] = {
        {"xn--bcher-kva.example", "b\303\274cher.example"},
        {"example.org", "example.org"},
        {"xn--", "xn--"},
        {"xn--a", "xn--a"},                     /* no U-label */
        {"xn--99999999999", "xn--99999999999"}, /* beyond Unicode */
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(domain_show(rows[i].domain, arena), rows[i].shown);
    arena_free(arena);
}
END_TEST

START_TEST(domains_are_in_their_suffix)
{
    ck_assert(domain_is_in("a.b.c", "b.c"));
    ck_assert(domain_is_in("b.c", "b.c"));
    ck_assert(!domain_is_in("ab.c", "b.c"));
    ck_assert(!domain_is_in("c", "b.c"));
    ck_assert(!domain_is_in("b.c", ""));
    ck_assert(!domain_is_in("b.c.d", "b.c"));
}
END_TEST

TCase *
mail_domain_case(void)
{
    TCase *tcase = tcase_create("mail_domain");

    tcase_add_test(tcase, names_become_lower_case_a_labels);
    tcase_add_test(tcase, names_have_at_most_255_octets);
    tcase_add_test(tcase, names_beyond_ascii_need_leave);
    tcase_add_test(tcase, literals_get_canonical);
    tcase_add_test(tcase, domains_are_shown_as_u_labels_when_that_leads_back);
    tcase_add_test(tcase, domains_are_in_their_suffix);
    return tcase;
}
