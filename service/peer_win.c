#include "peer_win.h"

#include <sddl.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/errors.h"

/* SE_IMPERSONATE_PRIVILEGE of the kernel's headers: the same on every system, and asking the local
 * security authority for it at each connection would be a call to another process. */
#define PEER_SE_IMPERSONATE 29

struct peer {
    atomic_uint holders;
    const struct peer_calls *calls;
    HANDLE token; /* impersonation token of our own, which the client can no longer alter */
    unsigned long pid;
    bool administrator;
    char key[256];
};

bool peer_needs_a_byte(void)
{
    return true; /* ImpersonateNamedPipeClient fails with ERROR_CANNOT_IMPERSONATE before */
}

bool peer_may_change(void)
{
    return true;
}

bool peer_is_gone_at_eof(void)
{
    return true; /* a pipe has no half that could be closed alone */
}

/* ---- the calls ---- */

static BOOL sys_impersonate(HANDLE pipe)
{
    return ImpersonateNamedPipeClient(pipe);
}

static BOOL sys_revert(void)
{
    return RevertToSelf();
}

static BOOL sys_open_thread_token(DWORD access, HANDLE *token)
{
    return OpenThreadToken(GetCurrentThread(), access, TRUE, token);
}

static BOOL sys_set_thread_token(HANDLE token)
{
    return SetThreadToken(NULL, token);
}

const struct peer_calls peer_calls_system = {sys_impersonate, sys_revert, sys_open_thread_token,
                                             sys_set_thread_token};

/* ---- what a token tells ---- */

/* malloc'ed; NULL when it does not tell. */
static void *peer_token_read(HANDLE token, TOKEN_INFORMATION_CLASS class)
{
    DWORD size = 0;
    GetTokenInformation(token, class, NULL, 0, &size);
    void *data = size > 0 ? malloc(size) : NULL;
    if (data != NULL && !GetTokenInformation(token, class, data, size, &size)) {
        free(data);
        data = NULL;
    }
    return data;
}

static bool peer_token_number(HANDLE token, TOKEN_INFORMATION_CLASS class, DWORD *number)
{
    DWORD size = 0;
    return GetTokenInformation(token, class, number, sizeof *number, &size);
}

static bool peer_token_flag(HANDLE token, TOKEN_INFORMATION_CLASS class, bool *flag)
{
    DWORD number = 0;
    bool known = peer_token_number(token, class, &number);
    *flag = number != 0;
    return known;
}

/* A group that the token has for deny only does not count. */
static bool peer_token_member(HANDLE token, WELL_KNOWN_SID_TYPE group, bool *member)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    BOOL is = FALSE;
    bool known =
        CreateWellKnownSid(group, NULL, sid, &size) && CheckTokenMembership(token, sid, &is);
    *member = is != FALSE;
    return known;
}

static bool peer_token_integrity(HANDLE token, uint32_t *integrity)
{
    TOKEN_MANDATORY_LABEL *label = peer_token_read(token, TokenIntegrityLevel);
    if (label == NULL) {
        return false;
    }
    UCHAR parts = *GetSidSubAuthorityCount(label->Label.Sid);
    *integrity = parts > 0 ? *GetSidSubAuthority(label->Label.Sid, parts - 1u) : 0;
    free(label);
    return true;
}

bool peer_is_guest_account(PSID user)
{
    static const SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY;
    /* Not IsWellKnownSid, which not every host lets know the accounts of a domain. */
    return memcmp(GetSidIdentifierAuthority(user), &nt, sizeof nt) == 0 &&
           *GetSidSubAuthorityCount(user) == 5 &&
           *GetSidSubAuthority(user, 0) == SECURITY_NT_NON_UNIQUE &&
           *GetSidSubAuthority(user, 4) == DOMAIN_USER_RID_GUEST;
}

static bool peer_has_impersonate(const TOKEN_PRIVILEGES *privileges)
{
    for (DWORD i = 0; i < privileges->PrivilegeCount; i++) {
        const LUID_AND_ATTRIBUTES *at = &privileges->Privileges[i];
        if (at->Luid.HighPart == 0 && at->Luid.LowPart == PEER_SE_IMPERSONATE) {
            return (at->Attributes & SE_PRIVILEGE_ENABLED) != 0;
        }
    }
    return false;
}

/* What the service is, and the caller beside it. */
static bool peer_compare(PSID user, struct peer_facts *facts)
{
    HANDLE own = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &own)) {
        return false;
    }
    TOKEN_USER *self = peer_token_read(own, TokenUser);
    TOKEN_PRIVILEGES *privileges = peer_token_read(own, TokenPrivileges);
    bool elevated = false;
    bool known =
        self != NULL && privileges != NULL && peer_token_flag(own, TokenElevation, &elevated);
    if (known) {
        facts->same_account = EqualSid(self->User.Sid, user) != FALSE;
        facts->same_elevation = elevated == facts->elevated;
        facts->service_impersonates = peer_has_impersonate(privileges);
    }
    free(privileges);
    free(self);
    CloseHandle(own);
    return known;
}

void peer_read_facts(HANDLE token, struct peer_facts *facts)
{
    DWORD level = SecurityAnonymous;
    bool member = false;
    memset(facts, 0, sizeof *facts);
    if (token == NULL || !peer_token_number(token, TokenImpersonationLevel, &level)) {
        return;
    }
    facts->level = (enum peer_level)level;
    TOKEN_USER *user = peer_token_read(token, TokenUser);
    if (user == NULL) {
        return;
    }
    facts->anonymous = IsWellKnownSid(user->User.Sid, WinAnonymousSid) != FALSE;
    facts->known =
        peer_token_member(token, WinBuiltinGuestsSid, &member) &&
        peer_token_member(token, WinBuiltinAdministratorsSid, &facts->in_administrators) &&
        peer_token_flag(token, TokenIsAppContainer, &facts->app_container) &&
        peer_token_flag(token, TokenElevation, &facts->elevated) &&
        peer_token_integrity(token, &facts->integrity) && peer_compare(user->User.Sid, facts);
    facts->guest = member || peer_is_guest_account(user->User.Sid);
    free(user);
}

/* ---- capture ---- */

/* Nothing but these calls may happen while the thread is the client: no allocation, no log, no DLL.
 */
static DWORD peer_capture_token(const struct peer_calls *calls, HANDLE pipe, HANDLE *token)
{
    DWORD error = ERROR_SUCCESS;
    if (!calls->impersonate(pipe)) {
        return GetLastError();
    }
    if (!calls->open_thread_token(TOKEN_QUERY | TOKEN_DUPLICATE, token)) {
        error = GetLastError();
    }
    if (!calls->revert()) {
        abort(); /* a service that stays somebody else must not go on */
    }
    return error;
}

static int peer_fail(struct message_error *error, int code, DWORD os)
{
    message_error_set(error, code);
    error->os = (int)os;
    error->os_is_win32 = true;
    return -1;
}

/* Fills the peer from the captured token. */
static int peer_fill(struct peer *peer, HANDLE token, struct message_error *error,
                     const char **reason)
{
    struct peer_facts facts;
    peer_read_facts(token, &facts);
    struct peer_verdict verdict = peer_judge(&facts);
    if (verdict.code != JERR_NONE) {
        *reason = verdict.reason;
        message_error_set(error, verdict.code);
        return -1;
    }
    peer->administrator = verdict.administrator;
    /* The captured token may still be the client's own, whose privileges he can switch. */
    if (!DuplicateTokenEx(token, TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE, NULL,
                          SecurityImpersonation, TokenImpersonation, &peer->token)) {
        *reason = "the caller's token cannot be copied";
        return peer_fail(error, JERR_IDENTITY_REFUSED, GetLastError());
    }
    /* From the copy, which is what will be used. */
    char *sid = NULL;
    TOKEN_USER *user = peer_token_read(peer->token, TokenUser);
    if (user == NULL || !ConvertSidToStringSidA(user->User.Sid, &sid)) {
        free(user);
        return peer_fail(error, JERR_INTERNAL_ERROR, GetLastError());
    }
    snprintf(peer->key, sizeof peer->key, "sid:%s", sid);
    LocalFree(sid);
    free(user);
    return 0;
}

int peer_capture_by(const struct peer_calls *calls, HANDLE pipe, struct peer **out,
                    struct message_error *error, const char **reason)
{
    HANDLE token = NULL;
    int result = -1;
    *out = NULL;
    *reason = NULL;
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        message_error_set(error, JERR_OUT_OF_MEMORY);
        return -1;
    }
    atomic_init(&peer->holders, 1);
    peer->calls = calls;

    DWORD failed = peer_capture_token(calls, pipe, &token);
    /* Without a token it is the level: an anonymous one cannot be opened. Anything else is a
     * trouble of the system. */
    if (failed != ERROR_SUCCESS && failed != ERROR_BAD_IMPERSONATION_LEVEL &&
        failed != ERROR_CANT_OPEN_ANONYMOUS) {
        *reason = "the caller's token cannot be had";
        peer_fail(error, JERR_IDENTITY_REFUSED, failed);
        goto done;
    }
    if (peer_fill(peer, token, error, reason) != 0) {
        goto done;
    }
    if (!GetNamedPipeClientProcessId(pipe, &peer->pid)) {
        peer->pid = 0;
    }
    *out = peer;
    peer = NULL;
    result = 0;

done:
    if (token != NULL) {
        CloseHandle(token);
    }
    peer_release(peer);
    return result;
}

int peer_capture(uv_pipe_t *pipe, struct peer **out, struct message_error *error,
                 const char **reason)
{
    uv_os_fd_t handle;
    *out = NULL;
    *reason = NULL;
    if (uv_fileno((const uv_handle_t *)pipe, &handle) != 0) {
        message_error_set(error, JERR_INTERNAL_ERROR);
        return -1;
    }
    return peer_capture_by(&peer_calls_system, handle, out, error, reason);
}

struct peer *peer_hold(struct peer *peer)
{
    atomic_fetch_add(&peer->holders, 1);
    return peer;
}

void peer_release(struct peer *peer)
{
    if (peer == NULL || atomic_fetch_sub(&peer->holders, 1) != 1) {
        return;
    }
    if (peer->token != NULL) {
        CloseHandle(peer->token);
    }
    free(peer);
}

const char *peer_key(const struct peer *peer)
{
    return peer->key;
}

long peer_pid(const struct peer *peer)
{
    return (long)peer->pid;
}

bool peer_is_administrator(const struct peer *peer)
{
    return peer->administrator;
}

/* ---- the scope ---- */

/* The system quietly lowers the level when the service lacks SeImpersonatePrivilege: read back what
 * was put on. */
static DWORD peer_read_back(const struct peer_calls *calls)
{
    HANDLE token = NULL;
    if (!calls->open_thread_token(TOKEN_QUERY, &token)) {
        return GetLastError();
    }
    DWORD level = SecurityAnonymous;
    DWORD error = ERROR_SUCCESS;
    if (!peer_token_number(token, TokenImpersonationLevel, &level)) {
        error = GetLastError();
    } else if (level < SecurityImpersonation) {
        error = ERROR_BAD_IMPERSONATION_LEVEL;
    }
    CloseHandle(token);
    return error;
}

static void peer_leave(void *who)
{
    const struct peer *peer = who;
    if (!peer->calls->set_thread_token(NULL)) {
        abort(); /* better no service than a thread that is somebody else */
    }
}

/* 0 when the thread is nobody but the service. A thread that is somebody already must not go on,
 * and no more may one whose token is there and cannot be opened. */
static DWORD peer_check_bare(const struct peer_calls *calls)
{
    HANDLE token = NULL;
    if (calls->open_thread_token(TOKEN_QUERY, &token)) {
        abort();
    }
    DWORD error = GetLastError();
    if (error == ERROR_NO_TOKEN) {
        return ERROR_SUCCESS;
    }
    if (error == ERROR_ACCESS_DENIED || error == ERROR_CANT_OPEN_ANONYMOUS ||
        error == ERROR_BAD_IMPERSONATION_LEVEL) {
        abort();
    }
    return error == ERROR_SUCCESS ? (DWORD)ERROR_INVALID_STATE : error;
}

static int peer_enter(void *who)
{
    const struct peer *peer = who;
    DWORD error = peer_check_bare(peer->calls);
    if (error != ERROR_SUCCESS) {
        return (int)error;
    }
    if (!peer->calls->set_thread_token(peer->token)) {
        return (int)GetLastError();
    }
    error = peer_read_back(peer->calls);
    if (error != ERROR_SUCCESS) {
        peer_leave(who);
    }
    return (int)error;
}

struct engine_scope peer_scope(struct peer *peer)
{
    return (struct engine_scope){.enter = peer_enter, .leave = peer_leave, .who = peer};
}
