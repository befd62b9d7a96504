"""What is between a program and its camera's next frame, in C for its time."""

cimport cython

from imx500_native._frame cimport FrameState


cdef class FrameSource:
    """Where a `FrameTaker` has its frames from; `take` is for those who derive from it.

    Attributes
    ----------
    tensorless : int
        How many frames without output tensors were taken since the last one that has them.
    """

    cpdef FrameState take(self, double timeout_s):
        """Wait for the next frame.

        Parameters
        ----------
        timeout_s : float
            How long to wait; 0 looks once.

        Returns
        -------
        Frame or None
            None where the time is up or there will be no more.
        """
        raise NotImplementedError


cdef double seconds(object timeout_s) except? -1:
    try:
        return timeout_s
    except (TypeError, OverflowError):
        # Only here: it brings asyncio, which a program may do without.
        from imx500_native.live_waiting import require_seconds

        require_seconds(timeout_s)
        raise


cdef class FrameTaker:
    """The part of `Camera` that waits for the next frame.

    Attributes
    ----------
    timeout_s : float
        As of `Camera`.
    """

    cdef FrameState next_frame(self, FrameSource session, object timeout_s):
        """The next frame; None where the session was stopped."""
        cdef FrameState frame = session.take(seconds(timeout_s))
        if frame is None:
            failure = self._failure(session, timeout_s)
            if failure is not None:
                raise failure
        elif session.tensorless:
            self._check_tensors(session)
        return frame

    def capture(self, timeout_s=None):
        """Wait for the next frame and return it.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait; the camera's `timeout_s` where it is not given.

        Returns
        -------
        Frame
            With the picture, and the metadata moved out of the camera's request.

        Raises
        ------
        CameraError
            If the camera does not stream, or is stopped meanwhile.
        CameraTimeoutError
            If no frame comes in time, or with a network none with tensors; its `kind` says what
            came instead.
        CameraOptionError
            If `timeout_s` is no number.
        """
        cdef FrameSource session = self._session
        if session is None:
            session = self._opened_session()
        cdef FrameState frame = self.next_frame(
            session, self.timeout_s if timeout_s is None else timeout_s
        )
        if frame is None:
            raise self._not_streaming()
        return frame


@cython.final
cdef class Frames:
    """A camera's frames; keeps none while its user looks at one, as a frame may hold a buffer.

    Parameters
    ----------
    camera : FrameTaker
        Asked how long to wait, why no frame came, and told of frames without tensors.
    session : FrameSource
        Where the frames are from.
    """

    cdef FrameTaker camera
    cdef FrameSource session

    def __cinit__(self, FrameTaker camera not None, FrameSource session not None):
        self.camera = camera
        self.session = session

    def __iter__(self):
        return self

    def __next__(self):
        cdef FrameState frame = self.camera.next_frame(self.session, self.camera.timeout_s)
        if frame is None:
            raise StopIteration
        return frame
