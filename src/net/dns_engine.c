/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds and loads the module that asks the DNS. */
#include "net/dns_engine.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define DNS_MODULE_FILE "dns.so"

#ifndef SMAIL_MODULE_DIR
#define SMAIL_MODULE_DIR "/usr/lib/smail-modules"
#endif

/* The directory of the running program if the module is there, else where it belongs. */
static const char *
module_directory(char *program, size_t room)
{
    ssize_t length =
        readlink("/proc/self/exe", program, room - sizeof DNS_MODULE_FILE - 1);
    char *slash;

    if (length <= 0)
        return SMAIL_MODULE_DIR;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return SMAIL_MODULE_DIR;
    memcpy(slash + 1, DNS_MODULE_FILE, sizeof DNS_MODULE_FILE);
    if (access(program, R_OK) != 0)
        return SMAIL_MODULE_DIR;
    *slash = '\0';
    return program;
}

bool
dns_module_load(const char *directory, const struct dns_module **module,
                struct error *error)
{
    char program[PATH_MAX];
    struct arena *arena = arena_new();
    const char *path;
    void *loaded;

    if (directory == NULL)
        directory = module_directory(program, sizeof program);
    path = arena_format(arena, "%s/%s", directory, DNS_MODULE_FILE);
    /* Never unloaded: the process lives as long as the library is needed. */
    loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    *module = loaded != NULL ? dlsym(loaded, DNS_MODULE_SYMBOL) : NULL;
    if (*module == NULL)
        fail_temporary(error, "4.3.5", "%s", dlerror());
    else if ((*module)->version != DNS_MODULE_VERSION)
        fail_temporary(error, "4.3.5", "%s: version %d, expected %d", path,
                       (*module)->version, DNS_MODULE_VERSION);
    arena_free(arena);
    return *module != NULL && (*module)->version == DNS_MODULE_VERSION;
}
