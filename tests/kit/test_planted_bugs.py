"""Bugs that only certain sequences show are found, and shrunk to nearly the least that shows them."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from liveproto_conformance.catalogue import catalogue
from liveproto_conformance.check import mark_of
from liveproto_conformance.mutants.hunt import hunt
from liveproto_conformance.mutants.planted import PLANTED, size_of

WORKERS = 2
HUNT_S = 120
SHRINK_BUDGET_S = 12.0
"""As good as none, for busy machines; ``benchmarks/shrinking.py`` holds a run to its two seconds."""
ENOUGH = 27


@pytest.fixture(scope="module")
def hunts():
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        futures = {planted.id: pool.submit(hunt_by_id, planted.id) for planted in PLANTED}
        yield {id_: future.result(HUNT_S) for id_, future in futures.items()}


def hunt_by_id(id_):
    """Hunt in another process, to which a patch cannot be sent."""
    return hunt(next(planted for planted in PLANTED if planted.id == id_), SHRINK_BUDGET_S)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.id)
def test_a_planted_bug_is_found_and_its_minimum_is_one(planted, hunts):
    found = hunts[planted.id]
    assert found.size is not None
    assert found.least_fails
    assert found.spare == ()


def test_nearly_all_are_shrunk_to_their_minimum_and_at_most_one_command(hunts):
    sizes = {planted.id: (hunts[planted.id].size, size_of(planted.least)) for planted in PLANTED}
    assert sum(found <= least + 1 for found, least in sizes.values()) >= ENOUGH, sizes


def test_there_are_thirty_and_most_are_sequences_of_every_kind():
    assert len({planted.id for planted in PLANTED}) == 30
    sequences = [planted for planted in PLANTED if "steps" in planted.least]
    assert len(sequences) >= 20
    assert {planted.check for planted in sequences} == {
        id_ for id_, check in catalogue().items() if mark_of(check.function).machine is not None
    }
    assert {size_of(planted.least) for planted in sequences} == {2, 3, 4, 5}


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"steps": []}, 0),
        ({"steps": [("subscribe", {"channel": 0}), ("together", {"commands": ["a", "b"]})]}, 3),
        ({"count": 17}, 17),
        ({"payloads": [[None, 5], "text"]}, 3),
    ],
)
def test_the_size_of_an_input_is_that_of_its_commands(values, size):
    assert size_of(values) == size
