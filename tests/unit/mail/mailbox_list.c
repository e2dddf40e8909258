/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists: header fields (RFC 5322 3.4, with appendix A), aliases, .forward, list files. */
#include "mail/mailbox.h"

#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

enum {
    HEADER = 0,
    ALIAS = MAILBOX_LIST_SPECIAL | MAILBOX_LIST_BLANKS,
    LINES = ALIAS | MAILBOX_LIST_LINES
};

/* "k:text(display)" for each item, k being a, f, p or i, upper case if literal. */
static const char *
list_print(struct mailbox_item *items, struct arena *arena)
{
    struct text text = text_new(arena);

    for (; items != NULL; items = items->next) {
        text_add_byte(&text, (items->literal ? "AFPI" : "afpi")[items->kind]);
        text_add_format(&text, ":%s", items->text);
        if (items->display[0] != '\0')
            text_add_format(&text, "(%s)", items->display);
        if (items->next != NULL)
            text_add(&text, " ");
    }
    return text_string(&text);
}

static const struct {
    const char *list;
    unsigned flags;
    const char *items; /* NULL: refused */
} rows[] = {
    /* RFC 5322 appendix A.1 */
    {"John Doe <jdoe@machine.example>", HEADER, "a:jdoe@machine.example(John Doe)"},
    {"\"Joe Q. Public\" <john.q.public@example.com>", HEADER,
     "a:john.q.public@example.com(Joe Q. Public)"},
    {"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", HEADER,
     "a:mary@x.test(Mary Smith) a:jdoe@example.org a:one@y.test(Who?)"},
    {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", HEADER,
     "a:boss@nil.test a:sysservices@example.net(Giant; \"Big\" Box)"},
    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", HEADER,
     "a:c@a.test(Ed Jones) a:joe@where.test a:jdoe@one.test(John)"},
    {"Undisclosed recipients:;", HEADER, ""},
    /* A.5 */
    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", HEADER,
     "a:pete@silly.test(Pete(A nice \\) chap))"},
    {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
     "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of "
     "the "
     "group)",
     HEADER, "a:c@public.example(Chris Jones) a:joe@example.org a:jdoe@one.test(John)"},
    {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", HEADER, ""},
    /* A.6.1 */
    {"Joe Q. Public <john.q.public@example.com>", HEADER,
     "a:john.q.public@example.com(Joe Q. Public)"},
    {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", HEADER,
     "a:@node.test:mary@example.net(Mary Smith) a:jdoe@test.example"},
    /* A.6.3 */
    {"John Doe <jdoe@machine(comment).  example>", HEADER,
     "a:jdoe@machine.example(John Doe)"},
    {"", HEADER, ""},
    {" , ,\r\n ", HEADER, ""},
    {"joe", HEADER, "a:joe"},
    {"a!b!c", HEADER, "a:a!b!c"},
    {"a!b@c (Joe), u%x", HEADER, "a:a!b@c a:u%x"},
    {"\"a b\"@c", HEADER, "a:\"a b\"@c"},
    {"\"a, b\" @ c", HEADER, "a:\"a, b\"@c"},
    {"\"a\r\n b\"@c", HEADER, "a:\"a b\"@c"},
    {"joe@[192.0.2.1]", HEADER, "a:joe@[192.0.2.1]"},
    {"<<a@b>>", HEADER, "a:a@b"}, /* the innermost counts */
    {"x <y <a@b>>", HEADER, "a:a@b(x)"},
    {"@a,@b:u@c, d", HEADER, "a:@a,@b:u@c a:d"},
    {"=?utf-8?Q?a=00b=0A?= <a@b>", HEADER, "a:a@b(=?utf-8?Q?a=00b=0A?=)"},
    {"J\303\266rg <a@b>", HEADER, "a:a@b(J\303\266rg)"},
    {"J\366rg (\366) <a@b>", HEADER, "a:a@b(J\366rg (\366))"},
    /* what a header cannot hold */
    {"/etc/passwd", HEADER, "a:/etc/passwd"},
    {"|cmd", HEADER, "a:|cmd"},
    {"\"|cmd\"", HEADER, "a:\"|cmd\""},
    {":include:/etc/passwd", HEADER, NULL},
    {"\\joe", HEADER, NULL},
    {"joe user", HEADER, NULL},
    {"a b@c", HEADER, NULL},
    {"a@b c@d", HEADER, NULL},
    {"a@b <c@d> e", HEADER, NULL},
    {"<a@b> <c@d>", HEADER, NULL},
    {"<a b@c>", HEADER, NULL},
    {"<>", HEADER, NULL},
    {"<a@b", HEADER, NULL},
    {"a@b>", HEADER, NULL},
    {"<a><b>", HEADER, NULL},
    {"<<a>b>", HEADER, NULL},
    {"(a", HEADER, NULL},
    {"a)", HEADER, NULL},
    {"\"a", HEADER, NULL},
    {"\"a\\", HEADER, NULL},
    {"a@[b", HEADER, NULL},
    {"a@b;", HEADER, NULL},
    {"g: a; b;", HEADER, NULL},
    {"g: h: a;;", HEADER, NULL},
    {"g: a", HEADER, NULL},
    {": a;", HEADER, NULL},
    {"a\001b", HEADER, NULL},
    {"\377@b", HEADER, NULL},
    /* aliases */
    {"joe, jim jack", ALIAS, "a:joe a:jim a:jack"},
    {"joe,\n\tjim\n  jack", ALIAS, "a:joe a:jim a:jack"},
    {"\"|/usr/local/lib/gateit local.lists.ppp\"", ALIAS,
     "p:/usr/local/lib/gateit local.lists.ppp"},
    {"|\"/usr/bin/prog -x \\\"y\\\"\"", ALIAS, "p:/usr/bin/prog -x \"y\""},
    {"|/bin/prog", ALIAS, "p:/bin/prog"},
    {"/var/mail/archive, \"/var/mail/a b\" ~/x ~joe/y", ALIAS,
     "f:/var/mail/archive f:/var/mail/a b f:~/x f:~joe/y"},
    {":include:/usr/lib/smail/lists/x", ALIAS, "i:/usr/lib/smail/lists/x"},
    {":include: /usr/lib/smail/lists/x", ALIAS, "i:/usr/lib/smail/lists/x"},
    {"\":include: /a b\", :INCLUDE:/c", ALIAS, "i:/a b i:/c"},
    {"\\joe, \"|vacation joe\"", ALIAS, "A:joe p:vacation joe"},
    {"\\/file, \\|cmd, \\\"|a b\"", ALIAS, "F:/file P:cmd P:a b"},
    {"Joe User <joe@x> jim", ALIAS, "a:joe@x(Joe User) a:jim"},
    {"friends: joe, jim; jack", ALIAS, "a:joe a:jim a:jack"},
    {"joe (comment, with comma) jim", ALIAS, "a:joe a:jim"},
    {"joe(x)@y jim", ALIAS, "a:joe@y a:jim"},
    {"\"/x\"@gateway.example", ALIAS, "a:\"/x\"@gateway.example"},
    {"\"|x\"y", ALIAS, "a:\"|x\"y"},
    {"|${run{x}} $home `z`", ALIAS, "p:${run{x}} a:$home a:`z`"},
    {"joe@x.y, a!b, u%z", ALIAS, "a:joe@x.y a:a!b a:u%z"},
    {"\\joe <a@b>", ALIAS, NULL}, /* two items or one? nobody is dropped by a guess */
    {"\\<a@b>", ALIAS, NULL},
    {"\\joe: a;", ALIAS, NULL},
    {"\\joe g: a;", ALIAS, NULL},
    {"\\joe, <a@b>", ALIAS, "A:joe a:a@b"},
    {"\\", ALIAS, NULL},
    {"\\ joe", ALIAS, NULL},
    {"\\\\joe", ALIAS, NULL},
    {"|", ALIAS, NULL},
    {"\"|\"", ALIAS, NULL},
    {"\":include: \"", ALIAS, NULL},
    {"\"|cmd", ALIAS, NULL},
    {"/a\"b", ALIAS, NULL},
    /* list files and .forward */
    {"# comment\n\njoe # trailing\njim\n", LINES, "a:joe a:jim"},
    {"a#b@c\n", LINES, "a:a#b@c"},
    {"joe,\njim,jack\r\nx y\n", LINES, "a:joe a:jim a:jack a:x a:y"},
    {"\"joe\nuser\"@x\n", LINES, NULL},
    {"Joe User <joe@x>\nJim <jim@x>\n", LINES, "a:joe@x(Joe User) a:jim@x(Jim)"},
};

START_TEST(lists_are_taken_apart)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mailbox_item *items = NULL;
        struct error error = {0};
        bool fine = mailbox_list_parse(span_of(rows[i].list), rows[i].flags, 100, arena,
                                       &items, &error);

        ck_assert_msg(fine == (rows[i].items != NULL), "%s: %s", rows[i].list,
                      error.text);
        if (fine)
            ck_assert_str_eq(list_print(items, arena), rows[i].items);
        else
            ck_assert(error.permanent && strcmp(error.status, "5.1.3") == 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(errors_and_items_name_their_line)
{
    struct arena *arena = arena_new();
    struct mailbox_item *items;
    struct error error = {0};

    ck_assert(
        mailbox_list_parse(SPAN("a\n\nb\n# x\n(\n)\nc"), LINES, 9, arena, &items, NULL));
    ck_assert_uint_eq(items->line, 1);
    ck_assert_uint_eq(items->next->line, 3);
    ck_assert_uint_eq(items->next->next->line, 7);
    ck_assert(
        !mailbox_list_parse(SPAN("a\nb\nc>d\ne\n"), LINES, 9, arena, &items, &error));
    ck_assert_msg(strncmp(error.text, "line 3: ", 8) == 0, "%s", error.text);
    ck_assert(strstr(error.text, "c>d") != NULL);
    arena_free(arena);
}
END_TEST

START_TEST(a_list_has_its_limit)
{
    struct arena *arena = arena_new();
    struct mailbox_item *items;

    ck_assert(mailbox_list_parse(SPAN("a, b, c"), HEADER, 3, arena, &items, NULL));
    ck_assert(!mailbox_list_parse(SPAN("a, b, c"), HEADER, 2, arena, &items, NULL));
    ck_assert(mailbox_list_parse(SPAN("x y z <a>, b"), ALIAS, 5, arena, &items, NULL));
    ck_assert(mailbox_list_parse(SPAN(""), HEADER, 0, arena, &items, NULL));
    arena_free(arena);
}
END_TEST

/* A list of `count` times the same. */
static struct span
repeated(const char *piece, size_t count, struct arena *arena)
{
    struct text text = text_new(arena);

    while (count-- > 0)
        text_add(&text, piece);
    return text_span(&text);
}

START_TEST(time_is_linear_whatever_the_list_holds)
{
    static const char *const pieces[] = {"(",   "((((", "\"",   "<",   "a ",       "@,",
                                         "@a,", "a,",   "[",    "\\(", "g:",       "()",
                                         "a<",  ">",    "\"\"", "a (", "a@b,\r\n "};
    clock_t begin = clock();

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct arena *arena = arena_new();
        struct mailbox_item *items;

        for (unsigned flags = 0; flags < 8; flags++)
            mailbox_list_parse(repeated(pieces[i], 20000, arena), flags, SIZE_MAX, arena,
                               &items, NULL);
        arena_free(arena);
    }
    ck_assert(clock() - begin < 3 * CLOCKS_PER_SEC);
}
END_TEST

TCase *
mail_mailbox_list_case(void)
{
    TCase *tcase = tcase_create("mail_mailbox_list");

    tcase_add_test(tcase, lists_are_taken_apart);
    tcase_add_test(tcase, errors_and_items_name_their_line);
    tcase_add_test(tcase, a_list_has_its_limit);
    tcase_add_test(tcase, time_is_linear_whatever_the_list_holds);
    return tcase;
}
