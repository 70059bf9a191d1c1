"""The door to `aurora.toml`, read anew every time: what counts is the policy in force now."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bot.domain.errors import Refused
from bot.domain.policy import Policy


@dataclass(frozen=True)
class PolicyFile:
    path: Path

    def policy(self) -> Policy:
        try:
            return Policy.model_validate(tomllib.loads(self.path.read_text(encoding="utf-8")))
        except OSError as trouble:
            raise Refused(
                f"The policy {self.path.name} cannot be read ({trouble.strerror}), so nobody can approve."
            ) from None
        except ValidationError as wrong:
            raise Refused(f"The policy {self.path.name} is wrong, so nobody can approve: {_first(wrong)}.") from None
        except (ValueError, RecursionError) as trouble:  # no UTF-8, no TOML, a number or a nesting without end
            raise Refused(f"The policy {self.path.name} is not TOML ({trouble}), so nobody can approve.") from None


def _first(wrong: ValidationError) -> str:
    error = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, error['loc']))}: {error['msg'].removeprefix('Value error, ')}"
