/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message as it leaves: the stored content with the edits of one delivery, in the line
 * ends and quoting of its transport. The stored octets are never rewritten; what changes
 * is said here and done while reading.
 */
#ifndef MAIL_RENDERING_H
#define MAIL_RENDERING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* A stored content: in memory, or behind a descriptor (a sealed memory file). CRLF. */
struct content_source {
    struct span memory; /* all of it; bytes == NULL: read `fd` */
    int fd;
    uint64_t size, header_size;
};

struct rendering {
    struct content_source source;
    struct span prefix; /* before the header: a "From " line (CRLF), batch SMTP, ... */
    struct span header; /* the edited header with its empty line, CRLF */
    struct span suffix; /* behind the body, CRLF */
    bool lf;            /* LF line ends instead of CRLF */
    bool dots;          /* double leading dots of header and body */
    bool from_hack; /* '>' before body lines that begin "From ", ">From ", ">>From ", ...
                     */

    /* private: where reading stands */
    int stage;
    uint64_t at;         /* octets of the stage that were read */
    int line;            /* where in a line, while something is changed */
    uint64_t quotes;     /* '>' at the begin of a line that are kept back */
    bool cr;             /* a CR is kept back */
    bool ended_line;     /* the last octet that was read is an LF */
    char *buffer;        /* of a source behind a descriptor */
    struct text changed; /* the piece, where something is changed */
    struct arena *arena;
};

/* A rendering of the source as it is; set the edits, then read. */
struct rendering rendering_new(const struct content_source *source, struct arena *arena);

/*
 * The next piece, valid until the next call; length 0 at the end. The body always ends
 * with a line end. False: a temporary error 4.3.0 (the source cannot be read, or is
 * shorter than was said); then nothing of what was read may count.
 */
bool rendering_next(struct rendering *rendering, struct span *piece, struct error *error);
void rendering_rewind(struct rendering *rendering);
/* Octets in all in CRLF form, before dots and from_hack add to them. */
uint64_t rendering_size(const struct rendering *rendering);

#endif
