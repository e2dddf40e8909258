/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables that are in force without files: a complete mail system. What could be
 * doubtful is refused (no `nobody`), what is written is private.
 */
#include "config/configuration.h"
#include "config/places.h"

#include "base/banned.h"

static const char directors_begin[] =
    "# lists that aliases name with :include:\n"
    "aliasinclude:\n"
    "\tdriver = aliasinclude;\n"
    "\tcopysecure, copyowners\n"
    "\n"
    "# lists that forward files name with :include:\n"
    "forwardinclude:\n"
    "\tdriver = forwardinclude;\n"
    "\tcopysecure, copyowners\n"
    "\n"
    "aliases:\n"
    "\tdriver = aliasfile, sender_okay, owner = owner-$user;\n"
    "\tproto = lsearch, modemask = 022, optional, file = ";

static const char directors_end[] =
    "\n\n"
    "dotforward:\n"
    "\tdriver = forwardfile, sender_okay, owner = real-$user;\n"
    "\tfile = ~/.forward, checkowner, owners = root, modemask = 022,\n"
    "\tcaution = 0-10:uucp:daemon,\n"
    "\tunsecure = ~ftp:~uucp:~nuucp:/tmp:/usr/tmp:/var/tmp\n"
    "\n"
    "# \"Forward to user\" as the first line of a mailbox\n"
    "forwardto:\n"
    "\tdriver = forwardfile, sender_okay, owner = real-$user;\n"
    "\tfile = " SMAIL_MAIL_DIR "/${lc:user}, forwardto, checkowner, owners = root,\n"
    "\tmodemask = 002, caution = 0-10:uucp:daemon\n"
    "\n"
    "user:\n"
    "\tdriver = user;\n"
    "\ttransport = local\n"
    "\n"
    "# real-user goes past the forward file\n"
    "real_user:\n"
    "\tdriver = user;\n"
    "\ttransport = local, prefix = real-\n"
    "\n"
    "lists:\n"
    "\tdriver = forwardfile, caution, sender_okay, owner = owner-$user;\n"
    "\tfile = lists/${lc:user}, modemask = 022\n"
    "\n"
    "# does something when smart_user is set\n"
    "smart_user:\n"
    "\tdriver = smartuser;\n"
    "\twell_formed_only\n";

static const char router_literals[] = "# user@[192.0.2.1]\n"
                                      "inet_addrs:\n"
                                      "\tdriver = gethostbyaddr, transport = smtp;\n"
                                      "\tfail_if_error, check_for_local\n"
                                      "\n";

static const char router_exchangers[] = "# mail exchangers of the Internet\n"
                                        "bind_hosts:\n"
                                        "\tdriver = bind, transport = smtp;\n"
                                        "\tdefer_no_connect, domain_required\n"
                                        "\n";

static const char router_own_hosts[] =
    "# hosts in our own domains, without the smart host\n"
    "inet_hosts:\n"
    "\tdriver = gethostbyname, transport = smtp;\n"
    "\trequired = ";

static const char router_smart_host[] = "# does something when smart_path is set\n"
                                        "smart_host:\n"
                                        "\tdriver = smarthost, transport = smtp\n";

static const char transports[] =
    "# mailboxes of users\n"
    "local:\n"
    "\tdriver = appendfile, local, received, return_path, from, unix_from_hack;\n"
    "\tfile = " SMAIL_MAIL_DIR "/${lc:user}, mode = 0600,\n"
    "\tsuffix = \"\\n\"\n"
    "\n"
    "# commands that aliases and forward files name\n"
    "pipe:\n"
    "\tdriver = pipe, local, received, return_path, from, unix_from_hack;\n"
    "\tcmd = \"/bin/sh -c $user\", parent_env, pipe_as_user, umask = 022, log_output\n"
    "\n"
    "# files that aliases and forward files name\n"
    "file:\n"
    "\tdriver = appendfile, local, received, return_path, from, unix_from_hack;\n"
    "\tfile = $user, expand_user, mode = 0600, suffix = \"\\n\"\n"
    "\n"
    "smtp:\n"
    "\tdriver = smtp, inet, max_addrs = 100, -max_chars\n"
    "\n"
    "inet_zone_smtp:\n"
    "\tdriver = smtp, inet, max_addrs = 100, -max_chars\n"
    "\n"
    "inet_zone_bind_smtp:\n"
    "\tdriver = smtp, inet, max_addrs = 100, -max_chars\n"
    "\n"
    "uucp_zone_smtp:\n"
    "\tdriver = smtp, uucp, max_addrs = 100, -max_chars\n"
    "\n"
    "uucp_zone_bind_smtp:\n"
    "\tdriver = smtp, uucp, max_addrs = 100, -max_chars\n"
    "\n"
    "local_smtp:\n"
    "\tdriver = smtp, local_xform, max_addrs = 100, -max_chars\n"
    "\n"
    "local_bind_smtp:\n"
    "\tdriver = smtp, local_xform, max_addrs = 100, -max_chars\n";

const char *
default_directors(const char *alias_file, struct arena *arena)
{
    struct text text = text_new(arena);

    text_add(&text, directors_begin);
    text_add(&text, lex_quote(alias_file ? alias_file : SMAIL_ALIASES, arena));
    text_add(&text, directors_end);
    return text_string(&text);
}

const char *
default_routers(const struct settings *settings, struct arena *arena)
{
    struct text text = text_new(arena);
    bool smart = settings->smart_path && settings->smart_path[0];

    text_add(&text, router_literals);
    if (!smart)
        text_add(&text, router_exchangers);
    if (smart && settings->domains.count > 0)
        text_add_format(&text, "%s%s\n\n", router_own_hosts,
                        lex_quote(list_print(settings->domains, arena), arena));
    text_add(&text, router_smart_host);
    return text_string(&text);
}

const char *
default_transports(void)
{
    return transports;
}
