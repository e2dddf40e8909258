/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

static const char directors[] =
    "aliasinclude:\n\tdriver=aliasinclude; copysecure, copyowners\n"
    "forwardinclude:\n\tdriver=forwardinclude; copysecure, copyowners\n"
    "aliases:\n\tdriver=aliasfile, sender_okay, owner=owner-$user;\n"
    "\tfile=@/aliases, proto=lsearch, optional\n"
    "dotforward:\n\tdriver=forwardfile, sender_okay, owner=real-$user;\n"
    "\tfile=~/.forward, checkowner, owners=root\n"
    "user:\n\tdriver=user; transport=local\n"
    "real_user:\n\tdriver=user; transport=local, prefix=real-\n"
    "lists:\n\tdriver=forwardfile, caution, sender_okay, owner=owner-$user;\n"
    "\tfile=@/lists/${lc:user}\n";
static const char routers[] =
    "inet_addrs:\n\tdriver=gethostbyaddr, transport=smtp; fail_if_error\n"
    "bind_hosts:\n\tdriver=bind, transport=smtp; defer_no_connect, domain_required\n";
static const char smart_routers[] =
    "smart_host:\n\tdriver=smarthost, transport=smtp; path=hub.example\n";

static const char *const internet[] = {"directors", directors, "routers", routers, NULL};
static const char *const leaf[] = {"directors", directors, "routers", smart_routers,
                                   NULL};

/* --- */

START_TEST(addresses_end_where_they_should)
{
    static const struct {
        const char *recipient, *end;
    } rows[] = {
        {"joe", "local::joe:joe"},
        {"JOE@VLAGER.vbrew.com", "local::joe:joe"},
        {"vlager!joe", "local::joe:joe"},
        {"joe%vlager@vlager.vbrew.com", "local::joe:joe"},
        {"real-joe", "local::joe:joe"},
        {"root", "local::root:root"},
        {"postmaster", "local::root:root"},
        {"MAILER-DAEMON", "local::root:root"},
        {"nosuch", "failed:nosuch:5.1.1:100"},
        {"someone@mx.example", "smtp:mx.example:someone@mx.example"},
        {"someone@host.example", "smtp:host.example:someone@host.example"},
        {"someone@six.example", "smtp:six.example:someone@six.example"},
        {"someone@nosuch.example", "failed:someone@nosuch.example:5.1.2:101"},
        {"someone@null.example", "failed:someone@null.example:5.1.10:168"},
        {"someone@ours.example", "failed:someone@ours.example:5.4.6:169"},
        {"someone@lost.example", "new:someone@lost.example:4.4.3:163"},
        {"someone@[192.0.2.9]", "smtp:[192.0.2.9]:someone@[192.0.2.9]"},
        {"joe@[127.0.0.1]", "local::joe:joe"},
        {"joe@[IPv6:::1]", "local::joe:joe"},
        {"someone@[nonsense]", "failed:someone@[nonsense]:5.1.3:157"},
        /* our own names come off, and what is left decides */
        {"someone%mx.example@vlager", "smtp:mx.example:someone@mx.example"},
        {"vlager!mx.example!someone", "smtp:mx.example:someone@mx.example"},
        {"@vlager:someone@mx.example", "smtp:mx.example:someone@mx.example"},
        /* a quoted local part is one name */
        {"\"someone%mx.example\"@vlager",
         "failed:\"someone%mx.example\"@vlager:5.1.1:100"},
        {"\"someone@mx.example\"@vlager",
         "failed:\"someone@mx.example\"@vlager:5.1.1:100"},
        {"\"mx.example!someone\"", "failed:\"mx.example!someone\":5.1.1:100"},
        {"\"|/bin/true\"@vlager", "failed:\"|/bin/true\"@vlager:5.1.1:100"},
        {"/etc/passwd@vlager", "failed:/etc/passwd@vlager:5.1.1:100"},
        {"\":include:/etc/passwd\"", "failed:\":include:/etc/passwd\":5.1.1:100"},
        {"~joe/x@vlager", "failed:~joe/x@vlager:5.1.1:100"},
        {"../joe/.forward@vlager", "failed:../joe/.forward@vlager:5.1.3:111"},
        {"mx.example!a!b!!", "failed:mx.example!a!b!!:5.1.3:111"},
        {"broken", "new:broken:4.3.0:0"},
        {"away", "user:away"},
    };
    struct world world;

    world_begin(&world, internet);
    ck_assert_str_eq(world_resolve(&world, rows[_i].recipient), rows[_i].end);
    world_end(&world);
}
END_TEST

START_TEST(next_addresses_take_the_form_of_the_transport)
{
    static const struct {
        const char *routers, *recipient, *end;
    } rows[] = {
        /* reference 8.5, worked cases */
        {"r:\n\tdriver=test, transport=uux; suffix=host, path=host, full\n", "user@host",
         "uux:host:user"},
        {"r:\n\tdriver=test, transport=uux; suffix=gateway, path=gateway, full\n",
         "user%host@gateway", "uux:gateway:user%host"},
        {"r:\n\tdriver=test, transport=uux; suffix=.bar.com, path=ernie!bert\n",
         "joe@foo.bar.com", "uux:ernie:bert!foo.bar.com!joe"},
        {"r:\n\tdriver=test, transport=smtp; suffix=gateway, path=host1!host2!host3, "
         "full\n",
         "user%host@gateway", "smtp:host1:@host2:user%host@host3"},
        {"r:\n\tdriver=test, transport=smtp; suffix=gateway, path=host1!host2!host3\n",
         "user%host@gateway", "smtp:host1:@host2,@host3:user%host@gateway"},
        {"r:\n\tdriver=test, transport=smtp; path=S\n", "a!b!user", "smtp:S:b!user@a"},
        {"r:\n\tdriver=test, transport=uux; path=S\n", "user@there", "uux:S:there!user"},
        {"r:\n\tdriver=test, transport=smtp; suffix=a, path=a, full\n", "@a:u@c",
         "smtp:a:u@c"},
        {"r:\n\tdriver=test, transport=smtp; suffix=a, path=a, full\n", "@a,@b:u@c",
         "smtp:a:@b:u@c"},
        {"r:\n\tdriver=test, transport=uux; suffix=a, path=a, full\n", "@a,@b:u@c",
         "uux:a:b!c!u"},
        {"r:\n\tdriver=test, transport=smtp; path=S\n", "\"a!b\"@there",
         "smtp:S:\"a!b\"@there"},
        /* the path that comes back to us is us */
        {"r:\n\tdriver=test, transport=smtp; suffix=alias, full\n", "joe@alias",
         "local::joe:joe"},
        {"r:\n\tdriver=test, transport=smtp; suffix=alias, path=vlager!far, full\n",
         "joe@alias", "smtp:far:joe@far"},
        {"r:\n\tdriver=test, transport=smtp; suffix=.example, path=vlager\n",
         "joe@x.example", "failed:joe@x.example:5.1.2:101"},
    };
    struct world world;
    const char *files[] = {"directors", directors, "routers", rows[_i].routers, NULL};

    world_begin(&world, files);
    ck_assert_str_eq(world_resolve(&world, rows[_i].recipient), rows[_i].end);
    world_end(&world);
}
END_TEST

TCase *
resolve_resolve_case(void)
{
    TCase *tcase = tcase_create("resolve_resolve");

    tcase_add_loop_test(tcase, addresses_end_where_they_should, 0, 34);
    tcase_add_loop_test(tcase, next_addresses_take_the_form_of_the_transport, 0, 14);
    (void)leaf;
    return tcase;
}
