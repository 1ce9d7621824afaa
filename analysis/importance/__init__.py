"""Which parameters matter, which way, alone and in pairs: everywhere and among the best."""
