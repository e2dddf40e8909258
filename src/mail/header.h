/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a message (RFC 5322), as bytes with CRLF line ends: walking its fields,
 * finding one, completing it on submission, editing it for a delivery. Pure functions;
 * time is linear in the size whatever the header holds.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "mail/envelope.h"

struct field {
    struct span name;  /* without the colon, without blanks before it */
    struct span value; /* raw, behind the colon, folding kept, without the last CRLF */
    struct span whole; /* all of it with its last CRLF */
};

/*
 * Octets of the header of `content`, with the empty line; all of it if there is none. A
 * line that is no field ends the header without an empty line: it is the body's first.
 */
size_t header_length(struct span content);

/*
 * The next field of `rest`, which is moved behind it. A line that is no field (no colon,
 * bad name) ends the header: false.
 */
bool header_next(struct span *rest, struct field *field);

/* The first (n-th, from 0) field of that name; false when there is none. */
bool header_find(struct span header, const char *name, size_t n, struct field *field);
size_t header_count(struct span header, const char *name);

/* The value unfolded and trimmed. */
const char *field_value(const struct field *field, struct arena *arena);

/* Facts of a content for the envelope, gathered while it arrives in pieces of any size.
 */
struct content_facts {
    uint64_t size, header_size;
    uint32_t line, longest_line, received;
    bool eight_bit, header_utf8, header_done;
    /* state of the line being read; private */
    bool field; /* a field came before, so a blank continues it */
    uint8_t state;
    char last; /* octet of the content */
    char begin[10];
    uint32_t begin_length;
};
struct content_facts content_facts_new(void);
void content_facts_add(struct content_facts *facts, struct span bytes);
void content_facts_store(const struct content_facts *facts, struct envelope *envelope);

/* What a message without To, Cc and Bcc gets. */
enum recipient_field {
    RECIPIENT_FIELD_NONE,
    RECIPIENT_FIELD_TO,            /* To: with the recipients of the envelope */
    RECIPIENT_FIELD_APPARENTLY_TO, /* the same as Apparently-To: */
    RECIPIENT_FIELD_BCC,           /* an empty Bcc: */
    RECIPIENT_FIELD_UNDISCLOSED,   /* To: undisclosed-recipients:; */
};

/* What is completed on receipt (reference 10.6), and from what. */
struct submission {
    const struct envelope *envelope;
    bool trusted; /* may say who the sender is */
    bool local;   /* submitted here: From, To, Sender are completed as well */
    enum recipient_field recipient_field;
    bool drop_bcc;            /* -t */
    const char *primary_name; /* for unqualified names and what is generated */
    const char *visible_name;
    const char *message_id_field; /* "Message-Id: <...>", already expanded, no line end */
    const char *date_field;
    const char *from_field; /* "From: user (Full Name)"; what it holds is not believed */
};

/*
 * Complete a header: missing Message-Id, Date, From (Resent- forms when Resent- fields
 * are there and it was submitted here), Sender rules for the untrusted, Bcc dropped with
 * -t (Resent-Bcc with them). Fields that are not changed come through octet for octet;
 * new ones come first.
 *
 *   header    with its empty line; may be empty (a message without header)
 *   result    the new header with its empty line
 *   returns   false with a temporary 4.3.5 when a template does not give a field
 *
 * The rule for Sender: who is not trusted keeps a Sender field only if it names him, and
 * gets one when From is anything but his own address; who is trusted gets one only when
 * From has several authors. His own address is the submitter's login name, bare or at
 * `primary_name` or `visible_name`. 8-bit text in a name becomes encoded words (RFC
 * 2047).
 */
bool header_complete(struct span header, const struct submission *submission,
                     struct text *result, struct error *error);

/*
 * Recipients that a header names, for -t: To, Cc, Bcc, or their Resent- forms when one is
 * there. `limit` recipients at most. False: permanent 5.1.3 naming the field.
 */
bool header_recipients(struct span header, size_t limit, struct arena *arena,
                       const char ***recipients, size_t *count, struct error *error);

/*
 * A first line "From user date [remote from host]" or ">From ..." (UUCP, mbox), any
 * number of them: taken off `content`; *sender becomes the bang path that they spell, ""
 * if none.
 */
void header_take_from_lines(struct span *content, struct arena *arena,
                            const char **sender);

/* The grade that a Precedence field gives ("word:letter:word:letter"), or `fallback`. */
char header_grade(struct span header, const char *grades, char fallback);

#endif
