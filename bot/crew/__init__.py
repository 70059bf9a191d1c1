"""Who carries an upgrade, a turn at a time."""
