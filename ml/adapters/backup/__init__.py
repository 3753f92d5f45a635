"""Backups: dumps by Postgres's own programs, files by their content, one manifest a backup."""
