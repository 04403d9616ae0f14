/* Names from outside on their way to a terminal, a pipe, and into JSON; and what happens when
 * writing fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "client/stream.h"

struct sink {
    char bytes[200000];
    size_t length;
    size_t writes;
    enum terminal_result answer;
};

static enum terminal_result sink_write(void *context, const char *bytes, size_t length, int *os)
{
    struct sink *sink = context;

    sink->writes++;
    if (sink->answer != TERMINAL_WRITTEN) {
        *os = 28;
        return sink->answer;
    }
    assert_true(sink->length + length < sizeof sink->bytes);
    memcpy(sink->bytes + sink->length, bytes, length);
    sink->length += length;
    sink->bytes[sink->length] = '\0';
    return TERMINAL_WRITTEN;
}

static struct sink sink;
static struct stream stream;

static void begin(bool interactive)
{
    memset(&sink, 0, sizeof sink);
    stream_init(&stream, sink_write, &sink, interactive);
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *terminal, *pipe;
    } cases[] = {
        {"", "", ""},
        {"C:\\x y\"'", "C:\\x y\"'", "C:\\x y\"'"},
        {"\x1B[2J", "\\x1B[2J", "\\x1B[2J"},
        {"a\nb\r\t\x7F", "a\\x0Ab\\x0D\\x09\\x7F", "a\\x0Ab\\x0D\\x09\\x7F"},
        {"\xC2\x9B"
         "31m",
         "\\u{9B}31m", "\\u{9B}31m"}, /* CSI as one character */
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
         "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\xE2\x80\xAE"
         "fdp.exe",
         "a\\u{202E}fdp.exe",
         "a\xE2\x80\xAE"
         "fdp.exe"},
        {"\xE2\x81\xA6x\xEF\xBB\xBF", "\\u{2066}x\\u{FEFF}", "\xE2\x81\xA6x\xEF\xBB\xBF"},
        {"\xED\xA0\x80z", "\\u{D800}z", "\xED\xA0\x80z"},
        {"\xFF\xC0\xAF", "\\xFF\\xC0\\xAF", "\xFF\xC0\xAF"},
        {"\xE2\x82", "\\xE2\\x82", "\xE2\x82"},
        {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80", "\xF4\x90\x80\x80"},
        {"\xF3\xA0\x81\x81", "\\u{E0041}", "\xF3\xA0\x81\x81"}, /* invisible tag characters */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(true);
        stream_name(&stream, cases[i].name, strlen(cases[i].name));
        assert_true(stream_flush(&stream));
        assert_string_equal(sink.bytes, cases[i].terminal);
        begin(false);
        stream_name(&stream, cases[i].name, strlen(cases[i].name));
        assert_true(stream_flush(&stream));
        assert_string_equal(sink.bytes, cases[i].pipe);
    }
    begin(false);
    stream_name(&stream, "a\0b", 3);
    (void)stream_flush(&stream);
    assert_string_equal(sink.bytes, "a\\x00b");
}

/* No byte sequence whatever brings a control byte to a terminal. */
static void test_no_control_byte_passes(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char name[64];
        begin(true);
        for (size_t i = 0; i < sizeof name; i++) {
            seed = seed * 1103515245u + 12345u;
            name[i] = (char)(seed >> 16);
        }
        stream_name(&stream, name, sizeof name);
        (void)stream_flush(&stream);
        for (size_t i = 0; i < sink.length; i++) {
            unsigned char c = (unsigned char)sink.bytes[i];
            assert_true(c >= 0x20 && c != 0x7F);
            if (c == 0xC2)
                assert_true((unsigned char)sink.bytes[i + 1] >= 0xA0);
        }
    }
}

static void test_json(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"a\":\"\xC3\xA4\\n\"}", "{\"a\":\"\xC3\xA4\\n\"}"},
        {"\"\x7F\"", "\"\\u007f\""},
        {"\"\xC2\x9B\"", "\"\\u009b\""},
        {"\"\xE2\x80\xAE\"", "\"\\u202e\""},
        {"\"\xF3\xA0\x81\x81\"", "\"\\udb40\\udc41\""},
        {"\"\xF0\x9F\x98\x80\"", "\"\xF0\x9F\x98\x80\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(false);
        stream_json(&stream, cases[i].in);
        (void)stream_flush(&stream);
        assert_string_equal(sink.bytes, cases[i].out);
    }
}

static void test_order_with_large_pieces(void **state)
{
    static char large[40000];

    (void)state;
    memset(large, 'x', sizeof large);
    begin(false);
    stream_string(&stream, "begin ");
    stream_put(&stream, large, sizeof large);
    stream_format(&stream, " %d", 7);
    assert_true(stream_flush(&stream));
    assert_int_equal(sink.length, 6 + sizeof large + 2);
    assert_memory_equal(sink.bytes, "begin x", 7);
    assert_string_equal(sink.bytes + 6 + sizeof large - 1, "x 7");
}

static void test_first_failure_is_kept(void **state)
{
    (void)state;
    begin(false);
    sink.answer = TERMINAL_FAILED;
    stream_string(&stream, "lost");
    assert_false(stream_flush(&stream));
    assert_int_equal(stream.result, TERMINAL_FAILED);
    assert_int_equal(stream.os, 28);
    sink.answer = TERMINAL_WRITTEN;
    stream_string(&stream, "too late");
    assert_false(stream_flush(&stream));
    assert_int_equal(sink.writes, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_control_byte_passes),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_order_with_large_pieces),
        cmocka_unit_test(test_first_failure_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
