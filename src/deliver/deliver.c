/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deliveries: addresses that share transport and next hop become calls of the transport,
 * split by owner and by the transport's limits.
 */
#include "deliver/deliver.h"

#include <string.h>

#include "base/clock.h"
#include "mail/header.h"
#include "mail/status.h"

#include "base/banned.h"

/* Time for one call besides what the text needs at a thousand octets a second. */
enum { CALL_TIME = 60 * 60 * 1000 };

/* More parents than that are a ring. */
enum { ANCESTORS = 1000 };

/* One call in the making: positions of its addresses in the caller's array. */
struct call {
    const struct job_context *context;
    const struct job *job;
    const struct address *const *addresses;
    struct delivery_address *results;
    size_t *positions;
    size_t count, characters;
};

const struct address *const *
deliver_ancestors(const struct job *job, const struct address *address,
                  struct arena *arena, size_t *count)
{
    size_t all = (size_t)job->address_count + job->known_count;
    size_t most = all < ANCESTORS ? all : ANCESTORS;
    const struct address **list = arena_array(arena, most + 1, sizeof(*list));
    uint32_t number = address->parent;

    *count = 0;
    while (number != 0 && *count < most) {
        const struct address *parent = NULL;

        for (uint32_t i = 0; i < job->known_count && !parent; i++)
            if (job->known[i].number == number)
                parent = &job->known[i];
        for (uint32_t i = 0; i < job->address_count && !parent; i++)
            if (job->addresses[i].number == number)
                parent = &job->addresses[i];
        if (!parent)
            break;
        list[(*count)++] = parent;
        number = parent->parent;
    }
    return list;
}

/* List mail leaves in the name of its owner, so that errors come back to him. */
static const char *
call_reverse_path(const struct call *call, const struct entry *entry)
{
    const struct settings *settings = &call->context->configuration->settings;
    const char *owner = call->addresses[call->positions[0]]->owner;
    const char *path = call->job->envelope.reverse_path;

    /* Final delivery shows who sent it; an owner is for mail that goes on. */
    if (path[0] == '\0' || entry->transport->local)
        return path;
    if (owner[0] != '\0')
        path = owner;
    if (entry->transport->local_xform)
        return path;
    return deliver_qualified(settings, path, call->context->arena);
}

/* Did a router choose it that leaves looking up the mail exchangers to the transport? */
static bool
call_uses_mx(const struct call *call)
{
    const struct address *address = call->addresses[call->positions[0]];
    const struct entry *router =
        entry_find(&call->context->configuration->routers, address->router);

    return router && strcmp(router->driver->name, "bind") == 0;
}

static enum expand_form
form_of(const struct transport_generic *generic)
{
    if (generic->uucp)
        return FORM_UUCP;
    if (generic->inet)
        return FORM_INET;
    return generic->local || generic->local_xform ? FORM_LOCAL : FORM_NONE;
}

static struct expansion
call_expansion(const struct call *call, const struct entry *entry,
               const struct envelope *envelope)
{
    const struct job_context *context = call->context;
    const struct address *first = call->addresses[call->positions[0]];
    struct expansion expansion =
        expansion_new(&context->configuration->settings, context->arena);

    expansion.envelope = envelope;
    expansion.message_id = call->job->id.text;
    expansion.header = span_first(call->job->content, header_length(call->job->content));
    expansion.address = first;
    expansion.ancestors =
        deliver_ancestors(call->job, first, context->arena, &expansion.ancestor_count);
    expansion.host = first->next_hop[0] ? first->next_hop : NULL;
    expansion.home = first->home[0] ? first->home : NULL;
    if (!expansion.home && context->user)
        expansion.home = context->user->home;
    expansion.form = form_of(entry->transport);
    expansion.destination_is_local = entry->transport->local;
    driver_expansion(&expansion, context->services);
    return expansion;
}

static struct delivery
call_delivery(const struct call *call, const struct entry *entry)
{
    const struct job_context *context = call->context;
    struct envelope *envelope = arena_alloc(context->arena, sizeof(*envelope));
    struct delivery delivery = {
        .configuration = context->configuration,
        .entry = entry,
        .services = context->services,
        .envelope = envelope,
        .message_id = call->job->id.text,
        .reverse_path = call_reverse_path(call, entry),
        .next_hop = call->addresses[call->positions[0]]->next_hop,
        .use_mx = call_uses_mx(call),
        .address_count = call->count,
        .user = context->user,
        .connections = context->connections,
        .deadline = clock_monotonic() + CALL_TIME + (int64_t)call->job->content_size,
        .arena = context->arena,
    };

    *envelope = call->job->envelope;
    envelope->reverse_path = delivery.reverse_path;
    delivery.expansion = call_expansion(call, entry, envelope);
    delivery.addresses =
        arena_array(context->arena, call->count, sizeof(*delivery.addresses));
    for (size_t i = 0; i < call->count; i++) {
        delivery.addresses[i].address = call->addresses[call->positions[i]];
        delivery.addresses[i].remote = "";
        delivery.addresses[i].diagnostic = "";
    }
    return delivery;
}

/* Root gets his mailbox and nothing else: no command and no file that a message names. */
static bool
root_refused(const struct call *call, const struct transport_driver *driver)
{
    const struct user *user = call->context->user;

    if (!user || user->uid != 0 || driver->identity != IDENTITY_RECIPIENT)
        return false;
    for (size_t i = 0; i < call->count; i++)
        if (call->addresses[call->positions[i]]->kind != ADDRESS_MAIL)
            return true;
    return strcmp(driver->driver.name, "appendfile") != 0;
}

/* What speaks against the call before it is made. */
static bool
call_check(const struct call *call, struct delivery *delivery, enum report_class *report,
           struct error *error)
{
    const struct entry *entry = delivery->entry;
    const struct transport_driver *driver =
        (const struct transport_driver *)entry->driver;
    const struct settings *settings = &call->context->configuration->settings;

    *report = REPORT_SENDER;
    if (!entry->transport->local && settings->max_hop_count > 0 &&
        call->job->envelope.hops >= (uint64_t)settings->max_hop_count)
        return fail_permanent_number(error, ERR_HOP_COUNT, "5.4.6",
                                     "too many hops (%u), this may be a loop",
                                     call->job->envelope.hops);
    *report = REPORT_POSTMASTER;
    if (driver->identity == IDENTITY_RECIPIENT && !call->context->user)
        return fail_temporary(error, "4.3.5", "transport %s needs a user", entry->name);
    if (root_refused(call, driver))
        return fail_permanent_number(error, ERR_SECURITY, "5.7.0",
                                     "transport %s is never run as root", entry->name);
    return true;
}

static void
call_transport(const struct call *call, struct delivery *delivery)
{
    const struct transport_driver *driver =
        (const struct transport_driver *)delivery->entry->driver;
    enum report_class report;
    struct error error = {0};

    if (!call_check(call, delivery, &report, &error)) {
        delivery_decide(delivery, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                        &error, report);
        return;
    }
    if (!delivery_render(delivery, call->job, &delivery->rendering, &error)) {
        /* A template that cannot be expanded is the administrator's mistake, not the
         * sender's. */
        error.permanent = false;
        error.status[0] = '4';
        delivery_decide(delivery, OUTCOME_DEFERRED, &error, REPORT_CONFIG);
        return;
    }
    if (call->job->envelope.dry_run) {
        delivery_decide(delivery,
                        driver->identity == IDENTITY_NETWORK ? OUTCOME_RELAYED
                                                             : OUTCOME_DELIVERED,
                        NULL, REPORT_SENDER);
        return;
    }
    driver->deliver(delivery->entry->config, delivery);
}

/* Call the shadow or error transport for some of the addresses; what comes of it is
 * nobody's matter. */
static void
call_other(const struct call *call, const struct delivery *delivery, const char *name,
           bool for_failed)
{
    const struct entry *entry;
    struct call other = *call;
    struct delivery shadow;

    if (!name || name[0] == '\0' || call->job->envelope.dry_run)
        return;
    entry = entry_find(&call->context->configuration->transports, name);
    if (!entry)
        return;
    other.count = 0;
    other.positions = arena_array(call->context->arena, call->count, sizeof(size_t));
    for (size_t i = 0; i < call->count; i++) {
        enum outcome outcome = delivery->addresses[i].outcome;

        if (for_failed ? outcome == OUTCOME_FAILED
                       : outcome == OUTCOME_DELIVERED || outcome == OUTCOME_RELAYED)
            other.positions[other.count++] = call->positions[i];
    }
    if (other.count == 0)
        return;
    shadow = call_delivery(&other, entry);
    call_transport(&other, &shadow);
}

/* Whoever reads of trouble in a log sees which transport had it. */
static void
error_name(struct error *error, const struct entry *entry)
{
    if (strncmp(error->text, "transport ", strlen("transport ")) != 0)
        error_prefix(error, "transport %s", entry->name);
}

/* An address that its driver forgot waits; nothing leaves without a reason. */
static void
call_take_results(const struct call *call, const struct delivery *delivery)
{
    for (size_t i = 0; i < call->count; i++) {
        struct delivery_address *result = &delivery->addresses[i];

        if (result->error.status[0] == '\0' &&
            (result->outcome == OUTCOME_DEFERRED || result->outcome == OUTCOME_FAILED))
            fail_temporary(&result->error, "4.3.5", "transport %s did not decide",
                           delivery->entry->name);
        if (result->outcome == OUTCOME_DEFERRED || result->outcome == OUTCOME_FAILED)
            error_name(&result->error, delivery->entry);
        if (result->outcome == OUTCOME_FAILED && !result->error.permanent)
            result->outcome = OUTCOME_DEFERRED;
        /* A file or command that stands for another host is not the end of the way. */
        if (result->outcome == OUTCOME_DELIVERED && !delivery->entry->transport->local &&
            delivery->next_hop[0] != '\0')
            result->outcome = OUTCOME_RELAYED;
        if (!result->remote)
            result->remote = "";
        if (!result->diagnostic)
            result->diagnostic = "";
        call->results[call->positions[i]] = *result;
    }
}

static void
call_make(struct call *call, const struct entry *entry)
{
    struct delivery delivery;

    if (call->count == 0)
        return;
    delivery = call_delivery(call, entry);
    call_transport(call, &delivery);
    call_take_results(call, &delivery);
    call_other(call, &delivery, entry->transport->shadow, false);
    call_other(call, &delivery, entry->transport->error_transport, true);
    call->count = call->characters = 0;
}

/* Does one more address fit into the call? An oversized one still goes alone. */
static bool
call_has_room(const struct call *call, const struct transport_generic *generic,
              const struct address *address)
{
    size_t characters = strlen(address->next_address) + 3;

    if (call->count == 0)
        return true;
    if (generic->max_addrs > 0 && call->count >= (uint64_t)generic->max_addrs)
        return false;
    return generic->max_chars <= 0 ||
           call->characters + characters <= (uint64_t)generic->max_chars;
}

static void
call_add(struct call *call, const struct entry *entry, size_t position)
{
    const struct address *address = call->addresses[position];

    if (!call_has_room(call, entry->transport, address))
        call_make(call, entry);
    call->positions[call->count++] = position;
    call->characters += strlen(address->next_address) + 3;
}

/* No such transport: the tables changed since, or have a mistake. The mail waits. */
static void
decide_without_transport(const struct address *const *addresses, size_t count,
                         struct delivery_address *results)
{
    for (size_t i = 0; i < count; i++) {
        results[i] = (struct delivery_address){.address = addresses[i],
                                               .report = REPORT_CONFIG,
                                               .remote = "",
                                               .diagnostic = ""};
        fail_temporary_number(&results[i].error, ERR_NO_TRANSPORT, "4.3.5",
                              "there is no transport %s", addresses[i]->transport);
    }
}

void
deliver_addresses(const struct job_context *context, const struct job *job,
                  const struct address *const *addresses, size_t count,
                  struct delivery_address *results)
{
    struct call call = {context, job, addresses, results, NULL, 0, 0};
    const struct entry *entry;
    bool *taken;

    if (count == 0)
        return;
    entry = entry_find(&context->configuration->transports, addresses[0]->transport);
    if (!entry) {
        decide_without_transport(addresses, count, results);
        return;
    }
    call.positions = arena_array(context->arena, count, sizeof(*call.positions));
    taken = arena_array(context->arena, count, sizeof(*taken));
    for (size_t first = 0; first < count; first++) {
        for (size_t i = first; i < count; i++) {
            if (taken[i] || strcmp(addresses[i]->owner, addresses[first]->owner) != 0)
                continue;
            taken[i] = true;
            call_add(&call, entry, i);
        }
        call_make(&call, entry);
    }
}
