/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disk in memory: files with two contents, names with two values, one planned fault.
 */
#include "tests/crash/simulated_disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum { SECTOR = 512, NAMES_MOST = 256, DESCRIPTORS_MOST = 1024, NAME_LENGTH = 64 };

struct bytes {
    char *at;
    size_t length, room;
};

struct file {
    struct bytes cached, durable;
    size_t dirty_from; /* the first octet that no sync covered */
};

/* A change of names that no sync of the directory covered. */
struct change {
    char from[NAME_LENGTH], to[NAME_LENGTH]; /* created: from is ""; unlinked: to is "" */
    struct file *file;
    bool lost; /* as the power went */
};

struct name {
    char text[NAME_LENGTH];
    struct file *file;
};

struct names {
    struct name name[NAMES_MOST];
    size_t count;
};

struct simulated_disk {
    struct names cached, durable;
    struct change *changes;
    size_t change_count, change_room;
    struct file **files; /* all that ever were */
    size_t file_count, file_room;
    struct file *descriptors[DESCRIPTORS_MOST];
    bool locked, stopped, hit;
    enum simulated_fault fault;
    int error;
    bool fault_reads;
    uint64_t fault_at, fault_count;
    uint64_t writes, reads;
    uint64_t free_bytes, free_inodes;
    uint64_t room; /* 0: no end */
    uint64_t random;
};

static uint64_t
disk_random(struct simulated_disk *disk)
{
    disk->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = disk->random;

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Set `length` octets from `offset` on, zeros in a gap; NULL gives zeros. */
static void
bytes_put(struct bytes *bytes, size_t offset, const void *from, size_t length)
{
    size_t end = offset + length;

    if (end > bytes->room) {
        bytes->room = 2 * end + 64;
        bytes->at = memory_grow(bytes->at, bytes->room);
    }
    if (offset > bytes->length)
        memset(bytes->at + bytes->length, 0, offset - bytes->length);
    if (length > 0 && from != NULL)
        memcpy(bytes->at + offset, from, length);
    else if (length > 0)
        memset(bytes->at + offset, 0, length);
    if (end > bytes->length)
        bytes->length = end;
}

static void
bytes_copy(struct bytes *to, const struct bytes *from)
{
    to->length = 0;
    bytes_put(to, 0, from->at, from->length);
}

static struct name *
names_find(struct names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i].text, text) == 0)
            return &names->name[i];
    return NULL;
}

static void
names_remove(struct names *names, const char *text)
{
    struct name *name = names_find(names, text);

    if (name == NULL)
        return;
    memmove(name, name + 1,
            (size_t)(names->name + names->count - (name + 1)) * sizeof(*name));
    names->count--;
}

static void
names_add(struct names *names, const char *text, struct file *file)
{
    struct name *name = names_find(names, text);

    if (name == NULL) {
        assert(names->count < NAMES_MOST && strlen(text) < NAME_LENGTH);
        name = &names->name[names->count++];
        memset(name->text, 0, NAME_LENGTH);
        memcpy(name->text, text, strlen(text));
    }
    name->file = file;
}

static void
change_apply(struct names *names, const struct change *change)
{
    if (change->from[0] != '\0')
        names_remove(names, change->from);
    if (change->to[0] != '\0')
        names_add(names, change->to, change->file);
}

static void
disk_change(struct simulated_disk *disk, const char *from, const char *to,
            struct file *file)
{
    struct change *change;

    if (disk->change_count == disk->change_room) {
        disk->change_room = 2 * disk->change_room + 16;
        disk->changes =
            memory_grow(disk->changes, disk->change_room * sizeof(*disk->changes));
    }
    change = &disk->changes[disk->change_count++];
    *change = (struct change){.file = file};
    memcpy(change->from, from, strlen(from));
    memcpy(change->to, to, strlen(to));
    change_apply(&disk->cached, change);
}

static struct file *
disk_file(struct simulated_disk *disk)
{
    struct file *file = memory_alloc(sizeof(*file));

    if (disk->file_count == disk->file_room) {
        disk->file_room = 2 * disk->file_room + 16;
        disk->files = memory_grow(disk->files, disk->file_room * sizeof(*disk->files));
    }
    disk->files[disk->file_count++] = file;
    return file;
}

static int
disk_descriptor(struct simulated_disk *disk, struct file *file)
{
    for (int fd = 3; fd < DESCRIPTORS_MOST; fd++)
        if (disk->descriptors[fd] == NULL) {
            disk->descriptors[fd] = file;
            return fd;
        }
    return -EMFILE;
}

/* The error that this operation meets; 0 for none. */
static int
disk_fault(struct simulated_disk *disk, bool read)
{
    uint64_t at = read ? disk->reads++ : disk->writes++;

    if (disk->stopped)
        return -EIO;
    if (disk->fault == FAULT_NONE || disk->fault_reads != read || at < disk->fault_at ||
        (disk->fault == FAULT_ERROR && at - disk->fault_at >= disk->fault_count))
        return 0;
    disk->hit = true;
    if (disk->fault != FAULT_STOP)
        return disk->error;
    disk->stopped = true;
    return -EIO;
}

void
simulated_disk_plan(struct simulated_disk *disk, enum simulated_fault fault, int error,
                    bool reads, uint64_t at, uint64_t count)
{
    disk->fault = fault;
    disk->error = error;
    disk->fault_reads = reads;
    disk->fault_at = at + (reads ? disk->reads : disk->writes);
    disk->fault_count = count;
    disk->hit = false;
}

/* Octets that can still be written. */
static uint64_t
disk_left(const struct simulated_disk *disk)
{
    uint64_t used = 0;

    if (disk->room == 0)
        return UINT64_MAX;
    for (size_t i = 0; i < disk->cached.count; i++)
        used += disk->cached.name[i].file->cached.length;
    return used < disk->room ? disk->room - used : 0;
}

static int
simulated_lock(void *context, const char *name)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);

    (void)name;
    if (result < 0)
        return result;
    if (disk->locked)
        return -EWOULDBLOCK;
    disk->locked = true;
    return 0;
}

static int
simulated_create(void *context, const char *name, mode_t mode)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);
    struct file *file;

    (void)mode;
    /* A stop may fall before or behind it. */
    if (result < 0 && !(disk->stopped && disk_random(disk) % 2 == 0))
        return result;
    if (names_find(&disk->cached, name) != NULL)
        return -EEXIST;
    file = disk_file(disk);
    disk_change(disk, "", name, file);
    return result < 0 ? result : disk_descriptor(disk, file);
}

static int
simulated_open(void *context, const char *name)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, true);
    const struct name *found = names_find(&disk->cached, name);

    if (result < 0)
        return result;
    return found != NULL ? disk_descriptor(disk, found->file) : -ENOENT;
}

static ssize_t
simulated_write(void *context, int fd, const void *bytes, size_t length)
{
    struct simulated_disk *disk = context;
    bool stopped = disk->stopped;
    int result = disk_fault(disk, false);
    struct file *file = disk->descriptors[fd];

    if (stopped)
        return result;
    if (result == 0 && length > disk_left(disk)) {
        length = disk_left(disk);
        result = -ENOSPC;
    } else if (result < 0) /* what fails may have written a part */
        length = disk_random(disk) % (length + 1);
    if (file->dirty_from > file->cached.length)
        file->dirty_from = file->cached.length;
    bytes_put(&file->cached, file->cached.length, bytes, length);
    return result < 0 ? result : (ssize_t)length;
}

static ssize_t
simulated_read(void *context, int fd, uint64_t offset, void *bytes, size_t length)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, true);
    const struct file *file = disk->descriptors[fd];

    if (result < 0)
        return result;
    if (offset >= file->cached.length)
        return 0;
    if (length > file->cached.length - offset)
        length = file->cached.length - offset;
    memcpy(bytes, file->cached.at + offset, length);
    return (ssize_t)length;
}

static int64_t
simulated_size(void *context, int fd)
{
    struct simulated_disk *disk = context;

    return (int64_t)disk->descriptors[fd]->cached.length;
}

/* Each sector that no sync covered is on the disk or not; so is what it adds to the size.
 */
static void
file_tear(struct simulated_disk *disk, struct file *file)
{
    size_t from = file->dirty_from - file->dirty_from % SECTOR;
    size_t length = file->cached.length;

    if (file->dirty_from >= length)
        return;
    if (length > file->durable.length)
        length = file->durable.length +
                 disk_random(disk) % (length - file->durable.length + 1);
    for (size_t at = from; at < length; at += SECTOR) {
        size_t piece = length - at < SECTOR ? length - at : SECTOR;

        if (disk_random(disk) % 2 == 0)
            bytes_put(&file->durable, at, file->cached.at + at, piece);
        else if (at + piece > file->durable.length)
            bytes_put(&file->durable, at + piece, NULL, 0);
    }
}

static int
simulated_sync(void *context, int fd)
{
    struct simulated_disk *disk = context;
    bool stopped = disk->stopped;
    int result = disk_fault(disk, false);
    struct file *file = disk->descriptors[fd];

    if (stopped)
        return result;
    if (result < 0 && disk->stopped)
        return result;
    if (result < 0)
        file_tear(disk, file); /* and the cache goes on showing what it has */
    else if (file->dirty_from < file->cached.length)
        bytes_put(&file->durable, file->dirty_from, file->cached.at + file->dirty_from,
                  file->cached.length - file->dirty_from);
    file->dirty_from = file->cached.length;
    return result;
}

static int
simulated_refresh(void *context, int fd)
{
    struct simulated_disk *disk = context;
    struct file *file = disk->descriptors[fd];
    int result = simulated_sync(context, fd);

    if (result < 0)
        return result;
    bytes_copy(&file->cached, &file->durable);
    file->dirty_from = file->cached.length;
    return 0;
}

static int
simulated_allocate(void *context, int fd, uint64_t length)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);
    struct file *file = disk->descriptors[fd];

    if (result == 0 && length > disk_left(disk))
        return -ENOSPC;
    if (result == 0 && length > file->cached.length)
        bytes_put(&file->cached, file->cached.length, NULL, length - file->cached.length);
    return result;
}

static int
simulated_close(void *context, int fd)
{
    struct simulated_disk *disk = context;

    assert(fd >= 0 && fd < DESCRIPTORS_MOST && disk->descriptors[fd] != NULL);
    disk->descriptors[fd] = NULL;
    return 0;
}

static int
simulated_make_directory(void *context, const char *name, mode_t mode)
{
    (void)name;
    (void)mode;
    return disk_fault(context, false);
}

static int
simulated_rename(void *context, const char *from, const char *to)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);
    const struct name *found = names_find(&disk->cached, from);

    if (result < 0)
        return result;
    if (found == NULL)
        return -ENOENT;
    disk_change(disk, from, to, found->file);
    return 0;
}

static int
simulated_unlink(void *context, const char *name)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);
    const struct name *found = names_find(&disk->cached, name);

    if (result < 0)
        return result;
    if (found == NULL)
        return -ENOENT;
    disk_change(disk, name, "", found->file);
    return 0;
}

static bool
change_is_in(const struct change *change, const char *directory)
{
    const char *name = change->from[0] != '\0' ? change->from : change->to;
    size_t length = strlen(directory);

    return strncmp(name, directory, length) == 0 && name[length] == '/';
}

static int
simulated_sync_directory(void *context, const char *name)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, false);
    size_t kept = 0;

    if (result < 0)
        return result;
    for (size_t i = 0; i < disk->change_count; i++)
        if (change_is_in(&disk->changes[i], name))
            change_apply(&disk->durable, &disk->changes[i]);
        else
            disk->changes[kept++] = disk->changes[i];
    disk->change_count = kept;
    return 0;
}

static int
simulated_list(void *context, const char *name,
               void (*each)(void *argument, const char *name), void *argument)
{
    struct simulated_disk *disk = context;
    int result = disk_fault(disk, true);
    size_t length = strlen(name);

    if (result < 0)
        return result;
    for (size_t i = 0; i < disk->cached.count; i++) {
        const char *text = disk->cached.name[i].text;

        if (strncmp(text, name, length) == 0 && text[length] == '/')
            each(argument, text + length + 1);
    }
    return 0;
}

static int
simulated_free_space(void *context, uint64_t *bytes, uint64_t *inodes)
{
    const struct simulated_disk *disk = context;

    *bytes = disk->room == 0 ? disk->free_bytes : disk_left(disk);
    *inodes = disk->free_inodes;
    return 0;
}

struct simulated_disk *
simulated_disk_new(uint64_t seed)
{
    struct simulated_disk *disk = memory_alloc(sizeof(*disk));

    disk->random = seed;
    disk->free_bytes = UINT64_C(1) << 40;
    disk->free_inodes = 1 << 20;
    return disk;
}

void
simulated_disk_free(struct simulated_disk *disk)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        free(disk->files[i]->cached.at);
        free(disk->files[i]->durable.at);
        free(disk->files[i]);
    }
    free(disk->files);
    free(disk->changes);
    free(disk);
}

struct disk
simulated_disk_table(struct simulated_disk *disk)
{
    return (struct disk){.context = disk,
                         .lock = simulated_lock,
                         .create = simulated_create,
                         .open = simulated_open,
                         .write = simulated_write,
                         .read = simulated_read,
                         .size = simulated_size,
                         .sync = simulated_sync,
                         .refresh = simulated_refresh,
                         .allocate = simulated_allocate,
                         .close = simulated_close,
                         .make_directory = simulated_make_directory,
                         .rename = simulated_rename,
                         .unlink = simulated_unlink,
                         .sync_directory = simulated_sync_directory,
                         .list = simulated_list,
                         .free_space = simulated_free_space};
}

bool
simulated_disk_is_stopped(const struct simulated_disk *disk)
{
    return disk->stopped;
}

bool
simulated_disk_is_hit(const struct simulated_disk *disk)
{
    return disk->hit;
}

uint64_t
simulated_disk_writes(const struct simulated_disk *disk)
{
    return disk->writes;
}

uint64_t
simulated_disk_reads(const struct simulated_disk *disk)
{
    return disk->reads;
}

/* Some changes of names are on the disk; of one file, not a later one without an earlier.
 */
static void
names_tear(struct simulated_disk *disk)
{
    for (size_t i = 0; i < disk->change_count; i++) {
        struct change *change = &disk->changes[i];

        change->lost = disk_random(disk) % 2 == 0;
        for (size_t j = 0; j < i; j++)
            if (disk->changes[j].file == change->file && disk->changes[j].lost)
                change->lost = true;
        if (!change->lost)
            change_apply(&disk->durable, change);
    }
}

static void
disk_lose_power(struct simulated_disk *disk, enum simulated_end end)
{
    if (end == END_KEPT) {
        for (size_t i = 0; i < disk->change_count; i++)
            change_apply(&disk->durable, &disk->changes[i]);
    } else if (end == END_TORN) {
        names_tear(disk);
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        struct file *file = disk->files[i];

        if (end == END_KEPT && file->dirty_from < file->cached.length)
            bytes_put(&file->durable, file->dirty_from,
                      file->cached.at + file->dirty_from,
                      file->cached.length - file->dirty_from);
        else if (end == END_TORN)
            file_tear(disk, file);
        bytes_copy(&file->cached, &file->durable);
        file->dirty_from = file->cached.length;
    }
    disk->cached = disk->durable;
    disk->change_count = 0;
}

void
simulated_disk_release(struct simulated_disk *disk)
{
    memset(disk->descriptors, 0, sizeof(disk->descriptors));
    disk->locked = false;
}

void
simulated_disk_restart(struct simulated_disk *disk, enum simulated_end end)
{
    if (end != END_KILL)
        disk_lose_power(disk, end);
    simulated_disk_release(disk);
    disk->stopped = false;
    disk->fault = FAULT_NONE;
}

char *
simulated_disk_content(struct simulated_disk *disk, const char *name, size_t *length)
{
    const struct name *found = names_find(&disk->cached, name);

    if (found == NULL)
        return NULL;
    *length = found->file->cached.length;
    return found->file->cached.at;
}

void
simulated_disk_settle(struct simulated_disk *disk, const char *name)
{
    struct file *file = names_find(&disk->cached, name)->file;

    bytes_copy(&file->durable, &file->cached);
    file->dirty_from = file->cached.length;
}

void
simulated_disk_resize(struct simulated_disk *disk, const char *name, size_t length)
{
    struct file *file = names_find(&disk->cached, name)->file;

    if (length > file->cached.length)
        bytes_put(&file->cached, length, NULL, 0);
    file->cached.length = length;
    bytes_copy(&file->durable, &file->cached);
    file->dirty_from = length;
}

void
simulated_disk_put(struct simulated_disk *disk, const char *name, const void *bytes,
                   size_t length)
{
    struct file *file = disk_file(disk);

    bytes_put(&file->cached, 0, bytes, length);
    bytes_copy(&file->durable, &file->cached);
    file->dirty_from = length;
    names_add(&disk->cached, name, file);
    names_add(&disk->durable, name, file);
}

void
simulated_disk_names(struct simulated_disk *disk, const char *prefix,
                     void (*each)(void *argument, const char *name), void *argument)
{
    for (size_t i = 0; i < disk->cached.count; i++)
        if (strncmp(disk->cached.name[i].text, prefix, strlen(prefix)) == 0)
            each(argument, disk->cached.name[i].text);
}

void
simulated_disk_set_room(struct simulated_disk *disk, uint64_t room)
{
    disk->room = room;
}

void
simulated_disk_set_free(struct simulated_disk *disk, uint64_t bytes, uint64_t inodes)
{
    disk->free_bytes = bytes;
    disk->free_inodes = inodes;
}

void
simulated_disk_seed(struct simulated_disk *disk, uint64_t seed)
{
    disk->random = seed;
}
