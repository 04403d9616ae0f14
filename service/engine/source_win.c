#include "source.h"

#include <windows.h>
#include <winioctl.h>

#include <stdlib.h>
#include <string.h>

#include "work.h"

/* A device is read in whole sectors, at the largest size that one has. */
#define SECTOR 4096u
#define BOUNCE (64u * 1024)

struct source {
    HANDLE file;
    uint64_t offset, end; /* end: of the file, UINT64_MAX when it is not known */
    struct ntfs_source reader;
};

/* Whole sectors into an aligned buffer; the last ones of a file may be missing. */
static DWORD read_aligned(HANDLE file, uint64_t offset, void *buffer, DWORD length, DWORD *got)
{
    OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    *got = 0;
    if (ReadFile(file, buffer, length, got, &at))
        return ERROR_SUCCESS;
    DWORD os = GetLastError();
    return os == ERROR_HANDLE_EOF ? ERROR_SUCCESS : os;
}

static int source_read(void *context, uint64_t offset, void *buffer, size_t length)
{
    const struct source *source = context;
    uint8_t *to = buffer;
    if (offset > (uint64_t)INT64_MAX - source->offset - length)
        return ERROR_INVALID_PARAMETER;
    offset += source->offset;
    uint8_t *bounce = VirtualAlloc(NULL, BOUNCE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!bounce)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD os = ERROR_SUCCESS;
    while (length > 0 && os == ERROR_SUCCESS) {
        uint64_t start = offset / SECTOR * SECTOR;
        size_t skip = (size_t)(offset - start), part = BOUNCE - skip;
        if (part > length)
            part = length;
        DWORD got, whole = (DWORD)((skip + part + SECTOR - 1) / SECTOR * SECTOR);
        /* A device whose own sectors are smaller can end between two of these. */
        if (source->end >= start + skip + part && source->end - start < whole)
            whole = (DWORD)(source->end - start);
        os = read_aligned(source->file, start, bounce, whole, &got);
        if (os == ERROR_SUCCESS && got < skip + part)
            os = ERROR_HANDLE_EOF;
        if (os != ERROR_SUCCESS)
            break;
        memcpy(to, bounce + skip, part);
        to += part;
        offset += part;
        length -= part;
    }
    VirtualFree(bounce, 0, MEM_RELEASE);
    return (int)os;
}

static bool is_kind(HANDLE file, const uint16_t *units)
{
    static const wchar_t device[] = L"\\\\.\\";
    if (GetFileType(file) != FILE_TYPE_DISK)
        return false;
    /* Volumes have no attributes; everything else must be a plain file. */
    BY_HANDLE_FILE_INFORMATION information;
    if (wcsncmp((const wchar_t *)units, device, 4) == 0)
        return true;
    return GetFileInformationByHandle(file, &information) &&
           !(information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* Of a file or a volume; UINT64_MAX when the system does not tell. */
static uint64_t size_of(HANDLE file)
{
    LARGE_INTEGER size;
    GET_LENGTH_INFORMATION length;
    DWORD got;
    if (GetFileSizeEx(file, &size) && size.QuadPart > 0)
        return (uint64_t)size.QuadPart;
    if (DeviceIoControl(file, IOCTL_DISK_GET_LENGTH_INFO, NULL, 0, &length, sizeof length, &got,
                        NULL))
        return (uint64_t)length.Length.QuadPart;
    return UINT64_MAX;
}

int source_open(const char *path, uint64_t offset, struct source **out, struct engine_error *error)
{
    uint16_t *units = NULL;
    size_t count;
    int converted = wtf8_to_utf16(path, strlen(path), &units, &count);
    struct source *source = calloc(1, sizeof *source);
    if (converted == UTF_NO_MEMORY || !source) {
        free(units);
        free(source);
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    }
    if (converted != UTF_OK) {
        free(source);
        return work_fail(error, ENGINE_INVALID_PATH, 0, NULL);
    }
    /* The name can be a link to a named pipe, whose server must not get to be the caller. */
    source->file =
        CreateFileW((const wchar_t *)units, GENERIC_READ,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                    FILE_FLAG_RANDOM_ACCESS | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    DWORD os = GetLastError();
    bool opened = source->file != INVALID_HANDLE_VALUE,
         kind = opened && is_kind(source->file, units);
    free(units);
    if (!kind) {
        if (opened)
            CloseHandle(source->file);
        free(source);
        if (opened)
            return work_fail(error, ENGINE_UNSUPPORTED, 0, "it is neither a file nor a volume");
        return work_fail(error,
                         os == ERROR_ACCESS_DENIED ? ENGINE_ACCESS_DENIED
                         : os == ERROR_FILE_NOT_FOUND || os == ERROR_PATH_NOT_FOUND
                             ? ENGINE_NOT_FOUND
                             : ENGINE_IO_ERROR,
                         (int)os, NULL);
    }
    uint64_t size = size_of(source->file);
    source->offset = offset;
    source->end = size;
    source->reader = (struct ntfs_source){.read = source_read,
                                          .context = source,
                                          .size = size == UINT64_MAX ? size
                                                  : size > offset    ? size - offset
                                                                     : 0};
    *out = source;
    return 0;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    CloseHandle(source->file);
    free(source);
}

struct ntfs_source *source_reader(struct source *source)
{
    return &source->reader;
}
