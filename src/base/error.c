/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fills in struct error. The text is formatted apart first, so that the old text of the
 * same error may be among the arguments; errno survives, as callers often ask it
 * afterwards.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

#include "base/banned.h"

static void
text_fill(struct error *error, const char *text)
{
    size_t i = 0;

    for (; i < sizeof(error->text) - 1 && text[i] != '\0'; i++)
        error->text[i] = byte_is_control(text[i]) ? '?' : text[i];
    error->text[i] = '\0';
}

__attribute__((format(printf, 5, 0))) static bool
error_fill(struct error *error, bool permanent, int number, const char *status,
           const char *format, va_list arguments)
{
    char text[sizeof(error->text)] = "";
    int kept = errno;

    if (error == NULL)
        return false;
    vsnprintf(text, sizeof(text), format, arguments);
    error->permanent = permanent;
    error->number = number;
    snprintf(error->status, sizeof(error->status), "%s", status);
    text_fill(error, text);
    errno = kept;
    return false;
}

bool
fail_temporary(struct error *error, const char *status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_fill(error, false, 0, status, format, arguments);
    va_end(arguments);
    return false;
}

bool
fail_permanent(struct error *error, const char *status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_fill(error, true, 0, status, format, arguments);
    va_end(arguments);
    return false;
}

bool
fail_temporary_number(struct error *error, int number, const char *status,
                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_fill(error, false, number, status, format, arguments);
    va_end(arguments);
    return false;
}

bool
fail_permanent_number(struct error *error, int number, const char *status,
                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    error_fill(error, true, number, status, format, arguments);
    va_end(arguments);
    return false;
}

bool
error_prefix(struct error *error, const char *format, ...)
{
    char context[sizeof(error->text)] = "";
    char text[2 * sizeof(error->text) + 2];
    int kept = errno;
    va_list arguments;

    if (error == NULL)
        return false;
    va_start(arguments, format);
    vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
    snprintf(text, sizeof(text), "%s: %s", context, error->text);
    text_fill(error, text);
    errno = kept;
    return false;
}
