/* Who may change the configuration and what is above it: descriptors as Windows makes them, and as
 * somebody could. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>
#include <sddl.h>

#include <string.h>

#include "service/process_win.h"

#define INSTALLER L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
#define SOMEBODY  L"S-1-5-21-1-2-3-1001"

enum verdict { REFUSED, ABOVE, TRUSTED }; /* ABOVE: good enough above, not for the file itself */

static const struct {
    const wchar_t *descriptor;
    enum verdict verdict;
    const char *why; /* of the stricter refusal */
} rows[] = {
    /* C:\, as it is made: users may add directories. */
    {L"O:" INSTALLER L"G:" INSTALLER L"D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)"
     L"(A;OICIIO;SDGXGWGR;;;AU)(A;;LC;;;AU)",
     ABOVE, "S-1-5-11"},
    /* C:\ProgramData */
    {L"O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)"
     L"(A;CI;DCLCRPCR;;;BU)",
     ABOVE, "S-1-5-32-545"},
    /* C:\Program Files */
    {L"O:" INSTALLER L"G:" INSTALLER L"D:PAI(A;;FA;;;" INSTALLER L")(A;CIIO;GA;;"
     L";" INSTALLER L")(A;;0x1301bf;;;"
     L"SY)(A;OICIIO;GA;;"
     L";SY)(A;;0x1301bf;"
     L";;BA)(A;OICIIO;"
     L"GA;;;BA)"
     L"(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;OICIIO;GA;;;CO)(A;;0x1200a9;;;AC)",
     TRUSTED, NULL},
    /* the directory of the service, and a file in it */
    {L"O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", TRUSTED, NULL},
    {L"O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)", TRUSTED, NULL},
    /* a directory that somebody planted in C:\ProgramData */
    {L"O:" SOMEBODY L"G:BUD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIIOID;GA;;;CO)"
     L"(A;OICIID;0x1200a9;;;BU)(A;ID;FA;;;" SOMEBODY L")",
     REFUSED, "belongs to"},
    /* the owner alone decides, whatever the entries say */
    {L"O:" SOMEBODY L"G:SYD:P(A;;FA;;;SY)", REFUSED, "belongs to"},
    {L"G:SYD:P(A;;FA;;;SY)", REFUSED, "belongs to"},
    /* none at all, or an empty one */
    {L"O:SYG:SY", REFUSED, "everybody"},
    {L"O:SYG:SYD:P", TRUSTED, NULL},
    /* one right each */
    {L"O:SYG:SYD:(A;;0x1;;;BU)", TRUSTED, NULL},
    {L"O:SYG:SYD:(A;;0x2;;;BU)", ABOVE, "S-1-5-32-545"},
    {L"O:SYG:SYD:(A;;0x4;;;BU)", ABOVE, "S-1-5-32-545"},
    {L"O:SYG:SYD:(A;;0x10;;;BU)", ABOVE, "S-1-5-32-545"},
    {L"O:SYG:SYD:(A;;0x100;;;BU)", ABOVE, "S-1-5-32-545"},
    {L"O:SYG:SYD:(A;;0x40;;;BU)", REFUSED, "S-1-5-32-545"},
    {L"O:SYG:SYD:(A;;SD;;;WD)", REFUSED, "S-1-1-0"},
    {L"O:SYG:SYD:(A;;WD;;;WD)", REFUSED, "S-1-1-0"},
    {L"O:SYG:SYD:(A;;WO;;;" SOMEBODY L")", REFUSED, "S-1-5-21-1-2-3-1001"},
    {L"O:SYG:SYD:(A;;GR;;;WD)(A;;GX;;;WD)", TRUSTED, NULL},
    {L"O:SYG:SYD:(A;;GW;;;WD)", ABOVE, "S-1-1-0"},
    {L"O:SYG:SYD:(A;;GA;;;WD)", REFUSED, "S-1-1-0"},
    /* for what will be made below only; and the owner by other names */
    {L"O:SYG:SYD:(A;OICIIO;GA;;;WD)", TRUSTED, NULL},
    {L"O:SYG:SYD:(A;;FA;;;OW)(A;;FA;;;CO)", TRUSTED, NULL},
    /* a refusal before it may not cover all of the group, or not tomorrow */
    {L"O:SYG:SYD:(D;;FA;;;BU)(A;;FA;;;BU)", REFUSED, "S-1-5-32-545"},
};

static void test_descriptors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        PSECURITY_DESCRIPTOR descriptor = NULL;
        char strictly[512] = "", above[512] = "";
        if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
                rows[i].descriptor, SDDL_REVISION_1, &descriptor, NULL)) {
            fail_msg("row %u is no descriptor: error %lu", (unsigned)i, GetLastError());
        }
        int strict = process_judge(descriptor, L"C:\\place", true, strictly);
        int loose = process_judge(descriptor, L"C:\\place", false, above);
        LocalFree(descriptor);
        enum verdict verdict = strict == 0 ? TRUSTED : loose == 0 ? ABOVE : REFUSED;
        if (verdict != rows[i].verdict || (strict == 0 && loose != 0) ||
            (rows[i].why != NULL && strstr(strictly, rows[i].why) == NULL)) {
            fail_msg("row %u: verdict %d: %s / %s", (unsigned)i, (int)verdict, strictly, above);
        }
    }
}

/* Present and NULL grants everything, unlike one without entries. */
static void test_null_list(void **state)
{
    (void)state;
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    SECURITY_DESCRIPTOR descriptor;
    char why[512];
    assert_true(CreateWellKnownSid(WinLocalSystemSid, NULL, sid, &size));
    assert_true(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
    assert_true(SetSecurityDescriptorOwner(&descriptor, (PSID)sid, FALSE));
    assert_true(SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE));
    assert_int_equal(process_judge(&descriptor, L"C:\\place", false, why), -1);
    assert_non_null(strstr(why, "everybody"));
}

/* A long name keeps its end, and the reason its place. */
static void test_long_name(void **state)
{
    (void)state;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t name[1000];
    char why[512];
    for (size_t i = 0; i < 999; i++) {
        name[i] = i < 990 ? 0x20ac : L'x';
    }
    name[999] = L'\0';
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(
        L"O:" SOMEBODY L"G:SYD:P", SDDL_REVISION_1, &descriptor, NULL));
    assert_int_equal(process_judge(descriptor, name, true, why), -1);
    LocalFree(descriptor);
    assert_non_null(strstr(why, "xxxxxxxxx belongs to"));
    assert_true(strlen(why) < sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_null_list),
        cmocka_unit_test(test_long_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
