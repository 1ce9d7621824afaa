"""Tracking: what a sweep does, told to W&B, TensorBoard and MLflow while it runs.

One process of its own follows the journal and feeds all of them, so that none of them can
cost the sweep a result or a second; see :mod:`orchestrator.tracking.sink`.
"""
