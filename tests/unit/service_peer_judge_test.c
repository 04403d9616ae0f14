/* Whom a Windows service serves, from the facts alone: what each condition refuses, with which
 * error, and who counts as an administrator. That the facts are read rightly is tested where there
 * is a Windows interface; that the kernel keeps callers apart only a real Windows can show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "protocol/errors.h"
#include "service/peer.h"

enum {
    KNOWN = 1,
    ANONYMOUS = 2,
    GUEST = 4,
    APP_CONTAINER = 8,
    ELEVATED = 16,
    ADMINISTRATORS = 32,
    SAME_ACCOUNT = 64,
    SAME_ELEVATION = 128,
    IMPERSONATES = 256,
    ALL = 511,
    USER = KNOWN | IMPERSONATES,
    ITSELF = KNOWN | SAME_ACCOUNT | SAME_ELEVATION, /* of a service without the privilege */
};

static struct peer_facts facts_of(enum peer_level level, uint32_t integrity, unsigned flags)
{
    return (struct peer_facts){
        .level = level,
        .integrity = integrity,
        .known = (flags & KNOWN) != 0,
        .anonymous = (flags & ANONYMOUS) != 0,
        .guest = (flags & GUEST) != 0,
        .app_container = (flags & APP_CONTAINER) != 0,
        .elevated = (flags & ELEVATED) != 0,
        .in_administrators = (flags & ADMINISTRATORS) != 0,
        .same_account = (flags & SAME_ACCOUNT) != 0,
        .same_elevation = (flags & SAME_ELEVATION) != 0,
        .service_impersonates = (flags & IMPERSONATES) != 0,
    };
}

static const struct {
    const char *name;
    enum peer_level level;
    uint32_t integrity;
    unsigned flags;
    int code;
    const char *reason; /* a part of it */
    bool administrator;
} rows[] = {
    {"a user", PEER_LEVEL_IMPERSONATION, 0x2000, USER, JERR_NONE, NULL, false},
    {"at the delegation level", PEER_LEVEL_DELEGATION, 0x2000, USER, JERR_NONE, NULL, false},
    {"the service's own account", PEER_LEVEL_IMPERSONATION, 0x2000, USER | SAME_ACCOUNT, JERR_NONE,
     NULL, false},
    {"an elevated administrator", PEER_LEVEL_IMPERSONATION, 0x3000,
     USER | ELEVATED | ADMINISTRATORS, JERR_NONE, NULL, true},
    {"the system itself", PEER_LEVEL_IMPERSONATION, 0x4000,
     USER | ELEVATED | ADMINISTRATORS | SAME_ACCOUNT, JERR_NONE, NULL, true},
    {"an administrator who is not elevated", PEER_LEVEL_IMPERSONATION, 0x2000,
     USER | ADMINISTRATORS, JERR_NONE, NULL, false},
    {"elevated, with Administrators for deny only", PEER_LEVEL_IMPERSONATION, 0x3000,
     USER | ELEVATED, JERR_NONE, NULL, false},
    {"an anonymous level, of which nothing else is known", PEER_LEVEL_ANONYMOUS, 0x2000, 0,
     JERR_IDENTITY_LEVEL, "Anonymous", false},
    {"an anonymous level", PEER_LEVEL_ANONYMOUS, 0x2000, USER, JERR_IDENTITY_LEVEL, "Anonymous",
     false},
    {"an identification level", PEER_LEVEL_IDENTIFICATION, 0x2000, USER, JERR_IDENTITY_LEVEL,
     "Identification", false},
    {"an identification level, of an administrator", PEER_LEVEL_IDENTIFICATION, 0x2000,
     USER | ELEVATED | ADMINISTRATORS, JERR_IDENTITY_LEVEL, "Identification", false},
    {"a token that cannot be read", PEER_LEVEL_IMPERSONATION, 0x2000, IMPERSONATES,
     JERR_IDENTITY_REFUSED, "read", false},
    {"the anonymous logon", PEER_LEVEL_IMPERSONATION, 0x2000, USER | ANONYMOUS,
     JERR_IDENTITY_REFUSED, "anonymous", false},
    {"a guest", PEER_LEVEL_IMPERSONATION, 0x2000, USER | GUEST, JERR_IDENTITY_REFUSED, "guest",
     false},
    {"a guest who is an administrator", PEER_LEVEL_IMPERSONATION, 0x2000,
     USER | GUEST | ELEVATED | ADMINISTRATORS, JERR_IDENTITY_REFUSED, "guest", false},
    {"an AppContainer", PEER_LEVEL_IMPERSONATION, 0x2000, USER | APP_CONTAINER,
     JERR_IDENTITY_REFUSED, "AppContainer", false},
    {"low integrity", PEER_LEVEL_IMPERSONATION, 0x1000, USER, JERR_IDENTITY_REFUSED, "integrity",
     false},
    {"untrusted", PEER_LEVEL_IMPERSONATION, 0, USER, JERR_IDENTITY_REFUSED, "integrity", false},
    {"just below medium", PEER_LEVEL_IMPERSONATION, 0x1FFF, USER, JERR_IDENTITY_REFUSED,
     "integrity", false},
    {"medium plus", PEER_LEVEL_IMPERSONATION, 0x2100, USER, JERR_NONE, NULL, false},
    /* A service without SeImpersonatePrivilege. */
    {"itself", PEER_LEVEL_IMPERSONATION, 0x2000, ITSELF, JERR_NONE, NULL, false},
    {"itself, elevated", PEER_LEVEL_IMPERSONATION, 0x3000, ITSELF | ELEVATED | ADMINISTRATORS,
     JERR_NONE, NULL, true},
    {"its account with another elevation", PEER_LEVEL_IMPERSONATION, 0x2000, KNOWN | SAME_ACCOUNT,
     JERR_IDENTITY_REFUSED, "SeImpersonatePrivilege", false},
    {"somebody else", PEER_LEVEL_IMPERSONATION, 0x2000, KNOWN | SAME_ELEVATION,
     JERR_IDENTITY_REFUSED, "SeImpersonatePrivilege", false},
    {"somebody else, whose level the system lowered because of that", PEER_LEVEL_IDENTIFICATION,
     0x2000, KNOWN, JERR_IDENTITY_REFUSED, "SeImpersonatePrivilege", false},
    {"itself at the identification level", PEER_LEVEL_IDENTIFICATION, 0x2000, ITSELF,
     JERR_IDENTITY_LEVEL, "Identification", false},
    {"itself in an AppContainer", PEER_LEVEL_IMPERSONATION, 0x2000, ITSELF | APP_CONTAINER,
     JERR_IDENTITY_REFUSED, "AppContainer", false},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer_facts facts = facts_of(rows[i].level, rows[i].integrity, rows[i].flags);
        struct peer_verdict verdict = peer_judge(&facts);
        print_message("%s\n", rows[i].name);
        assert_int_equal(verdict.code, rows[i].code);
        assert_int_equal(verdict.administrator, rows[i].administrator);
        if (rows[i].reason == NULL) {
            assert_null(verdict.reason);
        } else {
            assert_non_null(verdict.reason);
            assert_non_null(strstr(verdict.reason, rows[i].reason));
        }
    }
}

/* Every combination of what the facts can be: served is only who meets every condition at once. */
static void test_all_combinations(void **state)
{
    static const uint32_t integrities[] = {0, 0x1000, 0x2000, 0x3000};
    unsigned served = 0;
    (void)state;
    for (unsigned flags = 0; flags <= ALL; flags++) {
        for (unsigned level = 0; level < 4; level++) {
            for (unsigned i = 0; i < 4; i++) {
                struct peer_facts facts = facts_of((enum peer_level)level, integrities[i], flags);
                struct peer_verdict verdict = peer_judge(&facts);
                bool itself = (flags & SAME_ACCOUNT) && (flags & SAME_ELEVATION);
                bool expected = (flags & KNOWN) && !(flags & (ANONYMOUS | GUEST | APP_CONTAINER)) &&
                                level >= PEER_LEVEL_IMPERSONATION && integrities[i] >= 0x2000 &&
                                ((flags & IMPERSONATES) || itself);
                bool administrator = expected && (flags & ELEVATED) && (flags & ADMINISTRATORS);
                assert_int_equal(verdict.code == JERR_NONE, expected);
                assert_int_equal(verdict.administrator, administrator);
                assert_int_equal(verdict.reason == NULL, expected);
                served += expected;
            }
        }
    }
    /* Two levels, two integrities, elevated or not, administrators or not, and of the last three
     * facts five combinations. */
    assert_int_equal(served, 2 * 2 * 2 * 2 * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_all_combinations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
