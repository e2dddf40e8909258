/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of rendering: line ends, dots, "From " lines, and pieces of any size. */
#include "mail/rendering.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

enum { LF = 1, DOTS = 2, FROM = 4 };

static struct rendering
make(struct arena *arena, struct span content, size_t header_size, int fd, int flags)
{
    struct content_source source = {
        .memory = content, .fd = fd, .size = content.length, .header_size = header_size};
    struct rendering rendering;

    if (fd >= 0)
        source.memory = (struct span){NULL, 0};
    rendering = rendering_new(&source, arena);
    rendering.lf = (flags & LF) != 0;
    rendering.dots = (flags & DOTS) != 0;
    rendering.from_hack = (flags & FROM) != 0;
    return rendering;
}

static struct span
read_all(struct rendering *rendering, struct arena *arena)
{
    struct text text = text_new(arena);
    struct error error = {0};
    struct span piece;

    do {
        ck_assert_msg(rendering_next(rendering, &piece, &error), "%s", error.text);
        text_add_span(&text, piece);
    } while (piece.length > 0);
    text_add(&text, "");
    return text_span(&text);
}

static int
memory_file(struct span content)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert(fd >= 0);
    ck_assert(write(fd, content.bytes, content.length) == (ssize_t)content.length);
    return fd;
}

static const struct {
    const char *body, *want;
    int flags;
} bodies[] = {
    {"", "", 0},
    {"a\r\nb\r\n", "a\r\nb\r\n", 0},
    {"a\r\nb", "a\r\nb\r\n", 0}, /* the last line is ended */
    {"a\r\nb", "a\nb\n", LF},
    {"a\r\n\r\nb\r\n", "a\n\nb\n", LF},
    {"a\rb\r\n", "a\rb\n", LF}, /* a CR inside a line is no line end */
    {"a\r\r\n", "a\r\n", LF},
    {"a\r", "a\r\n", LF},
    {"\r", "\r\n", LF},
    {"\xe4\xff\r\n", "\xe4\xff\n", LF | DOTS | FROM},
    {".\r\n..\r\na.\r\n", "..\r\n...\r\na.\r\n", DOTS},
    {".", "..\r\n", DOTS},
    {"\r\n.\r\n", "\r\n..\r\n", DOTS},
    {"From x\r\nfrom x\r\nFrom\r\nFromage\r\n",
     ">From x\r\nfrom x\r\nFrom\r\nFromage\r\n", FROM},
    {">From x\r\n>>From x\r\n>> From x\r\n", ">>From x\r\n>>>From x\r\n>> From x\r\n",
     FROM},
    {"a From x\r\n From x\r\n", "a From x\r\n From x\r\n", FROM},
    {"From ", ">From \n", FROM | LF},
    {"From", "From\n", FROM | LF},
    {">>>", ">>>\n", FROM | LF},
    {">>>\r\nFrom \r\n", ">>>\n>From \n", FROM | LF},
    {"FrFrom \r\n", "FrFrom \n", FROM | LF},
    {"From \r\n.\r\n", ">From \n..\n", FROM | LF | DOTS},
    {"From x\r\n", "From x\r\n", DOTS | 0},
};

static const char header[] = "Subject: x\r\n\r\n";

START_TEST(bodies_leave_as_their_transport_wants_them)
{
    struct arena *arena = arena_new();
    struct text content = text_new(arena);
    const char *want = arena_format(
        arena, "%s%s", bodies[_i].flags & LF ? "Subject: x\n\n" : "Subject: x\r\n\r\n",
        bodies[_i].want);

    text_add(&content, header);
    text_add(&content, bodies[_i].body);
    for (int in_file = 0; in_file < 2; in_file++) {
        int fd = in_file ? memory_file(text_span(&content)) : -1;
        struct rendering rendering =
            make(arena, text_span(&content), sizeof header - 1, fd, bodies[_i].flags);

        rendering.header = SPAN("Subject: x\r\n\r\n");
        ck_assert_str_eq(read_all(&rendering, arena).bytes, want);
        rendering_rewind(&rendering);
        ck_assert_str_eq(read_all(&rendering, arena).bytes, want);
        if (bodies[_i].flags == 0)
            ck_assert_uint_eq(rendering_size(&rendering), strlen(want));
        if (fd >= 0)
            close(fd);
    }
    arena_free(arena);
}
END_TEST

START_TEST(prefix_and_suffix_get_line_ends_but_no_quoting)
{
    struct arena *arena = arena_new();
    struct rendering rendering = make(arena, SPAN("\r\n.\r\n"), 2, -1, LF | DOTS | FROM);

    rendering.prefix = SPAN("From joe\r\n");
    rendering.header = SPAN(".odd: x\r\nFrom : y\r\n\r\n");
    rendering.suffix = SPAN(".\r\nQUIT\r\n");
    ck_assert_str_eq(read_all(&rendering, arena).bytes,
                     "From joe\n..odd: x\nFrom : y\n\n..\n.\nQUIT\n");
    arena_free(arena);
}
END_TEST

/* A body longer than a piece, with line ends, dots and "From " across the cuts. */
START_TEST(pieces_may_end_anywhere)
{
    struct arena *arena = arena_new();
    struct text content = text_new(arena), want = text_new(arena);
    struct rendering rendering;
    int fd;

    for (int i = 0; i < 12000; i++) {
        text_add_format(&content, "From %.*s\r\n.\r\n", i % 13, "abcdefghijklm");
        text_add_format(&want, ">From %.*s\n..\n", i % 13, "abcdefghijklm");
    }
    fd = memory_file(text_span(&content));
    rendering = make(arena, text_span(&content), 0, fd, LF | DOTS | FROM);
    ck_assert(span_equal(read_all(&rendering, arena), text_span(&want)));
    close(fd);
    rendering = make(arena, text_span(&content), 0, -1, LF | DOTS | FROM);
    ck_assert(span_equal(read_all(&rendering, arena), text_span(&want)));
    arena_free(arena);
}
END_TEST

START_TEST(a_source_that_is_too_short_is_an_error)
{
    struct arena *arena = arena_new();
    struct span piece;
    struct error error = {0};
    int fd = memory_file(SPAN("abc"));
    struct content_source source = {.fd = fd, .size = 10};
    struct rendering rendering = rendering_new(&source, arena);

    ck_assert(!rendering_next(&rendering, &piece, &error));
    ck_assert(!error.permanent);
    ck_assert_str_eq(error.status, "4.3.0");
    close(fd);
    source = (struct content_source){.memory = SPAN("abc"), .fd = -1, .size = 10};
    rendering = rendering_new(&source, arena);
    ck_assert(!rendering_next(&rendering, &piece, &error));
    arena_free(arena);
}
END_TEST

TCase *
mail_rendering_case(void)
{
    TCase *tcase = tcase_create("mail/rendering");

    tcase_add_loop_test(tcase, bodies_leave_as_their_transport_wants_them, 0,
                        sizeof bodies / sizeof bodies[0]);
    tcase_add_test(tcase, prefix_and_suffix_get_line_ends_but_no_quoting);
    tcase_add_test(tcase, pieces_may_end_anywhere);
    tcase_add_test(tcase, a_source_that_is_too_short_is_an_error);
    return tcase;
}
