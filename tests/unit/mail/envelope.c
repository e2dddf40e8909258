/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The envelope at rest and between roles. */
#include "mail/envelope.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

/* Every key set, to something that needs care where there is something. */
static struct envelope
full_envelope(void)
{
    static struct recipient recipients[] = {
        {.text = "joe@example.org",
         .notify = NOTIFY_SUCCESS | NOTIFY_DELAY,
         .original = "rfc822;joe@example.org"},
        {.text = "\"a b=c\"@x", .notify = NOTIFY_NEVER, .original = ""},
        {.text = "j\303\266@x", .original = "utf-8;a b"},
    };
    static const char *exclusions[] = {"jim@example.org", "\"x y\"@z"};
    struct envelope envelope = {.reverse_path = "owner-list@example.com",
                                .recipients = recipients,
                                .recipient_count = 3,
                                .exclusions = exclusions,
                                .exclusion_count = 2,
                                .ret = RETURN_HEADERS,
                                .envelope_id = "QQ 314159",
                                .body = BODY_8BIT,
                                .smtputf8 = true,
                                .require_tls = true,
                                .peer_name = "mail.example.com",
                                .peer_address = "2001:db8::1",
                                .peer_port = 65535,
                                .hello = "[127.0.0.1] \n!recipient: evil@x",
                                .protocol = "esmtp",
                                .tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
                                .authenticated = "joe",
                                .submitter_uid = 0,
                                .submitter = "root",
                                .full_name = " Charlie \"Root\" 100%\t",
                                .program = "sendmail",
                                .message_id = "<a\377b@c>",
                                .grade = 'n',
                                .hops = 25,
                                .errors = ERRORS_QUIET,
                                .mode = DELIVERY_QUEUED,
                                .origin = ORIGIN_BATCH,
                                .me_too = true,
                                .no_aliases = true,
                                .dry_run = true,
                                .verbose = true,
                                .received = 1700000000123,
                                .size = UINT64_MAX,
                                .header_size = 4711,
                                .longest_line = 998,
                                .eight_bit = true,
                                .header_utf8 = true};

    return envelope;
}

static void
assert_same(const struct envelope *a, const struct envelope *b, struct arena *arena)
{
    struct text first = text_new(arena), second = text_new(arena);

    envelope_write(a, &first);
    envelope_write(b, &second);
    ck_assert_str_eq(text_string(&first), text_string(&second));
}

START_TEST(an_envelope_comes_back_from_text)
{
    struct arena *arena = arena_new();
    struct envelope envelope = full_envelope(), copy;
    struct text text = text_new(arena);
    struct error error = {0};

    envelope_write(&envelope, &text);
    ck_assert_msg(envelope_read(text_span(&text), arena, &copy, &error), "%s",
                  error.text);
    assert_same(&envelope, &copy, arena);
    ck_assert_uint_eq(copy.recipient_count, 3);
    ck_assert_str_eq(copy.recipients[1].text, "\"a b=c\"@x");
    ck_assert_uint_eq(copy.recipients[0].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
    ck_assert_str_eq(copy.recipients[2].original, "utf-8;a b");
    ck_assert_str_eq(copy.exclusions[1], "\"x y\"@z");
    ck_assert_str_eq(copy.hello, envelope.hello);
    ck_assert_str_eq(copy.full_name, envelope.full_name);
    ck_assert_str_eq(copy.message_id, envelope.message_id);
    ck_assert(copy.submitter_uid == 0 && copy.grade == 'n' && copy.size == UINT64_MAX);
    ck_assert(copy.ret == RETURN_HEADERS && copy.body == BODY_8BIT && copy.dry_run);
    ck_assert(copy.origin == ORIGIN_BATCH && copy.mode == DELIVERY_QUEUED);
    ck_assert(copy.received == 1700000000123 && copy.hops == 25 && copy.header_utf8);
    arena_free(arena);
}
END_TEST

START_TEST(an_envelope_comes_back_from_bytes)
{
    struct arena *arena = arena_new();
    struct envelope envelope = full_envelope(), copy;
    struct pack pack = pack_new(arena);
    struct unpack unpack;

    envelope_pack(&envelope, &pack);
    unpack = unpack_new(text_span(&pack.text));
    ck_assert(envelope_unpack(&unpack, arena, &copy));
    ck_assert(unpack_done(&unpack));
    assert_same(&envelope, &copy, arena);
    for (size_t length = 0; length < pack.text.length; length++) {
        unpack = unpack_new(span_first(text_span(&pack.text), length));
        ck_assert(!envelope_unpack(&unpack, arena, &copy));
        ck_assert_uint_eq(copy.exclusion_count, 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_new_envelope_has_no_null_strings)
{
    struct envelope envelope = envelope_new();
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    ck_assert_str_eq(envelope.hello, "");
    ck_assert_str_eq(envelope.message_id, "");
    ck_assert(envelope.submitter_uid == -1 && envelope.grade == 'C');
    envelope_write(&envelope, &text);
    ck_assert_str_eq(text_string(&text), "!reverse-path: \ngrade: C\n");
    arena_free(arena);
}
END_TEST

START_TEST(values_cannot_make_lines)
{
    struct envelope envelope = full_envelope();
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    envelope_write(&envelope, &text);
    ck_assert_ptr_null(strstr(text_string(&text), "\n!recipient: evil"));
    for (size_t i = 0; i < text.length; i++)
        ck_assert(text.bytes[i] == '\n' || !byte_is_control(text.bytes[i]));
    arena_free(arena);
}
END_TEST

START_TEST(every_reading_error_is_temporary)
{
    static const struct {
        const char *text;
        const char *status; /* NULL: it can be read */
    } rows[] = {
        {"!reverse-path: \n", NULL},
        {"!reverse-path: a@b\nfuture: x\n", NULL}, /* unknown, may be left out */
        {"!reverse-path: a@b\n!recipient: c@d future=1\n", NULL},
        {"reverse-path: a@b\n", NULL},
        {"!reverse-path: a@b\n!size: 1\n", NULL},
        {"!reverse-path: a@b\n!future: x\n", "4.3.5"},
        {"!reverse-path: a@b\n!recipient: c@d !hold=1\n", "4.3.5"},
        {"", "4.3.0"},
        {"grade: C\n", "4.3.0"},
        {"!reverse-path: a@b", "4.3.0"},
        {"!reverse-path:\n", "4.3.0"},
        {"!reverse-path:a@b\n", "4.3.0"},
        {"!reverse-path: a@b\n\n", "4.3.0"},
        {"!reverse-path: a@b\n!reverse-path: c@d\n", "4.3.0"},
        {"!reverse-path: a%4\n", "4.3.0"},
        {"!reverse-path: a@b\n!recipient: \n", "4.3.0"},
        {"!reverse-path: a@b\n!recipient: a b\n", "4.3.0"},
        {"!reverse-path: a@b\n!recipient: a notify=sometimes\n", "4.3.0"},
        {"!reverse-path: a@b\n!recipient: a notify=\n", "4.3.0"},
        {"!reverse-path: a@b\n!exclusion: \n", "4.3.0"},
        {"!reverse-path: a@b\n!body: 9bit\n", "4.3.0"},
        {"!reverse-path: a@b\n!smtputf8: no\n", "4.3.0"},
        {"!reverse-path: a@b\ngrade: CC\n", "4.3.0"},
        {"!reverse-path: a@b\nhops: -1\n", "4.3.0"},
        {"!reverse-path: a@b\nhops: 4294967296\n", "4.3.0"},
        {"!reverse-path: a@b\nno colon\n", "4.3.0"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct envelope envelope;
        struct error error = {0};
        bool fine = envelope_read(span_of(rows[i].text), arena, &envelope, &error);

        ck_assert_msg(fine == (rows[i].status == NULL), "%s: %s", rows[i].text,
                      error.text);
        if (!fine)
            ck_assert_msg(!error.permanent && strcmp(error.status, rows[i].status) == 0,
                          "%s: %s", rows[i].text, error.status);
    }
    ck_assert(!envelope_read(SPAN("!reverse-path: a\0b\n"), arena, &(struct envelope){0},
                             NULL));
    arena_free(arena);
}
END_TEST

START_TEST(many_recipients_come_back_in_order)
{
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new(), copy;
    struct text text = text_new(arena);

    envelope.recipient_count = 5000;
    envelope.recipients = arena_array(arena, 5000, sizeof(struct recipient));
    for (size_t i = 0; i < 5000; i++)
        envelope.recipients[i] =
            (struct recipient){.text = arena_format(arena, "u%zu@x", i), .original = ""};
    envelope_write(&envelope, &text);
    ck_assert(envelope_read(text_span(&text), arena, &copy, NULL));
    ck_assert_uint_eq(copy.recipient_count, 5000);
    for (size_t i = 0; i < 5000; i++)
        ck_assert_str_eq(copy.recipients[i].text, envelope.recipients[i].text);
    arena_free(arena);
}
END_TEST

START_TEST(xtext_is_printable_ascii)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"QQ314159", "QQ314159"},
        {"a+2Bb+3Dc", "a+b=c"},
        {"a+20b", "a b"},
        {"", ""},
        {"rfc822;Bob@Big-Bucks.com", "rfc822;Bob@Big-Bucks.com"},
        {"a+2bb", "a+b"},
        {"a+0Ab", NULL},
        {"+00", NULL},
        {"a+", NULL},
        {"a+2", NULL},
        {"a+2G", NULL},
        {"a+7F", NULL},
        {"a+E9", NULL},
        {"a=b", NULL},
        {"a b", NULL},
        {"a\303\251", NULL},
        {"a\tb", NULL},
        {"+0D+0AMAIL", NULL},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *value = NULL, *again = NULL;
        struct error error = {0};
        bool fine = xtext_decode(span_of(rows[i].text), arena, &value, &error);

        ck_assert_msg(fine == (rows[i].value != NULL), "%s", rows[i].text);
        if (!fine) {
            ck_assert(error.permanent);
            continue;
        }
        ck_assert_str_eq(value, rows[i].value);
        ck_assert(xtext_decode(span_of(xtext_encode(value, arena)), arena, &again, NULL));
        ck_assert_str_eq(again, value);
    }
    ck_assert(!xtext_decode(SPAN("a\0b"), arena, &(const char *){NULL}, NULL));
    ck_assert_str_eq(xtext_encode("a+b=c d\303\251", arena), "a+2Bb+3Dc+20d+C3+A9");
    arena_free(arena);
}
END_TEST

TCase *
mail_envelope_case(void)
{
    TCase *tcase = tcase_create("mail_envelope");

    tcase_add_test(tcase, an_envelope_comes_back_from_text);
    tcase_add_test(tcase, an_envelope_comes_back_from_bytes);
    tcase_add_test(tcase, a_new_envelope_has_no_null_strings);
    tcase_add_test(tcase, values_cannot_make_lines);
    tcase_add_test(tcase, every_reading_error_is_temporary);
    tcase_add_test(tcase, many_recipients_come_back_in_order);
    tcase_add_test(tcase, xtext_is_printable_ascii);
    return tcase;
}
