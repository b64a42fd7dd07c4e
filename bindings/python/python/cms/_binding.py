"""Sections as dataclasses and pydantic models, and back."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Literal, TypeVar, Union

from cms._errors import NotFound, ValidationError
from cms._reading import Section
from cms._records import Raw

M = TypeVar("M")

_TRUE = frozenset({"1", "on", "true", "yes", "enabled"})
_FALSE = frozenset({"0", "off", "false", "no", "disabled"})
_COLLECTIONS: dict[object, type[Any]] = {list: list, tuple: tuple, set: set, frozenset: frozenset}


def load(model: type[M], section: Section) -> M:
    """Makes a dataclass or a pydantic model of a section: see `Store.bind`."""
    if dataclasses.is_dataclass(model):
        return _dataclass(model, section)
    if hasattr(model, "model_validate") and hasattr(model, "model_fields"):
        made: M = _pydantic(model, section)
        return made
    raise TypeError(f"{model.__name__} is neither a dataclass nor a pydantic model")


def options(model: object) -> dict[str, Any]:
    """What the options of a section are for a dataclass or a pydantic model."""
    if dataclasses.is_dataclass(model) and not isinstance(model, type):
        pairs = [(_option(field), getattr(model, field.name)) for field in dataclasses.fields(model) if field.init]
    elif hasattr(type(model), "model_fields"):
        pairs = [(option, getattr(model, name)) for name, option, _ in _pydantic_fields(type(model))]
    else:
        raise TypeError(f"{type(model).__name__} is neither a dataclass nor a pydantic model")
    return {option: _plain(value) for option, value in pairs}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, bytes, int, float, timedelta)) or value is None:
        return value
    if type(value).__module__ == "ipaddress":
        return value
    return str(value)


def _option(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("option", field.name))


def _dataclass(model: type[M], section: Section) -> M:
    hints = typing.get_type_hints(model)
    values = {}
    for field in dataclasses.fields(model):  # type: ignore[arg-type]
        if not field.init:
            continue
        option = _option(field)
        hint = hints[field.name]
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if option in section:
            values[field.name] = _read(section, option, hint)
        elif has_default:
            continue
        elif type(None) in typing.get_args(hint):
            values[field.name] = None
        else:
            key = f"{section.key}.{option}"
            raise NotFound(f"{key} not found, and {model.__name__}.{field.name} has no default", key=key)
    return model(**values)


def _pydantic_fields(model: Any) -> Iterator[tuple[str, str, Any]]:
    for name, field in model.model_fields.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else field.alias
        yield name, alias or name, field.annotation


def _pydantic(model: Any, section: Section) -> Any:
    values: dict[str, Any] = {}
    for _, option, hint in _pydantic_fields(model):
        if option not in section:
            continue
        value = section[option]
        if _origin(hint) in _COLLECTIONS and not isinstance(value, list):
            value = [value]
        values[option] = value
    try:
        return model.model_validate(values)
    except ValueError as error:
        raise ValidationError(f"{section.key} is no {model.__name__}: {error}", key=section.key) from error


def _origin(hint: Any) -> Any:
    return typing.get_origin(hint) or hint


def _read(section: Section, option: str, hint: Any) -> Any:
    raw = section.raw(option)
    try:
        return _convert(raw, section, option, hint)
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, ValidationError):
            raise
        name = getattr(hint, "__name__", str(hint))
        message = f"{section.key}.{option}: {raw!r} is no {name}"
        raise ValidationError(message, key=f"{section.key}.{option}") from error


def _convert(raw: Raw, section: Section, option: str, hint: Any) -> Any:
    origin = _origin(hint)
    arguments = typing.get_args(hint)
    if hint is Any or hint is object:
        return section[option]
    if origin is typing.Annotated:
        return _convert(raw, section, option, arguments[0])
    if origin in (Union, types.UnionType):
        return _first(raw, section, option, [one for one in arguments if one is not type(None)])
    if origin in _COLLECTIONS:
        items = raw if isinstance(raw, list) else [raw]
        of = arguments[0] if arguments else str
        return _COLLECTIONS[origin](_item(item, of) for item in items)
    if origin is timedelta:
        value = section[option]
        if isinstance(value, timedelta):
            return value
        raise ValueError("its schema says of no duration")
    if isinstance(raw, list):
        raise ValueError("it is a list")
    if hint in (int, float):
        # The schema may know units, such as those of a size.
        value = section[option]
        if type(value) is hint:
            return value
    return _item(raw, hint)


def _first(raw: Raw, section: Section, option: str, hints: list[Any]) -> Any:
    for hint in hints:
        try:
            return _convert(raw, section, option, hint)
        except (ValueError, TypeError):
            continue
    raise ValueError("it is none of these")


def _item(text: str, hint: Any) -> Any:
    if hint is str or hint is Any:
        return text
    if hint is bool:
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise ValueError(text)
    if typing.get_origin(hint) is Literal:
        for choice in typing.get_args(hint):
            if str(choice) == text:
                return choice
        raise ValueError(text)
    if typing.get_origin(hint) in (Union, types.UnionType):
        for one in typing.get_args(hint):
            try:
                return _item(text, one)
            except (ValueError, TypeError):
                continue
        raise ValueError(text)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        for member in hint:
            if str(member.value) == text:
                return member
        raise ValueError(text)
    return hint(text)
