/* Callers of the pipe: what is read from a token, capture, and the scope that makes a thread the
 * caller. What must never happen ends the process, so it happens in a child of this program.
 *
 * Under Wine impersonation gives the server's own token and no access is checked: this proves which
 * calls are made and what becomes of their failures, not that the kernel keeps callers apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>
#include <sddl.h>

#include <stdio.h>
#include <string.h>

#include "protocol/errors.h"
#include "service/peer_win.h"

#define PIPE_FORMAT "\\\\.\\pipe\\junction-peer-test-%lu"

/* ---- a connection, and a caller behind it ---- */

struct ends {
    HANDLE server, client;
};

static void ends_open(struct ends *ends)
{
    char name[64];
    char byte = 'x';
    DWORD moved;
    snprintf(name, sizeof name, PIPE_FORMAT, GetCurrentProcessId());
    ends->server = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_WAIT, 4, 4096,
                                    4096, 0, NULL);
    assert_true(ends->server != INVALID_HANDLE_VALUE);
    ends->client = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                               SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION, NULL);
    assert_true(ends->client != INVALID_HANDLE_VALUE);
    assert_true(WriteFile(ends->client, &byte, 1, &moved, NULL));
    assert_true(ReadFile(ends->server, &byte, 1, &moved, NULL));
}

static void ends_close(struct ends *ends)
{
    CloseHandle(ends->client);
    CloseHandle(ends->server);
}

static struct peer *capture(const struct peer_calls *calls)
{
    struct ends ends;
    struct peer *peer = NULL;
    struct message_error error;
    const char *reason = NULL;
    memset(&error, 0, sizeof error);
    ends_open(&ends);
    assert_int_equal(peer_capture_by(calls, ends.server, &peer, &error, &reason), 0);
    ends_close(&ends);
    assert_non_null(peer);
    return peer;
}

/* A copy of this process' token, with some groups for deny only, at a level. */
static HANDLE make_token(const WELL_KNOWN_SID_TYPE *denied, DWORD count,
                         SECURITY_IMPERSONATION_LEVEL level)
{
    BYTE sids[4][SECURITY_MAX_SID_SIZE];
    SID_AND_ATTRIBUTES groups[4];
    HANDLE own = NULL, restricted = NULL, token = NULL;
    for (DWORD i = 0; i < count; i++) {
        DWORD size = sizeof sids[i];
        assert_true(CreateWellKnownSid(denied[i], NULL, sids[i], &size));
        groups[i].Sid = sids[i];
        groups[i].Attributes = 0;
    }
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own));
    assert_true(CreateRestrictedToken(own, 0, count, groups, 0, NULL, 0, NULL, &restricted));
    assert_true(
        DuplicateTokenEx(restricted, TOKEN_ALL_ACCESS, NULL, level, TokenImpersonation, &token));
    CloseHandle(restricted);
    CloseHandle(own);
    return token;
}

static bool thread_is_bare(void)
{
    HANDLE token = NULL;
    if (OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) {
        CloseHandle(token);
        return false;
    }
    return GetLastError() == ERROR_NO_TOKEN;
}

/* ---- calls that fail ---- */

static BOOL fail_with(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

static BOOL impersonate_fails(HANDLE pipe)
{
    (void)pipe;
    return fail_with(ERROR_CANNOT_IMPERSONATE);
}

static BOOL revert_fails(void)
{
    return fail_with(ERROR_ACCESS_DENIED);
}

static BOOL open_is_denied(DWORD access, HANDLE *token)
{
    (void)access;
    (void)token;
    return fail_with(ERROR_ACCESS_DENIED);
}

static BOOL open_is_anonymous(DWORD access, HANDLE *token)
{
    (void)access;
    (void)token;
    return fail_with(ERROR_CANT_OPEN_ANONYMOUS);
}

static BOOL open_lacks_memory(DWORD access, HANDLE *token)
{
    (void)access;
    (void)token;
    return fail_with(ERROR_NOT_ENOUGH_MEMORY);
}

static BOOL open_only_bare(DWORD access, HANDLE *token)
{
    return thread_is_bare() ? peer_calls_system.open_thread_token(access, token)
                            : fail_with(ERROR_NOT_ENOUGH_MEMORY);
}

static BOOL open_identification(DWORD access, HANDLE *token)
{
    (void)access;
    *token = make_token(NULL, 0, SecurityIdentification);
    return TRUE;
}

static BOOL open_without_administrators(DWORD access, HANDLE *token)
{
    static const WELL_KNOWN_SID_TYPE denied[] = {WinBuiltinAdministratorsSid};
    (void)access;
    *token = make_token(denied, 1, SecurityImpersonation);
    return TRUE;
}

static BOOL set_fails(HANDLE token)
{
    (void)token;
    return fail_with(ERROR_ACCESS_DENIED);
}

/* What the system does for a service without SeImpersonatePrivilege. */
static BOOL set_lowers(HANDLE token)
{
    HANDLE lower = NULL;
    if (token != NULL && !DuplicateTokenEx(token, TOKEN_QUERY | TOKEN_IMPERSONATE, NULL,
                                           SecurityIdentification, TokenImpersonation, &lower)) {
        return FALSE;
    }
    BOOL set = peer_calls_system.set_thread_token(lower);
    if (lower != NULL) {
        CloseHandle(lower);
    }
    return set;
}

static BOOL set_does_not_clear(HANDLE token)
{
    return token != NULL ? peer_calls_system.set_thread_token(token)
                         : fail_with(ERROR_ACCESS_DENIED);
}

/* ---- facts ---- */

static void test_facts_of_this_process(void **state)
{
    struct peer_facts facts;
    HANDLE own = NULL;
    TOKEN_ELEVATION elevation;
    DWORD size;
    (void)state;
    HANDLE token = make_token(NULL, 0, SecurityImpersonation);
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &own));
    assert_true(GetTokenInformation(own, TokenElevation, &elevation, sizeof elevation, &size));
    peer_read_facts(token, &facts);
    assert_true(facts.known);
    assert_int_equal(facts.level, PEER_LEVEL_IMPERSONATION);
    assert_true(facts.same_account);
    assert_true(facts.same_elevation);
    assert_int_equal(facts.elevated, elevation.TokenIsElevated != 0);
    assert_false(facts.anonymous);
    assert_false(facts.guest);
    assert_false(facts.app_container);
    assert_true(facts.integrity >= 0x2000);
    CloseHandle(own);
    CloseHandle(token);
}

static void test_deny_only_administrator(void **state)
{
    static const WELL_KNOWN_SID_TYPE denied[] = {WinBuiltinAdministratorsSid};
    struct peer_facts facts;
    (void)state;
    HANDLE token = make_token(denied, 1, SecurityImpersonation);
    peer_read_facts(token, &facts);
    assert_true(facts.known);
    assert_false(facts.in_administrators);
    assert_int_equal(peer_judge(&facts).code, JERR_NONE);
    assert_false(peer_judge(&facts).administrator);
    CloseHandle(token);
    /* The same account with the group enabled is one, where this runs elevated. */
    token = make_token(NULL, 0, SecurityImpersonation);
    peer_read_facts(token, &facts);
    assert_int_equal(peer_judge(&facts).administrator, facts.elevated && facts.in_administrators);
    if (facts.elevated) {
        assert_true(facts.in_administrators);
    }
    CloseHandle(token);
}

/* Every way in which a service may have SeImpersonatePrivilege or not: its own token is what
 * counts, here that of this process, of which the privilege is switched. */
static void test_privilege_of_the_service(void **state)
{
    struct peer_facts facts;
    TOKEN_PRIVILEGES off = {.PrivilegeCount = 1}, before;
    DWORD size = sizeof before;
    HANDLE own = NULL;
    (void)state;
    assert_true(LookupPrivilegeValueW(NULL, SE_IMPERSONATE_NAME, &off.Privileges[0].Luid));
    HANDLE token = make_token(NULL, 0, SecurityImpersonation);
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &own));
    assert_true(AdjustTokenPrivileges(own, FALSE, &off, sizeof before, &before, &size));
    peer_read_facts(token, &facts);
    assert_true(facts.known);
    assert_false(facts.service_impersonates);
    TOKEN_PRIVILEGES on = off;
    on.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    assert_true(AdjustTokenPrivileges(own, FALSE, &on, 0, NULL, NULL));
    if (GetLastError() == ERROR_SUCCESS) { /* else this account has no such privilege */
        peer_read_facts(token, &facts);
        assert_true(facts.service_impersonates);
    }
    CloseHandle(own);
    CloseHandle(token);
}

static void test_level(void **state)
{
    struct peer_facts facts;
    (void)state;
    HANDLE token = make_token(NULL, 0, SecurityIdentification);
    peer_read_facts(token, &facts);
    assert_int_equal(facts.level, PEER_LEVEL_IDENTIFICATION);
    assert_int_equal(peer_judge(&facts).code, JERR_IDENTITY_LEVEL);
    CloseHandle(token);
    peer_read_facts(NULL, &facts);
    assert_int_equal(facts.level, PEER_LEVEL_ANONYMOUS);
    assert_int_equal(peer_judge(&facts).code, JERR_IDENTITY_LEVEL);
}

static void test_guest_accounts(void **state)
{
    static const struct {
        const char *sid;
        bool guest;
    } rows[] = {
        {"S-1-5-21-1-2-3-501", true},  {"S-1-5-21-4294967295-4294967295-4294967295-501", true},
        {"S-1-5-21-1-2-3-500", false}, {"S-1-5-21-1-2-3-1501", false},
        {"S-1-5-21-1-2-501", false},   {"S-1-5-21-1-2-3-4-501", false},
        {"S-1-5-22-1-2-3-501", false}, {"S-1-6-21-1-2-3-501", false},
        {"S-1-5-501", false},          {"S-1-5-18", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PSID sid = NULL;
        assert_true(ConvertStringSidToSidA(rows[i].sid, &sid));
        assert_int_equal(peer_is_guest_account(sid), rows[i].guest);
        LocalFree(sid);
    }
}

/* ---- capture ---- */

static void test_capture(void **state)
{
    (void)state;
    struct peer *peer = capture(&peer_calls_system);
    assert_int_equal(strncmp(peer_key(peer), "sid:S-1-5-", 10), 0);
    assert_int_equal(peer_pid(peer), (long)GetCurrentProcessId());
    assert_true(thread_is_bare());
    assert_ptr_equal(peer_hold(peer), peer);
    peer_release(peer);
    peer_release(peer);
}

static void test_capture_restricted(void **state)
{
    struct peer_calls calls = peer_calls_system;
    (void)state;
    calls.open_thread_token = open_without_administrators;
    struct peer *peer = capture(&calls);
    assert_false(peer_is_administrator(peer));
    peer_release(peer);
}

static void refused_capture(const struct peer_calls *calls, int code, int os, const char *why)
{
    struct ends ends;
    struct peer *peer = NULL;
    struct message_error error;
    const char *reason = NULL;
    memset(&error, 0, sizeof error);
    ends_open(&ends);
    assert_int_equal(peer_capture_by(calls, ends.server, &peer, &error, &reason), -1);
    ends_close(&ends);
    assert_null(peer);
    assert_int_equal(error.code, code);
    assert_int_equal(error.os, os);
    assert_non_null(reason);
    assert_non_null(strstr(reason, why));
    /* The caller is not told the exact reason. */
    assert_null(strstr(error.text, why));
    assert_true(thread_is_bare());
    message_error_clear(&error);
}

static void test_capture_fails(void **state)
{
    struct peer_calls calls = peer_calls_system;
    (void)state;
    calls.impersonate = impersonate_fails;
    refused_capture(&calls, JERR_IDENTITY_REFUSED, ERROR_CANNOT_IMPERSONATE, "cannot be had");
    calls = peer_calls_system;
    calls.open_thread_token = open_lacks_memory;
    refused_capture(&calls, JERR_IDENTITY_REFUSED, ERROR_NOT_ENOUGH_MEMORY, "cannot be had");
    calls.open_thread_token = open_is_anonymous;
    refused_capture(&calls, JERR_IDENTITY_LEVEL, 0, "Anonymous");
    calls.open_thread_token = open_identification;
    refused_capture(&calls, JERR_IDENTITY_LEVEL, 0, "Identification");
}

/* ---- the scope ---- */

static void test_scope(void **state)
{
    (void)state;
    struct peer *peer = capture(&peer_calls_system);
    struct engine_scope scope = peer_scope(peer);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scope.enter(scope.who), 0);
        assert_false(thread_is_bare());
        scope.leave(scope.who);
        assert_true(thread_is_bare());
    }
    peer_release(peer);
}

/* Nothing is on after an enter that failed. */
static void test_enter_fails(void **state)
{
    static const struct {
        BOOL (*open)(DWORD, HANDLE *);
        BOOL (*set)(HANDLE);
        int error;
    } rows[] = {
        {open_lacks_memory, NULL, ERROR_NOT_ENOUGH_MEMORY},
        {NULL, set_fails, ERROR_ACCESS_DENIED},
        {NULL, set_lowers, ERROR_BAD_IMPERSONATION_LEVEL},
        {open_only_bare, NULL, ERROR_NOT_ENOUGH_MEMORY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer_calls calls = peer_calls_system;
        struct peer *peer = capture(&calls);
        struct engine_scope scope = peer_scope(peer);
        if (rows[i].open != NULL) {
            calls.open_thread_token = rows[i].open;
        }
        if (rows[i].set != NULL) {
            calls.set_thread_token = rows[i].set;
        }
        assert_int_equal(scope.enter(scope.who), rows[i].error);
        assert_true(thread_is_bare());
        peer_release(peer);
    }
}

/* ---- what ends the process ---- */

static int die_entering_with_a_token(void)
{
    struct peer *peer = capture(&peer_calls_system);
    struct engine_scope scope = peer_scope(peer);
    if (scope.enter(scope.who) != 0) {
        return 1;
    }
    (void)scope.enter(scope.who); /* the first was not left */
    return 0;
}

static int die_entering(BOOL (*open)(DWORD, HANDLE *))
{
    struct peer_calls calls = peer_calls_system;
    struct peer *peer = capture(&calls);
    struct engine_scope scope = peer_scope(peer);
    calls.open_thread_token = open;
    (void)scope.enter(scope.who);
    return 0;
}

static int die_entering_denied(void)
{
    return die_entering(open_is_denied);
}

static int die_entering_anonymous(void)
{
    return die_entering(open_is_anonymous);
}

static int die_leaving(void)
{
    struct peer_calls calls = peer_calls_system;
    struct peer *peer = capture(&calls);
    struct engine_scope scope = peer_scope(peer);
    if (scope.enter(scope.who) != 0) {
        return 1;
    }
    calls.set_thread_token = set_fails;
    scope.leave(scope.who);
    return 0;
}

/* What was put on turns out to be too little, and cannot be taken off. */
static int die_reading_back(void)
{
    struct peer_calls calls = peer_calls_system;
    struct peer *peer = capture(&calls);
    struct engine_scope scope = peer_scope(peer);
    calls.open_thread_token = open_only_bare;
    calls.set_thread_token = set_does_not_clear;
    (void)scope.enter(scope.who);
    return 0;
}

static int die_reverting(void)
{
    struct peer_calls calls = peer_calls_system;
    struct ends ends;
    struct peer *peer;
    struct message_error error;
    const char *reason;
    memset(&error, 0, sizeof error);
    ends_open(&ends);
    calls.revert = revert_fails;
    (void)peer_capture_by(&calls, ends.server, &peer, &error, &reason);
    return 0;
}

/* None that should come back: the way that is taken when all goes well. */
static int live(void)
{
    struct peer *peer = capture(&peer_calls_system);
    struct engine_scope scope = peer_scope(peer);
    if (scope.enter(scope.who) != 0) {
        return 1;
    }
    scope.leave(scope.who);
    peer_release(peer);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
    DWORD status; /* 3 is that of abort() */
} deaths[] = {
    {"live", live, 0},
    {"enter-with-a-token", die_entering_with_a_token, 3},
    {"enter-denied", die_entering_denied, 3},
    {"enter-anonymous", die_entering_anonymous, 3},
    {"leave", die_leaving, 3},
    {"read-back", die_reading_back, 3},
    {"revert", die_reverting, 3},
};

static void test_deaths(void **state)
{
    char self[MAX_PATH];
    (void)state;
    assert_in_range(GetModuleFileNameA(NULL, self, sizeof self), 1, sizeof self - 1);
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        char command[MAX_PATH + 64];
        STARTUPINFOA startup = {.cb = sizeof startup};
        PROCESS_INFORMATION child;
        DWORD status = 12345;
        snprintf(command, sizeof command, "\"%s\" --child %s", self, deaths[i].name);
        assert_true(
            CreateProcessA(self, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child));
        WaitForSingleObject(child.hProcess, INFINITE);
        assert_true(GetExitCodeProcess(child.hProcess, &status));
        CloseHandle(child.hThread);
        CloseHandle(child.hProcess);
        print_message("%s: exit %lu\n", deaths[i].name, status);
        assert_int_equal(status, deaths[i].status);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_of_this_process),
        cmocka_unit_test(test_deny_only_administrator),
        cmocka_unit_test(test_privilege_of_the_service),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_guest_accounts),
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_capture_restricted),
        cmocka_unit_test(test_capture_fails),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_enter_fails),
        cmocka_unit_test(test_deaths),
    };
    if (count == 3 && strcmp(arguments[1], "--child") == 0) {
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
        for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
            if (strcmp(arguments[2], deaths[i].name) == 0) {
                return deaths[i].run();
            }
        }
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
