/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text that strangers or programs wrote, made fit for a report. */
#ifndef MAIL_REPORT_TEXT_H
#define MAIL_REPORT_TEXT_H

#include "base/text.h"

/* Printable UTF-8 stays; controls and anything else become '?'. */
void report_text_clean(struct span source, struct text *text);

/*
 * Cleaned, with blanks and line ends made one blank, in lines of some 76 octets and never
 * more than 900; `line_end` is put between them.
 */
void report_text_wrap(struct span source, const char *line_end, struct text *text);

/* Cleaned, its own lines kept and closed by CRLF, none over 900 octets. */
void report_text_lines(struct span source, struct text *text);

/* An address beyond ASCII in ASCII: utf-8-addr-xtext, "\x{E9}" (RFC 6533 3). */
void report_text_embed(struct span address, struct text *text);

#endif
