from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

from imx500_native.includes.libcamera cimport CRequest


cdef extern from "libcamera/camera.h" nogil:
    cdef cppclass CCamera "libcamera::Camera":
        pass


cdef extern from *:
    """
    #include <typeinfo>

    #include <libcamera/camera.h>

    /* What pybind11's conduit wants to know about libcamera::Camera. */
    static const void *imx500_camera_type() noexcept { return &typeid(libcamera::Camera); }
    static const char *imx500_type_info_name() noexcept { return typeid(std::type_info).name(); }
    static const char *imx500_camera_type_name() noexcept
    {
        return typeid(libcamera::Camera).name();
    }
    """
    const void *imx500_camera_type() noexcept
    const char *imx500_camera_type_name() noexcept
    const char *imx500_type_info_name() noexcept


cdef extern from "run_loop.h" namespace "imx500" nogil:
    cdef struct CLoopSlot "imx500::loop_slot":
        CRequest *request
        int dma_buf
        cbool in_access
        cbool held
        int64_t completed_ns

    cdef struct CLoopCounts "imx500::loop_counts":
        uint64_t completed
        uint64_t dropped
        uint64_t cancelled
        int64_t silent_ns

    enum CTurn "imx500::turn":
        TURN_FRAME "imx500::TURN_FRAME"
        TURN_NOTHING "imx500::TURN_NOTHING"
        TURN_STOPPED "imx500::TURN_STOPPED"

    cdef cppclass CRunLoop "imx500::run_loop":
        CRunLoop(CCamera &camera, const vector[CLoopSlot] &slots, cbool only_latest) except +
        int start(CRequest &carrier) except +
        int stop() except +
        CTurn take(size_t &index, size_t &held) noexcept
        void wait(int timeout_ms) noexcept
        void begin_access(size_t index) noexcept
        cbool needs_access(size_t index) noexcept
        int64_t completed_ns(size_t index) noexcept
        void give_back(size_t index) noexcept
        void set_controls(CRequest &carrier) except +
        cbool running() noexcept
        CLoopCounts counts() noexcept
        cbool holds(size_t index) noexcept
        int event_fd() noexcept
