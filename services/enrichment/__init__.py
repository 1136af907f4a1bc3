"""Companies behind domains, from Cognism."""
