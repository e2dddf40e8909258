/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool role among peers that lie or die: this test is its master and all of them. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "role/role.h"
#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { LYING_WORKER = 7 };

static struct desk desk;
static struct channel *control, *queue, *session, *worker;
static pid_t process;
static struct message_id first, second;

static void
spool_process(int fd)
{
    struct role role = {.kind = ROLE_SPOOL, .configuration = desk.configuration};

    role.arena = arena_new();
    role.control = channel_new(fd);
    role.log = log_new(&desk.configuration->settings, "spool");
    role.base = event_base_new();
    role.hello = (struct wire_hello){.user = "", .spool_directory = desk.directory};
    _exit(spool_run(&role));
}

static struct channel *
peer_send(enum role_kind kind, uint32_t instance, const char *user)
{
    struct wire_peer peer = {(uint32_t)kind, instance, user};
    int fds[2];

    ck_assert(channel_pair(fds, NULL));
    wire_send(control, WIRE_PEER, &peer, fds[0]);
    ck_assert(channel_send_all(control));
    close(fds[0]);
    return channel_new(fds[1]);
}

/* Frames up to the next of that type. */
static void
wait_for(struct channel *channel, enum wire_type type, void *message)
{
    struct frame frame;

    do
        ck_assert_int_eq(channel_wait(channel, clock_monotonic() + 5000, &frame),
                         CHANNEL_FRAME);
    while (frame.type != type);
    if (message)
        ck_assert(wire_read(&frame, type, desk.arena, message));
}

static void
tell(struct channel *channel, enum wire_type type, const void *message)
{
    wire_send(channel, type, message, -1);
    ck_assert(channel_send_all(channel));
}

static struct message_id
submit(uint64_t counter)
{
    struct recipient recipients[] = {{"joe@x.example", 0, ""}, {"ann@x.example", 0, ""}};
    struct wire_submit submit = {.token = counter,
                                 .id = message_id_make(1000000000, counter, 'C'),
                                 .envelope = envelope_new(),
                                 .content = SPAN("Subject: x\r\n\r\nx\r\n")};
    struct wire_committed committed;

    submit.envelope.recipients = recipients;
    submit.envelope.recipient_count = 2;
    submit.envelope.size = submit.content.length;
    submit.envelope.header_size = 14;
    tell(session, WIRE_SUBMIT, &submit);
    wait_for(session, WIRE_COMMITTED, &committed);
    ck_assert_msg(committed.committed, "%s", committed.error.text);
    return submit.id;
}

static void
begin(void)
{
    struct wire_worker hello = {LYING_WORKER, WORKER_USER, "joe"};
    int fds[2];

    desk_begin(&desk, "hostnames=x.example\n", NULL);
    ck_assert_int_eq(mkdir(desk_path(&desk, "input"), 0700), 0);
    ck_assert_int_eq(mkdir(desk_path(&desk, "error"), 0700), 0);
    ck_assert(channel_pair(fds, NULL));
    process = fork();
    if (process == 0) {
        close(fds[0]);
        spool_process(fds[1]);
    }
    close(fds[1]);
    control = channel_new(fds[0]);
    queue = peer_send(ROLE_QUEUE, 0, "");
    session = peer_send(ROLE_LOCAL, 0, "");
    worker = peer_send(ROLE_USER, LYING_WORKER, "joe");
    tell(worker, WIRE_WORKER_HELLO, &hello);
    wait_for(queue, WIRE_WORKER_READY, NULL);
    first = submit(1);
    second = submit(2);
}

static void
end(void)
{
    channel_free(worker);
    channel_free(session);
    channel_free(queue);
    channel_free(control);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    desk_end(&desk);
}

/* The worker gets the first address of the first message. */
static void
job_give(uint64_t job)
{
    uint32_t number = 1;
    struct wire_dispatch dispatch = {.kind = QUEUE_DELIVER,
                                     .job = job,
                                     .worker = LYING_WORKER,
                                     .id = first,
                                     .numbers = &number,
                                     .count = 1};

    tell(queue, WIRE_DISPATCH, &dispatch);
    wait_for(worker, WIRE_JOB, NULL);
}

static void
claim(uint64_t job, const struct message_id *id, uint32_t number)
{
    struct spool_outcome outcome = {.number = number,
                                    .outcome = OUTCOME_DELIVERED,
                                    .remote = "",
                                    .diagnostic = "",
                                    .time = 1};
    struct wire_outcomes outcomes = {job, *id, &outcome, 1};

    tell(worker, WIRE_OUTCOMES, &outcomes);
}

/* What the queue hears first is that address, so nothing before it was believed. */
static void
expect_seen(uint64_t job, uint32_t number)
{
    struct wire_outcome_seen seen;

    wait_for(queue, WIRE_OUTCOME_SEEN, &seen);
    ck_assert_uint_eq(seen.job, job);
    ck_assert_str_eq(seen.id.text, first.text);
    ck_assert_uint_eq(seen.outcome.number, number);
}

START_TEST(a_worker_settles_only_what_it_was_given)
{
    job_give(1);
    claim(1, &second, 1); /* another message */
    claim(1, &first, 2);  /* somebody else's copy */
    claim(1, &first, 99);
    claim(1, &first, 0);
    claim(1, &first, 1);
    expect_seen(1, 1);
}
END_TEST

START_TEST(a_job_that_nobody_gave_out_is_not_taken_up_later)
{
    job_give(1);
    claim(1, &first, 1);
    expect_seen(1, 1);
    claim(4711, &second, 1);
    claim(4712, &first, 2);
    claim(1, &first, 1);
    expect_seen(1, 1);
}
END_TEST

START_TEST(a_worker_of_a_user_does_not_speak_for_others_after_a_restart)
{
    claim(4711, &second, 1); /* an address without a user: not joe's */
    job_give(1);
    claim(1, &first, 1);
    expect_seen(1, 1);
}
END_TEST

START_TEST(a_worker_of_a_user_has_nothing_done_as_somebody_else)
{
    struct address address = {.number = 1,
                              .state = ADDRESS_ASSIGNED,
                              .text = "joe@x.example",
                              .transport = "pipe",
                              .user = "root"};
    uint64_t key = 1;
    bool local = true;
    struct wire_expanded expanded = {
        .job = 1, .id = first, .keys = &key, .count = 1, .transports_are_local = &local};
    struct wire_address told;

    job_give(1);
    expanded.addresses = address_copy(&address, desk.arena);
    tell(worker, WIRE_EXPANDED, &expanded);
    address.user = "joe";
    expanded.addresses = address_copy(&address, desk.arena);
    tell(worker, WIRE_EXPANDED, &expanded);
    do
        wait_for(queue, WIRE_ADDRESS, &told);
    while (told.address.transport[0] == '\0');
    ck_assert_str_eq(told.address.user, "joe");
}
END_TEST

/* Tokens of one that drains and of its successor may be the same. */
START_TEST(streams_of_a_successor_are_its_own)
{
    struct channel *successor = peer_send(ROLE_LOCAL, 0, "");
    struct wire_stream old = {5, message_id_make(1000000000, 10, 'C')},
                       young = {5, message_id_make(1000000000, 11, 'C')};
    struct wire_stream_data data = {5, SPAN("Subject: old\r\n\r\n")};
    struct wire_stream_end finish = {
        .token = 5, .id = old.id, .envelope = envelope_new()};
    struct recipient recipient = {"joe@x.example", 0, ""};
    struct wire_committed committed;

    finish.envelope.recipients = &recipient;
    finish.envelope.recipient_count = 1;
    tell(session, WIRE_STREAM_BEGIN, &old);
    tell(session, WIRE_STREAM_DATA, &data);
    wait_for(session, WIRE_STREAM_WINDOW, NULL);
    tell(successor, WIRE_STREAM_BEGIN, &young);
    tell(successor, WIRE_STREAM_DATA, &data);
    wait_for(successor, WIRE_STREAM_WINDOW, NULL);
    finish.envelope.size = finish.envelope.header_size = data.bytes.length;
    tell(session, WIRE_STREAM_END, &finish);
    wait_for(session, WIRE_COMMITTED, &committed);
    ck_assert_msg(committed.committed, "%s", committed.error.text);
    ck_assert_str_eq(committed.id.text, old.id.text);
    channel_free(successor);
}
END_TEST

START_TEST(who_asked_a_queue_that_died_is_told)
{
    const char *words[] = {"run", "wait"};
    struct wire_control request = {
        .token = 9, .operator= true, .words = words, .word_count = 2};
    struct wire_control_end answer;

    tell(session, WIRE_CONTROL, &request);
    wait_for(queue, WIRE_CONTROL, NULL);
    channel_free(queue);
    queue = peer_send(ROLE_QUEUE, 0, "");
    wait_for(session, WIRE_CONTROL_END, &answer);
    ck_assert_uint_eq(answer.token, 9);
    ck_assert_uint_eq(answer.code, 451);
}
END_TEST

START_TEST(a_client_that_left_is_forgotten_by_the_queue)
{
    const char *words[] = {"run", "wait"};
    struct wire_control request = {
        .token = 9, .operator= true, .words = words, .word_count = 2};
    struct wire_token cancel = {9};
    struct wire_control asked;

    tell(session, WIRE_CONTROL, &request);
    wait_for(queue, WIRE_CONTROL, &asked);
    tell(session, WIRE_CONTROL_CANCEL, &cancel);
    wait_for(queue, WIRE_CONTROL_CANCEL, &cancel);
    ck_assert_uint_eq(cancel.token, asked.token);
}
END_TEST

TCase *
role_keeper_case(void)
{
    TCase *tcase = tcase_create("role/keeper");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_worker_settles_only_what_it_was_given);
    tcase_add_test(tcase, a_job_that_nobody_gave_out_is_not_taken_up_later);
    tcase_add_test(tcase, a_worker_of_a_user_does_not_speak_for_others_after_a_restart);
    tcase_add_test(tcase, a_worker_of_a_user_has_nothing_done_as_somebody_else);
    tcase_add_test(tcase, streams_of_a_successor_are_its_own);
    tcase_add_test(tcase, who_asked_a_queue_that_died_is_told);
    tcase_add_test(tcase, a_client_that_left_is_forgotten_by_the_queue);
    return tcase;
}
