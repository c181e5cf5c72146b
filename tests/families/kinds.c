/* What an image of each kind does to bring forth the next generation. */
#define _GNU_SOURCE
#include "families.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const KIND_NAMES[KINDS] = {"fork", "vfork", "spawn", "clone3-vfork", "clone3", "twice", "orphan", "subshell",
    "script", "failed", "thread-fork", "thread-exec", "handle", "pidns", "arguments"};

enum method method_for(enum kind kind, const char *id) { return (int)kind < (int)METHODS ? (enum method)kind : (enum method)(hash(id, 2) % METHODS); }

int in_place(void) { return (self.kind == TWICE || self.kind == THREAD_EXEC) && self.stage == 1; }

static void wait_for(pid_t pid)
{
    if (pid > 0) waitpid(pid, NULL, 0);
}

/* Where a child of this kind is found on disk. */
static void choose_file(struct program *p, enum kind kind, unsigned h)
{
    static const char *const SCRIPTS[] = {"script", "script with argument", "script of script"};
    static const char *const NAMES[] = {"symlink", "odd name", "gr\xc3\xbcn", "not\xff" "utf8", "quo\"te'"};
    if (kind == SCRIPT) {
        snprintf(p->path, sizeof p->path, "%s/%s", self.scratch, SCRIPTS[h % 3]);
    } else if (kind == BY_HANDLE && h % 8 == 0) {
        p->how = EXECVEAT_EMPTY;
        p->fd = SELF_FD;
    } else if (kind == BY_HANDLE && h % 8 == 1) {
        p->how = EXECVEAT_EMPTY;
        p->fd = MEMFD_FD;
    } else if (kind == BY_HANDLE && h % 8 == 2) {
        p->how = EXECVEAT_DIR;
        p->fd = DIR_FD;
        strcpy(p->path, "families");
    } else if (kind == BY_HANDLE) {
        snprintf(p->path, sizeof p->path, "%s/%s", self.scratch, NAMES[h % 5]);
    }
    if (kind == FAILED) p->fails = 1;
}

static pid_t begin_child(enum kind kind, unsigned long flags, int slot)
{
    struct program p;
    char id[sizeof self.id];
    next_id(id, sizeof id);
    prepare(&p, id, self.id, kind, self.generation + 1, 1, now_ns());
    choose_file(&p, kind, hash(id, 3));
    p.flags = flags;
    p.slot = slot;
    return launch(method_for(kind, id), &p);
}

static int brood(void) { return self.generation == 2 ? 2 : 1; }

static void children(void)
{
    for (int i = brood(); i > 0; i--) wait_for(begin_child(self.kind, 0, -1));
}

/* This process execs, without a fork of its own: its forker stays. */
static void exec_self(int generation, int stage)
{
    struct program p;
    char id[sizeof self.id];
    snprintf(id, sizeof id, "%.140s+", self.id);
    prepare(&p, id, self.forker, self.kind, generation, stage, self.fork_ns);
    choose_file(&p, self.kind, hash(id, 3));
    exec_now(&p);
}

static void orphans(void)
{
    for (int i = brood(); i > 0; i--) {
        pid_t middle = fork_copy(1);
        if (middle != 0) {
            wait_for(middle);
            continue;
        }
        if (hash(self.id, 4) % 4 == 0 && fork_copy(1) != 0) _exit(0); /* one more in between */
        pid_t parent = getpid();
        if (fork_copy(0) != 0) _exit(0);
        /* Half of them exec when they are orphans for certain, the others as it happens. */
        if (hash(self.id, 5) & 1)
            for (int tries = 0; tries < 20000 && getppid() == parent; tries++) sched_yield();
        exec_self(self.generation + 1, 1);
    }
}

static void subshell(void)
{
    unsigned h = hash(self.id, 6);
    pid_t copy = fork_copy(1);
    if (copy != 0) {
        wait_for(copy);
        return;
    }
    if (h % 3 == 1) { /* a subshell of a subshell */
        copy = fork_copy(1);
        if (copy != 0) {
            wait_for(copy);
            _exit(3);
        }
    }
    children();
    if (h % 3 == 2) exec_self(3, 1);
    _exit(4);
}

static void failures(void)
{
    struct program p;
    char id[sizeof self.id];
    next_id(id, sizeof id);
    prepare(&p, id, self.id, FAILED, 3, 1, now_ns());
    p.fails = 2;
    wait_for(launch(self.generation & 1 ? FORK : VFORK, &p));
    children();
}

static void *idle(void *unused)
{
    sched_yield();
    return unused;
}

static void *thread_children(void *unused)
{
    children();
    return unused;
}

static void *thread_exec(void *unused)
{
    exec_self(self.generation, 2);
    return unused;
}

static void with_thread(void *(*work)(void *))
{
    pthread_t other, worker;
    int more = pthread_create(&other, NULL, idle, NULL) == 0;
    if (pthread_create(&worker, NULL, work, NULL) == 0) pthread_join(worker, NULL);
    else write_failure("no thread could be made");
    if (more) pthread_join(other, NULL);
}

static void namespaces(void)
{
    static const enum kind INSIDE[] = {BY_FORK, BY_VFORK, BY_SPAWN, BY_CLONE3_VFORK, TWICE, ORPHAN, SUBSHELL, SCRIPT, THREAD_FORK, THREAD_EXEC, PIDNS};
    enum kind inside = INSIDE[hash(self.id, 7) % (sizeof INSIDE / sizeof *INSIDE)];
    for (int i = brood(); i > 0; i--) {
        if (hash(self.id, 8) % 3) {
            wait_for(begin_child(inside, CLONE_NEWPID, -1));
        } else if (i == brood()) { /* as unshare -p does it; only once, for its first child is the new pid 1 */
            if (unshare(CLONE_NEWPID) != 0) write_failure("no pid namespace could be made");
            wait_for(begin_child(inside, 0, -1));
        }
    }
}

/* slot >= 0: the root begins a family and does not wait for it. */
void act(int slot)
{
    if (slot >= 0) {
        begin_child(self.kind, 0, slot);
        return;
    }
    if (in_place()) {
        if (self.generation == 1 && self.kind == TWICE) begin_child(self.kind, 0, -1);
        if (self.kind == TWICE) exec_self(self.generation, 2);
        with_thread(thread_exec);
        return;
    }
    if (self.generation >= 3) return;
    switch (self.kind) {
    case ORPHAN: orphans(); break;
    case SUBSHELL: subshell(); break;
    case FAILED: failures(); break;
    case THREAD_FORK: with_thread(thread_children); break;
    case PIDNS: namespaces(); break;
    default: children();
    }
    while (waitpid(-1, NULL, 0) > 0) continue; /* a namespace's pid 1 takes everybody with it */
}
