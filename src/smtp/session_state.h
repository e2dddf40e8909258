/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The insides of an SMTP session, for the files that make it up and for nobody else.
 *
 *   session.c          input and output
 *   answers.c          what the host answers
 *   timing.c           deadlines, flow control, the state dump
 *   reply.c            replies: cleaned, cut to the limit, counted when they are errors
 *   verbs.c            the table of verbs and those without a transaction
 *   transaction.c      MAIL, RCPT, RSET: the envelope
 *   path.c             paths and mailboxes as strangers and as our own commands write
 * them mail_parameters.c  the parameters of MAIL and RCPT data.c, chunk.c    DATA and
 * BDAT lines.c            the text as lines: line ends, dots, NUL, length intake.c the
 * content on its way to the host submission.c       the header once it is whole
 *   verbs_local.c      XORIGIN and XCTL
 */
#ifndef SMTP_SESSION_STATE_H
#define SMTP_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "smtp/session.h"

enum {
    REPLY_LIMIT = 512,          /* octets of a reply line with CRLF, RFC 5321 4.5.3.1.5 */
    OUTPUT_LIMIT = 16 * 1024,   /* unsent replies; above, nothing more is read */
    LOCAL_LINE_LIMIT = 1 << 20, /* of a command from the local socket: any address fits */
    HELLO_LIMIT = 255,          /* octets of a name in HELO or EHLO */
    RATE_GRACE = 60 * 1000,     /* milliseconds before the minimum rate counts */
    LONG_LINE_FACTOR = 64,      /* an endless command is cut off after so many limits */
    SWALLOW_SLACK = 16 * 1024 * 1024 /* octets of a refused text beyond twice the limit */
};

enum session_mode {
    SESSION_COMMAND,
    SESSION_LONG_LINE, /* the rest of a command that is too long */
    SESSION_TEXT,      /* behind DATA */
    SESSION_CHUNK,     /* behind BDAT */
    SESSION_OVER
};

enum session_request {
    REQUEST_NONE,
    REQUEST_RECIPIENT,
    REQUEST_VERIFY,
    REQUEST_COMMIT,
    REQUEST_OUTCOME,
    REQUEST_CONTROL
};

/* Where the reader of a text stands, between two octets. */
enum lines_at {
    LINES_START,  /* behind a true line end: a dot means something */
    LINES_INSIDE, /* in a line */
    LINES_CR,     /* behind a CR that waits for its LF */
    LINES_DOT,    /* behind a dot at the start of a line */
    LINES_DOT_CR  /* behind that and a CR */
};

struct lines {
    enum lines_at at;
    bool dots;     /* dot-stuffed, ended by a lone dot: DATA */
    bool lf_ends;  /* the client ends its lines with LF alone, the last dot too */
    bool lenient;  /* bare CR and LF become line ends */
    size_t length; /* of the line so far */
};

/* Why a text that is still coming will be refused; code 0: it will not. */
struct refusal {
    int code;
    char status[8];
    const char *text;
};

/* One transaction, from MAIL on; lies in its own arena. */
struct intake {
    struct arena *arena;
    struct envelope envelope;
    size_t recipient_room;
    struct recipient candidate; /* the one that the host is asked about */
    const char *flags;          /* XFLAGS */
    uint64_t recipients_tried;  /* RCPTs so far */
    bool recipients_refused;    /* a RCPT was refused */
    bool grade_given;
    uint64_t declared_size;

    bool begun;    /* the host has a message from us: to be committed or aborted */
    bool chunking; /* BDAT was used */
    struct smtp_message message;
    struct refusal refusal;
    struct lines lines;
    uint64_t size;      /* octets of text taken */
    uint64_t swallowed; /* and of refused text */

    bool header_done;
    bool header_fields; /* the header has a field already */
    char *header;       /* of its own, given back when the header is complete */
    size_t header_length, header_room;
    size_t header_line;     /* where its last line begins */
    size_t header_searched; /* no line end from there to here */
    struct content_facts facts;
};

/* What XORIGIN said. */
struct claim {
    const char *address;
    const char *name;
    uint32_t port;
    struct arena *arena;
};

/* Small: there are tens of thousands, most of them idle. */
struct smtp_session {
    const struct smtp_options *options;
    const struct smtp_peer *peer;
    const struct smtp_host *host;
    void *context;

    struct intake *intake; /* NULL between transactions */
    struct claim *claim;   /* NULL without XORIGIN */
    char *hello;           /* NULL before HELO */
    char *verified;        /* the address of VRFY while the host is asked */
    char *farewell;        /* text of a 421 to be said at the next chance */
    char farewell_status[8];

    char *output; /* NULL when all is sent */
    size_t output_sent, output_length, output_room;
    char *line; /* the beginning of a command, NULL when there is none */
    size_t line_length, line_room;

    uint64_t chunk_left;
    int64_t since;      /* when the present wait began */
    int64_t text_since; /* when the text of this message began */
    int64_t part_since; /* when DATA or this chunk began */
    uint64_t part_size; /* octets of it so far */
    int64_t held_since;

    uint32_t errors, commands, messages;
    int outcome_code; /* the worst of a foreground delivery */
    enum session_mode mode;
    enum session_request request;
    enum origin origin; /* what the peer speaks for */
    bool extended;      /* EHLO */
    bool fresh;         /* nothing sent or taken yet */
    bool ended;         /* the peer closed its side */
    bool held;
    bool busy;         /* inside smtp_session_input() */
    bool bare_line;    /* the present command ended with LF alone */
    bool data_refused; /* the last command was a DATA that we refused */
    bool chunk_last;
    bool chunk_misplaced; /* its octets are swallowed, then 503 */
};

/* session.c */
/* Do our own commands speak: XSMAIL holds, addresses of any form, no limits? */
bool session_is_local(const struct smtp_session *session);
/* Give up a message that is under way and forget the transaction. */
void session_reset(struct smtp_session *session);
/* No more input is taken; what was said is still sent. */
void session_close(struct smtp_session *session);
/* A request was answered or a command is over: what was put off is done now. */
void session_settle(struct smtp_session *session);

/* reply.c: `line` is a whole reply without its CRLF. */
void session_say(struct smtp_session *session, const char *line);
void session_reply(struct smtp_session *session, int code, const char *status,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A line of a reply without status that goes on. */
void session_reply_more(struct smtp_session *session, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One line of a reply with several; `status` NULL for none. */
void session_reply_line(struct smtp_session *session, int code, bool last,
                        const char *status, struct span text);
/* As session_reply(), counted; 421 and the end of the session when there were too many.
 */
void session_fault(struct smtp_session *session, int code, const char *status,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* An error of ours or of the host as a reply: 451, 550, ... as its status says. */
void session_reply_error(struct smtp_session *session, const struct error *error);
/* Its status, or a general one when it has none of its class. */
const char *session_error_status(const struct error *error);
/* Put octets to the output as they are. */
void session_put(struct smtp_session *session, struct span bytes);

/* verbs.c */
struct smtp_verb {
    const char *name;
    void (*run)(struct smtp_session *session, struct span arguments);
    bool free;  /* not counted against the limit of commands */
    bool local; /* only for our own commands */
};
void verb_run(struct smtp_session *session, struct span line);

/* transaction.c */
void verb_mail(struct smtp_session *session, struct span arguments);
void verb_rcpt(struct smtp_session *session, struct span arguments);
void recipient_add(struct intake *intake, const struct recipient *recipient);
void recipient_answer(struct smtp_session *session, const struct smtp_answer *answer);

/* path.c */
/*
 * The path at the beginning of `text`, from a stranger: RFC 5321 (UTF-8 is let through
 * and told in *utf8). From our own commands: any form Smail knows. Gives its mailbox text
 * and its length; false with a permanent error.
 */
struct path {
    const char *text;
    size_t length;
    bool utf8;
    bool domain; /* it has one, or is the null path */
};
bool path_parse(const struct smtp_session *session, struct span text, struct arena *arena,
                struct path *path, struct error *error);
/* An address of any form Smail knows, as its text; false: permanent 5.1.3. */
bool path_local(struct span address, struct arena *arena, const char **text,
                struct error *error);
/* An address as VRFY gives it: with or without brackets. */
bool path_bare(struct span text, struct arena *arena, const char **address,
               struct error *error);

/*
 * mail_parameters.c: what stands behind the path. 0, or the code of the reply with
 * `error` set: 501 5.5.4 for a bad or doubled one, 555 5.5.4 for an unknown one.
 */
int parameters_mail(struct smtp_session *session, struct span text, struct error *error);
int parameters_rcpt(struct smtp_session *session, struct span text,
                    struct recipient *recipient, struct error *error);

/* data.c, chunk.c */
void verb_data(struct smtp_session *session, struct span arguments);
void verb_bdat(struct smtp_session *session, struct span arguments);
/* Octets of the text or the chunk; returns how many were taken. */
size_t data_take(struct smtp_session *session, struct span bytes);
size_t chunk_take(struct smtp_session *session, struct span bytes);

/*
 * lines.c: take octets of a text, hand clean CRLF lines to smtp_intake_add(). All are
 * taken unless the final dot is found: then those up to it, and *ended is set.
 */
size_t lines_take(struct smtp_session *session, struct span bytes, bool *ended);
/* The text is over without a dot: complete its last line. */
void lines_finish(struct smtp_session *session);

/* intake.c */
struct intake *smtp_intake_new(const struct smtp_session *session);
void smtp_intake_free(struct intake *intake);
/* Ask the host for a message; false with its error, which is temporary. */
bool smtp_intake_begin(struct smtp_session *session, bool dots, struct error *error);
/* Octets of the content, line ends whole and regular. */
void smtp_intake_add(struct smtp_session *session, struct span bytes);
/* The content is over: the refusal is told, or the host asked to commit. */
void smtp_intake_end(struct smtp_session *session);
/* The text will be refused; the first reason counts, `text` is kept as it is. */
void smtp_intake_refuse(struct smtp_session *session, int code, const char *status,
                        const char *text);
void smtp_intake_refuse_error(struct smtp_session *session, const struct error *error);
/* Tell the refusal and forget the transaction. */
void smtp_intake_tell_refusal(struct smtp_session *session);

/* Final octets: to the host, unless the message is given up. */
void smtp_intake_pass(struct smtp_session *session, struct span bytes);
/* Is so much of a refused text still coming that the session had better end? */
bool smtp_intake_is_flooded(const struct smtp_session *session);

/* submission.c: complete the header (without its empty line) and pass it on. */
void submission_complete(struct smtp_session *session, struct span header);

/* verbs_local.c */
void verb_xorigin(struct smtp_session *session, struct span arguments);
void verb_xctl(struct smtp_session *session, struct span arguments);

#endif
