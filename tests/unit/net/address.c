/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses of hosts: parsing, networks, own ones, ports. */
#include "net/connection.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(address_has_one_text)
{
    static const struct {
        const char *given, *text; /* NULL: refused */
        int family;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", AF_INET},
        {"2001:DB8:0:0::1", "2001:db8::1", AF_INET6},
        {"::1", "::1", AF_INET6},
        {"::ffff:192.0.2.1", "192.0.2.1", AF_INET},
        {"", NULL, 0},
        {"192.0.2", NULL, 0},
        {"192.0.2.256", NULL, 0},
        {"0x7f.0.0.1", NULL, 0},
        {"192.0.2.1 ", NULL, 0},
        {"192.0.2.1:25", NULL, 0},
        {"[192.0.2.1]", NULL, 0},
        {"fe80::1%eth0", NULL, 0},
        {"2001:db8::1::2", NULL, 0},
        {"localhost", NULL, 0},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_address address;

        ck_assert_msg(net_address_parse(rows[i].given, 25, arena, &address) ==
                          (rows[i].text != NULL),
                      "%s", rows[i].given);
        if (rows[i].text == NULL)
            continue;
        ck_assert_str_eq(address.text, rows[i].text);
        ck_assert_int_eq(address.socket.ss_family, rows[i].family);
    }
    arena_free(arena);
}
END_TEST

START_TEST(network_holds_its_addresses_only)
{
    static const struct {
        const char *network, *address;
        bool valid, in;
    } rows[] = {
        {"127.0.0.0/8", "127.255.0.1", true, true},
        {"127.0.0.0/8", "128.0.0.1", true, false},
        {"192.0.2.1", "192.0.2.1", true, true},
        {"192.0.2.1", "192.0.2.2", true, false},
        {"192.0.2.128/25", "192.0.2.129", true, true},
        {"192.0.2.128/25", "192.0.2.127", true, false},
        {"192.0.2.4/30", "192.0.2.7", true, true},
        {"192.0.2.4/30", "192.0.2.8", true, false},
        {"0.0.0.0/0", "203.0.113.9", true, true},
        {"0.0.0.0/0", "2001:db8::1", true, false},
        {"::/0", "2001:db8::1", true, true},
        {"::/0", "192.0.2.1", true, false},
        {"[::1]/128", "::1", true, true},
        {"[::1]", "::2", true, false},
        {"2001:db8::/33", "2001:db8:7fff::1", true, true},
        {"2001:db8::/33", "2001:db8:8000::1", true, false},
        /* mapped IPv4 is IPv4, on both sides */
        {"127.0.0.0/8", "::ffff:127.0.0.1", true, true},
        {"::ffff:127.0.0.0/104", "127.9.9.9", true, true},
        {"::ffff:0:0/96", "192.0.2.1", true, true},
        {"192.0.2.0/33", "192.0.2.0", false, false},
        {"::1/129", "::1", false, false},
        {"192.0.2.0/", "192.0.2.0", false, false},
        {"192.0.2.0/-1", "192.0.2.0", false, false},
        {"192.0.2.0/+8", "192.0.2.0", false, false},
        {"192.0.2.0/8x", "192.0.2.0", false, false},
        {"192.0.2", "192.0.2.0", false, false},
        {"[192.0.2.1", "192.0.2.1", false, false},
        {"", "192.0.2.1", false, false},
        {"/8", "10.0.0.1", false, false},
        {"*", "192.0.2.1", false, false},
        {"localhost", "127.0.0.1", false, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(net_network_is_valid(rows[i].network) == rows[i].valid, "%s",
                      rows[i].network);
        ck_assert_msg(net_address_in(rows[i].address, &rows[i].network, 1) == rows[i].in,
                      "%s in %s", rows[i].address, rows[i].network);
    }
}
END_TEST

START_TEST(one_of_several_networks_is_enough)
{
    static const char *const networks[] = {"10.0.0.0/8", "bad", "[2001:db8::]/32"};

    ck_assert(net_address_in("10.1.2.3", networks, 3));
    ck_assert(net_address_in("2001:db8::7", networks, 3));
    ck_assert(!net_address_in("192.0.2.1", networks, 3));
    ck_assert(!net_address_in("", networks, 3));
    ck_assert(!net_address_in("bad", networks, 3));
    ck_assert(!net_address_in("10.1.2.3", networks, 0));
}
END_TEST

START_TEST(loopback_and_unspecified_are_ours)
{
    static const char *const ours[] = {"127.0.0.1", "127.1.2.3", "0.0.0.0",
                                       "::1",       "::",        "::ffff:127.0.0.1"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        ck_assert_msg(net_address_is_ours(ours[i]), "%s", ours[i]);
    /* Documentation networks (RFC 5737, 3849) are nobody's. */
    ck_assert(!net_address_is_ours("203.0.113.77"));
    ck_assert(!net_address_is_ours("2001:db8:dead::77"));
    ck_assert(!net_address_is_ours("no address"));
}
END_TEST

START_TEST(port_is_a_number_or_a_service)
{
    struct error error = {0};
    uint16_t port = 0;

    ck_assert(net_port("2525", 25, &port, &error) && port == 2525);
    ck_assert(net_port("65535", 25, &port, &error) && port == 65535);
    ck_assert(net_port("smtp", 25, &port, &error) && port == 25);
    ck_assert(!net_port("0", 25, &port, &error));
    ck_assert(!net_port("65536", 25, &port, &error));
    ck_assert(!net_port("no-such-service", 25, &port, &error));
    ck_assert(!error.permanent && error.status[0] == '4');
}
END_TEST

TCase *
net_address_case(void)
{
    TCase *tests = tcase_create("net_address");

    tcase_add_test(tests, address_has_one_text);
    tcase_add_test(tests, network_holds_its_addresses_only);
    tcase_add_test(tests, one_of_several_networks_is_enough);
    tcase_add_test(tests, loopback_and_unspecified_are_ours);
    tcase_add_test(tests, port_is_a_number_or_a_service);
    return tests;
}
