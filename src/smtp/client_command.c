/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of a transaction with their parameters, as the server's extensions allow.
 */
#include <string.h>

#include "smtp/client_internal.h"

#include "base/banned.h"

enum { PATH_LIMIT = 1000 };

bool
client_path_is_clean(const char *path, bool utf8)
{
    size_t length = strlen(path);
    bool quoted = false, escaped = false;

    for (size_t i = 0; i < length; i++) {
        if (byte_is_control(path[i]) || ((unsigned char)path[i] > 127 && !utf8))
            return false;
        if (escaped)
            escaped = false;
        else if (path[i] == '\\')
            escaped = quoted;
        else if (path[i] == '"')
            quoted = !quoted;
        else if (!quoted && strchr("<> ", path[i]) != NULL)
            return false;
    }
    return length <= PATH_LIMIT && !quoted;
}

const char *
client_mail_command(const struct smtp_client *client,
                    const struct smtp_transaction *transaction)
{
    const struct smtp_extensions *offered = &client->extensions;
    const struct envelope *envelope = transaction->envelope;
    struct text line = text_new(transaction->arena);

    text_add_format(&line, "MAIL FROM:<%s>", transaction->reverse_path);
    if (offered->size)
        text_add_format(&line, " SIZE=%llu",
                        (unsigned long long)transaction->content.size);
    if (offered->eight_bit && (envelope->eight_bit || envelope->header_utf8))
        text_add(&line, " BODY=8BITMIME");
    if (transaction->smtputf8)
        text_add(&line, " SMTPUTF8");
    if (offered->dsn && envelope->ret != RETURN_DEFAULT)
        text_add(&line, envelope->ret == RETURN_FULL ? " RET=FULL" : " RET=HDRS");
    if (offered->dsn && envelope->envelope_id[0] != '\0')
        text_add_format(&line, " ENVID=%s",
                        xtext_encode(envelope->envelope_id, transaction->arena));
    text_add(&line, "\r\n");
    return text_string(&line);
}

/* NOTIFY and ORCPT (RFC 3461 4.1, 4.2). */
static void
recipient_parameters(const struct smtp_recipient *recipient, struct text *line)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{NOTIFY_SUCCESS, "SUCCESS"},
                 {NOTIFY_FAILURE, "FAILURE"},
                 {NOTIFY_DELAY, "DELAY"}};
    const char *separator = " NOTIFY=";

    if (recipient->notify & NOTIFY_NEVER)
        text_add(line, " NOTIFY=NEVER");
    else
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (recipient->notify & names[i].flag) {
                text_add_format(line, "%s%s", separator, names[i].name);
                separator = ",";
            }
    if (recipient->original != NULL && recipient->original[0] != '\0')
        text_add_format(line, " ORCPT=%s",
                        xtext_encode(recipient->original, line->arena));
}

const char *
client_recipient_command(const struct smtp_client *client,
                         const struct smtp_transaction *transaction, size_t index)
{
    struct text line = text_new(transaction->arena);

    text_add_format(&line, "RCPT TO:<%s>", transaction->recipients[index].path);
    if (client->extensions.dsn)
        recipient_parameters(&transaction->recipients[index], &line);
    text_add(&line, "\r\n");
    return text_string(&line);
}
