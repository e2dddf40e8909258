/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the client share; see client.h. */
#ifndef SMTP_CLIENT_INTERNAL_H
#define SMTP_CLIENT_INTERNAL_H

#include "smtp/client.h"

struct smtp_client {
    struct connection *connection;
    struct arena *arena; /* of the session */
    const char *server;
    struct smtp_extensions extensions;
    struct smtp_timeouts timeouts;
    bool lmtp;        /* RFC 2033: a reply to the text for each recipient */
    bool broken;      /* lost, out of step or going away: not even QUIT is said */
    bool reset_first; /* the server may hold an open transaction */
    bool silent;      /* no reply since the transaction began */
};

/* --- client_reply.c --- */

/* Is told each line of a reply, without code and separator. */
typedef void reply_line(void *context, size_t index, struct span text);

/*
 * Read one reply within `timeout`, at most 100 lines and 64 KiB. False: temporary 4.4.2
 * (lost) or 4.5.0 (no reply of SMTP), and the client is broken; so it is after a 421,
 * which is a reply and returns true. `line` may be NULL.
 */
bool reply_read(struct smtp_client *client, int64_t timeout, reply_line *line,
                void *context, struct arena *arena, struct smtp_reply *reply,
                struct error *error);

/*
 * The error of a reply to `verb` that is not what was hoped for: temporary for 4xx and
 * for codes that make no sense here, permanent for 5xx.
 */
void reply_error(const struct smtp_reply *reply, const char *verb, int number,
                 struct error *error);

/* --- client_command.c --- */

/*
 * Can the path stand between angle brackets? It cannot with controls, with blanks or
 * brackets outside quotes, 8-bit without SMTPUTF8, or over 1,000 octets; whoever made it.
 */
bool client_path_is_clean(const char *path, bool utf8);
/* "MAIL FROM:..." and "RCPT TO:..." with CRLF, in the transaction's arena. */
const char *client_mail_command(const struct smtp_client *client,
                                const struct smtp_transaction *transaction);
const char *client_recipient_command(const struct smtp_client *client,
                                     const struct smtp_transaction *transaction,
                                     size_t index);

/* --- client_content.c --- */

/* Text on its way: CRLF at every line end, no bare CR or LF (each becomes a space). */
struct content_filter {
    struct connection *connection;
    bool dots;        /* double leading dots: DATA, not BDAT */
    bool line_begins; /* the next octet is the first of its line */
    bool held;        /* a CR waits for its LF */
};

struct content_filter content_filter_new(struct connection *connection, bool dots);
bool content_filter_add(struct content_filter *filter, struct span piece,
                        struct error *error);
/* What is held; and for DATA the end of the last line and of the text. */
bool content_filter_end(struct content_filter *filter, struct error *error);

#endif
