/* The network file (.rpk): a chain of firmware blocks, then a newc archive.
 *
 * Nothing here allocates or keeps state. Every `next` function takes the item it answered before
 * and replaces it with the one that follows; a zeroed item asks for the first.
 */
#ifndef IMX500_RPK_H
#define IMX500_RPK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define IMX500_RPK_SECTION_AP_PARAMS 4

struct imx500_rpk_block {
    uint64_t offset;
    uint64_t payload; /* offset of the payload in the file */
    uint64_t size;    /* bytes of the payload */
    uint64_t end;     /* offset of whatever follows the block */
    uint16_t count;
    uint16_t index; /* 1..count */
    bool device_locked;
};

struct imx500_rpk_section {
    uint64_t data; /* offset of the data in the file */
    uint64_t size;
    uint64_t end;
    uint32_t type;
    uint32_t address;
    uint32_t remaining; /* sections that follow this one */
};

struct imx500_rpk_member {
    uint64_t offset; /* of the header in the file, as are the others */
    uint64_t name;
    uint64_t name_length;
    uint64_t data;
    uint64_t size;
    uint64_t end; /* offset of the next header */
    bool is_trailer;
};

/* IMX500_EMPTY: no block follows, and the archive starts at `block->end`.
 * IMX500_BAD_MAGIC: the file does not start with a block. IMX500_TRUNCATED, IMX500_BAD_FOOTER:
 * `fault->where` is the block's offset; expected and actual are file lengths for the first.
 * IMX500_BAD_INDEX: blocks are missing or out of order; expected and actual are indices.
 */
enum imx500_status imx500_rpk_next_block(const uint8_t *file, size_t length,
                                         struct imx500_rpk_block *block,
                                         struct imx500_fault *fault);

/* Walks the sections of `block`, which must be the first of a chain: only that one counts them.
 * IMX500_EMPTY: no section follows. IMX500_TRUNCATED: the section at `fault->where` needs the
 * payload to reach `expected`, and it ends at `actual`.
 */
enum imx500_status imx500_rpk_next_section(const uint8_t *file,
                                           const struct imx500_rpk_block *block,
                                           struct imx500_rpk_section *section,
                                           struct imx500_fault *fault);

/* Walks the archive that starts at `archive`, up to and including its trailer; asking for more is
 * an error of the caller. IMX500_TRUNCATED: `fault` holds the member's offset, the file length it
 * needs, the length it has. IMX500_BAD_MAGIC, IMX500_BAD_VALUE (a field that is not hexadecimal),
 * IMX500_BAD_OFFSET (a name without its end): `fault->where` is the offset.
 */
enum imx500_status imx500_rpk_next_member(const uint8_t *file, size_t length, uint64_t archive,
                                          struct imx500_rpk_member *member,
                                          struct imx500_fault *fault);

#endif
