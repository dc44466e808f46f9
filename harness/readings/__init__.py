"""What tools and switches print, read: from text to facts with their lines. Standard library only; pure."""
