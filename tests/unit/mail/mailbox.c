/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths of MAIL FROM and RCPT TO: RFC 5321 4.1.2, RFC 6531 3.3. */
#include "mail/mailbox.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(paths_are_parsed)
{
    static const struct {
        const char *path;
        unsigned syntax;
        const char *local_part, *domain, *text;
    } rows[] = {
        {"<a@b.example>", 0, "a", "b.example", "a@b.example"},
        {"<Joe.User@B.Example>", 0, "Joe.User", "b.example", "Joe.User@b.example"},
        {"<>", 0, "", "", ""},
        {"<\"a b\"@c.example>", 0, "a b", "c.example", "\"a b\"@c.example"},
        {"<\"joe\"@c.example>", 0, "joe", "c.example", "joe@c.example"},
        {"<\"j\\o\\e\"@c.example>", 0, "joe", "c.example", "joe@c.example"},
        {"<\"a\\\"b\\\\\"@c>", 0, "a\"b\\", "c", "\"a\\\"b\\\\\"@c"},
        {"<\"a@b\"@c>", 0, "a@b", "c", "\"a@b\"@c"},
        {"<\"a..b\"@c>", 0, "a..b", "c", "\"a..b\"@c"},
        {"<\".\"@c>", 0, ".", "c", "\".\"@c"},
        {"<\"u%r.example\"@c>", 0, "u%r.example", "c", "\"u%r.example\"@c"},
        {"<\"h!u\"@c>", 0, "h!u", "c", "\"h!u\"@c"},
        {"<u%r.example@c>", 0, "u%r.example", "c", "u%r.example@c"},
        {"<h!u@c>", 0, "h!u", "c", "h!u@c"},
        {"<!#$%&'*+-/=?^_`{|}~@c>", 0, "!#$%&'*+-/=?^_`{|}~", "c",
         "!#$%&'*+-/=?^_`{|}~@c"},
        {"<@relay.example:a@b.example>", 0, "a", "b.example", "a@b.example"},
        {"<@a.example,@b.example:u@c>", 0, "u", "c", "u@c"},
        {"<@[192.0.2.1]:u@c>", 0, "u", "c", "u@c"},
        {"<a@[192.0.2.1]>", 0, "a", "[192.0.2.1]", "a@[192.0.2.1]"},
        {"<a@[IPv6:2001:DB8::1]>", 0, "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"},
        {"<Postmaster>", MAILBOX_NO_DOMAIN, "Postmaster", "", "Postmaster"},
        {"<\"a b\">", MAILBOX_NO_DOMAIN, "a b", "", "\"a b\""},
        {"<j\303\266@b\303\274cher.example>", MAILBOX_UTF8, "j\303\266",
         "xn--bcher-kva.example", "j\303\266@xn--bcher-kva.example"},
        {"<\"j\303\266 x\"@c>", MAILBOX_UTF8, "j\303\266 x", "c", "\"j\303\266 x\"@c"},
        {"<-f@c>", 0, "-f", "c", "-f@c"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox mailbox;
        struct error error = {0};
        size_t length = 0;

        ck_assert_msg(mailbox_parse_path(span_of(rows[i].path), rows[i].syntax, arena,
                                         &mailbox, &length, &error),
                      "%s: %s", rows[i].path, error.text);
        ck_assert_uint_eq(length, strlen(rows[i].path));
        ck_assert(span_is(mailbox.local_part, rows[i].local_part));
        ck_assert_str_eq(mailbox.domain, rows[i].domain);
        ck_assert_str_eq(mailbox_text(&mailbox, arena), rows[i].text);
        ck_assert_int_eq(mailbox_is_null(&mailbox), rows[i].text[0] == '\0');
    }
    arena_free(arena);
}
END_TEST

START_TEST(what_is_no_path_is_refused)
{
    static const char *const rows[] = {
        "",
        "a@b.test",
        "<a@b.test",
        "<<a@b.test>>",
        "<a@b@c.test>",
        "<@b.test>",
        "<@b.test:>",
        "<@b.test,a@c>",
        "<@b.test,:a@c>",
        "<@:a@c>",
        "<a@>",
        "<@>",
        "<a b@c.test>",
        "< a@c.test>",
        "<a@c.test >",
        "<a@[127.0.0.1>",
        "<a@[127.0.0.1]x>",
        "<a@b..test>",
        "<a@.test>",
        "<a@-b.test>",
        "<a@b_\x01.test>",
        "<.a@b>",
        "<a.@b>",
        "<a..b@c>",
        "<\"a@b.test>",
        "<\"\"@b.test>",
        "<\"a\"b@c>",
        "<a\"b\"@c>",
        "<\"a\".b@c>",
        "<a\\>",
        "<a\\b@c>",
        "<\"a\\\">",
        "<\"a\\",
        "<a@b.test\\",
        "<\"a\x0b\"@c.test>",
        "<\"a\rb\"@c.test>",
        "<\"a\\\rb\"@c.test>",
        "<\"a\tb\"@c.test>",
        "<a\x1b[2Jb@c.test>",
        "<a\x7f@c.test>",
        "<\"a\x7f\"@c.test>",
        "<;id;>",
        "<;id;@c>",
        "<`id`;@>",
        "<$(id)@c>",
        "<a(c)@d>",
        "<:include:/etc/passwd@d>",
        "<a>", /* no domain */
        "<a@\xc3\xa9.test>",
        "<\xc3\xa9@c.test>",
        "<a@\xff\xfe.test>",
        "<a@b,c>",
        "<a@b:c>",
        "<a@b;c>",
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox mailbox;
        struct error error = {0};
        size_t length = 0;

        ck_assert_msg(!mailbox_parse_path(span_of(rows[i]), MAILBOX_STRICT, arena,
                                          &mailbox, &length, &error),
                      "%s", rows[i]);
        ck_assert_msg(error.permanent && error.status[0] == '5' && error.text[0] != '\0',
                      "%s", rows[i]);
    }
    arena_free(arena);
}
END_TEST

START_TEST(utf8_needs_leave_and_must_be_valid)
{
    static const struct {
        const char *path;
        unsigned syntax;
        const char *status;
    } rows[] = {
        {"<\303\251@c.test>", MAILBOX_STRICT, "5.6.7"},
        {"<\"\303\251\"@c.test>", MAILBOX_STRICT, "5.6.7"},
        {"<a@\303\251.test>", MAILBOX_STRICT, "5.6.7"},
        {"<\303@c.test>", MAILBOX_UTF8, "5.1.3"},
        {"<\300\257@c.test>", MAILBOX_UTF8, "5.1.3"},     /* overlong */
        {"<\355\240\200@c.test>", MAILBOX_UTF8, "5.1.3"}, /* surrogate */
        {"<\302\233@c.test>", MAILBOX_UTF8, "5.1.3"},     /* CSI, a C1 control */
        {"<\"\\\303\251\"@c.test>", MAILBOX_UTF8, "5.1.3"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox mailbox;
        struct error error = {0};
        size_t length;

        ck_assert(!mailbox_parse_path(span_of(rows[i].path), rows[i].syntax, arena,
                                      &mailbox, &length, &error));
        ck_assert_str_eq(error.status, rows[i].status);
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_path_ends_at_its_bracket)
{
    struct arena *arena = arena_new();
    struct mailbox mailbox;
    size_t length = 0;

    ck_assert(
        mailbox_parse_path(SPAN("<a@b> SIZE=1"), 0, arena, &mailbox, &length, NULL));
    ck_assert_uint_eq(length, 5);
    ck_assert(
        mailbox_parse_path(SPAN("<\"a>b\"@c>x"), 0, arena, &mailbox, &length, NULL));
    ck_assert_uint_eq(length, 9);
    ck_assert(mailbox_parse_path(SPAN("<>\"="), 0, arena, &mailbox, &length, NULL));
    ck_assert_uint_eq(length, 2);
    ck_assert(!mailbox_parse_path(SPAN("<a\0b@c>"), 0, arena, &mailbox, &length, NULL));
    ck_assert(
        !mailbox_parse_path(SPAN("<\"a\0b\"@c>"), 0, arena, &mailbox, &length, NULL));
    arena_free(arena);
}
END_TEST

START_TEST(a_path_has_at_most_1024_octets)
{
    struct arena *arena = arena_new();
    struct text path = text_new(arena);
    struct mailbox mailbox;
    size_t length = 0;

    text_add(&path, "<");
    while (path.length < 1000)
        text_add(&path, "x");
    text_add(&path, "@b>");
    ck_assert(mailbox_parse_path(text_span(&path), 0, arena, &mailbox, &length, NULL));
    text_cut(&path, 1000);
    while (path.length < 100000)
        text_add(&path, "y");
    text_add(&path, "@b>");
    ck_assert(!mailbox_parse_path(text_span(&path), 0, arena, &mailbox, &length, NULL));
    arena_free(arena);
}
END_TEST

START_TEST(mailboxes_without_brackets)
{
    struct arena *arena = arena_new();
    struct mailbox mailbox;

    ck_assert(mailbox_parse(SPAN("joe@X"), 0, arena, &mailbox, NULL));
    ck_assert_str_eq(mailbox.domain, "x");
    ck_assert(mailbox_parse(SPAN("joe"), MAILBOX_NO_DOMAIN, arena, &mailbox, NULL));
    ck_assert(!mailbox_parse(SPAN(""), MAILBOX_NO_DOMAIN, arena, &mailbox, NULL));
    ck_assert(!mailbox_parse(SPAN("joe"), 0, arena, &mailbox, NULL));
    ck_assert(!mailbox_parse(SPAN("joe@x>"), 0, arena, &mailbox, NULL));
    ck_assert(!mailbox_parse(SPAN("joe@x "), 0, arena, &mailbox, NULL));
    ck_assert(!mailbox_parse(SPAN("joe@x\r\n"), 0, arena, &mailbox, NULL));
    arena_free(arena);
}
END_TEST

START_TEST(local_parts_are_unquoted_once)
{
    static const struct {
        const char *text, *local_part;
    } rows[] = {
        {"joe", "joe"},     {"joe.user", "joe.user"},
        {"\"a b\"", "a b"}, {"\"\\\"x\\\"\"", "\"x\""},
        {"a|b", "a|b"},     {"a b", NULL},
        {"joe@x", NULL},    {"\"a\".b", NULL},
        {"", NULL},         {"\"\"", NULL},
        {"\"a", NULL},      {"a..b", NULL},
        {"\"a\" ", NULL},   {"\303\251", "\303\251"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span local_part = {"", 0};
        bool fine = mailbox_local_part(span_of(rows[i].text), arena, &local_part);

        ck_assert_msg(fine == (rows[i].local_part != NULL), "%s", rows[i].text);
        ck_assert(!fine || span_is(local_part, rows[i].local_part));
    }
    arena_free(arena);
}
END_TEST

/* A small generator, so that a failure can be repeated. */
static unsigned
draw(unsigned *seed, unsigned limit)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % limit;
}

static const char *
draw_local_part(unsigned *seed, struct arena *arena)
{
    struct text text = text_new(arena);
    unsigned length = 1 + draw(seed, 12);

    while (length-- > 0) {
        if (draw(seed, 10) == 0)
            text_add(&text, "\303\251");
        else
            text_add_byte(&text, (char)(' ' + (int)draw(seed, '~' - ' ' + 1)));
    }
    return text_string(&text);
}

START_TEST(any_local_part_survives_printing_and_parsing)
{
    struct arena *arena = arena_new();
    unsigned seed = 42;

    for (int i = 0; i < 20000; i++) {
        const char *local_part = draw_local_part(&seed, arena);
        const char *quoted = mailbox_quote(span_of(local_part), arena);
        const char *path = arena_format(arena, "<%s@b.example>", quoted);
        struct mailbox mailbox, second;
        size_t length = 0;

        ck_assert_msg(mailbox_parse_path(span_of(path), MAILBOX_UTF8, arena, &mailbox,
                                         &length, NULL),
                      "%s", path);
        ck_assert_uint_eq(length, strlen(path));
        ck_assert_msg(span_is(mailbox.local_part, local_part), "%s", path);
        path = mailbox_text(&mailbox, arena);
        ck_assert(mailbox_parse(span_of(path), MAILBOX_UTF8, arena, &second, NULL));
        ck_assert(span_equal(second.local_part, mailbox.local_part));
        if (i % 100 == 0)
            arena_reset(arena);
    }
    arena_free(arena);
}
END_TEST

TCase *
mail_mailbox_case(void)
{
    TCase *tcase = tcase_create("mail_mailbox");

    tcase_add_test(tcase, paths_are_parsed);
    tcase_add_test(tcase, what_is_no_path_is_refused);
    tcase_add_test(tcase, utf8_needs_leave_and_must_be_valid);
    tcase_add_test(tcase, a_path_ends_at_its_bracket);
    tcase_add_test(tcase, a_path_has_at_most_1024_octets);
    tcase_add_test(tcase, mailboxes_without_brackets);
    tcase_add_test(tcase, local_parts_are_unquoted_once);
    tcase_add_test(tcase, any_local_part_survives_printing_and_parsing);
    return tcase;
}
