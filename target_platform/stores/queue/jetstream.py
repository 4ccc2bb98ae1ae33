"""Queues in NATS JetStream. A job is a message of a stream, a lease the time in which it must be acknowledged.

Source: docs.nats.io, JetStream: streams (discard new per subject), pull consumers, acknowledgement (NAK, WPI, TERM).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
import uuid

import msgspec
from msgspec import Struct, field
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoAnswer
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, StreamConfig
from nats.js.errors import NotFoundError, ServiceUnavailableError

from target_platform.stores.queue.interface import (
    Counts,
    Dead,
    LeaseLost,
    QueueFailed,
    Taken,
    Terms,
    check_job,
    kept_reason,
    lease_ran_out,
)
from target_platform.stores.queue.nats_line import NatsLine

_WORKERS = "workers"
_KNOWN_ALREADY = 10077
"""JetStream's code for: a message of this subject is kept, and the stream keeps one of each."""
_NONE_NOW = ("404", "408")
_DONE = b"+ACK"
_HOLD_ON = b"+WPI"


class NatsPlace(Struct, frozen=True, kw_only=True):
    """`name` is that of the queue: letters, digits, `-` and `_`. `replicas` is how many servers of a cluster keep it.

    A request waits for its answer for `answer_seconds`, and is then sent again, until `patience_seconds` are over.
    """

    url: str = "nats://127.0.0.1:4222"
    name: str = "jobs"
    replicas: int = 1
    answer_seconds: float = 1.0
    patience_seconds: float = 10.0


class _Job(Struct, frozen=True):
    id: str
    body: str


class _Lease(Struct):
    """`ends` by this process's clock; `number` is that of the job's message in the stream.

    One thing is said about a job at a time: who extends leases from another thread may do so when it is done.
    """

    ends: float
    number: int
    saying: asyncio.Lock = field(default_factory=asyncio.Lock)


class JetStreamQueue:
    """Jobs stay in the stream when they are done, which is how their ids are known; dead ones are in a second stream.

    A lease is held by the object that took the job. That it has run out is known from this process's own clock, which
    starts before the server's: the server itself takes whatever is said about a job, by whom ever.
    """

    def __init__(self, place: NatsPlace, terms: Terms | None = None) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", place.name):
            raise QueueFailed(f"{place.name!r} cannot be a queue's name: letters, digits, - and _ only, at most 60")
        self._name = place.name
        self._dead_name = f"{place.name}-dead"
        self._replicas = place.replicas
        self._terms = terms or Terms()
        self._leases: dict[str, _Lease] = {}  # by token; touched in the line's loop only
        self._line = NatsLine(place.url, place.patience_seconds, place.answer_seconds)
        try:
            self._line.done(lambda: self._line.patiently(self._set_up))
        except BaseException:
            self._line.close()
            raise

    def put(self, id: str, body: str) -> bool:
        check_job(id, body)
        return self._line.done(lambda: self._put(id, body))

    def take(self) -> Taken | None:
        return self._line.done(self._take)

    def extend(self, job: Taken) -> None:
        self._line.done(lambda: self._say(job, _HOLD_ON))

    def done(self, job: Taken) -> None:
        self._line.done(lambda: self._say(job, _DONE))

    def failed(self, job: Taken, reason: str) -> None:
        self._line.done(lambda: self._failed(job, kept_reason(reason)))

    def counts(self) -> Counts:
        """Exact when nobody is at work: the server tells of its two streams and its consumer one after the other."""
        return self._line.done(lambda: self._line.patiently(self._counts))

    def dead(self) -> tuple[Dead, ...]:
        return self._line.done(self._dead)

    def revive(self, id: str) -> bool:
        return self._line.done(lambda: self._revive(id))

    def close(self) -> None:
        self._line.close()

    async def _set_up(self) -> None:
        """As it should be, whether or not it is already."""
        streams = self._line.streams
        only_new = {"discard": DiscardPolicy.NEW, "discard_new_per_subject": True}
        await streams.add_stream(self._stream(self._name, self._subject("*")).evolve(**only_new))
        await streams.add_stream(self._stream(self._dead_name, self._dead_subject("*")))
        workers = ConsumerConfig(
            durable_name=_WORKERS,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._terms.lease_seconds,
            max_ack_pending=-1,
            max_deliver=-1,  # after the last attempt it is this adapter that lets a job die: the reason is to be kept
        )
        await streams.add_consumer(self._name, workers)

    def _stream(self, name: str, subjects: str) -> StreamConfig:
        return StreamConfig(name=name, subjects=[subjects], max_msgs_per_subject=1, num_replicas=self._replicas)

    async def _put(self, id: str, body: str) -> bool:
        data = msgspec.msgpack.encode(_Job(id, body))
        headers = {"Nats-Msg-Id": uuid.uuid4().hex}  # a put that is sent again, for want of an answer, is the same one

        async def publish() -> bool:
            try:
                await self._line.streams.publish(self._subject(_coded(id)), data, headers=dict(headers))
            except ServiceUnavailableError as error:
                if error.err_code != _KNOWN_ALREADY:
                    raise
                return False
            return True

        return await self._line.patiently(publish)

    async def _take(self) -> Taken | None:
        while True:
            lease_ends, message = await self._line.patiently(self._ask_for_one)
            status = (message.headers or {}).get("Status")
            if status in _NONE_NOW:
                return None
            if status is not None:
                raise QueueFailed(f"queue {self._name} gives no job: {status} {message.headers}")
            job = msgspec.msgpack.decode(message.data, type=_Job)
            attempt = int(message.metadata.num_delivered or 1)
            if attempt <= self._terms.attempts:
                self._keep_lease(message, lease_ends)
                return Taken(id=job.id, body=job.body, attempt=attempt, token=message.reply)
            attempts = attempt - 1
            gone = Dead(id=job.id, body=job.body, reason=lease_ran_out(attempts), attempts=attempts)
            await self._bury(gone, message.reply)

    async def _ask_for_one(self) -> tuple[float, Msg]:
        lease_ends = time.monotonic() + self._terms.lease_seconds
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._name}.{_WORKERS}"
        return lease_ends, await self._line.asked(subject, b'{"batch":1,"no_wait":true}')

    def _keep_lease(self, message: Msg, ends: float) -> None:
        now = time.monotonic()
        self._leases = {token: lease for token, lease in self._leases.items() if lease.ends > now}
        self._leases[message.reply] = _Lease(ends, int(message.metadata.sequence.stream))

    async def _failed(self, job: Taken, reason: str) -> None:
        if job.attempt < self._terms.attempts:
            pause_ns = int(self._terms.pause_seconds(job.attempt) * 1e9)
            await self._say(job, b"-NAK " + json.dumps({"delay": pause_ns}).encode())
            return
        async with self._lease(job).saying:
            self._lease(job)
            await self._bury(Dead(id=job.id, body=job.body, reason=reason, attempts=job.attempt), job.token)
            self._leases.pop(job.token, None)

    async def _say(self, job: Taken, what: bytes) -> None:
        async def ask() -> float:
            lease = self._lease(job)  # each time: it may run out while the server is waited for
            asked_at = time.monotonic()
            try:
                await self._line.asked(job.token, what)
            except NoAnswer:
                await self._check_that_it_is_known(job, lease)
                raise
            if what != _DONE:  # the others are answered even if nothing is known of what they are about
                await self._check_that_it_is_known(job, lease)
            return asked_at + self._terms.lease_seconds

        lease = self._lease(job)
        async with lease.saying:
            lease.ends = await self._line.patiently(ask)
            self._leases[job.token] = lease  # from which it may have been swept, if it ran out meanwhile
            if what != _HOLD_ON:
                self._leases.pop(job.token)

    def _lease(self, job: Taken) -> _Lease:
        lease = self._leases.get(job.token)
        if lease is None or lease.ends <= time.monotonic():
            self._leases.pop(job.token, None)
            raise LeaseLost(f"job {job.id} is not in these hands: the lease has run out, or it has ended before")
        return lease

    async def _check_that_it_is_known(self, job: Taken, lease: _Lease) -> None:
        """A server that was killed does not know what it gave out in its last moments, and gives it out again."""
        workers = await self._line.streams.consumer_info(self._name, _WORKERS)
        if (workers.delivered.stream_seq if workers.delivered else 0) < lease.number:
            self._leases.pop(job.token, None)
            raise LeaseLost(f"job {job.id} is in nobody's hands: the server was killed, and will give it out again")

    async def _bury(self, gone: Dead, token: str) -> None:
        """First the record, then the end: who dies in between leaves a job that dies once more."""
        data = msgspec.msgpack.encode(gone)
        subject = self._dead_subject(_coded(gone.id))
        await self._line.patiently(lambda: self._line.streams.publish(subject, data))
        await self._line.patiently(lambda: self._line.asked(token, b"+TERM"))

    async def _counts(self) -> Counts:
        streams = self._line.streams
        dead = (await streams.stream_info(self._dead_name)).state.messages
        workers = await streams.consumer_info(self._name, _WORKERS)
        waiting, underway = workers.num_pending or 0, workers.num_ack_pending or 0
        known = (await streams.stream_info(self._name)).state.messages
        return Counts(waiting=waiting, underway=underway, dead=dead, done=max(known - waiting - underway - dead, 0))

    async def _dead(self) -> tuple[Dead, ...]:
        found: list[Dead] = []
        number = 0
        while True:
            subject, after = self._dead_subject("*"), number + 1
            get = self._line.streams.get_msg
            try:
                message = await self._line.patiently(lambda: get(self._dead_name, after, subject, next=True))  # noqa: B023
            except NotFoundError:
                return tuple(found)
            found.append(msgspec.msgpack.decode(message.data or b"", type=Dead))
            number = int(message.seq or after)

    async def _revive(self, id: str) -> bool:
        """First it is put again, then the record goes: who dies in between leaves a job that is dead and alive."""
        streams = self._line.streams
        dead_subject = self._dead_subject(_coded(id))
        try:
            record = await self._line.patiently(lambda: streams.get_msg(self._dead_name, subject=dead_subject))
        except NotFoundError:
            return False
        gone = msgspec.msgpack.decode(record.data or b"", type=Dead)
        await self._line.patiently(lambda: streams.purge_stream(self._name, subject=self._subject(_coded(id))))
        await self._put(id, gone.body)
        await self._line.patiently(lambda: streams.purge_stream(self._dead_name, subject=dead_subject))
        return True

    def _subject(self, coded: str) -> str:
        return f"{self._name}.open.{coded}"

    def _dead_subject(self, coded: str) -> str:
        return f"{self._name}.dead.{coded}"


def _coded(id: str) -> str:
    """As a part of a subject, in which dots, spaces and stars mean something."""
    return base64.urlsafe_b64encode(id.encode()).decode().rstrip("=")
