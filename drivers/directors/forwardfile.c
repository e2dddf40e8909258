/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * forwardfile: a file of addresses for each local part: a user's .forward, the "Forward
 * to" line of a mailbox, a mailing list. A file of a login user is read with that user's
 * rights and no others.
 */
#include <errno.h>
#include <string.h>

#include "drivers/directors/list_file.h"
#include "drivers/directors/login.h"
#include "drivers/directors/members.h"
#include "drivers/directors/trust.h"
#include "mail/status.h"

#include "base/banned.h"

enum { USER_ADDRESS_LIMIT = 1000 }; /* in one file of a user */

struct forwardfile_config {
    struct trust_rules trust; /* the first, see trust.h */
    struct expanded file;
    const char *prefix, *suffix;
    struct list caution, unsecure;
    bool forwardto, lock;

    bool uses_home; /* computed: the file's name depends on a home */
};

static const struct attribute forwardfile_attributes[] = {
    ATTRIBUTE(struct forwardfile_config, file, NULL,
              "path of the list; relative names are in smail_lib_dir"),
    ATTRIBUTE(struct forwardfile_config, prefix, NULL,
              "text that must stand before the name, and is taken off"),
    ATTRIBUTE(struct forwardfile_config, suffix, NULL,
              "text that must stand behind the name, and is taken off"),
    TRUST_ROWS(struct forwardfile_config),
    TRUST_ROW(struct forwardfile_config, checkowner, NULL, "the user may own the file"),
    ATTRIBUTE(struct forwardfile_config, caution, NULL,
              "users, uids, ranges of uids and directories whose lists are suspicious"),
    ATTRIBUTE(struct forwardfile_config, unsecure, NULL,
              "the same for lists that may name no files and commands at all"),
    ATTRIBUTE(struct forwardfile_config, forwardto, NULL,
              "only a first line that begins with \"Forward to \" counts"),
    ATTRIBUTE(struct forwardfile_config, lock, NULL, "one read needs no lock",
              .flags = ATTRIBUTE_NO_EFFECT),
    {0},
};

/* Does the text have the variable `home`, or begin with "~" alone? */
static bool
text_uses_home(const char *text)
{
    struct span rest = span_of(text);

    if (text[0] == '~' && (text[1] == '/' || text[1] == '\0'))
        return true;
    while (rest.length > 4) {
        if ((rest.bytes[0] == '$' || rest.bytes[0] == '{' || rest.bytes[0] == ':') &&
            span_starts_nocase(span_from(rest, 1), "home"))
            return true;
        rest = span_from(rest, 1);
    }
    return false;
}

static bool
forwardfile_init(void *config, struct arena *arena, struct error *error)
{
    struct forwardfile_config *forward = config;

    (void)arena;
    if (forward->file.text == NULL)
        return fail_permanent(error, "5.3.5", "no file found, file = NAME expected");
    forward->uses_home = text_uses_home(forward->file.text);
    return true;
}

/* One question while it is answered. */
struct forward {
    const struct forwardfile_config *config;
    struct directing *directing;
    const char *name; /* local part without prefix and suffix */
    struct user user; /* of that name, if the director is about users */
    bool is_user;
    struct list_file file;
};

/*
 * Whose file is it? The administrator's set_user; else the user of that name when the
 * path, the owner or the kind of file (a mailbox) is a user's. False: not known now.
 */
static bool
forward_user(struct forward *forward)
{
    const struct forwardfile_config *config = forward->config;
    struct directing *directing = forward->directing;
    const char *set = directing->entry->director->set_user;
    const char *name = set != NULL ? set : forward->name;

    if (set == NULL && !config->uses_home && !config->trust.checkowner &&
        !config->forwardto)
        return true;
    return login_find(directing, name, true, &forward->user, &forward->is_user,
                      &directing->error);
}

/* The path of the file. False: there is none. */
static bool
forward_path(struct forward *forward)
{
    struct directing *directing = forward->directing;
    const struct settings *settings = &directing->configuration->settings;
    const char *path;

    if (!directing_expand(directing, forward->config->file.text, forward->name,
                          forward->is_user ? forward->user.home : NULL, &path, NULL)) {
        driver_trace(directing->services, "file %s does not apply to \"%s\"",
                     forward->config->file.text, forward->name);
        return false;
    }
    if (path[0] != '/')
        path = arena_format(directing->arena, "%s/%s", settings->smail_lib_dir, path);
    forward->file.path = path;
    return true;
}

/* A home that is not there now may come back; one that never was is no home. */
static bool
home_is_there(const struct forward *forward, bool *none, struct error *error)
{
    const char *home = forward->user.home;
    struct stat status;

    *none = home[0] != '/' || strcmp(home, "/nonexistent") == 0 ||
            strcmp(home, "/dev/null") == 0;
    if (*none || stat(home, &status) == 0)
        return true;
    return fail_temporary(error, "4.3.0", "home %s: %s", home, strerror(errno));
}

/* An unusable list: a user gets mail in the mailbox, anything else waits. */
static enum verdict
forward_unusable(struct forward *forward, int number)
{
    struct directing *directing = forward->directing;
    struct error *error = &directing->error;

    if (forward->is_user) {
        driver_trace(directing->services, "not used: %s", error->text);
        directing->children = NULL;
        return VERDICT_DECLINED;
    }
    error->permanent = false;
    error->number = number;
    directing->report = REPORT_CONFIG;
    return VERDICT_DEFERRED;
}

static bool
forward_trust(struct forward *forward, enum address_trust *trust)
{
    const struct forwardfile_config *config = forward->config;
    struct directing *directing = forward->directing;
    const struct user *user = forward->is_user ? &forward->user : NULL;
    const struct list_file *file = &forward->file;
    struct stat home;

    if (!trust_grade(directing, &config->trust, file->path, &file->status, user, trust,
                     &directing->error))
        return false;
    if (config->uses_home && forward->is_user && *trust == TRUST_CLEAN &&
        (stat(forward->user.home, &home) != 0 || (home.st_mode & S_IWOTH) != 0)) {
        driver_trace(directing->services, "%s is not safe: others may write the home",
                     file->path);
        *trust = TRUST_CAUTION;
    }
    if (*trust == TRUST_CLEAN &&
        trust_is_listed(directing, config->caution, file->path, &file->status, user))
        *trust = TRUST_CAUTION;
    if (trust_is_listed(directing, config->unsecure, file->path, &file->status, user))
        *trust = TRUST_UNSECURE;
    return true;
}

/* From the text of the list to children. */
static enum verdict
forward_expand(struct forward *forward, struct span text)
{
    struct directing *directing = forward->directing;
    const struct settings *settings = &directing->configuration->settings;
    const struct director_generic *generic = directing->entry->director;
    struct members members = {
        .file = forward->file.path,
        .line = 1,
        .is_file = true,
        .limit = forward->is_user ? USER_ADDRESS_LIMIT
                                  : (size_t)settings->max_expansion_addresses,
        .user = forward->is_user ? &forward->user : NULL,
        .user_name = forward->is_user ? forward->user.name : "",
    };
    enum address_trust trust = TRUST_CLEAN;

    if (!members_read(directing, text, &members, &directing->error)) {
        error_prefix(&directing->error, "%s", forward->file.path);
        return directing->error.permanent ? forward_unusable(forward, ERR_FORWARD_PARSE)
                                          : VERDICT_DEFERRED;
    }
    directing->source = forward->file.path;
    if (directing->children == NULL && forward->is_user) {
        driver_trace(directing->services, "%s names no address", forward->file.path);
        return VERDICT_DECLINED;
    }
    if (members.special && !forward_trust(forward, &trust))
        return VERDICT_DEFERRED;
    members_trust(directing, trust);
    /* What is refused must not be all that a user gets. */
    if (forward->is_user && members.special &&
        (trust == TRUST_UNSECURE ||
         ((trust == TRUST_CAUTION || generic->caution) && !generic->nobody)))
        members_add_self(directing);
    return VERDICT_EXPANDED;
}

static enum verdict
forward_read(struct forward *forward)
{
    static const char forward_to[] = "Forward to ";
    struct directing *directing = forward->directing;
    struct list_file *file = &forward->file;

    switch (
        list_file_read(directing, file, forward->config->forwardto, &directing->error)) {
    case LIST_MISSING:
        return VERDICT_DECLINED;
    case LIST_UNUSABLE:
        return forward_unusable(forward, ERR_FORWARD_PARSE);
    case LIST_FAILED:
        return VERDICT_DEFERRED;
    default:
        break;
    }
    if (file->status.st_size == 0) {
        driver_trace(directing->services, "%s is empty", file->path);
        return VERDICT_DECLINED;
    }
    if (directing->services->restricted) {
        directing->source = file->path;
        return VERDICT_EXPANDED; /* that there is a list is enough now */
    }
    if (!forward->config->forwardto)
        return forward_expand(forward, file->content);
    if (!span_starts(file->content, forward_to)) {
        driver_trace(directing->services, "%s does not begin with \"%s\"", file->path,
                     forward_to);
        return VERDICT_DECLINED;
    }
    return forward_expand(forward, span_from(file->content, sizeof(forward_to) - 1));
}

/*
 * A list that the administrator gave a user: without that user's rights it can be told at
 * least that there is none, so that no name is taken for a list that may exist.
 */
static bool
list_is_missing(const struct forward *forward)
{
    struct stat status;

    return forward->directing->entry->director->set_user != NULL &&
           !forward->config->uses_home && lstat(forward->file.path, &status) != 0 &&
           (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG);
}

/* A user's file: whether there is a home, and whether this process may look. */
static bool
forward_may_read(struct forward *forward, enum verdict *verdict)
{
    struct directing *directing = forward->directing;
    bool none;

    if (forward->user.uid == 0) {
        driver_trace(directing->services, "files of the superuser are never used");
        *verdict = VERDICT_DECLINED;
        return false;
    }
    if (!list_file_is_ours(directing, &forward->user)) {
        *verdict = VERDICT_DECLINED;
        if (list_is_missing(forward)) {
            driver_trace(directing->services, "there is no %s", forward->file.path);
            return false;
        }
        directing->user = forward->user.name;
        *verdict = VERDICT_USER;
        return false;
    }
    *verdict = VERDICT_DEFERRED;
    if (!forward->config->uses_home)
        return true;
    if (!home_is_there(forward, &none, &directing->error))
        return false;
    *verdict = VERDICT_DECLINED;
    if (none)
        driver_trace(directing->services, "user \"%s\" has no home", forward->user.name);
    return !none;
}

/*
 * declined  no file, an empty one; prefix or suffix missing; a user's file that cannot be
 *           used (a link, too large, no list): the mailbox gets the message
 * expanded  to the addresses in the file
 * user      the file is a login user's, and this process is not that user
 * deferred  the home is not there, the file cannot be read now, a list is none (ERR_115)
 */
static enum verdict
forwardfile_direct(const void *config, struct directing *directing)
{
    struct forward forward = {.config = config, .directing = directing};
    enum verdict verdict;

    if (directing->address->kind != ADDRESS_MAIL)
        return VERDICT_DECLINED;
    forward.name = login_strip(directing->local_part, forward.config->prefix,
                               forward.config->suffix, directing->arena);
    if (forward.name == NULL || !login_is_path_safe(forward.name)) {
        driver_trace(directing->services, "\"%s\" makes no file name",
                     directing->local_part);
        return VERDICT_DECLINED;
    }
    if (!forward_user(&forward))
        return VERDICT_DEFERRED;
    if (!forward_path(&forward))
        return VERDICT_DECLINED;
    if (forward.is_user) {
        forward.file.user = &forward.user;
        if (!forward_may_read(&forward, &verdict))
            return verdict;
    }
    return forward_read(&forward);
}

const struct director_driver forwardfile_director = {
    .driver = {.name = "forwardfile",
               .meaning = "a file of addresses for each user or list",
               .attributes = forwardfile_attributes,
               .config_size = sizeof(struct forwardfile_config),
               .init = forwardfile_init},
    .direct = forwardfile_direct,
};
