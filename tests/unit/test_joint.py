"""Several who wait for a commit share one, and whoever cannot be done costs only itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from casebridge.engine.joint import MOST, Joint
from casebridge.store.database import StoreTrouble


class Doubling:
    """Doubles numbers; refuses bad ones, and with them all that came together. The first batch waits for ``go``."""

    def __init__(self, *bad: int) -> None:
        self.bad, self.batches = bad, list[list[int]]()
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, some: Sequence[int]) -> list[int]:
        self.batches.append(list(some))
        self.began.set()
        self.go.wait(30)
        if set(self.bad) & set(some):
            raise ValueError(f"bad: {sorted(set(self.bad) & set(some))}")
        return [2 * number for number in some]


def together(do: Doubling, numbers: Sequence[int]) -> list[int | str]:
    """What each got that came while the first one was at work."""
    joint = Joint(do)

    def asked(number: int) -> int | str:
        try:
            return joint(number)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        first = pool.submit(asked, 1)
        do.began.wait(30)
        others = [pool.submit(asked, number) for number in numbers]
        while len(joint._line) < len(numbers):
            threading.Event().wait(0.001)
        do.go.set()
        return [first.result(), *(other.result() for other in others)]


def test_who_comes_meanwhile_shares_the_next_turn() -> None:
    do = Doubling()
    assert together(do, range(2, 22)) == [2, *range(4, 44, 2)]
    assert [sorted(batch) for batch in do.batches] == [[1], list(range(2, 22))]


def test_one_that_fails_costs_only_whoever_asked_for_it() -> None:
    do = Doubling(5)
    found = together(do, range(2, 10))
    assert found == [2, 4, 6, 8, "bad: [5]", 12, 14, 16, 18]


@pytest.mark.parametrize("count", [MOST, MOST + 1])
def test_no_more_than_a_batch_at_once(count: int) -> None:
    do = Doubling()
    assert together(do, range(2, count + 2)) == [2, *range(4, 2 * count + 4, 2)]
    assert max(map(len, do.batches)) <= MOST


def test_that_the_database_is_away_is_heard_by_all_at_once() -> None:
    """It was tried with ever fewer of them, each of which may wait for half a minute."""
    do = Doubling()

    def away(some: Sequence[int]) -> list[int]:
        do(some)
        raise StoreTrouble("OperationalError")

    joint, said = Joint(away), list[str]()

    def asked(number: int) -> None:
        with pytest.raises(StoreTrouble):
            joint(number)
        said.append("away")

    with ThreadPoolExecutor(20) as pool:
        pool.submit(asked, 1)
        do.began.wait(30)
        waiting = [pool.submit(asked, number) for number in range(2, 20)]
        while len(joint._line) < len(waiting):
            threading.Event().wait(0.001)
        do.go.set()
    assert (len(do.batches), len(said)) == (2, 19)


def test_who_comes_while_one_waits_for_its_turn_is_done_with_it() -> None:
    do, free = Doubling(), threading.Event()
    do.go.set()

    @contextmanager
    def turn() -> Iterator[None]:
        free.wait(30)
        yield

    joint = Joint(do, turn)
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(joint, number) for number in range(5)]
        while len(joint._line) < 5:
            threading.Event().wait(0.001)
        free.set()
        assert [one.result() for one in asked] == [0, 2, 4, 6, 8]
    assert [sorted(batch) for batch in do.batches] == [[0, 1, 2, 3, 4]]


def test_where_there_is_no_turn_each_hears_why() -> None:
    @contextmanager
    def turn() -> Iterator[None]:
        raise StoreTrouble("another process")
        yield

    joint = Joint(Doubling(), turn)
    for number in (1, 2):
        with pytest.raises(StoreTrouble, match="another process"):
            joint(number)


def test_a_result_too_few_is_an_error_of_all_and_nobody_waits_for_ever() -> None:
    joint: Joint[int, int] = Joint(lambda items: [])
    with pytest.raises(ValueError, match="shorter"):
        joint(1)
