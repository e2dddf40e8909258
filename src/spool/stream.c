/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content that does not fit in memory: written as it comes into a segment of its own, and
 * synced there before the record that makes it a message joins the open group. Nothing
 * looks for records in such a segment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "spool/inside.h"

#include "base/banned.h"

struct spool_stream {
    struct spool *spool;
    struct message_id id;
    struct segment *segment; /* without a slot until the end */
    struct siphash sum;
    uint64_t size;
    bool failed;
};

bool
spool_stream_begin(struct spool *spool, const struct message_id *id,
                   struct spool_stream **begun, struct error *error)
{
    struct spool_stream *stream;
    struct segment *segment;
    int reason;

    if (!spool_has_room(spool, error))
        return false;
    segment = segment_create(&spool->segments, SEGMENT_CONTENT, spool->options.mode,
                             clock_milliseconds(), &reason, error);
    if (segment == NULL)
        return false;
    stream = memory_alloc(sizeof(*stream));
    stream->spool = spool;
    stream->id = *id;
    stream->segment = segment;
    record_content_begin(&stream->sum, &segment->header.key, SEGMENT_BLOCK);
    *begun = stream;
    return true;
}

bool
spool_stream_add(struct spool_stream *stream, struct span bytes, struct error *error)
{
    const struct disk *disk = &stream->spool->disk;
    ssize_t written;

    if (stream->failed)
        return fail_temporary(error, "4.3.0", "message %s could not be written",
                              stream->id.text);
    if (bytes.length == 0)
        return true;
    written = disk->write(disk->context, stream->segment->fd, bytes.bytes, bytes.length);
    if (written < 0) {
        stream->failed = true;
        return fail_temporary(error, written == -ENOSPC ? "4.3.1" : "4.3.0",
                              "message %s: %s", stream->id.text, strerror((int)-written));
    }
    siphash_add(&stream->sum, bytes.bytes, bytes.length);
    stream->size += bytes.length;
    stream->segment->size += bytes.length;
    return true;
}

void
spool_stream_abort(struct spool_stream *stream)
{
    segment_abandon(&stream->spool->segments, stream->segment);
    free(stream);
}

bool
spool_stream_end(struct spool_stream *stream, const struct envelope *envelope,
                 struct error *error)
{
    struct spool *spool = stream->spool;
    struct spool_stream ended = *stream;
    int reason;

    if (stream->failed) {
        spool_stream_abort(stream);
        return fail_temporary(error, "4.3.0", "message %s could not be written",
                              ended.id.text);
    }
    free(stream);
    if (!segment_publish(&spool->segments, ended.segment, &reason, error))
        return false;
    segment_retire(&spool->segments, ended.segment);
    /* When this fails, or the group, nothing lives in the segment and it is cleaned up.
     */
    return spool_append_streamed(spool, &ended.id, envelope, ended.segment, ended.size,
                                 siphash_end(&ended.sum), error);
}
