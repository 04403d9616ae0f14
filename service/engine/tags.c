#include "tags.h"

#include <inttypes.h>
#include <stdio.h>

#include "reparse.h"

struct tag {
    uint32_t tag;
    enum reparse_type type;
    const char *name;
    const char *what; /* NULL: "a reparse point" */
};

#define PREFIX "IO_REPARSE_TAG_"
#define OTHER(number, name)                      \
    {                                            \
        number, REPARSE_OTHER, PREFIX name, NULL \
    }
#define CLOUD(number, name)                                             \
    {                                                                   \
        number, REPARSE_CLOUD, PREFIX name, "a cloud file or directory" \
    }

static const struct tag tags[] = {
    {REPARSE_TAG_MOUNT_POINT, REPARSE_JUNCTION, PREFIX "MOUNT_POINT",
     "a junction or volume mount point"},
    {REPARSE_TAG_SYMLINK, REPARSE_SYMLINK, PREFIX "SYMLINK", "a symbolic link"},
    {REPARSE_TAG_LX_SYMLINK, REPARSE_WSL_SYMLINK, PREFIX "LX_SYMLINK", "a WSL symbolic link"},
    {0x80000023u, REPARSE_WSL_SPECIAL, PREFIX "AF_UNIX", "a Unix socket"},
    {0x80000024u, REPARSE_WSL_SPECIAL, PREFIX "LX_FIFO", "a WSL FIFO"},
    {0x80000025u, REPARSE_WSL_SPECIAL, PREFIX "LX_CHR", "a WSL character device"},
    {0x80000026u, REPARSE_WSL_SPECIAL, PREFIX "LX_BLK", "a WSL block device"},
    {REPARSE_TAG_APPEXECLINK, REPARSE_APP_EXEC_LINK, PREFIX "APPEXECLINK",
     "an app execution alias"},
    CLOUD(0x9000001Au, "CLOUD"),
    CLOUD(0x9000101Au, "CLOUD_1"),
    CLOUD(0x9000201Au, "CLOUD_2"),
    CLOUD(0x9000301Au, "CLOUD_3"),
    CLOUD(0x9000401Au, "CLOUD_4"),
    CLOUD(0x9000501Au, "CLOUD_5"),
    CLOUD(0x9000601Au, "CLOUD_6"),
    CLOUD(0x9000701Au, "CLOUD_7"),
    CLOUD(0x9000801Au, "CLOUD_8"),
    CLOUD(0x9000901Au, "CLOUD_9"),
    CLOUD(0x9000A01Au, "CLOUD_A"),
    CLOUD(0x9000B01Au, "CLOUD_B"),
    CLOUD(0x9000C01Au, "CLOUD_C"),
    CLOUD(0x9000D01Au, "CLOUD_D"),
    CLOUD(0x9000E01Au, "CLOUD_E"),
    CLOUD(0x9000F01Au, "CLOUD_F"),
    OTHER(0xC0000004u, "HSM"),
    OTHER(0x80000005u, "DRIVE_EXTENDER"),
    OTHER(0x80000006u, "HSM2"),
    OTHER(0x80000007u, "SIS"),
    OTHER(0x80000008u, "WIM"),
    OTHER(0x80000009u, "CSV"),
    OTHER(0x8000000Au, "DFS"),
    OTHER(0x8000000Bu, "FILTER_MANAGER"),
    OTHER(0xA0000010u, "IIS_CACHE"),
    OTHER(0x80000012u, "DFSR"),
    OTHER(0x80000013u, "DEDUP"),
    OTHER(0x80000014u, "NFS"),
    OTHER(0xC0000014u, "APPXSTRM"),
    OTHER(0x80000015u, "FILE_PLACEHOLDER"),
    OTHER(0x80000016u, "DFM"),
    OTHER(0x80000017u, "WOF"),
    OTHER(0x80000018u, "WCI"),
    OTHER(0x90001018u, "WCI_1"),
    OTHER(0xA0000019u, "GLOBAL_REPARSE"),
    OTHER(0x9000001Cu, "PROJFS"),
    OTHER(0x8000001Eu, "STORAGE_SYNC"),
    OTHER(0xA000001Fu, "WCI_TOMBSTONE"),
    OTHER(0x80000020u, "UNHANDLED"),
    OTHER(0x80000021u, "ONEDRIVE"),
    OTHER(0xA0000022u, "PROJFS_TOMBSTONE"),
    OTHER(0x90000027u, "STORAGE_SYNC_FOLDER"),
    OTHER(0xA0000027u, "WCI_LINK"),
    OTHER(0xA0001027u, "WCI_LINK_1"),
    OTHER(0xA0000028u, "DATALESS_CIM"),
    OTHER(0x00000037u, "OPENAFS_DFS"),
    OTHER(0x0000003Au, "VMWARE_PM"),
    OTHER(0x00000041u, "GOOGLE_HSM"),
    OTHER(0x00000044u, "DROPBOX_HSM"),
    OTHER(0x00000049u, "AURISTOR_FS"),
    OTHER(0x2000004Cu, "ALERTBOOT"),
    OTHER(0x20000054u, "NVIDIA_UNIONFS"),
    OTHER(0x20000056u, "IMANAGE_HSM"),
    OTHER(0x00000057u, "EASEFILTER_HSM"),
    OTHER(0x00000060u, "ACRONIS_HSM_0"),
    OTHER(0x00000061u, "ACRONIS_HSM_1"),
    OTHER(0x00000062u, "ACRONIS_HSM_2"),
    OTHER(0x00000063u, "ACRONIS_HSM_3"),
    OTHER(0x00000064u, "ACRONIS_HSM_4"),
    OTHER(0x00000065u, "ACRONIS_HSM_5"),
    OTHER(0x00000066u, "ACRONIS_HSM_6"),
    OTHER(0x00000067u, "ACRONIS_HSM_7"),
    OTHER(0x00000068u, "ACRONIS_HSM_8"),
    OTHER(0x00000069u, "ACRONIS_HSM_9"),
    OTHER(0x0000006Au, "ACRONIS_HSM_A"),
    OTHER(0x0000006Bu, "ACRONIS_HSM_B"),
    OTHER(0x0000006Cu, "ACRONIS_HSM_C"),
    OTHER(0x0000006Du, "ACRONIS_HSM_D"),
    OTHER(0x0000006Eu, "ACRONIS_HSM_E"),
    OTHER(0x0000006Fu, "ACRONIS_HSM_F"),
};

static const struct tag *find(uint32_t tag)
{
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (tags[i].tag == tag)
            return &tags[i];
    return NULL;
}

const char *engine_tag_name(uint32_t tag)
{
    const struct tag *row = find(tag);
    return row ? row->name : NULL;
}

enum reparse_type tag_type(uint32_t tag)
{
    const struct tag *row = find(tag);
    return row ? row->type : REPARSE_UNKNOWN;
}

void tag_describe(uint32_t tag, char *out, size_t size)
{
    const struct tag *row = find(tag);
    if (!row)
        snprintf(out, size, "a reparse point with the unknown tag 0x%08" PRIX32, tag);
    else
        snprintf(out, size, "%s (%s)", row->what ? row->what : "a reparse point", row->name);
}

bool tag_is_wanted(unsigned types, uint32_t tag)
{
    enum reparse_type type = tag_type(tag);
    unsigned bits = 1u << type;
    if (type == REPARSE_JUNCTION)
        bits |= 1u << REPARSE_MOUNT_POINT;
    return types == 0 || (types & bits) != 0;
}
