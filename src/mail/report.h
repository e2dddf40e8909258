/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Delivery status notifications (RFC 3461 to 3464, 6533 for addresses beyond ASCII):
 * bounce, delay warning, success report. Composing only; when and to whom is decided in
 * deliver/.
 */
#ifndef MAIL_REPORT_H
#define MAIL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "mail/address.h"
#include "mail/envelope.h"

enum report_kind { REPORT_FAILED, REPORT_DELAYED, REPORT_SUCCESS };

struct report_recipient {
    const char *address;     /* final recipient, mailbox text */
    const char *original;    /* ORCPT or "" */
    const char *action;      /* "failed", "delayed", "delivered", "relayed", "expanded" */
    const char *status;      /* "5.1.1" */
    const char *remote;      /* name of the remote MTA, "" for none */
    const char *diagnostic;  /* the text that was seen, one line */
    bool diagnostic_is_smtp; /* it is a reply of the remote MTA */
    int64_t last_attempt;    /* seconds since 1970, 0 for none */
    int64_t retry_until;     /* of a delayed one; 0 for none */
};

struct report {
    enum report_kind kind;
    const char *message_id;          /* id of the new message (the report's own) */
    const char *original_id;         /* id of the message it is about */
    const char *reporting_mta;       /* our name */
    const char *from;                /* "MAILER-DAEMON@visible_name" */
    const char *to;                  /* mailbox text it goes to */
    const char *subject;             /* NULL: the customary one for the kind */
    const char *introduction;        /* extra sentences for a person, or "" */
    const struct envelope *envelope; /* of the original: envid, received, smtputf8 */
    const struct report_recipient *recipients;
    size_t recipient_count;
    const char *output;     /* what a command printed, "" for none */
    struct span original;   /* header, or header and body, as will be returned */
    bool original_is_whole; /* message/rfc822 rather than text/rfc822-headers */
    int64_t now;            /* seconds since 1970 */
};

/* Write the whole content (header and body, CRLF) of the report. */
void report_compose(const struct report *report, struct text *content);

#endif
