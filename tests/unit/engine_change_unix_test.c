/* Create, replace and delete on a real NTFS volume. Independent of the engine, what is on the disk
 * is read through the raw attribute, and at the end by 7zz where it is installed. */
#include "ntfs_volume.h"

static struct ntfs_volume volume;
static struct engine *engine;

static enum engine_code create_as(struct engine_work *work, struct engine_create request,
                                  struct engine_created *created, struct engine_error *error)
{
    struct engine_error ignored;
    struct engine_created unused;
    if (!error)
        error = &ignored;
    int result = engine_create(engine, work, &request, created ? created : &unused, error);
    assert_int_equal(result, error->code == ENGINE_OK ? 0 : -1);
    if (!created)
        engine_created_clear(&unused);
    return error->code;
}

static enum engine_code create(struct engine_create request, struct engine_created *created,
                               struct engine_error *error)
{
    int depth;
    struct engine_work work = self_work(&depth);
    enum engine_code code = create_as(&work, request, created, error);
    assert_int_equal(depth, 0);
    return code;
}

static enum engine_code delete_as(struct engine_work *work, struct engine_delete request,
                                  struct engine_deleted *deleted, struct engine_error *error)
{
    struct engine_error ignored;
    struct engine_deleted unused;
    if (!error)
        error = &ignored;
    int result = engine_delete(engine, work, &request, deleted ? deleted : &unused, error);
    assert_int_equal(result, error->code == ENGINE_OK ? 0 : -1);
    if (!deleted)
        engine_deleted_clear(&unused);
    return error->code;
}

static enum engine_code remove_link(struct engine_delete request, struct engine_error *error)
{
    int depth;
    struct engine_work work = self_work(&depth);
    enum engine_code code = delete_as(&work, request, NULL, error);
    assert_int_equal(depth, 0);
    return code;
}

static int setup(void **state)
{
    (void)state;
    ntfs_open(&volume, "64M", "permissions");
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

static void test_life_of_a_junction(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    char link[128];
    strcpy(link, on(&volume, "life"));
    struct engine_created created;
    struct engine_error error;
    uint8_t buffer[16384], expected[16384];
    struct stat stat;

    struct engine_create request = {.link = link, .target = "c:/Target/"};
    request.dry_run = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_true(is_missing(link));
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_CREATED);
    assert_string_equal(created.target.bytes, "C:\\Target");
    assert_string_equal(created.substitute_name.bytes, "\\??\\C:\\Target");
    assert_string_equal(created.print_name.bytes, "C:\\Target");
    /* No EIO for whoever looks next. */
    assert_int_equal(lstat(link, &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
    assert_int_equal(stat.st_ino, created.file_id);
    engine_created_clear(&created);
    size_t size = raw_link(0xA0000003u, 0, "\\??\\C:\\Target", "C:\\Target", expected);
    assert_int_equal(raw_get(link, buffer), size);
    assert_memory_equal(buffer, expected, size);

    /* Equal target: a success before anything else is looked at. */
    request.target = "\\??\\C:\\TARGET";
    request.expected_target = "C:\\other";
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_UNCHANGED);
    engine_created_clear(&created);

    request.target = "C:\\second";
    assert_int_equal(create(request, NULL, &error), ENGINE_ALREADY_EXISTS);
    assert_non_null(strstr(error.detail, "C:\\Target"));
    request.replace = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_CHANGED);
    request.expected_target = "nonsense that no rule accepts";
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_CHANGED);
    assert_int_equal(raw_get(link, buffer), size);
    request.expected_target = "c:/target";
    request.dry_run = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_int_equal(raw_get(link, buffer), size);
    assert_memory_equal(buffer, expected, size);
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_REPLACED);
    assert_string_equal(created.previous_target.bytes, "C:\\Target");
    assert_int_equal(created.file_id, stat.st_ino);
    engine_created_clear(&created);
    assert_int_equal(lstat(link, &stat), 0);

    struct engine_delete removal = {.link = link, .expected_target = "C:\\Target"};
    assert_int_equal(remove_link(removal, NULL), ENGINE_TARGET_CHANGED);
    removal.expected_target = "C:\\second\\";
    removal.dry_run = true;
    assert_int_equal(remove_link(removal, NULL), ENGINE_OK);
    assert_true(raw_get(link, buffer) > 0);
    removal.dry_run = false;
    removal.keep_directory = true;
    assert_int_equal(remove_link(removal, NULL), ENGINE_OK);
    assert_true(is_plain_directory(link));
    assert_int_equal(remove_link(removal, NULL), ENGINE_NOT_A_JUNCTION);

    /* The plain directory is used again. */
    request = (struct engine_create){.link = link, .target = "C:\\third"};
    request.dry_run = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_true(is_plain_directory(link));
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_CONVERTED);
    engine_created_clear(&created);
    assert_int_equal(lstat(link, &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
    removal = (struct engine_delete){.link = link};
    assert_int_equal(remove_link(removal, NULL), ENGINE_OK);
    assert_true(is_missing(link));
    assert_int_equal(remove_link(removal, NULL), ENGINE_NOT_FOUND);
}

static void test_refusals_leave_things_as_they_are(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    uint8_t buffer[16384];
    mkdir(on(&volume, "full"), 0755);
    mkdir(on(&volume, "full/child"), 0755);
    close(open(on(&volume, "file"), O_CREAT | O_WRONLY, 0644));
    raw_symlink(on(&volume, "filelink"), "\\??\\C:\\x", 0, false);
    raw_symlink(on(&volume, "dirlink"), "\\??\\C:\\x", 0, true);
    raw_junction(on(&volume, "mountpoint"), "Volume{01234567-89ab-cdef-0123-456789abcdef}\\");
    assert_int_equal(symlink("file", on(&volume, "interix")), 0);
    mkdir(on(&volume, "other"), 0755);
    uint8_t foreign[8 + 16 + 4] = {0x54, 0, 0, 0x20, 4, 0, 0, 0, 1, 2, 3, 4};
    raw_set(on(&volume, "other"), foreign, sizeof foreign);

    const struct {
        const char *link;
        const char *target;
        enum engine_code create, remove;
    } table[] = {
        {"full", "C:\\x", ENGINE_NOT_EMPTY, ENGINE_NOT_A_JUNCTION},
        {"file", "C:\\x", ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_JUNCTION},
        {"filelink", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION},
        {"dirlink", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION},
        {"mountpoint", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION},
        {"interix", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION},
        {"other", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION},
        {"", "C:\\x", ENGINE_VOLUME_ROOT, ENGINE_VOLUME_ROOT},
        {"none/below", "C:\\x", ENGINE_PARENT_NOT_FOUND, ENGINE_NOT_FOUND},
        {"file/below", "C:\\x", ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_DIRECTORY},
        {"full/../new", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH},
        {"con", "C:\\x", ENGINE_INVALID_PATH, ENGINE_NOT_FOUND},
        {"dot.", "C:\\x", ENGINE_INVALID_PATH, ENGINE_NOT_FOUND},
        {"a:b", "C:\\x", ENGINE_INVALID_PATH, ENGINE_NOT_FOUND},
        {"bad\xff", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH},
        {"new", "relative", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
        {"new", "\\\\server\\share", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
        {"new", "\\\\?\\UNC\\server\\share", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
        {"new", "\\\\.\\PhysicalDrive0", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
        {"new", "C:\\a\\..\\b", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
        {"new", "/tmp", ENGINE_OTHER_VOLUME, ENGINE_NOT_FOUND},
        {"new", "", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *link = on(&volume, table[i].link);
        struct engine_error error;
        ssize_t before = raw_get(link, buffer);
        for (int flags = 0; flags < 4; flags++) {
            struct engine_create request = {.link = link, .target = table[i].target};
            request.replace = flags & 1;
            request.dry_run = flags & 2;
            enum engine_code code = create(request, NULL, &error);
            if (code != table[i].create)
                print_error("create %s -> %s: %d (%s)\n", table[i].link, table[i].target, code,
                            error.detail);
            assert_int_equal(code, table[i].create);
        }
        enum engine_code code = remove_link((struct engine_delete){.link = link}, &error);
        if (code != table[i].remove)
            print_error("delete %s: %d (%s)\n", table[i].link, code, error.detail);
        assert_int_equal(code, table[i].remove);
        assert_int_equal(raw_get(link, buffer), before);
        if (strcmp(table[i].link, "new") == 0)
            assert_true(is_missing(link));
    }
    assert_int_equal(access(on(&volume, "full/child"), F_OK), 0);
}

static void test_targets_on_this_system(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "goal"), 0755);
    struct engine_created created;
    struct engine_error error;
    char link[128], target[128];
    strcpy(link, on(&volume, "native"));
    strcpy(target, on(&volume, "goal//./"));
    struct engine_create request = {.link = link, .target = target, .must_exist = true};
    assert_int_equal(create(request, &created, &error), ENGINE_OK);
    assert_string_equal(created.target.bytes, "N:\\goal");
    engine_created_clear(&created);
    assert_int_equal(
        remove_link((struct engine_delete){.link = link, .expected_target = target}, &error),
        ENGINE_OK);

    request.drive = 'E';
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_string_equal(created.target.bytes, "E:\\goal");
    engine_created_clear(&created);
    assert_int_equal(remove_link((struct engine_delete){.link = link}, NULL), ENGINE_OK);

    request.drive = 0;
    request.target = volume.mount;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_string_equal(created.substitute_name.bytes, "\\??\\N:\\");
    engine_created_clear(&created);
    assert_int_equal(remove_link((struct engine_delete){.link = link}, NULL), ENGINE_OK);

    request.target = strcpy(target, on(&volume, "missing"));
    assert_int_equal(create(request, NULL, &error), ENGINE_TARGET_NOT_FOUND);
    assert_true(is_missing(link));
    request.must_exist = false;
    assert_int_equal(create(request, NULL, &error), ENGINE_OK);
    assert_int_equal(remove_link((struct engine_delete){.link = link}, NULL), ENGINE_OK);

    struct engine *bare;
    struct engine_options options = {0};
    assert_int_equal(engine_open(&options, &bare, &error), 0);
    int depth;
    struct engine_work work = self_work(&depth);
    assert_int_equal(engine_create(bare, &work, &request, &created, &error), -1);
    assert_int_equal(error.code, ENGINE_NO_DRIVE_LETTER);
    assert_non_null(strstr(error.detail, "--drive"));
    engine_close(bare);
    assert_true(is_missing(link));
}

static void test_longest_target_and_too_long(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    /* Names take 2 bytes a unit twice, and 16 + 8 bytes of frame. */
    size_t units = (16384 - 20 - 8) / 4;
    char *target = malloc(units + 64);
    assert_non_null(target);
    for (int over = 0; over <= 3; over++) {
        size_t length = 0;
        length += (size_t)sprintf(target, "C:");
        size_t wanted = units - 2 + (size_t)over;
        while (length < wanted) {
            size_t part = wanted - length > 201 ? 200 : wanted - length - 1;
            if (part == 0)
                break;
            target[length++] = '\\';
            memset(target + length, 'a', part);
            length += part;
        }
        target[length] = '\0';
        struct engine_error error;
        enum engine_code code = create(
            (struct engine_create){.link = on(&volume, "long"), .target = target}, NULL, &error);
        if (code == ENGINE_OK) {
            uint8_t buffer[16384];
            assert_true(raw_get(on(&volume, "long"), buffer) > 16300);
            assert_int_equal(remove_link((struct engine_delete){.link = on(&volume, "long")}, NULL),
                             ENGINE_OK);
            assert_int_not_equal(over, 3);
        } else {
            assert_int_equal(code, ENGINE_TARGET_TOO_LONG);
            assert_int_not_equal(over, 0);
        }
        assert_true(is_missing(on(&volume, "long")));
    }
    free(target);
}

static void test_hidden_children_survive(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    uint8_t buffer[16384];
    struct engine_error error;
    char link[128];
    strcpy(link, on(&volume, "cover"));
    mkdir(link, 0755);
    close(open(on(&volume, "cover/treasure"), O_CREAT | O_WRONLY, 0644));
    raw_junction(link, "C:\\x");
    assert_int_equal(remove_link((struct engine_delete){.link = link}, &error), ENGINE_NOT_EMPTY);
    assert_non_null(strstr(error.detail, "put back"));
    assert_true(raw_get(link, buffer) > 0);
    struct stat stat;
    assert_int_equal(lstat(link, &stat), 0);
    assert_int_equal(
        remove_link((struct engine_delete){.link = link, .keep_directory = true}, &error),
        ENGINE_OK);
    assert_int_equal(access(on(&volume, "cover/treasure"), F_OK), 0);
}

static void test_malformed_junctions(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    uint8_t buffer[256];
    struct engine_error error;
    struct engine_created created;
    const char *link = on(&volume, "malformed");
    for (int replace = 0; replace < 2; replace++) {
        mkdir(link, 0755);
        size_t size = raw_link(0xA0000003u, 0, "\\??\\C:\\x", "C:\\x", buffer);
        buffer[12] = 200; /* the print name lies behind the end */
        raw_set(link, buffer, size);
        assert_int_equal(
            remove_link((struct engine_delete){.link = link, .expected_target = "C:\\x"}, &error),
            ENGINE_TARGET_CHANGED);
        struct engine_create request = {.link = link, .target = "C:\\y"};
        assert_int_equal(create(request, NULL, &error), ENGINE_ALREADY_EXISTS);
        if (replace) {
            request.replace = true;
            assert_int_equal(create(request, &created, &error), ENGINE_OK);
            assert_null(created.previous_target.bytes);
            engine_created_clear(&created);
        }
        assert_int_equal(remove_link((struct engine_delete){.link = link}, &error), ENGINE_OK);
        assert_true(is_missing(link));
    }
}

static void test_parents(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct engine_error error;
    struct engine_create request = {
        .link = on(&volume, "p1/p2/p3/link"), .target = "C:\\x", .parents = true};
    request.dry_run = true;
    assert_int_equal(create(request, NULL, &error), ENGINE_OK);
    assert_true(is_missing(on(&volume, "p1")));
    request.dry_run = false;
    assert_int_equal(create(request, NULL, &error), ENGINE_OK);
    uint8_t buffer[16384];
    assert_true(raw_get(on(&volume, "p1/p2/p3/link"), buffer) > 0);

    request.link = on(&volume, "p1/q2/con/link");
    assert_int_equal(create(request, NULL, &error), ENGINE_INVALID_PATH);
    assert_true(is_missing(on(&volume, "p1/q2")));
    request.link = on(&volume, "p1/q2/q3/nul");
    assert_int_equal(create(request, NULL, &error), ENGINE_INVALID_PATH);
    assert_true(is_missing(on(&volume, "p1/q2")));
    request.link = "/proc/none/of/these";
    assert_int_equal(create(request, NULL, &error), ENGINE_UNSUPPORTED_FILE_SYSTEM);
}

/* A volume that fills up in the middle of it: what was made is taken back. */
static void test_full_volume(void **state)
{
    (void)state;
    struct ntfs_volume small;
    ntfs_open(&small, "2M", "permissions");
    if (small.missing)
        ntfs_close(&small);
    NEED_VOLUME(&small);
    int filler = open(on(&small, "filler"), O_CREAT | O_WRONLY, 0644);
    char zeros[512] = {0};
    memset(zeros, 'x', sizeof zeros);
    while (write(filler, zeros, sizeof zeros) > 0)
        ;
    close(filler);
    char target[3000] = "C:";
    for (int i = 0; i < 14; i++) {
        memset(target + strlen(target), 0, 1);
        size_t length = strlen(target);
        target[length] = '\\';
        memset(target + length + 1, 'a', 199);
        target[length + 200] = '\0';
    }
    bool refused = false;
    for (int i = 0; i < 400 && !refused; i++) {
        char name[64];
        snprintf(name, sizeof name, "deep%d/er/link", i);
        struct engine_error error;
        struct engine_create request = {
            .link = on(&small, name), .target = target, .parents = true};
        if (create(request, NULL, &error) != ENGINE_OK) {
            refused = true;
            assert_int_equal(error.code, ENGINE_VOLUME_FULL);
            snprintf(name, sizeof name, "deep%d", i);
            assert_true(is_missing(on(&small, name)));
            assert_null(strstr(error.detail, "left behind"));
        }
    }
    assert_true(refused);
    ntfs_close(&small);
}

static void test_other_file_systems(void **state)
{
    (void)state;
    struct engine_error error;
    char home[] = "/tmp/junction-plain-XXXXXX";
    assert_non_null(mkdtemp(home));
    char link[64];
    snprintf(link, sizeof link, "%s/link", home);
    assert_int_equal(create((struct engine_create){.link = link, .target = "C:\\x"}, NULL, &error),
                     ENGINE_UNSUPPORTED_FILE_SYSTEM);
    assert_true(is_missing(link));
    assert_int_equal(create((struct engine_create){.link = "/", .target = "C:\\x"}, NULL, &error),
                     ENGINE_VOLUME_ROOT);
    rmdir(home);
    NEED_VOLUME(&volume);

    struct ntfs_volume other;
    ntfs_open(&other, "8M", "permissions");
    raw_junction(on(&other, "old"), "C:\\x");
    mkdir(on(&other, "empty"), 0755);
    assert_int_equal(create((struct engine_create){.link = on(&volume, "toother"),
                                                   .target = on(&other, "empty")},
                            NULL, &error),
                     ENGINE_OTHER_VOLUME);
    ntfs_unmount(&other);
    assert_true(ntfs_mount(&other, "permissions,ro"));
    const char *const links[] = {"new", "empty", "old"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(create((struct engine_create){.link = on(&other, links[i]),
                                                       .target = "C:\\y",
                                                       .replace = true,
                                                       .dry_run = i == 1},
                                NULL, &error),
                         ENGINE_READ_ONLY);
        assert_int_equal(remove_link((struct engine_delete){.link = on(&other, links[i])}, &error),
                         ENGINE_READ_ONLY);
    }
    struct reparse_entry entry;
    int depth;
    struct engine_work work = self_work(&depth);
    assert_int_equal(engine_show(engine, &work, on(&other, "old"), false, &entry, &error), 0);
    reparse_entry_clear(&entry);
    ntfs_close(&other);
}

/* ---- rights
 * ------------------------------------------------------------------------------------------------------
 */

enum { ALICE = 64001, BOB = 64002 };

static void test_rights_on_a_permissions_mount(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    static const struct {
        const char *path;
        uid_t owner;
        mode_t mode;
    } tree[] = {
        {"root-only", 0, 0755},       {"root-only/dir", 0, 0755}, {"alice", ALICE, 0755},
        {"alice/dir", ALICE, 0755},   {"open", 0, 0777},          {"open/root-dir", 0, 0755},
        {"open/shared-dir", 0, 0777}, {"sticky", 0, 01777},       {"sticky/alice-dir", ALICE, 0755},
        {"closed", 0, 0700},          {"closed/dir", 0, 0777},
    };
    for (size_t i = 0; i < sizeof tree / sizeof *tree; i++) {
        assert_int_equal(mkdir(on(&volume, tree[i].path), 0755), 0);
        assert_int_equal(chmod(on(&volume, tree[i].path), tree[i].mode), 0);
        assert_int_equal(chown(on(&volume, tree[i].path), tree[i].owner, tree[i].owner), 0);
    }
    raw_junction(on(&volume, "root-only/link"), "C:\\x");
    raw_junction(on(&volume, "open/link"), "C:\\x");
    raw_junction(on(&volume, "sticky/link"), "C:\\x");

    uid_t alice = ALICE, bob = BOB;
    static const struct {
        bool bob;
        char what; /* create, replace, delete */
        const char *path;
        enum engine_code code;
    } table[] = {
        {false, 'c', "root-only/new", ENGINE_ACCESS_DENIED},
        {false, 'c', "root-only/dir", ENGINE_ACCESS_DENIED},
        {false, 'r', "root-only/link", ENGINE_ACCESS_DENIED},
        {false, 'd', "root-only/link", ENGINE_ACCESS_DENIED},
        {false, 'c', "closed/new", ENGINE_ACCESS_DENIED},
        {false, 'c', "closed/dir", ENGINE_ACCESS_DENIED},
        {false, 'd', "closed/dir", ENGINE_ACCESS_DENIED},
        {false, 'c', "open/root-dir", ENGINE_ACCESS_DENIED},
        {true, 'c', "alice/new", ENGINE_ACCESS_DENIED},
        {true, 'c', "alice/dir", ENGINE_ACCESS_DENIED},
        {true, 'c', "sticky/alice-dir", ENGINE_ACCESS_DENIED},
        {true, 'r', "sticky/link", ENGINE_ACCESS_DENIED},
        {true, 'd', "sticky/link", ENGINE_ACCESS_DENIED},
        {false, 'c', "alice/new", ENGINE_OK},
        {false, 'c', "alice/dir", ENGINE_OK},
        {false, 'd', "alice/dir", ENGINE_OK},
        {true, 'd', "alice/new", ENGINE_ACCESS_DENIED},
        {true, 'r', "alice/new", ENGINE_ACCESS_DENIED},
        {false, 'c', "sticky/alice-dir", ENGINE_OK},
        {true, 'd', "sticky/alice-dir", ENGINE_ACCESS_DENIED},
        {false, 'd', "sticky/alice-dir", ENGINE_OK},
        {true, 'c', "sticky/bobs", ENGINE_OK},
        {false, 'r', "sticky/bobs", ENGINE_ACCESS_DENIED},
        {true, 'r', "sticky/bobs", ENGINE_OK},
        {true, 'd', "sticky/bobs", ENGINE_OK},
        /* Here ntfs-3g itself refuses, by the mode that the link's directory has underneath and
           nobody can see; a dry run finds that out, too. */
        {false, 'r', "open/link", ENGINE_ACCESS_DENIED},
        {true, 'd', "open/link", ENGINE_ACCESS_DENIED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int dry_run = 1; dry_run >= 0; dry_run--) {
            struct engine_work work = user_work(table[i].bob ? &bob : &alice);
            const char *path = on(&volume, table[i].path);
            struct engine_error error;
            uint8_t before[16384], after[16384];
            ssize_t size = raw_get(path, before);
            enum engine_code code =
                table[i].what == 'd'
                    ? delete_as(&work, (struct engine_delete){.link = path, .dry_run = dry_run},
                                NULL, &error)
                    : create_as(&work,
                                (struct engine_create){.link = path,
                                                       .target = table[i].what == 'r' ? "C:\\other"
                                                                                      : "C:\\mine",
                                                       .replace = table[i].what == 'r',
                                                       .dry_run = dry_run},
                                NULL, &error);
            if (code != table[i].code)
                print_error("%s %c %s%s: %d (%s)\n", table[i].bob ? "bob" : "alice", table[i].what,
                            table[i].path, dry_run ? " (dry run)" : "", code, error.detail);
            assert_int_equal(code, table[i].code);
            if (code != ENGINE_OK || dry_run) {
                assert_int_equal(raw_get(path, after), size);
                assert_memory_equal(before, after, (size_t)size);
            }
            assert_int_equal(syscall(SYS_setfsuid, -1), 0);
        }
    }
    assert_true(is_plain_directory(on(&volume, "root-only/dir")));
}

static void test_rights_on_a_umask_mount(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct ntfs_volume other;
    ntfs_open(&other, "8M", "uid=0,gid=0,umask=022");
    assert_null(other.missing);
    mkdir(on(&other, "dir"), 0755);
    raw_junction(on(&other, "link"), "C:\\x");
    uid_t alice = ALICE;
    uint8_t buffer[16384];
    ssize_t size = raw_get(on(&other, "link"), buffer);
    for (int dry_run = 0; dry_run < 2; dry_run++) {
        static const char *const paths[] = {"dir", "new", "link"};
        for (size_t i = 0; i < 3; i++) {
            struct engine_work work = user_work(&alice);
            struct engine_create request = {.link = on(&other, paths[i]),
                                            .target = "C:\\mine",
                                            .replace = true,
                                            .dry_run = dry_run};
            assert_int_equal(create_as(&work, request, NULL, NULL), ENGINE_ACCESS_DENIED);
        }
        struct engine_work work = user_work(&alice);
        assert_int_equal(
            delete_as(&work, (struct engine_delete){.link = on(&other, "link"), .dry_run = dry_run},
                      NULL, NULL),
            ENGINE_ACCESS_DENIED);
    }
    assert_int_equal(raw_get(on(&other, "link"), buffer), size);
    assert_true(is_plain_directory(on(&other, "dir")));
    assert_true(is_missing(on(&other, "new")));
    ntfs_unmount(&other);

    /* Where every file belongs to root and everybody may do everything. */
    assert_true(ntfs_mount(&other, "umask=000"));
    struct engine_work work = user_work(&alice);
    struct engine_error error;
    assert_int_equal(
        create_as(&work, (struct engine_create){.link = on(&other, "new"), .target = "C:\\mine"},
                  NULL, &error),
        ENGINE_OK);
    work = user_work(&alice);
    assert_int_equal(
        delete_as(&work, (struct engine_delete){.link = on(&other, "new")}, NULL, &error),
        ENGINE_OK);
    ntfs_close(&other);
}

/* ---- cancelling, observing
 * --------------------------------------------------------------------------------------- */

static void test_cancelled_work_changes_nothing(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    for (int expired = 0; expired < 2; expired++) {
        int depth;
        struct engine_work work = self_work(&depth);
        struct engine_error error;
        assert_true(engine_work_cancel(&work, expired));
        enum engine_code code = expired ? ENGINE_TIMED_OUT : ENGINE_CANCELLED;
        struct engine_create request = {.link = on(&volume, "never/link"), .target = "C:\\x"};
        request.parents = true;
        assert_int_equal(create_as(&work, request, NULL, &error), code);
        assert_int_equal(
            delete_as(&work, (struct engine_delete){.link = request.link}, NULL, &error), code);
        assert_true(is_missing(on(&volume, "never")));
        assert_int_equal(depth, 0);
    }
}

struct record {
    int *depth;
    int intents, outcomes;
    enum engine_change_kind kind;
    size_t old_length, new_length;
    uint64_t file_id;
    bool refuse, failed;
};

static int record_intent(void *context, const struct engine_change *change,
                         struct engine_error *error)
{
    struct record *record = context;
    assert_int_equal(*record->depth, 0); /* with the service's own rights */
    record->intents++;
    record->kind = change->kind;
    record->old_length = change->old_length;
    record->new_length = change->new_length;
    if (record->refuse)
        error->code = ENGINE_IO_ERROR;
    return record->refuse ? -1 : 0;
}

static void record_outcome(void *context, const struct engine_change *change,
                           const struct engine_error *error)
{
    struct record *record = context;
    assert_int_equal(*record->depth, 0);
    record->outcomes++;
    record->file_id = change->file_id;
    record->failed = error != NULL;
}

static void test_observer(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    static const struct {
        char what;
        const char *target;
        bool refuse;
        enum engine_change_kind kind;
        bool old, new;
        enum engine_code code;
        int calls;
    } table[] = {
        {'c', "C:\\x", true, ENGINE_CHANGE_CREATE, false, true, ENGINE_IO_ERROR, 1},
        {'c', "C:\\x", false, ENGINE_CHANGE_CREATE, false, true, ENGINE_OK, 1},
        {'c', "C:\\x", false, ENGINE_CHANGE_CREATE, false, false, ENGINE_OK, 0},
        {'c', "C:\\y", true, ENGINE_CHANGE_REPLACE, true, true, ENGINE_IO_ERROR, 1},
        {'c', "C:\\y", false, ENGINE_CHANGE_REPLACE, true, true, ENGINE_OK, 1},
        {'d', NULL, true, ENGINE_CHANGE_DELETE, true, false, ENGINE_IO_ERROR, 1},
        {'d', NULL, false, ENGINE_CHANGE_DELETE, true, false, ENGINE_OK, 1},
    };
    const char *link = on(&volume, "watched");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int depth;
        struct engine_work work = self_work(&depth);
        struct record record = {.depth = &depth, .refuse = table[i].refuse};
        struct engine_observer observer = {record_intent, record_outcome, &record};
        work.observer = &observer;
        struct engine_error error;
        uint8_t before[16384], after[16384];
        ssize_t size = raw_get(link, before);
        enum engine_code code =
            table[i].what == 'd'
                ? delete_as(&work, (struct engine_delete){.link = link}, NULL, &error)
                : create_as(&work,
                            (struct engine_create){
                                .link = link, .target = table[i].target, .replace = true},
                            NULL, &error);
        assert_int_equal(code, table[i].code);
        assert_int_equal(record.intents, table[i].calls);
        assert_int_equal(record.outcomes, table[i].refuse ? 0 : table[i].calls);
        assert_int_equal(depth, 0);
        if (table[i].calls) {
            assert_int_equal(record.kind, table[i].kind);
            assert_int_equal(record.old_length > 0, table[i].old);
            assert_int_equal(record.new_length > 0, table[i].new);
        }
        if (record.outcomes) {
            assert_false(record.failed);
            assert_int_not_equal(record.file_id, 0);
        }
        if (table[i].refuse) {
            assert_int_equal(raw_get(link, after), size);
            assert_memory_equal(before, after, (size_t)size);
        }
    }
    assert_true(is_missing(link));
}

static void test_another_reader_agrees(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    if (access("/usr/bin/7zz", X_OK) != 0) {
        print_message("SKIPPED: needs 7zz (package 7zip)\n");
        skip();
    }
    struct engine_error error;
    assert_int_equal(create((struct engine_create){.link = on(&volume, "read-me"),
                                                   .target = "C:\\Some Where\\deep"},
                            NULL, &error),
                     ENGINE_OK);
    int depth = open(volume.mount, O_RDONLY | O_DIRECTORY);
    assert_int_equal(fsync(depth), 0);
    close(depth);
    char command[256], line[1024];
    snprintf(command, sizeof command, "/usr/bin/7zz l -slt %s", volume.image);
    FILE *reader = popen(command, "r");
    assert_non_null(reader);
    bool path = false, found = false;
    while (fgets(line, sizeof line, reader)) {
        if (strncmp(line, "Path = ", 7) == 0)
            path = strcmp(line, "Path = read-me\n") == 0;
        if (path && strncmp(line, "Link = ", 7) == 0)
            found = strstr(line, "Junction: ") &&
                    strstr(line, "C:\\Some Where\\deep : C:\\Some Where\\deep\n");
    }
    pclose(reader);
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_junction),
        cmocka_unit_test(test_refusals_leave_things_as_they_are),
        cmocka_unit_test(test_targets_on_this_system),
        cmocka_unit_test(test_longest_target_and_too_long),
        cmocka_unit_test(test_hidden_children_survive),
        cmocka_unit_test(test_malformed_junctions),
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_full_volume),
        cmocka_unit_test(test_other_file_systems),
        cmocka_unit_test(test_rights_on_a_permissions_mount),
        cmocka_unit_test(test_rights_on_a_umask_mount),
        cmocka_unit_test(test_cancelled_work_changes_nothing),
        cmocka_unit_test(test_observer),
        cmocka_unit_test(test_another_reader_agrees),
    };
    return cmocka_run_group_tests_name("change", tests, setup, teardown);
}
