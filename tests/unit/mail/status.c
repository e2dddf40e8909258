/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Codes: RFC 3463, RFC 5321 4.2, RFC 5248, reference 9.8. */
#include "mail/status.h"

#include <stddef.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(enhanced_codes_are_checked)
{
    static const struct {
        const char *status;
        int code;
        bool valid;
    } rows[] = {
        {"5.1.1", 550, true},   {"2.0.0", 250, true},   {"4.7.123", 421, true},
        {"5.999.999", 0, true}, {"5.1.1", 0, true},     {"5.1.1", 450, false},
        {"4.1.1", 550, false},  {"3.1.1", 0, false},    {"1.1.1", 0, false},
        {"5.1", 0, false},      {"5.1.", 0, false},     {"5..1", 0, false},
        {"5.1.1.", 0, false},   {"5.1.1000", 0, false}, {"5.1.01", 0, false},
        {"5.01.1", 0, false},   {"55.1.1", 0, false},   {"5.1.1 ", 0, false},
        {"", 0, false},         {"5.1.-1", 0, false},   {"5,1,1", 0, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(status_is_valid(span_of(rows[i].status), rows[i].code) ==
                          rows[i].valid,
                      "%s %d", rows[i].status, rows[i].code);
}
END_TEST

START_TEST(a_reply_has_a_status_in_any_case)
{
    static const struct {
        int code;
        const char *text, *status;
    } rows[] = {
        {550, "5.1.1 no such user", "5.1.1"},
        {550, "5.7.123", "5.7.123"},
        {250, "2.1.5 Ok", "2.1.5"},
        {250, "Ok", "2.0.0"},
        {550, "4.1.1 odd", "5.0.0"}, /* not of its class */
        {550, "5.123.456 long", "5.0.0"},
        {550, "User unknown", "5.0.0"},
        {550, "", "5.0.0"},
        {451, "try later", "4.3.0"},
        {452, "full", "4.3.1"},
        {421, "bye", "4.3.2"},
        {499, "odd", "4.0.0"},
        {552, "quota", "5.2.2"},
        {354, "go on", "4.0.0"}, /* where it was not expected: try again */
        {0, "5.1.1", "4.0.0"},
        {-1, "", "4.0.0"},
        {999, "", "4.0.0"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char status[8];

        status_from_reply(rows[i].code, span_of(rows[i].text), status);
        ck_assert_str_eq(status, rows[i].status);
    }
}
END_TEST

START_TEST(a_status_has_a_reply)
{
    static const struct {
        const char *status;
        bool permanent;
        int code;
    } rows[] = {
        {"5.1.1", true, 550},  {"5.1.3", true, 553},  {"5.1.7", true, 553},
        {"5.1.10", true, 556}, {"5.2.2", true, 552},  {"4.2.2", false, 452},
        {"5.3.4", true, 552},  {"4.3.0", false, 451}, {"4.3.1", false, 452},
        {"4.3.5", false, 451}, {"5.4.6", true, 554},  {"5.5.1", true, 503},
        {"5.5.2", true, 501},  {"5.5.4", true, 501},  {"4.5.3", false, 452},
        {"5.6.7", true, 553},  {"5.7.1", true, 550},  {"5.7.8", true, 535},
        {"4.7.1", false, 451}, {"", true, 554},       {"", false, 451},
        {"x", true, 554},      {"5.9.9", true, 554},  {"5.1.1", false, 450},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(reply_from_status(rows[i].status, rows[i].permanent) ==
                          rows[i].code,
                      "%s: %d", rows[i].status,
                      reply_from_status(rows[i].status, rows[i].permanent));
}
END_TEST

START_TEST(a_permanent_error_never_gets_a_temporary_reply)
{
    for (int subject = 0; subject < 10; subject++) {
        for (int detail = 0; detail < 30; detail++) {
            char status[] = {'5',
                             '.',
                             (char)('0' + subject),
                             '.',
                             (char)('0' + detail / 10),
                             (char)('0' + detail % 10),
                             '\0'};

            ck_assert_int_eq(reply_from_status(status, true) / 100, 5);
            ck_assert_int_eq(reply_from_status(status, false) / 100, 4);
        }
    }
}
END_TEST

START_TEST(numbers_have_their_meaning)
{
    ck_assert_str_eq(smail_error_meaning(ERR_UNKNOWN_USER), "unknown user");
    ck_assert_str_eq(smail_error_meaning(ERR_LITERAL), "malformed domain literal");
    ck_assert_ptr_nonnull(smail_error_meaning(ERR_RESOLVE_TIMEOUT));
    ck_assert_ptr_null(smail_error_meaning(0));
    ck_assert_ptr_null(smail_error_meaning(108));
    ck_assert_ptr_null(smail_error_meaning(-1));
}
END_TEST

TCase *
mail_status_case(void)
{
    TCase *tcase = tcase_create("mail_status");

    tcase_add_test(tcase, enhanced_codes_are_checked);
    tcase_add_test(tcase, a_reply_has_a_status_in_any_case);
    tcase_add_test(tcase, a_status_has_a_reply);
    tcase_add_test(tcase, a_permanent_error_never_gets_a_temporary_reply);
    tcase_add_test(tcase, numbers_have_their_meaning);
    return tcase;
}
