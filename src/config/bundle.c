/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bundle of configuration files as bytes, for the way from the master to the roles. */
#include "config/configuration.h"

#include "base/banned.h"

enum {
    FORMAT = 1,
    FILE_LEAST = 17, /* octets that a packed file has at least */
};

void
config_bundle_pack(const struct config_bundle *bundle, struct pack *pack)
{
    uint32_t count = 0;

    for (const struct config_file *file = bundle->files; file; file = file->next)
        count++;
    pack_u8(pack, FORMAT);
    pack_u64(pack, bundle->generation);
    pack_string(pack, bundle->system_name);
    pack_string(pack, bundle->system_fqdn);
    pack_string(pack, bundle->alias_file);
    pack_u32(pack, count);
    for (const struct config_file *file = bundle->files; file; file = file->next) {
        pack_string(pack, file->name);
        pack_string(pack, file->path);
        pack_string(pack, file->problem);
        pack_bool(pack, file->text != NULL);
        pack_span(pack, (struct span){file->text, file->text ? file->length : 0});
    }
}

static struct config_file *
unpack_file(struct unpack *unpack, struct arena *arena)
{
    struct config_file *file = arena_alloc(arena, sizeof *file);
    struct span text;
    bool has_text;

    file->name = unpack_string(unpack, arena);
    file->path = unpack_string(unpack, arena);
    file->problem = unpack_string(unpack, arena);
    has_text = unpack_bool(unpack);
    text = unpack_span(unpack);
    file->length = text.length;
    if (has_text)
        file->text = arena_bytes(arena, text.bytes, text.length);
    if (!file->name || !file->path || (!has_text && text.length > 0))
        unpack->failed = true;
    return file;
}

bool
config_bundle_unpack(struct unpack *unpack, struct arena *arena,
                     struct config_bundle **bundle)
{
    struct config_bundle *made = arena_alloc(arena, sizeof *made);
    struct config_file **last = &made->files;
    uint32_t count;

    if (unpack_u8(unpack) != FORMAT)
        unpack->failed = true;
    made->generation = unpack_u64(unpack);
    made->system_name = unpack_string(unpack, arena);
    made->system_fqdn = unpack_string(unpack, arena);
    made->alias_file = unpack_string(unpack, arena);
    count = unpack_count(unpack, FILE_LEAST);
    if (!made->system_name)
        unpack->failed = true;
    for (uint32_t i = 0; i < count && !unpack->failed; i++) {
        *last = unpack_file(unpack, arena);
        last = &(*last)->next;
    }
    *bundle = made;
    return !unpack->failed;
}
