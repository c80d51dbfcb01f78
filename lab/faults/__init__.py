"""What can be made to go wrong in the lab.

In agents (a JSON file in the lab's folder, which every agent watches; by default only while its metrics are on):

- latency, cpu, memory: slower or bigger by PERCENT of what the agent itself takes
- leak: each minute PERCENT more memory than when the order came
- errors: PERCENT of the work requests are answered with 500
- crash-at-start: the process ends before it listens
- crash-after: the process ends SECONDS after its start (after the order, when it was running already)
- never-healthy: /health says 503
- lies: the flag is accepted and /health says metrics are on, but /metrics stays 404
- malformed, truncated: /metrics is not an exposition; /metrics ends in the middle
- hangs: connections are accepted, nothing is answered

Around them (acts on the lab's processes; undone by `fault clear`):

- exporter-dead, prometheus-down: a machine's process exporter or the hub is stopped
- hub-dead: the hub named by --hub is killed and stays away
- noisy-neighbour: a stranger eats a core of one machine; its agents take PERCENT more time and CPU
- supervisord-killed: kill -9; its programs live on as orphans (back after SECONDS, as from an init system)
- restarted: somebody else restarts agents, once
"""
