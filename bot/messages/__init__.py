"""Every word the bot says: facts → text and blocks. Pure."""
