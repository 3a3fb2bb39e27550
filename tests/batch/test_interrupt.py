"""Ctrl-C that falls into a destructor."""

import signal
import threading

import pytest

from filterbank.batch.interrupt import noted


class Falling:
    """What Ctrl-C meets on its way out."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def default():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_it_is_raised_by_the_check_and_not_in_a_destructor(capfd):
    with noted() as check:
        check()
        thing = Falling()
        del thing
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert capfd.readouterr().err == ""


def test_the_second_is_raised_where_it_comes():
    with noted():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_programs_own_handler_stays():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noted() as check:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        check()


def test_other_threads_hear_of_nothing():
    found = []

    def run():
        with noted() as check:
            found.append((signal.getsignal(signal.SIGINT), check()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [(signal.default_int_handler, None)]
