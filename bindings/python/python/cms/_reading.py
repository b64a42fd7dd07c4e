"""Reading: states of a store, their packages and sections, as mappings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, Union

from cms._errors import Diagnostic, NotFound
from cms._records import Effective, Raw

if TYPE_CHECKING:
    from cms import _native

Value = Union[str, int, float, bool, timedelta, list[Any]]
"""What an option is read as: by its schema, or `str` and `list[str]` without one."""

M = TypeVar("M")


class Reading(Mapping[str, Any]):
    """What stores and snapshots have in common: a mapping from the keys of options to their values."""

    __slots__ = ()

    @abstractmethod
    def _state(self) -> _native.Snapshot:
        """The state to read from."""

    def __iter__(self) -> Iterator[str]:
        """Goes through the keys of all options, of one state, in the order of the text."""
        state = self._state()
        for package in state.packages():
            for section, _, _, options in state.sections(package):
                for option in options:
                    yield f"{package}.{section}.{option}"

    def __len__(self) -> int:
        return self._state().count()

    def __contains__(self, key: object) -> bool:
        return key in self._state()

    @property
    def packages(self) -> Mapping[str, Package]:
        """The packages by name, of one state."""
        return _Packages(self._state())

    def package(self, name: str) -> Package:
        """A package, as a mapping from the names of its sections to the sections.

        >>> list(store.package("network"))
        ['lan', 'wan']
        """
        state = self._state()
        if not state.has_package(name):
            state.sections(name)  # says why
            raise NotFound(f"{name} not found", key=name)
        return Package(state, name)

    def section(self, key: str) -> Section:
        """A section, as a mapping from the names of its options to their values.

        >>> lan = store.section("network.lan")
        >>> lan.type, lan["proto"]
        ('interface', 'static')
        """
        state = self._state()
        found = state.section(key)
        if found is None:
            raise NotFound(f"{key} not found", key=key)
        package = key.split(".", 1)[0]
        return Section(state, package, *found)

    def sections(self, package: str, type: str | None = None) -> Iterator[Section]:
        """Goes through the sections of a package, or those of a type, in their order.

        >>> [section.name for section in store.sections("network", "interface")]
        ['lan', 'wan']
        """
        state = self._state()
        for found in state.sections(package):
            if type is None or found[1] == type:
                yield Section(state, package, *found)

    def raw(self, key: str) -> Raw:
        """The value as it is written: text, or a list of texts, whatever the schema says."""
        return self._state().raw(key)

    def effective(self, key: str) -> Effective:
        """What holds: the value, or else the default that the schema says.

        >>> store.effective("network.wan.mtu").value
        1400
        """
        return Effective(key, *self._state().effective(key))

    def text(self, package: str) -> bytes:
        """The text of a package, comments included."""
        return self._state().text(package)

    def validate(self, *packages: str) -> list[Diagnostic]:
        """Checks packages, or all of them, against their schemas; an empty list says that all is well."""
        found = self._state().validate(list(packages) if packages else None)
        return [Diagnostic(**one) for one in found]

    @property
    def warnings(self) -> list[str]:
        """What is to be known of this state: files that do not parse, or are newer than the log."""
        return self._state().warnings()

    def bind(self, model: type[M], key: str) -> M:
        """Makes a dataclass, or a pydantic model, of a section.

        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Network:
        ...     proto: str
        ...     mtu: int = 1500
        >>> store.bind(Network, "network.lan")
        Network(proto='static', mtu=1500)

        A field takes the option of its name, or of what `field(metadata={"option": ...})` or a pydantic alias says.
        """
        from cms._binding import load

        return load(model, self.section(key))


class Snapshot(Reading):
    """One state of a store. It never changes, whatever others commit."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Snapshot) -> None:
        self._native = native

    def _state(self) -> _native.Snapshot:
        return self._native

    def __getitem__(self, key: str) -> Any:
        return self._native[key]

    @property
    def revision(self) -> int | None:
        """The revision; `None` where there is no log, so that the files were read."""
        return self._native.revision

    def __repr__(self) -> str:
        where = "files" if self.revision is None else f"revision {self.revision}"
        return f"<cms.Snapshot of {where}: {', '.join(self._native.packages())}>"


class _Packages(Mapping[str, "Package"]):
    __slots__ = ("_native",)

    def __init__(self, native: _native.Snapshot) -> None:
        self._native = native

    def __getitem__(self, name: str) -> Package:
        if not self._native.has_package(name):
            raise NotFound(f"{name} not found", key=name)
        return Package(self._native, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._native.packages())

    def __len__(self) -> int:
        return len(self._native.packages())

    def __repr__(self) -> str:
        return f"<packages {', '.join(self)}>"


class Package(Mapping[str, "Section"]):
    """A package of one state: a mapping from the names of its sections, or `@type[index]`, to the sections."""

    __slots__ = ("_native", "name")

    def __init__(self, native: _native.Snapshot, name: str) -> None:
        self._native = native
        self.name = name

    def __getitem__(self, section: str) -> Section:
        found = self._native.section(f"{self.name}.{section}")
        if found is None:
            raise NotFound(f"{self.name}.{section} not found", key=f"{self.name}.{section}")
        return Section(self._native, self.name, *found)

    def __iter__(self) -> Iterator[str]:
        for name, _, _, _ in self._native.sections(self.name):
            yield name

    def __len__(self) -> int:
        return self._native.sections(self.name).__length_hint__()

    def __repr__(self) -> str:
        count = len(self)
        return f"<cms.Package {self.name} with {count} section{'' if count == 1 else 's'}>"


class Section(Mapping[str, Any]):
    """A section of one state: a mapping from the names of its options to their values."""

    __slots__ = ("_native", "_options", "is_anonymous", "name", "package", "type")

    def __init__(
        self,
        native: _native.Snapshot,
        package: str,
        name: str,
        type: str,
        is_anonymous: bool,
        options: list[str],
    ) -> None:
        self._native = native
        self._options = options
        self.package = package
        self.name = name
        self.type = type
        self.is_anonymous = is_anonymous

    @property
    def key(self) -> str:
        """The key of the section."""
        return f"{self.package}.{self.name}"

    def __getitem__(self, option: str) -> Any:
        return self._native[f"{self.key}.{option}"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __contains__(self, option: object) -> bool:
        return option in self._options

    def raw(self, option: str) -> Raw:
        """The value as it is written."""
        return self._native.raw(f"{self.key}.{option}")

    def __repr__(self) -> str:
        return f"<cms.Section {self.key} ({self.type}): {', '.join(self._options) or 'no options'}>"
