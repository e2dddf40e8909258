/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qualify, retry and method files: reference 7.1 to 7.3. */
#include <string.h>

#include "tests/unit/config/sample.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static void
check_qualify(const struct configuration *configuration, const char *host,
              const char *domain)
{
    const char *got = qualify_domain(configuration, host);

    if (domain)
        ck_assert_str_eq(got, domain);
    else
        ck_assert_ptr_null(got);
}

START_TEST(hosts_without_a_dot_get_the_domain_of_the_first_match)
{
    struct configuration *configuration = sample_parse(
        "qualify", "printer   lan.example\nnews      usenet.example\n*         uucp\n",
        NULL, NULL);

    ck_assert_str_eq(sample_problems(configuration), "");
    check_qualify(configuration, "printer", "lan.example");
    check_qualify(configuration, "NEWS", "usenet.example");
    check_qualify(configuration, "moria", "uucp");
    check_qualify(configuration, "moria.example", NULL);
    check_qualify(configuration, "[::1]", NULL);
    check_qualify(configuration, "", NULL);
    configuration_free(configuration);
    configuration = sample_parse("qualify", "a b\n", NULL, NULL);
    check_qualify(configuration, "a", "b");
    check_qualify(configuration, "c", NULL);
    configuration_free(configuration);
}
END_TEST

static const struct {
    const char *host;
    int64_t interval, duration;
} retries[] = {
    {"slow.example", 3600, 864000}, {"x.slow.example", 3600, 864000},
    {"xslow.example", 600, 432000}, {"y.dialup.example", 3600, 864000},
    {"moria.uucp", 0, 604800},      {"uucp", 0, 604800},
    {"other.example", 600, 432000},
};

START_TEST(the_first_equal_or_suffix_domain_gives_the_times)
{
    struct configuration *configuration = sample_parse(
        "retry", "slow.example:.dialup.example   1h/10d\nuucp   /7d\n*  10m/5d\n", NULL,
        NULL);

    ck_assert_str_eq(sample_problems(configuration), "");
    for (size_t i = 0; i < sizeof retries / sizeof retries[0]; i++) {
        const struct retry_rule *rule = retry_rule_for(configuration, retries[i].host);

        ck_assert_msg(rule->interval.seconds == retries[i].interval, "%s",
                      retries[i].host);
        ck_assert_msg(rule->duration.seconds == retries[i].duration, "%s",
                      retries[i].host);
    }
    configuration_free(configuration);
}
END_TEST

START_TEST(without_a_star_the_variables_give_the_times)
{
    struct configuration *configuration =
        sample_parse("retry", "a.example 1m/\n", "config",
                     "retry_interval = 20m\nretry_duration = 2d\n");

    ck_assert_int_eq(retry_rule_for(configuration, "a.example")->interval.seconds, 60);
    ck_assert_int_eq(retry_rule_for(configuration, "a.example")->duration.seconds, 0);
    ck_assert_int_eq(retry_rule_for(configuration, "b.example")->interval.seconds, 1200);
    ck_assert_int_eq(retry_rule_for(configuration, "b.example")->duration.seconds,
                     172800);
    configuration_free(configuration);
}
END_TEST

static const struct {
    const char *host;
    char grade;
    const char *transport;
} methods[] = {
    {"ernie", '9', "demand"}, {"ernie", 'A', "demand"}, {"ernie", 'B', "uux"},
    {"ernie", 'a', "uux"},    {"ERNIE", 'C', "uux"},    {"bert", 'C', "uusmtp"},
    {"bert", 'A', "smtp"},    {"bert", 'n', "smtp"},    {"grover", 'a', "uux"},
    {"grover", 'n', "uux"},   {"grover", 'Z', "smtp"},  {"elmo", '5', "uusmtp"},
    {"elmo", 'A', "uusmtp"},  {"elmo", 'B', "smtp"},    {"zoe", 'C', "smtp"},
};

START_TEST(method_files_choose_by_host_and_grade)
{
    struct configuration *configuration =
        sample_parse("methods/uu",
                     "ernie/*-A   demand\nernie       uux\nbert/C      uusmtp\n"
                     "grover/a-*  uux\nelmo/5-A    uusmtp\n*           smtp\n",
                     "transports",
                     "demand: driver = plain\nuux: driver = plain\n"
                     "uusmtp: driver = plain\nsmtp: driver = plain\n");

    ck_assert_str_eq(sample_problems(configuration), "");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        ck_assert_msg(strcmp(method_transport(configuration, "uu", methods[i].host,
                                              methods[i].grade),
                             methods[i].transport) == 0,
                      "%s/%c", methods[i].host, methods[i].grade);
    ck_assert_ptr_null(method_transport(configuration, "xx", "ernie", 'C'));
    configuration_free(configuration);
}
END_TEST

START_TEST(a_host_that_no_line_names_has_no_method)
{
    struct configuration *configuration = sample_parse(
        "methods/uu", "ernie/A smtp\n", "transports", "smtp: driver = plain\n");

    ck_assert_ptr_null(method_transport(configuration, "uu", "bert", 'A'));
    ck_assert_ptr_null(method_transport(configuration, "uu", "ernie", 'C'));
    configuration_free(configuration);
}
END_TEST

TCase *
config_tables_case(void)
{
    TCase *tests = tcase_create("config_tables");

    tcase_add_test(tests, hosts_without_a_dot_get_the_domain_of_the_first_match);
    tcase_add_test(tests, the_first_equal_or_suffix_domain_gives_the_times);
    tcase_add_test(tests, without_a_star_the_variables_give_the_times);
    tcase_add_test(tests, method_files_choose_by_host_and_grade);
    tcase_add_test(tests, a_host_that_no_line_names_has_no_method);
    return tests;
}
