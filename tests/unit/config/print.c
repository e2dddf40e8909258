/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -bP: reference 1.5. */
#include <string.h>

#include "tests/unit/config/sample.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct configuration *
sample(void)
{
    return sample_parse(
        "config",
        "hostnames = a.example\nmax_message_size = 100k\nsmtp_info\nmax_hop_count = 7\n"
        "postmaster = joe\nsmart_user = \"$user@gw\"\n",
        "directors",
        "lists:\n driver = picky, caution, owner = owner-$user;\n file = x, cmd = "
        "\"/bin/x "
        "$user\"\nuser: driver = easy\n");
}

/* What -bP prints for a name, or the error. */
static const char *
printed(const struct configuration *configuration, const char *name, bool with_name)
{
    struct text text = text_new(configuration->arena);
    struct error error = {0};

    if (!configuration_print(configuration, name, with_name, &text, NULL, &error))
        return arena_string(configuration->arena, error.text);
    return text_string(&text);
}

static const struct {
    const char *name, *value, *named;
} variables[] = {
    {"primary_name", "a.example\n", "primary_name=a.example\n"},
    {"hostname", "a.example\n", "hostnames=a.example\n"},
    {"visible_name", "a.example\n", "visible_name=a.example\n"},
    {"max_message_size", "100k\n", "max_message_size=100k\n"},
    {"max_hop_count", "7\n", "max_hop_count=7\n"},
    {"smtp_info", "+smtp_info\n", "+smtp_info\n"},
    {"queue_only", "-queue_only\n", "-queue_only\n"},
    {"smart_path", "-smart_path\n", "-smart_path\n"},
    {"spool_mode", "0600\n", "spool_mode=0600\n"},
    {"retry_duration", "5d\n", "retry_duration=5d\n"},
    {"spool_grade", "C\n", "spool_grade=C\n"},
    {"trusted_users", "root:smail:uucp:daemon\n",
     "trusted_users=root:smail:uucp:daemon\n"},
    {"config_file", "config\n", "config_file=config\n"},
    {"smart_user", "$user@gw\n", "smart_user=$user@gw\n"},
    {"return_path_field", "Return-Path: <$sender>\n",
     "return_path_field=\"Return-Path: <$sender>\"\n"},
    {"compile_num", "1\n", "compile_num=1\n"},
};

START_TEST(variables_print_as_smails)
{
    struct configuration *configuration = sample();

    ck_assert_str_eq(sample_problems(configuration), "");
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        ck_assert_str_eq(printed(configuration, variables[i].name, false),
                         variables[i].value);
        ck_assert_str_eq(printed(configuration, variables[i].name, true),
                         variables[i].named);
    }
    configuration_free(configuration);
}
END_TEST

START_TEST(a_value_with_line_ends_prints_in_one_line)
{
    struct configuration *configuration = sample();
    const char *text = printed(configuration, "received_field", false);

    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    configuration_free(configuration);
}
END_TEST

START_TEST(all_variables_print_as_a_config_file)
{
    struct configuration *configuration = sample(), *again;
    const char *text = printed(configuration, "all", false);
    const char *verbose = printed(configuration, "CONFIG", true);

    ck_assert_str_eq(printed(configuration, "CONFIG", false), text);
    ck_assert_ptr_nonnull(strstr(text, "\nmax_hop_count = 7\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# primary_name = a.example\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n-smtp_debug\t# no effect\n"));
    ck_assert_ptr_nonnull(strstr(verbose, "\nmax_hop_count = 7\t# config:4\n"));
    ck_assert_ptr_nonnull(strstr(verbose, "\n# primary_name = a.example\t# computed\n"));
    ck_assert_ptr_nonnull(strstr(verbose, "\nvisible_name = a.example\t# computed\n"));
    ck_assert_ptr_nonnull(strstr(verbose, "\nretry_duration = 5d\t# default\n"));
    ck_assert_ptr_nonnull(strstr(verbose, "\n-smtp_debug\t# default, no effect\n"));
    again = sample_parse("config", text, NULL, NULL);
    ck_assert_str_eq(sample_problems(again), "");
    ck_assert_int_eq(again->settings.max_hop_count, 7);
    ck_assert_str_eq(printed(again, "all", false), text);
    configuration_free(again);
    configuration_free(configuration);
}
END_TEST

START_TEST(tables_print_as_their_files)
{
    static const char text[] = "lists:\n"
                               "\tdriver = picky,\n"
                               "\t+caution,\n"
                               "\towner = owner-$user;\n"
                               "\tfile = /picked/x,\n"
                               "\tcmd = \"/bin/x $user\"\n"
                               "\n"
                               "user:\n"
                               "\tdriver = plain\n"
                               "\n";
    struct configuration *configuration = sample(), *again;

    ck_assert_str_eq(printed(configuration, "DIRECTORS", false), text);
    again = sample_parse("directors", text, NULL, NULL);
    ck_assert_str_eq(printed(again, "DIRECTORS", false), text);
    configuration_free(again);
    ck_assert_ptr_nonnull(
        strstr(printed(configuration, "DIRECTORS", true), "\n# directors:4\nuser:\n"));
    again =
        sample_parse("directors", printed(configuration, "DIRECTORS", true), NULL, NULL);
    ck_assert_str_eq(sample_problems(again), "");
    ck_assert_uint_eq(again->directors.count, 2);
    configuration_free(again);
    ck_assert_ptr_nonnull(
        strstr(printed(configuration, "lists", false), "\n\t-nobody,\n"));
    ck_assert_ptr_nonnull(strstr(printed(configuration, "ALL", false), text));
    configuration_free(configuration);
}
END_TEST

START_TEST(retry_and_qualify_print_as_their_files)
{
    struct configuration *configuration =
        sample_parse("retry", "a:b 90/1d\nc /2w\n", "qualify", "x y.example\n* uucp\n");

    ck_assert_str_eq(printed(configuration, "RETRY", false),
                     "a:b\t1m30s/1d\nc\t/2w\n*\t10m/5d\n");
    ck_assert_str_eq(printed(configuration, "QUALIFY", false), "x\ty.example\n*\tuucp\n");
    configuration_free(configuration);
}
END_TEST

START_TEST(help_names_every_variable_and_its_type)
{
    struct configuration *configuration = sample();
    const char *text = printed(configuration, "help", false);
    size_t lines = 0;

    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    ck_assert_uint_eq(lines, attributes_count(settings_attributes));
    ck_assert_ptr_nonnull(strstr(text, "\nretry_duration                 interval"));
    configuration_free(configuration);
}
END_TEST

START_TEST(unknown_names_get_the_nearest_one)
{
    struct configuration *configuration = sample();

    ck_assert_str_eq(printed(configuration, "max_hopcount", false),
                     "max_hopcount: unknown name; the nearest one is max_hop_count");
    ck_assert_str_eq(printed(configuration, "ROUTER", false),
                     "ROUTER: unknown name; the nearest one is ROUTERS");
    ck_assert_str_eq(printed(configuration, "list", false),
                     "list: unknown name; the nearest one is lists");
    ck_assert_str_eq(printed(configuration, "xyzzy", false), "xyzzy: unknown name");
    ck_assert_str_eq(printed(configuration, "smtp_rbl_domains", false),
                     "smtp_rbl_domains: is gone: this version asks no DNS block lists");
    configuration_free(configuration);
}
END_TEST

/* Each name is one member of an object that the caller opened. */
START_TEST(json_has_a_member_for_each_name)
{
    static const char *const names[] = {"max_hop_count", "version_string", "DIRECTORS",
                                        "RETRY", "METHODS"};
    struct configuration *configuration = sample();
    struct text text = text_new(configuration->arena);
    struct json json = json_new(&text);

    json_object(&json, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert(configuration_print(configuration, names[i], false, NULL, &json, NULL));
    json_end_object(&json);
    ck_assert_ptr_nonnull(strstr(text_string(&text), "{\"max_hop_count\":{\"value\":7,"));
    ck_assert_ptr_nonnull(strstr(text_string(&text),
                                 "\"DIRECTORS\":[{\"name\":\"lists\",\"kind\":"
                                 "\"director\",\"driver\":\"picky\",\"file\":"
                                 "\"directors\",\"line\":1,\"generic\":{"));
    ck_assert_ptr_nonnull(
        strstr(text_string(&text),
               "\"caution\":{\"value\":true,\"type\":\"boolean\",\"default\":null,"
               "\"origin\":\"directors:2\""));
    ck_assert_ptr_nonnull(strstr(text_string(&text),
                                 "\"RETRY\":[{\"domains\":\"*\",\"interval\":600,"
                                 "\"duration\":432000}],\"METHODS\":{}}"));
    configuration_free(configuration);
}
END_TEST

TCase *
config_print_case(void)
{
    TCase *tests = tcase_create("config_print");

    tcase_add_test(tests, variables_print_as_smails);
    tcase_add_test(tests, a_value_with_line_ends_prints_in_one_line);
    tcase_add_test(tests, all_variables_print_as_a_config_file);
    tcase_add_test(tests, tables_print_as_their_files);
    tcase_add_test(tests, retry_and_qualify_print_as_their_files);
    tcase_add_test(tests, help_names_every_variable_and_its_type);
    tcase_add_test(tests, unknown_names_get_the_nearest_one);
    tcase_add_test(tests, json_has_a_member_for_each_name);
    return tests;
}
