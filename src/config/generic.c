/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attributes in front of the semicolon, which all drivers of a kind share. */
#include "config/configuration.h"

#include "base/banned.h"

#define DIRECTOR(field, ...) ATTRIBUTE(struct director_generic, field, __VA_ARGS__)
#define ROUTER(field, ...) ATTRIBUTE(struct router_generic, field, __VA_ARGS__)
#define TRANSPORT(field, ...) ATTRIBUTE(struct transport_generic, field, __VA_ARGS__)

const struct attribute director_generic_attributes[] = {
    DIRECTOR(driver, NULL, "driver of this entry", ),
    DIRECTOR(caution, NULL, "files, pipes and includes from here are doubtful", ),
    DIRECTOR(nobody, NULL, "what is doubtful is done as the user nobody, else refused", ),
    DIRECTOR(owner, NULL, "address that gets the errors of what comes from here", ),
    DIRECTOR(sender_okay, NULL, "the sender may be among the results", ),
    DIRECTOR(default_user, NULL, "user of the results if the driver gave none", ),
    DIRECTOR(default_group, NULL, "group of the results if the driver gave none", ),
    DIRECTOR(default_home, NULL, "home of the results if the driver gave none", ),
    DIRECTOR(set_user, NULL, "user of the results, whatever the driver gave", ),
    DIRECTOR(set_group, NULL, "group of the results, whatever the driver gave", ),
    DIRECTOR(set_home, NULL, "home of the results, whatever the driver gave", ),
    DIRECTOR(domains, NULL, "match only addresses in these of our domains", ),
    DIRECTOR(ignore_alias_match, NULL,
             "an address that names itself is dropped unless written \\name", ),
    {0},
};

const struct attribute router_generic_attributes[] = {
    ROUTER(driver, NULL, "driver of this entry", ),
    ROUTER(transport, NULL, "transport to the hosts it matches", ),
    ROUTER(method, NULL, "file that names the transport by host", ),
    ROUTER(always, NULL, "a partial match ends the search", ),
    {0},
};

const struct attribute transport_generic_attributes[] = {
    TRANSPORT(driver, NULL, "driver of this entry", ),
    TRANSPORT(max_addrs, "1", "recipients in one delivery; 0: no limit", ),
    TRANSPORT(max_hosts, "1", "next hosts in one delivery; there is always one",
              .flags = ATTRIBUTE_NO_EFFECT),
    TRANSPORT(max_chars, "2000",
              "characters of all recipients of a delivery; 0: no limit", ),
    TRANSPORT(received, "on", "put in a Received field", ),
    TRANSPORT(return_path, NULL, "put in a Return-Path field", ),
    TRANSPORT(from, NULL, "begin with a line 'From sender date'", ),
    TRANSPORT(unix_from_hack, NULL, "put > before lines that begin with 'From '",
              .aliases = "uucp_from_hack"),
    TRANSPORT(local, NULL, "final delivery here; implies local_xform, no hop limit", ),
    TRANSPORT(local_xform, NULL, "addresses keep their local form", ),
    TRANSPORT(inet, NULL, "envelope in the form user@domain", ),
    TRANSPORT(uucp, NULL, "envelope in the form host!user", ),
    TRANSPORT(strict, NULL,
              "rewrite header fields to RFC 5322; mail is left as it is now",
              .flags = ATTRIBUTE_NO_EFFECT),
    TRANSPORT(crlf, NULL, "lines end in CR LF", ),
    TRANSPORT(dots, NULL, "dots in front of a line are doubled", ),
    TRANSPORT(bsmtp, NULL, "wrap in batch SMTP; implies dots", ),
    TRANSPORT(hbsmtp, NULL, "the same without HELO and QUIT", ),
    TRANSPORT(debug, NULL, "replace the text of messages by debugging text", ),
    TRANSPORT(shadow, NULL, "transport to call after success", ),
    TRANSPORT(error_transport, NULL, "transport to call after failure", ),
    TRANSPORT(retry_dir, NULL,
              "name under which transports shared what is known of hosts",
              .flags = ATTRIBUTE_NO_EFFECT),
    TRANSPORT(remove_header, NULL, "name of a header field to drop", ),
    TRANSPORT(insert_header, NULL, "header field to put in at the top", ),
    TRANSPORT(append_header, NULL, "header field to put in at the end", ),
    TRANSPORT(max_deliveries, "0",
              "deliveries at once to one destination; 0: as destination_concurrency", ),
    {0},
};
