"""What `landscape doctor` looks at, one idea per module: each check says what it saw, and what to do about it."""
