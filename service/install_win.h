/* The verbs of install.h over a table of the system's calls, so that a test can make each of them
 * fail. */
#ifndef JUNCTION_INSTALL_WIN_H
#define JUNCTION_INSTALL_WIN_H

#include <windows.h>

#include "install.h"

struct install_calls {
    SC_HANDLE(WINAPI *open_manager)(LPCWSTR machine, LPCWSTR database, DWORD access);
    SC_HANDLE(WINAPI *open_service)(SC_HANDLE manager, LPCWSTR name, DWORD access);
    SC_HANDLE(WINAPI *create_service)
    (SC_HANDLE manager, LPCWSTR name, LPCWSTR display, DWORD access, DWORD type, DWORD start,
     DWORD error_control, LPCWSTR command, LPCWSTR group, LPDWORD tag, LPCWSTR dependencies,
     LPCWSTR account, LPCWSTR password);
    BOOL(WINAPI *query_config)
    (SC_HANDLE service, LPQUERY_SERVICE_CONFIGW config, DWORD size, LPDWORD needed);
    BOOL(WINAPI *change_config)
    (SC_HANDLE service, DWORD type, DWORD start, DWORD error_control, LPCWSTR command,
     LPCWSTR group, LPDWORD tag, LPCWSTR dependencies, LPCWSTR account, LPCWSTR password,
     LPCWSTR display);
    BOOL(WINAPI *change_config2)(SC_HANDLE service, DWORD level, LPVOID value);
    BOOL(WINAPI *query_status)
    (SC_HANDLE service, SC_STATUS_TYPE level, LPBYTE buffer, DWORD size, LPDWORD needed);
    BOOL(WINAPI *start_service)(SC_HANDLE service, DWORD count, LPCWSTR *arguments);
    BOOL(WINAPI *control)(SC_HANDLE service, DWORD control, LPSERVICE_STATUS status);
    BOOL(WINAPI *delete_service)(SC_HANDLE service);
    BOOL(WINAPI *close)(SC_HANDLE handle);
    LSTATUS(WINAPI *key_create)
    (HKEY root, LPCWSTR path, DWORD reserved, LPWSTR class, DWORD options, REGSAM access,
     LPSECURITY_ATTRIBUTES attributes, PHKEY key, LPDWORD disposition);
    LSTATUS(WINAPI *key_set)
    (HKEY key, LPCWSTR name, DWORD reserved, DWORD type, const BYTE *data, DWORD size);
    LSTATUS(WINAPI *key_close)(HKEY key);
    LSTATUS(WINAPI *key_delete)(HKEY root, LPCWSTR path);
    HANDLE(WINAPI *open_process)(DWORD access, BOOL inherit, DWORD process);
    DWORD(WINAPI *wait)(HANDLE handle, DWORD milliseconds);
    BOOL(WINAPI *close_process)(HANDLE handle);
    DWORD(WINAPI *program)(HMODULE module, LPWSTR path, DWORD size);
    int (*check_program)(const char *path, char why[512]);
    int (*data_make)(bool *made, char why[512]);
    int (*data_remove)(char why[512]);
    void(WINAPI *sleep)(DWORD milliseconds);
};

#define INSTALL_NAME L"junctiond"
#define INSTALL_POLL 100u /* ms between two looks */
#define INSTALL_GONE                                                            \
    10000u /* ms for the last handle of a process or a removed service to close \
            */

/* Exit codes. */
enum { INSTALL_RUNNING = 0, INSTALL_FAILED = 1, INSTALL_IDLE = 3, INSTALL_ABSENT = 4 };

struct install {
    const struct install_calls *calls;
    SC_HANDLE manager, service; /* NULL: closed */
};

/* ---- install_run_win.c: what all verbs share, and those that run it ---- */

void install_say(const char *text);
/* With the system's own text for the error, in its language. */
void install_complain(const char *what, DWORD error);

/* 0, or -1 told. */
int install_open_manager(struct install *install, const struct install_calls *calls, DWORD access);
/* 0; 1 not installed; -1 told. */
int install_open_service(struct install *install, DWORD access);
/* Returns the status. */
int install_close(struct install *install, int status);

/* 0 it runs now, 1 it did before, -1 told. */
int install_do_start(const struct install *install);
/* 0 stopped, its process gone; 1 it was not running; -1 told. */
int install_do_stop(const struct install *install);

int install_add_with(const struct install_calls *calls, bool start);
int install_remove_with(const struct install_calls *calls);
int install_start_with(const struct install_calls *calls);
int install_stop_with(const struct install_calls *calls);
int install_status_with(const struct install_calls *calls, bool json);

#endif
