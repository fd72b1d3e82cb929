"""What the gateway remembers: technical users, systems, secrets, and who did what."""
