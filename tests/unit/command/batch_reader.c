/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Batches as neighbours send them, well-formed and not. */
#include "command/batch_reader.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static void
describe_message(const struct batch_message *message, struct text *text)
{
    text_add_format(text, "%s%s<%s>%s", message->hello, message->hello[0] ? " " : "",
                    message->reverse_path, message->parameters);
    for (size_t i = 0; i < message->recipient_count; i++)
        text_add_format(text, " %s%s%s", message->recipients[i].path,
                        message->recipients[i].code ? "!" : "",
                        message->recipients[i].parameters);
    text_add_format(text, "%s%s [", message->cut ? " cut" : "",
                    message->too_large ? " large" : "");
    text_add_span(text, text_span(&message->content));
    text_add(text, "]\n");
}

/* Everything in a batch: its messages, then how much was wrong. */
static const char *
read_all(const char *batch, size_t length, uint64_t limit, struct arena *arena)
{
    FILE *stream = fmemopen((void *)(uintptr_t)batch, length, "r");
    struct text text = text_new(arena);
    struct batch_message message;
    struct batch_reader reader;
    struct error error = {0};

    ck_assert_ptr_nonnull(stream);
    batch_reader_begin(&reader, stream, limit, arena);
    while (batch_reader_next(&reader, arena, &message, &error))
        describe_message(&message, &text);
    ck_assert_str_eq(error.status, "");
    if (reader.fault_count > 0)
        text_add_format(&text, "faults %zu\n", reader.fault_count);
    fclose(stream);
    return text_string(&text);
}

#define ENVELOPE "MAIL FROM:<a@b>\nRCPT TO:<c@d>\n"

static const struct {
    const char *batch, *result;
} rows[] = {
    {"HELO x\n" ENVELOPE "DATA\nhi\n.\nQUIT\n", "x <a@b> c@d [hi\n]\n"},
    {"ehlo x\r\nmail from:<a@b>\r\nrcpt to:<c@d>\r\ndata\r\nhi\r\n.\r\nquit\r\n",
     "x <a@b> c@d [hi\r\n]\n"},
    /* dots */
    {ENVELOPE "DATA\n..\n..x\n.y\n.\n", "<a@b> c@d [.\n.x\ny\n]\n"},
    {ENVELOPE "DATA\n.\n", "<a@b> c@d []\n"},
    {ENVELOPE "DATA\nx\r\n.\r\n", "<a@b> c@d [x\r\n]\n"},
    {ENVELOPE "DATA\nx.\n.\n", "<a@b> c@d [x.\n]\n"},
    {ENVELOPE "DATA\n.\rx\n.\n", "<a@b> c@d [\rx\n]\n"},
    /* several messages, several batches */
    {ENVELOPE "DATA\n1\n.\n" ENVELOPE "DATA\n2\n.\nQUIT\nHELO y\n" ENVELOPE
              "DATA\n3\n.\n",
     "<a@b> c@d [1\n]\n<a@b> c@d [2\n]\ny <a@b> c@d [3\n]\n"},
    {"MAIL FROM:<>\nRCPT TO:<c@d>\nRCPT TO:<e!f>\nDATA\n.\n", "<> c@d e!f []\n"},
    /* RSET and HELO begin anew */
    {ENVELOPE "RSET\n" ENVELOPE "DATA\n.\n", "<a@b> c@d []\n"},
    {ENVELOPE "HELO z\n" ENVELOPE "DATA\n.\n", "z <a@b> c@d []\n"},
    /* without answers nothing else matters */
    {"VRFY x\nNOOP\nTICK 1\nVERB ON\n\n" ENVELOPE "DATA\n.\n", "<a@b> c@d []\n"},
    /* parameters: those of SMTP pass, those of our own do not */
    {"MAIL FROM:<a@b> SIZE=10 XFLAGS=t BODY=8BITMIME xmode=queued\n"
     "RCPT TO:<c@d> NOTIFY=NEVER XX=1\nDATA\n.\n",
     "<a@b> SIZE=10 BODY=8BITMIME c@d NOTIFY=NEVER []\n"},
    /* paths as people write them */
    {"MAIL FROM: a@b\nRCPT TO: <c@d>\nDATA\n.\n", "<a@b> c@d []\n"},
    {"MAIL FROM:<\"x>y\"@b>\nRCPT TO:<c@d>\nDATA\n.\n", "<\"x>y\"@b> c@d []\n"},
    {ENVELOPE "RCPT TO:<open\nDATA\n.\n", "<a@b> c@d TO:<open! []\n"},
    {ENVELOPE "RCPT TO:x>y\nDATA\n.\n", "<a@b> c@d TO:x>y! []\n"},
    {ENVELOPE "RCPT c@d\nDATA\n.\n", "<a@b> c@d c@d! []\n"},
    /* BDAT */
    {ENVELOPE "BDAT 4\n.\nx\nBDAT 2 LAST\nyz" ENVELOPE "DATA\n.\n",
     "<a@b> c@d [.\nx\nyz]\n<a@b> c@d []\n"},
    /* the end in the middle */
    {ENVELOPE "DATA\nhalf", "<a@b> c@d cut [half]\n"},
    {ENVELOPE "DATA\n.", "<a@b> c@d cut []\n"},
    {ENVELOPE "BDAT 10 LAST\nhalf", "<a@b> c@d cut [half]\n"},
    {ENVELOPE, "faults 1\n"},
    {"MAIL FROM:<a@b>\n", ""},
    /* what cannot be understood is counted, and the texts behind it are not commands */
    {"FOO\n" ENVELOPE "DATA\n.\n", "<a@b> c@d []\nfaults 1\n"},
    {"RCPT TO:<c@d>\nDATA\nMAIL FROM:<x@y>\n.\n", "faults 2\n"},
    {"MAIL FROM:<a@b>\nDATA\nx\n.\n" ENVELOPE "DATA\n.\n", "<a@b> c@d []\nfaults 1\n"},
    {"MAIL TO:<a@b>\nRCPT TO:<c@d>\nDATA\nx\n.\n", "faults 3\n"},
    {"FOO\x01\n", "faults 1\n"},
    {ENVELOPE ENVELOPE "DATA\n.\n", "<a@b> c@d []\nfaults 1\n"},
};

START_TEST(test_batches_come_apart)
{
    struct arena *arena = arena_new();
    const char *result = read_all(rows[_i].batch, strlen(rows[_i].batch), 0, arena);

    ck_assert_msg(strcmp(result, rows[_i].result) == 0, "%s: \"%s\", not \"%s\"",
                  rows[_i].batch, result, rows[_i].result);
    arena_free(arena);
}
END_TEST

START_TEST(test_a_large_text_is_cut_and_read_over)
{
    static const char batch[] = ENVELOPE "DATA\n0123456789\n.\n" ENVELOPE "DATA\n1\n.\n";
    struct arena *arena = arena_new();

    ck_assert_str_eq(read_all(batch, sizeof batch - 1, 4, arena),
                     "<a@b> c@d large [0123]\n<a@b> c@d [1\n]\n");
    arena_free(arena);
}
END_TEST

START_TEST(test_a_line_without_end_takes_no_memory)
{
    struct arena *arena = arena_new();
    struct text batch = text_new(arena);

    for (int i = 0; i < 1 << 20; i++)
        text_add_byte(&batch, 'x');
    text_add(&batch, "\n" ENVELOPE "DATA\n.\n");
    ck_assert_str_eq(read_all(batch.bytes, batch.length, 0, arena),
                     "<a@b> c@d []\nfaults 1\n");
    arena_free(arena);
}
END_TEST

TCase *
command_batch_reader_case(void)
{
    TCase *tcase = tcase_create("command/batch_reader");

    tcase_add_loop_test(tcase, test_batches_come_apart, 0,
                        (int)(sizeof rows / sizeof *rows));
    tcase_add_test(tcase, test_a_large_text_is_cut_and_read_over);
    tcase_add_test(tcase, test_a_line_without_end_takes_no_memory);
    return tcase;
}
