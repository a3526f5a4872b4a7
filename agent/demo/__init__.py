"""What `pierhead demo` does, step by step; it uses the engine and git as a person would and the agent as a process."""
