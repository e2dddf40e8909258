/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables for the manual and for the sample file with everything in it. */
#include "config/print.h"

#include <string.h>

#include "base/banned.h"

/* Text that mdoc leaves alone: no escapes, no macro at the beginning of a line. */
static void
add_escaped(struct text *text, const char *value)
{
    for (const char *at = value; *at; at++) {
        bool begins = at == value || at[-1] == '\n';

        if (*at == '\\')
            text_add(text, "\\e");
        else if (*at == '-')
            text_add(text, "\\-");
        else if (begins && (*at == '.' || *at == '\''))
            text_add_format(text, "\\&%c", *at);
        else
            text_add_byte(text, *at);
    }
}

/* An argument of a macro: in quotes, which are doubled inside. */
static void
add_argument(struct text *text, const char *value)
{
    struct text inner = text_new(text->arena);

    add_escaped(&inner, value);
    text_add_byte(text, '"');
    for (const char *at = text_string(&inner); *at; at++) {
        if (*at == '"')
            text_add_byte(text, '"');
        text_add_byte(text, *at);
    }
    text_add_byte(text, '"');
}

/* The default as one writes it. */
static const char *
default_print(const struct attribute *row, struct arena *arena)
{
    if (row->type == ATTRIBUTE_BOOL)
        return attribute_default_is_on(row) ? "on" : "off";
    if (!row->value)
        return row->type == ATTRIBUTE_NUMBER || row->type == ATTRIBUTE_SIZE ||
                       row->type == ATTRIBUTE_DURATION || row->type == ATTRIBUTE_MODE
                   ? "0"
                   : "unset";
    return lex_quote(row->value, arena);
}

static void
add_aliases(struct text *text, const struct attribute *row)
{
    struct span rest = span_of(row->aliases), alias;
    const char *separator = "";

    text_add(text, "Also called\n");
    while (span_next(&rest, ':', &alias)) {
        text_add_format(text, "%s.Ic ", separator);
        add_escaped(text, span_string(alias, text->arena));
        separator = " ,\n";
    }
    text_add(text, " .\n");
}

/* "from 1 to 64", which follows the default. */
static void
add_range(struct text *text, const struct attribute *row)
{
    if (row->least == 0 && row->most == 0)
        return;
    text_add_format(text, " ;\nfrom %s",
                    attribute_limit_print(row, row->least, text->arena));
    text_add_format(text, " to %s", attribute_limit_print(row, row->most, text->arena));
}

static void
add_row(struct text *text, const struct attribute *row)
{
    text_add(text, ".It Ic ");
    add_escaped(text, row->name);
    text_add_format(text, "\n.Po %s", attribute_type_name(row->type));
    if (!(row->flags & ATTRIBUTE_READ_ONLY)) {
        text_add(text, "; default\n.Li ");
        add_argument(text, default_print(row, text->arena));
    }
    add_range(text, row);
    text_add(text, "\n.Pc\n.br\n");
    add_escaped(text, row->meaning);
    text_add(text, ".\n");
    if (row->flags & ATTRIBUTE_READ_ONLY)
        text_add(text, "Computed, cannot be set.\n");
    if (row->flags & ATTRIBUTE_NO_EFFECT)
        text_add(text, "Accepted for old files, without effect.\n");
    if (row->aliases)
        add_aliases(text, row);
}

void
attributes_mdoc(const struct attribute *rows, struct text *text)
{
    text_add(text, ".Bl -tag -width Ds\n");
    for (; rows->name; rows++)
        add_row(text, rows);
    text_add(text, ".El\n");
}

void
attributes_sample(const struct attribute *rows, struct text *text)
{
    for (; rows->name; rows++) {
        if (rows->flags & (ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_EFFECT))
            continue;
        text_add_format(text, "# %s\n", rows->meaning);
        if (rows->type == ATTRIBUTE_BOOL)
            text_add_format(text, "#%c%s\n\n", attribute_default_is_on(rows) ? '+' : '-',
                            rows->name);
        else if (rows->value)
            text_add_format(text, "#%s = %s\n\n", rows->name,
                            lex_quote(rows->value, text->arena));
        else
            text_add_format(text, "#-%s\n\n", rows->name);
    }
}
