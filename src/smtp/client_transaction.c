/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction: MAIL, RCPT and the text, as few round trips as the server's extensions
 * allow. With PIPELINING the envelope is written at once, with CHUNKING a small message
 * goes in the same write. What is in flight is bounded, so neither side ever waits for
 * the other to read.
 *
 * Until the reply to the last octet of the text everything undecided is deferred; from
 * that 250 on the recipients are relayed, whatever happens to the connection.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mail/status.h"
#include "smtp/client_internal.h"

#include "base/banned.h"

enum {
    WINDOW = 100, /* RCPTs in flight (RFC 5321 4.5.3.1.8: a server takes 100) */
    TOGETHER_OCTETS = 48 * 1024, /* a text that goes with its envelope; fits the buffer */
};

enum stage {
    STAGE_WAITING,  /* not asked yet */
    STAGE_ASKED,    /* its RCPT is written */
    STAGE_ACCEPTED, /* gets the text */
    STAGE_REFUSED,  /* decided by the reply to MAIL; that to its RCPT is still to come */
    STAGE_DECIDED,
};

struct exchange {
    struct smtp_client *client;
    struct smtp_transaction *transaction;
    enum stage *stages; /* of each recipient */
    size_t accepted;
    bool sender_accepted;
    bool text_asked;          /* DATA, or BDAT with the text, is written */
    bool text_written;        /* from here on a lost connection leaves a doubt */
    struct error write_error; /* of the first write that failed */
};

/* --- results --- */

static void
recipient_decide(struct exchange *exchange, size_t i, enum outcome outcome,
                 const struct error *error, const struct smtp_reply *reply)
{
    struct smtp_recipient *recipient = &exchange->transaction->recipients[i];

    exchange->stages[i] = STAGE_DECIDED;
    recipient->outcome = outcome;
    recipient->error = error != NULL ? *error : (struct error){0};
    recipient->reply = reply != NULL ? *reply : (struct smtp_reply){.text = ""};
}

/* All that are not decided yet. */
static void
rest_decide(struct exchange *exchange, enum outcome outcome, const struct error *error,
            const struct smtp_reply *reply)
{
    for (size_t i = 0; i < exchange->transaction->recipient_count; i++)
        if (exchange->stages[i] < STAGE_REFUSED)
            recipient_decide(exchange, i, outcome, error, reply);
}

static void
rest_fail(struct exchange *exchange, const struct error *error,
          const struct smtp_reply *reply)
{
    rest_decide(exchange, error->permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED, error,
                reply);
}

/* The connection is lost: if all of the text was written, it may have arrived. */
static void
rest_in_doubt(struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->transaction->recipient_count; i++)
        if (exchange->stages[i] < STAGE_REFUSED)
            exchange->transaction->recipients[i].in_doubt = exchange->text_written;
}

/* A fault of ours in the middle of the text: the server must not think that it is whole.
 */
static bool
exchange_abandon(struct exchange *exchange, struct error *error)
{
    exchange->client->broken = true;
    error->permanent = false;
    if (error->status[0] != '4')
        snprintf(error->status, sizeof error->status, "4.3.0");
    rest_fail(exchange, error, NULL);
    return false;
}

/*
 * The next reply. False: the connection is of no use, and everything undecided is
 * deferred with the reason: what the server said, or that it was lost.
 */
static bool
exchange_reply(struct exchange *exchange, int64_t timeout, const char *verb,
               struct smtp_reply *reply)
{
    struct error error = {0};

    if (!reply_read(exchange->client, timeout, NULL, NULL, exchange->transaction->arena,
                    reply, &error)) {
        if (exchange->write_error.status[0] != '\0')
            error = exchange->write_error;
        else
            error_prefix(&error, "waiting for the reply to %s", verb);
        if (error.number == 0)
            error.number = ERR_SMTP_TEMPORARY;
        rest_in_doubt(exchange);
        rest_fail(exchange, &error, NULL);
        return false;
    }
    if (reply->code != 421)
        return true;
    reply_error(reply, verb, ERR_SMTP_TEMPORARY, &error);
    rest_fail(exchange, &error, reply);
    return false;
}

/* A reply that makes no sense where it stands: we are out of step. */
static bool
exchange_out_of_step(struct exchange *exchange, const char *verb,
                     const struct smtp_reply *reply)
{
    struct error error = {0};

    reply_error(reply, verb, ERR_SMTP_TEMPORARY, &error);
    exchange->client->broken = true;
    rest_fail(exchange, &error, reply);
    return false;
}

/* --- writing --- */

/* After a failure nothing more is written, but replies that came before are still read.
 */
static void
exchange_write(struct exchange *exchange, const char *text)
{
    struct smtp_client *client = exchange->client;

    if (client->broken ||
        connection_write(client->connection, span_of(text), &exchange->write_error))
        return;
    exchange->write_error.number = ERR_SMTP_WRITE;
    client->broken = true;
}

static void
exchange_flush(struct exchange *exchange)
{
    struct smtp_client *client = exchange->client;

    if (client->broken || connection_flush(client->connection, &exchange->write_error))
        return;
    exchange->write_error.number = ERR_SMTP_WRITE;
    client->broken = true;
}

static void
exchange_deadline(struct exchange *exchange, int64_t timeout)
{
    connection_deadline(exchange->client->connection, clock_monotonic() + timeout);
}

/* Ask for up to `window` recipients from *at on. True when none is left to be asked. */
static bool
recipients_ask(struct exchange *exchange, size_t *at, size_t window)
{
    const struct smtp_transaction *transaction = exchange->transaction;

    for (; *at < transaction->recipient_count; (*at)++) {
        if (exchange->stages[*at] != STAGE_WAITING)
            continue;
        if (window-- == 0)
            return false;
        exchange_write(exchange,
                       client_recipient_command(exchange->client, transaction, *at));
        exchange->stages[*at] = STAGE_ASKED;
    }
    return true;
}

/* --- the text --- */

/*
 * Write the text through the filter; for BDAT exactly content.size octets. False only for
 * a fault of ours (everything undecided is deferred); a failed write shows when the reply
 * is read.
 */
static bool
text_write(struct exchange *exchange, bool dots)
{
    const struct smtp_content *content = &exchange->transaction->content;
    struct smtp_client *client = exchange->client;
    struct content_filter filter = content_filter_new(client->connection, dots);
    struct error error = {0};
    uint64_t read = 0;
    struct span piece;
    bool written = true;

    do {
        if (!content->read(content->context, &piece, &error)) {
            error.number = ERR_SPOOL_READ;
            return exchange_abandon(exchange, &error);
        }
        read += piece.length;
        if (read > content->size || (piece.length == 0 && read < content->size)) {
            fail_temporary_number(&error, ERR_SPOOL_READ, "4.3.0",
                                  "the text is not as long as was said");
            return exchange_abandon(exchange, &error);
        }
        exchange_deadline(exchange, client->timeouts.text);
        written =
            !client->broken && content_filter_add(&filter, piece, &exchange->write_error);
    } while (written && piece.length > 0);
    exchange->text_written = true;
    if (!written || !content_filter_end(&filter, &exchange->write_error)) {
        exchange->write_error.number = ERR_SMTP_WRITE;
        client->broken = true;
    }
    return true;
}

/* BDAT with all of the text (RFC 3030). False as above. */
static bool
chunk_write(struct exchange *exchange)
{
    const struct smtp_transaction *transaction = exchange->transaction;

    exchange_write(exchange, arena_format(transaction->arena, "BDAT %llu LAST\r\n",
                                          (unsigned long long)transaction->content.size));
    exchange->text_asked = true;
    return text_write(exchange, false);
}

/*
 * What a reply to the text means. 552 is said of a full mailbox as well as of a text that
 * is too long; only the latter is for good.
 */
static enum outcome
text_outcome(const struct smtp_reply *reply, const char *verb, struct error *error)
{
    if (reply->code / 100 == 2)
        return OUTCOME_RELAYED;
    reply_error(reply, verb,
                reply->code / 100 == 5 ? ERR_SMTP_PERMANENT : ERR_SMTP_TEMPORARY, error);
    if (reply->code == 552 && strcmp(reply->status, "5.3.4") != 0 &&
        strcmp(reply->status, "5.2.3") != 0) {
        error->permanent = false;
        error->number = ERR_SMTP_STORAGE;
        error->status[0] = '4';
    }
    return error->permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

/* Is it a reply that can stand at the end of the text? A yes to half of it is none. */
static bool
text_is_answered(const struct exchange *exchange, const struct smtp_reply *reply)
{
    return reply->code / 100 != 3 &&
           (reply->code / 100 != 2 || exchange->write_error.status[0] == '\0');
}

/* The server's last word: one for all, in LMTP one for each (RFC 2033 4.2). */
static bool
text_finish(struct exchange *exchange, const char *verb)
{
    struct smtp_client *client = exchange->client;
    struct smtp_reply reply;

    exchange_flush(exchange);
    for (size_t i = 0; i < exchange->transaction->recipient_count; i++) {
        struct error error = {0};
        enum outcome outcome;

        if (exchange->stages[i] != STAGE_ACCEPTED)
            continue;
        if (!exchange_reply(exchange, client->timeouts.end, verb, &reply))
            return false;
        if (!text_is_answered(exchange, &reply))
            return exchange_out_of_step(exchange, verb, &reply);
        outcome = text_outcome(&reply, verb, &error);
        if (outcome == OUTCOME_RELAYED)
            client->reset_first = false;
        if (client->lmtp)
            recipient_decide(exchange, i, outcome, &error, &reply);
        else
            rest_decide(exchange, outcome, &error, &reply);
    }
    return !client->broken;
}

/* DATA was asked together with the envelope, and nobody is there to get the text. */
static bool
text_withdraw(struct exchange *exchange, const char *verb)
{
    struct smtp_reply reply;
    bool may_go_on =
        exchange_reply(exchange, exchange->client->timeouts.data, verb, &reply);

    /* RFC 2920 3.1: a server may say 354 all the same, and then wants an end. */
    if (may_go_on && reply.code / 100 == 3) {
        exchange_deadline(exchange, exchange->client->timeouts.text);
        exchange_write(exchange, ".\r\n");
        exchange_flush(exchange);
        /* LMTP answers each of those accepted, and there is none. */
        may_go_on =
            exchange->client->lmtp ||
            exchange_reply(exchange, exchange->client->timeouts.end, "the text", &reply);
    }
    return may_go_on && !exchange->client->broken;
}

static bool
text_send(struct exchange *exchange)
{
    struct smtp_client *client = exchange->client;
    struct smtp_reply reply;
    struct error error = {0};

    if (client->extensions.chunking)
        return (exchange->text_asked || chunk_write(exchange)) &&
               text_finish(exchange, "BDAT");
    if (!exchange->text_asked) {
        exchange_deadline(exchange, client->timeouts.data);
        exchange_write(exchange, "DATA\r\n");
        exchange_flush(exchange);
        exchange->text_asked = true;
    }
    if (!exchange_reply(exchange, client->timeouts.data, "DATA", &reply))
        return false;
    if (reply.code / 100 == 2 ||
        (reply.code / 100 == 3 && connection_buffered(client->connection) > 0))
        return exchange_out_of_step(exchange, "DATA", &reply);
    if (reply.code / 100 != 3) {
        reply_error(&reply, "DATA",
                    reply.code / 100 == 5 ? ERR_SMTP_PERMANENT : ERR_SMTP_TEMPORARY,
                    &error);
        rest_fail(exchange, &error, &reply);
        return !client->broken;
    }
    return text_write(exchange, true) && text_finish(exchange, "the text");
}

/* --- the envelope --- */

static bool
sender_reply(struct exchange *exchange)
{
    struct smtp_reply reply;
    struct error error = {0};

    if (!exchange_reply(exchange, exchange->client->timeouts.mail, "MAIL", &reply))
        return false;
    if (reply.code / 100 == 3)
        return exchange_out_of_step(exchange, "MAIL", &reply);
    if (reply.code / 100 == 2) {
        exchange->sender_accepted = true;
        return true;
    }
    reply_error(&reply, "MAIL",
                reply.code / 100 == 5 ? ERR_SMTP_PERMANENT : ERR_SMTP_TEMPORARY, &error);
    for (size_t i = 0; i < exchange->transaction->recipient_count; i++) {
        enum stage stage = exchange->stages[i];

        if (stage >= STAGE_REFUSED)
            continue;
        recipient_decide(exchange, i, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                         &error, &reply);
        if (stage == STAGE_ASKED)
            exchange->stages[i] = STAGE_REFUSED;
    }
    return true;
}

/* RFC 5321 4.5.3.1.10: 552 is an old word for 452, too many recipients. */
static void
recipient_refused(struct exchange *exchange, size_t i, const struct smtp_reply *reply)
{
    struct error error = {0};
    int number = reply->code / 100 == 5 ? ERR_SMTP_RECIPIENT : ERR_SMTP_TEMPORARY;

    reply_error(reply, "RCPT", number, &error);
    if (reply->code == 552) {
        error.permanent = false;
        error.number = ERR_SMTP_STORAGE;
        error.status[0] = '4';
    }
    recipient_decide(exchange, i, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED,
                     &error, reply);
}

static bool
recipients_replies(struct exchange *exchange)
{
    struct smtp_reply reply;

    for (size_t i = 0; i < exchange->transaction->recipient_count; i++) {
        if (exchange->stages[i] != STAGE_ASKED && exchange->stages[i] != STAGE_REFUSED)
            continue;
        if (!exchange_reply(exchange, exchange->client->timeouts.recipient, "RCPT",
                            &reply))
            return false;
        if (reply.code / 100 == 3)
            return exchange_out_of_step(exchange, "RCPT", &reply);
        if (exchange->stages[i] == STAGE_REFUSED) {
            exchange->stages[i] = STAGE_DECIDED;
        } else if (reply.code / 100 == 2) {
            exchange->stages[i] = STAGE_ACCEPTED;
            exchange->accepted++;
        } else {
            recipient_refused(exchange, i, &reply);
        }
    }
    return true;
}

/* Write what goes at once with the last recipients, as the server's extensions allow. */
static bool
text_ask(struct exchange *exchange, bool first)
{
    const struct smtp_extensions *offered = &exchange->client->extensions;

    if (!offered->pipelining)
        return true;
    if (!offered->chunking) {
        exchange_write(exchange, "DATA\r\n");
        exchange->text_asked = true;
        return true;
    }
    /* One write for all of it, when the text is small and the envelope one window. */
    return !first || exchange->transaction->content.size > TOGETHER_OCTETS ||
           chunk_write(exchange);
}

/* MAIL and all RCPTs. False: the connection is of no use, everything is decided. */
static bool
envelope_send(struct exchange *exchange)
{
    struct smtp_client *client = exchange->client;
    bool pipelining = client->extensions.pipelining, first = true, all = false;
    size_t at = 0;

    while (first || (!all && exchange->sender_accepted)) {
        exchange_deadline(exchange, client->timeouts.mail);
        if (first) {
            exchange_write(exchange, client_mail_command(client, exchange->transaction));
            client->reset_first = true;
        }
        if (pipelining || !first)
            all = recipients_ask(exchange, &at, pipelining ? WINDOW : 1);
        if (all && !text_ask(exchange, first))
            return false;
        exchange_flush(exchange);
        if ((first && !sender_reply(exchange)) || !recipients_replies(exchange))
            return false;
        first = false;
    }
    return true;
}

/* --- before anything is said --- */

/* What the server cannot take, by its own words. */
static bool
exchange_possible(const struct exchange *exchange, struct error *error)
{
    const struct smtp_transaction *transaction = exchange->transaction;
    const struct smtp_extensions *offered = &exchange->client->extensions;

    if (transaction->envelope->require_tls)
        return fail_permanent_number(error, ERR_SMTP_PERMANENT, "5.7.30",
                                     "REQUIRETLS, and the server has no TLS with us");
    if (transaction->smtputf8 && !offered->smtputf8)
        return fail_permanent_number(error, ERR_SMTP_PERMANENT, "5.6.7",
                                     "the server does not offer SMTPUTF8");
    if (offered->size_limit > 0 && transaction->content.size > offered->size_limit)
        return fail_permanent_number(error, ERR_SMTP_PERMANENT, "5.3.4",
                                     "%llu octets, and the server takes %llu",
                                     (unsigned long long)transaction->content.size,
                                     (unsigned long long)offered->size_limit);
    if (!client_path_is_clean(transaction->reverse_path, transaction->smtputf8))
        return fail_permanent_number(error, ERR_SMTP_PERMANENT, "5.1.7",
                                     "the reverse-path cannot be sent by SMTP");
    return true;
}

/* Decide what needs no server. True if somebody is left. */
static bool
exchange_prepare(struct exchange *exchange)
{
    const struct smtp_transaction *transaction = exchange->transaction;
    struct error error = {0};
    bool left = false;

    if (!exchange_possible(exchange, &error)) {
        rest_fail(exchange, &error, NULL);
        return false;
    }
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        if (client_path_is_clean(transaction->recipients[i].path,
                                 transaction->smtputf8)) {
            left = true;
            continue;
        }
        fail_permanent_number(&error, ERR_SMTP_RECIPIENT, "5.1.3",
                              "the address cannot be sent by SMTP");
        recipient_decide(exchange, i, OUTCOME_FAILED, &error, NULL);
    }
    return left;
}

/* Is the server where we think it is: silent, and without an open transaction? */
static bool
exchange_start(struct exchange *exchange)
{
    struct smtp_client *client = exchange->client;
    struct error error = {0};
    struct smtp_reply reply;

    client->silent = true;
    if (client->broken || connection_buffered(client->connection) > 0) {
        fail_temporary_number(&error, ERR_SMTP_TEMPORARY, "4.5.0",
                              "the server speaks without being asked");
        client->broken = true;
        rest_fail(exchange, &error, NULL);
        return false;
    }
    if (!client->reset_first)
        return true;
    exchange_deadline(exchange, client->timeouts.hello);
    exchange_write(exchange, "RSET\r\n");
    exchange_flush(exchange);
    if (!exchange_reply(exchange, client->timeouts.hello, "RSET", &reply))
        return false;
    client->reset_first = false;
    return reply.code / 100 == 2 || exchange_out_of_step(exchange, "RSET", &reply);
}

bool
smtp_client_send(struct smtp_client *client, struct smtp_transaction *transaction)
{
    struct exchange exchange = {.client = client, .transaction = transaction};

    assert(transaction->recipient_count > 0);
    exchange.stages = arena_array(transaction->arena, transaction->recipient_count,
                                  sizeof *exchange.stages);
    if (!exchange_prepare(&exchange))
        return !client->broken;
    if (!exchange_start(&exchange))
        return false;
    for (size_t i = 0; i < transaction->recipient_count; i++)
        transaction->recipients[i].in_doubt = false;
    transaction->content.rewind(transaction->content.context);
    if (!envelope_send(&exchange))
        return false;
    if (exchange.accepted > 0)
        return text_send(&exchange);
    if (exchange.text_asked)
        return text_withdraw(&exchange, client->extensions.chunking ? "BDAT" : "DATA");
    return !client->broken;
}
