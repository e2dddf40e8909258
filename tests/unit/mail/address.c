/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses: names, text, bytes, equality. */
#include "mail/address.h"

#include <string.h>

#include "mail/envelope.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct address
full_address(void)
{
    return (struct address){.number = 7,
                            .parent = 3,
                            .kind = ADDRESS_PIPE,
                            .state = ADDRESS_FAILED,
                            .trust = TRUST_CAUTION,
                            .text = "/bin/prog -x \"y=z\" 100%\n!owner=evil",
                            .source = "/home/j\303\266/.forward:3",
                            .owner = "owner-list@example.org",
                            .literal = true,
                            .director = "dotforward",
                            .director_at = 4,
                            .router = "bind_hosts",
                            .transport = "pipe",
                            .next_hop = "mx.example.org",
                            .next_address = "a b@x",
                            .user = "joe",
                            .group = "mail",
                            .home = "/home/joe",
                            .dsn_recipient = "rfc822;joe@example.org",
                            .notify = NOTIFY_FAILURE | NOTIFY_SUCCESS,
                            .error = {true, 144, "5.3.0", "exit status 1"},
                            .report = REPORT_OWNER};
}

static const char *
written(const struct address *address, struct arena *arena)
{
    struct text text = text_new(arena);

    address_write(address, &text);
    return text_string(&text);
}

START_TEST(an_address_comes_back_from_text)
{
    struct arena *arena = arena_new();
    struct address address = full_address(), copy;
    const char *text = written(&address, arena);
    struct error error = {0};

    ck_assert_ptr_null(strchr(text, '\n'));
    ck_assert_msg(address_read(span_of(text), arena, &copy, &error), "%s", error.text);
    ck_assert_str_eq(written(&copy, arena), text);
    ck_assert_str_eq(copy.text, address.text);
    ck_assert_str_eq(copy.next_address, "a b@x");
    ck_assert(copy.kind == ADDRESS_PIPE && copy.state == ADDRESS_FAILED && copy.literal);
    ck_assert(copy.trust == TRUST_CAUTION && copy.report == REPORT_OWNER);
    ck_assert(copy.error.permanent && copy.error.number == 144);
    ck_assert_str_eq(copy.error.text, "exit status 1");
    ck_assert_uint_eq(copy.notify, NOTIFY_FAILURE | NOTIFY_SUCCESS);
    arena_free(arena);
}
END_TEST

START_TEST(an_address_comes_back_from_bytes)
{
    struct arena *arena = arena_new();
    struct address address = full_address(), copy;
    struct pack pack = pack_new(arena);
    struct unpack unpack;

    address_pack(&address, &pack);
    unpack = unpack_new(text_span(&pack.text));
    ck_assert(address_unpack(&unpack, arena, &copy) && unpack_done(&unpack));
    ck_assert_str_eq(written(&copy, arena), written(&address, arena));
    for (size_t length = 0; length < pack.text.length; length++) {
        unpack = unpack_new(span_first(text_span(&pack.text), length));
        ck_assert(!address_unpack(&unpack, arena, &copy));
    }
    arena_free(arena);
}
END_TEST

START_TEST(empty_values_are_left_out_and_read_as_empty)
{
    struct arena *arena = arena_new();
    struct address address = {.text = "joe"}, copy;

    ck_assert_str_eq(written(&address, arena), "text=joe");
    ck_assert(address_read(SPAN("text=joe"), arena, &copy, NULL));
    ck_assert_str_eq(copy.home, "");
    ck_assert_str_eq(copy.owner, "");
    ck_assert(address_read(SPAN(""), arena, &copy, NULL));
    ck_assert_str_eq(copy.text, "");
    ck_assert_str_eq(address_copy(&address, arena)->owner, "");
    arena_free(arena);
}
END_TEST

START_TEST(damaged_and_future_addresses_wait)
{
    static const struct {
        const char *line, *status;
    } rows[] = {
        {"text=joe future=1", NULL},
        {"!text=joe", NULL},
        {"text=joe !future=1", "4.3.5"},
        {"text", "4.3.0"},
        {"text=a text=b", "4.3.0"},
        {"text=a  number=1", "4.3.0"},
        {"number=x", "4.3.0"},
        {"state=lost", "4.3.0"},
        {"text=%0", "4.3.0"},
        {"error-status=5.1.1000", "4.3.0"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        struct error error = {0};
        bool fine = address_read(span_of(rows[i].line), arena, &address, &error);

        ck_assert_msg(fine == (rows[i].status == NULL), "%s: %s", rows[i].line,
                      error.text);
        if (!fine)
            ck_assert(!error.permanent && strcmp(error.status, rows[i].status) == 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(equal_addresses_have_equal_keys)
{
    static const struct {
        struct address a, b;
        bool local, same;
    } rows[] = {
        {{.text = "joe@x.example"}, {.text = "joe@X.Example"}, false, true},
        {{.text = "joe@x"}, {.text = "Joe@x"}, false, false},
        {{.text = "joe@x"}, {.text = "Joe@X"}, true, true},
        {{.text = "joe"}, {.text = "JOE"}, false, true},
        {{.text = "joe"}, {.text = "joe@x"}, true, false},
        {{.text = "\"a@B\"@x"}, {.text = "\"a@b\"@x"}, false, false},
        {{.text = "\"a@B\""}, {.text = "\"a@b\""}, false, true},
        {{.kind = ADDRESS_FILE, .text = "/a", .user = "joe"},
         {.kind = ADDRESS_FILE, .text = "/a", .user = "jim"},
         false,
         false},
        {{.kind = ADDRESS_FILE, .text = "/a", .user = "joe"},
         {.kind = ADDRESS_FILE, .text = "/a", .user = "joe"},
         false,
         true},
        {{.kind = ADDRESS_FILE, .text = "/a", .user = "joe"},
         {.kind = ADDRESS_FILE, .text = "/A", .user = "joe"},
         true,
         false},
        {{.kind = ADDRESS_FILE, .text = "x@A"},
         {.kind = ADDRESS_FILE, .text = "x@a"},
         false,
         false},
        {{.kind = ADDRESS_PIPE, .text = "x"},
         {.kind = ADDRESS_FILE, .text = "x"},
         false,
         false},
        {{.text = "x"}, {.kind = ADDRESS_PIPE, .text = "x"}, false, false},
        {{.text = "x", .user = "joe"}, {.text = "x", .user = "jim"}, false, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t a = address_key(&rows[i].a, rows[i].local);
        uint64_t b = address_key(&rows[i].b, rows[i].local);

        ck_assert_msg((a == b) == rows[i].same, "%zu", i);
        ck_assert_msg(address_same(&rows[i].a, &rows[i].b, rows[i].local) == rows[i].same,
                      "%zu", i);
    }
}
END_TEST

START_TEST(names_lead_back)
{
    enum address_state state;
    enum address_kind kind;
    enum address_trust trust;
    enum outcome outcome;
    enum report_class report;

    for (unsigned i = ADDRESS_NEW; i <= ADDRESS_REPORTED; i++) {
        ck_assert(address_state_read(span_of(address_state_name(i)), &state));
        ck_assert_uint_eq(state, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(address_kind_read(span_of(address_kind_name(i)), &kind) && kind == i);
        ck_assert(outcome_read(span_of(outcome_name(i)), &outcome) && outcome == i);
        ck_assert(report_class_read(span_of(report_class_name(i)), &report) &&
                  report == i);
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert(address_trust_read(span_of(address_trust_name(i)), &trust) &&
                  trust == i);
    ck_assert(!address_state_read(SPAN("New"), &state));
    ck_assert(!outcome_read(SPAN(""), &outcome));
    ck_assert_str_eq(outcome_name(OUTCOME_DEFERRED), "deferred");
    ck_assert_str_eq(address_state_name(ADDRESS_DUPLICATE), "duplicate");
}
END_TEST

START_TEST(only_finished_states_are_done)
{
    static const enum address_state open[] = {ADDRESS_NEW, ADDRESS_USER, ADDRESS_ASSIGNED,
                                              ADDRESS_FAILED};
    static const enum address_state done[] = {ADDRESS_EXPANDED, ADDRESS_DUPLICATE,
                                              ADDRESS_DELIVERED, ADDRESS_RELAYED,
                                              ADDRESS_REPORTED};

    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        ck_assert(!address_state_done(open[i]));
    for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++)
        ck_assert(address_state_done(done[i]));
}
END_TEST

TCase *
mail_address_case(void)
{
    TCase *tcase = tcase_create("mail_address");

    tcase_add_test(tcase, an_address_comes_back_from_text);
    tcase_add_test(tcase, an_address_comes_back_from_bytes);
    tcase_add_test(tcase, empty_values_are_left_out_and_read_as_empty);
    tcase_add_test(tcase, damaged_and_future_addresses_wait);
    tcase_add_test(tcase, equal_addresses_have_equal_keys);
    tcase_add_test(tcase, names_lead_back);
    tcase_add_test(tcase, only_finished_states_are_done);
    return tcase;
}
