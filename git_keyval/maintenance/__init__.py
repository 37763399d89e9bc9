"""The jobs that keep a database: gather counter breadcrumbs, sweep what has expired, purge what was parked; and init and check.

Each job takes a snapshot, makes a plan of it as pure data, and executes the plan once. Every deletion carries the oid that was
read, so a job may run twice at once, or be killed anywhere and run again.
"""
