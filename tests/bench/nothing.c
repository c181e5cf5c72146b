/* The cheapest program there is, for storms: no libc, it only ends. cc -O2 -static -nostdlib. */
__attribute__((noreturn)) void _start(void)
{
#if defined(__x86_64__)
    __asm__ volatile("xor %%edi, %%edi\n mov $231, %%eax\n syscall" ::: "memory");
#elif defined(__i386__)
    __asm__ volatile("xor %%ebx, %%ebx\n mov $252, %%eax\n int $0x80" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x0, 0\n mov x8, 94\n svc 0" ::: "memory");
#else
#error "exit_group for this architecture is missing"
#endif
    __builtin_unreachable();
}
