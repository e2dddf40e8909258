/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ${} expansion: text, references, ${if ...} and ${lookup ...}. */
#include "config/expand.h"

#include <string.h>

#include "config/expand_parse.h"

#include "base/banned.h"

/* --- the reader --- */

void
expand_blanks(struct expander *expander)
{
    while (expander->rest.length > 0 && byte_is_space(expander->rest.bytes[0]))
        expander->rest = span_from(expander->rest, 1);
}

bool
expand_take(struct expander *expander, char byte)
{
    if (expander->rest.length == 0 || expander->rest.bytes[0] != byte)
        return false;
    expander->rest = span_from(expander->rest, 1);
    return true;
}

size_t
expand_name_length(struct span text, bool dash)
{
    size_t length = 0;

    while (length < text.length &&
           (byte_is_letter(text.bytes[length]) || byte_is_digit(text.bytes[length]) ||
            text.bytes[length] == '_' || (dash && text.bytes[length] == '-')))
        length++;
    return length;
}

bool
expand_take_word(struct expander *expander, const char *word)
{
    if (!span_starts_nocase(expander->rest, word) ||
        expand_name_length(expander->rest, false) != strlen(word))
        return false;
    expander->rest = span_from(expander->rest, strlen(word));
    return true;
}

bool
expand_fail(struct expander *expander, const char *expected)
{
    int length = expander->rest.length > 20 ? 20 : (int)expander->rest.length;

    if (length == 0)
        return fail_permanent(expander->error, "5.3.5",
                              "end of the text found, %s expected", expected);
    return fail_permanent(expander->error, "5.3.5", "'%.*s' found, %s expected", length,
                          expander->rest.bytes, expected);
}

/* --- references --- */

static bool
reference_operator(struct expander *expander, struct span name,
                   struct reference *reference)
{
    const struct expand_operator *found = expand_operator_find(name);

    if (!found)
        return fail_permanent(
            expander->error, "5.3.5",
            "operator '%.*s' found, one of lc, uc, quote, shquote, strip, "
            "comment, parent, top expected",
            name.length > 30 ? 30 : (int)name.length, name.bytes);
    if (strcmp(found->name, "parent") == 0)
        reference->parents++;
    else if (strcmp(found->name, "top") == 0)
        reference->top = true;
    else if (reference->operator_count == REFERENCE_OPERATORS)
        return fail_permanent(expander->error, "5.3.5", "too many operators");
    else
        reference->operators[reference->operator_count++] = found;
    return true;
}

static bool
unknown_variable(struct expander *expander, const char *name)
{
    const char *nearest = expand_variable_nearest(name);

    return fail_permanent(expander->error, "5.3.5", "variable '%.40s' is unknown%s%s",
                          name, nearest ? "; the nearest one is " : "",
                          nearest ? nearest : "");
}

bool
reference_parse(struct expander *expander, struct span text, struct reference *reference)
{
    size_t colon;

    *reference = (struct reference){0};
    while ((colon = span_find(text, ':')) < text.length) {
        if (!reference_operator(expander, span_trim(span_first(text, colon)), reference))
            return false;
        text = span_from(text, colon + 1);
    }
    text = span_trim(text);
    if (text.length == 0)
        return fail_permanent(expander->error, "5.3.5",
                              "nothing found, the name of a variable expected");
    reference->name = span_lower(text, expander->arena);
    if (strcmp(reference->name, "value") == 0)
        return expander->in_lookup ||
               fail_permanent(expander->error, "5.3.5",
                              "variable value has a meaning only inside a lookup");
    return expand_variable_known(reference->name) ||
           unknown_variable(expander, reference->name);
}

/* The address that `parent` and `top` ask for; false when there is no such one. */
static bool
subject_of(const struct expansion *expansion, const struct reference *reference,
           struct subject *subject)
{
    *subject = (struct subject){.expansion = expansion,
                                .address = expansion->address,
                                .own = true,
                                .arena = expansion->arena};
    if (reference->parents == 0 && (!reference->top || expansion->ancestor_count == 0))
        return true;
    if (reference->parents > expansion->ancestor_count)
        return false;
    subject->own = false;
    subject->address = reference->top
                           ? expansion->ancestors[expansion->ancestor_count - 1]
                           : expansion->ancestors[reference->parents - 1];
    return true;
}

bool
reference_value(struct expander *expander, const struct reference *reference,
                const char **value)
{
    struct subject subject;

    *value = NULL;
    if (strcmp(reference->name, "value") == 0)
        *value = expander->value;
    else if (subject_of(expander->expansion, reference, &subject))
        *value = expand_variable(&subject, reference->name);
    for (size_t i = reference->operator_count; *value && i > 0; i--)
        *value = reference->operators[i - 1]->apply(*value, expander->arena);
    return true;
}

static bool
add_reference(struct expander *expander, struct span name, struct text *out)
{
    struct reference reference;
    const char *value;

    if (!reference_parse(expander, name, &reference))
        return false;
    if (!expander->live)
        return true;
    if (!reference_value(expander, &reference, &value))
        return false;
    if (!value)
        return fail_permanent(expander->error, "5.3.5", "variable %s%s has no value here",
                              reference.parents > 0 ? "parent:" : "", reference.name);
    text_add(out, value);
    return true;
}

/* --- ${if ...}, ${lookup ...} --- */

bool
expand_braced(struct expander *expander, struct text *out)
{
    if (!expand_take(expander, '{'))
        return expand_fail(expander, "'{'");
    return expand_text(expander, out) &&
           (expand_take(expander, '}') || expand_fail(expander, "'}'"));
}

/* As expand_braced() or expand_text(), with values or without. */
static bool
branch(struct expander *expander, bool taken, bool braced, struct text *out)
{
    bool live = expander->live;
    bool good;

    expander->live = live && taken;
    good = braced ? expand_braced(expander, out) : expand_text(expander, out);
    expander->live = live;
    return good;
}

/* What follows a condition: ":text", or "{text} else {text}"; then the last '}'. */
static bool
branches(struct expander *expander, bool first, const char *value, struct text *out)
{
    const char *outer = expander->value;
    bool in_lookup = expander->in_lookup;
    bool braced;

    expand_blanks(expander);
    if (expand_take_word(expander, "then"))
        expand_blanks(expander);
    braced = span_starts(expander->rest, "{");
    if (!braced)
        expand_take(expander, ':');
    if (value) {
        expander->value = value;
        expander->in_lookup = true;
    }
    if (!branch(expander, first, braced, out))
        return false;
    expander->value = outer;
    expander->in_lookup = in_lookup;
    expand_blanks(expander);
    if (braced &&
        (expand_take_word(expander, "else") || span_starts(expander->rest, "{"))) {
        expand_blanks(expander);
        if (!branch(expander, !first, true, out))
            return false;
        expand_blanks(expander);
    }
    return expand_take(expander, '}') || expand_fail(expander, "'}' at the end of '${'");
}

static bool
expand_if(struct expander *expander, struct text *out)
{
    bool result;

    return expand_condition(expander, &result) && branches(expander, result, NULL, out);
}

static bool
ask(struct expander *expander, const char *proto, const char *file, const char *key,
    const char **value, bool *found)
{
    const struct expansion *expansion = expander->expansion;
    struct span span;

    if (!expansion->lookup)
        return fail_permanent(expander->error, "5.3.5", "lookups are not possible here");
    if (!expansion->lookup(expansion, proto, file, key, value, found, expander->error))
        return false;
    if (*found) {
        span = span_of(*value);
        *value = span_string(span_trim(span_first(span, span_find(span, '#'))),
                             expander->arena);
    }
    return true;
}

/* Behind "${lookup:" stand the key's reference, ':', the protocol and '{'. */
static bool
lookup_begin(struct expander *expander, struct reference *key, const char **proto)
{
    size_t end = span_find(expander->rest, '{');
    struct span begin = span_first(expander->rest, end);
    size_t colon = span_find_last(begin, ':');
    struct span name = span_trim(span_from(begin, colon + 1));

    if (end == expander->rest.length || colon == begin.length || name.length == 0 ||
        expand_name_length(name, false) != name.length)
        return expand_fail(expander, "'variable:protocol{file}' behind '${lookup:'");
    *proto = span_string(name, expander->arena);
    expander->rest = span_from(expander->rest, end);
    return reference_parse(expander, span_first(begin, colon), key);
}

static bool
expand_lookup(struct expander *expander, struct text *out)
{
    struct text file = text_new(expander->arena);
    struct reference reference;
    const char *proto = NULL, *key = NULL, *value = "";
    bool found = false;

    if (!lookup_begin(expander, &reference, &proto) || !expand_braced(expander, &file))
        return false;
    if (expander->live) {
        if (!reference_value(expander, &reference, &key))
            return false;
        if (!key)
            return fail_permanent(expander->error, "5.3.5",
                                  "variable %s has no value here", reference.name);
        if (!ask(expander, proto, text_string(&file), key, &value, &found))
            return false;
    }
    return branches(expander, found, value, out);
}

static bool
expand_construct(struct expander *expander, struct text *out)
{
    size_t end;

    expand_blanks(expander);
    if (expand_take_word(expander, "if"))
        return expand_if(expander, out);
    if (span_starts_nocase(expander->rest, "lookup:")) {
        expander->rest = span_from(expander->rest, strlen("lookup:"));
        return expand_lookup(expander, out);
    }
    end = span_find(expander->rest, '}');
    if (end == expander->rest.length)
        return expand_fail(expander, "'}' behind the name of a variable");
    if (!add_reference(expander, span_first(expander->rest, end), out))
        return false;
    expander->rest = span_from(expander->rest, end + 1);
    return true;
}

/* --- text --- */

/* Behind a '$'. */
static bool
expand_dollar(struct expander *expander, struct text *out)
{
    size_t length = expand_name_length(expander->rest, false);
    struct span name;
    bool good;

    if (expand_take(expander, '{')) {
        if (expander->depth >= EXPAND_DEPTH)
            return expand_fail(expander, "fewer '${' within '${'");
        expander->depth++;
        good = expand_construct(expander, out);
        expander->depth--;
        return good;
    }
    if (span_starts(expander->rest, "$"))
        length = 1;
    if (length == 0)
        return expand_fail(expander, "the name of a variable behind '$'");
    name = span_first(expander->rest, length);
    expander->rest = span_from(expander->rest, length);
    return add_reference(expander, name, out);
}

bool
expand_text(struct expander *expander, struct text *out)
{
    size_t braces = 0;

    while (expander->rest.length > 0) {
        char byte = expander->rest.bytes[0];

        if (byte == '}' && braces == 0 && expander->depth > 0)
            return true;
        expander->rest = span_from(expander->rest, 1);
        if (byte == '$') {
            if (!expand_dollar(expander, out))
                return false;
        } else {
            if (byte == '{')
                braces++;
            else if (byte == '}' && braces > 0)
                braces--;
            if (expander->live)
                text_add_byte(out, byte);
        }
        if (out->length > EXPAND_LIMIT)
            return fail_permanent(expander->error, "5.3.5",
                                  "the expansion is longer than %d octets", EXPAND_LIMIT);
    }
    return true;
}

/* "~", "~/..." or "~user..." at the very start. */
static bool
expand_home(struct expander *expander, struct text *out)
{
    const struct expansion *expansion = expander->expansion;
    struct reference reference = {.name = "home"};
    const char *home = NULL;
    size_t length = 1;

    while (length < expander->rest.length && expander->rest.bytes[length] != '/' &&
           (expand_name_length(span_from(expander->rest, length), true) > 0 ||
            expander->rest.bytes[length] == '.'))
        length++;
    if (length == 1 && expander->rest.length > 1 && expander->rest.bytes[1] != '/')
        return true;
    if (length == 1) {
        reference_value(expander, &reference, &home);
        if (!home)
            return fail_permanent(expander->error, "5.3.5",
                                  "'~' found, but home has no value here");
    } else {
        const char *user = span_string(span_from(span_first(expander->rest, length), 1),
                                       expander->arena);

        if (!expansion->home_of)
            return fail_permanent(expander->error, "5.3.5",
                                  "'~%s' found, but homes cannot be asked here", user);
        if (!expansion->home_of(expansion, user, &home, expander->error))
            return false;
    }
    expander->rest = span_from(expander->rest, length);
    text_add(out, home);
    return true;
}

struct expansion
expansion_new(const struct settings *settings, struct arena *arena)
{
    return (struct expansion){.settings = settings, .arena = arena};
}

bool
expand_into(struct span text, const struct expansion *expansion, bool tilde,
            struct text *out, struct error *error)
{
    struct error ignored = {0};
    struct expander expander = {.expansion = expansion,
                                .rest = text,
                                .arena = expansion->arena,
                                .error = error ? error : &ignored,
                                .live = true};

    if (tilde && span_starts(text, "~") && !expand_home(&expander, out))
        return false;
    return expand_text(&expander, out);
}

bool
expand(const char *text, const struct expansion *expansion, const char **result,
       struct error *error)
{
    struct text out = text_new(expansion->arena);

    if (!expand_into(span_of(text), expansion, true, &out, error))
        return false;
    *result = text_string(&out);
    return true;
}

bool
expand_check_text(struct span text, struct arena *arena, struct error *error)
{
    struct text out = text_new(arena);
    struct expander expander = {.rest = text, .arena = arena, .error = error};

    return expand_text(&expander, &out);
}
