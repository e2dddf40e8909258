/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading and writing members of a struct by a table. It is on the way of every message,
 * several times, so nothing here goes through printf.
 */
#include "mail/key.h"

#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

/* Members are reached by their offset; memcpy keeps that free of aliasing questions. */
static const char *
key_place(const struct key *key, const void *record)
{
    return (const char *)record + key->offset;
}

static char *
key_place_in(const struct key *key, void *record)
{
    return (char *)record + key->offset;
}

static const char *
key_string(const struct key *key, const void *record)
{
    const char *string;

    if (key->type == KEY_CHARS)
        return key_place(key, record);
    memcpy(&string, key_place(key, record), sizeof(string));
    return string != NULL ? string : "";
}

/* Octets of a member that is a number. */
static size_t
key_width(const struct key *key)
{
    switch (key->type) {
    case KEY_FLAG:
        return sizeof(bool);
    case KEY_LETTER:
    case KEY_SET:
        return 1;
    case KEY_U32:
    case KEY_NAME:
        return 4;
    default:
        return 8;
    }
}

static uint64_t
key_value(const struct key *key, const void *record)
{
    const char *place = key_place(key, record);
    uint64_t eight = 0;
    uint32_t four = 0;
    uint8_t one = 0;

    switch (key_width(key)) {
    case 1:
        memcpy(&one, place, 1);
        return one;
    case 4:
        memcpy(&four, place, 4);
        return four;
    default:
        memcpy(&eight, place, 8);
        return eight;
    }
}

static void
key_set_value(const struct key *key, void *record, uint64_t value)
{
    char *place = key_place_in(key, record);
    uint32_t four = (uint32_t)value;
    uint8_t one = (uint8_t)value;

    switch (key_width(key)) {
    case 1:
        memcpy(place, &one, 1);
        break;
    case 4:
        memcpy(place, &four, 4);
        break;
    default:
        memcpy(place, &value, 8);
    }
}

static void
key_set_string(const struct key *key, void *record, const char *value)
{
    memcpy(key_place_in(key, record), &value, sizeof(value));
}

bool
key_is_set(const struct key *key, const void *record)
{
    if (key->always || key->type == KEY_LETTER)
        return true;
    if (key->type == KEY_STRING || key->type == KEY_CHARS)
        return key_string(key, record)[0] != '\0';
    return key_value(key, record) != (key->type == KEY_UID ? UINT64_MAX : 0);
}

/* ------------------------------------------------------------ text */

void
key_number(uint64_t number, struct text *text)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add_span(text, (struct span){digits + at, sizeof(digits) - at});
}

static void
key_signed(uint64_t value, struct text *text)
{
    bool negative = value > INT64_MAX;

    if (negative)
        text_add_byte(text, '-');
    key_number(negative ? 0 - value : value, text);
}

static bool
byte_is_plain(char byte, bool blanks)
{
    return byte > ' ' ? byte != '%' && byte != '"' && byte != 0x7f
                      : byte == ' ' && !blanks;
}

/* Octets at the front that stand for themselves. */
static size_t
escape_plain(struct span value, bool blanks)
{
    size_t length = 0;

    while (length < value.length) {
        size_t wide = 1;

        if ((unsigned char)value.bytes[length] >= 0x80) {
            uint32_t code;

            wide = utf8_character(span_from(value, length), &code);
            if (wide == 0 || code < 0xa0)
                break;
        } else if (!byte_is_plain(value.bytes[length], blanks)) {
            break;
        }
        length += wide;
    }
    return length;
}

void
key_escape(struct span value, bool blanks, struct text *text)
{
    static const char digits[] = "0123456789ABCDEF";

    while (value.length > 0) {
        size_t plain = escape_plain(value, blanks);

        text_add_span(text, span_first(value, plain));
        value = span_from(value, plain);
        if (value.length > 0) {
            unsigned char octet = (unsigned char)value.bytes[0];
            char coded[] = {'%', digits[octet >> 4], digits[octet & 15]};

            text_add_span(text, (struct span){coded, sizeof(coded)});
            value = span_from(value, 1);
        }
    }
}

static int
hex_value(char byte)
{
    if (byte_is_digit(byte))
        return byte - '0';
    byte = byte_upper(byte);
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool
key_unescape(struct span coded, struct arena *arena, const char **value)
{
    char *copy = arena_bytes(arena, coded.bytes, coded.length);
    size_t length = 0;

    *value = copy;
    for (size_t i = 0; i < coded.length; i++) {
        char byte = coded.bytes[i];

        if (byte_is_control(byte))
            return false;
        if (byte == '%') {
            int high = i + 2 < coded.length ? hex_value(coded.bytes[i + 1]) : -1;
            int low = i + 2 < coded.length ? hex_value(coded.bytes[i + 2]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            byte = (char)(unsigned char)(high << 4 | low);
            i += 2;
        }
        copy[length++] = byte;
    }
    copy[length] = '\0';
    return true;
}

static void
key_write_set(const struct key *key, uint64_t value, struct text *text)
{
    bool first = true;

    for (unsigned bit = 0; bit < key->size; bit++) {
        if ((value >> bit & 1) == 0)
            continue;
        if (!first)
            text_add_byte(text, ',');
        text_add(text, key->names[bit]);
        first = false;
    }
}

void
key_write(const struct key *key, const void *record, bool blanks, struct text *text)
{
    uint64_t value = 0;

    if (key->type == KEY_STRING || key->type == KEY_CHARS) {
        key_escape(span_of(key_string(key, record)), blanks, text);
        return;
    }
    value = key_value(key, record);
    switch (key->type) {
    case KEY_FLAG:
        text_add_span(text, SPAN("yes"));
        break;
    case KEY_LETTER:
        key_escape((struct span){key_place(key, record), 1}, true, text);
        break;
    case KEY_I64:
    case KEY_UID:
        key_signed(value, text);
        break;
    case KEY_NAME:
        text_add(text, key->names[value < key->size ? value : 0]);
        break;
    case KEY_SET:
        key_write_set(key, value, text);
        break;
    default:
        key_number(value, text);
    }
}

/* ------------------------------------------------------------ reading */

static bool
key_read_string(const struct key *key, void *record, struct span text,
                struct arena *arena)
{
    const char *value;

    if (!key_unescape(text, arena, &value))
        return false;
    if (key->type == KEY_STRING) {
        key_set_string(key, record, value);
        return true;
    }
    if (strlen(value) >= key->size)
        return false;
    memcpy(key_place_in(key, record), value, strlen(value) + 1);
    return true;
}

static bool
key_read_number(const struct key *key, struct span text, uint64_t *value)
{
    bool negative =
        (key->type == KEY_I64 || key->type == KEY_UID) && span_starts(text, "-");
    uint64_t limit = key->type == KEY_U32   ? UINT32_MAX
                     : key->type == KEY_U64 ? UINT64_MAX
                     : negative             ? (uint64_t)INT64_MAX + 1
                                            : INT64_MAX;

    if (!span_number(span_from(text, negative ? 1 : 0), limit, value))
        return false;
    if (negative)
        *value = 0 - *value;
    return true;
}

static bool
key_read_name(const struct key *key, struct span text, uint64_t *value)
{
    for (*value = 0; *value < key->size; ++*value)
        if (span_is(text, key->names[*value]))
            return true;
    return false;
}

static bool
key_read_set(const struct key *key, struct span text, uint64_t *value)
{
    uint64_t bit;
    struct span name;

    *value = 0;
    while (span_next(&text, ',', &name)) {
        if (!key_read_name(key, name, &bit))
            return false;
        *value |= UINT64_C(1) << bit;
    }
    return *value != 0;
}

bool
key_read(const struct key *key, void *record, struct span text, struct arena *arena)
{
    const char *letter;
    uint64_t value = 1;
    bool fine;

    switch (key->type) {
    case KEY_STRING:
    case KEY_CHARS:
        return key_read_string(key, record, text, arena);
    case KEY_FLAG:
        fine = span_equal(text, SPAN("yes"));
        break;
    case KEY_LETTER:
        fine =
            key_unescape(text, arena, &letter) && letter[0] != '\0' && letter[1] == '\0';
        value = fine ? (unsigned char)letter[0] : 0;
        break;
    case KEY_NAME:
        fine = key_read_name(key, text, &value);
        break;
    case KEY_SET:
        fine = key_read_set(key, text, &value);
        break;
    default:
        fine = key_read_number(key, text, &value);
    }
    if (fine)
        key_set_value(key, record, value);
    return fine;
}

static bool
key_is_named(const struct key *key, struct span name)
{
    return strncmp(key->name, name.bytes, name.length) == 0 &&
           key->name[name.length] == '\0';
}

const struct key *
key_find(const struct key *keys, struct span name, size_t *at)
{
    if (name.length == 0 || span_find(name, '\0') < name.length)
        return NULL;
    for (size_t i = *at; keys[i].name != NULL; i++) {
        if (key_is_named(&keys[i], name)) {
            *at = i;
            return &keys[i];
        }
    }
    for (size_t i = 0; i < *at; i++) {
        if (key_is_named(&keys[i], name)) {
            *at = i;
            return &keys[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------ packing */

void
keys_pack(const struct key *keys, const void *record, struct pack *pack)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        if (key->type == KEY_STRING || key->type == KEY_CHARS)
            pack_string(pack, key_string(key, record));
        else if (key_width(key) == 8)
            pack_u64(pack, key_value(key, record));
        else if (key_width(key) == 4)
            pack_u32(pack, (uint32_t)key_value(key, record));
        else
            pack_u8(pack, (uint8_t)key_value(key, record));
    }
}

static void
key_unpack_string(const struct key *key, void *record, struct unpack *unpack,
                  struct arena *arena)
{
    const char *value = unpack_string(unpack, arena);

    if (value == NULL)
        value = "";
    if (key->type == KEY_STRING)
        key_set_string(key, record, value);
    else if (strlen(value) < key->size)
        memcpy(key_place_in(key, record), value, strlen(value) + 1);
    else
        unpack->failed = true;
}

/* Can a member of this type have the value? */
static bool
key_admits(const struct key *key, uint64_t value)
{
    switch (key->type) {
    case KEY_FLAG:
        return value <= 1;
    case KEY_LETTER:
        return value != 0;
    case KEY_NAME:
        return value < key->size;
    case KEY_SET:
        return value >> key->size == 0;
    default:
        return true;
    }
}

void
keys_unpack(const struct key *keys, void *record, struct unpack *unpack,
            struct arena *arena)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        uint64_t value;

        if (key->type == KEY_STRING || key->type == KEY_CHARS) {
            key_unpack_string(key, record, unpack, arena);
            continue;
        }
        value = key_width(key) == 8   ? unpack_u64(unpack)
                : key_width(key) == 4 ? unpack_u32(unpack)
                                      : unpack_u8(unpack);
        if (unpack->failed || !key_admits(key, value))
            unpack->failed = true;
        else
            key_set_value(key, record, value);
    }
}

void
keys_copy_strings(const struct key *keys, void *record, struct arena *arena)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        const char *value;

        if (key->type != KEY_STRING)
            continue;
        value = key_string(key, record);
        if (arena != NULL && value[0] != '\0')
            value = arena_string(arena, value);
        key_set_string(key, record, value[0] != '\0' ? value : "");
    }
}
