/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses: names of their states, their text and packed forms, and when two are equal.
 */
#include "mail/address.h"

#include <string.h>

#include "base/siphash.h"
#include "mail/key.h"

#include "base/banned.h"

static const char *const kind_names[] = {"mail", "file", "pipe", "include"};
static const char *const trust_names[] = {"clean", "caution", "unsecure"};
static const char *const state_names[] = {"new",      "user",      "assigned",
                                          "expanded", "duplicate", "delivered",
                                          "relayed",  "failed",    "reported"};
static const char *const outcome_names[] = {"deferred", "delivered", "relayed", "failed"};
static const char *const report_names[] = {"sender", "postmaster", "owner", "config"};
static const char *const notify_names[] = {"never", "success", "failure", "delay"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROW(name, type, member)                                                          \
    {                                                                                    \
        name, type, false, false, offsetof(struct address, member), 0, NULL              \
    }
#define NAMES(name, member, names)                                                       \
    {                                                                                    \
        name, KEY_NAME, false, false, offsetof(struct address, member), COUNT(names),    \
            names                                                                        \
    }
#define CHARS(name, member)                                                              \
    {                                                                                    \
        name, KEY_CHARS, false, false, offsetof(struct address, member),                 \
            sizeof(((struct address *)0)->member), NULL                                  \
    }

static const struct key address_keys[] = {
    ROW("number", KEY_U32, number),
    ROW("parent", KEY_U32, parent),
    NAMES("kind", kind, kind_names),
    NAMES("state", state, state_names),
    NAMES("trust", trust, trust_names),
    ROW("text", KEY_STRING, text),
    ROW("source", KEY_STRING, source),
    ROW("owner", KEY_STRING, owner),
    ROW("literal", KEY_FLAG, literal),
    ROW("director", KEY_STRING, director),
    ROW("director-at", KEY_U32, director_at),
    ROW("router", KEY_STRING, router),
    ROW("transport", KEY_STRING, transport),
    ROW("next-hop", KEY_STRING, next_hop),
    ROW("next-address", KEY_STRING, next_address),
    ROW("user", KEY_STRING, user),
    ROW("group", KEY_STRING, group),
    ROW("home", KEY_STRING, home),
    ROW("original", KEY_STRING, dsn_recipient),
    {"notify", KEY_SET, false, false, offsetof(struct address, notify),
     COUNT(notify_names), notify_names},
    ROW("error-permanent", KEY_FLAG, error.permanent),
    ROW("error-number", KEY_U32, error.number),
    CHARS("error-status", error.status),
    CHARS("error-text", error.text),
    NAMES("report", report, report_names),
    {0},
};

static const char *
name_of(const char *const *names, size_t count, size_t value)
{
    return names[value < count ? value : 0];
}

/* `*value` of the name, or false. */
static bool
name_read(const char *const *names, size_t count, struct span name, size_t *value)
{
    for (*value = 0; *value < count; ++*value)
        if (span_is(name, names[*value]))
            return true;
    return false;
}

const char *
address_state_name(enum address_state state)
{
    return name_of(state_names, COUNT(state_names), state);
}

bool
address_state_read(struct span name, enum address_state *state)
{
    size_t value;

    if (!name_read(state_names, COUNT(state_names), name, &value))
        return false;
    *state = (enum address_state)value;
    return true;
}

const char *
address_kind_name(enum address_kind kind)
{
    return name_of(kind_names, COUNT(kind_names), kind);
}

bool
address_kind_read(struct span name, enum address_kind *kind)
{
    size_t value;

    if (!name_read(kind_names, COUNT(kind_names), name, &value))
        return false;
    *kind = (enum address_kind)value;
    return true;
}

const char *
address_trust_name(enum address_trust trust)
{
    return name_of(trust_names, COUNT(trust_names), trust);
}

bool
address_trust_read(struct span name, enum address_trust *trust)
{
    size_t value;

    if (!name_read(trust_names, COUNT(trust_names), name, &value))
        return false;
    *trust = (enum address_trust)value;
    return true;
}

const char *
outcome_name(enum outcome outcome)
{
    return name_of(outcome_names, COUNT(outcome_names), outcome);
}

bool
outcome_read(struct span name, enum outcome *outcome)
{
    size_t value;

    if (!name_read(outcome_names, COUNT(outcome_names), name, &value))
        return false;
    *outcome = (enum outcome)value;
    return true;
}

const char *
report_class_name(enum report_class report)
{
    return name_of(report_names, COUNT(report_names), report);
}

bool
report_class_read(struct span name, enum report_class *report)
{
    size_t value;

    if (!name_read(report_names, COUNT(report_names), name, &value))
        return false;
    *report = (enum report_class)value;
    return true;
}

bool
address_state_done(enum address_state state)
{
    switch (state) {
    case ADDRESS_EXPANDED:
    case ADDRESS_DUPLICATE:
    case ADDRESS_DELIVERED:
    case ADDRESS_RELAYED:
    case ADDRESS_REPORTED:
        return true;
    default:
        return false;
    }
}

/* ------------------------------------------------------------ equality */

/* Where the domain of a mailbox text begins: behind its last '@' outside quotes. */
static size_t
text_domain(struct span text)
{
    size_t at = span_find_last(text, '@');

    return at < text.length && text.bytes[text.length - 1] != '"' ? at + 1 : text.length;
}

/* The octet at `i` as it counts. */
static char
text_folded(struct span text, size_t domain, bool local, size_t i)
{
    return local || i >= domain ? byte_lower(text.bytes[i]) : text.bytes[i];
}

static bool
address_is_local(const struct address *address, struct span text, bool local)
{
    return address->kind == ADDRESS_MAIL && (local || text_domain(text) == text.length);
}

uint64_t
address_key(const struct address *address, bool local)
{
    static const struct siphash_key key = {{0, 0}};
    struct span text = span_of(address->text), user = span_of(address->user);
    size_t domain = address->kind == ADDRESS_MAIL ? text_domain(text) : text.length;
    uint8_t kind = (uint8_t)address->kind;
    struct siphash state;

    local = address_is_local(address, text, local);
    siphash_begin(&state, &key);
    siphash_add(&state, &kind, 1);
    for (size_t i = 0; i < text.length; i++) {
        char byte = text_folded(text, domain, local, i);

        siphash_add(&state, &byte, 1);
    }
    if (address->kind != ADDRESS_MAIL) {
        siphash_add(&state, "", 1);
        siphash_add(&state, user.bytes, user.length);
    }
    return siphash_end(&state);
}

bool
address_same(const struct address *a, const struct address *b, bool local)
{
    struct span left = span_of(a->text), right = span_of(b->text);
    size_t domain = text_domain(left);

    if (a->kind != b->kind || left.length != right.length)
        return false;
    if (a->kind != ADDRESS_MAIL)
        return span_equal(left, right) && span_equal(span_of(a->user), span_of(b->user));
    if (domain != text_domain(right))
        return false;
    local = address_is_local(a, left, local);
    for (size_t i = 0; i < left.length; i++)
        if (text_folded(left, domain, local, i) != text_folded(right, domain, local, i))
            return false;
    return true;
}

struct address *
address_copy(const struct address *address, struct arena *arena)
{
    struct address *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *address;
    copy->next = NULL;
    keys_copy_strings(address_keys, copy, arena);
    return copy;
}

/* ------------------------------------------------------------ text and bytes */

void
address_write(const struct address *address, struct text *text)
{
    bool first = true;

    for (const struct key *key = address_keys; key->name != NULL; key++) {
        if (!key_is_set(key, address))
            continue;
        if (!first)
            text_add_byte(text, ' ');
        first = false;
        text_add(text, key->name);
        text_add_byte(text, '=');
        key_write(key, address, true, text);
    }
}

/* One "key=value"; `*at` is the row of the last one, `*seen` has a bit for each row. */
static bool
address_read_word(struct span word, struct arena *arena, struct address *address,
                  size_t *at, uint64_t *seen, struct error *error)
{
    size_t equals = span_find(word, '=');
    bool needed = span_starts(word, "!");
    struct span name = span_from(span_first(word, equals), needed ? 1 : 0);
    const struct key *key = key_find(address_keys, name, at);

    if (key == NULL && needed && equals < word.length)
        return fail_temporary(
            error, "4.3.5",
            "an address asks for \"%s\", which this version does not know",
            span_printable(name, 80, arena));
    if (equals == word.length ||
        (key != NULL && ((*seen >> *at & 1) != 0 ||
                         !key_read(key, address, span_from(word, equals + 1), arena))))
        return fail_temporary(error, "4.3.0", "damaged address: %s",
                              span_printable(word, 80, arena));
    if (key != NULL)
        *seen |= UINT64_C(1) << (*at)++;
    return true;
}

bool
address_read(struct span line, struct arena *arena, struct address *address,
             struct error *error)
{
    struct span rest = line, word;
    uint64_t seen = 0;
    size_t at = 0;

    *address = (struct address){0};
    keys_copy_strings(address_keys, address, NULL);
    while (span_next(&rest, ' ', &word))
        if (!address_read_word(word, arena, address, &at, &seen, error))
            return false;
    return true;
}

void
address_pack(const struct address *address, struct pack *pack)
{
    keys_pack(address_keys, address, pack);
}

bool
address_unpack(struct unpack *unpack, struct arena *arena, struct address *address)
{
    *address = (struct address){0};
    keys_copy_strings(address_keys, address, NULL);
    keys_unpack(address_keys, address, unpack, arena);
    return !unpack->failed;
}
