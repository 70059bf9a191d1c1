"""The names by which people, places and upgrades are told apart."""

from typing import Final, NewType

UserId = NewType("UserId", str)  # Slack's, `U…` or `W…`
ChannelId = NewType("ChannelId", str)  # Slack's, `C…` or `G…`
TeamId = NewType("TeamId", str)  # Slack's, `T…`
Region = NewType("Region", str)  # AWS's, `us-east-1`
Account = NewType("Account", str)  # AWS's, twelve digits
UpgradeId = NewType("UpgradeId", str)  # ours, `orders-20260411-k3v9qd`: safe in keys, file names and button values
Position = NewType("Position", str)  # where an entry stands in its timeline; grows
START: Final = Position("0-0")  # before the first entry
