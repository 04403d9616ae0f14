/* A call that does not come back: the whole service, with an engine whose `show` waits in a system
 * call that nobody ends. The service ends it: the caller gets what the engine makes of that, or, if
 * it goes on into more such calls, an answer without it, and the thread comes back all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/server.h"

/* ---- the engine: all of its header, so that nothing of the real one is linked ---- */

struct engine {
    HANDLE silent, writer; /* a pipe that nobody writes to */
};

/* The service makes the engine, so the test cannot hand it anything. */
static volatile LONG shows_begun, reads_ended;

int engine_open(const struct engine_options *options, struct engine **out,
                struct engine_error *error)
{
    (void)options;
    (void)error;
    struct engine *engine = calloc(1, sizeof *engine);
    assert_non_null(engine);
    assert_true(CreatePipe(&engine->silent, &engine->writer, NULL, 0));
    *out = engine;
    return 0;
}

void engine_close(struct engine *engine)
{
    CloseHandle(engine->silent);
    CloseHandle(engine->writer);
    free(engine);
}

void engine_work_init(struct engine_work *work, struct engine_scope scope)
{
    memset(work, 0, sizeof *work);
    work->scope = scope;
}

bool engine_work_cancel(struct engine_work *work, bool expired)
{
    int waiting = ENGINE_PHASE_WAITING;
    return atomic_compare_exchange_strong(&work->phase, &waiting,
                                          expired ? ENGINE_PHASE_EXPIRED : ENGINE_PHASE_CANCELLED);
}

void engine_volume_stuck(struct engine *engine, uint64_t volume, bool stuck)
{
    (void)engine;
    (void)volume;
    (void)stuck;
}

/* PATH's last letter says how many times it waits. */
int engine_show(struct engine *engine, struct engine_work *work, const char *path, bool check,
                struct reparse_entry *out, struct engine_error *error)
{
    (void)check;
    (void)out;
    InterlockedIncrement(&shows_begun);
    for (int times = path[strlen(path) - 1] - '0'; times > 0; times--) {
        char byte;
        DWORD got;
        assert_false(ReadFile(engine->silent, &byte, 1, &got, NULL));
        error->os = (int)GetLastError();
        InterlockedIncrement(&reads_ended);
    }
    error->code = atomic_load(&work->phase) == ENGINE_PHASE_EXPIRED ? ENGINE_TIMED_OUT
                                                                    : ENGINE_INTERNAL_ERROR;
    return -1;
}

static int unsupported(struct engine_error *error)
{
    error->code = ENGINE_UNSUPPORTED;
    return -1;
}

int engine_create(struct engine *engine, struct engine_work *work,
                  const struct engine_create *request, struct engine_created *out,
                  struct engine_error *error)
{
    (void)engine;
    (void)work;
    (void)request;
    (void)out;
    return unsupported(error);
}

int engine_delete(struct engine *engine, struct engine_work *work,
                  const struct engine_delete *request, struct engine_deleted *out,
                  struct engine_error *error)
{
    (void)engine;
    (void)work;
    (void)request;
    (void)out;
    return unsupported(error);
}

int engine_list(struct engine *engine, struct engine_work *work, const struct engine_list *request,
                const struct engine_list_sink *sink, struct engine_listed *out,
                struct engine_error *error)
{
    (void)engine;
    (void)work;
    (void)request;
    (void)sink;
    (void)out;
    return unsupported(error);
}

void engine_created_clear(struct engine_created *created)
{
    (void)created;
}

void engine_deleted_clear(struct engine_deleted *deleted)
{
    (void)deleted;
}

void reparse_entry_clear(struct reparse_entry *entry)
{
    (void)entry;
}

/* ---- the service and a client ---- */

static void on_ready(void *context, struct server *server)
{
    (void)context;
    (void)server;
}

static void on_started(void *context)
{
    (void)context;
}

static void on_stopping(void *context, unsigned seconds)
{
    (void)context;
    (void)seconds;
}

static void on_ended(void *context, enum host_end end)
{
    (void)context;
    (void)end;
}

static void serve(void *context)
{
    const struct host host = {
        .ready = on_ready, .started = on_started, .stopping = on_stopping, .ended = on_ended};
    const struct log log = {.level = LOG_ERROR, .descriptor = 2};
    struct config config;
    config_defaults(&config);
    config.limits.operationSeconds = 1;
    config.log_level = LOG_ERROR;
    (void)server_run(&config, context, &host, &log);
}

static void ask(HANDLE pipe, const char *line, char answer[4096])
{
    DWORD moved;
    size_t length = 0;
    assert_true(WriteFile(pipe, line, (DWORD)strlen(line), &moved, NULL));
    for (;;) {
        assert_true(length < 4095);
        assert_true(ReadFile(pipe, answer + length, 1, &moved, NULL) && moved == 1);
        if (answer[length] == '\n') {
            break;
        }
        length++;
    }
    answer[length] = '\0';
}

#define SHOW(times)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reparse.show\",\"params\":{\"path\":" \
    "\"C:\\\\stuck" times "\"}}\n"
#define STATUS "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"service.status\"}\n"

static void test_watchdog(void **state)
{
    char name[64];
    char answer[4096];
    uv_thread_t thread;
    HANDLE pipe;
    (void)state;

    snprintf(name, sizeof name, "\\\\.\\pipe\\junction-watchdog-test-%lu", GetCurrentProcessId());
    assert_int_equal(uv_thread_create(&thread, serve, name), 0);
    while ((pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                               SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION, NULL)) ==
           INVALID_HANDLE_VALUE) {
        Sleep(10);
    }

    /* One call that does not come back: it is ended, and the engine answers for itself. */
    ask(pipe, SHOW("1"), answer);
    print_message("%s\n", answer);
    assert_non_null(strstr(answer, "TIMED_OUT"));
    assert_non_null(strstr(answer, "\"win32\":995"));
    assert_int_equal(reads_ended, 1);

    /* One after another: answered without the engine, and still ended each time. */
    ask(pipe, SHOW("3"), answer);
    print_message("%s\n", answer);
    assert_non_null(strstr(answer, "TIMED_OUT"));
    assert_non_null(strstr(answer, "did not answer within 1 s"));
    const char *workers;
    do {
        Sleep(50);
        ask(pipe, STATUS, answer);
        workers = strstr(answer, "\"short\":{");
        assert_non_null(workers);
        workers = strstr(workers, "\"busy\":");
        assert_non_null(workers);
    } while (strncmp(workers, "\"busy\":0,\"stuck\":0,", 19) != 0);
    assert_int_equal(reads_ended, 4);
    ask(pipe, SHOW("0"), answer);
    assert_non_null(strstr(answer, "INTERNAL_ERROR"));

    /* And for a client who does not wait for it. */
    DWORD written;
    assert_true(WriteFile(pipe, SHOW("3"), (DWORD)strlen(SHOW("3")), &written, NULL));
    while (shows_begun < 4) {
        Sleep(10); /* what has not begun when he leaves never will */
    }
    CloseHandle(pipe);
    while (reads_ended < 7) {
        Sleep(50);
    }
    /* The service has no caller who could tell it to stop: it ends with the process. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_watchdog)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
