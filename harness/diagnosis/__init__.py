"""From facts to the causes that fit them, best first. Standard library only; pure."""
