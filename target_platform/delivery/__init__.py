"""How files reach viewers: caches in two tiers, embedded in providers and at exchange points."""
