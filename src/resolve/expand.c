/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a director's answer becomes: the loop rule, the sender's own address, trust and
 * users of files and commands, the owner.
 */
#include <string.h>

#include "mail/status.h"
#include "resolve/walk.h"

#include "base/banned.h"

/* One expansion while its children are made. */
struct expanding {
    struct walk *walk;
    struct node *node;
    const struct directing *directing;
    const struct address *const *ancestors; /* of the children */
    size_t ancestor_count;
    uint32_t next; /* place of the director for \name */
    const char *owner;
    struct node sender; /* the reverse-path, taken apart */
    bool drop_sender;
    struct node **children;
    struct node *put_aside; /* dropped only if something else is left */
    size_t count;
};

/* A list that was included counts as part of what included it. */
static uint32_t
next_place(const struct node *node, uint32_t at)
{
    uint32_t place = at + 1;
    bool included = node->resolved.address.kind == ADDRESS_INCLUDE;

    for (size_t i = 0; included && i < node->ancestor_count; i++) {
        if (node->ancestors[i]->director_at > place)
            place = node->ancestors[i]->director_at;
        included = node->ancestors[i]->kind == ADDRESS_INCLUDE;
    }
    return place;
}

static void
sender_read(struct expanding *expanding)
{
    const struct envelope *envelope = expanding->walk->resolving->envelope;

    if (envelope == NULL || envelope->me_too || envelope->reverse_path[0] == '\0' ||
        expanding->directing->entry->director->sender_okay)
        return;
    expanding->sender.resolved.address.text = envelope->reverse_path;
    expanding->drop_sender = node_parse(expanding->walk, &expanding->sender);
}

static const char *
or_else(const char *first, const char *second)
{
    return first != NULL && first[0] != '\0' ? first : second != NULL ? second : "";
}

/* User and trust of a file, command or list; special.c decides by them. */
static void
child_rights(const struct expanding *expanding, struct address *child)
{
    const struct director_generic *generic = expanding->directing->entry->director;
    const struct address *parent = &expanding->node->resolved.address;

    if (generic->caution && child->trust == TRUST_CLEAN)
        child->trust = TRUST_CAUTION;
    if (parent->kind == ADDRESS_INCLUDE && parent->trust > child->trust)
        child->trust = parent->trust;
    if (child->kind == ADDRESS_MAIL)
        return;
    child->user = or_else(generic->set_user, or_else(child->user, generic->default_user));
    child->group =
        or_else(generic->set_group, or_else(child->group, generic->default_group));
}

static struct node *
child_make(struct expanding *expanding, const struct address *answer)
{
    const struct address *parent = &expanding->node->resolved.address;
    struct address child = *answer;

    child.number = child.parent = 0;
    child.state = ADDRESS_NEW;
    child.owner = expanding->owner;
    child.director = expanding->directing->entry->name;
    child.literal = answer->literal && answer->kind == ADDRESS_MAIL;
    child.director_at = child.literal ? expanding->next : 0;
    child.notify = parent->notify;
    child.dsn_recipient = parent->dsn_recipient;
    child_rights(expanding, &child);
    return walk_child(expanding->walk, expanding->node, expanding->ancestors,
                      expanding->ancestor_count, &child);
}

/* Is the child left out, unless nothing else is there? */
static bool
child_is_unwanted(struct expanding *expanding, struct node *child)
{
    const struct director_generic *generic = expanding->directing->entry->director;
    struct address *address = &child->resolved.address;
    struct loop loop = loop_find(expanding->walk, child);

    if (loop.place > address->director_at)
        address->director_at = loop.place;
    /* What stays with the addressee is no mail of a list. */
    if (loop.times > 0)
        address->owner = expanding->node->resolved.address.owner;
    if (loop.times > 0)
        return generic->ignore_alias_match && !address->literal;
    return expanding->drop_sender &&
           target_is_same(&expanding->sender.target, &child->target);
}

static void
child_add(struct expanding *expanding, const struct address *answer)
{
    struct walk *walk = expanding->walk;
    struct node *child = child_make(expanding, answer);
    struct address *address = &child->resolved.address;

    if (address->error.status[0] != '\0') {
        node_fail(child, &address->error, address->report);
    } else if (address->kind == ADDRESS_MAIL && node_parse(walk, child)) {
        if (node_is_excluded(walk, child)) {
            walk_remark(walk, expanding->node, "%s: dropped, excluded by the sender",
                        address->text);
            return;
        }
        if (child_is_unwanted(expanding, child)) {
            expanding->put_aside = child;
            walk_remark(walk, expanding->node,
                        "%s: left out, the sender or the list itself", address->text);
            return;
        }
    }
    expanding->children[expanding->count++] = child;
}

static size_t
answers_count(const struct address *answers)
{
    size_t count = 0;

    for (; answers != NULL; answers = answers->next)
        count++;
    return count;
}

void
children_take(struct walk *walk, struct node *node, const struct directing *directing,
              uint32_t at)
{
    struct address *address = &node->resolved.address;
    size_t room = answers_count(directing->children) + 1;
    struct expanding expanding = {
        .walk = walk,
        .node = node,
        .directing = directing,
        .next = next_place(node, at),
        .children = arena_array(walk->arena, room, sizeof(struct node *)),
    };
    uint32_t before = address->director_at;
    struct error error = {0};

    address->director_at = expanding.next;
    expanding.ancestors = walk_ancestors(walk, node);
    expanding.ancestor_count = node->ancestor_count + 1;
    expanding.owner = or_else(owner_find(walk, node, directing), address->owner);
    sender_read(&expanding);
    for (const struct address *answer = directing->children; answer != NULL;
         answer = answer->next)
        child_add(&expanding, answer);
    if (expanding.count == 0 && expanding.put_aside != NULL)
        expanding.children[expanding.count++] = expanding.put_aside;
    address->director = directing->entry->name;
    address->state = ADDRESS_EXPANDED;
    if (!walk_add_children(walk, node, expanding.children, expanding.count, &error)) {
        address->director_at = before;
        node_fail(node, &error, REPORT_OWNER);
    }
}
