"""Several runs: strategies against each other, and runs of one space looked at as one."""
