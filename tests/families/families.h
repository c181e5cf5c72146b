/* families: makes known families of short-lived processes and writes down the truth about them.
 *
 * One static program plays every part. The root (families.c) starts families, a few at a time; each image of a family
 * is this program again, told by the environment variable FAMILY who it is; it writes its own record (truth.c), makes
 * the next generation in the way its kind asks for (kinds.c, launch.c, argv.c) and ends. An image writes its record
 * after it was exec'd, so a record proves the exec; ids are paths ("17.1.2"), so no process needs to ask another one
 * for a number. The environment is used because audit does not show it and it works with an argc of 0.
 */
#ifndef FAMILIES_H
#define FAMILIES_H

#include <stddef.h>
#include <sys/types.h>

/* Inherited by every image. */
enum { TRUTH_FD = 200, SLOT_FD = 201, MEMFD_FD = 202, SELF_FD = 203, DIR_FD = 204 };

/* Ways to make a process. */
enum method { FORK, VFORK, SPAWN, CLONE3_VFORK, CLONE3, METHODS };

/* What a family is about. */
enum kind {
    BY_FORK, BY_VFORK, BY_SPAWN, BY_CLONE3_VFORK, BY_CLONE3, /* the five methods, pure */
    TWICE,       /* an image that execs again in place, one child begun before that */
    ORPHAN,      /* double and triple fork: the forker is dead when the orphan execs */
    SUBSHELL,    /* a fork copy that forks, and perhaps execs later */
    SCRIPT,      /* #! files: plain, with an argument, a script as interpreter */
    FAILED,      /* execs that fail, then one that works; a copy that never succeeds */
    THREAD_FORK, /* children made by a thread that is not the leader */
    THREAD_EXEC, /* a thread that is not the leader execs */
    BY_HANDLE,   /* execveat: empty path, relative to a directory, a memfd; a symlink; odd file names */
    PIDNS,       /* a pid namespace, at times a second one within */
    ARGUMENTS,   /* every odd argument in turn, for parents too */
    KINDS
};

extern const char *const KIND_NAMES[KINDS];

/* Who this process is. A fork copy changes its own. */
struct self {
    char id[160], forker[160]; /* forker: id of the image or fork copy that made this process */
    enum kind kind;
    int generation; /* 0 the root, 3 a leaf */
    int stage;      /* 1, or 2 after an exec in place */
    long long fork_ns;
    char scratch[256];
    int children; /* ids handed out so far */
};
extern struct self self;

/* An exec to be: everything is prepared before the fork, for a vfork child may do little. */
struct program {
    enum { EXECVE, EXECVEAT_EMPTY, EXECVEAT_DIR } how;
    int fd;
    char path[400];
    char **argv;
    char env[1024], *envp[2];
    int fails;            /* failing execs first */
    const char *cwd;      /* chdir first, or NULL */
    int slot;             /* a descriptor to become SLOT_FD, or -1 */
    unsigned long flags;  /* further clone flags (CLONE_NEWPID) */
};

/* truth.c */
long long now_ns(void);
unsigned hash(const char *text, unsigned salt);
void write_image(int argc, char **argv, const char *end); /* record E: this image began */
void write_copy(void);                                    /* record F: this fork copy began, and will fork */
void write_failure(const char *what);                     /* record X: the generator itself failed */

/* argv.c */
enum { ARGV_PLAIN, ARGV_NONE = 7, ARGV_VARIETIES = 14 };
char **make_argv(const char *id, unsigned variety, unsigned salt);

/* launch.c */
void next_id(char *id, size_t size);
void prepare(struct program *p, const char *id, const char *forker, enum kind kind, int generation, int stage, long long fork_ns);
pid_t launch(enum method m, struct program *p);
void exec_now(struct program *p) __attribute__((noreturn, noinline));
pid_t fork_copy(int log); /* fork; the child gets a new identity, and a record when it is going to fork */

/* kinds.c */
void act(int slot);
int in_place(void); /* whether this image is going to exec again */
enum method method_for(enum kind kind, const char *id);

#endif
