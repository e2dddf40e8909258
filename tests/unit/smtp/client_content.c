/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text on the wire: never a bare CR or LF, dots doubled, however it is cut. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "smtp/client_internal.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* What a server gets of `text`, given in pieces of `step` octets. */
static struct span
sent(struct span text, bool dots, size_t step, struct arena *arena)
{
    static char buffer[64 * 1024];
    struct error error = {0};
    struct content_filter filter;
    struct connection *connection;
    size_t length = 0;
    ssize_t got;
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    connection = connection_from(ends[0]);
    filter = content_filter_new(connection, dots);
    for (size_t at = 0; at < text.length; at += step)
        ck_assert(
            content_filter_add(&filter, span_first(span_from(text, at), step), &error));
    ck_assert(content_filter_end(&filter, &error) &&
              connection_flush(connection, &error));
    connection_close(connection);
    while ((got = read(ends[1], buffer + length, sizeof buffer - length)) > 0)
        length += (size_t)got;
    close(ends[1]);
    return (struct span){arena_bytes(arena, buffer, length), length};
}

START_TEST(text_is_the_same_however_it_is_cut)
{
    static const struct {
        const char *text, *data, *chunk;
    } rows[] = {
        {"", ".\r\n", ""},
        {"a\r\n", "a\r\n.\r\n", "a\r\n"},
        {"a", "a\r\n.\r\n", "a"},
        {".\r\n", "..\r\n.\r\n", ".\r\n"},
        {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
        {"..a\r\nb.\r\n", "...a\r\nb.\r\n.\r\n", "..a\r\nb.\r\n"},
        {"\r\n\r\n", "\r\n\r\n.\r\n", "\r\n\r\n"},
        /* smuggling: what some server takes for the end */
        {"a\n.\r\nMAIL\r\n", "a .\r\nMAIL\r\n.\r\n", "a .\r\nMAIL\r\n"},
        {"a\r\n.\nMAIL\r\n", "a\r\n.. MAIL\r\n.\r\n", "a\r\n. MAIL\r\n"},
        {"a\r\n.\rMAIL\r\n", "a\r\n.. MAIL\r\n.\r\n", "a\r\n. MAIL\r\n"},
        {"a\n.\nMAIL\r\n", "a . MAIL\r\n.\r\n", "a . MAIL\r\n"},
        {"a\r.\rMAIL\r\n", "a . MAIL\r\n.\r\n", "a . MAIL\r\n"},
        {"a\r\r\n.\r\n", "a \r\n..\r\n.\r\n", "a \r\n.\r\n"},
        {"a\r\n\n.\r\n", "a\r\n .\r\n.\r\n", "a\r\n .\r\n"},
        {"a\r", "a \r\n.\r\n", "a "},
        {"a\n", "a \r\n.\r\n", "a "},
        {"\n", " \r\n.\r\n", " "},
        {"\r\r\r", "   \r\n.\r\n", "   "},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step <= strlen(rows[i].text) + 1; step++) {
            struct span data = sent(span_of(rows[i].text), true, step, arena);
            struct span chunk = sent(span_of(rows[i].text), false, step, arena);

            ck_assert_msg(span_is(data, rows[i].data), "row %zu step %zu: %.*s", i, step,
                          (int)data.length, data.bytes);
            ck_assert_msg(span_is(chunk, rows[i].chunk), "row %zu step %zu", i, step);
        }
    arena_free(arena);
}
END_TEST

/* For any octets: one end of text, at the end; no bare CR or LF; BDAT's count kept. */
START_TEST(any_text_is_clean_on_the_wire)
{
    static const char octets[] = "\r\n\r\n..ab";
    struct arena *arena = arena_new();
    char text[60];

    for (int round = 0; round < 2000; round++) {
        size_t length = (size_t)random_below(sizeof text);
        size_t step = 1 + (size_t)random_below(9);
        struct span data, chunk;

        for (size_t i = 0; i < length; i++)
            text[i] = octets[random_below(sizeof octets - 1)];
        data = sent((struct span){text, length}, true, step, arena);
        chunk = sent((struct span){text, length}, false, step, arena);
        ck_assert_uint_eq(chunk.length, length);
        for (size_t i = 0; i < data.length; i++) {
            ck_assert(data.bytes[i] != '\n' || (i > 0 && data.bytes[i - 1] == '\r'));
            ck_assert(data.bytes[i] != '\r' || data.bytes[i + 1] == '\n');
        }
        ck_assert(span_ends_nocase(data, ".\r\n"));
        if (data.length > 3)
            ck_assert_uint_eq(span_search(data, SPAN("\r\n.\r\n")), data.length - 5);
        arena_reset(arena);
    }
    arena_free(arena);
}
END_TEST

TCase *
smtp_client_content_case(void)
{
    TCase *tests = tcase_create("smtp_client_content");

    tcase_add_test(tests, text_is_the_same_however_it_is_cut);
    tcase_add_test(tests, any_text_is_clean_on_the_wire);
    return tests;
}
