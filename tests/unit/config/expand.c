/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ${} expansion: reference 2.8 to 2.10, operator by operator. */
#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/settings.h"
#include "config/version.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static bool
sample_lookup(const struct expansion *expansion, const char *proto, const char *file,
              const char *key, const char **value, bool *found, struct error *error)
{
    if (strcmp(proto, "busy") == 0)
        return fail_temporary(error, "4.3.0", "%s: try later", file);
    *found = strcmp(key, "postmaster") != 0;
    *value = arena_format(expansion->arena, "  %s in %s  # a remark", key, file);
    return true;
}

static bool
sample_home_of(const struct expansion *expansion, const char *user, const char **home,
               struct error *error)
{
    if (strcmp(user, "ftp") != 0)
        return fail_permanent(error, "5.3.5", "no user %s", user);
    *home = "/srv/ftp";
    (void)expansion;
    return true;
}

static int64_t
sample_clock(void)
{
    return INT64_C(767164324) * 1000; /* Sun, 24 Apr 1994 05:12:04 UTC */
}

/* A message from janet@moria to the list dev, which became joe@vale and a pipe. */
struct sample {
    struct arena *arena;
    struct settings settings;
    struct envelope envelope;
    struct recipient recipient;
    struct address top, parent, address;
    const struct address *ancestors[2];
    struct expansion expansion;
};

static void
sample_envelope(struct sample *sample)
{
    sample->recipient = (struct recipient){.text = "Dev@vbrew.com", .original = ""};
    sample->envelope = envelope_new();
    sample->envelope.reverse_path = "janet@moria.example";
    sample->envelope.full_name = "Janet (\"J\") Doe";
    sample->envelope.peer_address = "2001:db8::7";
    sample->envelope.peer_name = "moria.example";
    sample->envelope.hello = "moria";
    sample->envelope.protocol = "esmtp";
    sample->envelope.program = "smtpd";
    sample->envelope.origin = ORIGIN_NETWORK;
    sample->envelope.size = 1000;
    sample->envelope.header_size = 300;
    sample->envelope.received = INT64_C(767164000000);
    sample->envelope.recipients = &sample->recipient;
    sample->envelope.recipient_count = 1;
}

static struct address
sample_address(const char *text, const char *next_address)
{
    return (struct address){.text = text,
                            .source = "",
                            .owner = "",
                            .director = "",
                            .router = "",
                            .transport = "",
                            .next_hop = "",
                            .next_address = next_address,
                            .user = "",
                            .group = "",
                            .home = "",
                            .dsn_recipient = ""};
}

static void
sample_begin(struct sample *sample)
{
    memset(sample, 0, sizeof *sample);
    clock_replace(sample_clock, NULL);
    setenv("TZ", "UTC", 1);
    sample->arena = arena_new();
    attributes_default(settings_attributes, &sample->settings, sample->arena);
    settings_complete(&sample->settings, "vlager", "vlager.vbrew.com", sample->arena);
    sample_envelope(sample);
    sample->top = sample_address("Dev@vbrew.com", "");
    sample->parent = sample_address("\"Joe User\"@vbrew.com", "");
    sample->address = sample_address("joe@vale.example", "Joe");
    sample->address.next_hop = "vale.example";
    sample->address.home = "/home/joe";
    sample->address.router = "bind_hosts";
    sample->address.transport = "smtp";
    sample->ancestors[0] = &sample->parent;
    sample->ancestors[1] = &sample->top;
    sample->expansion = expansion_new(&sample->settings, sample->arena);
    sample->expansion.envelope = &sample->envelope;
    sample->expansion.message_id = "m0puwU8-00023UB";
    sample->expansion.header = SPAN("X-Site: a\r\nSubject: b\r\n\r\n");
    sample->expansion.address = &sample->address;
    sample->expansion.ancestors = sample->ancestors;
    sample->expansion.ancestor_count = 2;
    sample->expansion.form = FORM_INET;
    sample->expansion.lookup = sample_lookup;
    sample->expansion.home_of = sample_home_of;
}

static void
sample_end(struct sample *sample)
{
    clock_replace(NULL, NULL);
    arena_free(sample->arena);
}

static const struct {
    const char *text, *result;
} good[] = {
    /* forms */
    {"", ""},
    {"plain text: {a}", "plain text: {a}"},
    {"$user@gw", "Joe@gw"},
    {"owner-$user", "owner-Joe"},
    {"${user}", "Joe"},
    {"$USER ${User}", "Joe Joe"},
    {"$addr", "Joe"},
    {"a$user/b", "aJoe/b"},
    {"~", "/home/joe"},
    {"~/.forward", "/home/joe/.forward"},
    {"~ftp/x", "/srv/ftp/x"},
    {"~ftp", "/srv/ftp"},
    {"x~/y", "x~/y"},
    {"lists/${lc:user}", "lists/joe"},
    /* operators, right to left */
    {"${lc:user}${uc:user}", "joeJOE"},
    {"${strip:parent:user}", "Joe.User"},
    {"${lc:strip:parent:user}", "joe.user"},
    {"${uc:lc:user}", "JOE"},
    {"${quote:parent:user}", "\"Joe User\""},
    {"${quote:user}", "Joe"},
    {"${shquote:user}", "Joe"},
    {"${shquote:parent:user}", "'Joe User'"},
    {"${shquote:sender_name}", "'Janet (\"J\") Doe'"},
    {"${comment:sender_name}", "Janet \\(\"J\"\\) Doe"},
    {"${strip:sender_name}", "Janet.(J).Doe"},
    {"${parent:input_addr}", "\"Joe User\"@vbrew.com"},
    {"${top:user}", "Dev"},
    {"${top:input_addr}", "Dev@vbrew.com"},
    {"${parent:parent:user}", "Dev"},
    {"${lc:top:user}", "dev"},
    /* variables */
    {"$message_id $id", "m0puwU8-00023UB m0puwU8-00023UB"},
    {"$message_size $size $message_body_size $body_size", "1000 1000 700 700"},
    {"$grade", "C"},
    {"$primary_name $primary", "vlager.vbrew.com vlager.vbrew.com"},
    {"$visible_name $name $uucp_name", "vlager.vbrew.com vlager.vbrew.com vlager"},
    {"$sender $from", "janet@moria.example janet@moria.example"},
    {"$sender_name", "Janet (\"J\") Doe"},
    {"$sender_host $sender_host_name", "moria moria.example"},
    {"$sender_host_addr $sender_literal", "2001:db8::7 [IPv6:2001:db8::7]"},
    {"$sender_proto $sender_program $program", "esmtp smtpd smtpd"},
    {"$smail_lib_dir", "/usr/lib/smail"},
    {"$version", SMAIL_VERSION},
    {"$host $router $transport", "vale.example bind_hosts smtp"},
    {"$home $HOME", "/home/joe /home/joe"},
    {"$input_addr", "joe@vale.example"},
    {"$recipient", "Dev@vbrew.com"},
    {"$date", "Sun, 24 Apr 1994 05:12:04 +0000"},
    {"$spool_date", "Sun, 24 Apr 1994 05:06:40 +0000"},
    {"$ctime", "Sun Apr 24 05:12:04 1994"},
    /* if */
    {"${if def:user :yes}", "yes"},
    {"${if def:user: yes}", " yes"},
    {"${if def:user yes}", "yes"},
    {"${if def:director :yes}", ""},
    {"${if def:user {yes} else {no}}", "yes"},
    {"${if def:director {yes} else {no}}", "no"},
    {"${if def:director {yes}{no}}", "no"},
    {"${if def:user then {yes} else {no}}", "yes"},
    {"${if def:director then{yes}else{no}}", "no"},
    {"${if def:director {yes}}", ""},
    {"a${if def:user {b${if def:director {c} else {d}}e}}f", "abdef"},
    {"${if def:user :{$user}}", "{Joe}"},
    /* conditions */
    {"${if !def:user {a} else {b}}", "b"},
    {"${if ! !def:user {a} else {b}}", "a"},
    {"${if def:parent:user {a} else {b}}", "a"},
    {"${if def:parent:host {a} else {b}}", "b"},
    {"${if header:x-site {a} else {b}}", "a"},
    {"${if header:x-sit {a} else {b}}", "b"},
    {"${if origin:local {a} else {b}}", "b"},
    {"${if origin:remote {a} else {b}}", "a"},
    {"${if dest:local {a} else {b}}", "b"},
    {"${if dest:remote {a} else {b}}", "a"},
    {"${if xform:inet {a} else {b}}", "a"},
    {"${if xform:uucp {a} else {b}}", "b"},
    {"${if xform:local {a} else {b}}", "b"},
    {"${if xform:none {a} else {b}}", "b"},
    {"${if eq{user}{Joe} {a} else {b}}", "a"},
    {"${if eq{user}{joe} {a} else {b}}", "b"},
    {"${if eq{lc:user}{joe} {a} else {b}}", "a"},
    {"${if eq{$user}{Joe} {a} else {b}}", "a"},
    {"${if eq{user}{$user} {a} else {b}}", "a"},
    {"${if eq{director}{} {a} else {b}}", "b"}, /* no value equals nothing */
    {"${if gt{user}{Jim} {a} else {b}}", "a"},
    {"${if lt{user}{Jim} {a} else {b}}", "b"},
    {"${if lt{grade}{D} {a} else {b}}", "a"},
    {"${if and{{def:user}{eq{user}{Joe}}} {a} else {b}}", "a"},
    {"${if and{{def:user}{def:director}} {a} else {b}}", "b"},
    {"${if or{{def:director}{def:user}} {a} else {b}}", "a"},
    {"${if or{{def:director}{!def:user}} {a} else {b}}", "b"},
    {"${if or {{def:director} {and{{def:user}{dest:remote}}}} {a} else {b}}", "a"},
    /* the reference's own example, and branches that are not taken */
    {"${if and{{dest:remote}{!header:x-site}} :X-Site: $primary_name}", ""},
    {"${if and{{dest:remote}{!header:x-othr}} :X-Site: $primary_name}",
     "X-Site: vlager.vbrew.com"},
    {"${if def:director {$director} else {none}}", "none"},
    /* lookups: trimmed, cut at '#' */
    {"${lookup:user:lsearch{aliases} :$value}", "Joe in aliases"},
    {"${lookup:lc:user:lsearch{$host/x} {<$value>} else {-}}", "<joe in vale.example/x>"},
    {"${lookup:top:user:lsearch{f} then {$value} else {-}}", "Dev in f"},
    {"${lookup:user:lsearch{f} {${lookup:value:gdbm{g} :$value}}}", "Joe in f in g"},
    {"${if def:director :${lookup:user:busy{f} :$value}}", ""},
    /* values are never expanded again */
    {"${if eq{sender}{janet@moria.example} :$sender_host}", "moria"},
};

START_TEST(texts_expand_as_the_reference_says)
{
    struct sample sample;

    sample_begin(&sample);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct error error = {0};
        const char *result = NULL;

        ck_assert_msg(expand(good[i].text, &sample.expansion, &result, &error), "%s: %s",
                      good[i].text, error.text);
        ck_assert_msg(strcmp(result, good[i].result) == 0, "%s: %s", good[i].text,
                      result);
        ck_assert_msg(expand_check(good[i].text, false, &error), "%s: %s", good[i].text,
                      error.text);
    }
    sample_end(&sample);
}
END_TEST

static const struct {
    const char *text, *error;
    bool syntax; /* seen without values */
} bad[] = {
    {"$usr", "variable 'usr' is unknown; the nearest one is user", true},
    {"${nosuchthing}", "variable 'nosuchthing' is unknown", true},
    {"$director", "variable director has no value here", false},
    {"${parent:host}", "variable parent:host has no value here", false},
    {"${parent:parent:parent:user}", "variable parent:user has no value here", false},
    {"$ident_sender", "variable ident_sender has no value here", false},
    {"~nobody/x", "no user nobody", false},
    {"a$", "end of the text found, the name of a variable behind '$' expected", true},
    {"$-x", "'-x' found, the name of a variable behind '$' expected", true},
    {"${user", "'user' found, '}' behind the name of a variable expected", true},
    {"${}", "nothing found, the name of a variable expected", true},
    {"${up:user}",
     "operator 'up' found, one of lc, uc, quote, shquote, strip, comment, parent, top "
     "expected",
     true},
    {"$value", "variable value has a meaning only inside a lookup", true},
    {"${if}",
     "'}' found, a condition (def:, header:, origin:, dest:, xform:, eq, gt, lt, and, "
     "or) "
     "expected",
     true},
    {"${if defined:user :x}",
     "'defined:user :x}' found, a condition (def:, header:, origin:, dest:, xform:, eq, "
     "gt, lt, and, or) expected",
     true},
    {"${if def: :x}", "' :x}' found, the name of a variable behind 'def:' expected",
     true},
    {"${if def:usr :x}", "variable 'usr' is unknown; the nearest one is user", true},
    {"${if origin:here :x}",
     "'here :x}' found, 'local' or 'remote' behind 'origin:' expected", true},
    {"${if xform:mime :x}",
     "'mime :x}' found, 'none', 'local', 'inet' or 'uucp' behind 'xform:' expected",
     true},
    {"${if eq{user} :x}", "':x}' found, '{' expected", true},
    {"${if eq user :x}", "'user :x}' found, '{' and a variable expected", true},
    {"${if and{def:user} :x}",
     "'def:user} :x}' found, '{' and a condition, or '}' expected", true},
    {"${if def:user :x", "end of the text found, '}' at the end of '${' expected", true},
    {"${if def:user {x} else y}", "'y}' found, '{' expected", true},
    {"${if def:director :$usr}", "variable 'usr' is unknown; the nearest one is user",
     true},
    {"${lookup:user:lsearch :$value}",
     "'user:lsearch :$value' found, 'variable:protocol{file}' behind '${lookup:' "
     "expected",
     true},
    {"${lookup:lsearch{f}}",
     "'lsearch{f}}' found, 'variable:protocol{file}' behind '${lookup:' expected", true},
    {"${lookup:director:lsearch{f} :x}", "variable director has no value here", false},
};

START_TEST(what_fails_is_named)
{
    struct sample sample;

    sample_begin(&sample);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {0};
        const char *result;

        ck_assert_msg(!expand(bad[i].text, &sample.expansion, &result, &error), "%s",
                      bad[i].text);
        ck_assert_str_eq(error.text, bad[i].error);
        ck_assert_msg(error.permanent, "%s", bad[i].text);
        ck_assert_msg(expand_check(bad[i].text, false, NULL) != bad[i].syntax, "%s",
                      bad[i].text);
    }
    sample_end(&sample);
}
END_TEST

START_TEST(a_lookup_that_cannot_answer_now_is_temporary)
{
    struct sample sample;
    struct error error = {0};
    const char *result;

    sample_begin(&sample);
    ck_assert(
        !expand("${lookup:user:busy{f} :$value}", &sample.expansion, &result, &error));
    ck_assert(!error.permanent);
    ck_assert_str_eq(error.status, "4.3.0");
    sample.expansion.lookup = NULL;
    ck_assert(
        !expand("${lookup:user:busy{f} :$value}", &sample.expansion, &result, &error));
    ck_assert(error.permanent);
    sample_end(&sample);
}
END_TEST

START_TEST(a_key_that_is_not_there_takes_the_other_branch)
{
    struct sample sample;
    const char *result;

    sample_begin(&sample);
    sample.expansion.user = "postmaster";
    ck_assert(expand("${lookup:user:lsearch{f} then {$value} else {no $user}}",
                     &sample.expansion, &result, NULL));
    ck_assert_str_eq(result, "no postmaster");
    ck_assert(
        expand("${lookup:user:lsearch{f} :$value}", &sample.expansion, &result, NULL));
    ck_assert_str_eq(result, "");
    sample_end(&sample);
}
END_TEST

START_TEST(outside_a_message_its_variables_have_no_value)
{
    static const char *const texts[] = {"$sender", "$user",  "$host", "$message_id",
                                        "~/x",     "$grade", "$size", "${top:user}"};
    struct sample sample;
    struct expansion bare;
    const char *result;

    sample_begin(&sample);
    bare = expansion_new(&sample.settings, sample.arena);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_msg(!expand(texts[i], &bare, &result, NULL), "%s", texts[i]);
    ck_assert(expand("$primary_name", &bare, &result, NULL));
    sample_end(&sample);
}
END_TEST

START_TEST(what_strangers_say_cannot_end_a_line_or_be_expanded)
{
    struct sample sample;
    const char *result;

    sample_begin(&sample);
    sample.envelope.hello = "a\r\nX: $user ${lc:user}";
    sample.envelope.full_name = "b\r\nBcc: c $user";
    sample.envelope.program = "d\ne";
    sample.envelope.peer_address = "1.2.3.4\n";
    ck_assert(expand("$sender_host/$sender_name/$sender_program/$sender_literal",
                     &sample.expansion, &result, NULL));
    ck_assert_str_eq(result, "a??X:??user???lc:user?/b??Bcc: c $user/d?e/[1.2.3.4?]");
    sample_end(&sample);
}
END_TEST

static const struct {
    const char *hello, *name, *address, *proto, *recipient, *result;
} traces[] = {
    {"mail.example", "mx.example", "192.0.2.1", "esmtp", "joe@vbrew.com",
     "Received: from mail.example (mx.example [192.0.2.1])\n\tby vlager.vbrew.com via "
     "smtpd with ESMTP\n\tid m0puwU8-00023UB\n\tfor <joe@vbrew.com>; Sun, 24 Apr 1994 "
     "05:06:40 +0000"},
    {"[IPv6:::1]", "", "::1", "smtp", "root",
     "Received: from [IPv6:::1] ([IPv6:::1])\n\tby vlager.vbrew.com via smtpd with "
     "SMTP\n\tid m0puwU8-00023UB\n\tfor <root@vlager.vbrew.com>; Sun, 24 Apr 1994 "
     "05:06:40 +0000"},
    {"", "", "", "local", "j\xc3\xb6@vbrew.com",
     "Received: by vlager.vbrew.com via smtpd with LOCAL\n\tid m0puwU8-00023UB; Sun, 24 "
     "Apr 1994 05:06:40 +0000"},
};

START_TEST(the_trace_field_is_valid)
{
    struct sample sample;

    sample_begin(&sample);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        const char *result;

        sample.envelope.hello = traces[i].hello;
        sample.envelope.peer_name = traces[i].name;
        sample.envelope.peer_address = traces[i].address;
        sample.envelope.protocol = traces[i].proto;
        sample.recipient.text = traces[i].recipient;
        ck_assert(expand(sample.settings.received_field.text, &sample.expansion, &result,
                         NULL));
        ck_assert_str_eq(result, traces[i].result);
    }
    sample.envelope.recipient_count = 2;
    sample.envelope.recipients = NULL; /* several are not told of each other */
    ck_assert(!expand("$recipient", &sample.expansion, &(const char *){NULL}, NULL));
    sample_end(&sample);
}
END_TEST

START_TEST(a_null_reverse_path_is_a_value)
{
    struct sample sample;
    const char *result;

    sample_begin(&sample);
    sample.envelope.reverse_path = "";
    ck_assert(
        expand(sample.settings.return_path_field.text, &sample.expansion, &result, NULL));
    ck_assert_str_eq(result, "Return-Path: <>");
    ck_assert(expand("${if def:sender {a} else {b}}", &sample.expansion, &result, NULL));
    ck_assert_str_eq(result, "b");
    sample_end(&sample);
}
END_TEST

START_TEST(nesting_and_length_are_bounded)
{
    struct sample sample;
    struct text deep, not, many;
    const char *result;

    sample_begin(&sample);
    deep = text_new(sample.arena);
    not = text_new(sample.arena);
    many = text_new(sample.arena);
    for (int i = 0; i < 100000; i++)
        text_add(&deep, "${if def:user {");
    text_add(&not, "${if ");
    for (int i = 0; i < 100000; i++)
        text_add(&not, "!");
    sample.expansion.user = arena_alloc(sample.arena, 10001);
    memset((char *)sample.expansion.user, 'x', 10000);
    for (int i = 0; i < 200; i++)
        text_add(&many, "$user");
    ck_assert(!expand(text_string(&deep), &sample.expansion, &result, NULL));
    ck_assert(!expand(text_string(&not ), &sample.expansion, &result, NULL));
    ck_assert(!expand(text_string(&many), &sample.expansion, &result, NULL));
    sample_end(&sample);
}
END_TEST

TCase *
config_expand_case(void)
{
    TCase *tests = tcase_create("config_expand");

    tcase_add_test(tests, texts_expand_as_the_reference_says);
    tcase_add_test(tests, what_fails_is_named);
    tcase_add_test(tests, a_lookup_that_cannot_answer_now_is_temporary);
    tcase_add_test(tests, a_key_that_is_not_there_takes_the_other_branch);
    tcase_add_test(tests, outside_a_message_its_variables_have_no_value);
    tcase_add_test(tests, what_strangers_say_cannot_end_a_line_or_be_expanded);
    tcase_add_test(tests, the_trace_field_is_valid);
    tcase_add_test(tests, a_null_reverse_path_is_a_value);
    tcase_add_test(tests, nesting_and_length_are_bounded);
    return tests;
}
