/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the items of a list to child addresses. */
#include "drivers/directors/members.h"

#include <string.h>

#include "mail/mailbox.h"
#include "mail/status.h"

#include "base/banned.h"

static struct address **
children_end(struct directing *directing)
{
    struct address **end = &directing->children;

    while (*end != NULL)
        end = &(*end)->next;
    return end;
}

static bool
refuse(struct address *child, const char *reason)
{
    child->report = REPORT_OWNER;
    fail_permanent_number(
        &child->error, child->kind == ADDRESS_INCLUDE ? ERR_INCLUDE_NAME : ERR_SECURITY,
        "5.7.1", "%s: %s", child->text, reason);
    return true; /* the child itself bears the error */
}

/* "~/file" and "~user/file". */
static bool
member_home(const struct directing *directing, const struct members *members,
            struct address *child, struct error *error)
{
    const struct services *services = directing->services;
    struct span text = span_of(child->text);
    size_t slash = span_find(text, '/');
    const char *name =
        span_string(span_from(span_first(text, slash), 1), directing->arena);
    struct user user;
    bool found = true;

    if (members->user == NULL)
        return refuse(child, "~ is only for the lists of users");
    if (slash == text.length)
        return refuse(child, "a directory, not a file");
    if (name[0] == '\0')
        user = *members->user;
    else if (!services->user(services, name, directing->arena, &user, &found, error))
        return false;
    if (!found || user.home[0] != '/')
        return refuse(child, "there is no such home");
    child->text = arena_format(directing->arena, "%s%s", user.home, child->text + slash);
    return true;
}

/* Where it stands, for the log and explain. */
static const char *
member_source(const struct directing *directing, const struct members *members,
              const struct mailbox_item *item)
{
    if (members->line == 0)
        return members->file;
    return arena_format(directing->arena, "%s:%u", members->file,
                        members->is_file ? members->line + item->line - 1
                                         : members->line);
}

static enum address_kind
member_kind(enum mailbox_item_kind kind)
{
    switch (kind) {
    case MAILBOX_ITEM_FILE:
        return ADDRESS_FILE;
    case MAILBOX_ITEM_PIPE:
        return ADDRESS_PIPE;
    case MAILBOX_ITEM_INCLUDE:
        return ADDRESS_INCLUDE;
    default:
        return ADDRESS_MAIL;
    }
}

static bool
member_make(const struct directing *directing, struct members *members,
            const struct mailbox_item *item, struct address *child, struct error *error)
{
    child->kind = member_kind(item->kind);
    child->text = item->text;
    child->literal = item->literal;
    child->source = member_source(directing, members, item);
    if (child->kind == ADDRESS_MAIL)
        return true;
    members->special = true;
    child->user = members->user_name;
    if (child->kind == ADDRESS_PIPE)
        return true;
    if (child->text[0] == '~')
        return member_home(directing, members, child, error);
    return child->text[0] == '/' || refuse(child, "not an absolute path");
}

bool
members_read(struct directing *directing, struct span text, struct members *members,
             struct error *error)
{
    unsigned flags = MAILBOX_LIST_SPECIAL | MAILBOX_LIST_BLANKS |
                     (members->is_file ? MAILBOX_LIST_LINES : 0);
    struct address **end = children_end(directing);
    struct mailbox_item *items;

    if (!mailbox_list_parse(text, flags, members->limit, directing->arena, &items, error))
        return false;
    for (; items != NULL; items = items->next) {
        struct address *child = arena_alloc(directing->arena, sizeof(*child));

        if (!member_make(directing, members, items, child, error))
            return false;
        *end = child;
        end = &child->next;
    }
    return true;
}

void
members_trust(struct directing *directing, enum address_trust trust)
{
    for (struct address *child = directing->children; child != NULL; child = child->next)
        if (child->kind != ADDRESS_MAIL)
            child->trust = trust;
}

void
members_add_self(struct directing *directing)
{
    struct address *child = arena_alloc(directing->arena, sizeof(*child));

    child->text = mailbox_quote(span_of(directing->local_part), directing->arena);
    child->literal = true;
    child->source = directing->source;
    *children_end(directing) = child;
}
