#include "process.h"

#include <uv.h>

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <shlobj.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* FOLDERID_ProgramData; here, so that no library of identifiers has to be linked. */
static const GUID process_program_data = {
    0x62AB5D82, 0xFDC1, 0x4DC3, {0xA9, 0xDD, 0x07, 0x0D, 0x1D, 0x49, 0x5D, 0x97}};

#if defined(__GNUC__)
#define PROCESS_PRINTF __attribute__((format(gnu_printf, 3, 4)))
#else
#define PROCESS_PRINTF
#endif

/* ProcessRedirectionTrustPolicy and its only flag that enforces; older headers lack both. */
#define PROCESS_REDIRECTION_TRUST   16
#define PROCESS_REDIRECTION_ENFORCE 1u

/* Rights that let an account replace what a directory holds although it may not write into it. */
#define PROCESS_RIGHTS_ANCESTOR (DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER)
/* Rights that let it change the file or its own directory in any way. */
#define PROCESS_RIGHTS_STRICT                                                       \
    (PROCESS_RIGHTS_ANCESTOR | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | \
     FILE_WRITE_ATTRIBUTES)

/* NT SERVICE\TrustedInstaller */
#define PROCESS_TRUSTED_INSTALLER L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

static int process_restrict(char why[256])
{
    /* A DLL beside the program, in the current directory or in PATH must never be loaded by an
     * elevated process. */
    if (!SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32)) {
        snprintf(why, 256, "cannot restrict the search for DLLs: error %lu", GetLastError());
        return -1;
    }
    DWORD flags = PROCESS_REDIRECTION_ENFORCE;
    if (!SetProcessMitigationPolicy((PROCESS_MITIGATION_POLICY)PROCESS_REDIRECTION_TRUST, &flags,
                                    sizeof flags)) {
        DWORD error = GetLastError();
        if (error != ERROR_INVALID_PARAMETER && error != ERROR_NOT_SUPPORTED &&
            error != ERROR_CALL_NOT_IMPLEMENTED && error != ERROR_INVALID_FUNCTION) {
            snprintf(why, 256, "cannot refuse untrusted mount points: error %lu", error);
            return -1;
        }
    }
    return 0;
}

/* What is loaded on first use is loaded now: later that would happen under a caller's identity. */
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
    }
}

int process_prepare(char why[256])
{
    if (process_restrict(why) != 0)
        return -1;
    /* The log is UTF-8. Without a console there is nothing to set. */
    SetConsoleOutputCP(CP_UTF8);
    /* No box may ask a question that nobody sees. */
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    process_load_early();
    return 0;
}

static HANDLE process_token(void)
{
    HANDLE token = NULL;
    return OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) ? token : NULL;
}

bool process_is_privileged(void)
{
    HANDLE token = process_token();
    if (token == NULL)
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

const char *process_config_path(void)
{
    /* Not from the environment, which an unprivileged account can set for its elevated programs.
     * Filled by the first call, which the main thread makes before there is another. */
    static char path[MAX_PATH * 3 + 32];
    if (path[0] != '\0')
        return path;
    wchar_t *folder = NULL;
    char utf8[MAX_PATH * 3 + 1];
    if (SHGetKnownFolderPath(&process_program_data, 0, NULL, &folder) != S_OK ||
        WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, folder, -1, utf8, sizeof utf8, NULL,
                            NULL) == 0)
        snprintf(utf8, sizeof utf8, "C:\\ProgramData");
    CoTaskMemFree(folder);
    snprintf(path, sizeof path, "%s\\Junction\\junction.json", utf8);
    return path;
}

/* NAME and what is wrong with it. Not by %ls, which gives up at the first letter that the C locale
 * lacks. */
static void process_explain(char why[512], const wchar_t *name, const char *format,
                            ...) PROCESS_PRINTF;
static void process_explain(char why[512], const wchar_t *name, const char *format, ...)
{
    int length = (int)wcslen(name);
    int used = 0;
    /* A long name keeps its end. */
    if (length > 120) {
        name += length - 120;
        length = 120;
        memcpy(why, "...", 3);
        used = 3;
    }
    used += WideCharToMultiByte(CP_UTF8, 0, name, length, why + used, 400, NULL, NULL);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why + used, 512u - (size_t)used, format, arguments);
    va_end(arguments);
}

/* ---- who can change a file
 * --------------------------------------------------------------------------------- */

struct process_trust {
    BYTE system[SECURITY_MAX_SID_SIZE], administrators[SECURITY_MAX_SID_SIZE];
    BYTE owner_rights[SECURITY_MAX_SID_SIZE], creator_owner[SECURITY_MAX_SID_SIZE];
    PSID installer;
    TOKEN_USER
    *self; /* NULL when the process is elevated: its account also runs programs that are not */
};

static void process_trust_clear(struct process_trust *trust)
{
    if (trust->installer != NULL)
        LocalFree(trust->installer);
    free(trust->self);
    memset(trust, 0, sizeof *trust);
}

static bool process_well_known(WELL_KNOWN_SID_TYPE type, BYTE sid[SECURITY_MAX_SID_SIZE])
{
    DWORD size = SECURITY_MAX_SID_SIZE;
    return CreateWellKnownSid(type, NULL, sid, &size);
}

static int process_trust_init(struct process_trust *trust)
{
    memset(trust, 0, sizeof *trust);
    if (!process_well_known(WinLocalSystemSid, trust->system) ||
        !process_well_known(WinBuiltinAdministratorsSid, trust->administrators) ||
        !process_well_known(WinCreatorOwnerRightsSid, trust->owner_rights) ||
        !process_well_known(WinCreatorOwnerSid, trust->creator_owner) ||
        !ConvertStringSidToSidW(PROCESS_TRUSTED_INSTALLER, &trust->installer))
        goto error;
    if (!process_is_privileged()) {
        HANDLE token = process_token();
        if (token == NULL)
            goto error;
        DWORD size = 0;
        GetTokenInformation(token, TokenUser, NULL, 0, &size);
        trust->self = size > 0 ? malloc(size) : NULL;
        bool read =
            trust->self != NULL && GetTokenInformation(token, TokenUser, trust->self, size, &size);
        CloseHandle(token);
        if (!read)
            goto error;
    }
    return 0;

error:
    process_trust_clear(trust);
    return -1;
}

static bool process_trusts(const struct process_trust *trust, PSID sid)
{
    return EqualSid(sid, (PSID)trust->system) || EqualSid(sid, (PSID)trust->administrators) ||
           EqualSid(sid, trust->installer) ||
           (trust->self != NULL && EqualSid(sid, trust->self->User.Sid));
}

/* The account that an entry lets in, or NULL for an entry that lets nobody in here. */
static PSID process_ace_allows(ACE_HEADER *ace, ACCESS_MASK *mask)
{
    if (ace->AceFlags & INHERIT_ONLY_ACE)
        return NULL;
    switch (ace->AceType) {
    case ACCESS_ALLOWED_ACE_TYPE:
    case ACCESS_ALLOWED_CALLBACK_ACE_TYPE: {
        /* A condition is taken as met: it may be met tomorrow. */
        ACCESS_ALLOWED_ACE *allowed = (ACCESS_ALLOWED_ACE *)(void *)ace;
        *mask = allowed->Mask;
        return (PSID)&allowed->SidStart;
    }
    case ACCESS_ALLOWED_OBJECT_ACE_TYPE:
    case ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE: {
        ACCESS_ALLOWED_OBJECT_ACE *allowed = (ACCESS_ALLOWED_OBJECT_ACE *)(void *)ace;
        size_t guids = ((allowed->Flags & ACE_OBJECT_TYPE_PRESENT) ? 1u : 0u) +
                       ((allowed->Flags & ACE_INHERITED_OBJECT_TYPE_PRESENT) ? 1u : 0u);
        *mask = allowed->Mask;
        return (PSID)((BYTE *)&allowed->ObjectType + guids * sizeof(GUID));
    }
    default:
        return NULL;
    }
}

/* Judges one file or directory by its handle: `rights` are those that no untrusted account may
 * have. */
static int process_judge(const struct process_trust *trust, HANDLE handle, const wchar_t *name,
                         ACCESS_MASK rights, char why[512])
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    PACL dacl = NULL;
    int result = -1;
    DWORD error = GetSecurityInfo(handle, SE_FILE_OBJECT,
                                  OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner,
                                  NULL, &dacl, NULL, &descriptor);
    if (error != ERROR_SUCCESS) {
        process_explain(why, name, ": cannot read who may change it: error %lu", error);
        return -1;
    }
    if (owner == NULL || !process_trusts(trust, owner)) {
        process_explain(why, name, " belongs to an account that is not trusted");
        goto done;
    }
    if (dacl == NULL) {
        process_explain(why, name, " can be changed by everybody");
        goto done;
    }
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        void *ace = NULL;
        if (!GetAce(dacl, i, &ace)) {
            process_explain(why, name, ": cannot read who may change it: error %lu",
                            GetLastError());
            goto done;
        }
        ACCESS_MASK mask = 0;
        PSID sid = process_ace_allows(ace, &mask);
        if (sid == NULL || process_trusts(trust, sid))
            continue;
        /* Both stand for the owner, who is trusted. */
        if (EqualSid(sid, (PSID)trust->owner_rights) || EqualSid(sid, (PSID)trust->creator_owner))
            continue;
        MapGenericMask(&mask, &mapping);
        if (mask & rights) {
            char *text = NULL;
            if (!ConvertSidToStringSidA(sid, &text))
                text = NULL;
            process_explain(why, name, " can be changed by %s, which is not trusted",
                            text != NULL ? text : "an account");
            LocalFree(text);
            goto done;
        }
    }
    result = 0;

done:
    LocalFree(descriptor);
    return result;
}

/* Opens without following a link, and refuses one: who owns it decides where the path leads. */
static HANDLE process_open_plain(const wchar_t *name, bool *missing, char why[512])
{
    *missing = false;
    HANDLE handle =
        CreateFileW(name, READ_CONTROL | FILE_READ_ATTRIBUTES,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        DWORD error = GetLastError();
        *missing = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
        process_explain(why, name, ": cannot be opened: error %lu", error);
        return INVALID_HANDLE_VALUE;
    }
    BY_HANDLE_FILE_INFORMATION information;
    if (!GetFileInformationByHandle(handle, &information)) {
        process_explain(why, name, ": cannot be looked at: error %lu", GetLastError());
    } else if (information.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) {
        process_explain(why, name, " is a link");
    } else {
        return handle;
    }
    CloseHandle(handle);
    return INVALID_HANDLE_VALUE;
}

/* A letter made by `subst` or the network leads to places whose ancestors are not seen here. */
static int process_check_drive(const wchar_t *full, char why[512])
{
    wchar_t drive[3] = {full[0], full[1], L'\0'}, device[MAX_PATH];
    wchar_t root[4] = {full[0], full[1], L'\\', L'\0'};
    if (full[0] == L'\0' || full[1] != L':' || full[2] != L'\\') {
        process_explain(why, full, " is not on a drive of this machine");
        return -1;
    }
    if (GetDriveTypeW(root) == DRIVE_REMOTE) {
        process_explain(why, full, " is on the network");
        return -1;
    }
    if (QueryDosDeviceW(drive, device, MAX_PATH) != 0 && wcsncmp(device, L"\\??\\", 4) == 0) {
        process_explain(why, full, ": the drive stands for a directory");
        return -1;
    }
    return 0;
}

static wchar_t *process_full_path(const char *path)
{
    wchar_t *given = NULL, *full = NULL;
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (length > 0)
        given = malloc((size_t)length * sizeof *given);
    if (given != NULL &&
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, given, length) == length) {
        DWORD needed = GetFullPathNameW(given, 0, NULL, NULL);
        if (needed > 0)
            full = malloc(needed * sizeof *full);
        if (full != NULL) {
            DWORD got = GetFullPathNameW(given, needed, full, NULL);
            if (got == 0 || got >= needed) {
                free(full);
                full = NULL;
            }
        }
    }
    free(given);
    return full;
}

int process_check_trusted(const char *path, char why[512])
{
    struct process_trust trust;
    int result = -1;
    wchar_t *full = process_full_path(path);
    if (full == NULL) {
        snprintf(why, 512, "%s is not a path that can be used", path);
        return -1;
    }
    if (process_trust_init(&trust) != 0) {
        snprintf(why, 512, "cannot find out which accounts are trusted");
        free(full);
        return -1;
    }
    if (process_check_drive(full, why) != 0)
        goto done;

    /* The file, then each directory above it, from the innermost to the root. */
    for (int level = 0;; level++) {
        bool missing;
        HANDLE handle = process_open_plain(full, &missing, why);
        if (handle == INVALID_HANDLE_VALUE) {
            result = level == 0 && missing ? -2 : -1;
            goto done;
        }
        int judged = process_judge(
            &trust, handle, full, level < 2 ? PROCESS_RIGHTS_STRICT : PROCESS_RIGHTS_ANCESTOR, why);
        CloseHandle(handle);
        if (judged != 0)
            goto done;
        wchar_t *separator = wcsrchr(full, L'\\');
        if (separator == NULL || separator[1] == L'\0')
            break;
        /* "C:\x" goes on with "C:\", which keeps its separator. */
        separator[separator == full + 2 ? 1 : 0] = L'\0';
    }
    result = 0;

done:
    process_trust_clear(&trust);
    free(full);
    return result;
}

void process_exit_now(int status)
{
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    abort();
}
