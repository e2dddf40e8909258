/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the smtp transport goes: from the next hop to hosts to addresses, in the order in
 * which they are tried, looked up one host at a time.
 */
#ifndef DRIVERS_TRANSPORTS_SMTP_HOSTS_H
#define DRIVERS_TRANSPORTS_SMTP_HOSTS_H

#include "drivers/driver.h"

/* The attributes that decide about names. */
struct smtp_naming {
    bool use_bind, defer_no_connect, local_mx_okay, defnames, domain_required, mx_only;
    struct list ignore_domains;
    const char *fallback_gateway;
    int64_t address_limit;
};

struct smtp_hosts {
    const struct smtp_naming *naming;
    struct delivery *delivery;
    uint16_t port;
    bool by_mx;    /* hosts are mail exchangers, addresses come from the DNS */
    bool by_names; /* addresses come from the host library */
    struct mx_host *list;
    size_t count, at;
    struct net_address *addresses; /* of the host before `at` */
    size_t address_count, address_at;
    size_t left;        /* addresses that may still be given out */
    struct error error; /* the latest, a temporary one before a permanent one */
};

/* One address to try. */
struct smtp_place {
    const char *host; /* name, or "[literal]" */
    struct net_address address;
};

/* Are mail exchangers looked up for this next hop? */
bool smtp_hosts_by_mx(const struct smtp_naming *naming, const struct delivery *delivery);

/* False: nowhere to go, for the reason in hosts->error. */
bool smtp_hosts_start(struct smtp_hosts *hosts, const struct smtp_naming *naming,
                      struct delivery *delivery, uint16_t port);

/*
 * The next address. False at the end; hosts->error then says why hosts had no address, if
 * one had none. An address of this very host ends the walk when the port is 25: from
 * there on mail would come back to us.
 */
bool smtp_hosts_next(struct smtp_hosts *hosts, struct smtp_place *place);

/* Remember why a place was of no use, or is not to be had. */
void smtp_hosts_note(struct smtp_hosts *hosts, const struct error *error);

#endif
