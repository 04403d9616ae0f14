/* Create, replace and delete on the file system of nt_fake.h: what is decided, and on which
 * handles. */
#include "nt_fake_work.h"

static void test_life_of_a_junction(void **state)
{
    (void)state;
    struct engine_created created;
    struct engine_error error;
    struct engine_create request = {.link = "C:/life", .target = "c:/Target/", .drive = 'E'};
    request.dry_run = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_null(fake_find(L"C:\\life"));
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_CREATED);
    assert_string_equal(created.target.bytes, "C:\\Target");
    assert_string_equal(created.substitute_name.bytes, "\\??\\C:\\Target");
    assert_string_equal(created.print_name.bytes, "C:\\Target");
    const uint64_t id = created.file_id;
    assert_int_equal(id, fake_find(L"C:\\life")->id);
    engine_created_clear(&created);
    holds(L"C:\\life", "\\??\\C:\\Target", "C:\\Target");

    /* Equal target: a success before anything else is looked at, and without the right to write. */
    fake_find(L"C:\\life")->denied = FILE_WRITE_ATTRIBUTES | DELETE;
    request.target = "\\??\\C:\\TARGET";
    request.expected_target = "C:\\other";
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_UNCHANGED);
    assert_int_equal(created.file_id, id);
    engine_created_clear(&created);
    request.target = "C:\\second";
    request.expected_target = NULL;
    request.replace = true;
    for (int dry_run = 0; dry_run < 2; dry_run++) {
        request.dry_run = dry_run;
        assert_int_equal(create(request, NULL, &error), ENGINE_ACCESS_DENIED);
        assert_int_equal(error.os, ERROR_ACCESS_DENIED);
        assert_int_equal(
            remove_link((struct engine_delete){.link = "C:\\life", .dry_run = dry_run}, NULL),
            ENGINE_ACCESS_DENIED);
    }
    holds(L"C:\\life", "\\??\\C:\\Target", "C:\\Target");
    fake_find(L"C:\\life")->denied = 0;

    request.replace = request.dry_run = false;
    assert_int_equal(create(request, NULL, &error), ENGINE_ALREADY_EXISTS);
    assert_non_null(strstr(error.detail, "C:\\Target"));
    request.replace = true;
    request.expected_target = "C:\\other";
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_CHANGED);
    request.expected_target = "nonsense that no rule accepts";
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_CHANGED);
    request.expected_target = "c:/target";
    request.dry_run = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    holds(L"C:\\life", "\\??\\C:\\Target", "C:\\Target");
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_REPLACED);
    assert_string_equal(created.previous_target.bytes, "C:\\Target");
    assert_int_equal(created.file_id, id);
    engine_created_clear(&created);
    holds(L"C:\\life", "\\??\\C:\\second", "C:\\second");

    struct engine_delete removal = {.link = "C:\\LIFE", .expected_target = "C:\\Target"};
    assert_int_equal(remove_link(removal, NULL), ENGINE_TARGET_CHANGED);
    removal.expected_target = "C:\\second\\";
    removal.dry_run = true;
    assert_int_equal(remove_link(removal, NULL), ENGINE_OK);
    holds(L"C:\\life", "\\??\\C:\\second", "C:\\second");
    removal.dry_run = false;
    removal.keep_directory = true;
    assert_int_equal(remove_link(removal, NULL), ENGINE_OK);
    assert_true(is_plain(L"C:\\life"));
    assert_int_equal(remove_link(removal, NULL), ENGINE_NOT_A_JUNCTION);

    request = (struct engine_create){.link = "C:\\life", .target = "C:\\third", .dry_run = true};
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_true(is_plain(L"C:\\life"));
    request.dry_run = false;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_int_equal(created.outcome, CREATE_CONVERTED);
    assert_int_equal(created.file_id, id);
    engine_created_clear(&created);
    fake_find(L"C:\\life")->attributes |= FILE_ATTRIBUTE_READONLY;
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\life"}, NULL), ENGINE_OK);
    assert_null(fake_find(L"C:\\life"));
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\life"}, NULL),
                     ENGINE_NOT_FOUND);
}

static void test_a_new_link_takes_the_shortest_way(void **state)
{
    (void)state;
    assert_int_equal(
        create((struct engine_create){.link = "C:\\new", .target = "C:\\x"}, NULL, NULL),
        ENGINE_OK);
    assert_int_equal(fake.opens, 2); /* the parent, and the leaf */
    assert_int_equal(fake.makes, 1);
    fake.opens = 0;
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\new"}, NULL), ENGINE_OK);
    assert_int_equal(fake.opens, 2);
}

static void test_refusals_leave_things_as_they_are(void **state)
{
    (void)state;
    uint8_t foreign[8 + 16 + 4] = {0x54, 0, 0, 0x20, 4, 0, 0, 0, 1, 2, 3, 4};
    uint8_t symlink[] = {0x0C, 0, 0, 0xA0, 0, 0, 0, 0};
    char before[8192], after[8192];
    fake_add(L"C:\\full", true);
    fake_add(L"C:\\full\\child", true);
    fake_add(L"C:\\file", false);
    fake_tag(fake_add(L"C:\\filelink", false), symlink, sizeof symlink);
    fake_tag(fake_add(L"C:\\dirlink", true), symlink, sizeof symlink);
    fake_tag(fake_add(L"C:\\other", true), foreign, sizeof foreign);
    fake_junction(L"C:\\mountpoint", "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\",
                  "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\");
    fake_junction(L"C:\\filejunction", JUNCTION_TEXT)->attributes &=
        ~(ULONG)FILE_ATTRIBUTE_DIRECTORY;
    fake_add(L"C:\\closed", true)->denied = FILE_ADD_SUBDIRECTORY;
    fake_add(L"C:\\locked", true)->denied = FILE_WRITE_ATTRIBUTES | DELETE;
    fake_junction(L"C:\\distrusted", JUNCTION_TEXT)->untrusted = true;
    fake_junction(L"R:\\link", JUNCTION_TEXT);
    fake_add(L"N:\\dir", true);
    fake_junction(L"C:\\afar", "\\??\\N:\\dir", "N:\\dir");
    fake_device(L"S:", L"\\??\\C:\\full");
    fake_device(L"M:", L"\\Device\\LanmanRedirector\\;M:0000\\server\\share");
    fake_device(L"Global\\G:", L"\\??\\UNC\\server\\share");
    static wchar_t overlong[2000] = L"\\??\\C:\\";
    for (size_t i = 7; i < 1500; i++)
        overlong[i] = L'x';
    fake_device(L"O:", overlong);

    static const struct {
        const char *link, *target;
        enum engine_code create, remove;
        const char *says; /* in the detail of the refused creation */
    } table[] = {
        {"C:\\full", "C:\\x", ENGINE_NOT_EMPTY, ENGINE_NOT_A_JUNCTION, ""},
        {"C:\\file", "C:\\x", ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_JUNCTION, "file"},
        {"C:\\filelink", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION, "symbolic"},
        {"C:\\dirlink", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION, "SYMLINK"},
        {"C:\\mountpoint", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION,
         "mountvol \"C:\\mountpoint\" /D"},
        {"C:\\filejunction", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION, "file"},
        {"C:\\other", "C:\\x", ENGINE_NOT_A_JUNCTION, ENGINE_NOT_A_JUNCTION, ""},
        {"C:\\", "C:\\x", ENGINE_VOLUME_ROOT, ENGINE_VOLUME_ROOT, ""},
        {"C:\\closed\\new", "C:\\x", ENGINE_ACCESS_DENIED, ENGINE_NOT_FOUND, ""},
        {"C:\\locked", "C:\\x", ENGINE_ACCESS_DENIED, ENGINE_NOT_A_JUNCTION, ""},
        {"C:\\none\\below", "C:\\x", ENGINE_PARENT_NOT_FOUND, ENGINE_NOT_FOUND, ""},
        {"Q:\\none", "C:\\x", ENGINE_PARENT_NOT_FOUND, ENGINE_NOT_FOUND, ""},
        {"C:\\file\\below", "C:\\x", ENGINE_NOT_A_DIRECTORY, ENGINE_NOT_A_DIRECTORY, ""},
        {"C:\\distrusted\\new", "C:\\x", ENGINE_UNTRUSTED_MOUNT_POINT, ENGINE_UNTRUSTED_MOUNT_POINT,
         ""},
        {"C:\\full\\..\\new", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, ""},
        {"C:\\con", "C:\\x", ENGINE_INVALID_PATH, ENGINE_NOT_FOUND, "device"},
        {"C:\\dot.", "C:\\x", ENGINE_INVALID_PATH, ENGINE_NOT_FOUND, "dot"},
        {"C:\\a:b", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, "stream"},
        {"C:\\bad\xff", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, ""},
        {"\\\\server\\share\\x", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, ""},
        {"M:\\x", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, "network drive"},
        {"N:\\x", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, "another machine"},
        {"C:\\afar\\x", "C:\\x", ENGINE_INVALID_PATH, ENGINE_INVALID_PATH, "another machine"},
        {"R:\\new", "C:\\x", ENGINE_READ_ONLY, ENGINE_READ_ONLY, ""},
        {"R:\\link", "C:\\x", ENGINE_READ_ONLY, ENGINE_READ_ONLY, ""},
        {"F:\\new", "C:\\x", ENGINE_UNSUPPORTED_FILE_SYSTEM, ENGINE_UNSUPPORTED_FILE_SYSTEM, ""},
        {"C:\\new", "relative", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, ""},
        {"C:\\new", "\\\\server\\share", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "network"},
        {"C:\\new", "\\\\?\\UNC\\server\\share", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, ""},
        {"C:\\new", "\\\\.\\PhysicalDrive0", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, ""},
        {"C:\\new", "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\", ENGINE_INVALID_TARGET,
         ENGINE_NOT_FOUND, "mount point"},
        {"C:\\new", "C:\\a\\..\\b", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, ""},
        {"C:\\new", "S:\\x", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "C:\\full"},
        {"C:\\new", "\\\\?\\s:\\x", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "subst"},
        {"C:\\new", "M:\\x", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "network drive"},
        {"C:\\new", "O:\\x", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "is no volume"},
        {"C:\\new", "G:\\x", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, "network drive"},
        {"C:\\new", "", ENGINE_INVALID_TARGET, ENGINE_NOT_FOUND, ""},
    };
    fake_disk(before);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_error error;
        for (int flags = 0; flags < 4; flags++) {
            enum engine_code code = create((struct engine_create){.link = table[i].link,
                                                                  .target = table[i].target,
                                                                  .replace = flags & 1,
                                                                  .dry_run = flags & 2},
                                           NULL, &error);
            if (code != table[i].create || !strstr(error.detail, table[i].says))
                print_error("create %s -> %s: %d (%s)\n", table[i].link, table[i].target, code,
                            error.detail);
            assert_int_equal(code, table[i].create);
            assert_non_null(strstr(error.detail, table[i].says));
        }
        enum engine_code code = remove_link((struct engine_delete){.link = table[i].link}, &error);
        if (code != table[i].remove)
            print_error("delete %s: %d (%s)\n", table[i].link, code, error.detail);
        assert_int_equal(code, table[i].remove);
        assert_string_equal(fake_disk(after), before);
    }
}

static void test_a_target_that_no_rule_accepts_touches_no_disk(void **state)
{
    (void)state;
    assert_int_equal(
        create((struct engine_create){.link = "C:\\x", .target = "\\\\s\\h\\d"}, NULL, NULL),
        ENGINE_INVALID_TARGET);
    assert_int_equal(fake.calls, 0);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *substitute, *print;
        enum engine_code must_exist;
    } table[] = {
        {"C:\\goal", "\\??\\C:\\goal", "C:\\goal", ENGINE_OK},
        {"\\\\?\\C:\\goal\\", "\\??\\C:\\goal", "C:\\goal", ENGINE_OK},
        {"C:\\", "\\??\\C:\\", "C:\\", ENGINE_OK},
        {"C:\\way", "\\??\\C:\\way", "C:\\way", ENGINE_OK},
        {"\\\\?\\Volume{01234567-89AB-CDEF-0123-456789ABCDEF}\\goal",
         "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\goal",
         "\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\goal", ENGINE_OK},
        {"C:\\missing", "\\??\\C:\\missing", "C:\\missing", ENGINE_TARGET_NOT_FOUND},
        {"C:\\file", "\\??\\C:\\file", "C:\\file", ENGINE_TARGET_NOT_FOUND},
        {"C:\\round", "\\??\\C:\\round", "C:\\round", ENGINE_TARGET_NOT_FOUND},
        {"C:\\share", "\\??\\C:\\share", "C:\\share", ENGINE_TARGET_NOT_FOUND},
        {"C:\\secret", "\\??\\C:\\secret", "C:\\secret", ENGINE_TARGET_NOT_FOUND},
        {"Q:\\x", "\\??\\Q:\\x", "Q:\\x", ENGINE_TARGET_NOT_FOUND},
    };
    fake_add(L"C:\\goal", true);
    fake_add(L"C:\\file", false);
    fake_add(L"C:\\secret", true)->denied = FILE_READ_ATTRIBUTES;
    fake_junction(L"C:\\way", "\\??\\C:\\goal", "C:\\goal");
    fake_junction(L"C:\\round", "\\??\\C:\\round", "C:\\round");
    fake_junction(L"C:\\share", "\\??\\UNC\\server\\share", "\\\\server\\share");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_create request = {.link = "C:\\link", .target = table[i].target};
        request.must_exist = true;
        assert_int_equal(create(request, NULL, NULL), table[i].must_exist);
        if (table[i].must_exist != ENGINE_OK)
            assert_null(fake_find(L"C:\\link"));
        request.must_exist = false;
        assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
        holds(L"C:\\link", table[i].substitute, table[i].print);
        assert_int_equal(remove_link((struct engine_delete){.link = "C:\\link",
                                                            .expected_target = table[i].target},
                                     NULL),
                         ENGINE_OK);
    }
}

/* Long paths, names that are no Unicode, and names on the disk that could not be made anew. */
static void test_any_name(void **state)
{
    (void)state;
    static const char *const odd[] = {"C:\\con", "C:\\dot.", "C:\\ \xE2\x80\xA6 ",
                                      "C:\\\xED\xA0\x80half"};
    static const wchar_t *const wide[] = {L"C:\\con", L"C:\\dot.", L"C:\\ \x2026 ",
                                          L"C:\\\xD800half"};
    for (size_t i = 0; i < 4; i++) {
        struct engine_error error;
        fake_junction(wide[i], JUNCTION_TEXT);
        assert_int_equal(
            create((struct engine_create){.link = odd[i], .target = "C:\\new", .replace = true},
                   NULL, &error),
            ENGINE_OK);
        holds(wide[i], "\\??\\C:\\new", "C:\\new");
        struct engine_work work = fake_work();
        struct reparse_entry entry;
        assert_int_equal(engine_show(engine, &work, odd[i], true, &entry, &error), 0);
        assert_string_equal(entry.path.bytes, odd[i]);
        assert_int_equal(entry.state, TARGET_DANGLING);
        reparse_entry_clear(&entry);
        assert_int_equal(remove_link((struct engine_delete){.link = odd[i]}, &error), ENGINE_OK);
        assert_null(fake_find(wide[i]));
    }
    char path[4096] = "C:";
    for (int i = 0; i < 12; i++) {
        strcat(path, "\\");
        for (int unit = 0; unit < 199; unit++)
            strcat(path, "y");
    }
    struct engine_create request = {.link = path, .target = "C:\\x", .parents = true};
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    struct engine_work work = fake_work();
    struct reparse_entry entry;
    struct engine_error error;
    assert_int_equal(engine_show(engine, &work, path, false, &entry, &error), 0);
    assert_string_equal(entry.path.bytes, path);
    reparse_entry_clear(&entry);
    assert_int_equal(remove_link((struct engine_delete){.link = path}, NULL), ENGINE_OK);
}

static void test_malformed_and_hidden(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_created created;
    struct fake_node *node = fake_junction(L"C:\\bad", JUNCTION_TEXT);
    node->reparse[12] = 200; /* the print name lies behind the end */
    assert_int_equal(
        remove_link((struct engine_delete){.link = "C:\\bad", .expected_target = "C:\\old"}, NULL),
        ENGINE_TARGET_CHANGED);
    struct engine_create request = {.link = "C:\\bad", .target = "C:\\old"};
    assert_int_equal(create(request, NULL, NULL), ENGINE_ALREADY_EXISTS);
    request.replace = true;
    assert_int_equal(create(request, &created, NULL), ENGINE_OK);
    assert_null(created.previous_target.bytes);
    engine_created_clear(&created);
    holds(L"C:\\bad", JUNCTION_TEXT);
    node->hidden_child = true; /* as another system can leave it */
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\bad"}, &error),
                     ENGINE_NOT_EMPTY);
    assert_non_null(strstr(error.detail, "as it was"));
    holds(L"C:\\bad", JUNCTION_TEXT);
}

static void test_parents(void **state)
{
    (void)state;
    struct engine_create request = {
        .link = "C:\\p1\\p2\\p3\\link", .target = "C:\\x", .parents = true, .dry_run = true};
    char before[8192], after[8192];
    fake_disk(before);
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    assert_string_equal(fake_disk(after), before);
    request.replace = true;
    request.expected_target = "C:\\y";
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_CHANGED);
    request.replace = request.dry_run = false;
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    holds(L"C:\\p1\\p2\\p3\\link", "\\??\\C:\\x", "C:\\x");
    fake_disk(before);
    static const struct {
        const char *link;
        enum engine_code code;
    } table[] = {
        {"C:\\p1\\q\\con\\link", ENGINE_INVALID_PATH},
        {"C:\\p1\\q\\r\\nul", ENGINE_INVALID_PATH},
        {"Q:\\a\\b", ENGINE_PARENT_NOT_FOUND},
        {"F:\\a\\b", ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {"R:\\a\\b", ENGINE_READ_ONLY},
        {"N:\\a\\b", ENGINE_INVALID_PATH},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        request.link = table[i].link;
        assert_int_equal(create(request, NULL, NULL), table[i].code);
        assert_string_equal(fake_disk(after), before);
    }
    request.link = "C:\\p1\\q\\link";
    request.must_exist = true;
    assert_int_equal(create(request, NULL, NULL), ENGINE_TARGET_NOT_FOUND);
    assert_string_equal(fake_disk(after), before);
}

/* Who may pass through a directory that he may not look at can still change what is his. */
static void test_a_closed_parent(void **state)
{
    (void)state;
    struct fake_node *parent = fake_add(L"C:\\closed", true);
    fake_junction(L"C:\\closed\\mine", JUNCTION_TEXT);
    parent->denied = FILE_READ_ATTRIBUTES | FILE_ADD_SUBDIRECTORY;
    struct engine_create request = {.link = "C:\\closed\\mine", .target = "C:\\x", .replace = true};
    assert_int_equal(create(request, NULL, NULL), ENGINE_OK);
    holds(L"C:\\closed\\mine", "\\??\\C:\\x", "C:\\x");
    assert_int_equal(remove_link((struct engine_delete){.link = request.link}, NULL), ENGINE_OK);
    assert_null(fake_find(L"C:\\closed\\mine"));
    assert_int_equal(create(request, NULL, NULL), ENGINE_ACCESS_DENIED);
}

/* ---- cancelling, observing
 * -----------------------------------------------------------------------------
 */

static void test_cancelled_work_changes_nothing(void **state)
{
    (void)state;
    for (int expired = 0; expired < 2; expired++) {
        struct engine_work work = fake_work();
        assert_true(engine_work_cancel(&work, expired));
        enum engine_code code = expired ? ENGINE_TIMED_OUT : ENGINE_CANCELLED;
        struct engine_create request = {
            .link = "C:\\never\\link", .target = "C:\\x", .parents = true};
        assert_int_equal(create_as(&work, request, NULL, NULL), code);
        assert_int_equal(remove_as(&work, (struct engine_delete){.link = request.link}, NULL),
                         code);
        assert_int_equal(fake.calls, 0);
    }
}

static void test_a_stuck_volume_is_refused(void **state)
{
    (void)state;
    struct engine_work work = fake_work();
    struct engine_create request = {.link = "C:\\link", .target = "C:\\x"};
    assert_int_equal(create_as(&work, request, NULL, NULL), ENGINE_OK);
    uint64_t volume = atomic_load(&work.volume);
    assert_true(volume > UINT32_MAX); /* the long serial number, where the system tells it */
    engine_volume_stuck(engine, volume, true);
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\link"}, NULL),
                     ENGINE_VOLUME_NOT_RESPONDING);
    engine_volume_stuck(engine, volume, false);
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\link"}, NULL), ENGINE_OK);
}

struct record {
    int intents, outcomes;
    enum engine_change_kind kind;
    size_t old_length, new_length;
    uint64_t file_id, volume;
    bool refuse, failed;
};

static int record_intent(void *context, const struct engine_change *change,
                         struct engine_error *error)
{
    struct record *record = context;
    assert_int_equal(fake.depth, 0); /* with the service's own rights */
    assert_string_equal(change->path, "C:\\watched");
    record->intents++;
    record->kind = change->kind;
    record->old_length = change->old_length;
    record->new_length = change->new_length;
    record->volume = change->volume;
    if (record->refuse)
        error->code = ENGINE_IO_ERROR;
    return record->refuse ? -1 : 0;
}

static void record_outcome(void *context, const struct engine_change *change,
                           const struct engine_error *error)
{
    struct record *record = context;
    assert_int_equal(fake.depth, 0);
    assert_int_equal(fake.open, 0); /* what is said to be gone is gone */
    record->outcomes++;
    record->file_id = change->file_id;
    record->failed = error != NULL;
}

static void test_observer(void **state)
{
    (void)state;
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
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char before[8192], after[8192];
        struct engine_work work = fake_work();
        struct record record = {.refuse = table[i].refuse};
        struct engine_observer observer = {record_intent, record_outcome, &record};
        work.observer = &observer;
        fake_disk(before);
        enum engine_code code =
            table[i].what == 'd'
                ? remove_as(&work, (struct engine_delete){.link = "C:\\watched"}, NULL)
                : create_as(&work,
                            (struct engine_create){
                                .link = "C:\\watched", .target = table[i].target, .replace = true},
                            NULL, NULL);
        assert_int_equal(code, table[i].code);
        assert_int_equal(record.intents, table[i].calls);
        assert_int_equal(record.outcomes, table[i].refuse ? 0 : table[i].calls);
        if (table[i].calls) {
            assert_int_equal(record.kind, table[i].kind);
            assert_int_equal(record.old_length > 0, table[i].old);
            assert_int_equal(record.new_length > 0, table[i].new);
            assert_int_not_equal(record.volume, 0);
        }
        if (record.outcomes) {
            assert_false(record.failed);
            assert_int_not_equal(record.file_id, 0);
        }
        if (table[i].refuse)
            assert_string_equal(fake_disk(after), before);
    }
    assert_null(fake_find(L"C:\\watched"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        T(test_life_of_a_junction),
        T(test_a_new_link_takes_the_shortest_way),
        T(test_refusals_leave_things_as_they_are),
        T(test_a_target_that_no_rule_accepts_touches_no_disk),
        T(test_targets),
        T(test_any_name),
        T(test_malformed_and_hidden),
        T(test_parents),
        T(test_a_closed_parent),
        T(test_cancelled_work_changes_nothing),
        T(test_a_stuck_volume_is_refused),
        T(test_observer),
#undef T
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
