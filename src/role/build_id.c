/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which build this program is: the note that the linker made of its content. */
#include "role/wire.h"

#include <link.h>
#include <stdio.h>
#include <string.h>

#include "config/version.h"

#include "base/banned.h"

enum { NOTE_ALIGNMENT = 4, ID_MOST = 64 };

struct build_id {
    char text[sizeof SMAIL_VERSION + 1 + 2 * ID_MOST + 1];
};

static size_t
padded(size_t length)
{
    return (length + NOTE_ALIGNMENT - 1) / NOTE_ALIGNMENT * NOTE_ALIGNMENT;
}

static void
id_print(struct build_id *id, const unsigned char *octets, size_t count)
{
    size_t length = strlen(id->text);

    if (count > ID_MOST)
        count = ID_MOST;
    for (size_t i = 0; i < count; i++)
        snprintf(id->text + length + 2 * i, sizeof id->text - length - 2 * i, "%02x",
                 octets[i]);
}

/* The note GNU build-id among those of a segment. */
static bool
notes_search(struct build_id *id, const unsigned char *notes, size_t left)
{
    while (left >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        size_t name, content;

        memcpy(&note, notes, sizeof note);
        name = padded(note.n_namesz);
        content = padded(note.n_descsz);
        if (name + content > left - sizeof note)
            return false;
        notes += sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU" &&
            memcmp(notes, "GNU", sizeof "GNU") == 0) {
            id_print(id, notes + name, note.n_descsz);
            return true;
        }
        notes += name + content;
        left -= sizeof note + name + content;
    }
    return false;
}

/* The first object is the program itself; the others do not count. */
static int
object_search(struct dl_phdr_info *object, size_t size, void *context)
{
    (void)size;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

        if (segment->p_type == PT_NOTE &&
            notes_search(context,
                         (const unsigned char *)(object->dlpi_addr + segment->p_vaddr),
                         segment->p_memsz))
            break;
    }
    return 1;
}

const char *
wire_build_id(void)
{
    static struct build_id id; /* found once: a program does not change while it runs */

    if (id.text[0] == '\0') {
        snprintf(id.text, sizeof id.text, "%s ", SMAIL_VERSION);
        dl_iterate_phdr(object_search, &id);
    }
    return id.text;
}
