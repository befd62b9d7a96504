from libc.stddef cimport size_t
from libcpp cimport bool as cbool
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "libcamera/version.h":
    const int LIBCAMERA_VERSION_MAJOR
    const int LIBCAMERA_VERSION_MINOR


cdef extern from "libcamera/request.h" nogil:
    cdef cppclass CRequest "libcamera::Request":
        unsigned int sequence() noexcept


cdef extern from "libcamera/controls.h" nogil:
    cdef cppclass CControlList "libcamera::ControlList":
        size_t size() noexcept

    cdef cppclass CControlValue "libcamera::ControlValue":
        pass


cdef extern from "controls.h" namespace "imx500" nogil:
    enum CTaking "imx500::taking":
        TAKEN "imx500::TAKEN"
        REQUEST_PENDING "imx500::REQUEST_PENDING"
        REQUEST_CANCELLED "imx500::REQUEST_CANCELLED"
        METADATA_GONE "imx500::METADATA_GONE"
        DECLARED_OTHERWISE "imx500::DECLARED_OTHERWISE"

    enum CControlKind "imx500::control_kind":
        KIND_NONE "imx500::KIND_NONE"
        KIND_BOOL "imx500::KIND_BOOL"
        KIND_UINT8 "imx500::KIND_UINT8"
        KIND_UINT16 "imx500::KIND_UINT16"
        KIND_UINT32 "imx500::KIND_UINT32"
        KIND_INT32 "imx500::KIND_INT32"
        KIND_INT64 "imx500::KIND_INT64"
        KIND_FLOAT "imx500::KIND_FLOAT"
        KIND_STRING "imx500::KIND_STRING"
        KIND_RECTANGLE "imx500::KIND_RECTANGLE"
        KIND_SIZE "imx500::KIND_SIZE"
        KIND_POINT "imx500::KIND_POINT"

    cdef struct CControl "imx500::control":
        const void *data
        size_t elements
        CControlKind kind
        cbool is_array

    CTaking take_copy(CRequest &request, CControlList &target) except +
    CTaking take_whole(CRequest &request, CControlList &target) noexcept
    CTaking peek(CRequest &request, unsigned int id, CControlValue &value) except +
    CTaking put_control(
        CRequest &request,
        unsigned int id,
        CControlKind kind,
        cbool is_array,
        const void *data,
        size_t elements,
    ) except +
    CControl described(const CControlValue &value) except +
    cbool find_control(const CControlList &source, unsigned int id, CControl &found) except +
    vector[unsigned int] control_ids(const CControlList &source) except +
    size_t known_count() noexcept
    vector[pair[unsigned int, string]] known_controls() except +
    string running_version() except +
    const void *request_type() noexcept
    const char *request_type_name() noexcept
    const char *type_info_name() noexcept
    const void *size_type() noexcept
