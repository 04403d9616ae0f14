#include "work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void engine_work_init(struct engine_work *work, struct engine_scope scope)
{
    work->scope = scope;
    work->observer = NULL;
    atomic_init(&work->phase, ENGINE_PHASE_WAITING);
    atomic_init(&work->beats, 0);
    atomic_init(&work->volume, 0);
}

bool engine_work_cancel(struct engine_work *work, bool expired)
{
    int phase = ENGINE_PHASE_WAITING;
    int next = expired ? ENGINE_PHASE_EXPIRED : ENGINE_PHASE_CANCELLED;
    if (atomic_compare_exchange_strong(&work->phase, &phase, next))
        return true;
    return phase != ENGINE_PHASE_CHANGING;
}

bool work_begin_change(struct engine_work *work)
{
    int phase = ENGINE_PHASE_WAITING;
    if (atomic_compare_exchange_strong(&work->phase, &phase, ENGINE_PHASE_CHANGING))
        return true;
    return phase == ENGINE_PHASE_CHANGING;
}

bool work_is_cancelled(const struct engine_work *work)
{
    int phase = atomic_load(&work->phase);
    return phase == ENGINE_PHASE_CANCELLED || phase == ENGINE_PHASE_EXPIRED;
}

void work_beat(struct engine_work *work)
{
    atomic_fetch_add_explicit(&work->beats, 1, memory_order_relaxed);
}

/* A sequence that vsnprintf cut in its middle would make the whole text invalid UTF-8. */
static void drop_cut_character(char *text)
{
    size_t length = strlen(text), start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (length - (start - 1) < need)
        text[start - 1] = '\0';
}

int work_fail(struct engine_error *error, enum engine_code code, int os, const char *format, ...)
{
    error->code = code;
    error->os = os;
    error->detail[0] = '\0';
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(error->detail, sizeof error->detail, format, arguments);
        va_end(arguments);
        if (length < 0)
            error->detail[0] = '\0';
        else if ((size_t)length >= sizeof error->detail)
            drop_cut_character(error->detail);
    }
    return -1;
}

int work_cancelled(const struct engine_work *work, struct engine_error *error)
{
    bool expired = atomic_load(&work->phase) == ENGINE_PHASE_EXPIRED;
    return work_fail(error, expired ? ENGINE_TIMED_OUT : ENGINE_CANCELLED, 0, NULL);
}

void reparse_entry_clear(struct reparse_entry *entry)
{
    text_clear(&entry->path);
    text_clear(&entry->target);
    text_clear(&entry->substitute_name);
    text_clear(&entry->print_name);
    memset(entry, 0, sizeof *entry);
    entry->relative = -1;
}

void engine_created_clear(struct engine_created *created)
{
    text_clear(&created->target);
    text_clear(&created->substitute_name);
    text_clear(&created->print_name);
    text_clear(&created->previous_target);
    memset(created, 0, sizeof *created);
}

void engine_deleted_clear(struct engine_deleted *deleted)
{
    text_clear(&deleted->target);
    memset(deleted, 0, sizeof *deleted);
}
