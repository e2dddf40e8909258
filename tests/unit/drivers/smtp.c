/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smtp transport against servers on loopback addresses: hosts and addresses in turn,
 * results for each address, connections that are kept.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/deliver.h"
#include "drivers/driver.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

extern const struct transport_driver smtp_transport;

enum { SERVERS = 3, ADDRESSES = 4 };

/* --- servers --- */

/* How a server behaves; NULL is 250 (220, 354). */
struct behaviour {
    bool closed;     /* nobody listens */
    bool hates_ehlo; /* hangs up on it */
    const char *greeting, *mail, *end;
    int most_recipients; /* 452 beyond; 0: any number */
    int most_messages;   /* closes the connection after that; 0: any number */
    bool silent_end;     /* closes instead of the reply to the text */
};

/* What it counts, for the test to see. */
struct counts {
    int sessions, messages, recipients, ehlos;
};

struct server {
    int listener;
    pid_t child;
    struct counts *counts;
};

static void
say(FILE *client, const char *reply, const char *otherwise)
{
    /* Past the stream, which only reads. */
    dprintf(fileno(client), "%s\r\n", reply != NULL ? reply : otherwise);
}

static void
take_recipient(FILE *client, const struct behaviour *behaviour, const char *line,
               int *taken)
{
    if (behaviour->mail != NULL)
        say(client, "503 no sender", NULL);
    else if (strncmp(line, "RCPT TO:<no", 11) == 0)
        say(client, "550 5.1.1 no such user", NULL);
    else if (strncmp(line, "RCPT TO:<later", 14) == 0)
        say(client, "450 4.2.1 later", NULL);
    else if (behaviour->most_recipients > 0 && *taken == behaviour->most_recipients)
        say(client, "452 4.5.3 too many", NULL);
    else {
        (*taken)++;
        say(client, NULL, "250 2.1.5 ok");
    }
}

/* The text of a message; false when the client went away inside. */
static bool
take_text(FILE *client)
{
    char line[1024];

    say(client, NULL, "354 go");
    while (fgets(line, sizeof line, client) != NULL)
        if (strcmp(line, ".\r\n") == 0)
            return true;
    return false;
}

static void
serve(FILE *client, const struct behaviour *behaviour, struct counts *counts)
{
    char line[1024];
    int taken = 0, messages = 0;

    counts->sessions++;
    say(client, behaviour->greeting, "220 server ESMTP");
    while (fgets(line, sizeof line, client) != NULL) {
        if (strncmp(line, "EHLO", 4) == 0) {
            counts->ehlos++;
            if (behaviour->hates_ehlo)
                return;
            say(client, NULL, "250-server\r\n250 PIPELINING");
        } else if (strncmp(line, "MAIL", 4) == 0) {
            taken = 0;
            say(client, behaviour->mail, "250 2.1.0 ok");
        } else if (strncmp(line, "RCPT", 4) == 0) {
            take_recipient(client, behaviour, line, &taken);
        } else if (strncmp(line, "DATA", 4) == 0 && taken == 0) {
            say(client, "503 no recipients", NULL);
        } else if (strncmp(line, "DATA", 4) == 0) {
            if (!take_text(client) || behaviour->silent_end)
                return;
            counts->messages += behaviour->end == NULL;
            counts->recipients += behaviour->end == NULL ? taken : 0;
            say(client, behaviour->end, "250 2.0.0 taken");
            if (behaviour->most_messages > 0 && ++messages == behaviour->most_messages)
                return;
        } else {
            say(client, NULL, "250 ok"); /* HELO, RSET, QUIT */
            if (strncmp(line, "QUIT", 4) == 0)
                return;
        }
    }
}

/* 127.0.0.1, 127.0.0.2, ... on one port; *port 0: any free one. */
static void
server_start(struct server *server, int number, uint16_t *port,
             const struct behaviour *behaviour)
{
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_port = htons(*port),
                                .sin_addr.s_addr = htonl(0x7f000000u + (unsigned)number)};
    socklen_t length = sizeof local;
    int one = 1;

    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(getsockname(server->listener, (struct sockaddr *)&local, &length),
                     0);
    *port = ntohs(local.sin_port);
    server->counts = mmap(NULL, sizeof *server->counts, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(server->counts, MAP_FAILED);
    server->child = 0;
    if (behaviour->closed)
        return;
    ck_assert_int_eq(listen(server->listener, 10), 0);
    server->child = fork();
    ck_assert_int_ge(server->child, 0);
    while (server->child == 0) {
        int fd = accept(server->listener, NULL, NULL);
        FILE *client = fd >= 0 ? fdopen(fd, "r") : NULL;

        if (client == NULL ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
            _exit(1);
        serve(client, behaviour, server->counts);
        fclose(client);
    }
}

static void
server_stop(struct server *server)
{
    if (server->child > 0) {
        kill(server->child, SIGKILL);
        waitpid(server->child, NULL, 0);
    }
    close(server->listener);
    munmap(server->counts, sizeof *server->counts);
}

/* --- names: x.example has hosts 1, 2, 3 by preference; host N is 127.0.0.N --- */

static bool
names_lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
             struct dns_answer *answer, struct error *error)
{
    struct dns_record *records = arena_array(arena, SERVERS, sizeof *records);
    int number = 0;

    (void)context;
    (void)error;
    *answer =
        (struct dns_answer){.result = DNS_NO_DATA, .canonical = name, .records = records};
    if (strcmp(name, "gone.example") == 0) {
        answer->result = DNS_NO_NAME;
    } else if (strcmp(name, "x.example") == 0 && type == DNS_MX) {
        answer->result = DNS_FOUND;
        answer->count = SERVERS;
        for (int i = 0; i < SERVERS; i++)
            records[i] =
                (struct dns_record){.preference = (uint16_t)(10 * i),
                                    .name = arena_format(arena, "host%d.example", i + 1)};
    } else if (sscanf(name, "host%d.example", &number) == 1 && type == DNS_A) {
        answer->result = DNS_FOUND;
        answer->count = 1;
        records[0].address = arena_format(arena, "127.0.0.%d", number);
    } else if (strcmp(name, "fails.example") == 0) {
        answer->result = DNS_FAILURE;
    }
    return true;
}

/* --- one worker --- */

struct worker {
    struct arena *arena;
    struct configuration configuration;
    struct entry entry;
    struct services services;
    struct resolver resolver;
    struct envelope envelope;
    struct connection_cache *cache;
    struct server servers[SERVERS];
    struct address addresses[ADDRESSES];
    struct delivery_address results[ADDRESSES];
    uint16_t port;
};

static void
worker_set(struct worker *worker, const char *name, const char *value)
{
    const struct setting setting = {.form = SETTING_VALUE, .name = name, .value = value};
    struct error error = {0};

    ck_assert_msg(attribute_apply(smtp_transport.driver.attributes, worker->entry.config,
                                  &setting, "test", worker->arena, NULL, &error),
                  "%s", error.text);
}

static struct worker *
worker_new(const struct behaviour *behaviours)
{
    struct worker *worker = memory_alloc(sizeof *worker);

    worker->arena = arena_new();
    worker->configuration.settings.primary_name = "y.example";
    worker->entry = (struct entry){.kind = ENTRY_TRANSPORT, .name = "smtp"};
    worker->entry.config = arena_alloc(worker->arena, smtp_transport.driver.config_size);
    attributes_default(smtp_transport.driver.attributes, worker->entry.config,
                       worker->arena);
    for (int i = 0; i < SERVERS; i++)
        server_start(&worker->servers[i], i + 1, &worker->port, &behaviours[i]);
    worker_set(worker, "service",
               arena_format(worker->arena, "%u", (unsigned)worker->port));
    worker->resolver.lookup = names_lookup;
    worker->services.resolver = &worker->resolver;
    worker->envelope = envelope_new();
    worker->cache = connection_cache_new(10);
    return worker;
}

static void
worker_free(struct worker *worker)
{
    connection_cache_free(worker->cache);
    for (int i = 0; i < SERVERS; i++)
        server_stop(&worker->servers[i]);
    arena_free(worker->arena);
    free(worker);
}

/* Deliver to addresses separated by blanks. "R0 F156 D148": outcome and number of each.
 */
static const char *
worker_deliver(struct worker *worker, const char *next_hop, bool use_mx, const char *to)
{
    static const char text[] = "Subject: x\r\n\r\nFrom here.\r\n";
    const struct content_source source = {.memory =
                                              SPAN("Subject: x\r\n\r\nFrom here.\r\n"),
                                          .fd = -1,
                                          .size = sizeof text - 1,
                                          .header_size = 14};
    struct text outcome = text_new(worker->arena);
    struct span rest = span_of(to), path;
    struct delivery delivery = {
        .configuration = &worker->configuration,
        .entry = &worker->entry,
        .services = &worker->services,
        .envelope = &worker->envelope,
        .reverse_path = "s@y.example",
        .next_hop = next_hop,
        .use_mx = use_mx,
        .addresses = worker->results,
        .rendering = rendering_new(&source, worker->arena),
        .expansion = expansion_new(&worker->configuration.settings, worker->arena),
        .connections = worker->cache,
        .deadline = clock_monotonic() + 20000,
        .arena = worker->arena};

    delivery.rendering.header = SPAN("Subject: x\r\n\r\n");
    memset(worker->results, 0, sizeof worker->results);
    while (span_next(&rest, ' ', &path)) {
        struct address *address = &worker->addresses[delivery.address_count];

        address->text = address->next_address = span_string(path, worker->arena);
        worker->results[delivery.address_count++].address = address;
    }
    smtp_transport.deliver(worker->entry.config, &delivery);
    for (size_t i = 0; i < delivery.address_count; i++)
        text_add_format(&outcome, "%s%c%d", i > 0 ? " " : "",
                        "DLRF"[worker->results[i].outcome],
                        worker -> results[i].error.number);
    return text_string(&outcome);
}

#define CLOSED                                                                           \
    {                                                                                    \
        .closed = true                                                                   \
    }

static const struct {
    const char *next_hop;
    struct behaviour behaviours[SERVERS];
    const char *to, *outcome;
    int sessions[SERVERS], messages[SERVERS];
} deliveries[] = {
    {"x.example", {{0}, {0}, {0}}, "a@x b@x", "R0 R0", {1, 0, 0}, {1, 0, 0}},
    /* hosts in their order, until one is there */
    {"x.example", {CLOSED, {0}, {0}}, "a@x", "R0", {0, 1, 0}, {0, 1, 0}},
    {"x.example", {CLOSED, CLOSED, {0}}, "a@x", "R0", {0, 0, 1}, {0, 0, 1}},
    {"x.example", {CLOSED, CLOSED, CLOSED}, "a@x b@x", "D148 D148", {0, 0, 0}, {0, 0, 0}},
    {"x.example",
     {{.greeting = "421 busy"}, {.greeting = "554 no"}, {0}},
     "a@x",
     "R0",
     {1, 1, 1},
     {0, 0, 1}},
    {"x.example",
     {{.greeting = "554 no"}, {.greeting = "554 no"}, {.greeting = "554 no"}},
     "a@x",
     "F149",
     {1, 1, 1},
     {0, 0, 0}},
    /* one that is not there is a reason to wait, whatever the others say */
    {"x.example",
     {CLOSED, {.greeting = "554 no"}, {.greeting = "554 no"}},
     "a@x",
     "D148",
     {0, 1, 1},
     {0, 0, 0}},
    /* each address its own; what waits gets one more chance at another host */
    {"x.example", {{0}, {0}, {0}}, "a@x no@x", "R0 F156", {1, 0, 0}, {1, 0, 0}},
    {"x.example",
     {{0}, {0}, {0}},
     "a@x no@x later@x",
     "R0 F156 D151",
     {1, 1, 0},
     {1, 0, 0}},
    {"x.example",
     {{.mail = "451 no"}, {0}, {0}},
     "a@x b@x",
     "R0 R0",
     {1, 1, 0},
     {0, 1, 0}},
    {"x.example", {{.mail = "550 no"}, {0}, {0}}, "a@x", "F152", {1, 0, 0}, {0, 0, 0}},
    {"x.example",
     {{.mail = "451 no"}, {.mail = "451 no"}, {0}},
     "a@x",
     "D151",
     {1, 1, 0},
     {0, 0, 0}},
    {"x.example", {{.end = "451 no"}, {0}, {0}}, "a@x", "R0", {1, 1, 0}, {0, 1, 0}},
    /* in doubt: nowhere else */
    {"x.example", {{.silent_end = true}, {0}, {0}}, "a@x", "D151", {1, 0, 0}, {0, 0, 0}},
    /* too many for one transaction: the rest follows at once */
    {"x.example",
     {{.most_recipients = 2}, {0}, {0}},
     "a@x b@x c@x d@x",
     "R0 R0 R0 R0",
     {1, 0, 0},
     {2, 0, 0}},
    {"x.example",
     {{.most_recipients = 2, .most_messages = 1}, {0}, {0}},
     "a@x b@x c@x",
     "R0 R0 R0",
     {1, 1, 0},
     {1, 1, 0}},
    {"x.example", {{.hates_ehlo = true}, {0}, {0}}, "a@x", "R0", {2, 0, 0}, {1, 0, 0}},
    /* names */
    {"gone.example", {CLOSED, CLOSED, CLOSED}, "a@x", "F178", {0, 0, 0}, {0, 0, 0}},
    {"fails.example", {CLOSED, CLOSED, CLOSED}, "a@x", "D164", {0, 0, 0}, {0, 0, 0}},
    {"host2.example", {{0}, {0}, {0}}, "a@x", "R0", {0, 1, 0}, {0, 1, 0}},
    {"[127.0.0.3]", {{0}, {0}, {0}}, "a@x", "R0", {0, 0, 1}, {0, 0, 1}},
    {"[127.0.0]", {{0}, {0}, {0}}, "a@x", "F157", {0, 0, 0}, {0, 0, 0}},
};

START_TEST(delivery_goes_down_the_hosts)
{
    struct worker *worker = worker_new(deliveries[_i].behaviours);
    const char *outcome =
        worker_deliver(worker, deliveries[_i].next_hop, true, deliveries[_i].to);

    ck_assert_msg(strcmp(outcome, deliveries[_i].outcome) == 0, "row %d: %s (%s)", _i,
                  outcome, worker->results[0].error.text);
    for (int i = 0; i < SERVERS; i++) {
        const struct counts *counts = worker->servers[i].counts;

        ck_assert_msg(counts->sessions == deliveries[_i].sessions[i] &&
                          counts->messages == deliveries[_i].messages[i],
                      "row %d: server %d has %d sessions, %d messages", _i, i + 1,
                      counts->sessions, counts->messages);
    }
    worker_free(worker);
}
END_TEST

START_TEST(connection_is_kept_for_the_next_message)
{
    static const struct behaviour behaviours[SERVERS] = {
        {.most_messages = 4}, {0}, CLOSED};
    struct worker *worker = worker_new(behaviours);
    const struct counts *counts = worker->servers[0].counts;

    for (int i = 0; i < 10; i++)
        ck_assert_str_eq(
            worker_deliver(worker, i % 2 ? "x.example" : "host1.example", true, "a@x"),
            "R0");
    /* Two domains, one host: one connection, until the server closes it after the 4th. */
    ck_assert_int_eq(counts->messages, 10);
    ck_assert_int_eq(counts->sessions, 3);
    worker_set(worker, "max_messages", "1");
    ck_assert_str_eq(worker_deliver(worker, "x.example", true, "a@x"), "R0");
    ck_assert_str_eq(worker_deliver(worker, "x.example", true, "a@x"), "R0");
    ck_assert_int_eq(counts->messages, 12);
    worker_free(worker);
}
END_TEST

START_TEST(result_says_who_said_what)
{
    static const struct behaviour behaviours[SERVERS] = {{0}, CLOSED, CLOSED};
    struct worker *worker = worker_new(behaviours);

    ck_assert_str_eq(worker_deliver(worker, "host1.example", true, "a@x no@x"),
                     "R0 F156");
    ck_assert_str_eq(worker->results[0].remote, "host1.example");
    ck_assert_str_eq(worker->results[0].diagnostic, "250 2.0.0 taken");
    ck_assert_str_eq(worker->results[1].diagnostic, "550 5.1.1 no such user");
    ck_assert(worker->results[1].diagnostic_is_smtp);
    ck_assert_str_eq(worker->results[1].error.status, "5.1.1");
    ck_assert_ptr_nonnull(
        strstr(worker->results[1].error.text, "host1.example [127.0.0.1]"));
    worker_free(worker);
}
END_TEST

START_TEST(host_library_finds_what_no_dns_knows)
{
    static const struct behaviour behaviours[SERVERS] = {{0}, CLOSED, CLOSED};
    struct worker *worker = worker_new(behaviours);

    worker->services.resolver = NULL;
    ck_assert_str_eq(worker_deliver(worker, "localhost", false, "a@x"), "R0");
    ck_assert_str_eq(worker_deliver(worker, "localhost", false, "a@x"), "R0");
    ck_assert_int_eq(worker->servers[0].counts->sessions, 1);
    /* Mail exchangers without a name service wait as well. */
    ck_assert_str_eq(worker_deliver(worker, "x.example", true, "a@x"), "D163");
    worker_free(worker);
}
END_TEST

START_TEST(bad_attributes_hold_the_mail)
{
    static const struct behaviour behaviours[SERVERS] = {CLOSED, CLOSED, CLOSED};
    static const struct {
        const char *name, *value;
    } rows[] = {{"service", "no-such-service"},
                {"service", "${nonsense}"},
                {"hello_name", "two words"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worker *worker = worker_new(behaviours);

        worker_set(worker, rows[i].name, rows[i].value);
        ck_assert_int_eq(worker_deliver(worker, "x.example", true, "a@x")[0], 'D');
        ck_assert(worker->results[0].report == REPORT_CONFIG);
        worker_free(worker);
    }
}
END_TEST

/* An exchanger with an address of ours is this host, under whatever name. */
START_TEST(exchanger_that_is_us_is_a_loop)
{
    static const struct behaviour behaviours[SERVERS] = {CLOSED, CLOSED, CLOSED};
    struct worker *worker = worker_new(behaviours);

    worker_set(worker, "service", "25");
    ck_assert_str_eq(worker_deliver(worker, "x.example", true, "a@x"), "F169");
    ck_assert_str_eq(worker->results[0].error.status, "5.4.6");
    worker_free(worker);
}
END_TEST

TCase *
drivers_smtp_case(void)
{
    TCase *tests = tcase_create("drivers_smtp");

    tcase_add_loop_test(tests, delivery_goes_down_the_hosts, 0,
                        sizeof deliveries / sizeof *deliveries);
    tcase_add_test(tests, connection_is_kept_for_the_next_message);
    tcase_add_test(tests, result_says_who_said_what);
    tcase_add_test(tests, host_library_finds_what_no_dns_knows);
    tcase_add_test(tests, bad_attributes_hold_the_mail);
    tcase_add_test(tests, exchanger_that_is_us_is_a_loop);
    return tests;
}
