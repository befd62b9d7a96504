#include "controls.h"

#include <cstdint>
#include <cstring>
#include <typeinfo>

#include <libcamera/camera_manager.h>
#include <libcamera/control_ids.h>

namespace imx500 {

namespace {

taking readiness(libcamera::Request &request) noexcept {
    switch (request.status()) {
    case libcamera::Request::RequestPending:
        return REQUEST_PENDING;
    case libcamera::Request::RequestCancelled:
        return REQUEST_CANCELLED;
    case libcamera::Request::RequestComplete:
        break;
    }
    return request.metadata().empty() ? METADATA_GONE : TAKEN;
}

control_kind kind_of(libcamera::ControlType type) noexcept {
    switch (type) {
    case libcamera::ControlTypeNone:
        return KIND_NONE;
    case libcamera::ControlTypeBool:
        return KIND_BOOL;
    case libcamera::ControlTypeByte:
        return KIND_UINT8;
    case libcamera::ControlTypeUnsigned16:
        return KIND_UINT16;
    case libcamera::ControlTypeUnsigned32:
        return KIND_UINT32;
    case libcamera::ControlTypeInteger32:
        return KIND_INT32;
    case libcamera::ControlTypeInteger64:
        return KIND_INT64;
    case libcamera::ControlTypeFloat:
        return KIND_FLOAT;
    case libcamera::ControlTypeString:
        return KIND_STRING;
    case libcamera::ControlTypeRectangle:
        return KIND_RECTANGLE;
    case libcamera::ControlTypeSize:
        return KIND_SIZE;
    case libcamera::ControlTypePoint:
        return KIND_POINT;
    }
    return KIND_NONE;
}

/* Only for what a simulated sensor has to say. */
libcamera::ControlType type_of(control_kind kind) noexcept {
    switch (kind) {
    case KIND_UINT8:
        return libcamera::ControlTypeByte;
    case KIND_INT32:
        return libcamera::ControlTypeInteger32;
    case KIND_FLOAT:
        return libcamera::ControlTypeFloat;
    case KIND_RECTANGLE:
        return libcamera::ControlTypeRectangle;
    default:
        return libcamera::ControlTypeNone;
    }
}

bool is_declared_so(unsigned int id, libcamera::ControlType type, bool is_array,
                    std::size_t elements) {
    const auto entry = libcamera::controls::controls.find(id);
    if (entry == libcamera::controls::controls.end())
        return true;
    const libcamera::ControlId &declared = *entry->second;
    if (declared.type() != type || declared.isArray() != is_array)
        return false;
    return !is_array || declared.size() == libcamera::dynamic_extent || declared.size() == elements;
}

} // namespace

taking take_copy(libcamera::Request &request, libcamera::ControlList &list) {
    const taking state = readiness(request);
    if (state == TAKEN)
        list = request.metadata();
    return state;
}

taking take_whole(libcamera::Request &request, libcamera::ControlList &list) noexcept {
    const taking state = readiness(request);
    if (state == TAKEN) {
        auto &metadata = const_cast<libcamera::ControlList &>(request.metadata());
        list = std::move(metadata);
        /* The standard leaves open what a moved-from map holds; METADATA_GONE relies on nothing. */
        metadata.clear();
    }
    return state;
}

taking peek(libcamera::Request &request, unsigned int id, libcamera::ControlValue &value) {
    const taking state = readiness(request);
    /* get() alone would log an error for a control that is not there. */
    if (state == TAKEN && request.metadata().contains(id))
        value = request.metadata().get(id);
    return state;
}

taking put_control(libcamera::Request &request, unsigned int id, control_kind kind, bool is_array,
                   const void *data, std::size_t elements) {
    const taking state = readiness(request);
    if (state != TAKEN)
        return state;
    const libcamera::ControlType type = type_of(kind);
    if (type == libcamera::ControlTypeNone || !is_declared_so(id, type, is_array, elements))
        return DECLARED_OTHERWISE;
    libcamera::ControlValue value;
    value.reserve(type, is_array, elements);
    const libcamera::Span<std::uint8_t> target = value.data();
    if (!target.empty())
        std::memcpy(target.data(), data, target.size());
    const_cast<libcamera::ControlList &>(request.metadata()).set(id, value);
    return TAKEN;
}

control described(const libcamera::ControlValue &value) {
    return {value.data().data(), value.numElements(), kind_of(value.type()), value.isArray()};
}

bool find_control(const libcamera::ControlList &list, unsigned int id, control &found) {
    /* As in peek(). */
    if (!list.contains(id))
        return false;
    found = described(list.get(id));
    return true;
}

std::vector<unsigned int> control_ids(const libcamera::ControlList &list) {
    std::vector<unsigned int> ids;
    ids.reserve(list.size());
    for (const auto &entry : list)
        ids.push_back(entry.first);
    return ids;
}

std::size_t known_count() noexcept {
    return libcamera::controls::controls.size();
}

std::vector<std::pair<unsigned int, std::string>> known_controls() {
    std::vector<std::pair<unsigned int, std::string>> known;
    known.reserve(known_count());
    for (const auto &entry : libcamera::controls::controls)
        known.emplace_back(entry.first, entry.second->name());
    return known;
}

std::string running_version() {
    return libcamera::CameraManager::version();
}

const void *request_type() noexcept {
    return &typeid(libcamera::Request);
}
const char *request_type_name() noexcept {
    return typeid(libcamera::Request).name();
}
const char *type_info_name() noexcept {
    return typeid(std::type_info).name();
}
const void *size_type() noexcept {
    return &typeid(libcamera::Size);
}

} // namespace imx500
