"""The network agent: it runs in an ephemeral container of a pod, shares its network, and changes what passes there.

`orders.py` is what it is told and answers; `__main__.py` listens; `changes.py` holds what is in effect and ends it at
the end of its lease; `tables.py` writes the packet filter's rules, `queue.py` holds packets back, `errors.py` answers
in the destination's place. Another one sees a container's processes instead, and `standstill.py` holds them.
"""
