"""The simulated world: motion, what can be seen, figures, pictures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imx500_native.geometry import FULL_ROI, SENSOR_SIZE
from imx500_native.network import Network
from imx500_native.simulation import walking
from imx500_native.simulation.canvas import Canvas
from imx500_native.simulation.figures import FIGURES, PARCEL
from imx500_native.simulation.likenesses import figure_for, is_known, kind, mistaken_for, plain_name
from imx500_native.simulation.motion import Wandering
from imx500_native.simulation.rendering import Renderer, figure_box, pixel_box
from imx500_native.simulation.scene import Actor, Placed, World, visible_objects

CLASSES = list(enumerate([*FIGURES, "no such thing", "another"]))
SMALL = (338, 253)


def actor(width=400.0, height=800.0, scale=0.8, class_id=0, figure=PARCEL):
    motion = Wandering(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, "ground")
    return Actor(class_id, "thing", figure, (200, 40, 40), scale, width, height, motion)


def placed(x, y, width=400.0, height=800.0, **kwargs):
    return Placed(actor(width, height, **kwargs), (x, y, x + width, y + height), False)


def differing(first, second):
    """Bounds (x0, y0, x1, y1) of the pixels in which two pictures differ."""
    rows, columns = np.nonzero((first != second).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


# --- motion


@given(
    seed=st.integers(0, 2**64),
    objects=st.integers(0, 20),
    time_s=st.floats(0, 1e5, allow_nan=False),
)
def test_objects_stay_inside_the_sensor(seed, objects, time_s):
    now = World(CLASSES, objects, seed).at(time_s)
    assert len(now) == objects
    for one, (x0, y0, x1, y1), *_ in now:
        assert x0 >= -1e-6
        assert y0 >= -1e-6
        assert x1 <= SENSOR_SIZE[0] + 1e-6
        assert y1 <= SENSOR_SIZE[1] + 1e-6
        if one.figure.walks:
            # Steps change a person's outline.
            assert x1 - x0 <= one.width + 1e-6
            assert 0.9 * one.height < y1 - y0 < 1.01 * one.height
        else:
            assert x1 - x0 == pytest.approx(one.width)
            assert y1 - y0 == pytest.approx(one.height)


def test_the_seed_decides_everything():
    first, second, other = (World(CLASSES, 6, seed) for seed in (5, 5, 6))
    for time_s in (0.0, 0.4, 17.25):
        assert first.at(time_s) == second.at(time_s)
        assert first.at(time_s) != other.at(time_s)


def test_motion_is_smooth_and_every_object_moves():
    world = World(CLASSES, 12, 3)
    places = np.array([[actor.motion.at(n / 30)[:2] for actor in world.actors] for n in range(600)])
    steps = np.abs(np.diff(places, axis=0))
    assert steps.max() < 60  # sensor pixels per frame: at most 1.5 % of the field
    assert (np.ptp(places[:, :, 0], axis=0) > 10).all()


def test_objects_look_where_they_go():
    world = World(CLASSES, 8, 11)
    for n in range(200):
        before, after = world.at(n / 30 - 1e-4), world.at(n / 30 + 1e-4)
        for (_, old, left, step), (_, new, still_left, next_step) in zip(
            before, after, strict=True
        ):
            if (left, step) == (still_left, next_step) and abs(new[0] - old[0]) > 1e-6:
                assert (new[0] < old[0]) == left


def test_farther_objects_come_first_and_are_smaller():
    world = World([(0, "person")], 8, 2)
    scales = [one.scale for one, *_ in world.at(0)]
    heights = [one.height / one.scale for one, *_ in world.at(0)]
    assert scales == sorted(scales)
    assert max(heights) / min(heights) < 1.15


def test_a_person_is_always_there_and_figures_are_preferred():
    known = set(FIGURES)
    labels = [f"thing {i}" for i in range(60)] + list(FIGURES)
    for seed in range(40):
        cast = [one.label for one, *_ in World(list(enumerate(labels)), 6, seed).at(0)]
        assert "person" in cast
        assert set(cast) <= known
    few = ["thing", "person", "car", "other"]
    labels = {one.label for one, *_ in World(list(enumerate(few)), 8, 1).at(0)}
    assert labels == set(few)


def test_classes_without_names_become_plain_blocks():
    world = World([(4, None)], 3, 0)
    assert [(one.class_id, one.label, one.figure) for one, *_ in world.at(0)] == [
        (4, None, PARCEL)
    ] * 3


def test_no_classes_mean_no_objects():
    assert World([], 2, 0).at(1.0) == ()


def test_two_of_a_kind_have_colours_of_their_own():
    for seed in range(20):
        shirts = [one.colour for one, *_ in World([(0, "person")], 5, seed).at(0)]
        assert len(set(shirts)) == 5


def test_people_apart_seldom_meet():
    def met(apart):
        count = 0
        for seed in range(10):
            world = World([(0, "person")], 4, seed, apart=apart)
            for time_s in range(20):
                boxes = sorted(one.box for one in world.at(time_s))
                count += sum(a[2] > b[0] for a, b in itertools.pairwise(boxes))
        return count / 200

    assert met(True) < 0.25
    assert met(False) > 2 * met(True)


def test_objects_that_pass_one_by_one_cross_the_whole_field():
    world = World(CLASSES, 4, 7, one_by_one=True)
    way = {index: [] for index in range(4)}
    for n in range(24 * 30):
        for one in world.at(n / 30):
            way[world.actors.index(one.actor)].append(one)
    for places in way.values():
        boxes = np.array([one.box for one in places])
        heading = {one.looks_left for one in places}
        assert len(heading) == 1
        assert boxes[:, 0].min() < 0
        assert boxes[:, 2].max() > SENSOR_SIZE[0]
        assert boxes[:, 1].min() >= 0
        assert boxes[:, 3].max() <= SENSOR_SIZE[1]
        # In the middle it takes its time.
        central = np.abs(boxes[:, [0, 2]].mean(axis=1) - 2028) < 700
        assert central.mean() > 0.5
    assert 1800 < np.abs(np.diff(boxes[0, [0, 2]])[0]) < 2600 or figure_height(boxes) > 1500


def figure_height(boxes):
    return (boxes[:, 3] - boxes[:, 1]).max()


# --- people


def a_person(phase=0, looks_left=False, x=1500.0, height=1200.0):
    """A person placed at one stance, the feet at sensor row 2200."""
    x0, y0, x1, y1 = (edge * height for edge in walking.stance(phase).bounds)
    if looks_left:
        x0, x1 = -x1, -x0
    one = actor(700.0, height, figure=FIGURES["person"])
    one = Actor(
        one.class_id, "person", one.figure, walking.SHIRTS[0], 1.0, 700.0, height, one.motion
    )
    return Placed(one, (x + x0, 2200 + y0, x + x1, 2200 + y1), looks_left, phase)


@pytest.mark.parametrize("phase", range(walking.PHASES))
def test_a_person_reaches_all_four_sides_at_every_step(phase):
    stance = walking.stance(phase)
    for height in (40, 240):
        canvas = Canvas(round(height * stance.aspect), height, stance.aspect)
        stance.paint(canvas, walking.SHIRTS[phase % 5])
        cover = canvas.coverage[..., 0]
        sides = [cover[0], cover[-1], cover[:, 0], cover[:, -1]]
        assert all(side.max() > 0.3 for side in sides), [side.max() for side in sides]


@pytest.mark.parametrize("looks_left", [False, True])
@pytest.mark.parametrize("phase", range(0, walking.PHASES, 3))
def test_joints_lie_in_the_drawn_person(phase, looks_left):
    window, size = (900, 800, 1200, 1500), (480, 600)
    one = a_person(phase, looks_left)
    silhouette = Renderer().class_map([one], window, size) == 0
    for joint, (x, y, exposed) in enumerate(one.joints()):
        column, row = (x - window[0]) * 0.4, (y - window[1]) * 0.4
        # Tip of the nose and eyes are near the outline.
        margin = 3 if joint < 5 else 8
        around = silhouette[
            round(row) - margin : round(row) + margin + 1,
            round(column) - margin : round(column) + margin + 1,
        ]
        assert silhouette[round(row), round(column)], joint
        assert joint < 5 or exposed < 1 or around.mean() > 0.8, joint


def test_joints_are_in_the_order_of_coco():
    one = a_person(phase=6)
    x, y, exposed = np.array(one.joints()).T
    head, shoulders, hips, knees, ankles = y[:5].mean(), y[5:7], y[11:13], y[13:15], y[15:]
    assert head < shoulders.min() < hips.min() < knees.min() < ankles.min()
    assert x[0] > x[1:5].max()  # the nose points to where the person goes
    assert exposed[0] == 1
    # Of one that walks to the right, the right side is the near one.
    assert (exposed[2::2] == 1).all()
    assert (exposed[1::2] < 1).all()
    mirrored = np.array(a_person(phase=6, looks_left=True).joints()).T
    middle = 1500.0
    swapped = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    assert mirrored[0] == pytest.approx(2 * middle - x[swapped])
    assert mirrored[1] == pytest.approx(y[swapped])
    assert (mirrored[2][1::2] == [1] * 8).all()


def test_feet_do_not_slide():
    """Over a step of the cycle, the foot that carries moves far less than the body."""
    step = walking.STRIDE / walking.PHASES
    slid = []
    for phase in range(walking.PHASES):
        places = []
        for number in (phase, (phase + 1) % walking.PHASES):
            stance = walking.stance(number)
            x0, y0, x1, y1 = stance.bounds
            places.append([(x0 + x * (x1 - x0), y0 + y * (y1 - y0)) for x, y in stance.joints])
        (before_x, before_y), (after_x, _) = (np.array(p)[15:].T for p in places)
        carrying = before_y > before_y.max() - 0.02
        slid.append(np.abs(after_x - before_x + step)[carrying].min() / step)
    assert np.median(slid) < 0.3
    assert max(slid) < 1


def test_legs_swing_against_each_other():
    ankles = np.array([walking.stance(n).joints for n in range(walking.PHASES)])[:, 15:, 0]
    widths = [walking.stance(n).aspect for n in range(walking.PHASES)]
    assert max(widths) > 1.5 * min(widths)
    apart = ankles[:, 0] - ankles[:, 1]
    assert apart.max() > 0.3
    assert apart.min() < -0.3
    half = walking.PHASES // 2
    assert np.sign(apart[np.abs(apart) > 0.1][0]) == -np.sign(np.roll(apart, half)[0])


def test_a_person_that_turns_keeps_its_feet_where_they_are():
    for distance in np.linspace(0, 2, 7):
        right = a_person(walking.phase_at(distance), looks_left=False)
        left = a_person(walking.phase_at(-distance), looks_left=True)
        # The near foot stays in front, though it is the other one now; or the far one does.
        near = abs(right.joints()[16][0] - left.joints()[15][0])
        far = abs(right.joints()[15][0] - left.joints()[16][0])
        assert min(near, far) < 0.12 * 1200


def test_people_walk_as_fast_as_they_go():
    (actor,) = World([(0, "person")], 1, 5).actors
    distance, steps = 0.0, 0
    before = actor.at(0)
    for n in range(1, 600):
        now = actor.at(n / 60)
        moved = actor.motion.at(n / 60).middle - actor.motion.at((n - 1) / 60).middle
        distance += abs(moved)
        if now.looks_left == before.looks_left:
            steps += (now.phase - before.phase) % walking.PHASES
        before = now
    expected = distance / actor.height / walking.STRIDE * walking.PHASES
    assert steps == pytest.approx(expected, abs=3 + 0.05 * expected)


def test_hidden_joints_count_less():
    roi = FULL_ROI
    behind = a_person(x=1500.0)
    x0, _, x1, _ = behind.box
    in_front = placed(x0 - 100, 1700, x1 - x0 + 200, 700, scale=1.1)
    (seen, _) = visible_objects([behind, in_front], roi)
    (alone,) = visible_objects([behind], roi)
    legs, head = slice(13, 17), slice(0, 5)
    assert [joint.visible for joint in seen.joints[head]] == [
        joint.visible for joint in alone.joints[head]
    ]
    for hidden, clear in zip(seen.joints[legs], alone.joints[legs], strict=True):
        assert hidden.visible == pytest.approx(0.3 * clear.visible)
        assert hidden[:2] == clear[:2]


def test_joints_outside_of_the_roi_are_invisible():
    one = a_person(x=1500.0)
    x0, y0, x1, y1 = one.box
    roi = (int(x0) - 50, int(y0) - 50, int(x1 - x0) + 100, int((y1 - y0) / 2) + 50)
    (seen,) = visible_objects([one], roi)
    for joint, (x, y, exposed) in zip(seen.joints, one.joints(), strict=True):
        assert joint.visible == (exposed if y <= roi[1] + roi[3] else 0)
        assert joint.x * roi[2] + roi[0] == pytest.approx(x)
        assert joint.y * roi[3] + roi[1] == pytest.approx(y)
    assert visible_objects([placed(100, 100)], FULL_ROI)[0].joints == ()


# --- what the network can see


def test_boxes_are_relative_to_the_roi_and_clipped_to_it():
    roi = (1000, 500, 2000, 1000)
    inside, across = placed(1500, 600), placed(2700, 1200, class_id=7)
    first, second = visible_objects([inside, across], roi)
    assert first.xyxy == pytest.approx((0.25, 0.1, 0.45, 0.9))
    assert (first.visible, first.depth, first.label) == (1.0, 1.25, "thing")
    assert second.xyxy == pytest.approx((0.85, 0.7, 1.0, 1.0))
    assert second.class_id == 7
    assert second.visible == pytest.approx(0.75 * 300 / 800)


@pytest.mark.parametrize(("x", "seen"), [(2899.0, True), (2901.0, False), (3500.0, False)])
def test_a_quarter_of_an_object_must_be_inside(x, seen):
    objects = visible_objects([placed(x, 600)], (1000, 500, 2000, 2000))
    assert bool(objects) == seen


def test_an_object_behind_another_is_lost():
    nearer = placed(1000, 1000, 600, 900, scale=0.9)
    assert len(visible_objects([placed(1100, 1050), nearer], FULL_ROI)) == 1
    half = visible_objects([placed(800, 1050), nearer], FULL_ROI)
    assert half[0].visible == pytest.approx(0.5)
    assert half[0].xyxy[2] == pytest.approx(1200 / 4056)


@given(
    roi=st.tuples(
        st.integers(0, 4000), st.integers(0, 3000), st.integers(1, 4056), st.integers(1, 3040)
    ),
    time_s=st.floats(0, 100),
)
def test_what_is_seen_lies_in_the_roi_and_at_its_place(roi, time_s):
    now = World(CLASSES, 10, 4).at(time_s)
    for one in visible_objects(now, roi):
        x0, y0, x1, y1 = one.xyxy
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert 0.25 <= one.visible <= 1
        sensor = np.array(one.xyxy) * (roi[2], roi[3], roi[2], roi[3]) + np.array([*roi[:2]] * 2)
        edge = (roi[0], roi[1], roi[0] + roi[2], roi[1] + roi[3])
        matching = [
            box
            for own, box, *_ in now
            if own.class_id == one.class_id
            and np.allclose(
                sensor, (*np.maximum(box[:2], edge[:2]), *np.minimum(box[2:], edge[2:])), atol=1e-6
            )
        ]
        assert matching


# --- figures


@pytest.mark.parametrize("name", [*FIGURES, "anything else"])
@pytest.mark.parametrize("height", [24, 61, 240])
def test_figures_reach_all_four_sides(name, height):
    figure = figure_for(name)
    canvas = Canvas(max(8, round(height * figure.aspect)), height, figure.aspect)
    figure.paint(canvas, figure.colours[0])
    cover = canvas.coverage[..., 0]
    sides = [cover[0], cover[-1], cover[:, 0], cover[:, -1]]
    assert all(side.max() > 0.3 for side in sides), [side.max() for side in sides]
    assert cover.min() >= 0
    assert cover.max() <= 1 + 1e-5
    assert (canvas.colour <= 255.01 * canvas.coverage + 1e-3).all()


@pytest.mark.parametrize("label", ["Person", " person ", "pedestrian"])
def test_figures_are_found_by_other_spellings(label):
    assert figure_for(label) is FIGURES["person"]


@pytest.mark.parametrize("label", [None, "", "toothbrush", "-"])
def test_unknown_classes_get_the_plain_block(label):
    assert figure_for(label) is PARCEL


def test_imagenets_classes_look_like_what_they_are():
    labels = Network.find("mobilenet_v2").labels
    known = [label for label in labels if is_known(label)]
    assert 25 <= len(known) <= 60
    assert plain_name("281:tabby, tabby cat") == "tabby"
    assert figure_for("207:golden retriever").paint is FIGURES["dog"].paint
    assert figure_for("207:golden retriever").colours != figure_for("235:beagle").colours
    assert kind("207:golden retriever") == kind("208:Labrador retriever") == "dog"
    assert kind("751:racer, race car") == kind(None) == ""
    assert figure_for("934:hotdog, hot dog, red hot") is PARCEL
    names = {plain_name(label) for label in labels}
    for label in known:
        others = mistaken_for(label)
        assert len(others) >= 2
        assert plain_name(label) not in others
        assert set(others) <= names


# --- pictures


@pytest.mark.parametrize("looks_left", [False, True])
def test_people_fill_the_box_of_their_stance(looks_left):
    renderer, size = Renderer(), (1014, 760)
    for phase in range(0, walking.PHASES, 4):
        one = a_person(phase, looks_left, x=1500.0 + 3.7 * phase)
        picture = renderer.picture([one], FULL_ROI, size)
        bounds = differing(picture, renderer.background(FULL_ROI, size))
        assert bounds == figure_box(one, FULL_ROI, size)
        assert np.abs(np.subtract(bounds, np.divide(one.box, 4))).max() <= 1


def test_one_sprite_does_for_each_step():
    renderer = Renderer()
    for x in np.arange(1000, 1100, 3.3):
        for looks_left in (False, True):
            renderer.picture([a_person(2, looks_left, x=x)], FULL_ROI, (640, 480))
    assert len(renderer._sprites._kept) == 1


def test_the_class_map_is_the_picture():
    renderer, size = Renderer(), (507, 380)
    now = World(CLASSES, 6, 1).at(2.0)
    classes = renderer.class_map(now, FULL_ROI, size)
    assert classes.shape == (380, 507)
    assert classes.dtype == np.int16
    picture, empty = renderer.picture(now, FULL_ROI, size), renderer.background(FULL_ROI, size)
    same = (picture == empty).all(axis=2)
    assert (classes[same] == -1).mean() > 0.995
    # A shadow is no object, and an outline is half of one.
    assert (classes[~same] >= 0).mean() > 0.85
    top = renderer.class_map(now[-1:], FULL_ROI, size) >= 0
    assert (classes[top] == now[-1].actor.class_id).all()
    assert (renderer.class_map([], FULL_ROI, size) == -1).all()
    assert (renderer.class_map(now, (0, 0, 0, 0), size) == -1).all()


@pytest.mark.parametrize("x", [700.0, 703.3, 1711.9])
@pytest.mark.parametrize("window", [FULL_ROI, (508, 0, 3040, 3040), (0, 380, 4056, 2281)])
def test_figures_fill_exactly_their_pixel_box(x, window):
    renderer = Renderer()
    one = placed(x, 1000.4)
    bounds = differing(renderer.picture([one], window, SMALL), renderer.background(window, SMALL))
    assert bounds == pixel_box(one.box, window, SMALL)
    exact = [
        (edge - window[axis]) * SMALL[axis] / window[axis + 2]
        for edge, axis in zip(one.box, (0, 1, 0, 1), strict=True)
    ]
    assert np.abs(np.subtract(bounds, exact)).max() <= 0.5


def test_figures_are_mirrored_when_they_look_left():
    renderer = Renderer()
    right = Placed(actor(1200, 500, figure=FIGURES["car"]), (1000, 1000, 2200, 1500), False)
    left = right._replace(looks_left=True)
    window, size = FULL_ROI, (1014, 760)
    x0, y0, x1, y1 = pixel_box(right.box, window, size)
    # Half way up there is only opaque body, so no background shows through.
    row = (y0 + 2 * y1) // 3
    right_row = renderer.picture([right], window, size)[row, x0:x1]
    left_row = renderer.picture([left], window, size)[row, x0:x1]
    opaque = slice(30, -30)
    assert np.array_equal(right_row[opaque], left_row[::-1][opaque])


def test_nearer_figures_cover_farther_ones():
    renderer = Renderer()
    far, near = placed(1000, 1000), placed(1100, 1100)
    both = renderer.picture([far, near], FULL_ROI, SMALL)
    alone = renderer.picture([near], FULL_ROI, SMALL)
    x, y = round(1300 * SMALL[0] / 4056), round(1500 * SMALL[1] / 3040)
    assert np.array_equal(both[y, x], alone[y, x])


def test_figures_are_cut_at_the_pictures_edge():
    renderer = Renderer()
    window = (1200, 1200, 1600, 1200)
    size = (400, 300)
    bounds = differing(
        renderer.picture([placed(1000, 900), placed(2600, 2300)], window, size),
        renderer.background(window, size),
    )
    assert bounds == (0, 0, 400, 300)


def test_a_picture_of_a_part_is_that_part_of_the_picture():
    renderer = Renderer()
    now = World(CLASSES, 5, 1).at(2.0)
    # A window on whole pixels of the larger picture: 4056 / 1014 = 4 sensor pixels each.
    whole = renderer.picture(now, FULL_ROI, (1014, 760)).astype(int)
    part = renderer.picture(now, (400, 800, 2000, 1600), (500, 400)).astype(int)
    assert np.abs(whole[200:600, 100:600] - part).max() <= 1


def test_beyond_the_sensor_there_is_black():
    picture = Renderer().background((3556, 2540, 1000, 1000), (100, 100))
    assert (picture[:50, :50] > 0).all()
    assert not picture[:, 50:].any()
    assert not picture[50:].any()


def test_backgrounds_are_kept_and_read_only():
    renderer = Renderer()
    first = renderer.background(FULL_ROI, SMALL)
    assert renderer.background(FULL_ROI, SMALL) is first
    assert not first.flags.writeable
    assert renderer.picture([], FULL_ROI, SMALL).flags.writeable


def test_the_cache_stays_within_its_limit(monkeypatch):
    monkeypatch.setattr("imx500_native.simulation.rendering._SPRITE_BYTES", 200_000)
    renderer = Renderer()
    for width in range(100, 1500, 50):
        renderer.picture([placed(100, 100, width)], FULL_ROI, SMALL)
    sprites = renderer._sprites
    assert sum(weight for _, weight in sprites._kept.values()) == sprites._bytes <= 200_000


@settings(max_examples=30)
@given(
    window=st.tuples(
        st.integers(0, 4032), st.integers(0, 3040), st.integers(1, 4056), st.integers(1, 3040)
    ),
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
)
def test_any_window_can_be_drawn(window, size):
    picture = Renderer().picture(World(CLASSES, 6, 0).at(1.5), window, size)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
