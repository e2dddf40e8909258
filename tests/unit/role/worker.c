/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of a worker process: this test is its master, its spool and its name service. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "role/names_client.h"
#include "role/role.h"
#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] = "hostnames=vlager.vbrew.com\n";
static const char transports[] =
    "box: driver=appendfile, local, -received; file=@/box, mode=0600\n"
    "slow: driver=appendfile, local, -received; file=@/slow, mode=0600\n";

static struct desk desk;
static struct channel *control, *spool;
static pid_t process;

/* The worker, in a process of its own. */
static void
worker_process(int fd, enum role_kind kind)
{
    struct role role = {.kind = kind, .configuration = desk.configuration};

    role.arena = arena_new();
    role.control = channel_new(fd);
    role.log = log_new(&desk.configuration->settings, "worker");
    role.hello =
        (struct wire_hello){.instance = 3, .user = kind == ROLE_USER ? "joe" : ""};
    _exit(worker_run(&role));
}

static struct channel *
peer_send(enum role_kind kind)
{
    struct wire_peer peer = {(uint32_t)kind, 0, ""};
    struct error error;
    int fds[2];

    ck_assert(channel_pair(fds, &error));
    wire_send(control, WIRE_PEER, &peer, fds[0]);
    ck_assert(channel_send_all(control));
    close(fds[0]);
    return channel_new(fds[1]);
}

static void
start(enum role_kind kind)
{
    struct error error;
    int fds[2];

    desk_begin(&desk, config, transports);
    ck_assert(channel_pair(fds, &error));
    process = fork();
    if (process == 0) {
        close(fds[0]);
        worker_process(fds[1], kind);
    }
    close(fds[1]);
    control = channel_new(fds[0]);
}

static void
begin(void)
{
    start(ROLE_USER);
    spool = peer_send(ROLE_SPOOL);
}

static void
end(void)
{
    channel_free(spool);
    channel_free(control);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    desk_end(&desk);
}

/* The next frame of the worker, which must be of that type. */
static void
expect(struct channel *channel, enum wire_type type, void *message)
{
    struct frame frame;

    ck_assert_int_eq(channel_wait(channel, clock_monotonic() + 5000, &frame),
                     CHANNEL_FRAME);
    ck_assert_int_eq(frame.type, type);
    ck_assert(wire_read(&frame, type, desk.arena, message));
}

static void
expect_hello(void)
{
    struct wire_worker hello;

    expect(spool, WIRE_WORKER_HELLO, &hello);
    ck_assert_uint_eq(hello.worker, 3);
    ck_assert_uint_eq(hello.class, WORKER_USER);
    ck_assert_str_eq(hello.user, "joe");
}

static void
job_queue(uint64_t number, const char *transport)
{
    struct wire_job frame = {.job = desk.job};

    desk.job.address_count = 0;
    desk_address(&desk, ADDRESS_MAIL, transport, "joe");
    frame.job = desk.job;
    frame.job.number = number;
    wire_send(spool, WIRE_JOB, &frame, -1);
}

static void
expect_delivered(uint64_t number)
{
    struct wire_outcomes outcomes;
    struct wire_job_end finished;

    expect(spool, WIRE_OUTCOMES, &outcomes);
    ck_assert_uint_eq(outcomes.job, number);
    ck_assert_str_eq(outcomes.id.text, desk.job.id.text);
    ck_assert_uint_eq(outcomes.count, 1);
    ck_assert_int_eq(outcomes.outcomes[0].outcome, OUTCOME_DELIVERED);
    expect(spool, WIRE_DONE, &finished);
    ck_assert_uint_eq(finished.job, number);
}

static void
acknowledge(uint64_t number)
{
    struct wire_job_end ended = {number};

    wire_send(spool, WIRE_ACK, &ended, -1);
    ck_assert(channel_send_all(spool));
}

static int
exit_code(void)
{
    int status;

    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert(WIFEXITED(status));
    process = fork(); /* so that end() has one to kill */
    if (process == 0)
        pause();
    return WEXITSTATUS(status);
}

static size_t
count_in(const char *name)
{
    const char *text = desk_read(&desk, name);
    size_t count = 0;

    for (; text && (text = strstr(text, "Subject: x")) != NULL; text++)
        count++;
    return count;
}

START_TEST(a_job_is_done_and_told)
{
    struct wire_ready ready;

    expect_hello();
    expect(control, WIRE_READY, &ready);
    job_queue(7, "box");
    ck_assert(channel_send_all(spool));
    expect_delivered(7);
    acknowledge(7);
    ck_assert_uint_eq(count_in("box"), 1);
}
END_TEST

START_TEST(what_was_not_acknowledged_is_told_to_the_next_spool)
{
    expect_hello();
    job_queue(7, "box");
    job_queue(8, "box");
    ck_assert(channel_send_all(spool));
    expect_delivered(7);
    expect_delivered(8);
    acknowledge(7);
    usleep(50000); /* so that the acknowledgement is read */
    channel_free(spool);
    spool = peer_send(ROLE_SPOOL);
    expect_hello();
    expect_delivered(8);
    acknowledge(8);
    ck_assert_uint_eq(count_in("box"), 2);
    channel_free(spool);
    spool = peer_send(ROLE_SPOOL);
    expect_hello();
    job_queue(9, "box");
    ck_assert(channel_send_all(spool));
    expect_delivered(9);
}
END_TEST

START_TEST(jobs_that_wait_together_are_all_done)
{
    expect_hello();
    for (uint64_t i = 0; i < 200; i++)
        job_queue(i + 1, i % 50 == 49 ? "slow" : "box");
    ck_assert(channel_send_all(spool));
    for (uint64_t i = 0; i < 200; i++) {
        expect_delivered(i + 1);
        acknowledge(i + 1);
    }
    ck_assert_uint_eq(count_in("box"), 196);
    ck_assert_uint_eq(count_in("slow"), 4);
}
END_TEST

START_TEST(it_ends_when_told_after_its_jobs)
{
    expect_hello();
    job_queue(7, "box");
    wire_send(spool, WIRE_DRAIN, NULL, -1);
    job_queue(8, "box");
    ck_assert(channel_send_all(spool));
    expect_delivered(7);
    acknowledge(7);
    ck_assert_int_eq(exit_code(), EX_OK);
    ck_assert_uint_eq(count_in("box"), 1);
}
END_TEST

START_TEST(it_ends_with_the_master)
{
    expect_hello();
    channel_free(control);
    ck_assert_int_eq(exit_code(), EX_OK);
    control = channel_new(dup(0));
}
END_TEST

START_TEST(a_frame_that_is_no_job_does_no_harm)
{
    struct pack pack = pack_new(desk.arena);

    expect_hello();
    pack_u64(&pack, 99);
    channel_send(spool, WIRE_JOB, &pack, 0); /* with a descriptor */
    channel_send(spool, WIRE_ACK, &pack, -1);
    channel_send(spool, 250, &pack, 0);
    job_queue(7, "box");
    ck_assert(channel_send_all(spool));
    expect_delivered(7);
}
END_TEST

/* --- names --- */

START_TEST(names_are_asked_and_late_answers_dropped)
{
    struct names_client client;
    struct dns_answer answer;
    struct error error = {0};
    struct channel *server;
    int fds[2];
    pid_t child;

    ck_assert(channel_pair(fds, &error));
    child = fork();
    if (child == 0) {
        struct frame frame;
        struct wire_ask ask;
        struct dns_record record = {.name = "mx.b.example", .preference = 5};
        struct wire_answer reply = {.answer = {.result = DNS_FOUND,
                                               .canonical = "b.example",
                                               .records = &record,
                                               .count = 1}};

        close(fds[0]);
        server = channel_new(fds[1]);
        while (channel_wait(server, INT64_MAX, &frame) == CHANNEL_FRAME) {
            if (!wire_read(&frame, WIRE_ASK, desk.arena, &ask))
                break;
            reply.token = ask.token + 1000; /* of another question */
            wire_send(server, WIRE_ANSWER, &reply, -1);
            reply.token = ask.token;
            if (strcmp(ask.name, "silent.example") != 0)
                wire_send(server, WIRE_ANSWER, &reply, -1);
            channel_send_all(server);
        }
        _exit(0);
    }
    close(fds[1]);
    names_client_begin(&client, 200, NULL, NULL);
    names_client_attach(&client, fds[0]);
    ck_assert(client.resolver.lookup(client.resolver.context, "b.example", DNS_MX,
                                     desk.arena, &answer, &error));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(answer.records[0].name, "mx.b.example");
    ck_assert(!client.resolver.lookup(client.resolver.context, "silent.example", DNS_MX,
                                      desk.arena, &answer, &error));
    ck_assert_str_eq(error.status, "4.4.3");
    ck_assert(!error.permanent);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert(!client.resolver.lookup(client.resolver.context, "b.example", DNS_MX,
                                      desk.arena, &answer, &error));
    names_client_end(&client);
}
END_TEST

TCase *
role_worker_case(void)
{
    TCase *tcase = tcase_create("role/worker");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_job_is_done_and_told);
    tcase_add_test(tcase, what_was_not_acknowledged_is_told_to_the_next_spool);
    tcase_add_test(tcase, jobs_that_wait_together_are_all_done);
    tcase_add_test(tcase, it_ends_when_told_after_its_jobs);
    tcase_add_test(tcase, it_ends_with_the_master);
    tcase_add_test(tcase, a_frame_that_is_no_job_does_no_harm);
    tcase_add_test(tcase, names_are_asked_and_late_answers_dropped);
    return tcase;
}
