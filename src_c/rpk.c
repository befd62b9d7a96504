#include "rpk.h"

#include <string.h>

#define BLOCK_HEADER 32u
#define BLOCK_FOOTER 32u
#define DEVICE_LOCK_BYTES 32u
#define SECTION_HEADER 32u
#define MEMBER_HEADER 110u
#define FIELD_DIGITS 8u
#define FILE_SIZE_FIELD 54u
#define NAME_SIZE_FIELD 94u

static const char TRAILER[] = "TRAILER!!!";

static uint16_t read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read_u32(const uint8_t *bytes) {
    return (uint32_t)read_u16(bytes) << 16 | read_u16(bytes + 2);
}

static enum imx500_status refuse(enum imx500_status status, struct imx500_fault *fault,
                                 uint64_t where, uint64_t expected, uint64_t actual) {
    *fault = (struct imx500_fault){where, expected, actual};
    return status;
}

static bool holds(const uint8_t *file, size_t length, uint64_t offset, const char *magic,
                  size_t magic_length) {
    return offset + magic_length <= length && memcmp(file + offset, magic, magic_length) == 0;
}

enum imx500_status imx500_rpk_next_block(const uint8_t *file, size_t length,
                                         struct imx500_rpk_block *block,
                                         struct imx500_fault *fault) {
    const uint64_t offset = block->end;
    const bool chain_complete = block->index == block->count;
    if (!holds(file, length, offset, "9464", 4)) {
        if (offset == 0)
            return refuse(IMX500_BAD_MAGIC, fault, 0, 4, length);
        if (!chain_complete)
            return refuse(IMX500_BAD_INDEX, fault, offset, block->count, block->index);
        return IMX500_EMPTY;
    }
    if (offset + BLOCK_HEADER > length)
        return refuse(IMX500_TRUNCATED, fault, offset, offset + BLOCK_HEADER, length);

    const uint8_t *header = file + offset;
    struct imx500_rpk_block next = {
        .offset = offset,
        .payload = offset + BLOCK_HEADER,
        .size = read_u32(header + 4),
        .count = read_u16(header + 8),
        .index = read_u16(header + 10),
        .device_locked = (header[14] & 1) != 0,
    };
    const uint64_t footer_end = next.payload + next.size + BLOCK_FOOTER;
    next.end = footer_end + (next.device_locked ? DEVICE_LOCK_BYTES : 0);
    if (next.end > length)
        return refuse(IMX500_TRUNCATED, fault, offset, next.end, length);
    if (!holds(file, length, footer_end - 4, "3695", 4))
        return refuse(IMX500_BAD_FOOTER, fault, offset, footer_end - 4, 0);

    /* A file of several networks may hold several chains, each counting from 1. */
    const uint64_t expected_index = chain_complete ? 1 : block->index + 1u;
    if (next.index != expected_index || next.index > next.count ||
        (!chain_complete && next.count != block->count))
        return refuse(IMX500_BAD_INDEX, fault, offset, expected_index, next.index);
    *block = next;
    return IMX500_OK;
}

enum imx500_status imx500_rpk_next_section(const uint8_t *file,
                                           const struct imx500_rpk_block *block,
                                           struct imx500_rpk_section *section,
                                           struct imx500_fault *fault) {
    const uint64_t payload_end = block->payload + block->size;
    struct imx500_rpk_section next = {.remaining = section->remaining};
    uint64_t header = section->end;
    if (header == 0) {
        header = block->payload + SECTION_HEADER;
        if (header > payload_end)
            return refuse(IMX500_TRUNCATED, fault, block->payload, header, payload_end);
        next.remaining = read_u32(file + block->payload);
    }
    if (next.remaining == 0)
        return IMX500_EMPTY;
    next.remaining--;

    next.data = header + SECTION_HEADER;
    if (next.data > payload_end)
        return refuse(IMX500_TRUNCATED, fault, header, next.data, payload_end);
    next.type = read_u32(file + header);
    next.address = read_u32(file + header + 4);
    next.size = read_u32(file + header + 8);
    next.end = next.data + next.size;
    if (next.end > payload_end)
        return refuse(IMX500_TRUNCATED, fault, header, next.end, payload_end);
    *section = next;
    return IMX500_OK;
}

static bool read_hex(const uint8_t *digits, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < FIELD_DIGITS; i++) {
        const uint8_t digit = digits[i];
        unsigned nibble;
        if (digit >= '0' && digit <= '9')
            nibble = digit - (unsigned)'0';
        else if ((digit | 0x20u) >= 'a' && (digit | 0x20u) <= 'f')
            nibble = (digit | 0x20u) - 'a' + 10u;
        else
            return false;
        *value = *value << 4 | nibble;
    }
    return true;
}

/* The archive counts its padding from its own start, not from the start of the file. */
static uint64_t align_in_archive(uint64_t offset, uint64_t archive) {
    return archive + ((offset - archive + 3) & ~(uint64_t)3);
}

enum imx500_status imx500_rpk_next_member(const uint8_t *file, size_t length, uint64_t archive,
                                          struct imx500_rpk_member *member,
                                          struct imx500_fault *fault) {
    struct imx500_rpk_member next = {.offset = member->end == 0 ? archive : member->end};
    next.name = next.offset + MEMBER_HEADER;
    if (next.name > length)
        return refuse(IMX500_TRUNCATED, fault, next.offset, next.name, length);
    if (!holds(file, length, next.offset, "070701", 6))
        return refuse(IMX500_BAD_MAGIC, fault, next.offset, 0, 0);

    uint64_t name_size;
    if (!read_hex(file + next.offset + FILE_SIZE_FIELD, &next.size) ||
        !read_hex(file + next.offset + NAME_SIZE_FIELD, &name_size))
        return refuse(IMX500_BAD_VALUE, fault, next.offset, 0, 0);
    next.data = align_in_archive(next.name + name_size, archive);
    /* The data of an empty last member may be padding that the writer left out. */
    const uint64_t needed = next.size ? next.data + next.size : next.name + name_size;
    if (needed > length)
        return refuse(IMX500_TRUNCATED, fault, next.offset, needed, length);

    const uint8_t *end = memchr(file + next.name, '\0', (size_t)name_size);
    if (!end)
        return refuse(IMX500_BAD_OFFSET, fault, next.offset, name_size, 0);
    next.name_length = (uint64_t)(end - (file + next.name));
    next.end = align_in_archive(next.data + next.size, archive);
    next.is_trailer = next.name_length == sizeof TRAILER - 1 &&
                      memcmp(file + next.name, TRAILER, sizeof TRAILER - 1) == 0;
    *member = next;
    return IMX500_OK;
}
