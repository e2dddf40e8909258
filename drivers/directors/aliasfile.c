/* SPDX-License-Identifier: GPL-3.0-or-later */
/* aliasfile: local parts that a table turns into lists of addresses. */
#include <errno.h>

#include "drivers/directors/members.h"
#include "drivers/directors/trust.h"
#include "mail/status.h"

#include "base/banned.h"

struct aliasfile_config {
    struct trust_rules trust; /* the first, see trust.h */
    struct expanded file;
    const char *proto;
    bool optional, tryagain, reopen;
    int64_t retries;
    struct duration interval;
};

static const struct attribute aliasfile_attributes[] = {
    ATTRIBUTE(struct aliasfile_config, file, NULL,
              "the table; relative names are in smail_lib_dir"),
    ATTRIBUTE(struct aliasfile_config, proto, "bsearch", "how the table is searched"),
    TRUST_ROWS(struct aliasfile_config),
    ATTRIBUTE(struct aliasfile_config, optional, NULL, "a missing file has no entries"),
    ATTRIBUTE(struct aliasfile_config, tryagain, NULL,
              "with a missing file mail waits, without an alarm"),
    ATTRIBUTE(struct aliasfile_config, reopen, NULL,
              "the table is opened anew by itself when it changed",
              .flags = ATTRIBUTE_NO_EFFECT),
    ATTRIBUTE(struct aliasfile_config, retries, NULL, "the queue tries again",
              .flags = ATTRIBUTE_NO_EFFECT),
    ATTRIBUTE(struct aliasfile_config, interval, NULL, "the queue tries again",
              .flags = ATTRIBUTE_NO_EFFECT),
    {0},
};

static bool
aliasfile_init(void *config, struct arena *arena, struct error *error)
{
    const struct aliasfile_config *alias = config;

    (void)arena;
    if (alias->file.text == NULL)
        return fail_permanent(error, "5.3.5", "no file found, file = NAME expected");
    for (size_t i = 0; lookup_drivers[i] != NULL; i++)
        if (span_is(span_of(alias->proto), lookup_drivers[i]->driver.name))
            return true;
    return fail_permanent(error, "5.3.5", "proto = %s found, a known protocol expected",
                          alias->proto);
}

/* The table cannot be searched: missing, or not now. */
static enum verdict
aliasfile_unavailable(const struct aliasfile_config *alias, struct directing *directing,
                      const char *file)
{
    bool missing = directing->error.permanent && errno == ENOENT;

    if (missing && alias->optional) {
        driver_trace(directing->services, "there is no %s", file);
        return VERDICT_DECLINED;
    }
    if (missing)
        fail_temporary_number(&directing->error, ERR_ALIAS_OPEN, "4.3.5",
                              "alias file %s is missing", file);
    directing->error.permanent = false;
    if (directing->error.number == 0)
        directing->error.number = ERR_ALIAS_LOOKUP;
    directing->report = missing && alias->tryagain ? REPORT_SENDER : REPORT_CONFIG;
    return VERDICT_DEFERRED;
}

/* Turn the value of an entry into children. */
static enum verdict
aliasfile_expand(const struct aliasfile_config *alias, struct directing *directing,
                 const struct lookup_value *value, const struct stat *status)
{
    struct error *error = &directing->error;
    struct members members = {
        .file = value->file,
        .line = value->line,
        .limit = (size_t)directing->configuration->settings.max_expansion_addresses,
        .user_name = "",
    };
    enum address_trust trust = TRUST_CLEAN;

    directing->report = REPORT_CONFIG;
    if (!members_read(directing, span_of(value->value), &members, error)) {
        error_prefix(error, "%s", directing->source);
        error->number = ERR_ALIAS_PARSE;
        return VERDICT_DEFERRED;
    }
    if (directing->children == NULL) {
        fail_temporary_number(error, ERR_ALIAS_PARSE, "4.3.5",
                              "%s: no address for \"%s\"", directing->source,
                              directing->local_part);
        return VERDICT_DEFERRED;
    }
    if (members.special &&
        !trust_grade(directing, &alias->trust, value->file, status, NULL, &trust, error))
        return VERDICT_DEFERRED;
    members_trust(directing, trust);
    return VERDICT_EXPANDED;
}

/*
 * declined  no entry; no aliases are wanted for this message; the optional file is
 * missing expanded  to the list of the entry deferred  the table cannot be read (ERR_112,
 * ERR_158), the entry is no list (ERR_113)
 */
static enum verdict
aliasfile_direct(const void *config, struct directing *directing)
{
    const struct aliasfile_config *alias = config;
    const struct services *services = directing->services;
    struct lookup_value value;
    struct stat status;
    const char *file;

    if (directing->address->kind != ADDRESS_MAIL)
        return VERDICT_DECLINED;
    if (directing->envelope != NULL && directing->envelope->no_aliases) {
        driver_trace(services, "no aliases are wanted for this message");
        return VERDICT_DECLINED;
    }
    if (!directing_expand(directing, alias->file.text, directing->local_part, NULL, &file,
                          NULL)) {
        driver_trace(services, "file %s does not apply", alias->file.text);
        return VERDICT_DECLINED;
    }
    errno = 0;
    switch (services->lookup(services, alias->proto, file, span_of(directing->local_part),
                             directing->arena, &value, &status, &directing->error)) {
    case LOOKUP_FAILED:
        return aliasfile_unavailable(alias, directing, file);
    case LOOKUP_ABSENT:
        driver_trace(services, "no entry \"%s\" in %s", directing->local_part, file);
        return VERDICT_DECLINED;
    default:
        break;
    }
    directing->source =
        value.line > 0 ? arena_format(directing->arena, "%s:%u", value.file, value.line)
                       : value.file;
    return aliasfile_expand(alias, directing, &value, &status);
}

const struct director_driver aliasfile_director = {
    .driver = {.name = "aliasfile",
               .meaning = "names that a table turns into lists of addresses",
               .attributes = aliasfile_attributes,
               .config_size = sizeof(struct aliasfile_config),
               .init = aliasfile_init},
    .direct = aliasfile_direct,
};
