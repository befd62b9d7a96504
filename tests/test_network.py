"""Networks: public ones against the facts read out of their files, and what facts mean."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest
from rpk_files import PROJECT, RpkFile, Tensor, zoo_file

from imx500_native import (
    FULL_ROI,
    Frame,
    IntrinsicsError,
    NetworkFileError,
    NetworkNotFoundError,
    TensorInfoError,
)
from imx500_native.intrinsics import TASKS, NetworkIntrinsics
from imx500_native.network import InputSpec, Network, OutputSpec

OUTPUT = OutputSpec("out", (3,), np.dtype("u1"), 0.5)
FIVE = (
    "deeplabv3plus",
    "higherhrnet_coco",
    "mobilenet_v2",
    "nanodet_plus_416x416",
    "ssd_mobilenetv2_fpnlite_320x320_pp",
)
SEVENTEEN = (
    "deeplabv3plus",
    "efficientdet_lite0_pp",
    "higherhrnet_coco",
    "inputtensoronly",
    "mobilenet_v2",
    "mobilevit_xs",
    "mobilevit_xxs",
    "nanodet_plus_416x416",
    "nanodet_plus_416x416_pp",
    "posenet",
    "regnetx_002",
    "regnety_002",
    "shufflenet_v2_x1_5",
    "squeezenet1.0",
    "ssd_mobilenetv2_fpnlite_320x320_pp",
    "yolo11n_pp",
    "yolov8n_pp",
)
BOXES = {
    "efficientdet_lite0_pp": ("yx", False),
    "nanodet_plus_416x416_pp": ("yx", True),
    "ssd_mobilenetv2_fpnlite_320x320_pp": ("yx", True),
    "yolo11n_pp": ("xy", False),
    "yolov8n_pp": ("xy", False),
}
SHARED_FACTS = (
    "name",
    "network_name",
    "input",
    "outputs",
    "output_shapes",
    "network_info",
    "cpio_offset",
    "task",
    "labels",
    "box_order",
    "boxes_normalized",
)
DETECTION_OUTPUTS = [
    Tensor((5, 4), "boxes", 16, scale=2**-15),
    Tensor((5,), "scores", 8, signed=False, scale=2**-8),
    Tensor((5,), "classes", 16, scale=1.0),
    Tensor((1,), "count", 16, scale=1.0),
]


@pytest.fixture
def no_models(monkeypatch, tmp_path):
    """Neither the machine's own models nor those of the test run are to be found."""
    monkeypatch.delenv("IMX500_MODELS", raising=False)
    monkeypatch.setattr("imx500_native.network.SYSTEM_MODELS", tmp_path / "none")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def published():
    facts = PROJECT.parent / "shared" / "facts" / "networks.json"
    if not facts.is_file():
        pytest.skip(f"{facts} is missing: it holds the facts that data/zoo.json was made from")
    return json.loads(facts.read_text())


def write(tmp_path: Path, file: RpkFile | bytes, name: str = "imx500_network_test.rpk") -> Path:
    path = tmp_path / name
    path.write_bytes(file if isinstance(file, bytes) else file.build())
    return path


def check_published(network: Network, facts: dict) -> None:
    (params,) = facts["apparams"]
    assert network.network_name == params["name"]
    (tensor,) = params["inputs"]
    by_place = {place: (size, padding) for _, size, place, padding in tensor["dims"]}
    spec = network.input
    assert (spec.width, spec.height, spec.channels) == tuple(by_place[i][0] for i in range(3))
    assert spec.padding == (by_place[0][1], by_place[1][1])
    assert spec.name == tensor["name"]
    assert spec.dtype == (np.uint8 if tensor["format"] else np.int8)
    assert (spec.scale, spec.shift) == (tensor["scale"], tensor["shift"])
    info = facts["network_info"]
    assert spec.format == info["inputTensorFormat"]
    # K03 is 0x1800 (-2048 in 13 bits) for the signed inputs and 0 for the others.
    assert spec.norm_val == ((-2048,) * 3 if info["inputTensorNorm_K03"] == "0x1800" else (0,) * 3)
    assert (spec.div_val, spec.norm_shift, spec.div_shift) == ((1024,) * 3, 4, 6)

    assert len(network.outputs) == len(params["outputs"])
    for output, expected in zip(network.outputs, params["outputs"], strict=True):
        assert output.name == expected["name"]
        assert output.shape == tuple(size for _, size, _, _ in expected["dims"])
        assert output.order == tuple(place for _, _, place, _ in expected["dims"])
        assert output.bits == expected["bits"]
        assert output.dtype.kind == ("u" if expected["format"] else "i")
        assert (output.scale, output.shift) == (expected["scale"], expected["shift"])
        assert output.elements == expected["elements"]
        # The published range of 32-bit values was not rounded to float32.
        rounded = tuple(float(np.float32(limit)) for limit in expected["value_range"])
        assert output.value_range == rounded
    assert network.output_shapes == tuple(output.shape for output in network.outputs)
    assert network.network_info == info
    assert network.cpio_offset == facts["cpio_offset"]
    intrinsics = None if network.intrinsics is None else network.intrinsics.intrinsics
    assert intrinsics == facts.get("network_intrinsics")


@pytest.mark.parametrize("name", FIVE)
def test_public_file_has_the_published_facts(name, published):
    path = zoo_file(name)
    network = Network(path)
    facts = published[path.name]
    check_published(network, facts)
    assert (network.path, network.name) == (path, name)
    assert [(b.offset, b.size) for b in network.blocks] == [
        (b["offset"], b["size"]) for b in facts["blocks"]
    ]
    count = len(facts["blocks"])
    assert [(b.index, b.count) for b in network.blocks] == [
        (index, count) for index in range(1, count + 1)
    ]
    assert not any(b.device_locked for b in network.blocks)
    assert len(network.regs) == 56


@pytest.mark.parametrize("name", SEVENTEEN)
def test_built_in_network_has_the_published_facts(name, published, no_models):
    network = Network.find(name)
    assert network.path is None
    check_published(network, published[f"imx500_network_{name}.rpk"])


@pytest.mark.parametrize("name", FIVE)
def test_built_in_network_equals_its_file(name, no_models):
    from_file, built_in = Network(zoo_file(name)), Network.find(name)
    for fact in SHARED_FACTS:
        assert getattr(from_file, fact) == getattr(built_in, fact), fact
    assert from_file.intrinsics.intrinsics == built_in.intrinsics.intrinsics
    assert (built_in.path, built_in.blocks, built_in.regs) == (None, (), ())


def test_registers_of_a_public_file():
    regs = {register: (width, value) for register, width, value in Network(zoo_file(FIVE[4])).regs}
    # Lines of the input and of the output tensor channel.
    assert (regs[0x305E], regs[0x3060]) == ((2, 121), (2, 5))
    assert regs[0xD76C] == (2, 0x400)


def test_labels_of_ones_own_go_before_the_files(tmp_path):
    file = tmp_path / "own.rpk"
    file.write_bytes(RpkFile().build())
    assert Network(file, labels=["one", "two"]).labels == ("one", "two")
    assert Network(file).labels == Network(file, labels=None).labels != ("one", "two")


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        ("labels.txt", "'labels.txt'"),
        (b"labels.txt", "b'labels.txt'"),
        (Path("labels.txt"), r"PosixPath\('labels.txt'\)"),
        ({0: "one", 1: "two"}, "{0: 'one', 1: 'two'}"),
        ([0, 1], r"\[0, 1\]"),
        (["one\n", "two\n"], r"\['one.n', 'two.n'\]"),
        (7, "7"),
    ],
)
def test_labels_that_would_name_nothing_are_refused(tmp_path, labels, got):
    message = rf"labels must be one text per class id, .*\.splitlines\(\), not {got}$"
    with pytest.raises(IntrinsicsError, match=message):
        Network(write(tmp_path, RpkFile()), labels=labels)
    public = Network.find("posenet")
    with pytest.raises(IntrinsicsError, match=message):
        Network.from_specs(input=public.input, outputs=public.outputs, labels=labels)


def test_labels_come_from_anything_that_goes_through_texts():
    public = Network.find("posenet")
    for labels in (("a", "b"), np.array(["a", "b"]), (letter for letter in "ab")):
        made = Network.from_specs(input=public.input, outputs=public.outputs, labels=labels)
        assert made.labels == ("a", "b")


def test_zoo_names():
    assert Network.zoo_names() == SEVENTEEN


@pytest.mark.parametrize("name", SEVENTEEN)
def test_built_in_facts_are_consistent(name, no_models):
    network = Network.find(name)
    assert (network.name, network.path) == (name, None)
    assert (network.box_order, network.boxes_normalized) == BOXES.get(name, (None, None))
    assert network.task in ((None,) if name == "inputtensoronly" else TASKS)
    if network.task == "classification":
        assert len(network.labels) == network.outputs[0].elements == 1000
        assert "tench" in network.labels[0]
        assert "toilet tissue" in network.labels[999]
    elif network.task == "object detection":
        eighty = name in ("nanodet_plus_416x416", "nanodet_plus_416x416_pp") or "yolo" in name
        assert len(network.labels) == (80 if eighty else 90)
        assert (network.labels[0], network.labels[-1]) == ("person", "toothbrush")
        assert ("-" in network.labels) is not eighty
    # Either way round, what the camera sends is what it shows.
    table, inverse = network.input.encode_table(), network.input.decode_table()
    for plane in range(3):
        assert (inverse[plane][table[plane]] == np.arange(256)).all()
    for output in network.outputs:
        low, high = output.value_range
        assert low < high


class TestFind:
    def test_by_path(self, tmp_path, no_models):
        path = write(tmp_path, RpkFile())
        assert Network.find(path).path == path
        assert Network.find(path.name).path == Path(path.name)
        with pytest.raises(NetworkNotFoundError, match="there is none"):
            Network.find(tmp_path / "no.rpk")

    @pytest.mark.parametrize(
        "name", ["test", "imx500_network_test", "test.rpk", "imx500_network_test.rpk"]
    )
    def test_in_the_models_directory(self, tmp_path, monkeypatch, no_models, name):
        models = tmp_path / "models"
        models.mkdir()
        monkeypatch.setenv("IMX500_MODELS", str(models))
        path = write(models, RpkFile())
        assert Network.find(name).path == path

    def test_own_models_come_first(self, tmp_path, monkeypatch, no_models):
        for place in ("own", "system"):
            (tmp_path / place).mkdir()
            write(tmp_path / place, RpkFile())
        monkeypatch.setattr("imx500_native.network.SYSTEM_MODELS", tmp_path / "system")
        assert Network.find("test").path.parent == tmp_path / "system"
        monkeypatch.setenv("IMX500_MODELS", str(tmp_path / "own"))
        assert Network.find("test").path.parent == tmp_path / "own"

    def test_files_come_before_built_in_facts(self, tmp_path, monkeypatch, no_models):
        monkeypatch.setenv("IMX500_MODELS", str(tmp_path / "models"))
        (tmp_path / "models").mkdir()
        path = write(tmp_path / "models", RpkFile(), "imx500_network_posenet.rpk")
        assert Network.find("posenet").path == path

    def test_damaged_file_is_not_passed_over(self, tmp_path, monkeypatch, no_models):
        monkeypatch.setenv("IMX500_MODELS", str(tmp_path))
        write(tmp_path, b"9464", "imx500_network_posenet.rpk")
        with pytest.raises(NetworkFileError):
            Network.find("posenet")

    def test_directory_of_the_same_name_is_passed_over(self, tmp_path, no_models):
        (tmp_path / "posenet").mkdir()
        assert Network.find("posenet").input.width == 481

    @pytest.mark.parametrize("name", ["posenet", "imx500_network_posenet.rpk", "posenet.rpk"])
    def test_built_in(self, name, no_models):
        assert Network.find(name).name == "posenet"

    def test_bytes_and_what_is_no_name(self, tmp_path, no_models):
        path = write(tmp_path, RpkFile(), "own.rpk")
        assert Network(os.fsencode(path)).path == path
        assert Network.find(os.fsencode(path)).path == path
        assert Network.find(b"posenet").name == "posenet"
        for make in (Network, Network.find):
            for wrong in (None, 3, ["posenet"]):
                with pytest.raises(NetworkFileError, match="the name of a network, not"):
                    make(wrong)

    def test_close_names_are_listed(self, no_models):
        with pytest.raises(NetworkNotFoundError, match="close names: yolov8n_pp, yolo11n_pp"):
            Network.find("yolov8n")
        with pytest.raises(NetworkNotFoundError, match=r"known: deeplabv3plus, .*yolov8n_pp$"):
            Network.find("")
        with pytest.raises(NetworkNotFoundError, match=r"xx \(looked in the current") as caught:
            Network.find("x" * 5000)
        assert len(str(caught.value)) < 800

    def test_a_missing_file_says_where_files_are(self):
        with pytest.raises(NetworkNotFoundError, match=r"Network\.find.* install imx500-models"):
            Network("no/imx500_network_posenet.rpk")


class TestMeaning:
    def network(self, tmp_path, outputs=None, intrinsics=None, name="net", file_name="a.rpk"):
        text = None if intrinsics is None else json.dumps(intrinsics).encode()
        file = RpkFile(outputs=outputs or DETECTION_OUTPUTS, intrinsics=text, name=name)
        return Network(write(tmp_path, file, file_name))

    def test_task_is_inferred_from_four_outputs(self, tmp_path):
        assert self.network(tmp_path).task == "object detection"
        assert self.network(tmp_path, DETECTION_OUTPUTS[:3]).task is None
        assert self.network(tmp_path, [*DETECTION_OUTPUTS[:3], Tensor((2,))]).task is None
        assert self.network(tmp_path, [Tensor((5, 5)), *DETECTION_OUTPUTS[1:]]).task is None
        assert self.network(tmp_path, [Tensor((6, 4)), *DETECTION_OUTPUTS[1:]]).task is None

    def test_intrinsics_tell_the_task(self, tmp_path):
        assert self.network(tmp_path, intrinsics={"task": "segmentation"}).task == "segmentation"

    def test_unknown_labels(self, tmp_path):
        assert self.network(tmp_path).labels is None

    def test_dashes_are_dropped_on_request_only(self, tmp_path):
        classes = {"labels": ["a", "-", "b"]}
        assert self.network(tmp_path, intrinsics={"classes": classes}).labels == ("a", "-", "b")
        classes["ignore_undefined"] = True
        assert self.network(tmp_path, intrinsics={"classes": classes}).labels == ("a", "b")

    def test_background_is_dropped_from_classifiers_only(self, tmp_path):
        outputs = [Tensor((2,))]
        said = {"task": "classification", "classes": {"labels": ["background", "a", "b"]}}
        assert self.network(tmp_path, outputs, said).labels == ("a", "b")
        said["classes"] = {"labels": ["a", "b"]}
        assert self.network(tmp_path, outputs, said).labels == ("a", "b")
        said = {"task": "pose estimation", "classes": {"labels": ["a", "b", "c"]}}
        assert self.network(tmp_path, outputs, said).labels == ("a", "b", "c")

    def test_changed_intrinsics_show(self, tmp_path):
        network = self.network(tmp_path, intrinsics={})
        network.intrinsics.labels = ["x"]
        network.intrinsics.task = "segmentation"
        assert (network.labels, network.task) == (("x",), "segmentation")

    def test_box_rules(self, tmp_path):
        network = self.network(tmp_path)
        assert (network.box_order, network.boxes_normalized) == ("yx", True)
        for scale, normalized in ((2**-11, True), (2**-10, False)):
            boxes = Tensor((5, 4), "boxes", 16, scale=scale)
            network = self.network(tmp_path, [boxes, *DETECTION_OUTPUTS[1:]])
            assert network.boxes_normalized is normalized
        assert self.network(tmp_path, name="My_YOLO").box_order == "xy"
        assert self.network(tmp_path, file_name="yolo_mine.rpk").box_order == "xy"
        network = self.network(tmp_path, DETECTION_OUTPUTS[:1], {"cpu": {"bbox_order": "xy"}})
        assert (network.box_order, network.boxes_normalized) == (None, None)

    def test_intrinsics_overrule_the_box_rules(self, tmp_path):
        said = {"cpu": {"bbox_order": "xy", "bbox_normalization": True}}
        network = self.network(tmp_path, intrinsics=said)
        assert (network.box_order, network.boxes_normalized) == ("xy", False)
        said = {"cpu": {"bbox_normalization": False}}
        assert self.network(tmp_path, intrinsics=said).boxes_normalized is True

    def test_public_networks_are_recognised_under_any_file_name(self, tmp_path, no_models):
        public = Network.find("yolo11n_pp")
        outputs = [
            Tensor(o.shape, o.name, o.bits, o.dtype.kind == "i", o.scale) for o in public.outputs
        ]
        network = self.network(tmp_path, outputs, name=public.network_name, file_name="mine.rpk")
        assert (network.box_order, network.boxes_normalized) == ("xy", False)
        # Another size of firmware means other weights, perhaps for other classes.
        assert network.labels is None
        network.cpio_offset = public.cpio_offset
        assert network.labels == public.labels

    def test_from_specs(self):
        outputs = [OutputSpec("out", (3,), np.dtype("u1"), 0.5)]
        network = Network.from_specs(
            input=InputSpec(4, 6), outputs=outputs, name="mine", labels=["a"], task="classification"
        )
        assert (network.name, network.network_name, network.path) == ("mine", "mine", None)
        assert (network.labels, network.task) == (("a",), "classification")
        assert (network.outputs, network.output_shapes) == (tuple(outputs), ((3,),))
        assert (network.regs, network.blocks, network.cpio_offset) == ((), (), None)
        assert (network.network_info, network.intrinsics) == ({}, None)
        bare = Network.from_specs(input=InputSpec(4, 6), outputs=outputs)
        assert (bare.name, bare.labels, bare.task) == ("custom", None, None)
        said = NetworkIntrinsics({"task": "segmentation"})
        network = Network.from_specs(input=InputSpec(4, 6), outputs=outputs, intrinsics=said)
        assert (network.task, network.intrinsics) == ("segmentation", said)
        with pytest.raises(TensorInfoError, match="at least one output"):
            Network.from_specs(input=InputSpec(4, 6), outputs=[])

    @pytest.mark.parametrize(
        ("wrong", "kind", "message"),
        [
            ({"input": (4, 6)}, TensorInfoError, r"must be an InputSpec, .*, not \(4, 6\)"),
            ({"outputs": OUTPUT}, TensorInfoError, "must be a list of OutputSpec, not OutputSpec"),
            ({"outputs": [OUTPUT, (3,)]}, TensorInfoError, r"must be an OutputSpec, not \(3,\)"),
            ({"intrinsics": {"task": "x"}}, IntrinsicsError, r"not {'task': 'x'}; NetworkIntrins"),
        ],
    )
    def test_from_specs_of_something_else(self, wrong, kind, message):
        with pytest.raises(kind, match=message):
            Network.from_specs(**{"input": InputSpec(4, 6), "outputs": [OUTPUT]} | wrong)


def test_identity_and_weak_references(tmp_path):
    path = write(tmp_path, RpkFile())
    one, other = Network(path), Network(path)
    assert one != other
    assert len({one, other, one}) == 2
    reference = weakref.ref(one)
    del one
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_network_that_has_decoded_goes_to_other_processes(copied):
    network = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    seen = Frame.from_metadata({}, network=network, stream_size=(640, 480), roi=FULL_ROI)
    assert len(seen.detections()) == 0
    other = copied(network)
    assert other is not network
    assert (other.name, other.outputs, other.labels) == (
        network.name,
        network.outputs,
        network.labels,
    )
    assert other.decoders == {} != network.decoders


def test_repr(tmp_path, no_models):
    network = Network(write(tmp_path, RpkFile()))
    assert repr(network) == (
        "<Network test: object detection, 8x6 RGB int8 -> (5, 4) int16, (5,) uint8; "
        f"{network.path}>"
    )
    assert repr(Network.find("inputtensoronly")) == (
        "<Network inputtensoronly: unknown task, 640x480 RGB int8 -> (10,) int8; no file>"
    )
