"""Schedules: templates that are started by the clock."""
