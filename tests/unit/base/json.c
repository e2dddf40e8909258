/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON out: strings of RFC 8259 7, invalid UTF-8 as Unicode (3.9) recommends, structure.
 */
#include "base/json.h"

#include "tests/unit/unit.h"

#include "base/banned.h"

#define R "\xef\xbf\xbd" /* U+FFFD */

static const struct {
    struct span value;
    const char *json;
} strings[] = {
    {SPAN(""), "\"\""},
    {SPAN("plain / text"), "\"plain / text\""},
    {SPAN("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
    {SPAN("a\0b\x1f"), "\"a\\u0000b\\u001f\""},
    {SPAN("\x1b[2J\x7f"), "\"\\u001b[2J\\u007f\""},
    {SPAN("\xc2\x9b\xc2\xa0"), "\"\\u009b\xc2\xa0\""},
    {SPAN("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xa7"),
     "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xa7\""},
    {SPAN("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
     "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""},
    /* The examples of the Unicode standard, tables 3-8 to 3-11. */
    {SPAN("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "\"" R R R R R R R R "A\""},
    {SPAN("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), "\"" R R R R R R R R "A\""},
    {SPAN("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "\"" R R R R R "A" R R "B\""},
    {SPAN("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "\"" R R R R "A\""},
    /* Cut at the end. */
    {SPAN("a\xc3"), "\"a" R "\""},
    {SPAN("a\xe2\x82"), "\"a" R "\""},
    {SPAN("a\xf0\x9f\x93"), "\"a" R "\""},
    {SPAN("\xf5\xfe\xff"), "\"" R R R "\""},
    /* A quote is not swallowed by the start of a character. */
    {SPAN("\xe2\""), "\"" R "\\\"\""},
};

START_TEST(json_strings_are_always_valid)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        struct text text = text_new(arena);
        struct json json = json_new(&text);

        json_span(&json, NULL, strings[i].value);
        ck_assert_str_eq(text_string(&text), strings[i].json);
    }
    arena_free(arena);
}
END_TEST

START_TEST(json_commas_stand_between_members_and_elements)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);
    struct json json = json_new(&text);

    json_object(&json, NULL);
    json_array(&json, "empty");
    json_end_array(&json);
    json_object(&json, "none");
    json_end_object(&json);
    json_array(&json, "li\"st");
    json_number(&json, NULL, INT64_MIN);
    json_number(&json, NULL, INT64_MAX);
    json_object(&json, NULL);
    json_bool(&json, "yes", true);
    json_bool(&json, "no", false);
    json_end_object(&json);
    json_array(&json, NULL);
    json_string(&json, NULL, NULL);
    json_end_array(&json);
    json_string(&json, NULL, "");
    json_end_array(&json);
    json_string(&json, "last", "x");
    json_end_object(&json);
    ck_assert_str_eq(text_string(&text),
                     "{\"empty\":[],\"none\":{},\"li\\\"st\":[-9223372036854775808,"
                     "9223372036854775807,{\"yes\":true,\"no\":false},[null],\"\"],"
                     "\"last\":\"x\"}");
    ck_assert_int_eq(json.depth, 0);
    arena_free(arena);
}
END_TEST

TCase *
base_json_case(void)
{
    TCase *tcase = tcase_create("base_json");

    tcase_add_test(tcase, json_strings_are_always_valid);
    tcase_add_test(tcase, json_commas_stand_between_members_and_elements);
    return tcase;
}
