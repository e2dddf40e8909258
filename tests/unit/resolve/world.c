/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small host. */
#include "tests/unit/resolve/world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/file.h"
#include "tests/unit/resolve/test_router.h"

#include "base/banned.h"

/* --- transports that only have names --- */

struct named_config {
    const char *file, *cmd;
};

static const struct attribute named_attributes[] = {
    ATTRIBUTE(struct named_config, file, NULL, "for a test", ),
    ATTRIBUTE(struct named_config, cmd, NULL, "for a test", ),
    {0},
};

static const struct driver named = {.name = "named",
                                    .meaning = "for a test",
                                    .attributes = named_attributes,
                                    .config_size = sizeof(struct named_config)};

static const struct driver *const transports[] = {&named, NULL};

static const char default_transports_text[] = "local:\n\tdriver=named, local;\n"
                                              "file:\n\tdriver=named, local;\n"
                                              "pipe:\n\tdriver=named, local;\n"
                                              "smtp:\n\tdriver=named, inet;\n"
                                              "uux:\n\tdriver=named, uucp;\n";

/* --- users --- */

static struct world *present; /* one at a time */

static bool
world_user(const struct services *services, const char *name, struct arena *arena,
           struct user *user, bool *found, struct error *error)
{
    static const char *const ordinary[] = {"joe", "ann", "bob", "list", NULL};
    const struct world *world = present;

    (void)services; /* perhaps a copy */
    *user = (struct user){.full_name = "", .shell = "/bin/sh"};
    *found = true;
    for (size_t i = 0; ordinary[i] != NULL; i++) {
        if (strcmp(name, ordinary[i]) == 0) {
            user->name = ordinary[i];
            user->uid = world->uid;
            user->home = arena_format(arena, "%s/%s", world->directory, name);
            return true;
        }
    }
    if (strcmp(name, "root") == 0)
        *user = (struct user){"root", 0, 0, "/root", "", "/bin/sh"};
    else if (strcmp(name, "nobody") == 0)
        *user = (struct user){"nobody", 65534, 65534, "/nonexistent", "", ""};
    else if (strcmp(name, "away") == 0)
        *user = (struct user){"away", 4711, 4711, "/net/away/home", "", ""};
    else if (strcmp(name, "broken") == 0)
        return fail_temporary(error, "4.3.0", "name service: down");
    else
        *found = false;
    return true;
}

static void
world_trace(const struct services *services, const char *text)
{
    (void)services;
    text_add_format(&present->trace, "%s\n", text);
}

/* --- names: NAME TYPE RESULT VALUE --- */

static const struct {
    const char *name;
    enum dns_type type;
    const char *value;
} names[] = {
    {"mx.example", DNS_MX, "relay.mx.example"},
    {"relay.mx.example", DNS_A, "192.0.2.1"},
    {"host.example", DNS_A, "192.0.2.2"},
    {"null.example", DNS_MX, ""},
    {"ours.example", DNS_MX, "vlager.vbrew.com"},
    {"six.example", DNS_AAAA, "2001:db8::1"},
    {"pub.vbrew.com", DNS_A, "192.0.2.3"},
};

static bool
world_lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
             struct dns_answer *answer, struct error *error)
{
    bool known = false;

    (void)context;
    if (strcmp(name, "lost.example") == 0)
        return fail_temporary(error, "4.4.3", "no name server");
    *answer = (struct dns_answer){.canonical = arena_string(arena, name), .ttl = 60};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, name) != 0)
            continue;
        known = true;
        if (names[i].type != type)
            continue;
        answer->result = DNS_FOUND;
        answer->count = 1;
        answer->records = arena_array(arena, 1, sizeof(*answer->records));
        answer->records[0].name = type == DNS_MX ? names[i].value : "";
        answer->records[0].address = names[i].value;
        return true;
    }
    answer->result = known ? DNS_NO_DATA : DNS_NO_NAME;
    return true;
}

/* --- files --- */

const char *
world_path(struct world *world, const char *name)
{
    return arena_format(world->arena, "%s/%s", world->directory, name);
}

/* The text with the directory in place of each "@". */
static const char *
world_text(struct world *world, const char *text)
{
    struct text result = text_new(world->arena);

    for (; *text != '\0'; text++) {
        if (text[0] == '@' && text[1] == '/')
            text_add(&result, world->directory);
        else
            text_add_byte(&result, *text);
    }
    return text_string(&result);
}

void
world_write(struct world *world, const char *name, mode_t mode, const char *text)
{
    struct error error = {0};
    const char *path = world_path(world, name);

    ck_assert_msg(file_replace(path, mode, span_of(world_text(world, text)), &error),
                  "%s", error.text);
}

void
world_write_user(struct world *world, const char *name, mode_t mode, const char *text)
{
    world_write(world, name, mode, text);
    ck_assert_int_eq(chown(world_path(world, name), world->uid, (gid_t)-1), 0);
}

static void
world_home(struct world *world, const char *name)
{
    const char *path = world_path(world, name);

    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(chown(path, world->uid, (gid_t)-1), 0);
}

/* --- the configuration --- */

static void
world_add_file(struct world *world, struct config_bundle *bundle, const char *name,
               const char *text)
{
    struct config_file *file = arena_alloc(world->arena, sizeof(*file));

    file->name = file->path = name;
    file->text = world_text(world, text);
    file->length = strlen(file->text);
    file->next = bundle->files;
    bundle->files = file;
}

static void
world_configure(struct world *world, const char *const *files)
{
    struct driver_lists lists = {driver_lists.directors, test_routers(world->arena),
                                 transports};
    struct config_bundle *bundle = arena_alloc(world->arena, sizeof(*bundle));
    bool has_transports = false;

    bundle->generation = 1;
    bundle->system_name = "vlager";
    bundle->system_fqdn = "vlager.vbrew.com";
    for (; *files != NULL; files += 2) {
        world_add_file(world, bundle, files[0], files[1]);
        has_transports = has_transports || strcmp(files[0], "transports") == 0;
    }
    if (!has_transports)
        world_add_file(world, bundle, "transports", default_transports_text);
    world->configuration = configuration_parse(bundle, &lists);
    for (struct problem *problem = world->configuration->problems.first; problem != NULL;
         problem = problem->next)
        if (!problem->warning && strstr(problem->text, "driver") == NULL)
            ck_abort_msg("%s:%u: %s", problem->file, problem->line, problem->text);
}

void
world_begin(struct world *world, const char *const *files)
{
    static const char *const homes[] = {"joe", "ann", "bob", "list", NULL};

    *world = (struct world){.arena = arena_new()};
    present = world;
    world->uid = geteuid() != 0 ? geteuid() : 1234;
    snprintf(world->directory, sizeof(world->directory), "/tmp/smail-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(world->directory));
    ck_assert_int_eq(chmod(world->directory, 0755), 0);
    for (size_t i = 0; homes[i] != NULL; i++)
        world_home(world, homes[i]);
    world_configure(world, files);
    world->trace = text_new(world->arena);
    world->resolver.lookup = world_lookup;
    world->real = services_new(world->configuration, &world->resolver, "", false);
    world->services = *world->real;
    world->services.user = world_user;
    world->services.trace = world_trace;
    world->services.acting_user = "";
    world->envelope = envelope_new();
    world->envelope.reverse_path = "someone@else.example";
    world->resolving = (struct resolving){.configuration = world->configuration,
                                          .services = &world->services,
                                          .envelope = &world->envelope,
                                          .message_id = "m0puwU8-00023UB",
                                          .arena = world->arena};
}

static int
world_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

void
world_end(struct world *world)
{
    nftw(world->directory, world_remove, 8, FTW_DEPTH | FTW_PHYS);
    services_free(world->real);
    configuration_free(world->configuration);
    arena_free(world->arena);
}

void
world_act(struct world *world, const char *user)
{
    world->services.acting_user = user;
}

/* --- results --- */

static void
address_say(const struct address *address, struct text *text)
{
    if (text->length > 0)
        text_add_byte(text, ' ');
    if (address->state == ADDRESS_FAILED ||
        (address->state == ADDRESS_NEW && address->error.status[0] != '\0')) {
        text_add_format(text, "%s:%s:%s:%d", address_state_name(address->state),
                        address->text, address->error.status, address->error.number);
    } else if (address->state != ADDRESS_ASSIGNED) {
        text_add_format(text, "%s:%s", address_state_name(address->state), address->text);
    } else {
        text_add_format(text, "%s:%s", address->transport, address->next_hop);
        text_add_format(text, ":%s", address->next_address);
        if (address->user[0] != '\0')
            text_add_format(text, ":%s", address->user);
    }
}

/* The next of the recipients; blanks in quotes separate nothing. */
static bool
recipient_next(struct span *rest, struct span *one)
{
    bool quoted = false;
    size_t length = 0;

    if (rest->length == 0)
        return false;
    while (length < rest->length && (quoted || rest->bytes[length] != ' '))
        if (rest->bytes[length++] == '"')
            quoted = !quoted;
    *one = span_first(*rest, length);
    *rest = span_from(*rest, length + 1);
    return true;
}

const char *
world_walk(struct world *world, const char *recipients)
{
    struct span rest = span_of(recipients), one;
    struct address inputs[64] = {0};
    struct text text = text_new(world->arena);
    size_t count = 0;

    while (recipient_next(&rest, &one) && count < 64) {
        inputs[count].text = span_string(one, world->arena);
        inputs[count].number = (uint32_t)count + 1;
        count++;
    }
    text_cut(&world->trace, 0);
    resolve(&world->resolving, inputs, count, &world->result);
    for (size_t i = 0; i < world->result.count; i++)
        address_say(&world->result.list[i].address, &text);
    return text_string(&text);
}

/* All addresses of a message, as the spool and the queue would keep them. */
struct kept {
    struct address list[4096];
    uint64_t keys[4096];
    size_t count;
};

static bool
kept_has(const struct kept *kept, uint64_t key, size_t before)
{
    for (size_t i = 0; i < before; i++)
        if (kept->keys[i] == key && kept->list[i].state != ADDRESS_NEW &&
            kept->list[i].state != ADDRESS_USER)
            return true;
    return false;
}

/* One call for kept addresses from `at`: their new states, and what they became. */
static void
kept_resolve(struct world *world, struct kept *kept, size_t at, size_t inputs)
{
    const struct address *known[4096];
    struct resolving resolving = world->resolving;
    struct resolution result;
    size_t before = kept->count;

    for (size_t i = 0; i < kept->count; i++)
        known[i] = &kept->list[i];
    resolving.known = known;
    resolving.known_count = kept->count;
    world->services.acting_user =
        kept->list[at].state == ADDRESS_USER ? kept->list[at].user : "";
    resolve(&resolving, &kept->list[at], inputs, &result);
    for (size_t i = 0; i < inputs; i++) {
        kept->list[at + i] = result.list[i].address;
        kept->keys[at + i] = result.list[i].key;
    }
    for (size_t i = inputs; i < result.count; i++) {
        size_t parent = result.list[i].parent_at;

        ck_assert_uint_lt(parent, i);
        ck_assert_uint_lt(kept->count, 4096);
        kept->list[kept->count] = result.list[i].address;
        kept->keys[kept->count] = result.list[i].key;
        kept->list[kept->count].number = (uint32_t)kept->count + 1;
        kept->list[kept->count].parent =
            (uint32_t)(parent < inputs ? at + parent : before + parent - inputs) + 1;
        kept->count++;
    }
    for (size_t i = before; i < kept->count; i++)
        if (kept->list[i].state == ADDRESS_ASSIGNED &&
            kept_has(kept, kept->keys[i], before))
            kept->list[i].state = ADDRESS_DUPLICATE;
    if (kept->list[at].state == ADDRESS_ASSIGNED && kept_has(kept, kept->keys[at], at))
        kept->list[at].state = ADDRESS_DUPLICATE;
}

static int
string_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *
world_resolve(struct world *world, const char *recipients)
{
    struct kept *kept = arena_alloc(world->arena, sizeof(*kept));
    struct span rest = span_of(recipients), one;
    const char *ends[4096];
    struct text text = text_new(world->arena);
    size_t count = 0;

    while (recipient_next(&rest, &one)) {
        kept->list[kept->count].text = span_string(one, world->arena);
        kept->list[kept->count] = *address_copy(&kept->list[kept->count], world->arena);
        kept->list[kept->count].number = (uint32_t)kept->count + 1;
        kept->count++;
    }
    text_cut(&world->trace, 0);
    kept_resolve(world, kept, 0, kept->count);
    for (size_t i = 0; i < kept->count; i++)
        while (
            (kept->list[i].state == ADDRESS_NEW || kept->list[i].state == ADDRESS_USER) &&
            kept->list[i].error.status[0] == '\0')
            kept_resolve(world, kept, i, 1);
    for (size_t i = 0; i < kept->count; i++) {
        struct text end = text_new(world->arena);

        if (kept->list[i].state == ADDRESS_EXPANDED ||
            kept->list[i].state == ADDRESS_DUPLICATE)
            continue;
        address_say(&kept->list[i], &end);
        ends[count++] = text_string(&end);
    }
    qsort(ends, count, sizeof(ends[0]), string_compare);
    for (size_t i = 0; i < count; i++)
        text_add_format(&text, "%s%s", i > 0 ? " " : "", ends[i]);
    return text_string(&text);
}
