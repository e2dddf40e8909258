/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The owner of a list: who gets the errors of what a director made (reference 4.11). One
 * that cannot get mail is no owner, and the list around it is asked for.
 */
#include <string.h>

#include "mail/mailbox.h"
#include "resolve/walk.h"

#include "base/banned.h"

/* Does mail to this address get anywhere, as far as can be known now? */
static bool
owner_is_deliverable(struct walk *walk, const char *owner)
{
    struct services services = *walk->services;
    struct resolving resolving = *walk->resolving;
    struct address address = {.text = owner};
    struct walk inner;
    bool failed = false;

    services.restricted = true;
    services.trace = NULL;
    resolving.services = &services;
    resolving.envelope = NULL;
    resolving.known_count = 0;
    walk_begin(&inner, &resolving);
    inner.first_only = true;
    inner.no_owner = true;
    inner.is_user = false;
    walk_add_input(&inner, &address);
    walk_run(&inner);
    for (size_t i = 0; i < inner.count; i++)
        failed = failed || inner.nodes[i]->resolved.address.state == ADDRESS_FAILED;
    walk_end(&inner);
    return !failed;
}

/* With the name that this site shows to others: the owner becomes the reverse-path. */
static const char *
owner_qualify(struct walk *walk, const char *owner)
{
    struct mailbox_step step;

    if (!mailbox_step(span_of(owner), false, walk->arena, &step, NULL))
        return "";
    if (step.form != MAILBOX_LOCAL)
        return owner;
    return arena_format(walk->arena, "%s@%s", owner,
                        walk->configuration->settings.visible_name);
}

const char *
owner_find(struct walk *walk, const struct node *node, const struct directing *directing)
{
    struct expanded owner = directing->entry->director->owner;
    struct expansion expansion;
    const char *text;

    if (owner.text == NULL || walk->no_owner || walk->first_only || directing->no_owner ||
        node->resolved.address.kind != ADDRESS_MAIL)
        return "";
    expansion = directing_expansion(directing);
    if (!expand(owner.text, &expansion, &text, NULL) || text[0] == '\0')
        return "";
    if (!owner_is_deliverable(walk, text)) {
        walk_remark(walk, node, "%s cannot be had, so it is no owner", text);
        return "";
    }
    walk_remark(walk, node, "owner is %s", text);
    return owner_qualify(walk, text);
}
