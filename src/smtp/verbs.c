/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs (RFC 5321 4.1.1), a row for each, and those that are not about a message.
 * What a browser says ends the session: a web page must not be able to talk to us through
 * it.
 */
#include "smtp/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

/* ------------------------------------------------------------ HELO, EHLO */

/* Letters, digits and what names and address literals need; nothing that means markup. */
static bool
hello_is_valid(struct span name)
{
    if (name.length == 0 || name.length > HELLO_LIMIT)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];

        if (!byte_is_letter(byte) && !byte_is_digit(byte) &&
            (byte == '\0' || strchr("-._:[]+=%", byte) == NULL))
            return false;
    }
    return true;
}

/* Who we think the client is: never what it says. */
static const char *
hello_peer(const struct smtp_session *session)
{
    const struct claim *claim = session->claim;
    const char *name = claim != NULL ? claim->name : session->peer->name;
    const char *address = claim != NULL ? claim->address : session->peer->address;

    if (name[0] != '\0')
        return name;
    return address[0] != '\0' ? address : "local user";
}

static bool
hello_take(struct smtp_session *session, struct span arguments)
{
    struct span name = span_trim(arguments);

    if (!hello_is_valid(name)) {
        session_fault(session, 501, "5.5.4", "a host name must follow");
        return false;
    }
    session_reset(session);
    free(session->hello);
    session->hello = memory_alloc(name.length + 1);
    memcpy(session->hello, name.bytes, name.length);
    return true;
}

static void
verb_helo(struct smtp_session *session, struct span arguments)
{
    if (!hello_take(session, arguments))
        return;
    session->extended = false;
    session_reply(session, 250, NULL, "%s Hello %s", session->options->primary_name,
                  hello_peer(session));
}

static void
verb_ehlo(struct smtp_session *session, struct span arguments)
{
    if (!hello_take(session, arguments))
        return;
    session->extended = true;
    session_reply_more(session, 250, "%s Hello %s", session->options->primary_name,
                       hello_peer(session));
    session_reply_more(session, 250, "SIZE %llu",
                       (unsigned long long)session->options->size_limit);
    session_say(session, "250-8BITMIME\r\n250-PIPELINING\r\n250-CHUNKING\r\n"
                         "250-SMTPUTF8\r\n250-DSN");
    if (session->options->info)
        session_say(session, "250-EXPN");
    if (session_is_local(session))
        session_say(session, "250-XSMAIL 1");
    session_say(session, "250-ENHANCEDSTATUSCODES\r\n250 HELP");
}

/* ------------------------------------------------------------ VRFY, EXPN */

/* With `info` the resolver is asked; it knows of a list only that it exists. */
static void
verb_vrfy(struct smtp_session *session, struct span arguments)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    const char *address;

    if (!path_bare(arguments, arena, &address, &error)) {
        session_fault(session, 501, "5.1.3", "an address must follow");
    } else if (!session->options->info) {
        session_say(session, "252 2.5.0 not verified, send a message to try");
    } else {
        session->request = REQUEST_VERIFY;
        session->verified = memory_string(address);
        session->host->recipient(session->context, session, NULL, session->verified);
    }
    arena_free(arena);
}

static void
verb_refused(struct smtp_session *session, struct span arguments)
{
    (void)arguments;
    session_fault(session, 502, "5.5.1", "not available here");
}

static void
verb_expn(struct smtp_session *session, struct span arguments)
{
    if (session->options->info)
        verb_vrfy(session, arguments);
    else
        verb_refused(session, arguments);
}

/* ------------------------------------------------------------ the others */

static void
verb_rset(struct smtp_session *session, struct span arguments)
{
    if (arguments.length > 0) {
        session_fault(session, 501, "5.5.4", "RSET takes no parameters");
        return;
    }
    session_reset(session);
    session_say(session, "250 2.0.0 ok");
}

static void
verb_noop(struct smtp_session *session, struct span arguments)
{
    (void)arguments;
    session_say(session, "250 2.0.0 ok");
}

static void
verb_help(struct smtp_session *session, struct span arguments)
{
    (void)arguments;
    session_say(session, "214-2.0.0 commands:\r\n"
                         "214-2.0.0 HELO EHLO MAIL RCPT DATA BDAT\r\n"
                         "214 2.0.0 RSET NOOP VRFY HELP QUIT");
}

static void
verb_quit(struct smtp_session *session, struct span arguments)
{
    (void)arguments;
    session_reply(session, 221, "2.0.0", "%s closing connection",
                  session->options->primary_name);
    session_close(session);
}

static void
verb_web(struct smtp_session *session, struct span arguments)
{
    (void)arguments;
    session_say(session, "521 5.5.1 this is SMTP, not HTTP");
    session_close(session);
}

static const struct smtp_verb smtp_verbs[] = {
    {"MAIL", verb_mail, true, false},
    {"RCPT", verb_rcpt, true, false},
    {"DATA", verb_data, true, false},
    {"BDAT", verb_bdat, true, false},
    {"EHLO", verb_ehlo, false, false},
    {"HELO", verb_helo, false, false},
    {"QUIT", verb_quit, true, false},
    {"RSET", verb_rset, false, false},
    {"NOOP", verb_noop, false, false},
    {"VRFY", verb_vrfy, false, false},
    {"EXPN", verb_expn, false, false},
    {"HELP", verb_help, false, false},
    {"ETRN", verb_refused, false, false},
    {"AUTH", verb_refused, false, false},
    {"STARTTLS", verb_refused, false, false},
    {"TURN", verb_refused, false, false},
    {"SEND", verb_refused, false, false},
    {"SOML", verb_refused, false, false},
    {"SAML", verb_refused, false, false},
    {"XORIGIN", verb_xorigin, true, true},
    {"XCTL", verb_xctl, true, true},
    {"GET", verb_web, true, false},
    {"POST", verb_web, true, false},
    {"PUT", verb_web, true, false},
    {"HEAD", verb_web, true, false},
    {"PATCH", verb_web, true, false},
    {"TRACE", verb_web, true, false},
    {"DELETE", verb_web, true, false},
    {"OPTIONS", verb_web, true, false},
    {"CONNECT", verb_web, true, false},
    {NULL, NULL, false, false},
};

static const struct smtp_verb *
verb_find(const struct smtp_session *session, struct span word)
{
    for (const struct smtp_verb *verb = smtp_verbs; verb->name != NULL; verb++)
        if (span_is_nocase(word, verb->name))
            return verb->local && !session_is_local(session) ? NULL : verb;
    return NULL;
}

/*
 * Behind a DATA that was refused comes a command, or the text of a client that did not
 * wait; then each line of it would be tried as a command, so the session ends.
 */
static void
verb_unknown(struct smtp_session *session, bool data_refused)
{
    if (!data_refused) {
        session_fault(session, 500, "5.5.1", "unknown command");
        return;
    }
    session_say(session, "421 4.5.0 text that was not asked for, closing the connection");
    session_close(session);
}

void
verb_run(struct smtp_session *session, struct span line)
{
    size_t length = span_find(line, ' ');
    const struct smtp_verb *verb = verb_find(session, span_first(line, length));
    bool data_refused = session->data_refused;

    session->data_refused = false;
    if (verb == NULL) {
        verb_unknown(session, data_refused);
        return;
    }
    if (!verb->free && ++session->commands > session->options->command_limit &&
        !session_is_local(session)) {
        session_say(session, "421 4.7.0 too many commands in one session");
        session_close(session);
        return;
    }
    verb->run(session, span_from(line, length + 1));
}
