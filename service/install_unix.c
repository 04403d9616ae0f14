#include "install.h"

#include <stdio.h>

static int explain(const char *verb, const char *instead)
{
    fprintf(stderr,
            "junctiond: `%s` is for the service manager of Windows; here systemd does it: %s\n",
            verb, instead);
    return 2;
}

int install_add(bool start)
{
    return explain("install",
                   start ? "systemctl enable --now junctiond" : "systemctl enable junctiond");
}

int install_remove(void)
{
    return explain("uninstall", "systemctl disable --now junctiond");
}

int install_start(void)
{
    return explain("start", "systemctl start junctiond");
}

int install_stop(void)
{
    return explain("stop", "systemctl stop junctiond");
}

int install_status(bool json)
{
    return explain("status", json ? "systemctl show junctiond" : "systemctl status junctiond");
}
