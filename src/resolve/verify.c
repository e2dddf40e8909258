/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The question of a server: can mail to this recipient be taken, and is it for us?
 */
#include "resolve/walk.h"

#include "base/banned.h"

/* Count one end of the walk. Users, whose files are not read now, would take it. */
static void
verification_add(struct verification *verification, const struct address *address)
{
    switch (address->state) {
    case ADDRESS_FAILED:
        verification->failed = true;
        verification->error = address->error;
        break;
    case ADDRESS_NEW:
        verification->deferred = true;
        if (!verification->failed)
            verification->error = address->error;
        break;
    case ADDRESS_EXPANDED:
        return;
    default:
        break;
    }
    if (verification->final == NULL)
        verification->final = address;
}

void
resolve_verify(const struct resolving *resolving, const char *recipient,
               struct verification *verification)
{
    struct services services = *resolving->services;
    struct resolving restricted = *resolving;
    struct address address = {.text = recipient};
    const struct address *first;
    struct walk walk;

    *verification = (struct verification){0};
    services.restricted = true;
    if (!resolving->services->restricted)
        restricted.services = &services;
    restricted.known_count = 0;
    walk_begin(&walk, &restricted);
    walk.first_only = true;
    walk.is_user = false;
    walk_add_input(&walk, &address);
    walk_run(&walk);
    for (size_t i = 0; i < walk.count; i++)
        verification_add(verification, &walk.nodes[i]->resolved.address);
    first = &walk.nodes[0]->resolved.address;
    if (verification->final == NULL)
        verification->final = first;
    if (!verification->failed && !verification->deferred) {
        verification->remote =
            first->state == ADDRESS_ASSIGNED && first->next_hop[0] != '\0';
        verification->local = !verification->remote;
        verification->is_whole = verification->remote;
    }
    walk_end(&walk);
}
