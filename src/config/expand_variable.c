/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The variables of expansions. Values from outside are data: they are never expanded, and
 * those that strangers choose freely lose their control characters here, so that no
 * template can let a line end through.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/attribute.h"
#include "config/expand_parse.h"
#include "config/settings.h"
#include "config/version.h"
#include "mail/date.h"
#include "mail/mailbox.h"

#include "base/banned.h"

/* Nothing instead of an empty string. */
static const char *
filled(const char *value)
{
    return value && value[0] ? value : NULL;
}

/* Control characters become '?'. */
static const char *
clean(const char *value, struct arena *arena)
{
    char *copy;

    if (!filled(value))
        return NULL;
    copy = arena_string(arena, value);
    for (char *at = copy; *at; at++)
        if (byte_is_control(*at))
            *at = '?';
    return copy;
}

/* A word of a trace field: what could end it becomes '?'. */
static const char *
clean_word(const char *value, struct arena *arena)
{
    char *copy;

    if (!filled(value))
        return NULL;
    copy = arena_string(arena, value);
    for (char *at = copy; *at; at++)
        if (!byte_is_letter(*at) && !byte_is_digit(*at) && !strchr(".-_:[]+=/", *at))
            *at = '?';
    return copy;
}

static const struct envelope *
envelope_of(const struct subject *subject)
{
    return subject->expansion->envelope;
}

/* --- always --- */

static const char *
get_message_id(const struct subject *subject)
{
    return subject->expansion->message_id;
}

static const char *
get_size(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? number_print((int64_t)envelope->size, subject->arena) : NULL;
}

static const char *
get_body_size(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);
    uint64_t size;

    if (!envelope)
        return NULL;
    size = envelope->size > envelope->header_size ? envelope->size - envelope->header_size
                                                  : 0;
    return number_print((int64_t)size, subject->arena);
}

static const char *
get_grade(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? arena_format(subject->arena, "%c", envelope->grade) : NULL;
}

static const char *
get_date(const struct subject *subject)
{
    return date_mail(clock_seconds(), subject->arena);
}

static const char *
get_spool_date(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    if (!envelope || envelope->received == 0)
        return get_date(subject);
    return date_mail(envelope->received / 1000, subject->arena);
}

static const char *
get_ctime(const struct subject *subject)
{
    return date_ctime(clock_seconds(), subject->arena);
}

static const char *
get_pid(const struct subject *subject)
{
    return number_print(getpid(), subject->arena);
}

static const char *
get_primary_name(const struct subject *subject)
{
    const struct settings *settings = subject->expansion->settings;

    return settings ? settings->primary_name : NULL;
}

static const char *
get_visible_name(const struct subject *subject)
{
    const struct settings *settings = subject->expansion->settings;

    return settings ? settings->visible_name : NULL;
}

static const char *
get_uucp_name(const struct subject *subject)
{
    const struct settings *settings = subject->expansion->settings;

    return settings ? settings->uucp_name : NULL;
}

static const char *
get_lib_dir(const struct subject *subject)
{
    const struct settings *settings = subject->expansion->settings;

    return settings ? settings->smail_lib_dir : NULL;
}

/* --- of a message --- */

/* The null reverse-path is a value, and it is empty. */
static const char *
get_sender(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? envelope->reverse_path : NULL;
}

static const char *
get_sender_name(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean(envelope->full_name, subject->arena) : NULL;
}

static const char *
get_sender_host_addr(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean_word(envelope->peer_address, subject->arena) : NULL;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static const char *
get_sender_literal(const struct subject *subject)
{
    const char *address = get_sender_host_addr(subject);

    if (!address)
        return NULL;
    return arena_format(subject->arena, "[%s%s]", strchr(address, ':') ? "IPv6:" : "",
                        address);
}

static const char *
get_sender_host_name(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean_word(envelope->peer_name, subject->arena) : NULL;
}

/* What the client called itself, else what it is called, else where it is. */
static const char *
get_sender_host(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    if (!envelope)
        return NULL;
    if (filled(envelope->hello))
        return clean_word(envelope->hello, subject->arena);
    if (filled(envelope->peer_name))
        return clean_word(envelope->peer_name, subject->arena);
    return get_sender_literal(subject);
}

static const char *
get_sender_proto(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean_word(envelope->protocol, subject->arena) : NULL;
}

static const char *
get_sender_program(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean_word(envelope->program, subject->arena) : NULL;
}

static const char *
get_authenticated(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean(envelope->authenticated, subject->arena) : NULL;
}

static const char *
get_submitter(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean(envelope->submitter, subject->arena) : NULL;
}

static const char *
get_tls(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);

    return envelope ? clean(envelope->tls, subject->arena) : NULL;
}

/* There is no ident query. */
static const char *
get_nothing(const struct subject *subject)
{
    (void)subject;
    return NULL;
}

/* The only recipient of the envelope, as a mailbox; several never learn of each other. */
static const char *
get_recipient(const struct subject *subject)
{
    const struct envelope *envelope = envelope_of(subject);
    const char *text, *primary = get_primary_name(subject);

    if (!envelope || envelope->recipient_count != 1)
        return NULL;
    text = envelope->recipients[0].text;
    for (const char *at = text; *at; at++)
        if (byte_is_control(*at) || (unsigned char)*at > 126)
            return NULL;
    if (strchr(text, '@') || !primary)
        return filled(text);
    return arena_format(subject->arena, "%s@%s", text, primary);
}

/* --- of an address --- */

/* What the next host sees; for one of the ancestors, its local part. */
static const char *
get_user(const struct subject *subject)
{
    const struct address *address = subject->address;
    struct mailbox mailbox;

    if (subject->own && subject->expansion->user)
        return subject->expansion->user;
    if (!address)
        return NULL;
    if (filled(address->next_address))
        return address->next_address;
    if (subject->own || !filled(address->text))
        return NULL;
    if (address->kind == ADDRESS_MAIL &&
        mailbox_parse(span_of(address->text), MAILBOX_UTF8 | MAILBOX_NO_DOMAIN,
                      subject->arena, &mailbox, NULL))
        return span_string(mailbox.local_part, subject->arena);
    return address->text;
}

static const char *
get_host(const struct subject *subject)
{
    if (subject->own && subject->expansion->host)
        return filled(subject->expansion->host);
    return subject->address ? filled(subject->address->next_hop) : NULL;
}

static const char *
get_home(const struct subject *subject)
{
    if (subject->own && subject->expansion->home)
        return filled(subject->expansion->home);
    return subject->address ? filled(subject->address->home) : NULL;
}

static const char *
get_input_addr(const struct subject *subject)
{
    return subject->address ? filled(subject->address->text) : NULL;
}

static const char *
get_director(const struct subject *subject)
{
    return subject->address ? filled(subject->address->director) : NULL;
}

static const char *
get_router(const struct subject *subject)
{
    return subject->address ? filled(subject->address->router) : NULL;
}

static const char *
get_transport(const struct subject *subject)
{
    return subject->address ? filled(subject->address->transport) : NULL;
}

/* --- the table --- */

static const struct variable {
    const char *name, *aliases;
    const char *(*get)(const struct subject *subject);
} variables[] = {
    {"message_id", "id", get_message_id},
    {"message_size", "size", get_size},
    {"message_body_size", "body_size", get_body_size},
    {"grade", NULL, get_grade},
    {"date", NULL, get_date},
    {"spool_date", NULL, get_spool_date},
    {"ctime", NULL, get_ctime},
    {"pid", "$", get_pid},
    {"primary_name", "primary", get_primary_name},
    {"visible_name", "name", get_visible_name},
    {"uucp_name", NULL, get_uucp_name},
    {"smail_lib_dir", "lib_dir", get_lib_dir},
    {"sender", "from", get_sender},
    {"sender_name", "fullname", get_sender_name},
    {"sender_host", NULL, get_sender_host},
    {"sender_host_name", NULL, get_sender_host_name},
    {"sender_host_addr", NULL, get_sender_host_addr},
    {"sender_literal", NULL, get_sender_literal},
    {"sender_proto", NULL, get_sender_proto},
    {"sender_program", "program", get_sender_program},
    {"sender_authenticated", NULL, get_authenticated},
    {"sender_tls", NULL, get_tls},
    {"submitter", NULL, get_submitter},
    {"ident_sender", NULL, get_nothing},
    {"ident_method", NULL, get_nothing},
    {"recipient", NULL, get_recipient},
    {"user", "addr", get_user},
    {"host", NULL, get_host},
    {"home", NULL, get_home},
    {"input_addr", NULL, get_input_addr},
    {"director", NULL, get_director},
    {"router", NULL, get_router},
    {"transport", NULL, get_transport},
};

enum { VARIABLES = sizeof variables / sizeof variables[0] };

/* `name` is in lower case. */
static const struct variable *
find(const char *name)
{
    for (size_t i = 0; i < VARIABLES; i++)
        if (attribute_name_is(name, variables[i].name, variables[i].aliases))
            return &variables[i];
    return NULL;
}

bool
expand_variable_known(const char *name)
{
    return find(name) || version_variable(name);
}

const char *
expand_variable(const struct subject *subject, const char *name)
{
    const struct variable *variable = find(name);

    return variable ? variable->get(subject) : version_variable(name);
}

const char *
expand_variable_nearest(const char *name)
{
    struct nearest nearest = {.name = name};

    for (size_t i = 0; i < VARIABLES; i++)
        nearest_offer(&nearest, variables[i].name);
    for (size_t i = 0; version_variables[i]; i++)
        nearest_offer(&nearest, version_variables[i]);
    return nearest.found;
}
