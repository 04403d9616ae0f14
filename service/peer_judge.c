#include "peer.h"

#include "../protocol/errors.h"

#define PEER_INTEGRITY_MEDIUM 0x2000u /* SECURITY_MANDATORY_MEDIUM_RID */

static struct peer_verdict refuse(int code, const char *reason)
{
    return (struct peer_verdict){.code = code, .reason = reason};
}

struct peer_verdict peer_judge(const struct peer_facts *facts)
{
    if (facts->level <= PEER_LEVEL_ANONYMOUS) {
        return refuse(JERR_IDENTITY_LEVEL, "the caller connected at the Anonymous level");
    }
    if (!facts->known) {
        return refuse(JERR_IDENTITY_REFUSED, "the caller's token cannot be read");
    }
    /* Before the level, which the system lowers for a service without the privilege: the caller
     * could do nothing about it. */
    if (!facts->service_impersonates && !(facts->same_account && facts->same_elevation)) {
        return refuse(JERR_IDENTITY_REFUSED, "this service has no SeImpersonatePrivilege and "
                                             "serves its own account and elevation only");
    }
    if (facts->level < PEER_LEVEL_IMPERSONATION) {
        return refuse(JERR_IDENTITY_LEVEL, "the caller connected at the Identification level");
    }
    if (facts->anonymous) {
        return refuse(JERR_IDENTITY_REFUSED, "the caller is the anonymous logon");
    }
    if (facts->guest) {
        return refuse(JERR_IDENTITY_REFUSED, "the caller is a guest");
    }
    if (facts->app_container) {
        return refuse(JERR_IDENTITY_REFUSED, "the caller is in an AppContainer");
    }
    if (facts->integrity < PEER_INTEGRITY_MEDIUM) {
        return refuse(JERR_IDENTITY_REFUSED, "the caller's integrity level is below medium");
    }
    return (struct peer_verdict){.code = JERR_NONE,
                                 .administrator = facts->elevated && facts->in_administrators};
}
