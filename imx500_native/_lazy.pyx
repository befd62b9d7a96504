"""A stand-in for the tuples that libcamera's bindings make of big controls."""

cimport cython
cimport numpy as cnp
from cpython.buffer cimport PyObject_GetBuffer

cnp.import_array()


def _unpickled(array):
    return LazySequence(array)


@cython.final
cdef class LazySequence:
    """A control of many numbers, which becomes Python numbers only where somebody asks for them.

    It compares, hashes, prints, slices and iterates like the tuple that libcamera's bindings would
    have made; and it has a buffer, so that ``numpy.asarray`` shows the numbers without a copy.

    Parameters
    ----------
    array : ndarray
        The numbers: one axis, contiguous. Nobody may change them afterwards.
    """

    cdef cnp.ndarray array
    cdef tuple items

    def __cinit__(self, cnp.ndarray array not None):
        if array.ndim != 1 or not cnp.PyArray_IS_C_CONTIGUOUS(array):
            raise ValueError("the array of a LazySequence has one axis and is contiguous")
        self.array = array

    cdef tuple as_tuple(self):
        if self.items is None:
            self.items = tuple(self.array.tolist())
        return self.items

    def __getbuffer__(self, Py_buffer *view, int flags):
        # The array itself is the exporter, which keeps it alive and counts its views.
        PyObject_GetBuffer(self.array, view, flags)

    def __len__(self):
        return self.array.shape[0]

    def __bool__(self):
        return self.array.shape[0] != 0

    def __getitem__(self, index):
        if self.items is not None:
            return self.items[index]
        if isinstance(index, slice):
            return tuple(self.array[index].tolist())
        # Of the array itself, True would be a mask and a list a choice of items.
        return self.array.item(range(self.array.shape[0])[index])

    def __iter__(self):
        return iter(self.as_tuple())

    def __reversed__(self):
        return reversed(self.as_tuple())

    def __contains__(self, value):
        return value in self.as_tuple()

    def __eq__(self, other):
        if isinstance(other, LazySequence):
            return self.as_tuple() == (<LazySequence>other).as_tuple()
        if isinstance(other, tuple):
            return self.as_tuple() == other
        return NotImplemented

    def __lt__(self, other):
        if isinstance(other, (tuple, LazySequence)):
            return self.as_tuple() < tuple(other)
        return NotImplemented

    def __le__(self, other):
        if isinstance(other, (tuple, LazySequence)):
            return self.as_tuple() <= tuple(other)
        return NotImplemented

    def __gt__(self, other):
        if isinstance(other, (tuple, LazySequence)):
            return self.as_tuple() > tuple(other)
        return NotImplemented

    def __ge__(self, other):
        if isinstance(other, (tuple, LazySequence)):
            return self.as_tuple() >= tuple(other)
        return NotImplemented

    def __hash__(self):
        return hash(self.as_tuple())

    def __add__(self, other):
        if isinstance(other, (tuple, LazySequence)):
            return self.as_tuple() + tuple(other)
        return NotImplemented

    def __radd__(self, other):
        if isinstance(other, tuple):
            return other + self.as_tuple()
        return NotImplemented

    def __repr__(self):
        return repr(self.as_tuple())

    def __reduce__(self):
        return _unpickled, (self.array,)

    def index(self, value, *bounds):
        """Return where a value is first found, as ``tuple.index`` does.

        Parameters
        ----------
        value : object
            What to look for.
        *bounds : int
            Where to begin and where to end.

        Returns
        -------
        int
            Its place.

        Raises
        ------
        ValueError
            If it is not there.
        """
        return self.as_tuple().index(value, *bounds)

    def count(self, value):
        """Return how often a value is found.

        Parameters
        ----------
        value : object
            What to look for.

        Returns
        -------
        int
        """
        return self.as_tuple().count(value)
