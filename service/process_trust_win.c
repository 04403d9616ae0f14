#include "process.h"
#include "process_win.h"

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define PROCESS_PRINTF __attribute__((format(gnu_printf, 3, 4)))
#else
#define PROCESS_PRINTF
#endif

/* Rights that let an account replace what a directory holds although it may not write into it. */
#define PROCESS_RIGHTS_ANCESTOR (DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER)
/* Rights that let it change the file or its own directory in any way. */
#define PROCESS_RIGHTS_STRICT                                                       \
    (PROCESS_RIGHTS_ANCESTOR | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | \
     FILE_WRITE_ATTRIBUTES)

/* NT SERVICE\TrustedInstaller */
#define PROCESS_TRUSTED_INSTALLER L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

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
        HANDLE token = NULL;
        if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
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

/* `rights` are those that no untrusted account may have. */
static int process_judge_with(const struct process_trust *trust, PSECURITY_DESCRIPTOR descriptor,
                              const wchar_t *name, ACCESS_MASK rights, char why[512])
{
    PSID owner = NULL;
    PACL dacl = NULL;
    BOOL present = FALSE, defaulted = FALSE;
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted)) {
        process_explain(why, name, ": cannot read who may change it: error %lu", GetLastError());
        return -1;
    }
    if (owner == NULL || !process_trusts(trust, owner)) {
        process_explain(why, name, " belongs to an account that is not trusted");
        return -1;
    }
    if (!present || dacl == NULL) {
        process_explain(why, name, " can be changed by everybody");
        return -1;
    }
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        void *ace = NULL;
        if (!GetAce(dacl, i, &ace)) {
            process_explain(why, name, ": cannot read who may change it: error %lu",
                            GetLastError());
            return -1;
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
            return -1;
        }
    }
    return 0;
}

int process_judge(PSECURITY_DESCRIPTOR descriptor, const wchar_t *name, bool strict, char why[512])
{
    struct process_trust trust;
    if (process_trust_init(&trust) != 0) {
        snprintf(why, 512, "cannot find out which accounts are trusted");
        return -1;
    }
    int result = process_judge_with(&trust, descriptor, name,
                                    strict ? PROCESS_RIGHTS_STRICT : PROCESS_RIGHTS_ANCESTOR, why);
    process_trust_clear(&trust);
    return result;
}

static int process_judge_handle(const struct process_trust *trust, HANDLE handle,
                                const wchar_t *name, ACCESS_MASK rights, char why[512])
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD error = GetSecurityInfo(handle, SE_FILE_OBJECT,
                                  OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, NULL,
                                  NULL, NULL, NULL, &descriptor);
    if (error != ERROR_SUCCESS) {
        process_explain(why, name, ": cannot read who may change it: error %lu", error);
        return -1;
    }
    int result = process_judge_with(trust, descriptor, name, rights, why);
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

/* FULL is cut down to its root. The first `strict` names may not be changed at all, those above not
 * be replaced. -2: the first is missing. */
static int process_check_levels(wchar_t *full, int strict, char why[512])
{
    struct process_trust trust;
    int result = -1;
    if (process_trust_init(&trust) != 0) {
        snprintf(why, 512, "cannot find out which accounts are trusted");
        return -1;
    }
    if (process_check_drive(full, why) != 0)
        goto done;
    for (int level = 0;; level++) {
        bool missing;
        HANDLE handle = process_open_plain(full, &missing, why);
        if (handle == INVALID_HANDLE_VALUE) {
            result = level == 0 && missing ? -2 : -1;
            goto done;
        }
        int judged = process_judge_handle(
            &trust, handle, full, level < strict ? PROCESS_RIGHTS_STRICT : PROCESS_RIGHTS_ANCESTOR,
            why);
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
    return result;
}

static int process_check(const char *path, int strict, char why[512])
{
    wchar_t *full = process_full_path(path);
    if (full == NULL) {
        snprintf(why, 512, "%.400s is not a path that can be used", path);
        return -1;
    }
    int result = process_check_levels(full, strict, why);
    free(full);
    return result;
}

int process_check_trusted(const char *path, char why[512])
{
    return process_check(path, 2, why);
}

int process_check_directory(const char *path, char why[512])
{
    return process_check(path, 1, why);
}

/* ---- the directory of the service ---- */

/* Full access for SYSTEM and Administrators, nothing inherited from above. */
#define PROCESS_DATA_DESCRIPTOR L"O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

static int process_remove_by_handle(HANDLE handle)
{
    FILE_DISPOSITION_INFO disposition = {TRUE};
    return SetFileInformationByHandle(handle, FileDispositionInfo, &disposition, sizeof disposition)
               ? 0
               : -1;
}

/* Whether an owner that is given to a directory beside `path` is still its owner afterwards: Wine
 * has no such thing. When in doubt, yes. */
static bool process_keeps_owners(const wchar_t *path, SECURITY_ATTRIBUTES *attributes)
{
    wchar_t probe[MAX_PATH + 64];
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    bool keeps = true;
    if (wcslen(path) > MAX_PATH || !process_well_known(WinBuiltinAdministratorsSid, administrators))
        return true;
    _snwprintf(probe, sizeof probe / sizeof probe[0], L"%ls-%lx-%llx", path, GetCurrentProcessId(),
               (unsigned long long)GetTickCount64());
    if (!CreateDirectoryW(probe, attributes))
        return true;
    HANDLE handle =
        CreateFileW(probe, READ_CONTROL | DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        RemoveDirectoryW(probe);
        return true;
    }
    if (GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL,
                        NULL, &descriptor) == ERROR_SUCCESS)
        keeps = owner != NULL && EqualSid(owner, (PSID)administrators);
    LocalFree(descriptor);
    process_remove_by_handle(handle);
    CloseHandle(handle);
    return keeps;
}

int process_data_make(bool *made, char why[512])
{
    const wchar_t *path = process_data_path();
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes, .bInheritHandle = FALSE};
    int result = -1;
    *made = false;
    wchar_t *full = _wcsdup(path);
    if (full == NULL ||
        !ConvertStringSecurityDescriptorToSecurityDescriptorW(
            PROCESS_DATA_DESCRIPTOR, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL)) {
        snprintf(why, 512, "cannot say who may change the service's directory");
        goto done;
    }
    *made = CreateDirectoryW(path, &attributes);
    if (!*made && GetLastError() != ERROR_ALREADY_EXISTS) {
        process_explain(why, path, ": cannot be made: error %lu", GetLastError());
        goto done;
    }
    DWORD kind = GetFileAttributesW(path);
    if (kind == INVALID_FILE_ATTRIBUTES || !(kind & FILE_ATTRIBUTE_DIRECTORY) ||
        (kind & FILE_ATTRIBUTE_REPARSE_POINT)) {
        process_explain(why, path, " is no plain directory");
        goto done;
    }
    result = process_check_levels(full, 1, why);
    if (result != 0) {
        result = process_keeps_owners(path, &attributes) ? -1 : 1;
    }

done:
    if (result < 0 && *made) {
        RemoveDirectoryW(path);
        *made = false;
    }
    LocalFree(attributes.lpSecurityDescriptor);
    free(full);
    return result;
}

int process_data_remove(char why[512])
{
    const wchar_t *path = process_data_path();
    HANDLE handle = CreateFileW(
        path, DELETE | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        DWORD error = GetLastError();
        if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
            return 0;
        process_explain(why, path, ": cannot be opened: error %lu", error);
        return -1;
    }
    int result = -1;
    BY_HANDLE_FILE_INFORMATION information;
    if (!GetFileInformationByHandle(handle, &information)) {
        process_explain(why, path, ": cannot be looked at: error %lu", GetLastError());
    } else if (!(information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) ||
               (information.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        process_explain(why, path, " is no plain directory");
    } else if (process_remove_by_handle(handle) == 0) {
        result = 0;
    } else if (GetLastError() == ERROR_DIR_NOT_EMPTY) {
        result = 1;
    } else {
        process_explain(why, path, ": cannot be removed: error %lu", GetLastError());
    }
    CloseHandle(handle);
    return result;
}
