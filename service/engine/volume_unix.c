#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "place.h"
#include "work.h"

struct row {
    struct volume volume;
    char *line; /* as the kernel wrote it: tells whether a mount is still the same one */
    bool probed;
};

struct stuck {
    uint64_t device;
    unsigned count;
};

struct volume_table {
    pthread_mutex_t mutex;
    int mountinfo;
    bool loaded;
    struct row *rows;
    size_t count, capacity;
    struct stuck *stuck;
    size_t stuck_count, stuck_capacity;
    struct engine_drive *drives;
    size_t drive_count;
    bool any_mount;
    uint64_t own_uid;
};

void volume_clear(struct volume *volume)
{
    free(volume->point);
    free(volume->root);
    memset(volume, 0, sizeof *volume);
}

static int volume_copy(struct volume *out, const struct volume *from, struct engine_error *error)
{
    *out = *from;
    out->point = strdup(from->point);
    out->root = strdup(from->root);
    if (!out->point || !out->root) {
        volume_clear(out);
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    }
    return 1;
}

size_t volume_prefix(const char *prefix, const char *path)
{
    size_t length = strlen(prefix);
    if (length == 1)
        return 0;
    if (strncmp(prefix, path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return SIZE_MAX;
    return length;
}

/* ---- reading the table
 * -------------------------------------------------------------------------------------- */

/* The kernel writes space, tab, newline and backslash as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static bool option_is_set(const char *options, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = options; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bool option_number(const char *options, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    for (const char *at = options; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            *value = strtoull(at + length + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static bool type_is(const char *type, const char *family)
{
    size_t length = strlen(family);
    return strncmp(type, family, length) == 0 && (type[length] == '\0' || type[length] == '.');
}

static void row_clear(struct row *row)
{
    volume_clear(&row->volume);
    free(row->line);
    memset(row, 0, sizeof *row);
}

/* "8:1" */
static bool read_device(const char *text, unsigned long *major_number, unsigned long *minor_number)
{
    char *end;
    *major_number = strtoul(text, &end, 10);
    if (end == text || *end != ':')
        return false;
    text = end + 1;
    *minor_number = strtoul(text, &end, 10);
    return end != text && *end == '\0';
}

/* `id parent major:minor root point options [optional...] - type source super-options`. 0, or -1
 * without memory; a line of another shape is passed over (row->line stays NULL). */
static int row_read(struct row *row, const char *line)
{
    memset(row, 0, sizeof *row);
    char *copy = strdup(line);
    if (!copy)
        return -1;
    char *field[6], *rest = copy;
    for (size_t i = 0; i < 6; i++) {
        field[i] = strsep(&rest, " ");
        if (!field[i])
            goto other_shape;
    }
    char *word;
    do {
        word = strsep(&rest, " ");
        if (!word)
            goto other_shape;
    } while (strcmp(word, "-") != 0);
    char *type = strsep(&rest, " ");
    char *source = strsep(&rest, " ");
    const char *super = rest ? rest : "";
    unsigned long major_number, minor_number;
    if (!type || !source || !read_device(field[2], &major_number, &minor_number) ||
        field[3][0] != '/' || field[4][0] != '/')
        goto other_shape;
    unescape(field[3]);
    unescape(field[4]);
    struct volume *volume = &row->volume;
    volume->mount = (int)strtol(field[0], NULL, 10);
    volume->device = makedev((unsigned)major_number, (unsigned)minor_number);
    volume->root = strdup(field[3]);
    volume->point = strdup(field[4]);
    volume->fuse = type_is(type, "fuse") || type_is(type, "fuseblk");
    /* Newer kernels serve the type name of the old driver by the new one. */
    volume->ntfs3 = strcmp(type, "ntfs3") == 0 || strcmp(type, "ntfs") == 0;
    volume->read_only = option_is_set(field[5], "ro") || option_is_set(super, "ro");
    if (volume->fuse && !option_number(super, "user_id", &volume->owner))
        volume->owner = UINT64_MAX;
    row->line = strdup(line);
    free(copy);
    if (!volume->root || !volume->point || !row->line) {
        row_clear(row);
        return -1;
    }
    return 0;
other_shape:
    free(copy);
    return 0;
}

static char *read_all(int file, int *os)
{
    size_t length = 0, capacity = 16384;
    char *text = malloc(capacity + 1);
    if (!text || lseek(file, 0, SEEK_SET) < 0) {
        *os = text ? errno : ENOMEM;
        free(text);
        return NULL;
    }
    for (;;) {
        ssize_t got = read(file, text + length, capacity - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *os = errno;
            free(text);
            return NULL;
        }
        if (got == 0)
            break;
        length += (size_t)got;
        if (length == capacity) {
            char *more = realloc(text, capacity * 2 + 1);
            if (!more) {
                *os = ENOMEM;
                free(text);
                return NULL;
            }
            text = more;
            capacity *= 2;
        }
    }
    text[length] = '\0';
    return text;
}

static void rows_free(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        row_clear(&rows[i]);
    free(rows);
}

struct rows {
    struct row *row;
    size_t count, capacity;
};

/* 0, or -1 without memory. */
static int rows_add(struct rows *rows, const struct volume_table *table, const char *line)
{
    if (rows->count == rows->capacity) {
        size_t more = rows->capacity ? rows->capacity * 2 : 64;
        struct row *grown = realloc(rows->row, more * sizeof *grown);
        if (!grown)
            return -1;
        rows->row = grown;
        rows->capacity = more;
    }
    struct row *row = &rows->row[rows->count];
    if (row_read(row, line) != 0)
        return -1;
    if (!row->line)
        return 0;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].line, line) == 0)
            row->probed = table->rows[i].probed;
    }
    rows->count++;
    return 0;
}

/* In a chroot whose root is no mount of its own, the list does not tell what everything that is not
 * mounted lies on: a line in its words. Nobody knows who mounted a FUSE that is found so. */
static int rows_add_root(struct rows *rows, const struct volume_table *table)
{
    struct statx stat;
    struct statfs system;
    char line[128];
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->row[i].volume.point, "/") == 0)
            return 0;
    }
    if (statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_MNT_ID, &stat) != 0 ||
        statfs("/", &system) != 0)
        return 0;
    snprintf(line, sizeof line, "%llu 0 %u:%u / / %s - %s root rw",
             (unsigned long long)stat.stx_mnt_id, stat.stx_dev_major, stat.stx_dev_minor,
             system.f_flags & ST_RDONLY ? "ro" : "rw",
             system.f_type == FUSE_SUPER_MAGIC ? "fuse" : "unknown");
    return rows_add(rows, table, line);
}

static int table_load(struct volume_table *table, struct engine_error *error)
{
    int os = 0, result = 0;
    struct rows rows = {0};
    char *text = read_all(table->mountinfo, &os);
    if (!text)
        return work_fail(error, os == ENOMEM ? ENGINE_OUT_OF_MEMORY : ENGINE_INTERNAL_ERROR, os,
                         "the list of mounts cannot be read");
    char *rest = text, *line;
    while (result == 0 && (line = strsep(&rest, "\n")))
        result = rows_add(&rows, table, line);
    if (result == 0)
        result = rows_add_root(&rows, table);
    free(text);
    if (result != 0) {
        rows_free(rows.row, rows.count);
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    }
    rows_free(table->rows, table->count);
    table->rows = rows.row;
    table->count = rows.count;
    table->loaded = true;
    return 0;
}

/* With the mutex held. */
static int table_refresh(struct volume_table *table, struct engine_error *error)
{
    struct pollfd change = {.fd = table->mountinfo, .events = POLLPRI};
    bool changed = poll(&change, 1, 0) > 0 && (change.revents & (POLLPRI | POLLERR));
    if (changed)
        table->loaded = false; /* stays so when the reading fails: the kernel tells a change once */
    return table->loaded ? 0 : table_load(table, error);
}

int volume_table_open(const struct engine_options *options, struct volume_table **out,
                      struct engine_error *error)
{
    struct volume_table *table = calloc(1, sizeof *table);
    if (!table)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    pthread_mutex_init(&table->mutex, NULL);
    table->mountinfo = -1;
    table->any_mount = options->any_mount;
    table->own_uid = geteuid();
    if (options->drive_count > 0) {
        table->drives = calloc(options->drive_count, sizeof *table->drives);
        if (!table->drives)
            goto no_memory;
    }
    for (size_t i = 0; i < options->drive_count; i++) {
        char *mount = strdup(options->drives[i].mount);
        if (!mount)
            goto no_memory;
        for (size_t length = strlen(mount); length > 1 && mount[length - 1] == '/'; length--)
            mount[length - 1] = '\0';
        table->drives[i].letter = options->drives[i].letter;
        table->drives[i].mount = mount;
        table->drive_count++;
    }
    table->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (table->mountinfo < 0) {
        work_fail(error, ENGINE_INTERNAL_ERROR, errno, "/proc/self/mountinfo");
        goto fail;
    }
    if (table_load(table, error) != 0)
        goto fail;
    *out = table;
    return 0;
no_memory:
    work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
fail:
    volume_table_close(table);
    return -1;
}

void volume_table_close(struct volume_table *table)
{
    if (!table)
        return;
    rows_free(table->rows, table->count);
    for (size_t i = 0; table->drives && i < table->drive_count; i++)
        free((char *)table->drives[i].mount);
    free(table->drives);
    free(table->stuck);
    if (table->mountinfo >= 0)
        close(table->mountinfo);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

/* ---- looking up
 * -----------------------------------------------------------------------------------------------
 */

static const struct row *row_of_mount(const struct volume_table *table, int mount)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].volume.mount == mount)
            return &table->rows[i];
    }
    return NULL;
}

/* Of several mounts on one point the last covers the others. */
static const struct row *row_of_point(const struct volume_table *table, const char *point)
{
    for (size_t i = table->count; i > 0; i--) {
        if (strcmp(table->rows[i - 1].volume.point, point) == 0)
            return &table->rows[i - 1];
    }
    return NULL;
}

static const struct row *row_of_path(const struct volume_table *table, const char *path)
{
    const struct row *best = NULL;
    size_t best_length = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t length = volume_prefix(table->rows[i].volume.point, path);
        if (length != SIZE_MAX && (!best || length >= best_length)) {
            best = &table->rows[i];
            best_length = length;
        }
    }
    return best;
}

static const struct row *row_of_device(const struct volume_table *table, uint64_t device)
{
    const struct row *best = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        if (row->volume.device == device &&
            (!best || strlen(row->volume.root) < strlen(best->volume.root)))
            best = row;
    }
    return best;
}

static const struct row *row_of_letter(const struct volume_table *table, char letter)
{
    for (size_t i = 0; i < table->drive_count; i++) {
        if (table->drives[i].letter == letter)
            return row_of_point(table, table->drives[i].mount);
    }
    return NULL;
}

static int hand_out(struct volume_table *table, const struct row *row, struct volume *out,
                    struct engine_error *error)
{
    int result = row ? volume_copy(out, &row->volume, error) : 0;
    pthread_mutex_unlock(&table->mutex);
    return result;
}

static int lock_fresh(struct volume_table *table, struct volume *out, struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&table->mutex);
    if (table_refresh(table, error) == 0)
        return 0;
    pthread_mutex_unlock(&table->mutex);
    return -1;
}

int volume_find_mount(struct volume_table *table, int mount, struct volume *out,
                      struct engine_error *error)
{
    if (lock_fresh(table, out, error) != 0)
        return -1;
    return hand_out(table, row_of_mount(table, mount), out, error);
}

int volume_find_path(struct volume_table *table, const char *path, struct volume *out,
                     struct engine_error *error)
{
    if (lock_fresh(table, out, error) != 0)
        return -1;
    return hand_out(table, row_of_path(table, path), out, error);
}

int volume_find_device(struct volume_table *table, uint64_t device, struct volume *out,
                       struct engine_error *error)
{
    if (lock_fresh(table, out, error) != 0)
        return -1;
    return hand_out(table, row_of_device(table, device), out, error);
}

int volume_find_letter(struct volume_table *table, char letter, struct volume *out,
                       struct engine_error *error)
{
    if (lock_fresh(table, out, error) != 0)
        return -1;
    return hand_out(table, row_of_letter(table, letter), out, error);
}

bool volume_letter_is_configured(const struct volume_table *table, char letter)
{
    for (size_t i = 0; i < table->drive_count; i++) {
        if (table->drives[i].letter == letter)
            return true;
    }
    return false;
}

char volume_letter(struct volume_table *table, uint64_t device)
{
    char letter = 0;
    pthread_mutex_lock(&table->mutex);
    for (size_t i = 0; i < table->drive_count && !letter; i++) {
        const struct row *row = row_of_point(table, table->drives[i].mount);
        if (row && row->volume.device == device)
            letter = table->drives[i].letter;
    }
    pthread_mutex_unlock(&table->mutex);
    return letter;
}

bool volume_is_mount_point(struct volume_table *table, const char *path)
{
    pthread_mutex_lock(&table->mutex);
    bool found = row_of_point(table, path) != NULL;
    pthread_mutex_unlock(&table->mutex);
    return found;
}

/* ---- judging
 * --------------------------------------------------------------------------------------------------
 */

static bool device_is_stuck(const struct volume_table *table, uint64_t device)
{
    for (size_t i = 0; i < table->stuck_count; i++) {
        if (table->stuck[i].device == device)
            return table->stuck[i].count > 0;
    }
    return false;
}

/* With the mutex held. */
static int judge(const struct volume_table *table, const struct volume *volume,
                 struct engine_error *error)
{
    if (!volume->fuse)
        return 0;
    /* Whoever mounted it decides what every call on it answers, and whether it answers at all. */
    if (volume->owner != 0 && !(table->any_mount && volume->owner == table->own_uid))
        return work_fail(error, ENGINE_UNTRUSTED_VOLUME, 0, "%s was mounted by uid %lld",
                         volume->point, (long long)volume->owner);
    if (device_is_stuck(table, volume->device))
        return work_fail(error, ENGINE_VOLUME_NOT_RESPONDING, 0, "%s", volume->point);
    return 0;
}

int volume_guard(struct volume_table *table, const char *path, struct volume_guarded *last,
                 struct engine_error *error)
{
    *last = (struct volume_guarded){0};
    pthread_mutex_lock(&table->mutex);
    int result = table_refresh(table, error);
    if (result == 0) {
        const struct row *row = row_of_path(table, path);
        if (row) {
            last->device = row->volume.device;
            last->mount = row->volume.mount;
            last->length = volume_prefix(row->volume.point, path);
        }
        /* Mounts that another one covers count too: a mistake on the safe side. */
        for (size_t i = 0; i < table->count && result == 0; i++) {
            if (volume_prefix(table->rows[i].volume.point, path) != SIZE_MAX)
                result = judge(table, &table->rows[i].volume, error);
        }
    }
    pthread_mutex_unlock(&table->mutex);
    return result;
}

int volume_judge(struct volume_table *table, const struct volume *volume,
                 struct engine_error *error)
{
    pthread_mutex_lock(&table->mutex);
    int result = judge(table, volume, error);
    pthread_mutex_unlock(&table->mutex);
    return result;
}

int volume_probe(struct volume_table *table, const struct volume *volume, int directory,
                 struct engine_error *error)
{
    if (volume->ntfs3)
        return work_fail(error, ENGINE_NTFS3_DRIVER, 0, "%s", volume->point);
    if (!volume->fuse)
        return work_fail(error, ENGINE_UNSUPPORTED_FILE_SYSTEM, 0, "%s is not NTFS", volume->point);
    pthread_mutex_lock(&table->mutex);
    const struct row *row = row_of_mount(table, volume->mount);
    bool probed = row && row->probed;
    pthread_mutex_unlock(&table->mutex);
    if (probed)
        return 0;

    char link[PLACE_FD_SIZE];
    char value[1];
    place_fd_path(directory, link);
    ssize_t got = getxattr(link, PLACE_REPARSE_ATTRIBUTE, value, 0);
    if (got < 0 && errno == ENOTSUP)
        return work_fail(error, ENGINE_UNSUPPORTED_FILE_SYSTEM, errno, "%s is not NTFS",
                         volume->point);
    if (got < 0 && errno != ENODATA)
        return place_fail(error, errno, "%s", volume->point);
    pthread_mutex_lock(&table->mutex);
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].volume.mount == volume->mount &&
            table->rows[i].volume.device == volume->device)
            table->rows[i].probed = true;
    }
    pthread_mutex_unlock(&table->mutex);
    return 0;
}

void volume_stuck(struct volume_table *table, uint64_t device, bool stuck)
{
    pthread_mutex_lock(&table->mutex);
    size_t i = 0;
    while (i < table->stuck_count && table->stuck[i].device != device)
        i++;
    if (i < table->stuck_count) {
        if (stuck)
            table->stuck[i].count++;
        else if (table->stuck[i].count > 0 && --table->stuck[i].count == 0)
            table->stuck[i] = table->stuck[--table->stuck_count];
    } else if (stuck) {
        if (table->stuck_count == table->stuck_capacity) {
            size_t more = table->stuck_capacity ? table->stuck_capacity * 2 : 8;
            struct stuck *grown = realloc(table->stuck, more * sizeof *grown);
            if (grown) {
                table->stuck = grown;
                table->stuck_capacity = more;
            }
        }
        /* Without memory the mark is lost: then work gets stuck and is given up, as without this
         * table. */
        if (table->stuck_count < table->stuck_capacity)
            table->stuck[table->stuck_count++] = (struct stuck){.device = device, .count = 1};
    }
    pthread_mutex_unlock(&table->mutex);
}
