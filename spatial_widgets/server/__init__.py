"""The annex: a local service that speaks the GPServer protocol."""
