/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mailbox names as they stand in SMTP paths, header fields, alias files and UUCP paths.
 *
 * Three forms of one thing:
 *   mailbox        local part and domain, parsed; only mailbox_parse_* make one
 *   its text       "local@domain", quoted where RFC 5321 needs it, domain as A-label;
 *                  the form in which an address travels, is stored, logged and compared
 *   target + rest  Smail's view: the host to go to first and what that host should see
 */
#ifndef MAIL_MAILBOX_H
#define MAIL_MAILBOX_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct mailbox {
    struct span local_part; /* octets, original case, unquoted; 0x01 at least, no NUL */
    const char *domain; /* lower-case A-label, "[1.2.3.4]", "[IPv6:::1]", "" for none */
    bool utf8;          /* the local part has octets over 127 (valid UTF-8) */
    bool opaque;        /* came quoted and holds '!' or '%': its text stays quoted */
};

/* What the place where an address stands permits. */
enum mailbox_syntax {
    MAILBOX_STRICT = 0,        /* RFC 5321 Mailbox: domain needed, ASCII */
    MAILBOX_UTF8 = 1 << 0,     /* RFC 6531: UTF-8 in local part and domain */
    MAILBOX_NO_DOMAIN = 1 << 1 /* a lone local part is fine: <Postmaster> */
};

/*
 * Parse the path of MAIL FROM or RCPT TO, with its angle brackets, as the client sent it.
 *
 *   path      "<user@example.org>", "<>" (gives empty local part and domain), a source
 *             route in front is dropped (RFC 5321 appendix C), at most 1,024 octets
 *   length    octets taken from `path`, up to and with the closing bracket
 *   returns   false with a permanent error: 5.1.3 (recipient) style syntax, 5.1.2
 *             for a bad domain; the caller may replace the status by 5.1.7 for a
 *             reverse-path; 5.6.7 for UTF-8 without leave. The text is ours alone
 *
 * RFC 5321 4.1.2, RFC 6531 3.3. No unquoting happens twice: a quoted local part stays one
 * opaque name, whatever characters it holds.
 */
bool mailbox_parse_path(struct span path, unsigned syntax, struct arena *arena,
                        struct mailbox *mailbox, size_t *length, struct error *error);

/* Parse "user@domain" without brackets, all of `text`; otherwise as above. */
bool mailbox_parse(struct span text, unsigned syntax, struct arena *arena,
                   struct mailbox *mailbox, struct error *error);

/* The text form; "" for the null path. Quotes the local part only when needed. */
const char *mailbox_text(const struct mailbox *mailbox, struct arena *arena);

/* Local part quoted as RFC 5321 needs (the text before the '@'). */
const char *mailbox_quote(struct span local_part, struct arena *arena);

bool mailbox_is_null(const struct mailbox *mailbox);

/*
 * Smail's analysis of an address (reference 8.2), one step: the host to reach first and
 * the rest for it. Comments and angle brackets are gone already.
 *
 *   "joe@there"        target "there", rest "joe"
 *   "@a,@b:u@c"        target "a", rest "@b:u@c"
 *   "a!b!u"            target "a", rest "b!u"
 *   "u%x"              target "x", rest "u" (form MAILBOX_PERCENT)
 *   "joe"              target "" (local), rest "joe"
 *
 * A quoted string is one token and is never looked into. `target` is lower-case A-label
 * (or a literal in brackets). False: permanent 5.1.3, ERR_111, for the reasons of
 * reference 8.3.
 */
enum mailbox_form {
    MAILBOX_LOCAL,
    MAILBOX_ROUTE,   /* @a,@b:u@c */
    MAILBOX_AT,      /* u@host */
    MAILBOX_BANG,    /* host!u */
    MAILBOX_PERCENT, /* u%host */
};

struct mailbox_step {
    enum mailbox_form form;
    const char *target;
    struct span rest;
};

/* `percent_first`: '%' binds before '!' in what stood left of an '@' (a variable). */
bool mailbox_step(struct span address, bool percent_first, struct arena *arena,
                  struct mailbox_step *step, struct error *error);

/* Is it one local part, an atom with dots or one quoted string? Gives it unquoted. */
bool mailbox_local_part(struct span text, struct arena *arena, struct span *local_part);

/*
 * A list of addresses: header fields, alias values, .forward, lists (RFC 5322 3.4 with
 * the obsolete forms, groups, comments, display names; and bare UUCP forms). Items that
 * begin with '/', '~', '|' or ":include:" (perhaps in double quotes or behind one
 * backslash) are recognised only with MAILBOX_LIST_SPECIAL, which header fields never
 * get.
 */
enum mailbox_item_kind {
    MAILBOX_ITEM_ADDRESS,
    MAILBOX_ITEM_FILE,    /* "/file", "~/file", "~user/file" */
    MAILBOX_ITEM_PIPE,    /* "|command": text without the '|' */
    MAILBOX_ITEM_INCLUDE, /* ":include:/file": text is the file name, blanks trimmed */
};

struct mailbox_item {
    enum mailbox_item_kind kind;
    bool literal;        /* was written \name: this director is skipped for it */
    const char *text;    /* addr-spec as written, no comments; domain not normalised */
    const char *display; /* display name or "" */
    unsigned line;       /* 1 for the first line of the list */
    struct mailbox_item *next;
};

enum mailbox_list_flags {
    MAILBOX_LIST_SPECIAL = 1 << 0, /* files, pipes, includes and \name are recognised */
    MAILBOX_LIST_BLANKS = 1 << 1,  /* blanks separate items as commas do */
    MAILBOX_LIST_LINES = 1 << 2,   /* a line end separates items, '#' starts a comment */
};

/*
 *   limit     items at most; more is a permanent error
 *   items     first of a linked list in the order of the text; NULL for none
 *   returns   false with a permanent error 5.1.3 that names the line and the text
 *             in doubt
 */
bool mailbox_list_parse(struct span list, unsigned flags, size_t limit,
                        struct arena *arena, struct mailbox_item **items,
                        struct error *error);

#endif
