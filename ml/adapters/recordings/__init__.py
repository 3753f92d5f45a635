"""Recordings of calls: transcribed once, by an engine on this machine; and answers spoken to a file."""
