/* What every function of the C core answers, and the numbers behind a refusal. */
#ifndef IMX500_STATUS_H
#define IMX500_STATUS_H

#include <stdint.h>

enum imx500_status {
    IMX500_OK = 0,
    IMX500_UNKNOWN_LENGTH,
    IMX500_EMPTY,
    IMX500_TOO_MANY_TENSORS,
    IMX500_BAD_RANK,
    IMX500_ZERO_DIMENSION,
    IMX500_ELEMENTS_MISMATCH,
    IMX500_TOTAL_MISMATCH,
    IMX500_TRUNCATED,
    IMX500_BAD_MAGIC,
    IMX500_BAD_VALUE,
    IMX500_TOO_LARGE,
    IMX500_BAD_INDEX,
    IMX500_BAD_FOOTER,
    IMX500_BAD_OFFSET,
    IMX500_BAD_BITS,
    IMX500_BAD_ORDER,
    IMX500_BAD_SCALE,
    IMX500_ZERO_DENOMINATOR,
};

/* The numbers that an error message names. `where` is an index or a byte offset. */
struct imx500_fault {
    uint64_t where;
    uint64_t expected;
    uint64_t actual;
};

#endif
