/* List and show on a real NTFS volume. */
#include "ntfs_volume.h"

#include <dirent.h>
#include <time.h>

static struct ntfs_volume volume;
static struct engine *engine;

static int setup(void **state)
{
    (void)state;
    ntfs_open(&volume, "96M", "permissions");
    struct engine_drive drive = {'N', volume.mount};
    struct engine_options options = {.drives = &drive, .drive_count = 1};
    struct engine_error error;
    return engine_open(&options, &engine, &error);
}

static int teardown(void **state)
{
    (void)state;
    engine_close(engine);
    ntfs_close(&volume);
    return 0;
}

/* ---- a sink that remembers
 * ---------------------------------------------------------------------------------------- */

struct seen {
    struct reparse_entry entries[2048];
    size_t count;
    size_t stop_at; /* 0: never */
    struct engine_work *cancel;
    uint64_t steps;
};

static int seen_entry(void *context, struct reparse_entry *entry)
{
    struct seen *seen = context;
    assert_true(seen->count < sizeof seen->entries / sizeof *seen->entries);
    seen->entries[seen->count++] = *entry;
    entry->path = entry->target = entry->substitute_name = entry->print_name = (struct text){0};
    if (seen->cancel)
        engine_work_cancel(seen->cancel, false);
    return seen->count == seen->stop_at ? -1 : 0;
}

static void seen_step(void *context, uint64_t directories, uint64_t entries)
{
    struct seen *seen = context;
    assert_true(directories == ++seen->steps);
    (void)entries;
}

static void seen_clear(struct seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        reparse_entry_clear(&seen->entries[i]);
    memset(seen, 0, sizeof *seen);
}

static const struct reparse_entry *seen_find(const struct seen *seen, const char *path)
{
    const struct reparse_entry *found = NULL;
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->entries[i].path.bytes, path) == 0) {
            assert_null(found); /* nothing is listed twice */
            found = &seen->entries[i];
        }
    }
    return found;
}

static enum engine_code list_as(struct engine_work *work, struct engine_list request,
                                struct seen *seen, struct engine_listed *listed)
{
    struct engine_list_sink sink = {seen_entry, seen_step, seen};
    struct engine_error error;
    int result = engine_list(engine, work, &request, &sink, listed, &error);
    assert_int_equal(result, error.code == ENGINE_OK ? 0 : -1);
    assert_int_equal(listed->count + listed->skipped, seen->count);
    return error.code;
}

static enum engine_code list(struct engine_list request, struct seen *seen,
                             struct engine_listed *listed)
{
    int depth;
    struct engine_work work = self_work(&depth);
    enum engine_code code = list_as(&work, request, seen, listed);
    assert_int_equal(depth, 0);
    return code;
}

static enum engine_code show(const char *path, struct reparse_entry *entry)
{
    int depth;
    struct engine_work work = self_work(&depth);
    struct engine_error error;
    int result = engine_show(engine, &work, path, false, entry, &error);
    assert_int_equal(result, error.code == ENGINE_OK ? 0 : -1);
    assert_int_equal(depth, 0);
    return error.code;
}

static struct seen seen; /* large; every test leaves it empty */

static void test_kinds_and_facts(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "kinds"), 0755);
    mkdir(on(&volume, "kinds/sub"), 0755);
    raw_junction(on(&volume, "kinds/junction"), "C:\\x");
    raw_junction(on(&volume, "kinds/sub/below"), "C:\\y");
    raw_junction(on(&volume, "kinds/mounted"), "Volume{01234567-89ab-cdef-0123-456789abcdef}\\");
    raw_symlink(on(&volume, "kinds/dirlink"), "..\\kinds", 1, true);
    raw_symlink(on(&volume, "kinds/filelink"), "\\??\\C:\\f", 0, false);
    close(open(on(&volume, "kinds/file"), O_CREAT | O_WRONLY, 0644));
    assert_int_equal(symlink("file", on(&volume, "kinds/interix")), 0);
    uint8_t raw[64];
    mkdir(on(&volume, "kinds/broken"), 0755);
    size_t size = raw_link(0xA0000003u, 0, "\\??\\C:\\x", "", raw);
    raw[12] = 250;
    raw_set(on(&volume, "kinds/broken"), raw, size);

    static const struct {
        const char *name;
        enum reparse_type type;
        bool directory;
        const char *target;
        int relative;
        bool malformed;
    } table[] = {
        {"kinds/junction", REPARSE_JUNCTION, true, "C:\\x", -1, false},
        {"kinds/mounted", REPARSE_MOUNT_POINT, true,
         "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\", -1, false},
        {"kinds/dirlink", REPARSE_SYMLINK, true, "..\\kinds", 1, false},
        {"kinds/filelink", REPARSE_SYMLINK, false, "C:\\f", 0, false},
        {"kinds/broken", REPARSE_JUNCTION, true, NULL, -1, true},
    };
    struct engine_listed listed;
    for (int recurse = 0; recurse < 2; recurse++) {
        assert_int_equal(
            list((struct engine_list){.path = on(&volume, "kinds/"), .recurse = recurse}, &seen,
                 &listed),
            ENGINE_OK);
        assert_int_equal(listed.skipped, 0);
        assert_int_equal(listed.directories, recurse ? 2 : 1);
        assert_false(listed.truncated);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            const struct reparse_entry *entry = seen_find(&seen, on(&volume, table[i].name));
            struct reparse_entry shown;
            struct stat stat;
            assert_non_null(entry);
            assert_int_equal(entry->type, table[i].type);
            assert_int_equal(entry->directory, table[i].directory);
            assert_int_equal(entry->malformed, table[i].malformed);
            assert_int_equal(entry->relative, table[i].relative);
            if (table[i].target)
                assert_string_equal(entry->target.bytes, table[i].target);
            assert_int_equal(lstat(entry->path.bytes, &stat), 0);
            assert_int_equal(entry->file_id, stat.st_ino);
            /* Created within the last day, in units of 100 ns since 1601. */
            uint64_t now = ((uint64_t)time(NULL) + 11644473600u) * 10000000u;
            assert_true(entry->created <= now + 10000000u && entry->created > now - 864000000000u);
            assert_int_equal(show(entry->path.bytes, &shown), ENGINE_OK);
            assert_int_equal(shown.type, entry->type);
            assert_int_equal(shown.file_id, entry->file_id);
            assert_int_equal(shown.created, entry->created);
            assert_true(text_equal(&shown.path, &entry->path));
            assert_true(text_equal(&shown.target, &entry->target));
            reparse_entry_clear(&shown);
        }
        assert_int_equal(seen.count, recurse ? 6 : 5);
        assert_int_equal(!!seen_find(&seen, on(&volume, "kinds/sub/below")), recurse);
        seen_clear(&seen);
    }
    assert_int_equal(list((struct engine_list){.path = on(&volume, "kinds"),
                                               .recurse = true,
                                               .types = 1u << REPARSE_SYMLINK},
                          &seen, &listed),
                     ENGINE_OK);
    assert_int_equal(seen.count, 2);
    seen_clear(&seen);
}

static void test_paths_that_are_no_directories(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct engine_listed listed;
    struct reparse_entry entry;
    raw_junction(on(&volume, "alone"), "C:\\x");
    mkdir(on(&volume, "plain"), 0755);
    close(open(on(&volume, "plainfile"), O_CREAT | O_WRONLY, 0644));
    static const struct {
        const char *path;
        bool absolute;
        enum engine_code list, show;
    } table[] = {
        {"alone", false, ENGINE_OK, ENGINE_OK},
        {"plain", false, ENGINE_OK, ENGINE_NOT_A_REPARSE_POINT},
        {"plainfile", false, ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_REPARSE_POINT},
        {"plainfile/x", false, ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_DIRECTORY},
        {"missing", false, ENGINE_NOT_FOUND, ENGINE_NOT_FOUND},
        {"missing/x", false, ENGINE_NOT_FOUND, ENGINE_NOT_FOUND},
        {"alone/..", false, ENGINE_INVALID_PATH, ENGINE_INVALID_PATH},
        {"/tmp", true, ENGINE_UNSUPPORTED_FILE_SYSTEM, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {"/", true, ENGINE_UNSUPPORTED_FILE_SYSTEM, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {"relative", true, ENGINE_INVALID_PATH, ENGINE_INVALID_PATH},
        {"", true, ENGINE_INVALID_PATH, ENGINE_INVALID_PATH},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *path = table[i].absolute ? table[i].path : on(&volume, table[i].path);
        assert_int_equal(list((struct engine_list){.path = path, .recurse = true}, &seen, &listed),
                         table[i].list);
        assert_int_equal(show(path, &entry), table[i].show);
        reparse_entry_clear(&entry);
        if (strcmp(table[i].path, "alone") == 0)
            assert_int_equal(seen.count, 1);
        seen_clear(&seen);
    }
    /* The root of the mount: a directory to list, never a reparse point. */
    assert_int_equal(show(volume.mount, &entry), ENGINE_NOT_A_REPARSE_POINT);
    assert_int_equal(list((struct engine_list){.path = volume.mount}, &seen, &listed), ENGINE_OK);
    assert_non_null(seen_find(&seen, on(&volume, "alone")));
    seen_clear(&seen);
    /* The whole volume, whatever path on it is given. */
    assert_int_equal(list((struct engine_list){.path = on(&volume, "plainfile"), .volume = true},
                          &seen, &listed),
                     ENGINE_OK);
    assert_non_null(seen_find(&seen, on(&volume, "alone")));
    assert_non_null(seen_find(&seen, on(&volume, "kinds/sub/below")));
    seen_clear(&seen);
}

/* Whatever list prints, show and delete take. */
/* A link on another file system leads to the place; it is no reparse point that could be listed. */
static void test_a_way_from_elsewhere(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct engine_listed listed;
    uint8_t buffer[512];
    char way[160], expected[200];
    assert_int_equal(mkdir(on(&volume, "far"), 0755), 0);
    assert_int_equal(mkdir(on(&volume, "far/link"), 0755), 0);
    raw_set(on(&volume, "far/link"), buffer,
            raw_link(0xA0000003u, 0, "\\??\\C:\\far", "C:\\far", buffer));
    snprintf(way, sizeof way, "%s/way", volume.home);
    assert_int_equal(symlink(on(&volume, "far"), way), 0);
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(list((struct engine_list){.path = way, .volume = whole}, &seen, &listed),
                         ENGINE_OK);
        snprintf(expected, sizeof expected, "%s/link", whole ? on(&volume, "far") : way);
        assert_non_null(seen_find(&seen, expected));
        seen_clear(&seen);
    }
    assert_int_equal(unlink(way), 0);
    assert_int_equal(symlink("/proc", way), 0);
    assert_int_equal(list((struct engine_list){.path = way}, &seen, &listed),
                     ENGINE_UNSUPPORTED_FILE_SYSTEM);
    assert_int_equal(unlink(way), 0);
    assert_int_equal(symlink("missing", way), 0);
    assert_int_equal(list((struct engine_list){.path = way}, &seen, &listed), ENGINE_NOT_FOUND);
    assert_int_equal(unlink(way), 0);
}

static void test_odd_names(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    char longest[256], wide[255 * 3 + 1];
    memset(longest, 'l', 255);
    longest[255] = '\0';
    for (size_t i = 0; i < 255; i++)
        memcpy(wide + 3 * i, "\xe2\x82\xac", 4);
    const char *const names[] = {
        "plain",
        "new\nline",
        "tab\there",
        "\x01",
        "quote\"'",
        "\xf0\x9f\x98\x80",
        "\xed\xa0\x80lone",
        "low\xed\xb0\x80",
        "dot.",
        "space ",
        "con",
        "nul.txt",
        "a:b",
        "star*?",
        "<>|",
        "back\\slash",
        "\xc3\xa4",
        "...",
        "-rf",
        "%s%n",
        longest,
        wide,
    };
    size_t count = sizeof names / sizeof *names;
    mkdir(on(&volume, "odd"), 0755);
    char path[8192];
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/odd/%s", volume.mount, names[i]);
        raw_junction(path, "C:\\odd");
    }
    struct engine_listed listed;
    assert_int_equal(list((struct engine_list){.path = on(&volume, "odd")}, &seen, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/odd/%s", volume.mount, names[i]);
        assert_non_null(seen_find(&seen, path));
    }
    for (size_t i = 0; i < seen.count; i++) {
        struct reparse_entry entry;
        struct engine_deleted deleted;
        struct engine_error error;
        int depth;
        const char *listed_path = seen.entries[i].path.bytes;
        assert_int_equal(show(listed_path, &entry), ENGINE_OK);
        reparse_entry_clear(&entry);
        /* An existing name is kept, odd as it is. */
        struct engine_created created;
        struct engine_work work = self_work(&depth);
        struct engine_create replace = {.link = listed_path, .target = "C:\\even", .replace = true};
        assert_int_equal(engine_create(engine, &work, &replace, &created, &error), 0);
        engine_created_clear(&created);
        work = self_work(&depth);
        assert_int_equal(engine_delete(engine, &work, &(struct engine_delete){.link = listed_path},
                                       &deleted, &error),
                         0);
        assert_string_equal(deleted.target.bytes, "C:\\even");
        engine_deleted_clear(&deleted);
    }
    seen_clear(&seen);
    assert_int_equal(rmdir(on(&volume, "odd")), 0);
}

/* 300 levels: more than may be held open, and a path longer than the kernel takes at once. */
static void test_deep_tree(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    enum { LEVELS = 300 };
    int at = open(volume.mount, O_PATH | O_DIRECTORY), below;
    uint8_t buffer[512];
    size_t size = raw_link(0xA0000003u, 0, "\\??\\C:\\deep", "C:\\deep", buffer);
    char name[64];
    for (int level = 0; level < LEVELS; level++) {
        snprintf(name, sizeof name, "level-%03d-with-a-name-that-takes-place", level);
        assert_int_equal(mkdirat(at, name, 0755), 0);
        below = openat(at, name, O_PATH | O_DIRECTORY);
        if (level % 25 == 0) {
            /* On both sides of the way down in the directory's order, and one more directory behind
             * it. */
            static const char *const beside[] = {"a-link", "z-link", "zz-dir/link"};
            char proc[128];
            assert_int_equal(mkdirat(at, "zz-dir", 0755), 0);
            for (size_t i = 0; i < 3; i++) {
                assert_int_equal(mkdirat(at, beside[i], 0755), 0);
                snprintf(proc, sizeof proc, "/proc/self/fd/%d/%s", at, beside[i]);
                raw_set(proc, buffer, size);
            }
        }
        close(at);
        at = below;
    }
    assert_int_equal(mkdirat(at, "bottom", 0755), 0);
    char proc[128];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d/bottom", at);
    raw_set(proc, buffer, size);
    close(at);

    size_t open_before = 0, open_after = 0;
    DIR *files = opendir("/proc/self/fd");
    while (readdir(files))
        open_before++;
    closedir(files);
    char top[256];
    snprintf(top, sizeof top, "%s/level-000-with-a-name-that-takes-place", volume.mount);
    struct engine_listed listed;
    assert_int_equal(list((struct engine_list){.path = top, .recurse = true}, &seen, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.skipped, 0);
    assert_int_equal(listed.count, (LEVELS / 25 - 1) * 3 + 1);
    assert_int_equal(listed.directories, LEVELS + LEVELS / 25 - 1);
    files = opendir("/proc/self/fd");
    while (readdir(files))
        open_after++;
    closedir(files);
    assert_int_equal(open_before, open_after);
    size_t longest = 0;
    for (size_t i = 0; i < seen.count; i++) {
        struct reparse_entry entry;
        struct engine_deleted deleted;
        struct engine_error error;
        int depth;
        struct engine_work work = self_work(&depth);
        const char *path = seen.entries[i].path.bytes;
        if (seen.entries[i].path.length > longest)
            longest = seen.entries[i].path.length;
        assert_ptr_equal(seen_find(&seen, path), &seen.entries[i]);
        if (i % 6 != 0 && seen.entries[i].path.length < 2 * 4096)
            continue; /* each takes the daemon a long way down */
        assert_int_equal(show(path, &entry), ENGINE_OK);
        reparse_entry_clear(&entry);
        assert_int_equal(
            engine_delete(engine, &work, &(struct engine_delete){.link = path}, &deleted, &error),
            0);
        engine_deleted_clear(&deleted);
    }
    assert_true(longest > 2 * 4096);
    seen_clear(&seen);
}

/* Deeper than a path may be: the place is reported, since nothing could be asked about what lies
 * there. */
static void test_deeper_than_a_path(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    enum { LEVELS = 130 };
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(mkdir(on(&volume, "deeper"), 0755), 0);
    int at = open(on(&volume, "deeper"), O_PATH | O_DIRECTORY);
    for (int level = 0; level < LEVELS; level++) {
        assert_int_equal(mkdirat(at, name, 0755), 0);
        int below = openat(at, name, O_PATH | O_DIRECTORY);
        close(at);
        at = below;
    }
    close(at);
    struct engine_listed listed;
    assert_int_equal(
        list((struct engine_list){.path = on(&volume, "deeper"), .recurse = true}, &seen, &listed),
        ENGINE_OK);
    assert_int_equal(listed.count, 0);
    assert_int_equal(listed.skipped, 1);
    assert_int_equal(seen.entries[0].error.code, ENGINE_INVALID_PATH);
    assert_in_range(seen.entries[0].path.length, 32768, 32768 + 256);
    seen_clear(&seen);
}

/* More names than one chunk holds, links and directories mixed. */
static void test_wide_directory(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    enum { COUNT = 1500 };
    char name[64];
    mkdir(on(&volume, "wide"), 0755);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "wide/%04d-some-longer-name-to-fill-it", i);
        assert_int_equal(mkdir(on(&volume, name), 0755), 0);
        if (i % 3 == 0) {
            snprintf(name, sizeof name, "wide/%04d-link", i);
            raw_junction(on(&volume, name), "C:\\x");
        }
        if (i % 100 == 0) {
            snprintf(name, sizeof name, "wide/%04d-some-longer-name-to-fill-it/in", i);
            raw_junction(on(&volume, name), "C:\\x");
        }
    }
    struct engine_listed listed;
    assert_int_equal(
        list((struct engine_list){.path = on(&volume, "wide"), .recurse = true}, &seen, &listed),
        ENGINE_OK);
    assert_int_equal(listed.count, COUNT / 3 + COUNT / 100);
    assert_int_equal(listed.directories, COUNT + 1);
    for (size_t i = 0; i < seen.count; i++)
        seen_find(&seen, seen.entries[i].path.bytes);
    seen_clear(&seen);
}

static int down(int at, const char *name, int levels)
{
    for (int i = 0; i < levels; i++) {
        assert_int_equal(mkdirat(at, name, 0755), 0);
        int below = openat(at, name, O_PATH | O_DIRECTORY);
        close(at);
        at = below;
    }
    return at;
}

/* A directory that is left half read, closed because the way goes on far below it, and read on
 * later. */
static void test_wide_directory_closed_on_the_way(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    enum { ABOVE = 40, WIDE = 1500, BELOW = 70 };
    static const int deep[] = {0, 600, 601, WIDE - 1};
    char name[64];
    mkdir(on(&volume, "halves"), 0755);
    int wide = down(open(on(&volume, "halves"), O_PATH | O_DIRECTORY), "x", ABOVE);
    for (int i = 0; i < WIDE; i++) {
        snprintf(name, sizeof name, "%04d-with-a-name-that-takes-place", i);
        assert_int_equal(mkdirat(wide, name, 0755), 0);
    }
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        snprintf(name, sizeof name, "%04d-with-a-name-that-takes-place", deep[i]);
        close(down(openat(wide, name, O_PATH | O_DIRECTORY), "y", BELOW));
    }
    close(wide);
    struct engine_listed listed;
    assert_int_equal(
        list((struct engine_list){.path = on(&volume, "halves"), .recurse = true}, &seen, &listed),
        ENGINE_OK);
    assert_int_equal(listed.directories, 1 + ABOVE + WIDE + 4 * BELOW);
    assert_int_equal(listed.skipped, 0);
    seen_clear(&seen);
}

static void test_unreadable_places(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    uid_t alice = 64001;
    mkdir(on(&volume, "some"), 0755);
    mkdir(on(&volume, "some/secret"), 0700);
    mkdir(on(&volume, "some/public"), 0755);
    raw_junction(on(&volume, "some/secret/link"), "C:\\x");
    raw_junction(on(&volume, "some/public/link"), "C:\\x");
    struct engine_work work = user_work(&alice);
    struct engine_listed listed;
    assert_int_equal(list_as(&work,
                             (struct engine_list){.path = on(&volume, "some"), .recurse = true},
                             &seen, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, 1);
    assert_int_equal(listed.skipped, 1);
    const struct reparse_entry *entry = seen_find(&seen, on(&volume, "some/secret"));
    assert_non_null(entry);
    assert_int_equal(entry->error.code, ENGINE_ACCESS_DENIED);
    assert_int_equal(entry->error.os, EACCES);
    assert_non_null(seen_find(&seen, on(&volume, "some/public/link")));
    seen_clear(&seen);
    work = user_work(&alice);
    assert_int_equal(
        list_as(&work, (struct engine_list){.path = on(&volume, "some/secret")}, &seen, &listed),
        ENGINE_ACCESS_DENIED);
    struct reparse_entry shown;
    struct engine_error error;
    assert_int_equal(
        engine_show(engine, &work, on(&volume, "some/secret/link"), false, &shown, &error), -1);
    assert_int_equal(error.code, ENGINE_ACCESS_DENIED);
}

/* Another file system mounted inside, and a link that leads back up. */
static void test_stays_on_its_volume(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "outer"), 0755);
    mkdir(on(&volume, "outer/mounted"), 0755);
    mkdir(on(&volume, "outer/own"), 0755);
    raw_junction(on(&volume, "outer/own/up"), "C:\\outer");
    struct ntfs_volume inner;
    ntfs_open(&inner, "8M", "permissions");
    assert_null(inner.missing);
    raw_junction(on(&inner, "link"), "C:\\x");
    char point[128];
    strcpy(point, on(&volume, "outer/mounted"));
    assert_int_equal(mount(inner.mount, point, NULL, MS_BIND, NULL), 0);
    struct engine_listed listed;
    assert_int_equal(
        list((struct engine_list){.path = on(&volume, "outer"), .recurse = true}, &seen, &listed),
        ENGINE_OK);
    assert_int_equal(listed.count, 1);
    assert_int_equal(listed.skipped, 0);
    seen_clear(&seen);
    /* As PATH it is its own volume. */
    assert_int_equal(list((struct engine_list){.path = point, .recurse = true}, &seen, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, 1);
    seen_clear(&seen);
    /* Nothing can be a link on which something is mounted. */
    struct engine_created created;
    struct engine_error error;
    int depth;
    struct engine_work work = self_work(&depth);
    struct engine_create request = {.link = point, .target = "C:\\x"};
    assert_int_equal(engine_create(engine, &work, &request, &created, &error), -1);
    assert_int_equal(error.code, ENGINE_VOLUME_ROOT);
    umount2(point, 0);
    ntfs_close(&inner);
}

static void test_ended_early(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "early"), 0755);
    char name[64];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "early/%d", i);
        raw_junction(on(&volume, name), "C:\\x");
    }
    struct engine_listed listed;
    seen.stop_at = 5;
    assert_int_equal(list((struct engine_list){.path = on(&volume, "early")}, &seen, &listed),
                     ENGINE_OK);
    assert_true(listed.truncated);
    assert_int_equal(seen.count, 5);
    seen_clear(&seen);

    int depth;
    struct engine_work work = self_work(&depth);
    seen.cancel = &work;
    assert_int_equal(
        list_as(&work, (struct engine_list){.path = on(&volume, "early")}, &seen, &listed),
        ENGINE_CANCELLED);
    assert_true(listed.truncated);
    assert_int_equal(seen.count, 1);
    assert_int_equal(listed.count, 1);
    assert_int_equal(depth, 0);
    seen_clear(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_and_facts),
        cmocka_unit_test(test_paths_that_are_no_directories),
        cmocka_unit_test(test_a_way_from_elsewhere),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_deep_tree),
        cmocka_unit_test(test_deeper_than_a_path),
        cmocka_unit_test(test_wide_directory),
        cmocka_unit_test(test_wide_directory_closed_on_the_way),
        cmocka_unit_test(test_unreadable_places),
        cmocka_unit_test(test_stays_on_its_volume),
        cmocka_unit_test(test_ended_early),
    };
    return cmocka_run_group_tests_name("walk", tests, setup, teardown);
}
