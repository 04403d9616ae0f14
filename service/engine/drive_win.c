#include "drive_win.h"

#include <string.h>

#include "work.h"

#define DEVICE_UNITS 1024u
#define NT_PREFIX    L"\\??\\"

static bool begins_with(const wchar_t *text, const wchar_t *prefix)
{
    return _wcsnicmp(text, prefix, wcslen(prefix)) == 0;
}

static bool is_network(const wchar_t *device)
{
    return begins_with(device, L"\\??\\UNC\\") || begins_with(device, L"\\Device\\Mup") ||
           begins_with(device, L"\\Device\\LanmanRedirector") ||
           begins_with(device, L"\\Device\\WebDavRedirector") || wcsstr(device, L"\\;");
}

enum drive_kind drive_kind(const struct engine *engine, wchar_t letter)
{
    wchar_t device[DEVICE_UNITS];
    /* A substituted letter can name another one; more steps than letters would be a circle. */
    for (int step = 0; step < 26; step++) {
        wchar_t drive[] = {letter, L':', L'\0'};
        if (!engine->nt.query_dos_device(drive, device, DEVICE_UNITS))
            return DRIVE_IS_ABSENT;
        if (is_network(device))
            return DRIVE_IS_NETWORK;
        if (!begins_with(device, NT_PREFIX) || device[4] == L'\0' || device[5] != L':')
            return DRIVE_IS_VOLUME;
        letter = device[4];
    }
    return DRIVE_IS_ABSENT;
}

int drive_is_target(const struct engine *engine, wchar_t letter, struct engine_error *error)
{
    const wchar_t own[] = {letter, L':', L'\0'};
    wchar_t global[] = L"Global\\X:";
    global[7] = letter;
    const wchar_t *const names[] = {own, global};
    for (size_t i = 0; i < 2; i++) {
        wchar_t device[DEVICE_UNITS];
        struct text text = {NULL, 0};
        if (!engine->nt.query_dos_device(names[i], device, DEVICE_UNITS)) {
            /* It stands for more than any volume is called, or was defined over and over. */
            if (engine->nt.last_error() == ERROR_INSUFFICIENT_BUFFER)
                return work_fail(error, ENGINE_INVALID_TARGET, 0,
                                 "%c: is no volume; name the directory that it stands for",
                                 (char)letter);
            continue;
        }
        if (is_network(device))
            return work_fail(error, ENGINE_INVALID_TARGET, 0,
                             "%c: is a network drive; a junction cannot lead to another machine",
                             (char)letter);
        if (!begins_with(device, NT_PREFIX))
            continue;
        if (utf16_to_wtf8((const uint16_t *)device + 4, wcslen(device + 4), &text) != UTF_OK)
            return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        work_fail(error, ENGINE_INVALID_TARGET, 0,
                  "%c: is no volume, but a substituted drive (subst); name the directory that it "
                  "stands for: %.80s",
                  (char)letter, text.bytes);
        text_clear(&text);
        return -1;
    }
    return 0;
}
