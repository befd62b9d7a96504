/* Loops that a processor with wider vectors than every x86-64 has does in fewer instructions. */
#ifndef IMX500_VECTOR_CLONES_H
#define IMX500_VECTOR_CLONES_H

/* Before a function: it is compiled for AVX2 as well, and the loader takes what fits the processor.
 * Other architectures have no need: the vectors of AArch64 are the same on all. AddressSanitizer's
 * checks would run before the loader's choice does. Wheels are built with gcc; clang, which fuzzes,
 * knows the attribute only since version 14.
 */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__)
#define IMX500_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define IMX500_VECTOR_CLONES
#endif

#endif
