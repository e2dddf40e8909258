/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of addresses: header fields, alias values, .forward and list files. One pass,
 * octet by octet. What stands between two separators is a segment; its words are kept
 * aside until it is known whether they are addresses or the name in front of a "<...>".
 */
#include "mail/mailbox.h"

#include <string.h>

#include "base/utf8.h"
#include "mail/status.h"

#include "base/banned.h"

struct list {
    struct span text;
    size_t at;
    unsigned line;
    unsigned flags;
    size_t limit, count;
    struct arena *arena;
    struct error *error;

    struct mailbox_item *items, **items_end;     /* certain */
    struct mailbox_item *pending, **pending_end; /* words of the segment so far */
    size_t segment;                              /* where it begins */
    bool closed; /* "<...>" was read, a separator must follow */
    bool group;  /* between "name:" and ";" */

    struct text word; /* being read */
    unsigned word_line;
    bool literal; /* a backslash stood in front */
    bool gap;     /* blanks stood behind its last octet */
    bool phrase;  /* it has blanks inside: no address */
    bool route;   /* it begins with '@': up to ':', commas separate nothing */
};

static bool
list_fail(struct list *list, const char *what)
{
    size_t from = list->segment < list->at ? list->segment : list->at;
    struct span doubt = span_trim(span_from(list->text, from));

    return fail_permanent_number(list->error, ERR_ADDRESS_PARSE, "5.1.3",
                                 "line %u: %s: %s", list->line, what,
                                 span_printable(doubt, 60, list->arena));
}

static bool
list_has(const struct list *list, enum mailbox_list_flags flag)
{
    return (list->flags & flag) != 0;
}

/* The octet at `offset` from here, NUL beyond the end (no NUL is ever accepted). */
static char
list_peek(const struct list *list, size_t offset)
{
    size_t at = list->at + offset;

    return at < list->text.length ? list->text.bytes[at] : '\0';
}

static bool
byte_is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

/* Take `length` octets, counting lines. */
static void
list_take(struct list *list, size_t length)
{
    for (; length > 0; length--)
        if (list->text.bytes[list->at++] == '\n')
            list->line++;
}

/* ------------------------------------------------------------ items */

static bool
list_push(struct list *list, enum mailbox_item_kind kind, const char *text)
{
    struct mailbox_item *item = arena_alloc(list->arena, sizeof(*item));

    if (++list->count > list->limit)
        return list_fail(list, "too many addresses");
    if (text[0] == '\0')
        return list_fail(list, "null address");
    if (kind == MAILBOX_ITEM_ADDRESS && !utf8_is_valid(span_of(text)))
        return list_fail(list, "invalid UTF-8 in address");
    *item = (struct mailbox_item){.kind = kind,
                                  .literal = list->literal,
                                  .text = text,
                                  .display = "",
                                  .line = list->word_line};
    *list->pending_end = item;
    list->pending_end = &item->next;
    list->literal = false;
    return true;
}

static bool
list_has_literal(const struct list *list)
{
    for (struct mailbox_item *item = list->pending; item != NULL; item = item->next)
        if (item->literal)
            return true;
    return false;
}

static void
list_drop_pending(struct list *list)
{
    for (struct mailbox_item *item = list->pending; item != NULL; item = item->next)
        list->count--;
    list->pending = NULL;
    list->pending_end = &list->pending;
}

static void
list_keep_pending(struct list *list)
{
    if (list->pending != NULL) {
        *list->items_end = list->pending;
        list->items_end = list->pending_end;
    }
    list->pending = NULL;
    list->pending_end = &list->pending;
}

static void
list_forget_word(struct list *list)
{
    list->word = text_new(list->arena);
    list->gap = list->phrase = list->literal = list->route = false;
}

/* The word is over; it is an address unless a "<" follows. */
static bool
list_end_word(struct list *list)
{
    if (list->word.length == 0 && list->literal)
        return list_fail(list, "nothing behind backslash");
    if (list->word.length == 0)
        return true;
    if (list->phrase)
        return list_fail(list, "words that are no address");
    if (!list_push(list, MAILBOX_ITEM_ADDRESS, text_string(&list->word)))
        return false;
    list_forget_word(list);
    return true;
}

/* A separator, which is still to be taken. */
static bool
list_end_segment(struct list *list)
{
    if (!list_end_word(list))
        return false;
    list_keep_pending(list);
    list->closed = false;
    list->segment = list->at + 1;
    return true;
}

/* ------------------------------------------------------------ tokens */

/* A comment, nested ones included, with its parentheses. */
static bool
list_comment(struct list *list)
{
    size_t length = 0, depth = 0;

    do {
        char byte = list_peek(list, length++);

        if (list->at + length > list->text.length)
            return list_fail(list, "unbalanced parentheses");
        if (byte == '\\')
            length++;
        else if (byte == '(')
            depth++;
        else if (byte == ')')
            depth--;
    } while (depth > 0);
    list_take(list, length);
    return true;
}

/* Length of the quoted string or literal that begins here, `from` octets on; 0 when it is
 * bad. */
static size_t
list_token_length(const struct list *list, size_t from)
{
    char close = list_peek(list, from) == '"' ? '"' : ']';

    for (size_t length = from + 1; list->at + length < list->text.length; length++) {
        char byte = list_peek(list, length);

        if (byte == close)
            return length + 1 - from;
        if (byte == '\\')
            byte = list_peek(list, ++length);
        if (byte_is_control(byte) && byte != '\t' &&
            (!byte_is_line_end(byte) || list_has(list, MAILBOX_LIST_LINES)))
            return 0;
    }
    return 0;
}

/* Can blanks and comments beside this octet be left out? */
static bool
byte_joins(char byte)
{
    return byte != '\0' && strchr("@.:,", byte) != NULL;
}

/* Add a token (or one octet) to a word or to what stands in "<...>". */
static void
list_add(struct list *list, size_t length)
{
    struct text *word = &list->word;

    if (word->length == 0) {
        list->word_line = list->line;
        list->route = list_peek(list, 0) == '@';
    } else if (list->gap && !byte_joins(word->bytes[word->length - 1]) &&
               !byte_joins(list_peek(list, 0))) {
        list->phrase = true;
    }
    list->route = list->route && list_peek(list, 0) != ':';
    list->gap = false;
    for (size_t i = 0; i < length; i++)
        if (!byte_is_line_end(list_peek(list, i))) /* a folded quoted string */
            text_add_byte(word, list_peek(list, i));
    list_take(list, length);
}

/* What is not an operator of the list: part of an address. */
static bool
list_add_token(struct list *list)
{
    char byte = list_peek(list, 0);
    size_t length = 1;

    if (byte == '"' || byte == '[')
        length = list_token_length(list, 0);
    if (length == 0)
        return list_fail(list, byte == '"' ? "unbalanced quotes" : "unbalanced bracket");
    if (byte_is_control(byte) || strchr("\\>)]", byte) != NULL)
        return list_fail(list, "bad character");
    list_add(list, length);
    return true;
}

/* ------------------------------------------------------------ <...> */

/* The content of a quoted string, without its quotes. */
static struct span
token_unquote(struct span token, struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 1; i + 1 < token.length; i++) {
        if (token.bytes[i] == '\\' && i + 2 < token.length)
            i++;
        if (!byte_is_line_end(token.bytes[i]))
            text_add_byte(&text, token.bytes[i]);
    }
    return text_span(&text);
}

/* The name in front of "<", cleaned of line ends and controls. */
static const char *
list_display(struct list *list)
{
    struct span source =
        span_trim(span_from(span_first(list->text, list->at), list->segment));
    struct list quoted = {.text = source};
    char *copy;

    if (source.length > 1 && source.bytes[0] == '"' &&
        list_token_length(&quoted, 0) == source.length)
        source = token_unquote(source, list->arena);
    copy = span_string(source, list->arena);
    for (size_t i = 0; i < source.length; i++)
        if (byte_is_control(copy[i]))
            copy[i] = ' ';
    return copy;
}

/* One octet or token between "<" and ">"; `depth` counts brackets, the innermost count.
 */
static bool
list_angle_token(struct list *list, unsigned *depth, bool *closing)
{
    char byte = list_peek(list, 0);

    if (byte == '<' || byte == '>') {
        if (byte == '<' && *closing)
            return list_fail(list, "two addresses in brackets");
        if (byte == '<')
            list_forget_word(list);
        *depth = byte == '<' ? *depth + 1 : *depth - 1;
        *closing = byte == '>';
        list_take(list, 1);
        return true;
    }
    if (byte == '(' || byte_is_blank(byte) || byte_is_line_end(byte)) {
        list->gap = true;
        if (byte == '(')
            return list_comment(list);
        list_take(list, 1);
        return true;
    }
    if (*closing)
        return list_fail(list, "text between brackets");
    return list_add_token(list);
}

static bool
list_angle(struct list *list)
{
    const char *display = list_display(list);
    unsigned depth = 0;
    bool closing = false;

    if (list->closed)
        return list_fail(list, "two addresses without separator");
    if (list->literal || list_has_literal(list)) /* no name begins with a backslash */
        return list_fail(list, "'<' behind backslash");
    list_drop_pending(list);
    list_forget_word(list);
    list->word_line = list->line;
    do {
        if (list->at >= list->text.length)
            return list_fail(list, "unbalanced brackets");
        if (!list_angle_token(list, &depth, &closing))
            return false;
    } while (depth > 0);
    if (list->phrase)
        return list_fail(list, "blanks in address");
    if (!list_push(list, MAILBOX_ITEM_ADDRESS, text_string(&list->word)))
        return false;
    list->pending->display = display;
    list_forget_word(list);
    list_keep_pending(list);
    list->closed = true;
    list->segment = list->at;
    return true;
}

/* ------------------------------------------------------------ files, pipes, includes */

static bool
special_starts(struct span text)
{
    return text.length > 0 && (memchr("/~|", text.bytes[0], 3) != NULL ||
                               span_starts_nocase(text, ":include:"));
}

/* Does the octet at `offset` end an item that is not quoted? */
static bool
list_ends_item(const struct list *list, size_t offset)
{
    char byte = list_peek(list, offset);

    return list->at + offset >= list->text.length || byte == ',' ||
           (byte == ';' && list->group) ||
           (byte_is_blank(byte) && list_has(list, MAILBOX_LIST_BLANKS)) ||
           (byte_is_line_end(byte) &&
            (list->flags & (MAILBOX_LIST_BLANKS | MAILBOX_LIST_LINES)) != 0);
}

/*
 * Octets of the special item that begins here; 0 when its quotes are unbalanced. Behind
 * ":include:" blanks may stand.
 */
static size_t
list_special_length(const struct list *list)
{
    size_t length = 0;

    if (list_peek(list, 0) == ':') {
        length = strlen(":include:");
        while (byte_is_blank(list_peek(list, length)))
            length++;
    }
    while (!list_ends_item(list, length)) {
        size_t token =
            list_peek(list, length) == '"' ? list_token_length(list, length) : 1;

        if (token == 0)
            return 0;
        length += token;
    }
    return length;
}

/* If a quoted string that begins here holds a special item and stands alone: its length.
 */
static size_t
list_special_quoted(const struct list *list)
{
    size_t length = list_token_length(list, 0);

    if (length == 0 || !special_starts(span_from(
                           span_first(span_from(list->text, list->at), length), 1)))
        return 0;
    if (list_ends_item(list, length) || byte_is_space(list_peek(list, length)) ||
        list_peek(list, length) == '(')
        return length;
    return 0;
}

/* Make an item of `text`, which begins like one. */
static bool
list_special_push(struct list *list, struct span text)
{
    enum mailbox_item_kind kind = MAILBOX_ITEM_FILE;
    struct list quoted;

    if (text.bytes[0] == '|' || text.bytes[0] == ':') {
        kind = text.bytes[0] == '|' ? MAILBOX_ITEM_PIPE : MAILBOX_ITEM_INCLUDE;
        text = span_from(text, kind == MAILBOX_ITEM_PIPE ? 1 : strlen(":include:"));
    }
    text = span_trim(text);
    quoted = (struct list){.text = text};
    if (text.length > 1 && text.bytes[0] == '"' &&
        list_token_length(&quoted, 0) == text.length) /* |"command -x" */
        text = span_trim(token_unquote(text, list->arena));
    for (size_t i = 0; i < text.length; i++)
        if (byte_is_control(text.bytes[i]) && text.bytes[i] != '\t')
            return list_fail(list, "bad character");
    return list_push(list, kind, span_string(text, list->arena));
}

/* At the start of a word: a special item if one stands here (`*found`). */
static bool
list_special(struct list *list, bool *found)
{
    struct span text = span_from(list->text, list->at);
    size_t length = 0;

    *found = true;
    list->word_line = list->line;
    if (list_peek(list, 0) == '"') {
        length = list_special_quoted(list);
        text = token_unquote(span_first(text, length), list->arena);
    } else if (special_starts(text)) {
        length = list_special_length(list);
        if (length == 0)
            return list_fail(list, "unbalanced quotes");
        text = span_first(text, length);
    }
    if (length == 0) {
        *found = false;
        return true;
    }
    if (list->closed)
        return list_fail(list, "two addresses without separator");
    if (!list_special_push(list, text))
        return false;
    list_take(list, length);
    list_keep_pending(list);
    list->closed = !list_has(list, MAILBOX_LIST_BLANKS);
    list->segment = list->at;
    return true;
}

/* ------------------------------------------------------------ the list */

/* Blanks, line ends, comments. */
static bool
list_white(struct list *list)
{
    char byte = list_peek(list, 0);
    bool line_end = byte == '\n' && list_has(list, MAILBOX_LIST_LINES);
    bool blanks = list_has(list, MAILBOX_LIST_BLANKS);

    if (line_end && !list_end_segment(list))
        return false;
    if (byte != '(' && blanks && !list->route && !list_end_word(list))
        return false;
    if (byte != '(' && blanks && list->closed) {
        list->closed = false;
        list->segment = list->at;
    }
    list->gap = !(byte == '(' && blanks);
    if (byte == '(')
        return list_comment(list);
    list_take(list, 1);
    return true;
}

/* ',' ';' ':' where they mean something to the list. */
static bool
list_separator(struct list *list)
{
    char byte = list_peek(list, 0);

    if (byte == ':') {
        if (list->group || list->closed || list->literal || list_has_literal(list) ||
            (list->word.length == 0 && list->pending == NULL))
            return list_fail(list, "':' without a group name");
        list_drop_pending(list);
        list_forget_word(list);
        list->group = true;
        list->segment = list->at + 1;
    } else {
        if (byte == ';' && !list->group)
            return list_fail(list, "';' without a group");
        if (!list_end_segment(list))
            return false;
        list->group = list->group && byte == ',';
    }
    list_take(list, 1);
    return true;
}

/* The first octet of a word: what it can be only there. `*done` if it was taken. */
static bool
list_word_start(struct list *list, bool *done)
{
    char byte = list_peek(list, 0);

    *done = false;
    if (byte == '#' && list_has(list, MAILBOX_LIST_LINES) && !list->literal) {
        list_take(list, span_find(span_from(list->text, list->at), '\n'));
        *done = true;
        return true;
    }
    if (!list_has(list, MAILBOX_LIST_SPECIAL))
        return true;
    if (byte == '\\' && !list->literal) {
        list_take(list, 1);
        list->literal = *done = true;
        return true;
    }
    return list_special(list, done);
}

static bool
list_step(struct list *list)
{
    char byte = list_peek(list, 0);
    bool done = false;

    if (list->literal && list->word.length == 0 && byte_is_space(byte))
        return list_fail(list, "nothing behind backslash");
    if (byte_is_blank(byte) || byte_is_line_end(byte) || byte == '(')
        return list_white(list);
    if (list->word.length == 0) {
        if (!list_word_start(list, &done))
            return false;
        if (done)
            return true;
    }
    if (byte == ';' || ((byte == ',' || byte == ':') && !list->route))
        return list_separator(list);
    if (byte == '<')
        return list_angle(list);
    if (list->closed)
        return list_fail(list, "text behind an address");
    return list_add_token(list);
}

bool
mailbox_list_parse(struct span text, unsigned flags, size_t limit, struct arena *arena,
                   struct mailbox_item **items, struct error *error)
{
    struct list list = {.text = text,
                        .line = 1,
                        .flags = flags,
                        .limit = limit,
                        .arena = arena,
                        .error = error};

    list.items_end = &list.items;
    list.pending_end = &list.pending;
    list_forget_word(&list);
    *items = NULL;
    while (list.at < text.length)
        if (!list_step(&list))
            return false;
    if (!list_end_segment(&list))
        return false;
    if (list.group)
        return list_fail(&list, "group without ';'");
    *items = list.items;
    return true;
}
