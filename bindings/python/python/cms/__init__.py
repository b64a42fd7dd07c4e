"""Configuration in UCI packages, with types, transactions and history.

A `Store` is one configuration directory with its log, and a mapping from the keys of options to their values:

>>> import cms
>>> store = cms.Store("/etc/config")  # doctest: +SKIP
>>> store["network.lan.mtu"]
1500
>>> "network.lan.gateway" in store
False
>>> dict(store.section("network.lan"))
{'proto': 'static', 'ipaddr': '192.168.1.1', 'mtu': 1500, 'dns': ['10.0.0.1', '10.0.0.2']}

What is read has the type that the schema says: here, that `mtu` is a whole number. Without a schema values are `str`,
and lists of `str`. To change something, open a transaction; it is committed at the end of the block, and forgotten if the block fails:

>>> with store.transaction("room for PPPoE") as tx:
...     tx["network.lan.mtu"] = 1492
>>> store["network.lan.mtu"]
1492
>>> store.history("network.lan.mtu")[0].message
'room for PPPoE'
"""

from cms._binding import load
from cms._errors import (
    AlreadySettled,
    Compacted,
    Conflict,
    Diagnostic,
    Error,
    Exists,
    Expired,
    FilesPending,
    InvalidKey,
    InvalidValue,
    NotFound,
    NotPending,
    ParseError,
    PermissionDenied,
    SeveralPending,
    StorageError,
    TransactionEnded,
    ValidationError,
)
from cms._native import Handle, __version__
from cms._records import BlameLine, Change, Commit, Effective, Event, HistoryEntry, Pending, Settled
from cms._reading import Package, Section, Snapshot, Value
from cms._store import Store
from cms._transaction import Savepoint, Settable, Transaction, TransactionSection
from cms._watch import Watch

__all__ = [
    "AlreadySettled",
    "BlameLine",
    "Change",
    "Commit",
    "Compacted",
    "Conflict",
    "Diagnostic",
    "Effective",
    "Error",
    "Event",
    "Exists",
    "Expired",
    "FilesPending",
    "Handle",
    "HistoryEntry",
    "InvalidKey",
    "InvalidValue",
    "NotFound",
    "NotPending",
    "Package",
    "ParseError",
    "Pending",
    "PermissionDenied",
    "Savepoint",
    "Section",
    "Settable",
    "Settled",
    "SeveralPending",
    "Snapshot",
    "StorageError",
    "Store",
    "Transaction",
    "TransactionEnded",
    "TransactionSection",
    "ValidationError",
    "Value",
    "Watch",
    "__version__",
    "load",
]
