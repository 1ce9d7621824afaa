"""What a package brings to orch without a change there."""
