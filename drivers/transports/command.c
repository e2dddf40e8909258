/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fork, execute, feed, listen, wait: with one poll loop, so that neither pipe blocks. */
#include "drivers/transports/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum {
    GRACE = 5000,        /* ms between TERM and KILL */
    STEP = 100,          /* ms between looks at the process, where it has no descriptor */
    OUTPUT_STEP = 16384, /* octets read at once */
    OUTPUT_LAST = 64,    /* such reads for what is left when it has ended */
};

/* A command under way. */
struct run {
    const struct command *command;
    struct rendering *rendering;
    struct command_result *result;
    struct text output;
    struct span piece; /* what is left to write of the message's current piece */
    bool message_ended;
    int input, output_fd, error_fd; /* our ends; -1 when closed */
    int process_fd;                 /* becomes readable when it ends; -1: none */
    pid_t process;
    bool ended;
    int wait_status;
    int signals; /* sent so far: TERM, KILL */
    int64_t next_signal;
};

/* --- the child --- */

static void
child_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Move a descriptor out of 0 to 3. */
static int
child_lift(int fd)
{
    return fd > 3 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 4);
}

static void
child_fail(int error_fd)
{
    int code = errno;

    (void)!write(error_fd, &code, sizeof(code));
    _exit(127);
}

/* Only what is safe between fork and exec. Descriptor 3 tells why it cannot be executed.
 */
static void
child_become(const struct command *command, int input, int output, int error_fd)
{
    gid_t group = getgid();

    error_fd = child_lift(error_fd);
    input = child_lift(input);
    output = child_lift(output);
    if (error_fd < 0 || input < 0 || output < 0 || dup2(input, 0) < 0 ||
        dup2(output, 1) < 0 || dup2(output, 2) < 0 || dup3(error_fd, 3, O_CLOEXEC) < 0)
        _exit(75);
    if (syscall(SYS_close_range, 4U, ~0U, 0U) < 0)
        for (int fd = 4; fd < 65536; fd++)
            close(fd);
    setsid();
    child_signals();
    /* A group that mailboxes need is held as the effective one only: it stays behind
     * here. */
    if (getegid() != group && setresgid(group, group, group) < 0)
        child_fail(3);
    umask(command->umask);
    if (chdir(command->directory) < 0 && chdir("/") < 0)
        child_fail(3);
    /* The arrays are not const because execve() is older than const. */
    execve(command->path, (char *const *)(uintptr_t)command->arguments,
           (char *const *)(uintptr_t)command->environment);
    child_fail(3);
}

/* --- starting --- */

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool
start_failed(struct run *run, const char *what)
{
    run->result->kind = COMMAND_FAILED;
    return fail_temporary(&run->result->error, "4.3.0", "%s: %s", what, strerror(errno));
}

static bool
start_process(struct run *run, int input[2], int output[2], int errors[2])
{
    run->process = fork();
    if (run->process < 0)
        return start_failed(run, "fork");
    if (run->process == 0)
        child_become(run->command, input[0], output[1], errors[1]);
    run->input = input[1];
    run->output_fd = output[0];
    run->error_fd = errors[0];
    input[1] = output[0] = errors[0] = -1;
    fcntl(run->input, F_SETFL, O_NONBLOCK);
    fcntl(run->output_fd, F_SETFL, O_NONBLOCK);
    run->process_fd = (int)syscall(SYS_pidfd_open, run->process, 0);
    if (run->process_fd >= 0)
        fcntl(run->process_fd, F_SETFD, FD_CLOEXEC);
    return true;
}

static bool
run_start(struct run *run)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, errors[2] = {-1, -1};
    bool started;

    if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0 ||
        pipe2(errors, O_CLOEXEC) < 0)
        started = start_failed(run, "pipe");
    else
        started = start_process(run, input, output, errors);
    for (int i = 0; i < 2; i++) {
        close_fd(&input[i]);
        close_fd(&output[i]);
        close_fd(&errors[i]);
    }
    return started;
}

/* Did it come as far as its own program? The pipe closes by itself at that moment. */
static bool
run_executed(struct run *run)
{
    int code;
    ssize_t got;

    do
        got = read(run->error_fd, &code, sizeof(code));
    while (got < 0 && errno == EINTR);
    close_fd(&run->error_fd);
    if (got != (ssize_t)sizeof(code))
        return true;
    run->result->kind = COMMAND_MISSING;
    run->result->status = code;
    return false;
}

/* --- feeding and listening --- */

/* Write what the pipe takes. A command that reads no further has its reasons. */
static void
run_feed(struct run *run)
{
    while (run->input >= 0) {
        ssize_t done;

        if (run->piece.length == 0) {
            if (!rendering_next(run->rendering, &run->piece, &run->result->error)) {
                run->result->kind = COMMAND_FAILED;
                kill(-run->process, SIGKILL); /* it must not believe this was all */
                close_fd(&run->input);
                return;
            }
            if (run->piece.length == 0) {
                run->message_ended = true;
                close_fd(&run->input);
                return;
            }
        }
        done = write(run->input, run->piece.bytes, run->piece.length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN)
            return;
        if (done <= 0) {
            close_fd(&run->input);
            return;
        }
        run->piece = span_from(run->piece, (size_t)done);
    }
}

static void
run_listen(struct run *run)
{
    char bytes[OUTPUT_STEP];

    for (int i = 0; i < OUTPUT_LAST && run->output_fd >= 0; i++) {
        ssize_t got = read(run->output_fd, bytes, sizeof(bytes));
        size_t room = run->command->output_limit - run->output.length;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            close_fd(&run->output_fd);
        else
            text_add_span(&run->output,
                          span_first((struct span){bytes, (size_t)got}, room));
    }
}

static void
run_look(struct run *run)
{
    pid_t done = waitpid(run->process, &run->wait_status, WNOHANG);

    run->ended = done == run->process;
    if (done < 0 &&
        errno == ECHILD) { /* somebody else took its status: it is not known */
        run->ended = true;
        run->result->kind = COMMAND_FAILED;
        fail_temporary(&run->result->error, "4.3.0", "exit status was lost");
    }
}

/* The time is over: TERM first, KILL after a grace, to the whole group. */
static void
run_signal(struct run *run, int64_t now)
{
    if (now < run->next_signal)
        return;
    run->result->kind = COMMAND_TIMEOUT;
    kill(-run->process, run->signals++ == 0 ? SIGTERM : SIGKILL);
    run->next_signal = now + GRACE;
}

static void
run_turn(struct run *run)
{
    int64_t now = clock_monotonic(), left = run->next_signal - now;
    struct pollfd fds[3] = {{.fd = run->input, .events = POLLOUT},
                            {.fd = run->output_fd, .events = POLLIN},
                            {.fd = run->process_fd, .events = POLLIN}};

    if (run->process_fd < 0 && left > STEP)
        left = STEP;
    if (poll(fds, 3, left < 0 ? 0 : (left > 60000 ? 60000 : (int)left)) > 0) {
        if (fds[0].revents)
            run_feed(run);
        if (fds[1].revents)
            run_listen(run);
    }
    run_look(run);
    if (!run->ended)
        run_signal(run, clock_monotonic());
}

static void
run_finish(struct run *run)
{
    struct command_result *result = run->result;

    run_listen(run);
    close_fd(&run->input);
    close_fd(&run->output_fd);
    close_fd(&run->process_fd);
    result->read_all = run->message_ended;
    result->output = text_span(&run->output);
    if (result->kind == COMMAND_TIMEOUT) {
        kill(-run->process, SIGKILL); /* what is left of its group */
        return;
    }
    if (result->kind == COMMAND_FAILED)
        return;
    if (WIFSIGNALED(run->wait_status)) {
        result->kind = COMMAND_SIGNALLED;
        result->status = WTERMSIG(run->wait_status);
    } else {
        result->kind = COMMAND_ENDED;
        result->status = WEXITSTATUS(run->wait_status);
    }
}

void
command_run(const struct command *command, struct rendering *rendering,
            struct arena *arena, struct command_result *result)
{
    struct run run = {.command = command,
                      .rendering = rendering,
                      .result = result,
                      .output = text_new(arena),
                      .input = -1,
                      .output_fd = -1,
                      .error_fd = -1,
                      .process_fd = -1,
                      .next_signal = command->deadline};

    *result = (struct command_result){.kind = COMMAND_ENDED};
    if (!run_start(&run))
        return;
    if (!run_executed(&run)) {
        waitpid(run.process, &run.wait_status, 0);
        close_fd(&run.input);
        close_fd(&run.output_fd);
        close_fd(&run.process_fd);
        return;
    }
    while (!run.ended)
        run_turn(&run);
    run_finish(&run);
}
