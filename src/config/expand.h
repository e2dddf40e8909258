/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ${} expansion (reference 2.8 to 2.11). Only the administrator's own text is expanded;
 * what comes from outside enters as a value and is never looked at again. Failing is an
 * event with a meaning, so the error names the variable.
 *
 * Ours beside Smail's: the operator `comment` (fit for parentheses in a header field) and
 * the variables `sender_host_name` (by reverse lookup), `sender_literal` (address in
 * brackets), `sender_authenticated`, `sender_tls`, `submitter` (login name) and
 * `recipient` (of an envelope that has only one). What strangers choose comes without
 * control characters, so header templates cannot be split; their own line ends are LF.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/envelope.h"

struct settings;

enum expand_form { FORM_NONE, FORM_LOCAL, FORM_INET, FORM_UUCP };

/* What the variables stand for. A NULL pointer leaves its variables undefined. */
struct expansion {
    const struct settings *settings;
    const struct envelope *envelope;
    const char *message_id; /* our id, "m0puwU8-00023UB"; NULL outside a message */
    struct span header;     /* for header:name; empty if not at hand */
    const struct address *address;
    const struct address *const
        *ancestors; /* parent first, recipient of the envelope last */
    size_t ancestor_count;
    const char *user; /* $user; NULL: next_address of `address` or undefined */
    const char *host; /* $host; NULL: undefined */
    const char *home; /* $home and a leading ~/; NULL: of `address`, if it has one */
    enum expand_form form;
    bool destination_is_local;
    struct arena *arena;

    /* ${lookup:var:proto{file} ...}; NULL: every lookup fails. found=false: no such key.
     */
    bool (*lookup)(const struct expansion *expansion, const char *proto, const char *file,
                   const char *key, const char **value, bool *found, struct error *error);
    /* Home of a login name for a leading "~user"; NULL: fails. */
    bool (*home_of)(const struct expansion *expansion, const char *user,
                    const char **home, struct error *error);
    void *context; /* for the two functions */
};

/* The fixed parts of an expansion outside any message. */
struct expansion expansion_new(const struct settings *settings, struct arena *arena);

/*
 *   result    in the arena
 *   returns   false: permanent 5.3.5 for bad syntax or an undefined variable (named),
 *             temporary when a lookup cannot answer now
 */
bool expand(const char *text, const struct expansion *expansion, const char **result,
            struct error *error);

/*
 * A command: split into words first, each expanded for itself, so that no value ever
 * becomes two arguments (reference 2.11). `$( ... $)` is repeated for each address.
 *
 *   addresses  those delivered in one call; $user, $host, ... take each in its turn
 *   arguments  NULL-terminated; the first is an absolute path
 *   returns    false: permanent, ERR_COMMAND or ERR_COMMAND_ABSOLUTE
 */
bool expand_command(const char *command, const struct expansion *expansion,
                    const struct address *const *addresses, size_t count,
                    const char *const **arguments, struct error *error);

/* Check syntax, operators and names of variables without values, for the load-time check.
 */
bool expand_check(const char *text, bool is_command, struct error *error);

#endif
