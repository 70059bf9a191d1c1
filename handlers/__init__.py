"""The ears: Slack in, a question for the desk, an answer out."""
