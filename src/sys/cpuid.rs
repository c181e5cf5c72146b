//! The cpuid instruction of x86 (Intel SDM volume 2A, CPUID); on other machines nothing is known.

/// EAX, EBX, ECX and EDX for a leaf and a subleaf; None where the CPU has no such leaf, and on other machines.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub fn leaf(leaf: u32, subleaf: u32) -> Option<[u32; 4]> {
    // Beyond its last leaf a CPU answers with the last one's values: ask for the last one of this leaf's range first.
    let range = leaf & 0xffff_0000;
    let last = raw(range, 0);
    (last[0] >= leaf || leaf == 0).then(|| raw(leaf, subleaf))
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn raw(leaf: u32, subleaf: u32) -> [u32; 4] {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::__cpuid_count;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::__cpuid_count;
    // SAFETY: every CPU that can run this program (i686 and later) has the instruction. Newer compilers call it safe.
    #[allow(unused_unsafe)]
    let answer = unsafe { __cpuid_count(leaf, subleaf) };
    [answer.eax, answer.ebx, answer.ecx, answer.edx]
}

/// Nothing: there is no such instruction here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
pub fn leaf(_: u32, _: u32) -> Option<[u32; 4]> {
    None
}
