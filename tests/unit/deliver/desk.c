/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker's desk. */
#include "tests/unit/deliver/desk.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/file.h"
#include "mail/header.h"
#include "resolve/resolve.h"

#include "base/banned.h"

enum { ADDRESSES = 3000 };

static bool
desk_user(const struct services *services, const char *name, struct arena *arena,
          struct user *user, bool *found, struct error *error)
{
    const struct desk *desk =
        (const void *)((const char *)services - offsetof(struct desk, services));

    (void)arena;
    (void)error;
    *found = strcmp(name, "joe") == 0;
    if (*found)
        *user = desk->user;
    return true;
}

static const char *
with_directory(struct desk *desk, const char *text)
{
    struct text result = text_new(desk->arena);

    for (; *text; text++) {
        if (text[0] == '@' && text[1] == '/')
            text_add(&result, desk->directory);
        else
            text_add_byte(&result, *text);
    }
    return text_string(&result);
}

static struct config_file *
config_file(struct desk *desk, const char *name, const char *text,
            struct config_file *next)
{
    struct config_file *file = arena_alloc(desk->arena, sizeof(*file));

    if (!text)
        return next;
    file->name = file->path = name;
    file->text = with_directory(desk, text);
    file->length = strlen(file->text);
    file->next = next;
    return file;
}

static void
configure(struct desk *desk, const char *config, const char *transports,
          const char *directors)
{
    struct config_bundle bundle = {
        .generation = 1, .system_name = "vlager", .system_fqdn = "vlager.vbrew.com"};

    bundle.files = config_file(desk, "transports", transports, NULL);
    bundle.files = config_file(desk, "directors", directors, bundle.files);
    bundle.files = config_file(desk, "config", config, bundle.files);
    desk->configuration = configuration_parse(&bundle, &driver_lists);
    for (const struct problem *problem = desk->configuration->problems.first; problem;
         problem = problem->next)
        ck_assert_msg(problem->warning, "%s:%u: %s", problem->file, problem->line,
                      problem->text);
}

void
desk_begin(struct desk *desk, const char *config, const char *transports)
{
    desk_begin_directing(desk, config, transports, NULL);
}

void
desk_begin_directing(struct desk *desk, const char *config, const char *transports,
                     const char *directors)
{
    *desk = (struct desk){.arena = arena_new(), .directory = "/tmp/smail-desk-XXXXXX"};
    signal(SIGPIPE, SIG_IGN); /* as in every role */
    signal(SIGXFSZ, SIG_IGN);
    ck_assert(mkdtemp(desk->directory) != NULL);
    configure(desk, config, transports, directors);
    desk->real = services_new(desk->configuration, NULL, "joe", false);
    desk->services = *desk->real;
    desk->services.user = desk_user;
    desk->user = (struct user){.name = "joe",
                               .uid = geteuid() ? geteuid() : 1000,
                               .gid = getegid(),
                               .home = desk_path(desk, "home"),
                               .full_name = "Joe",
                               .shell = "/bin/sh"};
    ck_assert_int_eq(mkdir(desk->user.home, 0700), 0);
    desk->connections = connection_cache_new(4);
    desk->context = (struct job_context){.configuration = desk->configuration,
                                         .services = &desk->services,
                                         .user = &desk->user,
                                         .connections = desk->connections,
                                         .arena = desk->arena};
    desk->job = (struct job){.number = 1, .kind = JOB_DELIVER, .content_fd = -1};
    desk->job.id = message_id_make(800000000, 1, 'C');
    desk->job.addresses = arena_array(desk->arena, ADDRESSES, sizeof(struct address));
    desk->job.known = arena_array(desk->arena, ADDRESSES, sizeof(struct address));
    desk_message(desk, "ann@vstout.vbrew.com", "Subject: x\r\n\r\ntext\r\n");
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void
desk_end(struct desk *desk)
{
    connection_cache_free(desk->connections);
    services_free(desk->real);
    configuration_free(desk->configuration);
    nftw(desk->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(desk->arena);
}

const char *
desk_path(struct desk *desk, const char *name)
{
    return arena_format(desk->arena, "%s/%s", desk->directory, name);
}

void
desk_write(struct desk *desk, const char *name, mode_t mode, const char *text)
{
    const char *path = desk_path(desk, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert(fd >= 0);
    ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    ck_assert(fchmod(fd, mode) == 0);
    close(fd);
}

const char *
desk_read(struct desk *desk, const char *name)
{
    struct error error = {0};
    struct stat status;
    struct span content;

    if (!file_load(desk_path(desk, name), true, 64 << 20, desk->arena, &content, &status,
                   &error))
        return NULL;
    return span_string(content, desk->arena);
}

void
desk_message(struct desk *desk, const char *reverse_path, const char *content)
{
    struct content_facts facts = content_facts_new();
    struct job *job = &desk->job;

    job->envelope = envelope_new();
    job->envelope.reverse_path = reverse_path;
    job->content = span_of(content);
    job->content_size = job->content.length;
    content_facts_add(&facts, job->content);
    content_facts_store(&facts, &job->envelope);
}

struct address *
desk_address(struct desk *desk, enum address_kind kind, const char *transport,
             const char *text)
{
    struct address *address = &desk->job.addresses[desk->job.address_count++];
    struct address empty = {0};

    ck_assert(desk->job.address_count < ADDRESSES);
    *address = *address_copy(&empty, desk->arena);
    address->number = desk->job.address_count;
    address->kind = kind;
    address->state = ADDRESS_ASSIGNED;
    address->transport = transport;
    address->text = address->next_address = with_directory(desk, text);
    address->user = "joe";
    address->home = desk->user.home;
    return address;
}

void
desk_deliver(struct desk *desk)
{
    desk->job.kind = JOB_DELIVER;
    job_run(&desk->context, &desk->job, &desk->result);
}

const char *
desk_outcome(struct desk *desk)
{
    const struct spool_outcome *outcome;

    ck_assert_uint_eq(desk->result.outcome_count, 1);
    outcome = &desk->result.outcomes[0];
    if (outcome->outcome == OUTCOME_DELIVERED || outcome->outcome == OUTCOME_RELAYED)
        return outcome_name(outcome->outcome);
    return arena_format(desk->arena, "%s %d %s", outcome_name(outcome->outcome),
                        outcome->error.number, outcome->error.status);
}
