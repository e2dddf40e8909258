/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing the user for good, and the limits of each role (set, then verified). */
#include "role/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

const char *
privilege_account(enum role_kind kind, const struct settings *settings)
{
    switch (kind) {
    case ROLE_MASTER:
    case ROLE_USER:
        return "";
    case ROLE_SPOOL:
    case ROLE_QUEUE:
        return settings->spool_user;
    case ROLE_RESOLVE:
    case ROLE_VERIFY:
        return settings->map_user;
    default:
        return settings->network_user;
    }
}

/* Take the groups: the user's own if wanted, and one more. */
static bool
groups_take(const char *name, gid_t gid, bool groups, gid_t extra_group,
            struct error *error)
{
    gid_t list[1024];
    int count = 0;

    if (groups) {
        count = (int)(sizeof list / sizeof list[0]) - 1;
        if (getgrouplist(name, gid, list, &count) < 0)
            return fail_temporary(error, "4.3.0", "too many groups of %s", name);
    }
    if (extra_group != (gid_t)-1)
        list[count++] = extra_group;
    if (setgroups((size_t)count, list) < 0)
        return fail_temporary(error, "4.3.0", "setgroups for %s: %s", name,
                              strerror(errno));
    return true;
}

/* Set the numbers and see that they hold. `other_gid` is the effective and saved group.
 */
static bool
ids_take(const char *name, uid_t uid, gid_t gid, gid_t other_gid, struct error *error)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;

    if (setresgid(gid, other_gid, other_gid) < 0 || setresuid(uid, uid, uid) < 0)
        return fail_temporary(error, "4.3.0", "becoming %s: %s", name, strerror(errno));
    if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid ||
        saved != uid || getresgid(&real_group, &effective_group, &saved_group) < 0 ||
        real_group != gid || effective_group != other_gid || saved_group != other_gid)
        return fail_temporary(error, "4.3.0", "becoming %s did not hold", name);
    if (uid != 0 && setuid(0) == 0)
        return fail_temporary(error, "4.3.0", "root came back after becoming %s", name);
    return true;
}

bool
privilege_become(const char *name, uid_t uid, gid_t gid, bool groups, gid_t extra_group,
                 struct error *error)
{
    return groups_take(name, gid, groups, extra_group, error) &&
           ids_take(name, uid, gid, gid, error);
}

bool
privilege_become_user(const char *name, uid_t uid, gid_t gid, gid_t mail_group,
                      struct error *error)
{
    return groups_take(name, gid, true, (gid_t)-1, error) &&
           ids_take(name, uid, gid, mail_group == (gid_t)-1 ? gid : mail_group, error);
}

bool
privilege_put_group_aside(struct error *error)
{
    if (setegid(getgid()) < 0)
        return fail_temporary(error, "4.3.0", "setegid: %s", strerror(errno));
    return true;
}

static bool
directory_is_empty(const char *directory)
{
    DIR *open_directory = opendir(directory);
    struct dirent *entry;
    bool empty = open_directory != NULL;

    while (empty && (entry = readdir(open_directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
    if (open_directory)
        closedir(open_directory);
    return empty;
}

bool
privilege_enclose(const char *directory, struct error *error)
{
    struct stat status;

    if (lstat(directory, &status) < 0)
        return fail_temporary(error, "4.3.0", "%s: %s", directory, strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != 0 || (status.st_mode & 022) != 0 ||
        !directory_is_empty(directory))
        return fail_temporary(error, "4.3.0",
                              "%s: not an empty directory of root's alone", directory);
    if (chroot(directory) < 0 || chdir("/") < 0)
        return fail_temporary(error, "4.3.0", "chroot %s: %s", directory,
                              strerror(errno));
    return true;
}

bool
privilege_limit_master(struct error *error)
{
    static const int kept[] = {
        CAP_CHOWN,  CAP_DAC_OVERRIDE,     CAP_FOWNER,     CAP_KILL,        CAP_SETGID,
        CAP_SETUID, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_SYS_RESOURCE};

    for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
        bool keep = false;

        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (kept[i] == capability)
                keep = true;
        /* EINVAL: the kernel does not know this one; EPERM: a container took them already
         */
        if (!keep && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL &&
            errno != EPERM)
            return fail_temporary(error, "4.3.0", "dropping capability %d: %s",
                                  capability, strerror(errno));
    }
    return true;
}

static bool
limit_set(unsigned what, rlim_t value, struct error *error)
{
    struct rlimit limit;

    if (getrlimit(what, &limit) < 0)
        return fail_temporary(error, "4.3.0", "getrlimit: %s", strerror(errno));
    if (limit.rlim_max > value)
        limit.rlim_max = value;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    if (setrlimit(what, &limit) < 0)
        return fail_temporary(error, "4.3.0", "setrlimit: %s", strerror(errno));
    return true;
}

bool
privilege_limit(enum role_kind kind, const struct settings *settings, struct error *error)
{
    (void)settings;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return fail_temporary(error, "4.3.0", "PR_SET_DUMPABLE: %s", strerror(errno));
    if (!limit_set(RLIMIT_CORE, 0, error))
        return false;
    /* A user's command may call a set-id helper (dotlock, uux): no filter there. */
    if (kind == ROLE_USER)
        return true;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail_temporary(error, "4.3.0", "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
    return true;
}
