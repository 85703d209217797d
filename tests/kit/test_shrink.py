"""A failing session is cut down to what fails, in few trials."""

import random

import pytest
from hypothesis import strategies as st

from liveproto_conformance.failures.shrink import cut_down, smallest
from liveproto_conformance.stateful.conversation import Conversation, step


class Machine(Conversation):
    @step(number=st.integers(2, 9), word=st.sampled_from(["b", "a"]))
    def one(self, number, word):
        pass

    @step(items=st.lists(st.integers(), min_size=3))
    def many(self, items):
        pass


def judged(fails):
    """A judge of sessions that counts its trials."""
    trials = []

    def still_fails(steps):
        trials.append(steps)
        return steps if fails(steps) else None

    return still_fails, trials


def has(needed):
    def fails(items):
        rest = iter(items)
        return all(item in rest for item in needed)

    return fails


@pytest.mark.parametrize("seed", range(20))
def test_what_is_needed_in_its_order_is_left_and_nothing_else(seed):
    source = random.Random(seed)
    items = [source.randrange(10) for _ in range(25)]
    needed = [items[index] for index in sorted(source.sample(range(25), 4))]
    still_fails, trials = judged(has(needed))
    assert cut_down(items, still_fails) == needed
    assert len(trials) < 120


def test_pairs_go_together():
    still_fails, _ = judged(lambda items: items.count("in") == items.count("out") and "x" in items)
    assert cut_down(["in", "a", "out", "x"], still_fails) == ["x"]


def test_what_was_not_played_is_gone_too():
    assert cut_down([1, 2, 3, 4, 5], lambda items: [n for n in items if n != 2] if 5 in items else None) == [5]


def test_nothing_may_be_needed_at_all():
    assert cut_down([1, 2, 3], lambda items: items) == []


def test_arguments_become_as_simple_as_their_strategies_go():
    still_fails, _ = judged(lambda steps: len(steps) == 1 and steps[0][1].get("number", 0) >= 4)
    steps = smallest(Machine, [("one", {"number": 9, "word": "a"})], still_fails)
    assert steps == [("one", {"number": 4, "word": "b"})]


def test_lists_are_cut_down_to_one_element_at_least():
    still_fails, _ = judged(bool)
    assert len(smallest(Machine, [("many", {"items": [5, 6, 7, 8]})], still_fails)[0][1]["items"]) == 1


def test_time_may_be_over_at_any_moment():
    steps = [("one", {"number": number, "word": "a"}) for number in (9, 8, 7)]
    for allowed in range(12):
        left = [allowed]

        def still_fails(candidate, left=left):
            left[0] -= 1
            return candidate if candidate and left[0] >= 0 else None

        smaller = smallest(Machine, steps, still_fails)
        assert 1 <= len(smaller) <= 3
