"""One streaming session of a live camera: libcamera's thread on one side, Python on the other."""

import os
import time
from typing import NamedTuple

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from libc.stddef cimport size_t
from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.vector cimport vector

from imx500_native._frame cimport FrameContext, FrameState, PictureLease
from imx500_native._latency cimport LatencyBudget
from imx500_native._libcamera cimport (
    Controls,
    bound_pointer,
    refusal,
    request_pointer,
    stand_in_for,
)
from imx500_native._taking cimport FrameSource
from imx500_native.includes.libcamera cimport (
    KIND_FLOAT,
    KIND_INT32,
    KIND_RECTANGLE,
    KIND_UINT8,
    TAKEN,
    CControlKind,
    CRequest,
    CTaking,
    put_control,
    take_whole,
)
from imx500_native.includes.run_loop cimport (
    TURN_FRAME,
    TURN_NOTHING,
    CCamera,
    CLoopCounts,
    CLoopSlot,
    CRunLoop,
    CTurn,
    imx500_camera_type,
    imx500_camera_type_name,
    imx500_type_info_name,
)

cnp.import_array()

cdef extern from *:
    """
    #include <memory>

    #include "run_loop.h"

    static std::shared_ptr<imx500::run_loop> imx500_new_loop(
        libcamera::Camera &camera, const std::vector<imx500::loop_slot> &slots, bool only_latest)
    {
        return std::make_shared<imx500::run_loop>(camera, slots, only_latest);
    }
    """
    shared_ptr[CRunLoop] imx500_new_loop(
        CCamera &camera, const vector[CLoopSlot] &slots, cbool only_latest
    ) except +

# A camera with fewer buffers than this of its own would wait for the consumer.
cdef size_t KEPT_FREE = 2
cdef int LONGEST_WAIT_MS = 1 << 30
cdef object camera_capsule = PyCapsule_New(
    <void *>imx500_camera_type(), imx500_type_info_name(), NULL
)


def abandon(object owner):
    """Never free an object, which only a forked child has reason for.

    Parameters
    ----------
    owner : object
        What owns things of libcamera, whose threads the child has not got.
    """
    Py_INCREF(owner)


# What an IMX500 says of a frame, with libcamera's type and numpy's of one element.
cdef dict SENSOR_CONTROLS = {
    "CnnOutputTensor": (KIND_FLOAT, np.float32),
    "CnnOutputTensorInfo": (KIND_UINT8, np.uint8),
    "CnnInputTensor": (KIND_UINT8, np.uint8),
    "CnnInputTensorInfo": (KIND_UINT8, np.uint8),
    "CnnKpiInfo": (KIND_INT32, np.int32),
    "ScalerCrop": (KIND_RECTANGLE, np.int32),
}


def prepare_sensor_controls():
    """Find numbers for what `put_sensor_controls` sets; before the session that reads them."""
    for name in SENSOR_CONTROLS:
        stand_in_for(name)


def put_sensor_controls(request, dict values):
    """Put what a simulated IMX500 says of a frame onto a completed request.

    Parameters
    ----------
    request : libcamera.Request
        Completed and not reused since; what it has of these names is replaced.
    values : dict of str to ndarray, bytes or sequence of int
        Tensors of one dimension, their infos, the KPI and the ScalerCrop, by libcamera's names. A
        libcamera that does not know a name keeps it under a number of this package's own.

    Raises
    ------
    ValueError
        For another name, or a value of another shape.
    RequestStateError, TensorTakenError
        For a request that is pending or cancelled, or whose metadata were taken.
    LibcameraMissingError
        If libcamera declares one of them with another type.
    """
    cdef CRequest *pointer = request_pointer(request)
    cdef cnp.ndarray array
    cdef CControlKind kind
    cdef CTaking state
    cdef size_t elements
    for name, value in values.items():
        known = SENSOR_CONTROLS.get(name)
        if known is None:
            raise ValueError(f"{name!r:.80} is not one of {', '.join(SENSOR_CONTROLS)}")
        kind = <CControlKind><int>known[0]
        given = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
        array = np.ascontiguousarray(given, known[1])
        if np.ndim(given) != 1 or (kind == KIND_RECTANGLE and len(array) != 4):
            raise ValueError(f"{name} has the shape {np.shape(given)}")
        elements = 1 if kind == KIND_RECTANGLE else len(array)
        state = put_control(
            pointer[0],
            stand_in_for(name),
            kind,
            kind != KIND_RECTANGLE,
            cnp.PyArray_DATA(array),
            elements,
        )
        if state != TAKEN:
            raise refusal(state)


class Counts(NamedTuple):
    """What became of the requests of a session.

    Attributes
    ----------
    completed : int
        Good frames.
    dropped : int
        Those of them that made way for newer ones.
    cancelled : int
        Requests that libcamera gave up, since the last good frame.
    silent_s : float
        How long ago that was, or the last time that the camera was given a buffer.
    """

    completed: int
    dropped: int
    cancelled: int
    silent_s: float


# Not in cycles, as nothing that it keeps refers back: it may die anywhere, the collector included.
@cython.no_gc
@cython.final
cdef class Lease(PictureLease):
    """The base of a picture's array: the buffer goes back to the camera when it dies."""

    cdef shared_ptr[CRunLoop] loop
    cdef size_t index
    cdef cnp.ndarray picture

    def __init__(self):
        raise TypeError("a lease comes with a picture")

    cpdef object shown(self):
        """Make the picture readable, which takes a while for a dma-buf, and show it.

        Returns
        -------
        ndarray
            Read-only; its base is this lease.
        """
        cdef CRunLoop *loop = self.loop.get()
        cdef cnp.ndarray array
        if loop == NULL:
            raise TypeError("a lease comes with a picture")
        if loop.needs_access(self.index):
            with nogil:
                loop.begin_access(self.index)
        array = cnp.PyArray_New(
            cnp.ndarray,
            cnp.PyArray_NDIM(self.picture),
            cnp.PyArray_DIMS(self.picture),
            cnp.NPY_UINT8,
            cnp.PyArray_STRIDES(self.picture),
            cnp.PyArray_DATA(self.picture),
            0,
            0,
            None,
        )
        cnp.set_array_base(array, self)
        return array

    def __dealloc__(self):
        if self.loop:
            self.loop.get().give_back(self.index)


@cython.no_gc_clear
@cython.final
cdef class RunLoop(FrameSource):
    """One session of a configured camera, from `start` to `stop`.

    Parameters
    ----------
    camera : libcamera.Camera
        Acquired and configured.
    requests : list of libcamera.Request
        With their buffers, and with their place in the list as cookie.
    carrier : libcamera.Request
        Which brings controls and is never queued.
    pictures : list of ndarray
        uint8, each as the picture lies in its request's buffer.
    dma_bufs : list of int
        Each picture buffer's dma-buf, or -1.
    only_latest : bool
        Whether a frame that nobody took when the next one comes is dropped.
    context : FrameContext
        What all frames of the session have in common.
    before_taking : callable, optional
        Called with each completed request before its metadata are taken.

    Attributes
    ----------
    latency : LatencyBudget or None
        Told of every frame that is taken.
    tensorless : int
        How many frames without output tensors were taken since the last one that has them.

    Raises
    ------
    LibcameraMissingError
        If libcamera's objects cannot be reached in this process.
    """

    cdef shared_ptr[CRunLoop] loop
    cdef vector[CRequest *] pointers
    cdef object camera
    cdef list requests
    cdef object carrier
    cdef CRequest *carrier_pointer
    cdef list pictures
    cdef object before_taking
    cdef FrameContext context
    cdef public LatencyBudget latency

    def __cinit__(
        self,
        camera,
        list requests,
        carrier,
        list pictures,
        list dma_bufs,
        *,
        bint only_latest,
        FrameContext context not None,
        before_taking=None,
    ):
        cdef vector[CLoopSlot] slots
        cdef CLoopSlot slot
        if not len(requests) == len(pictures) == len(dma_bufs):
            raise ValueError("each request needs its picture and its dma-buf or -1")
        for number, request in enumerate(requests):
            if request.cookie != number:
                raise ValueError(f"request {number} has the cookie {request.cookie}")
            if not isinstance(pictures[number], np.ndarray) or pictures[number].dtype != np.uint8:
                raise ValueError(f"picture {number} is no array of uint8")
            slot.request = request_pointer(request)
            slot.dma_buf = dma_bufs[number]
            slot.in_access = slot.held = False
            slot.completed_ns = 0
            slots.push_back(slot)
            self.pointers.push_back(slot.request)
        self.camera = camera
        self.requests = requests
        self.carrier = carrier
        self.carrier_pointer = request_pointer(carrier)
        self.pictures = pictures
        self.before_taking = before_taking
        self.context = context
        cdef CCamera *pointer = <CCamera *>bound_pointer(
            camera, camera_capsule, imx500_camera_type_name()
        )
        self.loop = imx500_new_loop(pointer[0], slots, only_latest)

    def __dealloc__(self):
        cdef CRunLoop *loop = self.loop.get()
        if loop != NULL:
            with nogil:
                loop.stop()

    def start(self):
        """Start the camera with the carrier's controls; other threads run meanwhile.

        Raises
        ------
        OSError
            If libcamera refuses.
        """
        cdef CRunLoop *loop = self.loop.get()
        cdef int result
        with nogil:
            result = loop.start(self.carrier_pointer[0])
        self.carrier.reuse()
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def stop(self):
        """Stop the camera and wake whoever waits; nothing happens where it does not run.

        Raises
        ------
        OSError
            If libcamera refuses.
        """
        cdef CRunLoop *loop = self.loop.get()
        cdef int result
        with nogil:
            result = loop.stop()
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def set_controls(self):
        """Take the carrier's controls for the next request that is queued."""
        self.loop.get().set_controls(self.carrier_pointer[0])
        self.carrier.reuse()

    cpdef FrameState take(self, double timeout_s):
        """Wait as `FrameSource.take` does, until the session is stopped.

        Returns
        -------
        Frame or None
            With the metadata, moved out of the request, and the picture, read-only.
        """
        cdef size_t index = 0
        cdef size_t held = 0
        cdef CTurn state = self.loop.get().take(index, held)
        if state == TURN_NOTHING and timeout_s > 0:
            state = self.wait(timeout_s, &index, &held)
        if state != TURN_FRAME:
            return None
        return self.frame(index, held)

    cdef CTurn wait(self, double timeout_s, size_t *index, size_t *held) except *:
        cdef CRunLoop *loop = self.loop.get()
        cdef CTurn state = TURN_NOTHING
        cdef double deadline_s = time.monotonic() + timeout_s
        cdef double left_ms
        cdef int step_ms
        while state == TURN_NOTHING:
            left_ms = 1000 * (deadline_s - time.monotonic())
            if not left_ms > 0:
                break
            step_ms = <int>min(left_ms + 1, <double>LONGEST_WAIT_MS)
            with nogil:
                loop.wait(step_ms)
            PyErr_CheckSignals()
            state = loop.take(index[0], held[0])
        return state

    cdef FrameState frame(self, size_t index, size_t held):
        cdef Controls controls
        cdef Lease lease
        cdef FrameState taken
        cdef object picture
        # From here on the lease returns the buffer, whatever happens.
        lease = Lease.__new__(Lease)
        lease.loop = self.loop
        lease.index = index
        lease.picture = self.pictures[index]
        if self.before_taking is not None:
            self.before_taking(self.requests[index])
        controls = Controls.__new__(Controls)
        controls.sequence = self.pointers[index].sequence()
        controls.access = "move"
        take_whole(self.pointers[index][0], controls.list)
        picture = lease
        if self.pointers.size() < held + KEPT_FREE:
            picture = cnp.PyArray_NewCopy(lease.shown(), cnp.NPY_CORDER)
            cnp.PyArray_CLEARFLAGS(picture, cnp.NPY_ARRAY_WRITEABLE)
        if controls.find_tensor():
            self.tensorless = 0
        else:
            self.tensorless += 1
        taken = self.context.frame(controls, picture, controls.sequence)
        if self.latency is not None:
            self.latency.finish()
            self.latency.start(
                controls.get("SensorTimestamp"), None, self.loop.get().completed_ns(index)
            )
            taken.watch(self.latency)
        return taken

    @property
    def running(self):
        """Whether the session was started and not stopped."""
        return self.loop.get().running()

    @property
    def held(self):
        """Which buffers pictures hold, by index."""
        cdef size_t index
        return [index for index in range(self.pointers.size()) if self.loop.get().holds(index)]

    @property
    def event_fd(self):
        """A descriptor that becomes readable when `take` may have something."""
        return self.loop.get().event_fd()

    @property
    def counts(self):
        """What became of the requests so far, as `Counts`."""
        cdef CLoopCounts counts = self.loop.get().counts()
        return Counts(
            counts.completed, counts.dropped, counts.cancelled, counts.silent_ns / 1e9
        )
