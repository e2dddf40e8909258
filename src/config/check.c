/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that point nowhere, and values that fit their type but not their purpose. */
#include <arpa/inet.h>
#include <string.h>

#include "config/parse.h"
#include "mail/domain.h"

#include "base/banned.h"

/* --- settings --- */

/* Where a variable was set; file NULL: nowhere. */
static struct attribute_origin
origin_of(const struct parse *parse, const char *name)
{
    const struct attribute *row = attribute_find(settings_attributes, name);

    return parse->configuration->origins[row - settings_attributes];
}

/* What cannot be used becomes the default, so that nobody meets it half-way. */
static void
restore_default(struct parse *parse, const struct attribute *row)
{
    const struct attribute rows[] = {*row, {0}};

    if (row->value)
        attributes_default(rows, &parse->configuration->settings, parse->arena);
}

static void
complain(struct parse *parse, const char *name, const char *value, const char *expected)
{
    struct attribute_origin origin = origin_of(parse, name);

    problem_add(parse->problems, origin.file, origin.line,
                value ? "%s: '%s' found, %s expected" : "%s: %s found, %s expected", name,
                value ? value : "nothing", expected);
    restore_default(parse, attribute_find(settings_attributes, name));
}

/* Variables that must not be unset: code relies on a text. */
static const char *const vital[] = {
    "postmaster_address", "nobody",           "smail_lib_dir", "smail",
    "method_dir",         "spool_dirs",       "console",       "log_format",
    "syslog_facility",    "delivery_mode",    "smtp_banner",   "smtp_bare_newline",

    "received_field",     "message_id_field", "date_field",    "from_field",
    "return_path_field",  "spool_user",       "network_user",  "map_user",
};

void
parse_vital(struct parse *parse)
{
    for (size_t i = 0; i < sizeof vital / sizeof vital[0]; i++) {
        const struct attribute *row = attribute_find(settings_attributes, vital[i]);
        const char *value =
            attribute_value(row, &parse->configuration->settings, parse->arena);

        if (!value || value[0] == '\0')
            complain(parse, vital[i], NULL, "a value");
    }
}

static void
check_choice(struct parse *parse, const char *name, const char *value,
             const char *choices, const char *expected)
{
    struct span rest = span_of(choices), choice;

    while (span_next(&rest, ':', &choice))
        if (value && span_is_nocase(choice, value))
            return;
    complain(parse, name, value, expected);
}

/* Only the first letter of the mode counts. */
static void
check_delivery_mode(struct parse *parse)
{
    const char *mode = parse->configuration->settings.delivery_mode;

    if (!mode || mode[0] == '\0' || !strchr("fbqFBQ", mode[0]))
        complain(parse, "delivery_mode", mode, "foreground, background or queued");
}

static void
check_names(struct parse *parse, const char *name, struct list names)
{
    struct error error = {0};
    const char *domain;

    for (size_t i = 0; i < names.count; i++)
        if (!domain_normalise(span_of(names.items[i]), true, parse->arena, &domain,
                              &error))
            complain(parse, name, names.items[i], "a host or domain name");
}

/* What was computed from another one is not told again. */
static void
check_absolute(struct parse *parse, const char *name, const char *path)
{
    if (origin_of(parse, name).file && (!path || path[0] != '/'))
        complain(parse, name, path, "a path that begins with /");
}

/* "192.0.2.0/24", "[2001:db8::]/32", "192.0.2.1". */
static bool
is_network(struct span text, struct arena *arena)
{
    size_t slash = span_find(text, '/');
    struct span address = span_first(text, slash);
    unsigned char octets[16];
    const char *name;
    uint64_t bits = 0, most;

    if (span_starts(address, "[") && span_ends_nocase(address, "]"))
        address = span_first(span_from(address, 1), address.length - 2);
    name = span_string(address, arena);
    if (inet_pton(AF_INET, name, octets) == 1)
        most = 32;
    else if (inet_pton(AF_INET6, name, octets) == 1)
        most = 128;
    else
        return false;
    return slash == text.length || span_number(span_from(text, slash + 1), most, &bits);
}

static void
check_networks(struct parse *parse, const char *name, struct list networks)
{
    for (size_t i = 0; i < networks.count; i++)
        if (!is_network(span_of(networks.items[i]), parse->arena))
            complain(parse, name, networks.items[i],
                     "a network (192.0.2.0/24, [2001:db8::]/32)");
}

/* "25", "smtp", "127.0.0.1:25", "[::1]:25", "*:25". */
static void
check_listen(struct parse *parse)
{
    struct list list = parse->configuration->settings.smtp_listen;

    for (size_t i = 0; i < list.count; i++) {
        struct span item = span_of(list.items[i]);
        size_t colon = span_find_last(item, ':');
        struct span address = span_first(item, colon);
        struct span port = colon < item.length ? span_from(item, colon + 1) : item;
        uint64_t number = 1;

        if (port.length > 0 && byte_is_digit(port.bytes[0]) &&
            (!span_number(port, 65535, &number) || number == 0))
            complain(parse, "smtp_listen", list.items[i], "a port from 1 to 65535");
        else if (colon < item.length && !span_is(address, "*") &&
                 (!is_network(address, parse->arena) ||
                  span_find(address, '/') < address.length))
            complain(parse, "smtp_listen", list.items[i], "port or address:port");
    }
}

/* "word:grade:word:grade" of Precedence fields. */
static void
check_grades(struct parse *parse)
{
    struct list grades = parse->configuration->settings.grades;

    for (size_t i = 0; i < grades.count; i += 2)
        if (i + 1 == grades.count || strlen(grades.items[i + 1]) != 1) {
            complain(parse, "grades", grades.items[i], "pairs of a word and a grade");
            return;
        }
}

/* "9-C", as delivery_grades and runq_grades have it. */
static void
check_grade_range(struct parse *parse, const char *name, const char *range)
{
    size_t length = range ? strlen(range) : 0;

    if (length == 0 || length == 1 || (length == 3 && range[1] == '-'))
        return;
    complain(parse, name, range, "a grade or a range of grades (9-C)");
}

/* A header field is "Name: text"; these must have the right name. */
static void
check_field(struct parse *parse, const char *name, struct expanded field,
            const char *begin)
{
    if (field.text && !span_starts_nocase(span_of(field.text), begin))
        complain(parse, name, field.text, begin);
}

static void
check_visible_name(struct parse *parse)
{
    const struct settings *settings = &parse->configuration->settings;
    struct attribute_origin origin = origin_of(parse, "visible_name");
    struct list visible = {.items = &settings->visible_name, .count = 1};

    if (!origin.file)
        return;
    check_names(parse, "visible_name", visible);
    if (!host_is_local(settings, settings->visible_name))
        problem_warn(parse->problems, origin.file, origin.line,
                     "visible_name: %s is not a name of this host, so answers to our "
                     "addresses do not come here (see hostnames, more_hostnames)",
                     settings->visible_name);
}

static void
check_settings(struct parse *parse)
{
    const struct settings *settings = &parse->configuration->settings;

    check_delivery_mode(parse);
    check_choice(parse, "log_format", settings->log_format, "smail:json:syslog",
                 "smail, json or syslog");
    check_choice(parse, "smtp_bare_newline", settings->smtp_bare_newline, "refuse:accept",
                 "refuse or accept");
    check_names(parse, "hostnames", settings->hostnames);
    check_names(parse, "more_hostnames", settings->more_hostnames);
    check_names(parse, "domains", settings->domains);
    check_names(parse, "auth_domains", settings->auth_domains);
    check_visible_name(parse);
    check_absolute(parse, "smail_lib_dir", settings->smail_lib_dir);
    check_absolute(parse, "run_dir", settings->run_dir);
    check_absolute(parse, "logfile", settings->logfile);
    check_absolute(parse, "paniclog", settings->paniclog);
    for (size_t i = 0; i < settings->spool_dirs.count; i++)
        check_absolute(parse, "spool_dirs", settings->spool_dirs.items[i]);
    check_networks(parse, "smtp_remote_allow", settings->smtp_remote_allow);
    check_networks(parse, "smtp_reject_hosts", settings->smtp_reject_hosts);
    check_listen(parse);
    check_grades(parse);
    check_grade_range(parse, "delivery_grades", settings->delivery_grades);
    check_grade_range(parse, "runq_grades", settings->runq_grades);
    check_field(parse, "received_field", settings->received_field, "Received:");
    check_field(parse, "message_id_field", settings->message_id_field, "Message-Id:");
    check_field(parse, "date_field", settings->date_field, "Date:");
    check_field(parse, "from_field", settings->from_field, "From:");
    check_field(parse, "return_path_field", settings->return_path_field, "Return-Path:");
}

/* --- transports that are named --- */

/* The transport exists, or was written with a mistake of its own, which was told. */
static bool
transport_is_known(const struct parse *parse, const char *name)
{
    const struct configuration *configuration = parse->configuration;

    if (entry_find(&configuration->transports, name))
        return true;
    for (size_t i = 0; i < configuration->broken.count; i++)
        if (configuration->broken.list[i].kind == ENTRY_TRANSPORT &&
            strcmp(configuration->broken.list[i].name, name) == 0)
            return true;
    return false;
}

static void
check_transport(struct parse *parse, const char *file, unsigned line, const char *what,
                const char *name)
{
    const struct entries *transports = &parse->configuration->transports;
    struct nearest nearest = {.name = name};

    if (!name || name[0] == '\0' || transport_is_known(parse, name))
        return;
    for (size_t i = 0; i < transports->count; i++)
        nearest_offer(&nearest, transports->list[i].name);
    problem_add(parse->problems, file, line, "%s: transport %s not found%s%s", what, name,
                nearest.found ? "; the nearest one is " : "",
                nearest.found ? nearest.found : "");
}

/* Does a driver's attribute hold the name of a transport? */
static bool
names_transport(const struct attribute *row)
{
    return row->type == ATTRIBUTE_TEXT &&
           (strcmp(row->name, "transport") == 0 ||
            span_ends_nocase(span_of(row->name), "_transport") ||
            strcmp(row->name, "shadow") == 0);
}

static void
check_rows(struct parse *parse, const struct entry *entry, const struct attribute *rows,
           const void *config, const struct attribute_origin *origins, const char *what)
{
    for (size_t i = 0; rows && rows[i].name; i++)
        if (names_transport(&rows[i]))
            check_transport(parse, entry->file,
                            origins[i].file ? origins[i].line : entry->line, what,
                            attribute_value(&rows[i], config, parse->arena));
}

static void
check_method(struct parse *parse, const struct entry *entry, const char *what)
{
    const char *name = entry->router->method;
    const struct method_file *method;
    const struct config_file *file;

    if (!name || name[0] == '\0')
        return;
    file = bundle_find(parse->bundle, arena_format(parse->arena, "methods/%s", name));
    if (file && file->problem)
        return;
    method = method_find(parse->configuration, name);
    if (!method)
        problem_add(parse->problems, entry->file, entry->line,
                    "%s: method file %s not found", what, file ? file->path : name);
}

static void
check_entry(struct parse *parse, const struct entry *entry)
{
    const char *what =
        arena_format(parse->arena, "%s %s", entry_kind_name(entry->kind), entry->name);

    check_rows(parse, entry, entry_generic_rows(entry), entry->director,
               entry->generic_origins, what);
    if (entry->driver)
        check_rows(parse, entry, entry->driver->attributes, entry->config, entry->origins,
                   what);
    if (entry->kind == ENTRY_ROUTER)
        check_method(parse, entry, what);
}

/* Built-in ones are fine; they may name a transport that this build has not. */
static void
check_entries(struct parse *parse, const struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        if (entries->list[i].file)
            check_entry(parse, &entries->list[i]);
}

static void
check_methods(struct parse *parse)
{
    for (const struct method_file *method = parse->configuration->methods; method;
         method = method->next)
        for (const struct pair *pair = method->pairs; pair; pair = pair->next)
            check_transport(parse, method->path, pair->line, pair->key, pair->value);
}

void
parse_check(struct parse *parse)
{
    const struct configuration *configuration = parse->configuration;
    struct attribute_origin smart = origin_of(parse, "smart_transport");

    check_settings(parse);
    check_entries(parse, &configuration->directors);
    check_entries(parse, &configuration->routers);
    check_entries(parse, &configuration->transports);
    check_entries(parse, &configuration->broken);
    check_methods(parse);
    check_transport(parse, smart.file, smart.line, "smart_transport",
                    configuration->settings.smart_transport);
}
