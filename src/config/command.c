/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands: split into words first, then each word is expanded for itself. So a value
 * never becomes two arguments, whatever it holds, and no shell reads it.
 */
#include <string.h>

#include "config/expand.h"
#include "config/expand_parse.h"
#include "mail/status.h"

#include "base/banned.h"

enum { COMMAND_WORDS = 1000, COMMAND_ARGUMENTS = 20000 };

/* A part of a word: taken as it is, or expanded. */
struct piece {
    bool literal;
    struct span text;
    struct piece *next;
};

struct word {
    struct piece *pieces, **last;
    bool quoted;    /* some of it was; then an empty result stays an argument */
    unsigned group; /* inside which $( ... $), from 1; 0: in none */
    struct word *next;
};

struct splitter {
    struct span rest;
    bool in_group;
    unsigned groups; /* begun so far */
    struct arena *arena;
    struct error *error;
};

static bool
split_fail(struct splitter *splitter, const char *what)
{
    return fail_permanent_number(splitter->error, ERR_COMMAND, "5.3.5", "command: %s",
                                 what);
}

static char
peek(const struct splitter *splitter, size_t ahead)
{
    return ahead < splitter->rest.length ? splitter->rest.bytes[ahead] : '\0';
}

static void
add_piece(struct splitter *splitter, struct word *word, size_t length, bool literal)
{
    struct piece *piece;

    if (length > 0) {
        piece = arena_alloc(splitter->arena, sizeof *piece);
        *piece = (struct piece){.literal = literal,
                                .text = span_first(splitter->rest, length)};
        *word->last = piece;
        word->last = &piece->next;
    }
    splitter->rest = span_from(splitter->rest, length);
}

/* Octets of "${...}" with its braces at `at`; 0 when it is not closed. */
static size_t
construct_length(struct span text)
{
    size_t braces = 0;

    for (size_t at = 1; at < text.length; at++) {
        if (text.bytes[at] == '{')
            braces++;
        else if (text.bytes[at] == '}' && --braces == 0)
            return at + 1;
    }
    return 0;
}

/* Text to be expanded, up to a byte of `ends`; blanks within ${...} do not end it. */
static bool
take_expanded(struct splitter *splitter, struct word *word, const char *ends)
{
    size_t length = 0, construct;

    while (length < splitter->rest.length) {
        char byte = peek(splitter, length), next = peek(splitter, length + 1);

        if (byte == '$' && next == '{') {
            construct = construct_length(span_from(splitter->rest, length));
            if (construct == 0)
                return split_fail(splitter, "'${' without '}' found");
            length += construct;
            continue;
        }
        if (strchr(ends, byte) || (byte == '$' && (next == '(' || next == ')')))
            break;
        length++;
    }
    add_piece(splitter, word, length, false);
    return true;
}

static bool
take_escaped(struct splitter *splitter, struct word *word)
{
    if (splitter->rest.length < 2)
        return split_fail(splitter, "'\\' found at the end");
    splitter->rest = span_from(splitter->rest, 1);
    add_piece(splitter, word, 1, true);
    word->quoted = true;
    return true;
}

/* '...': nothing in it has a meaning. */
static bool
take_literal(struct splitter *splitter, struct word *word)
{
    size_t length;

    splitter->rest = span_from(splitter->rest, 1);
    length = span_find(splitter->rest, '\'');
    if (length == splitter->rest.length)
        return split_fail(splitter, "\"'\" without its end found");
    add_piece(splitter, word, length, true);
    splitter->rest = span_from(splitter->rest, 1);
    word->quoted = true;
    return true;
}

/* "...": expanded, blanks stay. */
static bool
take_quoted(struct splitter *splitter, struct word *word)
{
    splitter->rest = span_from(splitter->rest, 1);
    word->quoted = true;
    while (splitter->rest.length > 0) {
        char byte = peek(splitter, 0);

        if (byte == '"') {
            splitter->rest = span_from(splitter->rest, 1);
            return true;
        }
        if (byte == '$' && (peek(splitter, 1) == '(' || peek(splitter, 1) == ')'))
            return split_fail(splitter, "'$(' and '$)' may not stand within quotes");
        if (byte == '\\' ? !take_escaped(splitter, word)
                         : !take_expanded(splitter, word, "\"\\"))
            return false;
    }
    return split_fail(splitter, "'\"' without its end found");
}

/* One word; the cursor stands on its first byte, which is no blank. */
static bool
take_word(struct splitter *splitter, struct word *word)
{
    word->last = &word->pieces;
    word->group = splitter->in_group ? splitter->groups : 0;
    while (splitter->rest.length > 0 && !byte_is_space(peek(splitter, 0))) {
        char byte = peek(splitter, 0);
        bool good;

        if (byte == '$' && peek(splitter, 1) == ')' && splitter->in_group)
            return true;
        if (byte == '$' && (peek(splitter, 1) == '(' || peek(splitter, 1) == ')'))
            return split_fail(splitter,
                              "'$(' begins and '$)' ends a group of words, once");
        if (byte == '\'')
            good = take_literal(splitter, word);
        else if (byte == '"')
            good = take_quoted(splitter, word);
        else if (byte == '\\')
            good = take_escaped(splitter, word);
        else
            good = take_expanded(splitter, word, " \t\r\n\v\f'\"\\");
        if (!good)
            return false;
    }
    return true;
}

/* Over blanks and the marks of a group; false with an error, or *ended. */
static bool
next_word(struct splitter *splitter, bool *ended)
{
    for (;;) {
        while (byte_is_space(peek(splitter, 0)) && splitter->rest.length > 0)
            splitter->rest = span_from(splitter->rest, 1);
        *ended = splitter->rest.length == 0;
        if (*ended)
            return !splitter->in_group || split_fail(splitter, "'$(' without '$)' found");
        if (peek(splitter, 0) != '$' ||
            peek(splitter, 1) != (splitter->in_group ? ')' : '('))
            return true;
        splitter->in_group = !splitter->in_group;
        splitter->groups += splitter->in_group;
        splitter->rest = span_from(splitter->rest, 2);
        if (!splitter->in_group && splitter->rest.length > 0 &&
            !byte_is_space(peek(splitter, 0)))
            return split_fail(splitter, "a blank is needed behind '$)'");
    }
}

static bool
command_split(const char *command, struct arena *arena, struct word **words,
              struct error *error)
{
    struct splitter splitter = {.rest = span_of(command), .arena = arena, .error = error};
    struct word **last = words;
    size_t count = 0;
    bool ended;

    *words = NULL;
    for (;;) {
        struct word *word = arena_alloc(arena, sizeof *word);

        if (!next_word(&splitter, &ended))
            return false;
        if (ended)
            break;
        if (++count > COMMAND_WORDS)
            return split_fail(&splitter, "too many words");
        if (!take_word(&splitter, word))
            return false;
        *last = word;
        last = &word->next;
    }
    return count > 0 || split_fail(&splitter, "nothing found, a path expected");
}

/*
 * A word that is one ${if ...} or ${lookup ...} and came out empty is no argument: that
 * is the administrator's choice. A value that is empty stays one, or the others would
 * move.
 */
static bool
may_vanish(const struct word *word)
{
    const struct piece *piece = word->pieces;

    return !word->quoted && piece && !piece->next &&
           (span_starts_nocase(piece->text, "${if") ||
            span_starts_nocase(piece->text, "${lookup")) &&
           construct_length(piece->text) == piece->text.length;
}

struct arguments {
    const char **list;
    size_t count, room;
    struct arena *arena;
};

static bool
add_argument(struct arguments *arguments, const char *argument, struct error *error)
{
    if (arguments->count == COMMAND_ARGUMENTS)
        return fail_permanent_number(error, ERR_COMMAND, "5.3.5",
                                     "command: too many arguments");
    if (arguments->count + 1 >= arguments->room) {
        size_t room = arguments->room * 2 + 16;

        arguments->list = arena_grow(arguments->arena, arguments->list, arguments->count,
                                     room, sizeof *arguments->list);
        arguments->room = room;
    }
    arguments->list[arguments->count++] = argument;
    return true;
}

static bool
expand_word(const struct word *word, const struct expansion *expansion,
            struct arguments *arguments, struct error *error)
{
    struct text text = text_new(arguments->arena);
    const struct piece *piece;

    for (piece = word->pieces; piece; piece = piece->next) {
        bool tilde = piece == word->pieces && !word->quoted;

        if (piece->literal)
            text_add_span(&text, piece->text);
        else if (!expand_into(piece->text, expansion, tilde, &text, error)) {
            error->number = ERR_COMMAND;
            return error_prefix(error, "command");
        }
    }
    if (text.length == 0 && may_vanish(word))
        return true;
    return add_argument(arguments, text_string(&text), error);
}

/* What the words see outside of a group: the one address, or what all of them share. */
static struct expansion
common_expansion(const struct expansion *expansion,
                 const struct address *const *addresses, size_t count)
{
    struct expansion common = *expansion;

    if (count == 1 && !common.address)
        common.address = addresses[0];
    if (count > 1) {
        common.address = NULL;
        common.ancestor_count = 0;
        if (!common.host)
            common.host = addresses[0]->next_hop;
    }
    return common;
}

/* What a word of a group sees for one of the addresses. */
static struct expansion
address_expansion(const struct expansion *expansion, const struct address *address,
                  size_t count)
{
    struct expansion own = *expansion;

    own.address = address;
    if (count > 1) {
        own.user = NULL;
        own.home = NULL;
        if (address->next_hop && address->next_hop[0])
            own.host = NULL;
        if (address != expansion->address)
            own.ancestor_count = 0;
    }
    return own;
}

/* The words of one group, for each address in its turn; *words is moved behind it. */
static bool
expand_group(const struct word **words, const struct expansion *expansion,
             const struct address *const *addresses, size_t count,
             struct arguments *arguments, struct error *error)
{
    const struct word *first = *words, *word = first;

    for (size_t i = 0; i < count; i++) {
        struct expansion own = address_expansion(expansion, addresses[i], count);

        for (word = first; word && word->group == first->group; word = word->next)
            if (!expand_word(word, &own, arguments, error))
                return false;
    }
    while (*words && (*words)->group == first->group)
        *words = (*words)->next;
    return true;
}

bool
expand_command(const char *command, const struct expansion *expansion,
               const struct address *const *addresses, size_t count,
               const char *const **arguments, struct error *error)
{
    struct error ignored = {0};
    struct expansion common = common_expansion(expansion, addresses, count);
    struct arguments made = {.arena = expansion->arena};
    const struct word *word;
    struct word *words;
    bool good;

    error = error ? error : &ignored;
    if (!command_split(command, expansion->arena, &words, error))
        return false;
    for (word = words; word;) {
        if (word->group > 0) {
            good = expand_group(&word, expansion, addresses, count, &made, error);
        } else {
            good = expand_word(word, &common, &made, error);
            word = word->next;
        }
        if (!good)
            return false;
    }
    if (made.count == 0 || made.list[0][0] != '/')
        return fail_permanent_number(error, ERR_COMMAND_ABSOLUTE, "5.3.5",
                                     "command: '%s' found, a path that begins with / "
                                     "expected",
                                     made.count == 0 ? "" : made.list[0]);
    *arguments = made.list;
    return true;
}

/* The first word, if it can be seen now, is an absolute path. */
static bool
check_path(const struct word *word, struct error *error)
{
    const struct piece *piece = word->pieces;

    if (piece && (piece->text.bytes[0] == '/' || piece->text.bytes[0] == '~' ||
                  (!piece->literal && piece->text.bytes[0] == '$')))
        return true;
    return fail_permanent_number(error, ERR_COMMAND_ABSOLUTE, "5.3.5",
                                 "command: a path that begins with / expected");
}

static bool
check_command(const char *command, struct arena *arena, struct error *error)
{
    struct word *words;

    if (!command_split(command, arena, &words, error) || !check_path(words, error))
        return false;
    for (const struct word *word = words; word; word = word->next)
        for (const struct piece *piece = word->pieces; piece; piece = piece->next)
            if (!piece->literal && !expand_check_text(piece->text, arena, error))
                return false;
    return true;
}

bool
expand_check(const char *text, bool is_command, struct error *error)
{
    struct error ignored = {0};
    struct arena *arena;
    bool good;

    if (!is_command && !strchr(text, '$'))
        return true;
    arena = arena_new();
    error = error ? error : &ignored;
    good = is_command ? check_command(text, arena, error)
                      : expand_check_text(span_of(text), arena, error);
    arena_free(arena);
    return good;
}
