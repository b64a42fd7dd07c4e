"""A private home for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cms

NETWORK = """\
# the house
config interface 'lan'
\toption proto 'static'
\toption ipaddr '192.168.1.1'
\toption mtu '1500'
\tlist dns '10.0.0.1'
\tlist dns '10.0.0.2'

config interface 'wan'
\toption proto 'dhcp'
\toption enabled 'off'
"""

FIREWALL = """\
config rule
\toption target 'ACCEPT'
\toption port '22'

config rule
\toption target 'DROP'
"""

SCHEMA = """\
config module 'network'
\toption mode 'enforce'
\toption unknown 'allow'

config section
\toption type 'interface'

config fields
\toption proto 'required'
\toption mtu 'int|min:576|max:9200|default:1400'
\toption enabled 'bool|default:1'
\toption lease 'duration'
\tlist dns 'ipv4'
"""

Open = Callable[[], cms.Store]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    config = tmp_path / "config"
    config.mkdir()
    (tmp_path / "modules").mkdir()
    (config / "network").write_text(NETWORK)
    (config / "firewall").write_text(FIREWALL)
    (tmp_path / "modules" / "network").write_text(SCHEMA)
    return tmp_path


@pytest.fixture
def open_store(home: Path) -> Open:
    """Opens the store once more, as another process would."""

    def open_it() -> cms.Store:
        return cms.Store(
            home / "config", state_dir=home / "state", run_dir=home / "run", modules=[home / "modules"]
        )

    return open_it


@pytest.fixture
def store(open_store: Open) -> Iterator[cms.Store]:
    yield open_store()
