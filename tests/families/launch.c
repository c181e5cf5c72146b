/* The ways to make a process and to exec. */
#define _GNU_SOURCE
#include "families.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct clone3_args {
    unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

void next_id(char *id, size_t size) { snprintf(id, size, "%.140s.%d", self.id, ++self.children); }

void prepare(struct program *p, const char *id, const char *forker, enum kind kind, int generation, int stage, long long fork_ns)
{
    unsigned h = hash(id, 1), variety = ARGV_PLAIN;
    if (kind == ARGUMENTS) variety = h % ARGV_VARIETIES;
    else if (h % 4 == 0) variety = (h / 4) % ARGV_VARIETIES;
    /* A hundred thousand bytes cost milliseconds, and a parent's are repeated in each chain: a few do. */
    if ((variety == 10 || variety == 11) && h / 64 % (generation < 3 ? 16 : 4)) variety = ARGV_PLAIN;
    memset(p, 0, offsetof(struct program, envp));
    p->argv = make_argv(id, variety, h);
    snprintf(p->path, sizeof p->path, "%s/families", self.scratch);
    snprintf(p->env, sizeof p->env, "FAMILY=%s|%s|%d|%d|%d|%lld|%s", id, forker, kind, generation, stage, fork_ns, self.scratch);
    p->envp[0] = p->env;
    p->envp[1] = NULL;
    p->fails = 0;
    p->cwd = h % 16 == 3 ? "a directory" : NULL;
    p->slot = -1;
    p->flags = 0;
}

void exec_now(struct program *p)
{
    if (p->slot >= 0) dup2(p->slot, SLOT_FD);
    if (p->cwd && chdir(p->cwd) != 0 && errno != ENOENT) _exit(98);
    if (p->fails) {
        execve("/nonexistent/program", p->argv, p->envp);
        execve("not-executable", p->argv, p->envp);
        execve("/", p->argv, p->envp);
        syscall(SYS_execveat, -1, "nowhere", p->argv, p->envp, 0);
        if (p->fails > 1) _exit(127);
    }
    if (p->how == EXECVE) execve(p->path, p->argv, p->envp);
    else if (p->how == EXECVEAT_EMPTY) syscall(SYS_execveat, p->fd, "", p->argv, p->envp, AT_EMPTY_PATH);
    else syscall(SYS_execveat, p->fd, p->path, p->argv, p->envp, 0);
    write_failure(strerror(errno));
    _exit(97);
}

/* clone3 as vfork does it: the child runs on the parent's stack until it execs, so it must not return from this frame;
 * libc's syscall() would. */
static inline __attribute__((always_inline)) long clone3_here(struct clone3_args *args)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_clone3), "D"(args), "S"(sizeof *args) : "rcx", "r11", "memory");
    return result;
#elif defined(__i386__)
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(SYS_clone3), "b"(args), "c"(sizeof *args) : "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone3, x0 __asm__("x0") = (long)args, x1 __asm__("x1") = sizeof *args;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    return x0;
#else
    args->flags &= ~(unsigned long long)CLONE_VM;
    return syscall(SYS_clone3, args, sizeof *args);
#endif
}

static __attribute__((noinline)) pid_t by_clone3(struct program *p, unsigned long long flags)
{
    struct clone3_args args = {.flags = flags | p->flags, .exit_signal = SIGCHLD};
    long pid = clone3_here(&args);
    if (pid == 0) exec_now(p);
    return pid < 0 ? -1 : (pid_t)pid;
}

static __attribute__((noinline)) pid_t by_vfork(struct program *p)
{
    pid_t pid = vfork();
    if (pid == 0) exec_now(p);
    return pid;
}

static pid_t by_spawn(struct program *p)
{
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (p->slot >= 0) posix_spawn_file_actions_adddup2(&actions, p->slot, SLOT_FD);
    int failure = posix_spawn(&pid, p->path, &actions, NULL, p->argv, p->envp);
    posix_spawn_file_actions_destroy(&actions);
    return failure ? -1 : pid;
}

pid_t launch(enum method m, struct program *p)
{
    pid_t pid;
    if (m == SPAWN && (p->how != EXECVE || p->fails || p->cwd || p->flags)) m = VFORK;
    if (p->flags && m != CLONE3_VFORK) m = CLONE3;
    switch (m) {
    case VFORK: pid = by_vfork(p); break;
    case SPAWN: pid = by_spawn(p); break;
    case CLONE3_VFORK: pid = by_clone3(p, CLONE_VM | CLONE_VFORK); break;
    case CLONE3: pid = by_clone3(p, 0); break;
    default:
        pid = fork();
        if (pid == 0) exec_now(p);
    }
    if (pid < 0) write_failure("no process could be made");
    return pid;
}

pid_t fork_copy(int log)
{
    char id[sizeof self.id];
    next_id(id, sizeof id);
    long long before = now_ns();
    pid_t pid = fork();
    if (pid < 0) write_failure("no fork copy could be made");
    if (pid != 0) return pid;
    strcpy(self.forker, self.id);
    strcpy(self.id, id);
    self.fork_ns = before;
    self.children = 0;
    if (log) write_copy();
    return 0;
}
