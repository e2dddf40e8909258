/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The receive role: thousands of SMTP sessions in one event loop, in an empty root. */
#include "role/reception.h"

#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/expand.h"
#include "role/privilege.h"
#include "role/sandbox.h"

#include "base/banned.h"

enum {
    ACCEPT_AT_ONCE = 32,
    TICK_MILLISECONDS = 250,
    ACCEPT_PAUSE = 100,
    INPUT_SIZE = 64 << 10
};

/* The settings as the sessions want them. */
static void
options_make(struct reception *reception)
{
    const struct settings *settings = &reception->role->configuration->settings;
    struct expansion expansion = expansion_new(settings, reception->arena);
    const char *banner;

    if (!settings->smtp_banner.text ||
        !expand(settings->smtp_banner.text, &expansion, &banner, NULL))
        banner = settings->primary_name;
    reception->options = (struct smtp_options){
        .primary_name = settings->primary_name,
        .visible_name = settings->visible_name,
        .banner = banner,
        .size_limit = settings->max_message_size.bytes,
        .recipient_limit = (uint32_t)settings->smtp_max_recipients,
        .error_limit = (uint32_t)settings->smtp_max_errors,
        .command_limit = (uint32_t)settings->smtp_max_commands,
        .message_limit = (uint32_t)settings->smtp_max_messages,
        .line_limit = (uint32_t)settings->smtp_line_limit.bytes,
        .text_line_limit = (uint32_t)settings->smtp_text_line_limit.bytes,
        .header_limit = (uint32_t)settings->smtp_header_limit.bytes,
        .received_limit = (uint32_t)settings->max_received_fields,
        .minimum_rate = (uint32_t)settings->smtp_minimum_rate,
        .command_timeout = settings->smtp_receive_command_timeout.seconds * 1000,
        .message_timeout = settings->smtp_receive_message_timeout.seconds * 1000,
        .grades = list_print(settings->grades, reception->arena),
        .grade = settings->spool_grade.letter,
        .info = settings->smtp_info,
        .bare_newline_accepted = strcmp(settings->smtp_bare_newline, "accept") == 0,
    };
}

/* --- the spool --- */

static void
spool_frame(struct reception *reception, struct frame *frame, struct arena *arena)
{
    struct client *client = NULL;
    union {
        struct wire_id_block block;
        struct wire_room room;
        struct wire_committed committed;
        struct wire_follow follow;
        struct wire_stream_window window;
        struct wire_control_line line;
        struct wire_control_end end;
    } m;

    if (frame->type == WIRE_COMMITTED && wire_read(frame, WIRE_COMMITTED, arena, &m)) {
        client = client_find(reception, m.committed.token);
        if (client && client->committing) {
            client->committing = false;
            client->following = client->foreground && m.committed.committed;
            smtp_answer_commit(client->session,
                               m.committed.committed ? NULL : &m.committed.error);
        }
    } else if (frame->type == WIRE_STREAM_WINDOW &&
               wire_read(frame, WIRE_STREAM_WINDOW, arena, &m)) {
        struct client *streaming = client_find(reception, m.window.token);

        if (streaming)
            intake_window(streaming, m.window.bytes);
    } else if (frame->type == WIRE_FOLLOW && wire_read(frame, WIRE_FOLLOW, arena, &m)) {
        client = client_find(reception, m.follow.token);
        if (client && !client->following)
            client = NULL;
        if (client)
            client->following = m.follow.more;
        if (client)
            smtp_answer_outcome(client->session, m.follow.text, m.follow.failed,
                                m.follow.more);
    } else if (frame->type == WIRE_CONTROL_LINE &&
               wire_read(frame, WIRE_CONTROL_LINE, arena, &m)) {
        client = client_find(reception, m.line.token);
        if (client && !client->controlling)
            client = NULL;
        if (client) {
            client->control_lines++;
            smtp_control_line(client->session, m.line.text);
        }
    } else if (frame->type == WIRE_CONTROL_END &&
               wire_read(frame, WIRE_CONTROL_END, arena, &m)) {
        client = client_find(reception, m.end.token);
        if (client && !client->controlling)
            client = NULL;
        if (client) {
            client->controlling = false;
            smtp_control_end(client->session, (int)m.end.code, m.end.text);
        }
    } else if (frame->type == WIRE_ROOM && wire_read(frame, WIRE_ROOM, arena, &m)) {
        reception->room = m.room.room;
        reception->room_error = m.room.error;
    } else if (frame->type == WIRE_ID_BLOCK &&
               wire_read(frame, WIRE_ID_BLOCK, arena, &m)) {
        reception->next_id = m.block.first;
        reception->id_count = m.block.count;
        reception->has_ids = m.block.count > 0;
    }
    if (client)
        client_go_on(client);
}

static void
spool_ready(struct channel *channel, void *context)
{
    struct reception *reception = context;
    struct arena *arena = arena_new();
    struct frame frame;

    while (channel_next(channel, &frame)) {
        spool_frame(reception, &frame, arena);
        arena_reset(arena);
    }
    arena_free(arena);
}

/* What was not acknowledged is the client's again. */
static void
spool_lost(struct reception *reception)
{
    struct client *next;

    for (struct client *client = reception->first; client; client = next) {
        next = client->next;
        if (client->session)
            intake_lost(client);
    }
}

static void
spool_gone(struct channel *channel, void *context)
{
    struct reception *reception = context;

    if (reception->spool == channel) {
        reception->spool = NULL;
        reception->has_ids = false;
        spool_lost(reception);
    }
    channel_free(channel);
}

static void
spool_attach(struct reception *reception, int fd)
{
    if (reception->spool) {
        struct channel *old = reception->spool;

        reception->spool = NULL;
        reception->has_ids = false;
        spool_lost(reception);
        channel_free(old);
    }
    reception->spool = channel_new(fd);
    channel_attach(reception->spool, reception->role->base, spool_ready, spool_gone,
                   reception);
}

/* --- listening --- */

static void
on_resume(int fd, short what, void *argument)
{
    struct reception *reception = argument;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < reception->listener_count; i++)
        event_add(reception->listeners[i], NULL);
}

/* No descriptors left: look again in a while instead of spinning. */
static void
accept_pause(struct reception *reception, struct event *listener)
{
    struct timeval pause = {0, ACCEPT_PAUSE * 1000};

    event_del(listener);
    event_base_once(reception->role->base, -1, EV_TIMEOUT, on_resume, reception, &pause);
}

static void
on_connection(int fd, short what, void *argument)
{
    struct reception *reception = argument;

    (void)what;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        int client;

        memset(&address, 0, sizeof address);
        client = accept4(fd, (struct sockaddr *)&address, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            client_accept(reception, client, (struct sockaddr *)&address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            for (size_t k = 0; k < reception->listener_count; k++)
                if (event_get_fd(reception->listeners[k]) == fd)
                    accept_pause(reception, reception->listeners[k]);
        if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO)
            return;
    }
}

static void
listen_add(struct reception *reception, int fd)
{
    struct event *listener;

    if (reception->listener_count == RECEPTION_LISTENERS) {
        close(fd);
        return;
    }
    listener = event_new(reception->role->base, fd, EV_READ | EV_PERSIST, on_connection,
                         reception);
    event_add(listener, NULL);
    reception->listeners[reception->listener_count++] = listener;
}

/* No new clients; those that are here finish their message and are told to come back. */
static void
drain(struct reception *reception)
{
    struct client *next;

    reception->role->draining = true;
    for (size_t i = 0; i < reception->listener_count; i++) {
        close(event_get_fd(reception->listeners[i]));
        event_free(reception->listeners[i]);
    }
    reception->listener_count = 0;
    for (struct client *client = reception->first; client; client = next) {
        next = client->next;
        client->counted = false; /* the successor counts here from now on */
        if (!client->session) {
            client_free(client);
            continue;
        }
        smtp_session_shut(client->session, "4.3.2", "the server is being started again");
        client_go_on(client);
    }
}

/* --- life --- */

static void
counts_attach(struct reception *reception, uint32_t part, int fd)
{
    struct error error = {0};

    reception->counts = counts_open(fd, part, &error);
    if (reception->counts)
        counts_clear(reception->counts);
    else
        log_panic(reception->role->log, NULL, "%s", error.text);
    close(fd);
}

static void
reception_control(struct role *role, struct frame *frame)
{
    struct reception *reception = role->context;
    struct arena *arena = arena_new();
    struct wire_peer peer;
    struct wire_counts counts;

    if (frame->type == WIRE_LISTEN && frame->fd >= 0) {
        listen_add(reception, frame->fd);
        frame->fd = -1;
    } else if (frame->type == WIRE_COUNTS && frame->fd >= 0 &&
               wire_read(frame, WIRE_COUNTS, arena, &counts)) {
        counts_attach(reception, counts.part, frame->fd);
        frame->fd = -1;
    } else if (frame->type == WIRE_PEER && frame->fd >= 0 &&
               wire_read(frame, WIRE_PEER, arena, &peer)) {
        if (peer.kind == ROLE_SPOOL) {
            spool_attach(reception, frame->fd);
            frame->fd = -1;
        } else if (peer.kind == ROLE_NAMES) {
            names_attach(reception, frame->fd);
            frame->fd = -1;
        } else if (peer.kind == ROLE_VERIFY) {
            verify_attach(reception, &peer, frame->fd);
            frame->fd = -1;
        }
    } else if (frame->type == WIRE_DRAIN) {
        drain(reception);
    } else if (frame->type == WIRE_STATE) {
        log_say(role->log, "state: %zu sessions, %llu octets of text",
                reception->client_count, (unsigned long long)reception->buffered);
        for (struct client *client = reception->first; client; client = client->next)
            if (client->session)
                log_say(role->log, "session %llu: %s %s, %zu octets",
                        (unsigned long long)client->token, client->peer.address,
                        smtp_session_state(client->session),
                        smtp_session_memory(client->session));
    }
    if (frame->fd >= 0)
        close(frame->fd);
    arena_free(arena);
}

static void
on_tick(int fd, short what, void *argument)
{
    struct reception *reception = argument;
    int64_t now = clock_monotonic();

    (void)fd;
    (void)what;
    client_timeouts(reception, now);
    verify_timeouts(reception, now);
}

/* Retired after many sessions, and when it drains: once nobody is here any more. */
static void
reception_turn(struct role *role)
{
    struct reception *reception = role->context;
    const struct settings *settings = &role->configuration->settings;
    struct wire_busy busy = {reception->client_count > 0};

    if (reception->is_local &&
        (!reception->busy_told || busy.busy != reception->was_busy)) {
        reception->busy_told = true;
        reception->was_busy = busy.busy;
        wire_send(role->control, WIRE_IDLE_OWNER, &busy, -1);
    }
    if (!role->draining && settings->smtp_session_limit > 0 &&
        reception->session_count >= (uint64_t)settings->smtp_session_limit) {
        wire_send(role->control, WIRE_DRAIN, NULL, -1);
        drain(reception);
    }
    if (role->draining && reception->client_count == 0)
        role_end_loop(role);
}

/* Become the network's user in an empty root, then the filter. */
static bool
enclose(struct role *role, struct error *error)
{
    const struct settings *settings = &role->configuration->settings;
    const char *account = privilege_account(role->kind, settings);
    struct passwd *user;

    if (!role->hello.privileged)
        return true;
    user = getpwnam(account);
    if (!user || user->pw_uid == 0)
        return fail_temporary(error, "4.3.5", "there is no user %s", account);
    return privilege_enclose(arena_format(role->arena, "%s/empty",
                                          settings_run_dir(settings, role->arena)),
                             error) &&
           privilege_become(account, user->pw_uid, user->pw_gid, false, (gid_t)-1,
                            error) &&
           sandbox_enter(role->kind, error);
}

int
receive_run(struct role *role)
{
    struct reception reception = {.role = role,
                                  .is_local = role->kind == ROLE_LOCAL,
                                  .broken = configuration_is_broken(role->configuration),
                                  .arena = arena_new(),
                                  .clients = table_new(),
                                  .verified = table_new(),
                                  .users = table_new(),
                                  .questions = table_new(),
                                  .uids = table_new(),
                                  .owner = geteuid(),
                                  .input = memory_alloc(INPUT_SIZE)};
    struct timeval period = {0, TICK_MILLISECONDS * 1000};
    struct error error = {0};

    role->context = &reception;
    role->control_frame = reception_control;
    role->turn = reception_turn;
    options_make(&reception);
    log_say(role->log, "%s begins", role_name(role->kind));
    if (!enclose(role, &error)) {
        log_panic(role->log, NULL, "%s: %s", role_name(role->kind), error.text);
        return EX_OSERR;
    }
    reception.tick = event_new(role->base, -1, EV_PERSIST, on_tick, &reception);
    event_add(reception.tick, &period);
    role_begin(role);
    role_loop(role);
    return EX_OK;
}
