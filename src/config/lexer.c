/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the syntax of the administrator's files. An entry begins in column 1 and goes
 * on over lines that begin with a blank; so a mistake never costs more than its entry.
 */
#include "config/lexer.h"

#include <string.h>

#include "base/banned.h"

struct lexer {
    const char *file;
    struct span text;
    size_t at;
    unsigned line;
    unsigned token_line; /* where the last token began */
    bool ended; /* the entry is over; `at` is where the next one begins, or the end */
    bool wrong; /* the string being read has a mistake, which was told */
    struct arena *arena;
    struct problems *problems;
};

/* --- characters and entries --- */

static bool
is_name(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) || byte == '_' || byte == '-';
}

/* May stand in a value without quotes; octets over 127 are for names in UTF-8. */
static bool
is_bare(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) || (unsigned char)byte > 127 ||
           (byte != '\0' && strchr("!@$%^&*-_+~/?|<>:[]{}.'`", byte));
}

/* The byte `ahead` of the current one, or NUL behind the end. */
static char
peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;

    return at < lexer->text.length ? lexer->text.bytes[at] : '\0';
}

/* Does a new entry begin at the current byte, the first one of a line? */
static bool
at_entry(const struct lexer *lexer)
{
    return lexer->at < lexer->text.length && !byte_is_space(peek(lexer, 0)) &&
           peek(lexer, 0) != '#';
}

/* Over a line end; notes the end of the entry. */
static void
pass_line(struct lexer *lexer)
{
    lexer->at++;
    lexer->line++;
    lexer->ended = at_entry(lexer);
}

/* Octets of a backslash with its line end, or 0 when there is none here. */
static size_t
joined_line(const struct lexer *lexer)
{
    if (peek(lexer, 0) != '\\')
        return 0;
    if (peek(lexer, 1) == '\n')
        return 2;
    return peek(lexer, 1) == '\r' && peek(lexer, 2) == '\n' ? 3 : 0;
}

/* Over a joined line end and the blanks behind it; false when there is none. */
static bool
pass_joined_line(struct lexer *lexer)
{
    size_t length = joined_line(lexer);

    if (length == 0)
        return false;
    lexer->at += length;
    lexer->line++;
    while (byte_is_blank(peek(lexer, 0)))
        lexer->at++;
    return true;
}

static void
pass_comment(struct lexer *lexer)
{
    while (lexer->at < lexer->text.length && peek(lexer, 0) != '\n')
        lexer->at++;
}

/* To the next token of this entry; false when there is none. */
static bool
more(struct lexer *lexer)
{
    while (!lexer->ended && lexer->at < lexer->text.length) {
        char byte = peek(lexer, 0);

        if (byte == '\n')
            pass_line(lexer);
        else if (byte_is_space(byte))
            lexer->at++;
        else if (byte == '#')
            pass_comment(lexer);
        else if (!pass_joined_line(lexer)) {
            lexer->token_line = lexer->line;
            return true;
        }
    }
    lexer->ended = true;
    return false;
}

/* After a mistake: over what is left of the entry, whatever it holds. */
static void
pass_entry(struct lexer *lexer)
{
    while (!lexer->ended && lexer->at < lexer->text.length) {
        if (pass_joined_line(lexer))
            continue;
        if (peek(lexer, 0) == '\n')
            pass_line(lexer);
        else
            lexer->at++;
    }
    lexer->ended = true;
}

/* To the first token of the next entry; false at the end of the file. */
static bool
next_entry(struct lexer *lexer)
{
    pass_entry(lexer);
    lexer->ended = false;
    lexer->token_line = lexer->line;
    return lexer->at < lexer->text.length;
}

/* To the first entry; blanks in front of it are tolerated. */
static struct lexer
lexer_begin(const char *file, struct span text, struct arena *arena,
            struct problems *problems)
{
    struct lexer lexer = {
        .file = file, .text = text, .line = 1, .arena = arena, .problems = problems};
    size_t nul = span_find(text, '\0');

    if (nul < text.length) {
        unsigned line = 1;

        for (size_t i = 0; i < nul; i++)
            line += text.bytes[i] == '\n';
        problem_add(problems, file, line, "NUL octet found, text expected");
        lexer.text = span_first(text, nul);
    }
    more(&lexer);
    lexer.ended = false;
    lexer.token_line = lexer.line;
    return lexer;
}

/* What stands here, for a message. */
static const char *
found(const struct lexer *lexer)
{
    size_t length = 0;

    if (lexer->ended || lexer->at >= lexer->text.length)
        return "the end of the entry";
    while (length < 24 && lexer->at + length < lexer->text.length &&
           !byte_is_space(peek(lexer, length)))
        length++;
    return arena_format(lexer->arena, "'%.*s'", (int)(length > 0 ? length : 1),
                        lexer->text.bytes + lexer->at);
}

static bool
complain(struct lexer *lexer, const char *expected)
{
    problem_add(lexer->problems, lexer->file,
                lexer->ended ? lexer->token_line : lexer->line, "%s found, %s expected",
                found(lexer), expected);
    return false;
}

/* --- strings --- */

/* Up to `most` digits of `base`; a problem when over 255, or NUL. */
static void
take_code(struct lexer *lexer, int base, int most, struct text *value)
{
    int code = 0, digits = 0;

    for (; digits < most; digits++) {
        char byte = byte_lower(peek(lexer, 0));
        int digit = byte_is_digit(byte)          ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                                                 : 99;

        if (digit >= base)
            break;
        code = code * base + digit;
        lexer->at++;
    }
    if (digits == 0 || code == 0 || code > 255) {
        problem_add(lexer->problems, lexer->file, lexer->line,
                    "escape for the octet %d found, 1 to 255 expected", code);
        lexer->wrong = true;
    }
    text_add_byte(value, (char)code);
}

/* Behind a backslash within quotes. */
static void
take_escape(struct lexer *lexer, struct text *value)
{
    static const char letters[] = "nrtbfveg", octets[] = "\n\r\t\b\f\v\033\a";
    char byte = peek(lexer, 0);
    const char *letter = byte == '\0' ? NULL : strchr(letters, byte);

    if (byte >= '0' && byte <= '7') {
        take_code(lexer, 8, 3, value);
        return;
    }
    lexer->at++;
    if (byte == 'x')
        take_code(lexer, 16, 3, value);
    else
        text_add_byte(value, letter ? octets[letter - letters] : byte);
}

static bool
not_closed(struct lexer *lexer, unsigned begun)
{
    problem_add(
        lexer->problems, lexer->file, begun,
        "string without end found, '\"' expected (a string goes on only over lines "
        "that begin with a blank)");
    return false;
}

/* One piece of a string in quotes; *done at its end. */
static bool
take_quoted_piece(struct lexer *lexer, unsigned begun, struct text *value, bool *done)
{
    char byte = peek(lexer, 0);

    if (lexer->at >= lexer->text.length)
        return not_closed(lexer, begun);
    if (pass_joined_line(lexer))
        return true;
    if (byte == '\n') {
        pass_line(lexer);
        text_add_byte(value, '\n');
        return lexer->ended ? not_closed(lexer, begun) : true;
    }
    if (byte_is_control(byte) && byte != '\t' && byte != '\r')
        lexer->wrong = !complain(lexer, "text without control characters");
    lexer->at++;
    if (byte == '\\' && lexer->at < lexer->text.length) {
        take_escape(lexer, value);
        return true;
    }
    *done = byte == '"';
    if (!*done && (byte != '\r' || peek(lexer, 0) != '\n'))
        text_add_byte(value, byte);
    return true;
}

static bool
take_quoted(struct lexer *lexer, struct text *value)
{
    unsigned begun = lexer->line;
    bool done = false;

    lexer->at++;
    while (!done)
        if (!take_quoted_piece(lexer, begun, value, &done))
            return false;
    return true;
}

static bool
take_bare(struct lexer *lexer, struct text *value)
{
    while (lexer->at < lexer->text.length) {
        char byte = peek(lexer, 0);

        if (pass_joined_line(lexer))
            continue;
        if (byte == '\\' && lexer->at + 1 < lexer->text.length) {
            lexer->at++;
            byte = peek(lexer, 0);
        } else if (!is_bare(byte)) {
            break;
        }
        if (byte_is_control(byte))
            break;
        text_add_byte(value, byte);
        lexer->at++;
    }
    return value->length > 0 || complain(lexer, "a value");
}

/* A string, bare or in quotes; NULL with a problem. */
static const char *
take_value(struct lexer *lexer)
{
    struct text value = text_new(lexer->arena);
    bool good;

    if (!more(lexer)) {
        complain(lexer, "a value");
        return NULL;
    }
    lexer->wrong = false;
    good = peek(lexer, 0) == '"' ? take_quoted(lexer, &value) : take_bare(lexer, &value);
    return good && !lexer->wrong ? text_string(&value) : NULL;
}

static const char *
take_name(struct lexer *lexer)
{
    size_t length = 0;

    while (is_name(peek(lexer, length)))
        length++;
    if (length == 0 || peek(lexer, 0) == '-') {
        complain(lexer, "a name");
        return NULL;
    }
    lexer->at += length;
    return arena_bytes(lexer->arena, lexer->text.bytes + lexer->at - length, length);
}

/* --- entries --- */

/* "name = value", "name", "+name", "-name"; NULL with a problem. */
static struct setting *
take_setting(struct lexer *lexer)
{
    struct setting *setting = arena_alloc(lexer->arena, sizeof *setting);
    char sign = peek(lexer, 0);

    setting->line = lexer->line;
    setting->form = sign == '-' ? SETTING_OFF : SETTING_ON;
    if (sign == '-' || sign == '+') {
        lexer->at++;
        more(lexer);
    }
    setting->name = take_name(lexer);
    if (!setting->name)
        return NULL;
    if (!more(lexer) || peek(lexer, 0) != '=')
        return setting;
    if (sign == '-' || sign == '+') {
        problem_add(lexer->problems, lexer->file, lexer->line,
                    "'=' found behind %c%s, '%s = value' or '%c%s' alone expected", sign,
                    setting->name, setting->name, sign, setting->name);
        return NULL;
    }
    lexer->at++;
    setting->form = SETTING_VALUE;
    setting->value = take_value(lexer);
    return setting->value ? setting : NULL;
}

/* Nothing may be left of the entry. */
static bool
expect_end(struct lexer *lexer, const char *what)
{
    if (!more(lexer))
        return true;
    problem_add(
        lexer->problems, lexer->file, lexer->line,
        "%s found behind %s, the end of the entry expected (a value with blanks or "
        "special characters needs double quotes)",
        found(lexer), what);
    return false;
}

struct setting *
lex_settings(const char *file, struct span text, struct arena *arena,
             struct problems *problems)
{
    struct lexer lexer = lexer_begin(file, text, arena, problems);
    struct setting *first = NULL, **last = &first;

    if (lexer.at >= lexer.text.length)
        return NULL;
    do {
        struct setting *setting = take_setting(&lexer);

        if (setting && expect_end(&lexer, setting->name)) {
            *last = setting;
            last = &setting->next;
        }
    } while (next_entry(&lexer));
    return first;
}

/* After a mistake in one attribute: to the ',' or ';' that ends it. */
static void
pass_attribute(struct lexer *lexer)
{
    while (more(lexer) && peek(lexer, 0) != ',' && peek(lexer, 0) != ';') {
        struct text ignored = text_new(lexer->arena);
        bool done = false;

        if (peek(lexer, 0) != '"') {
            lexer->at++;
            continue;
        }
        lexer->at++;
        while (!done && take_quoted_piece(lexer, lexer->line, &ignored, &done))
            ;
    }
}

/* What stands behind an attribute: ',' , ';' or the end; moves over it. */
static bool
take_separator(struct lexer *lexer, unsigned *semicolons)
{
    if (!more(lexer))
        return true;
    if (peek(lexer, 0) != ',' && peek(lexer, 0) != ';')
        return complain(lexer, "',' or ';' or a new entry in the first column");
    *semicolons += peek(lexer, 0) == ';';
    lexer->at++;
    return true;
}

/* The attributes of one entry; false when there was a mistake. */
static bool
take_attributes(struct lexer *lexer, struct definition *definition)
{
    struct setting **last[] = {&definition->generic, &definition->specific};
    unsigned semicolons = 0;
    bool good = true;

    while (more(lexer)) {
        struct setting *setting = NULL;

        if (semicolons > 1) {
            good = complain(lexer, "nothing behind the second ';'");
            pass_entry(lexer);
            break;
        }
        if (peek(lexer, 0) == ',' || peek(lexer, 0) == ';') {
            take_separator(lexer, &semicolons);
            continue;
        }
        setting = take_setting(lexer);
        if (setting) {
            *last[semicolons] = setting;
            last[semicolons] = &setting->next;
        }
        if (!setting || !take_separator(lexer, &semicolons)) {
            good = false;
            pass_attribute(lexer);
        }
    }
    return good;
}

struct definition *
lex_definitions(const char *file, struct span text, struct arena *arena,
                struct problems *problems)
{
    struct lexer lexer = lexer_begin(file, text, arena, problems);
    struct definition *first = NULL, **last = &first;

    if (lexer.at >= lexer.text.length)
        return NULL;
    do {
        struct definition *definition = arena_alloc(arena, sizeof *definition);

        definition->line = lexer.line;
        definition->name = take_name(&lexer);
        if (!definition->name)
            continue;
        if (!more(&lexer) || peek(&lexer, 0) != ':') {
            complain(&lexer, "':' behind the name of the entry");
            continue;
        }
        lexer.at++;
        definition->broken = !take_attributes(&lexer, definition);
        *last = definition;
        last = &definition->next;
    } while (next_entry(&lexer));
    return first;
}

struct pair *
lex_pairs(const char *file, struct span text, struct arena *arena,
          struct problems *problems)
{
    struct lexer lexer = lexer_begin(file, text, arena, problems);
    struct pair *first = NULL, **last = &first;

    if (lexer.at >= lexer.text.length)
        return NULL;
    do {
        struct pair *pair = arena_alloc(arena, sizeof *pair);

        pair->line = lexer.line;
        pair->key = take_value(&lexer);
        if (!pair->key)
            continue;
        pair->value = take_value(&lexer);
        if (pair->value && expect_end(&lexer, "the second word")) {
            *last = pair;
            last = &pair->next;
        }
    } while (next_entry(&lexer));
    return first;
}

/* --- writing --- */

static void
add_quoted(struct text *text, char byte)
{
    static const char letters[] = "nrtbfveg", octets[] = "\n\r\t\b\f\v\033\a";
    const char *octet = strchr(octets, byte);

    if (octet)
        text_add_format(text, "\\%c", letters[octet - octets]);
    else if (byte_is_control(byte))
        text_add_format(text, "\\%03o", (unsigned)(unsigned char)byte);
    else if (byte == '"' || byte == '\\')
        text_add_format(text, "\\%c", byte);
    else
        text_add_byte(text, byte);
}

const char *
lex_quote(const char *value, struct arena *arena)
{
    struct text text = text_new(arena);
    const char *at = value;

    while (is_bare(*at))
        at++;
    if (*at == '\0' && at > value)
        return arena_string(arena, value);
    text_add_byte(&text, '"');
    for (at = value; *at != '\0'; at++)
        add_quoted(&text, *at);
    text_add_byte(&text, '"');
    return text_string(&text);
}
