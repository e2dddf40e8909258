/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message ids keep Smail's look: 'm', six base-62 digits of the second, '-', six of a
 * counter, the grade. Compared as text they are in the order of time.
 */
#include <string.h>

#include "base/base62.h"
#include "spool/spool.h"

#include "base/banned.h"

enum { DIGITS = 6, DASH = 1 + DIGITS, COUNTER = DASH + 1, GRADE = COUNTER + DIGITS };

struct message_id
message_id_make(int64_t seconds, uint64_t counter, char grade)
{
    struct message_id id = {.text = "m"};

    base62_write(seconds > 0 ? (uint64_t)seconds : 0, id.text + 1, DIGITS);
    id.text[DASH] = '-';
    base62_write(counter, id.text + COUNTER, DIGITS);
    id.text[GRADE] = byte_is_digit(grade) || byte_is_letter(grade) ? grade : 'C';
    return id;
}

bool
message_id_read(struct span text, struct message_id *id)
{
    uint64_t number;

    if (text.length == MESSAGE_ID_LENGTH && text.bytes[0] == 'm')
        text = span_from(text, 1);
    if (text.length != MESSAGE_ID_LENGTH - 1 || text.bytes[DASH - 1] != '-' ||
        !base62_read(span_first(text, DIGITS), &number) ||
        !base62_read(span_from(text, DIGITS + 1), &number))
        return false;
    *id = (struct message_id){.text = "m"};
    memcpy(id->text + 1, text.bytes, text.length);
    return true;
}
