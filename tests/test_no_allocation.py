"""The C core allocates nothing per frame: counted while it runs, and read from its objects."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from typing import NamedTuple

import pytest
from native.build import ROOT, core_archive, core_program

if platform.libc_ver()[0] != "glibc":
    pytest.skip("only glibc lets a program stand in for its malloc", allow_module_level=True)

NOT_PER_FRAME = {
    "rpk.h": "a network file is read once, when it is opened",
    "ap_params.h": "describes the network of that file",
    "v4l2.h": "asks and sets the driver when a camera is configured",
}
# All that the core may call: memory that is there, and numbers. Some of the rest would allocate.
MEMORY = {"memchr", "memcmp", "memcpy", "memmove", "memset"}
NUMBERS = {
    *("ceil", "copysign", "fabs", "floor", "fmax", "fmin", "fmod", "rint", "round", "trunc"),
    *("cbrt", "exp", "exp2", "expm1", "hypot", "log", "log10", "log1p", "log2", "pow", "sqrt"),
    *("acos", "asin", "atan", "atan2", "cos", "cosh", "sin", "sinh", "tan", "tanh"),
    *("fma", "frexp", "ldexp", "lrint", "lround", "modf", "nearbyint", "scalbn"),
}
ALLOWED = MEMORY | {name + suffix for name in NUMBERS for suffix in ("", "f")}


class Call(NamedTuple):
    function: str
    situation: str
    allocations: int
    found: int


def tools(*command):
    # The counting malloc and a sanitizer's cannot both be there.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


@pytest.fixture(scope="module")
def calls():
    try:
        program = core_program("allocations")
    except FileNotFoundError as error:
        pytest.skip(f"needs a C compiler ($CC or gcc) and ar: {error}")
    lines = (line.split("\t") for line in tools(program).splitlines())
    return [Call(name, situation, int(made), int(found)) for name, situation, made, found in lines]


@pytest.fixture(scope="module")
def core_calls(calls):
    return [call for call in calls if call.situation != "control"]


@pytest.fixture(scope="module")
def symbols():
    """Lists (source, kind, name) of the core's objects."""
    try:
        listed = tools("nm", core_archive())
    except FileNotFoundError as error:
        pytest.skip(f"needs a C compiler ($CC or gcc), ar and nm: {error}")
    found = []
    for line in listed.splitlines():
        if line.endswith(".o:"):
            source = line.removesuffix(".o:")
        elif line:
            *_, kind, name = line.split()
            found.append((source, kind, name))
    return found


def declared(header):
    """List the functions that a header declares, except those that it holds as a whole."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#(.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    while re.search(r"\{[^{}]*\}", text):
        text = re.sub(r"\{[^{}]*\}", ";", text)
    statements = [one for one in text.split(";") if not re.match(r"\s*static inline\b", one)]
    names = (re.search(r"\b(imx500_\w+)\s*\(", one) for one in statements)
    return {name[1] for name in names if name}


def declared_in(headers):
    return {name for header in headers for name in declared(header.read_text())}


def headers(*, per_frame):
    return [
        header
        for header in sorted((ROOT / "src_c").glob("*.h"))
        if (header.name not in NOT_PER_FRAME) is per_frame
    ]


def missing(names, calls):
    """List those that no call made do anything."""
    return sorted(set(names) - {call.function for call in calls if call.found})


def may_call(source, name):
    # A double underscore is the compiler's own, or errno.
    own = name.startswith(("imx500_", "__", "_GLOBAL_")) and "alloc" not in name
    return own or name in ALLOWED or (source, name) == ("v4l2", "ioctl")


@pytest.mark.parametrize(
    ("function", "least"),
    [("allocate", 2), ("copy_text", 1), ("align", 2), ("resize", 2), ("sort", 1)],
)
def test_allocations_are_counted(calls, function, least):
    # `sort` is qsort of an array too long for the stack, `copy_text` is strdup.
    counts = {call.function: call.allocations for call in calls if call.situation == "control"}
    assert counts["add"] == 0
    assert counts[function] >= least


def test_no_call_allocates(core_calls):
    assert [call for call in core_calls if call.allocations] == []


def test_every_function_of_a_frame_was_called_and_did_something(core_calls):
    assert missing(declared_in(headers(per_frame=True)), core_calls) == []


def test_a_function_that_is_forgotten_is_missed(core_calls):
    new = declared("size_t imx500_new_head(const float *tensor, size_t count);")
    assert missing(new, core_calls) == ["imx500_new_head"]
    idle = [call._replace(found=0) for call in core_calls]
    assert missing({"imx500_nms"}, idle) == ["imx500_nms"]


def test_the_headers_declare_what_the_objects_offer(symbols):
    every = declared_in([*headers(per_frame=True), *headers(per_frame=False)])
    # `i` is a function that comes in versions for several processors.
    offered = {name for _, kind, name in symbols if kind in "Ti"}
    assert every == {name for name in offered if re.fullmatch(r"imx500_\w+", name)}


def test_the_list_of_exceptions_is_of_headers():
    assert [header.name for header in headers(per_frame=False)] == sorted(NOT_PER_FRAME)


def test_the_situations_are_what_they_say(core_calls):
    for call in core_calls:
        assert (call.found == 0) is (call.situation in {"none", "hidden"}), call
    some = {call.function: call.found for call in core_calls if call.situation == "some"}
    every = {call.function: call.found for call in core_calls if call.situation == "all"}
    assert some.keys() == every.keys()
    assert len(some) > 10
    assert [name for name in some if some[name] >= every[name]] == []


def test_the_objects_call_nothing_that_allocates(symbols):
    called = {(source, name) for source, kind, name in symbols if kind in "Uw"}
    assert {name for _, name in called} >= {"memcpy", "exp"}
    assert sorted(each for each in called if not may_call(*each)) == []


@pytest.mark.parametrize(
    "name",
    [
        *("malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "free"),
        *("__libc_malloc", "qsort", "strdup", "mmap", "printf", "ioctl"),
    ],
)
def test_other_calls_are_noticed(name):
    assert not may_call("nms", name)


def test_headers_are_read_as_c_reads_them():
    assert declared((ROOT / "src_c" / "v4l2.h").read_text()) >= {
        "imx500_replace_ioctl",
        "imx500_query_control",
    }
    text = """
    /* imx500_not_this(one); */
    #define IMX500_TWICE(x) \\
        imx500_nor_this(x);
    struct imx500_pair { int a; struct { int b; } c; };
    static inline int imx500_held(int a) { if (a) { return imx500_called(a); } return 0; }
    struct imx500_pair
    imx500_made(const struct imx500_pair *from, int (*by)(int));
    """
    assert declared(text) == {"imx500_made"}
