"""A person's own data: an npz, parquet or csv file, or what a function returns."""
