/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking and measuring headers (RFC 5322 2.2, 3.6, 4.5), recipients, "From " lines. */
#include "mail/header.h"

#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

#define FOLDED "Subject: a\r\n b\r\n\tc\r\n"

START_TEST(fields_are_walked)
{
    static const struct {
        const char *header, *name, *value, *text;
        size_t length;
    } rows[] = {
        {"To: a@b\r\nx", "To", " a@b", "a@b", 9},
        {FOLDED "To: x\r\n", "Subject", " a\r\n b\r\n\tc", "a b\tc", strlen(FOLDED)},
        {"To : a\r\n", "To", " a", "a", 8}, /* RFC 5322 4.5.8 */
        {"To:\r\n", "To", "", "", 5},
        {"To:", "To", "", "", 3},
        {"To: a", "To", " a", "a", 5},
        {"To: a\r\n  \r\n\r\n", "To", " a\r\n  ", "a", 11},
        {"x-1!~: a\nb\r\n", "x-1!~", " a\nb", "ab", 12}, /* a bare LF ends nothing */
        {"\r\n", NULL, NULL, NULL, 0},
        {"", NULL, NULL, NULL, 0},
        {" To: a\r\n", NULL, NULL, NULL, 0},
        {": a\r\n", NULL, NULL, NULL, 0},
        {"To a: b\r\n", NULL, NULL, NULL, 0},
        {"To\r\n: b\r\n", NULL, NULL, NULL, 0},
        {"T\303\266: b\r\n", NULL, NULL, NULL, 0},
        {"From joe Sun Apr 24 07:12:04 1994\r\n", NULL, NULL, NULL, 0},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span rest = span_of(rows[i].header);
        struct field field;

        ck_assert_msg(header_next(&rest, &field) == (rows[i].name != NULL), "%s",
                      rows[i].header);
        ck_assert_uint_eq(strlen(rows[i].header) - rest.length, rows[i].length);
        if (rows[i].name == NULL)
            continue;
        ck_assert(span_is(field.name, rows[i].name));
        ck_assert_msg(span_is(field.value, rows[i].value), "%s", rows[i].header);
        ck_assert_uint_eq(field.whole.length, rows[i].length);
        ck_assert_str_eq(field_value(&field, arena), rows[i].text);
    }
    arena_free(arena);
}
END_TEST

START_TEST(fields_are_found_by_name_and_number)
{
    static const char header[] =
        "Received: 1\r\nTo: x\r\nRECEIVED: 2\r\n\r\nReceived: 3\r\n";
    struct span span = span_of(header);
    struct field field;

    ck_assert_uint_eq(header_count(span, "Received"), 2);
    ck_assert(header_find(span, "received", 1, &field));
    ck_assert(span_is(field.value, " 2"));
    ck_assert(!header_find(span, "Received", 2, &field));
    ck_assert(!header_find(span, "Receive", 0, &field));
    ck_assert_uint_eq(header_count(SPAN(""), "To"), 0);
}
END_TEST

static const struct {
    const char *content;
    size_t header;
    uint32_t longest, received;
    bool eight_bit, header_utf8;
} contents[] = {
    {"", 0, 0, 0, false, false},
    {"\r\n", 2, 0, 0, false, false},
    {"To: a\r\n\r\nbody\r\n", 9, 5, 0, false, false},
    {"To: a\r\n", 7, 5, 0, false, false},
    {"To: a\r\n b\r\n\r\nlonger body\r\n", 13, 11, 0, false, false},
    {"just text\r\n\r\n", 0, 9, 0, false, false},
    {"To: a\r\nno field\r\n\r\nx", 7, 8, 0, false, false},
    {" a: b\r\n\r\n", 0, 5, 0, false, false},
    {"To: a\r\n\rb\r\n", 7, 5, 0, false, false},
    {"To", 0, 2, 0, false, false},
    {"To: a\r\nFro", 7, 5, 0, false, false},
    {"To: a\r\n\r", 7, 5, 0, false, false},
    {"To: a\nb\rc\r\n\r\n", 13, 9, 0, false, false},
    {"Received: a\r\nrEcEiVeD : b\r\n c\r\nReceived-SPF: x\r\nX: Received: "
     "c\r\n\r\nReceived: "
     "d\r\n",
     66, 15, 2, false, false},
    {"To: \303\266\r\n\r\na\r\n", 10, 6, 0, true, true},
    {"To: a\r\n\r\n\303\266\r\n", 9, 5, 0, true, false},
    {"To: a\r\n\303\266: b\r\n\r\n", 7, 5, 0, true, false},
};

START_TEST(facts_do_not_depend_on_how_the_content_comes)
{
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct span content = span_of(contents[i].content);

        ck_assert_msg(header_length(content) == contents[i].header, "%s", content.bytes);
        for (size_t step = 1; step <= content.length + 1; step++) {
            struct content_facts facts = content_facts_new();
            struct envelope envelope = {0};

            for (size_t at = 0; at < content.length; at += step)
                content_facts_add(&facts, span_first(span_from(content, at), step));
            content_facts_store(&facts, &envelope);
            ck_assert_uint_eq(envelope.size, content.length);
            ck_assert_msg(envelope.header_size == contents[i].header, "%s",
                          content.bytes);
            ck_assert_uint_eq(envelope.longest_line, contents[i].longest);
            ck_assert_uint_eq(envelope.hops, contents[i].received);
            ck_assert_int_eq(envelope.eight_bit, contents[i].eight_bit);
            ck_assert_int_eq(envelope.header_utf8, contents[i].header_utf8);
        }
    }
}
END_TEST

START_TEST(recipients_come_from_the_header)
{
    static const struct {
        const char *header, *recipients; /* NULL: refused */
    } rows[] = {
        {"To: a@b, C <c@d>\r\ncc : e\r\nBCC: f\r\n g, h\r\n", NULL},
        {"To: a@b, C <c@d>\r\ncc : e\r\nBCC: f,\r\n g, h\r\nFrom: x\r\n",
         "a@b c@d e f g h"},
        {"To: a\r\nResent-To: b\r\nResent-Bcc: c\r\nCc: d\r\n", "b c"},
        {"To: a\r\nResent-From: b\r\n", "a"},
        {"To: friends: a, b;\r\nTo: c\r\n", "a b c"},
        {"To: undisclosed-recipients:;\r\nBcc:\r\n", ""},
        {"Subject: x\r\n\r\nTo: a\r\n", ""},
        {"To: \"|cmd\", /file\r\n", "\"|cmd\" /file"}, /* names, not commands */
        {"To: a\r\nCc: <b\r\n", NULL},
        {"To: :include:/etc/passwd\r\n", NULL},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = text_new(arena);
        struct error error = {0};
        const char **recipients;
        size_t count;
        bool fine = header_recipients(span_of(rows[i].header), 100, arena, &recipients,
                                      &count, &error);

        ck_assert_msg(fine == (rows[i].recipients != NULL), "%s: %s", rows[i].header,
                      error.text);
        for (size_t j = 0; fine && j < count; j++)
            text_add_format(&text, "%s%s", j > 0 ? " " : "", recipients[j]);
        if (fine)
            ck_assert_str_eq(text_string(&text), rows[i].recipients);
        else
            ck_assert(error.permanent && strcmp(error.status, "5.1.3") == 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(recipients_have_a_limit_over_all_fields)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    const char **recipients;
    size_t count;

    ck_assert(header_recipients(SPAN("To: a, b\r\nCc: c\r\n"), 3, arena, &recipients,
                                &count, NULL));
    ck_assert_uint_eq(count, 3);
    ck_assert(!header_recipients(SPAN("To: a, b\r\nCc: c\r\n"), 2, arena, &recipients,
                                 &count, &error));
    ck_assert_msg(strncmp(error.text, "Cc: ", 4) == 0, "%s", error.text);
    arena_free(arena);
}
END_TEST

START_TEST(from_lines_spell_the_sender)
{
    static const struct {
        const char *content, *sender, *rest;
    } rows[] = {
        {"From joe Sun Apr 24 07:12:04 1994\r\nTo: x\r\n", "joe", "To: x\r\n"},
        {"From joe Sun Apr 24 07:12:04 MET DST 1994 remote from vstout\r\nTo: x\r\n",
         "vstout!joe", "To: x\r\n"},
        {"From uucp Sun Apr 24 07:12:04 1994 remote from c\r\n"
         ">From uucp Sun Apr 24 07:11:00 1994 remote from b\r\n"
         ">From joe Sun Apr 24 07:10 1994 remote from a\r\nTo: x\r\n",
         "c!b!a!joe", "To: x\r\n"},
        {"From a!b!joe Sun Apr 24 07:12:04 1994\r\n", "a!b!joe", ""},
        {"From joe@x.example Sun Apr 24 07:12:04 1994", "joe@x.example", ""},
        {"From \"joe user\"@x Sun Apr 24 07:12:04 1994\r\n\r\n", "\"joe user\"@x",
         "\r\n"},
        {"From here on it is text\r\n", "", "From here on it is text\r\n"},
        {">From the start\r\n", "", ">From the start\r\n"},
        {"From: joe\r\n", "", "From: joe\r\n"},
        {"from joe Sun Apr 24 07:12:04 1994\r\n", "",
         "from joe Sun Apr 24 07:12:04 1994\r\n"},
        {"From joe Sun Apr 24 07:12:04 1994 remote from a b\r\nx", "joe", "x"},
        {"From a\001b Sun Apr 24 07:12:04 1994\r\nx", "", "x"},
        {"", "", ""},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span content = span_of(rows[i].content);
        const char *sender;

        header_take_from_lines(&content, arena, &sender);
        ck_assert_str_eq(sender, rows[i].sender);
        ck_assert_msg(span_is(content, rows[i].rest), "%s", rows[i].content);
    }
    arena_free(arena);
}
END_TEST

START_TEST(precedence_gives_the_grade)
{
    static const char grades[] =
        "special-delivery:9:air-mail:A:first-class:C:bulk:a:junk:n"; /* reference 3.3 */
    static const struct {
        const char *header;
        char grade;
    } rows[] = {
        {"Precedence: bulk\r\n", 'a'},
        {"To: x\r\nPRECEDENCE:  Special-Delivery \r\n", '9'},
        {"Precedence: junk\r\nPrecedence: bulk\r\n", 'n'},
        {"Precedence: jun\r\n", 'Q'},
        {"Precedence: \r\n", 'Q'},
        {"Subject: x\r\n\r\nPrecedence: bulk\r\n", 'Q'},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(header_grade(span_of(rows[i].header), grades, 'Q') == rows[i].grade,
                      "%s", rows[i].header);
    ck_assert_int_eq(header_grade(SPAN("Precedence: bulk\r\n"), "", 'Q'), 'Q');
    ck_assert_int_eq(header_grade(SPAN("Precedence: bulk\r\n"), "bulk", 'Q'), 'Q');
    ck_assert_int_eq(header_grade(SPAN("Precedence: bulk\r\n"), "bulk:xx", 'Q'), 'Q');
}
END_TEST

START_TEST(time_is_linear_whatever_the_header_holds)
{
    static const char *const pieces[] = {"a:\r\n",
                                         " \r\n",
                                         "\n",
                                         "\r",
                                         "a",
                                         "Received:x\r\n",
                                         "To: a, (\r\n",
                                         "From x 1:1\r\n",
                                         "Cc: a,\r\n b\r\n"};
    clock_t begin = clock();

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct arena *arena = arena_new();
        struct text text = text_new(arena);
        struct content_facts facts = content_facts_new();
        const char **recipients, *sender;
        struct span content;
        size_t count;

        text_add(&text, "X: y");
        while (text.length < 400000)
            text_add(&text, pieces[i]);
        content = text_span(&text);
        header_length(content);
        header_count(content, "To");
        header_recipients(content, SIZE_MAX, arena, &recipients, &count, NULL);
        for (size_t at = 0; at < content.length; at += 3)
            content_facts_add(&facts, span_first(span_from(content, at), 3));
        content = span_from(content, 4);
        header_take_from_lines(&content, arena, &sender);
        arena_free(arena);
    }
    ck_assert(clock() - begin < 3 * CLOCKS_PER_SEC);
}
END_TEST

TCase *
mail_header_case(void)
{
    TCase *tcase = tcase_create("mail_header");

    tcase_add_test(tcase, fields_are_walked);
    tcase_add_test(tcase, fields_are_found_by_name_and_number);
    tcase_add_test(tcase, facts_do_not_depend_on_how_the_content_comes);
    tcase_add_test(tcase, recipients_come_from_the_header);
    tcase_add_test(tcase, recipients_have_a_limit_over_all_fields);
    tcase_add_test(tcase, from_lines_spell_the_sender);
    tcase_add_test(tcase, precedence_gives_the_grade);
    tcase_add_test(tcase, time_is_linear_whatever_the_header_holds);
    return tcase;
}
