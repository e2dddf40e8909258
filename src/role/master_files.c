/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the master makes in the file system: directories, the owner's lock, logs, bundles.
 */
#include "role/house.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#include "base/banned.h"

enum { OWNER_WAIT = 3000 }; /* ms */

/* Mode and owner of a new directory, by its descriptor: what the path leads to may be
 * exchanged by whoever owns the directory above. */
static bool
directory_give(const char *path, mode_t mode, const struct passwd *account,
               struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool fine = fd >= 0 && fchmod(fd, mode) == 0 &&
                (!account || fchown(fd, account->pw_uid, account->pw_gid) == 0);

    if (!fine)
        fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return fine;
}

/* Root makes and changes things in there, so nobody else may. */
static bool
directory_is_ours(const struct house *house, const char *path, struct error *error)
{
    struct stat status;

    if (!house->privileged)
        return true;
    if (lstat(path, &status) < 0)
        return fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != 0 || (status.st_mode & 022) != 0)
        return fail_permanent(error, "5.3.5",
                              "%s: must be a directory that only root may write", path);
    return true;
}

/* Make a directory if it is not there; its owner is set only when it is new. */
static bool
directory_make(struct house *house, const char *path, mode_t mode, const char *owner,
               struct error *error)
{
    struct passwd *account = NULL;

    if (mkdir(path, mode) < 0) {
        if (errno == EEXIST)
            return true;
        return fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
    }
    if (house->privileged && owner && !(account = getpwnam(owner)))
        return fail_temporary(error, "4.3.5", "there is no user %s", owner);
    return directory_give(path, mode, account, error);
}

bool
accounts_check(const struct house *house, struct error *error)
{
    const struct settings *settings = &house->configuration->settings;
    const char *const names[] = {settings->spool_user, settings->network_user,
                                 settings->map_user};

    for (size_t i = 0; house->privileged && i < sizeof names / sizeof names[0]; i++)
        if (!getpwnam(names[i]))
            return fail_permanent(error, "5.3.5",
                                  "there is no user %s (smailctl check says more)",
                                  names[i]);
    return true;
}

/* A daemon waits a moment: whoever has it may be an owner that is about to end. */
static bool
lock_take(int fd, bool at_once)
{
    int64_t end = clock_monotonic() + OWNER_WAIT;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || at_once || clock_monotonic() >= end)
            return false;
        poll(NULL, 0, 50);
        errno = EWOULDBLOCK;
    }
    return true;
}

static bool
owner_lock_take(struct house *house, bool *busy, struct error *error)
{
    const char *path = arena_format(house->arena, "%s/owner.lock", house->run_directory);

    house->owner_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Whoever may open it may lock it, and so keep us from starting: nobody else may. */
    if (house->owner_lock < 0 || fchmod(house->owner_lock, 0600) < 0)
        return fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
    if (!lock_take(house->owner_lock,
                   house->options->transient || house->options->once)) {
        *busy = errno == EWOULDBLOCK;
        return fail_temporary(error, "4.3.2", "%s: %s", path,
                              *busy ? "another owner of the spool is running"
                                    : strerror(errno));
    }
    /* For those who want to send the owner a signal. */
    if (ftruncate(house->owner_lock, 0) < 0 ||
        dprintf(house->owner_lock, "%ld\n", (long)getpid()) < 0)
        return fail_temporary(error, "4.3.0", "%s: %s", path, strerror(errno));
    return true;
}

bool
directories_make(struct house *house, bool *busy, struct error *error)
{
    const struct settings *settings = &house->configuration->settings;
    const char *spool = house->spool_directory;
    struct arena *arena = house->arena;
    mode_t mode = (mode_t)settings->auto_mkdir_mode.bits;

    *busy = false;
    if (settings->auto_mkdir &&
        (!directory_make(house, spool, mode, NULL, error) ||
         !directory_make(house, arena_format(arena, "%s/input", spool), 0700,
                         settings->spool_user, error) ||
         !directory_make(house, arena_format(arena, "%s/error", spool), 0700,
                         settings->spool_user, error) ||
         !directory_make(house, arena_format(arena, "%s/hints", spool), 0700,
                         settings->spool_user, error) ||
         !directory_make(house, arena_format(arena, "%s/log", spool), mode, NULL, error)))
        return false;
    if (!directory_make(house, house->run_directory, 0755, NULL, error) ||
        !directory_is_ours(house, house->run_directory, error) ||
        !directory_make(house, arena_format(arena, "%s/empty", house->run_directory),
                        0755, NULL, error))
        return false;
    return owner_lock_take(house, busy, error);
}

#define SYSLOG_SOCKET "/dev/log"

/* Open a log; -1 when that is not possible (lines are then lost, mail is not). */
static int
log_open(const char *path, mode_t mode)
{
    int fd = open(path,
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                      O_NOFOLLOW,
                  mode);
    struct stat status;

    /* A second name may be that of a file of somebody else. */
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_nlink > 1) {
        close(fd);
        errno = EMLINK;
        return -1;
    }
    return fd;
}

/* Where a log is; all of them in the system's, if that is wanted. */
static const char *
log_path(const struct settings *settings, int stream)
{
    if (strcmp(settings->log_format, "syslog") == 0)
        return SYSLOG_SOCKET;
    return stream == LOG_PANIC ? settings->paniclog : settings->logfile;
}

/* The socket of the system's log. */
static int
syslog_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int number = errno;

        close(fd);
        errno = number;
        fd = -1;
    }
    return fd;
}

/* What tells one file from the next; numbers of sockets are used again at once. */
static ino_t
identity_of(const struct stat *status)
{
    const struct timespec *made = &status->st_ctim;

    if (!S_ISSOCK(status->st_mode))
        return status->st_ino;
    return status->st_ino ^ ((ino_t)made->tv_sec << 30) ^ (ino_t)made->tv_nsec;
}

/* Take over a descriptor of a log, or keep the one before: better than to write nowhere.
 */
static void
log_take(struct house *house, int stream, int fd)
{
    struct stat status;

    if (fd < 0)
        return;
    if (house->log_fds[stream] >= 0)
        close(house->log_fds[stream]);
    house->log_fds[stream] = fd;
    house->log_inodes[stream] = 0;
    /* A connected socket has an inode of its own: that of its path says who listens. */
    if (fstat(fd, &status) == 0 &&
        (!S_ISSOCK(status.st_mode) || stat(SYSLOG_SOCKET, &status) == 0))
        house->log_inodes[stream] = identity_of(&status);
    log_descriptor(house->log, (enum log_stream)stream, fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

void
logs_open(struct house *house)
{
    const struct settings *settings = &house->configuration->settings;
    bool to_syslog = strcmp(settings->log_format, "syslog") == 0;

    for (int i = 0; i < LOG_STREAMS; i++) {
        const char *path = log_path(settings, i);
        int fd =
            to_syslog ? syslog_open() : log_open(path, (mode_t)settings->log_mode.bits);

        if (fd < 0 && !house->log_failed[i])
            fprintf(stderr, "smail: %s: %s\n", path, strerror(errno));
        house->log_failed[i] = fd < 0;
        if (fd < 0 && i == LOG_PANIC && house->log_fds[i] < 0 && settings->console)
            fd = open(settings->console, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        log_take(house, i, fd);
    }
}

void
logs_send(struct house *house, struct child *child)
{
    bool to_syslog = strcmp(house->configuration->settings.log_format, "syslog") == 0;

    for (uint32_t i = 0; i < LOG_STREAMS; i++) {
        struct wire_log log = {i, to_syslog};

        if (house->log_fds[i] >= 0)
            wire_send(child->control, WIRE_LOG, &log, house->log_fds[i]);
    }
}

/* Does the path still lead to the file, or the listener, that we write to? */
static bool
log_was_rotated(const struct house *house, int stream, const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 || identity_of(&status) != house->log_inodes[stream];
}

void
logs_check(struct house *house, bool force)
{
    const struct settings *settings = &house->configuration->settings;
    ino_t before[LOG_STREAMS];

    if (!force &&
        !log_was_rotated(house, LOG_TRANSACTIONS, log_path(settings, LOG_TRANSACTIONS)) &&
        !log_was_rotated(house, LOG_PANIC, log_path(settings, LOG_PANIC)))
        return;
    memcpy(before, house->log_inodes, sizeof before);
    logs_open(house);
    /* Nothing new: not told again each second to those who do not listen now. */
    if (!force && memcmp(before, house->log_inodes, sizeof before) == 0)
        return;
    for (struct child *child = house->children; child; child = child->next)
        if (child->pid > 0)
            logs_send(house, child);
}

int
bundle_store(const struct config_bundle *bundle, struct error *error)
{
    struct arena *arena = arena_new();
    struct pack pack = pack_new(arena);
    struct span bytes;
    int fd = memfd_create("smail-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    config_bundle_pack(bundle, &pack);
    bytes = text_span(&pack.text);
    if (fd < 0 || !file_write(fd, "configuration", bytes.bytes, bytes.length, error) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
            0) {
        if (fd >= 0)
            close(fd);
        fd = -1;
        fail_temporary(error, "4.3.0", "memory file: %s", strerror(errno));
    }
    arena_free(arena);
    return fd;
}
