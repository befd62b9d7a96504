"""Test only: put controls into a completed request, as the camera's own pipeline would have.

Only Raspberry Pi's libcamera has the Cnn* controls. On any other, `register_cnn_controls` adds them
to libcamera's table, under ids of its own; they stay until the process ends, because libcamera's
bindings keep pointers to them.
"""

cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport uintptr_t
from libcpp cimport bool as cbool
from libcpp.string cimport string

from imx500_native._libcamera cimport request_pointer
from imx500_native.includes.libcamera cimport CRequest

import numpy as np

cnp.import_array()

cdef extern from *:
    """
    #include <algorithm>
    #include <limits>

    #include <libcamera/control_ids.h>
    #include <libcamera/controls.h>
    #include <libcamera/geometry.h>
    #include <libcamera/request.h>

    using namespace libcamera;

    static const ControlId *named(const std::string &name)
    {
        for (const auto &entry : controls::controls)
            if (entry.second->name() == name)
                return entry.second;
        return nullptr;
    }

    static void register_control(const std::string &name, ControlType type, bool span)
    {
        if (named(name))
            return;
        auto &known = const_cast<ControlIdMap &>(controls::controls);
        unsigned int number = 0x494d5800;
        while (known.count(number))
            number++;
        const std::size_t size = span ? std::numeric_limits<std::size_t>::max() : 0;
        known[number] = new ControlId(number, name, "rpi", type, ControlId::Direction::Out, size);
    }

    static ControlList &metadata_of(Request *request)
    {
        return const_cast<ControlList &>(request->metadata());
    }

    template<typename T>
    static void put(Request *request, unsigned int number, const void *data, std::size_t count,
                    bool scalar)
    {
        const T *values = static_cast<const T *>(data);
        ControlList &metadata = metadata_of(request);
        if (scalar)
            metadata.set(number, ControlValue(*values));
        else
            metadata.set(number, ControlValue(Span<const T>(values, count)));
    }

    static void put_text(Request *request, unsigned int number, const std::string &text)
    {
        // What string a ControlValue is made of differs between libcamera's versions.
        ControlValue value;
        value.reserve(ControlTypeString, true, text.size());
        std::copy(text.begin(), text.end(), value.data().begin());
        metadata_of(request).set(number, value);
    }

    static const void *memory_of(Request *request, unsigned int number)
    {
        return request->metadata().get(number).data().data();
    }
    """
    cdef cppclass CControlId "libcamera::ControlId":
        unsigned int id()

    cdef enum CControlType "libcamera::ControlType":
        ControlTypeBool "libcamera::ControlTypeBool"
        ControlTypeByte "libcamera::ControlTypeByte"
        ControlTypeInteger32 "libcamera::ControlTypeInteger32"
        ControlTypeFloat "libcamera::ControlTypeFloat"

    const CControlId *named(const string &name)
    void register_control(const string &name, CControlType kind, cbool span) except +
    void put_bools "put<bool>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_bytes "put<uint8_t>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_int32s "put<int32_t>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_int64s "put<int64_t>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_floats "put<float>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_rectangles "put<Rectangle>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_sizes "put<Size>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_points "put<Point>"(
        CRequest *, unsigned int, const void *, size_t count, cbool scalar
    ) except +
    void put_text(CRequest *, unsigned int, const string &) except +
    const void *memory_of(CRequest *, unsigned int)


cdef unsigned int number_of(name) except? 0:
    if isinstance(name, int):
        return name
    cdef const CControlId *found = named(name.encode())
    if found == NULL:
        raise KeyError(name)
    return (<CControlId *>found).id()


def register_cnn_controls():
    """Add the controls of Raspberry Pi's libcamera that this one does not have."""
    register_control(b"CnnOutputTensor", ControlTypeFloat, True)
    register_control(b"CnnOutputTensorInfo", ControlTypeByte, True)
    register_control(b"CnnEnableInputTensor", ControlTypeBool, False)
    register_control(b"CnnInputTensor", ControlTypeByte, True)
    register_control(b"CnnInputTensorInfo", ControlTypeByte, True)
    register_control(b"CnnKpiInfo", ControlTypeInteger32, True)


def register(name):
    """Add a control of 32-bit integers, as a module loaded late would."""
    register_control(name.encode(), ControlTypeInteger32, False)


def put(request, name, values, kind=None):
    """Set one control of a request's metadata, whatever type the control is declared with.

    Parameters
    ----------
    request : libcamera.Request
        A request in any state.
    name : str or int
        A registered control's name, or an id that need not be registered.
    values : numpy.ndarray or str
        A string; or an array: of no dimension for a scalar, of one for a span. Its dtype is the
        control's type.
    kind : {"rectangle", "size", "point"}, optional
        What each row of an int32 array holds; a single row is a scalar.
    """
    cdef CRequest *target = request_pointer(request)
    cdef unsigned int number = number_of(name)
    if isinstance(values, str):
        put_text(target, number, values.encode())
        return
    # ascontiguousarray makes a scalar one-dimensional, so the rank is asked of the original.
    cdef cbool scalar = np.ndim(values) == (0 if kind is None else 1)
    cdef cnp.ndarray array = np.ascontiguousarray(values)
    cdef const void *data = cnp.PyArray_DATA(array)
    cdef size_t count = array.size
    if kind == "rectangle":
        put_rectangles(target, number, data, count // 4, scalar)
    elif kind == "size":
        put_sizes(target, number, data, count // 2, scalar)
    elif kind == "point":
        put_points(target, number, data, count // 2, scalar)
    elif array.dtype == np.bool_:
        put_bools(target, number, data, count, scalar)
    elif array.dtype == np.uint8:
        put_bytes(target, number, data, count, scalar)
    elif array.dtype == np.int32:
        put_int32s(target, number, data, count, scalar)
    elif array.dtype == np.int64:
        put_int64s(target, number, data, count, scalar)
    elif array.dtype == np.float32:
        put_floats(target, number, data, count, scalar)
    else:
        raise TypeError(array.dtype)


def address(request, name):
    """Return where libcamera keeps the value of a control that the request has."""
    return <uintptr_t>memory_of(request_pointer(request), number_of(name))
