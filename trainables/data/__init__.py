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
from trainables.data.folds import AnyData, Fold, FoldedData, load_folded_data
from trainables.data.load import load_sweep_data, load_test_part
from trainables.data.part import Part, SweepData
from trainables.data.source import DataFile, DatasetSource
from trainables.data.split import Split, deal, hold_out

__all__ = [
    "SPLITS",
    "AnyData",
    "DamagedDataError",
    "DataFile",
    "DatasetInfo",
    "DatasetSource",
    "Division",
    "DownloadError",
    "Fetched",
    "Fold",
    "FoldedData",
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
    "deal",
    "divide",
    "fetch",
    "hold_out",
    "info",
    "listings",
    "load_folded_data",
    "load_sweep_data",
    "load_test_part",
    "source_of",
]
