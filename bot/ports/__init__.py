"""What the bot needs of the world, by role. Adapters play these roles; nothing else knows who does."""
