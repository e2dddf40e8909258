/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Local addresses: the directors are asked in their order until one answers; the names
 * that every host must have are known without any.
 */
#include <string.h>

#include "mail/status.h"
#include "resolve/walk.h"

#include "base/banned.h"

static struct directing
directing_new(const struct walk *walk, const struct node *node, const struct entry *entry)
{
    const struct address *address = &node->resolved.address;
    bool mail = address->kind == ADDRESS_MAIL;

    return (struct directing){
        .configuration = walk->configuration,
        .entry = entry,
        .services = walk->services,
        .envelope = walk->resolving->envelope,
        .message_id = walk->resolving->message_id,
        .address = address,
        .ancestors = node->ancestors,
        .ancestor_count = node->ancestor_count,
        .local_part = mail ? node->target.local_part : "",
        .domain = mail ? node->target.domain : "",
        .arena = walk->arena,
        .user = "",
        .group = "",
        .home = "",
        .source = "",
    };
}

/* Does the director want addresses of this domain? */
static bool
director_applies(const struct walk *walk, const struct node *node,
                 const struct entry *entry)
{
    const struct list *domains = &entry->director->domains;
    const char *domain = node->target.domain;

    if (domains->count == 0 || node->resolved.address.kind != ADDRESS_MAIL)
        return true;
    if (domain[0] == '\0')
        domain = walk->configuration->settings.visible_name;
    return list_has(*domains, domain);
}

/*
 * Where asking begins. An address that waited for its user goes on with the director that
 * wanted the user's rights, wherever the table has it now.
 */
static size_t
director_first(const struct walk *walk, const struct address *address)
{
    const struct entries *directors = &walk->configuration->directors;
    size_t at = address->director_at;

    if (address->state != ADDRESS_USER ||
        (at < directors->count &&
         strcmp(directors->list[at].name, address->director) == 0))
        return at;
    for (at = 0; at < directors->count; at++)
        if (strcmp(directors->list[at].name, address->director) == 0)
            return at;
    return 0;
}

static const char *
or_else(const char *first, const char *second)
{
    return first != NULL && first[0] != '\0' ? first : second != NULL ? second : "";
}

/* An expanded attribute; "" when it is unset or fails, which means that it does not
 * apply. */
static const char *
attribute_expand(const struct directing *directing, struct expanded attribute)
{
    struct expansion expansion = directing_expansion(directing);
    const char *value;

    if (attribute.text == NULL || !expand(attribute.text, &expansion, &value, NULL))
        return "";
    return value;
}

static void
direct_assigned(struct walk *walk, struct node *node, const struct directing *directing)
{
    const struct director_generic *generic = directing->entry->director;
    struct address *address = &node->resolved.address;
    struct error error = {0};

    if (directing->transport == NULL ||
        entry_find(&walk->configuration->transports, directing->transport) == NULL) {
        fail_temporary_number(
            &error, ERR_USER_TRANSPORT, "4.3.5", "director %s: transport %s not found",
            directing->entry->name, or_else(directing->transport, "(unset)"));
        node_fail(node, &error, REPORT_CONFIG);
        return;
    }
    address->director = directing->entry->name;
    address->transport = directing->transport;
    address->next_hop = "";
    address->next_address = directing->user_variable != NULL ? directing->user_variable
                                                             : directing->local_part;
    address->user =
        or_else(generic->set_user, or_else(directing->user, generic->default_user));
    address->group =
        or_else(generic->set_group, or_else(directing->group, generic->default_group));
    address->home = or_else(
        attribute_expand(directing, generic->set_home),
        or_else(directing->home, attribute_expand(directing, generic->default_home)));
    node_assign(walk, node);
}

/* A verdict is believed, and the error is made to agree with it. */
static void
direct_failed(struct node *node, struct directing *directing, bool permanent)
{
    struct error *error = &directing->error;

    if (error->status[0] == '\0')
        fail_temporary(error, "4.3.0", "director %s gave no reason",
                       directing->entry->name);
    error->permanent = permanent;
    error->status[0] = permanent ? '5' : '4';
    node_fail(node, error, directing->report);
}

static void
direct_tell(const struct walk *walk, const struct node *node,
            const struct directing *directing, enum verdict verdict)
{
    struct step step = {
        .entry = directing->entry,
        .node = node,
        .verdict = verdict,
        .key = directing->address->kind == ADDRESS_MAIL ? directing->local_part
                                                        : directing->address->text,
        .source = directing->source,
        .error = &directing->error,
    };

    walk_tell(walk, &step);
}

/* Ask one director. False: it declined. */
static bool
direct_ask(struct walk *walk, struct node *node, size_t at)
{
    const struct entry *entry = &walk->configuration->directors.list[at];
    const struct director_driver *driver = (const void *)entry->driver;
    struct directing directing = directing_new(walk, node, entry);
    struct address *address = &node->resolved.address;
    enum verdict verdict = driver->direct(entry->config, &directing);

    direct_tell(walk, node, &directing, verdict);
    switch (verdict) {
    case VERDICT_DECLINED:
        return false;
    case VERDICT_ASSIGNED:
        direct_assigned(walk, node, &directing);
        break;
    case VERDICT_EXPANDED:
        children_take(walk, node, &directing, (uint32_t)at);
        break;
    case VERDICT_USER:
        address->state = ADDRESS_USER;
        address->user = directing.user;
        address->director = entry->name;
        address->director_at = (uint32_t)at;
        break;
    case VERDICT_DEFERRED:
        direct_failed(node, &directing, false);
        break;
    case VERDICT_FAILED:
        direct_failed(node, &directing, true);
        break;
    }
    return true;
}

/* MAILER-DAEMON and Postmaster are known on every host (RFC 5321 4.5.1). */
static const char *
implicit_address(const struct walk *walk, const char *local_part)
{
    struct span name = span_of(local_part);

    if (span_is_nocase(name, "mailer-daemon"))
        return "Postmaster";
    return span_is_nocase(name, "postmaster")
               ? walk->configuration->settings.postmaster_address
               : NULL;
}

/* No director took it. `last`: the place behind all directors. */
static void
direct_nobody(struct walk *walk, struct node *node, uint32_t last)
{
    struct address *address = &node->resolved.address, child = {0};
    struct node *made;
    struct error error = {0};

    if (address->kind == ADDRESS_INCLUDE) {
        fail_temporary_number(&error, ERR_INCLUDE_OPEN, "4.3.5",
                              "no director reads the list %s", address->text);
        node_fail(node, &error, REPORT_CONFIG);
        return;
    }
    /* An address that begins behind all directors was made here: no second time. */
    child.text = implicit_address(walk, node->target.local_part);
    if (child.text == NULL && loop_find(walk, node).times > 0) {
        /* All that it could become, it became where it stands as an ancestor. */
        address->state = ADDRESS_DUPLICATE;
        if (walk->looped == NULL)
            walk->looped = node;
        return;
    }
    if (child.text == NULL || address->director_at >= last) {
        fail_permanent_number(&error, ERR_UNKNOWN_USER, "5.1.1", "unknown user");
        node_fail(node, &error, REPORT_SENDER);
        return;
    }
    child.owner = address->owner;
    child.notify = address->notify;
    child.dsn_recipient = address->dsn_recipient;
    made = walk_child(walk, node, walk_ancestors(walk, node), node->ancestor_count + 1,
                      &child);
    node_parse(walk, made);
    if (made->target.local &&
        span_is_nocase(span_of(made->target.local_part), node->target.local_part))
        made->resolved.address.director_at = last;
    walk_remark(walk, node, "%s is %s here", node->target.local_part, child.text);
    address->state = ADDRESS_EXPANDED;
    address->director_at = last;
    if (!walk_add_children(walk, node, &made, 1, &error))
        node_fail(node, &error, REPORT_SENDER);
}

/* Ask the directors from `at` to before `end`. False: all declined. */
static bool
direct_ask_all(struct walk *walk, struct node *node, size_t at, size_t end)
{
    for (; at < end; at++)
        if (director_applies(walk, node, &walk->configuration->directors.list[at]) &&
            direct_ask(walk, node, at))
            return true;
    return false;
}

/*
 * Is this an alias that leads back to itself, and for the first time here? Behind it no
 * director knows the name, but somebody on the way round may have a mailbox: go round
 * once more.
 */
static bool
goes_round(const struct walk *walk, struct node *node)
{
    const struct address *address = &node->resolved.address;

    if (address->kind != ADDRESS_MAIL || address->director_at == 0 || address->literal ||
        loop_find(walk, node).times == 0 ||
        implicit_address(walk, node->target.local_part) != NULL)
        return false;
    for (const struct node *at = node->parent; at != NULL; at = at->parent)
        if (at->round && target_is_same(&at->target, &node->target))
            return false;
    node->round = true;
    return true;
}

void
direct_address(struct walk *walk, struct node *node)
{
    size_t end = walk->configuration->directors.count;
    size_t at = director_first(walk, &node->resolved.address);

    if (direct_ask_all(walk, node, at, end) ||
        (goes_round(walk, node) && direct_ask_all(walk, node, 0, at < end ? at : end)))
        return;
    direct_nobody(walk, node, (uint32_t)end);
}
