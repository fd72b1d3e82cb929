"""The middle: documents across, on behalf of callers, of jobs and of real time.

Its rooms are layers: events, jobs, deliveries, proxies, writes, endpoints, systems.
"""
