#include "listener_win.h"

#include <stdio.h>
#include <wchar.h>

#define LISTENER_PROTECTED L"\\\\.\\pipe\\ProtectedPrefix\\"

/* For the service proper. 0x12019b: read and write without FILE_CREATE_PIPE_INSTANCE. */
#define LISTENER_DESCRIPTOR_SYSTEM                                                         \
    L"O:SYG:SYD:P(D;;GA;;;AN)(D;;GA;;;BG)(A;;GA;;;SY)(A;;0x12019b;;;BA)(A;;0x12019b;;;AU)" \
    L"S:(ML;;NWNR;;;ME)"

/* For a service that somebody runs himself: only he, and administrators. %1: his SID. %2: who may
 * add instances; of an elevated service not that SID itself, which his programs without elevation
 * have too. OW takes from the owner, who would otherwise be free to change the descriptor,
 * everything but reading it. */
#define LISTENER_DESCRIPTOR_OWN                                                               \
    L"O:%lsG:%lsD:P(D;;GA;;;AN)(D;;GA;;;BG)(A;;0x20000;;;OW)(A;;GA;;;%ls)(A;;0x12019b;;;%ls)" \
    L"(A;;0x12019b;;;BA)(A;;0x12019b;;;SY)S:(ML;;NWNR;;;ME)"

int listener_descriptor(const wchar_t *name, const wchar_t *account, bool elevated,
                        wchar_t text[LISTENER_DESCRIPTOR_SIZE])
{
    if (_wcsnicmp(name, LISTENER_PROTECTED, wcslen(LISTENER_PROTECTED)) == 0) {
        wcscpy(text, LISTENER_DESCRIPTOR_SYSTEM);
        return 0;
    }
    int written = _snwprintf(text, LISTENER_DESCRIPTOR_SIZE, LISTENER_DESCRIPTOR_OWN, account,
                             account, elevated ? L"BA" : account, account);
    return written < 0 || written >= LISTENER_DESCRIPTOR_SIZE ? -1 : 0;
}
