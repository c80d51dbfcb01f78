"""What agents do for a living: a module per role with `answer(x)`, always the same for the same x, in well under 2 ms once it is warm.

About two thirds of the fleet import something heavy, in different mixes and both import styles. Some imports have an effect besides:

- names: registers a codec, is never used otherwise
- rounding: a module of the lab's own sets the decimal context, is never used otherwise
- strict: changes a setting of numpy while it is imported
- lookup: computes a table with numpy while it is imported, so its import cannot wait
- addresses: an import that is used, if rarely, and registers a codec by the way: whoever defers it gets other answers until it is used
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from zlib import crc32

CYCLE = ("arrays", "relay", "tables", "web", "counters", "records", "arrays", "relay", "tables", "matrices", "counters", "web")
BY_NAME = {
    "RequestCoordinator": "addresses",
    "CacheManager": "counters",
    "MemoryOrchestratorService": "tables",
    "ServiceRegistry": "relay",
    "SystemDigitalTwin": "records",
    "ModelManagerSuite": "tables",
    "ObservabilityHub": "relay",
    "KnowledgeBase": "matrices",
    "DreamWorldAgent": "matrices",
    "NLUAgent": "names",
    "RemoteConnectorAgent": "names",
    "EmotionEngine": "rounding",
    "TaskScheduler": "rounding",
    "STTService": "strict",
    "AgentTrustScorer": "strict",
    "LearningManager": "lookup",
    "VisionProcessingAgent": "lookup",
    "CognitiveModelAgent": "statistics",
    "MoodTrackerAgent": "statistics",
    "ExperienceTracker": "statistics",
}
LIGHT = "relay"
"""The role of every agent of a light lab: imports nothing heavy."""
HEAVY = ("httpx", "idna.codec", "jinja2", "numpy", "pandas", "scipy", "sqlalchemy")


def role_of(name: str) -> str:
    """The role of the agent of that name: a declared one, or by the name's checksum."""
    return BY_NAME.get(name) or CYCLE[crc32(name.encode()) % len(CYCLE)]


def load(role: str) -> ModuleType:
    """The role's module; ModuleNotFoundError when there is none."""
    return import_module(f"lab.roles.{role}")


def heavy_loaded() -> list[str]:
    """Which of the heavy modules this process has loaded by now."""
    return [module for module in HEAVY if module in sys.modules]
