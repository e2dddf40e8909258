/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one program: from the name or mode it is called by to a row of the command table.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "command/command.h"
#include "role/role.h"

#include "base/banned.h"

static const struct {
    enum command_mode mode;
    int (*run)(const struct options *options);
} commands[] = {
    {MODE_DELIVER, command_deliver},    {MODE_DAEMON, command_daemon},
    {MODE_SMTP, command_smtp},          {MODE_BATCH, command_batch},
    {MODE_LIST, command_mailq},         {MODE_ALIASES, command_aliases},
    {MODE_TEST, command_test},          {MODE_VERIFY, command_verify},
    {MODE_PRINT, command_print},        {MODE_COPYING, command_copying},
    {MODE_VERSION, command_version},    {MODE_RUN, command_runq},
    {MODE_CHECK, command_check},        {MODE_HOSTS, command_hosts},
    {MODE_FORGET_HOSTS, command_hosts},
};

/* Nothing that is opened later may become standard input, output or error by accident. */
static void
standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(EX_OSERR);
}

static int
help(const struct options *options)
{
    struct text text = text_new(options->arena);

    options_help(options->program, &text);
    fputs(text_string(&text), stdout);
    return EX_OK;
}

static int
command_run(const struct options *options)
{
    if (options->mode == MODE_HELP)
        return help(options);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].mode == options->mode)
            return commands[i].run(options);
    return EX_SOFTWARE;
}

int
main(int argc, char **argv)
{
    struct arena *arena;
    struct options options;
    struct error error = {0};
    const char *slash;
    int code = EX_USAGE;

    standard_descriptors();
    if (argc < 1)
        return EX_USAGE;
    if (argc >= 2 && strcmp(argv[1], "-role") == 0)
        return role_main(argc, argv);
    slash = strrchr(argv[0], '/');
    if (strcmp(slash ? slash + 1 : argv[0], "smailctl") == 0)
        return command_smailctl(argc, argv);
    arena = arena_new();
    if (options_parse(argc, argv, arena, &options, &error))
        code = command_run(&options);
    else
        fprintf(stderr, "%s: %s\n", options.program, error.text);
    arena_free(arena);
    return code;
}
