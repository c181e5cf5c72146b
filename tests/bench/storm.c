/* storm EXECS JOBS RATE PROGRAM: makes EXECS processes by vfork and exec of PROGRAM, JOBS at a time, RATE a second in
 * all (0: flat out), waiting for each, and prints how long that took:
 *
 *   execs 20000 seconds 1.804 us_per_exec 90.2
 *
 * us_per_exec is the time of one vfork, exec, exit and wait as its parent sees it, sleep left out: the slow-down of the
 * audited machine shows here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(long long when_ns)
{
    struct timespec t = {when_ns / 1000000000, when_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
}

/* One job: returns the ns spent on execs. The offset keeps jobs from going in step. */
static long long work(long execs, long long interval_ns, long long offset_ns, const char *program)
{
    char *const argv[] = {(char *)program, "of", "the", "storm", NULL}, *const envp[] = {NULL};
    long long began = now_ns() + offset_ns, busy = 0;
    for (long i = 0; i < execs; i++) {
        if (interval_ns) sleep_until(began + i * interval_ns);
        long long before = now_ns();
        pid_t pid = vfork();
        if (pid == 0) {
            execve(program, argv, envp);
            _exit(127);
        }
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            perror("storm: a process could not be made");
            _exit(1);
        }
        busy += now_ns() - before;
    }
    return busy;
}

int main(int argc, char **argv)
{
    if (argc != 5) return fprintf(stderr, "usage: storm EXECS JOBS RATE PROGRAM\n"), 2;
    long execs = atol(argv[1]), jobs = atol(argv[2]), rate = atol(argv[3]);
    if (execs < 1 || jobs < 1) return fprintf(stderr, "storm: EXECS and JOBS begin at 1\n"), 2;
    long long *busy = mmap(NULL, jobs * sizeof *busy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (busy == MAP_FAILED) return perror("storm"), 2;
    long long began = now_ns(), sum = 0;
    for (long j = 0; j < jobs; j++)
        if (fork() == 0) {
            long share = execs / jobs + (j < execs % jobs);
            busy[j] = work(share, rate ? jobs * 1000000000LL / rate : 0, rate ? j * 1000000000LL / rate : 0, argv[4]);
            _exit(0);
        }
    int status, failed = 0;
    while (wait(&status) > 0) failed |= status != 0;
    for (long j = 0; j < jobs; j++) sum += busy[j];
    printf("execs %ld seconds %.3f us_per_exec %.1f\n", execs, (now_ns() - began) / 1e9, sum / 1e3 / execs);
    return failed;
}
