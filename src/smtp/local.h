/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XSMAIL, the private extension of the local socket: what SMTP cannot say between a
 * command of ours and the owner of the spool. Both sides are written from this page.
 *
 *   EHLO announces "XSMAIL 1".
 *
 *   XORIGIN LOCAL|BATCH|NETWORK [ADDRESS=a] [PORT=n] [NAME=xtext]
 *       first thing said, once: for whom the command speaks. It can only lower what the
 *       kernel says of the peer. NETWORK: from then on the session is as one from that
 *       address (relaying by smtp_remote_allow), for smtpd under inetd. BATCH: rsmtp.
 *
 *       NETWORK also takes XSMAIL away for the rest of the session.
 *
 *   MAIL FROM:<path> with any of
 *       XPROGRAM=xtext XPROTOCOL=xtext XHOST=xtext XADDRESS=xtext XFULLNAME=xtext
 *       XHOPS=n XGRADE=c XERRORS=MAIL|PRINT|QUIET XMODE=FOREGROUND|BACKGROUND|QUEUED
 *       XFLAGS=letters: t recipients from the header (RCPTs are exclusions), m me too,
 *       n no aliases, N dry run, v verbose, f the sender was given (-f),
 *       u it was not: the reverse-path is the submitter's own address
 *       XHOST and XADDRESS of an untrusted user are not taken over.
 *       An untrusted user's reverse-path is replaced by his own address unless null or
 * his.
 *
 *   RCPT TO:<address>: any form of address Smail knows (a!b!c, a%b, no domain), no limit
 * of number, not verified; what cannot be parsed gets 501 5.1.3.
 *
 *   At the end of data: "250 2.0.0 ID accepted". With XMODE=FOREGROUND a second reply
 *       follows when the first attempt of every address is over: a line for each,
 *       "250-2.1.5 <addr> delivered", "450-4.x.x <addr> deferred: why", "550-5.x.x <addr>
 *       failed: why"; its last line's code is the worst of them, "250 2.0.0 done".
 *       (Codes differ inside that one reply; only our own commands read it.)
 *
 *   Text from the local socket may have bare LF line ends; they become CRLF.
 *
 *   XCTL word word ...: operator's requests; words in xtext. Replies are lines
 * "250-xtext" of any number and a last "250 ..." or an error code. (Line limit of a reply
 * here: 64 KiB.)
 */
#ifndef SMTP_LOCAL_H
#define SMTP_LOCAL_H

#include "base/error.h"
#include "mail/envelope.h"

/*
 * The X parameters of MAIL for what `envelope` has of them, each with a blank before it:
 * " XPROGRAM=rmail XERRORS=QUIET", "" for none. Values may hold any octets but controls.
 */
const char *local_mail_parameters(const struct envelope *envelope, const char *flags,
                                  struct arena *arena);
/* The xtext of RFC 3461 as used here: 8-bit octets may be inside; controls become '?'. */
const char *local_text_encode(const char *value, struct arena *arena);
/* False for anything that local_text_encode() does not write, controls above all. */
bool local_text_decode(struct span text, struct arena *arena, const char **value);
/* False: permanent 5.5.4, naming the parameter. `flags` gets the letters of XFLAGS. */
bool local_mail_parameter(struct span name, struct span value, struct arena *arena,
                          struct envelope *envelope, const char **flags,
                          struct error *error);

#endif
