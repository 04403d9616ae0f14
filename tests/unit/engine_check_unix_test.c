/* The state of targets on a real NTFS volume. */
#include "ntfs_volume.h"

static struct ntfs_volume volume, second;
static struct engine *engine;

static int setup(void **state)
{
    (void)state;
    ntfs_open(&volume, "32M", "permissions");
    if (!volume.missing)
        ntfs_open(&second, "8M", "permissions");
    struct engine_drive drives[] = {
        {'N', volume.mount}, {'S', second.mount}, {'G', "/tmp/junction-test-nothing-here"}};
    struct engine_options options = {.drives = drives, .drive_count = 3};
    struct engine_error error;
    return engine_open(&options, &engine, &error);
}

static int teardown(void **state)
{
    (void)state;
    engine_close(engine);
    ntfs_close(&volume);
    ntfs_close(&second);
    return 0;
}

static enum target_state state_as(struct engine_work work, const char *path)
{
    struct reparse_entry entry;
    struct engine_error error;
    if (engine_show(engine, &work, path, true, &entry, &error) != 0)
        print_error("show %s: %d %s\n", path, error.code, error.detail);
    assert_int_equal(error.code, ENGINE_OK);
    enum target_state state = entry.state;
    reparse_entry_clear(&entry);
    return state;
}

static void test_states_of_junctions(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "Dir"), 0755);
    mkdir(on(&volume, "Dir/Sub"), 0755);
    mkdir(on(&volume, "links"), 0755);
    mkdir(on(&volume, "links/here"), 0755);
    mkdir(on(&second, "only-there"), 0755);
    mkdir(on(&volume, "Twin"), 0755);
    close(open(on(&volume, "twin"), O_CREAT | O_WRONLY, 0644));
    close(open(on(&volume, "File"), O_CREAT | O_WRONLY, 0644));
    static const struct {
        const char *name, *target;
        enum target_state state;
    } table[] = {
        {"exact", "N:\\Dir\\Sub", TARGET_OK},
        {"case", "n:\\dIR\\sUB", TARGET_OK},
        {"slash", "N:\\Dir\\", TARGET_OK},
        {"foreign-letter", "C:\\Dir", TARGET_UNKNOWN_VOLUME},
        {"exact-first", "N:\\Twin", TARGET_OK},
        {"exact-first-file", "N:\\twin", TARGET_NOT_DIRECTORY},
        {"dangling", "N:\\Dir\\none", TARGET_DANGLING},
        {"dangling-deep", "N:\\none\\none", TARGET_DANGLING},
        {"file", "N:\\file", TARGET_NOT_DIRECTORY},
        {"through-file", "N:\\File\\x", TARGET_DANGLING},
        {"second", "S:\\only-there", TARGET_OK},
        {"second-not", "S:\\Dir", TARGET_DANGLING},
        {"configured-not-mounted", "G:\\Dir", TARGET_UNKNOWN_VOLUME},
        {"guid", "Volume{01234567-89ab-cdef-0123-456789abcdef}\\Dir", TARGET_UNKNOWN_VOLUME},
        {"unc", "UNC\\server\\share", TARGET_REMOTE},
        {"nonsense", "nonsense", TARGET_DANGLING},
        {"slashes", "N:/Dir", TARGET_DANGLING},
        {"self", "N:\\links\\self", TARGET_LOOP},
        {"ping", "N:\\links\\pong", TARGET_LOOP},
        {"pong", "N:\\links\\ping", TARGET_LOOP},
        {"parent", "N:\\links", TARGET_LOOP},
        {"grandparent", "N:\\", TARGET_LOOP},
        {"chain", "N:\\links\\exact", TARGET_OK},
        {"chain-on", "N:\\links\\slash\\Sub", TARGET_OK},
        {"chain-dangling", "N:\\links\\dangling", TARGET_DANGLING},
        {"sibling", "N:\\links\\here", TARGET_OK},
        {"sibling-other-case", "N:\\LINKS\\HERE", TARGET_OK},
        {"dots", "N:\\Dir\\..\\Dir", TARGET_DANGLING},
        {"dot", "N:\\.\\Dir", TARGET_DANGLING},
    };
    char path[128];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(path, sizeof path, "links/%s", table[i].name);
        raw_junction(on(&volume, path), table[i].target);
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int depth;
        snprintf(path, sizeof path, "links/%s", table[i].name);
        enum target_state got = state_as(self_work(&depth), on(&volume, path));
        if (got != table[i].state)
            print_error("%s -> %s: %d\n", table[i].name, table[i].target, got);
        assert_int_equal(got, table[i].state);
    }
}

static void test_states_of_symlinks(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "sym"), 0755);
    mkdir(on(&volume, "sym/goal"), 0755);
    close(open(on(&volume, "sym/text"), O_CREAT | O_WRONLY, 0644));
    static const struct {
        const char *name, *target;
        unsigned relative;
        bool directory;
        enum target_state state;
    } table[] = {
        {"rel", "goal", 1, true, TARGET_OK},
        {"rel-up", "..\\sym\\.\\GOAL", 1, true, TARGET_OK},
        {"rel-above-root", "..\\..\\..\\..\\sym\\goal", 1, true, TARGET_OK},
        {"rel-root", "\\sym\\goal", 1, true, TARGET_OK},
        {"rel-remote", "\\\\server\\share", 1, true, TARGET_REMOTE},
        {"rel-none", "none", 1, true, TARGET_DANGLING},
        {"rel-file", "text", 1, true, TARGET_NOT_DIRECTORY},
        {"rel-self", ".", 1, true, TARGET_LOOP},
        {"abs", "\\??\\N:\\sym\\goal", 0, true, TARGET_OK},
        {"abs-remote", "\\??\\UNC\\server\\share", 0, true, TARGET_REMOTE},
        {"file-ok", "text", 1, false, TARGET_OK},
        {"file-none", "none", 1, false, TARGET_DANGLING},
        {"file-to-directory", "goal", 1, false, TARGET_DANGLING},
        {"through", "rel\\none", 1, true, TARGET_DANGLING},
    };
    char path[128];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(path, sizeof path, "sym/%s", table[i].name);
        raw_symlink(on(&volume, path), table[i].target, table[i].relative, table[i].directory);
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int depth;
        snprintf(path, sizeof path, "sym/%s", table[i].name);
        enum target_state got = state_as(self_work(&depth), on(&volume, path));
        if (got != table[i].state)
            print_error("%s -> %s: %d\n", table[i].name, table[i].target, got);
        assert_int_equal(got, table[i].state);
    }
}

static void test_long_chains(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "chain"), 0755);
    mkdir(on(&volume, "chain/goal"), 0755);
    char path[64], target[64];
    for (int i = 1; i <= 70; i++) {
        snprintf(path, sizeof path, "chain/%d", i);
        snprintf(target, sizeof target, "N:\\chain\\%d", i - 1);
        raw_junction(on(&volume, path), i == 1 ? "N:\\chain\\goal" : target);
    }
    int depth;
    assert_int_equal(state_as(self_work(&depth), on(&volume, "chain/63")), TARGET_OK);
    assert_int_equal(state_as(self_work(&depth), on(&volume, "chain/64")), TARGET_LOOP);
}

static void test_with_the_callers_rights(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    uid_t alice = 64001;
    mkdir(on(&volume, "private"), 0700);
    mkdir(on(&volume, "private/inside"), 0755);
    mkdir(on(&volume, "blind"), 0711);
    mkdir(on(&volume, "blind/Inside"), 0755);
    raw_junction(on(&volume, "to-private"), "N:\\private");
    raw_junction(on(&volume, "to-inside"), "N:\\private\\inside");
    raw_junction(on(&volume, "to-blind"), "N:\\blind\\Inside");
    raw_junction(on(&volume, "to-blind-case"), "N:\\blind\\inside");
    assert_int_equal(state_as(user_work(&alice), on(&volume, "to-private")), TARGET_OK);
    assert_int_equal(state_as(user_work(&alice), on(&volume, "to-inside")), TARGET_INACCESSIBLE);
    assert_int_equal(state_as(user_work(&alice), on(&volume, "to-blind")), TARGET_OK);
    assert_int_equal(state_as(user_work(&alice), on(&volume, "to-blind-case")),
                     TARGET_INACCESSIBLE);
    int depth;
    assert_int_equal(state_as(self_work(&depth), on(&volume, "to-inside")), TARGET_OK);
    assert_int_equal(state_as(self_work(&depth), on(&volume, "to-blind-case")), TARGET_OK);
}

/* ntfs-3g's own way to give letters: .NTFS-3G in the root of the mount. */
static void test_letters_of_the_mount(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    int depth;
    raw_junction(on(&volume, "mapped"), "Q:\\only-there");
    mkdir(on(&second, "only-there"), 0755);
    assert_int_equal(state_as(self_work(&depth), on(&volume, "mapped")), TARGET_UNKNOWN_VOLUME);
    mkdir(on(&volume, ".NTFS-3G"), 0755);
    assert_int_equal(symlink(second.mount, on(&volume, ".NTFS-3G/Q:")), 0);
    assert_int_equal(state_as(self_work(&depth), on(&volume, "mapped")), TARGET_OK);
    unlink(on(&volume, ".NTFS-3G/Q:"));
    rmdir(on(&volume, ".NTFS-3G"));
}

static void test_something_mounted_on_the_way(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    int depth;
    char point[128];
    mkdir(on(&volume, "point"), 0755);
    raw_junction(on(&volume, "to-point"), "N:\\point");
    raw_junction(on(&volume, "below-point"), "N:\\point\\x");
    strcpy(point, on(&volume, "point"));
    assert_int_equal(mount("none", point, "tmpfs", 0, NULL), 0);
    enum target_state at = state_as(self_work(&depth), on(&volume, "to-point"));
    enum target_state below = state_as(self_work(&depth), on(&volume, "below-point"));
    umount2(point, 0);
    assert_int_equal(at, TARGET_OK);
    assert_int_equal(below, TARGET_INACCESSIBLE);
}

/* What a list says is what show says. */
static int compare_entry(void *context, struct reparse_entry *entry)
{
    size_t *count = context;
    int depth;
    ++*count;
    assert_int_equal(state_as(self_work(&depth), entry->path.bytes), entry->state);
    return 0;
}

static void no_step(void *context, uint64_t directories, uint64_t entries)
{
    (void)context;
    (void)directories;
    (void)entries;
}

static void test_list_agrees(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    int depth;
    size_t count = 0;
    struct engine_work work = self_work(&depth);
    struct engine_list request = {.path = volume.mount, .recurse = true, .check = true};
    struct engine_list_sink sink = {compare_entry, no_step, &count};
    struct engine_listed listed;
    struct engine_error error;
    assert_int_equal(engine_list(engine, &work, &request, &sink, &listed, &error), 0);
    assert_int_equal(listed.skipped, 0);
    assert_true(count > 100);
    assert_int_equal(listed.count, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_of_junctions),
        cmocka_unit_test(test_states_of_symlinks),
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_with_the_callers_rights),
        cmocka_unit_test(test_letters_of_the_mount),
        cmocka_unit_test(test_something_mounted_on_the_way),
        cmocka_unit_test(test_list_agrees),
    };
    return cmocka_run_group_tests_name("check", tests, setup, teardown);
}
