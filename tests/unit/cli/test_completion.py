from __future__ import annotations

import builtins
import subprocess

import pytest

from agent.cli import main as command_line
from agent.cli.completion import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_knows_every_command(shell, capsys):
    assert command_line.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in command_line.COMMANDS)


def test_bash_accepts_its_script(capsys):
    assert command_line.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=20)


def test_without_shtab_the_extra_to_install_is_named(monkeypatch, capsys):
    original = builtins.__import__

    def without_shtab(name, *rest, **named):
        if name == "shtab":
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_shtab)
    assert command_line.main(["completion", "bash"]) == 1
    assert "pip install 'pierhead[completion]'" in capsys.readouterr().err
