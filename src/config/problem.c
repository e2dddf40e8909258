/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of mistakes that one reading of the administrator's files found. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/lexer.h"

#include "base/banned.h"

void
problems_begin(struct problems *problems, struct arena *arena)
{
    *problems = (struct problems){.arena = arena};
}

__attribute__((format(printf, 5, 0))) static void
add(struct problems *problems, const char *file, unsigned line, bool warning,
    const char *format, va_list values)
{
    struct problem *problem = arena_alloc(problems->arena, sizeof *problem);
    char text[512];

    vsnprintf(text, sizeof text, format, values);
    problem->file = arena_string(problems->arena, file ? file : "(built in)");
    problem->line = line;
    problem->text = span_printable(span_of(text), sizeof text, problems->arena);
    problem->warning = warning;
    if (problems->last)
        *problems->last = problem;
    else
        problems->first = problem;
    problems->last = &problem->next;
}

void
problem_add(struct problems *problems, const char *file, unsigned line,
            const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add(problems, file, line, false, format, values);
    va_end(values);
    problems->errors++;
}

void
problem_warn(struct problems *problems, const char *file, unsigned line,
             const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add(problems, file, line, true, format, values);
    va_end(values);
    problems->warnings++;
}

const char *
problem_print(const struct problem *problem, struct arena *arena)
{
    const char *kind = problem->warning ? "warning: " : "";

    if (problem->line == 0)
        return arena_format(arena, "%s: %s%s", problem->file, kind, problem->text);
    return arena_format(arena, "%s:%u: %s%s", problem->file, problem->line, kind,
                        problem->text);
}

struct place {
    struct problem *problem;
    size_t file,
        order; /* which file, in the order of their first problems; which problem */
};

static int
place_compare(const void *a, const void *b)
{
    const struct place *one = a, *other = b;

    if (one->file != other->file)
        return one->file < other->file ? -1 : 1;
    if (one->problem->line != other->problem->line)
        return one->problem->line < other->problem->line ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

/* The first place whose problem is in the same file; usually the one before. */
static size_t
file_of(const struct place *places, size_t at)
{
    for (size_t i = at; i > 0; i--)
        if (strcmp(places[i - 1].problem->file, places[at].problem->file) == 0)
            return places[i - 1].file;
    return at;
}

void
problems_sort(struct problems *problems)
{
    size_t count = problems->errors + problems->warnings, at = 0;
    struct place *places = arena_array(problems->arena, count, sizeof *places);

    for (struct problem *problem = problems->first; problem; problem = problem->next) {
        places[at] = (struct place){.problem = problem, .order = at};
        places[at].file = file_of(places, at);
        at++;
    }
    if (count == 0)
        return;
    qsort(places, count, sizeof *places, place_compare);
    problems->last = &problems->first;
    for (at = 0; at < count; at++) {
        *problems->last = places[at].problem;
        problems->last = &places[at].problem->next;
    }
    *problems->last = NULL;
}
