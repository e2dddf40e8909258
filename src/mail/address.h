/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address: one mailbox name (or file, pipe, include) as it stands at one moment of a
 * message's life. Each keeps its parent, the address it was made from, back to the
 * recipient in the envelope. Numbers are positions in the message: the recipients of the
 * envelope are 1..n, what they become gets the numbers behind.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pack.h"
#include "base/text.h"

enum address_kind { ADDRESS_MAIL, ADDRESS_FILE, ADDRESS_PIPE, ADDRESS_INCLUDE };

/* How far the list is trusted that an address came from (reference 4.3). */
enum address_trust { TRUST_CLEAN, TRUST_CAUTION, TRUST_UNSECURE };

/* Where the address stands; on disk by these names in lower case. */
enum address_state {
    ADDRESS_NEW,       /* nobody looked at it yet */
    ADDRESS_USER,      /* a director must go on with the rights of `user` */
    ADDRESS_ASSIGNED,  /* has a transport (and user, or next hop): to be delivered */
    ADDRESS_EXPANDED,  /* became other addresses; done */
    ADDRESS_DUPLICATE, /* the message goes there already; done */
    ADDRESS_DELIVERED, /* done: final delivery here */
    ADDRESS_RELAYED,   /* done: handed to the next hop */
    ADDRESS_FAILED,    /* for good; a bounce is due */
    ADDRESS_REPORTED,  /* failed, and that is told or need not be; done */
};

/* What became of one address in one attempt. Zero is deferred: that loses no mail. */
enum outcome { OUTCOME_DEFERRED, OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_FAILED };

/* Who is told about a failure (reference 10.5). */
enum report_class {
    REPORT_SENDER,     /* owner of the list if there is one, else the reverse-path */
    REPORT_POSTMASTER, /* our own administration's fault */
    REPORT_OWNER,      /* owner of the list or forward file; else the postmaster */
    REPORT_CONFIG,     /* nobody: held, and shouted in the panic log */
};

struct address {
    uint32_t number; /* 0 until the spool numbered it */
    uint32_t parent; /* 0 for a recipient of the envelope */
    enum address_kind kind;
    enum address_state state;
    enum address_trust trust;
    const char *text;   /* mailbox text, path, or command */
    const char *source; /* "file:line" it came from, "" for the envelope */
    const char *owner;  /* errors go there; also reverse-path of list mail; "" for none */
    bool literal;       /* was written \name */

    /* where to go on when directing (loop rule, user's own rights) */
    const char *director; /* entry that made or resolved it */
    uint32_t director_at; /* place in the table of the next director to ask; 0: first */

    /* the answer */
    const char *router;
    const char *transport;
    const char *next_hop;      /* host; "" for local delivery */
    const char *next_address;  /* what the next host (or the transport's $user) sees */
    const char *user;          /* login name to deliver as; "" for none */
    const char *group;         /* overrides the user's group; "" for none */
    const char *home;          /* "" for none */
    const char *dsn_recipient; /* ORCPT of the recipient it stems from, "" for none */
    uint8_t notify;            /* enum recipient_notify of the recipient it stems from */

    struct error error;       /* why it failed or waits */
    enum report_class report; /* for failures */

    struct address *next;
};

const char *address_state_name(enum address_state state);
bool address_state_read(struct span name, enum address_state *state);
const char *address_kind_name(enum address_kind kind);
bool address_kind_read(struct span name, enum address_kind *kind);
const char *address_trust_name(enum address_trust trust);
bool address_trust_read(struct span name, enum address_trust *trust);
const char *outcome_name(enum outcome outcome);
bool outcome_read(struct span name, enum outcome *outcome);
const char *report_class_name(enum report_class report);
bool report_class_read(struct span name, enum report_class *report);

/* Is nothing left to do for an address in this state? */
bool address_state_done(enum address_state state);

/*
 * A key under which equal addresses of one message meet: kind, and the text with the
 * domain lowered (local parts without case when the domain is ours or missing: `local`);
 * files, pipes and includes with their user.
 */
uint64_t address_key(const struct address *address, bool local);

/* Are they equal in that sense? A key is only a hash, and strangers choose the text. */
bool address_same(const struct address *a, const struct address *b, bool local);

/* A copy with all strings in `arena`; NULL strings become "". `next` is NULL. */
struct address *address_copy(const struct address *address, struct arena *arena);

/*
 * Text form for the spool: one line "key=value key=value" with values quoted where needed
 * (spaces, controls, quotes as %XX), keys left out when empty; no line end. Reading takes
 * unknown keys as an error when they begin with '!', else skips them.
 */
void address_write(const struct address *address, struct text *text);
bool address_read(struct span line, struct arena *arena, struct address *address,
                  struct error *error);

/* The same in bytes, for the messages between roles. */
void address_pack(const struct address *address, struct pack *pack);
bool address_unpack(struct unpack *unpack, struct arena *arena, struct address *address);

#endif
