/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From texts to a configuration, and every mistake with its file and line. */
#include "config/configuration.h"

#include <string.h>

#include "base/clock.h"
#include "tests/unit/config/sample.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(without_files_everything_has_a_default)
{
    struct configuration *configuration = sample_parse(NULL, NULL, NULL, NULL);

    ck_assert(!configuration_is_broken(configuration));
    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert_uint_eq(configuration->generation, 7);
    ck_assert_str_eq(configuration->settings.primary_name, "vlager.vbrew.com");
    /* none of the built-in entries has a driver here; that is no mistake of anybody */
    ck_assert_uint_eq(configuration->directors.count, 0);
    ck_assert_uint_eq(configuration->transports.count, 0);
    configuration_free(configuration);
}
END_TEST

START_TEST(entries_get_their_drivers_and_attributes)
{
    struct configuration *configuration =
        sample_parse("directors",
                     "one:\n\tdriver = picky, owner = owner-$user, domains = a:b;\n"
                     "\tfile = x, optional, count = 5\n"
                     "two: driver = easy, caution\n",
                     NULL, NULL);
    const struct entry *one = entry_find(&configuration->directors, "one");
    const struct entry *two = entry_find(&configuration->directors, "two");
    const struct sample_config *config;

    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert(one && two && one < two);
    ck_assert_str_eq(one->driver->name, "picky");
    ck_assert_str_eq(two->driver->name, "plain");
    ck_assert_str_eq(one->file, "directors");
    ck_assert_uint_eq(one->line, 1);
    ck_assert_str_eq(one->director->owner.text, "owner-$user");
    ck_assert_uint_eq(one->director->domains.count, 2);
    ck_assert(!one->director->caution && !one->director->nobody);
    ck_assert(two->director->caution);
    config = one->config;
    ck_assert_str_eq(config->file, "/picked/x");
    ck_assert(config->optional);
    ck_assert_int_eq(config->count, 5);
    ck_assert_uint_eq(config->mode.bits, 022);
    config = two->config;
    ck_assert_int_eq(config->count, 3);
    ck_assert_ptr_null(config->file);
    ck_assert_ptr_null(entry_find(&configuration->directors, "three"));
    configuration_free(configuration);
}
END_TEST

START_TEST(transports_have_the_generic_defaults_of_the_reference)
{
    struct configuration *configuration =
        sample_parse("transports",
                     "t: driver = bare, uucp_from_hack,\n -max_addrs,"
                     " remove_header = X-A, remove_header = X-B\n",
                     NULL, NULL);
    const struct entry *entry = entry_find(&configuration->transports, "t");

    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert(entry->transport->received);
    ck_assert(!entry->transport->return_path);
    ck_assert(entry->transport->unix_from_hack);
    ck_assert_int_eq(entry->transport->max_addrs, 0);
    ck_assert_int_eq(entry->transport->max_hosts, 1);
    ck_assert_uint_eq(entry->transport->remove_header.count, 2);
    configuration_free(configuration);
}
END_TEST

static const struct {
    const char *name, *text, *second_name, *second_text, *problems;
} broken[] = {
    {"config", "max_hop_count = x\nmax_hopcount = 3\n+logfile\n\nqueue_only = yes\n",
     NULL, NULL,
     "config:1: max_hop_count: 'x' found, a number expected (100, 0x1f, 10k, 2m)\n"
     "config:2: max_hopcount: unknown name; 'max_hop_count' is the nearest one\n"
     "config:3: logfile: no value found, 'logfile = string' expected\n"
     "config:5: queue_only: a value found, +queue_only (on) or -queue_only (off) "
     "expected\n"},
    {"config", "smtp_rbl_domains = x\n", NULL, NULL,
     "config:1: smtp_rbl_domains: is gone: this version asks no DNS block lists\n"},
    {"config", "primary_name = x\n", NULL, NULL,
     "config:1: primary_name: is computed and cannot be set\n"},
    {"config", "received_field = \"Received: by $primary_nam\"\n", NULL, NULL,
     "config:1: received_field: variable 'primary_nam' is unknown; the nearest one is "
     "primary_name\n"},
    {"config", "date_field = \"Datum: $date\"\n", NULL, NULL,
     "config:1: date_field: 'Datum: $date' found, Date: expected\n"},
    {"config", "delivery_mode = often\nlog_format = xml\nsmtp_bare_newline = maybe\n",
     NULL, NULL,
     "config:1: delivery_mode: 'often' found, foreground, background or queued expected\n"
     "config:2: log_format: 'xml' found, smail, json or syslog expected\n"
     "config:3: smtp_bare_newline: 'maybe' found, refuse or accept expected\n"},
    {"config", "hostnames = good.example:b_/d\nspool_dirs = spool\n", NULL, NULL,
     "config:1: hostnames: 'b_/d' found, a host or domain name expected\n"
     "config:2: spool_dirs: 'spool' found, a path that begins with / expected\n"},
    {"config", "smtp_remote_allow = 10.0.0.0/8:10.0.0.0/33:[::1]/128:[::1:lan\n", NULL,
     NULL,
     "config:1: smtp_remote_allow: bracket not closed in the list "
     "'10.0.0.0/8:10.0.0.0/33:[::1]/128:[::1:lan'\n"},
    {"config", "smtp_remote_allow = 10.0.0.0/8:10.0.0.0/33:[::1]/129:lan\n", NULL, NULL,
     "config:1: smtp_remote_allow: '10.0.0.0/33' found, a network (192.0.2.0/24, "
     "[2001:db8::]/32) expected\n"
     "config:1: smtp_remote_allow: '[::1]/129' found, a network (192.0.2.0/24, "
     "[2001:db8::]/32) expected\n"
     "config:1: smtp_remote_allow: 'lan' found, a network (192.0.2.0/24, "
     "[2001:db8::]/32) expected\n"},
    {"config", "smtp_listen = 70000:1.2.3:25:[::1]:0\n", NULL, NULL,
     "config:1: smtp_listen: '70000' found, a port from 1 to 65535 expected\n"
     "config:1: smtp_listen: '1.2.3:25' found, port or address:port expected\n"
     "config:1: smtp_listen: '[::1]:0' found, a port from 1 to 65535 expected\n"},
    {"config", "-nobody\n-spool_dirs\nsmtp_banner = \"\"\n", NULL, NULL,
     "config:1: nobody: nothing found, a value expected\n"
     "config:2: spool_dirs: nothing found, a value expected\n"
     "config:3: smtp_banner: nothing found, a value expected\n"},
    {"config", "smart_transport = nosuch\n", NULL, NULL,
     "config:1: smart_transport: transport nosuch not found\n"},
    {"config", "grades = bulk:a:junk\nrunq_grades = 9-\n", NULL, NULL,
     "config:1: grades: 'junk' found, pairs of a word and a grade expected\n"
     "config:2: runq_grades: '9-' found, a grade or a range of grades (9-C) expected\n"},
    /* the Guide's shape */
    {"routers", "inet_hosts:\n driver = bind, transport = t;\n defer\n", NULL, NULL,
     "routers:2: router inet_hosts: driver bind not found\n"
     "routers:2: router inet_hosts: transport t not found\n"},
    {"routers", "a: driver = plan\n", NULL, NULL,
     "routers:1: router a: driver plan not found; the nearest one is plain\n"},
    {"routers", "a:\n transport = t\n", "transports", "t: driver = plain",
     "routers:1: router a: no driver found, 'driver = name' expected\n"},
    {"directors", "a: driver = picky; optional\n", NULL, NULL,
     "directors:1: director a: file: nothing found, a name expected\n"},
    {"directors", "a: driver = plain, fil = x;\n count = y, caution\n", NULL, NULL,
     "directors:1: director a: fil: unknown name\n"
     "directors:2: director a: count: 'y' found, a number expected (100, 0x1f, 10k, 2m)\n"
     "directors:2: director a: caution: found on the wrong side, it belongs in front of "
     "the ';'\n"},
    {"directors", "a: driver = plain, count = 3\n", NULL, NULL,
     "directors:1: director a: count: found on the wrong side, it belongs behind the "
     "';'\n"},
    {"directors", "a: driver = bare; count = 3\n", NULL, NULL,
     "directors:1: director a: count: unknown name\n"},
    {"directors", "a: driver = plain;\n transport = smpt\n", "transports",
     "smtp: driver = plain\n",
     "directors:2: director a: transport smpt not found; the nearest one is smtp\n"},
    {"directors", "a: driver = plain, owner = own-$usr\n", NULL, NULL,
     "directors:1: director a: owner: variable 'usr' is unknown; the nearest one is "
     "user\n"},
    {"transports",
     "a: driver = plain, shadow = b, error_transport = c\n"
     "c: driver = plain; cmd = \"prog $user\"\n",
     NULL, NULL,
     "transports:1: transport a: transport b not found\n"
     "transports:2: transport c: cmd: command: a path that begins with / expected\n"},
    {"transports", "a: driver = plain; path = \"${if def:usr :x}\", cmd = \"/x ${\"\n",
     NULL, NULL,
     "transports:1: transport a: path: variable 'usr' is unknown; the nearest one is "
     "user\n"
     "transports:1: transport a: cmd: command: '${' without '}' found\n"},
    {"routers", "a: driver = plain, method = uu\n", NULL, NULL,
     "routers:1: router a: method file uu not found\n"},
    {"qualify", "* uucp x\na b/c\n", NULL, NULL,
     "qualify:1: 'x' found behind the second word, the end of the entry expected (a "
     "value "
     "with blanks or special characters needs double quotes)\n"
     "qualify:2: 'b/c' found, a domain expected: illegal character in hostname\n"},
    {"retry", "* 10m\nx 1x/\ny /-1\n", NULL, NULL,
     "retry:1: '10m' found, INTERVAL/DURATION expected (10m/5d)\n"
     "retry:2: warning: entry behind '*' found, which is never used\n"
     "retry:2: '1x' found, an interval expected (90, 30s, 10m, 2h30m, 5d)\n"
     "retry:3: '/-1' found, 0 or more expected\n"},
    {"methods/uu", "ernie/A-C-D x\n*\n", NULL, NULL,
     "methods/uu:1: 'ernie/A-C-D' found, HOST or HOST/GRADES expected (ernie/A-C)\n"
     "methods/uu:2: the end of the entry found, a value expected\n"},
    {"methods/uu", "ernie smtp\n", NULL, NULL,
     "methods/uu:1: ernie: transport smtp not found\n"},
};

START_TEST(every_mistake_is_told_with_file_and_line)
{
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct configuration *configuration = sample_parse(
            broken[i].name, broken[i].text, broken[i].second_name, broken[i].second_text);

        ck_assert_str_eq(sample_problems(configuration), broken[i].problems);
        ck_assert(configuration_is_broken(configuration));
        configuration_free(configuration);
    }
}
END_TEST

static const struct {
    const char *name, *text, *problems;
} doubtful[] = {
    {"config", "-lock_by_name\nhit_table_len = 241\nsmtp_debug\n",
     "config:3: warning: smtp_debug: has no effect (the DEBUG command, which does not "
     "exist any more)\n"},
    {"directors", "a: driver = plain\n\na: driver = bare\n",
     "directors:3: warning: director a: second entry of that name, the one in line 1 "
     "counts\n"},
    {"qualify", "a.b c\n",
     "qualify:1: warning: 'a.b' found, which has a dot and so is never completed\n"},
};

START_TEST(what_is_only_doubtful_is_a_warning)
{
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        struct configuration *configuration =
            sample_parse(doubtful[i].name, doubtful[i].text, NULL, NULL);

        ck_assert_str_eq(sample_problems(configuration), doubtful[i].problems);
        ck_assert(!configuration_is_broken(configuration));
        configuration_free(configuration);
    }
}
END_TEST

START_TEST(a_broken_file_leaves_what_could_be_read)
{
    struct configuration *configuration =
        sample_parse("config",
                     "max_hop_count = x\nretry_interval = 7m\n-spool_dirs\n"
                     "log_format = xml\nsmtp_remote_allow = 0.0.0.0/0:x\n",
                     "directors", "a: driver = nosuch\nb: driver = plain\n");

    ck_assert(configuration_is_broken(configuration));
    ck_assert_int_eq(configuration->settings.max_hop_count, 20);
    ck_assert_int_eq(configuration->settings.retry_interval.seconds, 420);
    ck_assert_str_eq(configuration->settings.spool_dir, "/var/spool/smail");
    ck_assert_uint_eq(configuration->settings.spool_dirs.count, 1);
    ck_assert_str_eq(configuration->settings.log_format, "smail");
    ck_assert_str_eq(configuration->settings.smtp_remote_allow.items[0], "127.0.0.0/8");
    ck_assert_uint_eq(configuration->directors.count, 1);
    ck_assert_str_eq(configuration->directors.list[0].name, "b");
    configuration_free(configuration);
}
END_TEST

START_TEST(the_second_config_file_wins_and_the_command_line_most)
{
    struct arena *arena = arena_new();
    struct config_bundle *bundle =
        sample_bundle(arena, "config", "max_hop_count = 3\nnobody = a\nsmart_path = x\n",
                      "second", "max_hop_count = 4\nnobody = b\n");
    struct config_file overrides = {
        .name = "overrides", .path = "(command line)", .text = "nobody = c\n"};
    struct configuration *configuration;

    overrides.length = strlen(overrides.text);
    overrides.next = bundle->files;
    bundle->files = &overrides;
    configuration = configuration_parse(bundle, &sample_drivers);
    ck_assert_int_eq(configuration->settings.max_hop_count, 4);
    ck_assert_str_eq(configuration->settings.nobody, "c");
    ck_assert_str_eq(configuration->settings.smart_path, "x");
    configuration_free(configuration);
    arena_free(arena);
}
END_TEST

START_TEST(a_file_that_may_not_be_used_breaks_the_configuration)
{
    struct arena *arena = arena_new();
    struct config_bundle *bundle = sample_bundle(arena, "directors", "", NULL, NULL);
    struct configuration *configuration;

    bundle->files->text = NULL;
    bundle->files->problem = "has mode 0666, not writable by group or others needed";
    configuration = configuration_parse(bundle, &sample_drivers);
    ck_assert_str_eq(sample_problems(configuration),
                     "directors: has mode 0666, not writable by group or others "
                     "needed\n");
    ck_assert(configuration_is_broken(configuration));
    configuration_free(configuration);
    arena_free(arena);
}
END_TEST

START_TEST(missing_files_are_a_mistake_only_with_require_configs)
{
    struct arena *arena = arena_new();
    struct config_bundle *bundle =
        sample_bundle(arena, "directors", "", "config", "require_configs\n");
    struct configuration *configuration;

    bundle->files->next->text = NULL;
    configuration = configuration_parse(bundle, &sample_drivers);
    ck_assert_str_eq(sample_problems(configuration),
                     "directors: missing, which require_configs does not permit\n");
    configuration_free(configuration);
    bundle->files->next->path = "-";
    configuration = configuration_parse(bundle, &sample_drivers);
    ck_assert_str_eq(sample_problems(configuration), "");
    configuration_free(configuration);
    arena_free(arena);
}
END_TEST

/* --- the built-in tables, with drivers of the right names and any attribute --- */

START_TEST(the_routers_depend_on_the_smart_host_and_our_domains)
{
    struct arena *arena = arena_new();
    struct settings settings;
    const char *domains[] = {"vbrew.com", "vbirds.com"};
    const char *text;

    attributes_default(settings_attributes, &settings, arena);
    text = default_routers(&settings, arena);
    ck_assert_ptr_nonnull(strstr(text, "\nbind_hosts:\n"));
    ck_assert_ptr_null(strstr(text, "\ninet_hosts:\n"));
    settings.smart_path = "moria";
    text = default_routers(&settings, arena);
    ck_assert_ptr_null(strstr(text, "\nbind_hosts:\n"));
    ck_assert_ptr_null(strstr(text, "\ninet_hosts:\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nsmart_host:\n"));
    settings.domains = (struct list){.items = domains, .count = 2};
    text = default_routers(&settings, arena);
    ck_assert_ptr_nonnull(strstr(text, "\ninet_hosts:\n"));
    ck_assert_ptr_nonnull(strstr(text, "required = vbrew.com:vbirds.com\n"));
    arena_free(arena);
}
END_TEST

START_TEST(the_built_in_tables_have_no_mistake_in_their_syntax)
{
    struct arena *arena = arena_new();
    struct settings settings;
    struct problems problems;

    attributes_default(settings_attributes, &settings, arena);
    problems_begin(&problems, arena);
    ck_assert(
        lex_definitions("d", span_of(default_directors(NULL, arena)), arena, &problems));
    ck_assert(lex_definitions("r", span_of(default_routers(&settings, arena)), arena,
                              &problems));
    ck_assert(lex_definitions("t", span_of(default_transports()), arena, &problems));
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_ptr_nonnull(
        strstr(default_directors("/x y/aliases", arena), "file = \"/x y/aliases\"\n"));
    arena_free(arena);
}
END_TEST

START_TEST(transports_of_a_file_come_in_front_of_the_built_in_ones)
{
    struct configuration *configuration = sample_parse(
        "transports", "smtp: driver = plain\nsmtp: driver = bare\n", NULL, NULL);

    ck_assert_str_eq(entry_find(&configuration->transports, "smtp")->driver->name,
                     "plain");
    ck_assert_uint_eq(configuration->problems.warnings, 1);
    configuration_free(configuration);
}
END_TEST

START_TEST(a_bundle_comes_out_of_its_bytes_as_it_went_in)
{
    struct arena *arena = arena_new();
    struct config_bundle *bundle = sample_bundle(arena, "config", "a = b\n", "retry", "");
    struct config_bundle *copy;
    struct pack pack = pack_new(arena);
    struct unpack unpack;

    bundle->alias_file = "/etc/aliases";
    bundle->files->next->problem = "is bad";
    bundle->files->next->text = NULL;
    config_bundle_pack(bundle, &pack);
    unpack = unpack_new(text_span(&pack.text));
    ck_assert(config_bundle_unpack(&unpack, arena, &copy) && unpack_done(&unpack));
    ck_assert_uint_eq(copy->generation, 7);
    ck_assert_str_eq(copy->system_name, "vlager");
    ck_assert_str_eq(copy->system_fqdn, "vlager.vbrew.com");
    ck_assert_str_eq(copy->alias_file, "/etc/aliases");
    ck_assert_str_eq(copy->files->name, "retry");
    ck_assert_str_eq(copy->files->text, "");
    ck_assert_str_eq(copy->files->next->name, "config");
    ck_assert_ptr_null(copy->files->next->text);
    ck_assert_str_eq(copy->files->next->problem, "is bad");
    ck_assert_ptr_null(copy->files->next->next);
    for (size_t i = 0; i < pack.text.length; i++) {
        unpack = unpack_new(span_first(text_span(&pack.text), i));
        ck_assert(!config_bundle_unpack(&unpack, arena, &copy));
    }
    arena_free(arena);
}
END_TEST

TCase *
config_configuration_case(void)
{
    TCase *tests = tcase_create("config_configuration");

    tcase_add_test(tests, without_files_everything_has_a_default);
    tcase_add_test(tests, entries_get_their_drivers_and_attributes);
    tcase_add_test(tests, transports_have_the_generic_defaults_of_the_reference);
    tcase_add_test(tests, every_mistake_is_told_with_file_and_line);
    tcase_add_test(tests, what_is_only_doubtful_is_a_warning);
    tcase_add_test(tests, a_broken_file_leaves_what_could_be_read);
    tcase_add_test(tests, the_second_config_file_wins_and_the_command_line_most);
    tcase_add_test(tests, a_file_that_may_not_be_used_breaks_the_configuration);
    tcase_add_test(tests, missing_files_are_a_mistake_only_with_require_configs);
    tcase_add_test(tests, the_routers_depend_on_the_smart_host_and_our_domains);
    tcase_add_test(tests, the_built_in_tables_have_no_mistake_in_their_syntax);
    tcase_add_test(tests, transports_of_a_file_come_in_front_of_the_built_in_ones);
    tcase_add_test(tests, a_bundle_comes_out_of_its_bytes_as_it_went_in);
    return tests;
}
