#include "stream.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../protocol/display.h"

void stream_init(struct stream *stream, stream_write write, void *context, bool interactive)
{
    stream->write = write;
    stream->context = context;
    stream->standard = TERMINAL_OUT;
    stream->code_page = false;
    stream->interactive = interactive;
    stream->result = TERMINAL_WRITTEN;
    stream->os = 0;
    stream->length = 0;
}

static enum terminal_result write_standard(void *context, const char *bytes, size_t length, int *os)
{
    const struct stream *stream = context;

    return terminal_write(stream->standard, stream->code_page, bytes, length, os);
}

void stream_standard(struct stream *stream, enum terminal_stream standard, bool code_page)
{
    stream_init(stream, write_standard, stream, terminal_is_interactive(standard));
    stream->standard = standard;
    stream->code_page = code_page;
}

static void hand_on(struct stream *stream, const char *bytes, size_t length)
{
    if (stream->result == TERMINAL_WRITTEN && length > 0)
        stream->result = stream->write(stream->context, bytes, length, &stream->os);
}

bool stream_flush(struct stream *stream)
{
    hand_on(stream, stream->buffer, stream->length);
    stream->length = 0;
    return stream->result == TERMINAL_WRITTEN;
}

void stream_put(struct stream *stream, const char *bytes, size_t length)
{
    if (length > sizeof stream->buffer - stream->length)
        (void)stream_flush(stream);
    if (length > sizeof stream->buffer) {
        hand_on(stream, bytes, length);
        return;
    }
    if (length > 0)
        memcpy(stream->buffer + stream->length, bytes, length);
    stream->length += length;
}

void stream_string(struct stream *stream, const char *string)
{
    stream_put(stream, string, strlen(string));
}

void stream_format(struct stream *stream, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0)
        stream_put(stream, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void stream_name(struct stream *stream, const char *bytes, size_t length)
{
    size_t plain = 0;

    for (size_t i = 0, size; i < length; i += size) {
        int32_t c = display_next(bytes + i, length - i, &size);
        bool escape =
            c < 0 ? stream->interactive
                  : display_is_control(c) || (stream->interactive && display_is_deceptive(c));
        if (!escape)
            continue;
        stream_put(stream, bytes + plain, i - plain);
        if (c < 0x80)
            stream_format(stream, "\\x%02X", (unsigned)(unsigned char)bytes[i]);
        else
            stream_format(stream, "\\u{%X}", (unsigned)c);
        plain = i + size;
    }
    stream_put(stream, bytes + plain, length - plain);
}

void stream_json(struct stream *stream, const char *json)
{
    size_t length = strlen(json), plain = 0;

    for (size_t i = 0, size; i < length; i += size) {
        int32_t c = display_next(json + i, length - i, &size);
        if (c < 0x7F || !(display_is_control(c) || display_is_deceptive(c)))
            continue;
        stream_put(stream, json + plain, i - plain);
        if (c >= 0x10000)
            stream_format(stream, "\\u%04x\\u%04x", (unsigned)(0xD7C0 + (c >> 10)),
                          (unsigned)(0xDC00 + (c & 0x3FF)));
        else
            stream_format(stream, "\\u%04x", (unsigned)c);
        plain = i + size;
    }
    stream_put(stream, json + plain, length - plain);
}
