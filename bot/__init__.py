"""Everything the bot is, except its ears."""
