/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recovery of segments whose records verify and say anything. The input is a list of
 * records, one octet 0xff between them: a heading without its sums (the text part's
 * length and sum are put in), a line end, the text part. What is found is loaded, its log
 * is read, it is compacted, and all of it once more. Behind 0xfe the input is put into
 * the segment as it is.
 */
#include <stdio.h>
#include <string.h>

#include "spool/record.h"
#include "spool/segment.h"
#include "tests/crash/simulated_disk.c"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENT_MOST = 64 * 1024 };

struct build {
    struct segment_header header;
    char bytes[SEGMENT_MOST];
    size_t length, count;
    struct siphash chain;
};

static void
build_record(struct build *build, struct span record)
{
    size_t end = span_find(record, '\n');
    struct span heading = span_first(record, end), text = span_from(record, end + 1);
    struct record_layout layout = {.text = text.length};
    char *at = build->bytes + build->length;
    int tail;

    if (heading.length == 0 || heading.length > 400 ||
        build->length + record.length + 600 > SEGMENT_MOST)
        return;
    memcpy(at, heading.bytes, heading.length);
    if (text.length > 0) {
        tail =
            snprintf(at + heading.length, 64, " text=%zu:0123456789abcdef", text.length);
        layout.text_sum_at = (uint32_t)heading.length + (uint32_t)tail - 16;
    } else {
        tail = 0;
    }
    layout.heading = (uint32_t)heading.length + (uint32_t)tail;
    snprintf(at + layout.heading, 32, " sum=0123456789abcdef\n");
    layout.heading += 22;
    if (text.length > 0)
        memcpy(at + layout.heading, text.bytes, text.length);
    at[layout.heading + text.length] = '\n';
    record_chain_add(&build->chain,
                     record_seal(&build->header.key, build->length, at, &layout));
    build->length += record_size(&layout);
    build->count++;
}

static void
build_commit(struct build *build)
{
    struct siphash chain = build->chain;
    struct record record = {.kind = RECORD_COMMIT,
                            .sequence = 1,
                            .start = SEGMENT_BLOCK,
                            .count = build->count,
                            .chain = siphash_end(&chain)};
    char *at = build->bytes + build->length;

    record_write(&record, at);
    at[record.layout.heading] = '\n';
    record_seal(&build->header.key, build->length, at, &record.layout);
    build->length += record_size(&record.layout);
}

static void
build_segment(struct build *build, struct span input)
{
    memset(build, 0, sizeof(*build));
    build->header = (struct segment_header){.serial = 1, .key = {{1, 2}}};
    segment_header_write(&build->header, build->bytes);
    build->length = SEGMENT_BLOCK;
    record_chain_begin(&build->chain, &build->header.key, SEGMENT_BLOCK);
    while (input.length > 0) {
        size_t end = span_find(input, '\xff'), raw = span_find(input, '\xfe');

        if (raw < end) {
            size_t room = SEGMENT_MOST - 600 - build->length;
            struct span rest = span_first(span_from(input, raw + 1), room);

            if (build->length + 600 < SEGMENT_MOST && rest.length > 0) {
                memcpy(build->bytes + build->length, rest.bytes, rest.length);
                build->length += rest.length;
            }
            break;
        }
        build_record(build, span_first(input, end));
        input = span_from(input, end + 1);
    }
    build_commit(build);
}

static void
fuzz_found(void *argument, const struct spool_message *message)
{
    (void)argument;
    if (message->pending_count == 0)
        __builtin_trap();
}

static void
fuzz_damage(void *argument, const char *text)
{
    (void)argument;
    (void)text;
}

static void
look(struct spool *spool)
{
    struct arena *arena = arena_new();
    struct error error;

    for (struct spool_message *message = spool_next(spool, NULL); message != NULL;
         message = spool_next(spool, &message->id)) {
        struct envelope envelope;
        struct address *addresses;
        struct text log = text_new(arena);
        const char *reason;
        char bytes[100];

        if (spool_load(spool, message, arena, &envelope, &addresses, &error))
            spool_read_log(spool, message, arena, &log, &error);
        spool_hold_reason(spool, message, arena, &reason, &error);
        spool_read_content(spool, message, 0, bytes,
                           message->size < 100 ? (size_t)message->size : 100, &error);
        arena_reset(arena);
    }
    arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct spool_options options = {.segment_size = 1 << 20, .mode = 0600};
    static struct build build;
    struct simulated_disk *simulated = simulated_disk_new(1);
    struct disk disk = simulated_disk_table(simulated);
    struct error error;
    struct spool *spool;
    bool busy;

    build_segment(&build, (struct span){(const char *)data, size});
    simulated_disk_put(simulated, "input/00000001", build.bytes, build.length);
    for (int round = 0; round < 2; round++) {
        if (!spool_open(&disk, &options, 0, &spool, &busy, &error))
            __builtin_trap();
        while (spool_recover(spool, 1000, fuzz_found, fuzz_damage, NULL))
            ;
        look(spool);
        for (int i = 0; i < 20 && spool_compact(spool, 1 << 20, 0, &error); i++)
            ;
        look(spool);
        spool_close(spool);
        simulated_disk_restart(simulated, END_DROPPED);
    }
    simulated_disk_free(simulated);
    return 0;
}
