"""How every service is built: the resilience toolkit. Imports nothing else of target_platform."""
