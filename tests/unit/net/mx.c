/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mail exchangers, addresses and confirmed names, over a resolver that is a table. */
#include "net/dns.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

/* A zone: "name TYPE data"; preference in front of an MX; results in capitals. */
static const char *const zone[] = {
    "a.example MX 20 mx2.a.example",
    "a.example MX 10 mx1.a.example",
    "mx1.a.example A 192.0.2.1",
    "mx2.a.example A 192.0.2.2",
    "same.example MX 5 one.example",
    "same.example MX 5 two.example",
    "same.example MX 5 three.example",
    "twice.example MX 20 one.example",
    "twice.example MX 10 one.example",
    "bare.example A 192.0.2.3",
    "bare6.example AAAA 2001:db8::3",
    "empty.example TXT x",
    "null.example MX 0 .",
    "null.example A 192.0.2.4",
    "odd.example MX 0 .",
    "odd.example MX 10 mx1.a.example",
    "broken.example MX BAD",
    "broken.example A 192.0.2.5",
    "fails.example MX FAILURE",
    "halffails.example TXT x",
    "halffails.example AAAA FAILURE",
    "a6fails.example A 192.0.2.6",
    "a6fails.example AAAA FAILURE",
    "lost.example MX LOST",
    "backup.example MX 10 better.example",
    "backup.example MX 20 us.example",
    "backup.example MX 20 equal.example",
    "backup.example MX 30 worse.example",
    "ours.example MX 10 us.example",
    "ours.example MX 10 equal.example",
    "ours.example MX 20 other.example",
    "us.example A 192.0.2.9",
    "both.example A 192.0.2.11",
    "both.example A 192.0.2.12",
    "both.example AAAA 2001:db8::11",
    "11.2.0.192.in-addr.arpa PTR liar.example",
    "11.2.0.192.in-addr.arpa PTR both.example",
    "12.2.0.192.in-addr.arpa PTR liar.example",
    "13.2.0.192.in-addr.arpa PTR fails13.example",
    "fails13.example A FAILURE",
    "liar.example A 203.0.113.1",
    ("1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR "
     "both.example"),
};

static const char *
type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_AAAA:
        return "AAAA";
    case DNS_MX:
        return "MX";
    case DNS_PTR:
        return "PTR";
    case DNS_TXT:
        return "TXT";
    case DNS_TLSA:
        return "TLSA";
    }
    return "";
}

static struct span
word(struct span *rest)
{
    struct span piece = {NULL, 0};

    span_next(rest, ' ', &piece);
    return piece;
}

static void
record_fill(enum dns_type type, struct span data, struct arena *arena,
            struct dns_record *record)
{
    uint64_t preference = 0;

    *record = (struct dns_record){.name = "", .address = ""};
    if (type == DNS_A || type == DNS_AAAA) {
        record->address = span_string(data, arena);
        return;
    }
    if (type == DNS_MX)
        ck_assert(span_number(word(&data), 65535, &preference));
    record->preference = (uint16_t)preference;
    record->name = span_is(data, ".") ? "" : span_string(data, arena);
}

static bool
zone_lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
            struct dns_answer *answer, struct error *error)
{
    size_t rows = sizeof zone / sizeof *zone;

    (void)context;
    *answer = (struct dns_answer){.result = DNS_NO_NAME, .canonical = name};
    answer->records = arena_array(arena, rows, sizeof *answer->records);
    for (size_t i = 0; i < rows; i++) {
        struct span rest = span_of(zone[i]);

        if (!span_is(word(&rest), name))
            continue;
        if (answer->result == DNS_NO_NAME)
            answer->result = DNS_NO_DATA;
        if (!span_is(word(&rest), type_name(type)))
            continue;
        if (span_is(rest, "LOST"))
            return fail_temporary(error, "4.4.3", "names role is away");
        answer->result = span_is(rest, "FAILURE") ? DNS_FAILURE : DNS_FOUND;
        if (span_is(rest, "FAILURE") || span_is(rest, "BAD"))
            break;
        record_fill(type, rest, arena, &answer->records[answer->count++]);
    }
    return true;
}

static const struct resolver table = {.lookup = zone_lookup};

static bool
is_us(void *context, const char *host)
{
    return strcmp(host, context) == 0;
}

/* "10 mx1.a.example, 20 mx2.a.example". */
static const char *
hosts_text(const struct mx_host *hosts, size_t count, struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 0; i < count; i++)
        text_add_format(&text, "%s%u %s", i > 0 ? ", " : "",
                        (unsigned)hosts[i].preference, hosts[i].name);
    return text_string(&text);
}

START_TEST(exchangers_follow_the_rules)
{
    static const struct {
        const char *domain;
        enum dns_result result;
        const char *hosts;
        int number;
        const char *status;
    } rows[] = {
        {"a.example", DNS_FOUND, "10 mx1.a.example, 20 mx2.a.example", 0, ""},
        {"twice.example", DNS_FOUND, "10 one.example", 0, ""},
        /* no MX: the host itself, if it has any address */
        {"bare.example", DNS_FOUND, "0 bare.example", 0, ""},
        {"bare6.example", DNS_FOUND, "0 bare6.example", 0, ""},
        {"a6fails.example", DNS_FOUND, "0 a6fails.example", 0, ""},
        {"empty.example", DNS_NO_NAME, "", 178, "5.1.2"},
        {"nowhere.example", DNS_NO_NAME, "", 178, "5.1.2"},
        {"null.example", DNS_NO_DATA, "", 168, "5.1.10"},
        /* RFC 7505 3: beside others a null MX means nothing */
        {"odd.example", DNS_FOUND, "10 mx1.a.example", 0, ""},
        {"broken.example", DNS_FAILURE, "", 165, "4.4.3"},
        {"fails.example", DNS_FAILURE, "", 164, "4.4.3"},
        {"halffails.example", DNS_FAILURE, "", 164, "4.4.3"},
        {"lost.example", DNS_FAILURE, "", 163, "4.4.3"},
        /* RFC 5321 5.1: not better than ourselves means gone */
        {"backup.example", DNS_FOUND, "10 better.example", 0, ""},
        {"ours.example", DNS_NO_DATA, "", 169, "5.4.6"},
        {"us.example", DNS_NO_DATA, "", 169, "5.4.6"},
    };
    static char us[] = "us.example";
    const struct mx_options options = {.is_local = is_us, .context = us};
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct mx_host *hosts;
        size_t count;
        enum dns_result result =
            mx_lookup(&table, rows[i].domain, &options, arena, &hosts, &count, &error);

        ck_assert_msg(result == rows[i].result, "%s gives %d", rows[i].domain,
                      (int)result);
        ck_assert_str_eq(hosts_text(hosts, count, arena), rows[i].hosts);
        if (result == DNS_FOUND)
            continue;
        ck_assert_int_eq(error.number, rows[i].number);
        ck_assert_str_eq(error.status, rows[i].status);
        ck_assert_int_eq(error.permanent, result != DNS_FAILURE);
    }
    arena_free(arena);
}
END_TEST

START_TEST(options_change_the_exchangers)
{
    static char us[] = "us.example";
    struct mx_options options = {.is_local = is_us, .context = us};
    struct arena *arena = arena_new();
    struct error error = {0};
    struct mx_host *hosts;
    size_t count;

    options.mx_only = true;
    ck_assert(mx_lookup(&table, "bare.example", &options, arena, &hosts, &count,
                        &error) == DNS_NO_DATA);
    ck_assert_int_eq(error.number, 168);
    options =
        (struct mx_options){.is_local = is_us, .context = us, .local_mx_okay = true};
    ck_assert(mx_lookup(&table, "ours.example", &options, arena, &hosts, &count,
                        &error) == DNS_NO_NAME);
    ck_assert_int_eq(error.number, 169);
    options = (struct mx_options){.fallback = "last.example"};
    ck_assert(mx_lookup(&table, "a.example", &options, arena, &hosts, &count, &error) ==
              DNS_FOUND);
    ck_assert_str_eq(hosts_text(hosts, count, arena),
                     "10 mx1.a.example, 20 mx2.a.example, 65535 last.example");
    options = (struct mx_options){.address_limit = 1};
    ck_assert(mx_lookup(&table, "a.example", &options, arena, &hosts, &count, &error) ==
              DNS_FOUND);
    ck_assert_str_eq(hosts_text(hosts, count, arena), "10 mx1.a.example");
    arena_free(arena);
}
END_TEST

START_TEST(equal_exchangers_take_turns)
{
    const struct mx_options options = {0};
    struct arena *arena = arena_new();
    unsigned first[3] = {0};

    for (int i = 0; i < 300; i++) {
        struct error error = {0};
        struct mx_host *hosts;
        size_t count;

        ck_assert(mx_lookup(&table, "same.example", &options, arena, &hosts, &count,
                            &error) == DNS_FOUND);
        ck_assert_uint_eq(count, 3);
        first[hosts[0].name[0] == 'o' ? 0 : hosts[0].name[1] == 'w' ? 1 : 2]++;
        arena_reset(arena);
    }
    /* Each is first 100 times of 300; under 20 happens once in 10^22. */
    ck_assert(first[0] > 20 && first[1] > 20 && first[2] > 20);
    arena_free(arena);
}
END_TEST

/* Thousands of exchangers, of which a few names. */
static bool
flood_lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
             struct dns_answer *answer, struct error *error)
{
    (void)context;
    (void)type;
    (void)error;
    *answer = (struct dns_answer){.result = DNS_FOUND, .canonical = name, .count = 4000};
    answer->records = arena_array(arena, answer->count, sizeof *answer->records);
    for (size_t i = 0; i < answer->count; i++) {
        answer->records[i].preference = (uint16_t)(65000 - i);
        answer->records[i].name = arena_format(arena, "mx%zu.example", i);
        answer->records[i].address =
            arena_format(arena, "192.0.%zu.%zu", i / 256 % 256, i % 256);
    }
    return true;
}

START_TEST(floods_are_cut)
{
    const struct resolver flood = {.lookup = flood_lookup};
    const struct mx_options options = {.address_limit = 20};
    struct arena *arena = arena_new();
    struct error error = {0};
    struct mx_host *hosts;
    const char **addresses, *name;
    size_t count;

    ck_assert(mx_lookup(&flood, "a.example", &options, arena, &hosts, &count, &error) ==
              DNS_FOUND);
    ck_assert_uint_eq(count, 20);
    ck_assert_str_eq(hosts[0].name, "mx3999.example");
    ck_assert(host_addresses(&flood, "a.example", arena, &addresses, &count, &error) ==
              DNS_FOUND);
    ck_assert(count > 0 && count <= 64);
    ck_assert(host_name_of(&flood, "203.0.113.1", arena, &name, &error) == DNS_NO_NAME);
    arena_free(arena);
}
END_TEST

START_TEST(addresses_of_both_families_alternate)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    const char **addresses;
    size_t count;

    ck_assert(host_addresses(&table, "both.example", arena, &addresses, &count, &error) ==
              DNS_FOUND);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(addresses[0], "2001:db8::11");
    ck_assert_str_eq(addresses[1], "192.0.2.11");
    ck_assert_str_eq(addresses[2], "192.0.2.12");
    ck_assert(host_addresses(&table, "empty.example", arena, &addresses, &count,
                             &error) == DNS_NO_DATA);
    ck_assert(host_addresses(&table, "nowhere.example", arena, &addresses, &count,
                             &error) == DNS_NO_NAME);
    ck_assert(error.permanent);
    /* One family unknown, the other empty: nobody knows. */
    ck_assert(host_addresses(&table, "halffails.example", arena, &addresses, &count,
                             &error) == DNS_FAILURE);
    ck_assert(!error.permanent);
    arena_free(arena);
}
END_TEST

START_TEST(name_of_an_address_must_lead_back)
{
    static const struct {
        const char *address;
        enum dns_result result;
        const char *name;
    } rows[] = {
        {"192.0.2.11", DNS_FOUND, "both.example"},
        {"::ffff:192.0.2.11", DNS_FOUND, "both.example"},
        {"2001:db8::11", DNS_FOUND, "both.example"},
        {"192.0.2.12", DNS_NO_NAME, ""},
        {"192.0.2.13", DNS_FAILURE, ""},
        {"192.0.2.200", DNS_NO_NAME, ""},
        {"both.example", DNS_NO_NAME, ""},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        const char *name;

        ck_assert_msg(host_name_of(&table, rows[i].address, arena, &name, &error) ==
                          rows[i].result,
                      "%s", rows[i].address);
        ck_assert_str_eq(name, rows[i].name);
    }
    arena_free(arena);
}
END_TEST

TCase *
net_mx_case(void)
{
    TCase *tests = tcase_create("net_mx");

    tcase_add_test(tests, exchangers_follow_the_rules);
    tcase_add_test(tests, options_change_the_exchangers);
    tcase_add_test(tests, equal_exchangers_take_turns);
    tcase_add_test(tests, floods_are_cut);
    tcase_add_test(tests, addresses_of_both_families_alternate);
    tcase_add_test(tests, name_of_an_address_must_lead_back);
    return tests;
}
