"""Runs of other people's sweeps: Ray Tune experiments, Optuna studies and tables.

A reader (:mod:`~orchestrator.importing.ray_tune`, :mod:`~orchestrator.importing.optuna_study`,
:mod:`~orchestrator.importing.csv_table`) gives a :class:`~orchestrator.importing.foreign.Foreign`,
and :func:`orchestrator.importing.write.write` makes a run folder of it.
"""
