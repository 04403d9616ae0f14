#include "arguments.h"

#include <windows.h>
#include <shellapi.h>
#include <stdint.h>
#include <stdlib.h>

#include "utf.h"

int arguments_prepare(int *count, char ***arguments)
{
    int found = 0;
    LPWSTR *wide = CommandLineToArgvW(GetCommandLineW(), &found);
    char **narrow = NULL;

    if (!wide)
        return -1;
    narrow = calloc((size_t)found + 1, sizeof *narrow);
    if (!narrow)
        goto error;
    for (int i = 0; i < found; i++) {
        struct text argument = {NULL, 0};
        if (utf16_to_wtf8((const uint16_t *)wide[i], wcslen(wide[i]), &argument) != UTF_OK)
            goto error;
        narrow[i] = argument.bytes;
    }
    LocalFree(wide);
    *count = found;
    *arguments = narrow;
    return 0;

error:
    for (int i = 0; narrow && narrow[i]; i++)
        free(narrow[i]);
    free(narrow);
    LocalFree(wide);
    return -1;
}
