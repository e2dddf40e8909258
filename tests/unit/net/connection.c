/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections: lines, limits, deadlines, peers that are gone. */
#include "net/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct connection *
pair_open(int *peer)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *peer = ends[1];
    return connection_from(ends[0]);
}

static void
peer_say(int peer, const char *text)
{
    ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(lines_end_in_lf_with_or_without_cr)
{
    static const char *const lines[] = {"one", "two", "", "th\rree", ""};
    struct error error = {0};
    struct span line;
    int peer;
    struct connection *connection = pair_open(&peer);

    peer_say(peer, "one\r\ntwo\n\r\nth\rree\r\n\nrest");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ck_assert(connection_read_line(connection, 10, &line, &error));
        ck_assert_msg(span_is(line, lines[i]), "line %zu", i);
    }
    ck_assert_uint_eq(connection_buffered(connection), 4);
    close(peer);
    /* A last line without an end is no line. */
    ck_assert(!connection_read_line(connection, 10, &line, &error));
    ck_assert_str_eq(error.status, "4.4.2");
    ck_assert(!error.permanent);
    connection_close(connection);
}
END_TEST

START_TEST(line_may_have_its_limit_and_not_more)
{
    enum { LIMIT = 20000 }; /* more than is buffered at first */
    struct error error = {0};
    struct span line;
    char text[LIMIT + 3];
    int peer;

    memset(text, 'x', sizeof text);
    for (size_t length = LIMIT - 1; length <= LIMIT + 1; length++) {
        struct connection *connection = pair_open(&peer);

        ck_assert_int_eq(write(peer, text, length), (ssize_t)length);
        peer_say(peer, "\r\n");
        ck_assert(connection_read_line(connection, LIMIT, &line, &error) ==
                  (length <= LIMIT));
        if (length <= LIMIT)
            ck_assert_uint_eq(line.length, length);
        connection_close(connection);
        close(peer);
    }
}
END_TEST

START_TEST(deadline_ends_reading)
{
    struct error error = {0};
    struct span line;
    int peer;
    struct connection *connection = pair_open(&peer);
    int64_t before = clock_monotonic();

    peer_say(peer, "250-not all of a line");
    connection_deadline(connection, before + 60);
    ck_assert(!connection_read_line(connection, 512, &line, &error));
    ck_assert_str_eq(error.status, "4.4.2");
    ck_assert_int_ge(clock_monotonic() - before, 60);
    ck_assert_int_lt(clock_monotonic() - before, 1000);
    /* Past the deadline nothing waits any more. */
    ck_assert(!connection_read_line(connection, 512, &line, &error));
    connection_close(connection);
    close(peer);
}
END_TEST

START_TEST(deadline_ends_writing)
{
    static char big[4 * 1024 * 1024];
    struct error error = {0};
    int peer;
    struct connection *connection = pair_open(&peer);

    connection_deadline(connection, clock_monotonic() + 60);
    ck_assert(!connection_write(connection, (struct span){big, sizeof big}, &error));
    ck_assert_str_eq(error.status, "4.4.2");
    connection_close(connection);
    close(peer);
}
END_TEST

START_TEST(writing_to_nobody_is_an_error_and_no_signal)
{
    struct error error = {0};
    int peer;
    struct connection *connection = pair_open(&peer);

    close(peer);
    ck_assert(connection_write(connection, SPAN("QUIT\r\n"), &error));
    ck_assert(!connection_flush(connection, &error));
    ck_assert_str_eq(error.status, "4.4.2");
    connection_close(connection);
}
END_TEST

/* What arrives, in order, whatever the sizes of the writes; read by a child. */
START_TEST(everything_written_arrives_in_order)
{
    static char big[300 * 1024];
    struct error error = {0};
    size_t total = 0, at = 0;
    int peer, status;
    struct connection *connection = pair_open(&peer);
    pid_t child;

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 % 251);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        unsigned char buffer[1000];
        ssize_t got;

        close(connection_descriptor(connection));
        while ((got = read(peer, buffer, sizeof buffer)) > 0)
            for (ssize_t i = 0; i < got; i++, at++)
                if (buffer[i] != at % sizeof big * 7 % 251)
                    _exit(1);
        _exit(at == 2 * sizeof big ? 0 : 2);
    }
    close(peer);
    for (size_t size = 1; total < 2 * sizeof big; size = size * 3 % 100003) {
        size_t from = total % sizeof big;
        struct span piece =
            span_first((struct span){big + from, sizeof big - from}, size);

        ck_assert(connection_write(connection, piece, &error));
        total += piece.length;
    }
    ck_assert(connection_flush(connection, &error));
    connection_close(connection);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(stale_is_what_spoke_or_closed)
{
    int peer;
    struct connection *connection = pair_open(&peer);

    ck_assert(!connection_is_stale(connection));
    peer_say(peer, "421 bye\r\n");
    ck_assert(connection_is_stale(connection));
    connection_close(connection);
    close(peer);

    connection = pair_open(&peer);
    close(peer);
    ck_assert(connection_is_stale(connection));
    connection_close(connection);
}
END_TEST

START_TEST(a_refused_connection_says_so)
{
    struct arena *arena = arena_new();
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof local;
    struct net_address address;
    struct connection *connection = NULL;
    struct error error = {0};
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* A port that is bound and does not listen. */
    ck_assert_int_eq(bind(server, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(getsockname(server, (struct sockaddr *)&local, &length), 0);
    ck_assert(net_address_parse("127.0.0.1", ntohs(local.sin_port), arena, &address));
    ck_assert(!connection_open(&address, 1000, &connection, &error));
    ck_assert_int_eq(error.number, 148);
    ck_assert_str_eq(error.status, "4.4.1");
    ck_assert_str_eq(error.text, "connect: Connection refused"); /* the Guide's words */
    ck_assert_int_eq(listen(server, 1), 0);
    ck_assert(connection_open(&address, 1000, &connection, &error));
    connection_close(connection);
    close(server);
    arena_free(arena);
}
END_TEST

TCase *
net_connection_case(void)
{
    TCase *tests = tcase_create("net_connection");

    tcase_add_test(tests, lines_end_in_lf_with_or_without_cr);
    tcase_add_test(tests, line_may_have_its_limit_and_not_more);
    tcase_add_test(tests, deadline_ends_reading);
    tcase_add_test(tests, deadline_ends_writing);
    tcase_add_test(tests, writing_to_nobody_is_an_error_and_no_signal);
    tcase_add_test(tests, everything_written_arrives_in_order);
    tcase_add_test(tests, stale_is_what_spoke_or_closed);
    tcase_add_test(tests, a_refused_connection_says_so);
    return tests;
}
