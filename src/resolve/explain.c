/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -bv, -bt and explain: a walk, printed. In text for people, the derivation step by step
 * and then where the address ends; in JSON the same members by name.
 */
#include "resolve/explain.h"

#include <sysexits.h>

#include "mail/status.h"

#include "base/banned.h"

/* --- text --- */

static void
step_text(const struct explained *explained, struct text *text)
{
    const struct step *step = &explained->step;

    for (size_t i = 0; step->entry == NULL && i < explained->note_count; i++)
        text_add_format(text, "  %s\n", explained->notes[i]);
    if (step->entry == NULL)
        return;
    text_add_format(text, "  %s %s (%s): \"%s\" %s",
                    step->entry->kind == ENTRY_ROUTER ? "router" : "director",
                    step->entry->name, step->entry->driver->name, step->key,
                    verdict_name(step->verdict));
    if (explained->source[0] != '\0')
        text_add_format(text, " by %s", explained->source);
    if (explained->error[0] != '\0')
        text_add_format(text, ": %s", explained->error);
    text_add_byte(text, '\n');
    for (size_t i = 0; i < explained->note_count; i++)
        text_add_format(text, "    %s\n", explained->notes[i]);
}

static void
reason_text(const struct address *address, struct text *text)
{
    text_add_format(text, "%s %s", address->error.status, address->error.text);
    if (address->error.number != 0)
        text_add_format(text, " (ERR_%03d)", address->error.number);
}

/* Where an address stands, as the end of its part of the derivation. */
static void
end_text(const struct address *address, struct text *text)
{
    text_add(text, "  = ");
    switch (address->state) {
    case ADDRESS_ASSIGNED:
        text_add_format(text, "transport %s", address->transport);
        if (address->next_hop[0] != '\0')
            text_add_format(text, ", host %s", address->next_hop);
        text_add_format(text, ", address %s", address->next_address);
        if (address->user[0] != '\0')
            text_add_format(text, ", as user %s", address->user);
        break;
    case ADDRESS_USER:
        text_add_format(text, "goes on with the rights of user %s", address->user);
        break;
    case ADDRESS_FAILED:
        text_add(text, "not deliverable: ");
        reason_text(address, text);
        break;
    case ADDRESS_NEW:
        text_add(text, address->error.status[0] != '\0' ? "deferred: " : "not looked at");
        if (address->error.status[0] != '\0')
            reason_text(address, text);
        break;
    default:
        text_add(text, address_state_name(address->state));
    }
    if (address->owner[0] != '\0' && address->state != ADDRESS_EXPANDED)
        text_add_format(text, ", errors to %s", address->owner);
    text_add_byte(text, '\n');
}

/* Name of an address in a line of its own, with where it comes from. */
static void
head_text(const struct walk *walk, const struct node *node, struct text *text)
{
    const struct address *address = &node->resolved.address;

    text_add(text, address->text);
    if (address->kind != ADDRESS_MAIL)
        text_add_format(text, " (%s)", address_kind_name(address->kind));
    if (address->trust != TRUST_CLEAN)
        text_add_format(text, " (%s)", address_trust_name(address->trust));
    if (node->parent != NULL)
        text_add_format(text, " from %s",
                        walk->nodes[node->resolved.parent_at]->resolved.address.text);
    if (address->source[0] != '\0')
        text_add_format(text, " at %s", address->source);
    text_add_byte(text, '\n');
}

static void
derivation_text(const struct walk *walk, const struct explanation *explanation,
                struct text *text)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct node *node = walk->nodes[i];

        head_text(walk, node, text);
        for (const struct explained *explained = explanation->first; explained != NULL;
             explained = explained->next)
            if (explained->step.node == node)
                step_text(explained, text);
        end_text(&node->resolved.address, text);
    }
}

/* The lines of -bv: one for each address that expands no further. */
static void
verify_text(const struct address *address, struct text *text)
{
    const char *where = address->next_hop;

    if (address->state == ADDRESS_EXPANDED || address->state == ADDRESS_DUPLICATE)
        return;
    text_add(text, address->text);
    if (address->state == ADDRESS_FAILED || address->state == ADDRESS_NEW) {
        text_add(text, address->state == ADDRESS_FAILED ? " ... not deliverable: "
                                                        : " ... error: ");
        reason_text(address, text);
        text_add_byte(text, '\n');
        return;
    }
    if (address->state == ADDRESS_ASSIGNED && where[0] != '\0')
        text_add_format(text, " at %s", where);
    text_add(text, " ... deliverable\n");
}

/* --- JSON --- */

static void
step_json(const struct explained *explained, struct json *json)
{
    const struct step *step = &explained->step;

    for (size_t i = 0; step->entry == NULL && i < explained->note_count; i++)
        json_string(json, NULL, explained->notes[i]);
    if (step->entry == NULL)
        return;
    json_object(json, NULL);
    json_string(json, step->entry->kind == ENTRY_ROUTER ? "router" : "director",
                step->entry->name);
    json_string(json, "driver", step->entry->driver->name);
    json_string(json, "key", step->key);
    json_string(json, "verdict", verdict_name(step->verdict));
    if (explained->source[0] != '\0')
        json_string(json, "source", explained->source);
    if (explained->error[0] != '\0')
        json_string(json, "error", explained->error);
    json_array(json, "notes");
    for (size_t i = 0; i < explained->note_count; i++)
        json_string(json, NULL, explained->notes[i]);
    json_end_array(json);
    json_end_object(json);
}

static void
string_json(struct json *json, const char *name, const char *value)
{
    if (value[0] != '\0')
        json_string(json, name, value);
}

static void
answer_json(const struct address *address, struct json *json)
{
    string_json(json, "source", address->source);
    string_json(json, "owner", address->owner);
    string_json(json, "director", address->director);
    string_json(json, "router", address->router);
    string_json(json, "transport", address->transport);
    string_json(json, "next_hop", address->next_hop);
    string_json(json, "next_address", address->next_address);
    string_json(json, "user", address->user);
    string_json(json, "group", address->group);
    string_json(json, "home", address->home);
    if (address->error.status[0] == '\0')
        return;
    json_string(json, "status", address->error.status);
    json_string(json, "error", address->error.text);
    json_bool(json, "permanent", address->error.permanent);
    if (address->error.number != 0)
        json_number(json, "number", address->error.number);
}

static void
node_json(const struct walk *walk, const struct node *node,
          const struct explanation *explanation, struct json *json)
{
    const struct address *address = &node->resolved.address;

    json_object(json, NULL);
    json_string(json, "address", address->text);
    json_string(json, "kind", address_kind_name(address->kind));
    json_string(json, "trust", address_trust_name(address->trust));
    json_string(json, "state", address_state_name(address->state));
    if (node->parent != NULL)
        json_string(json, "parent",
                    walk->nodes[node->resolved.parent_at]->resolved.address.text);
    answer_json(address, json);
    json_array(json, "steps");
    for (const struct explained *explained = explanation->first; explained != NULL;
         explained = explained->next)
        if (explained->step.node == node)
            step_json(explained, json);
    json_end_array(json);
    json_end_object(json);
}

static void
explain_json(const struct walk *walk, const struct explanation *explanation, int code,
             struct json *json)
{
    json_object(json, NULL);
    json_string(json, "address", walk->nodes[0]->resolved.address.text);
    json_bool(json, "deliverable", code == EX_OK);
    json_number(json, "code", code);
    json_array(json, "derivation");
    for (size_t i = 0; i < walk->count; i++)
        node_json(walk, walk->nodes[i], explanation, json);
    json_end_array(json);
    json_end_object(json);
}

/* --- what the program says --- */

static int
error_code(const struct error *error)
{
    if (!error->permanent)
        return EX_TEMPFAIL;
    switch (error->number) {
    case ERR_UNKNOWN_HOST:
    case ERR_NO_USABLE_MX:
    case ERR_MX_LOCAL:
        return EX_NOHOST;
    case ERR_ADDRESS_PARSE:
    case ERR_LITERAL:
        return EX_DATAERR;
    case ERR_UNKNOWN_USER:
        return EX_NOUSER;
    default:
        return EX_UNAVAILABLE;
    }
}

/* Failures for good count more than those of today. */
static int
walk_code(const struct walk *walk)
{
    int code = EX_OK;

    for (size_t i = 0; i < walk->count; i++) {
        const struct address *address = &walk->nodes[i]->resolved.address;

        if (address->state == ADDRESS_FAILED)
            return error_code(&address->error);
        if (address->state == ADDRESS_NEW && address->error.status[0] != '\0')
            code = EX_TEMPFAIL;
    }
    return code;
}

int
explain_address(const struct resolving *resolving, const char *address, bool derivation,
                struct text *text, struct json *json)
{
    struct resolving heard = *resolving;
    struct address input = {.text = address};
    struct explanation explanation;
    struct walk walk;
    int code;

    explanation_begin(&explanation, resolving->services, resolving->arena);
    heard.services = &explanation.services;
    walk_begin(&walk, &heard);
    walk.explanation = &explanation;
    walk.is_user = false; /* nobody else goes on with what is left */
    walk_add_input(&walk, &input);
    walk_run(&walk);
    code = walk_code(&walk);
    if (json != NULL)
        explain_json(&walk, &explanation, code, json);
    else if (derivation)
        derivation_text(&walk, &explanation, text);
    else
        for (size_t i = 0; i < walk.count; i++)
            verify_text(&walk.nodes[i]->resolved.address, text);
    walk_end(&walk);
    return code;
}

/* --- -bt --- */

static int
test_error(const struct error *error, const char *address, const char *kind,
           struct text *text)
{
    text_add_format(text, "%s ... %s: %s\n", address, kind, error->text);
    return error_code(error);
}

/*
 * The three lines of a remote address. One that a router leads back to this host is local
 * after all, and then directors have no say here either.
 */
static int
test_route(struct walk *walk, struct node *node, struct text *text)
{
    const struct address *address = &node->resolved.address;

    route_address(walk, node);
    if (node->target.local) {
        text_add_format(text, "addr: %s\ntransport: local\n", node->target.local_part);
        return EX_OK;
    }
    if (address->error.status[0] != '\0')
        return test_error(&address->error, address->text,
                          address->error.permanent ? "failed" : "temporary failure",
                          text);
    text_add_format(text, "host: %s\naddr: %s\ntransport: %s\n", address->next_hop,
                    address->next_address, address->transport);
    return EX_OK;
}

int
test_address(const struct resolving *resolving, const char *address, struct text *text)
{
    struct address input = {.text = address};
    struct node *node;
    struct walk walk;
    int code = EX_OK;

    walk_begin(&walk, resolving);
    node = walk_add_input(&walk, &input);
    if (!node_parse(&walk, node))
        code = test_error(node->target_error, address, "parse error", text);
    else if (node->target.local)
        text_add_format(text, "addr: %s\ntransport: local\n", node->target.local_part);
    else
        code = test_route(&walk, node, text);
    walk_end(&walk);
    return code;
}
