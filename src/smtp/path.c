/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses in commands. A stranger's must be a path of RFC 5321; our own commands hand
 * on whatever form a user or a UUCP neighbour wrote, and Smail's analysis says if it is
 * one.
 */
#include "smtp/session_state.h"

#include "base/text.h"
#include "base/utf8.h"
#include "mail/mailbox.h"
#include "mail/status.h"

#include "base/banned.h"

bool
path_local(struct span address, struct arena *arena, const char **text,
           struct error *error)
{
    struct mailbox_step step;
    struct mailbox mailbox;
    bool opaque = span_find(address, '"') < address.length ||
                  span_find(address, '\\') < address.length;

    for (size_t i = 0; i < address.length; i++)
        if (byte_is_control(address.bytes[i]))
            return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3",
                                         "control character in address");
    if (!mailbox_step(address, false, arena, &step, error))
        return false;
    /* What was quoted stays as it was written: unquoted it might mean something else. */
    if (!opaque && mailbox_parse(address, MAILBOX_UTF8, arena, &mailbox, NULL))
        *text = mailbox_text(&mailbox, arena);
    else
        *text = span_string(address, arena);
    return true;
}

/* Octets up to and with the '>' that closes the path at the beginning of `text`; 0: none.
 */
static size_t
path_extent(struct span text)
{
    bool quoted = false;

    if (text.length == 0 || text.bytes[0] != '<')
        return 0;
    for (size_t i = 1; i < text.length; i++) {
        char byte = text.bytes[i];

        if (byte == '\\')
            i++;
        else if (byte == '"')
            quoted = !quoted;
        else if (byte == '>' && !quoted)
            return i + 1;
    }
    return 0;
}

static bool
path_parse_local(struct span text, struct arena *arena, struct path *path,
                 struct error *error)
{
    struct span inner;

    path->length = path_extent(text);
    path->domain = true;
    if (path->length == 0)
        return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3",
                                     "address without angle brackets");
    inner = span_first(span_from(text, 1), path->length - 2);
    path->text = "";
    return inner.length == 0 || path_local(inner, arena, &path->text, error);
}

bool
path_parse(const struct smtp_session *session, struct span text, struct arena *arena,
           struct path *path, struct error *error)
{
    struct mailbox mailbox;

    *path = (struct path){.text = ""};
    if (session_is_local(session))
        return path_parse_local(text, arena, path, error);
    if (!mailbox_parse_path(text, MAILBOX_UTF8 | MAILBOX_NO_DOMAIN, arena, &mailbox,
                            &path->length, error))
        return false;
    path->text = mailbox_text(&mailbox, arena);
    path->utf8 = !utf8_is_ascii(span_first(text, path->length));
    path->domain = mailbox.domain[0] != '\0' || mailbox_is_null(&mailbox);
    return true;
}

bool
path_bare(struct span text, struct arena *arena, const char **address,
          struct error *error)
{
    struct mailbox mailbox;
    size_t length = path_extent(text);

    if (length > 0 && length == text.length)
        text = span_first(span_from(text, 1), length - 2);
    if (!mailbox_parse(text, MAILBOX_NO_DOMAIN, arena, &mailbox, error))
        return false;
    *address = mailbox_text(&mailbox, arena);
    return true;
}
