#include "host.h"

#include <stdio.h>

int host_service(const char *unprepared)
{
    (void)unprepared;
    fputs("junctiond: `service` is for the service manager of Windows; here systemd runs "
          "`junctiond run`\n",
          stderr);
    return 2;
}
