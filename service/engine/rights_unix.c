#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "work.h"

static uid_t caller_uid(void)
{
    return (uid_t)setfsuid(
        (uid_t)-1); /* an impossible uid changes nothing and tells the present one */
}

static int may_write(int directory)
{
    return syscall(SYS_faccessat2, directory, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0
               ? 0
               : errno;
}

static bool owns_everything(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[CAP_TO_INDEX(CAP_FOWNER)].effective & CAP_TO_MASK(CAP_FOWNER));
}

int rights_may_change(const struct place *place, struct engine_error *error)
{
    int os = may_write(place->parent);
    return os ? place_fail(error, os, "the directory that holds it may not be changed") : 0;
}

int rights_may_change_leaf(const struct place *place, struct engine_error *error)
{
    if (rights_may_change(place, error) != 0)
        return -1;
    uid_t uid = caller_uid();
    if (!(place->parent_stat.stx_mode & S_ISVTX) || uid == place->parent_stat.stx_uid ||
        uid == place->leaf_stat.stx_uid || owns_everything())
        return 0;
    return work_fail(error, ENGINE_ACCESS_DENIED, EPERM,
                     "it belongs to somebody else, in a sticky directory");
}

int rights_may_turn(const struct place *place, struct engine_error *error)
{
    if (rights_may_change(place, error) != 0)
        return -1;
    if (caller_uid() == place->leaf_stat.stx_uid || may_write(place->leaf) == 0 ||
        owns_everything())
        return 0;
    return work_fail(error, ENGINE_ACCESS_DENIED, EACCES, "the directory belongs to somebody else");
}

bool rights_may_follow(const struct statx *directory, const struct statx *link)
{
    if ((directory->stx_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
        return true;
    return link->stx_uid == caller_uid() || link->stx_uid == directory->stx_uid;
}
