/* Before the first byte: whom the client takes for the service. The system's answers come from a
 * table; the pipe is a real one, whose other end counts what arrives. */
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

#include "client/connect_win.h"
#include "protocol/pipe_name.h"

#define STANDARD "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Junction"

/* What the system is to say. The calls have no context, so this is the one variable of the file. */
static struct {
    const char *owner; /* SID; NULL: error 5 */
    bool own_account;
    ULONG server;
    BOOL server_known;
    DWORD service;
    BOOL closed;

    const char *pipe; /* that is opened in place of the name that was asked for */
    DWORD open_error; /* of the first `open_failures` attempts */
    int open_failures, opened, waited, paused;
    BOOL wait_result;
    ULONGLONG now;
    DWORD last_wait;

    char name[PIPE_NAME_SIZE];
    DWORD access, flags;
    int asked_service;
} said;

static HANDLE fake_open(const WCHAR *name, DWORD access, DWORD flags)
{
    (void)snprintf(said.name, sizeof said.name, "%ls", name);
    said.access = access;
    said.flags = flags;
    if (said.opened++ < said.open_failures) {
        SetLastError(said.open_error);
        return INVALID_HANDLE_VALUE;
    }
    return CreateFileA(said.pipe, access, 0, NULL, OPEN_EXISTING, flags, NULL);
}

static BOOL fake_wait(const WCHAR *name, DWORD milliseconds)
{
    (void)name;
    said.waited++;
    said.last_wait = milliseconds;
    said.now += 10;
    return said.wait_result;
}

static ULONGLONG fake_clock(void)
{
    return said.now;
}

static void fake_pause(DWORD milliseconds)
{
    said.paused++;
    said.now += milliseconds;
}

static DWORD fake_owner(HANDLE pipe, PSID *owner, PSECURITY_DESCRIPTOR *descriptor)
{
    (void)pipe;
    *owner = NULL;
    *descriptor = NULL;
    if (!said.owner)
        return ERROR_ACCESS_DENIED;
    if (*said.owner && !ConvertStringSidToSidA(said.owner, owner))
        return GetLastError();
    *descriptor = *owner; /* freed the same way */
    return ERROR_SUCCESS;
}

static BOOL fake_is_own(PSID account)
{
    (void)account;
    return said.own_account;
}

static BOOL fake_server(HANDLE pipe, ULONG *process)
{
    (void)pipe;
    *process = said.server;
    return said.server_known;
}

static DWORD fake_service(void)
{
    said.asked_service++;
    return said.service;
}

static BOOL fake_is_closed(HANDLE pipe)
{
    DWORD waiting;
    return said.closed || !PeekNamedPipe(pipe, NULL, 0, NULL, &waiting, NULL);
}

static const struct connect_calls fake_calls = {fake_open,   fake_wait,    fake_clock,
                                                fake_pause,  fake_owner,   fake_is_own,
                                                fake_server, fake_service, fake_is_closed};

/* ---- a server that counts ---- */

struct counter {
    HANDLE pipe;
    HANDLE thread;
    char name[64];
    DWORD bytes;
};

static DWORD WINAPI count_bytes(void *context)
{
    struct counter *counter = context;
    char buffer[256];
    DWORD got;
    (void)ConnectNamedPipe(counter->pipe, NULL);
    while (ReadFile(counter->pipe, buffer, sizeof buffer, &got, NULL))
        counter->bytes += got;
    return 0;
}

static void counter_start(struct counter *counter)
{
    memset(counter, 0, sizeof *counter);
    (void)snprintf(counter->name, sizeof counter->name, "\\\\.\\pipe\\junction-connect-test-%lu",
                   GetCurrentProcessId());
    counter->pipe = CreateNamedPipeA(counter->name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_WAIT,
                                     1, 4096, 4096, 0, NULL);
    assert_true(counter->pipe != INVALID_HANDLE_VALUE);
    counter->thread = CreateThread(NULL, 0, count_bytes, counter, 0, NULL);
    assert_non_null(counter->thread);
}

/* After the client's end is closed. */
static DWORD counter_stop(struct counter *counter)
{
    WaitForSingleObject(counter->thread, INFINITE);
    CloseHandle(counter->thread);
    CloseHandle(counter->pipe);
    return counter->bytes;
}

static void on_written(uv_write_t *request, int status)
{
    assert_int_equal(status, 0);
    uv_close((uv_handle_t *)request->handle, NULL);
}

/* Connects by the table; one that is trusted gets three bytes. */
static int attempt(const char *name, unsigned timeout_ms, struct problem *problem)
{
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_write_t request;
    uv_buf_t buffer = uv_buf_init((char *)"abc", 3);
    int result;

    memset(problem, 0, sizeof *problem);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_pipe_init(&loop, &pipe, 0), 0);
    result = connect_open_by(&fake_calls, &pipe, name, timeout_ms, problem);
    if (result == 0)
        assert_int_equal(uv_write(&request, (uv_stream_t *)&pipe, &buffer, 1, on_written), 0);
    else
        uv_close((uv_handle_t *)&pipe, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return result;
}

static void good(const char *pipe)
{
    memset(&said, 0, sizeof said);
    said.owner = "S-1-5-18";
    said.server = said.service = 4711;
    said.server_known = TRUE;
    said.wait_result = TRUE;
    said.pipe = pipe;
}

#define SYSTEM         "S-1-5-18"
#define ADMINISTRATORS "S-1-5-32-544"
#define USER           "S-1-5-21-1-2-3-1001"

static void test_trust(void **state)
{
    static const struct {
        const char *what, *name, *owner;
        bool own;
        ULONG server;
        BOOL known;
        DWORD service;
        const char *refused; /* what the explanation says; NULL: trusted */
    } rows[] = {
        {"the service", NULL, SYSTEM, false, 7, TRUE, 7, NULL},
        {"the service by its name", STANDARD, SYSTEM, false, 7, TRUE, 7, NULL},
        {"a service manager that does not tell", NULL, SYSTEM, false, 7, TRUE, 0, NULL},
        {"another process", NULL, SYSTEM, false, 8, TRUE, 7, "process 8, the service is process 7"},
        {"a process that is not told", NULL, SYSTEM, false, 0, FALSE, 7, "process 0"},
        {"an administrator on the service's name", NULL, ADMINISTRATORS, false, 7, TRUE, 7,
         "belongs to S-1-5-32-544, not to the system"},
        {"oneself on the service's name", NULL, USER, true, 7, TRUE, 7, "not to the system"},
        {"the same in other letters", "\\\\.\\PIPE\\protectedprefix\\ADMINISTRATORS\\junction",
         USER, true, 7, TRUE, 7, "not to the system"},
        {"LocalService on the service's name", NULL, "S-1-5-19", false, 7, TRUE, 7,
         "not to the system"},
        {"an owner that cannot be read", NULL, NULL, false, 7, TRUE, 7, "does not tell whose"},
        {"no owner", NULL, "", false, 7, TRUE, 7, "does not tell whose"},
        {"another name: the system", "other", SYSTEM, false, 8, TRUE, 7, NULL},
        {"another name: administrators", "other", ADMINISTRATORS, false, 8, TRUE, 7, NULL},
        {"another name: oneself", "other", USER, true, 8, TRUE, 7, NULL},
        {"another name: somebody else", "other", USER, false, 7, TRUE, 7, "neither the system"},
        {"another name: an owner that cannot be read", "other", NULL, true, 7, TRUE, 7,
         "does not tell whose"},
        {"a name that only begins like the service's", STANDARD "2", USER, true, 7, TRUE, 7, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct counter counter;
        struct problem problem;
        int result;

        counter_start(&counter);
        good(counter.name);
        said.owner = rows[i].owner;
        said.own_account = rows[i].own;
        said.server = rows[i].server;
        said.server_known = rows[i].known;
        said.service = rows[i].service;
        result = attempt(rows[i].name, 1000, &problem);
        print_message("%s: %s\n", rows[i].what, problem.text);
        assert_int_equal(result, rows[i].refused ? -1 : 0);
        /* Not one byte to whoever is not trusted. */
        assert_int_equal(counter_stop(&counter), rows[i].refused ? 0 : 3);
        if (rows[i].refused) {
            assert_string_equal(problem.name, PROBLEM_UNTRUSTED_SERVICE);
            assert_int_equal(problem.exit, 10);
            assert_non_null(strstr(problem.text, rows[i].refused));
            assert_non_null(strstr(problem.text, "nothing was sent"));
        }
        problem_clear(&problem);
    }
}

/* A service that was stopped, or has started anew, between opening and looking. */
static void test_service_that_ends(void **state)
{
    static const char *const owners[] = {SYSTEM, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        struct counter counter;
        struct problem problem;

        counter_start(&counter);
        good(counter.name);
        said.owner = owners[i];
        said.server = 8;
        said.service = 7;
        said.closed = TRUE;
        assert_int_equal(attempt(NULL, 1000, &problem), -1);
        assert_int_equal(counter_stop(&counter), 0);
        assert_string_equal(problem.name, PROBLEM_NO_SERVICE);
        assert_int_equal(problem.exit, 3);
        problem_clear(&problem);
    }
}

static void test_how_it_is_opened(void **state)
{
    struct counter counter;
    struct problem problem;
    (void)state;
    counter_start(&counter);
    good(counter.name);
    assert_int_equal(attempt(NULL, 1000, &problem), 0);
    assert_int_equal(counter_stop(&counter), 3);
    assert_string_equal(said.name, STANDARD);
    assert_int_equal(said.access, FILE_GENERIC_READ | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES);
    /* No right to add an instance is asked for: the descriptor gives it to nobody. */
    assert_int_equal(said.access & FILE_CREATE_PIPE_INSTANCE, 0);
    assert_int_equal(said.flags, FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT |
                                     SECURITY_IMPERSONATION | SECURITY_CONTEXT_TRACKING |
                                     SECURITY_EFFECTIVE_ONLY);
    assert_int_equal(said.asked_service, 1);
    problem_clear(&problem);
}

static void test_busy_until_the_deadline(void **state)
{
    struct problem problem;
    (void)state;
    for (int wait_works = 0; wait_works < 2; wait_works++) {
        good("none");
        said.open_error = ERROR_PIPE_BUSY;
        said.open_failures = 1000000;
        said.wait_result = wait_works;
        assert_int_equal(attempt(NULL, 500, &problem), -1);
        assert_string_equal(problem.name, "TIMED_OUT");
        assert_int_equal(problem.exit, 9);
        assert_int_equal(problem.os, ERROR_PIPE_BUSY);
        assert_true(said.now >= 500);
        assert_in_range(said.last_wait, 1, 500);
        /* A system that does not let us wait is not asked without a pause. */
        assert_int_equal(said.paused, wait_works ? 0 : said.waited);
        problem_clear(&problem);
    }
}

static void test_busy_for_a_while(void **state)
{
    struct counter counter;
    struct problem problem;
    (void)state;
    for (unsigned timeout = 0; timeout <= 1000; timeout += 1000) {
        counter_start(&counter);
        good(counter.name);
        said.open_error = ERROR_PIPE_BUSY;
        said.open_failures = 7;
        assert_int_equal(attempt(NULL, timeout, &problem), 0);
        assert_int_equal(counter_stop(&counter), 3);
        assert_int_equal(said.waited, 7);
        if (timeout == 0)
            assert_int_equal(said.last_wait, NMPWAIT_WAIT_FOREVER);
        problem_clear(&problem);
    }
}

static void test_not_opened(void **state)
{
    static const struct {
        DWORD error;
        const char *name;
        int exit;
    } rows[] = {
        {ERROR_FILE_NOT_FOUND, PROBLEM_NO_SERVICE, 3},
        {ERROR_ACCESS_DENIED, "ACCESS_DENIED", 4},
        {ERROR_INVALID_NAME, PROBLEM_NO_SERVICE, 3},
    };
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        good("none");
        said.open_error = rows[i].error;
        said.open_failures = 1;
        assert_int_equal(attempt(NULL, 500, &problem), -1);
        assert_string_equal(problem.name, rows[i].name);
        assert_int_equal(problem.exit, rows[i].exit);
        assert_int_equal(problem.os, rows[i].error);
        assert_string_equal(problem.path.bytes, STANDARD);
        assert_int_equal(said.waited, 0);
        problem_clear(&problem);
    }
}

/* The service goes while the client waits for it. */
static void test_gone_while_busy(void **state)
{
    struct problem problem;
    (void)state;
    good("\\\\.\\pipe\\junction-there-is-none");
    said.open_error = ERROR_PIPE_BUSY;
    said.open_failures = 3;
    assert_int_equal(attempt(NULL, 5000, &problem), -1);
    assert_string_equal(problem.name, PROBLEM_NO_SERVICE);
    problem_clear(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_service_that_ends),
        cmocka_unit_test(test_how_it_is_opened),
        cmocka_unit_test(test_busy_until_the_deadline),
        cmocka_unit_test(test_busy_for_a_while),
        cmocka_unit_test(test_not_opened),
        cmocka_unit_test(test_gone_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
