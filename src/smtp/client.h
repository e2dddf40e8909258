/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of SMTP and LMTP, in straight code over a connection: greeting, EHLO
 * or HELO, one transaction after the other, pipelined when offered. Each recipient gets
 * its own result.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/address.h"
#include "mail/envelope.h"
#include "net/connection.h"

/* What the server offered. */
struct smtp_extensions {
    bool esmtp, pipelining, eight_bit, chunking, binary, smtputf8, dsn, enhanced,
        starttls;
    bool size, xsmail;
    uint64_t size_limit; /* 0: none declared */
};

struct smtp_reply {
    int code;         /* 0: none came */
    char status[8];   /* enhanced, or one derived from the code */
    const char *text; /* all lines joined by "; ", printable, at most 500 octets */
};

struct smtp_timeouts { /* milliseconds, RFC 5321 4.5.3.2 */
    int64_t greeting, hello, mail, recipient, data, text, end, quit;
};

struct smtp_client;

/*
 * Read the greeting, say EHLO and perhaps HELO. Takes the connection over.
 * False: error temporary (ERR_149, 150, 172, 151) or permanent (a 5xx greeting); closed.
 */
bool smtp_client_open(struct connection *connection, const char *hello,
                      const struct smtp_timeouts *timeouts, struct smtp_client **client,
                      struct error *error);
/*
 * Did the server hang up on EHLO? There are some that never heard of it: connect anew and
 * open with HELO alone.
 */
bool smtp_client_hung_up(const struct error *error);
bool smtp_client_open_plain(struct connection *connection, const char *hello,
                            const struct smtp_timeouts *timeouts,
                            struct smtp_client **client, struct error *error);
/* The same for LMTP (RFC 2033): LHLO, and each recipient gets its own reply to the text.
 */
bool smtp_client_open_lmtp(struct connection *connection, const char *hello,
                           const struct smtp_timeouts *timeouts,
                           struct smtp_client **client, struct error *error);
/* For the next transactions on a connection that was kept. */
void smtp_client_set_timeouts(struct smtp_client *client,
                              const struct smtp_timeouts *timeouts);
const struct smtp_extensions *smtp_client_extensions(const struct smtp_client *client);
/* Name the server gave in its greeting, for reports. */
const char *smtp_client_server(const struct smtp_client *client);

/* A content as pieces: what is put in front, then the stored content from an offset. */
struct smtp_content {
    void *context;
    /* Read on; sets length 0 at the end. CRLF line ends. */
    bool (*read)(void *context, struct span *piece, struct error *error);
    void (*rewind)(void *context);
    uint64_t size; /* octets in all */
};

struct smtp_recipient {
    const char *path;     /* address for RCPT, without brackets */
    const char *original; /* ORCPT or "" */
    uint8_t notify;
    enum outcome outcome;    /* result: RELAYED, DEFERRED, FAILED */
    struct error error;      /* for the latter two */
    struct smtp_reply reply; /* what the server said of it */
    bool in_doubt; /* deferred, and may have arrived all the same: not to be sent
                      elsewhere at once */
};

struct smtp_transaction {
    const char *reverse_path;        /* without brackets */
    const struct envelope *envelope; /* body, ret, envid, smtputf8 */
    bool smtputf8;                   /* this delivery needs it */
    struct smtp_recipient *recipients;
    size_t recipient_count;
    struct smtp_content content;
    struct arena *arena;
};

/*
 * One transaction. Every recipient has a result afterwards. Returns true while the
 * connection can be used for another; false: it must be closed.
 */
bool smtp_client_send(struct smtp_client *client, struct smtp_transaction *transaction);
/*
 * Was the last transaction lost before the server said a word? On a kept connection that
 * means it had been closed meanwhile: the transaction may be repeated on a new one at
 * once.
 */
bool smtp_client_was_silent(const struct smtp_client *client);

/* RSET answered 250: still alive? For a connection that was kept. */
bool smtp_client_is_alive(struct smtp_client *client);
/* QUIT (waits shortly for the answer) and close. */
void smtp_client_close(struct smtp_client *client);

/* Low level, for our own commands on the local socket. */
bool smtp_client_command(struct smtp_client *client, struct arena *arena,
                         struct smtp_reply *reply, struct error *error,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));
bool smtp_client_reply(struct smtp_client *client, struct arena *arena,
                       struct smtp_reply *reply, struct error *error);
struct connection *smtp_client_connection(struct smtp_client *client);

#endif
