/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of servers that mean harm: endless, silent, full of controls (C1, C2). */
#include "smtp/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/status.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* A client that has just said EHLO and now gets `answer`. */
static bool
reply_to(struct span answer, bool then_close, int64_t timeout, struct arena *arena,
         struct smtp_reply *reply, struct error *error)
{
    static const char start[] = "220 x\r\n250 x\r\n";
    const struct smtp_timeouts timeouts = {
        .greeting = 2000, .hello = 2000, .end = timeout};
    struct smtp_client *client;
    int ends[2], room = 1024 * 1024;
    bool read;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    ck_assert_int_eq(send(ends[1], start, sizeof start - 1, 0), sizeof start - 1);
    ck_assert_int_eq(send(ends[1], answer.bytes, answer.length, 0),
                     (ssize_t)answer.length);
    if (then_close)
        ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
    ck_assert(smtp_client_open(connection_from(ends[0]), "y", &timeouts, &client, error));
    read = smtp_client_reply(client, arena, reply, error);
    smtp_client_close(client);
    close(ends[1]);
    return read;
}

START_TEST(reply_is_one_clean_line)
{
    static const struct {
        struct span answer;
        int code;
        const char *status, *text;
    } rows[] = {
        {SPAN("250 ok\r\n"), 250, "2.0.0", "ok"},
        {SPAN("250\r\n"), 250, "2.0.0", ""},
        {SPAN("550 5.1.1 no such user\n"), 550, "5.1.1", "5.1.1 no such user"},
        {SPAN("550-5.1.1 no such\r\n550-5.1.1 user\r\n550 5.1.1\r\n"), 550, "5.1.1",
         "5.1.1 no such; user"},
        {SPAN("450 5.1.1 other class\r\n"), 450, "4.0.0", "5.1.1 other class"},
        {SPAN("550 a\x1b[2Jb\0c\rd\xffz\r\n"), 550, "5.0.0", "a?[2Jb?c?d?z"},
        {SPAN("550   blanks  \r\n"), 550, "5.0.0", "blanks"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_new();
        struct smtp_reply reply;
        struct error error = {0};

        ck_assert_msg(reply_to(rows[i].answer, true, 2000, arena, &reply, &error),
                      "row %zu: %s", i, error.text);
        ck_assert_int_eq(reply.code, rows[i].code);
        ck_assert_str_eq(reply.text, rows[i].text);
        ck_assert_msg(reply.status[0] == rows[i].status[0], "row %zu: %s", i,
                      reply.status);
        if (strcmp(rows[i].status + 1, ".0.0") != 0)
            ck_assert_str_eq(reply.status, rows[i].status);
        arena_free(arena);
    }
}
END_TEST

/* `count` times `piece`, then `end`. */
static struct span
repeated(const char *piece, size_t count, const char *end, struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 0; i < count; i++)
        text_add(&text, piece);
    text_add(&text, end);
    return text_span(&text);
}

START_TEST(reply_has_limits)
{
    static const struct {
        const char *piece;
        size_t count;
        const char *end;
        bool read;
    } rows[] = {
        {"250-line\r\n", 99, "250 end\r\n", true},
        {"250-line\r\n", 100, "250 end\r\n", false},
        {"250-line\r\n", 20000, "", false},
        {"250 ", 1000, "\r\n", true},
        {"250 ", 20000, "\r\n", false},
        {"250 x", 40000, "", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_new();
        struct span answer = repeated(rows[i].piece, rows[i].count, rows[i].end, arena);
        struct smtp_reply reply;
        struct error error = {0};
        size_t before = arena_size(arena);

        ck_assert_msg(reply_to(answer, true, 2000, arena, &reply, &error) == rows[i].read,
                      "row %zu", i);
        ck_assert_uint_lt(arena_size(arena) - before, 256 * 1024);
        ck_assert(rows[i].read ? strlen(reply.text) <= 500 : !error.permanent);
        arena_free(arena);
    }
}
END_TEST

/* The time is that of the whole reply, however often a piece of it comes. */
START_TEST(reply_must_come_in_time)
{
    static const char *const answers[] = {"", "2", "250-one\r\n",
                                          "250-one\r\n250-two\r\n250"};

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct arena *arena = arena_new();
        struct smtp_reply reply;
        struct error error = {0};
        int64_t before = clock_monotonic();

        ck_assert(!reply_to(span_of(answers[i]), false, 50, arena, &reply, &error));
        ck_assert(!error.permanent);
        ck_assert_int_lt(clock_monotonic() - before, 1000);
        arena_free(arena);
    }
}
END_TEST

TCase *
smtp_client_reply_case(void)
{
    TCase *tests = tcase_create("smtp_client_reply");

    tcase_add_test(tests, reply_is_one_clean_line);
    tcase_add_test(tests, reply_has_limits);
    tcase_add_test(tests, reply_must_come_in_time);
    return tests;
}
