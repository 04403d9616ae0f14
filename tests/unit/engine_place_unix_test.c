/* Places: volumes that must not be touched, links on the way, and one work at a time on a file. */
#include "ntfs_volume.h"

#include <pthread.h>
#include <signal.h>

#include "../../service/engine/lock.h"
#include "../../service/engine/place.h"
#include "../../service/engine/work.h"

static struct ntfs_volume volume;
static struct engine *engine;

static int setup(void **state)
{
    (void)state;
    ntfs_open(&volume, "32M", "permissions");
    struct engine_options options = {0};
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

static enum engine_code show_with(struct engine *with, struct engine_work *work, const char *path)
{
    struct reparse_entry entry;
    struct engine_error error;
    engine_show(with, work, path, false, &entry, &error);
    reparse_entry_clear(&entry);
    return error.code;
}

static enum engine_code show(const char *path)
{
    int depth;
    struct engine_work work = self_work(&depth);
    enum engine_code code = show_with(engine, &work, path);
    assert_int_equal(depth, 0);
    return code;
}

static void test_normalise(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } table[] = {
        {"/", "/"},           {"//", "/"},       {"/.", "/"},
        {"/a/", "/a"},        {"/a//b", "/a/b"}, {"/a/./b/.", "/a/b"},
        {"/a/...", "/a/..."}, {"/\n", "/\n"},    {"", NULL},
        {"a", NULL},          {"/..", NULL},     {"/a/../b", NULL},
        {"/a/..", NULL},      {"/\xff", NULL},   {"/\xed\xa0\x80", "/\xed\xa0\x80"},
    };
    struct engine_error error;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *out = place_normalise(table[i].in, &error);
        if (table[i].out)
            assert_string_equal(out, table[i].out);
        else
            assert_true(out == NULL && error.code == ENGINE_INVALID_PATH);
        free(out);
    }
    char name[300] = "/";
    memset(name + 1, 'a', 255);
    char *out = place_normalise(name, &error);
    assert_non_null(out);
    free(out);
    name[256] = 'a';
    assert_null(place_normalise(name, &error));
}

static void test_volume_prefix(void **state)
{
    (void)state;
    assert_int_equal(volume_prefix("/", "/a"), 0);
    assert_int_equal(volume_prefix("/a", "/a"), 2);
    assert_int_equal(volume_prefix("/a", "/a/b"), 2);
    assert_true(volume_prefix("/a", "/ab") == SIZE_MAX);
    assert_true(volume_prefix("/a/b", "/a") == SIZE_MAX);
}

static void test_links_above_the_leaf(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    char home[] = "/tmp/junction-links-XXXXXX", path[256], link[256];
    assert_non_null(mkdtemp(home));
    chmod(home, 0755);
    mkdir(on(&volume, "dir"), 0755);
    mkdir(on(&volume, "dir/sub"), 0755);
    raw_junction(on(&volume, "dir/leaf"), "C:\\x");
    raw_junction(on(&volume, "across"), "C:\\dir");
    /* A junction on the way is followed, the leaf is not. */
    assert_int_equal(show(on(&volume, "across/leaf")), ENGINE_OK);
    assert_int_equal(show(on(&volume, "across/sub")), ENGINE_NOT_A_REPARSE_POINT);
    assert_int_equal(show(on(&volume, "across/leaf/x")), ENGINE_NOT_FOUND);

    snprintf(link, sizeof link, "%s/abs", home);
    assert_int_equal(symlink(on(&volume, "dir"), link), 0);
    snprintf(path, sizeof path, "%s/abs/leaf", home);
    assert_int_equal(show(path), ENGINE_OK);
    snprintf(path, sizeof path, "%s/abs/sub/none/x", home);
    assert_int_equal(show(path), ENGINE_NOT_FOUND);
    snprintf(link, sizeof link, "%s/rel", home);
    assert_int_equal(symlink("./abs/sub/..", link), 0);
    snprintf(path, sizeof path, "%s/rel/leaf", home);
    assert_int_equal(show(path), ENGINE_OK);
    snprintf(link, sizeof link, "%s/round", home);
    assert_int_equal(symlink("round/x", link), 0);
    snprintf(path, sizeof path, "%s/round/leaf", home);
    assert_int_equal(show(path), ENGINE_TOO_MANY_LINKS);
    snprintf(link, sizeof link, "%s/up", home);
    assert_int_equal(symlink("../../../../../..", link), 0);
    snprintf(path, sizeof path, "%s/up%s/leaf", home, on(&volume, "dir"));
    assert_int_equal(show(path), ENGINE_OK);

    /* Somebody else's link in a directory like /tmp is not followed. */
    chmod(home, 01777);
    snprintf(link, sizeof link, "%s/trap", home);
    assert_int_equal(symlink(on(&volume, "dir"), link), 0);
    assert_int_equal(lchown(link, 64002, 64002), 0);
    snprintf(path, sizeof path, "%s/trap/leaf", home);
    uid_t alice = 64001, bob = 64002;
    struct engine_work work = user_work(&alice);
    assert_int_equal(show_with(engine, &work, path), ENGINE_UNTRUSTED_MOUNT_POINT);
    work = user_work(&bob);
    assert_int_equal(show_with(engine, &work, path), ENGINE_OK);
    const char *const remove[] = {"rm", "-rf", home, NULL};
    ntfs_run(remove);
}

static void test_stuck_volume_is_not_touched(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct stat stat;
    assert_int_equal(lstat(volume.mount, &stat), 0);
    raw_junction(on(&volume, "stuck"), "C:\\x");
    char home[] = "/tmp/junction-stuck-XXXXXX", link[128], path[160];
    assert_non_null(mkdtemp(home));
    snprintf(link, sizeof link, "%s/way", home);
    assert_int_equal(symlink(volume.mount, link), 0);
    snprintf(path, sizeof path, "%s/stuck", link);
    assert_int_equal(show(path), ENGINE_OK);

    engine_volume_stuck(engine, stat.st_dev, true);
    engine_volume_stuck(engine, stat.st_dev, true);
    /* Other volumes are served, and a mark on one that cannot get stuck means nothing. */
    engine_volume_stuck(engine, 1, true);
    int depth;
    struct engine_work work = self_work(&depth);
    for (int left = 2; left > 0; left--) {
        assert_int_equal(show(on(&volume, "stuck")), ENGINE_VOLUME_NOT_RESPONDING);
        assert_int_equal(show(path), ENGINE_VOLUME_NOT_RESPONDING);
        assert_int_equal(show("/tmp"), ENGINE_UNSUPPORTED_FILE_SYSTEM);
        engine_volume_stuck(engine, stat.st_dev, false);
    }
    assert_int_equal(show_with(engine, &work, on(&volume, "stuck")), ENGINE_OK);
    assert_int_equal(atomic_load(&work.volume), stat.st_dev);
    assert_true(atomic_load(&work.beats) > 2);
    engine_volume_stuck(engine, 1, false);
    assert_int_equal(show(path), ENGINE_OK);
    unlink(link);
    rmdir(home);
}

/* The daemon of a mount is stopped: the thread hangs, but a watcher sees where; and work that comes
 * later does not hang. */
struct hanging {
    struct engine_work work;
    char path[256];
    _Atomic enum engine_code code;
    atomic_bool ended;
};

static void *hang(void *context)
{
    struct hanging *hanging = context;
    atomic_store(&hanging->code, show_with(engine, &hanging->work, hanging->path));
    atomic_store(&hanging->ended, true);
    return NULL;
}

static pid_t daemon_of(const char *image)
{
    char command[256];
    snprintf(command, sizeof command, "pgrep -f '^ntfs-3g %s '", image);
    FILE *pipe = popen(command, "r");
    long pid = 0;
    if (pipe) {
        if (fscanf(pipe, "%ld", &pid) != 1)
            pid = 0;
        pclose(pipe);
    }
    return (pid_t)pid;
}

/* Stopped for certain: until the signal has arrived, requests are still answered. */
static void freeze(pid_t process)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    assert_int_equal(kill(process, SIGSTOP), 0);
    for (int i = 0; i < 6000 && !strstr(line, ") T "); i++) {
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        if (!fgets(line, sizeof line, file))
            line[0] = '\0';
        fclose(file);
        usleep(10000);
    }
    assert_non_null(strstr(line, ") T "));
}

static void test_daemon_that_does_not_answer(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct ntfs_volume other;
    ntfs_open(&other, "8M", "permissions");
    assert_null(other.missing);
    raw_junction(on(&other, "link"), "C:\\x");
    struct stat stat;
    assert_int_equal(lstat(other.mount, &stat), 0);
    pid_t daemon = daemon_of(other.image);
    assert_true(daemon > 1);
    struct hanging hanging = {.code = ENGINE_OK};
    int depth;
    hanging.work = self_work(&depth);
    strcpy(hanging.path, on(&other, "link"));
    freeze(daemon);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hang, &hanging), 0);
    usleep(300000);
    assert_false(atomic_load(&hanging.ended));
    assert_int_equal(atomic_load(&hanging.work.volume), stat.st_dev);
    engine_volume_stuck(engine, atomic_load(&hanging.work.volume), true);
    assert_int_equal(show(on(&other, "link")), ENGINE_VOLUME_NOT_RESPONDING);
    assert_int_equal(show(on(&volume, "none")), ENGINE_NOT_FOUND);
    assert_true(engine_work_cancel(&hanging.work, true));
    assert_int_equal(kill(daemon, SIGCONT), 0);
    pthread_join(thread, NULL);
    assert_int_equal(depth, 0);
    engine_volume_stuck(engine, stat.st_dev, false);
    assert_int_equal(show(on(&other, "link")), ENGINE_OK);

    /* Now it dies. */
    assert_int_equal(kill(daemon, SIGKILL), 0);
    usleep(100000);
    assert_int_equal(show(on(&other, "link")), ENGINE_VOLUME_GONE);
    ntfs_close(&other);
}

/* Nothing is mounted there. Told by the parent, since the mount itself may not be touched. */
static bool is_plain_mount(const struct ntfs_volume *other)
{
    char line[1024], wanted[128];
    bool found = false;
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    snprintf(wanted, sizeof wanted, " %s ", other->mount);
    while (mounts && fgets(line, sizeof line, mounts))
        found = found || strstr(line, wanted);
    if (mounts)
        fclose(mounts);
    return !found;
}

static void test_mounts_of_other_users(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    if (access("/usr/bin/runuser", X_OK) != 0 && access("/sbin/runuser", X_OK) != 0)
        skip();
    struct ntfs_volume other;
    ntfs_open(&other, "8M", "permissions");
    assert_null(other.missing);
    raw_junction(on(&other, "link"), "C:\\x");
    ntfs_unmount(&other);
    /* "nobody" has an entry in passwd, which the setuid ntfs-3g wants. */
    const uid_t nobody = 65534;
    assert_int_equal(chown(other.home, nobody, nobody), 0);
    assert_int_equal(chown(other.image, nobody, nobody), 0);
    assert_int_equal(chown(other.mount, nobody, nobody), 0);
    const char *const mount_as[] = {"runuser", "-u",        "nobody",    "--",
                                    "ntfs-3g", other.image, other.mount, NULL};
    if (ntfs_run(mount_as) != 0 || is_plain_mount(&other)) {
        print_message("SKIPPED: ntfs-3g is not setuid root here\n");
        ntfs_close(&other);
        skip();
    }
    assert_int_equal(show(on(&other, "link")), ENGINE_UNTRUSTED_VOLUME);
    assert_int_equal(show(other.mount), ENGINE_UNTRUSTED_VOLUME);
    ntfs_close(&other);
}

/* ---- locks
 * --------------------------------------------------------------------------------------------------------
 */

static void open_at(const char *path, struct engine_work *work, struct place *place)
{
    struct engine_error error;
    assert_int_equal(place_open(engine, work, path, place, &error), 0);
}

static int take_name(struct engine_work *work, const struct place *place, struct lock *lock,
                     struct engine_error *error)
{
    return lock_name(engine->locks, work, place_device(&place->parent_stat),
                     place->parent_stat.stx_ino, place->name, lock, error);
}

static void test_locks(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    int depth;
    struct engine_work work = self_work(&depth), other_work = self_work(&depth);
    struct engine_error error;
    struct place a, same, b;
    struct lock lock_a = {0}, lock_same = {0}, lock_b = {0};
    open_at(on(&volume, "Lock"), &work, &a);
    open_at(on(&volume, "lOCK"), &work, &same);
    open_at(on(&volume, "Lock2"), &work, &b);
    assert_int_equal(take_name(&work, &a, &lock_a, &error), 0);
    assert_int_equal(take_name(&work, &b, &lock_b, &error), 0);
    engine_work_cancel(&other_work, true);
    assert_int_equal(take_name(&other_work, &same, &lock_same, &error), -1);
    assert_int_equal(error.code, ENGINE_TIMED_OUT);
    assert_false(lock_same.held);
    lock_release(engine->locks, &lock_a);
    other_work = self_work(&depth);
    assert_int_equal(take_name(&other_work, &same, &lock_same, &error), 0);
    lock_release(engine->locks, &lock_same);
    lock_release(engine->locks, &lock_b);
    lock_release(engine->locks, &lock_b);
    place_close(&a);
    place_close(&same);
    place_close(&b);
}

struct racer {
    pthread_t thread;
    int number;
    unsigned created, deleted, conflicts;
};

static void *race(void *context)
{
    struct racer *racer = context;
    char target[32];
    snprintf(target, sizeof target, "C:\\racer%d", racer->number);
    for (int i = 0; i < 150; i++) {
        int depth;
        struct engine_error error;
        struct engine_created created;
        struct engine_deleted deleted;
        struct engine_work work = self_work(&depth);
        char path[128];
        snprintf(path, sizeof path, "%s/race", volume.mount);
        struct engine_create request = {.link = path, .target = target, .replace = i % 2};
        if (engine_create(engine, &work, &request, &created, &error) == 0) {
            engine_created_clear(&created);
            racer->created++;
        } else if (error.code == ENGINE_ALREADY_EXISTS) {
            racer->conflicts++;
        } else {
            fail_msg("create: %d %d %s", error.code, error.os, error.detail);
        }
        work = self_work(&depth);
        struct engine_delete removal = {.link = path, .expected_target = target};
        if (engine_delete(engine, &work, &removal, &deleted, &error) == 0) {
            engine_deleted_clear(&deleted);
            racer->deleted++;
        } else if (error.code != ENGINE_TARGET_CHANGED && error.code != ENGINE_NOT_FOUND) {
            fail_msg("delete: %d %d %s", error.code, error.os, error.detail);
        }
    }
    return NULL;
}

static void test_works_on_one_file_do_not_interleave(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    struct racer racers[4] = {{0}};
    unsigned created = 0, deleted = 0;
    for (int i = 0; i < 4; i++) {
        racers[i].number = i;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(racers[i].thread, NULL);
        created += racers[i].created;
        deleted += racers[i].deleted;
    }
    assert_true(created > 0 && deleted > 0 && deleted <= created);
    int left = is_missing(on(&volume, "race")) ? 0 : 1;
    assert_false(left && is_plain_directory(on(&volume, "race")));
}

/* Somebody who may change the parent swaps the leaf for a directory full of files, again and again:
 * nothing in it is ever lost or hidden. */
static void *swap(void *context)
{
    atomic_bool *stop = context;
    char link[128], aside[128], treasure[128];
    snprintf(link, sizeof link, "%s/swap/link", volume.mount);
    snprintf(aside, sizeof aside, "%s/swap/aside", volume.mount);
    snprintf(treasure, sizeof treasure, "%s/swap/treasure", volume.mount);
    while (!atomic_load(stop)) {
        bool moved = rename(link, aside) == 0;
        if (rename(treasure, link) == 0)
            while (rename(link, treasure) != 0)
                ;
        if (moved && rename(aside, link) != 0) {
            lremovexattr(aside, REPARSE);
            struct stat ignored;
            lstat(aside, &ignored);
            rmdir(aside);
        }
    }
    return NULL;
}

static void test_swapped_leaf(void **state)
{
    (void)state;
    NEED_VOLUME(&volume);
    mkdir(on(&volume, "swap"), 0755);
    mkdir(on(&volume, "swap/treasure"), 0755);
    close(open(on(&volume, "swap/treasure/gold"), O_CREAT | O_WRONLY, 0644));
    atomic_bool stop = false;
    pthread_t thread;
    usleep(20000); /* the treasure is older than any link made below */
    assert_int_equal(pthread_create(&thread, NULL, swap, &stop), 0);
    unsigned created = 0, refused = 0;
    for (int i = 0; i < 1500; i++) {
        int depth;
        struct engine_error error;
        struct engine_created result;
        struct engine_deleted deleted;
        struct engine_work work = self_work(&depth);
        struct engine_create request = {.link = on(&volume, "swap/link"), .target = "C:\\x"};
        if (engine_create(engine, &work, &request, &result, &error) == 0)
            created++;
        else
            refused++;
        engine_created_clear(&result);
        work = self_work(&depth);
        engine_delete(engine, &work, &(struct engine_delete){.link = request.link}, &deleted,
                      &error);
        engine_deleted_clear(&deleted);
        assert_int_equal(depth, 0);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    uint8_t buffer[16384];
    struct stat stat;
    lstat(on(&volume, "swap/treasure"), &stat);
    assert_int_equal(raw_get(on(&volume, "swap/treasure"), buffer), 0);
    assert_int_equal(access(on(&volume, "swap/treasure/gold"), F_OK), 0);
    assert_true(created > 0 && refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_volume_prefix),
        cmocka_unit_test(test_links_above_the_leaf),
        cmocka_unit_test(test_stuck_volume_is_not_touched),
        cmocka_unit_test(test_daemon_that_does_not_answer),
        cmocka_unit_test(test_mounts_of_other_users),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_works_on_one_file_do_not_interleave),
        cmocka_unit_test(test_swapped_leaf),
    };
    return cmocka_run_group_tests_name("place", tests, setup, teardown);
}
