#include "engine_win.h"

#include <stdlib.h>
#include <string.h>

#include "check_win.h"
#include "lock.h"
#include "place_win.h"
#include "work.h"

/* ---- the engine itself
 * -------------------------------------------------------------------------------------- */

/* Otherwise the tags of cloud files are hidden from this process. The call is missing before
 * Windows 10 1803. */
static void expose_placeholders(void)
{
    typedef char(NTAPI * set_mode)(char mode);
    const char expose = 2;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (!ntdll)
        return;
    FARPROC address = GetProcAddress(ntdll, "RtlSetProcessPlaceholderCompatibilityMode");
    if (address)
        ((set_mode)(void (*)(void))address)(expose);
}

int engine_open_with(const struct nt_calls *calls, struct engine **out, struct engine_error *error)
{
    memset(error, 0, sizeof *error);
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    engine->nt = *calls;
    InitializeSRWLock(&engine->guard);
    if (lock_table_open(&engine->locks, error) != 0) {
        free(engine);
        return -1;
    }
    *out = engine;
    return 0;
}

int engine_open(const struct engine_options *options, struct engine **out,
                struct engine_error *error)
{
    (void)options; /* drives and mounts are the system's own here */
    struct nt_calls calls;
    if (!nt_calls_load(&calls))
        return work_fail(error, ENGINE_INTERNAL_ERROR, ERROR_PROC_NOT_FOUND,
                         "ntdll.dll lacks a call that the engine needs");
    expose_placeholders();
    return engine_open_with(&calls, out, error);
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    lock_table_close(engine->locks);
    free(engine);
}

static struct engine_stuck *find_stuck(struct engine *engine, uint64_t volume)
{
    for (size_t i = 0; i < ENGINE_STUCK_MAX; i++)
        if (engine->stuck[i].count > 0 && engine->stuck[i].volume == volume)
            return &engine->stuck[i];
    return NULL;
}

void engine_volume_stuck(struct engine *engine, uint64_t volume, bool stuck)
{
    AcquireSRWLockExclusive(&engine->guard);
    struct engine_stuck *row = find_stuck(engine, volume);
    if (row) {
        row->count += stuck ? 1 : -1u;
    } else if (stuck) {
        for (size_t i = 0; i < ENGINE_STUCK_MAX; i++)
            if (engine->stuck[i].count == 0) {
                engine->stuck[i] = (struct engine_stuck){volume, 1};
                break;
            }
    }
    ReleaseSRWLockExclusive(&engine->guard);
}

int engine_volume_begin(struct engine *engine, struct engine_work *work, uint64_t volume,
                        struct engine_error *error)
{
    atomic_store(&work->volume, volume);
    AcquireSRWLockShared(&engine->guard);
    bool stuck = find_stuck(engine, volume) != NULL;
    ReleaseSRWLockShared(&engine->guard);
    return stuck ? work_fail(error, ENGINE_VOLUME_NOT_RESPONDING, 0, NULL) : 0;
}

int engine_enter(struct engine_work *work, struct engine_error *error)
{
    int failure = work->scope.enter ? work->scope.enter(work->scope.who) : 0;
    if (failure != 0)
        return work_fail(error, ENGINE_INTERNAL_ERROR, failure,
                         "the service could not take on the caller's identity");
    return 0;
}

void engine_leave(struct engine_work *work)
{
    if (work->scope.leave)
        work->scope.leave(work->scope.who);
}

/* ---- show
 * ---------------------------------------------------------------------------------------------------
 */

static int show_place(struct engine *engine, struct engine_work *work, struct place *place,
                      bool check, struct reparse_entry *out, struct engine_error *error)
{
    if (place_is_root(place))
        return work_fail(error, ENGINE_NOT_A_REPARSE_POINT, 0, "it is the root of a volume");
    int found = place_look(engine, work, place, PLACE_LOOK, error);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(error, ENGINE_NOT_FOUND, ERROR_FILE_NOT_FOUND, NULL);
    if (!(place->facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return work_fail(error, ENGINE_NOT_A_REPARSE_POINT, 0, NULL);
    if (check_entry(engine, work, place->leaf, &place->facts, out, error) != 0)
        return -1;
    out->path = place->text;
    place->text = (struct text){NULL, 0};
    if (check)
        out->state = check_state(engine, work, &place->path, place->leaf, out);
    return work_is_cancelled(work) ? work_cancelled(work, error) : 0;
}

int engine_show(struct engine *engine, struct engine_work *work, const char *path, bool check,
                struct reparse_entry *out, struct engine_error *error)
{
    struct place place;
    memset(error, 0, sizeof *error);
    memset(out, 0, sizeof *out);
    out->relative = -1;
    if (work_is_cancelled(work))
        return work_cancelled(work, error);
    if (engine_enter(work, error) != 0)
        return -1;
    int result = place_open(engine, work, path, &place, error);
    if (result == 0)
        result = show_place(engine, work, &place, check, out, error);
    place_close(engine, &place);
    engine_leave(work);
    if (result != 0)
        reparse_entry_clear(out);
    else
        memset(error, 0, sizeof *error);
    return result;
}
