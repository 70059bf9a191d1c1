"""What would be done, member by member, and the digest that binds an approval to exactly this."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from bot.domain.base import Value
from bot.domain.ids import Account, Region, UserId
from bot.domain.topology import Endpoint, GlobalCluster, Member, Role
from bot.domain.version import EngineVersion


class Step(Value):
    """What happens to one member. Every instance named restarts."""

    region: Region
    cluster: str
    role: Role
    from_version: EngineVersion
    to_version: EngineVersion
    instances: tuple[str, ...]


class Plan(Value):
    """One managed minor upgrade: the arguments of its one order, and all that this order touches."""

    global_cluster: str
    account: Account
    from_version: EngineVersion
    target: EngineVersion
    strategy: Literal["managed minor"] = "managed minor"  # one order, and RDS upgrades all members
    steps: tuple[Step, ...]
    endpoints: tuple[Endpoint, ...]

    @property
    def digest(self) -> str:
        """Sixteen hex digits over what is done to what; not over how to reach it, nor over findings, which decay."""
        usual = (
            self.strategy == Plan.model_fields["strategy"].default
        )  # digests from before there was a name for it hold
        left_out = {"endpoints", "strategy"} if usual else {"endpoints"}
        return hashlib.sha256(self.model_dump_json(exclude=left_out).encode()).hexdigest()[:16]

    @property
    def items(self) -> frozenset[str]:
        """All that is approved with this plan, each in words that are the same in every plan that has it."""
        order = f"{self.global_cluster} of account {self.account} goes from {self.from_version} to {self.target}"
        members = (
            f"{step.cluster} in {step.region}, {step.role}, goes from {step.from_version} to {step.to_version}"
            for step in self.steps
        )
        instances = (
            f"instance {instance} of {step.cluster} in {step.region} restarts"
            for step in self.steps
            for instance in step.instances
        )
        return frozenset((f"{order} by a {self.strategy} upgrade", *members, *instances))

    @property
    def is_upgrade(self) -> bool:
        """Whether there is anything to do."""
        return self.from_version < self.target

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(step.region for step in self.steps)

    @property
    def writer_region(self) -> Region:
        """Where the order is given: switchover is documented so, and ModifyGlobalCluster documents nothing."""
        return next(step.region for step in self.steps if step.role is Role.WRITER)


def make_plan(cluster: GlobalCluster, target: EngineVersion, probe: str = "endpoints") -> Plan:
    """The plan to bring this cluster to the target. Pure: the same cluster gives the same plan and digest.

    `probe` is the rule's: with `instances` each of them is measured by itself too.
    """
    return Plan(
        global_cluster=cluster.identifier,
        account=cluster.account,
        from_version=cluster.engine_version,
        target=target,
        steps=tuple(_step(member, target) for member in cluster.members),
        endpoints=(*cluster.endpoints, *(cluster.instance_endpoints if probe == "instances" else ())),
    )


def _step(member: Member, target: EngineVersion) -> Step:
    return Step(
        region=member.region,
        cluster=member.identifier,
        role=member.role,
        from_version=member.engine_version,
        to_version=target,
        instances=tuple(sorted(instance.identifier for instance in member.instances)),
    )


def covered_by(approvals: Iterable[tuple[UserId, str]], plans: Mapping[str, Plan], plan: Plan) -> tuple[UserId, ...]:
    """Whose approvals hold for each item of this plan, in the order they came: each is of a person and a digest in `plans`.

    An approval is of the items that its plan has. What has not changed since stays approved; what is gone asks nobody.
    """
    approved: dict[UserId, frozenset[str]] = {}
    for by, digest in approvals:
        items = plans[digest].items if digest in plans else frozenset()
        approved[by] = approved.get(by, frozenset()) | items
    return tuple(by for by, items in approved.items() if plan.items <= items)


def differences(approved: Plan, now: Plan) -> tuple[str, ...]:
    """Item by item, what is no longer as it was approved; empty when the digests agree."""
    before, after = _by_place(approved), _by_place(now)
    said = [f"{name} in {region} is no longer a member" for region, name in before if (region, name) not in after]
    said += [f"{name} in {region} is a new member" for region, name in after if (region, name) not in before]
    said += [text for place, step in after.items() if place in before for text in _changed(before[place], step)]
    if approved.from_version != now.from_version:
        said.append(f"the global cluster runs {now.from_version}, not {approved.from_version}")
    if approved.target != now.target:
        said.append(f"the target is {now.target}, not {approved.target}")
    if (approved.account, approved.global_cluster) != (now.account, now.global_cluster):
        said.append(f"it is {now.global_cluster} of account {now.account} now")
    if not said and approved.digest != now.digest:
        said.append("the order of its members changed")
    return tuple(said)


def _by_place(plan: Plan) -> dict[tuple[Region, str], Step]:
    """Cluster identifiers are unique within a Region only."""
    return {(step.region, step.cluster): step for step in plan.steps}


def _changed(before: Step, after: Step) -> list[str]:
    said, name = [], f"{after.cluster} in {after.region}"
    if before.role != after.role:
        said.append(f"{name} is {after.role} now, not {before.role}")
    if before.from_version != after.from_version:
        said.append(f"{name} runs {after.from_version} now, not {before.from_version}")
    gone, new = set(before.instances) - set(after.instances), set(after.instances) - set(before.instances)
    said += [f"instance {instance} is gone from {name}" for instance in sorted(gone)]
    said += [f"instance {instance} is new in {name}" for instance in sorted(new)]
    return said
