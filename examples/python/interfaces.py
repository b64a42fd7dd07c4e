"""Lists the interfaces of a configuration directory, and lowers the MTU of one.

    python interfaces.py /etc/config [INTERFACE MTU]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import cms


@dataclass
class Interface:
    proto: str
    address: str | None = field(default=None, metadata={"option": "ipaddr"})
    mtu: int = 1500
    dns: list[str] = field(default_factory=list)


def main(directory: str, *change: str) -> None:
    store = cms.Store(directory)
    if change:
        name, mtu = change
        try:
            with store.transaction(f"MTU of {name}") as tx:
                tx[f"network.{name}.mtu"] = int(mtu)
        except cms.ValidationError as error:
            sys.exit(f"the schema does not allow it: {error}")
        except cms.Conflict as error:
            sys.exit(f"{error.author} was faster, and changed {', '.join(error.keys)}")
        print(f"revision {tx.result.revision}: {tx.result.changes[0]}")
    for section in store.sections("network", "interface"):
        interface = store.bind(Interface, section.key)
        print(f"{section.name}: {interface.proto} {interface.address or '-'} mtu {interface.mtu}")


if __name__ == "__main__":
    main(*sys.argv[1:])
