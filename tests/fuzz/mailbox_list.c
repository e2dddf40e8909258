/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads lists as header fields, alias files and users have them. Files, pipes and
 * includes may only come out where they are allowed, and no text may hold a line end.
 */
#include "mail/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static void
expect_clean(const char *text, bool tabs)
{
    for (; *text != '\0'; text++)
        expect(!byte_is_control(*text) || (tabs && *text == '\t'));
}

static void
expect_item(const struct mailbox_item *item, unsigned flags, unsigned line)
{
    expect(item->text[0] != '\0' && item->line >= 1 && item->line >= line);
    expect_clean(item->text, item->kind != MAILBOX_ITEM_ADDRESS ||
                                 strpbrk(item->text, "\"[") != NULL);
    expect_clean(item->display, false);
    if ((flags & MAILBOX_LIST_SPECIAL) == 0)
        expect(item->kind == MAILBOX_ITEM_ADDRESS && !item->literal);
    if (item->kind == MAILBOX_ITEM_ADDRESS)
        expect(utf8_is_valid(span_of(item->text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span list = span_from((struct span){(const char *)data, size}, 1);
    unsigned flags = size > 0 ? data[0] & 7 : 0, line = 1;
    struct mailbox_item *items;
    struct error error = {0};
    size_t count = 0;

    if (mailbox_list_parse(list, flags, 20, arena, &items, &error)) {
        for (struct mailbox_item *item = items; item != NULL;
             item = item->next, count++) {
            expect_item(item, flags, line);
            line = item->line;
        }
        expect(count <= 20);
    } else {
        expect(error.permanent && strncmp(error.text, "line ", 5) == 0);
    }
    arena_free(arena);
    return 0;
}
