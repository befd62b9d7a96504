"""Test only: keep libcamera's own thread busy, as an upload does, and look at what it was given."""

from cpython.pycapsule cimport PyCapsule_New
from libcpp.string cimport string
from libcpp.vector cimport vector

from imx500_native._libcamera cimport bound_pointer, request_pointer
from imx500_native.includes.libcamera cimport CRequest
from imx500_native.includes.run_loop cimport (
    CCamera,
    imx500_camera_type,
    imx500_camera_type_name,
    imx500_type_info_name,
)

cdef extern from *:
    """
    #include <chrono>
    #include <string>
    #include <thread>
    #include <vector>

    #include <libcamera/base/object.h>
    #include <libcamera/camera.h>
    #include <libcamera/control_ids.h>
    #include <libcamera/request.h>

    class Sleeper : public libcamera::Object
    {
    public:
        void sleep(int duration_ms)
        {
            std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
        }
    };

    static void occupy_thread(libcamera::Camera *camera, int duration_ms)
    {
        // Never deleted: that would have to happen on the other thread, and a test is short.
        auto *sleeper = new Sleeper;
        sleeper->moveToThread(camera->thread());
        sleeper->invokeMethod(&Sleeper::sleep, libcamera::ConnectionTypeQueued, duration_ms);
    }

    static std::vector<std::string> controls_on(libcamera::Request *request)
    {
        std::vector<std::string> names;
        for (const auto &entry : request->controls())
            names.push_back(libcamera::controls::controls.at(entry.first)->name());
        return names;
    }
    """
    void occupy_thread(CCamera *camera, int duration_ms) except +
    vector[string] controls_on(CRequest *request) except +


def occupy(camera, double seconds):
    """Keep the thread on which libcamera drives its cameras busy; returns at once."""
    # The bindings' ABI is learnt from a request.
    request_pointer(camera.create_request())
    capsule = PyCapsule_New(<void *>imx500_camera_type(), imx500_type_info_name(), NULL)
    pointer = bound_pointer(camera, capsule, imx500_camera_type_name())
    occupy_thread(<CCamera *>pointer, <int>(1000 * seconds))


def control_names(request):
    """Return the names of the controls that a request carried into the camera."""
    return {name.decode() for name in controls_on(request_pointer(request))}
