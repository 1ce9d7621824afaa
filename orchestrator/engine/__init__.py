"""The engine: a loop over warm Ray actors, with a journal that loses nothing."""
