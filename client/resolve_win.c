#include "resolve.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>

const struct resolve_system resolve_system = {
    .slash_is_flag = true,
    .backslash_separates = true,
    .ignores_case = true,
    .line_end = "\r\n",
    .long_prefix = "\\\\?\\",
};

/* `\\?\`, `\\.\` and `\??\` mean "take it as it is" to the system too. */
static bool is_verbatim(const char *name)
{
    return strncmp(name, "\\\\?\\", 4) == 0 || strncmp(name, "\\\\.\\", 4) == 0 ||
           strncmp(name, "\\??\\", 4) == 0;
}

static int resolve(const char *name, bool target, struct text *out, struct problem *problem)
{
    uint16_t *units = NULL;
    WCHAR *full = NULL;
    size_t count = 0;
    DWORD size, length;
    int result = -1;

    if (resolve_check(name, target, problem) != 0)
        return -1;
    if (is_verbatim(name)) {
        if (text_set_string(out, name) == UTF_OK)
            return 0;
        problem_no_memory(problem);
        return -1;
    }
    if (wtf8_to_utf16(name, strlen(name), &units, &count) != UTF_OK) {
        problem_no_memory(problem);
        return -1;
    }
    size = GetFullPathNameW((LPCWSTR)units, 0, NULL, NULL);
    full = size ? malloc(((size_t)size + 1) * sizeof *full) : NULL;
    if (size && !full) {
        problem_no_memory(problem);
        goto done;
    }
    length = size ? GetFullPathNameW((LPCWSTR)units, size, full, NULL) : 0;
    if (length == 0 || length >= size) {
        problem_set(problem, target ? "INVALID_TARGET" : "INVALID_PATH", EXIT_INVALID_NAME,
                    "the system cannot make an absolute path of it");
        problem->os = (int)GetLastError();
        problem->os_is_win32 = true;
        goto done;
    }
    while (length > 3 && full[length - 1] == L'\\')
        full[--length] = 0;
    if (utf16_to_wtf8((const uint16_t *)full, length, out) != UTF_OK) {
        problem_no_memory(problem);
        goto done;
    }
    if (resolve_check(out->bytes, target, problem) != 0) {
        text_clear(out);
        goto done;
    }
    result = 0;
done:
    free(full);
    free(units);
    return result;
}

int resolve_path(const char *name, struct text *out, struct problem *problem)
{
    return resolve(name, false, out, problem);
}

int resolve_target(const char *name, struct text *out, struct problem *problem)
{
    return resolve(name, true, out, problem);
}

bool resolve_exists(const char *name)
{
    (void)name; /* a wildcard character is never part of a name here */
    return false;
}

uint32_t resolve_fold(uint32_t character)
{
    WCHAR in = (WCHAR)character, out = 0;

    if (character > 0xFFFF)
        return character;
    if (LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, &in, 1, &out, 1, NULL, NULL, 0) != 1)
        return character;
    return out;
}
