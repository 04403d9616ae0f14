/* One request against services that behave, misbehave, say nothing, or are not who they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "client/session.h"
#include "client_fake.h"

#define RESULT   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}\n"
#define NOTE(id) "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"id\":" id "}}\n"
#define CANCELLED                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1001,\"message\":\"cancelled\"," \
    "\"data\":{\"name\":\"CANCELLED\"}}}\n"

enum kind { KIND_RESULT, KIND_PROBLEM, KIND_STOPPED };

static int kind_of(const struct session_outcome *outcome)
{
    return outcome->kind == SESSION_RESULT    ? KIND_RESULT
           : outcome->kind == SESSION_PROBLEM ? KIND_PROBLEM
                                              : KIND_STOPPED;
}

static void make_request(struct request *request, bool change)
{
    memset(request, 0, sizeof *request);
    if (change) {
        request->method = METHOD_JUNCTION_DELETE;
        assert_int_equal(text_set_string(&request->params.delete.link, "/x"), UTF_OK);
    } else {
        request->method = METHOD_SERVICE_STATUS;
    }
}

static void run(struct fake *fake, bool change, unsigned timeout_ms,
                const struct session_handler *handler, struct session_outcome *outcome)
{
    struct session_options options = {NULL, timeout_ms};
    struct request request;

    make_request(&request, change);
    fake_start(fake);
    options.pipe = fake->path;
    session_run(&options, &request, handler, outcome);
    fake_stop(fake);
    request_clear(&request);
}

static void test_answers(void **state)
{
    static const struct {
        const char *what, *reply;
        enum fake_then then;
        bool change;
        enum kind kind;
        int exit;
        const char *name;
    } cases[] = {
        {"closes at once", NULL, FAKE_CLOSE, false, KIND_PROBLEM, 3, "NO_SERVICE"},
        {"closes with a change under way", NULL, FAKE_CLOSE, true, KIND_PROBLEM, 9,
         "OUTCOME_UNKNOWN"},
        {"half a line", "{\"jsonrpc\"", FAKE_CLOSE, false, KIND_PROBLEM, 12, "BAD_ANSWER"},
        {"half a line, a change", "{\"jsonrpc\"", FAKE_CLOSE, true, KIND_PROBLEM, 9,
         "OUTCOME_UNKNOWN"},
        {"another protocol", "HTTP/1.1 400 Bad Request\r\n", FAKE_STAY, false, KIND_PROBLEM, 12,
         "BAD_ANSWER"},
        {"an array", "[]\n", FAKE_STAY, false, KIND_PROBLEM, 12, "BAD_ANSWER"},
        {"two answers in one",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"x\"}}\n",
         FAKE_STAY, false, KIND_PROBLEM, 12, "BAD_ANSWER"},
        {"not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\xFF\"}}\n", FAKE_STAY,
         false, KIND_PROBLEM, 12, "BAD_ANSWER"},
        {"only notifications", NOTE("1") NOTE("1"), FAKE_CLOSE, false, KIND_PROBLEM, 12,
         "BAD_ANSWER"},
        {"an answer for somebody else", "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n",
         FAKE_CLOSE, false, KIND_PROBLEM, 12, "BAD_ANSWER"},
        {"result", RESULT, FAKE_CLOSE, false, KIND_RESULT, 0, NULL},
        {"result with CR and empty lines", "\r\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r\n",
         FAKE_STAY, true, KIND_RESULT, 0, NULL},
        {"members of a newer service",
         "{\"jsonrpc\":\"2.0\",\"x\":1,\"id\":1,\"result\":{\"y\":[[]]}}\n", FAKE_STAY, false,
         KIND_RESULT, 0, NULL},
        {"unknown notifications and other ids",
         "{\"jsonrpc\":\"2.0\",\"method\":\"news\",\"params\":{\"a\":1}}\n"
         "{\"jsonrpc\":\"2.0\",\"method\":\"more\"}\n" NOTE("7")
             NOTE("\"1\"") "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}\n" RESULT,
         FAKE_STAY, false, KIND_RESULT, 0, NULL},
        {"error",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1304,\"message\":\"not empty\","
         "\"data\":{\"name\":\"NOT_EMPTY\"}}}\n",
         FAKE_CLOSE, true, KIND_PROBLEM, 6, "NOT_EMPTY"},
        {"error without an id",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1004,\"message\":"
         "\"too many\",\"data\":{\"name\":\"TOO_MANY_CONNECTIONS\"}}}\n",
         FAKE_CLOSE, true, KIND_PROBLEM, 12, "TOO_MANY_CONNECTIONS"},
        {"error of a newer service",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1888,\"message\":\"new\"}}\n",
         FAKE_CLOSE, false, KIND_PROBLEM, 12, NULL},
        {"stopping",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1006,\"message\":\"stopping\","
         "\"data\":{\"name\":\"STOPPING\"}}}\n",
         FAKE_CLOSE, false, KIND_PROBLEM, 3, "STOPPING"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.first = cases[i].reply, .then = cases[i].then};
        struct session_outcome outcome;
        run(&fake, cases[i].change, 10000, NULL, &outcome);
        if (kind_of(&outcome) != (int)cases[i].kind)
            fail_msg("%s: kind %d, '%s'", cases[i].what, kind_of(&outcome), outcome.problem.text);
        if (cases[i].kind == KIND_PROBLEM && (int)outcome.problem.exit != cases[i].exit)
            fail_msg("%s: exit %d, '%s'", cases[i].what, (int)outcome.problem.exit,
                     outcome.problem.text);
        if (cases[i].name)
            assert_string_equal(outcome.problem.name, cases[i].name);
        if (cases[i].kind == KIND_PROBLEM)
            assert_true(outcome.problem.text[0] != '\0');
        session_outcome_clear(&outcome);
    }
}

static void test_line_without_end(void **state)
{
    size_t length = 3u * 1024 * 1024;
    char *bytes = malloc(length);
    struct fake fake = {.then = FAKE_STAY};
    struct session_outcome outcome;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, ' ', length);
    bytes[0] = '{';
    fake.first = bytes;
    fake.length = length;
    run(&fake, false, 10000, NULL, &outcome);
    assert_int_equal(kind_of(&outcome), KIND_PROBLEM);
    assert_int_equal(outcome.problem.exit, EXIT_OTHER);
    assert_string_equal(outcome.problem.name, PROBLEM_BAD_ANSWER);
    session_outcome_clear(&outcome);
    free(bytes);
}

static void test_timeout(void **state)
{
    static const struct {
        const char *second;
        bool change;
        enum kind kind;
        const char *name;
    } cases[] = {
        {NULL, false, KIND_PROBLEM, "TIMED_OUT"},
        {NULL, true, KIND_PROBLEM, "OUTCOME_UNKNOWN"},
        {CANCELLED, true, KIND_PROBLEM, "TIMED_OUT"}, /* then it is known that nothing happened */
        {RESULT, true, KIND_RESULT, NULL},            /* too late, but it is the truth */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.then = FAKE_STAY, .second = cases[i].second};
        struct session_outcome outcome;
        run(&fake, cases[i].change, 50, NULL, &outcome);
        assert_int_equal(kind_of(&outcome), cases[i].kind);
        if (cases[i].name) {
            assert_string_equal(outcome.problem.name, cases[i].name);
            assert_int_equal(outcome.problem.exit, EXIT_UNFINISHED);
        }
        assert_non_null(strstr(fake.got, "\"method\":\"cancel\""));
        session_outcome_clear(&outcome);
    }
}

struct counter {
    unsigned calls;
    enum session_verdict verdict;
};

static enum session_verdict count(void *context, const char *method, const cJSON *params)
{
    struct counter *counter = context;

    assert_string_equal(method, "progress");
    assert_true(cJSON_IsObject(params));
    counter->calls++;
    return counter->verdict;
}

static void test_notifications(void **state)
{
    struct counter counter = {0, SESSION_GO_ON};
    const struct session_handler handler = {count, &counter};
    struct fake fake = {.first = NOTE("1") NOTE("2") NOTE("1"), .then = FAKE_CLOSE};
    struct session_outcome outcome;

    (void)state;
    run(&fake, false, 10000, &handler, &outcome);
    assert_int_equal(counter.calls, 2);
    session_outcome_clear(&outcome);

    /* Nobody wants more: cancelled, and what still comes is not handed on. */
    fake = (struct fake){.first = NOTE("1") NOTE("1"), .then = FAKE_STAY, .second = CANCELLED};
    counter = (struct counter){0, SESSION_ENOUGH};
    run(&fake, false, 10000, &handler, &outcome);
    assert_int_equal(counter.calls, 1);
    assert_int_equal(kind_of(&outcome), KIND_STOPPED);
    assert_non_null(strstr(fake.got, "\"method\":\"cancel\""));
    session_outcome_clear(&outcome);

    fake = (struct fake){.first = NOTE("1"), .then = FAKE_STAY};
    counter = (struct counter){0, SESSION_GARBAGE};
    run(&fake, false, 10000, &handler, &outcome);
    assert_int_equal(kind_of(&outcome), KIND_PROBLEM);
    assert_string_equal(outcome.problem.name, PROBLEM_BAD_ANSWER);
    session_outcome_clear(&outcome);
}

/* The clock stops with the first notification: a long list is no timeout. */
static void test_notification_ends_the_wait(void **state)
{
    struct counter counter = {0, SESSION_GO_ON};
    const struct session_handler handler = {count, &counter};
    struct fake fake = {.first = NOTE("1"), .then = FAKE_STAY, .signal = 0};
    struct session_outcome outcome;
    struct session_options options = {NULL, 100};
    struct request request;
    pid_t child;
    int status;

    (void)state;
    make_request(&request, false);
    fake_start(&fake);
    options.pipe = fake.path;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)usleep(600000);
        _exit(kill(getppid(), SIGINT) != 0);
    }
    session_run(&options, &request, &handler, &outcome);
    /* Not the timeout of 100 ms ended it but the signal after 600, and the 2 s of grace behind it.
     */
    assert_true(outcome.interrupted);
    assert_string_equal(outcome.problem.name, "CANCELLED");
    assert_int_equal(waitpid(child, &status, 0), child);
    fake_stop(&fake);
    session_outcome_clear(&outcome);
    request_clear(&request);
}

static void test_interrupt(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fake fake = {.then = FAKE_STAY, .signal = signals[i], .second = CANCELLED};
        struct session_outcome outcome;
        run(&fake, false, 10000, NULL, &outcome);
        assert_true(outcome.interrupted);
        assert_int_equal(kind_of(&outcome), KIND_PROBLEM);
        assert_string_equal(outcome.problem.name, "CANCELLED");
        assert_int_equal(outcome.problem.exit, EXIT_UNFINISHED);
        session_outcome_clear(&outcome);
    }
    /* A change that was made all the same is told. */
    {
        struct fake fake = {.then = FAKE_STAY, .signal = SIGINT, .second = RESULT};
        struct session_outcome outcome;
        run(&fake, true, 10000, NULL, &outcome);
        assert_true(outcome.interrupted);
        assert_int_equal(kind_of(&outcome), KIND_RESULT);
        session_outcome_clear(&outcome);
    }
}

static void test_nobody_there(void **state)
{
    static const struct {
        const char *pipe;
        int exit;
    } cases[] = {
        {"/tmp/junction-no-such.sock", 3},
        {"/dev/null", 3}, /* everybody may write to it: not ACCESS_DENIED */
        {"/etc/passwd/x", 3},
        {"", 2},
    };
    char long_name[300];

    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
        bool last = i == sizeof cases / sizeof *cases;
        struct session_options options = {last ? long_name : cases[i].pipe, 1000};
        struct session_outcome outcome;
        struct request request;
        make_request(&request, true);
        session_run(&options, &request, NULL, &outcome);
        assert_int_equal(kind_of(&outcome), KIND_PROBLEM);
        assert_int_equal(outcome.problem.exit, last ? 2 : cases[i].exit);
        session_outcome_clear(&outcome);
        request_clear(&request);
    }
}

/* A socket of another ordinary user, where the service should be: not one byte goes there. */
static void test_untrusted(void **state)
{
    struct session_options options = {NULL, 5000};
    struct session_outcome outcome;
    struct request request;
    char directory[] = "/tmp/junction-untrusted-XXXXXX", path[64], byte;
    int ready[2], status;
    pid_t child;

    (void)state;
    if (geteuid() != 0) {
        print_message("SKIPPED: only root can be two users\n");
        skip();
    }
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0777), 0);
    (void)snprintf(path, sizeof path, "%s/s", directory);
    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listening = socket(AF_UNIX, SOCK_STREAM, 0), fd;
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        if (setgid(12345) != 0 || setuid(12345) != 0 ||
            bind(listening, (const struct sockaddr *)&address, sizeof address) != 0 ||
            listen(listening, 1) != 0 || write(ready[1], "x", 1) != 1)
            _exit(10);
        fd = accept(listening, NULL, NULL);
        _exit(fd < 0 ? 11 : read(fd, &byte, 1) == 0 ? 0 : 12);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    make_request(&request, true);
    options.pipe = path;
    session_run(&options, &request, NULL, &outcome);
    assert_int_equal(kind_of(&outcome), KIND_PROBLEM);
    assert_int_equal(outcome.problem.exit, EXIT_UNTRUSTED_SERVICE);
    assert_string_equal(outcome.problem.name, PROBLEM_UNTRUSTED_SERVICE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    session_outcome_clear(&outcome);
    request_clear(&request);
    (void)close(ready[0]);
    (void)close(ready[1]);
    (void)unlink(path);
    (void)rmdir(directory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_line_without_end),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_notification_ends_the_wait),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_untrusted),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
