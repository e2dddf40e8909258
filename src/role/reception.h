/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receive role's own parts: clients, what their sessions ask, and the answers of
 * spool and verify workers. The same program serves the network or the local socket,
 * never both. Only receive*.c include this.
 */
#ifndef ROLE_RECEPTION_H
#define ROLE_RECEPTION_H

#include <event2/event.h>

#include "base/table.h"
#include "role/counts.h"
#include "role/role.h"
#include "smtp/session.h"

enum { RECEPTION_VERIFIERS = 16, RECEPTION_LISTENERS = 64 };

/* A message on its way from a session to the spool. */
struct intake_state {
    struct message_id id;
    struct arena *arena; /* of the expanded templates */
    char *bytes;         /* content in memory, until it is streamed or committed */
    size_t length, room;
    bool streaming, failed;
    uint64_t window; /* octets that may be streamed now */
    struct error error;
};

struct client {
    struct reception *reception;
    uint64_t token;
    int fd;
    struct event *read_event, *write_event;
    struct smtp_session
        *session; /* NULL while the kernel's word on a local peer is looked up */
    struct smtp_peer peer;
    const char *claimed_name; /* by reverse lookup, not confirmed yet */
    struct arena *arena;
    char *left; /* octets read that the session did not take yet */
    size_t left_length;
    bool reading, writing, ended, counted;
    bool committing; /* the spool has the message; its answer is awaited */
    struct intake_state *intake;
    char *asked;         /* recipient that is being verified */
    uint64_t question;   /* its token; a late answer to an earlier one does not count */
    int64_t asked_until; /* also: how long a local peer may stay unknown */
    int64_t over_since;  /* the session is over, but not everything is sent; 0: not yet */
    bool foreground, following; /* its outcomes are awaited after the commit */
    bool controlling;           /* an operator's request is open */
    uint64_t control_lines;     /* given since the last WIRE_CONTROL_MORE */
    struct client *previous, *next;
};

/* What was found out of a recipient, for a few seconds. */
struct verified {
    bool local, remote, deferred, failed;
    struct error error;
    int64_t until; /* monotonic ms */
};

struct reception {
    struct role *role;
    struct smtp_options options;
    struct arena *arena; /* of the options */
    struct channel *spool, *names, *verifiers[RECEPTION_VERIFIERS];
    size_t next_verifier;
    struct event *listeners[RECEPTION_LISTENERS];
    size_t listener_count;
    struct table *clients; /* by token */
    struct client *first;
    uint64_t serial;
    size_t client_count;
    uint64_t session_count;
    struct table *questions; /* clients, by the token of their question */
    uid_t owner;             /* who started the house */
    struct table *uids;      /* number of sessions of a local user */
    bool is_local, broken, room, has_ids, busy_told, was_busy;
    struct error room_error;
    uint64_t next_id, id_count;
    uint64_t buffered; /* octets of content in memory */
    struct counts *counts;
    struct table *verified, *users; /* caches */
    struct event *tick;
    char *input; /* one buffer for all reads */
};

/* --- receive_client.c --- */
void client_accept(struct reception *reception, int fd, const struct sockaddr *address);
void client_begin(struct client *client);
/* Go on: feed what is left, write what is to be written, end if it is over. May free it.
 */
void client_go_on(struct client *client);
void client_free(struct client *client);
struct client *client_find(struct reception *reception, uint64_t token);
void client_timeouts(struct reception *reception, int64_t now);

/* --- receive_host.c --- */
extern const struct smtp_host reception_host;
void intake_free(struct client *client);
void intake_window(struct client *client, uint64_t bytes);
/* The spool is gone: what it had of this client is not committed. */
void intake_lost(struct client *client);

/* Ask for more of a listing when what came is sent; forget the request of a client that
 * goes. */
void listing_more(struct client *client);
void listing_forget(struct client *client);

/* --- receive_names.c --- */
void peer_name_ask(struct client *client);
void names_attach(struct reception *reception, int fd);

/* --- receive_verify.c --- */
void verify_ask(struct client *client, const struct envelope *envelope,
                const char *recipient);
void verify_take(struct reception *reception, struct frame *frame);
void verify_timeouts(struct reception *reception, int64_t now);
/* The client's question is over, or the client. */
void question_forget(struct client *client);
/* A new verify worker: ask it what nobody answered. */
void verify_again(struct reception *reception);
void verify_attach(struct reception *reception, const struct wire_peer *peer, int fd);
/* Who is behind a uid (local socket). */
void who_ask(struct client *client);
void who_take(struct reception *reception, struct frame *frame);

#endif
