/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every row of the variables, the names of this host, what is gone. */
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

#include "config/configuration.h"
#include "config/expand.h"
#include "config/print.h"
#include "tests/unit/config/sample.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct attribute *const tables[] = {
    settings_attributes,
    director_generic_attributes,
    router_generic_attributes,
    transport_generic_attributes,
};

enum { TABLES = sizeof tables / sizeof tables[0] };

/* Enough for the struct behind any of the tables. */
union any {
    struct settings settings;
    struct director_generic director;
    struct router_generic router;
    struct transport_generic transport;
};

/* Printed, read and set again, the value prints the same. */
static void
check_round_trip(const struct attribute *rows, const struct attribute *row,
                 const void *config, struct arena *arena)
{
    const char *printed = attribute_print(row, config, arena);
    struct error error = {0};
    struct problems problems;
    struct setting *setting;
    union any again;

    if (row->flags & ATTRIBUTE_READ_ONLY)
        return;
    problems_begin(&problems, arena);
    setting = lex_settings("f", span_of(printed), arena, &problems);
    ck_assert_msg(setting != NULL && problems.errors == 0, "%s", printed);
    memset(&again, 0, sizeof again);
    ck_assert_msg(attribute_apply(rows, &again, setting, "f", arena, NULL, &error) ||
                      row->type == ATTRIBUTE_GRADE,
                  "%s: %s", printed, error.text);
    ck_assert_str_eq(attribute_print(row, &again, arena), printed);
}

START_TEST(every_default_is_parsed_printed_and_parsed)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < TABLES; i++) {
        union any config;

        memset(&config, 0, sizeof config);
        attributes_default(tables[i], &config, arena);
        for (const struct attribute *row = tables[i]; row->name; row++)
            check_round_trip(tables[i], row, &config, arena);
    }
    arena_free(arena);
}
END_TEST

START_TEST(every_row_has_one_meaning_that_fits_a_line_and_one_name)
{
    for (size_t i = 0; i < TABLES; i++)
        for (const struct attribute *row = tables[i]; row->name; row++) {
            size_t length = strlen(row->meaning);

            ck_assert_msg(length > 3 && length < 100, "%s", row->name);
            ck_assert_msg(row->meaning[length - 1] != '.', "%s", row->name);
            ck_assert_msg(attribute_find(tables[i], row->name) == row, "%s", row->name);
        }
}
END_TEST

START_TEST(every_expanded_default_is_valid)
{
    for (const struct attribute *row = settings_attributes; row->name; row++) {
        struct error error = {0};

        if (row->type == ATTRIBUTE_EXPANDED && row->value)
            ck_assert_msg(expand_check(row->value, false, &error), "%s: %s", row->name,
                          error.text);
    }
}
END_TEST

/* The names of reference section 3, with those in parentheses there. */
static const char *const names[] = {
    "hostnames",
    "hostname",
    "more_hostnames",
    "gateway_names",
    "domains",
    "domain",
    "visible_domains",
    "visible_domain",
    "visible_name",
    "uucp_name",
    "primary_name",
    "auth_domains",
    "auth_domain",
    "postmaster_address",
    "postmaster",
    "nobody",
    "smart_user",
    "smart_path",
    "smart_host",
    "smart_transport",
    "sender_env_variable",
    "trusted_users",
    "trusted",
    "trusted_user",
    "trusted_groups",
    "trusted_group",
    "smail_lib_dir",
    "smail_util_dir",
    "smail",
    "config_file",
    "second_config_file",
    "director_file",
    "router_file",
    "transport_file",
    "qualify_file",
    "retry_file",
    "method_dir",
    "copying_file",
    "require_configs",
    "spool_dirs",
    "spool_dir",
    "logfile",
    "paniclog",
    "console",
    "auto_mkdir",
    "auto_mkdir_mode",
    "spool_mode",
    "log_mode",
    "message_log_mode",
    "lock_mode",
    "lock_by_name",
    "delivery_mode",
    "queue_only",
    "delivery_grades",
    "runq_grades",
    "grades",
    "spool_grade",
    "max_hop_count",
    "max_message_size",
    "message_buf_size",
    "hit_table_len",
    "max_load_ave",
    "retry_interval",
    "retry_duration",
    "resolve_timeout",
    "host_lock_timeout",
    "open_retries",
    "open_interval",
    "fnlock_retries",
    "fnlock_interval",
    "fnlock_mode",
    "flock_mailbox",
    "error_copy_postmaster",
    "switch_percent_and_bang",
    "smtp_accept_max",
    "smtp_accept_queue",
    "smtp_banner",
    "smtp_debug",
    "smtp_info",
    "smtp_receive_command_timeout",
    "smtp_receive_message_timeout",
    "listen_name",
    "rfc1413_query_timeout",
    "smtp_remote_allow",
    "smtp_reject_hosts",
    "received_field",
    "message_id_field",
    "date_field",
    "from_field",
    "return_path_field",
};

START_TEST(every_variable_of_the_reference_exists)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(attribute_find(settings_attributes, names[i]) != NULL, "%s",
                      names[i]);
}
END_TEST

START_TEST(what_is_gone_says_why)
{
    ck_assert_ptr_nonnull(settings_obsolete("smtp_rbl_domains"));
    ck_assert_ptr_nonnull(settings_obsolete("smtp-rbl-domains"));
    ck_assert_ptr_null(settings_obsolete("max_hop_count"));
}
END_TEST

/* Defaults that must not be Smail's, for safety. */
START_TEST(defaults_are_safe)
{
    struct configuration *configuration = sample_parse(NULL, NULL, NULL, NULL);
    const struct settings *settings = &configuration->settings;

    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert(list_has(settings->trusted_users, "root"));
    ck_assert_uint_eq(settings->trusted_users.count, 4);
    ck_assert(!settings->smtp_info && !settings->smtp_debug);
    ck_assert_uint_eq(settings->domains.count, 0);
    ck_assert_uint_eq(settings->spool_mode.bits, 0600);
    ck_assert_uint_eq(settings->log_mode.bits, 0640);
    ck_assert_uint_eq(settings->fnlock_mode.bits, 0600);
    ck_assert_str_eq(settings->delivery_mode, "background");
    ck_assert_uint_eq(settings->max_message_size.bytes, 50 << 20);
    ck_assert_int_eq(settings->smtp_accept_max, 1000);
    ck_assert_int_eq(settings->smtp_max_recipients, 1000);
    ck_assert_int_eq(settings->retry_duration.seconds, 5 * 86400);
    ck_assert_uint_eq(settings->smtp_remote_allow.count, 2);
    ck_assert_str_eq(settings->smtp_remote_allow.items[1], "[::1]/128");
    ck_assert(!settings->error_copy_postmaster);
    configuration_free(configuration);
}
END_TEST

static const struct {
    const char *config, *system_name, *system_fqdn;
    const char *hostnames, *visible, *uucp;
} hosts[] = {
    {"", "vlager", "vlager.vbrew.com", "vlager.vbrew.com", "vlager.vbrew.com", "vlager"},
    {"", "vlager.vbrew.com", "", "vlager.vbrew.com", "vlager.vbrew.com", "vlager"},
    {"", "vlager", "", "vlager", "vlager", "vlager"},
    {"", "vlager", "localhost.localdomain", "vlager", "vlager", "vlager"},
    {"", "Vlager", "Vlager.VBrew.COM", "vlager.vbrew.com", "vlager.vbrew.com", "Vlager"},
    {"", "", "", "localhost", "localhost", "localhost"},
    /* the short name with each entry of domains, in order */
    {"visible_domain=two.birds:uucp\n", "swim", "swim.example",
     "swim.two.birds:swim.uucp", "swim.two.birds", "swim"},
    {"domains=vbrew.com\n", "vale.somewhere.else", "", "vale.vbrew.com", "vale.vbrew.com",
     "vale"},
    /* the Guide's three */
    {"visible_domain=two.birds:uucp\nvisible_name=swim.twobirds.com\n"
     "uucp_name=swim.twobirds.com\nsmart_host=ulysses\n",
     "swim", "", "swim.two.birds:swim.uucp", "swim.twobirds.com", "swim.twobirds.com"},
    {"visible_domain=vbrew.com\nvisible_name=vbrew.com\nsmart_path=vstout\n"
     "smart_transport=smtp\n",
     "vlager", "", "vlager.vbrew.com", "vbrew.com", "vlager"},
    {"hostnames=vbrew.com:vstout.vbrew.com:vstout\nvisible_name=vbrew.com\n"
     "uucp_name=vbrew.com\nsmart_path=moria\nauth_domains=vbrew.com\n",
     "vstout", "", "vbrew.com:vstout.vbrew.com:vstout", "vbrew.com", "vbrew.com"},
    {"hostnames = B\xc3\xbc"
     "cher.example\n",
     "x", "", "xn--bcher-kva.example", "xn--bcher-kva.example", "x"},
};

START_TEST(names_of_this_host_are_computed_as_the_reference_says)
{
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct arena *arena = arena_new();
        struct config_bundle *bundle = sample_bundle(
            arena, "config", hosts[i].config, "transports", "smtp: driver = plain");
        struct configuration *configuration;
        const struct settings *settings;

        bundle->system_name = hosts[i].system_name;
        bundle->system_fqdn = hosts[i].system_fqdn;
        configuration = configuration_parse(bundle, &sample_drivers);
        settings = &configuration->settings;
        ck_assert_msg(configuration->problems.errors == 0, "%s",
                      sample_problems(configuration));
        ck_assert_str_eq(list_print(settings->hostnames, arena), hosts[i].hostnames);
        ck_assert_str_eq(settings->primary_name, settings->hostnames.items[0]);
        ck_assert_str_eq(settings->visible_name, hosts[i].visible);
        ck_assert_str_eq(settings->uucp_name, hosts[i].uucp);
        configuration_free(configuration);
        arena_free(arena);
    }
}
END_TEST

START_TEST(ours_are_hostnames_more_hostnames_and_the_uucp_name)
{
    struct configuration *configuration =
        sample_parse("config",
                     "hostnames = a.example:b.example\nmore_hostnames = c.example\n"
                     "visible_name = d.example\nuucp_name = swim\n",
                     NULL, NULL);
    const struct settings *settings = &configuration->settings;

    ck_assert(host_is_local(settings, "a.example"));
    ck_assert(host_is_local(settings, "b.example"));
    ck_assert(host_is_local(settings, "c.example"));
    ck_assert(host_is_local(settings, "SWIM"));
    ck_assert(host_is_local(settings, "localhost"));
    ck_assert(!host_is_local(settings, "d.example"));
    ck_assert(!host_is_local(settings, "x.a.example"));
    ck_assert(!host_is_local(settings, "example"));
    ck_assert_str_eq(sample_problems(configuration),
                     "config:3: warning: visible_name: d.example is not a name of this "
                     "host, so answers to our addresses do not come here (see hostnames, "
                     "more_hostnames)\n");
    configuration_free(configuration);
}
END_TEST

START_TEST(a_private_spool_has_its_own_logs_and_socket)
{
    struct configuration *configuration =
        sample_parse("config", "spool_dirs = /home/joe/spool:/spare\n", NULL, NULL);
    const struct settings *settings = &configuration->settings;

    ck_assert_str_eq(settings->spool_dir, "/home/joe/spool");
    ck_assert_str_eq(settings->logfile, "/home/joe/spool/log/logfile");
    ck_assert_str_eq(settings->paniclog, "/home/joe/spool/log/paniclog");
    ck_assert_str_eq(settings->run_dir, "/home/joe/spool/run");
    configuration_free(configuration);
}
END_TEST

static const struct {
    const char *value;
    size_t count;
    const char *items[3];
} places[] = {
    {"25", 1, {"25"}},
    {"smtp:587", 2, {"smtp", "587"}},
    {"127.0.0.1:2525", 1, {"127.0.0.1:2525"}},
    {"[::1]:2525:25", 2, {"[::1]:2525", "25"}},
    {"127.0.0.1:[::1]:26:*:27", 3, {"127.0.0.1:smtp", "[::1]:26", "*:27"}},
};

START_TEST(a_place_to_listen_at_is_a_port_or_address_and_port)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char line[80];
        struct configuration *configuration;
        struct list list;

        snprintf(line, sizeof line, "smtp_listen = %s\n", places[i].value);
        configuration = sample_parse("config", line, NULL, NULL);
        list = configuration->settings.smtp_listen;
        ck_assert_str_eq(sample_problems(configuration), "");
        ck_assert_uint_eq(list.count, places[i].count);
        for (size_t j = 0; j < list.count; j++)
            ck_assert_str_eq(list.items[j], places[i].items[j]);
        configuration_free(configuration);
    }
}
END_TEST

START_TEST(the_manual_and_the_sample_have_every_row)
{
    struct arena *arena = arena_new();
    struct text manual = text_new(arena), sample = text_new(arena);

    attributes_mdoc(settings_attributes, &manual);
    attributes_sample(settings_attributes, &sample);
    ck_assert_ptr_nonnull(strstr(text_string(&manual), "\n.It Ic max_hop_count\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&manual), ".Ic postmaster .\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&manual), "\"20\" ;\nfrom 1 to 1000\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&sample), "\n#max_hop_count = 20\n"));
    ck_assert_ptr_nonnull(strstr(text_string(&sample), "\n#-queue_only\n"));
    ck_assert_ptr_null(strstr(text_string(&sample), "primary_name ="));
    arena_free(arena);
}
END_TEST

TCase *
config_settings_case(void)
{
    TCase *tests = tcase_create("config_settings");

    tcase_add_test(tests, every_default_is_parsed_printed_and_parsed);
    tcase_add_test(tests, every_row_has_one_meaning_that_fits_a_line_and_one_name);
    tcase_add_test(tests, every_expanded_default_is_valid);
    tcase_add_test(tests, every_variable_of_the_reference_exists);
    tcase_add_test(tests, what_is_gone_says_why);
    tcase_add_test(tests, defaults_are_safe);
    tcase_add_test(tests, names_of_this_host_are_computed_as_the_reference_says);
    tcase_add_test(tests, ours_are_hostnames_more_hostnames_and_the_uucp_name);
    tcase_add_test(tests, a_private_spool_has_its_own_logs_and_socket);
    tcase_add_test(tests, a_place_to_listen_at_is_a_port_or_address_and_port);
    tcase_add_test(tests, the_manual_and_the_sample_have_every_row);
    return tests;
}
