/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One row for each attribute: setting, ranges, printing, errors that help. */
#include "config/attribute.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

struct all_types {
    bool flag, on;
    int64_t number, signed_number, free_number;
    const char *text;
    struct expanded expanded;
    struct expanded_list header;
    struct list list;
    struct duration duration;
    struct size size;
    struct mode mode;
    struct grade grade;
    const char *computed;
};

#define ROW(field, ...) ATTRIBUTE(struct all_types, field, __VA_ARGS__)

static const struct attribute rows[] = {
    ROW(flag, NULL, "off by default", ),
    ROW(on, "on", "on by default", ),
    ROW(number, "20", "with a range", .least = 1, .most = 100,
        .aliases = "count:how-many"),
    ROW(signed_number, "-1", "may be negative", .least = -1, .most = 10),
    ROW(free_number, NULL, "any", ),
    ROW(text, NULL, "a text", ),
    ROW(expanded, "$user", "an expanded text", ),
    ROW(header, NULL, "may be repeated", ),
    ROW(list, "a:b", "a list", ),
    ROW(duration, "5m", "an interval", .least = 1, .most = 3600),
    ROW(size, "100k", "a size", .most = 1048576),
    ROW(mode, "0644", "a mode", ),
    ROW(grade, "C", "a grade", ),
    ROW(computed, NULL, "not to be set", .flags = ATTRIBUTE_READ_ONLY),
    {0},
};

/* Apply a line of a file; the error's text, or "". */
static const char *
apply(struct all_types *config, const char *line, struct arena *arena)
{
    struct error error = {0};
    struct problems problems;
    struct setting *setting;

    problems_begin(&problems, arena);
    setting = lex_settings("f", span_of(line), arena, &problems);
    ck_assert_msg(setting != NULL, "%s", line);
    if (attribute_apply(rows, config, setting, "f", arena, NULL, &error))
        return "";
    ck_assert(error.permanent);
    ck_assert_str_eq(error.status, "5.3.5");
    return arena_string(arena, error.text);
}

static const struct {
    const char *line, *printed; /* of that attribute, afterwards */
} good[] = {
    {"flag", "+flag"},
    {"+flag", "+flag"},
    {"-on", "-on"},
    {"number = 100", "number = 100"},
    {"number = 0x10", "number = 16"},
    {"count = 7", "number = 7"},
    {"how_many = 8", "number = 8"},
    {"signed-number = -1", "signed_number = -1"},
    {"free_number = 5k", "free_number = 5120"},
    {"-free_number", "free_number = 0"},
    {"text = a", "text = a"},
    {"text = \"a b\"", "text = \"a b\""},
    {"text = \"\"", "text = \"\""},
    {"-text", "-text"},
    {"-expanded", "-expanded"},
    {"header = \"X-A: b\"", "header = \"X-A: b\""},
    {"-header", "-header"},
    {"list = x::y", "list = x:y"},
    {"-list", "-list"},
    {"duration = 90", "duration = 1m30s"},
    {"-size", "size = 0"},
    {"size = 1m", "size = 1m"},
    {"mode = 22", "mode = 0022"},
    {"-mode", "mode = 0000"},
    {"grade = 9", "grade = 9"},
};

START_TEST(settings_are_applied_and_printed_in_the_syntax_of_files)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct all_types config;
        struct span name = span_of(good[i].printed);
        const struct attribute *row;

        if (span_starts(name, "+") || span_starts(name, "-"))
            name = span_from(name, 1);
        row = attribute_find(rows,
                             span_string(span_first(name, span_find(name, ' ')), arena));
        attributes_default(rows, &config, arena);
        ck_assert_str_eq(apply(&config, good[i].line, arena), "");
        ck_assert_str_eq(attribute_print(row, &config, arena), good[i].printed);
    }
    arena_free(arena);
}
END_TEST

static const struct {
    const char *line, *error;
} bad[] = {
    {"flag = yes", "flag: a value found, +flag (on) or -flag (off) expected"},
    {"number", "number: no value found, 'number = number' expected"},
    {"+text", "text: no value found, 'text = string' expected"},
    {"number = many", "number: 'many' found, a number expected (100, 0x1f, 10k, 2m)"},
    {"number = 0", "number: 0 found, 1 to 100 expected"},
    {"number = 101", "number: 101 found, 1 to 100 expected"},
    {"-number", "number: 0 found, 1 to 100 expected"},
    {"free_number = -1", "free_number: -1 found, 0 or more expected"},
    {"signed_number = -2", "signed_number: -2 found, -1 to 10 expected"},
    {"duration = 2h", "duration: 2h found, 1s to 1h expected"},
    {"-duration", "duration: 0 found, 1s to 1h expected"},
    {"size = 2m", "size: 2m found, 0 to 1m expected"},
    {"mode = 9", "mode: '9' found, a mode in octal expected (0644)"},
    {"grade = CC", "grade: 'CC' found, a grade expected (one letter or digit)"},
    {"grade = \"\"", "grade: '' found, a grade expected (one letter or digit)"},
    {"-grade", "grade: no value found, a grade expected"},
    {"list = [a", "list: bracket not closed in the list '[a'"},
    {"computed = x", "computed: is computed and cannot be set"},
    {"nubmer = 3", "nubmer: unknown name; 'number' is the nearest one"},
    {"Flag", "Flag: unknown name; 'flag' is the nearest one"},
    {"xyzzy = 3", "xyzzy: unknown name"},
};

START_TEST(errors_say_what_was_found_and_expected)
{
    struct arena *arena = arena_new();
    struct all_types config;

    attributes_default(rows, &config, arena);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_str_eq(apply(&config, bad[i].line, arena), bad[i].error);
    ck_assert_int_eq(config.number, 20);
    ck_assert_int_eq(config.duration.seconds, 300);
    arena_free(arena);
}
END_TEST

START_TEST(defaults_fill_every_field)
{
    struct arena *arena = arena_new();
    struct all_types config;

    memset(&config, 0xa5, sizeof config);
    attributes_default(rows, &config, arena);
    ck_assert(!config.flag && config.on);
    ck_assert_int_eq(config.number, 20);
    ck_assert_int_eq(config.signed_number, -1);
    ck_assert_ptr_null(config.text);
    ck_assert_str_eq(config.expanded.text, "$user");
    ck_assert_uint_eq(config.header.count, 0);
    ck_assert_uint_eq(config.list.count, 2);
    ck_assert_uint_eq(config.size.bytes, 102400);
    ck_assert_uint_eq(config.mode.bits, 0644);
    ck_assert_int_eq(config.grade.letter, 'C');
    arena_free(arena);
}
END_TEST

START_TEST(repeated_attributes_add_up_in_order)
{
    struct arena *arena = arena_new();
    struct all_types config;

    attributes_default(rows, &config, arena);
    apply(&config, "header = \"X-A: a\"", arena);
    apply(&config, "header = \"X-B: $user\"", arena);
    ck_assert_uint_eq(config.header.count, 2);
    ck_assert_str_eq(config.header.items[0], "X-A: a");
    ck_assert_str_eq(config.header.items[1], "X-B: $user");
    ck_assert_str_eq(attribute_print(attribute_find(rows, "header"), &config, arena),
                     "header = \"X-A: a\",\n\theader = \"X-B: $user\"");
    arena_free(arena);
}
END_TEST

START_TEST(the_origin_of_a_value_is_kept)
{
    struct attribute_origin origins[16] = {{0}};
    struct setting setting = {
        .form = SETTING_VALUE, .name = "count", .value = "9", .line = 12};
    struct arena *arena = arena_new();
    struct all_types config;

    attributes_default(rows, &config, arena);
    ck_assert(attribute_apply(rows, &config, &setting, "config", arena, origins, NULL));
    ck_assert_str_eq(origins[2].file, "config");
    ck_assert_uint_eq(origins[2].line, 12);
    ck_assert_ptr_null(origins[1].file);
    setting.value = "1000";
    setting.line = 13;
    ck_assert(!attribute_apply(rows, &config, &setting, "config", arena, origins, NULL));
    ck_assert_uint_eq(origins[2].line, 12);
    arena_free(arena);
}
END_TEST

START_TEST(values_have_a_form_in_json)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);
    struct json json = json_new(&text);
    struct all_types config;

    attributes_default(rows, &config, arena);
    apply(&config, "header = \"X: 1\"", arena);
    json_object(&json, NULL);
    for (const struct attribute *row = rows; row->name; row++)
        attribute_json(row, &config, &json);
    json_end_object(&json);
    ck_assert_str_eq(text_string(&text),
                     "{\"flag\":false,\"on\":true,\"number\":20,\"signed_number\":-1,"
                     "\"free_number\":0,\"text\":null,\"expanded\":\"$user\","
                     "\"header\":[\"X: 1\"],\"list\":[\"a\",\"b\"],\"duration\":300,"
                     "\"size\":102400,\"mode\":\"0644\",\"grade\":\"C\","
                     "\"computed\":null}");
    arena_free(arena);
}
END_TEST

START_TEST(names_too_long_to_be_a_slip_have_no_neighbour)
{
    char name[400];

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(attribute_nearest(rows, name));
    ck_assert_str_eq(attribute_nearest(rows, "Modes"), "mode");
    ck_assert_uint_eq(attributes_count(rows), 14);
}
END_TEST

TCase *
config_attribute_case(void)
{
    TCase *tests = tcase_create("config_attribute");

    tcase_add_test(tests, settings_are_applied_and_printed_in_the_syntax_of_files);
    tcase_add_test(tests, errors_say_what_was_found_and_expected);
    tcase_add_test(tests, defaults_fill_every_field);
    tcase_add_test(tests, repeated_attributes_add_up_in_order);
    tcase_add_test(tests, the_origin_of_a_value_is_kept);
    tcase_add_test(tests, values_have_a_form_in_json);
    tcase_add_test(tests, names_too_long_to_be_a_slip_have_no_neighbour);
    return tests;
}
