"""Programs as people write them for picamera2, unmodified, under the runner.

The calls are those that picamera2's seven IMX500 examples make. The device is our own, on a machine
made of files and a driver made of Python; the camera and its requests are a package that stands in
for picamera2.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import frames
import numpy as np
import pytest
import rpk_files
from rpk_files import Tensor

import imx500_native

HERE = Path(__file__).parent

CAMERA = """
import copy, pickle, time
from pathlib import Path
import numpy as np

class CompletedRequest:
    def __init__(self, request, picam2):
        self.request, self.picam2 = None, picam2
        self.values = request
    def get_metadata(self):
        return copy.copy(self.values)
    def release(self):
        pass

class MappedArray:
    def __init__(self, request, stream):
        width, height = request.picam2.camera_configuration()[stream]["size"]
        self.array = np.zeros((height, width, 4), np.uint8)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass

class Picamera2:
    pre_callback = None
    frames = pickle.loads((Path(__file__).parent / "frames.pickle").read_bytes())
    def __init__(self, camera_num=3):
        assert camera_num == 3
        self.camera_config = {}
        self.overlays = []
    @staticmethod
    def global_camera_info():
        return [{"Model": "imx500", "Id": "/base/i2c@88000/imx500@1a", "Num": 3}]
    def create_preview_configuration(self, controls=None, buffer_count=4):
        return {"main": {"size": (640, 480)}, "raw": {"size": (2028, 1520)}, "controls": controls}
    def camera_configuration(self):
        return self.camera_config
    def start(self, config, show_preview=False):
        self.camera_config = config
    def stop(self):
        self.frames.clear()
    def capture_request(self):
        request = CompletedRequest(self.capture_metadata(), self)
        if self.pre_callback is not None:
            self.pre_callback(request)
        return request
    def capture_metadata(self):
        return self.frames.pop(0) | {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}
    def set_overlay(self, overlay):
        self.overlays.append(overlay)
"""

# What is drawn with is not installed where tests run.
OPENCV = """
FONT_HERSHEY_SIMPLEX = 0
drawn = []
def remember(name):
    return lambda image, *arguments: drawn.append((name, *arguments))
rectangle, putText, line, circle = map(remember, ("rectangle", "text", "line", "circle"))
"""

START = """
import sys
from pathlib import Path
from fake_driver import give_drop_in
from imx500_native.picamera2 import running
home, program, *rest = sys.argv[1:]
sys.modules["the_driver"] = give_drop_in(Path(home))
sys.exit(running.main([program, *rest]))
"""

DETECTOR = [
    Tensor((100, 4), "boxes", 16, signed=False, scale=2**-8),
    Tensor((100,), "scores", 8, signed=False, scale=2**-8),
    Tensor((100,), "classes", 8, signed=False, scale=1.0),
    Tensor((1,), "count", 8, signed=False, scale=1.0),
]
INTRINSICS = {
    "task": "object detection",
    "inference_rate": 25,
    "cpu": {"bbox_normalization": True, "bbox_order": "xy"},
    "input_aspect_ratio": {"width": 1, "height": 1},
    "classes": {"labels": ["cat", "-", "dog"], "ignore_undefined": True},
}


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a program on a network and frames of its outputs."""

    def start(program, outputs, tensors, intrinsics, *arguments):
        file = rpk_files.RpkFile(outputs=outputs, intrinsics=json.dumps(intrinsics).encode())
        rpk = tmp_path / "network.rpk"
        rpk.write_bytes(file.build())
        network = imx500_native.Network(rpk)
        planes = np.zeros((3, network.input.height, network.input.width), np.uint8)
        with_tensors = frames.metadata(network, tensors, planes)
        without = {"ScalerCrop": (0, 0, 4056, 3040)}
        site = tmp_path / "site" / "picamera2"
        (site / "devices").mkdir(parents=True)
        (site / "__init__.py").write_text(CAMERA)
        (site / "devices" / "__init__.py").write_text("from .imx500 import IMX500\n")
        (site / "frames.pickle").write_bytes(
            pickle.dumps([without, with_tensors, with_tensors, with_tensors])
        )
        (site.parent / "cv2.py").write_text(OPENCV)
        (tmp_path / "start.py").write_text(START)
        (tmp_path / "program.py").write_text(textwrap.dedent(program))
        places = [str(site.parent), str(HERE.parent), *(p for p in sys.path if p)]
        done = subprocess.run(
            [
                *(sys.executable, "start.py", str(tmp_path / "machine"), "program.py"),
                *("--model", str(rpk), *arguments),
            ],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        assert done.returncode == 0
        return done.stdout.splitlines()

    return start


def detections():
    boxes, scores, classes = np.zeros((100, 4)), np.zeros(100), np.zeros(100)
    # In pixels of the 8 x 6 input, x first.
    boxes[0], scores[0], classes[0] = [2, 1.5, 6, 4.5], 0.75, 1
    boxes[1], scores[1] = [0, 0, 8, 6], 0.25
    return [
        values.astype(np.float32).ravel(order="F")
        for values in (boxes, scores, classes, np.array([100.0]))
    ]


def test_a_detector(run):
    lines = run(
        """
        import argparse
        from functools import lru_cache
        import numpy as np
        from picamera2 import Picamera2
        from picamera2.devices import IMX500
        from picamera2.devices.imx500 import NetworkIntrinsics, postprocess_nanodet_detection

        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        parser.add_argument("--threshold", type=float, default=0.55)
        args = parser.parse_args()

        imx500 = IMX500(args.model)
        intrinsics = imx500.network_intrinsics
        if not intrinsics:
            intrinsics = NetworkIntrinsics()
            intrinsics.task = "object detection"
        for key, value in [*vars(args).items(), ("fps", None), ("bbox_order", "xy")]:
            if hasattr(intrinsics, key) and value is not None:
                setattr(intrinsics, key, value)
        intrinsics.update_with_defaults()
        picam2 = Picamera2(imx500.camera_num)
        config = picam2.create_preview_configuration(
            controls={"FrameRate": intrinsics.inference_rate}, buffer_count=12)
        imx500.show_network_fw_progress_bar()
        picam2.start(config, show_preview=True)

        @lru_cache
        def labels():
            return [n for n in intrinsics.labels if n and n != "-"]

        last = []

        def parse(metadata):
            global last
            outputs = imx500.get_outputs(metadata, add_batch=True)
            width, height = imx500.get_input_size()
            if outputs is None:
                return last
            boxes, scores, classes = outputs[0][0], outputs[1][0], outputs[2][0]
            if intrinsics.bbox_normalization:
                boxes = boxes / np.array([width, height, width, height], boxes.dtype)
            if intrinsics.bbox_order == "xy":
                boxes = boxes[:, [1, 0, 3, 2]]
            boxes = zip(*np.array_split(boxes, 4, axis=1))
            last = [
                (labels()[int(c)], float(s), imx500.convert_inference_coords(b, metadata, picam2))
                for b, s, c in zip(boxes, scores, classes) if s > args.threshold
            ]
            return last

        print(parse(picam2.capture_metadata()))
        print(parse(picam2.capture_metadata()))
        if intrinsics.preserve_aspect_ratio:
            imx500.set_inference_aspect_ratio((1, 1))
        request = picam2.capture_request()
        print(parse(request.get_metadata()), imx500.get_roi_scaled(request))
        size = imx500.get_isp_output_size(picam2)
        image = imx500.input_tensor_image(request.get_metadata()["CnnInputTensor"])
        print(size.width, size.height, image.shape, imx500.get_device_id())
        print(imx500.get_kpi_info(request.get_metadata()))
        import the_driver
        print(the_driver.roi, len(the_driver.files))
        """,
        DETECTOR,
        detections(),
        INTRINSICS,
    )
    assert lines == [
        "[]",
        "[('dog', 0.75, (160, 120, 320, 240))]",
        "[('dog', 0.75, (200, 120, 240, 240))] (80, 0, 480, 480)",
        "640 480 (6, 8, 3) 112233445566778899AABBCCDDEEFF00",
        "(14.023, 12.411)",
        "(508, 0, 3040, 3040) 1",
    ]


def test_a_classifier_and_a_segmenter(run):
    values = np.arange(12, dtype=np.float32)
    lines = run(
        """
        import argparse, pickle, sys
        import numpy as np
        from picamera2 import CompletedRequest, Picamera2
        from picamera2.devices import IMX500
        from picamera2.devices.imx500.postprocess import COCODrawer, softmax

        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        args = parser.parse_args()
        imx500 = IMX500(args.model)
        intrinsics = imx500.network_intrinsics
        picam2 = Picamera2(imx500.camera_num)
        picam2.start(picam2.create_preview_configuration())
        imx500.set_auto_aspect_ratio()
        for _ in range(2):
            request = picam2.capture_request()
            outputs = imx500.get_outputs(request.get_metadata())
            if outputs is None:
                print("nothing", imx500.get_roi_scaled(request))
                continue
            scores = softmax(outputs[0]) if intrinsics.softmax else outputs[0]
            top = np.argpartition(-scores, 3)[:3]
            top = top[np.argsort(-scores[top])]
            print([intrinsics.labels[i] for i in top], round(float(scores[top[0]]), 3))
            masks = outputs[1][np.newaxis] > 3
            drawer = COCODrawer(intrinsics.labels, imx500)
            drawer.overlay_masks(picam2, masks.astype(float), [1.0], [(1, 0, 0)])
            print(picam2.overlays[0][..., 3].tolist())
        metadata = pickle.loads(pickle.dumps(picam2.capture_metadata()))
        print([o.shape for o in imx500.get_outputs(metadata)], imx500.get_output_shapes(metadata))
        """,
        [Tensor((6,), "scores", 8, scale=1.0), Tensor((2, 3), "map", 8, scale=1.0)],
        [values[:6], values[:6]],
        {"task": "classification", "cpu": {"softmax": True}, "classes": {"labels": list("abcdef")}},
    )
    assert lines == [
        # The driver's control cuts libcamera's 4:3 region of 4053 columns to 4032.
        "nothing (0, 0, 637, 480)",
        "['f', 'e', 'd'] 0.634",
        "[[0, 0, 127], [0, 0, 127]]",
        "[(6,), (2, 3)] [[6], [2, 3]]",
    ]


def test_an_injector(run):
    lines = run(
        """
        import argparse, os
        from picamera2 import Picamera2
        from picamera2.devices import IMX500

        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        args = parser.parse_args()
        imx500 = IMX500(args.model, tensor_injection=True)
        width, height = imx500.config["input_tensor_size"]
        picam2 = Picamera2(imx500.camera_num)
        picam2.start(picam2.create_preview_configuration())
        fd = os.memfd_create("tensor", os.MFD_CLOEXEC)
        os.write(fd, bytes([7]) * (3 * (width + 31) // 32 * 32 * height))
        imx500._IMX500__set_input_tensor(fd)
        os.close(fd)
        wanted = imx500.get_injection_cmp_frm()
        while True:
            metadata = picam2.capture_metadata()
            info = metadata.get("CnnOutputTensorInfo")
            if info:
                parsed = imx500._IMX500__get_output_tensor_info(bytes(info))
                break
        diff = (parsed["frameCount"] - wanted) & 0xFF
        print(wanted, diff - 256 if diff > 127 else diff, parsed["info"][0]["size"])
        import the_driver
        print(the_driver.injection, len(the_driver.files[-1]))
        """,
        DETECTOR,
        detections(),
        INTRINSICS,
    )
    assert lines == ["3 4 [100, 4]", "1 576"]


def test_a_detector_with_processes_of_its_own(run):
    lines = run(
        """
        import argparse, multiprocessing, queue, threading
        import numpy as np
        from picamera2 import Picamera2
        from picamera2.devices import IMX500

        def parse(metadata):
            outputs = imx500.get_outputs(metadata, add_batch=True)
            if outputs is None:
                return None
            width, height = imx500.get_input_size()
            boxes, scores, classes = outputs[0][0], outputs[1][0], outputs[2][0]
            boxes = boxes[:, [1, 0, 3, 2]] / np.array([height, width, height, width])
            return [
                (int(c), float(s), imx500.convert_inference_coords(b, metadata, picam2))
                for b, s, c in zip(boxes, scores, classes) if s > 0.5
            ]

        def show(jobs):
            while (job := jobs.get()) is not None:
                request, result = job
                print(result.get(30), imx500.get_roi_scaled(request))
                request.release()

        if __name__ == "__main__":
            parser = argparse.ArgumentParser()
            parser.add_argument("--model")
            args = parser.parse_args()
            imx500 = IMX500(args.model)
            picam2 = Picamera2(imx500.camera_num)
            picam2.start(picam2.create_preview_configuration(buffer_count=12))
            # Its workers know the camera because they are copies of this process.
            pool = multiprocessing.get_context("fork").Pool(processes=2)
            jobs = queue.Queue()
            thread = threading.Thread(target=show, args=(jobs,))
            thread.start()
            for _ in range(3):
                request = picam2.capture_request()
                jobs.put((request, pool.apply_async(parse, (request.get_metadata(),))))
            jobs.put(None)
            thread.join()
            pool.close()
            pool.join()
            print(imx500.get_device_id())
        """,
        DETECTOR,
        detections(),
        INTRINSICS,
    )
    found = "[(1, 0.75, (160, 120, 320, 240))] (0, 0, 640, 480)"
    assert lines == [
        "None (0, 0, 640, 480)",
        found,
        found,
        "112233445566778899AABBCCDDEEFF00",
    ]


def test_a_pose_estimator(run):
    tags, places, scores = np.zeros((30, 17)), np.zeros((30, 17)), np.zeros((30, 17))
    # Joint after joint down the middle of the heat maps, which have 192 columns.
    places[0] = (36 + 4 * np.arange(17)) * 192 + 96
    scores[0] = 0.75
    lines = run(
        """
        import argparse
        import numpy as np
        from picamera2 import CompletedRequest, MappedArray, Picamera2
        from picamera2.devices.imx500 import IMX500, NetworkIntrinsics
        from picamera2.devices.imx500.postprocess import COCODrawer
        from picamera2.devices.imx500.postprocess_highernet import postprocess_higherhrnet

        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        parser.add_argument("--detection-threshold", type=float, default=0.3)
        args = parser.parse_args()
        imx500 = IMX500(args.model)
        intrinsics = imx500.network_intrinsics or NetworkIntrinsics()
        intrinsics.inference_rate = 10
        intrinsics.update_with_defaults()
        drawer = COCODrawer(
            [n for n in intrinsics.labels if n != "-"], imx500, needs_rescale_coords=False)

        def draw(request: CompletedRequest):
            outputs = imx500.get_outputs(metadata=request.get_metadata(), add_batch=True)
            if outputs is None:
                return print("nothing")
            keypoints, scores, boxes = postprocess_higherhrnet(
                outputs=outputs, img_size=(480, 640), img_w_pad=(0, 0), img_h_pad=(0, 0),
                detection_threshold=args.detection_threshold, network_postprocess=True)
            print(np.round(boxes).tolist(), [float(s) for s in scores])
            with MappedArray(request, "main") as m:
                drawer.annotate_image(
                    m.array, np.array(boxes), np.array(scores), np.zeros(len(scores)),
                    np.reshape(np.stack(keypoints), (len(scores), 17, 3)),
                    args.detection_threshold, args.detection_threshold,
                    request.get_metadata(), request.picam2, "main")

        picam2 = Picamera2(imx500.camera_num)
        picam2.pre_callback = draw
        picam2.start(picam2.create_preview_configuration(
            controls={"FrameRate": intrinsics.inference_rate}, buffer_count=12))
        imx500.set_auto_aspect_ratio()
        for _ in range(2):
            picam2.capture_request().release()
        import cv2
        kinds = [call[0] for call in cv2.drawn]
        print({kind: kinds.count(kind) for kind in kinds}, cv2.drawn[0][1:3], cv2.drawn[1][1])
        """,
        [
            Tensor((30, 17), "tags", 8, scale=2**-4),
            Tensor((30, 17), "places", 32, scale=1.0),
            Tensor((30, 17), "scores", 8, scale=2**-7),
        ],
        [values.astype(np.float32).ravel(order="F") for values in (tags, places, scores)],
        {"task": "pose estimation", "classes": {"labels": ["person", "-"]}},
    )
    assert lines == [
        "nothing",
        "[[120.0, 320.0, 333.0, 320.0]] [0.75]",
        "{'rectangle': 1, 'text': 18, 'line': 16, 'circle': 17} "
        "((320, 120), (320, 333)) person:0.750",
    ]


def test_a_program_that_asks_for_the_device_id(run):
    lines = run(
        """
        import argparse
        from picamera2 import Picamera2
        from picamera2.devices.imx500 import IMX500

        parser = argparse.ArgumentParser()
        parser.add_argument("--model")
        args = parser.parse_args()
        imx500 = IMX500(args.model)
        picam2 = Picamera2()
        picam2.start(picam2.create_preview_configuration(), show_preview=False)
        # The sensor answers while it streams.
        picam2.capture_metadata()
        print(imx500.get_device_id())
        picam2.stop()
        """,
        DETECTOR,
        detections(),
        INTRINSICS,
    )
    assert lines == ["112233445566778899AABBCCDDEEFF00"]
