/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The syntax of the administrator's files: reference 2.1 to 2.4 and 2.6, example by
 * example. */
#include "config/lexer.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

/* What was read and what was wrong, in one line each. */
static const char *
described_problems(const struct problems *problems, struct text *text)
{
    for (const struct problem *at = problems->first; at; at = at->next)
        text_add_format(text, "!%u %s\n", at->line, at->text);
    return text_string(text);
}

static void
describe_setting(struct text *text, const struct setting *setting)
{
    if (setting->form == SETTING_VALUE)
        text_add_format(text, "%u %s=<%s>\n", setting->line, setting->name,
                        setting->value);
    else
        text_add_format(text, "%u %c%s\n", setting->line,
                        setting->form == SETTING_ON ? '+' : '-', setting->name);
}

static const char *
settings_of(struct span text, struct arena *arena)
{
    struct text out = text_new(arena);
    struct problems problems;
    struct setting *setting;

    problems_begin(&problems, arena);
    for (setting = lex_settings("f", text, arena, &problems); setting;
         setting = setting->next)
        describe_setting(&out, setting);
    return described_problems(&problems, &out);
}

static const struct {
    const char *text, *result;
} good_settings[] = {
    {"", ""},
    {"# nothing\n\n   \n", ""},
    {"a=b", "1 a=<b>\n"},
    {"a = b\n", "1 a=<b>\n"},
    {"a\n", "1 +a\n"},
    {"+a\n-b\n", "1 +a\n2 -b\n"},
    {"+ a\n", "1 +a\n"},
    /* white space before the very first entry is tolerated */
    {"\n   visible_name=x\n", "2 visible_name=<x>\n"},
    /* leading white space continues; comments and blank lines do not end an entry */
    {"a\n  =\n# comment\n\n\tb\nc = d\n", "1 a=<b>\n6 c=<d>\n"},
    {"a = b # comment\nc\n", "1 a=<b>\n2 +c\n"},
    {"a = b#comment\n", "1 a=<b>\n"},
    /* backslash and newline go, with the blanks of the next line, also inside a string */
    {"a = \"one \\\n    two\"\n", "1 a=<one two>\n"},
    {"a = one\\\n   two\n", "1 a=<onetwo>\n"},
    {"a = one\\\ntwo\nb\n", "1 a=<onetwo>\n3 +b\n"},
    {"a = \\\n  b\n", "1 a=<b>\n"},
    {"a = \"one\n two\"\n", "1 a=<one\n two>\n"},
    /* CR LF line ends */
    {"a = b\r\n  \r\nc\r\n", "1 a=<b>\n3 +c\n"},
    {"a = \"b\\\r\n  c\"\r\n", "1 a=<bc>\n"},
    {"a = \"b\r\n c\"\r\n", "1 a=<b\n c>\n"},
    /* what needs no quotes */
    {"file = ~/.forward\n", "1 file=<~/.forward>\n"},
    {"new_user = $user@gw\n", "1 new_user=<$user@gw>\n"},
    {"x = !@$%^&*-_+~/?|<>:[]{}.'`\n", "1 x=<!@$%^&*-_+~/?|<>:[]{}.'`>\n"},
    {"x = a\\ b\\,c\\#\\\"\n", "1 x=<a b,c#\">\n"},
    {"x = b\xc3\xbc"
     "cher.example\n",
     "1 x=<b\xc3\xbc"
     "cher.example>\n"},
    /* escapes */
    {"x = \"\\n\\r\\t\\b\\f\\v\\e\\g\"\n", "1 x=<\n\r\t\b\f\v\033\a>\n"},
    {"x = \"\\101\\x42\\x043\\q\\\\\\\"\"\n", "1 x=<ABCq\\\">\n"},
    {"x = \"\\60\\0618\"\n", "1 x=<018>\n"},
    {"x = \"a # b, c; (d) = e\"\n", "1 x=<a # b, c; (d) = e>\n"},
    {"x = \"\"\n", "1 x=<>\n"},
    /* names may hold '-' */
    {"ignore-case = 1\n", "1 ignore-case=<1>\n"},
    {"-ignore-case\n", "1 -ignore-case\n"},
};

START_TEST(settings_are_read_as_the_reference_has_them)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof good_settings / sizeof good_settings[0]; i++)
        ck_assert_str_eq(settings_of(span_of(good_settings[i].text), arena),
                         good_settings[i].result);
    arena_free(arena);
}
END_TEST

static const struct {
    const char *text, *begin; /* of the first problem */
    const char *result;       /* what was read besides */
} bad_settings[] = {
    {"a = b c\nd\n", "!1 'c' found behind a", "2 +d\n"},
    {"a\n = b\n c\nd\n", "!3 'c' found behind a", "4 +d\n"},
    {"+a = b\nd\n", "!1 '=' found behind +a", "2 +d\n"},
    {"a =\nd\n", "!1 the end of the entry found, a value expected", "2 +d\n"},
    {"a =", "!1 the end of the entry found, a value expected", ""},
    {"a = (b)\nd\n", "!1 '(b)' found, a value expected", "2 +d\n"},
    {"a = ,\nd\n", "!1 ',' found, a value expected", "2 +d\n"},
    {"= b\nd\n", "!1 '=' found, a name expected", "2 +d\n"},
    {"--a\nd\n", "!1 '-a' found, a name expected", "2 +d\n"},
    {"\"a\" = b\nd\n", "!1 '\"a\"' found, a name expected", "2 +d\n"},
    {"a = \"b\nc = d\n", "!1 string without end found", "2 c=<d>\n"},
    {"a = \"b", "!1 string without end found", ""},
    {"a = \"b\n  c", "!1 string without end found", ""},
    {"a = \"\\400\"\nd\n", "!1 escape for the octet 256 found", "2 +d\n"},
    {"a = \"\\0\"\nd\n", "!1 escape for the octet 0 found", "2 +d\n"},
    {"a = \"\\xg\"\nd\n", "!1 escape for the octet 0 found", "2 +d\n"},
    {"a = \"\001\"\nd\n", "!1 '?\"' found, text without control", "2 +d\n"},
    {"a = b\\", "!1 '\\' found behind a", ""},
    {"a = \"b\" \"c\"\nd\n", "!1 '\"c\"' found behind a", "2 +d\n"},
    {"a.b = c\nd\n", "!1 '.b' found behind a", "2 +d\n"},
};

START_TEST(a_mistake_costs_its_entry_and_names_its_line)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof bad_settings / sizeof bad_settings[0]; i++) {
        const char *got = settings_of(span_of(bad_settings[i].text), arena);
        const char *mark = strchr(got, '!');

        ck_assert_msg(mark != NULL, "%s", bad_settings[i].text);
        ck_assert_msg(
            strncmp(mark, bad_settings[i].begin, strlen(bad_settings[i].begin)) == 0,
            "%s: %s", bad_settings[i].text, mark);
        ck_assert_msg(strchr(mark + 1, '!') == NULL, "%s: %s", bad_settings[i].text,
                      mark);
        ck_assert_msg(strlen(bad_settings[i].result) == (size_t)(mark - got) &&
                          strncmp(got, bad_settings[i].result, (size_t)(mark - got)) == 0,
                      "%s: %s", bad_settings[i].text, got);
    }
    arena_free(arena);
}
END_TEST

START_TEST(every_mistake_of_a_file_is_told)
{
    struct arena *arena = arena_new();
    const char *got = settings_of(SPAN("a = b c\nd = (\ne = f\n= g\n"), arena);

    ck_assert_ptr_nonnull(strstr(got, "3 e=<f>\n!1 'c'"));
    ck_assert_ptr_nonnull(strstr(got, "\n!2 '('"));
    ck_assert_ptr_nonnull(strstr(got, "\n!4 '='"));
    arena_free(arena);
}
END_TEST

START_TEST(a_NUL_octet_is_a_mistake_with_a_line)
{
    struct arena *arena = arena_new();

    ck_assert_str_eq(settings_of(SPAN("a = b\nc\0d = e\n"), arena),
                     "1 a=<b>\n2 +c\n!2 NUL octet found, text expected\n");
    arena_free(arena);
}
END_TEST

static const char *
definitions_of(const char *source, struct arena *arena)
{
    struct text out = text_new(arena);
    struct problems problems;
    struct definition *at;

    problems_begin(&problems, arena);
    for (at = lex_definitions("f", span_of(source), arena, &problems); at;
         at = at->next) {
        text_add_format(&out, "%u %s%s:\n", at->line, at->name,
                        at->broken ? " (broken)" : "");
        for (struct setting *setting = at->generic; setting; setting = setting->next)
            describe_setting(&out, setting);
        text_add(&out, ";\n");
        for (struct setting *setting = at->specific; setting; setting = setting->next)
            describe_setting(&out, setting);
    }
    return described_problems(&problems, &out);
}

static const struct {
    const char *text, *result;
} definitions[] = {
    /* the reference's own example */
    {"# aliases kept by the news people\n"
     "news_aliases:\n"
     "        driver = aliasfile, owner = owner-$user;\n"
     "        file = news/aliases, proto = lsearch,\n"
     "        modemask = 022, optional\n",
     "2 news_aliases:\n3 driver=<aliasfile>\n3 owner=<owner-$user>\n;\n"
     "4 file=<news/aliases>\n4 proto=<lsearch>\n5 modemask=<022>\n5 +optional\n"},
    {"a: driver=x;b", "1 a:\n1 driver=<x>\n;\n1 +b\n"},
    {"a: driver=x", "1 a:\n1 driver=<x>\n;\n"},
    {"a: driver=x,;b,", "1 a:\n1 driver=<x>\n;\n1 +b\n"},
    {"a: driver=x;b;", "1 a:\n1 driver=<x>\n;\n1 +b\n"},
    {"a : driver=x, -c, +d\n\n#\nb:\n driver = y\n",
     "1 a:\n1 driver=<x>\n1 -c\n1 +d\n;\n4 b:\n5 driver=<y>\n;\n"},
    {"a:", "1 a:\n;\n"},
    {"a: x = \"a, b; c\"; y = d:e", "1 a:\n1 x=<a, b; c>\n;\n1 y=<d:e>\n"},
    {"a:\n x = b, # c\n # d\n y\n", "1 a:\n2 x=<b>\n4 +y\n;\n"},
    /* mistakes */
    {"a: x = b c, d; e\nf: g",
     "1 a (broken):\n1 x=<b>\n1 +d\n;\n1 +e\n2 f:\n2 +g\n;\n"
     "!1 'c,' found, ',' or ';' or a new entry in the first column expected\n"},
    {"a\nb: c",
     "2 b:\n2 +c\n;\n!1 the end of the entry found, ':' behind the name of the entry "
     "expected\n"},
    {"a: b; c; d\n", "1 a (broken):\n1 +b\n;\n1 +c\n!1 'd' found, nothing behind the "
                     "second ';' expected\n"},
    {"a: b = (, \"x, y\", c = ), d\n",
     "1 a (broken):\n1 +d\n;\n!1 '(,' found, a value expected\n"
     "!1 '\"x,' found, a name expected\n!1 '),' found, a value expected\n"},
    {"a: b = \"\\400 , x\", c\n",
     "1 a (broken):\n1 +c\n;\n!1 escape for the octet 256 found, 1 to 255 expected\n"},
};

START_TEST(definitions_are_generic_attributes_then_specific_ones)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof definitions / sizeof definitions[0]; i++)
        ck_assert_str_eq(definitions_of(definitions[i].text, arena),
                         definitions[i].result);
    arena_free(arena);
}
END_TEST

static const char *
pairs_of(const char *source, struct arena *arena)
{
    struct text out = text_new(arena);
    struct problems problems;

    problems_begin(&problems, arena);
    for (struct pair *at = lex_pairs("f", span_of(source), arena, &problems); at;
         at = at->next)
        text_add_format(&out, "%u <%s> <%s>\n", at->line, at->key, at->value);
    return described_problems(&problems, &out);
}

static const struct {
    const char *text, *result;
} pairs[] = {
    {"# own example\nprinter   lan.example\nnews      usenet.example\n*         uucp\n",
     "2 <printer> <lan.example>\n3 <news> <usenet.example>\n4 <*> <uucp>\n"},
    {"slow.example:dialup.example   1h/10d\nuucp /7d\n* 10m/5d\n",
     "1 <slow.example:dialup.example> <1h/10d>\n2 <uucp> </7d>\n3 <*> <10m/5d>\n"},
    {"ernie/*-A   demand       # urgent mail polls at once\n",
     "1 <ernie/*-A> <demand>\n"},
    {"ernie\n\tuux\nbert smtp\n", "1 <ernie> <uux>\n3 <bert> <smtp>\n"},
    {"a b c\nd e\n",
     "2 <d> <e>\n!1 'c' found behind the second word, the end of the entry expected (a "
     "value with blanks or special characters needs double quotes)\n"},
    {"a\nd e\n", "2 <d> <e>\n!1 the end of the entry found, a value expected\n"},
};

START_TEST(tables_are_pairs_of_words)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        ck_assert_str_eq(pairs_of(pairs[i].text, arena), pairs[i].result);
    arena_free(arena);
}
END_TEST

START_TEST(a_quoted_value_is_read_back_as_it_was)
{
    static const char *const values[] = {
        "plain",
        "",
        " ",
        "a b",
        "a,b;c",
        "(x)",
        "#",
        "\"\\\"",
        "\n\t\r\b\f\v\033\a",
        "\001\002\0177x",
        "\x7f",
        "~/.forward",
        "b\xc3\xbc\xff",
        "a=b",
        "Received: x\n\ty",
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *line = arena_format(arena, "x = %s\n", lex_quote(values[i], arena));
        struct problems problems;
        struct setting *setting;

        problems_begin(&problems, arena);
        setting = lex_settings("f", span_of(line), arena, &problems);
        ck_assert_msg(setting && problems.errors == 0, "%s", line);
        ck_assert_str_eq(setting->value, values[i]);
    }
    ck_assert_str_eq(lex_quote("a:b", arena), "a:b");
    arena_free(arena);
}
END_TEST

START_TEST(problems_are_sorted_by_line_within_their_file)
{
    struct arena *arena = arena_new();
    struct text out = text_new(arena);
    struct problems problems;

    problems_begin(&problems, arena);
    problem_add(&problems, "b", 9, "three");
    problem_warn(&problems, "a", 4, "five");
    problem_add(&problems, "b", 2, "one");
    problem_add(&problems, "a", 1, "four");
    problem_add(&problems, "b", 2, "two");
    problems_sort(&problems);
    problem_add(&problems, "c", 1, "six");
    for (const struct problem *at = problems.first; at; at = at->next)
        text_add_format(&out, "%s ", at->text);
    ck_assert_str_eq(text_string(&out), "one two three four five six ");
    ck_assert_uint_eq(problems.errors, 5);
    ck_assert_uint_eq(problems.warnings, 1);
    arena_free(arena);
}
END_TEST

TCase *
config_lexer_case(void)
{
    TCase *tests = tcase_create("config_lexer");

    tcase_add_test(tests, settings_are_read_as_the_reference_has_them);
    tcase_add_test(tests, a_mistake_costs_its_entry_and_names_its_line);
    tcase_add_test(tests, every_mistake_of_a_file_is_told);
    tcase_add_test(tests, a_NUL_octet_is_a_mistake_with_a_line);
    tcase_add_test(tests, definitions_are_generic_attributes_then_specific_ones);
    tcase_add_test(tests, tables_are_pairs_of_words);
    tcase_add_test(tests, a_quoted_value_is_read_back_as_it_was);
    tcase_add_test(tests, problems_are_sorted_by_line_within_their_file);
    return tests;
}
