"""The metadata of a real libcamera request, owned and read where libcamera put them."""

import builtins
import sys
from pathlib import Path

cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libcpp cimport bool as cbool

from imx500_native._tensors cimport tensor_views
from imx500_native.includes.libcamera cimport (
    DECLARED_OTHERWISE,
    KIND_BOOL,
    KIND_FLOAT,
    KIND_INT32,
    KIND_INT64,
    KIND_NONE,
    KIND_POINT,
    KIND_RECTANGLE,
    KIND_SIZE,
    KIND_STRING,
    KIND_UINT8,
    KIND_UINT16,
    LIBCAMERA_VERSION_MAJOR,
    LIBCAMERA_VERSION_MINOR,
    REQUEST_CANCELLED,
    REQUEST_PENDING,
    TAKEN,
    CControl,
    CControlValue,
    CRequest,
    CTaking,
    control_ids,
    described,
    find_control,
    known_controls,
    known_count,
    peek,
    request_type,
    request_type_name,
    running_version,
    size_type,
    take_copy,
    take_whole,
    type_info_name,
)

from imx500_native import bindings
from imx500_native.bindings import bare_request, check_ownership, mapping_problem
from imx500_native.errors import (
    LibcameraMissingError,
    RequestStateError,
    TensorInfoError,
    TensorTakenError,
)

cnp.import_array()

cdef extern from "Python.h":
    ctypedef struct PyInterpreterState
    PyInterpreterState *PyInterpreterState_Get() noexcept
    PyObject *PyInterpreterState_GetDict(PyInterpreterState *state) noexcept
    object PyWeakref_NewRef(object referent, PyObject *callback)
    str PyUnicode_DecodeUTF8(const char *text, Py_ssize_t length, const char *errors)

cdef dict ids_by_name = {}
cdef dict names_by_id = {}
# By name and by number: controls that a simulation sets and that this libcamera does not have. Its
# own table stays as it is: other cameras' threads may be reading it.
cdef dict stand_ins = {}
# In no vendor's range of numbers.
cdef unsigned int FIRST_STAND_IN = 0x53494D00

# What the first good request taught: bound once, then only read.
cdef object request_class = None
cdef bytes conduit_abi = None
cdef object request_capsule = PyCapsule_New(<void *>request_type(), type_info_name(), NULL)
cdef object size_capsule = PyCapsule_New(<void *>size_type(), type_info_name(), NULL)
cdef bytes POINTER_KIND = b"raw_pointer_ephemeral"

# The conduit takes a microsecond. A request's Python object owns its C++ object, so what it said
# once holds for as long as that Python object lives: the keys are weak references to them.
cdef dict pointers = {}
cdef Py_ssize_t MAX_POINTERS = 64


cdef unsigned int output_tensor_id = 0
cdef unsigned int output_info_id = 0


cdef bint learn_names() except -1:
    """Read libcamera's table of controls; False where it has not grown since the last time."""
    # A test, or a pipeline's own module, may register more after the first look.
    if <size_t>len(names_by_id) == known_count():
        return False
    # Downwards, so that of two vendors' controls of one name the lower, older id stays.
    for number, name in sorted(known_controls(), reverse=True):
        text = sys.intern(name.decode())
        ids_by_name[text] = number
        names_by_id[number] = text
    return True


cdef unsigned int id_of(str name) except? 0:
    """The number of a control by its name; 0, which is nobody's, for an unknown name."""
    number = ids_by_name.get(name)
    if number is None and learn_names():
        number = ids_by_name.get(name)
    if number is None:
        number = stand_ins.get(name)
    return 0 if number is None else number


cdef unsigned int learnt_id(unsigned int *number, str name) except? 0:
    """`id_of` for what every frame is asked for: a dictionary takes as long as the whole list."""
    if number[0]:
        return number[0]
    found = id_of(name)
    # A stand-in gives way should this libcamera come to know the name.
    if name in ids_by_name:
        number[0] = found
    return found


cdef unsigned int stand_in_for(str name) except 0:
    """A control's number, one of this package's own where libcamera has no such control."""
    number = id_of(name)
    if number == 0:
        number = FIRST_STAND_IN + len(stand_ins)
        stand_ins[name] = number
        stand_ins[number] = name
    return number


cdef str name_of(unsigned int number):
    name = names_by_id.get(number)
    if name is None and learn_names():
        name = names_by_id.get(number)
    if name is None:
        name = stand_ins.get(number)
    return f"unknown_{number}" if name is None else name


cdef object shown(Controls owner, const CControl *found, int type_number, int columns):
    cdef cnp.npy_intp[2] shape = [<cnp.npy_intp>found.elements, columns]
    cdef cnp.ndarray array = cnp.PyArray_SimpleNewFromData(
        1 if columns == 1 else 2, shape, type_number, <void *>found.data
    )
    cnp.PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
    cnp.set_array_base(array, owner)
    return array


cdef object array_value(Controls owner, const CControl *found):
    if found.kind == KIND_FLOAT:
        return shown(owner, found, cnp.NPY_FLOAT32, 1)
    if found.kind == KIND_UINT8:
        return shown(owner, found, cnp.NPY_UINT8, 1)
    if found.kind == KIND_INT32:
        return shown(owner, found, cnp.NPY_INT32, 1)
    if found.kind == KIND_INT64:
        return shown(owner, found, cnp.NPY_INT64, 1)
    if found.kind == KIND_STRING:
        return PyUnicode_DecodeUTF8(<const char *>found.data, found.elements, "replace")
    if found.kind == KIND_RECTANGLE:
        return shown(owner, found, cnp.NPY_INT32, 4)
    if found.kind == KIND_SIZE or found.kind == KIND_POINT:
        return shown(owner, found, cnp.NPY_INT32, 2)
    if found.kind == KIND_BOOL:
        return shown(owner, found, cnp.NPY_BOOL, 1)
    if found.kind == KIND_UINT16:
        return shown(owner, found, cnp.NPY_UINT16, 1)
    return shown(owner, found, cnp.NPY_UINT32, 1)


cdef object scalar_value(const CControl *found):
    cdef const int32_t *words = <const int32_t *>found.data
    if found.kind == KIND_INT32:
        return words[0]
    if found.kind == KIND_INT64:
        return (<const int64_t *>found.data)[0]
    if found.kind == KIND_FLOAT:
        return (<const float *>found.data)[0]
    if found.kind == KIND_RECTANGLE:
        return (words[0], words[1], words[2], words[3])
    if found.kind == KIND_SIZE or found.kind == KIND_POINT:
        return (words[0], words[1])
    if found.kind == KIND_BOOL:
        return (<const cbool *>found.data)[0]
    if found.kind == KIND_UINT8:
        return (<const uint8_t *>found.data)[0]
    if found.kind == KIND_UINT16:
        return (<const uint16_t *>found.data)[0]
    return (<const uint32_t *>found.data)[0]


cdef object control_value(Controls owner, const CControl *found):
    if found.kind == KIND_NONE:
        return None
    if found.is_array:
        return array_value(owner, found)
    return scalar_value(found)


cdef class Controls:
    """The controls of one request, owned by this object; made by `take_controls`.

    It can be read like a mapping. Arrays stay arrays: they show libcamera's own memory, are
    read-only, and keep this object alive. They never depend on the request again.

    ============================  ===================================================
    libcamera's type              value
    ============================  ===================================================
    bool, integers, enumerations  bool, int
    float                         float
    string                        str
    Rectangle                     (x, y, width, height)
    Size, Point                   (width, height), (x, y)
    spans of numbers              numpy array, shape (n,), libcamera's element type
    spans of Rectangle            numpy array, shape (n, 4), int32
    spans of Size or Point        numpy array, shape (n, 2), int32
    ============================  ===================================================

    Attributes
    ----------
    access : {"move", "copy"}
        How the list was taken.
    sequence : int
        The request's number since the camera started.
    """

    def __init__(self):
        raise TypeError("Controls come from a request: use take_controls(request)")

    def get(self, str name, object default=None):
        """Return a control's value, or `default` where the request has none of this name.

        Parameters
        ----------
        name : str
            libcamera's name of the control, ``"CnnOutputTensor"`` for one.
        default : object, optional
            What to return for a control that is not there.

        Returns
        -------
        object
            The value, of a type as the class's table says.
        """
        cdef CControl found
        if not find_control(self.list, id_of(name), found):
            return default
        return control_value(self, &found)

    def __getitem__(self, str name):
        cdef CControl found
        if not find_control(self.list, id_of(name), found):
            raise KeyError(name)
        return control_value(self, &found)

    def __contains__(self, object name):
        cdef CControl found
        return isinstance(name, str) and find_control(self.list, id_of(name), found)

    def __len__(self):
        return self.list.size()

    def __iter__(self):
        return iter(self.keys())

    cdef bint find_tensor(self) except -1:
        if not self.sought:
            self.has_tensor = find_control(
                self.list, learnt_id(&output_tensor_id, "CnnOutputTensor"), self.tensor
            )
            self.sought = True
        return self.has_tensor

    def output_arrays(self, shapes=None):
        """Show the network's output tensors.

        Parameters
        ----------
        shapes : sequence of tuple of int, optional
            The network's own shapes, used where the list has no tensor info or an empty one.

        Returns
        -------
        tuple of ndarray or None
            One read-only float32 array in Fortran order per tensor, on this object's memory; None
            where the list has no tensors.

        Raises
        ------
        TensorInfoError
            If the tensors are of a wrong type, or the info does not describe exactly them.
        """
        cdef CControl info
        if not self.find_tensor() or self.tensor.elements == 0:
            return None
        if self.tensor.kind != KIND_FLOAT:
            raise TensorInfoError("CnnOutputTensor does not hold float32 values")
        info.data = NULL
        info.elements = 0
        if find_control(self.list, learnt_id(&output_info_id, "CnnOutputTensorInfo"), info):
            if info.kind != KIND_UINT8:
                raise TensorInfoError("CnnOutputTensorInfo does not hold bytes")
        return tensor_views(
            self,
            <const float *>self.tensor.data,
            <Py_ssize_t>self.tensor.elements,
            <const uint8_t *>info.data,
            info.elements,
            shapes,
        )

    def keys(self):
        """Return the names of the controls, in no particular order.

        Returns
        -------
        list of str
            One name per control; ``unknown_<id>`` for one that this libcamera does not name.
        """
        return [name_of(number) for number in control_ids(self.list)]

    def to_dict(self):
        """Return every control by name.

        Returns
        -------
        dict of str to object
            The values are as `get` returns them: arrays still show this object's memory.
        """
        cdef CControl found
        cdef dict values = {}
        for number in control_ids(self.list):
            find_control(self.list, number, found)
            values[name_of(number)] = control_value(self, &found)
        return values


cdef list abi_candidates():
    # The id depends on the compiler and the pybind11 that built the bindings; pybind11 writes it
    # into the name under which it keeps its internals.
    cdef PyObject *state = PyInterpreterState_GetDict(PyInterpreterState_Get())
    names = list(<dict>state) if state != NULL else []
    candidates = []
    for name in [*names, *vars(builtins)]:
        if isinstance(name, str) and name.startswith("__pybind11_internals_v"):
            tail = name.removeprefix("__pybind11_internals_v").lstrip("0123456789")
            tail = tail.removesuffix("__")
            # Only pybind11 2 counts the separating underscore as part of the id.
            candidates += [tail.encode(), tail.removeprefix("_").encode()]
    return candidates


cdef str class_problem(object kind):
    """Why the objects of a class of libcamera's bindings must not, or cannot, be reached."""
    built = f"{LIBCAMERA_VERSION_MAJOR}.{LIBCAMERA_VERSION_MINOR}"
    problem = mapping_problem(
        Path("/proc/self/maps").read_text(), built, running_version().decode()
    )
    if problem is None and not hasattr(kind, "_pybind11_conduit_v1_"):
        problem = (
            "libcamera's Python bindings were built with a pybind11 older than 2.11.2, which "
            "gives no access to their objects; Raspberry Pi OS trixie or newer has newer ones"
        )
    return problem


cdef str learn_abi(object bound, object type_capsule):
    """Find how the bindings' conduit is called, with any of their objects; say why not."""
    global conduit_abi
    for candidate in abi_candidates():
        if bound._pybind11_conduit_v1_(candidate, type_capsule, POINTER_KIND) is not None:
            conduit_abi = candidate
            return None
    return "libcamera's Python bindings do not answer to any pybind11 ABI id of this process"


def bindings_problem():
    """Say what `direct_access_problem` will say, where there is no request yet.

    Returns
    -------
    str or None
        The reason, with what to do; None where `take_controls` will work.

    Raises
    ------
    ImportError
        Where libcamera's Python bindings cannot be imported.
    """
    import libcamera

    # An object of another class: only a camera makes requests.
    return class_problem(libcamera.Request) or learn_abi(libcamera.Size(), size_capsule)


def direct_access_problem(request):
    """Say why this request cannot be read in libcamera's memory, if it cannot.

    The answer is the same for every request of the process: ask once.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        Any request, in any state but released.

    Returns
    -------
    str or None
        The reason, with what to do; None where `take_controls` works.

    Raises
    ------
    TypeError
        For an object that is not a request.
    RequestStateError
        For a ``CompletedRequest`` that was released.
    """
    global request_class
    request = bare_request(request)
    if request_class is not None:
        return None
    problem = class_problem(type(request)) or learn_abi(request, request_capsule)
    if problem is None:
        request_class = type(request)
    return problem


cdef object known_request(object given):
    """The libcamera.Request in what a caller gave, of a class whose objects can be read."""
    if request_class is not None:
        inner = getattr(given, "request", None)
        if type(inner) is request_class:
            return inner
    problem = direct_access_problem(given)
    if problem is not None:
        raise LibcameraMissingError(problem)
    return bare_request(given)


cdef void *bound_pointer(object bound, object type_capsule, const char *type_name) except NULL:
    """The C++ object behind one of libcamera's Python objects, once a request has been reached."""
    capsule = bound._pybind11_conduit_v1_(conduit_abi, type_capsule, POINTER_KIND)
    if capsule is None:
        raise TypeError(f"{type(bound).__qualname__} is not of the type that was asked for")
    return PyCapsule_GetPointer(capsule, type_name)


cdef CRequest *ask_conduit(object request, object reference) except NULL:
    cdef CRequest *pointer = <CRequest *>bound_pointer(
        request, request_capsule, request_type_name()
    )
    if len(pointers) == MAX_POINTERS:
        # Most are of requests long gone; a camera has a dozen.
        pointers.clear()
    pointers[reference] = <uintptr_t>pointer
    return pointer


cdef CRequest *request_pointer(object request) except NULL:
    if type(request) is not request_class:
        request = known_request(request)
    # The same reference object each time, as long as the dictionary holds it.
    reference = PyWeakref_NewRef(request, NULL)
    address = pointers.get(reference)
    if address is None:
        return ask_conduit(request, reference)
    return <CRequest *><uintptr_t>address


cdef object refusal(CTaking state):
    if state == REQUEST_PENDING:
        return RequestStateError(bindings.PENDING)
    if state == REQUEST_CANCELLED:
        return RequestStateError(bindings.CANCELLED)
    if state == DECLARED_OTHERWISE:
        return LibcameraMissingError(
            "this libcamera declares a control of the AI Camera otherwise than Raspberry Pi's does"
        )
    return TensorTakenError(
        'the request\'s metadata were moved into another frame (ownership="move"); use that frame, '
        'or ownership="copy" for all but the last reader'
    )


def take_controls(request, str ownership="copy"):
    """Take a completed request's metadata into an object of their own.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        A request that libcamera has handed back and that has not been reused since.
    ownership : {"copy", "move"}
        ``"copy"`` leaves the request as it was. ``"move"`` takes the list out of it, in constant
        time: the request's own metadata are empty from then on, for every other reader too.

    Returns
    -------
    Controls
        The whole list.

    Raises
    ------
    TypeError
        For an object that is not a request.
    RequestStateError
        For a request that is pending, cancelled or released.
    TensorTakenError
        For a request whose metadata were moved away.
    LibcameraMissingError
        Where `direct_access_problem` names a problem.
    """
    cdef bint whole = ownership == "move"
    cdef CTaking state
    if not whole:
        check_ownership(ownership)
    # Made first: from the status check on, nothing may let another thread in.
    cdef Controls controls = Controls.__new__(Controls)
    cdef CRequest *pointer = request_pointer(request)
    state = take_whole(pointer[0], controls.list) if whole else take_copy(pointer[0], controls.list)
    if state != TAKEN:
        raise refusal(state)
    controls.sequence = pointer.sequence()
    controls.access = "move" if whole else "copy"
    return controls


def peek_control(request, str name):
    """Read one small control of a completed request, and leave its metadata where they are.

    Parameters
    ----------
    request : libcamera.Request or picamera2.request.CompletedRequest
        As `take_controls` takes it.
    name : str
        libcamera's name of the control.

    Returns
    -------
    object
        A value as the table of `Controls` says, but a tuple for an array; None where the request
        has no such control.

    Raises
    ------
    TypeError, RequestStateError, TensorTakenError, LibcameraMissingError
        As `take_controls`.
    """
    cdef CControlValue value
    cdef CControl found
    cdef CTaking state
    cdef CRequest *pointer = request_pointer(request)
    # A copy: making the Python objects may let another thread in, which may reuse the request.
    # The request's state is checked for an unknown name too.
    state = peek(pointer[0], id_of(name), value)
    if state != TAKEN:
        raise refusal(state)
    found = described(value)
    # Of no owner: no array leaves this function.
    shown_value = control_value(None, &found)
    if not isinstance(shown_value, cnp.ndarray):
        return shown_value
    items = shown_value.tolist()
    return tuple(map(tuple, items)) if shown_value.ndim == 2 else tuple(items)
