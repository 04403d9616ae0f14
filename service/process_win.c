#include "process.h"
#include "process_win.h"

#include <uv.h>

#include <windows.h>
#include <fcntl.h>
#include <io.h>
#include <sddl.h>
#include <shlobj.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* FOLDERID_ProgramData; here, so that no library of identifiers has to be linked. */
static const GUID process_program_data = {
    0x62AB5D82, 0xFDC1, 0x4DC3, {0xA9, 0xDD, 0x07, 0x0D, 0x1D, 0x49, 0x5D, 0x97}};

/* What SetProcessMitigationPolicy is asked for, in this order. Numbers, since older headers lack
 * some names; see PROCESS_MITIGATION_POLICY and the structure of each. */
static const struct process_policy {
    int policy;
    DWORD flags;
    const char *what;
} process_policies[] = {
    /* ProcessRedirectionTrustPolicy, EnforceRedirectionTrust: junctions made by accounts that are
     * no administrators are not followed by the process itself. */
    {16, 1, "refuse untrusted mount points"},
    /* ProcessExtensionPointDisablePolicy: no AppInit DLLs, window hooks, input methods. */
    {6, 1, "disable extension points"},
    /* ProcessImageLoadPolicy: no remote images, none of low integrity, System32 first. */
    {10, 1 | 2 | 4, "restrict where images come from"},
    /* ProcessStrictHandleCheckPolicy: the use of an invalid handle ends the process, and for good.
     */
    {3, 1 | 2, "check handles strictly"},
};

/* What a system answers that does not know a policy: older ones, and Wine. */
static bool process_is_unknown(DWORD error)
{
    return error == ERROR_INVALID_PARAMETER || error == ERROR_NOT_SUPPORTED ||
           error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_INVALID_FUNCTION;
}

static int process_restrict(char why[256])
{
    /* A DLL beside the program, in the current directory or in PATH must never be loaded by an
     * elevated process. */
    if (!SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32) || !SetDllDirectoryW(L"")) {
        snprintf(why, 256, "cannot restrict the search for DLLs: error %lu", GetLastError());
        return -1;
    }
    if (!HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0) &&
        !process_is_unknown(GetLastError())) {
        snprintf(why, 256, "cannot make a corrupt heap fatal: error %lu", GetLastError());
        return -1;
    }
    for (size_t i = 0; i < sizeof process_policies / sizeof process_policies[0]; i++) {
        const struct process_policy *policy = &process_policies[i];
        DWORD flags = policy->flags;
        if (SetProcessMitigationPolicy((PROCESS_MITIGATION_POLICY)policy->policy, &flags,
                                       sizeof flags))
            continue;
        DWORD error = GetLastError();
        DWORD now = 0;
        /* What the machine's own settings have switched on already may not be set again. */
        if (process_is_unknown(error) ||
            (GetProcessMitigationPolicy(GetCurrentProcess(),
                                        (PROCESS_MITIGATION_POLICY)policy->policy, &now,
                                        sizeof now) &&
             (now & policy->flags) == policy->flags))
            continue;
        snprintf(why, 256, "cannot %s: error %lu", policy->what, error);
        return -1;
    }
    return 0;
}

static void process_ignore_parameter(const wchar_t *expression, const wchar_t *function,
                                     const wchar_t *file, unsigned line, uintptr_t reserved)
{
    (void)expression;
    (void)function;
    (void)file;
    (void)line;
    (void)reserved;
}

/* Descriptors 0 to 2 that lead nowhere get NUL: a pipe that is opened later must not become
 * standard error. */
static int process_fill_descriptors(char why[256])
{
    _invalid_parameter_handler before = _set_invalid_parameter_handler(process_ignore_parameter);
    int result = 0;
    for (int descriptor = 0; descriptor <= 2 && result == 0; descriptor++) {
        HANDLE handle = (HANDLE)_get_osfhandle(descriptor);
        /* -1: closed; -2: a program without console. */
        if (handle != INVALID_HANDLE_VALUE && handle != (HANDLE)(intptr_t)-2 && handle != NULL) {
            SetLastError(ERROR_SUCCESS);
            if (GetFileType(handle) != FILE_TYPE_UNKNOWN || GetLastError() == ERROR_SUCCESS)
                continue;
        }
        int null = _open("NUL", descriptor == 0 ? _O_RDONLY : _O_WRONLY);
        if (null < 0 || (null != descriptor && _dup2(null, descriptor) != 0)) {
            snprintf(why, 256, "cannot open NUL in place of descriptor %d", descriptor);
            result = -1;
        }
        if (null > 2)
            _close(null);
    }
    _set_invalid_parameter_handler(before);
    return result;
}

int process_harden(char why[256])
{
    /* First the descriptors: a strict check of handles would punish looking at a bad one. */
    return process_fill_descriptors(why) == 0 && process_restrict(why) == 0 ? 0 : -1;
}

/* What is loaded or connected on first use is used now: later that would happen under a caller's
 * identity, with his rights. */
static void process_load_early(void)
{
    wchar_t text[256];
    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                   ERROR_ACCESS_DENIED, 0, text, 256, NULL);

    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    if (CreateWellKnownSid(WinLocalSystemSid, NULL, sid, &size)) {
        wchar_t name[256], domain[256];
        DWORD name_length = 256, domain_length = 256;
        SID_NAME_USE use;
        LookupAccountSidW(NULL, sid, name, &name_length, domain, &domain_length, &use);
        BOOL member = FALSE;
        CheckTokenMembership(NULL, sid, &member);
        char *string = NULL;
        if (ConvertSidToStringSidA(sid, &string))
            LocalFree(string);
    }
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:SYD:(A;;GA;;;SY)", SDDL_REVISION_1,
                                                             &descriptor, NULL))
        LocalFree(descriptor);
    /* What engine and walk ask about volumes and names. */
    wchar_t directory[MAX_PATH], volume[64];
    if (GetSystemDirectoryW(directory, MAX_PATH) != 0) {
        DWORD serial = 0, longest = 0, flags = 0;
        directory[3] = L'\0';
        GetDriveTypeW(directory);
        GetVolumeInformationW(directory, NULL, 0, &serial, &longest, &flags, text, 256);
        GetVolumeNameForVolumeMountPointW(directory, volume, 64);
        directory[2] = L'\0';
        QueryDosDeviceW(directory, text, 256);
    }
    /* The random numbers of the C library and of libuv come from a provider of their own. */
    unsigned char byte;
    (void)uv_random(NULL, NULL, &byte, 1, 0, NULL);
}

int process_prepare(char why[256])
{
    why[0] = '\0';
    /* The log is UTF-8. Asked of the handle: a service has no console to speak to, and whoever
     * wrote the log to a file keeps the code page of his. */
    DWORD mode;
    if (GetConsoleMode((HANDLE)_get_osfhandle(2), &mode))
        SetConsoleOutputCP(CP_UTF8);
    /* No box may ask a question that nobody sees. */
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    process_load_early();
    return 0;
}

bool process_is_privileged(void)
{
    HANDLE token = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    TOKEN_ELEVATION elevation = {0};
    DWORD size = 0;
    bool elevated =
        GetTokenInformation(token, TokenElevation, &elevation, sizeof elevation, &size) &&
        elevation.TokenIsElevated != 0;
    CloseHandle(token);
    return elevated;
}

size_t process_resident(void)
{
    size_t bytes = 0;
    return uv_resident_set_memory(&bytes) == 0 ? bytes : 0;
}

const char *process_platform(void)
{
    return "windows";
}

bool process_has_win32_errors(void)
{
    return true;
}

const wchar_t *process_data_path(void)
{
    /* Not from the environment, which an unprivileged account can set for its elevated programs.
     * Filled by the first call, which the main thread makes before there is another. */
    static wchar_t path[MAX_PATH + 16];
    if (path[0] != L'\0')
        return path;
    wchar_t *folder = NULL, windows[MAX_PATH];
    /* It is registered as %SystemDrive%\ProgramData, and that variable is taken from the
     * environment after all; where Windows is, is not. */
    UINT length = GetSystemWindowsDirectoryW(windows, MAX_PATH);
    if (length > 2 && length < MAX_PATH && windows[1] == L':') {
        windows[2] = L'\0';
        SetEnvironmentVariableW(L"SystemDrive", windows);
    }
    bool told = SHGetKnownFolderPath(&process_program_data, 0, NULL, &folder) == S_OK &&
                wcslen(folder) < MAX_PATH;
    wcscpy(path, told ? folder : L"C:\\ProgramData");
    wcscat(path, L"\\Junction");
    CoTaskMemFree(folder);
    return path;
}

const char *process_config_path(void)
{
    static char path[(MAX_PATH + 16) * 3 + 32]; /* as above */
    if (path[0] == '\0') {
        if (WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, process_data_path(), -1, path,
                                (MAX_PATH + 16) * 3, NULL, NULL) == 0)
            strcpy(path, "C:\\ProgramData\\Junction");
        strcat(path, "\\junction.json");
    }
    return path;
}

void process_exit_now(int status)
{
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    abort();
}
