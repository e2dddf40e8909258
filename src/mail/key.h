/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A struct as named values. One table of rows says of each member its name, its type and
 * when it is left out; from it come the text form (envelope: a line for each; address: a
 * word for each), the reading of it, and the packing between roles.
 */
#ifndef MAIL_KEY_H
#define MAIL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pack.h"
#include "base/text.h"

enum key_type {
    KEY_STRING, /* const char *, never NULL once read; left out when empty */
    KEY_CHARS,  /* char[size] that ends in NUL; left out when empty */
    KEY_FLAG,   /* bool; left out when false */
    KEY_LETTER, /* char, always written */
    KEY_U32,    /* left out when 0, as the next two */
    KEY_U64,
    KEY_I64,
    KEY_UID,  /* int64_t; left out when -1 */
    KEY_NAME, /* an enum of 4 octets by its names; left out when 0 */
    KEY_SET,  /* uint8_t of bits by their names, "a,b"; left out when 0 */
};

struct key {
    const char *name;
    enum key_type type;
    bool needed; /* who does not know the key must not handle the message */
    bool always; /* written even when it could be left out */
    uint16_t offset;
    uint16_t size;            /* of KEY_CHARS; number of names of KEY_NAME, KEY_SET */
    const char *const *names; /* by value (KEY_NAME) or bit number (KEY_SET) */
};

/* A table of keys ends with a row whose name is NULL; at most 64 rows. */

/* Is there anything to write? */
bool key_is_set(const struct key *key, const void *record);

/* The value as text, coded by key_escape(); `blanks`: they are coded as well. */
void key_write(const struct key *key, const void *record, bool blanks, struct text *text);

/* Set the member from its text. False when that is not a value of its type. */
bool key_read(const struct key *key, void *record, struct span value,
              struct arena *arena);

/*
 * The row of that name, or NULL. Looks first at the row behind *at and sets *at to what
 * it found, so that keys in the order of the table are found at once.
 */
const struct key *key_find(const struct key *keys, struct span name, size_t *at);

/* All members in the order of the table, in bytes. Unpacking makes NULL strings "". */
void keys_pack(const struct key *keys, const void *record, struct pack *pack);
void keys_unpack(const struct key *keys, void *record, struct unpack *unpack,
                 struct arena *arena);

/* All KEY_STRING members: NULL becomes "", and the rest is copied into `arena` if given.
 */
void keys_copy_strings(const struct key *keys, void *record, struct arena *arena);

/*
 * Any octets as printable UTF-8 on one line: controls, DEL, '%', '"' and what is not
 * valid UTF-8 become %XX; blanks too if `blanks`.
 */
void key_escape(struct span value, bool blanks, struct text *text);
/* Back; false for a '%' without two hex digits, a NUL or a control. */
bool key_unescape(struct span coded, struct arena *arena, const char **value);

/* A decimal number. */
void key_number(uint64_t number, struct text *text);

#endif
