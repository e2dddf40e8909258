/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp: hands a message to the next host by SMTP, over a connection that is kept when
 * there is one. Hosts and addresses are tried in their order; each address of the message
 * gets what the server said of it.
 */
#include "smtp/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "drivers/driver.h"
#include "drivers/transports/smtp_hosts.h"
#include "mail/status.h"

#include "base/banned.h"

enum {
    SESSIONS_LIMIT = 2, /* that got as far as MAIL, for one delivery */
    QUIT_WAIT = 5 * 1000,
};

struct smtp_config {
    struct duration short_timeout, long_timeout, end_timeout, connect_timeout;
    struct expanded service, hello_name;
    int64_t max_messages;
    bool lmtp;
    bool use_bind, defer_no_connect, local_mx_okay, defnames, domain_required, mx_only;
    struct list ignore_domains;
    const char *fallback_gateway;
    int64_t address_limit;
};

static const struct attribute smtp_attributes[] = {
    ATTRIBUTE(struct smtp_config, short_timeout, "5m",
              "wait for the greeting and for the reply to a command", .least = 1,
              .most = 86400),
    ATTRIBUTE(struct smtp_config, long_timeout, "2h",
              "wait for the server to take a piece of the text", .least = 1,
              .most = 86400),
    ATTRIBUTE(struct smtp_config, end_timeout, "10m",
              "wait for the reply to the end of the text (RFC 5321 4.5.3.2.6)",
              .least = 1, .most = 86400),
    ATTRIBUTE(struct smtp_config, connect_timeout, "30s", "wait for a connection",
              .least = 1, .most = 3600),
    ATTRIBUTE(struct smtp_config, service, "smtp", "name or number of the port"),
    ATTRIBUTE(struct smtp_config, hello_name, NULL,
              "our name in EHLO; the primary name when unset"),
    ATTRIBUTE(struct smtp_config, max_messages, "100",
              "messages over one connection before another is opened", .least = 1,
              .most = 1000000),
    ATTRIBUTE(
        struct smtp_config, use_bind, NULL,
        "look up mail exchangers for every next hop, not only when the router said so"),
    ATTRIBUTE(
        struct smtp_config, defer_no_connect, "on",
        "with use_bind: wait when the name service does not answer; off: ask the host "
        "library"),
    ATTRIBUTE(struct smtp_config, local_mx_okay, NULL,
              "use the addresses of a host whose best mail exchanger is this host"),
    ATTRIBUTE(struct smtp_config, defnames, "on",
              "with use_bind: add our domain to a name without a dot"),
    ATTRIBUTE(struct smtp_config, domain_required, NULL,
              "with use_bind: no mail exchangers for names without a dot"),
    ATTRIBUTE(struct smtp_config, mx_only, NULL,
              "a host without mail exchangers is not reached by its address"),
    ATTRIBUTE(struct smtp_config, ignore_domains, NULL,
              "with use_bind: domains without mail exchangers"),
    ATTRIBUTE(struct smtp_config, fallback_gateway, NULL,
              "host to try after all mail exchangers"),
    ATTRIBUTE(struct smtp_config, address_limit, "20", "addresses tried for one delivery",
              .least = 1, .most = 100),
    {0},
};

/* One delivery under way. */
struct job {
    const struct smtp_config *config;
    struct delivery *delivery;
    const char *hello;
    uint16_t port;
    bool by_mx;
    size_t *left; /* places of the addresses that still need a result */
    size_t left_count;
    size_t sessions;
    const char *answered; /* host that said its word in the last one; "" for none */
    uint64_t size;
    struct smtp_hosts hosts;
};

/* A connection between deliveries. */
struct held {
    struct smtp_client *client;
    char *host, *address;
    int64_t messages;
};

static void
held_close(void *closed)
{
    struct held *held = closed;

    smtp_client_close(held->client);
    free(held->host);
    free(held->address);
    free(held);
}

/*
 * The key of a connection. Exchangers are shared by many domains, so there the address
 * counts; else the next hop, and no name is looked up while a connection is kept.
 */
static const char *
held_key(const struct job *job, const char *address)
{
    const struct delivery *delivery = job->delivery;

    return arena_format(delivery->arena, "smtp %s %s %s %u %s", delivery->entry->name,
                        job->by_mx ? "address" : "host",
                        job->by_mx ? address : delivery->next_hop, (unsigned)job->port,
                        job->hello);
}

/* A kept connection that is still open, or NULL. */
static struct held *
held_take(const struct job *job, const char *address)
{
    struct connection_cache *cache = job->delivery->connections;
    struct held *held =
        cache != NULL ? connection_cache_take(cache, held_key(job, address)) : NULL;

    if (held == NULL || !connection_is_stale(smtp_client_connection(held->client)))
        return held;
    held_close(held);
    return NULL;
}

static void
held_keep(const struct job *job, struct held *held, bool usable)
{
    struct connection_cache *cache = job->delivery->connections;

    if (usable && cache != NULL && held->messages < job->config->max_messages)
        connection_cache_keep(cache, held_key(job, held->address), held, held_close);
    else
        held_close(held);
}

/* --- opening --- */

static int64_t
wait_for(const struct job *job, int64_t wait)
{
    int64_t left = job->delivery->deadline - clock_monotonic();

    if (left < 1000)
        left = 1000;
    return wait < left ? wait : left;
}

static struct smtp_timeouts
job_timeouts(const struct job *job)
{
    int64_t brief = wait_for(job, job->config->short_timeout.seconds * 1000);

    return (struct smtp_timeouts){
        .greeting = brief,
        .hello = brief,
        .mail = brief,
        .recipient = brief,
        .data = brief,
        .text = wait_for(job, job->config->long_timeout.seconds * 1000),
        .end = wait_for(job, job->config->end_timeout.seconds * 1000),
        .quit = brief < QUIT_WAIT ? brief : QUIT_WAIT,
    };
}

/* Whose fault it was; a host that is given as an address is named once. */
static void
error_host(struct error *error, const char *host, const char *address)
{
    if (host[0] == '[' || strcmp(host, address) == 0)
        error_prefix(error, "%s", host);
    else
        error_prefix(error, "%s [%s]", host, address);
}

static bool
place_connect(const struct job *job, const struct smtp_place *place, bool plain,
              struct smtp_client **client, struct error *error)
{
    int64_t wait = wait_for(job, job->config->connect_timeout.seconds * 1000);
    struct smtp_timeouts timeouts = job_timeouts(job);
    struct connection *connection;

    if (!connection_open(&place->address, wait, &connection, error))
        return false;
    if (job->config->lmtp)
        return smtp_client_open_lmtp(connection, job->hello, &timeouts, client, error);
    return plain
               ? smtp_client_open_plain(connection, job->hello, &timeouts, client, error)
               : smtp_client_open(connection, job->hello, &timeouts, client, error);
}

/* A new connection to a place, with HELO alone when the server hangs up on EHLO. */
static struct held *
place_open(struct job *job, const struct smtp_place *place)
{
    struct smtp_client *client = NULL;
    struct error error = {0};
    struct held *held;

    driver_trace(job->delivery->services, "connecting to %s [%s] port %u", place->host,
                 place->address.text, (unsigned)job->port);
    if (!place_connect(job, place, false, &client, &error) &&
        (job->config->lmtp || !smtp_client_hung_up(&error) ||
         !place_connect(job, place, true, &client, &error))) {
        error_host(&error, place->host, place->address.text);
        smtp_hosts_note(&job->hosts, &error);
        return NULL;
    }
    held = memory_alloc(sizeof *held);
    *held = (struct held){.client = client,
                          .host = memory_string(place->host),
                          .address = memory_string(place->address.text)};
    return held;
}

/* --- the transaction --- */

static bool
content_read(void *context, struct span *piece, struct error *error)
{
    return rendering_next(context, piece, error);
}

static void
content_rewind(void *context)
{
    rendering_rewind(context);
}

static bool
text_is_utf8(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text > 127)
            return true;
    return false;
}

static const char *
address_path(const struct address *address)
{
    return address->next_address != NULL && address->next_address[0] != '\0'
               ? address->next_address
               : address->text;
}

/* Does this delivery need SMTPUTF8 (RFC 6531)? Its paths decide, and a header that does.
 */
static bool
needs_smtputf8(const struct delivery *delivery,
               const struct smtp_transaction *transaction)
{
    if (text_is_utf8(delivery->reverse_path) ||
        (delivery->envelope->smtputf8 && delivery->envelope->header_utf8))
        return true;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        if (text_is_utf8(transaction->recipients[i].path))
            return true;
    return false;
}

static struct smtp_transaction
transaction_make(const struct job *job)
{
    struct delivery *delivery = job->delivery;
    struct smtp_transaction transaction = {
        .reverse_path = delivery->reverse_path,
        .envelope = delivery->envelope,
        .recipients =
            arena_array(delivery->arena, job->left_count, sizeof *transaction.recipients),
        .recipient_count = job->left_count,
        .content = {.context = &delivery->rendering,
                    .read = content_read,
                    .rewind = content_rewind,
                    .size = job->size},
        .arena = delivery->arena,
    };

    for (size_t i = 0; i < job->left_count; i++) {
        const struct address *address = delivery->addresses[job->left[i]].address;

        transaction.recipients[i].path = address_path(address);
        transaction.recipients[i].original = address->dsn_recipient;
        transaction.recipients[i].notify = address->notify;
    }
    transaction.smtputf8 = needs_smtputf8(delivery, &transaction);
    return transaction;
}

static void
result_take(const struct job *job, const struct held *held,
            const struct smtp_recipient *recipient, struct delivery_address *result)
{
    struct arena *arena = job->delivery->arena;

    result->outcome = recipient->outcome;
    result->error = recipient->error;
    result->report = REPORT_SENDER;
    result->remote = arena_string(arena, held->host);
    if (recipient->outcome != OUTCOME_RELAYED)
        error_host(&result->error, held->host, held->address);
    /* A host that knows NOTIFY reports success itself (RFC 3461 5.2.2). */
    result->report_passed = recipient->outcome == OUTCOME_RELAYED &&
                            smtp_client_extensions(held->client)->dsn;
    result->diagnostic_is_smtp = recipient->reply.code > 0;
    result->diagnostic =
        recipient->reply.code > 0
            ? arena_format(arena, "%d %s", recipient->reply.code, recipient->reply.text)
            : "";
}

/*
 * Take the results over; who may be tried again stays in job->left. Returns how many are
 * to be sent over the same connection at once: the server took others, and said that
 * these are too many for one transaction (RFC 5321 4.5.3.1.10).
 */
static size_t
results_take(struct job *job, const struct held *held,
             const struct smtp_transaction *transaction)
{
    size_t kept = 0, too_many = 0, relayed = 0;

    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct smtp_recipient *recipient = &transaction->recipients[i];
        size_t place = job->left[i];

        result_take(job, held, recipient, &job->delivery->addresses[place]);
        relayed += recipient->outcome == OUTCOME_RELAYED;
        if (recipient->outcome != OUTCOME_DEFERRED || recipient->in_doubt)
            continue;
        job->left[kept++] = place;
        too_many += recipient->reply.code == 452 || recipient->reply.code == 552;
    }
    job->left_count = kept;
    return relayed > 0 ? too_many : 0;
}

/*
 * Send over a connection, as often as there is progress. False: it turned out to have
 * been closed before, and nothing was said on it.
 */
static bool
held_send(struct job *job, struct held *held)
{
    struct smtp_timeouts timeouts = job_timeouts(job);
    bool usable = true, repeat = true;

    smtp_client_set_timeouts(held->client, &timeouts);
    while (repeat && job->left_count > 0) {
        struct smtp_transaction transaction = transaction_make(job);

        usable = smtp_client_send(held->client, &transaction);
        if (!usable && held->messages > 0 && smtp_client_was_silent(held->client)) {
            held_close(held);
            return false;
        }
        held->messages++;
        repeat = results_take(job, held, &transaction) > 0 && usable;
    }
    job->sessions++;
    job->answered = usable ? arena_string(job->delivery->arena, held->host) : "";
    held_keep(job, held, usable);
    return true;
}

/* A host that has answered is not asked the same again at its next address. */
static void
place_try(struct job *job, const struct smtp_place *place)
{
    struct held *held;

    if (strcmp(place->host, job->answered) == 0)
        return;
    held = job->by_mx ? held_take(job, place->address.text) : NULL;

    if (held != NULL && held_send(job, held))
        return;
    held = place_open(job, place);
    if (held != NULL)
        held_send(job, held);
}

/* --- the delivery --- */

static bool
config_fail(struct delivery *delivery, struct error *error)
{
    error->permanent = false;
    error->status[0] = '4';
    error_prefix(error, "transport %s", delivery->entry->name);
    delivery_decide(delivery, OUTCOME_DEFERRED, error, REPORT_CONFIG);
    return false;
}

/* What the attributes say, expanded. */
static bool
job_expand(struct job *job)
{
    struct delivery *delivery = job->delivery;
    const struct smtp_config *config = job->config;
    const char *service = "smtp";
    struct error error = {0};

    job->hello = delivery->configuration->settings.primary_name;
    if (config->service.text != NULL &&
        !expand(config->service.text, &delivery->expansion, &service, &error))
        return config_fail(delivery, &error);
    if (!net_port(service, 25, &job->port, &error))
        return config_fail(delivery, &error);
    if (config->hello_name.text != NULL &&
        !expand(config->hello_name.text, &delivery->expansion, &job->hello, &error))
        return config_fail(delivery, &error);
    if (job->hello != NULL && job->hello[0] != '\0' &&
        strpbrk(job->hello, " \t\r\n") == NULL)
        return true;
    fail_temporary(&error, "4.3.5", "hello_name is not a name");
    return config_fail(delivery, &error);
}

/* Octets of the text. With a "From " quoted inside only reading tells. */
static bool
job_measure(struct job *job)
{
    struct rendering *rendering = &job->delivery->rendering;
    struct error error = {0};
    struct span piece;

    rendering->lf = rendering->dots = false; /* the client's business */
    job->size = rendering_size(rendering);
    if (!rendering->from_hack)
        return true;
    rendering_rewind(rendering);
    job->size = 0;
    do {
        if (!rendering_next(rendering, &piece, &error)) {
            delivery_decide(job->delivery, OUTCOME_DEFERRED, &error, REPORT_SENDER);
            return false;
        }
        job->size += piece.length;
    } while (piece.length > 0);
    return true;
}

static bool
job_start(struct job *job)
{
    struct delivery *delivery = job->delivery;

    if (!job_expand(job) || !job_measure(job))
        return false;
    job->left = arena_array(delivery->arena, delivery->address_count, sizeof *job->left);
    for (size_t i = 0; i < delivery->address_count; i++)
        job->left[job->left_count++] = i;
    return true;
}

static bool
job_goes_on(const struct job *job)
{
    return job->left_count > 0 && job->sessions < SESSIONS_LIMIT &&
           clock_monotonic() < job->delivery->deadline;
}

/* Those that no server was asked about get the reason why there was none. */
static void
job_finish(struct job *job)
{
    struct error error = job->hosts.error;

    if (error.status[0] == '\0')
        fail_temporary_number(&error, ERR_SMTP_CONNECT, "4.4.1",
                              "%s: no address could be tried", job->delivery->next_hop);
    delivery_decide(job->delivery, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                    &error, REPORT_SENDER);
}

/*
 * relayed   the server said 2xx to the end of the text
 * failed    5xx to RCPT (156), to anything else (152), no host by MX (168, 169,
 * 178, 5.1.10), a malformed literal (157), every host greets with 5xx (149); what a
 * server cannot take by its own words: 5.3.4, 5.6.7 deferred  no connection (148), no
 * greeting (172), EHLO and HELO refused (150), 4xx, time over, lost (151), storage (153),
 * lost while writing (154), the text cannot be read (155), the name service does not
 * answer (163, 164, 165)
 */
static void
smtp_deliver(const void *config, struct delivery *delivery)
{
    const struct smtp_config *smtp = config;
    const struct smtp_naming naming = {.use_bind = smtp->use_bind,
                                       .defer_no_connect = smtp->defer_no_connect,
                                       .local_mx_okay = smtp->local_mx_okay,
                                       .defnames = smtp->defnames,
                                       .domain_required = smtp->domain_required,
                                       .mx_only = smtp->mx_only,
                                       .ignore_domains = smtp->ignore_domains,
                                       .fallback_gateway = smtp->fallback_gateway,
                                       .address_limit = smtp->address_limit};
    struct job job = {.config = smtp, .delivery = delivery, .answered = ""};
    struct smtp_place place;
    struct held *held;

    if (!job_start(&job))
        return;
    job.by_mx = smtp_hosts_by_mx(&naming, delivery);
    held = job.by_mx ? NULL : held_take(&job, "");
    if (held != NULL)
        held_send(&job, held);
    if (job.left_count > 0 && smtp_hosts_start(&job.hosts, &naming, delivery, job.port))
        while (job_goes_on(&job) && smtp_hosts_next(&job.hosts, &place))
            place_try(&job, &place);
    job_finish(&job);
}

const struct transport_driver smtp_transport = {
    .driver = {.name = "tcpsmtp",
               .aliases = "smtp",
               .meaning = "hands the message to another host by SMTP",
               .attributes = smtp_attributes,
               .config_size = sizeof(struct smtp_config)},
    .identity = IDENTITY_NETWORK,
    .deliver = smtp_deliver,
};
