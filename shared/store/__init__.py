"""Postgres, the record. The only package that speaks SQL."""
