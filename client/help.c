#include "help.h"

#include <stddef.h>

const char help_general[] =
    "usage: junction COMMAND [OPTIONS] ...\n"
    "       junction [-s] [-q] [-nobanner] [DIRECTORY|FILE]    (the classic grammar, see below)\n"
    "\n"
    "Creates, deletes, shows and lists NTFS junctions through the junctiond service, with the\n"
    "rights of whoever calls.\n"
    "\n"
    "Commands:\n"
    "  create LINK TARGET   make LINK a junction that leads to TARGET\n"
    "  delete LINK          remove a junction, and nothing behind it\n"
    "  show PATH            print what is known about one reparse point\n"
    "  list [PATH]          list the reparse points in a directory, below it, or on its volume\n"
    "  status               ask the service how it is\n"
    "  help [COMMAND]       print this text, or that of a command\n"
    "  version              print the version\n"
    "Kept for later versions: history undo retarget prune export import audit\n"
    "\n"
    "Example:\n"
    "  junction create --parents /mnt/c/apps/current C:\\apps\\7zip-23\n"
    "  junction list --recurse --check --format jsonl /mnt/c/apps\n"
    "\n" HELP_COMMON "\n" HELP_EXIT_CODES "\n"
    "The classic grammar is what is left when the first word is no command:\n"
    "  junction [-s] [-q] [PATH]    show PATH (a '*' or '?' in its last part is allowed), -s: and\n"
    "                               everything below it, -q: without errors\n"
    "  junction LINK TARGET         create\n"
    "  junction -d LINK             delete\n"
    "Its output and its exit codes (0 and -1) are those that existing scripts expect; a link that\n"
    "is called like a command is written as ./list. --pipe, --timeout, --quiet and --no-progress\n"
    "may stand before it.\n";

const char *const help_banner[3] = {
    "junction " JUNCTION_VERSION " - NTFS junctions and reparse points",
    "An open replacement that works without administrator rights",
    "More commands: junction help",
};

const char *const help_classic[] = {
    "usage: junction [-s] [-q] <file or directory>",
    "       junction <junction directory> <target directory>",
    "       junction -d <junction directory>",
    "",
    "  -s         Also everything below the directory; never through a link",
    "  -q         Do not print errors",
    "  -d         Delete the junction, not what it leads to",
    "  -nobanner  Print no banner",
    "",
    "Examples:",
    "  junction link target       create a junction",
    "  junction -s -q directory   list all reparse points below a directory",
    "  junction -d link           delete a junction",
    "",
    "Commands with JSON output and exit codes of their own: junction help",
    NULL,
};
