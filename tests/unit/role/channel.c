/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Channels: frames come whole and in order, with their descriptors, whatever the sizes.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "role/wire.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

struct two_ends {
    struct channel *a, *b;
    struct arena *arena;
};

static struct two_ends
ends_new(void)
{
    struct two_ends ends;
    int fds[2];

    ck_assert(channel_pair(fds, NULL));
    ends.a = channel_new(fds[0]);
    ends.b = channel_new(fds[1]);
    ends.arena = arena_new();
    return ends;
}

static void
ends_free(struct two_ends *pair)
{
    channel_free(pair->a);
    channel_free(pair->b);
    arena_free(pair->arena);
}

START_TEST(frames_come_in_order_with_their_descriptors)
{
    struct two_ends ends = ends_new();
    struct frame frame;
    int pipes[2];

    ck_assert_int_eq(pipe(pipes), 0);
    for (uint64_t i = 0; i < 20; i++) {
        struct wire_token token = {i};

        wire_send(ends.a, WIRE_CONTROL_MORE, &token, i % 3 == 0 ? pipes[1] : -1);
    }
    ck_assert(channel_flush(ends.a));
    for (uint64_t i = 0; i < 20; i++) {
        struct wire_token token;

        ck_assert_int_eq(channel_wait(ends.b, clock_monotonic() + 2000, &frame),
                         CHANNEL_FRAME);
        ck_assert(wire_read(&frame, WIRE_CONTROL_MORE, ends.arena, &token));
        ck_assert_uint_eq(token.token, i);
        ck_assert_int_eq(frame.fd >= 0, i % 3 == 0);
        if (frame.fd >= 0) {
            ck_assert_int_eq(write(frame.fd, "x", 1), 1);
            ck_assert(fcntl(frame.fd, F_GETFD) & FD_CLOEXEC);
            close(frame.fd);
        }
    }
    close(pipes[0]);
    close(pipes[1]);
    ends_free(&ends);
}
END_TEST

START_TEST(a_large_frame_passes_in_pieces)
{
    struct two_ends ends = ends_new();
    size_t length = 3 << 20;
    char *bytes = arena_alloc(ends.arena, length);
    struct wire_stream_data sent = {7, {bytes, length}}, got;
    struct frame frame;
    bool whole = false;

    memset(bytes, 'y', length);
    wire_send(ends.a, WIRE_STREAM_DATA, &sent, -1);
    while (!whole) {
        ck_assert(channel_flush(ends.a));
        ck_assert(channel_fill(ends.b));
        whole = channel_next(ends.b, &frame);
    }
    ck_assert(wire_read(&frame, WIRE_STREAM_DATA, ends.arena, &got));
    ck_assert_uint_eq(got.bytes.length, length);
    ck_assert_int_eq(memcmp(got.bytes.bytes, bytes, length), 0);
    ends_free(&ends);
}
END_TEST

START_TEST(what_is_no_frame_ends_the_channel)
{
    static const unsigned char bad[][8] = {
        {0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0}, /* too long */
        {0, 0, 0, 0, 1, 0, 2, 0},             /* descriptors: 0 or 1 */
        {0, 0, 0, 0, 1, 0, 0, 1},             /* last octet is 0 */
        {0, 0, 0, 0, 1, 0, 1, 0},             /* a descriptor that did not come */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct frame frame;
        struct channel *channel;
        int fds[2];

        ck_assert(channel_pair(fds, NULL));
        channel = channel_new(fds[1]);
        ck_assert_int_eq(write(fds[0], bad[i], sizeof bad[i]), (int)sizeof bad[i]);
        channel_fill(channel);
        ck_assert(!channel_next(channel, &frame));
        ck_assert(channel_is_broken(channel));
        close(fds[0]);
        channel_free(channel);
    }
}
END_TEST

START_TEST(frames_before_the_end_still_count)
{
    struct two_ends ends = ends_new();
    struct wire_token token = {5};
    struct frame frame;

    wire_send(ends.a, WIRE_CONTROL_MORE, &token, -1);
    ck_assert(channel_flush(ends.a));
    channel_free(ends.a);
    ck_assert_int_eq(channel_wait(ends.b, clock_monotonic() + 2000, &frame),
                     CHANNEL_FRAME);
    ck_assert_int_eq(channel_wait(ends.b, clock_monotonic() + 2000, &frame),
                     CHANNEL_GONE);
    channel_free(ends.b);
    arena_free(ends.arena);
}
END_TEST

START_TEST(a_job_survives_the_way)
{
    struct two_ends ends = ends_new();
    struct address address = {.number = 3,
                              .parent = 1,
                              .kind = ADDRESS_MAIL,
                              .state = ADDRESS_ASSIGNED,
                              .text = "a@b.example",
                              .transport = "smtp",
                              .next_hop = "mx.example"};
    struct wire_job sent = {.job = {.number = 77, .kind = JOB_DELIVER, .waited = 12}},
                    got;
    struct frame frame;

    sent.job.id = message_id_make(767164324, 7904, 'B');
    sent.job.envelope = envelope_new();
    sent.job.envelope.reverse_path = "s@e.example";
    sent.job.addresses = address_copy(&address, ends.arena);
    sent.job.address_count = 1;
    sent.job.content = SPAN("Subject: x\r\n\r\ny\r\n");
    wire_send(ends.a, WIRE_JOB, &sent, -1);
    ck_assert(channel_flush(ends.a) && channel_fill(ends.b) &&
              channel_next(ends.b, &frame));
    ck_assert(wire_read(&frame, WIRE_JOB, ends.arena, &got));
    ck_assert_uint_eq(got.job.number, 77);
    ck_assert_str_eq(got.job.id.text, "m0puwU8-00023UB");
    ck_assert_str_eq(got.job.envelope.reverse_path, "s@e.example");
    ck_assert_uint_eq(got.job.address_count, 1);
    ck_assert_str_eq(got.job.addresses[0].next_hop, "mx.example");
    ck_assert(span_equal(got.job.content, sent.job.content));
    /* Any cut of it is refused. */
    for (size_t cut = 0; cut < frame.payload.length; cut += 7) {
        struct frame shorter = frame;

        shorter.payload.length = cut;
        ck_assert(!wire_read(&shorter, WIRE_JOB, ends.arena, &got));
    }
    ends_free(&ends);
}
END_TEST

TCase *
role_channel_case(void)
{
    TCase *tcase = tcase_create("role_channel");

    tcase_add_test(tcase, frames_come_in_order_with_their_descriptors);
    tcase_add_test(tcase, a_large_frame_passes_in_pieces);
    tcase_add_test(tcase, what_is_no_frame_ends_the_channel);
    tcase_add_test(tcase, frames_before_the_end_still_count);
    tcase_add_test(tcase, a_job_survives_the_way);
    return tcase;
}
