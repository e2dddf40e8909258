/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session driven from an array, with a host of a few lines, for tests: what the client
 * sends goes in whole, byte by byte or in pieces, and what came of it is kept as text.
 */
#ifndef TESTS_UNIT_SMTP_DIALOGUE_H
#define TESTS_UNIT_SMTP_DIALOGUE_H

#include "base/arena.h"
#include "base/text.h"
#include "smtp/session.h"

enum dialogue_peer { PEER_STRANGER, PEER_FRIEND, PEER_USER, PEER_TRUSTED };

struct dialogue_message {
    struct envelope envelope; /* strings in the dialogue's arena */
    struct text content;
};

struct dialogue {
    struct arena *arena;
    struct smtp_options options;
    struct smtp_peer peer;
    struct smtp_session *session;
    bool answer_later; /* answers come after smtp_session_input() has returned */
    bool no_room, no_begin, commit_fails, shut_in_begin;

    struct text output;  /* all replies */
    struct text current; /* content of the message under way */
    struct dialogue_message messages[8];
    size_t message_count;
    int begun, aborted;
    struct text asked; /* recipients that the host was asked about, a blank behind each */
    struct text controls;

    /* a request that waits */
    const char *recipient;
    bool commit;
    bool control;
};

struct dialogue *dialogue_new(enum dialogue_peer peer);
void dialogue_free(struct dialogue *dialogue);

/*
 * Send text in pieces of `piece` octets (0: whole; below 0: of random lengths up to
 * that). Answers are given as the host would, replies are collected. Returns octets
 * consumed.
 */
size_t dialogue_send(struct dialogue *dialogue, struct span text, int piece);
/* The codes of all replies, a blank between them: "220 250 354". */
const char *dialogue_codes(const struct dialogue *dialogue);

#endif
