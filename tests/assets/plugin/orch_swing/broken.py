"""Cannot be imported, as happens after an upgrade of something else."""

raise ImportError("libswing.so.3: cannot open shared object file")
