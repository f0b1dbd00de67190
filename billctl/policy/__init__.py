"""What billctl refuses by itself before anything is sent: the live guard, and the rules of a policy."""
