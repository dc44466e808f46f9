"""Real sockets and the one event loop that serves them, on this host or in a lab. Standard library only."""
