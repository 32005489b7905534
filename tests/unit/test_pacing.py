"""The shared limit, its pauses, and the breaker."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vitrina.models.openai.pacing import Breaker, Limit, Pacer, StoppedError, backoff
from waiting import HANG, eventually


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_halves_once_for_one_burst() -> None:
    limit = Limit(16)
    for _ in range(5):
        limit.throttled(began=1.0, now=2.0)
    assert limit.value == 8
    limit.throttled(began=2.0, now=3.0)
    assert limit.value == 4
    for at in range(3, 20):
        limit.throttled(began=at, now=at + 0.5)
    assert limit.value == 1


def test_a_limit_grows_by_one_for_a_window_of_successes_up_to_where_it_began() -> None:
    limit = Limit(4)
    limit.throttled(began=1.0, now=2.0)
    seen = []
    for _ in range(12):
        limit.succeeded()
        seen.append(limit.value)
    assert seen == [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]


def test_a_refusal_ends_a_window() -> None:
    limit = Limit(2)
    limit.succeeded()
    limit.throttled(began=1.0, now=2.0)
    limit.throttled(began=1.0, now=3.0)
    assert limit.value == 1
    limit.succeeded()
    assert limit.value == 2


@pytest.mark.parametrize(("attempt", "bound"), [(1, 0.5), (2, 1.0), (5, 8.0), (9, 30.0), (999, 30)])
def test_backoff_doubles_to_a_cap_and_draws_from_all_of_it(attempt: int, bound: float) -> None:
    assert backoff(attempt, 0.5, draw=lambda: 1.0) == bound
    assert backoff(attempt, 0.5, draw=lambda: 0.0) == 0
    assert 0 <= backoff(attempt, 0.5) <= bound


def test_never_more_at_once_than_the_limit() -> None:
    pacer, most, lock = Pacer(3), 0, threading.Lock()

    def call(_: int) -> None:
        nonlocal most
        with pacer.slot():
            with lock:
                most = max(most, pacer.running)
            time.sleep(0.005)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(36)))
    assert most == 3
    assert pacer.running == 0


def test_first_come_first_served() -> None:
    pacer, order = Pacer(1), []

    def call(number: int) -> None:
        with pacer.slot():
            order.append(number)

    with pacer.slot():
        threads = []
        for number in range(8):
            thread = threading.Thread(target=call, args=(number,))
            thread.start()
            threads.append(thread)
            eventually(lambda: len(pacer._line) == len(threads))
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_a_pause_is_for_everybody_and_costs_no_busy_waiting() -> None:
    pacer = Pacer(4)
    with pacer.slot() as slot:
        slot.throttled(0.5)
    assert pacer.limit == 2
    started, busy = time.monotonic(), time.process_time()

    def call(_: int) -> float:
        with pacer.slot():
            return time.monotonic() - started

    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(call, range(4)))
    assert min(waits) >= 0.49
    assert max(waits) < 30
    assert time.process_time() - busy < 0.4


def test_a_longer_pause_prevails_and_has_an_end() -> None:
    clock = Clock()
    pacer = Pacer(1, clock=clock, longest_hold=60)
    pacer.hold(10)
    pacer.hold(5)
    assert pacer._not_before == 110
    pacer.hold(86_400)
    assert pacer._not_before == 160
    clock.now = 161
    with pacer.slot():
        assert pacer.running == 1


def test_stopping_wakes_those_in_line_and_those_asleep() -> None:
    pacer, outcomes = Pacer(1), []
    asleep = threading.Event()

    def wait_in_line() -> None:
        try:
            with pacer.slot():
                outcomes.append("called")
        except StoppedError:
            outcomes.append("stopped")

    def sleep() -> None:
        try:
            asleep.set()
            pacer.sleep(2 * HANG)
        except StoppedError:
            outcomes.append("stopped")

    with pacer.slot():
        threads = [threading.Thread(target=target) for target in (wait_in_line, sleep)] * 1
        threads += [threading.Thread(target=wait_in_line) for _ in range(3)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(pacer._line) == 4 and asleep.is_set())
        pacer.stop()
        for thread in threads:
            thread.join(HANG)
    assert outcomes == ["stopped"] * 5
    assert pacer.stopped
    with pytest.raises(StoppedError), pacer.slot():
        pass


def test_an_error_inside_gives_the_place_back() -> None:
    pacer = Pacer(1)
    with pytest.raises(ZeroDivisionError), pacer.slot():
        raise ZeroDivisionError
    with pacer.slot():
        assert pacer.running == 1


def test_the_breaker_opens_after_different_items_with_one_reason() -> None:
    clock = Clock()
    breaker = Breaker(3, rest=30, clock=clock)
    assert [breaker.failed("a", "timeout") for _ in range(5)] == [False] * 5
    assert breaker.failed("b", "timeout") is False
    assert breaker.failed("c", "error 500") is False
    assert [breaker.failed(item, "timeout") for item in "abc"] == [False, False, True]
    assert breaker.open == "timeout"
    clock.now += 31
    assert breaker.open is None


def test_a_success_closes_the_breaker() -> None:
    breaker = Breaker(2)
    breaker.failed("a", "timeout")
    breaker.succeeded()
    assert breaker.failed("b", "timeout") is False
    assert breaker.failed("c", "timeout") is True
    breaker.succeeded()
    assert breaker.open is None
