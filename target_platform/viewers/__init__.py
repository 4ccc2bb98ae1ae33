"""The Locust users of the platform: each behaves as a player with a buffer, on a device, in a home region.

locustfile.py is what Locust loads; journey.py is what a viewer does; player.py is how a title is watched. Nothing here
imports the rest of the platform: viewers know what a real player would know, its addresses and its failover policy.
"""
