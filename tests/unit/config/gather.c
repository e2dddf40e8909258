/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files into a bundle: where they are looked for, and which are refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/parse.h"
#include "tests/unit/config/sample.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

struct place {
    struct arena *arena;
    const char *path;
};

static const char *
below(const struct place *place, const char *name)
{
    return arena_format(place->arena, "%s/%s", place->path, name);
}

static void
write_file(const struct place *place, const char *name, const char *text)
{
    int fd = open(below(place, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static struct place
place_begin(void)
{
    struct place place = {.arena = arena_new()};
    char name[] = "/tmp/smail-gather-XXXXXX";

    umask(022);
    ck_assert_ptr_nonnull(mkdtemp(name));
    place.path = arena_string(place.arena, name);
    ck_assert_int_eq(mkdir(below(&place, "methods"), 0755), 0);
    return place;
}

static void
place_end(struct place *place)
{
    static const char *const names[] = {"config",     "directors", "routers", "elsewhere",
                                        "methods/uu", "second",    "retry",   "link"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(below(place, names[i]));
    rmdir(below(place, "methods"));
    rmdir(place->path);
    arena_free(place->arena);
}

/* Gather below the place; the configuration reads from it. */
static struct configuration *
gather(struct place *place, struct config_paths *paths, struct config_bundle **bundle)
{
    paths->library = place->path;
    *bundle = config_gather(paths, 3, place->arena);
    return configuration_parse(*bundle, &sample_drivers);
}

START_TEST(the_files_that_are_there_are_read)
{
    struct place place = place_begin();
    struct config_paths paths = {0};
    struct config_bundle *bundle;
    struct configuration *configuration;

    write_file(&place, "config",
               "hostnames = h.example\nsecond_config_file = second\nretry_file = retry\n"
               "transport_file = nosuch\n-qualify_file\n");
    write_file(&place, "second", "max_hop_count = 9\n");
    write_file(&place, "routers",
               "a: driver = plain, method = uu\nb: driver = bare, method = uu\n");
    write_file(&place, "methods/uu", "*  uux\n");
    write_file(&place, "retry", "* 1m/1h\n");
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(sample_problems(configuration),
                     arena_format(place.arena,
                                  "%s/methods/uu:1: *: transport uux not found\n",
                                  place.path));
    ck_assert_uint_eq(bundle->generation, 3);
    ck_assert_str_eq(bundle->system_fqdn, ""); /* nobody was asked: hostnames are set */
    ck_assert_str_eq(configuration->settings.primary_name, "h.example");
    ck_assert_str_eq(configuration->settings.config_file, below(&place, "config"));
    ck_assert_int_eq(configuration->settings.max_hop_count, 9);
    ck_assert_int_eq(retry_rule_for(configuration, "x")->interval.seconds, 60);
    ck_assert_str_eq(method_transport(configuration, "uu", "x", 'C'), "uux");
    ck_assert_ptr_nonnull(bundle_find(bundle, "transports"));
    ck_assert_ptr_null(bundle_find(bundle, "transports")->text);
    ck_assert_ptr_null(bundle_find(bundle, "qualify"));
    configuration_free(configuration);
    place_end(&place);
}
END_TEST

START_TEST(the_command_line_wins)
{
    static const char *const overrides[] = {"max_hop_count = 5", "-smart_path", NULL};
    struct place place = place_begin();
    struct config_paths paths = {.routers = "-", .overrides = overrides};
    struct config_bundle *bundle;
    struct configuration *configuration;

    write_file(&place, "elsewhere",
               "hostnames = e.example\nmax_hop_count = 4\nsmart_path = gw\n");
    write_file(&place, "config", "hostnames = h.example\n");
    write_file(&place, "routers", "nonsense");
    paths.config = below(&place, "elsewhere");
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert_str_eq(configuration->settings.primary_name, "e.example");
    ck_assert_int_eq(configuration->settings.max_hop_count, 5);
    ck_assert_ptr_null(configuration->settings.smart_path);
    ck_assert_ptr_null(configuration->settings.router_file);
    ck_assert_str_eq(configuration->settings.smail_lib_dir, place.path);
    configuration_free(configuration);

    paths.config = "-";
    configuration = gather(&place, &paths, &bundle);
    ck_assert_int_eq(configuration->settings.max_hop_count, 5);
    ck_assert_ptr_null(bundle_find(bundle, "config")->text);
    configuration_free(configuration);

    paths.config = below(&place, "nosuch");
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(
        sample_problems(configuration),
        arena_format(place.arena, "%s/nosuch: does not exist\n", place.path));
    configuration_free(configuration);
    place_end(&place);
}
END_TEST

START_TEST(what_others_could_have_written_is_refused)
{
    struct place place = place_begin();
    struct config_paths paths = {0};
    struct config_bundle *bundle;
    struct configuration *configuration;

    write_file(&place, "config", "hostnames = h.example\n");
    write_file(&place, "directors", "a: driver = plain\n");
    ck_assert_int_eq(chmod(below(&place, "directors"), 0664), 0);
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(sample_problems(configuration),
                     arena_format(place.arena,
                                  "%s/directors: has mode 0664, not writable by group "
                                  "or others needed\n",
                                  place.path));
    ck_assert_uint_eq(configuration->directors.count, 0);
    configuration_free(configuration);

    ck_assert_int_eq(chmod(below(&place, "directors"), 0644), 0);
    ck_assert_int_eq(chmod(place.path, 0777), 0);
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(
        sample_problems(configuration),
        arena_format(place.arena,
                     "%s/config: %s has mode 0777, not writable by group or others "
                     "needed\n%s/directors: %s has mode 0777, not writable by group or "
                     "others needed\n",
                     place.path, place.path, place.path, place.path));
    configuration_free(configuration);
    ck_assert_int_eq(chmod(place.path, 0755), 0);
    place_end(&place);
}
END_TEST

START_TEST(a_link_is_followed_to_a_file_that_passes_the_checks)
{
    struct place place = place_begin();
    struct config_paths paths = {0};
    struct config_bundle *bundle;
    struct configuration *configuration;

    write_file(&place, "elsewhere", "hostnames = h.example\n");
    ck_assert_int_eq(symlink(below(&place, "elsewhere"), below(&place, "config")), 0);
    configuration = gather(&place, &paths, &bundle);
    ck_assert_str_eq(sample_problems(configuration), "");
    ck_assert_str_eq(configuration->settings.primary_name, "h.example");
    configuration_free(configuration);
    ck_assert_int_eq(chmod(below(&place, "elsewhere"), 0666), 0);
    configuration = gather(&place, &paths, &bundle);
    ck_assert(configuration_is_broken(configuration));
    configuration_free(configuration);
    place_end(&place);
}
END_TEST

START_TEST(a_file_that_is_no_file_is_refused)
{
    struct place place = place_begin();
    struct config_paths paths = {.config = place.path};
    struct config_bundle *bundle;
    struct configuration *configuration = gather(&place, &paths, &bundle);

    ck_assert_ptr_nonnull(
        strstr(sample_problems(configuration), "is not a regular file"));
    configuration_free(configuration);
    place_end(&place);
}
END_TEST

TCase *
config_gather_case(void)
{
    TCase *tests = tcase_create("config_gather");

    tcase_add_test(tests, the_files_that_are_there_are_read);
    tcase_add_test(tests, the_command_line_wins);
    tcase_add_test(tests, what_others_could_have_written_is_refused);
    tcase_add_test(tests, a_link_is_followed_to_a_file_that_passes_the_checks);
    tcase_add_test(tests, a_file_that_is_no_file_is_refused);
    return tests;
}
