"""Items that ended without a result, and their second chance."""
