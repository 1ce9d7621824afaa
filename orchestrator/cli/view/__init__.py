"""What a person sees of a run: state from records, lines from state, a terminal or a pipe."""
