#include "translate.h"

#include <string.h>

#include "../protocol/errors.h"
#include "process.h"

_Static_assert((int)REPARSE_JUNCTION == (int)ENTRY_JUNCTION &&
                   (int)REPARSE_CLOUD == (int)ENTRY_CLOUD &&
                   (int)REPARSE_UNKNOWN == (int)ENTRY_UNKNOWN,
               "the engine and the protocol list the types in the same order");

int translate_code(enum engine_code code)
{
    switch (code) {
#define SAME(name)      \
    case ENGINE_##name: \
        return JERR_##name;
        SAME(INTERNAL_ERROR)
        SAME(OUT_OF_MEMORY)
        SAME(CANCELLED)
        SAME(TIMED_OUT)
        SAME(OUTCOME_UNKNOWN)
        SAME(UNSUPPORTED)
        SAME(BUSY)
        SAME(ACCESS_DENIED)
        SAME(INVALID_PATH)
        SAME(INVALID_TARGET)
        SAME(NO_DRIVE_LETTER)
        SAME(TARGET_TOO_LONG)
        SAME(OTHER_VOLUME)
        SAME(VOLUME_ROOT)
        SAME(NOT_FOUND)
        SAME(PARENT_NOT_FOUND)
        SAME(TARGET_NOT_FOUND)
        SAME(ALREADY_EXISTS)
        SAME(NOT_EMPTY)
        SAME(NOT_A_DIRECTORY)
        SAME(NOT_A_REPARSE_POINT)
        SAME(NOT_A_JUNCTION)
        SAME(TARGET_CHANGED)
        SAME(CHANGED_MEANWHILE)
        SAME(IN_USE)
        SAME(UNSUPPORTED_FILE_SYSTEM)
        SAME(NTFS3_DRIVER)
        SAME(READ_ONLY)
        SAME(VOLUME_FULL)
        SAME(VOLUME_NOT_RESPONDING)
        SAME(VOLUME_GONE)
        SAME(UNTRUSTED_VOLUME)
        SAME(UNTRUSTED_MOUNT_POINT)
        SAME(TOO_MANY_LINKS)
        SAME(IO_ERROR)
#undef SAME
    case ENGINE_OK:
    case ENGINE_CODE_COUNT:
        break;
    }
    return JERR_INTERNAL_ERROR;
}

/* The answer names the path anyway; a detail may hold as much of it as fits. */
static bool repeats(const char *detail, const struct text *path)
{
    size_t length = strlen(detail);
    return path != NULL && path->length >= length && memcmp(detail, path->bytes, length) == 0 &&
           (path->length == length || length + 4 >= sizeof((struct engine_error *)0)->detail);
}

void translate_error(const struct engine_error *from, const struct text *path,
                     struct message_error *out)
{
    int code = translate_code(from->code);
    const struct error_info *row = error_find(code);
    if (from->detail[0] != '\0' && !repeats(from->detail, path)) {
        message_error_setf(out, code, "%s: %s", row->text, from->detail);
    } else {
        message_error_set(out, code);
    }
    out->os = from->os;
    out->os_is_win32 = process_has_win32_errors();
    if (path != NULL) {
        (void)text_copy(&out->path, path); /* out of memory: the error goes without it */
    }
}

static const char *state_name(enum target_state state)
{
    switch (state) {
    case TARGET_OK:
        return "ok";
    case TARGET_DANGLING:
        return "dangling";
    case TARGET_NOT_DIRECTORY:
        return "notDirectory";
    case TARGET_LOOP:
        return "loop";
    case TARGET_INACCESSIBLE:
        return "inaccessible";
    case TARGET_REMOTE:
        return "remote";
    case TARGET_UNKNOWN_VOLUME:
        return "unknownVolume";
    case TARGET_UNCHECKED:
        break;
    }
    return NULL;
}

/* A text that borrows a constant: for structs whose *_write only read. */
static struct text borrow(const char *string)
{
    struct text text = {(char *)(uintptr_t)string, string != NULL ? strlen(string) : 0};
    return text;
}

cJSON *translate_entry(struct reparse_entry *from)
{
    struct entry entry;
    cJSON *json;

    memset(&entry, 0, sizeof entry);
    entry.path = from->path;
    entry.relative = -1;
    if (from->error.code != ENGINE_OK) {
        translate_error(&from->error, NULL, &entry.error);
        return entry_write(&entry);
    }
    entry.directory = from->directory;
    entry.type = borrow(entry_type_name((enum entry_type)from->type));
    entry.tag = from->tag;
    entry.tag_name = borrow(engine_tag_name(from->tag));
    entry.target = from->target;
    entry.substitute_name = from->substitute_name;
    entry.print_name = from->print_name;
    entry.file_id = from->file_id;
    entry.created = from->created;
    entry.relative = from->relative;
    entry.state = borrow(state_name(from->state));
    entry.malformed = from->malformed;
    json = entry_write(&entry);
    return json;
}

cJSON *translate_created(const struct engine_created *created, const struct create_params *request)
{
    static const char *const outcomes[] = {"created", "converted", "replaced", "unchanged"};
    struct create_result result = {
        .link = request->link,
        .target = created->target,
        .substitute_name = created->substitute_name,
        .print_name = created->print_name,
        .file_id = created->file_id,
        .outcome = borrow(outcomes[created->outcome]),
        .previous_target = created->previous_target,
        .dry_run = request->dry_run,
    };
    return create_result_write(&result);
}

cJSON *translate_deleted(const struct engine_deleted *deleted, const struct delete_params *request)
{
    struct delete_result result = {
        .link = request->link,
        .target = deleted->target,
        .file_id = deleted->file_id,
        .outcome = borrow(request->keep_directory ? "cleared" : "deleted"),
        .dry_run = request->dry_run,
    };
    return delete_result_write(&result);
}

cJSON *translate_listed(const struct engine_listed *listed, uint64_t elapsed_ms)
{
    struct list_result result = {
        .count = listed->count,
        .directories = listed->directories,
        .skipped = listed->skipped,
        .elapsed_ms = elapsed_ms,
        .source = borrow(list_source_name(LIST_SOURCE_WALK)),
        .truncated = listed->truncated,
    };
    return list_result_write(&result);
}
