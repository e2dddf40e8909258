/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a delivery changes of a message (reference 6.1, 6.2): trace fields, fields put in,
 * taken out or added, the "From " line, the batch SMTP around it.
 */
#include "deliver/deliver.h"

#include <string.h>

#include "base/clock.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/header_qualify.h"

#include "base/banned.h"

const char *
deliver_qualified(const struct settings *settings, const char *address,
                  struct arena *arena)
{
    if (address[0] == '\0' || strpbrk(address, "@!"))
        return address;
    return arena_format(arena, "%s@%s", address, settings->visible_name);
}

/*
 * One field of our own, expanded: always one whole field whatever its values hold, so a
 * line end in the middle only folds it. Nothing for an empty text or one without a name.
 */
static void
field_add(struct text *header, struct span field)
{
    size_t colon = span_find(field, ':');

    field = span_trim(field);
    if (field.length == 0 || colon == 0 || colon >= field.length)
        return;
    for (size_t i = 0; i < field.length; i++) {
        char byte = field.bytes[i];

        if (byte == '\r' || byte == '\0')
            continue;
        if (byte != '\n') {
            text_add_byte(header, byte);
            continue;
        }
        text_add(header, "\r\n");
        if (i + 1 < field.length && !byte_is_blank(field.bytes[i + 1]))
            text_add_byte(header, '\t');
    }
    text_add(header, "\r\n");
}

static bool
field_add_expanded(struct text *header, const char *template,
                   const struct expansion *expansion, struct error *error)
{
    const char *value;

    if (!template || template[0] == '\0')
        return true;
    if (!expand(template, expansion, &value, error))
        return error_prefix(error, "header field of a transport");
    field_add(header, span_of(value));
    return true;
}

static bool
fields_add_expanded(struct text *header, const struct expanded_list *templates,
                    const struct expansion *expansion, struct error *error)
{
    for (size_t i = 0; i < templates->count; i++)
        if (!field_add_expanded(header, templates->items[i], expansion, error))
            return false;
    return true;
}

/* The names to leave out, expanded; a colon behind one is fine. */
static bool
removed_names(const struct delivery *delivery, struct span **names, size_t *count,
              struct error *error)
{
    const struct transport_generic *generic = delivery->entry->transport;

    *names =
        arena_array(delivery->arena, generic->remove_header.count + 1, sizeof(**names));
    *count = 0;
    for (size_t i = 0; i < generic->remove_header.count; i++) {
        const char *value;
        struct span name;

        if (!expand(generic->remove_header.items[i], &delivery->expansion, &value, error))
            return error_prefix(error, "remove_header");
        name = span_trim(span_of(value));
        name = span_trim(span_first(name, span_find(name, ':')));
        if (name.length > 0)
            (*names)[(*count)++] = name;
    }
    if (generic->return_path) /* ours is the only true one */
        (*names)[(*count)++] = SPAN("Return-Path");
    return true;
}

/* One field of the message; local names in it get our domain when they leave the host. */
static void
field_copy(struct text *header, const struct field *field, const char *domain)
{
    size_t name = (size_t)(field->value.bytes - field->whole.bytes);

    if (domain && field_has_addresses(field->name)) {
        text_add_span(header, span_first(field->whole, name));
        addresses_qualify(field->value, domain, header);
        text_add(header, "\r\n");
        return;
    }
    text_add_span(header, field->whole);
    if (field->whole.bytes[field->whole.length - 1] != '\n')
        text_add(header, "\r\n");
}

static void
fields_copy(struct text *header, struct span rest, const struct span *removed,
            size_t removed_count, const char *domain)
{
    struct field field;

    while (header_next(&rest, &field)) {
        bool keep = true;

        for (size_t i = 0; i < removed_count; i++)
            if (span_equal_nocase(field.name, removed[i]))
                keep = false;
        if (keep)
            field_copy(header, &field, domain);
    }
}

static bool
header_render(const struct delivery *delivery, struct span original, struct text *header,
              struct error *error)
{
    const struct transport_generic *generic = delivery->entry->transport;
    const struct settings *settings = &delivery->configuration->settings;
    const struct expansion *expansion = &delivery->expansion;
    struct span *removed;
    size_t removed_count;

    if (!removed_names(delivery, &removed, &removed_count, error))
        return false;
    if (generic->return_path &&
        !field_add_expanded(header, settings->return_path_field.text, expansion, error))
        return false;
    if (generic->received &&
        !field_add_expanded(header, settings->received_field.text, expansion, error))
        return false;
    if (!fields_add_expanded(header, &generic->insert_header, expansion, error))
        return false;
    fields_copy(header, original, removed, removed_count,
                generic->local || generic->local_xform ? NULL : settings->visible_name);
    if (!fields_add_expanded(header, &generic->append_header, expansion, error))
        return false;
    text_add(header, "\r\n");
    return true;
}

/* The sender as UUCP spells it: what our neighbour puts behind our name. */
static const char *
sender_path(const struct delivery *delivery, const char *sender)
{
    const struct settings *settings = &delivery->configuration->settings;
    struct span text = span_of(sender);
    size_t at = span_find_last(text, '@');
    const char *host;

    if (at == text.length || strchr(sender, '!'))
        return sender;
    host = sender + at + 1;
    if (host_is_local(settings, host))
        return span_string(span_first(text, at), delivery->arena);
    return arena_format(delivery->arena, "%s!%.*s", host, (int)at, sender);
}

static const char *
from_sender(const struct delivery *delivery)
{
    const struct transport_generic *generic = delivery->entry->transport;
    const char *sender = delivery->reverse_path;
    struct span text;
    char *name;

    if (sender[0] == '\0')
        sender = "MAILER-DAEMON";
    if (generic->uucp)
        sender = sender_path(delivery, sender);
    else if (!generic->local && !generic->local_xform)
        sender = deliver_qualified(&delivery->configuration->settings, sender,
                                   delivery->arena);
    text = span_of(sender);
    name = span_string(text, delivery->arena);
    /* A quoted local part may hold blanks; readers of mailboxes split the line there. */
    for (size_t i = 0; i < text.length; i++)
        if (byte_is_space(name[i]) || byte_is_control(name[i]))
            name[i] = '-';
    return name;
}

static void
from_line(const struct delivery *delivery, struct text *prefix)
{
    const struct transport_generic *generic = delivery->entry->transport;

    text_add_format(prefix, "From %s %s", from_sender(delivery),
                    date_ctime(clock_seconds(), delivery->arena));
    if (generic->uucp)
        text_add_format(prefix, " remote from %s",
                        delivery->configuration->settings.uucp_name);
    text_add(prefix, "\r\n");
}

static void
batch_begin(const struct delivery *delivery, struct text *prefix)
{
    const struct settings *settings = &delivery->configuration->settings;

    if (delivery->entry->transport->bsmtp)
        text_add_format(prefix, "HELO %s\r\n", settings->primary_name);
    text_add_format(prefix, "MAIL FROM:<%s>\r\n", delivery->reverse_path);
    for (size_t i = 0; i < delivery->address_count; i++)
        text_add_format(prefix, "RCPT TO:<%s>\r\n",
                        delivery->addresses[i].address->next_address);
    text_add(prefix, "DATA\r\n");
}

/* `debug`: a shadow of the message that keeps the letter private. */
static struct content_source
debug_source(const struct delivery *delivery, const struct job *job)
{
    struct text text = text_new(delivery->arena);

    text_add_format(&text, "message:   %s, %llu octets\r\nsender:    %s\r\n",
                    job->id.text, (unsigned long long)job->content_size,
                    delivery->reverse_path);
    for (size_t i = 0; i < delivery->address_count; i++) {
        const struct address *address = delivery->addresses[i].address;

        text_add_format(&text,
                        "recipient: %s (director %s, router %s, transport %s, "
                        "next hop %s, next address %s, user %s)\r\n",
                        address->text, address->director, address->router,
                        address->transport, address->next_hop, address->next_address,
                        address->user);
    }
    return (struct content_source){
        .memory = text_span(&text), .fd = -1, .size = text.length};
}

static struct content_source
job_source(const struct job *job)
{
    struct content_source source = {.fd = job->content_fd, .size = job->content_size};

    source.header_size = header_length(job->content);
    if (job->content_fd < 0)
        source.memory = (struct span){job->content.bytes ? job->content.bytes : "",
                                      job->content.length};
    return source;
}

bool
delivery_render(const struct delivery *delivery, const struct job *job,
                struct rendering *rendering, struct error *error)
{
    const struct transport_generic *generic = delivery->entry->transport;
    const struct transport_driver *driver =
        (const struct transport_driver *)delivery->entry->driver;
    bool batch = generic->bsmtp || generic->hbsmtp;
    struct content_source source = job_source(job);
    struct text header = text_new(delivery->arena), prefix = text_new(delivery->arena);
    struct span original = span_first(job->content, (size_t)source.header_size);

    if (!header_render(delivery, original, &header, error))
        return false;
    if (generic->debug)
        source = debug_source(delivery, job);
    *rendering = rendering_new(&source, delivery->arena);
    rendering->header = text_span(&header);
    if (driver->identity == IDENTITY_NETWORK)
        return true; /* SMTP has its own line ends, dots and envelope */
    if (batch) {
        batch_begin(delivery, &prefix);
        rendering->suffix = generic->bsmtp ? SPAN(".\r\nQUIT\r\n") : SPAN(".\r\n");
    } else if (generic->from) {
        from_line(delivery, &prefix);
    }
    rendering->prefix = text_span(&prefix);
    rendering->lf = !generic->crlf;
    rendering->dots = generic->dots || batch;
    rendering->from_hack = generic->unix_from_hack;
    return true;
}
