"""Aurora on one machine: the RDS wire protocol over two real PostgreSQL servers, one per Region."""

from .postgres import Server
from .state import RdsEvent
from .truth import Down, Fate
from .world import SCENARIOS, Aurora

__all__ = ["SCENARIOS", "Aurora", "Down", "Fate", "RdsEvent", "Server"]
