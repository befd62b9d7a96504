"""What decides between a tick and a cross in the benchmarks' tables."""

from __future__ import annotations

import pytest

targets = pytest.importorskip("targets", reason="benchmarks/ is not beside the tests")
cases = pytest.importorskip("cases")


def row(ours_s, peer_s=None, network="net", job="job", peer=""):
    return cases.Row(job, network, peer, ours_s, peer_s)


@pytest.mark.parametrize(
    ("promise", "ours_s", "peer_s", "measured", "expected"),
    [
        ({"least_ratio": 40}, 2.0, 80.0, "40x", "✓"),
        ({"least_ratio": 40}, 2.0, 79.0, "39.5x", "✗"),
        ({"most_share": 1.5}, 1.5, 1.0, "1.5x", "✓"),
        ({"most_share": 1.5}, 1.6, 1.0, "1.6x", "✗"),
        ({"most_s": 4e-6}, 4e-6, None, "4 µs", "✓"),
        ({"most_s": 4e-6}, 4.01e-6, 1.0, "4.01 µs", "✗"),
    ],
)
def test_each_kind_of_promise(promise, ours_s, peer_s, measured, expected):
    target = targets.Target("job", ("net",), "text", peer="", **promise)
    assert targets.mark([target.used(row(ours_s, peer_s))]) == expected
    assert target.measured(row(ours_s, peer_s)) == measured


def test_the_worst_network_counts_and_others_do_not():
    target = targets.Target("job", ("one", "two"), "text", most_s=4e-6, peer="")
    rows = [row(9e-6, network="three"), row(3e-6, network="one"), row(5e-6, network="two")]
    assert target.worst(rows) == rows[2]
    assert target.worst(rows[:1]) is None


def test_a_row_with_two_promises_has_to_keep_both():
    promised = [target for target in targets.TARGETS if target.covers(request_row(1e-6, 1.0))]
    assert len(promised) == 2
    assert targets.mark_of(request_row(4e-6, 200e-6)) == "✓"
    assert targets.mark_of(request_row(6e-6, 600e-6)) == "✗"
    assert targets.mark_of(request_row(4e-6, 90e-6)) == "✗"
    assert targets.mark_of(row(1.0, 1.0)) == ""


def request_row(ours_s, peer_s):
    return row(ours_s, peer_s, targets.SSD, cases.REQUEST_OUTPUTS, "picamera2")


def test_each_promise_says_one_thing():
    for target in targets.TARGETS:
        kinds = (target.least_ratio, target.most_share, target.most_s)
        assert sum(kind > 0 for kind in kinds) == 1, target.text
