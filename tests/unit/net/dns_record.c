/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records from the wire (RFC 1035 3.3, RFC 3596, RFC 6698) and answers between roles. */
#include "net/dns.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

#define WIRE(literal)                                                                    \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }
#define LABEL_63                                                                         \
    "\x3f"                                                                               \
    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

START_TEST(record_is_read_or_refused)
{
    static const struct {
        enum dns_type type;
        struct span rdata;
        const char *text; /* of name or address; NULL: refused */
        uint16_t preference;
    } rows[] = {
        {DNS_A, WIRE("\xc0\x00\x02\x01"), "192.0.2.1", 0},
        {DNS_A, WIRE("\xc0\x00\x02"), NULL, 0},
        {DNS_A, WIRE("\xc0\x00\x02\x01\x00"), NULL, 0},
        {DNS_A, WIRE(""), NULL, 0},
        {DNS_AAAA, WIRE("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), "2001:db8::1", 0},
        {DNS_AAAA, WIRE("\xc0\x00\x02\x01"), NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x02mx\x07"
              "Example\x03ORG\x00"),
         "mx.example.org", 10},
        {DNS_MX,
         WIRE("\xff\xff\x01"
              "a\x00"),
         "a", 65535},
        {DNS_MX, WIRE("\x00\x00\x00"), "", 0}, /* null MX */
        /* octets missing: 0, 1, 2, and inside a name */
        {DNS_MX, WIRE(""), NULL, 0},
        {DNS_MX, WIRE("\x00"), NULL, 0},
        {DNS_MX, WIRE("\x00\x0a"), NULL, 0},
        {DNS_MX, WIRE("\x00\x0a\x02mx"), NULL, 0},
        {DNS_MX, WIRE("\x00\x0a\x02m"), NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x02mx\x07"
              "example"),
         NULL, 0},
        /* octets too many */
        {DNS_MX, WIRE("\x00\x0a\x02mx\x00\x00"), NULL, 0},
        {DNS_MX, WIRE("\x00\x0a\x00\x02mx\x00"), NULL, 0},
        /* compression has no place here, a label of 64 in no name */
        {DNS_MX, WIRE("\x00\x0a\x02mx\xc0\x0c"), NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x40"
              "a\x00"),
         NULL, 0},
        /* what is no host name */
        {DNS_MX,
         WIRE("\x00\x0a\x03"
              "a.b\x00"),
         NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x03"
              "a b\x00"),
         NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x03"
              "a\0b\x00"),
         NULL, 0},
        {DNS_MX,
         WIRE("\x00\x0a\x03"
              "a\nb\x00"),
         NULL, 0},
        {DNS_MX, WIRE("\x00\x0a\x02\xc3\xa4\x00"), NULL, 0},
        {DNS_PTR, WIRE("\x04host\x04_udp\x00"), "host._udp", 0},
        {DNS_PTR, WIRE(""), NULL, 0},
        {DNS_PTR, WIRE(LABEL_63 LABEL_63 LABEL_63 LABEL_63 "\x00"), NULL,
         0}, /* 257 octets */
        {(enum dns_type)99, WIRE("\x00"), NULL, 0},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_record record;

        ck_assert_msg(dns_record_read(rows[i].type, rows[i].rdata, arena, &record) ==
                          (rows[i].text != NULL),
                      "row %zu", i);
        if (rows[i].text == NULL)
            continue;
        ck_assert_str_eq(record.address[0] != '\0' ? record.address : record.name,
                         rows[i].text);
        ck_assert_uint_eq(record.preference, rows[i].preference);
    }
    arena_free(arena);
}
END_TEST

START_TEST(name_of_255_octets_is_read)
{
    static const char wire[] = LABEL_63 LABEL_63 LABEL_63
        "\x3d"
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg";
    struct span rdata = {wire, sizeof wire}; /* with the NUL that is the root */
    struct arena *arena = arena_new();
    struct dns_record record;

    ck_assert_uint_eq(rdata.length, 255);
    ck_assert(dns_record_read(DNS_PTR, rdata, arena, &record));
    ck_assert_uint_eq(strlen(record.name), 253);
    arena_free(arena);
}
END_TEST

START_TEST(raw_records_are_whole)
{
    struct arena *arena = arena_new();
    struct dns_record record;

    ck_assert(dns_record_read(DNS_TXT, SPAN("\x02hi\x01!"), arena, &record));
    ck_assert(span_equal(record.data, SPAN("\x02hi\x01!")));
    ck_assert(!dns_record_read(DNS_TXT, SPAN("\x03hi"), arena, &record));
    ck_assert(!dns_record_read(DNS_TXT, SPAN(""), arena, &record));
    ck_assert(dns_record_read(DNS_TLSA, SPAN("\x03\x01\x01\xaa"), arena, &record));
    ck_assert(!dns_record_read(DNS_TLSA, SPAN("\x03\x01\x01"), arena, &record));
    arena_free(arena);
}
END_TEST

START_TEST(answer_survives_packing)
{
    struct dns_record records[] = {
        {.preference = 10, .name = "mx.example.org", .address = ""},
        {.name = "", .address = "192.0.2.1", .data = {"\0x", 2}},
    };
    struct dns_answer answer = {.result = DNS_FOUND,
                                .secure = true,
                                .canonical = "example.org",
                                .records = records,
                                .count = 2,
                                .ttl = 300};
    struct arena *arena = arena_new();
    struct pack pack = pack_new(arena);
    struct span packed;
    struct unpack unpack;
    struct dns_answer back;

    dns_answer_pack(&answer, &pack);
    packed = text_span(&pack.text);
    unpack = unpack_new(packed);
    ck_assert(dns_answer_unpack(&unpack, arena, &back) && unpack_done(&unpack));
    ck_assert(back.result == DNS_FOUND && back.secure && back.count == 2 &&
              back.ttl == 300);
    ck_assert_str_eq(back.canonical, "example.org");
    ck_assert_str_eq(back.records[0].name, "mx.example.org");
    ck_assert_uint_eq(back.records[0].preference, 10);
    ck_assert_str_eq(back.records[1].address, "192.0.2.1");
    ck_assert(span_equal(back.records[1].data, SPAN("\0x")));
    for (size_t length = 0; length < packed.length; length++) {
        unpack = unpack_new(span_first(packed, length));
        ck_assert(!dns_answer_unpack(&unpack, arena, &back));
        ck_assert(back.result == DNS_FAILURE && back.count == 0);
    }
    arena_free(arena);
}
END_TEST

TCase *
net_dns_record_case(void)
{
    TCase *tests = tcase_create("net_dns_record");

    tcase_add_test(tests, record_is_read_or_refused);
    tcase_add_test(tests, name_of_255_octets_is_read);
    tcase_add_test(tests, raw_records_are_whole);
    tcase_add_test(tests, answer_survives_packing);
    return tests;
}
