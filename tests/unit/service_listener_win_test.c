/* Where callers come in: what the descriptor of the pipe says, entry by entry and in the judgement
 * of AccessCheck, and that the listener lives through failing calls.
 *
 * Wine does not hold clients against a pipe's descriptor: that Windows does only a real one shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>
#include <sddl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/listener_win.h"

#define PROTECTED L"\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Junction"
#define ACCOUNT   "S-1-5-21-1-2-3-1001"

#define USE             0x12019Bu /* read and write, without adding an instance */
#define CLIENT          (FILE_GENERIC_READ | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES)
#define CREATE_INSTANCE 0x4u
#define POWER           (CREATE_INSTANCE | WRITE_DAC | WRITE_OWNER | DELETE)

static GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                                  FILE_ALL_ACCESS};

static PSECURITY_DESCRIPTOR describe(const wchar_t *name, const wchar_t *account, bool elevated)
{
    wchar_t text[LISTENER_DESCRIPTOR_SIZE];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    assert_int_equal(listener_descriptor(name, account, elevated, text), 0);
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                                     &descriptor, NULL));
    return descriptor;
}

/* What the entries give to somebody who is all of these, in their order, as the system does it:
 * what was denied before it was allowed stays denied. */
static ACCESS_MASK granted(PSECURITY_DESCRIPTOR descriptor, const char *const *who)
{
    BOOL present = FALSE, defaulted;
    PACL dacl = NULL;
    ACCESS_MASK allowed = 0, denied = 0;
    assert_true(GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted));
    assert_true(present && dacl != NULL);
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        bool meant = false;
        assert_true(GetAce(dacl, i, (void **)&ace));
        assert_int_equal(ace->Header.AceFlags, 0);
        for (const char *const *at = who; *at != NULL && !meant; at++) {
            PSID sid = NULL;
            assert_true(ConvertStringSidToSidA(*at, &sid));
            meant = EqualSid(sid, (PSID)&ace->SidStart);
            LocalFree(sid);
        }
        if (!meant) {
            continue;
        }
        ACCESS_MASK mask = ace->Mask;
        MapGenericMask(&mask, &mapping);
        if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE) {
            denied |= mask & ~allowed;
        } else {
            assert_int_equal(ace->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
            allowed |= mask & ~denied;
        }
    }
    return allowed;
}

#define WHO(...)          \
    {                     \
        __VA_ARGS__, NULL \
    }
#define EVERYBODY     "S-1-1-0"
#define ANONYMOUS     "S-1-5-7"
#define AUTHENTICATED "S-1-5-11"
#define NETWORK       "S-1-5-2"
#define SYSTEM        "S-1-5-18"
#define BUILTIN_ADMIN "S-1-5-32-544"
#define BUILTIN_USERS "S-1-5-32-545"
#define GUESTS        "S-1-5-32-546"
#define OWNER_RIGHTS  "S-1-3-4"
#define STRANGER      "S-1-5-21-1-2-3-1002"
#define CONTAINERS    "S-1-15-2-1"

static const struct {
    const char *who;
    const char *groups[6];
    /* For the service proper, for one that ACCOUNT runs, and the same elevated. */
    ACCESS_MASK service, own, elevated;
} subjects[] = {
    {"SYSTEM", WHO(SYSTEM, BUILTIN_ADMIN, EVERYBODY, AUTHENTICATED), FILE_ALL_ACCESS, USE,
     FILE_ALL_ACCESS},
    {"an administrator", WHO(STRANGER, BUILTIN_ADMIN, BUILTIN_USERS, EVERYBODY, AUTHENTICATED), USE,
     USE, FILE_ALL_ACCESS},
    {"a user", WHO(STRANGER, BUILTIN_USERS, EVERYBODY, AUTHENTICATED), USE, 0, 0},
    {"a user in a remote session", WHO(STRANGER, NETWORK, BUILTIN_USERS, EVERYBODY, AUTHENTICATED),
     USE, 0, 0},
    {"the account that runs it", WHO(ACCOUNT, BUILTIN_USERS, EVERYBODY, AUTHENTICATED), USE,
     FILE_ALL_ACCESS, USE},
    {"a guest", WHO("S-1-5-21-1-2-3-501", GUESTS, EVERYBODY), 0, 0, 0},
    {"a guest who is more", WHO(STRANGER, GUESTS, BUILTIN_ADMIN, EVERYBODY, AUTHENTICATED), 0, 0,
     0},
    {"anonymous", WHO(ANONYMOUS, EVERYBODY), 0, 0, 0},
    {"anonymous, authenticated by mistake", WHO(ANONYMOUS, EVERYBODY, AUTHENTICATED), 0, 0, 0},
    {"somebody without a logon", WHO(EVERYBODY), 0, 0, 0},
    {"an AppContainer's own right", WHO(CONTAINERS), 0, 0, 0},
};

static void test_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        const ACCESS_MASK expected[] = {subjects[i].service, subjects[i].own, subjects[i].elevated};
        for (int kind = 0; kind < 3; kind++) {
            PSECURITY_DESCRIPTOR descriptor =
                describe(kind == 0 ? PROTECTED : L"\\\\.\\pipe\\test", L"" ACCOUNT, kind == 2);
            ACCESS_MASK got = granted(descriptor, subjects[i].groups);
            print_message("%s, %d: %lX\n", subjects[i].who, kind, got);
            assert_int_equal(got, expected[kind]);
            LocalFree(descriptor);
        }
    }
    /* What the table's masks are. */
    assert_int_equal(CLIENT & ~USE, 0);
    assert_int_equal(USE & POWER, 0);
    assert_int_equal(CREATE_INSTANCE, FILE_CREATE_PIPE_INSTANCE);
}

/* The name decides, whatever its letters. */
static void test_names(void **state)
{
    static const struct {
        const wchar_t *name;
        bool service;
    } rows[] = {
        {PROTECTED, true},
        {L"\\\\.\\PIPE\\protectedprefix\\administrators\\junction", true},
        {L"\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Other", true},
        {L"\\\\.\\pipe\\ProtectedPrefix", false},
        {L"\\\\.\\pipe\\ProtectedPrefixes\\x", false},
        {L"\\\\.\\pipe\\Junction.Console", false},
    };
    static const char *const user[] = {STRANGER, AUTHENTICATED, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PSECURITY_DESCRIPTOR descriptor = describe(rows[i].name, L"" ACCOUNT, false);
        assert_int_equal(granted(descriptor, user), rows[i].service ? USE : 0);
        LocalFree(descriptor);
    }
}

static void test_owner(void **state)
{
    static const char *const owner_rights[] = {OWNER_RIGHTS, NULL};
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        PSECURITY_DESCRIPTOR descriptor =
            describe(kind == 0 ? PROTECTED : L"\\\\.\\pipe\\test", L"" ACCOUNT, kind == 2);
        SECURITY_DESCRIPTOR_CONTROL control;
        DWORD revision;
        PSID owner = NULL, expected = NULL;
        BOOL defaulted;
        assert_true(GetSecurityDescriptorOwner(descriptor, &owner, &defaulted));
        assert_true(ConvertStringSidToSidA(kind == 0 ? SYSTEM : ACCOUNT, &expected));
        assert_true(EqualSid(owner, expected));
        LocalFree(expected);
        /* Nothing is inherited from anywhere. */
        assert_true(GetSecurityDescriptorControl(descriptor, &control, &revision));
        assert_true(control & SE_DACL_PROTECTED);
        /* An account that owns the pipe could otherwise write another descriptor. */
        assert_int_equal(granted(descriptor, owner_rights), kind == 0 ? 0 : READ_CONTROL);
        LocalFree(descriptor);
    }
}

/* Below medium integrity neither reading nor writing. */
static void test_label(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        PSECURITY_DESCRIPTOR descriptor =
            describe(kind == 0 ? PROTECTED : L"\\\\.\\pipe\\test", L"" ACCOUNT, kind == 2);
        BOOL present = FALSE, defaulted;
        PACL sacl = NULL;
        SYSTEM_MANDATORY_LABEL_ACE *label;
        assert_true(GetSecurityDescriptorSacl(descriptor, &present, &sacl, &defaulted));
        assert_true(present && sacl != NULL);
        assert_int_equal(sacl->AceCount, 1);
        assert_true(GetAce(sacl, 0, (void **)&label));
        assert_int_equal(label->Header.AceType, SYSTEM_MANDATORY_LABEL_ACE_TYPE);
        assert_int_equal(label->Mask,
                         SYSTEM_MANDATORY_LABEL_NO_WRITE_UP | SYSTEM_MANDATORY_LABEL_NO_READ_UP);
        assert_int_equal(*GetSidSubAuthority((PSID)&label->SidStart, 0),
                         SECURITY_MANDATORY_MEDIUM_RID);
        LocalFree(descriptor);
    }
}

static bool check(PSECURITY_DESCRIPTOR descriptor, HANDLE token, DWORD desired)
{
    PRIVILEGE_SET privileges;
    DWORD size = sizeof privileges, given = 0;
    BOOL status = FALSE;
    assert_true(
        AccessCheck(descriptor, token, desired, &mapping, &privileges, &size, &given, &status));
    return status != FALSE;
}

/* The system's own judgement, over this process' token with and without Administrators. */
static void test_access_check(void **state)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    SID_AND_ATTRIBUTES administrators = {sid, 0};
    HANDLE own = NULL, restricted = NULL, full = NULL, token = NULL;
    BOOL member = FALSE;
    (void)state;
    assert_true(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size));
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own));
    assert_true(CreateRestrictedToken(own, 0, 1, &administrators, 0, NULL, 0, NULL, &restricted));
    assert_true(DuplicateTokenEx(own, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                                 TokenImpersonation, &full));
    assert_true(DuplicateTokenEx(restricted, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                                 TokenImpersonation, &token));
    assert_true(CheckTokenMembership(full, sid, &member));

    PSECURITY_DESCRIPTOR service = describe(PROTECTED, L"" ACCOUNT, true);
    assert_true(check(service, full, CLIENT));
    assert_true(check(service, token, CLIENT));
    assert_false(check(service, full, CREATE_INSTANCE));
    assert_false(check(service, token, CREATE_INSTANCE));
    assert_false(check(service, full, WRITE_DAC));
    LocalFree(service);

    /* Somebody else's elevated service in a console: for administrators, enabled ones. */
    PSECURITY_DESCRIPTOR console = describe(L"\\\\.\\pipe\\test", L"" ACCOUNT, true);
    if (member) {
        assert_true(check(console, full, CLIENT));
        assert_true(check(console, full, CREATE_INSTANCE));
    }
    assert_false(check(console, token, CLIENT));
    assert_false(check(console, token, CREATE_INSTANCE));
    LocalFree(console);
    CloseHandle(token);
    CloseHandle(full);
    CloseHandle(restricted);
    CloseHandle(own);
}

/* ---- failing calls ---- */

/* The calls have no context. */
static volatile LONG create_calls, create_failures, connect_calls, connect_failures;
static DWORD connect_error;

/* How often an instance was to be made while the name had none. */
static volatile LONG nameless;

static HANDLE fake_create(const wchar_t *name, bool first, SECURITY_ATTRIBUTES *attributes)
{
    if (!first && !WaitNamedPipeW(name, 1) && GetLastError() == ERROR_FILE_NOT_FOUND)
        InterlockedIncrement(&nameless);
    if (!first && InterlockedIncrement(&create_calls) <= create_failures) {
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return INVALID_HANDLE_VALUE;
    }
    return listener_calls_system.create(name, first, attributes);
}

static BOOL fake_connect(HANDLE pipe, OVERLAPPED *overlapped)
{
    if (InterlockedIncrement(&connect_calls) <= connect_failures) {
        SetLastError(connect_error);
        return FALSE;
    }
    return listener_calls_system.connect(pipe, overlapped);
}

#define CLIENTS 40

struct scene {
    uv_loop_t loop;
    struct listener *listener;
    char name[64];
    volatile LONG arrived;
};

static void free_pipe(uv_handle_t *handle)
{
    free(handle);
}

static void on_connection(void *context, uv_pipe_t *pipe)
{
    struct scene *scene = context;
    uv_close((uv_handle_t *)pipe, free_pipe);
    if (InterlockedIncrement(&scene->arrived) == CLIENTS) {
        listener_close(scene->listener, NULL, NULL);
    }
}

/* Whatever the listener goes through, so many connections come through in the end. */
static DWORD WINAPI connect_all(void *context)
{
    struct scene *scene = context;
    while (scene->arrived < CLIENTS) {
        char byte;
        DWORD got;
        HANDLE pipe =
            CreateFileA(scene->name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
        if (pipe == INVALID_HANDLE_VALUE) {
            Sleep(5);
            continue;
        }
        /* Until the other end is closed: one that leaves too early is no connection. */
        (void)ReadFile(pipe, &byte, 1, &got, NULL);
        CloseHandle(pipe);
    }
    return 0;
}

static void play(LONG failing_creates, LONG failing_connects, DWORD error)
{
    static const struct listener_calls calls = {fake_create, fake_connect};
    struct scene scene;
    char why[512];
    memset(&scene, 0, sizeof scene);
    create_calls = connect_calls = nameless = 0;
    create_failures = failing_creates;
    connect_failures = failing_connects;
    connect_error = error;
    snprintf(scene.name, sizeof scene.name, "\\\\.\\pipe\\junction-listener-test-%lu",
             GetCurrentProcessId());
    assert_int_equal(uv_loop_init(&scene.loop), 0);
    assert_int_equal(listener_open_by(&calls, &scene.loop, scene.name, on_connection, &scene,
                                      &scene.listener, why),
                     0);
    HANDLE client = CreateThread(NULL, 0, connect_all, &scene, 0, NULL);
    assert_non_null(client);
    assert_int_equal(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
    WaitForSingleObject(client, INFINITE);
    CloseHandle(client);
    assert_int_equal(uv_loop_close(&scene.loop), 0);
    assert_true(scene.arrived >= CLIENTS);
    assert_true(create_calls >= failing_creates);
    assert_true(connect_calls >= failing_connects);
    if (failing_creates == 0)
        assert_int_equal(nameless, 0);
}

static void test_all_well(void **state)
{
    (void)state;
    play(0, 0, 0);
}

static void test_no_instance_for_a_while(void **state)
{
    (void)state;
    play(1, 0, 0);
    play(15 * 4, 0, 0);
}

static void test_clients_that_come_and_go(void **state)
{
    (void)state;
    play(0, 1, ERROR_NO_DATA);
    play(0, 16 * 8 * 5, ERROR_NO_DATA);
}

static void test_connect_fails(void **state)
{
    (void)state;
    play(0, 16 * 3, ERROR_NO_SYSTEM_RESOURCES);
    play(16 * 2, 16 * 2, ERROR_NO_SYSTEM_RESOURCES);
}

static DWORD first_error;

static HANDLE fail_first(const wchar_t *name, bool first, SECURITY_ATTRIBUTES *attributes)
{
    (void)name;
    (void)attributes;
    assert_true(first);
    SetLastError(first_error);
    return INVALID_HANDLE_VALUE;
}

static void test_not_opened(void **state)
{
    static const struct {
        DWORD error;
        const char *why;
    } rows[] = {
        {ERROR_ACCESS_DENIED, "taken by another service"},
        {ERROR_PIPE_BUSY, "taken by another service"},
        {ERROR_INVALID_OWNER, "choose another"},
        {ERROR_PRIVILEGE_NOT_HELD, "choose another"},
        {ERROR_INVALID_NAME, "no name for a pipe"},
        {ERROR_NO_SYSTEM_RESOURCES, "error 1450"},
    };
    static const struct listener_calls calls = {fail_first, fake_connect};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener *listener;
        uv_loop_t loop;
        char why[512] = "";
        first_error = rows[i].error;
        assert_int_equal(uv_loop_init(&loop), 0);
        assert_int_equal(listener_open_by(&calls, &loop, "\\\\.\\pipe\\junction-not-opened",
                                          on_connection, NULL, &listener, why),
                         -1);
        assert_null(listener);
        assert_non_null(strstr(why, rows[i].why));
        assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_access_check),
        cmocka_unit_test(test_all_well),
        cmocka_unit_test(test_no_instance_for_a_while),
        cmocka_unit_test(test_clients_that_come_and_go),
        cmocka_unit_test(test_connect_fails),
        cmocka_unit_test(test_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
