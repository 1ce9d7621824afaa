"""Run folders: what is in them and who may write it."""
