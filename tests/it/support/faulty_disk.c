/* Loaded into the program: while the file $FAULTY_DISK_FLAG exists, whatever it writes below $FAULTY_DISK fails, also
   through files that are open, as on a disk that the kernel has made read-only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_refused(int fd) {
    const char *folder = getenv("FAULTY_DISK"), *flag = getenv("FAULTY_DISK_FLAG");
    char link[64], path[4096];
    if (!folder || !flag || access(flag, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    size_t length = strlen(folder);
    if (n < (ssize_t)length || memcmp(path, folder, length) != 0) return 0;
    errno = EROFS;
    return 1;
}

#define REFUSABLE(name, parameters, arguments)                            \
    ssize_t name parameters {                                             \
        static ssize_t (*usual) parameters;                               \
        if (!usual) *(void **)&usual = dlsym(RTLD_NEXT, #name);           \
        return is_refused(fd) ? -1 : usual arguments;                     \
    }

REFUSABLE(write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
REFUSABLE(pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at))
REFUSABLE(pwrite64, (int fd, const void *bytes, size_t n, off64_t at), (fd, bytes, n, at))
