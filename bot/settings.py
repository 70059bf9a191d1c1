"""What differs between deployments, read once from the environment."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    FilePath,
    RedisDsn,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain.attempts import AT_ONCE
from bot.domain.driving import Patience

REGION: Final = r"^[a-z]{2,4}(-[a-z]+)+-\d+$"  # us-east-1, us-gov-west-1, eusc-de-east-1


def _listed(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _starting(value: Any, prefix: str) -> Any:
    if isinstance(value, str) and not value.startswith(prefix):
        raise ValueError(f"begins with {prefix}")
    return value


Regions = Annotated[tuple[Annotated[str, Field(pattern=REGION)], ...], NoDecode, BeforeValidator(_listed)]
LOOKS: Final = 3
Seconds = Annotated[float, Field(gt=0, le=24 * 3600)]
Rate = Annotated[float, Field(ge=1, le=50)]  # fewer tries would leave stretches that nobody looked at
BotToken = Annotated[SecretStr, BeforeValidator(lambda value: _starting(value, "xoxb-"))]
AppToken = Annotated[SecretStr, BeforeValidator(lambda value: _starting(value, "xapp-"))]


class Settings(BaseSettings):
    """What every process reads. An empty variable counts as unset; unknown ones are other programs'."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True, validate_default=True
    )

    role: ClassVar[str] = "bot"  # of the process, as timelines name it

    redis_url: RedisDsn
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    retention_days: int = Field(default=180, ge=1)

    @property
    def redis(self) -> str:
        return str(self.redis_url)

    @property
    def retention(self) -> timedelta:
        return timedelta(days=self.retention_days)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those with a setting of their own."""
        return tuple(value.get_secret_value() for _, value in self if isinstance(value, SecretStr))


class DeskSettings(Settings):
    """What is needed to plan, to decide and to speak: Slack's bot token, AWS's Region, the policy."""

    slack_bot_token: BotToken
    slack_team_id: str = Field(pattern=r"^[TE][A-Z0-9]+$")
    slack_base_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://.+/$")
    aws_region: str = Field(pattern=REGION)
    aurora_policy: Path = Path("aurora.toml")
    catalogue_seconds: Seconds = 5


class EarsSettings(DeskSettings):
    """The web process: Socket Mode when there is an app token, signed HTTP otherwise."""

    role: ClassVar[str] = "web"

    slack_app_token: AppToken | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_id: str | None = Field(default=None, pattern=r"^A[A-Z0-9]+$")
    port: int = Field(default=8080, ge=1, le=65535)

    @field_validator("slack_signing_secret")
    @classmethod
    def _one_way_in(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if secret is None and others.data.get("slack_app_token", "malformed") is None:
            raise ValueError("set it for signed HTTP, or SLACK_APP_TOKEN for Socket Mode")
        return secret


class WorkerSettings(DeskSettings):
    """What AWS shows may be CATALOGUE_SECONDS old, so an outcome is believed only after several looks at it."""

    role: ClassVar[str] = "worker"

    watch_seconds: Seconds = 10
    quiet_seconds: float = Field(default=90, ge=60, le=3600)
    settle_seconds: Seconds = 60
    doubt_seconds: Seconds = 300
    deadline_minutes: float = Field(default=90, gt=0, le=24 * 60)
    late_seconds: Seconds = 60

    @field_validator("settle_seconds", "doubt_seconds")
    @classmethod
    def _several_looks(cls, seconds: float, others: ValidationInfo) -> float:
        if seconds < (least := LOOKS * others.data.get("catalogue_seconds", 0)):
            raise ValueError(f"at least {LOOKS} times CATALOGUE_SECONDS, {least:g}")
        return seconds

    @property
    def patience(self) -> Patience:
        return Patience(
            quiet=timedelta(seconds=self.quiet_seconds),
            settle=timedelta(seconds=self.settle_seconds),
            doubt=timedelta(seconds=self.doubt_seconds),
            deadline=timedelta(minutes=self.deadline_minutes),
        )


class ProberSettings(Settings):
    """The prober serves the docket of each of its Regions."""

    role: ClassVar[str] = "prober"

    probe_regions: Regions = Field(min_length=1)
    probe_user: str = "aurora_probe"
    probe_dbname: str = "postgres"
    probe_auth: Literal["password", "iam"] = "password"
    probe_password: SecretStr | None = None
    probe_sslrootcert: FilePath
    probe_calm_rate: Rate = 2
    probe_hot_rate: Rate = 10
    probe_deadline_seconds: Seconds = 5
    probe_held_sessions: int = Field(default=3, ge=0, le=20)
    probe_well_seconds: Seconds = 30
    probe_spill_dir: Path | None = None

    @field_validator("probe_deadline_seconds")
    @classmethod
    def _few_at_once(cls, deadline: float, others: ValidationInfo) -> float:
        """While an endpoint is silent, each try hangs until its deadline."""
        for name in ("probe_calm_rate", "probe_hot_rate"):
            rate = others.data.get(name, 0)
            if rate * deadline > AT_ONCE:
                raise ValueError(
                    f"{deadline:g} s at {name.upper()}={rate:g} are {rate * deadline:g} connections at once to an endpoint "
                    f"that is silent; lower one of the two, for no more than {AT_ONCE} are made"
                )
        return deadline

    @field_validator("probe_password")
    @classmethod
    def _credential(cls, password: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if password is None and others.data.get("probe_auth") == "password":
            raise ValueError("set it, or PROBE_AUTH=iam")
        return password


AnySettings = TypeVar("AnySettings", bound=Settings)


def read(kind: type[AnySettings]) -> AnySettings:
    """The settings, or the end of the process with status 2 and a line for each one that is missing or malformed."""
    try:
        return kind()
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False, include_context=False, include_input=False):
            name = "_".join(str(part) for part in error["loc"][:1]).upper()
            sys.stderr.write(f"{name or 'settings'}: {error['msg'].removeprefix('Value error, ')}\n")
        sys.exit(2)
