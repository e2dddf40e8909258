/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of SMTP as a state machine: bytes in, replies and requests out, no
 * I/O, no clock but clock.h. The daemon drives thousands from an event loop, smtpd under
 * inetd and rsmtp drive one, tests and fuzzers drive it from an array.
 *
 * RFC 5321, 1870 SIZE, 6152 8BITMIME, 2920 PIPELINING, 2034 ENHANCEDSTATUSCODES, 3030
 * CHUNKING, 6531 SMTPUTF8, 3461 DSN; and on the local socket the private extension
 * XSMAIL.
 *
 * One request at a time is open; while it is, input is not consumed, so replies keep the
 * order of the commands. A request may be answered from inside its call.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "mail/envelope.h"
#include "mail/header.h"

/* Limits and names; those of struct settings, and a test's own. */
struct smtp_options {
    const char *primary_name;
    const char *visible_name;
    const char *banner;  /* expanded; may have several lines */
    uint64_t size_limit; /* octets of a message, 0: none */
    uint32_t recipient_limit;
    uint32_t error_limit;     /* then 421 */
    uint32_t command_limit;   /* that are not part of a transaction */
    uint32_t message_limit;   /* in one session */
    uint32_t line_limit;      /* of a command, with CRLF */
    uint32_t text_line_limit; /* of a line of text */
    uint32_t header_limit;    /* octets of a header */
    uint32_t received_limit;  /* Received fields: 554 5.4.6 */
    uint32_t minimum_rate;    /* octets a second of text, after a minute */
    int64_t command_timeout;  /* milliseconds */
    int64_t message_timeout;  /* milliseconds for the whole text */
    const char *grades;       /* for header_grade() */
    char grade;
    bool info;                  /* VRFY asks the resolver, EXPN answers */
    bool bare_newline_accepted; /* from strangers */
    /* Templates are expanded by the host when a message begins; see smtp_host.begin. */
};

/* Who is at the other end, as far as the kernel says so. */
struct smtp_peer {
    enum origin
        origin; /* what the peer may claim at most: ORIGIN_LOCAL > BATCH > NETWORK */
    const char *address; /* "" on the local socket */
    uint32_t port;
    const char *name;      /* by reverse lookup; "" none */
    bool may_relay;        /* in smtp_remote_allow, or local */
    int64_t uid;           /* of a local peer, else -1 */
    const char *user;      /* its login name; "" */
    const char *full_name; /* of the password file; "" */
    bool trusted;          /* in trusted_users: may set the sender */
    bool operator;         /* root or one of smailctl_users */
};

struct smtp_session;

/* An answer about a recipient (RCPT, VRFY). code 250, 251, 252, 4xx, 5xx. */
struct smtp_answer {
    int code;
    const char *status; /* "2.1.5" */
    const char *text;
};

/* What is prepared by the host when a message begins. */
struct smtp_message {
    const char *id;               /* our message id */
    const char *message_id_field; /* expanded templates for header_complete() */
    const char *date_field;
    const char *from_field;
};

/*
 * What the session asks of whoever drives it. All get `context` of the session. From
 * inside these calls a request may be answered, and the session held or shut, not freed.
 */
struct smtp_host {
    /*
     * May this recipient be had? Answer with smtp_answer_recipient(); `recipient` stays
     * until then. Not asked for local submissions. Whether the client may relay follows
     * from envelope->origin and envelope->peer_address, which XORIGIN may have set.
     */
    void (*recipient)(void *context, struct smtp_session *session,
                      const struct envelope *envelope, const char *recipient);
    /* VRFY with `info`: the same with no envelope. */

    /* MAIL: is there room (disk, sessions)? false: 452 with the error. `size` 0 if not
     * declared. */
    bool (*room)(void *context, struct smtp_session *session, uint64_t size,
                 struct error *error);

    /*
     * DATA or the first BDAT: id and templates for the message, which are copied. False:
     * the error is the reply (451). From here on commit() or abort() follows, one of
     * them.
     */
    bool (*begin)(void *context, struct smtp_session *session,
                  const struct envelope *envelope, struct smtp_message *message,
                  struct error *error);
    /* A piece of the final content (header completed, CRLF, no dot-stuffing). */
    void (*content)(void *context, struct smtp_session *session, struct span bytes);
    /*
     * All of it came; the envelope is final and stays until the answer, which is given
     * with smtp_answer_commit(). There is no abort() any more, not even when the session
     * is freed before it is answered: the message is the host's.
     */
    void (*commit)(void *context, struct smtp_session *session,
                   const struct envelope *envelope);
    /* The message is given up (RSET, limit, error, end of the connection). May be called
     * from inside smtp_session_input(), smtp_session_timeout() and smtp_session_free().
     */
    void (*abort)(void *context, struct smtp_session *session);

    /*
     * XCTL on the local socket: an operator's request, words already split. Lines are
     * given with smtp_control_line(), the end with smtp_control_end().
     */
    void (*control)(void *context, struct smtp_session *session, const char *const *words,
                    size_t count);
};

/*
 * A session. `options`, `peer` and `host` must outlive it. It writes its greeting at
 * once. Everything it allocates for a transaction goes with the transaction.
 */
struct smtp_session *smtp_session_new(const struct smtp_options *options,
                                      const struct smtp_peer *peer,
                                      const struct smtp_host *host, void *context);
void
smtp_session_free(struct smtp_session *session); /* aborts a message that is under way */

/*
 * Give it bytes from the peer. Returns how many were consumed: fewer than given while a
 * request is open, when the host's window is full (smtp_session_hold), when 16 KiB of
 * replies wait to be sent, or when it is over. What was left is to be given again after
 * the answer, the end of the hold, or smtp_session_sent(), before anything newer.
 */
size_t smtp_session_input(struct smtp_session *session, struct span bytes);
/* The peer closed its side, and all it sent was consumed (or cannot be: it is over). */
void smtp_session_end(struct smtp_session *session);

/* What is to be sent to the peer; smtp_session_sent() takes the first `length` octets
 * off. */
struct span smtp_session_output(const struct smtp_session *session);
void smtp_session_sent(struct smtp_session *session, size_t length);

/* Is it over: close once the output is sent? */
bool smtp_session_is_over(const struct smtp_session *session);
/* Is a request open? */
bool smtp_session_is_waiting(const struct smtp_session *session);
/* Stop (true) or go on (false) taking text from the peer: flow control of the host. */
void smtp_session_hold(struct smtp_session *session, bool hold);

/* Monotonic milliseconds at which smtp_session_timeout() is due; it answers 421 and ends.
 */
int64_t smtp_session_deadline(const struct smtp_session *session);
void smtp_session_timeout(struct smtp_session *session);
/* The server stops or is overloaded: 421 with this text at the next chance. */
void smtp_session_shut(struct smtp_session *session, const char *status,
                       const char *text);

void smtp_answer_recipient(struct smtp_session *session,
                           const struct smtp_answer *answer);
/* NULL error: committed, 250 with the id. With an error: 451/452/550... as it says. */
void smtp_answer_commit(struct smtp_session *session, const struct error *error);
/*
 * After a commit in foreground mode (a local message with envelope->mode FOREGROUND): a
 * line "STATUS <address> what became of it" for each address, then one call with `more`
 * false, which ends the reply with the worst code of all; its text is not used. The code
 * of a line follows from the class of its status, else from `failed`.
 */
void smtp_answer_outcome(struct smtp_session *session, const char *text, bool failed,
                         bool more);
void smtp_control_line(struct smtp_session *session, const char *text);
void smtp_control_end(struct smtp_session *session, int code, const char *text);

/* For logs and the state dump; the envelope is NULL between transactions. */
const struct envelope *smtp_session_envelope(const struct smtp_session *session);
const char *smtp_session_state(const struct smtp_session *session);
size_t smtp_session_memory(const struct smtp_session *session);

#endif
