/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses that stem from themselves (reference 4.1.6), with all ancestors looked at. */
#include <string.h>

#include "resolve/walk.h"

#include "base/banned.h"

bool
target_is_same(const struct target *a, const struct target *b)
{
    if (a->local != b->local)
        return false;
    if (a->local)
        return span_is_nocase(span_of(a->local_part), b->local_part);
    return strcmp(a->host, b->host) == 0 && strcmp(a->rest, b->rest) == 0;
}

static bool
ancestor_is_same(const struct walk *walk, const struct address *ancestor,
                 const struct target *target)
{
    struct target other;

    return ancestor->kind == ADDRESS_MAIL &&
           target_find(walk->configuration, ancestor->text, walk->arena, &other, NULL) &&
           target_is_same(target, &other);
}

struct loop
loop_find(const struct walk *walk, const struct node *node)
{
    struct loop loop = {0};

    if (!node->target.local)
        return loop;
    for (size_t i = 0; i < node->ancestor_count; i++) {
        const struct address *ancestor = node->ancestors[i];

        if (!ancestor_is_same(walk, ancestor, &node->target))
            continue;
        loop.times++;
        if (ancestor->director_at > loop.place)
            loop.place = ancestor->director_at;
    }
    return loop;
}
