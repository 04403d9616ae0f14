#include "event_win.h"

#include <sddl.h>

#include <stdlib.h>
#include <string.h>

#include "junctiond_messages.h"

const struct event_calls event_system = {
    .open = RegisterEventSourceW,
    .report = ReportEventW,
    .close = DeregisterEventSource,
};

/* The identifiers of the message file carry their severity in the highest bits. */
#define EVENT_BITS_LOG_INFO    0x40000000u
#define EVENT_BITS_LOG_WARNING 0x80000000u
#define EVENT_BITS_LOG_ERROR   0xC0000000u

#define X(name, identifier, level)                                        \
    _Static_assert(MESSAGE_##name == ((identifier) | EVENT_BITS_##level), \
                   "event.h and junctiond.mc do not agree about " #name);
EVENT_MESSAGES(X)
#undef X

/* "sid:S-1-..." as a SID (LocalFree), or NULL. */
static PSID event_user(const char *identity)
{
    PSID sid = NULL;
    if (strncmp(identity, "sid:", 4) != 0 || !ConvertStringSidToSidA(identity + 4, &sid)) {
        return NULL;
    }
    return sid;
}

/* The system's log may start later than this service, or again: then the handle is worth nothing
 * and a new one is had for the next try. */
static void event_report(struct event_log *log, WORD type, DWORD id, PSID user, WORD count,
                         LPCWSTR *inserts)
{
    AcquireSRWLockExclusive(&log->lock);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (log->source == NULL) {
            log->source = log->calls->open(NULL, EVENT_SOURCE);
        }
        if (log->source == NULL ||
            log->calls->report(log->source, type, 0, id, user, count, 0, inserts, NULL)) {
            break;
        }
        log->calls->close(log->source);
        log->source = NULL;
    }
    ReleaseSRWLockExclusive(&log->lock);
}

static void event_tell(void *context, const struct event_report *report)
{
    WORD type = report->level == LOG_ERROR     ? EVENTLOG_ERROR_TYPE
                : report->level == LOG_WARNING ? EVENTLOG_WARNING_TYPE
                                               : EVENTLOG_INFORMATION_TYPE;
    DWORD id = (DWORD)report->message | (report->level == LOG_ERROR     ? EVENT_BITS_LOG_ERROR
                                         : report->level == LOG_WARNING ? EVENT_BITS_LOG_WARNING
                                                                        : EVENT_BITS_LOG_INFO);
    LPCWSTR inserts[EVENT_INSERTS];
    /* UTF-8 never has fewer bytes than UTF-16 has units. */
    wchar_t(*texts)[EVENT_TEXT] = malloc(sizeof *texts * EVENT_INSERTS);
    if (texts == NULL) {
        return;
    }
    for (size_t i = 0; i < report->count; i++) {
        if (MultiByteToWideChar(CP_UTF8, 0, report->inserts[i], -1, texts[i], EVENT_TEXT) == 0) {
            texts[i][0] = L'\0';
        }
        inserts[i] = texts[i];
    }
    PSID user = event_user(report->identity);
    event_report(context, type, id, user, (WORD)report->count, inserts);
    LocalFree(user);
    free(texts);
}

int event_log_open(struct event_log *log, const struct event_calls *calls)
{
    log->calls = calls;
    log->source = calls->open(NULL, EVENT_SOURCE);
    InitializeSRWLock(&log->lock);
    if (event_sink_init(&log->sink, event_tell, log) == 0) {
        return 0;
    }
    if (log->source != NULL) {
        calls->close(log->source);
    }
    return -1;
}

void event_log_close(struct event_log *log)
{
    event_sink_close(&log->sink);
    if (log->source != NULL) {
        log->calls->close(log->source);
    }
    log->source = NULL;
}
