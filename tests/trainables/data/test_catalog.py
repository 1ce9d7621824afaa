"""Names, plug-ins and the data folder."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from searchspaces.errors import UnknownNameError
from searchspaces.registry import Registry
from trainables.data import (
    MissingDataError,
    catalog,
    data_folder,
    listings,
    load_sweep_data,
    source_of,
)
from trainables.data.folder import shown

PLUGIN = textwrap.dedent("""
    import numpy as np
    from trainables.data import DataFile, DatasetSource, Part

    class Waves(DatasetSource):
        name = "waves"
        summary = "sines and cosines"
        classes = ("sine", "cosine")

        def parse(self, folder, part):
            turns = np.linspace(0, 6, 20)
            series = [f(turns * k)[:, None] for f in (np.sin, np.cos) for k in range(1, 11)]
            return Part.from_series(series, np.repeat([0, 1], 10))

    class Filed(Waves):
        name = "filed"
        files = (DataFile("waves.txt"),)
""")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Real entry points: a data set, and one that fails when it is imported."""
    site = tmp_path / "site"
    info = site / "wave_data-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "wave_data.py").write_text(PLUGIN)
    (site / "wave_broken.py").write_text("raise RuntimeError('no such luck')")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wave-data\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[orch.datasets]\nwaves = wave_data:Waves\nbroken = wave_broken:Nothing\n"
    )
    monkeypatch.syspath_prepend(site)
    old = catalog.datasets
    fresh = Registry(old.kind, package=old.package, group=old.group, base=old.base)
    monkeypatch.setattr(catalog, "datasets", fresh)
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))


def test_a_plug_in_is_listed_and_loaded_and_a_broken_one_is_named_and_skipped(plugins):
    with pytest.warns(RuntimeWarning, match="data set 'broken' does not load: .*no such luck"):
        rows = listings()
    assert [row.name for row in rows][-2:] == ["spoken-arabic-digits", "waves"]
    assert rows[-1].summary == "sines and cosines"
    found = load_sweep_data("waves")
    assert (found.facts.features, found.facts.steps, found.facts.classes) == (1, 20, 2)
    assert found.split == "stratified: 4 of 20 series held out"


def test_a_data_set_by_module_and_attribute_is_told_how_to_be_fetched(plugins, tmp_path):
    own = tmp_path / "data" / "filed"
    with pytest.raises(MissingDataError) as caught:
        load_sweep_data("wave_data:Filed")
    assert str(caught.value) == (
        f"no data for 'wave_data:Filed' in {own}. Run: orch data fetch wave_data:Filed"
    )


def test_an_unknown_data_set_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        source_of("spoken-arabic-digit")
    assert str(caught.value) == (
        "unknown data set 'spoken-arabic-digit'. Did you mean 'spoken-arabic-digits'? "
        "Known: spoken-arabic-digits, digits, fashion-mnist, gestures."
    )


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ORCH_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv("ORCH_DATA", "~/sets")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / "sets"
    monkeypatch.setenv("ORCH_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_folder().parts[-2:] == ("orch", "data")


def test_a_path_below_the_home_folder_is_shown_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shown(tmp_path / "a" / "b") == "~/a/b"
    assert shown(Path("/elsewhere")) == "/elsewhere"
