"""The dashboard: runs as live pages on the loopback, for whoever holds the token.

One process answers requests and does nothing else; a second one reads journals and analyzes,
one thing at a time and only while a page asks for it. Nothing here knows what is analyzed:
the command line hands it in, see :class:`orchestrator.dashboard.analyst.Analyst`.
"""
