/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading files that users wrote, or could have written. */
#include "drivers/directors/list_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#include "base/banned.h"

enum { FIRST_LINE_OCTETS = 8192 };

bool
list_file_is_ours(const struct directing *directing, const struct user *user)
{
    const struct services *services = directing->services;

    if (services->restricted)
        return false;
    return strcmp(services->acting_user, "*") == 0 ||
           strcmp(services->acting_user, user->name) == 0;
}

static enum list_result
list_file_open(const struct directing *directing, struct list_file *file, int *fd,
               struct error *error)
{
    if (file_open(file->path, file->user == NULL, fd, &file->status, error))
        return LIST_READ;
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) {
        driver_trace(directing->services, "there is no %s", file->path);
        return LIST_MISSING;
    }
    return error->permanent ? LIST_UNUSABLE : LIST_FAILED;
}

/* The first line of a file that may be large. */
static bool
list_file_line(struct list_file *file, int fd, struct arena *arena, struct error *error)
{
    char *line = arena_alloc(arena, FIRST_LINE_OCTETS);
    ssize_t length;

    do {
        length = read(fd, line, FIRST_LINE_OCTETS);
    } while (length < 0 && errno == EINTR);
    if (length < 0)
        return fail_temporary(error, "4.3.0", "%s: read: %s", file->path,
                              strerror(errno));
    file->content = (struct span){line, (size_t)length};
    file->content = span_first(file->content, span_find(file->content, '\n'));
    return true;
}

enum list_result
list_file_read(const struct directing *directing, struct list_file *file, bool first_line,
               struct error *error)
{
    size_t limit = directing->configuration->settings.max_forward_size.bytes;
    enum list_result result;
    bool read;
    int fd;

    result = list_file_open(directing, file, &fd, error);
    if (result != LIST_READ)
        return result;
    read = first_line ? list_file_line(file, fd, directing->arena, error)
                      : file_read(fd, file->path, limit, directing->arena, &file->content,
                                  error);
    close(fd);
    if (!read)
        return error->permanent ? LIST_UNUSABLE : LIST_FAILED;
    if (span_find(file->content, '\0') < file->content.length) {
        fail_permanent(error, "5.3.5", "%s: has a NUL octet", file->path);
        return LIST_UNUSABLE;
    }
    return LIST_READ;
}
