"""The gateway's configuration in the demo: two providers at the primary with three keys each, and a backup for each.

Never a real credential; the clocks are short so that the demo is.
"""

from __future__ import annotations

from .storm import CHAT, MESSAGES

CREDENTIALS = {
    "DEMO_OPENAI_1": "sk-demo-openai-000001",
    "DEMO_OPENAI_2": "sk-demo-openai-000002",
    "DEMO_OPENAI_3": "sk-demo-openai-000003",
    "DEMO_ANTHROPIC_1": "sk-ant-demo-000001",
    "DEMO_ANTHROPIC_2": "sk-ant-demo-000002",
    "DEMO_ANTHROPIC_3": "sk-ant-demo-000003",
}
"""Made up: the sandboxes take whatever starts with "sk-"."""

_TEXT = f"""\
# Written by `stormkeel demo`. The ports are those of this run's sandboxes; `env:` names are set by the demo.

[providers.openai]
base_url = "@PRIMARY@/v1"
credentials = {{ a = "env:DEMO_OPENAI_1", b = "env:DEMO_OPENAI_2", c = "env:DEMO_OPENAI_3" }}

[providers.anthropic]
base_url = "@PRIMARY@"
credentials = {{ a = "env:DEMO_ANTHROPIC_1", b = "env:DEMO_ANTHROPIC_2", c = "env:DEMO_ANTHROPIC_3" }}

[providers.openai-backup]
kind = "openai"
base_url = "@BACKUP@/v1"
credentials = {{ a = "env:DEMO_OPENAI_1", b = "env:DEMO_OPENAI_2" }}

[providers.anthropic-backup]
kind = "anthropic"
base_url = "@BACKUP@"
credentials = {{ a = "env:DEMO_ANTHROPIC_1", b = "env:DEMO_ANTHROPIC_2" }}

# Each 429 of the storm is one request's own, though it speaks of the account as a real one would.
[providers.openai.limits]
learn = false
[providers.anthropic.limits]
learn = false
[providers.openai-backup.limits]
learn = false
[providers.anthropic-backup.limits]
learn = false

# What is too long for the primary is sent to the backup, for its window is larger.
[models."openai/{CHAT}"]
window = 100_000
[models."anthropic/{MESSAGES}"]
window = 100_000

[routes."{CHAT}"]
strategy = "round_robin"
groups = [["openai/{CHAT}"], ["openai-backup/{CHAT}"]]

[routes."{MESSAGES}"]
strategy = "round_robin"
groups = [["anthropic/{MESSAGES}"], ["anthropic-backup/{MESSAGES}"]]

# Everything below is shorter than the usual values, so that a storm of hours fits into seconds.

[policies.clocks]
first_content = 0.8
idle = 1
answer = 0.8
total = 10

[policies.retry]
attempts = 3
request_attempts = 10
base = 0.02
throttle_base = 0.2
wait_hint = 0.3                 # a longer Retry-After sends a request elsewhere instead

[policies.breaker]              # opens in the outages, and rides out the rest of a storm that never ends
share = 0.9
permits = [1]
open_time = 0.1
open_cap = 0.2
probe_every = 0.1

[policies.parking]
credential = 0.2
credential_cap = 0.4
quota = 0.2

[server]
drain_delay = 0
grace = 1

[telemetry]
level = "warning"
"""


def settings_text(primary: str, backup: str) -> str:
    """Return stormkeel.toml for two sandboxes, given by their URLs."""
    return _TEXT.replace("@PRIMARY@", primary).replace("@BACKUP@", backup)
