/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks the DNS through the module, for tests/system/dns.sh.
 *
 *   dns_ask DIRECTORY-OF-MODULE TIMEOUT-MS SERVER... < questions
 *
 * A question is a line, and so is its answer: "mail DOMAIN" (exchangers), "host NAME"
 * (its addresses), "name ADDRESS" (its confirmed name), "flood COUNT DOMAIN" (that many
 * questions at once), "orphan" (kill the library's process).
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "net/dns_engine.h"

#include "base/banned.h"

static const struct dns_module *module;
static struct dns_engine *engine;

struct waiting {
    bool done;
    struct arena *arena;
    struct dns_answer answer;
};

static void
waiting_done(void *context, const struct dns_answer *answer)
{
    struct waiting *waiting = context;
    struct pack pack = pack_new(waiting->arena);
    struct unpack unpack;

    /* A copy by the way that it takes between roles. */
    dns_answer_pack(answer, &pack);
    unpack = unpack_new(text_span(&pack.text));
    waiting->done = dns_answer_unpack(&unpack, waiting->arena, &waiting->answer);
}

static bool
engine_turn(void)
{
    struct pollfd poller = {.fd = module->engine_fd(engine), .events = POLLIN};

    poll(&poller, 1, 200);
    return module->engine_process(engine);
}

static bool
ask(void *context, const char *name, enum dns_type type, struct arena *arena,
    struct dns_answer *answer, struct error *error)
{
    struct waiting waiting = {.arena = arena};

    (void)context;
    if (!module->engine_ask(engine, name, type, waiting_done, &waiting))
        return fail_temporary(error, "4.4.3", "not asked");
    while (!waiting.done)
        engine_turn();
    *answer = waiting.answer;
    return true;
}

static const struct resolver resolver = {.lookup = ask};

static const char *
result_name(enum dns_result result)
{
    static const char *const names[] = {"failure", "found", "no data", "no name"};

    return names[result];
}

static void
print_mail(const char *domain, struct arena *arena)
{
    const struct mx_options options = {.address_limit = 20};
    struct error error = {0};
    struct mx_host *hosts;
    size_t count;
    enum dns_result result =
        mx_lookup(&resolver, domain, &options, arena, &hosts, &count, &error);

    printf("%s:", result_name(result));
    for (size_t i = 0; i < count; i++)
        printf(" %u %s", (unsigned)hosts[i].preference, hosts[i].name);
    if (result != DNS_FOUND)
        printf(" ERR_%d %s", error.number, error.status);
    printf("\n");
}

static void
print_host(const char *host, struct arena *arena)
{
    struct error error = {0};
    const char **addresses;
    size_t count = 0;
    enum dns_result result =
        host_addresses(&resolver, host, arena, &addresses, &count, &error);

    printf("%s:", result_name(result));
    for (size_t i = 0; i < count; i++)
        printf(" %s", addresses[i]);
    printf("\n");
}

static void
print_name(const char *address, struct arena *arena)
{
    struct error error = {0};
    const char *name = "";
    enum dns_result result = host_name_of(&resolver, address, arena, &name, &error);

    printf("%s: %s\n", result_name(result), name);
}

struct flood {
    size_t answered, found;
};

static void
flood_done(void *context, const struct dns_answer *answer)
{
    struct flood *flood = context;

    flood->answered++;
    flood->found += answer->result == DNS_FOUND;
}

static void
print_flood(const char *text, struct arena *arena)
{
    struct flood flood = {0};
    size_t asked = 0, refused = 0;
    char *domain;
    unsigned long count = strtoul(text, &domain, 10);

    while (*domain == ' ')
        domain++;
    for (unsigned long i = 0; i < count; i++) {
        const char *name = arena_format(arena, "n%lu.%s", i, domain);

        if (module->engine_ask(engine, name, DNS_A, flood_done, &flood))
            asked++;
        else
            refused++;
    }
    while (flood.answered < asked)
        engine_turn();
    printf("%zu asked, %zu refused, %zu found\n", asked, refused, flood.found);
}

/* Whose parent we are: the library's process alone. */
static void
print_orphan(void)
{
    char path[64];
    FILE *children;
    long child = 0;

    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    children = fopen(path, "re");
    if (children == NULL || fscanf(children, "%ld", &child) != 1 ||
        kill((pid_t)child, SIGKILL) != 0)
        printf("no child\n");
    else {
        while (engine_turn())
            ;
        printf("dead\n");
    }
    if (children != NULL)
        fclose(children);
}

static void
answer_line(char *line, struct arena *arena)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "mail ", 5) == 0)
        print_mail(line + 5, arena);
    else if (strncmp(line, "host ", 5) == 0)
        print_host(line + 5, arena);
    else if (strncmp(line, "name ", 5) == 0)
        print_name(line + 5, arena);
    else if (strncmp(line, "flood ", 6) == 0)
        print_flood(line + 6, arena);
    else if (strcmp(line, "orphan") == 0)
        print_orphan();
    else
        printf("what?\n");
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    char line[512];

    if (argc < 3)
        return EXIT_FAILURE;
    if (!dns_module_load(argv[1], &module, &error) ||
        (engine = module->engine_new((const char *const *)argv + 3, (size_t)argc - 3,
                                     strtol(argv[2], NULL, 10), &error)) == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer_line(line, arena);
        arena_reset(arena);
    }
    module->engine_free(engine);
    arena_free(arena);
    return EXIT_SUCCESS;
}
