"""Sessions with people: a game day's schedule, held in a room, recorded as it goes.

session.py   goes through the schedule; what it leaves is a Session (model/gameday.py)
console.py   the room as a terminal: questions, pauses, notes
folder.py    where sessions are kept
"""
