"""Sections as dataclasses and pydantic models."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Literal, Optional

import pytest

import cms


class Proto(enum.Enum):
    STATIC = "static"
    DHCP = "dhcp"


@dataclass(frozen=True)
class Network:
    proto: Proto
    address: Optional[IPv4Address] = field(default=None, metadata={"option": "ipaddr"})
    mtu: int = 1400
    enabled: bool = True
    dns: list[IPv4Address] = field(default_factory=list)
    gateway: Optional[str] = None
    lease: Optional[timedelta] = None


def test_a_dataclass_is_bound(store: cms.Store) -> None:
    assert store.bind(Network, "network.lan") == Network(
        Proto.STATIC,
        IPv4Address("192.168.1.1"),
        1500,
        dns=[IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")],
    )
    assert store.bind(Network, "network.wan") == Network(Proto.DHCP, enabled=False)


def test_what_is_bound_comes_back(store: cms.Store) -> None:
    made = Network(
        Proto.DHCP, IPv4Address("10.1.1.1"), 1280, False, [IPv4Address("1.1.1.1")], "10.1.1.2", timedelta(minutes=5)
    )
    with store.transaction() as tx:
        tx.write("network.lan", made)
    assert store.bind(Network, "network.lan") == made
    assert store["network.lan.lease"] == timedelta(minutes=5)


def test_a_field_that_is_missing_or_wrong(store: cms.Store) -> None:
    @dataclass
    class Wants:
        gateway: str

    with pytest.raises(cms.NotFound, match="Wants.gateway has no default"):
        store.bind(Wants, "network.lan")

    @dataclass
    class Wrong:
        proto: int

    with pytest.raises(cms.ValidationError, match="'static' is no int"):
        store.bind(Wrong, "network.lan")

    @dataclass
    class Choice:
        proto: Literal["static", "none"]

    assert store.bind(Choice, "network.lan").proto == "static"
    with pytest.raises(cms.ValidationError, match="network.wan.proto"):
        store.bind(Choice, "network.wan")
    with pytest.raises(cms.NotFound):
        store.bind(Choice, "network.dmz")
    with pytest.raises(TypeError, match="neither a dataclass"):
        store.bind(int, "network.lan")


def test_a_pydantic_model_is_bound(store: cms.Store) -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        proto: Proto
        address: IPv4Address | None = pydantic.Field(default=None, alias="ipaddr")
        mtu: int = pydantic.Field(default=1400, ge=68)
        dns: list[IPv4Address] = []

    lan = store.bind(Model, "network.lan")
    assert (lan.proto, lan.address, lan.mtu) == (Proto.STATIC, IPv4Address("192.168.1.1"), 1500)
    assert lan.dns == [IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")]
    lan.mtu = 1300
    with store.transaction() as tx:
        tx.write("network.lan", lan)
    assert store["network.lan.mtu"] == 1300

    class One(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        proto: list[str]

    assert store.bind(One, "network.lan").proto == ["static"]

    class Strict(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        mtu: int = pydantic.Field(ge=9000)

    with pytest.raises(cms.ValidationError, match="network.lan is no Strict"):
        store.bind(Strict, "network.lan")
