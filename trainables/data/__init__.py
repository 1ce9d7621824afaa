"""Data sets: fetch, parse once, split honestly."""

from __future__ import annotations

from trainables.data.catalog import (
    Listing,
    check_dataset_name,
    datasets,
    listings,
    source_of,
)
from trainables.data.describe import DatasetInfo, PartInfo, info
from trainables.data.division import SPLITS, Division, SplitName, divide
from trainables.data.errors import DamagedDataError, DownloadError, MissingDataError
from trainables.data.fetching import Fetched, fetch
from trainables.data.folder import data_folder
from trainables.data.load import load_sweep_data, load_test_part
from trainables.data.part import Part, SweepData
from trainables.data.source import DataFile, DatasetSource
from trainables.data.split import Split, hold_out

__all__ = [
    "SPLITS",
    "DamagedDataError",
    "DataFile",
    "DatasetInfo",
    "DatasetSource",
    "Division",
    "DownloadError",
    "Fetched",
    "Listing",
    "MissingDataError",
    "Part",
    "PartInfo",
    "Split",
    "SplitName",
    "SweepData",
    "check_dataset_name",
    "data_folder",
    "datasets",
    "divide",
    "fetch",
    "hold_out",
    "info",
    "listings",
    "load_sweep_data",
    "load_test_part",
    "source_of",
]
