"""What to spend: epochs a trial, trials a sweep, seconds and weights; and what was spent."""
