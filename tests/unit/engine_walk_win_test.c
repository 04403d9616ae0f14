/* Listing the file system of nt_fake.h: what is opened and what is not, how deep trees are walked,
 * and what becomes of places that cannot be read or change meanwhile. */
#include "nt_fake_work.h"

struct found {
    char text[65536];
    unsigned count, steps;
    int stop_after;
};

static int take(void *context, struct reparse_entry *entry)
{
    struct found *found = context;
    size_t length = strlen(found->text);
    if (entry->error.code != ENGINE_OK)
        snprintf(found->text + length, sizeof found->text - length, "%s error %d\n",
                 entry->path.bytes, entry->error.code);
    else
        snprintf(found->text + length, sizeof found->text - length, "%s %d %s\n", entry->path.bytes,
                 entry->type, entry->target.bytes ? entry->target.bytes : "-");
    found->count++;
    return found->stop_after && found->count == (unsigned)found->stop_after ? -1 : 0;
}

static void step(void *context, uint64_t directories, uint64_t entries)
{
    (void)directories, (void)entries;
    ((struct found *)context)->steps++;
}

static enum engine_code list_as(struct engine_work *work, struct engine_list request,
                                struct found *found, struct engine_listed *listed,
                                struct engine_error *error)
{
    struct engine_list_sink sink = {take, step, found};
    struct engine_listed unused;
    struct engine_error ignored;
    error = error ? error : &ignored;
    found->text[0] = '\0';
    found->count = found->steps = 0;
    int result = engine_list(engine, work, &request, &sink, listed ? listed : &unused, error);
    assert_int_equal(result, error->code == ENGINE_OK ? 0 : -1);
    fake_is_quiet();
    return error->code;
}

static enum engine_code list(struct engine_list request, struct found *found,
                             struct engine_listed *listed)
{
    struct engine_work work = fake_work();
    return list_as(&work, request, found, listed, NULL);
}

static void tag_only(struct fake_node *node, uint32_t tag)
{
    uint8_t buffer[8] = {(uint8_t)tag, (uint8_t)(tag >> 8), (uint8_t)(tag >> 16),
                         (uint8_t)(tag >> 24)};
    fake_tag(node, buffer, sizeof buffer);
}

static void grow_tree(void)
{
    fake_add(L"C:\\top", true);
    fake_add(L"C:\\top\\plain.txt", false);
    fake_add(L"C:\\top\\dir", true);
    fake_junction(L"C:\\top\\dir\\deep", "\\??\\C:\\top", "C:\\top");
    fake_junction(L"C:\\top\\link", "\\??\\C:\\other", "C:\\other");
    fake_add(L"C:\\other", true);
    fake_junction(L"C:\\other\\inside", "\\??\\C:\\x", "C:\\x");
}

static void test_entries(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_tree();
    assert_int_equal(list((struct engine_list){.path = "C:\\top"}, &found, &listed), ENGINE_OK);
    assert_string_equal(found.text, "C:\\top\\link 0 C:\\other\n");
    assert_int_equal(listed.directories, 1);
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top\\", .recurse = true}, &found, &listed),
        ENGINE_OK);
    assert_string_equal(found.text, "C:\\top\\dir\\deep 0 C:\\top\n"
                                    "C:\\top\\link 0 C:\\other\n");
    assert_int_equal(listed.directories, 2);
    assert_int_equal(listed.count, 2);
    assert_int_equal(found.steps, 2);
    assert_false(listed.truncated);
    /* A link is listed, not entered. */
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top\\link", .recurse = true}, &found, &listed),
        ENGINE_OK);
    assert_string_equal(found.text, "C:\\top\\link 0 C:\\other\n");
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top\\dir", .volume = true}, &found, &listed),
        ENGINE_OK);
    assert_int_equal(listed.count, 3);
    assert_int_equal(listed.directories, 4);
    assert_int_equal(list((struct engine_list){.path = "C:\\", .recurse = true}, &found, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, 3);
    found.stop_after = 1;
    assert_int_equal(list((struct engine_list){.path = "C:\\", .recurse = true}, &found, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, 1);
    assert_true(listed.truncated);
    found.stop_after = 0;
}

static void test_paths_that_cannot_be_listed(void **state)
{
    (void)state;
    static struct found found;
    grow_tree();
    fake_add(L"C:\\closed", true)->denied = FILE_LIST_DIRECTORY;
    fake_device(L"M:", L"\\Device\\Mup\\server\\share");
    static const struct {
        const char *path;
        enum engine_code code;
    } table[] = {
        {"C:\\none", ENGINE_NOT_FOUND},
        {"C:\\none\\below", ENGINE_NOT_FOUND},
        {"C:\\top\\plain.txt", ENGINE_NOT_A_DIRECTORY},
        {"C:\\closed", ENGINE_ACCESS_DENIED},
        {"M:\\", ENGINE_INVALID_PATH},
        {"N:\\", ENGINE_INVALID_PATH},
        {"C:\\a\\..", ENGINE_INVALID_PATH},
        {"Q:\\", ENGINE_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_listed listed;
        assert_int_equal(list((struct engine_list){.path = table[i].path}, &found, &listed),
                         table[i].code);
        assert_true(listed.truncated);
        assert_int_equal(found.count, 0);
    }
}

static void test_states(void **state)
{
    (void)state;
    static const struct {
        const char *substitute;
        enum target_state expected;
    } table[] = {
        {"\\??\\C:\\goal", TARGET_OK},
        {"\\??\\C:\\way", TARGET_OK},
        {"\\??\\C:\\way\\deeper", TARGET_OK},
        {"\\??\\C:\\none", TARGET_DANGLING},
        {"\\??\\C:\\file", TARGET_NOT_DIRECTORY},
        {"\\??\\C:\\file\\below", TARGET_DANGLING},
        {"\\??\\C:\\round", TARGET_LOOP},
        {"\\??\\C:\\links", TARGET_LOOP}, /* holds the link */
        {"\\??\\C:\\", TARGET_LOOP},
        {"\\??\\C:\\secret", TARGET_INACCESSIBLE},
        {"\\??\\C:\\share", TARGET_REMOTE},
        {"\\??\\UNC\\server\\share", TARGET_REMOTE},
        {"\\??\\M:\\x", TARGET_REMOTE},
        {"\\??\\Q:\\x", TARGET_UNKNOWN_VOLUME},
        {"\\??\\Volume{ffffffff-89ab-cdef-0123-456789abcdef}\\x", TARGET_UNKNOWN_VOLUME},
        {"\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\goal", TARGET_OK},
        {"\\??\\S:\\", TARGET_OK},
        {"relative", TARGET_DANGLING},
    };
    fake_add(L"C:\\goal", true);
    fake_add(L"C:\\goal\\deeper", true);
    fake_add(L"C:\\file", false);
    fake_add(L"C:\\links", true);
    fake_add(L"C:\\secret", true)->denied = FILE_READ_ATTRIBUTES;
    fake_junction(L"C:\\way", "\\??\\C:\\goal", "C:\\goal");
    fake_junction(L"C:\\round", "\\??\\C:\\round", "C:\\round");
    fake_junction(L"C:\\share", "\\??\\UNC\\server\\share", "x");
    fake_device(L"M:", L"\\Device\\LanmanRedirector\\;M:0\\server\\share");
    fake_device(L"S:", L"\\??\\R:");
    fake_volume_add(L"S:", FILE_SUPPORTS_REPARSE_POINTS, 0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_work work = fake_work();
        struct reparse_entry entry;
        struct engine_error error;
        struct fake_node *node = fake_junction(L"C:\\links\\link", table[i].substitute, "x");
        assert_int_equal(engine_show(engine, &work, "C:\\links\\link", true, &entry, &error), 0);
        if (entry.state != table[i].expected)
            print_error("%s: %d\n", table[i].substitute, entry.state);
        assert_int_equal(entry.state, table[i].expected);
        assert_int_equal(entry.file_id, node->id);
        assert_int_equal(entry.created, node->id * 1000);
        reparse_entry_clear(&entry);
        fake_is_quiet();
        fake_unlink(node);
    }
}

static void test_show_says_what_it_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum engine_code code;
    } table[] = {{"C:\\", ENGINE_NOT_A_REPARSE_POINT},
                 {"C:\\top", ENGINE_NOT_A_REPARSE_POINT},
                 {"C:\\top\\plain.txt", ENGINE_NOT_A_REPARSE_POINT},
                 {"C:\\none", ENGINE_NOT_FOUND},
                 {"C:\\top\\link\\none", ENGINE_NOT_FOUND},
                 {"relative", ENGINE_INVALID_PATH}};
    grow_tree();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_work work = fake_work();
        struct reparse_entry entry;
        struct engine_error error;
        assert_int_equal(engine_show(engine, &work, table[i].path, false, &entry, &error), -1);
        assert_int_equal(error.code, table[i].code);
        fake_is_quiet();
    }
    /* A link above the leaf is followed. */
    struct engine_work work = fake_work();
    struct reparse_entry entry;
    struct engine_error error;
    assert_int_equal(engine_show(engine, &work, "C:\\top\\link\\inside", false, &entry, &error), 0);
    assert_string_equal(entry.target.bytes, "C:\\x");
    reparse_entry_clear(&entry);
}

/* A volume can hold a million files in a cloud: seen by their tags, opened never. */
static void test_nothing_is_recalled(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    fake_add(L"C:\\sky", true);
    for (int i = 0; i < 50; i++) {
        wchar_t path[32];
        swprintf(path, 32, L"C:\\sky\\file%d", i);
        tag_only(fake_add(path, false), 0x9000001Au);
        swprintf(path, 32, L"C:\\sky\\text%d", i);
        fake_add(path, false);
    }
    struct fake_node *full = fake_add(L"C:\\sky\\full", true);
    struct fake_node *away = fake_add(L"C:\\sky\\away", true);
    struct fake_node *hollow = fake_add(L"C:\\sky\\hollow", true);
    fake_junction(L"C:\\sky\\full\\link", "\\??\\C:\\x", "C:\\x");
    tag_only(full, 0x9000001Au);
    tag_only(away, 0x9000001Au);
    away->attributes |= FILE_ATTRIBUTE_OFFLINE;
    hollow->attributes |= 0x00040000; /* FILE_ATTRIBUTE_RECALL_ON_OPEN */
    assert_int_equal(
        list((struct engine_list){.path = "C:\\sky", .recurse = true}, &found, &listed), ENGINE_OK);
    assert_int_equal(listed.count, 53);
    assert_int_equal(listed.directories, 2);
    assert_non_null(strstr(found.text, "C:\\sky\\full\\link"));
    /* PATH's parent, PATH twice, `full` and the link in it. */
    assert_int_equal(fake.opens, 5);

    fake.opens = 0;
    assert_int_equal(list((struct engine_list){.path = "C:\\sky",
                                               .recurse = true,
                                               .types = 1u << REPARSE_SYMLINK},
                          &found, &listed),
                     ENGINE_OK);
    assert_int_equal(listed.count, 0);
    assert_int_equal(fake.opens, 4); /* not the link, which is of no wanted type */
}

static void test_places_that_cannot_be_read(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_tree();
    fake_add(L"C:\\top\\closed", true)->denied = FILE_LIST_DIRECTORY;
    fake_junction(L"C:\\top\\shut", "\\??\\C:\\x", "C:\\x")->denied = FILE_READ_ATTRIBUTES;
    fake_junction(L"C:\\top\\a:b", "\\??\\C:\\x", "C:\\x"); /* made by another system */
    fake_add(L"C:\\top\\q?", true);
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top", .recurse = true}, &found, &listed), ENGINE_OK);
    char expected[512];
    snprintf(expected, sizeof expected,
             "C:\\top\\dir\\deep 0 C:\\top\nC:\\top\\link 0 C:\\other\n"
             "C:\\top\\closed error %d\nC:\\top\\shut error %d\n"
             "C:\\top\\a:b error %d\nC:\\top\\q? error %d\n",
             ENGINE_ACCESS_DENIED, ENGINE_ACCESS_DENIED, ENGINE_INVALID_PATH, ENGINE_INVALID_PATH);
    assert_string_equal(found.text, expected);
    assert_int_equal(listed.count, 2);
    assert_int_equal(listed.skipped, 4);
}

/* Deeper than directories are held open, and with more entries than one reading gives. */
static void grow_deep(int depth, int width)
{
    struct fake_node *at = fake_add(L"C:\\deep", true);
    for (int level = 0; level < depth; level++) {
        struct fake_node *next = NULL;
        for (int i = 0; i < width; i++) {
            wchar_t name[64];
            swprintf(name, 64, L"%ls%d", i == width / 2 ? L"d" : L"a file with some name ", i);
            struct fake_node *node = fake_node_new(at, name, i == width / 2);
            if (i == width / 2)
                next = node;
        }
        uint8_t buffer[REPARSE_MAX_SIZE];
        struct fake_node *link = fake_node_new(at, L"zz", true);
        fake_tag(link, buffer, reparse_encode_junction("\\??\\C:\\x", "C:\\x", buffer));
        at = next;
    }
}

static void test_deep_trees(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    static const int widths[] = {1, 3, 90};
    for (size_t i = 0; i < 3; i++) {
        fake_reset();
        grow_deep(200, widths[i]);
        assert_int_equal(
            list((struct engine_list){.path = "C:\\deep", .recurse = true}, &found, &listed),
            ENGINE_OK);
        assert_int_equal(listed.count, 200);
        assert_int_equal(listed.directories, 201);
        assert_int_equal(listed.skipped, 0);
        assert_true(fake.most_open <= 70);
    }
}

/* A directory is swapped for a link while the walk is below it and it is closed. */
static bool swapped;

static void swap_high(unsigned call, enum fake_call kind)
{
    struct fake_node *node = fake_find(L"C:\\deep\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45"
                                       L"\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45"
                                       L"\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45"
                                       L"\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45\\d45");
    (void)kind;
    if (call < 1000 || swapped || !node)
        return;
    swapped = true;
    uint8_t buffer[REPARSE_MAX_SIZE];
    struct fake_node *parent = node->parent;
    fake_unlink(node);
    struct fake_node *link = fake_node_new(parent, node->name, true);
    fake_tag(link, buffer, reparse_encode_junction("\\??\\C:\\trap", "C:\\trap", buffer));
}

static void test_a_directory_that_is_swapped(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_deep(200, 90);
    fake_add(L"C:\\trap", true);
    fake_junction(L"C:\\trap\\bait", "\\??\\C:\\x", "C:\\x");
    swapped = false;
    fake.hook = swap_high;
    assert_int_equal(
        list((struct engine_list){.path = "C:\\deep", .recurse = true}, &found, &listed),
        ENGINE_OK);
    assert_true(swapped);
    assert_null(strstr(found.text, "bait"));
    assert_true(listed.count < 200 && listed.count >= 40);
}

/* A directory that is closed for a while loses the name where its listing was left: what follows
 * is not read, and that is told. */
static struct fake_node *parked, *below;

static void unlink_mark(unsigned call, enum fake_call kind)
{
    (void)call, (void)kind;
    for (size_t i = 0; i < FAKE_HANDLES && !swapped; i++)
        swapped = fake.handles[i].node == below;
    for (struct fake_node *at = swapped && parked ? parked->child : NULL, *next; at; at = next) {
        next = at->sibling;
        if (wcsncmp(at->name, L"a ", 2) == 0)
            fake_unlink(at);
    }
    parked = swapped ? NULL : parked;
}

static void test_a_mark_that_is_lost(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_deep(200, 90);
    below = fake_find(L"C:\\deep");
    for (int level = 0; level < 150; level++) {
        below = fake_child(below, L"d45", 3);
        assert_non_null(below);
        if (level == 100)
            parked = below;
    }
    swapped = false;
    fake.hook = unlink_mark;
    assert_int_equal(
        list((struct engine_list){.path = "C:\\deep", .recurse = true}, &found, &listed),
        ENGINE_OK);
    assert_true(swapped);
    assert_int_equal(listed.count, 199);
    assert_int_equal(listed.skipped, 1);
}

/* Gone between the listing and the look: that is no error. */
static void vanish(unsigned call, enum fake_call kind)
{
    struct fake_node *link = fake_find(L"C:\\top\\link"), *dir = fake_find(L"C:\\top\\dir");
    (void)call;
    if (kind == FAKE_OPEN && fake.opens == 4 && link && dir) {
        fake_unlink(link);
        fake_unlink(dir);
    }
}

static void test_what_vanishes_is_no_error(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_tree();
    fake.hook = vanish;
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top", .recurse = true}, &found, &listed), ENGINE_OK);
    assert_null(fake_find(L"C:\\top\\link"));
    assert_int_equal(found.count, 0);
    assert_int_equal(listed.skipped, 0);
}

/* The volume that PATH is on, not the one that its text begins with. */
static void test_the_volume_behind_a_junction(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    fake_volume_add(L"D:", FILE_SUPPORTS_REPARSE_POINTS, 0);
    fake_device(L"D:", L"\\Device\\HarddiskVolume9");
    fake_add(L"D:\\data", true);
    fake_add(L"D:\\data\\sub", true);
    fake_junction(L"D:\\found", "\\??\\D:\\data", "D:\\data");
    fake_junction(L"C:\\over", "\\??\\D:\\data", "D:\\data");
    assert_int_equal(
        list((struct engine_list){.path = "C:\\over\\sub", .volume = true}, &found, &listed),
        ENGINE_OK);
    assert_string_equal(found.text, "D:\\found 0 D:\\data\n");
    /* The junction itself is on the first one. */
    assert_int_equal(
        list((struct engine_list){.path = "C:\\over", .volume = true}, &found, &listed), ENGINE_OK);
    assert_string_equal(found.text, "C:\\over 0 D:\\data\n");
}

/* FILE_ATTRIBUTE_EA is the bit of FILE_ATTRIBUTE_RECALL_ON_OPEN: nobody may hide a directory by
 * giving it an extended attribute. */
static void test_extended_attributes_hide_nothing(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    grow_tree();
    fake_find(L"C:\\top\\dir")->attributes |= 0x00040000;
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top", .recurse = true}, &found, &listed), ENGINE_OK);
    assert_int_equal(listed.count, 1);
    fake_find(L"C:\\top\\dir")->ea = 20;
    assert_int_equal(
        list((struct engine_list){.path = "C:\\top", .recurse = true}, &found, &listed), ENGINE_OK);
    assert_int_equal(listed.count, 2);
}

static void test_every_call_fails_in_turn(void **state)
{
    (void)state;
    static struct found found;
    static const NTSTATUS statuses[] = {STATUS_ACCESS_DENIED, STATUS_DEVICE_NOT_CONNECTED,
                                        STATUS_OBJECT_NAME_NOT_FOUND, STATUS_CANCELLED};
    char before[8192], after[8192];
    grow_tree();
    fake_disk(before);
    struct engine_list request = {.path = "C:\\top", .recurse = true, .check = true};
    assert_int_equal(list(request, &found, NULL), ENGINE_OK);
    unsigned calls = fake.calls, failed = 0, told = 0;
    for (size_t s = 0; s < 4; s++)
        for (unsigned n = 1; n <= calls; n++) {
            struct engine_listed listed;
            fake_reset();
            grow_tree();
            fake.fail_at = n;
            fake.fail_with = statuses[s];
            enum engine_code code = list(request, &found, &listed);
            failed += code != ENGINE_OK;
            told += listed.skipped > 0;
            assert_int_equal(found.count, listed.count + listed.skipped);
            assert_string_equal(fake_disk(after), before);
        }
    assert_true(failed > 10 && told > 10);
}

static struct engine_work *walker;

static void stop_midway(unsigned call, enum fake_call kind)
{
    (void)kind;
    if (call == 300)
        assert_true(engine_work_cancel(walker, false));
}

static void test_cancelling(void **state)
{
    (void)state;
    static struct found found;
    struct engine_listed listed;
    struct engine_error error;
    struct engine_work work = fake_work();
    grow_deep(200, 3);
    walker = &work;
    fake.hook = stop_midway;
    assert_int_equal(list_as(&work, (struct engine_list){.path = "C:\\deep", .recurse = true},
                             &found, &listed, &error),
                     ENGINE_CANCELLED);
    assert_true(listed.truncated);
    assert_true(fake.calls < 310);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        T(test_entries),
        T(test_paths_that_cannot_be_listed),
        T(test_states),
        T(test_show_says_what_it_is_not),
        T(test_nothing_is_recalled),
        T(test_places_that_cannot_be_read),
        T(test_deep_trees),
        T(test_a_directory_that_is_swapped),
        T(test_a_mark_that_is_lost),
        T(test_what_vanishes_is_no_error),
        T(test_the_volume_behind_a_junction),
        T(test_extended_attributes_hide_nothing),
        T(test_every_call_fails_in_turn),
        T(test_cancelling),
#undef T
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
