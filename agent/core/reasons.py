"""The closed vocabulary of phases and reasons: the same words in status, events, metrics, the page and the docs."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """What a workload is in, from best to worst as a person on call would sort them."""

    SYNCED = "Synced"
    PROGRESSING = "Progressing"
    WAITING = "Waiting"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    INVALID = "Invalid"


class Reason(StrEnum):
    """Why a workload is in its phase, or why an event was written."""

    # Decisions of a pass
    CONVERGED = "Converged"
    DEPLOYING = "Deploying"
    REPAIRING = "Repairing"
    REMOVING = "Removing"
    ROLLING_BACK = "RollingBack"
    SUSPENDED = "Suspended"
    QUARANTINED = "Quarantined"
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    REPAIR_LIMIT = "RepairLimitReached"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a secret
    PRUNE_DISABLED = "PruneDisabled"
    PRUNE_WITHHELD = "PruneWithheld"
    INVALID_DOCUMENT = "InvalidDocument"
    BACKING_OFF = "BackingOff"

    # Outcomes
    DEPLOYED = "Deployed"
    REPAIRED = "Repaired"
    REMOVED = "Removed"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    DRIFT_DETECTED = "DriftDetected"
    UNHEALTHY = "Unhealthy"
    HEALTHY = "Healthy"
    HEALTH_PENDING = "HealthPending"
    HEALTH_TIMEOUT = "HealthTimeout"
    CONTAINER_EXITED = "ContainerExited"
    CRASH_LOOP = "CrashLoop"
    OUT_OF_MEMORY = "OutOfMemory"
    VOLUMES_KEPT = "VolumesKept"
    STEP_FAILED = "StepFailed"

    # Triggers, updates and what events ask for
    TRIGGER_FIRED = "TriggerFired"
    TRIGGER_NOT_FIRED = "TriggerNotFired"
    TRIGGER_FAILED = "TriggerFailed"
    TRIGGER_RECOVERED = "TriggerRecovered"
    UPDATE_WRITTEN = "UpdateWritten"
    UPDATE_AVAILABLE = "UpdateAvailable"
    UPDATE_PENDING = "UpdatePending"
    UPDATE_REJECTED = "UpdateRejected"
    UPDATE_IMPOSSIBLE = "UpdateImpossible"
    REDEPLOY_REQUESTED = "RedeployRequested"
    RESTART_REQUESTED = "RestartRequested"
    RESTARTING = "Restarting"
    RESTARTED = "Restarted"
    RUN_STARTED = "RunStarted"
    RUN_SUCCEEDED = "RunSucceeded"
    RUN_FAILED = "RunFailed"
    RUN_SKIPPED = "RunSkipped"

    # The engine and registries
    ENGINE_UNREACHABLE = "EngineUnreachable"
    ENGINE_RECOVERED = "EngineRecovered"
    ENGINE_FORBIDDEN = "EngineForbidden"
    ENGINE_ERROR = "EngineError"
    ENGINE_LOCKED = "EngineLocked"
    IMAGE_NOT_FOUND = "ImageNotFound"
    REGISTRY_UNAUTHORIZED = "RegistryUnauthorized"
    REGISTRY_UNAVAILABLE = "RegistryUnavailable"
    REGISTRY_RATE_LIMITED = "RegistryRateLimited"
    REGISTRY_FORBIDDEN_BY_POLICY = "RegistryForbiddenByPolicy"
    PORT_TAKEN = "PortTaken"
    NAME_TAKEN = "NameTaken"
    INVALID_CONTAINER = "InvalidContainer"
    FORBIDDEN_PATH = "ForbiddenPath"
    DISK_FULL = "DiskFull"

    # The config repository
    REVISION_SEEN = "RevisionSeen"
    REPOSITORY_UNREACHABLE = "RepositoryUnreachable"
    REPOSITORY_RECOVERED = "RepositoryRecovered"
    REPOSITORY_UNAUTHORIZED = "RepositoryUnauthorized"
    BRANCH_MISSING = "BranchMissing"
    NOTHING_READABLE = "NothingReadable"
    MIRROR_REBUILT = "MirrorRebuilt"
    HISTORY_REWRITTEN = "HistoryRewritten"
    DOCUMENT_PROBLEM = "DocumentProblem"

    # Write-back, the journal and the agent itself
    PUSH_REJECTED = "PushRejected"
    WRITE_BACK_FAILED = "WriteBackFailed"
    WRITE_BACK_RECOVERED = "WriteBackRecovered"
    JOURNAL_UNAVAILABLE = "JournalUnavailable"
    AGENT_STARTED = "AgentStarted"
    AGENT_STOPPING = "AgentStopping"
    SETTINGS_RELOADED = "SettingsReloaded"
    INVALID_SETTINGS = "InvalidSettings"
    CLOCK_JUMPED = "ClockJumped"
    INTERNAL_ERROR = "InternalError"
