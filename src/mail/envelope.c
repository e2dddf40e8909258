/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The envelope's keys, in one table, and its text and packed forms. Recipients and
 * exclusions repeat, so they are beside the table.
 */
#include "mail/envelope.h"

#include <string.h>

#include "mail/key.h"

#include "base/banned.h"

static const char *const return_names[] = {"default", "full", "headers"};
static const char *const body_names[] = {"7bit", "8bit", "binary"};
static const char *const error_mode_names[] = {"mail", "print", "quiet"};
static const char *const delivery_mode_names[] = {"default", "foreground", "background",
                                                  "queued"};
static const char *const origin_names[] = {"local", "network", "batch", "bounce"};
static const char *const notify_names[] = {"never", "success", "failure", "delay"};

_Static_assert(sizeof(enum origin) == 4, "KEY_NAME takes enums of 4 octets");

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROW(name, type, member)                                                          \
    {                                                                                    \
        name, type, false, false, offsetof(struct envelope, member), 0, NULL             \
    }
#define NEEDED(name, type, member)                                                       \
    {                                                                                    \
        name, type, true, false, offsetof(struct envelope, member), 0, NULL              \
    }
#define NAMES(name, needed, member, names)                                               \
    {                                                                                    \
        name, KEY_NAME, needed, false, offsetof(struct envelope, member), COUNT(names),  \
            names                                                                        \
    }

/*
 * Needed are those that say what is delivered, to whom, and what must not happen to it on
 * the way; the reverse-path comes first and is always there.
 */
static const struct key envelope_keys[] = {
    {"reverse-path", KEY_STRING, true, true, offsetof(struct envelope, reverse_path), 0,
     NULL},
    NAMES("ret", false, ret, return_names),
    ROW("envelope-id", KEY_STRING, envelope_id),
    NAMES("body", true, body, body_names),
    NEEDED("smtputf8", KEY_FLAG, smtputf8),
    NEEDED("require-tls", KEY_FLAG, require_tls),
    ROW("peer-name", KEY_STRING, peer_name),
    ROW("peer-address", KEY_STRING, peer_address),
    ROW("peer-port", KEY_U32, peer_port),
    ROW("hello", KEY_STRING, hello),
    ROW("protocol", KEY_STRING, protocol),
    ROW("tls", KEY_STRING, tls),
    ROW("authenticated", KEY_STRING, authenticated),
    ROW("submitter-uid", KEY_UID, submitter_uid),
    ROW("submitter", KEY_STRING, submitter),
    ROW("full-name", KEY_STRING, full_name),
    ROW("program", KEY_STRING, program),
    ROW("message-id", KEY_STRING, message_id),
    ROW("grade", KEY_LETTER, grade),
    ROW("hops", KEY_U32, hops),
    NAMES("errors", false, errors, error_mode_names),
    NAMES("mode", false, mode, delivery_mode_names),
    NAMES("origin", true, origin, origin_names),
    NEEDED("me-too", KEY_FLAG, me_too),
    NEEDED("no-aliases", KEY_FLAG, no_aliases),
    NEEDED("dry-run", KEY_FLAG, dry_run),
    ROW("verbose", KEY_FLAG, verbose),
    ROW("received", KEY_I64, received),
    ROW("size", KEY_U64, size),
    ROW("header-size", KEY_U64, header_size),
    ROW("longest-line", KEY_U32, longest_line),
    ROW("eight-bit", KEY_FLAG, eight_bit),
    ROW("header-utf8", KEY_FLAG, header_utf8),
    {0},
};

static const struct key recipient_keys[] = {
    {"notify", KEY_SET, false, false, offsetof(struct recipient, notify),
     COUNT(notify_names), notify_names},
    {"original", KEY_STRING, false, false, offsetof(struct recipient, original), 0, NULL},
    {0},
};

struct envelope
envelope_new(void)
{
    struct envelope envelope = {.submitter_uid = -1, .grade = 'C'};

    keys_copy_strings(envelope_keys, &envelope, NULL);
    return envelope;
}

/* ------------------------------------------------------------ writing */

static void
recipient_write(const struct recipient *recipient, struct text *text)
{
    text_add_span(text, SPAN("!recipient: "));
    key_escape(span_of(recipient->text), true, text);
    for (const struct key *key = recipient_keys; key->name != NULL; key++) {
        if (!key_is_set(key, recipient))
            continue;
        text_add_byte(text, ' ');
        text_add(text, key->name);
        text_add_byte(text, '=');
        key_write(key, recipient, true, text);
    }
    text_add_byte(text, '\n');
}

static void
line_write(const struct key *key, const struct envelope *envelope, struct text *text)
{
    if (!key_is_set(key, envelope))
        return;
    if (key->needed)
        text_add_byte(text, '!');
    text_add(text, key->name);
    text_add_span(text, SPAN(": "));
    key_write(key, envelope, false, text);
    text_add_byte(text, '\n');
}

void
envelope_write(const struct envelope *envelope, struct text *text)
{
    line_write(&envelope_keys[0], envelope, text);
    for (size_t i = 0; i < envelope->recipient_count; i++)
        recipient_write(&envelope->recipients[i], text);
    for (size_t i = 0; i < envelope->exclusion_count; i++) {
        text_add_span(text, SPAN("!exclusion: "));
        key_escape(span_of(envelope->exclusions[i]), true, text);
        text_add_byte(text, '\n');
    }
    for (const struct key *key = &envelope_keys[1]; key->name != NULL; key++)
        line_write(key, envelope, text);
}

/* ------------------------------------------------------------ reading */

struct reader {
    struct envelope *envelope;
    struct arena *arena;
    struct error *error;
    uint64_t seen; /* rows of the table that were there */
    size_t at;     /* row of the last key */
    size_t recipient_room, exclusion_room;
};

static bool
read_damaged(struct reader *reader, struct span line)
{
    return fail_temporary(reader->error, "4.3.0", "damaged envelope: %s",
                          span_printable(line, 80, reader->arena));
}

static bool
read_unknown(struct reader *reader, struct span name)
{
    return fail_temporary(
        reader->error, "4.3.5",
        "the envelope asks for \"%s\", which this version does not know",
        span_printable(name, 80, reader->arena));
}

/* One more element of an array that doubles. */
static void *
reader_grow(struct reader *reader, void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room > 0 ? 2 * *room : 2;
    return arena_grow(reader->arena, array, count, *room, size);
}

/* "notify=..." and the like behind a recipient. */
static bool
read_parameter(struct reader *reader, struct recipient *recipient, struct span word)
{
    size_t equals = span_find(word, '='), at = 0;
    struct span name = span_first(word, equals);
    bool needed = span_starts(name, "!");
    const struct key *key;

    if (equals == word.length)
        return read_damaged(reader, word);
    name = span_from(name, needed ? 1 : 0);
    key = key_find(recipient_keys, name, &at);
    if (key == NULL)
        return needed ? read_unknown(reader, name) : true;
    return key_read(key, recipient, span_from(word, equals + 1), reader->arena) ||
           read_damaged(reader, word);
}

static bool
read_recipient(struct reader *reader, struct span value)
{
    struct envelope *envelope = reader->envelope;
    struct recipient recipient = {.text = "", .original = ""};
    struct span rest = value, word;

    if (!span_next(&rest, ' ', &word) || word.length == 0 ||
        !key_unescape(word, reader->arena, &recipient.text))
        return read_damaged(reader, value);
    while (span_next(&rest, ' ', &word))
        if (!read_parameter(reader, &recipient, word))
            return false;
    envelope->recipients =
        reader_grow(reader, envelope->recipients, envelope->recipient_count,
                    &reader->recipient_room, sizeof(recipient));
    envelope->recipients[envelope->recipient_count++] = recipient;
    return true;
}

static bool
read_exclusion(struct reader *reader, struct span value)
{
    struct envelope *envelope = reader->envelope;
    const char *text;

    if (value.length == 0 || !key_unescape(value, reader->arena, &text))
        return read_damaged(reader, value);
    envelope->exclusions =
        reader_grow(reader, envelope->exclusions, envelope->exclusion_count,
                    &reader->exclusion_room, sizeof(text));
    envelope->exclusions[envelope->exclusion_count++] = text;
    return true;
}

/* One line without its LF: "key: value" or "!key: value". */
static bool
read_line(struct reader *reader, struct span line)
{
    size_t colon = span_find(line, ':');
    struct span name = span_first(line, colon), value = span_from(line, colon + 2);
    bool needed = line.length > 0 && line.bytes[0] == '!';
    const struct key *key;

    if (line.length < colon + 2 || line.bytes[colon + 1] != ' ')
        return read_damaged(reader, line);
    name = span_from(name, needed ? 1 : 0);
    if (span_equal(name, SPAN("recipient")))
        return read_recipient(reader, value);
    if (span_equal(name, SPAN("exclusion")))
        return read_exclusion(reader, value);
    key = key_find(envelope_keys, name, &reader->at);
    if (key == NULL)
        return needed ? read_unknown(reader, name) : true;
    if ((reader->seen >> reader->at & 1) != 0 ||
        !key_read(key, reader->envelope, value, reader->arena))
        return read_damaged(reader, line);
    reader->seen |= UINT64_C(1) << reader->at++;
    return true;
}

bool
envelope_read(struct span text, struct arena *arena, struct envelope *envelope,
              struct error *error)
{
    struct reader reader = {.envelope = envelope, .arena = arena, .error = error};

    *envelope = envelope_new();
    while (text.length > 0) {
        size_t length = span_find(text, '\n');

        if (length == text.length)
            return read_damaged(&reader, text);
        if (!read_line(&reader, span_first(text, length)))
            return false;
        text = span_from(text, length + 1);
    }
    if ((reader.seen & 1) == 0)
        return read_damaged(&reader, SPAN("no reverse-path"));
    return true;
}

/* ------------------------------------------------------------ packing */

void
envelope_pack(const struct envelope *envelope, struct pack *pack)
{
    keys_pack(envelope_keys, envelope, pack);
    pack_u32(pack, (uint32_t)envelope->recipient_count);
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        pack_string(pack, envelope->recipients[i].text);
        keys_pack(recipient_keys, &envelope->recipients[i], pack);
    }
    pack_u32(pack, (uint32_t)envelope->exclusion_count);
    for (size_t i = 0; i < envelope->exclusion_count; i++)
        pack_string(pack, envelope->exclusions[i]);
}

static const char *
unpack_text(struct unpack *unpack, struct arena *arena)
{
    const char *text = unpack_string(unpack, arena);

    return text != NULL ? text : "";
}

bool
envelope_unpack(struct unpack *unpack, struct arena *arena, struct envelope *envelope)
{
    size_t count;

    *envelope = envelope_new();
    keys_unpack(envelope_keys, envelope, unpack, arena);
    /* A recipient takes 9 octets at least: two lengths and a set. */
    count = unpack_count(unpack, 9);
    envelope->recipients = arena_array(arena, count, sizeof(*envelope->recipients));
    for (size_t i = 0; i < count && !unpack->failed; i++) {
        envelope->recipients[i].text = unpack_text(unpack, arena);
        keys_unpack(recipient_keys, &envelope->recipients[i], unpack, arena);
    }
    envelope->recipient_count = unpack->failed ? 0 : count;
    count = unpack_count(unpack, 4);
    envelope->exclusions = arena_array(arena, count, sizeof(*envelope->exclusions));
    for (size_t i = 0; i < count && !unpack->failed; i++)
        envelope->exclusions[i] = unpack_text(unpack, arena);
    envelope->exclusion_count = unpack->failed ? 0 : count;
    return !unpack->failed;
}

/* ------------------------------------------------------------ xtext */

static int
xtext_digit(char byte)
{
    if (byte_is_digit(byte))
        return byte - '0';
    byte = byte_upper(byte);
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

bool
xtext_decode(struct span text, struct arena *arena, const char **value,
             struct error *error)
{
    struct text decoded = text_new(arena);

    for (size_t i = 0; i < text.length; i++) {
        int byte = (unsigned char)text.bytes[i];
        bool coded = byte == '+';

        if (coded) {
            int high = i + 2 < text.length ? xtext_digit(text.bytes[i + 1]) : -1;
            int low = i + 2 < text.length ? xtext_digit(text.bytes[i + 2]) : -1;

            byte = high < 0 || low < 0 ? -1 : high << 4 | low;
            i += 2;
        }
        if (byte < (coded ? ' ' : '!') || byte > '~' || (!coded && byte == '='))
            return fail_permanent(error, "5.5.4", "bad xtext (RFC 3461)");
        text_add_byte(&decoded, (char)byte);
    }
    *value = text_string(&decoded);
    return true;
}

const char *
xtext_encode(const char *value, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    struct text encoded = text_new(arena);

    for (; *value != '\0'; value++) {
        unsigned char octet = (unsigned char)*value;
        char coded[] = {'+', digits[octet >> 4], digits[octet & 15]};

        if (octet > ' ' && octet < 0x7f && octet != '+' && octet != '=')
            text_add_byte(&encoded, *value);
        else
            text_add_span(&encoded, (struct span){coded, sizeof(coded)});
    }
    return text_string(&encoded);
}
