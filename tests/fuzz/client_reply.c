/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile server (behind an 'L' one of LMTP): the input is all it says, from its
 * greeting on. Each write of the client is lost. Whatever comes, every recipient has a
 * result, texts are clean, and the client ends.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/client.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_LIMIT = 100 * 1024, PIECE = 4096, RECIPIENTS = 3 };

static bool
content_read(void *context, struct span *piece, struct error *error)
{
    bool *read = context;

    (void)error;
    *piece = *read ? SPAN("") : SPAN("Subject: x\r\n\r\n.\r\n");
    *read = true;
    return true;
}

static void
content_rewind(void *context)
{
    bool *read = context;

    *read = false;
}

static void
check_clean(const char *text, size_t limit)
{
    if (strlen(text) > limit)
        abort();
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            abort();
}

static void
check_recipient(const struct smtp_recipient *recipient)
{
    check_clean(recipient->reply.text, 500);
    check_clean(recipient->error.text, sizeof recipient->error.text);
    if (recipient->outcome == OUTCOME_RELAYED) {
        if (recipient->reply.code / 100 != 2)
            abort();
    } else if (recipient->error.status[0] == '\0' ||
               recipient->error.permanent != (recipient->outcome == OUTCOME_FAILED)) {
        abort();
    }
}

static bool
transact(struct smtp_client *client, struct arena *arena)
{
    struct smtp_recipient recipients[RECIPIENTS] = {
        {.path = "a@x"}, {.path = "b@x"}, {.path = "c@x"}};
    struct envelope envelope = envelope_new();
    bool read = false, usable;
    struct smtp_transaction transaction = {
        .reverse_path = "",
        .envelope = &envelope,
        .recipients = recipients,
        .recipient_count = RECIPIENTS,
        .content = {.context = &read,
                    .read = content_read,
                    .rewind = content_rewind,
                    .size = strlen("Subject: x\r\n\r\n.\r\n")},
        .arena = arena,
    };

    usable = smtp_client_send(client, &transaction);
    for (size_t i = 0; i < RECIPIENTS; i++)
        check_recipient(&recipients[i]);
    return usable;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct smtp_timeouts timeouts = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1};
    struct arena *arena;
    struct smtp_client *client = NULL;
    struct error error = {0};
    int ends[2], room = 512 * 1024;
    bool lmtp = size > 0 && data[0] == 'L', opened;

    if (lmtp) {
        data++;
        size--;
    }
    if (size > INPUT_LIMIT || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return 0;
    arena = arena_new();
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    /* A NUL divides what comes in one read from what comes later. */
    for (size_t at = 0, length; at < size; at += length + 1) {
        const uint8_t *end = memchr(data + at, 0, size - at);

        length = end != NULL ? (size_t)(end - data) - at : size - at;
        for (size_t sent = 0; sent < length; sent += PIECE)
            if (send(ends[1], data + at + sent,
                     length - sent < PIECE ? length - sent : PIECE, MSG_DONTWAIT) < 0)
                break;
    }
    shutdown(ends[1], SHUT_WR);
    opened = (lmtp ? smtp_client_open_lmtp : smtp_client_open)(
        connection_from(ends[0]), "y", &timeouts, &client, &error);
    if (opened) {
        for (int i = 0; i < 3 && transact(client, arena); i++)
            ;
        check_clean(smtp_client_server(client), 255);
        smtp_client_close(client);
    } else {
        check_clean(error.text, sizeof error.text);
    }
    close(ends[1]);
    arena_free(arena);
    return 0;
}
