from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from agent import __version__
from agent.cli import main as command_line
from agent.core.reasons import Reason
from agent.errors import Stalled


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Puts one command, `act`, in the place of all others; it does what the test says."""

    def install(act: Callable[[], object]) -> None:
        def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
            subparsers.add_parser("act").set_defaults(run=lambda _arguments: act())

        module = ModuleType("acting_command")
        module.register = register
        monkeypatch.setitem(sys.modules, "acting_command", module)
        monkeypatch.setattr(command_line, "COMMANDS", {"act": "acting_command"})

    return install


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


@pytest.mark.parametrize(("answer", "code"), [(0, 0), (None, 0), (2, 2)])
def test_the_exit_code_is_what_the_command_returns(command, answer, code):
    command(lambda: answer)
    assert command_line.main(["act"]) == code


def test_an_error_is_told_with_its_advice_and_no_traceback(command, capsys):
    command(raising(Stalled(Reason.BRANCH_MISSING, "branch main: expected it, found none", advice="push one commit")))
    assert command_line.main(["act"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "pierhead: branch main: expected it, found none\n  → push one commit\n"
    assert captured.out == ""


def test_an_error_without_advice_is_one_line(command, capsys):
    command(raising(Stalled(Reason.BRANCH_MISSING, "branch main: expected it, found none")))
    assert command_line.main(["act"]) == 1
    assert capsys.readouterr().err == "pierhead: branch main: expected it, found none\n"


def test_a_bug_keeps_its_traceback(command):
    command(raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command_line.main(["act"])


def test_ctrl_c_exits_130(command):
    command(raising(KeyboardInterrupt()))
    assert command_line.main(["act"]) == 130


def test_a_reader_that_went_away_is_no_error(command, capfd):
    command(raising(BrokenPipeError()))
    assert command_line.main(["act"]) == 141
    assert capfd.readouterr().err == ""


def test_the_version_is_the_distribution_s_and_needs_no_command(command, capsys):
    command(lambda: 0)
    command_line.COMMANDS["other"] = "a_module_that_does_not_exist"
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["--version"])
    assert capsys.readouterr().out == f"pierhead {__version__}\n"


def test_a_command_that_does_not_exist_is_answered_with_those_that_do(command, capsys):
    command(lambda: 0)
    with pytest.raises(SystemExit, match="2"):
        command_line.main(["acts"])
    assert "invalid choice: 'acts' (choose from" in capsys.readouterr().err


def test_only_the_module_of_the_command_asked_for_is_imported(command):
    command(lambda: 0)
    command_line.COMMANDS["other"] = "a_module_that_does_not_exist"
    assert command_line.main(["act"]) == 0
    with pytest.raises(ModuleNotFoundError):
        command_line.build_parser()
