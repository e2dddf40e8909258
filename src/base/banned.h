/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Functions that have no place here. Every source file includes this one last, after the
 * system's headers and ours; then these do not compile.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* Fortified headers may have them as macros, which cannot be poisoned. */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gmtime localtime
#pragma GCC poison mktemp tmpnam system popen atoi atol gets ctime asctime

#endif
