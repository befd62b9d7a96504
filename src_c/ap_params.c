#include "ap_params.h"

#include <string.h>

/* Field numbers of the flatbuffer's tables. */
enum { ROOT_NETWORKS = 0 };
enum { NETWORK_NAME = 1, NETWORK_INPUTS = 3, NETWORK_OUTPUTS = 4 };
enum { DIMENSION_SIZE = 1, DIMENSION_ORDER = 2, DIMENSION_PADDING = 3 };

/* Inputs and outputs are almost the same table; inputs have no `bits`, all their elements have 8.
 */
struct tensor_fields {
    unsigned name;
    unsigned num_dimensions;
    unsigned dimensions;
    unsigned bits;
    unsigned shift;
    unsigned scale;
    unsigned format;
};

static const struct tensor_fields INPUT_FIELDS = {1, 2, 3, 0, 4, 5, 6};
static const struct tensor_fields OUTPUT_FIELDS = {1, 2, 3, 4, 5, 6, 7};

/* The first refusal stays; every read after it answers 0, so callers may check once per table. */
struct reader {
    const uint8_t *words;
    uint64_t length;
    enum imx500_status status;
    struct imx500_fault *fault;
};

struct table {
    uint64_t at;
    uint64_t vtable;
    uint32_t vtable_size;
    uint32_t size;
};

struct vector {
    uint64_t at;
    uint32_t count;
};

static void refuse(struct reader *reader, enum imx500_status status, uint64_t where,
                   uint64_t expected, uint64_t actual) {
    if (reader->status != IMX500_OK)
        return;
    reader->status = status;
    *reader->fault = (struct imx500_fault){where, expected, actual};
}

static bool reachable(struct reader *reader, uint64_t from, uint64_t at, uint64_t size) {
    if (at > reader->length || size > reader->length - at)
        refuse(reader, IMX500_BAD_OFFSET, from, reader->length, at);
    return reader->status == IMX500_OK;
}

static uint32_t read_uint(struct reader *reader, uint64_t at, unsigned width) {
    if (!reachable(reader, at, at, width))
        return 0;
    uint32_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint32_t)reader->words[(at + i) ^ 3] << (8 * i);
    return value;
}

static struct table open_table(struct reader *reader, uint64_t at) {
    struct table table = {.at = at};
    /* The distance is signed, and points backwards when positive; a wrapped difference is far
       outside the buffer. */
    const int64_t distance = (int32_t)read_uint(reader, at, 4);
    table.vtable = at - (uint64_t)distance;
    if (!reachable(reader, at, table.vtable, 4))
        return table;
    table.vtable_size = read_uint(reader, table.vtable, 2);
    table.size = read_uint(reader, table.vtable + 2, 2);
    if (table.vtable_size < 4 || table.size < 4)
        refuse(reader, IMX500_BAD_OFFSET, table.vtable, reader->length, table.vtable);
    reachable(reader, table.vtable, table.vtable, table.vtable_size);
    reachable(reader, at, at, table.size);
    return table;
}

/* Where a field stands; 0, where no field can stand, if it was left out for its default. */
static uint64_t find_field(struct reader *reader, const struct table *table, unsigned field,
                           unsigned width) {
    const uint32_t slot = 4 + 2 * field;
    if (reader->status != IMX500_OK || slot + 2 > table->vtable_size)
        return 0;
    const uint32_t offset = read_uint(reader, table->vtable + slot, 2);
    if (offset == 0)
        return 0;
    if (offset < 4 || offset + width > table->size) {
        refuse(reader, IMX500_BAD_OFFSET, table->vtable + slot, table->at + table->size,
               table->at + offset);
        return 0;
    }
    return table->at + offset;
}

static uint32_t read_field(struct reader *reader, const struct table *table, unsigned field,
                           unsigned width) {
    const uint64_t at = find_field(reader, table, field, width);
    return at ? read_uint(reader, at, width) : 0;
}

/* The element count of a vector or string field, and where its elements start. */
static struct vector open_vector(struct reader *reader, const struct table *table, unsigned field,
                                 unsigned width) {
    struct vector vector = {0, 0};
    const uint64_t at = find_field(reader, table, field, 4);
    if (!at)
        return vector;
    const uint64_t start = at + read_uint(reader, at, 4);
    const uint32_t count = read_uint(reader, start, 4);
    vector.at = start + 4;
    if (reachable(reader, at, vector.at, (uint64_t)count * width))
        vector.count = count;
    return vector;
}

static struct table open_item(struct reader *reader, const struct vector *vector, uint32_t index) {
    const uint64_t at = vector->at + 4u * (uint64_t)index;
    return open_table(reader, at + read_uint(reader, at, 4));
}

static void read_name(struct reader *reader, const struct table *table, unsigned field,
                      uint64_t where, struct imx500_ap_name *name) {
    const struct vector text = open_vector(reader, table, field, 1);
    if (text.count > IMX500_AP_NAME_LENGTH) {
        refuse(reader, IMX500_TOO_LARGE, where, IMX500_AP_NAME_LENGTH, text.count);
        return;
    }
    name->length = text.count;
    for (uint32_t i = 0; i < text.count; i++)
        name->text[i] = (char)reader->words[(text.at + i) ^ 3];
}

static void read_dimensions(struct reader *reader, const struct table *table,
                            const struct tensor_fields *fields, uint64_t where,
                            struct imx500_ap_tensor *tensor) {
    const struct vector list = open_vector(reader, table, fields->dimensions, 4);
    tensor->num_dimensions = read_field(reader, table, fields->num_dimensions, 1);
    if (tensor->num_dimensions == 0 || tensor->num_dimensions > IMX500_MAX_DIMENSIONS)
        refuse(reader, IMX500_BAD_RANK, where, IMX500_MAX_DIMENSIONS, tensor->num_dimensions);
    if (list.count != tensor->num_dimensions)
        refuse(reader, IMX500_ELEMENTS_MISMATCH, where, tensor->num_dimensions, list.count);

    uint32_t orders_seen = 0;
    tensor->elements = 1;
    for (uint32_t d = 0; d < tensor->num_dimensions && reader->status == IMX500_OK; d++) {
        const struct table item = open_item(reader, &list, d);
        struct imx500_ap_dimension *dimension = &tensor->dimensions[d];
        dimension->size = (uint16_t)read_field(reader, &item, DIMENSION_SIZE, 2);
        dimension->order = (uint8_t)read_field(reader, &item, DIMENSION_ORDER, 1);
        dimension->padding = (uint8_t)read_field(reader, &item, DIMENSION_PADDING, 1);
        if (dimension->size == 0)
            refuse(reader, IMX500_ZERO_DIMENSION, where, 1, d);
        if (dimension->order >= tensor->num_dimensions || orders_seen >> dimension->order & 1)
            refuse(reader, IMX500_BAD_ORDER, where, tensor->num_dimensions, dimension->order);
        else
            orders_seen |= 1u << dimension->order;
        tensor->elements *= dimension->size;
        if (tensor->elements > UINT32_MAX)
            refuse(reader, IMX500_TOO_LARGE, where, UINT32_MAX, tensor->elements);
    }
}

static void read_tensor(struct reader *reader, const struct table *table,
                        const struct tensor_fields *fields, uint64_t where,
                        struct imx500_ap_tensor *tensor) {
    const bool is_output = fields == &OUTPUT_FIELDS;
    read_name(reader, table, fields->name, where, &tensor->name);
    read_dimensions(reader, table, fields, where, tensor);
    tensor->bits = is_output ? (uint8_t)read_field(reader, table, fields->bits, 1) : 8;
    if (tensor->bits != 8 && tensor->bits != 16 && tensor->bits != 32)
        refuse(reader, IMX500_BAD_BITS, where, 8, tensor->bits);
    tensor->shift = (uint16_t)read_field(reader, table, fields->shift, 2);

    /* Only the values of outputs depend on the scale, so an input may leave it out. */
    const uint32_t scale = read_field(reader, table, fields->scale, 4);
    const bool is_finite = (scale & 0x7f800000u) != 0x7f800000u;
    const bool is_negative = scale >> 31;
    if (!is_finite || is_negative || (is_output && scale == 0))
        refuse(reader, IMX500_BAD_SCALE, where, 0, scale);
    memcpy(&tensor->scale, &scale, sizeof scale);

    const uint32_t format = read_field(reader, table, fields->format, 1);
    if (format > 1)
        refuse(reader, IMX500_BAD_VALUE, where, 1, format);
    tensor->is_signed = format == 0;
}

static uint32_t read_tensors(struct reader *reader, const struct table *network, unsigned field,
                             const struct tensor_fields *fields, uint64_t where,
                             struct imx500_ap_tensor *tensors) {
    const struct vector list = open_vector(reader, network, field, 4);
    if (list.count > IMX500_MAX_TENSORS)
        refuse(reader, IMX500_TOO_MANY_TENSORS, fields == &OUTPUT_FIELDS, IMX500_MAX_TENSORS,
               list.count);
    for (uint32_t i = 0; i < list.count && reader->status == IMX500_OK; i++) {
        const struct table item = open_item(reader, &list, i);
        read_tensor(reader, &item, fields, where + i, &tensors[i]);
    }
    return list.count;
}

enum imx500_status imx500_ap_params_read(const uint8_t *words, size_t length,
                                         struct imx500_ap_params *params,
                                         struct imx500_fault *fault) {
    memset(params, 0, sizeof *params);
    struct reader reader = {.words = words, .length = length, .fault = fault};
    if (length % 4 != 0) {
        refuse(&reader, IMX500_UNKNOWN_LENGTH, 0, length + 4 - length % 4, length);
        return reader.status;
    }
    const struct table root = open_table(&reader, read_uint(&reader, 0, 4));
    const struct vector networks = open_vector(&reader, &root, ROOT_NETWORKS, 4);
    if (networks.count == 0)
        refuse(&reader, IMX500_EMPTY, 0, 1, 0);
    if (reader.status != IMX500_OK)
        return reader.status;
    params->num_networks = networks.count;
    const struct table network = open_item(&reader, &networks, 0);
    read_name(&reader, &network, NETWORK_NAME, 0, &params->name);
    params->num_inputs =
        read_tensors(&reader, &network, NETWORK_INPUTS, &INPUT_FIELDS, 0, params->inputs);
    params->num_outputs = read_tensors(&reader, &network, NETWORK_OUTPUTS, &OUTPUT_FIELDS,
                                       params->num_inputs, params->outputs);
    return reader.status;
}
