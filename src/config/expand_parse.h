/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the expansion share: a reader that walks over the text once. */
#ifndef CONFIG_EXPAND_PARSE_H
#define CONFIG_EXPAND_PARSE_H

#include "config/expand.h"

enum {
    EXPAND_DEPTH = 32,          /* of braces within braces */
    EXPAND_LIMIT = 1024 * 1024, /* octets of a result */
    REFERENCE_OPERATORS = 8,    /* in one ${a:b:name} */
};

struct expander {
    const struct expansion *expansion; /* NULL: only the syntax is looked at */
    struct span rest;                  /* still to be read */
    struct arena *arena;
    struct error *error;
    bool live;         /* values count; off in branches that are not taken */
    bool in_lookup;    /* $value has a meaning */
    const char *value; /* of the innermost lookup */
    int depth;
};

/* "${op:op:name}", without the braces. */
struct reference {
    const struct expand_operator *operators[REFERENCE_OPERATORS];
    size_t operator_count;
    size_t parents; /* how many times `parent` */
    bool top;
    const char *name;
};

/* An address as the variables see it. */
struct subject {
    const struct expansion *expansion;
    const struct address *address; /* may be NULL */
    bool own; /* not an ancestor: the overrides of the expansion hold */
    struct arena *arena;
};

struct expand_operator {
    const char *name;
    const char *(*apply)(const char *value, struct arena *arena); /* NULL: parent, top */
};

/* Expand `text` and add it to `out`; a '~' at its beginning is a home if `tilde`. */
bool expand_into(struct span text, const struct expansion *expansion, bool tilde,
                 struct text *out, struct error *error);
/* The syntax alone. */
bool expand_check_text(struct span text, struct arena *arena, struct error *error);

/* Text up to the '}' that closes it (which is left) or the end. */
bool expand_text(struct expander *expander, struct text *out);
/* One condition, as much of the rest as belongs to it. */
bool expand_condition(struct expander *expander, bool *result);
/* Text that the '{' at the beginning opens, with its '}'. */
bool expand_braced(struct expander *expander, struct text *out);

bool reference_parse(struct expander *expander, struct span text,
                     struct reference *reference);
/* NULL in *value: known, but has no value here. */
bool reference_value(struct expander *expander, const struct reference *reference,
                     const char **value);

const struct expand_operator *expand_operator_find(struct span name);
/* Is there a variable of that name, and its value for an address (NULL: none here)? */
bool expand_variable_known(const char *name);
const char *expand_variable(const struct subject *subject, const char *name);
/* The known variable nearest by spelling, or NULL. */
const char *expand_variable_nearest(const char *name);

void expand_blanks(struct expander *expander);
/* Take `word` if it stands there and is not the beginning of a longer one. */
bool expand_take_word(struct expander *expander, const char *word);
bool expand_take(struct expander *expander, char byte);
/* Octets of a name (letters, digits, '_', and '-' if `dash`) at the beginning. */
size_t expand_name_length(struct span text, bool dash);
/* Permanent 5.3.5 with a look at what stands there. */
bool expand_fail(struct expander *expander, const char *expected);

#endif
