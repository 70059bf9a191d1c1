"""What an upgrade is: pure, no I/O, no clock."""
