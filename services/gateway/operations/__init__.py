"""Operations: bulk actions that are too long for a request; what they have come to, and how they are stopped."""
