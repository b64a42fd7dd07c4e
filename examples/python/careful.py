"""Changes an address, and keeps the change only if a check succeeds within some seconds.

    python careful.py /etc/config 10.0.0.1 SECONDS COMMAND...

Should this program die meanwhile, the next one that opens the store rolls the change back.
"""

from __future__ import annotations

import subprocess
import sys

import cms


def main(directory: str, address: str, seconds: str, *check: str) -> None:
    store = cms.Store(directory)
    # A log in memory would not survive a reboot, and is refused; this example is also tried in such a place.
    with store.transaction("a new address", confirm=float(seconds), volatile=True) as tx:
        tx["network.lan.ipaddr"] = address
    pending = tx.result.pending
    if pending is None:
        print("nothing to change")
        return
    try:
        works = subprocess.run(check, timeout=pending.time_left.total_seconds(), check=False).returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    if works:
        store.confirm(pending.token)
    else:
        store.cancel(pending.token)
    print(f"the address is {store['network.lan.ipaddr']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
