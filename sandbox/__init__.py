"""A whole world on one machine, for the demo and the tests: Aurora, Slack, Redis and the people."""
