/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The syntax of the administrator's files (reference 2.1 to 2.6): entries, comments,
 * continuation, strings. Pure: text in, entries and problems out; a file with mistakes
 * gives all of them, each with its line, and every entry that could be read.
 */
#ifndef CONFIG_LEXER_H
#define CONFIG_LEXER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* One mistake: "file:line: found, expected". */
struct problem {
    const char *file;
    unsigned line;
    const char *text;
    bool warning; /* check says it, nothing is refused for it */
    struct problem *next;
};

struct problems {
    struct arena *arena;
    struct problem *first, **last;
    size_t errors, warnings;
};

void problems_begin(struct problems *problems, struct arena *arena);
void problem_add(struct problems *problems, const char *file, unsigned line,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
void problem_warn(struct problems *problems, const char *file, unsigned line,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "file:line: text", with "warning: " in front of the text if it is one. */
const char *problem_print(const struct problem *problem, struct arena *arena);
/* Bring them into the order of a file's lines; files as they came. */
void problems_sort(struct problems *problems);

/* name = value, +name, name, -name. */
enum setting_form { SETTING_VALUE, SETTING_ON, SETTING_OFF };

struct setting {
    enum setting_form form;
    const char *name;
    const char *value; /* escapes done; NULL unless SETTING_VALUE */
    unsigned line;
    struct setting *next;
};

/* "name: settings ; settings" of directors, routers and transports. */
struct definition {
    const char *name;
    unsigned line;
    struct setting *generic;  /* before the semicolon */
    struct setting *specific; /* behind it */
    bool broken;              /* some of it could not be read; the problem was told */
    struct definition *next;
};

/* Two words: methods, qualify, retry. */
struct pair {
    const char *key, *value;
    unsigned line;
    struct pair *next;
};

struct setting *lex_settings(const char *file, struct span text, struct arena *arena,
                             struct problems *problems);
struct definition *lex_definitions(const char *file, struct span text,
                                   struct arena *arena, struct problems *problems);
struct pair *lex_pairs(const char *file, struct span text, struct arena *arena,
                       struct problems *problems);

/* A value as it must be written in a file: bare if possible, else in quotes with escapes.
 */
const char *lex_quote(const char *value, struct arena *arena);

#endif
