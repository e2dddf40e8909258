/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail into files: the mailbox of a user, a file that an alias names, a Maildir, a
 * directory with a file for each message.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/transports/mailbox.h"
#include "drivers/transports/maildir.h"
#include "mail/status.h"

#include "base/banned.h"

struct appendfile {
    struct expanded file, dir, maildir, prefix, suffix;
    struct mode mode;
    const char *user, *group;
    bool append_as_user, expand_user, check_user, check_path, notify_comsat;
};

#define ROW(field, ...) ATTRIBUTE(struct appendfile, field, __VA_ARGS__)

static const struct attribute attributes[] = {
    ROW(file, NULL, "file that the message is put at the end of", ),
    ROW(dir, NULL, "directory that gets a file for each message", ),
    ROW(maildir, NULL, "Maildir that gets the message, made when missing", ),
    ROW(prefix, NULL, "text in front of each message", ),
    ROW(suffix, NULL, "text behind each message", ),
    ROW(mode, "0600", "mode of a new file", ),
    ROW(user, NULL, "only this user's worker may write it", ),
    ROW(group, NULL, "group of a new file", ),
    ROW(append_as_user, "on", "write as the user of the address",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(expand_user, NULL, "$user is a path that may begin with ~", ),
    ROW(check_user, "on", "refuse a $user that is no plain file name",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(check_path, "on", "the user must be able to search all directories",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(notify_comsat, NULL, "tell the biff daemon", ),
    {0},
};

static bool
appendfile_init(void *config, struct arena *arena, struct error *error)
{
    const struct appendfile *append = config;
    int given = (append->file.text != NULL) + (append->dir.text != NULL) +
                (append->maildir.text != NULL);

    (void)arena;
    if (given == 1)
        return true;
    return fail_permanent_number(error, ERR_FILE_OR_DIR, "5.3.5",
                                 "one of file, dir and maildir is needed, found %d",
                                 given);
}

/* --- the path --- */

/* "~/rest" and "~user/rest": the only thing that is expanded in what users write. */
static bool
tilde_expand(const struct delivery *delivery, const char *text, const char **path,
             struct error *error)
{
    const char *slash = strchr(text, '/');
    const char *home = delivery->expansion.home;
    struct user user;
    bool found;

    *path = text;
    if (text[0] != '~')
        return true;
    if (!slash)
        slash = text + strlen(text);
    if (slash > text + 1) {
        const char *name =
            arena_bytes(delivery->arena, text + 1, (size_t)(slash - text) - 1);

        if (!delivery->services->user(delivery->services, name, delivery->arena, &user,
                                      &found, error))
            return false;
        home = found ? user.home : NULL;
    }
    if (!home || home[0] != '/')
        return fail_permanent_number(error, ERR_USER_EXPAND, "5.2.0",
                                     "%s: no such home directory", text);
    *path = arena_format(delivery->arena, "%s%s", home, slash);
    return true;
}

/* A $user that becomes part of a path is one plain file name. */
static bool
user_check(const char *user, struct error *error)
{
    if (user[0] == '\0' || user[0] == '.' || strchr(user, '/') || strlen(user) > 255)
        return fail_permanent_number(error, ERR_USER_SLASH, "5.1.3",
                                     "user name cannot be a file name");
    for (const char *at = user; *at; at++)
        if (byte_is_control(*at))
            return fail_permanent_number(error, ERR_USER_SLASH, "5.1.3",
                                         "control character in user name");
    return true;
}

static bool
path_check(const char *path, struct error *error)
{
    struct span rest = span_of(path), part;

    if (path[0] != '/')
        return fail_permanent_number(error, ERR_FILE_ABSOLUTE, "5.3.5",
                                     "%s is not an absolute path", path);
    while (span_next(&rest, '/', &part))
        if (span_is(part, ".."))
            return fail_permanent_number(error, ERR_FILE_OPEN, "5.2.0",
                                         "%s: .. is not used in paths", path);
    if (strncmp(path, "/dev/", 5) == 0 && strcmp(path, "/dev/null") != 0)
        return fail_permanent_number(error, ERR_FILE_OPEN, "5.2.0",
                                     "%s: no mail into devices", path);
    return true;
}

static bool
path_expand(const struct appendfile *append, struct delivery *delivery,
            const char *template, const char **path, struct error *error)
{
    const struct address *address = delivery->addresses[0].address;
    bool is_path = append->expand_user || address->kind == ADDRESS_FILE;
    const char *user = address->next_address[0] ? address->next_address : address->text;

    if (is_path) {
        if (!tilde_expand(delivery, user, &user, error))
            return false;
        delivery->expansion.user = user;
    } else if ((strstr(template, "user") || strstr(template, "addr")) &&
               !user_check(user, error)) {
        return false;
    }
    if (!expand(template, &delivery->expansion, path, error))
        return error->permanent
                   ? fail_permanent_number(error, ERR_FILE_EXPAND, "5.3.5",
                                           "file %s cannot be expanded", template)
                   : false;
    return path_check(*path, error);
}

/* --- the mailbox --- */

static bool
finish(void *held, struct error *error)
{
    return mailbox_finish(held, error);
}

/* The biff daemon is told user and place; whether anybody listens does not matter. */
static void
comsat_notify(const struct delivery *delivery, uint64_t position)
{
    struct sockaddr_in biff = {.sin_family = AF_INET};
    const struct servent *service = getservbyname("biff", "udp");
    const char *text =
        arena_format(delivery->arena, "%s@%llu\n", delivery->addresses[0].address->user,
                     (unsigned long long)position);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return;
    biff.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    biff.sin_port = service ? (in_port_t)service->s_port : htons(512);
    (void)!sendto(fd, text, strlen(text), 0, (struct sockaddr *)&biff, sizeof(biff));
    close(fd);
}

static bool
group_of(const struct appendfile *append, const struct delivery *delivery, gid_t *group,
         struct error *error)
{
    bool found;

    *group = (gid_t)-1;
    if (!append->group || append->group[0] == '\0')
        return true;
    if (!delivery->services->group(delivery->services, append->group, group, &found,
                                   error))
        return false;
    return found || fail_temporary(error, "4.3.5", "there is no group %s", append->group);
}

/* The mailbox at that path: the one that waits open for more mail, or opened now. */
static bool
mailbox_take(const struct appendfile *append, const struct delivery *delivery,
             const char *path, const char *key, struct mailbox_file **mailbox,
             struct error *error)
{
    struct mailbox_options options = {
        .settings = &delivery->configuration->settings,
        .mode = (mode_t)append->mode.bits,
        .deadline = delivery->deadline,
        .with_group = delivery->addresses[0].address->kind == ADDRESS_MAIL,
    };

    *mailbox = connection_cache_take(delivery->connections, key);
    if (*mailbox)
        return true;
    if (!group_of(append, delivery, &options.group, error))
        return false;
    return mailbox_open(path, &options, mailbox, error);
}

static bool
append(const struct appendfile *config, struct delivery *delivery, const char *path,
       const char *prefix, const char *suffix, struct error *error)
{
    const char *key = arena_format(delivery->arena, "mailbox:%s", path);
    struct mailbox_file *mailbox;
    struct error ignored;
    bool appended;

    if (!mailbox_take(config, delivery, path, key, &mailbox, error))
        return false;
    appended = mailbox_append(mailbox, prefix, &delivery->rendering, suffix, error);
    if (config->notify_comsat && appended)
        comsat_notify(delivery, mailbox_position(mailbox));
    if (delivery->connections)
        connection_cache_owe(delivery->connections, key, mailbox, finish);
    else if (!mailbox_finish(mailbox, appended ? error : &ignored))
        appended = false;
    return appended;
}

/* --- the call --- */

static bool
expand_optional(const struct delivery *delivery, struct expanded template,
                const char **text, struct error *error)
{
    *text = "";
    if (!template.text)
        return true;
    if (expand(template.text, &delivery->expansion, text, error))
        return true;
    error->permanent = false; /* the administrator's mistake bounces nothing */
    error->status[0] = '4';
    return false;
}

static bool
deliver(const struct appendfile *config, struct delivery *delivery, struct error *error)
{
    const char *template =
        config->file.text ? config->file.text
                          : (config->dir.text ? config->dir.text : config->maildir.text);
    struct drop drop = {.rendering = &delivery->rendering,
                        .mode = (mode_t)config->mode.bits,
                        .message_id = delivery->message_id,
                        .arena = delivery->arena};
    const char *path;

    if (config->user && config->user[0] && delivery->user &&
        strcmp(config->user, delivery->user->name) != 0)
        return fail_temporary(error, "4.3.5", "transport %s writes as user %s only",
                              delivery->entry->name, config->user);
    if (!expand_optional(delivery, config->prefix, &drop.before, error) ||
        !expand_optional(delivery, config->suffix, &drop.after, error) ||
        !path_expand(config, delivery, template, &path, error))
        return false;
    if (strcmp(path, "/dev/null") == 0)
        return true;
    if (config->maildir.text)
        return maildir_deliver(path, &drop, error);
    if (config->dir.text)
        return directory_deliver(path, &drop, error);
    return append(config, delivery, path, drop.before, drop.after, error);
}

/*
 * delivered  it is in the file (and what is owed was settled), or the file is /dev/null
 * deferred   ERR_134 locked, ERR_135 cannot be written, ERR_133 for a mailbox that cannot
 *            be opened: that is the administration's matter, and the mail waits for it
 * failed     ERR_133 a file that an alias or forward file names and that is not for mail,
 *            ERR_128, 129, 131, 132 paths that cannot be
 */
static void
appendfile_deliver(const void *config, struct delivery *delivery)
{
    const struct address *address = delivery->addresses[0].address;
    struct error error = {0};

    if (deliver(config, delivery, &error)) {
        delivery_decide(delivery, OUTCOME_DELIVERED, NULL, REPORT_SENDER);
        return;
    }
    if (error.permanent && error.number == ERR_FILE_OPEN &&
        address->kind == ADDRESS_MAIL) {
        error.permanent = false;
        error.status[0] = '4';
    }
    delivery_decide(delivery, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED, &error,
                    address->kind == ADDRESS_MAIL ? REPORT_POSTMASTER : REPORT_OWNER);
}

const struct transport_driver appendfile_transport = {
    .driver = {.name = "appendfile",
               .meaning = "puts messages into files, mailboxes and Maildirs",
               .attributes = attributes,
               .config_size = sizeof(struct appendfile),
               .init = appendfile_init},
    .identity = IDENTITY_RECIPIENT,
    .deliver = appendfile_deliver,
};
