/* A completed request's metadata: taken from libcamera, then read by name and type. */
#ifndef IMX500_LIBCAMERA_CONTROLS_H
#define IMX500_LIBCAMERA_CONTROLS_H

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <libcamera/controls.h>
#include <libcamera/request.h>

namespace imx500 {

enum taking {
    TAKEN,
    REQUEST_PENDING,
    REQUEST_CANCELLED,
    /* Every pipeline completes a request with at least a timestamp: an empty list was moved away.
     */
    METADATA_GONE,
    /* libcamera declares the control with another type or size. */
    DECLARED_OTHERWISE,
};

/* libcamera's own numbers differ between its versions; these do not. */
enum control_kind {
    KIND_NONE,
    KIND_BOOL,
    KIND_UINT8,
    KIND_UINT16,
    KIND_UINT32,
    KIND_INT32,
    KIND_INT64,
    KIND_FLOAT,
    KIND_STRING,
    KIND_RECTANGLE,
    KIND_SIZE,
    KIND_POINT,
};

/* `data` points into the list that holds the control, and lives as long as that list. */
struct control {
    const void *data;
    std::size_t elements;
    control_kind kind;
    bool is_array;
};

/* Copies or moves the metadata of a completed request into `list`. The caller keeps every other
 * user of the request out meanwhile: nothing here stops a reuse() from another thread. */
taking take_copy(libcamera::Request &request, libcamera::ControlList &list);
taking take_whole(libcamera::Request &request, libcamera::ControlList &list) noexcept;

/* Copies one control of a completed request; `value` stays empty where the request has none. */
taking peek(libcamera::Request &request, unsigned int id, libcamera::ControlValue &value);

/* Puts a control onto the metadata of a completed request, as the camera's pipeline would have, in
 * place of one that is there. `elements` values of `kind` are copied from `data`, a rectangle being
 * four int32_t. Refuses a value that is not what libcamera declares the control with this id to be;
 * an id that it does not declare takes any. */
taking put_control(libcamera::Request &request, unsigned int id, control_kind kind, bool is_array,
                   const void *data, std::size_t elements);

/* What a value holds, for as long as it lives. */
control described(const libcamera::ControlValue &value);

/* The control with this id, or false: the list has none. */
bool find_control(const libcamera::ControlList &list, unsigned int id, control &found);
std::vector<unsigned int> control_ids(const libcamera::ControlList &list);

/* The controls that this libcamera knows, which is more than its headers name on a fork. */
std::size_t known_count() noexcept;
std::vector<std::pair<unsigned int, std::string>> known_controls();

std::string running_version();

/* What pybind11's conduit wants to know about libcamera::Request. */
const void *request_type() noexcept;
const char *request_type_name() noexcept;
const char *type_info_name() noexcept;

/* And about libcamera::Size, of which Python can make one without a camera. */
const void *size_type() noexcept;

} // namespace imx500

#endif
