"""Who writes waits for one reader at most; who has the turn has it alone, and may take it again."""

import threading
import time

import pytest

from penchant.engine.turns import Turns


def test_a_writer_goes_before_every_reader_that_waits() -> None:
    turns, order, writer_waits = Turns(), [], threading.Event()

    def write() -> None:
        writer_waits.set()
        with turns.writing():
            order.append("writer")

    def read() -> None:
        with turns.reading():
            order.append("reader")

    with turns.reading():
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)  # they wait
        threads.append(threading.Thread(target=write))
        threads[-1].start()
        writer_waits.wait()
        while not turns._writers:
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == ["writer", *["reader"] * 4]


def test_readers_that_never_rest_do_not_keep_a_writer_out() -> None:
    turns, stop, waited_s = Turns(), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            with turns.reading():
                time.sleep(0.005)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        began = time.monotonic()
        with turns.writing():
            waited_s.append(time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(waited_s)[10] < 0.02  # one turn of 5 ms, and what the machine adds


def test_only_one_has_the_turn_and_may_take_it_again() -> None:
    turns, inside, most = Turns(), [0], [0]

    def enter(write: bool) -> None:
        for _ in range(200):
            with turns.writing() if write else turns.reading():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                with turns.reading(), turns.writing():
                    pass
                inside[0] -= 1

    threads = [threading.Thread(target=enter, args=(n < 2,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == ([0], [1])


def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns()
    for turn in (turns.reading, turns.writing):
        with pytest.raises(ValueError, match="inside"), turn():
            raise ValueError("inside")
    with turns.writing():
        pass


def test_waiting_ends_with_the_turn_that_brings_it_or_with_patience() -> None:
    turns, reached = Turns(), []

    def write() -> None:
        time.sleep(0.02)
        with turns.writing():
            reached.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    assert turns.wait_until(lambda: bool(reached), 5.0)
    thread.join()
    assert not turns.wait_until(lambda: len(reached) > 1, 0.01)
