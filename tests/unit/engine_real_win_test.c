/* The engine on the calls of the system that it runs on, in a directory of its own. Where the host
 * has reparse points, the whole life of a junction; where it has none (Wine 8: FSCTL_SET answers
 * 50), what was made before that is known is taken back. Either way it proves that the calls are
 * made as this system takes them, and nothing about access rights. */
#include "../../service/engine/engine_win.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../service/engine/lock.h"

static struct engine *engine;
static char home[512];
static struct nt_calls calls;

/* Wine does not say what it can do: the engine is to find out by trying. */
static NTSTATUS NTAPI claim(HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG length, ULONG class)
{
    NTSTATUS status = calls.query_volume(file, io, out, length, class);
    if (class == NT_VOLUME_ATTRIBUTE)
        ((struct nt_volume_attribute *)out)->attributes |= FILE_SUPPORTS_REPARSE_POINTS;
    return status;
}

static int setup(void **state)
{
    struct engine_error error;
    wchar_t temp[MAX_PATH], path[MAX_PATH + 32];
    struct text text;
    (void)state;
    assert_true(nt_calls_load(&calls));
    struct nt_calls claiming = calls;
    claiming.query_volume = claim;
    assert_true(GetTempPathW(MAX_PATH, temp) > 0);
    swprintf(path, MAX_PATH + 32, L"%lsjunction-real-%lu", temp, GetCurrentProcessId());
    assert_true(CreateDirectoryW(path, NULL));
    assert_int_equal(utf16_to_wtf8((const uint16_t *)path, wcslen(path), &text), UTF_OK);
    snprintf(home, sizeof home, "%s", text.bytes);
    text_clear(&text);
    return engine_open_with(&claiming, &engine, &error);
}

static const char *on(const char *name)
{
    static char path[2][1024];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s\\%s", home, name);
    return path[turn];
}

static int teardown(void **state)
{
    (void)state;
    engine_close(engine);
    return RemoveDirectoryA(home) ? 0 : -1; /* nothing may be left in it */
}

static struct engine_work work_new(void)
{
    struct engine_work work;
    engine_work_init(&work, (struct engine_scope){NULL, NULL, NULL});
    return work;
}

static enum engine_code create(struct engine_create request, enum create_outcome *outcome,
                               struct engine_error *error)
{
    struct engine_work work = work_new();
    struct engine_created created;
    engine_create(engine, &work, &request, &created, error);
    *outcome = created.outcome;
    engine_created_clear(&created);
    return error->code;
}

static enum engine_code remove_link(struct engine_delete request, struct engine_error *error)
{
    struct engine_work work = work_new();
    struct engine_deleted deleted;
    engine_delete(engine, &work, &request, &deleted, error);
    engine_deleted_clear(&deleted);
    return error->code;
}

static bool is_there(const char *path)
{
    return GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES;
}

static bool host_has_none(void)
{
    enum create_outcome outcome;
    struct engine_error error;
    if (create((struct engine_create){.link = on("probe"), .target = "C:\\x"}, &outcome, &error) ==
        ENGINE_OK) {
        assert_int_equal(remove_link((struct engine_delete){.link = on("probe")}, &error),
                         ENGINE_OK);
        return false;
    }
    assert_int_equal(error.code, ENGINE_UNSUPPORTED_FILE_SYSTEM);
    assert_int_equal(error.os, ERROR_NOT_SUPPORTED);
    assert_string_equal(error.detail, ""); /* nothing is said to be left */
    assert_false(is_there(on("probe")));
    return true;
}

static void test_what_was_made_is_taken_back(void **state)
{
    (void)state;
    struct engine_error error;
    enum create_outcome outcome;
    if (!host_has_none()) {
        print_message("SKIPPED: this host has reparse points, so that nothing fails\n");
        skip();
    }
    struct engine_create request = {
        .link = on("a\\b\\c\\link"), .target = "C:\\x", .parents = true};
    assert_int_equal(create(request, &outcome, &error), ENGINE_UNSUPPORTED_FILE_SYSTEM);
    assert_string_equal(error.detail, "");
    assert_false(is_there(on("a")));
    assert_true(CreateDirectoryA(on("empty"), NULL));
    request = (struct engine_create){.link = on("empty"), .target = "C:\\x"};
    assert_int_equal(create(request, &outcome, &error), ENGINE_UNSUPPORTED_FILE_SYSTEM);
    assert_true(is_there(on("empty")));
    assert_int_equal(remove_link((struct engine_delete){.link = on("empty")}, &error),
                     ENGINE_NOT_A_JUNCTION);
    assert_true(CreateDirectoryA(on("empty\\child"), NULL));
    assert_int_equal(create(request, &outcome, &error), ENGINE_NOT_EMPTY);
    assert_true(is_there(on("empty\\child")));
    RemoveDirectoryA(on("empty\\child"));
    RemoveDirectoryA(on("empty"));
}

static void test_dry_runs(void **state)
{
    (void)state;
    struct engine_error error;
    enum create_outcome outcome;
    struct engine_create request = {.link = on("dry"), .target = "C:\\x", .dry_run = true};
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_CREATED);
    request.link = on("a\\b\\dry");
    request.parents = true;
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_false(is_there(on("dry")) || is_there(on("a")));
    assert_true(CreateDirectoryA(on("dry"), NULL));
    request.link = on("dry");
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_CONVERTED);
    RemoveDirectoryA(on("dry"));
    request.link = on("none\\dry");
    request.parents = false;
    assert_int_equal(create(request, &outcome, &error), ENGINE_PARENT_NOT_FOUND);
}

static void test_life(void **state)
{
    (void)state;
    struct engine_error error;
    enum create_outcome outcome;
    if (host_has_none()) {
        print_message("SKIPPED: this host has no reparse points\n");
        skip();
    }
    struct engine_create request = {
        .link = on("a\\link"), .target = "C:\\windows", .parents = true};
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_CREATED);
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_UNCHANGED);
    request.target = "C:\\other";
    request.replace = true;
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_REPLACED);
    struct engine_work work = work_new();
    struct reparse_entry entry;
    assert_int_equal(engine_show(engine, &work, request.link, true, &entry, &error), 0);
    assert_string_equal(entry.target.bytes, "C:\\other");
    assert_int_equal(entry.state, TARGET_DANGLING);
    reparse_entry_clear(&entry);
    struct engine_delete removal = {.link = request.link, .keep_directory = true};
    assert_int_equal(remove_link(removal, &error), ENGINE_OK);
    assert_true(is_there(request.link));
    assert_int_equal(create(request, &outcome, &error), ENGINE_OK);
    assert_int_equal(outcome, CREATE_CONVERTED);
    removal.keep_directory = false;
    assert_int_equal(remove_link(removal, &error), ENGINE_OK);
    assert_false(is_there(on("a\\link")));
    RemoveDirectoryA(on("a"));
}

/* ---- work waits for work
 * ------------------------------------------------------------------------------------- */

struct holder {
    struct lock lock;
    HANDLE held, release;
    int result;
};

static DWORD WINAPI hold(void *argument)
{
    struct holder *holder = argument;
    struct engine_work work = work_new();
    struct engine_error error;
    holder->result = lock_name(engine->locks, &work, 1, 2, "Name", &holder->lock, &error);
    SetEvent(holder->held);
    WaitForSingleObject(holder->release, INFINITE);
    lock_release(engine->locks, &holder->lock);
    return 0;
}

static void test_locks(void **state)
{
    (void)state;
    struct holder holder = {.held = CreateEventW(NULL, TRUE, FALSE, NULL),
                            .release = CreateEventW(NULL, TRUE, FALSE, NULL)};
    struct lock mine = {0}, other = {0};
    struct engine_error error;
    HANDLE thread = CreateThread(NULL, 0, hold, &holder, 0, NULL);
    assert_non_null(thread);
    WaitForSingleObject(holder.held, INFINITE);
    assert_int_equal(holder.result, 0);
    struct engine_work work = work_new();
    assert_int_equal(lock_name(engine->locks, &work, 1, 2, "another", &other, &error), 0);
    assert_true(engine_work_cancel(&work, false));
    assert_int_equal(lock_name(engine->locks, &work, 1, 2, "NAME", &mine, &error), -1);
    assert_int_equal(error.code, ENGINE_CANCELLED);
    assert_false(mine.held);
    SetEvent(holder.release);
    work = work_new();
    assert_int_equal(lock_name(engine->locks, &work, 1, 2, "nAME", &mine, &error), 0);
    lock_release(engine->locks, &mine);
    lock_release(engine->locks, &other);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    CloseHandle(holder.held);
    CloseHandle(holder.release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_made_is_taken_back),
        cmocka_unit_test(test_dry_runs),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_locks),
    };
    return cmocka_run_group_tests_name("real", tests, setup, teardown);
}
