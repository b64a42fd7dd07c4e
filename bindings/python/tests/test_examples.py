"""The programs under `examples/python`, run as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cms

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "python"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    private = {"CMS_STATE_DIR": "state", "CMS_RUN_DIR": "run", "CMS_MODULES": "modules"}
    return {**os.environ, **{name: str(home / directory) for name, directory in private.items()}}


def run(home: Path, environment: dict[str, str], name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), str(home / "config"), *arguments]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=30
    ).stdout


def test_interfaces(home: Path, environment: dict[str, str]) -> None:
    assert run(home, environment, "interfaces.py").splitlines() == [
        "lan: static 192.168.1.1 mtu 1500",
        "wan: dhcp - mtu 1500",
    ]
    changed = run(home, environment, "interfaces.py", "lan", "1400").splitlines()
    assert changed[:2] == [
        "revision 2: set network.lan.mtu: '1500' -> '1400'",
        "lan: static 192.168.1.1 mtu 1400",
    ]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(home, environment, "interfaces.py", "lan", "9")
    assert "the schema does not allow it" in caught.value.stderr


def test_careful(home: Path, environment: dict[str, str], store: cms.Store) -> None:
    assert run(home, environment, "careful.py", "10.0.0.1", "30", "true") == "the address is 10.0.0.1\n"
    assert run(home, environment, "careful.py", "10.0.0.2", "30", "false") == "the address is 10.0.0.1\n"
    assert run(home, environment, "careful.py", "10.0.0.1", "30", "true") == "nothing to change\n"


def test_follow(home: Path, environment: dict[str, str], store: cms.Store) -> None:
    command = [sys.executable, str(EXAMPLES / "follow.py"), str(home / "config"), "network.**", "1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        try:
            assert follower.stdout.readline() == "watching network.**\n"
            store.set({"network.lan.mtu": 1400})
            assert follower.stdout.readline().endswith("network.lan.mtu '1500' -> '1400'\n")
            assert follower.wait(30) == 0
        finally:
            follower.kill()
