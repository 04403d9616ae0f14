#include "peer.h"

#include <windows.h>
#include <sddl.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/errors.h"

struct peer {
    atomic_uint holders;
    HANDLE token; /* impersonation token of our own, which the client can no longer alter */
    unsigned long pid;
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

/* What a token tells, malloc'ed; NULL when it does not. */
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

/* Nothing but these four calls may happen while the thread is the client: no allocation, no log, no
 * DLL. */
static DWORD peer_capture_token(HANDLE pipe, HANDLE *token)
{
    DWORD error = ERROR_SUCCESS;
    if (!ImpersonateNamedPipeClient(pipe))
        return GetLastError();
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, token))
        error = GetLastError();
    if (!RevertToSelf())
        abort(); /* a service that stays somebody else must not go on */
    return error;
}

/* Whether the token is one that can be served at all. */
static bool peer_is_acceptable(HANDLE token, PSID user)
{
    if (IsWellKnownSid(user, WinAnonymousSid) || IsWellKnownSid(user, WinAccountGuestSid))
        return false;
    BYTE guests[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof guests;
    BOOL guest = FALSE;
    if (!CreateWellKnownSid(WinBuiltinGuestsSid, NULL, guests, &size) ||
        !CheckTokenMembership(token, guests, &guest) || guest)
        return false;

    DWORD container = 0;
    if (!peer_token_number(token, TokenIsAppContainer, &container) || container != 0)
        return false;

    TOKEN_MANDATORY_LABEL *label = peer_token_read(token, TokenIntegrityLevel);
    if (label == NULL)
        return false;
    UCHAR parts = *GetSidSubAuthorityCount(label->Label.Sid);
    DWORD level = parts > 0 ? *GetSidSubAuthority(label->Label.Sid, parts - 1u) : 0;
    free(label);
    return level >= SECURITY_MANDATORY_MEDIUM_RID;
}

/* Until callers are told apart: only the account of the service, and with the same elevation. */
static bool peer_is_ourselves(HANDLE token, PSID user)
{
    HANDLE own = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &own))
        return false;
    TOKEN_USER *self = peer_token_read(own, TokenUser);
    DWORD own_elevation = 0, elevation = 0;
    bool same = self != NULL && EqualSid(self->User.Sid, user) &&
                peer_token_number(own, TokenElevation, &own_elevation) &&
                peer_token_number(token, TokenElevation, &elevation) &&
                (own_elevation != 0) == (elevation != 0);
    free(self);
    CloseHandle(own);
    return same;
}

static int peer_fill(struct peer *peer, struct message_error *error)
{
    int result = -1;
    TOKEN_USER *user = NULL;
    char *sid = NULL;
    DWORD level = SecurityAnonymous;
    if (!peer_token_number(peer->token, TokenImpersonationLevel, &level) ||
        level < SecurityImpersonation) {
        message_error_set(error, JERR_IDENTITY_LEVEL);
        goto done;
    }
    user = peer_token_read(peer->token, TokenUser);
    if (user == NULL || !ConvertSidToStringSidA(user->User.Sid, &sid)) {
        message_error_set(error, JERR_INTERNAL_ERROR);
        goto done;
    }
    if (!peer_is_acceptable(peer->token, user->User.Sid) ||
        !peer_is_ourselves(peer->token, user->User.Sid)) {
        message_error_set(error, JERR_IDENTITY_REFUSED);
        goto done;
    }
    snprintf(peer->key, sizeof peer->key, "sid:%s", sid);
    result = 0;

done:
    LocalFree(sid);
    free(user);
    return result;
}

int peer_capture(uv_pipe_t *pipe, struct peer **out, struct message_error *error)
{
    uv_os_fd_t handle;
    HANDLE token = NULL;
    *out = NULL;
    if (uv_fileno((const uv_handle_t *)pipe, &handle) != 0) {
        message_error_set(error, JERR_INTERNAL_ERROR);
        return -1;
    }
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        message_error_set(error, JERR_OUT_OF_MEMORY);
        return -1;
    }
    atomic_init(&peer->holders, 1);

    DWORD failed = peer_capture_token(handle, &token);
    /* The captured token may still be the client's own, whose privileges he can switch; the copy
     * cannot have a higher level. */
    if (failed == ERROR_SUCCESS &&
        !DuplicateTokenEx(token, TOKEN_QUERY | TOKEN_IMPERSONATE | TOKEN_DUPLICATE, NULL,
                          SecurityImpersonation, TokenImpersonation, &peer->token))
        failed = GetLastError();
    if (token != NULL)
        CloseHandle(token);
    if (failed != ERROR_SUCCESS) {
        bool level = failed == ERROR_BAD_IMPERSONATION_LEVEL || failed == ERROR_CANT_OPEN_ANONYMOUS;
        message_error_set(error, level ? JERR_IDENTITY_LEVEL : JERR_IDENTITY_REFUSED);
        goto error;
    }
    if (peer_fill(peer, error) != 0)
        goto error;
    if (!GetNamedPipeClientProcessId(handle, &peer->pid))
        peer->pid = 0;
    *out = peer;
    return 0;

error:
    peer_release(peer);
    return -1;
}

struct peer *peer_hold(struct peer *peer)
{
    atomic_fetch_add(&peer->holders, 1);
    return peer;
}

void peer_release(struct peer *peer)
{
    if (peer == NULL || atomic_fetch_sub(&peer->holders, 1) != 1)
        return;
    if (peer->token != NULL)
        CloseHandle(peer->token);
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

/* The system quietly lowers the level when the service lacks SeImpersonatePrivilege: read back what
 * was put on. */
static DWORD peer_read_back(void)
{
    HANDLE token = NULL;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        return GetLastError();
    DWORD level = SecurityAnonymous;
    DWORD error = ERROR_SUCCESS;
    if (!peer_token_number(token, TokenImpersonationLevel, &level))
        error = GetLastError();
    else if (level < SecurityImpersonation)
        error = ERROR_BAD_IMPERSONATION_LEVEL;
    CloseHandle(token);
    return error;
}

static void peer_leave(void *who)
{
    (void)who;
    if (!SetThreadToken(NULL, NULL))
        abort();
}

static int peer_enter(void *who)
{
    struct peer *peer = who;
    HANDLE token = NULL;
    if (OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) {
        CloseHandle(token);
        return ERROR_INVALID_STATE; /* the thread is somebody already: a scope was not left */
    }
    if (GetLastError() != ERROR_NO_TOKEN)
        return (int)GetLastError();
    if (!SetThreadToken(NULL, peer->token))
        return (int)GetLastError();
    DWORD error = peer_read_back();
    if (error != ERROR_SUCCESS)
        peer_leave(peer);
    return (int)error;
}

struct engine_scope peer_scope(struct peer *peer)
{
    return (struct engine_scope){.enter = peer_enter, .leave = peer_leave, .who = peer};
}
