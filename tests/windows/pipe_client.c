/* A client that knows nothing of libuv nor of our code: plain Win32 calls on a named pipe. */
#include <windows.h>
#include <winioctl.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pipe_client talk PIPE COUNT [LINE]...  sends the lines, prints COUNT lines of answers\n"
    "pipe_client flood PIPE BYTES           sends one line of that length, prints the answer\n"
    "pipe_client half PIPE SECONDS          sends half a line, prints what comes until the end\n"
    "pipe_client drop PIPE COUNT            connects and drops COUNT times\n"
    "pipe_client crowd PIPE CLIENTS TURNS   CLIENTS at once, each asks TURNS times; counts\n"
    "pipe_client stream PIPE CLIENTS TURNS WINDOW\n"
    "                                       the same with up to WINDOW questions unanswered; "
    "their\n"
    "                                       answers must come in order\n"
    "pipe_client silent PIPE CLIENTS        CLIENTS at once that send nothing; counts how each "
    "ends\n"
    "pipe_client leave PIPE COUNT LINE      COUNT times sends the line and leaves\n"
    "pipe_client level PIPE LEVEL LINE      a client of LEVEL anonymous or identification\n"
    "pipe_client plant DIRECTORY            makes it a junction to C:\\windows; 3: host cannot\n";

#define ASK       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"service.status\"}\n"
#define LINE_SIZE 65536

static void complain(const char *what)
{
    fprintf(stderr, "pipe_client: %s: error %lu\n", what, GetLastError());
}

static HANDLE connect_at(const char *name, DWORD level)
{
    for (int attempt = 0; attempt < 200; attempt++) {
        HANDLE pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                  SECURITY_SQOS_PRESENT | level, NULL);
        if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY)
            return pipe;
        WaitNamedPipeA(name, 2000);
    }
    return INVALID_HANDLE_VALUE;
}

static HANDLE connect_pipe(const char *name)
{
    return connect_at(name, SECURITY_IMPERSONATION);
}

static bool write_all(HANDLE pipe, const char *bytes, size_t length)
{
    while (length > 0) {
        DWORD written = 0;
        DWORD part = length > 65536 ? 65536 : (DWORD)length;
        if (!WriteFile(pipe, bytes, part, &written, NULL))
            return false;
        bytes += written;
        length -= written;
    }
    return true;
}

/* One line without its end; false at the end of the stream. */
static bool read_line(HANDLE pipe, char line[LINE_SIZE])
{
    size_t length = 0;
    for (;;) {
        char byte;
        DWORD got = 0;
        if (!ReadFile(pipe, &byte, 1, &got, NULL) || got == 0)
            return false;
        if (byte == '\n' || length + 1 == LINE_SIZE) {
            line[length] = '\0';
            return true;
        }
        line[length++] = byte;
    }
}

static int print_lines(HANDLE pipe, int count)
{
    static char line[LINE_SIZE];
    int printed = 0;
    while (printed < count && read_line(pipe, line)) {
        puts(line);
        printed++;
    }
    if (printed < count)
        puts("(end)");
    return printed;
}

static int talk(HANDLE pipe, int count, char **lines)
{
    for (; *lines != NULL; lines++) {
        /* The other end may close at the first line that it does not like. */
        if (!write_all(pipe, *lines, strlen(*lines)) || !write_all(pipe, "\n", 1))
            break;
    }
    print_lines(pipe, count);
    return 0;
}

static int flood(HANDLE pipe, size_t length)
{
    char *bytes = malloc(length + 1);
    if (bytes == NULL)
        return 1;
    memset(bytes, 'x', length);
    bytes[length] = '\n';
    write_all(pipe, bytes, length + 1);
    free(bytes);
    print_lines(pipe, 2);
    return 0;
}

static int half(HANDLE pipe, DWORD seconds)
{
    ULONGLONG begun = GetTickCount64();
    if (!write_all(pipe, ASK, strlen(ASK) / 2))
        return 1;
    print_lines(pipe, 2);
    return GetTickCount64() - begun <= seconds * 1000ull ? 0 : 1;
}

static int drop(const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        HANDLE pipe = connect_pipe(name);
        if (pipe == INVALID_HANDLE_VALUE) {
            complain("connect");
            return 1;
        }
        CloseHandle(pipe);
    }
    printf("dropped %d\n", count);
    return 0;
}

struct crowd {
    const char *name;
    int turns, window;
    void (*ask)(struct crowd *crowd, HANDLE pipe);
    volatile LONG answered, refused, lost, unconnected;
    HANDLE all_connected;
    volatile LONG waiting;
};

static void crowd_ask(struct crowd *crowd, HANDLE pipe)
{
    char *line = malloc(LINE_SIZE);
    for (int i = 0; i < crowd->turns && line != NULL; i++) {
        /* A refused connection gets its error without a question, and may be closed before it. */
        write_all(pipe, ASK, strlen(ASK));
        if (!read_line(pipe, line)) {
            InterlockedIncrement(&crowd->lost);
            break;
        }
        if (strstr(line, "TOO_MANY_CONNECTIONS") != NULL) {
            InterlockedIncrement(&crowd->refused);
            break;
        }
        if (strstr(line, "\"result\"") != NULL)
            InterlockedIncrement(&crowd->answered);
        else
            InterlockedIncrement(&crowd->lost);
    }
    free(line);
}

/* Every other question is one for a working thread. */
static size_t write_question(char *out, size_t size, int id)
{
    return (size_t)snprintf(out, size,
                            id % 2 == 0
                                ? "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"hello\"}\n"
                                : "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"reparse.show\","
                                  "\"params\":{\"path\":\"C:\\\\nothing here\"}}\n",
                            id);
}

/* Bytes that came and were not looked at yet. */
struct reader {
    HANDLE pipe;
    size_t at, held;
    char bytes[LINE_SIZE];
};

static bool reader_line(struct reader *reader, char line[LINE_SIZE])
{
    size_t length = 0;
    for (;;) {
        if (reader->at == reader->held) {
            DWORD got = 0;
            if (!ReadFile(reader->pipe, reader->bytes, LINE_SIZE, &got, NULL) || got == 0)
                return false;
            reader->at = 0;
            reader->held = got;
        }
        char byte = reader->bytes[reader->at++];
        if (byte == '\n') {
            line[length] = '\0';
            return true;
        }
        if (length + 1 < LINE_SIZE)
            line[length++] = byte;
    }
}

static bool is_answer(const char *line, int id)
{
    char begin[64];
    snprintf(begin, sizeof begin, "{\"jsonrpc\":\"2.0\",\"id\":%d,", id);
    return strncmp(line, begin, strlen(begin)) == 0 &&
           strstr(line, id % 2 == 0 ? "\"result\"" : "NOT_FOUND") != NULL;
}

static void crowd_stream(struct crowd *crowd, HANDLE pipe)
{
    struct reader *reader = calloc(1, sizeof *reader);
    char *line = malloc(LINE_SIZE);
    char *batch = malloc((size_t)crowd->window * 256);
    int asked = 0, answered = 0;
    if (reader == NULL || line == NULL || batch == NULL)
        goto done;
    reader->pipe = pipe;
    while (answered < crowd->turns) {
        size_t length = 0;
        while (asked < crowd->turns && asked - answered < crowd->window)
            length += write_question(batch + length, 256, asked++);
        if (!write_all(pipe, batch, length))
            break;
        do {
            if (!reader_line(reader, line) || !is_answer(line, answered)) {
                fprintf(stderr, "pipe_client: answer %d: %.300s\n", answered, line);
                goto done;
            }
            answered++;
            InterlockedIncrement(&crowd->answered);
        } while (asked - answered > crowd->window / 2);
    }
done:
    InterlockedExchangeAdd(&crowd->lost, crowd->turns - answered);
    free(batch);
    free(line);
    free(reader);
}

/* A client that says nothing is told so. */
static void crowd_keep_silent(struct crowd *crowd, HANDLE pipe)
{
    char *line = malloc(LINE_SIZE);
    if (line != NULL && read_line(pipe, line) && strstr(line, "TIMED_OUT") != NULL &&
        !read_line(pipe, line))
        InterlockedIncrement(&crowd->answered);
    else
        InterlockedIncrement(&crowd->lost);
    free(line);
}

static DWORD WINAPI crowd_run(void *context)
{
    struct crowd *crowd = context;
    HANDLE pipe = connect_pipe(crowd->name);
    if (pipe == INVALID_HANDLE_VALUE)
        InterlockedIncrement(&crowd->unconnected);
    if (InterlockedDecrement(&crowd->waiting) == 0)
        SetEvent(crowd->all_connected);
    if (pipe == INVALID_HANDLE_VALUE)
        return 1;
    /* All at the same time, and well within the deadline for a first line. */
    WaitForSingleObject(crowd->all_connected, 3000);
    crowd->ask(crowd, pipe);
    CloseHandle(pipe);
    return 0;
}

static int crowd(const char *name, int clients, int turns, int window,
                 void (*ask)(struct crowd *crowd, HANDLE pipe))
{
    struct crowd all = {
        .name = name, .turns = turns, .window = window, .ask = ask, .waiting = clients};
    HANDLE *threads = calloc((size_t)clients, sizeof *threads);
    all.all_connected = CreateEventA(NULL, TRUE, FALSE, NULL);
    if (threads == NULL || all.all_connected == NULL)
        return 1;
    for (int i = 0; i < clients; i++)
        threads[i] = CreateThread(NULL, 65536, crowd_run, &all, 0, NULL);
    for (int i = 0; i < clients; i++) {
        if (threads[i] == NULL)
            return 1;
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
    printf("answered %ld refused %ld lost %ld unconnected %ld\n", all.answered, all.refused,
           all.lost, all.unconnected);
    free(threads);
    CloseHandle(all.all_connected);
    return 0;
}

static int leave(const char *name, int count, const char *line)
{
    for (int i = 0; i < count; i++) {
        HANDLE pipe = connect_pipe(name);
        if (pipe == INVALID_HANDLE_VALUE) {
            complain("connect");
            return 1;
        }
        write_all(pipe, line, strlen(line));
        write_all(pipe, "\n", 1);
        CloseHandle(pipe);
    }
    printf("left %d\n", count);
    return 0;
}

static int level(const char *name, const char *what, const char *line)
{
    HANDLE pipe = connect_at(name, strcmp(what, "anonymous") == 0 ? SECURITY_ANONYMOUS
                                                                  : SECURITY_IDENTIFICATION);
    if (pipe == INVALID_HANDLE_VALUE) {
        complain("connect");
        return 1;
    }
    write_all(pipe, line, strlen(line));
    write_all(pipe, "\n", 1);
    print_lines(pipe, 1);
    CloseHandle(pipe);
    return 0;
}

static int plant(const char *directory)
{
    static const unsigned char head[] = {0x03, 0, 0, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const wchar_t names[] = L"\\??\\C:\\windows\0C:\\windows";
    unsigned char buffer[sizeof head + sizeof names];
    DWORD ignored;
    memcpy(buffer, head, sizeof head);
    memcpy(buffer + sizeof head, names, sizeof names);
    /* The lengths follow from the text: both names, a zero behind each, and 8 bytes of offsets. */
    size_t substitute = wcslen(names) * sizeof(wchar_t);
    size_t print = sizeof names - sizeof(wchar_t) - substitute - sizeof(wchar_t);
    buffer[4] = (unsigned char)(8 + sizeof names);
    buffer[10] = (unsigned char)substitute;
    buffer[12] = (unsigned char)(substitute + sizeof(wchar_t));
    buffer[14] = (unsigned char)print;
    HANDLE handle = CreateFileA(directory, GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        complain("open");
        return 1;
    }
    if (!DeviceIoControl(handle, FSCTL_SET_REPARSE_POINT, buffer, sizeof buffer, NULL, 0, &ignored,
                         NULL)) {
        printf("FSCTL_SET_REPARSE_POINT: error %lu\n", GetLastError());
        return 3;
    }
    CloseHandle(handle);
    return 0;
}

int main(int count, char **arguments)
{
    if (count >= 4 && strcmp(arguments[1], "drop") == 0)
        return drop(arguments[2], atoi(arguments[3]));
    if (count == 3 && strcmp(arguments[1], "plant") == 0)
        return plant(arguments[2]);
    if (count >= 5 && strcmp(arguments[1], "crowd") == 0)
        return crowd(arguments[2], atoi(arguments[3]), atoi(arguments[4]), 1, crowd_ask);
    if (count == 6 && strcmp(arguments[1], "stream") == 0)
        return crowd(arguments[2], atoi(arguments[3]), atoi(arguments[4]), atoi(arguments[5]),
                     crowd_stream);
    if (count == 4 && strcmp(arguments[1], "silent") == 0)
        return crowd(arguments[2], atoi(arguments[3]), 1, 1, crowd_keep_silent);
    if (count == 5 && strcmp(arguments[1], "leave") == 0)
        return leave(arguments[2], atoi(arguments[3]), arguments[4]);
    if (count == 5 && strcmp(arguments[1], "level") == 0)
        return level(arguments[2], arguments[3], arguments[4]);
    if (count < 4) {
        fputs(usage, stderr);
        return 2;
    }
    HANDLE pipe = connect_pipe(arguments[2]);
    if (pipe == INVALID_HANDLE_VALUE) {
        complain("connect");
        return 1;
    }
    int result = 2;
    if (strcmp(arguments[1], "talk") == 0)
        result = talk(pipe, atoi(arguments[3]), arguments + 4);
    else if (strcmp(arguments[1], "flood") == 0)
        result = flood(pipe, strtoul(arguments[3], NULL, 10));
    else if (strcmp(arguments[1], "half") == 0)
        result = half(pipe, strtoul(arguments[3], NULL, 10));
    CloseHandle(pipe);
    return result;
}
