/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The envelope: everything about a message that is not its content. Typed keys, complete
 * from version 1, each known to be needed or not: an unknown key that is marked
 * must-understand makes the message wait, never lose what the key asked for.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pack.h"
#include "base/text.h"

/* NOTIFY of RFC 3461 4.1; none given is 0. */
enum recipient_notify {
    NOTIFY_NEVER = 1 << 0,
    NOTIFY_SUCCESS = 1 << 1,
    NOTIFY_FAILURE = 1 << 2,
    NOTIFY_DELAY = 1 << 3,
};

/* RET=, RFC 3461 4.3. */
enum envelope_return { RETURN_DEFAULT, RETURN_FULL, RETURN_HEADERS };

/* BODY=, as announced. */
enum envelope_body { BODY_7BIT, BODY_8BIT, BODY_BINARY };

/* Sendmail's -oe: what to do with errors of this message. */
enum error_mode { ERRORS_MAIL, ERRORS_PRINT, ERRORS_QUIET };

enum delivery_mode {
    DELIVERY_DEFAULT,
    DELIVERY_FOREGROUND,
    DELIVERY_BACKGROUND,
    DELIVERY_QUEUED
};

/* How the message reached us; decides what it may do. */
enum origin { ORIGIN_LOCAL, ORIGIN_NETWORK, ORIGIN_BATCH, ORIGIN_BOUNCE };

struct recipient {
    const char *text; /* mailbox text */
    uint8_t notify;
    const char *original; /* ORCPT, decoded: "rfc822;user@example"; "" for none */
};

struct envelope {
    const char *reverse_path; /* mailbox text; "" for the null reverse-path */
    struct recipient *recipients;
    size_t recipient_count;
    const char **exclusions; /* with -t: never sent to, even by expansion */
    size_t exclusion_count;

    enum envelope_return ret;
    const char *envelope_id; /* ENVID, decoded; "" for none */
    enum envelope_body body;
    bool smtputf8;
    bool require_tls;

    const char *peer_name;    /* by reverse lookup, "" if none */
    const char *peer_address; /* "192.0.2.1", "2001:db8::1", "" for local */
    uint32_t peer_port;
    const char *hello;    /* the name the client gave */
    const char *protocol; /* "esmtp", "smtp", "lmtp", "bsmtp", "uucp", "local", ... */
    const char *tls;      /* version, cipher; "" in clear */
    const char *authenticated; /* id, "" for none */
    int64_t submitter_uid;     /* -1: not a local user */
    const char *submitter;     /* login name; "" */
    const char *full_name;     /* -F or the password file */
    const char *program;       /* "sendmail", "rmail", "smtpd", ... */
    const char *message_id;    /* the Message-Id field, cut to 200 octets; for logs */
    char grade;                /* '9', 'A', 'C', ... */
    uint32_t hops;             /* Received fields, or -h */
    enum error_mode errors;
    enum delivery_mode mode;
    enum origin origin;
    bool me_too;      /* -m */
    bool no_aliases;  /* -n */
    bool dry_run;     /* -N */
    bool verbose;     /* -v: the submitter follows the delivery */
    int64_t received; /* milliseconds since 1970 */

    /* facts of the content, noted once on receipt */
    uint64_t size;         /* octets of the content, CRLF counted */
    uint64_t header_size;  /* up to and with the empty line */
    uint32_t longest_line; /* octets without CRLF */
    bool eight_bit;        /* an octet over 127 anywhere */
    bool header_utf8;      /* one in the header */
};

/* An envelope with all strings "", uid -1, grade 'C'. */
struct envelope envelope_new(void);

/*
 * Text form, as stored: lines "key: value" LF, one for each key that is set, the
 * must-understand ones with '!' in front; recipients as "!recipient:" lines in order with
 * parameters; ends without an empty line. Controls, '%' and octets that are not UTF-8 in
 * values are written as %XX.
 */
void envelope_write(const struct envelope *envelope, struct text *text);

/*
 * Read it back. Strings are copied into the arena.
 *   returns   false with a temporary error: 4.3.5 and the key when a must-understand
 *             key is unknown, 4.3.0 for anything damaged. Never a permanent one.
 */
bool envelope_read(struct span text, struct arena *arena, struct envelope *envelope,
                   struct error *error);

void envelope_pack(const struct envelope *envelope, struct pack *pack);
bool envelope_unpack(struct unpack *unpack, struct arena *arena,
                     struct envelope *envelope);

/* xtext of RFC 3461 4: decoding refuses anything that is not printable ASCII. */
bool xtext_decode(struct span text, struct arena *arena, const char **value,
                  struct error *error);
const char *xtext_encode(const char *value, struct arena *arena);

#endif
