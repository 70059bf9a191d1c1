"""`python -m bot.measure`: watches any PostgreSQL endpoint, or reads what others recorded, without Slack, AWS or Redis."""
