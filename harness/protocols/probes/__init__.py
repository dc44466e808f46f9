"""The probe tools omping, ssmping, asmping and mcfirst as machines without I/O and clock."""
