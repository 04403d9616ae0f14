/* Work on the file system of nt_fake.h: an engine that has it, and its operations with their
 * answers checked. */
#ifndef JUNCTION_NT_FAKE_WORK_H
#define JUNCTION_NT_FAKE_WORK_H

#include "nt_fake.h"

#define JUNCTION_TEXT "\\??\\C:\\old", "C:\\old"

/* ---- work
 * ----------------------------------------------------------------------------------------------------
 */

static inline int fake_enter(void *who)
{
    (void)who;
    fake.depth++;
    return 0;
}

static inline void fake_leave(void *who)
{
    (void)who;
    fake.depth--;
}

static inline struct engine_work fake_work(void)
{
    struct engine_work work;
    engine_work_init(&work, (struct engine_scope){fake_enter, fake_leave, NULL});
    return work;
}

/* After each operation: nothing is open, and nobody is anybody else. */
static inline void fake_is_quiet(void)
{
    assert_int_equal(fake.open, 0);
    assert_int_equal(fake.depth, 0);
}

static struct engine *engine;

static inline enum engine_code create_as(struct engine_work *work, struct engine_create request,
                                         struct engine_created *created, struct engine_error *error)
{
    struct engine_error ignored;
    struct engine_created unused;
    error = error ? error : &ignored;
    int result = engine_create(engine, work, &request, created ? created : &unused, error);
    assert_int_equal(result, error->code == ENGINE_OK ? 0 : -1);
    if (!created)
        engine_created_clear(&unused);
    fake_is_quiet();
    return error->code;
}

static inline enum engine_code create(struct engine_create request, struct engine_created *created,
                                      struct engine_error *error)
{
    struct engine_work work = fake_work();
    return create_as(&work, request, created, error);
}

static inline enum engine_code remove_as(struct engine_work *work, struct engine_delete request,
                                         struct engine_error *error)
{
    struct engine_error ignored;
    struct engine_deleted deleted;
    error = error ? error : &ignored;
    int result = engine_delete(engine, work, &request, &deleted, error);
    assert_int_equal(result, error->code == ENGINE_OK ? 0 : -1);
    engine_deleted_clear(&deleted);
    fake_is_quiet();
    return error->code;
}

static inline enum engine_code remove_link(struct engine_delete request, struct engine_error *error)
{
    struct engine_work work = fake_work();
    return remove_as(&work, request, error);
}

static inline int setup(void **state)
{
    struct engine_error error;
    (void)state;
    fake_reset();
    return engine_open_with(&fake_calls, &engine, &error);
}

static inline int teardown(void **state)
{
    (void)state;
    engine_close(engine);
    fake_clear();
    return 0;
}

static inline void holds(const wchar_t *path, const char *substitute, const char *print)
{
    uint8_t buffer[REPARSE_MAX_SIZE];
    size_t length = reparse_encode_junction(substitute, print, buffer);
    const struct fake_node *node = fake_find(path);
    assert_non_null(node);
    assert_int_equal(node->reparse_length, length);
    assert_memory_equal(node->reparse, buffer, length);
}

static inline bool is_plain(const wchar_t *path)
{
    const struct fake_node *node = fake_find(path);
    return node && node->attributes == FILE_ATTRIBUTE_DIRECTORY;
}

#endif
