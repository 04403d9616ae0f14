/* A file system in memory behind the engine's table of Windows' calls, with NTFS' rules for reparse
 * points, access, sharing and deletion as they are documented. Any call can be made to fail, and
 * something can be made to happen right before any call. It proves what the engine makes of the
 * answers; that Windows answers so is for a real Windows to prove. */
#ifndef JUNCTION_NT_FAKE_H
#define JUNCTION_NT_FAKE_H

#include "../../service/engine/engine_win.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>
#include <cmocka.h>

#include "../../service/engine/reparse.h"

#define FAKE_HANDLES 512
#define FAKE_VOLUMES 8
#define FAKE_GUID    L"Volume{01234567-89ab-cdef-0123-456789abcdef}"

struct fake_node {
    struct fake_node *parent, *child, *sibling, *all; /* all: every node there ever was */
    wchar_t name[256];
    uint64_t id;
    ULONG attributes;
    uint8_t *reparse;
    size_t reparse_length;
    ACCESS_MASK denied; /* rights that nobody gets */
    unsigned oplocks;   /* so many opens for DELETE meet an oplock */
    ULONG ea;           /* size of its extended attributes */
    bool untrusted;     /* RedirectionGuard refuses to pass through it */
    bool hidden_child;  /* is not empty, though nothing is listed */
    bool pending, gone;
    struct fake_volume *volume;
};

struct fake_volume {
    const wchar_t *name; /* "C:" */
    struct fake_node *root;
    ULONG attributes, characteristics, serial;
};

struct fake_handle {
    struct fake_node *node; /* NULL: free */
    ACCESS_MASK access;
    ULONG share;
    size_t next; /* of an enumeration */
    bool posix, on_close;
};

enum fake_call { FAKE_OPEN, FAKE_MAKE, FAKE_CONTROL, FAKE_QUERY, FAKE_SET, FAKE_LIST, FAKE_DEVICE };

static struct fake {
    struct fake_volume volumes[FAKE_VOLUMES];
    size_t volume_count;
    struct {
        const wchar_t *name, *device;
    } devices[8];
    size_t device_count;
    struct fake_handle handles[FAKE_HANDLES];
    unsigned open, most_open;
    struct fake_node *nodes;
    uint64_t ids;
    unsigned calls, fail_at, fail_sets_from, opens, makes;
    NTSTATUS fail_with;
    bool fail_late; /* the failing call is carried out all the same */
    void (*hook)(unsigned call, enum fake_call kind);
    bool no_posix;
    bool short_buffer; /* what the last query failed for */
    int depth;         /* of the scope */
    ULONGLONG now;
    unsigned sleeps;
    void (*on_sleep)(void);
} fake;

/* ---- building
 * ------------------------------------------------------------------------------------------------
 */

static struct fake_node *fake_node_new(struct fake_node *parent, const wchar_t *name,
                                       bool directory)
{
    struct fake_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    wcsncpy(node->name, name, 255);
    node->id = ++fake.ids;
    node->attributes = directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
    node->all = fake.nodes;
    fake.nodes = node;
    if (parent) {
        node->parent = parent;
        node->volume = parent->volume;
        struct fake_node **at = &parent->child;
        while (*at)
            at = &(*at)->sibling;
        *at = node;
    }
    return node;
}

static struct fake_volume *fake_volume_add(const wchar_t *name, ULONG attributes,
                                           ULONG characteristics)
{
    struct fake_volume *volume = &fake.volumes[fake.volume_count++];
    *volume = (struct fake_volume){name, fake_node_new(NULL, L"", true), attributes,
                                   characteristics, 0x1000u + (ULONG)fake.volume_count};
    volume->root->volume = volume;
    return volume;
}

static void fake_device(const wchar_t *name, const wchar_t *device)
{
    fake.devices[fake.device_count].name = name;
    fake.devices[fake.device_count++].device = device;
}

static void fake_clear(void)
{
    while (fake.nodes) {
        struct fake_node *next = fake.nodes->all;
        free(fake.nodes->reparse);
        free(fake.nodes);
        fake.nodes = next;
    }
    memset(&fake, 0, sizeof fake);
}

/* C: NTFS, R: the same but read-only, F: FAT, N: a server's. */
static void fake_reset(void)
{
    fake_clear();
    fake.ids = 0x100;
    fake_volume_add(L"C:", FILE_SUPPORTS_REPARSE_POINTS, 0);
    fake_volume_add(L"R:", FILE_SUPPORTS_REPARSE_POINTS | FILE_READ_ONLY_VOLUME, 0);
    fake_volume_add(L"F:", 0, 0);
    fake_volume_add(L"N:", FILE_SUPPORTS_REPARSE_POINTS, FILE_REMOTE_DEVICE);
    fake_device(L"C:", L"\\Device\\HarddiskVolume1");
    fake_device(L"R:", L"\\Device\\CdRom0");
    fake_device(L"F:", L"\\Device\\HarddiskVolume2");
    fake_device(L"N:", L"\\Device\\HarddiskVolume3"); /* only its handles tell */
}

static struct fake_node *fake_child(const struct fake_node *parent, const wchar_t *name,
                                    size_t length)
{
    for (struct fake_node *at = parent->child; at; at = at->sibling)
        if (wcslen(at->name) == length && _wcsnicmp(at->name, name, length) == 0)
            return at;
    return NULL;
}

/* "C:\a\b"; NULL when it is not there. Links are not followed. */
static struct fake_node *fake_find(const wchar_t *path)
{
    struct fake_node *at = NULL;
    for (size_t i = 0; i < fake.volume_count; i++)
        if (wcsncmp(fake.volumes[i].name, path, 2) == 0)
            at = fake.volumes[i].root;
    path += 2;
    while (at && *path) {
        path++;
        size_t length = wcscspn(path, L"\\");
        if (length > 0)
            at = fake_child(at, path, length);
        path += length;
    }
    return at;
}

/* Makes what the last name says, in a directory that is there. */
static struct fake_node *fake_add(const wchar_t *path, bool directory)
{
    wchar_t parent[512];
    const wchar_t *name = wcsrchr(path, L'\\');
    assert_non_null(name);
    wcsncpy(parent, path, 511);
    parent[name - path] = L'\0';
    struct fake_node *above = fake_find(parent);
    assert_non_null(above);
    return fake_node_new(above, name + 1, directory);
}

static void fake_tag(struct fake_node *node, const void *bytes, size_t length)
{
    free(node->reparse);
    node->reparse = malloc(length);
    assert_non_null(node->reparse);
    memcpy(node->reparse, bytes, length);
    node->reparse_length = length;
    node->attributes |= FILE_ATTRIBUTE_REPARSE_POINT;
}

static struct fake_node *fake_junction(const wchar_t *path, const char *substitute,
                                       const char *print)
{
    uint8_t buffer[REPARSE_MAX_SIZE];
    struct fake_node *node = fake_add(path, true);
    fake_tag(node, buffer, reparse_encode_junction(substitute, print, buffer));
    return node;
}

static void fake_unlink(struct fake_node *node)
{
    struct fake_node **at = &node->parent->child;
    while (*at != node)
        at = &(*at)->sibling;
    *at = node->sibling;
    node->gone = true;
}

static void fake_print(const struct fake_node *node, const char *above, char *out, size_t size)
{
    char path[1024];
    unsigned sum = 0;
    for (size_t i = 0; i < node->reparse_length; i++)
        sum = sum * 31 + node->reparse[i];
    snprintf(path, sizeof path, "%s/%ls", above, node->name);
    size_t length = strlen(out);
    snprintf(out + length, size - length, "%s %lx %x%s\n", path, node->attributes, sum,
             node->pending ? " pending" : "");
    for (const struct fake_node *at = node->child; at; at = at->sibling)
        fake_print(at, path, out, size);
}

/* All that is on the disks, as text. */
static const char *fake_disk(char out[8192])
{
    out[0] = '\0';
    for (size_t i = 0; i < fake.volume_count; i++)
        fake_print(fake.volumes[i].root, "", out, 8192);
    return out;
}

/* ---- the calls
 * ------------------------------------------------------------------------------------------------
 */

/* Every call passes here. true: it fails with fake.fail_with. */
static bool fake_strikes(enum fake_call kind)
{
    assert_int_equal(fake.depth, 1); /* always as the caller */
    fake.calls++;
    if (fake.hook)
        fake.hook(fake.calls, kind);
    return fake.calls == fake.fail_at ||
           (kind == FAKE_SET && fake.fail_sets_from && fake.calls >= fake.fail_sets_from);
}

static struct fake_handle *fake_at(HANDLE handle)
{
    size_t index = (size_t)(uintptr_t)handle / 4 - 1;
    assert_true(index < FAKE_HANDLES && fake.handles[index].node);
    return &fake.handles[index];
}

static uint32_t fake_tag_of(const struct fake_node *node)
{
    uint32_t tag = 0;
    if (node->attributes & FILE_ATTRIBUTE_REPARSE_POINT)
        memcpy(&tag, node->reparse, sizeof tag);
    return tag;
}

static bool fake_shares(const struct fake_node *node, ACCESS_MASK access, ULONG share)
{
    static const struct {
        ACCESS_MASK rights;
        ULONG share;
    } rows[] = {{FILE_READ_DATA | FILE_EXECUTE, FILE_SHARE_READ},
                {FILE_WRITE_DATA | FILE_APPEND_DATA, FILE_SHARE_WRITE},
                {DELETE, FILE_SHARE_DELETE}};
    for (size_t i = 0; i < FAKE_HANDLES; i++) {
        const struct fake_handle *other = &fake.handles[i];
        for (size_t row = 0; other->node == node && row < 3; row++)
            if (((access & rows[row].rights) && !(other->share & rows[row].share)) ||
                ((other->access & rows[row].rights) && !(share & rows[row].share)))
                return false;
    }
    return true;
}

static HANDLE fake_handle_new(struct fake_node *node, ACCESS_MASK access, ULONG share)
{
    size_t i = 0;
    while (fake.handles[i].node)
        assert_true(++i < FAKE_HANDLES);
    fake.handles[i] = (struct fake_handle){.node = node, .access = access, .share = share};
    if (++fake.open > fake.most_open)
        fake.most_open = fake.open;
    return (HANDLE)(uintptr_t)((i + 1) * 4);
}

/* `\??\X:` or `\??\Volume{}`: the root, and what is left of the name. */
static struct fake_node *fake_root(const wchar_t **name)
{
    if (wcsncmp(*name, L"\\??\\", 4) != 0)
        return NULL;
    const wchar_t *at = *name + 4;
    size_t length = wcscspn(at, L"\\");
    *name = at + length;
    if (length == wcslen(FAKE_GUID) && _wcsnicmp(at, FAKE_GUID, length) == 0)
        return fake.volumes[0].root;
    for (size_t i = 0; i < fake.volume_count; i++)
        if (length == 2 && _wcsnicmp(at, fake.volumes[i].name, 2) == 0)
            return fake.volumes[i].root;
    return NULL;
}

/* The node, or for a name that is free its parent with *leaf. */
static NTSTATUS fake_walk(struct fake_node *at, wchar_t *name, bool follow, struct fake_node **out,
                          const wchar_t **leaf)
{
    wchar_t next[4096];
    const wchar_t *rest = name;
    *leaf = NULL;
    for (int links = 0; links < 64;) {
        if (!at && !(at = fake_root(&rest)))
            return STATUS_OBJECT_PATH_NOT_FOUND;
        while (*rest == L'\\')
            rest++;
        if (!*rest)
            break;
        size_t length = wcscspn(rest, L"\\");
        bool last = wcslen(rest) == length;
        if (wcscspn(rest, L":*?<>|\"") < length)
            return STATUS_OBJECT_NAME_INVALID;
        if (!(at->attributes & FILE_ATTRIBUTE_DIRECTORY))
            return STATUS_OBJECT_PATH_NOT_FOUND;
        struct fake_node *child = fake_child(at, rest, length);
        if (!child && last) {
            *out = at;
            *leaf = rest;
            wcscpy(name, rest);
            *leaf = name;
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        if (!child)
            return STATUS_OBJECT_PATH_NOT_FOUND;
        rest += length;
        if ((!last || follow) && fake_tag_of(child)) {
            struct reparse_data data;
            uint16_t *units;
            size_t count;
            if (child->untrusted)
                return STATUS_UNTRUSTED_MOUNT_POINT;
            assert_int_equal(reparse_decode(child->reparse, child->reparse_length, &data), UTF_OK);
            if (data.tag != REPARSE_TAG_MOUNT_POINT) {
                reparse_data_clear(&data);
                return STATUS_IO_REPARSE_TAG_NOT_HANDLED;
            }
            assert_int_equal(wtf8_to_utf16(data.substitute_name.bytes, data.substitute_name.length,
                                           &units, &count),
                             UTF_OK);
            swprintf(next, 4096, L"%ls%ls", (wchar_t *)units, rest);
            free(units);
            reparse_data_clear(&data);
            wcscpy(name, next);
            rest = name;
            child = NULL;
            links++;
            if (links == 63)
                return STATUS_REPARSE_POINT_NOT_RESOLVED;
        }
        at = child;
    }
    *out = at;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI fake_create_file(HANDLE *file, ACCESS_MASK access, OBJECT_ATTRIBUTES *object,
                                       IO_STATUS_BLOCK *io, LARGE_INTEGER *allocation,
                                       ULONG attributes, ULONG share, ULONG disposition,
                                       ULONG options, void *ea, ULONG ea_length)
{
    static wchar_t name[32768];
    struct fake_node *node;
    const wchar_t *leaf;
    (void)allocation, (void)attributes, (void)ea, (void)ea_length;
    bool make = disposition == FILE_CREATE;
    fake.opens++;
    fake.makes += make;
    if (fake_strikes(make ? FAKE_MAKE : FAKE_OPEN))
        return fake.fail_with;
    assert_true(options & FILE_SYNCHRONOUS_IO_NONALERT);
    assert_true(access & SYNCHRONIZE);
    assert_false(options & FILE_OPEN_FOR_BACKUP_INTENT);
    assert_true(disposition == FILE_OPEN || disposition == FILE_CREATE);
    assert_false(make && !object->RootDirectory);
    const SECURITY_QUALITY_OF_SERVICE *quality = object->SecurityQualityOfService;
    assert_non_null(quality);
    assert_int_equal(quality->Length, sizeof *quality);
    assert_int_equal(quality->ImpersonationLevel, SecurityAnonymous);
    assert_true(!(access & DELETE) || make || (options & FILE_COMPLETE_IF_OPLOCKED));
    size_t length = object->ObjectName->Length / sizeof(wchar_t);
    memcpy(name, object->ObjectName->Buffer, length * sizeof *name);
    name[length] = L'\0';
    struct fake_node *start = object->RootDirectory ? fake_at(object->RootDirectory)->node : NULL;
    assert_true(!start || !wcschr(name, L'\\'));
    NTSTATUS status = fake_walk(start, name, !(options & FILE_OPEN_REPARSE_POINT), &node, &leaf);
    if (make && status == STATUS_OBJECT_NAME_NOT_FOUND && leaf) {
        if (node->gone || node->pending)
            return STATUS_DELETE_PENDING;
        if (node->volume->attributes & FILE_READ_ONLY_VOLUME)
            return STATUS_MEDIA_WRITE_PROTECTED;
        if (node->denied & FILE_ADD_SUBDIRECTORY)
            return STATUS_ACCESS_DENIED;
        *file = fake_handle_new(fake_node_new(node, leaf, true), access, share);
        io->Information = FILE_CREATED;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(status))
        return status;
    if (node->pending)
        return STATUS_DELETE_PENDING;
    if (make)
        return STATUS_OBJECT_NAME_COLLISION;
    if ((options & FILE_DIRECTORY_FILE) && !(node->attributes & FILE_ATTRIBUTE_DIRECTORY))
        return STATUS_NOT_A_DIRECTORY;
    if (access & node->denied)
        return STATUS_ACCESS_DENIED;
    if (!fake_shares(node, access, share))
        return STATUS_SHARING_VIOLATION;
    *file = fake_handle_new(node, access, share);
    io->Information = FILE_OPENED;
    if ((access & DELETE) && node->oplocks) {
        node->oplocks--;
        return STATUS_OPLOCK_BREAK_IN_PROGRESS;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI fake_close(HANDLE file)
{
    struct fake_handle *handle = fake_at(file);
    struct fake_node *node = handle->node;
    bool unlink = handle->on_close && handle->posix;
    handle->node = NULL;
    fake.open--;
    for (size_t i = 0; i < FAKE_HANDLES; i++)
        if (fake.handles[i].node == node && !unlink)
            return STATUS_SUCCESS;
    if (node->pending && !node->gone)
        fake_unlink(node);
    return STATUS_SUCCESS;
}

/* The table of rules: what NTFS asks of a buffer, and in which order. */
static NTSTATUS fake_set_reparse(struct fake_handle *handle, const uint8_t *in, size_t length)
{
    struct fake_node *node = handle->node;
    uint32_t tag;
    if (length < 8 || length > 16384 || (size_t)(in[4] | in[5] << 8) + 8 != length)
        return STATUS_IO_REPARSE_DATA_INVALID;
    memcpy(&tag, in, sizeof tag);
    size_t substitute = (size_t)(in[10] | in[11] << 8), print = (size_t)(in[14] | in[15] << 8);
    if (tag != REPARSE_TAG_MOUNT_POINT || in[8] || in[9] ||
        (size_t)(in[12] | in[13] << 8) != substitute + 2 || length - 8 != substitute + print + 12)
        return STATUS_IO_REPARSE_DATA_INVALID;
    if (!(node->attributes & FILE_ATTRIBUTE_DIRECTORY))
        return STATUS_NOT_A_DIRECTORY;
    if (node->child || node->hidden_child)
        return STATUS_DIRECTORY_NOT_EMPTY;
    if (fake_tag_of(node) && fake_tag_of(node) != tag)
        return STATUS_IO_REPARSE_TAG_MISMATCH;
    fake_tag(node, in, length);
    return STATUS_SUCCESS;
}

static NTSTATUS fake_delete_reparse(struct fake_handle *handle, const uint8_t *in, size_t length)
{
    struct fake_node *node = handle->node;
    uint32_t tag;
    if (length != 8 || in[4] || in[5])
        return STATUS_IO_REPARSE_DATA_INVALID;
    memcpy(&tag, in, sizeof tag);
    if (!fake_tag_of(node))
        return STATUS_NOT_A_REPARSE_POINT;
    if (fake_tag_of(node) != tag)
        return STATUS_IO_REPARSE_TAG_MISMATCH;
    node->attributes &= ~(ULONG)FILE_ATTRIBUTE_REPARSE_POINT;
    node->reparse_length = 0;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI fake_fs_control(HANDLE file, HANDLE event, void *apc, void *apc_context,
                                      IO_STATUS_BLOCK *io, ULONG code, void *in, ULONG in_length,
                                      void *out, ULONG out_length)
{
    struct fake_handle *handle = fake_at(file);
    struct fake_node *node = handle->node;
    (void)event, (void)apc, (void)apc_context;
    bool strikes = fake_strikes(FAKE_CONTROL);
    if (strikes && !fake.fail_late)
        return fake.fail_with;
    NTSTATUS status = STATUS_SUCCESS;
    if (!(node->volume->attributes & FILE_SUPPORTS_REPARSE_POINTS))
        return STATUS_INVALID_DEVICE_REQUEST;
    if (node->gone)
        return STATUS_FILE_DELETED;
    if (code == FSCTL_GET_REPARSE_POINT) {
        if (!fake_tag_of(node))
            return STATUS_NOT_A_REPARSE_POINT;
        assert_true(out_length >= node->reparse_length);
        memcpy(out, node->reparse, node->reparse_length);
        io->Information = node->reparse_length;
    } else if (!(handle->access & (FILE_WRITE_ATTRIBUTES | FILE_WRITE_DATA))) {
        return STATUS_ACCESS_DENIED;
    } else if (code == FSCTL_SET_REPARSE_POINT) {
        status = fake_set_reparse(handle, in, in_length);
    } else {
        assert_int_equal(code, FSCTL_DELETE_REPARSE_POINT);
        status = fake_delete_reparse(handle, in, in_length);
    }
    return strikes ? fake.fail_with : status;
}

static NTSTATUS NTAPI fake_query_file(HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG length,
                                      ULONG class)
{
    struct fake_node *node = fake_at(file)->node;
    (void)io;
    if (fake_strikes(FAKE_QUERY))
        return fake.fail_with;
    memset(out, 0, length);
    if (class == NT_FILE_BASIC) {
        struct nt_file_basic *basic = out;
        basic->created.QuadPart = (LONGLONG)(node->id * 1000);
        basic->attributes = node->attributes;
    } else if (class == NT_FILE_INTERNAL) {
        ((struct nt_file_internal *)out)->id.QuadPart = (LONGLONG)node->id;
    } else if (class == NT_FILE_ATTRIBUTE_TAG) {
        *(struct nt_file_attribute_tag *)out =
            (struct nt_file_attribute_tag){node->attributes, fake_tag_of(node)};
    } else if (class == NT_FILE_ID && node->volume == &fake.volumes[0]) {
        ((struct nt_file_id *)out)->volume = node->volume->serial | 0xABCD00000000u;
    } else {
        return STATUS_INVALID_INFO_CLASS;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI fake_set_file(HANDLE file, IO_STATUS_BLOCK *io, void *in, ULONG length,
                                    ULONG class)
{
    struct fake_handle *handle = fake_at(file);
    struct fake_node *node = handle->node;
    ULONG flags = NT_DISPOSITION_DELETE;
    (void)io, (void)length;
    if (fake_strikes(FAKE_SET))
        return fake.fail_with;
    if (class == NT_FILE_DISPOSITION_EX) {
        if (fake.no_posix)
            return STATUS_INVALID_PARAMETER;
        flags = ((struct nt_file_disposition_ex *)in)->flags;
    } else {
        assert_int_equal(class, NT_FILE_DISPOSITION);
    }
    assert_true(handle->access & DELETE);
    if (node->gone)
        return STATUS_FILE_DELETED;
    if ((node->attributes & FILE_ATTRIBUTE_READONLY) && !(flags & NT_DISPOSITION_READONLY))
        return STATUS_CANNOT_DELETE;
    if (node->child || node->hidden_child)
        return STATUS_DIRECTORY_NOT_EMPTY;
    node->pending = true;
    handle->on_close = true;
    handle->posix = (flags & NT_DISPOSITION_POSIX) != 0;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI fake_query_directory(HANDLE file, HANDLE event, void *apc, void *apc_context,
                                           IO_STATUS_BLOCK *io, void *out, ULONG length,
                                           ULONG class, BOOLEAN single, UNICODE_STRING *pattern,
                                           BOOLEAN restart)
{
    struct fake_handle *handle = fake_at(file);
    FILE_ID_BOTH_DIR_INFO *record = NULL;
    size_t used = 0, index = 0;
    (void)event, (void)apc, (void)apc_context, (void)io, (void)single, (void)pattern;
    if (fake_strikes(FAKE_LIST))
        return fake.fail_with;
    assert_int_equal(class, NT_FILE_ID_BOTH);
    assert_true(handle->access & FILE_LIST_DIRECTORY);
    if (restart)
        handle->next = 0;
    struct fake_node dots[2] = {{.name = L"."}, {.name = L".."}};
    dots[0].attributes = dots[1].attributes = FILE_ATTRIBUTE_DIRECTORY;
    dots[0].sibling = &dots[1];
    dots[1].sibling = handle->node->child;
    for (const struct fake_node *at = &dots[0]; at; at = at->sibling, index++) {
        size_t name = wcslen(at->name) * sizeof(wchar_t);
        size_t size = (offsetof(FILE_ID_BOTH_DIR_INFO, FileName) + name + 7) / 8 * 8;
        if (index < handle->next)
            continue;
        if (used + size > length)
            break;
        if (record)
            record->NextEntryOffset = (ULONG)((uint8_t *)out + used - (uint8_t *)record);
        record = (FILE_ID_BOTH_DIR_INFO *)((uint8_t *)out + used);
        memset(record, 0, size);
        record->FileAttributes = at->attributes;
        record->FileNameLength = (ULONG)name;
        record->EaSize = fake_tag_of(at) ? fake_tag_of(at) : at->ea;
        record->FileId.QuadPart = (LONGLONG)at->id;
        memcpy(record->FileName, at->name, name);
        used += size;
        handle->next = index + 1;
    }
    return record ? STATUS_SUCCESS : STATUS_NO_MORE_FILES;
}

static NTSTATUS NTAPI fake_query_volume(HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG length,
                                        ULONG class)
{
    const struct fake_volume *volume = fake_at(file)->node->volume;
    (void)io;
    if (fake_strikes(FAKE_QUERY))
        return fake.fail_with;
    memset(out, 0, length);
    if (class == NT_VOLUME_DEVICE)
        ((struct nt_volume_device *)out)->characteristics = volume->characteristics;
    else if (class == NT_VOLUME_ATTRIBUTE)
        ((struct nt_volume_attribute *)out)->attributes = volume->attributes;
    else if (class == NT_VOLUME_VOLUME)
        ((struct nt_volume_volume *)out)->serial = volume->serial;
    else
        return STATUS_INVALID_INFO_CLASS;
    return STATUS_SUCCESS;
}

/* Another number for each status, so that nothing can be taken for what it is not. */
static ULONG NTAPI fake_dos_error(NTSTATUS status)
{
    return 0x10000u | ((ULONG)status & 0xFFFF);
}

static DWORD WINAPI fake_query_dos_device(const WCHAR *name, WCHAR *out, DWORD units)
{
    fake.short_buffer = false;
    if (fake_strikes(FAKE_DEVICE))
        return 0;
    for (size_t i = 0; i < fake.device_count; i++)
        if (wcscmp(fake.devices[i].name, name) == 0) {
            if (wcslen(fake.devices[i].device) + 2 > units) {
                fake.short_buffer = true;
                return 0;
            }
            wcsncpy(out, fake.devices[i].device, units);
            return (DWORD)wcslen(out) + 2;
        }
    return 0;
}

static BOOL WINAPI fake_volume_path(const WCHAR *path, WCHAR *out, DWORD units)
{
    assert_true(units > 8);
    if (fake_strikes(FAKE_DEVICE))
        return FALSE;
    assert_int_equal(wcsncmp(path, L"\\\\?\\", 4), 0);
    wcsncpy(out, path, 7);
    out[7] = L'\0';
    return TRUE;
}

static DWORD WINAPI fake_final_path(HANDLE file, WCHAR *out, DWORD units, DWORD flags)
{
    wchar_t path[1024] = L"";
    (void)units;
    if (fake_strikes(FAKE_QUERY))
        return 0;
    for (const struct fake_node *at = fake_at(file)->node; at->parent; at = at->parent) {
        wchar_t longer[1024];
        swprintf(longer, 1024, L"\\%ls%ls", at->name, path);
        wcscpy(path, longer);
    }
    const struct fake_volume *volume = fake_at(file)->node->volume;
    swprintf(out, units, L"\\\\?\\%ls%ls",
             volume == fake.volumes && (flags & VOLUME_NAME_GUID) ? FAKE_GUID : volume->name,
             path[0] ? path : L"\\");
    return (DWORD)wcslen(out);
}

static DWORD WINAPI fake_last_error(void)
{
    return fake.short_buffer ? ERROR_INSUFFICIENT_BUFFER : ERROR_ACCESS_DENIED;
}

static void WINAPI fake_sleep(DWORD milliseconds)
{
    assert_int_equal(fake.depth, 1);
    fake.now += milliseconds;
    fake.sleeps++;
    if (fake.on_sleep)
        fake.on_sleep();
}

static ULONGLONG WINAPI fake_milliseconds(void)
{
    return fake.now;
}

static const struct nt_calls fake_calls = {
    fake_create_file,  fake_close,       fake_fs_control,
    fake_query_file,   fake_set_file,    fake_query_directory,
    fake_query_volume, fake_dos_error,   fake_query_dos_device,
    fake_volume_path,  fake_final_path,  fake_last_error,
    fake_sleep,        fake_milliseconds};

#endif
