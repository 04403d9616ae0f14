#include "engine_unix.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "lock.h"
#include "work.h"

int engine_open(const struct engine_options *options, struct engine **out,
                struct engine_error *error)
{
    memset(error, 0, sizeof *error);
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    if (volume_table_open(options, &engine->volumes, error) != 0 ||
        lock_table_open(&engine->locks, error) != 0) {
        engine_close(engine);
        return -1;
    }
    *out = engine;
    return 0;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    lock_table_close(engine->locks);
    volume_table_close(engine->volumes);
    free(engine);
}

void engine_volume_stuck(struct engine *engine, uint64_t volume, bool stuck)
{
    volume_stuck(engine->volumes, volume, stuck);
}

int engine_enter(struct engine_work *work, struct engine_error *error)
{
    int os = work->scope.enter(work->scope.who);
    return os ? work_fail(error, ENGINE_INTERNAL_ERROR, os,
                          "the caller's identity could not be put on")
              : 0;
}

void engine_leave(struct engine_work *work)
{
    work->scope.leave(work->scope.who);
}

static void move_text(struct text *to, struct text *from)
{
    *to = *from;
    *from = (struct text){0};
}

int engine_entry(struct engine *engine, struct engine_work *work, const struct volume *volume,
                 int parent, int file, bool check, uint8_t *buffer, struct reparse_entry *entry,
                 struct engine_error *error)
{
    ssize_t length = place_buffer(file, buffer, REPARSE_MAX_SIZE);
    int os = errno;
    work_beat(work);
    if (length < 0)
        return place_fail(error, os, "the reparse point cannot be read");
    if (length == 0)
        return 0;
    struct reparse_data data;
    if (reparse_decode(buffer, (size_t)length, &data) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    entry->tag = data.tag;
    entry->type = data.type;
    entry->malformed = data.malformed;
    entry->relative = data.relative;
    entry->directory = data.tag == REPARSE_TAG_MOUNT_POINT;
    place_facts(file, &entry->created, &entry->directory);
    work_beat(work);
    int result = 1;
    if (check && check_state(engine, work, volume, parent, true, &data, entry->directory,
                             &entry->state, error) != 0)
        result = -1;
    move_text(&entry->target, &data.target);
    move_text(&entry->substitute_name, &data.substitute_name);
    move_text(&entry->print_name, &data.print_name);
    reparse_data_clear(&data);
    return result;
}

static int show_place(struct engine *engine, struct engine_work *work, struct place *place,
                      bool check, struct reparse_entry *out, struct engine_error *error)
{
    int found = place_look(engine, work, place, error);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(error, ENGINE_NOT_FOUND, ENOENT, "%s", place->path);
    bool pinned_is_directory = S_ISDIR(place->leaf_stat.stx_mode);
    if (volume_probe(engine->volumes, &place->volume,
                     pinned_is_directory ? place->leaf : place->parent, error) != 0)
        return -1;
    if (place_is_root(place))
        return work_fail(error, ENGINE_NOT_A_REPARSE_POINT, 0, "it is the root of a volume");
    uint8_t *buffer = malloc(REPARSE_MAX_SIZE);
    if (!buffer)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    for (int attempt = 0; attempt < 2; attempt++) {
        found = engine_entry(engine, work, &place->volume, place->parent, place->leaf, check,
                             buffer, out, error);
        /* It turned into something else since it was pinned: look at it as it is now. */
        if (found >= 0 || error->os != EIO || attempt == 1)
            break;
        reparse_entry_clear(out);
        found = place_look_again(engine, work, place, error);
        if (found <= 0) {
            if (found == 0)
                found = work_fail(error, ENGINE_NOT_FOUND, ENOENT, "%s", place->path);
            break;
        }
    }
    free(buffer);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(error, ENGINE_NOT_A_REPARSE_POINT, 0, "%s",
                         S_ISLNK(place->leaf_stat.stx_mode)
                             ? "it is a symbolic link that only Linux and Interix know"
                             : "");
    out->file_id = place->leaf_stat.stx_ino;
    if (text_set_string(&out->path, place->path) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    return 0;
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
    place_close(&place);
    engine_leave(work);
    if (result != 0)
        reparse_entry_clear(out);
    else
        memset(error, 0, sizeof *error);
    return result;
}
