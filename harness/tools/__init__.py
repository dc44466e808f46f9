"""The probe tools as programs of this host: command lines, output, signals. Standard library only."""
