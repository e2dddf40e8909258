/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk: each address is taken apart and visited once, and all that it becomes before
 * the next one. Equal addresses meet by their keys, so that alias loops and bombs cost no
 * more than the distinct addresses in them.
 *
 * Depth first is what makes dropping safe: an address that was met before is either an
 * ancestor, for which there is the loop rule, or all that became of it is settled. In any
 * other order two that lead to each other could each be dropped for the other's sake.
 */
#include "resolve/walk.h"

#include <string.h>

#include "base/siphash.h"
#include "mail/status.h"

#include "base/banned.h"

/* No place of a director: the key of a list that is read for the second time. */
enum { SECOND_ROUND = INT32_MAX };

/* --- keys --- */

/* Keys meet across processes, so they have no secret; a message can only hurt itself. */
static uint64_t
key_of(const char *kind, const char *text, const char *user, uint64_t number)
{
    static const struct siphash_key none = {{0, 0}};
    struct siphash hash;

    siphash_begin(&hash, &none);
    siphash_add(&hash, kind, strlen(kind) + 1);
    siphash_add(&hash, text, strlen(text) + 1);
    siphash_add(&hash, user, strlen(user) + 1);
    siphash_add(&hash, &number, sizeof(number));
    return siphash_end(&hash);
}

static struct span
key_span(const uint64_t *key)
{
    return (struct span){(const char *)key, sizeof(*key)};
}

/* Which directors would look at an address with this domain, as a text. */
static const char *
domain_class(const struct walk *walk, const char *domain)
{
    const struct entries *directors = &walk->configuration->directors;
    struct text text = text_new(walk->arena);

    if (!walk->domains_matter)
        return "";
    if (domain[0] == '\0')
        domain = walk->configuration->settings.visible_name;
    for (size_t i = 0; i < directors->count; i++)
        text_add_byte(&text,
                      list_has(directors->list[i].director->domains, domain) ? '+' : '-');
    return text_string(&text);
}

uint64_t
node_key(const struct walk *walk, const struct node *node, uint32_t director_at)
{
    const struct address *address = &node->resolved.address;

    if (address->kind != ADDRESS_MAIL)
        return key_of(address_kind_name(address->kind), address->text, address->user,
                      director_at);
    if (!node->parsed || node->target_error != NULL)
        return key_of("text", address->text, "", director_at);
    return key_of(
        node->target.local ? "local" : "remote", target_text(&node->target, walk->arena),
        node->target.local ? domain_class(walk, node->target.domain) : "", director_at);
}

bool
node_parse(struct walk *walk, struct node *node)
{
    struct error error, *kept;

    if (!node->parsed) {
        node->parsed = true;
        if (!target_find(walk->configuration, node->resolved.address.text, walk->arena,
                         &node->target, &error)) {
            kept = arena_alloc(walk->arena, sizeof(*kept));
            *kept = error;
            node->target_error = kept;
        }
    }
    return node->target_error == NULL;
}

/*
 * The key of an address that is not assigned, for meeting those of other walks: by the
 * way it came, for only where mail ends may be compared with what another walk found.
 */
static uint64_t
path_key(const char *text, uint64_t parent)
{
    return key_of("path", text, "", parent);
}

/* --- making nodes --- */

static bool
domains_are_set(const struct entries *directors)
{
    for (size_t i = 0; i < directors->count; i++)
        if (directors->list[i].director->domains.count > 0)
            return true;
    return false;
}

static void
exclusions_read(struct walk *walk)
{
    const struct envelope *envelope = walk->resolving->envelope;

    if (envelope == NULL || envelope->exclusion_count == 0)
        return;
    walk->dropped = table_new();
    for (size_t i = 0; i < envelope->exclusion_count; i++) {
        struct node node = {.resolved.address = {.text = envelope->exclusions[i]}};
        uint64_t key;

        if (!node_parse(walk, &node))
            continue; /* nothing that could be sent to */
        key = node_key(walk, &node, 0);
        table_put(walk->dropped, key_span(&key), walk);
    }
}

bool
node_is_excluded(const struct walk *walk, const struct node *node)
{
    uint64_t key;

    if (walk->dropped == NULL || node->resolved.address.kind != ADDRESS_MAIL)
        return false;
    key = node_key(walk, node, 0);
    return table_get(walk->dropped, key_span(&key)) != NULL;
}

void
walk_begin(struct walk *walk, const struct resolving *resolving)
{
    const char *user = resolving->services->acting_user;

    *walk = (struct walk){
        .resolving = resolving,
        .configuration = resolving->configuration,
        .services = resolving->services,
        .arena = resolving->arena,
        .keys = table_new(),
        .is_user = user[0] != '\0' && strcmp(user, "*") != 0,
        .domains_matter = domains_are_set(&resolving->configuration->directors),
    };
    exclusions_read(walk);
}

void
walk_end(struct walk *walk)
{
    table_free(walk->keys);
    table_free(walk->dropped);
    walk->keys = walk->dropped = NULL;
}

static void
walk_append(struct walk *walk, struct node *node)
{
    if (walk->count == walk->room) {
        size_t room = walk->room > 0 ? 2 * walk->room : 8;

        walk->nodes =
            arena_grow(walk->arena, walk->nodes, walk->count, room, sizeof(*walk->nodes));
        walk->room = room;
    }
    node->at = (uint32_t)walk->count;
    walk->nodes[walk->count++] = node;
}

static const struct address *
known_find(const struct resolving *resolving, uint32_t number)
{
    for (size_t i = 0; i < resolving->known_count; i++)
        if (resolving->known[i]->number == number)
            return resolving->known[i];
    return NULL;
}

/* The ancestors of an input; a ring of parents, which damage could make, ends somewhere.
 */
static void
input_ancestors(struct walk *walk, struct node *node)
{
    const struct resolving *resolving = walk->resolving;
    const struct address *parent = &node->resolved.address;
    const struct address **list =
        arena_array(walk->arena, resolving->known_count, sizeof(*list));

    while (parent->parent != 0 && node->ancestor_count < resolving->known_count) {
        parent = known_find(resolving, parent->parent);
        if (parent == NULL)
            break;
        list[node->ancestor_count++] = parent;
    }
    node->ancestors = list;
}

struct node *
walk_add_input(struct walk *walk, const struct address *address)
{
    struct node *node = arena_alloc(walk->arena, sizeof(*node));

    node->resolved.address = *address_copy(address, walk->arena);
    node->resolved.address.error = (struct error){0};
    if (address->parent != 0 && walk->resolving->known_count > 0)
        input_ancestors(walk, node);
    for (size_t i = node->ancestor_count; i > 0; i--)
        node->path = path_key(node->ancestors[i - 1]->text, node->path);
    node->path = path_key(node->resolved.address.text, node->path);
    walk_append(walk, node);
    return node;
}

const struct address *const *
walk_ancestors(struct walk *walk, const struct node *node)
{
    const struct address **list =
        arena_array(walk->arena, node->ancestor_count + 1, sizeof(*list));

    list[0] = &node->resolved.address;
    for (size_t i = 0; i < node->ancestor_count; i++)
        list[i + 1] = node->ancestors[i];
    return list;
}

/* Strings that nobody set are empty; the others are in the walk's arena already. */
static void
address_fill(struct address *address)
{
    const char **strings[] = {
        &address->text,     &address->source,       &address->owner,
        &address->director, &address->router,       &address->transport,
        &address->next_hop, &address->next_address, &address->user,
        &address->group,    &address->home,         &address->dsn_recipient,
    };

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        if (*strings[i] == NULL)
            *strings[i] = "";
}

struct node *
walk_child(struct walk *walk, struct node *parent, const struct address *const *ancestors,
           size_t ancestor_count, const struct address *child)
{
    struct node *node = arena_alloc(walk->arena, sizeof(*node));

    node->resolved.address = *child;
    node->resolved.address.next = NULL;
    address_fill(&node->resolved.address);
    node->resolved.parent_at = parent->at;
    node->path = path_key(child->text, parent->path);
    node->parent = parent;
    node->ancestors = ancestors;
    node->ancestor_count = ancestor_count;
    return node;
}

static bool
node_is_ancestor(const struct node *node, const struct node *of)
{
    for (of = of->parent; of != NULL; of = of->parent)
        if (of == node)
            return true;
    return false;
}

/* Put the node under its key, unless there is one already, which is the result. */
static struct node *
node_register(struct walk *walk, struct node *node, uint32_t director_at)
{
    uint64_t key = node_key(walk, node, director_at);
    struct node *equal = table_get(walk->keys, key_span(&key));

    if (equal == NULL)
        table_put(walk->keys, key_span(&key), node);
    return equal;
}

/*
 * Is an equal one in the walk, so that this one is dropped? If there is none, this one is
 * it from now on. An ancestor is what this one stems from, and dropping this one could
 * leave nothing of it: mail has the loop rule for that; a list goes round once more, for
 * who is on the way round.
 */
static bool
node_is_known(struct walk *walk, struct node *node)
{
    const struct node *equal =
        node_register(walk, node, node->resolved.address.director_at);

    if (equal == NULL)
        return false;
    if (!node_is_ancestor(equal, node)) {
        /* What became of another input has its end there. */
        walk->arrives = walk->arrives || equal->at < walk->begun;
        return true;
    }
    if (node->resolved.address.kind == ADDRESS_MAIL ||
        node_register(walk, node, SECOND_ROUND) == NULL)
        return false;
    if (walk->looped == NULL)
        walk->looped = node->parent;
    return true;
}

/* --- ends --- */

void
node_fail(struct node *node, const struct error *error, enum report_class report)
{
    struct address *address = &node->resolved.address;

    address->error = *error;
    address->report = report;
    if (error->permanent)
        address->state = ADDRESS_FAILED;
}

/*
 * Whose rights a transport has that works on files or runs commands: those of its own
 * `user`, else of the address's, else nobody's.
 */
static const char *
assigned_user(const struct walk *walk, const struct address *address)
{
    const struct entry *entry =
        entry_find(&walk->configuration->transports, address->transport);
    const struct attribute *row = entry != NULL && entry->driver->attributes != NULL
                                      ? attribute_find(entry->driver->attributes, "user")
                                      : NULL;
    const char *user, *nobody = walk->configuration->settings.nobody;

    if (row == NULL)
        return address->user;
    user = attribute_value(row, entry->config, walk->arena);
    if (user != NULL && user[0] != '\0')
        return user;
    return address->user[0] != '\0' || nobody == NULL ? address->user : nobody;
}

void
node_assign(struct walk *walk, struct node *node)
{
    struct address *address = &node->resolved.address;
    uint64_t key;

    address->state = ADDRESS_ASSIGNED;
    address->user = assigned_user(walk, address);
    key =
        key_of(address->transport, address->next_hop,
               arena_format(walk->arena, "%s\1%s", address->user, address->next_address),
               UINT64_MAX);
    if (table_get(walk->keys, key_span(&key)) != NULL) {
        address->state = ADDRESS_DUPLICATE;
        walk->arrives = true;
        return;
    }
    table_put(walk->keys, key_span(&key), node);
    node->resolved.key = key;
}

/* --- visiting --- */

/*
 * A user's worker sees to what is that user's: files, commands, included lists, and the
 * user's own mailbox. Other addresses go back as they are.
 */
static bool
node_is_ours(const struct walk *walk, const struct node *node)
{
    const struct address *address = &node->resolved.address;

    if (!walk->is_user || node->parent == NULL || address->kind != ADDRESS_MAIL)
        return true;
    return address->director_at > 0 && node->parsed && node->target.local &&
           span_is_nocase(span_of(node->target.local_part), walk->services->acting_user);
}

static void
node_visit(struct walk *walk, struct node *node)
{
    struct address *address = &node->resolved.address;

    if (address->kind == ADDRESS_FILE || address->kind == ADDRESS_PIPE) {
        special_address(walk, node);
    } else if (address->kind == ADDRESS_INCLUDE) {
        if (special_is_allowed(walk, node))
            direct_address(walk, node);
    } else if (!node_parse(walk, node)) {
        node_fail(node, node->target_error, REPORT_SENDER);
    } else if (node->target.local) {
        direct_address(walk, node);
    } else {
        route_address(walk, node);
    }
}

/* Go on with an address, unless it is done or another process must. */
static void
walk_visit(struct walk *walk, struct node *node)
{
    struct address *address = &node->resolved.address;

    if ((address->state == ADDRESS_NEW || address->state == ADDRESS_USER) &&
        address->error.status[0] == '\0' && node_is_ours(walk, node))
        node_visit(walk, node);
    if (address->state != ADDRESS_ASSIGNED)
        node->resolved.key = node->path;
    if (address->state != ADDRESS_EXPANDED && address->state != ADDRESS_DUPLICATE)
        walk->arrives = true;
}

bool
walk_add_children(struct walk *walk, struct node *parent, struct node *const *children,
                  size_t count, struct error *error)
{
    const struct settings *settings = &walk->configuration->settings;
    size_t made =
        walk->count - walk->input_count + walk->announced + walk->resolving->known_count;

    if (count > 0 && parent->ancestor_count + 1 > (size_t)settings->max_expansion_depth)
        return fail_permanent(error, "5.4.6",
                              "address expanded more than %lld levels deep",
                              (long long)settings->max_expansion_depth);
    if (count > 0 && made + count > (size_t)settings->max_expansion_addresses)
        return fail_permanent(error, "5.3.4", "expands to more than %lld addresses",
                              (long long)settings->max_expansion_addresses);
    if (walk->first_only && count > 1)
        return true; /* somebody gets it: enough to know */
    walk->announced += count;
    for (size_t i = 0; i < count; i++) {
        walk->announced--;
        if (node_is_known(walk, children[i])) {
            walk_remark(walk, parent, "%s: dropped, the message goes there already",
                        children[i]->resolved.address.text);
            continue;
        }
        walk_append(walk, children[i]);
        walk_visit(walk, children[i]);
    }
    return true;
}

/* Nothing of an input has an end, and this is why. */
static void
loop_fail(struct node *node)
{
    struct error error;

    fail_permanent_number(&error, ERR_UNKNOWN_USER, "5.4.6",
                          "the address leads only to itself");
    node->resolved.address.state = ADDRESS_NEW;
    node_fail(node, &error, REPORT_OWNER);
}

void
walk_run(struct walk *walk)
{
    walk->input_count = walk->count;
    for (size_t i = 0; i < walk->input_count; i++) {
        struct node *node = walk->nodes[i];
        struct address *address = &node->resolved.address;

        if (address->kind == ADDRESS_MAIL)
            node_parse(walk, node);
        if (address->state != ADDRESS_NEW && address->state != ADDRESS_USER)
            continue;
        if (node_is_known(walk, node))
            address->state = ADDRESS_DUPLICATE;
        else if (node_is_excluded(walk, node))
            address->state = ADDRESS_EXPANDED;
        walk->begun = walk->count;
        walk->arrives = false;
        walk->looped = NULL;
        walk_visit(walk, node);
        if (walk->looped != NULL && !walk->arrives)
            loop_fail(walk->looped);
    }
}

void
resolve(const struct resolving *resolving, const struct address *inputs, size_t count,
        struct resolution *result)
{
    struct walk walk;

    walk_begin(&walk, resolving);
    for (size_t i = 0; i < count; i++)
        walk_add_input(&walk, &inputs[i]);
    walk_run(&walk);
    result->count = walk.count;
    result->list = arena_array(resolving->arena, walk.count, sizeof(*result->list));
    for (size_t i = 0; i < walk.count; i++)
        result->list[i] = walk.nodes[i]->resolved;
    walk_end(&walk);
}
