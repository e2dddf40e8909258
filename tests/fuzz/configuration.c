/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One of the administrator's files with any bytes in it: the first byte says which one,
 * and whether all is printed.
 * Whatever is accepted, what -bP prints of it must be accepted again.
 */
#include "config/configuration.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_config {
    const char *file, *transport;
    struct expanded path, cmd;
    struct expanded_list header;
    bool optional;
    int64_t count;
    struct mode mode;
    struct list domains;
    struct duration timeout;
    struct size size;
    struct grade grade;
};

#define ROW(field, value) ATTRIBUTE(struct fuzz_config, field, value, "for fuzzing", )

static const struct attribute rows[] = {
    ROW(file, NULL),
    ROW(transport, NULL),
    ROW(path, NULL),
    ROW(cmd, NULL),
    ROW(header, NULL),
    ROW(optional, NULL),
    ROW(count, "3"),
    ROW(mode, "022"),
    ROW(domains, NULL),
    ROW(timeout, "5m"),
    ROW(size, "100k"),
    ROW(grade, "C"),
    {0},
};

static const struct driver driver = {.name = "d",
                                     .meaning = "takes what it gets",
                                     .attributes = rows,
                                     .config_size = sizeof(struct fuzz_config)};
static const struct driver *const drivers[] = {&driver, NULL};
static const struct driver_lists lists = {drivers, drivers, drivers};

static const struct {
    const char *name, *printed; /* file in a bundle, what -bP calls it */
} files[] = {
    {"config", "CONFIG"},         {"directors", "DIRECTORS"}, {"routers", "ROUTERS"},
    {"transports", "TRANSPORTS"}, {"qualify", "QUALIFY"},     {"retry", "RETRY"},
    {"methods/m", NULL},
};

static struct configuration *
parse(const char *name, struct span text)
{
    struct config_file file = {
        .name = name, .path = name, .text = text.bytes, .length = text.length};
    struct config_bundle bundle = {
        .system_name = "host", .system_fqdn = "host.example", .files = &file};

    return configuration_parse(&bundle, &lists);
}

/* The next line that is no comment, such as those that say where an entry stood. */
static bool
next_line(struct span *rest, struct span *line)
{
    while (span_next(rest, '\n', line))
        if (!span_starts(*line, "#"))
            return true;
    *line = (struct span){0};
    return false;
}

static bool
same_lines(struct span one, struct span other)
{
    struct span first, second;

    while (next_line(&one, &first))
        if (!next_line(&other, &second) || !span_equal(first, second))
            return false;
    return !next_line(&other, &second);
}

/* What was accepted and printed is accepted and prints the same. */
static void
check_again(const struct configuration *configuration, const char *name,
            const char *printed)
{
    struct arena *arena = arena_new();
    struct text first = text_new(arena), second = text_new(arena);
    struct configuration *again;

    configuration_print(configuration, printed, true, &first, NULL, NULL);
    again = parse(name, text_span(&first));
    if (configuration_is_broken(again))
        abort();
    configuration_print(again, printed, true, &second, NULL, NULL);
    if (strcmp(name, "config") != 0 && !same_lines(text_span(&first), text_span(&second)))
        abort();
    configuration_free(again);
    arena_free(arena);
}

static void
print_everything(const struct configuration *configuration)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);
    struct json json = json_new(&text);

    json_object(&json, NULL);
    configuration_print(configuration, "ALL", true, NULL, &json, NULL);
    json_end_object(&json);
    retry_rule_for(configuration, "a.example");
    method_transport(configuration, "m", "a", 'C');
    qualify_domain(configuration, "a");
    arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct configuration *configuration;
    size_t which;
    char *copy;

    if (size == 0)
        return 0;
    which = data[0] % (sizeof files / sizeof files[0]);
    copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    configuration = parse(files[which].name, (struct span){copy, size - 1});
    free(copy);
    if (data[0] & 0x80)
        print_everything(configuration);
    if (!configuration_is_broken(configuration) && files[which].printed)
        check_again(configuration, files[which].name, files[which].printed);
    configuration_free(configuration);
    return 0;
}
