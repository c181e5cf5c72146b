/* discard BACKLOG BUFFER_BYTES: the least an owner of kernel audit can do, to measure a collector against.
 *
 * Becomes audit's owner, adds rules for execve and execveat (64 and 32 bit), and receives and throws away, one blocking
 * recv a record. Prints "recording" on stderr when it is ready. At SIGTERM or SIGINT it takes its rules out, puts
 * enabled, backlog limit, wait time and owner back, and prints what it cost:
 *
 *   records 63000 lost 0 cpu_us 109000
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

/* Architecture, execve, execveat. */
static const unsigned RULES[][3] = {
#if defined(__x86_64__) || defined(__i386__)
    {AUDIT_ARCH_X86_64, 59, 322}, {AUDIT_ARCH_I386, 11, 358},
#elif defined(__aarch64__)
    {AUDIT_ARCH_AARCH64, 221, 281}, {AUDIT_ARCH_ARM, 11, 387},
#endif
};
enum { RULE_COUNT = sizeof RULES / sizeof *RULES };

static int audit = -1;
static unsigned sequence;
static volatile sig_atomic_t stop;
static char message[16384];

static void on_signal(int unused) { (void)unused, stop = 1; }

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Sends a request and waits for its ACK; a reply of type `want` is copied out. Records in between are thrown away. */
static void request(unsigned type, const void *data, unsigned size, unsigned want, void *reply, unsigned reply_size)
{
    struct { struct nlmsghdr head; char data[sizeof(struct audit_rule_data) + 64]; } out = {0};
    int acked = 0, replied = !want;
    out.head = (struct nlmsghdr){NLMSG_LENGTH(size), type, NLM_F_REQUEST | NLM_F_ACK, ++sequence, 0};
    memcpy(out.data, data, size);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(audit, &out, out.head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) die("asking audit");
    while (!acked || !replied) {
        ssize_t n = recv(audit, message, sizeof message, 0);
        struct nlmsghdr *head = (struct nlmsghdr *)message;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die("audit's answer");
        if (head->nlmsg_type == NLMSG_ERROR && head->nlmsg_seq == sequence) {
            errno = -((struct nlmsgerr *)NLMSG_DATA(head))->error;
            if (errno) die("audit refused");
            acked = 1;
        } else if (want && head->nlmsg_type == want && head->nlmsg_seq == sequence) {
            memcpy(reply, NLMSG_DATA(head), reply_size);
            replied = 1;
        }
    }
}

static void get(struct audit_status *status)
{
    memset(status, 0, sizeof *status);
    request(AUDIT_GET, status, 0, AUDIT_GET, status, sizeof *status);
}

static void set(unsigned mask, struct audit_status status)
{
    status.mask = mask;
    request(AUDIT_SET, &status, sizeof status, 0, NULL, 0);
}

static void rules(unsigned type)
{
    for (int i = 0; i < RULE_COUNT; i++) {
        struct audit_rule_data rule = {.flags = AUDIT_FILTER_EXIT, .action = AUDIT_ALWAYS, .field_count = 1};
        rule.fields[0] = AUDIT_ARCH;
        rule.fieldflags[0] = AUDIT_EQUAL;
        rule.values[0] = RULES[i][0];
        for (int j = 1; j < 3; j++) rule.mask[AUDIT_WORD(RULES[i][j])] |= AUDIT_BIT(RULES[i][j]);
        request(type, &rule, sizeof rule, 0, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) return fprintf(stderr, "usage: discard BACKLOG BUFFER_BYTES\n"), 2;
    int buffer = atoi(argv[2]);
    audit = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    if (audit < 0) die("opening audit");
    if (setsockopt(audit, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) die("enlarging the receive buffer");
    /* No SA_RESTART: the signal has to end recv. */
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);

    struct audit_status before, wanted, after;
    get(&before);
    wanted = before;
    wanted.enabled = 1;
    wanted.pid = getpid();
    wanted.backlog_limit = atoi(argv[1]);
    wanted.backlog_wait_time = 0;
    set(AUDIT_STATUS_PID | AUDIT_STATUS_BACKLOG_LIMIT | AUDIT_STATUS_BACKLOG_WAIT_TIME, wanted);
    rules(AUDIT_ADD_RULE);
    set(AUDIT_STATUS_ENABLED, wanted);
    fputs("recording\n", stderr);

    long records = 0;
    while (!stop) {
        if (recv(audit, message, sizeof message, 0) >= 0) records++;
        else if (errno != EINTR && errno != ENOBUFS) die("receiving");
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    get(&after);
    rules(AUDIT_DEL_RULE);
    set(AUDIT_STATUS_ENABLED | AUDIT_STATUS_BACKLOG_LIMIT | AUDIT_STATUS_BACKLOG_WAIT_TIME, before);
    wanted.pid = 0;
    set(AUDIT_STATUS_PID, wanted);
    printf("records %ld lost %u cpu_us %lld\n", records, after.lost - before.lost,
           (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return 0;
}
