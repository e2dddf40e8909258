/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

static const char directors[] = "user:\n\tdriver=user; transport=local\n";

/* --- the rule of the best match, against a model of ten lines --- */

enum { ROUTERS = 8 };

struct rule {
    const char *suffix;
    bool full, always;
};

/* Reference 5.1: the router that wins, -1 for none. */
static int
model(const struct rule *rules, const char *host)
{
    int best = -1;

    for (int i = 0; i < ROUTERS; i++) {
        if (!span_ends_nocase(span_of(host), rules[i].suffix))
            continue;
        if (rules[i].full || rules[i].always)
            return i;
        if (best < 0 || strlen(rules[i].suffix) > strlen(rules[best].suffix))
            best = i;
    }
    return best;
}

START_TEST(the_best_match_wins_and_ties_go_to_the_earlier)
{
    static const char *const suffixes[] = {
        "", "m", ".com", ".bar.com", ".foo.bar.com", "o.bar.com", ".net", "foo.bar.com"};
    static const char *const hosts[] = {
        "foo.bar.com", "x.foo.bar.com", "bar.com", "y.net", "m", "other"};
    struct rule rules[ROUTERS];
    struct arena *arena = arena_new();
    struct text table = text_new(arena);
    const char *files[] = {"directors", directors, "routers", NULL, NULL};
    struct world world;

    srandom((unsigned)_i + 1);
    for (int i = 0; i < ROUTERS; i++) {
        rules[i] =
            (struct rule){suffixes[random() % 8], random() % 8 == 0, random() % 12 == 0};
        text_add_format(
            &table, "r%d:\n\tdriver=test, transport=smtp%s; suffix=\"%s\", path=h%d%s\n",
            i, rules[i].always ? ", always" : "", rules[i].suffix, i,
            rules[i].full ? ", full" : "");
    }
    files[3] = text_string(&table);
    world_begin(&world, files);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        int expected = model(rules, hosts[i]);
        const struct address *address;

        world_walk(&world, arena_format(arena, "u@%s", hosts[i]));
        address = &world.result.list[0].address;
        if (expected < 0)
            ck_assert_int_eq(address->error.number, 101);
        else
            ck_assert_str_eq(address->router, arena_format(arena, "r%d", expected));
    }
    world_end(&world);
    arena_free(arena);
}
END_TEST

/* --- transports --- */

START_TEST(the_transport_comes_from_driver_method_or_router)
{
    static const struct {
        const char *generic, *specific, *end;
    } rows[] = {
        {", transport=smtp", "", "smtp:h:u@x"},
        {", transport=smtp", ", choice=uux", "uux:h:x!u"},
        {", transport=smtp, method=m", "", "uux:h:x!u"},
        {", transport=smtp, method=m", ", choice=smtp", "smtp:h:u@x"},
        {", transport=smtp, method=other", "", "smtp:h:u@x"},
        {", method=other", "", "new:u@x:4.3.5:110"},
        {"", "", "new:u@x:4.3.5:110"},
        {"", ", choice=nosuch", "new:u@x:4.3.5:103"},
    };
    struct arena *arena = arena_new();
    const char *files[] = {
        "directors",
        directors,
        "methods/m",
        "h\tuux\n",
        "methods/other",
        "somebody\tuux\n",
        "routers",
        arena_format(arena, "r:\n\tdriver=test%s; suffix=x, path=h%s\n", rows[_i].generic,
                     rows[_i].specific),
        NULL,
    };
    struct world world;

    world_begin(&world, files);
    ck_assert_str_eq(world_resolve(&world, "u@x"), rows[_i].end);
    world_end(&world);
    arena_free(arena);
}
END_TEST

START_TEST(a_router_that_defers_ends_the_search)
{
    const char *files[] = {"directors", directors, "routers",
                           "a:\n\tdriver=test, transport=smtp; suffix=.x, path=h\n"
                           "b:\n\tdriver=test, transport=smtp; suffix=.x, defer\n"
                           "c:\n\tdriver=test, transport=smtp; suffix=.x, path=h, full\n",
                           NULL};
    struct world world;

    world_begin(&world, files);
    ck_assert_str_eq(world_resolve(&world, "u@h.x"), "new:u@h.x:4.4.3:0");
    world_end(&world);
}
END_TEST

START_TEST(hosts_without_a_dot_are_qualified)
{
    static const struct {
        const char *recipient, *end;
    } rows[] = {
        {"u@printer", "smtp:s:u@printer.lan.example"},
        {"u@other", "smtp:s:u@other.uucp"},
        {"u@vlager", "failed:u@vlager:5.1.1:100"},
        {"u@other.example", "smtp:s:u@other.example"},
        {"other!u", "smtp:s:u@other.uucp"},
    };
    const char *files[] = {
        "directors", directors,
        "qualify",   "printer\tlan.example\n*\tuucp\n",
        "routers",   "s:\n\tdriver=smarthost, transport=smtp; path=S\n",
        NULL};
    struct world world;

    world_begin(&world, files);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(world_resolve(&world, rows[i].recipient), rows[i].end);
    world_end(&world);
}
END_TEST

/* --- drivers --- */

START_TEST(routers_know_their_hosts)
{
    static const struct {
        const char *config, *router, *recipient, *end;
    } rows[] = {
        /* smarthost */
        {"", "r:\n\tdriver=smarthost, transport=smtp; path=hub!far\n", "u@x.example",
         "smtp:hub:@far:u@x.example"},
        {"smart_path=hub\n", "r:\n\tdriver=smarthost, transport=smtp\n", "u@x.example",
         "smtp:hub:u@x.example"},
        {"smart_path=hub\nsmart_transport=uux\n",
         "r:\n\tdriver=smarthost, transport=smtp\n", "u@x.example",
         "uux:hub:x.example!u"},
        {"smart_transport=uux\n", "r:\n\tdriver=smarthost; path=hub\n", "u@x.example",
         "uux:hub:x.example!u"},
        {"", "r:\n\tdriver=smarthost, transport=smtp\n", "u@x.example",
         "failed:u@x.example:5.1.2:101"},
        {"auth_domains=vbrew.com\n", "r:\n\tdriver=smarthost, transport=smtp; path=hub\n",
         "u@nosuch.vbrew.com", "failed:u@nosuch.vbrew.com:5.1.2:101"},
        {"auth_domains=vbrew.com\n", "r:\n\tdriver=smarthost, transport=smtp; path=hub\n",
         "u@x.notvbrew.com", "smtp:hub:u@x.notvbrew.com"},
        {"", "r:\n\tdriver=smarthost, transport=smtp; path=\"[127.0.0.1]\"\n",
         "u@x.example", "smtp:[127.0.0.1]:u@x.example"},
        {"", "r:\n\tdriver=smarthost, transport=smtp; path=localhost\n", "u@x.example",
         "smtp:localhost:u@x.example"},
        {"", "r:\n\tdriver=smarthost, transport=smtp; path=vlager\n", "u@x.example",
         "failed:u@x.example:5.1.2:101"},
        {"", "r:\n\tdriver=smarthost, transport=smtp; path=\"a b\"\n", "u@x.example",
         "new:u@x.example:4.3.5:126"},
        {"", "r:\n\tdriver=smarthost; path=hub\n", "u@x.example",
         "new:u@x.example:4.3.5:125"},
        /* bind */
        {"", "r:\n\tdriver=bind, transport=smtp\n", "u@mx.example",
         "smtp:mx.example:u@mx.example"},
        {"", "r:\n\tdriver=bind, transport=smtp; mx_only\n", "u@host.example",
         "failed:u@host.example:5.4.4:168"},
        {"", "r:\n\tdriver=bind, transport=smtp; local_mx_okay\n", "u@ours.example",
         "failed:u@ours.example:5.1.2:101"},
        {"", "r:\n\tdriver=bind, transport=smtp; -defer_no_connect\n", "u@lost.example",
         "failed:u@lost.example:5.1.2:101"},
        {"", "r:\n\tdriver=bind, transport=smtp; ignore_domains=example\n",
         "u@mx.example", "failed:u@mx.example:5.1.2:101"},
        {"", "r:\n\tdriver=bind, transport=smtp; match_domains=example\n", "u@mx.example",
         "smtp:mx.example:u@mx.example"},
        {"", "r:\n\tdriver=bind, transport=smtp; required=mx.example\n", "u@mx.example",
         "failed:u@mx.example:5.1.2:101"},
        {"", "r:\n\tdriver=bind, transport=smtp\n", "u@pub",
         "smtp:pub.vbrew.com:u@pub.vbrew.com"},
        {"", "r:\n\tdriver=bind, transport=smtp; domain_required\n", "u@pub",
         "failed:u@pub:5.1.2:101"},
        {"", "r:\n\tdriver=bind, transport=smtp; widen_domains=example\n", "u@mx",
         "smtp:mx.example:u@mx.example"},
        {"", "r:\n\tdriver=bind, transport=smtp; gateways=mx.example:uucp:bitnet\n",
         "u@far.bitnet", "smtp:mx.example:u@far.bitnet"},
        /* gethostbyname */
        {"", "r:\n\tdriver=gethostbyname, transport=smtp\n", "u@host.example",
         "smtp:host.example:u@host.example"},
        {"", "r:\n\tdriver=gethostbyname, transport=smtp\n", "u@six.example",
         "smtp:six.example:u@six.example"},
        {"", "r:\n\tdriver=gethostbyname, transport=smtp\n", "u@mx.example",
         "failed:u@mx.example:5.1.2:101"},
        {"", "r:\n\tdriver=gethostbyname, transport=smtp; required=vbrew.com\n",
         "u@pub.vbrew.com", "smtp:pub.vbrew.com:u@pub.vbrew.com"},
        {"", "r:\n\tdriver=gethostbyname, transport=smtp\n", "u@lost.example",
         "new:u@lost.example:4.4.3:0"},
        /* gethostbyaddr */
        {"", "r:\n\tdriver=gethostbyaddr, transport=smtp\n", "u@[192.0.2.5]",
         "smtp:[192.0.2.5]:u@[192.0.2.5]"},
        {"", "r:\n\tdriver=gethostbyaddr, transport=smtp\n", "u@[IPv6:2001:DB8::5]",
         "smtp:[IPv6:2001:db8::5]:u@[IPv6:2001:db8::5]"},
        {"", "r:\n\tdriver=gethostbyaddr, transport=smtp\n", "u@x.example",
         "failed:u@x.example:5.1.2:101"},
    };
    const char *files[] = {"config",  rows[_i].config, "directors", directors,
                           "routers", rows[_i].router, NULL};
    struct world world;

    world_begin(&world, files);
    ck_assert_str_eq(world_resolve(&world, rows[_i].recipient), rows[_i].end);
    world_end(&world);
}
END_TEST

TCase *
resolve_route_case(void)
{
    TCase *tcase = tcase_create("resolve_route");

    tcase_add_loop_test(tcase, the_best_match_wins_and_ties_go_to_the_earlier, 0, 60);
    tcase_add_loop_test(tcase, the_transport_comes_from_driver_method_or_router, 0, 8);
    tcase_add_test(tcase, a_router_that_defers_ends_the_search);
    tcase_add_test(tcase, hosts_without_a_dot_are_qualified);
    tcase_add_loop_test(tcase, routers_know_their_hosts, 0, 31);
    return tcase;
}
