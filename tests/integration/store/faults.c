/* Lets writes or syncs of a store's files fail while a control file says so.
 *
 * KITH_FAULTS names the control file. It holds the number of an error and the operations that fail with it,
 * as in "28 write" or "5 sync"; an empty file lets everything through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *operation, int descriptor)
{
    char words[64] = "", link[64], path[4096] = "";
    const char *control = getenv("KITH_FAULTS");
    int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t count = read(file, words, sizeof words - 1);
    close(file);
    if (count <= 0 || !strstr(words, operation))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (readlink(link, path, sizeof path - 1) < 0 || !strstr(path, "store.db"))
        return 0;
    errno = atoi(words);
    return 1;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset)
{
    return fails("write", descriptor) ? -1 : syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
    return pwrite64(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    return fails("write", descriptor) ? -1 : syscall(SYS_write, descriptor, bytes, count);
}

int fsync(int descriptor)
{
    return fails("sync", descriptor) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    return fails("sync", descriptor) ? -1 : (int)syscall(SYS_fdatasync, descriptor);
}
