/* The truth file: one line a record, tab separated, written by one O_APPEND write, which Linux does not interleave.
 *
 *   E id forker kind pid getppid fork_ns now_ns in_pidns end path cwd argc argv     an image began
 *   F id forker kind pid fork_ns now_ns                                             a fork copy began, and is going to fork
 *   X id text                                                                       the generator failed: the run is void
 *
 * path, cwd and each argument (comma separated) are hex. end: x<code>, s<signal>, or - for an image that execs again.
 * pid is read as the link /proc/self: it is a pid of the namespace /proc was mounted in, the initial one, whatever
 * namespace the reader lives in.
 */
#define _GNU_SOURCE
#include "families.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

unsigned hash(const char *text, unsigned salt)
{
    unsigned long long h = 0xcbf29ce484222325ULL ^ (salt * 0x9e3779b97f4a7c15ULL);
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9ULL;
    return (unsigned)(h >> 33);
}

static char *hex(char *to, const char *bytes)
{
    for (; *bytes; bytes++) {
        *to++ = "0123456789abcdef"[(unsigned char)*bytes >> 4];
        *to++ = "0123456789abcdef"[(unsigned char)*bytes & 15];
    }
    return to;
}

static void put(const char *line, size_t length)
{
    if (write(TRUTH_FD, line, length) != (ssize_t)length) _exit(99);
}

static void outer_pid(char *pid, size_t size)
{
    ssize_t n = readlink("/proc/self", pid, size - 1);
    if (n < 1) strcpy(pid, "0");
    else pid[n] = 0;
}

void write_image(int argc, char **argv, const char *end)
{
    static char line[1 << 19];
    char pid[16], path[4096] = "", cwd[4096] = "", inner[16];
    outer_pid(pid, sizeof pid);
    snprintf(inner, sizeof inner, "%d", getpid());
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (!getcwd(cwd, sizeof cwd)) cwd[0] = 0;
    char *at = line + sprintf(line, "E\t%s\t%s\t%s\t%s\t%d\t%lld\t%lld\t%d\t%s\t", self.id, self.forker,
                              KIND_NAMES[self.kind], pid, getppid(), self.fork_ns, now_ns(), strcmp(pid, inner) != 0, end);
    at = hex(at, path);
    *at++ = '\t';
    at = hex(at, cwd);
    at += sprintf(at, "\t%d\t", argc);
    for (int i = 0; i < argc; i++) {
        if (i) *at++ = ',';
        at = hex(at, argv[i]);
    }
    *at++ = '\n';
    put(line, at - line);
}

void write_copy(void)
{
    char line[600], pid[16];
    outer_pid(pid, sizeof pid);
    put(line, sprintf(line, "F\t%s\t%s\t%s\t%s\t%lld\t%lld\n", self.id, self.forker, KIND_NAMES[self.kind], pid,
                      self.fork_ns, now_ns()));
}

void write_failure(const char *what)
{
    char line[600];
    put(line, snprintf(line, sizeof line, "X\t%s\t%s\n", self.id, what));
}
