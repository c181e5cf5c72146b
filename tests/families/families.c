/* The root: families --truth FILE --scratch DIR [--execs N] [--jobs J] [--rate R] [--run NAME] [--only KIND] [--no-pidns]
 *          [--subreaper]
 *
 * Makes at least N execs (10000), J families at a time (4), at most R execs a second (0: flat out), and returns when
 * the last member of the last family is gone. Each family holds the write end of a pipe; the end of file tells.
 * With --subreaper orphans are adopted by the root instead of init.
 */
#define _GNU_SOURCE
#include "families.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_JOBS = 64, LEAST_EXECS = 4 /* in a family */ };
struct self self;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void keep(int fd, int as, const char *what)
{
    if (fd < 0 || dup2(fd, as) < 0) die(what);
    if (fd != as) close(fd);
}

static void write_file(const char *name, mode_t mode, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) != 0) die(name);
}

static void copy_self(int to)
{
    static char bytes[1 << 16];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, n) != n) die("copying the program");
    close(from);
}

/* Everything a family may want to exec, in the scratch directory, which becomes the working directory. */
static void furnish(const char *scratch)
{
    static const char *const NAMES[] = {"odd name", "gr\xc3\xbcn", "not\xff" "utf8", "quo\"te'"};
    char text[600];
    mkdir(scratch, 0755);
    if (chdir(scratch) != 0 || !getcwd(self.scratch, sizeof self.scratch)) die(scratch);
    int fd = open("families", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (fd < 0) die("families");
    copy_self(fd);
    close(fd);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (link("families", NAMES[i]) != 0 && errno != EEXIST) die(NAMES[i]);
    if (symlink("families", "symlink") != 0 && errno != EEXIST) die("symlink");
    mkdir("a directory", 0755);
    write_file("not-executable", 0644, "#!/bin/sh\n");
    snprintf(text, sizeof text, "#!%s/families\n", self.scratch);
    write_file("script", 0755, text);
    snprintf(text, sizeof text, "#! %s/families one argument\t\n", self.scratch);
    write_file("script with argument", 0755, text);
    snprintf(text, sizeof text, "#!%s/script -x\n", self.scratch);
    write_file("script of script", 0755, text);
    int memory = memfd_create("family", 0);
    copy_self(memory);
    /* A file open for writing cannot be exec'd: open it again. */
    snprintf(text, sizeof text, "/proc/self/fd/%d", memory);
    keep(open(text, O_RDONLY), MEMFD_FD, "memfd");
    close(memory);
    keep(open("families", O_PATH), SELF_FD, "families");
    keep(open(".", O_PATH | O_DIRECTORY), DIR_FD, "scratch directory");
}

/* An image of a family: FAMILY=id|forker|kind|generation|stage|fork_ns|scratch. */
static int be_member(char *who, int argc, char **argv)
{
    char end[16] = "-";
    int kind;
    if (sscanf(who, "%159[^|]|%159[^|]|%d|%d|%d|%lld|%255[^\n]", self.id, self.forker, &kind, &self.generation, &self.stage,
               &self.fork_ns, self.scratch) != 7) return 96;
    self.kind = (enum kind)kind;
    unsigned h = hash(self.id, 9);
    int first = getpid() == 1; /* of its namespace: its own signals do not kill it */
    int signal_no = h % 16 == 0 && !first ? (int[]){SIGKILL, SIGTERM, SIGABRT, SIGHUP}[h / 16 % 4] : 0;
    if (!in_place()) snprintf(end, sizeof end, signal_no ? "s%d" : "x%d", signal_no ? signal_no : (int)(h % 200));
    write_image(argc, argv, end);
    act(-1);
    if (signal_no) kill(getpid(), signal_no);
    _exit(h % 200);
}

struct options {
    const char *truth, *scratch, *run, *only;
    long execs, jobs, rate;
    int pidns;
};

static struct options parse(int argc, char **argv)
{
    struct options o = {.run = "r", .execs = 10000, .jobs = 4, .pidns = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--subreaper")) { prctl(PR_SET_CHILD_SUBREAPER, 1); continue; }
        if (!strcmp(argv[i], "--no-pidns")) { o.pidns = 0; continue; }
        if (!strcmp(argv[i], "--truth")) o.truth = value;
        else if (!strcmp(argv[i], "--scratch")) o.scratch = value;
        else if (!strcmp(argv[i], "--run")) o.run = value;
        else if (!strcmp(argv[i], "--only")) o.only = value;
        else if (!strcmp(argv[i], "--execs")) o.execs = atol(value);
        else if (!strcmp(argv[i], "--jobs")) o.jobs = atol(value);
        else if (!strcmp(argv[i], "--rate")) o.rate = atol(value);
        else { fprintf(stderr, "families: unknown option %s\n", argv[i]); exit(2); }
        i++;
    }
    if (!o.truth || !o.scratch || o.jobs < 1 || o.jobs > MOST_JOBS) {
        fprintf(stderr, "families: --truth FILE and --scratch DIR are needed, --jobs is 1 to %d\n", MOST_JOBS);
        exit(2);
    }
    return o;
}

/* Blocks until a family has ended; -1 when none is left. Reaps on the way. */
static int ended(struct pollfd *slots, int jobs)
{
    int used = 0;
    for (int i = 0; i < jobs; i++) used += slots[i].fd >= 0;
    if (!used) return -1;
    while (poll(slots, jobs, -1) < 0) continue;
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    for (int i = 0; i < jobs; i++) {
        if (slots[i].fd < 0 || !slots[i].revents) continue;
        close(slots[i].fd);
        slots[i].fd = -1;
        return i;
    }
    return ended(slots, jobs);
}

static void pace(long rate, long execs, long long began)
{
    if (!rate) return;
    long long wait = began + execs * 1000000000LL / rate - now_ns();
    if (wait > 0) nanosleep(&(struct timespec){wait / 1000000000, wait % 1000000000}, NULL);
}

static void begin_family(enum kind kind, struct pollfd *slot)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
    slot->fd = ends[0];
    slot->events = POLLIN;
    self.kind = kind;
    act(ends[1]);
    close(ends[1]);
}

int main(int argc, char **argv)
{
    char *who = getenv("FAMILY");
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (who) return be_member(who, argc, argv);
    struct options o = parse(argc, argv);
    keep(open(o.truth, O_WRONLY | O_CREAT | O_APPEND, 0644), TRUTH_FD, o.truth);
    snprintf(self.id, sizeof self.id, "%s", o.run);
    strcpy(self.forker, "-");
    self.fork_ns = now_ns();
    write_image(argc, argv, "x0");
    furnish(o.scratch);

    struct pollfd slots[MOST_JOBS];
    for (int i = 0; i < o.jobs; i++) slots[i].fd = -1;
    long families = (o.execs + LEAST_EXECS - 1) / LEAST_EXECS, begun = 0;
    long long began = now_ns();
    for (long n = 0; begun < families; n++) {
        enum kind kind = (enum kind)(n % KINDS);
        if ((kind == PIDNS && !o.pidns) || (o.only && strcmp(o.only, KIND_NAMES[kind]))) continue;
        int slot = begun < o.jobs ? (int)begun : ended(slots, o.jobs);
        pace(o.rate, begun * LEAST_EXECS, began);
        begin_family(kind, &slots[slot]);
        begun++;
    }
    while (ended(slots, o.jobs) >= 0) continue;
    while (waitpid(-1, NULL, 0) > 0) continue;
    printf("families %ld seconds %.3f\n", begun, (now_ns() - began) / 1e9);
    return 0;
}
