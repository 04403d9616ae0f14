/* Changes on the file system of nt_fake.h that do not go well: others work there at the same time,
 * and every call fails in turn. Each failure leaves things as they were, or says what is left. */
#include "nt_fake_work.h"

/* ---- others at the same time
 * ------------------------------------------------------------------------------- */

static HANDLE others;

static void let_go(void)
{
    if (fake.sleeps == 5)
        fake_close(others);
}

static void test_others_are_waited_for(void **state)
{
    (void)state;
    struct engine_error error;
    struct fake_node *node = fake_junction(L"C:\\busy", JUNCTION_TEXT);
    others = fake_handle_new(node, FILE_LIST_DIRECTORY, FILE_SHARE_READ | FILE_SHARE_WRITE);
    fake.on_sleep = let_go;
    assert_int_equal(remove_link((struct engine_delete){.link = "C:\\busy"}, &error), ENGINE_OK);
    assert_null(fake_find(L"C:\\busy"));
    assert_int_equal(fake.sleeps, 5);

    /* What is no junction is not waited for. */
    fake.sleeps = 0;
    fake_add(L"C:\\plain", true);
    others = fake_handle_new(fake_find(L"C:\\plain"), FILE_LIST_DIRECTORY, FILE_SHARE_READ);
    struct engine_deleted deleted;
    struct engine_delete removal = {.link = "C:\\plain"};
    struct engine_work work = fake_work();
    assert_int_equal(engine_delete(engine, &work, &removal, &deleted, &error), -1);
    assert_int_equal(error.code, ENGINE_NOT_A_JUNCTION);
    assert_int_equal(fake.sleeps, 0);
    fake_close(others);

    node = fake_junction(L"C:\\oplock", JUNCTION_TEXT);
    node->oplocks = 3;
    removal.link = "C:\\oplock";
    assert_int_equal(remove_link(removal, &error), ENGINE_OK);
    assert_int_equal(fake.sleeps, 3);

    /* A name that is being deleted is free when its last handle goes. */
    fake.sleeps = 0;
    node = fake_add(L"C:\\going", true);
    node->pending = true;
    others = fake_handle_new(node, FILE_READ_ATTRIBUTES, FILE_SHARE_READ);
    assert_int_equal(
        create((struct engine_create){.link = "C:\\going", .target = "C:\\x"}, NULL, &error),
        ENGINE_OK);
    assert_int_equal(fake.sleeps, 5);
    holds(L"C:\\going", "\\??\\C:\\x", "C:\\x");
}

static struct engine_work *sleeper;

static void expire(void)
{
    if (fake.sleeps == 4)
        assert_true(engine_work_cancel(sleeper, true));
}

static void test_waiting_ends(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_deleted deleted;
    struct engine_created created;
    struct fake_node *node = fake_junction(L"C:\\busy", JUNCTION_TEXT);
    HANDLE handle = fake_handle_new(node, FILE_LIST_DIRECTORY, FILE_SHARE_READ);
    struct engine_delete removal = {.link = "C:\\busy"};
    for (int with_deadline = 0; with_deadline < 2; with_deadline++) {
        struct engine_work work = fake_work();
        fake.sleeps = 0;
        sleeper = &work;
        fake.on_sleep = with_deadline ? expire : NULL;
        assert_int_equal(engine_delete(engine, &work, &removal, &deleted, &error), -1);
        assert_int_equal(error.code, with_deadline ? ENGINE_TIMED_OUT : ENGINE_IN_USE);
        assert_true(with_deadline ? fake.sleeps == 4 : fake.sleeps > 10);
        assert_int_equal(error.os, with_deadline ? 0 : ERROR_SHARING_VIOLATION);
    }
    fake_close(handle);
    holds(L"C:\\busy", JUNCTION_TEXT);

    node->pending = true;
    handle = fake_handle_new(node, FILE_READ_ATTRIBUTES, FILE_SHARE_READ);
    struct engine_create request = {.link = "C:\\busy", .target = "C:\\x"};
    for (int with_deadline = 0; with_deadline < 2; with_deadline++) {
        struct engine_work work = fake_work();
        fake.sleeps = 0;
        sleeper = &work;
        fake.on_sleep = with_deadline ? expire : NULL;
        assert_int_equal(engine_create(engine, &work, &request, &created, &error), -1);
        assert_int_equal(error.code, with_deadline ? ENGINE_TIMED_OUT : ENGINE_IN_USE);
    }
    fake_close(handle);
}

static unsigned swap_calls;

/* Right before the change the name means something else: only the handle counts. */
static void swap_leaf(unsigned call, enum fake_call kind)
{
    struct fake_node *leaf = fake_find(L"C:\\link");
    (void)call;
    if (kind != FAKE_SET && kind != FAKE_CONTROL)
        return;
    if (++swap_calls != 2 || !leaf)
        return;
    wcscpy(leaf->name, L"moved");
    struct fake_node *instead = fake_add(L"C:\\link", true);
    fake_node_new(instead, L"treasure", false);
}

static void test_a_leaf_that_is_swapped(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        fake_reset();
        fake_junction(L"C:\\link", JUNCTION_TEXT);
        swap_calls = 0;
        fake.hook = swap_leaf;
        if (what == 0)
            assert_int_equal(
                create(
                    (struct engine_create){.link = "C:\\link", .target = "C:\\x", .replace = true},
                    NULL, NULL),
                ENGINE_OK);
        else
            assert_int_equal(
                remove_link((struct engine_delete){.link = "C:\\link", .keep_directory = what == 2},
                            NULL),
                ENGINE_OK);
        assert_int_equal(swap_calls, 2);
        assert_non_null(fake_find(L"C:\\link\\treasure"));
        if (what == 0)
            holds(L"C:\\moved", "\\??\\C:\\x", "C:\\x");
        else if (what == 1)
            assert_null(fake_find(L"C:\\moved"));
        else
            assert_true(is_plain(L"C:\\moved"));
    }
}

/* Between the look and the change the junction became something else under the same handle. */
static void turn_leaf(unsigned call, enum fake_call kind)
{
    static uint8_t symlink[] = {0x0C, 0, 0, 0xA0, 0, 0, 0, 0};
    (void)call;
    if (kind == FAKE_CONTROL && ++swap_calls == 2)
        fake_tag(fake_find(L"C:\\link"), symlink, sizeof symlink);
}

static void fill_leaf(unsigned call, enum fake_call kind)
{
    (void)call;
    if (kind == FAKE_CONTROL && ++swap_calls == 1)
        fake_node_new(fake_find(L"C:\\link"), L"treasure", false);
}

static void test_a_leaf_that_turns(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_create request = {.link = "C:\\link", .target = "C:\\x", .replace = true};
    fake_junction(L"C:\\link", JUNCTION_TEXT);
    fake.hook = turn_leaf;
    swap_calls = 0;
    assert_int_equal(create(request, NULL, &error), ENGINE_CHANGED_MEANWHILE);
    assert_int_equal(error.os, 4394);
    fake_reset();
    fake_junction(L"C:\\link", JUNCTION_TEXT);
    fake.hook = turn_leaf;
    swap_calls = 0;
    assert_int_equal(
        remove_link((struct engine_delete){.link = "C:\\link", .keep_directory = true}, &error),
        ENGINE_CHANGED_MEANWHILE);

    /* Somebody puts a file into the directory before it is a link: it stays. */
    for (int there = 0; there < 2; there++) {
        fake_reset();
        if (there)
            fake_add(L"C:\\link", true);
        fake.hook = fill_leaf;
        swap_calls = 0;
        assert_int_equal(create(request, NULL, &error), ENGINE_NOT_EMPTY);
        assert_non_null(fake_find(L"C:\\link\\treasure"));
        assert_int_equal(strstr(error.detail, "left behind") != NULL, !there);
    }
}

/* ---- every call made to fail
 * ------------------------------------------------------------------------------------- */

enum scene {
    SCENE_NEW,
    SCENE_EMPTY,
    SCENE_REPLACE,
    SCENE_PARENTS,
    SCENE_DELETE,
    SCENE_KEEP,
    SCENE_MUST_EXIST,
    SCENE_COUNT
};

static int intent(void *context, const struct engine_change *change, struct engine_error *error)
{
    (void)change, (void)error;
    assert_int_equal(fake.depth, 0);
    *(int *)context += 1;
    return 0;
}

static void outcome(void *context, const struct engine_change *change,
                    const struct engine_error *error)
{
    (void)change, (void)error;
    assert_int_equal(fake.depth, 0);
    *(int *)context += 100;
}

static enum engine_code play(enum scene scene, bool watched, struct engine_error *error)
{
    int seen = 0;
    struct engine_observer observer = {intent, outcome, &seen};
    struct engine_work work = fake_work();
    work.observer = watched ? &observer : NULL;
    struct engine_create request = {.link = "C:\\dir\\link", .target = "C:\\new", .replace = true};
    struct engine_delete removal = {.link = request.link, .keep_directory = scene == SCENE_KEEP};
    enum engine_code code;
    if (scene == SCENE_PARENTS) {
        request.link = "C:\\dir\\p1\\p2\\link";
        request.parents = true;
    }
    request.must_exist = scene == SCENE_MUST_EXIST;
    if (scene == SCENE_DELETE || scene == SCENE_KEEP)
        code = remove_as(&work, removal, error);
    else
        code = create_as(&work, request, NULL, error);
    assert_true(seen == 0 || seen == 101);
    assert_true(code != ENGINE_OK || !watched || seen == 101);
    return code;
}

static void stage(enum scene scene)
{
    fake_reset();
    fake_add(L"C:\\new", true);
    fake_add(L"C:\\dir", true);
    if (scene == SCENE_EMPTY)
        fake_add(L"C:\\dir\\link", true);
    else if (scene == SCENE_REPLACE || scene == SCENE_DELETE || scene == SCENE_KEEP)
        fake_junction(L"C:\\dir\\link", JUNCTION_TEXT);
}

static void test_every_call_fails_in_turn(void **state)
{
    (void)state;
    static const NTSTATUS statuses[] = {STATUS_ACCESS_DENIED,
                                        STATUS_INSUFFICIENT_RESOURCES,
                                        STATUS_DEVICE_NOT_CONNECTED,
                                        STATUS_OBJECT_NAME_NOT_FOUND,
                                        STATUS_INVALID_PARAMETER,
                                        STATUS_SHARING_VIOLATION,
                                        STATUS_DELETE_PENDING,
                                        STATUS_NOT_A_REPARSE_POINT,
                                        STATUS_CANCELLED,
                                        STATUS_FILE_DELETED,
                                        STATUS_UNSUCCESSFUL};
    char before[8192], done[8192], after[8192];
    unsigned failures = 0;
    for (int scene = 0; scene < SCENE_COUNT; scene++)
        for (int watched = 0; watched < 2; watched++)
            for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++) {
                struct engine_error error;
                stage(scene);
                fake_disk(before);
                assert_int_equal(play(scene, watched, &error), ENGINE_OK);
                fake_disk(done);
                unsigned calls = fake.calls;
                assert_true(strcmp(before, done) != 0 && calls > 5);
                for (unsigned n = 1; n <= calls; n++) {
                    stage(scene);
                    fake.fail_at = n;
                    fake.fail_with = statuses[s];
                    enum engine_code code = play(scene, watched, &error);
                    failures += code != ENGINE_OK;
                    bool same = strcmp(fake_disk(after), before) == 0;
                    bool whole = strcmp(after, done) == 0;
                    if (code == ENGINE_OK ? !whole : !same && code != ENGINE_OUTCOME_UNKNOWN) {
                        print_error("scene %d, call %u of %u, status %lx: %d (%s)\n%s", scene, n,
                                    calls, (unsigned long)statuses[s], code, error.detail, after);
                        fail();
                    }
                }
            }
    assert_true(failures > 500);
}

/* A failure that cannot be undone either: then the error says what is left, and that it is so. */
static void test_what_is_left_behind_is_told(void **state)
{
    (void)state;
    static const enum scene scenes[] = {SCENE_NEW, SCENE_PARENTS};
    for (size_t i = 0; i < 2; i++) {
        struct engine_error error;
        char before[8192], after[8192];
        unsigned told = 0;
        stage(scenes[i]);
        fake_disk(before);
        assert_int_equal(play(scenes[i], false, &error), ENGINE_OK);
        unsigned calls = fake.calls;
        for (unsigned n = 1; n <= calls; n++) {
            stage(scenes[i]);
            fake.fail_at = n;
            fake.fail_sets_from = 1;
            fake.fail_with = STATUS_DEVICE_NOT_CONNECTED;
            enum engine_code code = play(scenes[i], false, &error);
            bool same = strcmp(fake_disk(after), before) == 0;
            assert_true(code == ENGINE_OK || same != (strstr(error.detail, "left behind") != NULL));
            told += code != ENGINE_OK && !same;
        }
        assert_true(told > 0);
    }
}

/* A call that a watchdog broke off, but that was carried out. */
static void test_a_cancelled_call_that_was_done(void **state)
{
    (void)state;
    static const enum scene scenes[] = {SCENE_NEW, SCENE_EMPTY, SCENE_REPLACE, SCENE_KEEP};
    for (size_t i = 0; i < 4; i++) {
        struct engine_error error;
        char done[8192], after[8192];
        stage(scenes[i]);
        assert_int_equal(play(scenes[i], false, &error), ENGINE_OK);
        fake_disk(done);
        unsigned calls = fake.calls;
        stage(scenes[i]);
        fake.fail_at = calls; /* the last call is the change itself */
        fake.fail_with = STATUS_CANCELLED;
        fake.fail_late = true;
        assert_int_equal(play(scenes[i], false, &error), ENGINE_OK);
        assert_string_equal(fake_disk(after), done);
    }
}

static void test_without_posix_deletion(void **state)
{
    (void)state;
    struct engine_error error;
    char before[8192], after[8192];
    stage(SCENE_DELETE);
    fake.no_posix = true;
    assert_int_equal(play(SCENE_DELETE, false, &error), ENGINE_OK);
    assert_null(fake_find(L"C:\\dir\\link"));
    stage(SCENE_DELETE);
    fake.no_posix = true;
    fake_find(L"C:\\dir\\link")->attributes |= FILE_ATTRIBUTE_READONLY;
    fake_disk(before);
    assert_int_equal(play(SCENE_DELETE, false, &error), ENGINE_ACCESS_DENIED);
    assert_non_null(strstr(error.detail, "read-only"));
    assert_string_equal(fake_disk(after), before);
}

/* ---- statuses
 * ----------------------------------------------------------------------------- */

static void test_statuses_have_their_errors(void **state)
{
    (void)state;
    static const struct {
        NTSTATUS status;
        enum engine_code code;
        int os;
    } table[] = {
        /* the rules of FSCTL_SET_REPARSE_POINT and FSCTL_DELETE_REPARSE_POINT */
        {STATUS_ACCESS_DENIED, ENGINE_ACCESS_DENIED, 5},
        {STATUS_IO_REPARSE_DATA_INVALID, ENGINE_IO_ERROR, 4392},
        {STATUS_IO_REPARSE_TAG_INVALID, ENGINE_IO_ERROR, 4393},
        {STATUS_NOT_A_DIRECTORY, ENGINE_NOT_A_DIRECTORY, 267},
        {STATUS_DIRECTORY_NOT_EMPTY, ENGINE_NOT_EMPTY, 145},
        {STATUS_IO_REPARSE_TAG_MISMATCH, ENGINE_CHANGED_MEANWHILE, 4394},
        {STATUS_REPARSE_ATTRIBUTE_CONFLICT, ENGINE_CHANGED_MEANWHILE, 4391},
        {STATUS_NOT_A_REPARSE_POINT, ENGINE_CHANGED_MEANWHILE, 4390},
        {STATUS_MEDIA_WRITE_PROTECTED, ENGINE_READ_ONLY, 19},
        {STATUS_NOT_SUPPORTED, ENGINE_UNSUPPORTED_FILE_SYSTEM, 50},
        {STATUS_INVALID_DEVICE_REQUEST, ENGINE_UNSUPPORTED_FILE_SYSTEM, 1},
        {STATUS_DISK_FULL, ENGINE_VOLUME_FULL, 112},
        {STATUS_QUOTA_EXCEEDED, ENGINE_VOLUME_FULL, 1295},
        {STATUS_VOLUME_DISMOUNTED, ENGINE_VOLUME_GONE, 21},
        {STATUS_NO_SUCH_DEVICE, ENGINE_VOLUME_GONE, 433},
        {STATUS_FILE_INVALID, ENGINE_VOLUME_GONE, 1006},
        {STATUS_SHARING_VIOLATION, ENGINE_IN_USE, 32},
        {STATUS_UNTRUSTED_MOUNT_POINT, ENGINE_UNTRUSTED_MOUNT_POINT, 448},
        {STATUS_REPARSE_POINT_NOT_RESOLVED, ENGINE_TOO_MANY_LINKS, 1921},
        {STATUS_CANCELLED, ENGINE_TIMED_OUT, 995},
        {STATUS_UNSUCCESSFUL, ENGINE_IO_ERROR, 0x10001},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct engine_error error;
        stage(SCENE_REPLACE);
        assert_int_equal(play(SCENE_REPLACE, false, &error), ENGINE_OK);
        unsigned calls = fake.calls;
        stage(SCENE_REPLACE);
        fake.fail_at = calls;
        fake.fail_with = table[i].status;
        enum engine_code code = play(SCENE_REPLACE, false, &error);
        if (code != table[i].code)
            print_error("%lx: %d\n", (unsigned long)table[i].status, code);
        assert_int_equal(code, table[i].code);
        assert_int_equal(error.os, table[i].os);
        holds(L"C:\\dir\\link", JUNCTION_TEXT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        T(test_others_are_waited_for),          T(test_waiting_ends),
        T(test_a_leaf_that_is_swapped),         T(test_a_leaf_that_turns),
        T(test_every_call_fails_in_turn),       T(test_what_is_left_behind_is_told),
        T(test_a_cancelled_call_that_was_done), T(test_without_posix_deletion),
        T(test_statuses_have_their_errors),
#undef T
    };
    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
