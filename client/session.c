#include "session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "../protocol/framing.h"
#include "connect.h"

#define REQUEST_ID 1

/* How long a request that was cancelled may take to say how it ended. */
#define GRACE_TIMEOUT_MS   500
#define GRACE_INTERRUPT_MS 2000
#define GRACE_ENOUGH_MS    200

enum ending { ENDING_NONE, ENDING_TIMEOUT, ENDING_INTERRUPT, ENDING_ENOUGH };

struct session {
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_signal_t interrupt, terminate;
    uv_write_t write_request, write_cancel;
    char *line, *cancel;
    struct framing framing;
    const struct session_handler *handler;
    struct session_outcome *outcome;
    unsigned timeout_ms;
    bool
        change; /* the request changes the disk: an end without an answer leaves the outcome open */
    bool written, heard; /* the whole request was sent; anything came back */
    bool finished;
    enum ending ending; /* why the request was cancelled */
    char chunk[65536];
};

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(struct session *session)
{
    session->finished = true;
    uv_walk(&session->loop, close_handle, NULL);
}

static void fail_unknown(struct session *session, const char *why)
{
    problem_set(&session->outcome->problem, "OUTCOME_UNKNOWN", EXIT_UNFINISHED,
                "%s; whether the change was made is not known: look at the link", why);
    finish(session);
}

/* The other side does not speak the protocol. */
static void fail_garbage(struct session *session, const char *why)
{
    if (session->change && session->written) {
        fail_unknown(session, why);
        return;
    }
    problem_set(&session->outcome->problem, PROBLEM_BAD_ANSWER, EXIT_OTHER, "%s", why);
    finish(session);
}

/* Waiting is over for a request that was cancelled. */
static void fail_ending(struct session *session)
{
    struct problem *problem = &session->outcome->problem;

    if (session->ending == ENDING_ENOUGH)
        session->outcome->kind = SESSION_STOPPED;
    else if (session->change && session->written)
        fail_unknown(session,
                     session->ending == ENDING_TIMEOUT ? "no answer in time" : "interrupted");
    else if (session->ending == ENDING_TIMEOUT)
        problem_set(problem, "TIMED_OUT", EXIT_UNFINISHED, "no answer within %g s (see --timeout)",
                    session->timeout_ms / 1000.0);
    else
        problem_set(problem, "CANCELLED", EXIT_UNFINISHED, "interrupted");
    if (!session->finished)
        finish(session);
}

static void fail_closed(struct session *session, const char *how)
{
    struct problem *problem = &session->outcome->problem;

    if (session->ending != ENDING_NONE)
        fail_ending(session);
    else if (session->change && session->written)
        fail_unknown(session, how);
    else {
        problem_set(problem, session->heard ? PROBLEM_BAD_ANSWER : PROBLEM_NO_SERVICE,
                    session->heard ? EXIT_OTHER : EXIT_NO_SERVICE, "%s", how);
        finish(session);
    }
}

static void on_timer(uv_timer_t *timer);

/* Not waited for: the answer, the clock or the end of the connection comes anyway. */
static void on_cancel_written(uv_write_t *request, int status)
{
    (void)request;
    (void)status;
}

static void cancel(struct session *session, enum ending ending, unsigned grace_ms)
{
    struct request request = {.method = METHOD_CANCEL};
    size_t length = 0;
    uv_buf_t buffer;

    session->ending = ending;
    request.params.cancel.id.kind = MESSAGE_ID_NUMBER;
    request.params.cancel.id.number = REQUEST_ID;
    session->cancel = request_write(&request, &length);
    if (session->cancel) {
        buffer = uv_buf_init(session->cancel, (unsigned)length);
        (void)uv_write(&session->write_cancel, (uv_stream_t *)&session->pipe, &buffer, 1,
                       on_cancel_written);
    }
    if (uv_timer_start(&session->timer, on_timer, grace_ms, 0) != 0)
        fail_ending(session);
}

static void on_timer(uv_timer_t *timer)
{
    struct session *session = timer->loop->data;

    if (session->ending == ENDING_NONE)
        cancel(session, ENDING_TIMEOUT, GRACE_TIMEOUT_MS);
    else
        fail_ending(session);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct session *session = handle->loop->data;

    (void)number;
    session->outcome->interrupted = true;
    if (session->ending == ENDING_NONE)
        cancel(session, ENDING_INTERRUPT, GRACE_INTERRUPT_MS);
    else
        fail_ending(session); /* a second time: at once */
}

static bool is_ours(const struct message_id *id)
{
    return id->kind == MESSAGE_ID_NUMBER && id->number == REQUEST_ID;
}

static void take_notification(struct session *session, const struct message_incoming *incoming)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(incoming->body, "id");
    enum session_verdict verdict;

    if (!session->handler || !session->handler->notify || !cJSON_IsNumber(id) ||
        id->valuedouble != REQUEST_ID || session->ending != ENDING_NONE)
        return;
    (void)uv_timer_stop(&session->timer);
    verdict = session->handler->notify(session->handler->context, incoming->method, incoming->body);
    if (verdict == SESSION_ENOUGH)
        cancel(session, ENDING_ENOUGH, GRACE_ENOUGH_MS);
    else if (verdict == SESSION_GARBAGE)
        fail_garbage(session, "the service sent an entry that cannot be understood");
}

static void take_failure(struct session *session, const struct message_error *error)
{
    struct problem *problem = &session->outcome->problem;

    if (session->ending == ENDING_ENOUGH) {
        session->outcome->kind = SESSION_STOPPED;
    } else if (session->ending == ENDING_TIMEOUT && error->code == JERR_CANCELLED) {
        problem_set(problem, "TIMED_OUT", EXIT_UNFINISHED,
                    "no answer within %g s (see --timeout); the request was withdrawn",
                    session->timeout_ms / 1000.0);
    } else {
        problem_from_error(problem, error);
    }
    finish(session);
}

static void take_line(struct session *session, const char *line, size_t length)
{
    struct message_incoming incoming;
    const char *why = NULL;

    memset(&incoming, 0, sizeof incoming);
    session->heard = true;
    if (message_read(line, length, &incoming, &why) != 0) {
        fail_garbage(session,
                     "what answers is not the service: its line is no message of the protocol");
        return;
    }
    switch (incoming.kind) {
    case MESSAGE_NOTIFICATION:
        take_notification(session, &incoming);
        break;
    case MESSAGE_FAILURE:
        /* Without an id it is about the connection or about a line that could not be read. */
        if (is_ours(&incoming.id) || incoming.id.kind == MESSAGE_ID_NONE)
            take_failure(session, &incoming.error);
        break;
    case MESSAGE_RESULT:
        if (!is_ours(&incoming.id))
            break;
        session->outcome->kind =
            session->ending == ENDING_ENOUGH ? SESSION_STOPPED : SESSION_RESULT;
        session->outcome->answer = incoming;
        finish(session);
        return;
    }
    message_incoming_clear(&incoming);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct session *session = handle->loop->data;

    (void)suggested;
    *buffer = uv_buf_init(session->chunk, sizeof session->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct session *session = stream->loop->data;
    enum framing_result result;
    char *line;
    size_t length;

    if (session->finished || count == 0)
        return;
    if (count == UV_EOF) {
        fail_closed(session,
                    session->heard
                        ? "the service closed the connection before its answer was complete"
                        : "the service closed the connection without an answer");
        return;
    }
    if (count < 0) {
        fail_closed(session, "the connection to the service broke");
        return;
    }
    session->heard = true;
    if (framing_add(&session->framing, buffer->base, (size_t)count) != 0) {
        problem_no_memory(&session->outcome->problem);
        finish(session);
        return;
    }
    while (!session->finished &&
           (result = framing_next(&session->framing, &line, &length)) != FRAMING_MORE) {
        if (result == FRAMING_TOO_LONG) {
            fail_garbage(session,
                         "the service sent a line that is longer than the protocol allows");
            return;
        }
        take_line(session, line, length);
    }
}

/* A failed write ends nothing: a service that refuses says why before it closes. */
static void on_request_written(uv_write_t *request, int status)
{
    struct session *session = request->handle->loop->data;

    if (status != 0 && !session->finished)
        session->written = false;
}

static int start(struct session *session, size_t length, uint64_t begun)
{
    uv_buf_t buffer = uv_buf_init(session->line, (unsigned)length);
    uint64_t passed = (uv_hrtime() - begun) / 1000000;
    int result = uv_read_start((uv_stream_t *)&session->pipe, on_allocate, on_read);

    /* Before the request goes out: whoever interrupts from then on gets it withdrawn. */
    if (result == 0)
        result = uv_signal_start(&session->interrupt, on_signal, SIGINT);
    if (result == 0)
        result = uv_signal_start(&session->terminate, on_signal, SIGTERM);
    if (result == 0 && session->timeout_ms > 0)
        result = uv_timer_start(&session->timer, on_timer,
                                passed < session->timeout_ms ? session->timeout_ms - passed : 0, 0);
    session->written = true;
    if (result == 0)
        result = uv_write(&session->write_request, (uv_stream_t *)&session->pipe, &buffer, 1,
                          on_request_written);
    /* Windows tells at once what Linux tells in on_request_written: reading says the rest. */
    if (result == UV_EPIPE) {
        session->written = false;
        result = 0;
    }
    return result;
}

static bool is_change(const struct request *request)
{
    return (request->method == METHOD_JUNCTION_CREATE && !request->params.create.dry_run) ||
           (request->method == METHOD_JUNCTION_DELETE && !request->params.delete.dry_run);
}

void session_run(const struct session_options *options, struct request *request,
                 const struct session_handler *handler, struct session_outcome *outcome)
{
    struct session *session = calloc(1, sizeof *session);
    uint64_t begun = uv_hrtime();
    size_t length = 0;
    int result;

    memset(outcome, 0, sizeof *outcome);
    outcome->kind = SESSION_PROBLEM;
    if (!session) {
        problem_no_memory(&outcome->problem);
        return;
    }
    framing_init(&session->framing);
    session->handler = handler;
    session->outcome = outcome;
    session->timeout_ms = options->timeout_ms;
    session->change = is_change(request);
    request->id.kind = MESSAGE_ID_NUMBER;
    request->id.number = REQUEST_ID;
    session->line = request_write(request, &length);
    result = uv_loop_init(&session->loop);
    if (!session->line || result != 0) {
        problem_no_memory(&outcome->problem);
        goto done;
    }
    session->loop.data = session;
    result = uv_pipe_init(&session->loop, &session->pipe, 0);
    if (result == 0 &&
        connect_open(&session->pipe, options->pipe, options->timeout_ms, &outcome->problem) != 0)
        goto close;
    if (result == 0)
        result = uv_timer_init(&session->loop, &session->timer);
    if (result == 0)
        result = uv_signal_init(&session->loop, &session->interrupt);
    if (result == 0)
        result = uv_signal_init(&session->loop, &session->terminate);
    if (result == 0)
        result = start(session, length, begun);
    if (result != 0) {
        problem_set(&outcome->problem, "INTERNAL_ERROR", EXIT_OTHER,
                    "the connection cannot be used: %s", uv_strerror(result));
        goto close;
    }
    (void)uv_run(&session->loop, UV_RUN_DEFAULT);

close:
    if (!session->finished)
        finish(session);
    (void)uv_run(&session->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&session->loop);
done:
    framing_clear(&session->framing);
    free(session->line);
    free(session->cancel);
    free(session);
}

void session_outcome_clear(struct session_outcome *outcome)
{
    message_incoming_clear(&outcome->answer);
    problem_clear(&outcome->problem);
}
