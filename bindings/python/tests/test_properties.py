"""What holds for any names and values: a store is a dict that lasts."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import cms

names = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8)
texts = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=30
)
values = st.one_of(texts, st.lists(texts, min_size=1, max_size=4))
sections = st.dictionaries(names, st.dictionaries(names, values, max_size=5), max_size=4)
steps = st.lists(sections, min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_a_store_is_a_dict_that_lasts(steps: list[dict[str, dict[str, str | list[str]]]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "config"
        config.mkdir()
        (config / "p").write_text("")

        def open_store() -> cms.Store:
            return cms.Store(config, state_dir=f"{home}/state", run_dir=f"{home}/run", modules=[])

        store = open_store()
        model: dict[str, str | list[str]] = {}
        for step in steps:
            with store.transaction() as tx:
                for section, options in step.items():
                    tx.retype(f"p.{section}", "t")
                    for option, value in options.items():
                        tx[f"p.{section}.{option}"] = value
                        model[f"p.{section}.{option}"] = value
                assert dict(tx) == model
            assert dict(store) == model
            assert len(store) == len(model)
        assert dict(open_store()) == model
        for key, value in model.items():
            assert store.handle(key).value == store.raw(key) == store[key] == value


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_key_or_an_error_of_ours(key: str) -> None:
    store = _shared()
    assert (key in store) is False
    try:
        store[key]
    except cms.Error:
        pass
    else:
        raise AssertionError(key)


_store: cms.Store | None = None
_home = tempfile.TemporaryDirectory()


def _shared() -> cms.Store:
    global _store
    if _store is None:
        config = Path(_home.name) / "config"
        config.mkdir()
        _store = cms.Store(config, state_dir=f"{_home.name}/state", run_dir=f"{_home.name}/run", modules=[])
    return _store
