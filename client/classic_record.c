#include "classic_record.h"

#include <string.h>

#define TAG_MOUNT_POINT 0xA0000003u
#define TAG_SYMLINK     0xA000000Cu
#define TAG_HSM         0xC0000004u
#define TAG_HSM2        0x80000006u
#define TAG_SIS         0x80000007u
#define TAG_DFS         0x8000000Au
#define TAG_MICROSOFT   0x80000000u
#define TAG_SURROGATE   0x20000000u

const char *classic_record_kind(const struct entry *entry)
{
    switch (entry->tag) {
    case TAG_MOUNT_POINT:
        return entry->substitute_name.bytes &&
                       memchr(entry->substitute_name.bytes, ':', entry->substitute_name.length)
                   ? "JUNCTION"
                   : "MOUNT POINT";
    case TAG_SYMLINK:
        return "SYMBOLIC LINK";
    case TAG_HSM:
    case TAG_HSM2:
        return "HIERARCHICAL STORAGE MANAGEMENT REPARSE";
    case TAG_SIS:
        return "SINGLE INSTANCE STORE POINT";
    case TAG_DFS:
        return "DISTRIBUTED FILE SYSTEM POINT";
    default:
        return entry->tag & TAG_MICROSOFT ? "UNKNOWN MICROSOFT REPARSE POINT"
                                          : "THIRD-PARTY REPARSE POINT";
    }
}

static void name_line(struct stream *out, const struct resolve_system *system, const char *label,
                      const char *bytes, size_t length)
{
    if (length == 0)
        return;
    stream_string(out, label);
    stream_name(out, bytes, length);
    stream_string(out, system->line_end);
}

void classic_record_print(struct stream *out, const struct resolve_system *system, const char *path,
                          size_t path_length, const struct entry *entry)
{
    const char *substitute = entry->substitute_name.bytes;
    size_t length = entry->substitute_name.length;

    stream_name(out, path, path_length);
    stream_string(out, ": ");
    stream_string(out, classic_record_kind(entry));
    stream_string(out, system->line_end);
    if (!(entry->tag & TAG_MICROSOFT)) {
        stream_format(out, "   Tag         : 0x%X%s", (unsigned)entry->tag, system->line_end);
        stream_format(out, "   Surrogate   : %s%s", entry->tag & TAG_SURROGATE ? "TRUE" : "FALSE",
                      system->line_end);
    }
    if (entry->tag == TAG_MOUNT_POINT && length >= 4 && memcmp(substitute, "\\??\\", 4) == 0) {
        substitute += 4;
        length -= 4;
    }
    name_line(out, system, "   Print Name     : ", entry->print_name.bytes,
              entry->print_name.length);
    name_line(out, system, "   Substitute Name: ", substitute, length);
    stream_string(out, system->line_end);
}
