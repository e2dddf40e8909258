/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mailboxes as SMTP writes them: paths, "user@domain", and the text form of both. The
 * grammar is that of RFC 5321 4.1.2 with RFC 6531 3.3, and nothing is repaired.
 */
#include "mail/mailbox.h"

#include <string.h>

#include "base/utf8.h"
#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

enum { PATH_MAX_OCTETS = 1024 };

/* Where a parser stands: what is left, what is allowed, where results live. */
struct path_parser {
    struct span rest;
    unsigned syntax;
    struct arena *arena;
    struct error *error;
};

static bool
path_fail(struct path_parser *parser, const char *what)
{
    return fail_permanent_number(parser->error, ERR_ADDRESS_PARSE, "5.1.3", "%s", what);
}

static bool
path_at(const struct path_parser *parser, char byte)
{
    return parser->rest.length > 0 && parser->rest.bytes[0] == byte;
}

/* Step over `byte` if it is there. */
static bool
path_skip(struct path_parser *parser, char byte)
{
    if (!path_at(parser, byte))
        return false;
    parser->rest = span_from(parser->rest, 1);
    return true;
}

/* atext of RFC 5322 3.2.3, ASCII part. */
static bool
byte_is_atom(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) ||
           (byte > ' ' && byte < 0x7f && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/*
 * Octets of the UTF-8 character at the front, 0 with `error` set if it must not be there.
 * The C1 controls are refused as those of ASCII are: terminals obey them.
 */
static size_t
path_wide(struct path_parser *parser)
{
    uint32_t code = 0;
    size_t length = utf8_character(parser->rest, &code);

    if ((parser->syntax & MAILBOX_UTF8) == 0) {
        fail_permanent_number(parser->error, ERR_ADDRESS_PARSE, "5.6.7",
                              "address beyond ASCII without SMTPUTF8");
        return 0;
    }
    if (length == 0 || code < 0xa0) {
        path_fail(parser, "invalid UTF-8 in address");
        return 0;
    }
    return length;
}

static bool
path_is_wide(const struct path_parser *parser)
{
    return parser->rest.length > 0 && (unsigned char)parser->rest.bytes[0] >= 0x80;
}

/* Dot-string: atoms, with single dots between them. */
static bool
path_dot_string(struct path_parser *parser, struct mailbox *mailbox)
{
    struct span begin = parser->rest;
    bool dot = true; /* the next thing must be an atom */

    while (parser->rest.length > 0) {
        size_t length = 1;

        if (path_is_wide(parser)) {
            length = path_wide(parser);
            mailbox->utf8 = true;
            if (length == 0)
                return false;
        } else if (path_at(parser, '.') && !dot) {
            parser->rest = span_from(parser->rest, 1);
            dot = true;
            continue;
        } else if (!byte_is_atom(parser->rest.bytes[0])) {
            break;
        }
        parser->rest = span_from(parser->rest, length);
        dot = false;
    }
    if (dot)
        return path_fail(parser, "bad local part in address");
    mailbox->local_part = span_of(
        arena_bytes(parser->arena, begin.bytes, begin.length - parser->rest.length));
    return true;
}

/* One character inside a quoted string, perhaps behind a backslash, to `text`. */
static bool
path_quoted_character(struct path_parser *parser, struct mailbox *mailbox,
                      struct text *text)
{
    bool pair = path_skip(parser, '\\');
    size_t length = 1;

    if (!pair && path_is_wide(parser)) {
        length = path_wide(parser);
        mailbox->utf8 = true;
        if (length == 0)
            return false;
    } else if (parser->rest.length == 0 || parser->rest.bytes[0] < ' ' ||
               parser->rest.bytes[0] > '~') {
        return path_fail(parser, "bad quoted string in address");
    }
    text_add_span(text, span_first(parser->rest, length));
    parser->rest = span_from(parser->rest, length);
    return true;
}

/* Quoted-string, the opening quote being next. */
static bool
path_quoted_string(struct path_parser *parser, struct mailbox *mailbox)
{
    struct text text = text_new(parser->arena);

    path_skip(parser, '"');
    while (!path_skip(parser, '"')) {
        if (parser->rest.length == 0)
            return path_fail(parser, "unbalanced quotes in address");
        if (!path_quoted_character(parser, mailbox, &text))
            return false;
    }
    if (text.length == 0)
        return path_fail(parser, "empty local part in address");
    mailbox->local_part = text_span(&text);
    mailbox->opaque = span_find(mailbox->local_part, '!') < text.length ||
                      span_find(mailbox->local_part, '%') < text.length;
    return true;
}

/* What stands behind an '@': up to one of the characters that can follow a domain. */
static bool
path_domain(struct path_parser *parser, const char **domain)
{
    size_t length = 0;
    struct span name;
    bool fine;

    if (path_at(parser, '[')) {
        length = span_find(parser->rest, ']');
        name = span_first(parser->rest, length + 1);
        fine = domain_literal(name, parser->arena, domain, parser->error);
    } else {
        while (length < parser->rest.length &&
               memchr(">,:@\"<\\ ", parser->rest.bytes[length], 8) == NULL)
            length++;
        name = span_first(parser->rest, length);
        fine = domain_normalise(name, (parser->syntax & MAILBOX_UTF8) != 0, parser->arena,
                                domain, parser->error);
    }
    parser->rest = span_from(parser->rest, name.length);
    return fine;
}

/* A source route, "@a,@b:", checked and dropped (RFC 5321 appendix C). */
static bool
path_route(struct path_parser *parser)
{
    const char *domain;

    while (path_skip(parser, '@')) {
        if (!path_domain(parser, &domain))
            return false;
        if (path_skip(parser, ':'))
            return true;
        if (!path_skip(parser, ',') || !path_at(parser, '@'))
            break;
    }
    return path_fail(parser, ", or : missing in route-addr");
}

static bool
path_mailbox(struct path_parser *parser, struct mailbox *mailbox)
{
    *mailbox = (struct mailbox){.local_part = {"", 0}, .domain = ""};
    if (path_at(parser, '@') && !path_route(parser))
        return false;
    if (!(path_at(parser, '"') ? path_quoted_string(parser, mailbox)
                               : path_dot_string(parser, mailbox)))
        return false;
    if (path_skip(parser, '@'))
        return path_domain(parser, &mailbox->domain);
    if ((parser->syntax & MAILBOX_NO_DOMAIN) == 0)
        return path_fail(parser, "address without domain");
    return true;
}

bool
mailbox_parse_path(struct span path, unsigned syntax, struct arena *arena,
                   struct mailbox *mailbox, size_t *length, struct error *error)
{
    struct path_parser parser = {path, syntax, arena, error};

    *mailbox = (struct mailbox){.local_part = {"", 0}, .domain = ""};
    if (!path_skip(&parser, '<'))
        return path_fail(&parser, "address not in angle brackets");
    if (parser.rest.length > PATH_MAX_OCTETS)
        parser.rest.length = PATH_MAX_OCTETS;
    if (!path_at(&parser, '>') && !path_mailbox(&parser, mailbox))
        return false;
    if (!path_skip(&parser, '>'))
        return path_fail(&parser, parser.rest.length > 0 ? "bad character in address"
                                                         : "address not closed by >");
    *length = (size_t)(parser.rest.bytes - path.bytes);
    return true;
}

bool
mailbox_parse(struct span text, unsigned syntax, struct arena *arena,
              struct mailbox *mailbox, struct error *error)
{
    struct path_parser parser = {text, syntax, arena, error};

    *mailbox = (struct mailbox){.local_part = {"", 0}, .domain = ""};
    if (text.length == 0)
        return path_fail(&parser, "null address");
    if (text.length > PATH_MAX_OCTETS)
        return path_fail(&parser, "address too long");
    if (!path_mailbox(&parser, mailbox))
        return false;
    if (parser.rest.length > 0)
        return path_fail(&parser, "bad character in address");
    return true;
}

/* Can it stand as a Dot-string? */
static bool
local_part_is_plain(struct span local_part)
{
    bool dot = true;

    for (size_t i = 0; i < local_part.length; i++) {
        char byte = local_part.bytes[i];

        if (byte == '.' ? dot : !byte_is_atom(byte) && (unsigned char)byte < 0x80)
            return false;
        dot = byte == '.';
    }
    return !dot;
}

static void
local_part_add(struct span local_part, bool quoted, struct text *text)
{
    if (!quoted) {
        text_add_span(text, local_part);
        return;
    }
    text_add_byte(text, '"');
    for (size_t i = 0; i < local_part.length; i++) {
        if (local_part.bytes[i] == '"' || local_part.bytes[i] == '\\')
            text_add_byte(text, '\\');
        text_add_byte(text, local_part.bytes[i]);
    }
    text_add_byte(text, '"');
}

const char *
mailbox_quote(struct span local_part, struct arena *arena)
{
    struct text text = text_new(arena);

    local_part_add(local_part, !local_part_is_plain(local_part), &text);
    return text_string(&text);
}

const char *
mailbox_text(const struct mailbox *mailbox, struct arena *arena)
{
    struct text text = text_new(arena);

    if (mailbox_is_null(mailbox))
        return "";
    local_part_add(mailbox->local_part,
                   mailbox->opaque || !local_part_is_plain(mailbox->local_part), &text);
    if (mailbox->domain[0] != '\0') {
        text_add_byte(&text, '@');
        text_add(&text, mailbox->domain);
    }
    return text_string(&text);
}

bool
mailbox_is_null(const struct mailbox *mailbox)
{
    return mailbox->local_part.length == 0 && mailbox->domain[0] == '\0';
}

bool
mailbox_local_part(struct span text, struct arena *arena, struct span *local_part)
{
    struct path_parser parser = {text, MAILBOX_UTF8, arena, NULL};
    struct mailbox mailbox = {.domain = ""};

    if (text.length > PATH_MAX_OCTETS)
        return false;
    if (!(path_at(&parser, '"') ? path_quoted_string(&parser, &mailbox)
                                : path_dot_string(&parser, &mailbox)))
        return false;
    *local_part = mailbox.local_part;
    return parser.rest.length == 0;
}
