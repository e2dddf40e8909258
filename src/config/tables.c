/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of two words: qualify, retry, method files. */
#include <string.h>

#include "config/parse.h"
#include "mail/domain.h"

#include "base/banned.h"

static struct pair *
read_pairs(struct parse *parse, const struct config_file *file)
{
    return lex_pairs(arena_string(parse->arena, file->path),
                     (struct span){file->text, file->length}, parse->arena,
                     parse->problems);
}

/* Entries behind "*" are never reached. */
static void
warn_behind_star(struct parse *parse, const char *path, const struct pair *pair)
{
    for (; pair; pair = pair->next)
        if (strcmp(pair->key, "*") == 0 && pair->next) {
            problem_warn(parse->problems, path, pair->next->line,
                         "entry behind '*' found, which is never used");
            return;
        }
}

/* A domain as it is compared; NULL with a problem. */
static const char *
table_domain(struct parse *parse, const char *path, unsigned line, const char *name)
{
    struct span span = span_of(name);
    struct error error = {0};
    const char *domain;

    if (strcmp(name, "*") == 0)
        return name;
    if (span_starts(span, "."))
        span = span_from(span, 1);
    if (domain_normalise(span, true, parse->arena, &domain, &error))
        return domain;
    problem_add(parse->problems, path, line, "'%s' found, a domain expected: %s", name,
                error.text);
    return NULL;
}

/* --- qualify --- */

static void
read_qualify(struct parse *parse)
{
    const struct config_file *file = parse_file(parse, "qualify");
    struct pair **last = &parse->configuration->qualify;
    struct pair *pair;

    if (!file)
        return;
    pair = read_pairs(parse, file);
    warn_behind_star(parse, file->path, pair);
    for (; pair; pair = pair->next) {
        struct pair *row = arena_alloc(parse->arena, sizeof *row);

        row->line = pair->line;
        row->key = table_domain(parse, file->path, pair->line, pair->key);
        row->value = table_domain(parse, file->path, pair->line, pair->value);
        if (!row->key || !row->value)
            continue;
        if (strchr(row->key, '.'))
            problem_warn(parse->problems, file->path, pair->line,
                         "'%s' found, which has a dot and so is never completed",
                         pair->key);
        *last = row;
        last = &row->next;
    }
}

const char *
qualify_domain(const struct configuration *configuration, const char *host)
{
    if (*host == '\0' || *host == '[' || strchr(host, '.'))
        return NULL;
    for (const struct pair *pair = configuration->qualify; pair; pair = pair->next)
        if (strcmp(pair->key, "*") == 0 || span_is_nocase(span_of(host), pair->key))
            return pair->value;
    return NULL;
}

/* --- retry --- */

/* "10m/5d", each part may be missing. */
static bool
retry_times(const char *value, struct retry_rule *rule, struct error *error)
{
    struct span span = span_of(value), interval, duration;
    size_t slash = span_find(span, '/');

    if (slash == span.length)
        return fail_permanent(error, "5.3.5",
                              "'%s' found, INTERVAL/DURATION expected (10m/5d)", value);
    interval = span_first(span, slash);
    duration = span_from(span, slash + 1);
    if (interval.length > 0 && !duration_parse(interval, &rule->interval, error))
        return false;
    if (duration.length > 0 && !duration_parse(duration, &rule->duration, error))
        return false;
    if (rule->interval.seconds < 0 || rule->duration.seconds < 0)
        return fail_permanent(error, "5.3.5", "'%s' found, 0 or more expected", value);
    return true;
}

static bool
retry_domains(struct parse *parse, const char *path, const struct pair *pair,
              struct retry_rule *rule)
{
    struct span rest = span_of(pair->key), item;
    size_t most = 1, count = 0;
    const char **domains;

    for (const char *at = pair->key; *at; at++)
        most += *at == ':';
    domains = arena_array(parse->arena, most, sizeof *domains);
    while (span_next(&rest, ':', &item)) {
        if (item.length == 0)
            continue;
        domains[count] =
            table_domain(parse, path, pair->line, span_string(item, parse->arena));
        if (!domains[count])
            return false;
        count++;
    }
    rule->domains = (struct list){.items = domains, .count = count};
    return true;
}

static void
read_retry(struct parse *parse)
{
    struct configuration *configuration = parse->configuration;
    const struct config_file *file = parse_file(parse, "retry");
    struct pair *pairs;
    size_t count = 0;

    configuration->default_retry =
        (struct retry_rule){.interval = configuration->settings.retry_interval,
                            .duration = configuration->settings.retry_duration};
    if (!file)
        return;
    pairs = read_pairs(parse, file);
    warn_behind_star(parse, file->path, pairs);
    for (struct pair *pair = pairs; pair; pair = pair->next)
        count++;
    configuration->retry = arena_array(parse->arena, count, sizeof *configuration->retry);
    for (struct pair *pair = pairs; pair; pair = pair->next) {
        struct retry_rule rule = {0};
        struct error error = {0};

        if (!retry_times(pair->value, &rule, &error))
            problem_add(parse->problems, file->path, pair->line, "%s", error.text);
        else if (retry_domains(parse, file->path, pair, &rule))
            configuration->retry[configuration->retry_count++] = rule;
    }
}

const struct retry_rule *
retry_rule_for(const struct configuration *configuration, const char *host)
{
    for (size_t i = 0; i < configuration->retry_count; i++) {
        const struct retry_rule *rule = &configuration->retry[i];

        for (size_t j = 0; j < rule->domains.count; j++)
            if (strcmp(rule->domains.items[j], "*") == 0 ||
                domain_is_in(host, rule->domains.items[j]))
                return rule;
    }
    return &configuration->default_retry;
}

/* --- methods --- */

struct grades {
    char first, last; /* in the order of characters, which is that of urgency */
};

static bool
is_grade(char byte)
{
    return byte_is_digit(byte) || byte_is_letter(byte);
}

/* "X", "X-*", "*-Y", "X-Y". */
static bool
grades_parse(struct span text, struct grades *grades)
{
    if (text.length == 1 && is_grade(text.bytes[0])) {
        *grades = (struct grades){text.bytes[0], text.bytes[0]};
        return true;
    }
    if (text.length != 3 || text.bytes[1] != '-')
        return false;
    grades->first = text.bytes[0] == '*' ? '\0' : text.bytes[0];
    grades->last = text.bytes[2] == '*' ? '\x7f' : text.bytes[2];
    return (grades->first == '\0' || is_grade(grades->first)) &&
           (grades->last == '\x7f' || is_grade(grades->last));
}

/* Split "host/grades"; without grades all of them are meant. */
static bool
method_key(const char *key, struct span *host, struct grades *grades)
{
    struct span span = span_of(key);
    size_t slash = span_find(span, '/');

    *host = span_first(span, slash);
    *grades = (struct grades){'\0', '\x7f'};
    return slash == span.length || grades_parse(span_from(span, slash + 1), grades);
}

static void
read_method(struct parse *parse, const struct config_file *file)
{
    struct method_file *method = arena_alloc(parse->arena, sizeof *method);
    struct pair **last = &method->pairs;
    struct pair *pair, *next;

    file = parse_file(parse, file->name);
    if (!file)
        return;
    method->name = arena_string(parse->arena, file->name + strlen("methods/"));
    method->path = arena_string(parse->arena, file->path);
    for (pair = read_pairs(parse, file); pair; pair = next) {
        struct grades grades;
        struct span host;

        next = pair->next;
        pair->next = NULL;
        if (!method_key(pair->key, &host, &grades)) {
            problem_add(parse->problems, file->path, pair->line,
                        "'%s' found, HOST or HOST/GRADES expected (ernie/A-C)",
                        pair->key);
            continue;
        }
        *last = pair;
        last = &pair->next;
    }
    method->next = parse->configuration->methods;
    parse->configuration->methods = method;
}

const struct method_file *
method_find(const struct configuration *configuration, const char *name)
{
    for (const struct method_file *method = configuration->methods; method;
         method = method->next)
        if (strcmp(method->name, name) == 0)
            return method;
    return NULL;
}

const char *
method_transport(const struct configuration *configuration, const char *name,
                 const char *host, char grade)
{
    const struct method_file *method = method_find(configuration, name);

    for (const struct pair *pair = method ? method->pairs : NULL; pair;
         pair = pair->next) {
        struct grades grades;
        struct span key;

        if (method_key(pair->key, &key, &grades) &&
            (span_is(key, "*") || span_is_nocase(key, host)) && grade >= grades.first &&
            grade <= grades.last)
            return pair->value;
    }
    return NULL;
}

void
parse_tables(struct parse *parse)
{
    read_qualify(parse);
    read_retry(parse);
    for (const struct config_file *file = parse->bundle->files; file; file = file->next)
        if (span_starts(span_of(file->name), "methods/"))
            read_method(parse, file);
}
