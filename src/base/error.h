/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors are values. Each says whether trying again can help (the question that every
 * mail error must answer), its enhanced status code (RFC 3463) and one sentence.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

struct error {
    bool permanent;
    int number;     /* Smail's ERR_nnn, 0 for none */
    char status[8]; /* "4.3.0"; empty while there is no error */
    char text[256]; /* printable, cut when longer */
};

/*
 * Fill `error` (which may be NULL) and return false, so that a failing line reads
 * `return fail_temporary(error, "4.3.0", "aliases %s: %s", path, strerror(errno));`.
 * Control characters in the result are replaced by '?'.
 */
bool fail_temporary(struct error *error, const char *status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool fail_permanent(struct error *error, const char *status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As above, with one of Smail's error numbers (ERR_100 unknown user, ...). */
bool fail_temporary_number(struct error *error, int number, const char *status,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));
bool fail_permanent_number(struct error *error, int number, const char *status,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Put "CONTEXT: " in front of the text of an error that is handed up; returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
