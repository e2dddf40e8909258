/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of mistakes that one reading of the administrator's files found. */
#include <stdarg.h>
#include <stdio.h>

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
